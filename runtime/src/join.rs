//! `join_scope`: a scope whose children are polled by its own future, and so may borrow.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_util::sync::CancellationToken;

use crate::error::GroupError;
use crate::name::TaskName;
use crate::node::{ABORTED, CANCELLED, Node};
use crate::pool::Pool;
use crate::scope::Scope;
use crate::sync::{Mutex, lock};
use crate::task::{Task, TaskError, admit};

/// A [`scope`](crate::scope) on one task, whose children may borrow from what is around it.
///
/// The children are not given to the runtime: the future that this returns polls them, each when it has been woken, and
/// owns them. So they need no `'static`, and they run at the same time but not in parallel, as the branches of `join!` do:
/// one that computes for long, or blocks, keeps all others waiting. Everything else is as in a `scope`: the first error
/// cancels the body and the siblings, all errors come back, panics are resumed after the siblings have ended, and
/// cancellation and deadlines of the scopes around it reach into it. Scopes, shields and [`blocking`](crate::blocking) in
/// a child hold that child alone.
///
/// What a child may borrow has to be older than the scope: not what the body makes, for the body may end before the child.
/// Children are `Send`, so that the scope is: for a few futures that are not there is `join!`.
///
/// # Dropped before it is ready
///
/// Unlike the tasks of a `scope`, the children are dropped with the future, then and there: nothing is left to wait for but
/// what they themselves had started, inner scopes and closures on the blocking pool, for which a scope around this one
/// waits.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::{TaskError, join_scope};
///
/// # async fn fetch(page: &str) -> Result<usize, TaskError> { Ok(page.len()) }
/// let pages = vec![String::from("/"), String::from("/about")];
/// let mut visited = Vec::new();
/// let visits = &mut visited;
/// let length = join_scope(async |group| {
///     // Neither is moved, cloned or in an `Arc`.
///     let first = group.spawn(fetch(&pages[0]));
///     let second = group.spawn(fetch(&pages[1]));
///     visits.extend(&pages);
///     Ok(first.await? + second.await?)
/// })
/// .await;
/// assert_eq!((length.unwrap(), visited.len()), (7, 2));
/// # }
/// ```
#[track_caller]
pub fn join_scope<'env, T, E, F, Fut>(body: F) -> impl Future<Output = Result<T, GroupError<E>>>
where
    E: Send + 'static,
    F: FnOnce(JoinGroup<'env, E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Scope::new().run_joined(body)
}

type Child<'env> = Pin<Box<dyn Future<Output = ()> + Send + 'env>>;

/// The children of one [`join_scope`], and the way to add to them.
///
/// A cheap handle, which a clone of may be moved into a child that is to spawn more. What may be borrowed is what lives as
/// long as `'env`, which is to say longer than the scope.
///
/// A handle that outlives its scope is harmless: nothing starts any more that is spawned through it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::{convert::Infallible, sync::atomic::{AtomicU32, Ordering}};
/// use taskgroup::{JoinGroup, join_scope};
///
/// /// Counts a tree by its children, who count theirs.
/// fn count<'env>(group: &JoinGroup<'env, Infallible>, depth: u32, sum: &'env AtomicU32) {
///     let inner = group.clone();
///     group.spawn(async move {
///         sum.fetch_add(1, Ordering::Relaxed);
///         for _ in 0..depth {
///             count(&inner, depth - 1, sum);
///         }
///         Ok(())
///     });
/// }
///
/// let sum = AtomicU32::new(0);
/// join_scope(async |group| Ok(count(&group, 3, &sum))).await.unwrap();
/// assert_eq!(sum.into_inner(), 16);
/// # }
/// ```
pub struct JoinGroup<'env, E> {
    node: Arc<Node>,
    pool: Arc<Pool<Child<'env>>>,
    failures: PhantomData<Arc<Mutex<E>>>,
}

