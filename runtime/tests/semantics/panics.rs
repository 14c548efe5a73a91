use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use taskgroup::{Scope, checkpoint, scope, shield, timeout};
use tokio::time::{Instant, sleep};

use crate::support::{Count, alive, on_both, panic_of};

struct PanicOnDrop(&'static str);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

/// `panic_any` with text as it is: `panic!` with arguments would carry a `String`.
fn fail<E>(what: &'static str) -> Result<(), E> {
    std::panic::panic_any(what)
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_resumed_after_the_siblings_have_ended() {
    let (count, start, before) = (Count::default(), Instant::now(), alive());
    let panic = panic_of(scope(async |group| {
        let guard = count.guard();
        group.spawn(async move {
            let _guard = guard;
            shield(sleep(Duration::from_secs(3))).await;
            Ok::<_, &str>(())
        });
        group.spawn(async { fail("oops") });
        sleep(Duration::from_secs(60)).await;
        Ok(())
    }));
    assert_eq!(panic.await, "oops");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!((count.live(), alive()), (0, before));
}

#[test]
fn the_bodys_panic_cancels_the_tasks() {
    on_both(|| async {
        let count = Count::default();
        let panic = panic_of(scope(async |group| {
            let guard = count.guard();
            group.spawn(async move {
                let _guard = guard;
                pending::<Result<(), Infallible>>().await
            });
            checkpoint().await;
            fail::<Infallible>("body")
        }));
        assert_eq!(panic.await, "body");
        assert_eq!(count.live(), 0);
    });
}

/// A panic in one task while another fails: with `catch_panics` all of it is in the error, without the panic goes on.
#[tokio::test(start_paused = true)]
async fn a_panic_beside_an_error() {
    for panic_first in [true, false] {
        let run = |scope: Scope| {
            scope.run(async move |group| {
                let (panics, fails) = if panic_first { (1, 2) } else { (2, 1) };
                group.spawn_named("panics", async move {
                    shield(sleep(Duration::from_secs(panics))).await;
                    fail("panic")
                });
                group.spawn_named("fails", async move {
                    shield(sleep(Duration::from_secs(fails))).await;
                    Err::<(), _>("error")
                });
                Ok(())
            })
        };
        let error = run(Scope::new().catch_panics()).await.unwrap_err();
        assert_eq!(error.first(), Some(&"error"));
        assert_eq!((error.len(), error.panics().len(), error.is_cancelled()), (1, 1, false));
        assert_eq!(error.panics()[0].to_string(), "panics panicked: panic");
        assert_eq!(error.to_string().lines().count(), 3);
        let (errors, rest) = error.split_by(|_| true);
        assert_eq!(errors.unwrap().panics().len(), 0);
        assert_eq!(rest.unwrap().panics()[0].message(), Some("panic"));

        assert_eq!(panic_of(run(Scope::new())).await, "panic");
    }
}

#[tokio::test]
async fn the_first_of_two_panics_is_resumed() {
    let panic = panic_of(scope(async |group| {
        group.spawn(async {
            shield(checkpoint()).await;
            fail("second")
        });
        group.spawn(async { fail("first") });
        Ok::<_, &str>(())
    }));
    assert_eq!(panic.await, "first");
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_cancelled_task_is_not_lost() {
    let ended = Scope::new().catch_panics().run(async |group| {
        let bomb = PanicOnDrop("bomb");
        group.spawn(async move {
            let _bomb = bomb;
            pending::<Result<(), &str>>().await
        });
        // Its value is dropped by the group, since nobody keeps the handle.
        group.spawn(async { Ok(PanicOnDrop("value")) });
        // The second one's panic cancels the group: without the shield the body would end here.
        shield(checkpoint()).await;
        Err::<(), _>("error")
    });
    let error = ended.await.unwrap_err();
    let mut messages: Vec<_> = error.panics().iter().filter_map(|panic| panic.message()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["bomb", "value"]);
    assert_eq!(error.first(), Some(&"error"));
}

/// A future that is ready at once and still owns something: not all are async blocks, which drop all before that.
struct Owns(#[expect(dead_code, reason = "for its drop")] PanicOnDrop);

impl Future for Owns {
    type Output = Result<(), &'static str>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_a_finished_future_owns_is_dropped_before_the_group_hears_of_its_end() {
    let owns = Owns(PanicOnDrop("owned"));
    let ended = Scope::new().catch_panics().run(async move |group| {
        group.spawn(owns);
        Ok(())
    });
    assert_eq!(ended.await.unwrap_err().panics()[0].message(), Some("owned"));
}

#[tokio::test(start_paused = true)]
async fn panics_go_through_timeouts_and_shields_and_inner_scopes() {
    let panic = panic_of(timeout(Duration::from_secs(1), async {
        shield(async {
            scope(async |group| {
                group.spawn(async { fail("inside") });
                Ok::<_, &str>(())
            })
            .await
        })
        .await
    }));
    assert_eq!(panic.await, "inside");
}

#[tokio::test]
async fn the_panic_of_a_scope_that_was_dropped_reaches_the_scope_around_it() {
    let joined = tokio::spawn(async {
        scope(async |_| {
            drop(started_with(PanicOnDrop("left behind")).await);
            Ok::<_, &str>(())
        })
        .await
    });
    // The text was formatted, so the payload is a `String`: the scope resumes it as it is.
    let payload = joined.await.unwrap_err().into_panic();
    assert_eq!(payload.downcast_ref::<String>().map(String::as_str), Some("left behind"));
}

type Pinned = std::pin::Pin<Box<dyn Future<Output = Result<(), taskgroup::GroupError<&'static str>>> + Send>>;

/// A scope that has been polled until its task runs, with something in that task.
async fn started_with(owned: PanicOnDrop) -> Pinned {
    let mut inner: Pinned = Box::pin(scope(async |group| {
        group.spawn(async move {
            let _owned = owned;
            pending::<Result<(), &str>>().await
        });
        pending::<Result<(), &str>>().await
    }));
    for _ in 0..3 {
        tokio::select! {
            biased;
            _ = &mut inner => {}
            () = tokio::task::yield_now() => {}
        }
    }
    inner
}
