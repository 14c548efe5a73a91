use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use taskgroup::{Scope, blocking, checkpoint, scope};

use crate::support::{Count, on_both};

#[test]
fn it_returns_what_the_closure_returns_and_resumes_its_panic() {
    on_both(|| async {
        assert_eq!(blocking(|_| 5).await, 5);
        let panicked = tokio::spawn(blocking(|_| -> u32 { std::panic::panic_any("sync") })).await;
        let payload = panicked.unwrap_err().into_panic();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"sync"));
    });
}

#[test]
fn the_scope_waits_and_tells_it_of_the_cancellation() {
    on_both(|| async {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let result = scope(async |group| {
            let (begun, wait) = tokio::sync::oneshot::channel();
            group.spawn(async move {
                let turns = blocking(move |token| {
                    let _ = begun.send(());
                    let mut turns = 0_u32;
                    while !token.is_cancelled() {
                        std::thread::sleep(Duration::from_millis(1));
                        turns += 1;
                    }
                    seen.store(true, Ordering::SeqCst);
                    turns
                })
                .await;
                // The result is given back even in the cancelled scope: an error made of it is kept.
                Err::<(), _>(format!("stopped after some turns: {}", turns > 0))
            });
            let _ = wait.await;
            std::thread::sleep(Duration::from_millis(5));
            Err::<(), _>(String::from("first"))
        });
        let error = result.await.unwrap_err();
        assert!(ended.load(Ordering::SeqCst));
        assert_eq!(error.into_iter().collect::<Vec<_>>(), ["first", "stopped after some turns: true"]);
    });
}

#[test]
fn a_closure_that_ignores_the_cancellation_delays_the_scope_and_is_named() {
    on_both(|| async {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&reports);
        // The closure goes on until it has been reported: there is no time in this test that could be too short.
        let (reported, wait) = mpsc::channel::<()>();
        let reported = Mutex::new(Some(reported));
        let ended = Scope::new()
            .slow_after(Duration::from_millis(5))
            .on_slow(move |report| {
                heard.lock().unwrap().extend(report.tasks.iter().map(ToString::to_string));
                drop(reported.lock().unwrap().take());
            })
            .run(async |group| {
                group.spawn_named("deaf", async move {
                    blocking(move |_| wait.recv()).await.unwrap_err();
                    Ok::<_, Infallible>(())
                });
                checkpoint().await;
                while group.running().len() < 2 {
                    tokio::task::yield_now().await;
                }
                group.cancel();
                Ok(())
            });
        ended.await.unwrap();
        let names = reports.lock().unwrap();
        assert!(names.contains(&String::from("deaf")), "{names:?}");
        assert!(names.iter().any(|name| name.contains("blocking.rs:")), "{names:?}");
    });
}

/// The future of `blocking` is dropped: the result is discarded, and the scope around it waits for the closure.
#[test]
fn dropped_it_discards_the_result_and_the_scope_still_waits() {
    on_both(|| async {
        let count = Count::default();
        let guards = count.clone();
        scope(async move |_| {
            let (go, wait) = mpsc::channel::<()>();
            let guard = guards.guard();
            let dropped = blocking(move |_| {
                let _ = wait.recv();
                std::thread::sleep(Duration::from_millis(10));
                guard
            });
            tokio::select! {
                biased;
                _guard = dropped => unreachable!(),
                () = checkpoint() => {}
            }
            drop(go);
            assert_eq!(guards.live(), 1);
            Ok::<_, Infallible>(())
        })
        .await
        .unwrap();
        assert_eq!(count.live(), 0);
    });
}

#[test]
fn the_panic_of_a_closure_nobody_awaits_reaches_the_scope() {
    on_both(|| async {
        let ended = Scope::new().catch_panics().run(async |_| {
            let (go, wait) = mpsc::channel::<()>();
            tokio::select! {
                biased;
                () = blocking(move |_| { let _ = wait.recv(); std::panic::panic_any("alone") }) => {}
                () = checkpoint() => {}
            }
            drop(go);
            Ok::<_, Infallible>(())
        });
        let error = ended.await.unwrap_err();
        assert_eq!(error.panics()[0].message(), Some("alone"));
        assert!(error.panics()[0].name().to_string().contains("blocking.rs:"));
    });
}

#[tokio::test]
async fn in_a_cancelled_scope_it_does_not_begin() {
    let ended = scope(async |group| {
        group.cancel();
        blocking(|_| panic!("begun")).await;
        Ok::<_, Infallible>(())
    });
    assert!(ended.await.unwrap_err().is_cancelled());
}
