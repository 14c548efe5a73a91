//! One task: its handle, and the future that the runtime is given for it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::context::{Ended, Frame, Seat, TaskSeat, Yielding, discard, poll_in};
use crate::group::{self, TaskGroup};
use crate::name::TaskName;
use crate::node::{ABORTED, CANCELLED, Node, Panic, Sitter};
use crate::place::{Look, Place};
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
    yielding: Yielding,
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
struct Slot<T> {
    node: Arc<Node>,
    name: TaskName,
    place: Place<Result<T, TaskError>>,
}

impl<T: Send + 'static> Sitter for Slot<T> {
    fn name(&self) -> &TaskName {
        &self.name
    }

    fn has_begun(&self) -> bool {
        self.place.has_begun()
    }

    fn waker(&self) -> Option<Waker> {
        self.place.waker()
    }
}

impl<T: Send + 'static> TaskSeat for Slot<T> {
    fn node(&self) -> &Arc<Node> {
        &self.node
    }

    fn level(&self) -> u8 {
        if self.place.is_aborted() { ABORTED } else { self.node.level() }
    }

    fn start(&self) -> bool {
        let starts = self.level() < CANCELLED;
        if starts {
            self.place.begin();
        }
        starts
    }

    fn wait(&self, waker: &Waker) {
        self.place.wait(waker);
    }
}

impl<T> Task<T> {
    /// The task's name.
    pub fn name(&self) -> &TaskName {
        &self.slot.name
    }

    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        self.slot.place.has_ended()
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
        if !self.is_finished() {
            self.slot.place.abort();
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
    pub async fn value(mut self) -> T {
        match (&mut self).await {
            Ok(value) => value,
            Err(error) => panic!("no value from task {}: {error}", self.name()),
        }
    }
}

impl<T> Unpin for Task<T> {}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        drop(self.slot.place.detach());
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let over = self.yielding.is_over();
        match self.slot.place.look(cx.waker(), |result| result.is_ok() || over) {
            Look::Running => return Poll::Pending,
            Look::Ended(result) => return Poll::Ready(result),
            Look::Taken => panic!("a Task was polled after it had given its result"),
            Look::Left => {}
        }
        // No value. If that is because this place is being cancelled, let it be: see the type's documentation.
        if self.yielding.poll(cx).is_pending() {
            return Poll::Pending;
        }
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

/// Gives a future to the runtime as a task of the group. The permit, if there is one, is held until it has ended.
pub(crate) fn spawn<T, E, F, P>(group: &TaskGroup<E>, name: TaskName, permit: P, future: F) -> Task<T>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    P: Default + Send + 'static,
{
    let slot = Arc::new(Slot { node: Arc::clone(group.node()), name, place: Place::new() });
    let task = Task { slot: Arc::clone(&slot), yielding: Yielding::default() };
    let sitter: Arc<dyn Sitter> = Arc::<Slot<T>>::clone(&slot);
    let Some(key) = slot.node.admit(sitter) else {
        let unwanted = slot.place.end(Err(TaskError::NeverStarted));
        debug_assert!(unwanted.is_none(), "there is a handle");
        return task;
    };
    slot.place.set_key(key);
    let span = Span::task(&slot.name);
    let book = Book { frame: Some(Frame::new(Seat::Task(slot), span)), permit, of: PhantomData };
    if size_of::<F>() > LARGE {
        tokio::spawn(run(Job { future: Box::pin(future), book }));
    } else {
        tokio::spawn(run(Job { future, book }));
    }
    task
}

/// What the runtime is given. A task dropped before its first poll drops these in this order: the group must not hear
/// of the end of a task before what the task owns is gone.
struct Job<T: Send + 'static, F, P: Default> {
    future: F,
    book: Book<T, P>,
}

/// All that a task needs beside its future: little, for the runtime gives each task a place of a power of two.
///
/// While it is there, the task is a member of its group.
struct Book<T: Send + 'static, P: Default> {
    /// In the task's slot. Away only while the future is polled.
    frame: Option<Frame>,
    /// The default is none: in an `Option` this would take room where there are no permits.
    permit: P,
    of: PhantomData<fn() -> T>,
}

