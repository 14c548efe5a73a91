//! Runs a program and keeps the books.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use taskgroup::{GroupError, Scope, TaskError, blocking, checkpoint, shield, timeout};
use tokio::time::{Instant, sleep};

use crate::group::{Group, Handle, Running};
use crate::program::{Program, Step};

type Payload = Box<dyn std::any::Any + Send>;

/// What the oracle knows; shared by all parts of one run.
#[derive(Clone)]
pub struct Books {
    /// Whether the order of events is exact: on one thread.
    exact: bool,
    faults: Arc<Mutex<Vec<String>>>,
    live: Arc<AtomicUsize>,
    tasks: Arc<Mutex<Vec<Kept>>>,
}

/// A task's handle and its own account.
type Kept = (Handle, Arc<Life>);

/// What a task did, by its own account.
#[derive(Debug, Default)]
struct Life {
    started: AtomicBool,
    succeeded: AtomicBool,
    failed: AtomicBool,
    panicked: AtomicBool,
}

/// A part of the program that promises to leave nothing behind: a scope, a timeout, a shield.
#[derive(Clone)]
struct Region {
    live: Arc<AtomicUsize>,
    around: Option<Arc<Region>>,
}

impl Region {
    fn new(around: Option<&Region>) -> Self {
        Self { live: Arc::default(), around: around.cloned().map(Arc::new) }
    }

    /// A guard for a future that runs in this region and all around it.
    fn enter(&self) -> Guard {
        let (mut counts, mut next) = (Vec::new(), Some(self));
        while let Some(region) = next {
            region.live.fetch_add(1, SeqCst);
            counts.push(Arc::clone(&region.live));
            next = region.around.as_deref();
        }
        Guard(counts)
    }
}

struct Guard(Vec<Arc<AtomicUsize>>);

impl Drop for Guard {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, SeqCst);
        }
    }
}

/// What the scope's tasks and body have handed to their group, in that order.
#[derive(Default)]
struct Failures {
    errors: Mutex<Vec<u8>>,
    panics: AtomicUsize,
}

/// Notes a panic that goes through the task or body it lives in.
struct PanicNote(Arc<Failures>, Option<Arc<Life>>);

impl Drop for PanicNote {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panics.fetch_add(1, SeqCst);
            if let Some(life) = &self.1 {
                life.panicked.store(true, SeqCst);
            }
        }
    }
}

/// Where a program runs.
#[derive(Clone)]
struct Place {
    group: Group,
    /// The group's region. A task may outlive the timeout or shield that it was spawned in.
    group_region: Region,
    region: Region,
    failures: Arc<Failures>,
}

impl Books {
    pub fn new(exact: bool) -> Self {
        Self { exact, faults: Arc::default(), live: Arc::default(), tasks: Arc::default() }
    }

    pub fn fault(&self, what: impl Into<String>) {
        self.faults.lock().unwrap().push(what.into());
    }

    pub fn live(&self) -> usize {
        self.live.load(SeqCst)
    }

    pub async fn root(self, program: Program) {
        let root = Region { live: Arc::clone(&self.live), around: None };
        let _ = self.scope(root, program, false, false).await;
    }

    /// Runs a scope and compares what it returns with what was handed to it.
    async fn scope(self, around: Region, body: Program, catch: bool, joined: bool) -> Result<(), GroupError<u8>> {
        let (region, failures) = (Region::new(Some(&around)), Arc::new(Failures::default()));
        let settings = if catch { Scope::new().catch_panics() } else { Scope::new() };
        let body = async |group| {
            let _guard = region.enter();
            let _note = PanicNote(Arc::clone(&failures), None);
            let place =
                Place { group, group_region: region.clone(), region: region.clone(), failures: Arc::clone(&failures) };
            let result = self.clone().run(place, body).await;
            if let Err(error) = result {
                failures.errors.lock().unwrap().push(error);
            }
            result
        };
        let ended = if joined {
            let running = settings.run_joined(|group| body(Group::Joined(group)));
            self.leave(&region, "scope of children", running).await
        } else {
            self.leave(&region, "scope", settings.run(|group| body(Group::Tasks(group)))).await
        };
        let expected = failures.errors.lock().unwrap().clone();
        let panics = failures.panics.load(SeqCst);
        match &ended {
            Ok(()) if !expected.is_empty() => self.fault(format!("errors {expected:?} became a success")),
            Ok(()) if panics > 0 => self.fault("a panic became a success"),
            Ok(()) => {}
            Err(error) => {
                self.compare(expected, error);
                if error.panics().len() < panics {
                    self.fault(format!("{panics} panics, and {} of them returned", error.panics().len()));
                }
            }
        }
        ended
    }

    fn compare(&self, mut expected: Vec<u8>, error: &GroupError<u8>) {
        let mut got: Vec<_> = error.iter().copied().collect();
        if !self.exact {
            expected.sort_unstable();
            got.sort_unstable();
        }
        if got != expected {
            self.fault(format!("errors {got:?} were returned for {expected:?}"));
        }
    }

    fn run(self, place: Place, program: Program) -> Running {
        Box::pin(async move {
            let mut last = None;
            for step in program {
                self.step(&place, step, &mut last).await?;
            }
            if let Some((task, life)) = last {
                self.tasks.lock().unwrap().push((task, life));
            }
            Ok(())
        })
    }

