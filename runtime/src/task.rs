//! One task: its handle, and the future that the runtime is given for it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::mem::{replace, take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use crate::context::Yielding;
use crate::group::{self, TaskGroup};
use crate::name::TaskName;
use crate::node::{Node, Panic};
use crate::place::Look;
use crate::seat::{self, Ended, discard, must_stop, poll_in};
use crate::slot::Slot;
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
    slot: Arc<TaskSlot<T>>,
    yielding: Yielding,
}

type TaskSlot<T> = Slot<Result<T, TaskError>>;

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

impl<T> Task<T> {
    /// The task's name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// # taskgroup::scope(async |group| {
    /// let task = group.spawn_named("reader", async { Ok::<_, Infallible>(()) });
    /// assert_eq!(task.name().given(), Some("reader"));
    /// # Ok(())
    /// # })
    /// # .await
    /// # .unwrap();
    /// # }
    /// ```
    pub fn name(&self) -> &TaskName {
        &self.slot.name
    }

    /// Whether the task has ended, in whatever way.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// taskgroup::scope(async |group| {
    ///     let task = group.spawn_named("quick", async { Ok::<_, Infallible>(()) });
    ///     assert!(!task.is_finished());
    ///     tokio::task::yield_now().await;
    ///     assert!(task.is_finished());
    ///     assert_eq!(task.name().given(), Some("quick"));
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
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

/// Gives a future to the runtime as a task of the group. The permit, if there is one, is held until it has ended.
pub(crate) fn spawn<T, E, F, P>(group: &TaskGroup<E>, name: TaskName, permit: P, future: F) -> Task<T>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    P: Default + Unpin + Send + 'static,
{
    let (task, job) = admit(group.node(), name, permit, future);
    if let Some(job) = job {
        tokio::spawn(job);
    }
    task
}

/// A task of the node, to be polled by somebody; none if the node takes no more.
#[inline]
pub(crate) fn admit<T, F, P>(node: &Arc<Node>, name: TaskName, permit: P, future: F) -> (Task<T>, Option<Job<T, F, P>>)
where
    T: Send + 'static,
    P: Default,
{
    let slot = Slot::new(node, name, seat::thread());
    let task = Task { slot: Arc::clone(&slot), yielding: Yielding::default() };
    if slot.join() {
        let span = Span::task(&slot.name);
        return (task, Some(Job { future: Some(future), slot: Some(slot), span, permit }));
    }
    let unwanted = slot.place.end(Err(TaskError::NeverStarted), true);
    debug_assert!(unwanted.is_none(), "there is a handle");
    (task, None)
}

pin_project! {
    /// What the runtime is given: the future and all that it needs, for each further allocation is what many tasks cost most.
    pub(crate) struct Job<T, F, P>
    where
        T: Send,
        T: 'static,
        P: Default,
    {
        #[pin]
        future: Option<F>,
        // Away while the future is polled, and from the task's end on: until then it is a member of its group.
        slot: Option<Arc<TaskSlot<T>>>,
        span: Span,
        // The default is none: in an `Option` this would take room where there are no permits.
        permit: P,
    }

    impl<T, F, P> PinnedDrop for Job<T, F, P>
    where
        T: Send,
        T: 'static,
        P: Default,
    {
        // Does nothing if the task came to its end; otherwise the runtime drops it.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.slot.is_some() {
                // The group must not hear of the end of a task before what the task owns is gone.
                let ended: Ended<Result<T, Infallible>> = discard(this.slot, this.future);
                close(this.slot, this.span, this.permit, ended);
            }
        }
    }
}

impl<T, E, F, P> Future for Job<T, F, P>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>>,
    P: Default,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Some(slot) = this.slot else { return Poll::Ready(()) };
        let begun = slot.place.has_begun();
        // One that begins is polled, whatever happens meanwhile: that it has begun is not taken back.
        let stops = if begun { must_stop(this.slot, cx) } else { !slot.begin() };
        let ended = if stops {
            discard(this.slot, this.future)
        } else {
            // Whom to wake does not change.
            let wait = |slot: &TaskSlot<T>, waker: &Waker| {
                if !begun {
                    slot.place.wait(waker);
                }
            };
            ready!(poll_in(this.slot, this.span, this.future, cx, wait))
        };
        if !begun && let Some(slot) = this.slot.as_ref().filter(|slot| !slot.is_at_home(seat::thread())) {
            // The waker keeps the runtime's part of the task as well, for what leaves its group away from home is dropped
            // elsewhere, all of it.
            slot.place.wait(cx.waker());
        }
        close(this.slot, this.span, this.permit, ended);
        Poll::Ready(())
    }
}

/// Says how the task ended, and leaves the group.
fn close<T: Send + 'static, E: Send + 'static, P: Default>(
    slot: &mut Option<Arc<TaskSlot<T>>>,
    span: &mut Span,
    permit: &mut P,
    ended: Ended<Result<T, E>>,
) {
    let Some(slot) = slot.take() else { return };
    let result = match ended {
        Ended::Done(Ok(value)) => Ok(value),
        Ended::Done(Err(error)) => {
            group::failed(&slot.node, slot.name.clone(), error);
            Err(TaskError::Failed)
        }
        Ended::Panicked(payload) => {
            slot.node.panicked(Panic { name: slot.name.clone(), payload });
            Err(TaskError::Panicked)
        }
        Ended::Cancelled if slot.place.has_begun() => Err(TaskError::Cancelled),
        Ended::Cancelled => Err(TaskError::NeverStarted),
    };
    let thread = seat::thread();
    // The value of a task without a handle is dropped here, where the group still waits.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(slot.end(result, thread)))) {
        slot.node.panicked(Panic { name: slot.name.clone(), payload });
    }
    drop((replace(span, Span::none()), take(permit)));
    slot.leave(thread);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 100,000 tasks are seen by.
    #[test]
    fn a_task_takes_little_more_than_its_future() {
        let word = size_of::<usize>();
        assert_eq!(size_of::<Job<u64, [&str; 50], ()>>(), size_of::<[&str; 50]>() + word + size_of::<Span>());
        assert_eq!(size_of::<Task<()>>(), 2 * word);
        // With the two counts of its `Arc`.
        assert!(2 * word + size_of::<TaskSlot<u64>>() <= 104);
    }
}