/// A block that uses the book where it was captured, and not an async function, which moves it into a variable: what the
/// runtime moves about for each task would be twice as large.
#[expect(clippy::manual_async_fn, reason = "the two differ in size")]
fn run<T, E, F, P>(mut job: Job<T, F, P>) -> impl Future<Output = ()>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>>,
    P: Default,
{
    async move {
        let ended = Run { future: pin!(Some(job.future)), book: &mut job.book }.await;
        job.book.close(|slot| match ended {
            Ended::Done(Ok(value)) => Some(Ok(value)),
            Ended::Done(Err(error)) => {
                group::failed(&slot.node, slot.name.clone(), error);
                Some(Err(TaskError::Failed))
            }
            Ended::Panicked(payload) => {
                slot.node.panicked(Panic { name: slot.name.clone(), payload });
                Some(Err(TaskError::Panicked))
            }
            Ended::Cancelled => None,
        });
    }
}

/// Not `poll_fn`, which would hold a reference to each of these.
struct Run<'a, T: Send + 'static, F, P: Default> {
    future: Pin<&'a mut Option<F>>,
    book: &'a mut Book<T, P>,
}

impl<T: Send + 'static, F: Future, P: Default> Future for Run<'_, T, F, P> {
    type Output = Ended<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { future, book } = &mut *self;
        book.poll(future.as_mut(), cx)
    }
}

impl<T: Send + 'static, P: Default> Book<T, P> {
    fn poll<F: Future>(&mut self, mut future: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<Ended<F::Output>> {
        let frame = &mut self.frame;
        let start = |seat: &Seat| matches!(seat, Seat::Task(task) if task.start());
        if !frame.as_ref().is_some_and(|frame| frame.has_begun() || start(frame.seat())) {
            let panic = discard(frame, future.as_mut());
            return Poll::Ready(panic.map_or(Ended::Cancelled, Ended::Panicked));
        }
        poll_in(frame, future, cx)
    }

    /// Says how the task ended, and leaves the group. Without a result the task was cancelled.
    fn close(&mut self, result: impl FnOnce(&Slot<T>) -> Option<Result<T, TaskError>>) {
        let Some(frame) = self.frame.take() else { return };
        let begun = frame.has_begun();
        let Seat::Task(task) = frame.into_seat() else { return };
        let task: Arc<dyn Any + Send + Sync> = task;
        let Ok(slot) = task.downcast::<Slot<T>>() else { unreachable!("a task sits in its own slot") };
        let cancelled = Err(if begun { TaskError::Cancelled } else { TaskError::NeverStarted });
        let result = result(&slot).unwrap_or(cancelled);
        // The value of a task without a handle is dropped here, where the group still waits.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(slot.place.end(result)))) {
            slot.node.panicked(Panic { name: slot.name.clone(), payload });
        }
        drop(std::mem::take(&mut self.permit));
        slot.node.leave(slot.place.key());
    }
}

impl<T: Send + 'static, P: Default> Drop for Book<T, P> {
    /// Does nothing if the task came to its end; otherwise the runtime drops it.
    fn drop(&mut self) {
        self.close(|_| None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runtime gives tasks of more than about 150 bytes a place twice as large, which 100,000 tasks are seen by.
    #[test]
    fn a_task_is_little_larger_than_its_future() {
        async fn small(number: u64) -> Result<(), ()> {
            tokio::task::yield_now().await;
            std::hint::black_box(number);
            Ok(())
        }
        let future = small(1);
        let twice = 2 * (size_of_val(&future) + size_of::<usize>());
        let job = Job { future, book: Book { frame: None, permit: (), of: PhantomData::<fn()> } };
        let size = size_of_val(&run(job));
        assert!(size <= twice + size_of::<[usize; 8]>() + size_of::<Span>(), "{size} bytes for {twice}");
        assert_eq!(size_of::<Task<()>>(), 2 * size_of::<usize>());
    }
}
