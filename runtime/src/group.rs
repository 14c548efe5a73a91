//! The group that a scope's body is given.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::limit::LimitedGroup;
use crate::name::TaskName;
use crate::node::{ABORTED, CANCELLED, Node};
use crate::sync::Mutex;
use crate::task::{self, Task};

/// The tasks of one [`scope`](crate::scope), and the way to add to them.
///
/// A cheap handle: clone it into a task that is to spawn more. `E` is what its tasks fail with; in a group whose tasks
/// cannot fail it is [`Infallible`](std::convert::Infallible).
///
/// A handle that outlives its scope is harmless: nothing starts any more that is spawned through it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::convert::Infallible;
/// use taskgroup::{TaskGroup, scope};
///
/// /// Whoever is given the group adds tasks that its scope waits for.
/// fn announce(group: &TaskGroup<Infallible>, guests: &[&'static str]) {
///     for &guest in guests {
///         group.spawn_named(guest, async move { Ok(println!("{guest}")) });
///     }
/// }
///
/// scope(async |group| Ok(announce(&group, &["Ada", "Grace"]))).await.unwrap();
/// # }
/// ```
pub struct TaskGroup<E> {
    node: Arc<Node>,
    failures: PhantomData<Arc<Mutex<E>>>,
}

/// Keeps an error, and cancels the rest if it is the first.
pub(crate) fn failed<E: Send + 'static>(node: &Arc<Node>, name: TaskName, error: E) {
    if node.level() >= ABORTED {
        crate::trace::error_lost(&name);
    }
    node.failed(name, error);
}

impl<E> TaskGroup<E> {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node, failures: PhantomData }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Cancels the body and all tasks of the group: each ends at the next await at which it would wait.
    ///
    /// This is not a failure. A body that ends with `Ok` after this, by doing without another await, is still a
    /// success; a body that was cancelled makes the scope return an error for which
    /// [`is_cancelled`](crate::GroupError::is_cancelled) is true.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::{TaskError, scope};
    ///
    /// // The first answer is enough.
    /// let first = scope(async |group| {
    ///     let answer = group.spawn(async { Ok::<_, TaskError>(1) });
    ///     group.spawn(pending::<Result<(), _>>());
    ///     let answer = answer.await?;
    ///     group.cancel();
    ///     Ok(answer)
    /// })
    /// .await;
    /// assert_eq!(first.unwrap(), 1);
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.node.stop(CANCELLED);
    }

    /// Whether the group has been cancelled, by a failure, by [`cancel`](Self::cancel) or from outside.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let ended = taskgroup::scope(async |group| {
    ///     let before = group.is_cancelled();
    ///     group.cancel();
    ///     Ok::<_, Infallible>((before, group.is_cancelled()))
    /// });
    /// assert_eq!(ended.await.unwrap(), (false, true));
    /// # }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// A token that is cancelled with the group. Cancelling the token does not cancel the group.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let token = taskgroup::scope(async |group| {
    ///     let token = group.token();
    ///     assert!(!token.is_cancelled());
    ///     group.cancel();
    ///     Ok::<_, Infallible>(token)
    /// });
    /// assert!(token.await.unwrap().is_cancelled());
    /// # }
    /// ```
    pub fn token(&self) -> CancellationToken {
        self.node.token()
    }

    /// The names of the tasks that have begun and not ended, those of inner scopes included, in no particular order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::{convert::Infallible, future::pending};
    /// taskgroup::scope(async |group| {
    ///     group.spawn_named("waiting", pending::<Result<(), Infallible>>());
    ///     tokio::task::yield_now().await;
    ///     assert_eq!(group.running()[0].to_string(), "waiting");
    ///     group.cancel();
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    pub fn running(&self) -> Vec<TaskName> {
        self.node.names()
    }

    /// The same group with at most `limit` of the tasks that are spawned through it at once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// taskgroup::scope(async |group| {
    ///     let (database, network) = (group.with_limit(4), group.with_limit(100));
    ///     database.spawn(async { Ok::<_, Infallible>(()) }).await;
    ///     network.spawn(async { Ok(()) }).await;
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    ///
    /// A group may have several limits: one for the database, say, and another for the network. See
    /// [`LimitedGroup::spawn`] for how it waits, which is what bounds the memory.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    pub fn with_limit(&self, limit: usize) -> LimitedGroup<E> {
        LimitedGroup::new(self.clone(), limit)
    }
}

impl<E: Send + 'static> TaskGroup<E> {
    /// Starts a task in the group. Its name is the place this is called from.
    ///
    /// If it fails, everything else in the group is cancelled. In a group that has been cancelled or has ended the
    /// task never starts: the future is dropped, and the handle says [`NeverStarted`](crate::TaskError::NeverStarted).
    ///
    /// # Panics
    ///
    /// If it is called outside a Tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let result = taskgroup::scope(async |group| {
    ///     let inner = group.clone();
    ///     group.spawn(async move {
    ///         inner.spawn(async { Err::<(), _>("no such host") });
    ///         Ok(())
    ///     });
    ///     Ok(())
    /// })
    /// .await;
    /// assert_eq!(result.unwrap_err().first(), Some(&"no such host"));
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> Task<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        task::spawn(self, TaskName::at(Location::caller()), (), future)
    }

    /// [`spawn`](Self::spawn) with a name, for errors, reports and `tracing`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::scope(async |group| {
    ///     group.spawn_named("reader", async { Err::<(), _>("no such file") });
    ///     Ok(())
    /// });
    /// let tree = failed.await.unwrap_err().to_string();
    /// assert!(tree.ends_with("└─ reader: no such file"));
    /// # }
    /// ```
    pub fn spawn_named<T, F>(&self, name: impl Into<TaskName>, future: F) -> Task<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        task::spawn(self, name.into(), (), future)
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.node))
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
