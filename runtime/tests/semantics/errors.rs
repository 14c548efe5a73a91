use std::error::Error;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use taskgroup::{GroupError, Scope, TaskError, checkpoint, scope, shield, timeout};
use tokio::time::{Instant, sleep};

use crate::support::{Count, alive, on_both};

#[derive(Debug, PartialEq)]
struct Failed(&'static str);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failed {}

#[test]
fn the_first_error_cancels_the_siblings_and_the_body() {
    on_both(|| async {
        let count = Count::default();
        let ended = scope(async |group| {
            for _ in 0..5 {
                let guard = count.guard();
                group.spawn(async move {
                    let _guard = guard;
                    pending::<Result<(), &str>>().await
                });
            }
            group.spawn(async {
                checkpoint().await;
                Err::<(), _>("first")
            });
            let _guard = count.guard();
            pending::<Result<(), &str>>().await
        });
        let error = ended.await.unwrap_err();
        assert_eq!((count.live(), count.made()), (0, 6));
        assert_eq!(error.into_iter().collect::<Vec<_>>(), ["first"]);
    });
}

#[tokio::test(start_paused = true)]
async fn errors_during_the_cancellation_are_kept_and_the_first_stays_first() {
    let start = Instant::now();
    let ended = Scope::new().named("all").run(async |group| {
        group.spawn_named("one", async {
            sleep(Duration::from_secs(1)).await;
            Err::<(), _>("one")
        });
        for (name, seconds) in [("three", 3), ("two", 2)] {
            group.spawn_named(name, async move {
                shield(sleep(Duration::from_secs(seconds))).await;
                Err::<(), _>(name)
            });
        }
        // The body fails as well, at the end of what the cancellation does not interrupt.
        shield(sleep(Duration::from_secs(4))).await;
        Err::<(), _>("body")
    });
    let error = ended.await.unwrap_err();
    assert_eq!(error.iter().copied().collect::<Vec<_>>(), ["one", "two", "three", "body"]);
    let names: Vec<_> = error.named().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["one", "two", "three", "all"]);
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test]
async fn the_bodys_own_error_beside_a_childs() {
    let ended = scope(async |group| {
        group.spawn(async {
            shield(checkpoint()).await;
            Err::<(), _>("child")
        });
        checkpoint().await;
        Err::<(), _>("body")
    });
    assert_eq!(ended.await.unwrap_err().iter().copied().collect::<Vec<_>>(), ["body", "child"]);
}

#[tokio::test]
async fn a_value_beside_an_error_is_dropped() {
    let count = Count::default();
    let ended = scope(async |group| {
        group.spawn(async { Err::<(), _>("child") });
        Ok(count.guard())
    });
    assert_eq!(ended.await.err().and_then(GroupError::into_first), Some("child"));
    assert_eq!(count.live(), 0);
}

/// In the body and in siblings, the handle of a failed task is not seen to fail: whoever awaits it there is cancelled.
#[test]
fn whoever_awaits_a_failed_task_in_its_group_is_cancelled() {
    on_both(|| async {
        let ended = scope(async |group| {
            let bad = group.spawn(async { Err::<(), _>(Ok("bad")) });
            bad.await.map_err(Err::<&str, TaskError>)?;
            Ok(())
        });
        let errors: Vec<_> = ended.await.unwrap_err().into_iter().collect();
        assert_eq!(errors, [Ok("bad")]);
    });
}

/// The same where the body is kept, and so is polled on, for a shield beside the one who awaits.
#[tokio::test(start_paused = true)]
async fn whoever_awaits_a_failed_task_beside_a_shield_is_not_told() {
    let ended = scope(async |group| {
        let bad = group.spawn(async { Err::<(), _>("bad") });
        let awaits = async {
            sleep(Duration::from_secs(1)).await;
            let told = bad.await;
            unreachable!("{told:?}");
        };
        tokio::join!(shield(sleep(Duration::from_secs(2))), awaits);
        Ok(())
    });
    assert_eq!(ended.await.unwrap_err().into_iter().collect::<Vec<_>>(), ["bad"]);
}

