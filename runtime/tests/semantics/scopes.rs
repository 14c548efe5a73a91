use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use taskgroup::{Scope, TaskError, TaskGroup, checkpoint, is_cancelled, scope, token};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::support::{Count, alive, on_both};

#[tokio::test(start_paused = true)]
async fn it_returns_when_every_task_has_ended() {
    let (before, count, start) = (alive(), Count::default(), Instant::now());
    let value = scope(async |group| {
        for n in 0..10 {
            let guard = count.guard();
            group.spawn(async move {
                let _guard = guard;
                sleep(Duration::from_secs(n)).await;
                Ok::<_, Infallible>(())
            });
        }
        assert_eq!(alive(), before + 10);
        Ok("body")
    })
    .await;
    assert_eq!(value.unwrap(), "body");
    assert_eq!(start.elapsed(), Duration::from_secs(9));
    assert_eq!((count.live(), alive()), (0, before));
}

#[test]
fn tasks_spawn_tasks() {
    on_both(|| async {
        let (send, mut receive) = mpsc::unbounded_channel();
        fn breed(group: TaskGroup<Infallible>, depth: u32, send: mpsc::UnboundedSender<u32>) {
            let inner = group.clone();
            group.spawn(async move {
                tokio::task::yield_now().await;
                if depth > 0 {
                    breed(inner.clone(), depth - 1, send.clone());
                    breed(inner, depth - 1, send.clone());
                }
                let _ = send.send(depth);
                Ok(())
            });
        }
        scope(async |group| {
            breed(group, 6, send);
            Ok(())
        })
        .await
        .unwrap();
        let mut seen = 0;
        while receive.try_recv().is_ok() {
            seen += 1;
        }
        assert_eq!(seen, 127);
    });
}

#[test]
fn the_body_may_borrow_and_a_handle_gives_the_value() {
    on_both(|| async {
        let mut words = vec![String::from("a")];
        let len = scope(async |group| {
            let task = group.spawn(async { Ok::<_, TaskError>(String::from("b")) });
            words.push(task.await?);
            Ok(words.len())
        })
        .await;
        assert_eq!((len.unwrap(), words.join("")), (2, String::from("ab")));
    });
}

#[test]
fn a_handle_may_be_awaited_elsewhere_and_dropped() {
    on_both(|| async {
        let (give, take) = oneshot::channel();
        let outer = scope(async |group| {
            let (inner, stop) = (group.clone(), token());
            group.spawn(async move {
                let _ = give.send(inner.spawn(async { Ok::<_, Infallible>(5) }));
                drop(inner.spawn(async { Ok(()) }));
                Ok(())
            });
            assert!(!stop.is_cancelled());
            Ok(())
        });
        outer.await.unwrap();
        let task = take.await.unwrap();
        assert!(task.is_finished());
        assert_eq!(task.await, Ok(5));
    });
}

#[test]
fn nothing_starts_in_a_cancelled_group_or_after_its_end() {
    on_both(|| async {
        let count = Count::default();
        let kept = scope(async |group| {
            group.cancel();
            assert!(group.is_cancelled() && is_cancelled() && token().is_cancelled());
            let guard = count.guard();
            let task = group.spawn_named("late", async move {
                let _guard = guard;
                panic!("a task of a cancelled group was started")
            });
            // The future is dropped at once, and the handle says what happened without an await.
            assert!(task.is_finished());
            assert_eq!(count.live(), 0);
            let task: taskgroup::Task<()> = task;
            Ok::<_, Infallible>((group, task))
        })
        .await;
        let (group, task) = kept.unwrap();
        assert_eq!(task.await, Err(TaskError::NeverStarted));
        let after = group.spawn(async { Ok(()) });
        assert_eq!(after.await, Err(TaskError::NeverStarted));
    });
}

#[tokio::test]
async fn a_task_cancelled_before_its_first_poll_never_starts() {
    let (give, take) = oneshot::channel();
    let ended = scope(async |group| {
        let task = group.spawn(async { panic!("started") });
        let _ = give.send(task);
        Err::<(), _>("first")
    })
    .await;
    assert_eq!(ended.unwrap_err().len(), 1);
    let task: taskgroup::Task<()> = take.await.unwrap();
    assert_eq!(task.await, Err(TaskError::NeverStarted));
}

#[tokio::test(start_paused = true)]
async fn cancel_is_no_failure() {
    let ended = scope(async |group| {
        group.spawn(pending::<Result<(), Infallible>>());
        group.cancel();
        Ok(7)
    });
    assert_eq!(ended.await.unwrap(), 7, "the body's value counts");

    let ended = scope(async |group| {
        let inner = group.clone();
        group.spawn(async move {
            inner.cancel();
            Ok::<_, Infallible>(())
        });
        pending::<()>().await;
        Ok(7)
    });
    let error = ended.await.unwrap_err();
    assert!(error.is_cancelled() && error.is_empty());
    assert!(error.to_string().ends_with("was cancelled"));
}

