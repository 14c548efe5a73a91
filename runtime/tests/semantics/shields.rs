use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskgroup::{Scope, checkpoint, deadline, move_on_after, scope, shield, timeout};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_shield_finishes_and_the_scope_waits_for_it() {
    let (send, mut receive) = mpsc::unbounded_channel();
    let start = Instant::now();
    let ended = scope(async |group| {
        group.spawn(async move {
            shield(async {
                sleep(Duration::from_secs(5)).await;
                let _ = send.send("cleaned up");
            })
            .await;
            sleep(Duration::from_secs(60)).await;
            let _ = send.send("went on");
            Ok(())
        });
        checkpoint().await;
        Err::<(), _>("error")
    });
    assert_eq!(ended.await.unwrap_err().len(), 1);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(receive.recv().await, Some("cleaned up"));
    assert_eq!(receive.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_shield_opened_in_a_cancelled_place_runs_too() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (one, start) = (Arc::clone(&log), Instant::now());
    let ended = move_on_after(Duration::from_secs(1), async move {
        shield(sleep(Duration::from_secs(2))).await;
        one.lock().unwrap().push("first");
        shield(async {
            sleep(Duration::from_secs(2)).await;
            one.lock().unwrap().push("second");
        })
        .await;
        pending::<()>().await;
    });
    assert_eq!(ended.await, None);
    assert_eq!(*log.lock().unwrap(), ["first", "second"]);
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn deadlines_of_the_outside_do_not_reach_in_but_its_own_do() {
    let start = Instant::now();
    let ended = timeout(Duration::from_secs(1), async {
        shield(async {
            assert_eq!(deadline(), None);
            assert!(!taskgroup::is_cancelled());
            let inner = timeout(Duration::from_secs(3), pending::<()>()).await;
            assert!(inner.is_err());
            // Cancelled outside by now, and still not in here.
            assert!(!taskgroup::is_cancelled());
            sleep(Duration::from_secs(1)).await;
        })
        .await;
        assert!(taskgroup::is_cancelled());
    });
    assert_eq!(ended.await, Ok(()), "it came to its end without another wait");
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_scope_in_a_shield_are_shielded_too() {
    let ended = timeout(Duration::from_secs(1), async {
        shield(scope(async |group| {
            let task = group.spawn(async {
                sleep(Duration::from_secs(9)).await;
                Ok::<_, Infallible>(9)
            });
            Ok(task.value().await)
        }))
        .await
        .unwrap()
    });
    assert_eq!(ended.await, Ok(9));
}

/// A shielded task is beside one that is not: the second is not cancelled later for it.
#[tokio::test(start_paused = true)]
async fn a_shield_beside_other_branches_of_one_task() {
    let start = Instant::now();
    let ended = move_on_after(Duration::from_secs(1), async {
        tokio::join!(shield(sleep(Duration::from_secs(2))), pending::<()>())
    });
    assert_eq!(ended.await, None);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_to_stop_is_named() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&reports);
    let ended = Scope::new()
        .named("slow scope")
        .slow_after(Duration::from_secs(2))
        .on_slow(move |report| heard.lock().unwrap().push(report.clone()))
        .run(async |group| {
            group.spawn_named("shielded", async {
                shield(sleep(Duration::from_secs(6))).await;
                Ok(())
            });
            group.spawn_named("quick", pending::<Result<(), &str>>());
            sleep(Duration::from_secs(1)).await;
            Err::<(), _>("error")
        });
    assert!(ended.await.is_err());
    let reports = reports.lock().unwrap();
    let waited: Vec<_> = reports.iter().map(|report| report.waited.as_secs()).collect();
    assert_eq!(waited, [2, 4], "cancelled at 1 s, and it ends at 6 s");
    for report in reports.iter() {
        assert_eq!(report.scope.given(), Some("slow scope"));
        let names: Vec<_> = report.tasks.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 2, "the task and its shield: {names:?}");
        assert!(names.contains(&String::from("shielded")));
    }
}
