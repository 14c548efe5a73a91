use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskgroup::{
    BoxError, Cause, Failure, Outcome, Restart, Supervisor, TaskError, blocking, checkpoint, scope, shield, token,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{Count, alive, on_both};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn supervisor(&self) -> Supervisor {
        let log = self.clone();
        Supervisor::new(move |failure: &Failure| log.0.lock().unwrap().push(failure.to_string()))
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn failures_reach_the_handler_and_leave_the_others_alone() {
    on_both(|| async {
        let log = Log::default();
        let supervisor = log.supervisor();
        let fails = supervisor.spawn("fails", async { Err("no disk") });
        let panics = supervisor.spawn("panics", async {
            checkpoint().await;
            if true {
                std::panic::panic_any("no luck");
            }
            Ok::<_, BoxError>(())
        });
        let fine = supervisor.spawn("fine", async {
            checkpoint().await;
            Ok::<_, BoxError>(())
        });
        assert_eq!(fails.await, Ok(Outcome::Failed));
        assert_eq!(panics.await, Ok(Outcome::Panicked));
        assert_eq!(fine.await, Ok(Outcome::Finished));
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(
            lines,
            ["fails failed: no disk (attempt 1, the last)", "panics panicked: no luck (attempt 1, the last)"]
        );
        assert_eq!(supervisor.shutdown(secs(1)).await, taskgroup::Report::default());
    });
}

#[tokio::test(start_paused = true)]
async fn it_restarts_with_backoff_and_gives_up() {
    let (log, starts) = (Log::default(), Arc::new(Mutex::new(Vec::new())));
    let supervisor = log.supervisor();
    let (begin, noted) = (Instant::now(), Arc::clone(&starts));
    let restart = Restart::on_failure().first_wait(secs(1)).longest_wait(secs(3)).at_most(4);
    let task = supervisor.spawn_restarting("flaky", restart, move || {
        noted.lock().unwrap().push(begin.elapsed().as_secs());
        async { Err("again") }
    });
    assert_eq!(task.await, Ok(Outcome::Failed));
    assert_eq!(*starts.lock().unwrap(), [0, 1, 3, 6, 9]);
    let lines = log.lines();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1], "flaky failed: again (attempt 2, again in 2s)");
    assert_eq!(lines[4], "flaky failed: again (attempt 5, the last)");
}

#[tokio::test(start_paused = true)]
async fn panics_restart_too_and_a_long_run_is_forgiven() {
    let (log, starts) = (Log::default(), Arc::new(AtomicU32::new(0)));
    let supervisor = log.supervisor();
    let count = Arc::clone(&starts);
    let restart = Restart::on_failure().first_wait(secs(1)).at_most(2).forgive_after(secs(60));
    let task = supervisor.spawn_restarting("server", restart, move || {
        let n = count.fetch_add(1, Ordering::SeqCst);
        async move {
            // Twice at once, then after a long run, then twice at once again, then for good.
            sleep(secs(if n == 2 { 100 } else { 0 })).await;
            if n < 4 {
                std::panic::panic_any("crash");
            }
            Ok::<_, BoxError>(())
        }
    });
    assert_eq!(task.await, Ok(Outcome::Finished));
    assert_eq!(starts.load(Ordering::SeqCst), 5);
    let attempts: Vec<_> = log.lines();
    assert_eq!(attempts[2], "server panicked: crash (attempt 3, again in 1s)");
    assert_eq!(attempts[3], "server panicked: crash (attempt 4, again in 2s)");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_always_restarted_ends_with_the_shutdown() {
    let (log, starts) = (Log::default(), Arc::new(AtomicU32::new(0)));
    let supervisor = log.supervisor();
    let count = Arc::clone(&starts);
    let restart = Restart::always().first_wait(secs(1)).factor(1);
    let task = supervisor.spawn_restarting("poll", restart, move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, BoxError>(()) }
    });
    sleep(Duration::from_millis(5_500)).await;
    assert_eq!(starts.load(Ordering::SeqCst), 6);
    assert_eq!(supervisor.running().len(), 1);
    let report = supervisor.shutdown(secs(1)).await;
    assert!(report.aborted.is_empty() && log.lines().is_empty());
    assert_eq!(task.await, Err(TaskError::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn shutdown_cancels_waits_and_then_aborts_by_name() {
    let (before, count, log, start) = (alive(), Count::default(), Log::default(), Instant::now());
    let supervisor = log.supervisor();
    let shielded = |name: &'static str, time: Duration| {
        let guard = count.guard();
        supervisor.spawn(name, async move {
            let _guard = guard;
            let stop = token();
            shield(async {
                stop.cancelled().await;
                sleep(time).await;
            })
            .await;
            Ok::<_, BoxError>(())
        })
    };
    let quick = supervisor.spawn("quick", pending::<Result<(), BoxError>>());
    let orderly = shielded("orderly", secs(3));
    let late = shielded("late", secs(60));
    let spawner = supervisor.spawner();
    sleep(secs(1)).await;
    let report = supervisor.shutdown(secs(5)).await;
    let aborted: Vec<_> = report.aborted.iter().map(ToString::to_string).collect();
    assert_eq!((aborted, report.stuck.len()), (vec![String::from("late")], 0));
    assert_eq!(start.elapsed(), secs(6));
    assert_eq!((count.live(), alive()), (0, before));
    assert_eq!(quick.await, Err(TaskError::Cancelled));
    assert_eq!(orderly.await, Ok(Outcome::Finished));
    assert_eq!(late.await, Err(TaskError::Cancelled));
    let refused = spawner.spawn("refused", async { Ok::<_, BoxError>(()) });
    assert_eq!(refused.await, Err(TaskError::NeverStarted));
}

#[test]
fn what_does_not_even_end_when_aborted_is_stuck() {
    on_both(|| async {
        let log = Log::default();
        let supervisor = log.supervisor();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, running) = tokio::sync::oneshot::channel();
        supervisor.spawn("deaf", async move {
            let closure = blocking(move |_| {
                let _ = begun.send(());
                let _ = wait.recv();
            });
            closure.await;
            Ok::<_, BoxError>(())
        });
        running.await.unwrap();
        let report = supervisor.shutdown(Duration::from_millis(20)).await;
        assert_eq!(report.aborted[0].given(), Some("deaf"));
        assert!(!report.stuck.is_empty(), "{report:?}");
        drop(go);
    });
}