    async fn step(&self, place: &Place, step: Step, last: &mut Option<Kept>) -> Result<(), u8> {
        match step {
            Step::Sleep(ms) => sleep(self.time(ms)).await,
            Step::Yield => tokio::task::yield_now().await,
            Step::Checkpoint => checkpoint().await,
            Step::Fail(error) => return Err(error),
            // Without the hook, which would print ten thousand backtraces.
            Step::Panic => resume_unwind(Box::new("planned")),
            Step::Cancel => place.group.cancel(),
            Step::AbortLast => {
                if let Some((task, _)) = last {
                    task.abort();
                }
            }
            Step::AwaitLast => {
                if let Some((task, life)) = last.take() {
                    let result = task.await;
                    self.check_fate(result, &life);
                }
            }
            Step::Spawn(program) => {
                let (future, life) = self.task(place, program);
                self.keep(last, place.group.spawn(future), life);
            }
            Step::SpawnLimited(limit, program) => {
                let (future, life) = self.task(place, program);
                let task = place.group.spawn_limited(limit.into(), future).await;
                self.keep(last, task, life);
            }
            Step::Scope { body, catch_panics, joined, propagate } => {
                let ended = self.clone().scope(place.region.clone(), body, catch_panics, joined).await;
                if let (Err(error), true) = (ended, propagate)
                    && let Some(first) = error.into_first()
                {
                    return Err(first);
                }
            }
            Step::Timeout(ms, program) => {
                let (inner, time, since) = (self.inner(place), self.time(ms), Instant::now());
                let guard = inner.region.enter();
                let ended = timeout(time, async {
                    let _guard = guard;
                    self.clone().run(inner.clone(), program).await
                });
                match self.leave(&inner.region, "timeout", ended).await {
                    Ok(result) => result?,
                    Err(_) if since.elapsed() < time => self.fault("a timeout came early"),
                    Err(_) => {}
                }
            }
            Step::Shield(program) => {
                let inner = self.inner(place);
                let region = inner.region.clone();
                let shielded = shield(self.clone().run(inner, program));
                self.leave(&region, "shield", shielded).await?;
            }
            Step::DropAfter(ms, program) => {
                let inner = self.clone().run(place.clone(), program);
                if let Ok(result) = tokio::time::timeout(self.time(ms), inner).await {
                    result?;
                }
            }
            Step::Blocking => {
                let guard = place.region.enter();
                blocking(move |_| drop(guard)).await;
            }
            Step::Join(one, two) => {
                let one = self.clone().run(place.clone(), one);
                let two = self.clone().run(place.clone(), two);
                let (one, two) = tokio::join!(one, two);
                // A body hands over one error only.
                one.and(two)?;
            }
        }
        Ok(())
    }

    /// On the paused clock times are as in the program; on the real one a thousandth of that.
    fn time(&self, ms: u8) -> Duration {
        if self.exact { Duration::from_millis(ms.into()) } else { Duration::from_micros(ms.into()) }
    }

    fn inner(&self, place: &Place) -> Place {
        Place { region: Region::new(Some(&place.region)), ..place.clone() }
    }

    /// Runs what promises to leave nothing behind, and checks that it does: however it ends, unless it is dropped.
    async fn leave<F: Future>(&self, region: &Region, what: &str, future: F) -> F::Output {
        let ended = caught(future).await;
        let live = region.live.load(SeqCst);
        if live > 0 {
            self.fault(format!("{live} futures outlived the {what} they were in"));
        }
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn keep(&self, last: &mut Option<Kept>, task: Handle, life: Arc<Life>) {
        if let Some(before) = last.replace((task, life)) {
            self.tasks.lock().unwrap().push(before);
        }
    }

    fn task(&self, place: &Place, program: Program) -> (Running, Arc<Life>) {
        let life = Arc::new(Life::default());
        let (books, told) = (self.clone(), Arc::clone(&life));
        let place = Place { region: place.group_region.clone(), ..place.clone() };
        let guard = place.region.enter();
        let future = Box::pin(async move {
            let _guard = guard;
            let _note = PanicNote(Arc::clone(&place.failures), Some(Arc::clone(&told)));
            told.started.store(true, SeqCst);
            let failures = Arc::clone(&place.failures);
            let result = books.run(place, program).await;
            match result {
                Ok(()) => told.succeeded.store(true, SeqCst),
                Err(error) => {
                    told.failed.store(true, SeqCst);
                    failures.errors.lock().unwrap().push(error);
                }
            }
            result
        });
        (future, life)
    }

    fn check_fate(&self, result: Result<(), TaskError>, life: &Life) {
        let told = match result {
            Ok(()) => life.succeeded.load(SeqCst),
            Err(TaskError::Failed) => life.failed.load(SeqCst),
            Err(TaskError::Panicked) => life.panicked.load(SeqCst),
            Err(TaskError::NeverStarted) => !life.started.load(SeqCst),
            Err(_) => life.started.load(SeqCst) && !life.succeeded.load(SeqCst) && !life.failed.load(SeqCst),
        };
        if !told {
            self.fault(format!("a handle says {result:?} of {life:?}"));
        }
    }

    /// All faults, after the handles that are left have been looked at.
    pub fn close(self) -> Vec<String> {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        for (task, life) in tasks {
            match pin!(task).poll(&mut cx) {
                Poll::Ready(result) => self.check_fate(result, &life),
                Poll::Pending => self.fault(format!("a task has not ended: {life:?}")),
            }
        }
        let faults = self.faults.lock().unwrap();
        faults.clone()
    }
}

/// A future's end or its panic.
async fn caught<F: Future>(future: F) -> Result<F::Output, Payload> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