/// The outer scope is cancelled while the inner one ends with an error: that is given to the code around the inner
/// scope, whose `?` gives it to the outer one.
#[tokio::test(start_paused = true)]
async fn an_inner_scopes_error_survives_the_cancellation_of_the_outer_one() {
    let ended = scope(async |outer| {
        outer.spawn(async {
            let inner = scope(async |group| {
                group.spawn(async {
                    shield(sleep(Duration::from_secs(2))).await;
                    Err::<(), _>("inner")
                });
                pending::<Result<(), _>>().await
            });
            inner.await.map_err(|error| error.into_first().unwrap_or("none"))
        });
        outer.spawn(async {
            sleep(Duration::from_secs(1)).await;
            Err::<(), _>("outer")
        });
        Ok(())
    });
    assert_eq!(ended.await.unwrap_err().into_iter().collect::<Vec<_>>(), ["outer", "inner"]);
}

#[tokio::test(start_paused = true)]
async fn a_handled_inner_error_does_not_keep_the_outer_cancellation_from_working() {
    let before = alive();
    let late = timeout(Duration::from_secs(1), async {
        let inner = scope(async |group| {
            group.spawn(async {
                shield(sleep(Duration::from_secs(2))).await;
                Err::<(), _>("inner")
            });
            Ok(())
        });
        assert_eq!(inner.await.unwrap_err().first(), Some(&"inner"));
        sleep(Duration::from_secs(60)).await;
        unreachable!("control comes back into a scope whose deadline has passed");
    });
    assert!(late.await.is_err());
    assert_eq!(alive(), before);
}

#[tokio::test(start_paused = true)]
async fn the_tree_is_printed_and_the_first_error_is_the_source() {
    let ended = Scope::new().named("outer").run(async |group| {
        group.spawn_named("inner", async {
            let inner = Scope::new().named("rows").run(async |group| {
                for (name, seconds, error) in [("row 1", 1, "too long"), ("row 2", 2, "too short")] {
                    group.spawn_named(name, async move {
                        shield(sleep(Duration::from_secs(seconds))).await;
                        Err::<(), _>(Failed(error))
                    });
                }
                Ok(())
            });
            inner.await
        });
        pending::<Result<(), _>>().await
    });
    let error: GroupError<GroupError<Failed>> = ended.await.unwrap_err();
    let tree = "1 failure in the scope outer\n\
                └─ inner: 2 failures in the scope rows\n\
                \u{20}  ├─ row 1: too long\n\
                \u{20}  └─ row 2: too short";
    assert_eq!(error.to_string(), tree);
    let source = error.source().and_then(Error::source).unwrap();
    assert_eq!(source.downcast_ref::<Failed>(), Some(&Failed("too long")));
    assert_eq!(error.scope().given(), Some("outer"));
}

#[tokio::test]
async fn errors_are_split_mapped_and_counted() {
    let ended = scope(async |group| {
        for n in 0..4 {
            group.spawn(async move {
                shield(checkpoint()).await;
                Err::<(), _>(n)
            });
        }
        Ok(())
    });
    let error = ended.await.unwrap_err();
    assert_eq!((error.len(), error.is_empty(), error.is_cancelled()), (4, false, false));
    let (even, odd) = error.map(|n| n * 10).split_by(|n| n % 20 == 0);
    let mut even: Vec<_> = even.unwrap().into_iter().collect();
    even.sort_unstable();
    assert_eq!(even, [0, 20]);
    let (all, none) = odd.unwrap().split_by(|_| true);
    assert_eq!(all.unwrap().len(), 2);
    assert!(none.is_none());
}

#[tokio::test]
async fn boxed_errors_become_an_error() {
    type Boxed = Box<dyn Error + Send + Sync>;
    async fn run() -> Result<(), Boxed> {
        let ended = scope(async |_| Err::<(), Boxed>(Failed("boxed").into()));
        ended.await.map_err(GroupError::into_boxed)
    }
    let error = run().await.unwrap_err();
    assert!(error.to_string().contains("boxed"));
    fn usable(_: &(impl Error + Send + Sync + 'static)) {}
    usable(&scope(async |_| Err::<(), _>(Failed("plain"))).await.unwrap_err());
}