#[tokio::test(start_paused = true)]
async fn an_error_during_the_shutdown_still_reaches_the_handler() {
    let log = Log::default();
    let supervisor = log.supervisor();
    supervisor.spawn("flush", async {
        shield(sleep(secs(2))).await;
        Err("disk full")
    });
    checkpoint().await;
    supervisor.shutdown(secs(5)).await;
    assert_eq!(log.lines(), ["flush failed: disk full (attempt 1, the last)"]);
}

#[tokio::test]
async fn a_failure_tells_error_from_panic_and_scopes_inside_are_waited_for() {
    let (count, causes) = (Count::default(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&causes);
    let supervisor = Supervisor::new(move |failure| {
        heard.lock().unwrap().push(match &failure.cause {
            Cause::Error(error) => error.to_string(),
            Cause::Panic(panic) => format!("{:?}", panic.message()),
            _ => String::new(),
        });
    });
    let guard = count.guard();
    let task = supervisor.spawn("nested", async move {
        let inner = scope(async |group| {
            group.spawn(async move {
                let _guard = guard;
                pending::<Result<(), BoxError>>().await
            });
            group.spawn::<(), _>(async { std::panic::panic_any("deep") });
            Ok::<(), BoxError>(())
        });
        inner.await.map_err(|error| error.into_boxed())
    });
    assert_eq!(task.await, Ok(Outcome::Panicked));
    assert_eq!(count.live(), 0);
    assert_eq!(*causes.lock().unwrap(), [r#"Some("deep")"#]);
}

#[tokio::test]
async fn dropped_it_aborts_its_tasks() {
    let (before, count) = (alive(), Count::default());
    let supervisor = Log::default().supervisor();
    let guard = count.guard();
    supervisor.spawn("left", async move {
        let _guard = guard;
        shield(pending::<Result<(), BoxError>>()).await
    });
    checkpoint().await;
    assert_eq!(count.live(), 1);
    drop(supervisor);
    tokio::task::yield_now().await;
    assert_eq!((count.live(), alive()), (0, before));
}

#[tokio::test(start_paused = true)]
async fn it_runs_until_a_token_and_is_not_part_of_the_scope_it_was_made_in() {
    let (token, start) = (CancellationToken::new(), Instant::now());
    let supervisor = scope(async |_| Ok::<_, std::convert::Infallible>(Log::default().supervisor())).await.unwrap();
    let task = supervisor.spawn("steady", async {
        sleep(secs(1)).await;
        Ok::<_, BoxError>(())
    });
    let (report, outcome, ()) = tokio::join!(supervisor.run_until(token.clone(), secs(1)), task, async {
        sleep(secs(3)).await;
        token.cancel();
    });
    assert_eq!((report, outcome), (taskgroup::Report::default(), Ok(Outcome::Finished)));
    assert_eq!(start.elapsed(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn idle_waits_for_tasks_that_end_by_themselves_and_does_not_close() {
    let (mut supervisor, start) = (Log::default().supervisor(), Instant::now());
    supervisor.idle().await;
    for turn in 1..=2 {
        let task = supervisor.spawn("brief", async {
            sleep(secs(1)).await;
            Ok::<_, BoxError>(())
        });
        supervisor.idle().await;
        assert_eq!(start.elapsed(), secs(turn));
        assert_eq!(task.await, Ok(Outcome::Finished));
    }
    assert_eq!(supervisor.shutdown(secs(1)).await, taskgroup::Report::default());
}

#[tokio::test]
async fn a_handler_that_panics_ends_the_supervisor() {
    let supervisor = Supervisor::new(|_| std::panic::panic_any("handler"));
    let other = supervisor.spawn("other", pending::<Result<(), BoxError>>());
    supervisor.spawn("fails", async { Err("error") });
    assert!(other.await.is_err());
    let payload = tokio::spawn(supervisor.shutdown(secs(1))).await.unwrap_err().into_panic();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"handler"));
}

#[tokio::test]
async fn a_make_that_panics_is_a_failure_of_the_task() {
    let log = Log::default();
    let supervisor = log.supervisor();
    let mut first = true;
    let restart = Restart::on_failure().first_wait(Duration::ZERO);
    let task = supervisor.spawn_restarting("make", restart, move || {
        if std::mem::take(&mut first) {
            std::panic::panic_any("not made");
        }
        async { Ok::<_, BoxError>(()) }
    });
    assert_eq!(task.await, Ok(Outcome::Finished));
    assert_eq!(log.lines(), ["make panicked: not made (attempt 1, again in 0ns)"]);
}