impl<E> JoinGroup<'_, E> {
    /// Cancels the body and all children: each ends at the next await at which it would wait. Not a failure: see
    /// [`TaskGroup::cancel`](crate::TaskGroup::cancel).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::{convert::Infallible, future::pending};
    ///
    /// let ended = taskgroup::join_scope(async |group| {
    ///     group.spawn(pending::<Result<(), Infallible>>());
    ///     group.cancel();
    ///     Ok("enough")
    /// });
    /// assert_eq!(ended.await.unwrap(), "enough");
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
    /// let ended = taskgroup::join_scope(async |group| {
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
    /// let token = taskgroup::join_scope(async |group| {
    ///     group.cancel();
    ///     Ok::<_, Infallible>(group.token())
    /// });
    /// assert!(token.await.unwrap().is_cancelled());
    /// # }
    /// ```
    pub fn token(&self) -> CancellationToken {
        self.node.token()
    }

    /// The names of the children that have begun and not ended, those of inner scopes included, in no particular order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::{convert::Infallible, future::pending};
    /// taskgroup::join_scope(async |group| {
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
}

impl<'env, E: Send + 'static> JoinGroup<'env, E> {
    /// Adds a child to the scope: it runs whenever the scope's own future waits. Its name is the place this is called from.
    ///
    /// If it fails, everything else in the group is cancelled. In a group that has been cancelled or has ended it never
    /// starts: the future is dropped, and the handle says [`NeverStarted`](crate::TaskError::NeverStarted).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let words = vec!["one", "two", "three"];
    /// let mut lengths = vec![0; words.len()];
    /// let places = lengths.iter_mut();
    /// taskgroup::join_scope(async |group| {
    ///     for (word, length) in words.iter().zip(places) {
    ///         group.spawn(async move { Ok::<_, Infallible>(*length = word.len()) });
    ///     }
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// assert_eq!(lengths, [3, 3, 5]);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> JoinTask<T>
    where
        T: Send + 'env,
        F: Future<Output = Result<T, E>> + Send + 'env,
    {
        self.add(TaskName::at(Location::caller()), future)
    }

    /// [`spawn`](Self::spawn) with a name, for errors, reports and `tracing`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::join_scope(async |group| {
    ///     group.spawn_named("reader", async { Err::<(), _>("no such file") });
    ///     Ok(())
    /// });
    /// let tree = failed.await.unwrap_err().to_string();
    /// assert!(tree.ends_with("└─ reader: no such file"));
    /// # }
    /// ```
    pub fn spawn_named<T, F>(&self, name: impl Into<TaskName>, future: F) -> JoinTask<T>
    where
        T: Send + 'env,
        F: Future<Output = Result<T, E>> + Send + 'env,
    {
        self.add(name.into(), future)
    }

    fn add<T, F>(&self, name: TaskName, future: F) -> JoinTask<T>
    where
        T: Send + 'env,
        F: Future<Output = Result<T, E>> + Send + 'env,
    {
        let value = Arc::new(Mutex::new(None));
        let place = Arc::downgrade(&value);
        // Beside the task, which the group's node sees: that is `'static`, and the value need not be.
        let child = async move {
            let value = future.await?;
            // Without a handle the value is dropped here, where the group still waits.
            if let Some(place) = place.upgrade() {
                *lock(&place) = Some(value);
            }
            Ok::<(), E>(())
        };
        let (task, job) = admit(&self.node, name, (), child);
        if let Some(job) = job {
            self.pool.push(Box::pin(job));
        }
        JoinTask { task, value }
    }
}

impl<E> Clone for JoinGroup<'_, E> {
    fn clone(&self) -> Self {
        Self { node: Arc::clone(&self.node), pool: Arc::clone(&self.pool), failures: PhantomData }
    }
}

