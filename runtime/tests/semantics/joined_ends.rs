//! How children of a `join_scope` end when their scope is dropped or over.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use taskgroup::{JoinGroup, TaskError, join_scope, shield};
use tokio::task::yield_now;

use crate::support::{Count, alive, on_both};

/// One poll, and what came of it.
async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[tokio::test(start_paused = true)]
async fn dropped_it_drops_its_children_then_and_there() {
    let (count, before) = (Count::default(), alive());
    {
        let mut scope = Box::pin(join_scope(async |group| {
            for _ in 0..3 {
                group.spawn(async {
                    let _guard = count.guard();
                    // Not even a shield keeps it: whom should it delay?
                    shield(pending::<Result<(), Infallible>>()).await
                });
            }
            pending::<Result<(), _>>().await
        }));
        assert!(poll_once(&mut scope).await.is_pending());
        assert_eq!((count.made(), count.live()), (3, 3));
    }
    assert_eq!((count.live(), alive()), (0, before));
}

#[tokio::test]
async fn a_child_that_holds_its_group_is_dropped_with_it() {
    let count = Count::default();
    {
        let mut scope = Box::pin(join_scope(async |group| {
            let (inner, count) = (group.clone(), &count);
            group.spawn(async move {
                let _guards = (count.guard(), inner);
                pending::<Result<(), Infallible>>().await
            });
            Ok(())
        }));
        assert!(poll_once(&mut scope).await.is_pending());
    }
    assert_eq!((count.made(), count.live()), (1, 0));
}

#[tokio::test]
async fn what_a_child_adds_while_it_is_dropped_never_starts() {
    /// Adds a child when it is dropped, and notes whether that has ended at once, without having begun.
    struct Late<'a>(JoinGroup<'a, Infallible>, &'a Mutex<Vec<bool>>);
    impl Drop for Late<'_> {
        fn drop(&mut self) {
            let late = self.0.spawn::<(), _>(async { unreachable!("it has been let begin") });
            self.1.lock().unwrap().push(late.is_finished());
        }
    }
    let told = Mutex::new(Vec::new());
    {
        let mut scope = Box::pin(join_scope(async |group| {
            let late = Late(group.clone(), &told);
            group.spawn(async move {
                let _late = late;
                pending::<Result<(), Infallible>>().await
            });
            Ok(())
        }));
        assert!(poll_once(&mut scope).await.is_pending());
    }
    assert_eq!(told.into_inner().unwrap(), [true]);
}

#[tokio::test]
async fn after_the_scope_nothing_starts() {
    let (group, seen) =
        join_scope(async |group| Ok::<_, Infallible>((group.clone(), group.is_cancelled()))).await.unwrap();
    assert!(!seen && !group.is_cancelled());
    let late = group.spawn(async { Ok(()) });
    assert!(late.is_finished());
    assert_eq!(late.await, Err(TaskError::NeverStarted));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_group_starts_nothing() {
    let ran = AtomicUsize::new(0);
    let late = join_scope(async |group| {
        let child = async || {
            ran.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(())
        };
        let (early, inner) = (group.spawn(child()), group.clone());
        group.cancel();
        assert!(group.token().is_cancelled());
        Ok((early, inner.spawn(child())))
    });
    let (early, late) = late.await.unwrap();
    assert_eq!((early.await, late.await), (Err(TaskError::NeverStarted), Err(TaskError::NeverStarted)));
    assert_eq!(ran.into_inner(), 0);
}

#[test]
fn values_that_nobody_takes_are_dropped_before_it_returns() {
    on_both(|| async {
        let count = Count::default();
        join_scope(async |group| {
            for _ in 0..3 {
                group.spawn(async {
                    yield_now().await;
                    Ok::<_, Infallible>(count.guard())
                });
            }
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((count.made(), count.live()), (3, 0));
    });
}
