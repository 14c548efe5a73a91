//! `join_scope`: all that a `scope` promises, on one task and with what is borrowed.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use taskgroup::{
    CancelScope, JoinGroup, Scope, TaskError, blocking, join_scope, move_on_after, scope, shield, timeout,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{Count, alive, on_both, panic_of};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

async fn slept(n: u64) -> Result<(), Infallible> {
    sleep(seconds(n)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_returns_when_every_child_has_ended_and_makes_no_task() {
    let (before, count, start) = (alive(), Count::default(), Instant::now());
    let value = join_scope(async |group| {
        for n in 0..10 {
            let count = &count;
            group.spawn(async move {
                let _guard = count.guard();
                sleep(seconds(n)).await;
                Ok::<_, Infallible>(())
            });
        }
        assert_eq!(alive(), before);
        Ok("body")
    });
    assert_eq!(value.await.unwrap(), "body");
    assert_eq!(start.elapsed(), seconds(9));
    assert_eq!((count.made(), count.live(), alive()), (10, 0, before));
}

#[test]
fn children_borrow_what_is_around_the_scope_also_to_write() {
    on_both(|| async {
        let words = [String::from("one"), String::from("three")];
        let mut lengths = vec![0; words.len()];
        let mut total = 0;
        let (places, sum) = (lengths.iter_mut(), &mut total);
        let longest = join_scope(async |group| {
            let mut children = Vec::new();
            for (word, length) in words.iter().zip(places) {
                children.push(group.spawn(async move {
                    yield_now().await;
                    *length = word.len();
                    Ok::<_, TaskError>(word)
                }));
            }
            let mut longest = "";
            for child in children {
                // What a child returns may be borrowed, too.
                let word = child.await?;
                *sum += word.len();
                longest = if word.len() > longest.len() { word } else { longest };
            }
            Ok(longest)
        })
        .await
        .unwrap();
        assert_eq!((longest, lengths, total), ("three", vec![3, 5], 8));
    });
}

#[test]
fn children_add_children() {
    on_both(|| async {
        fn breed<'env>(group: &JoinGroup<'env, Infallible>, depth: u32, born: &'env AtomicUsize) {
            let inner = group.clone();
            group.spawn(async move {
                born.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
                if depth > 0 {
                    breed(&inner, depth - 1, born);
                    breed(&inner, depth - 1, born);
                }
                Ok(())
            });
        }
        let born = AtomicUsize::new(0);
        join_scope(async |group| {
            breed(&group, 6, &born);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(born.into_inner(), 127);
    });
}

#[tokio::test(start_paused = true)]
async fn children_talk_to_each_other_and_to_the_body() {
    let (send, mut receive) = mpsc::channel(1);
    let notify = Notify::new();
    let sum = join_scope(async |group| {
        let told = &notify;
        group.spawn(async move {
            for n in 0..100 {
                let _ = send.send(n).await;
            }
            told.notify_one();
            Ok::<_, Infallible>(())
        });
        let sum = group.spawn(async move {
            let mut sum = 0;
            while let Some(n) = receive.recv().await {
                sum += n;
            }
            Ok(sum)
        });
        notify.notified().await;
        Ok(sum.value().await)
    });
    assert_eq!(sum.await.unwrap(), 4950);
}

#[tokio::test(start_paused = true)]
async fn an_error_cancels_the_body_and_the_siblings_and_those_that_fail_meanwhile_are_kept() {
    let (count, start) = (Count::default(), Instant::now());
    let error = join_scope(async |group| {
        group.spawn_named("endless", async {
            let _guard = count.guard();
            pending::<Result<(), &str>>().await
        });
        group.spawn_named("first", async {
            sleep(seconds(1)).await;
            Err::<(), _>("first")
        });
        group.spawn_named("second", async {
            shield(async {
                sleep(seconds(2)).await;
                Err::<(), _>("second")
            })
            .await
        });
        let _guard = count.guard();
        pending::<Result<(), _>>().await
    })
    .await
    .unwrap_err();
    assert_eq!(error.iter().copied().collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!((count.made(), count.live(), start.elapsed()), (2, 0, seconds(2)));
}

#[tokio::test(start_paused = true)]
async fn the_bodys_error_cancels_the_children() {
    let count = Count::default();
    let error = join_scope(async |group| {
        group.spawn(async {
            let _guard = count.guard();
            pending::<Result<(), &str>>().await
        });
        yield_now().await;
        assert_eq!(count.live(), 1);
        Err::<(), _>("body")
    });
    assert_eq!(error.await.unwrap_err().first(), Some(&"body"));
    assert_eq!(count.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_when_the_siblings_have_ended() {
    let (ended, start) = (AtomicUsize::new(0), Instant::now());
    let panic = panic_of(join_scope(async |group| {
        group.spawn(async {
            shield(sleep(seconds(3))).await;
            ended.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        group.spawn::<(), _>(async { std::panic::panic_any("out of range") });
        pending::<Result<(), &str>>().await
    }));
    assert_eq!(panic.await, "out of range");
    assert_eq!((ended.load(Ordering::Relaxed), start.elapsed()), (1, seconds(3)));
}

#[tokio::test]
async fn a_panic_and_an_error_are_both_kept_if_panics_are_caught() {
    let ended = Scope::new().catch_panics().run_joined(async |group| {
        group.spawn::<(), _>(async { std::panic::panic_any("out of range") });
        Err::<(), _>("body")
    });
    let error = ended.await.unwrap_err();
    assert_eq!((error.first(), error.panics().len()), (Some(&"body"), 0), "it was cancelled before it began");

    let ended = Scope::new().catch_panics().run_joined(async |group| {
        group.spawn::<(), _>(async { std::panic::panic_any("out of range") });
        shield(yield_now()).await;
        Err::<(), _>("body")
    });
    let error = ended.await.unwrap_err();
    assert_eq!((error.first(), error.panics().len()), (Some(&"body"), 1));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_scope_around_it_reaches_its_children_and_waits_for_their_shields() {
    let (count, start) = (Count::default(), Instant::now());
    let around = CancelScope::new().after(seconds(1));
    let ended = around.run(join_scope(async |group| {
        group.spawn(async {
            let _guard = count.guard();
            pending::<Result<(), Infallible>>().await
        });
        group.spawn(async {
            let _guard = count.guard();
            shield(sleep(seconds(3))).await;
            Ok(())
        });
        Ok(())
    }));
    assert!(ended.await.is_none());
    assert_eq!((count.made(), count.live(), start.elapsed()), (2, 0, seconds(3)));
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_inherited_and_inner_ones_are_a_childs_own() {
    let start = Instant::now();
    let ended = timeout(
        seconds(5),
        join_scope(async |group| {
            let inherited = group.spawn(async { Ok::<_, Infallible>(taskgroup::deadline()) });
            let own = group.spawn(async { Ok(move_on_after(seconds(1), pending::<()>()).await) });
            let other = group.spawn(slept(2));
            let inherited = inherited.value().await;
            assert_eq!(own.value().await, None);
            assert_eq!(start.elapsed(), seconds(1));
            other.value().await;
            Ok(inherited)
        }),
    );
    assert_eq!(ended.await.unwrap().unwrap(), Some(start + seconds(5)));
    assert_eq!(start.elapsed(), seconds(2));
}

#[tokio::test(start_paused = true)]
async fn scopes_nest_both_ways() {
    let (count, start) = (Count::default(), Instant::now());
    let text = String::from("no such host");
    let error = join_scope(async |outer| {
        outer.spawn(async {
            // Of tasks in a child: these may not borrow, and are awaited by the child.
            scope(async |group| {
                let guard = count.guard();
                group.spawn(async move {
                    let _guard = guard;
                    shield(sleep(seconds(2))).await;
                    Ok(())
                });
                pending::<Result<(), String>>().await
            })
            .await
            .map_err(|error| error.to_string())
        });
        outer.spawn(async {
            sleep(seconds(1)).await;
            // Of children in a child, which fails with their error.
            let inner = join_scope(async |inner| {
                inner.spawn(async { Err::<(), _>(text.clone()) });
                Ok(())
            });
            inner.await.map_err(|error| error.into_first().unwrap())
        });
        Ok(())
    });
    assert_eq!(error.await.unwrap_err().first(), Some(&text));
    assert_eq!((count.made(), count.live(), start.elapsed()), (1, 0, seconds(2)));
}

#[tokio::test(start_paused = true)]
async fn in_a_task_of_a_scope_it_is_cancelled_with_it() {
    let ended = Arc::new(AtomicUsize::new(0));
    let error = scope(async |group| {
        let counted = Arc::clone(&ended);
        group.spawn(async move {
            let counted = &*counted;
            join_scope(async |children| {
                for _ in 0..3 {
                    children.spawn(async move {
                        shield(sleep(seconds(1))).await;
                        counted.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, Infallible>(())
                    });
                }
                Ok(())
            })
            .await
            .unwrap();
            Ok(())
        });
        yield_now().await;
        Err::<(), _>("no")
    });
    assert_eq!(error.await.unwrap_err().first(), Some(&"no"));
    assert_eq!(ended.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_child_ends_alone() {
    let count = Count::default();
    let ended = join_scope(async |group| {
        let aborted = group.spawn(async {
            let _guard = count.guard();
            shield(pending::<Result<(), Infallible>>()).await
        });
        let other = group.spawn(slept(1));
        yield_now().await;
        assert_eq!(count.live(), 1);
        aborted.abort();
        assert_eq!(aborted.await, Err(TaskError::Cancelled));
        assert_eq!(count.live(), 0);
        other.value().await;
        Ok(())
    });
    ended.await.unwrap();
}

#[test]
fn closures_on_the_blocking_pool_are_waited_for() {
    on_both(|| async {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (began, begun) = oneshot::channel();
        let sum = join_scope(async |group| {
            let sum = group.spawn(blocking(move |_| {
                let _ = began.send(());
                wait.recv().ok();
                Ok::<_, Infallible>(1)
            }));
            begun.await.unwrap();
            drop(go);
            Ok(sum.value().await)
        });
        assert_eq!(sum.await.unwrap(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn slow_children_are_named() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let scope =
        Scope::new().slow_after(seconds(2)).on_slow(move |slow| tell.lock().unwrap().extend(slow.tasks.clone()));
    let ended = scope.run_joined(async |group| {
        group.spawn_named("flush", shield(slept(3)));
        yield_now().await;
        group.cancel();
        Ok(())
    });
    ended.await.unwrap();
    let told: Vec<_> = told.lock().unwrap().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|name| name.contains("joined.rs")) || told.contains(&String::from("flush")), "{told:?}");
}

#[test]
fn its_future_may_be_sent_and_handles_shared() {
    on_both(|| async {
        // In a task, with what it borrows: the whole moves from thread to thread at each wait.
        let task = tokio::spawn(async {
            let numbers: Vec<u64> = (0..100).collect();
            let sum = join_scope(async |group| {
                let children: Vec<_> = numbers
                    .iter()
                    .map(|n| {
                        group.spawn(async move {
                            yield_now().await;
                            Ok::<_, Infallible>(*n)
                        })
                    })
                    .collect();
                let mut sum = 0;
                for child in children {
                    sum += child.value().await;
                }
                Ok(sum)
            });
            sum.await.unwrap()
        });
        assert_eq!(task.await.unwrap(), 4950);
    });
}

#[test]
fn a_handle_may_be_used_from_other_tasks() {
    on_both(|| async {
        let sum = Arc::new(AtomicUsize::new(0));
        let (give, take) = oneshot::channel::<JoinGroup<'static, Infallible>>();
        let added = Arc::clone(&sum);
        let other = tokio::spawn(async move {
            let group = take.await.unwrap();
            for _ in 0..100 {
                let added = Arc::clone(&added);
                group.spawn(async move {
                    added.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                });
            }
        });
        join_scope(async move |group| {
            give.send(group).unwrap();
            other.await.unwrap();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), 100);
    });
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_children_are_polled_when_they_are_woken_and_not_otherwise() {
    const CHILDREN: usize = if cfg!(miri) { 50 } else { 10_000 };
    let polls = AtomicUsize::new(0);
    let wakers = Mutex::new(Vec::new());
    join_scope(async |group| {
        for _ in 0..CHILDREN {
            group.spawn(async {
                let mut again = false;
                std::future::poll_fn(|cx| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    if again {
                        return Poll::Ready(Ok::<_, Infallible>(()));
                    }
                    again = true;
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::Pending
                })
                .await
            });
        }
        loop {
            yield_now().await;
            let Some(waker) = wakers.lock().unwrap().pop() else { return Ok(()) };
            waker.wake();
        }
    })
    .await
    .unwrap();
    assert_eq!(polls.into_inner(), 2 * CHILDREN);
}