#[tokio::test(start_paused = true)]
async fn a_token_cancels_the_scope_also_while_it_waits_for_tasks() {
    let (token, start) = (tokio_util::sync::CancellationToken::new(), Instant::now());
    let ended = Scope::new().cancel_on(token.clone()).run(async |group| {
        group.spawn(pending::<Result<(), Infallible>>());
        Ok("done")
    });
    let (ended, ()) = tokio::join!(ended, async {
        sleep(Duration::from_secs(2)).await;
        token.cancel();
    });
    assert_eq!(ended.unwrap(), "done");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn one_task_is_aborted_alone_and_the_rest_goes_on() {
    let count = Count::default();
    let value = scope(async |group| {
        let guard = count.guard();
        let endless = group.spawn(async move {
            let _guard = guard;
            taskgroup::shield(pending::<()>()).await;
            Ok::<_, Infallible>(())
        });
        let steady = group.spawn(async {
            sleep(Duration::from_secs(1)).await;
            Ok(3)
        });
        checkpoint().await;
        endless.abort();
        assert_eq!(endless.await, Err(TaskError::Cancelled));
        assert_eq!(count.live(), 0);
        let unstarted = group.spawn(async { Ok(()) });
        unstarted.abort();
        assert_eq!(unstarted.await, Err(TaskError::NeverStarted));
        Ok(steady.value().await)
    });
    assert_eq!(value.await.unwrap(), 3);
}

#[tokio::test]
async fn tasks_are_named_and_listed() {
    scope(async |group| {
        let named = group.spawn_named("named", pending::<Result<(), Infallible>>());
        let here = group.spawn(pending::<Result<(), Infallible>>());
        checkpoint().await;
        assert_eq!(named.name().given(), Some("named"));
        assert_eq!(here.name().given(), None);
        assert!(here.name().to_string().contains("scopes.rs:"));
        let mut running: Vec<_> = group.running().iter().map(ToString::to_string).collect();
        running.sort();
        assert_eq!(running.len(), 2);
        assert_eq!(running[0], "named");
        group.cancel();
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_computing_task_is_cancelled_at_its_checkpoint() {
    let ended = scope(async |group| {
        group.spawn::<(), _>(async {
            loop {
                checkpoint().await;
            }
        });
        checkpoint().await;
        Err::<(), _>("enough")
    });
    assert_eq!(ended.await.unwrap_err().into_first(), Some("enough"));
}

/// How deep scopes are nested in tasks. In Miri, which is slow, only as deep as a bug of its kind needs.
const DEPTH: u32 = if cfg!(miri) { 20 } else { 5_000 };

/// A scope inside a task inside a scope, and so on.
fn in_tasks(depth: u32, leaf: &'static str) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            match leaf {
                "fail" => return Err(String::from("deep down")),
                "wait" => pending::<()>().await,
                _ => {}
            }
            return Ok(());
        }
        let ended = scope(async |group| {
            group.spawn(in_tasks(depth - 1, leaf));
            Ok(())
        });
        ended.await.map_err(|error| error.into_first().unwrap_or_default())
    })
}

/// A scope in a scope in one task: each poll goes through all of them.
fn in_one_task(depth: u32) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            checkpoint().await;
            return Err(String::from("deep down"));
        }
        let ended = scope(async |_| in_one_task(depth - 1).await);
        ended.await.map_err(|error| error.into_first().unwrap_or_default())
    })
}

#[test]
fn scopes_may_be_nested_thousands_deep() {
    on_both(|| async {
        assert_eq!(in_tasks(DEPTH, "succeed").await, Ok(()));
        assert_eq!(in_tasks(DEPTH, "fail").await, Err(String::from("deep down")));
    });
}

#[tokio::test(start_paused = true)]
async fn a_deep_tree_is_cancelled_and_dropped_without_recursion() {
    let before = alive();
    let late = taskgroup::timeout(Duration::from_secs(1), in_tasks(DEPTH, "wait")).await;
    assert!(late.is_err());
    assert_eq!(alive(), before);
    // Dropped by somebody who cannot wait: it is gone after the runtime's next turns.
    assert!(tokio::time::timeout(Duration::from_secs(1), in_tasks(DEPTH, "wait")).await.is_err());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(alive(), before);
}

#[test]
fn scopes_nest_in_one_task() {
    // As deep as a stack lets futures be nested; `Box` keeps the futures themselves off it.
    let deep = std::thread::Builder::new().stack_size(256 << 20).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(in_one_task(if cfg!(miri) { 20 } else { 2_000 })), Err(String::from("deep down")));
    });
    deep.unwrap().join().unwrap();
}

#[test]
fn a_scope_works_without_a_timer_and_at_any_size_of_future() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sum = runtime.block_on(scope(async |group| {
        let large = [1_u8; 20_000];
        let task = group.spawn(async move {
            tokio::task::yield_now().await;
            Ok::<_, TaskError>(large.iter().map(|&byte| u32::from(byte)).sum::<u32>())
        });
        task.await
    }));
    assert_eq!(sum.unwrap(), 20_000);
}
