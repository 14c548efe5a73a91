use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use taskgroup::{CancelScope, TimedOut, deadline, move_on_after, move_on_at, scope, timeout, timeout_at};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{Count, alive, on_both};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn when_it_fires_everything_inside_has_ended() {
    let (before, count, start) = (alive(), Count::default(), Instant::now());
    let tasks = count.clone();
    let late = timeout(secs(2), async move {
        let _body = tasks.guard();
        scope(async |group| {
            for _ in 0..3 {
                let (guard, inner) = (tasks.guard(), tasks.guard());
                group.spawn(async move {
                    let _guard = guard;
                    let inner = scope(async |group| {
                        group.spawn(async move {
                            let _inner = inner;
                            pending::<Result<(), Infallible>>().await
                        });
                        Ok(())
                    });
                    inner.await.unwrap();
                    Ok::<_, Infallible>(())
                });
            }
            Ok(())
        })
        .await
        .unwrap();
    });
    assert_eq!(late.await, Err(TimedOut));
    assert_eq!((count.live(), count.made(), alive()), (0, 7, before));
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn the_innermost_deadline_that_has_come_is_the_one_that_ends() {
    let start = Instant::now();
    let outer = timeout(secs(5), async {
        let inner = timeout(secs(1), pending::<()>()).await;
        assert_eq!(inner, Err(TimedOut));
        // An outer deadline that comes before the inner one ends both, and control does not come back in here.
        let longer = timeout(secs(60), pending::<()>()).await;
        unreachable!("{longer:?}");
    });
    assert_eq!(outer.await, Err(TimedOut));
    assert_eq!(start.elapsed(), secs(5));

    // Both at the same moment: the inner one.
    let both = timeout(secs(1), async { timeout(secs(1), pending::<()>()).await });
    assert_eq!(both.await, Ok(Err(TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_inherited_by_inner_scopes_and_tasks() {
    assert_eq!(deadline(), None);
    let start = Instant::now();
    let inside = timeout(secs(5), async {
        scope(async |group| {
            let task = group.spawn(async {
                let sooner = timeout(secs(3), async { deadline() }).await.unwrap();
                let later = timeout(secs(9), async { deadline() }).await.unwrap();
                Ok::<_, Infallible>((deadline(), sooner, later))
            });
            Ok(task.value().await)
        })
        .await
        .unwrap()
    });
    let five = Some(start + secs(5));
    assert_eq!(inside.await, Ok((five, Some(start + secs(3)), five)));
}

#[tokio::test(start_paused = true)]
async fn a_ready_future_wins_over_a_deadline_however_late() {
    assert_eq!(timeout(Duration::ZERO, async { 1 }).await, Ok(1));
    assert_eq!(timeout_at(Instant::now(), async { 1 }).await, Ok(1));
    assert_eq!(move_on_at(Instant::now(), async { 1 }).await, Some(1));
    assert_eq!(move_on_after(secs(1), sleep(secs(1))).await, Some(()), "ready at the very moment");
    assert_eq!(timeout(Duration::MAX, async { 1 }).await, Ok(1), "too far off to be a deadline");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_with_the_deadline_is_kept() {
    let ended = timeout(secs(1), async {
        scope(async |group| {
            group.spawn(async {
                taskgroup::shield(sleep(secs(2))).await;
                Err::<(), _>("late error")
            });
            pending::<Result<(), _>>().await
        })
        .await
    });
    let inner = ended.await.expect("the error is given to the code inside, which returns it");
    assert_eq!(inner.unwrap_err().into_first(), Some("late error"));
}

#[test]
fn a_cancel_scope_is_cancelled_from_outside() {
    on_both(|| async {
        let (count, cancel) = (Count::default(), CancelScope::new().named("cancelled"));
        let (outside, guard) = (cancel.clone(), count.guard());
        let run = cancel.run(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let ((), ended) = tokio::join!(async { outside.cancel() }, run);
        assert_eq!((ended, count.live()), (None, 0));
        assert!(cancel.is_cancelled());
        assert_eq!(cancel.run(pending::<()>()).await, None, "it stays cancelled");
        assert_eq!(cancel.run(async { 5 }).await, Some(5), "up to the first await that waits");
    });
}

#[tokio::test(start_paused = true)]
async fn a_cancel_scope_takes_a_token_and_deadlines() {
    let token = CancellationToken::new();
    let scope = CancelScope::with_token(token.clone());
    scope.cancel();
    assert!(!token.is_cancelled());
    let scope = CancelScope::with_token(token.clone()).after(secs(9)).deadline(Instant::now() + secs(3)).after(secs(5));
    let start = Instant::now();
    assert_eq!(scope.run(pending::<()>()).await, None);
    assert_eq!(start.elapsed(), secs(3));
    token.cancel();
    assert!(scope.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn the_cancellation_of_an_outer_scope_goes_through_an_inner_timeout() {
    let ended = scope(async |group| {
        group.spawn::<(), _>(async {
            let inner = timeout(secs(60), pending::<()>()).await;
            unreachable!("control came back: {inner:?}");
        });
        sleep(secs(1)).await;
        Err::<(), _>("stop")
    });
    assert_eq!(ended.await.unwrap_err().into_first(), Some("stop"));
}

/// Where the owner of a cancelled future cannot drop it, because it is being run to its end on the owner's own stack.
#[test]
fn a_future_that_is_run_by_block_on_inside_a_cancelled_scope_returns() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let ended = scope(async |group| {
            let inner = group.clone();
            group.spawn(async move {
                let nested = tokio::task::block_in_place(|| {
                    inner.cancel();
                    tokio::runtime::Handle::current().block_on(timeout(secs(60), pending::<()>()))
                });
                assert_eq!(nested, Err(TimedOut));
                Ok::<_, Infallible>(())
            });
            Ok(())
        });
        ended.await.unwrap();
    });
}

#[test]
fn timed_out_is_an_io_error_too() {
    let error = std::io::Error::from(TimedOut);
    assert_eq!((error.kind(), error.to_string()), (std::io::ErrorKind::TimedOut, String::from("timed out")));
}
