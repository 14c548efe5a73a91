//! What `tracing` is told, with the feature of that name.
#![cfg(feature = "tracing")]

use std::fmt::Debug;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskgroup::{Scope, blocking, scope, shield};
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down every event and the name of every span.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("taskgroup")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", span.metadata().name()));
        span.record(&mut line);
        let mut lines = self.0.lock().unwrap();
        lines.push(line.0);
        Id::from_u64(lines.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, id: &Id) {
        self.0.lock().unwrap().push(format!("enter {}", id.into_u64()));
    }

    fn exit(&self, _: &Id) {}

    fn clone_span(&self, id: &Id) -> Id {
        self.0.lock().unwrap().push(format!("clone {}", id.into_u64()));
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.lock().unwrap().push(format!("drop {}", id.into_u64()));
        false
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_have_spans_and_slow_ones_are_named_in_an_event() {
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.clone());
    let ended = Scope::new().named("outer").slow_after(Duration::from_secs(2)).run(async |group| {
        group.spawn_named("slow one", async {
            shield(sleep(Duration::from_secs(3))).await;
            Ok(())
        });
        group.spawn_named("quick one", pending::<Result<(), &str>>());
        sleep(Duration::from_millis(1)).await;
        Err::<(), _>("error")
    });
    assert!(ended.await.is_err());
    let lines = log.0.lock().unwrap();
    assert!(lines.contains(&String::from("span task name=slow one")), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "enter 1"), "polled in its span");
    let slow: Vec<_> = lines.iter().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(slow.len(), 1, "{lines:#?}");
    assert!(slow[0].contains("slow one") && slow[0].contains("scope=outer") && slow[0].contains("2s"), "{slow:?}");
    assert!(!slow[0].contains("quick one"));
}

/// On both sides: a task that ends on the thread it was spawned on and one that ends elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tasks_span_ends_with_the_task_although_its_handle_is_kept() {
    let log = Log::default();
    let default = tracing::Dispatch::new(log.clone());
    let count = |what: &str| log.0.lock().unwrap().iter().filter(|line| line.starts_with(what)).count();
    let ended = scope(async |group| {
        let tasks: Vec<_> = tracing::dispatcher::with_default(&default, || {
            (0..100).map(|_| group.spawn(async { Ok::<_, std::convert::Infallible>(()) })).collect()
        });
        while !tasks.iter().all(taskgroup::Task::is_finished) {
            tokio::task::yield_now().await;
        }
        Ok(tasks)
    });
    let tasks = ended.await.unwrap();
    assert_eq!((tasks.len(), count("span task")), (100, 100));
    assert_eq!(count("drop"), count("span") + count("clone"));
}

/// A closure on the blocking pool cannot be interrupted: the event names it and the task that awaits it.
#[tokio::test]
async fn a_closure_that_ignores_the_cancellation_is_named_in_an_event() {
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.clone());
    let heard = log.clone();
    let ended = Scope::new().named("outer").slow_after(Duration::from_millis(5)).run(async |group| {
        group.spawn_named("deaf", async move {
            // Until it has been told of: there is no time here that could be too short.
            blocking(move |_| {
                while !heard.0.lock().unwrap().iter().any(|line| line.starts_with("WARN")) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
            .await;
            Ok(())
        });
        while group.running().len() < 2 {
            tokio::task::yield_now().await;
        }
        Err::<(), _>("error")
    });
    assert!(ended.await.is_err());
    let lines = log.0.lock().unwrap();
    let slow = lines.iter().find(|line| line.starts_with("WARN")).unwrap();
    assert!(slow.contains("scope=outer") && slow.contains("deaf") && slow.contains("tracing.rs:"), "{slow}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_returned_is_told() {
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.clone());
    let panicked = tokio::spawn(scope(async |group| {
        group.spawn(async {
            shield(sleep(Duration::from_secs(1))).await;
            Err::<(), _>("error")
        });
        group.spawn::<(), _>(async {
            sleep(Duration::from_millis(1)).await;
            std::panic::panic_any("panic")
        });
        Ok(())
    }));
    assert!(panicked.await.unwrap_err().is_panic());
    let lines = log.0.lock().unwrap();
    let lost: Vec<_> = lines.iter().filter(|line| line.starts_with("ERROR")).collect();
    assert_eq!(lost.len(), 1, "{lines:#?}");
    assert!(lost[0].contains("errors=1") && lost[0].contains("panics=0"), "{lost:?}");
}
