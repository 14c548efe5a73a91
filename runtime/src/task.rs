//! One task: its handle, and the future that the runtime is given for it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::sync::OwnedSemaphorePermit;

use crate::context::{Ended, Frame, Yielding, discard, poll_in};
use crate::group::Shared;
use crate::name::TaskName;
use crate::node::{ABORTED, Node, Panic};
use crate::sync::{Mutex, lock};
use crate::trace::Span;

/// A handle to a task of a group.
///
/// Awaiting it gives the task's value, or a [`TaskError`] if it has none. The error that a task failed with is not
/// here but in the [`GroupError`](crate::GroupError), where it cannot be overlooked; nobody has to await a task for
/// that. Dropping the handle does nothing: the group owns the task.
///
/// In the body and the tasks of its own group, the handle of a task that failed is never seen to fail: the failure
/// cancels the group, so whoever awaits the handle there is cancelled at this await. A `TaskError` is thus for those
/// who await from elsewhere, from within a [`shield`](crate::shield), or after [`Task::abort`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::{TaskError, scope};
///
/// let sum = scope(async |group| {
///     let a = group.spawn(async { Ok::<_, TaskError>(1) });
///     let b = group.spawn(async { Ok(2) });
///     Ok(a.await? + b.await?)
/// })
/// .await;
/// assert_eq!(sum.unwrap(), 3);
/// # }
/// ```
pub struct Task<T> {
    slot: Arc<Slot<T>>,
    node: Arc<Node>,
    yielding: Yielding,
    /// Whether a task without a value may be told of: this place is not being cancelled.
    told: bool,
}

/// Why a task has no value.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use std::convert::Infallible;
/// use taskgroup::{TaskError, scope};
///
/// let group = scope(async |group| Ok::<_, Infallible>(group)).await.unwrap();
/// let late = group.spawn(async { Ok(()) });
/// assert_eq!(late.await, Err(TaskError::NeverStarted));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskError {
    /// It returned an error, which is in its group's [`GroupError`](crate::GroupError).
    Failed,
    /// It panicked; its scope resumes the panic.
    Panicked,
    /// It was cancelled or aborted after it had begun.
    Cancelled,
    /// It was spawned into a group that had been cancelled or had ended, or was cancelled before its first poll: none
    /// of its code has run.
    NeverStarted,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the task failed: its error is with its group",
            Self::Panicked => "the task panicked: its scope resumes the panic",
            Self::Cancelled => "the task was cancelled",
            Self::NeverStarted => "the task was never started: its group had been cancelled",
        })
    }
}

impl std::error::Error for TaskError {}

/// What a task and its handle share.
pub(crate) struct Slot<T> {
    name: TaskName,
    aborted: AtomicBool,
    /// The task's key in its node, once it has been polled.
    key: AtomicUsize,
    fate: Mutex<Fate<T>>,
}

enum Fate<T> {
    Running(Option<Waker>),
    Ended(Result<T, TaskError>),
    Taken,
}

const UNSTARTED: usize = usize::MAX;

impl<T> Slot<T> {
    fn end(&self, result: Result<T, TaskError>) {
        let before = std::mem::replace(&mut *lock(&self.fate), Fate::Ended(result));
        if let Fate::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Task<T> {
    /// The task's name.
    pub fn name(&self) -> &TaskName {
        &self.slot.name
    }

    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        !matches!(*lock(&self.slot.fate), Fate::Running(_))
    }

    /// Ends this one task: it is dropped when the runtime next gets to it, without regard to shields and inner scopes
    /// in it. The group still waits until it has ended, and goes on without it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::{convert::Infallible, future::pending};
    /// taskgroup::scope(async |group| {
    ///     let endless = group.spawn(pending::<Result<(), Infallible>>());
    ///     endless.abort();
    ///     assert!(endless.await.is_err());
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    pub fn abort(&self) {
        self.slot.aborted.store(true, Ordering::SeqCst);
        let key = self.slot.key.load(Ordering::SeqCst);
        if key != UNSTARTED
            && !self.is_finished()
            && let Some(waker) = self.node.waker(key)
        {
            waker.wake();
        }
    }

    /// The task's value, for groups whose error type a [`TaskError`] does not convert to.
    ///
    /// # Panics
    ///
    /// If the task has no value and the one who awaits is not cancelled for that: see [`Task`] for when this can be.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let doubled = taskgroup::scope(async |group| {
    ///     let task = group.spawn(async { Ok::<_, Infallible>(21) });
    ///     Ok(task.value().await * 2)
    /// })
    /// .await;
    /// assert_eq!(doubled.unwrap(), 42);
    /// # }
    /// ```
    pub async fn value(self) -> T {
        let name = self.name().clone();
        match self.await {
            Ok(value) => value,
            Err(error) => panic!("no value from task {name}: {error}"),
        }
    }
}

impl<T> Unpin for Task<T> {}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut fate = lock(&self.slot.fate);
        match &mut *fate {
            Fate::Running(waker) => {
                if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            Fate::Ended(Err(_)) if !self.told => {}
            Fate::Ended(_) => match std::mem::replace(&mut *fate, Fate::Taken) {
                Fate::Ended(result) => return Poll::Ready(result),
                Fate::Running(_) | Fate::Taken => {}
            },
            Fate::Taken => {
                drop(fate);
                panic!("a Task was polled after it had given its result");
            }
        }
        drop(fate);
        // No value. If that is because this place is being cancelled, let it be: see the type's documentation.
        if self.yielding.poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.told = true;
        self.poll(cx)
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("name", self.name()).field("finished", &self.is_finished()).finish()
    }
}

