//! A scope that is dropped cannot wait.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use taskgroup::{checkpoint, scope, shield};
use tokio::time::sleep;

use crate::support::{Count, Guard, alive};

type Pinned = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A scope with two tasks, one of them shielded, polled until both run.
async fn started(one: Guard, two: Guard) -> Pinned {
    let mut inner: Pinned = Box::pin(async {
        let ended = scope(async |group| {
            group.spawn(async move {
                let _one = one;
                pending::<Result<(), Infallible>>().await
            });
            group.spawn(async move {
                let _two = two;
                shield(pending::<()>()).await;
                Ok(())
            });
            pending::<Result<(), Infallible>>().await
        });
        ended.await.unwrap();
    });
    for _ in 0..3 {
        tokio::select! {
            biased;
            () = &mut inner => {}
            () = tokio::task::yield_now() => {}
        }
    }
    inner
}

#[tokio::test]
async fn its_tasks_never_run_again_after_the_next_turn() {
    let (before, count) = (alive(), Count::default());
    let dropped = started(count.guard(), count.guard()).await;
    assert_eq!((alive(), count.live()), (before + 2, 2));
    drop(dropped);
    tokio::task::yield_now().await;
    assert_eq!((alive(), count.live()), (before, 0));
}

#[tokio::test]
async fn the_scope_around_it_waits_instead() {
    let (before, count) = (alive(), Count::default());
    let outer = count.clone();
    scope(async move |_| {
        let dropped = started(outer.guard(), outer.guard()).await;
        assert_eq!(outer.live(), 2);
        drop(dropped);
        assert_eq!(outer.live(), 2, "not yet");
        Ok::<_, Infallible>(())
    })
    .await
    .unwrap();
    assert_eq!((alive(), count.live()), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn tokios_own_timeout_and_select_leave_nothing_behind() {
    let (before, count) = (alive(), Count::default());
    let tasks = count.clone();
    let late = tokio::time::timeout(Duration::from_secs(1), async {
        let inner = started(tasks.guard(), tasks.guard()).await;
        inner.await;
    });
    assert!(late.await.is_err());
    tokio::task::yield_now().await;
    assert_eq!((alive(), count.live()), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_was_never_polled_has_begun_nothing() {
    let count = Count::default();
    let guard = count.guard();
    let unpolled = scope(async move |_| {
        let _guard = guard;
        Ok::<_, Infallible>(())
    });
    drop(unpolled);
    assert_eq!(count.live(), 0);
}

#[tokio::test]
async fn tasks_spawned_from_elsewhere_into_a_dropped_scope_never_start() {
    let (give, take) = tokio::sync::oneshot::channel();
    let mut inner = Box::pin(scope(async move |group: taskgroup::TaskGroup<Infallible>| {
        let _ = give.send(group);
        pending::<Result<(), Infallible>>().await
    }));
    tokio::select! {
        biased;
        _ = &mut inner => {}
        () = checkpoint() => {}
    }
    drop(inner);
    let group = take.await.unwrap();
    assert!(group.is_cancelled());
    let task = group.spawn(async { Ok(()) });
    assert_eq!(task.await, Err(taskgroup::TaskError::NeverStarted));
}

#[test]
fn the_end_of_the_runtime_ends_the_tasks() {
    let count = Count::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let guard = (count.guard(), count.guard());
    runtime.spawn(async move {
        let inner = started(guard.0, guard.1).await;
        inner.await;
    });
    runtime.block_on(async { sleep(Duration::from_millis(20)).await });
    drop(runtime);
    assert_eq!(count.live(), 0);
}