impl<E> fmt::Debug for JoinGroup<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinGroup").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// A handle to a child of a [`join_scope`]: what [`Task`] is to a task, for a value that may borrow.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::{TaskError, join_scope};
///
/// let text = String::from("key = value");
/// let both = join_scope(async |group| {
///     let key = group.spawn(async { text.split(" = ").next().ok_or(TaskError::Failed) });
///     let value = group.spawn(async { text.split(" = ").nth(1).ok_or(TaskError::Failed) });
///     Ok((key.await?, value.await?))
/// });
/// assert_eq!(both.await.unwrap(), ("key", "value"));
/// # }
/// ```
pub struct JoinTask<T> {
    task: Task<()>,
    value: Arc<Mutex<Option<T>>>,
}

impl<T> JoinTask<T> {
    /// The child's name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// # taskgroup::join_scope(async |group| {
    /// let child = group.spawn_named("quick", async { Ok::<_, Infallible>(()) });
    /// assert_eq!(child.name().given(), Some("quick"));
    /// # Ok(())
    /// # }).await.unwrap();
    /// # }
    /// ```
    pub fn name(&self) -> &TaskName {
        self.task.name()
    }

    /// Whether the child has ended, in whatever way.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// # taskgroup::join_scope(async |group| {
    /// let child = group.spawn(async { Ok::<_, Infallible>(()) });
    /// assert!(!child.is_finished());
    /// tokio::task::yield_now().await;
    /// assert!(child.is_finished());
    /// # Ok(())
    /// # }).await.unwrap();
    /// # }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends this one child: it is dropped when it is next its turn, without regard to shields and inner scopes in it. The
    /// group goes on without it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::{convert::Infallible, future::pending};
    /// # taskgroup::join_scope(async |group| {
    /// let endless = group.spawn(pending::<Result<(), Infallible>>());
    /// endless.abort();
    /// assert!(endless.await.is_err());
    /// # Ok(())
    /// # }).await.unwrap();
    /// # }
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// The child's value, for groups whose error type a [`TaskError`] does not convert to.
    ///
    /// # Panics
    ///
    /// If the child has no value and the one who awaits is not cancelled for that: see [`Task`] for when this can be.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let words = ["join", "scope"];
    /// let joined = taskgroup::join_scope(async |group| {
    ///     let child = group.spawn(async { Ok::<_, Infallible>(words.concat()) });
    ///     Ok(child.value().await)
    /// });
    /// assert_eq!(joined.await.unwrap(), "joinscope");
    /// # }
    /// ```
    pub async fn value(mut self) -> T {
        match (&mut self).await {
            Ok(value) => value,
            Err(error) => panic!("no value from child {}: {error}", self.name()),
        }
    }
}

impl<T> Unpin for JoinTask<T> {}

impl<T> Future for JoinTask<T> {
    type Output = Result<T, TaskError>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = std::task::ready!(Pin::new(&mut self.task).poll(cx));
        let value = lock(&self.value).take();
        Poll::Ready(ended.and_then(|()| value.ok_or(TaskError::Cancelled)))
    }
}

impl<T> fmt::Debug for JoinTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinTask").field("name", self.name()).field("finished", &self.is_finished()).finish()
    }
}

/// The children as their scope has them. Dropped with it, it ends those that are left.
pub(crate) struct Children<'env> {
    node: Arc<Node>,
    pool: Arc<Pool<Child<'env>>>,
}

impl<'env> Children<'env> {
    pub(crate) fn of<E>(node: &Arc<Node>) -> (JoinGroup<'env, E>, Self) {
        let (node, pool) = (Arc::clone(node), Pool::new());
        let group = JoinGroup { node: Arc::clone(&node), pool: Arc::clone(&pool), failures: PhantomData };
        (group, Self { node, pool })
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) {
        self.pool.poll(cx);
    }
}

impl Drop for Children<'_> {
    fn drop(&mut self) {
        if !self.node.is_closed() {
            // Before any is dropped, so that none is taken for one that was cancelled alone, and none is added.
            self.node.stop(ABORTED);
        }
        self.pool.clear();
    }
}