/// Futures larger than this are boxed before they are wrapped: the wrapper would otherwise hold them twice.
const LARGE: usize = 512;

/// Gives a future to the runtime as a task of the group.
pub(crate) fn spawn<T, E, F>(
    group: &Arc<Shared<E>>,
    name: TaskName,
    permit: Option<OwnedSemaphorePermit>,
    future: F,
) -> Task<T>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let slot = Arc::new(Slot {
        name,
        aborted: AtomicBool::new(false),
        key: AtomicUsize::new(UNSTARTED),
        fate: Mutex::new(Fate::Running(None)),
    });
    let task =
        Task { slot: Arc::clone(&slot), node: Arc::clone(&group.node), yielding: Yielding::default(), told: false };
    if !group.node.admit() {
        slot.end(Err(TaskError::NeverStarted));
        return task;
    }
    let seat = Seat { group: Arc::clone(group), key: UNSTARTED };
    let frame = Some(Frame::new(Arc::clone(&group.node), Span::task(&slot.name)));
    let book = Book { frame, outcome: Outcome { slot, begun: false, ended: false }, permit, seat };
    if size_of::<F>() > LARGE {
        tokio::spawn(run(Job { future: Box::pin(future), book }));
    } else {
        tokio::spawn(run(Job { future, book }));
    }
    task
}

/// What the runtime is given. A task dropped before its first poll drops these in this order: the group must not hear
/// of the end of a task before what the task owns is gone.
struct Job<T, E, F> {
    future: F,
    book: Book<T, E>,
}

/// All that a task needs beside its future; the order matters here as well.
struct Book<T, E> {
    frame: Option<Frame>,
    outcome: Outcome<T>,
    permit: Option<OwnedSemaphorePermit>,
    seat: Seat<E>,
}

/// A task's membership in its group, which ends when this is dropped.
struct Seat<E> {
    group: Arc<Shared<E>>,
    key: usize,
}

impl<E> Drop for Seat<E> {
    fn drop(&mut self) {
        self.group.node.leave((self.key != UNSTARTED).then_some(self.key));
    }
}

/// Says how the task ended, also when the runtime drops it.
struct Outcome<T> {
    slot: Arc<Slot<T>>,
    /// Whether any of the task's code has run.
    begun: bool,
    ended: bool,
}

impl<T> Outcome<T> {
    fn end(&mut self, result: Result<T, TaskError>) {
        self.ended = true;
        self.slot.end(result);
    }

    /// Cancelled, at whatever point of its life.
    fn end_cancelled(&mut self) {
        self.end(Err(if self.begun { TaskError::Cancelled } else { TaskError::NeverStarted }));
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        if !self.ended {
            self.end_cancelled();
        }
    }
}

/// A block that uses the book where it was captured, and not an async function, which moves it into a variable: what the
/// runtime moves about for each task would be twice as large.
#[expect(clippy::manual_async_fn, reason = "the two differ in size")]
fn run<T, E, F>(mut job: Job<T, E, F>) -> impl Future<Output = ()>
where
    F: Future<Output = Result<T, E>>,
{
    async move {
        let mut future = pin!(Some(job.future));
        let ended = poll_fn(|cx| job.book.poll(future.as_mut(), cx)).await;
        job.book.close(ended);
    }
}

impl<T, E> Book<T, E> {
    fn poll<F: Future>(&mut self, mut future: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<Ended<F::Output>> {
        let Self { frame, outcome, seat, .. } = self;
        let (node, slot) = (&seat.group.node, &outcome.slot);
        if seat.key == UNSTARTED {
            let aborted = slot.aborted.load(Ordering::SeqCst);
            let key = if aborted { None } else { node.start(slot.name.clone(), cx.waker()) };
            let Some(key) = key else {
                let panic = discard(frame, future.as_mut());
                return Poll::Ready(panic.map_or(Ended::Cancelled, Ended::Panicked));
            };
            seat.key = key;
            slot.key.store(key, Ordering::SeqCst);
        }
        let level = || if slot.aborted.load(Ordering::SeqCst) { ABORTED } else { node.level() };
        let polled = poll_in(frame, &level, future, cx);
        outcome.begun = frame.as_ref().is_some_and(Frame::has_begun);
        polled
    }

    fn close(self, ended: Ended<Result<T, E>>) {
        let Self { frame, mut outcome, permit, seat } = self;
        drop(frame);
        match ended {
            Ended::Done(Ok(value)) => outcome.end(Ok(value)),
            Ended::Done(Err(error)) => {
                seat.group.failed(outcome.slot.name.clone(), error);
                outcome.end(Err(TaskError::Failed));
            }
            Ended::Panicked(payload) => {
                seat.group.node.panicked(Panic { name: outcome.slot.name.clone(), payload });
                outcome.end(Err(TaskError::Panicked));
            }
            Ended::Cancelled => outcome.end_cancelled(),
        }
        // Without a handle this drops the value, here, where the group still waits.
        let name = outcome.slot.name.clone();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(outcome))) {
            seat.group.node.panicked(Panic { name, payload });
        }
        drop(permit);
        drop(seat);
    }
}
