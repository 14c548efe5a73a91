//! At most so many at once.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::GroupError;
use crate::group::TaskGroup;
use crate::name::TaskName;
use crate::scope::Scope;
use crate::sync::{Mutex, lock};
use crate::task::{self, Task};

/// A [`TaskGroup`] with a limit: see [`TaskGroup::with_limit`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::convert::Infallible;
/// use taskgroup::{LimitedGroup, scope};
///
/// /// A clone shares the limit.
/// async fn resize(images: u32, at_once: LimitedGroup<Infallible>) {
///     for image in 0..images {
///         at_once.spawn(async move { Ok(println!("{image}")) }).await;
///     }
/// }
///
/// scope(async |group| Ok(resize(20, group.with_limit(4)).await)).await.unwrap();
/// # }
/// ```
pub struct LimitedGroup<E> {
    group: TaskGroup<E>,
    permits: Arc<Semaphore>,
}

impl<E> LimitedGroup<E> {
    pub(crate) fn new(group: TaskGroup<E>, limit: usize) -> Self {
        assert!(limit > 0, "a limit of 0 lets no task run");
        Self { group, permits: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))) }
    }

    /// The group without the limit.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// taskgroup::scope(async |group| {
    ///     let few = group.with_limit(1);
    ///     few.spawn(async { Ok::<_, Infallible>(()) }).await;
    ///     assert_eq!(few.available(), 0);
    ///     // Beside the limit.
    ///     few.group().spawn(async { Ok(()) });
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    pub fn group(&self) -> &TaskGroup<E> {
        &self.group
    }

    /// How many more tasks could start now.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// taskgroup::scope(async |group| {
    ///     let few = group.with_limit(2);
    ///     few.spawn(async { Ok::<_, Infallible>(()) }).await.value().await;
    ///     assert_eq!(few.available(), 2);
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    pub fn available(&self) -> usize {
        self.permits.available_permits()
    }
}

impl<E: Send + 'static> LimitedGroup<E> {
    /// Waits until fewer than the limit run, then starts the task: see [`TaskGroup::spawn`].
    ///
    /// The wait is what bounds the memory: a loop over a million items has no more than the limit of them in the air.
    /// It is first come, first served. A task of the group that waits here keeps its own place meanwhile, so that
    /// tasks which all wait for each other's places would wait for ever: let such a task use a limit of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let done = taskgroup::scope(async |group| {
    ///     let group = group.with_limit(10);
    ///     for n in 0..1_000 {
    ///         group.spawn(async move { Ok::<_, Infallible>(n) }).await;
    ///     }
    ///     Ok(())
    /// });
    /// done.await.unwrap();
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> impl Future<Output = Task<T>> + Send
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.begin(TaskName::at(Location::caller()), future)
    }

    /// [`spawn`](Self::spawn) with a name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// taskgroup::scope(async |group| {
    ///     let few = group.with_limit(4);
    ///     let task = few.spawn_named("page 1", async { Ok::<_, Infallible>(()) }).await;
    ///     assert_eq!(task.name().given(), Some("page 1"));
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    pub fn spawn_named<T, F>(&self, name: impl Into<TaskName>, future: F) -> impl Future<Output = Task<T>> + Send
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.begin(name.into(), future)
    }

    async fn begin<T, F>(&self, name: TaskName, future: F) -> Task<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        // Nobody closes the semaphore, so there is always a permit.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        task::spawn(&self.group, name, permit, future)
    }
}

impl<E> Clone for LimitedGroup<E> {
    fn clone(&self) -> Self {
        Self { group: self.group.clone(), permits: Arc::clone(&self.permits) }
    }
}

impl<E> fmt::Debug for LimitedGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedGroup").field("group", &self.group).field("available", &self.available()).finish()
    }
}

/// Applies an async function to every item, at most `limit` at once, and returns the results in the input's order.
///
/// The input is read as places become free, so that it may be longer than memory: besides the results themselves,
/// memory is bounded by the limit. Each call is a task, so they run in parallel on a multi-thread runtime. The first
/// error cancels the rest, as in a [`scope`](crate::scope).
///
/// # Panics
///
/// If `limit` is 0, and with the panic of a call, when all have ended.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use std::convert::Infallible;
/// let squares = taskgroup::map_concurrent(1..=4, 2, async |n: u32| Ok::<_, Infallible>(n * n)).await;
/// assert_eq!(squares.unwrap(), [1, 4, 9, 16]);
/// # }
/// ```
#[track_caller]
pub fn map_concurrent<I, F, Fut, T, E>(
    items: I,
    limit: usize,
    f: F,
) -> impl Future<Output = Result<Vec<T>, GroupError<E>>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    map_in(Scope::new(), items, limit, f)
}

async fn map_in<I, F, Fut, T, E>(scope: Scope, items: I, limit: usize, mut f: F) -> Result<Vec<T>, GroupError<E>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let results = Arc::new(Mutex::new(Vec::new()));
    let filled = Arc::clone(&results);
    let name = TaskName::from("map_concurrent");
    let body = async move |group: TaskGroup<E>| {
        let group = group.with_limit(limit);
        for (at, item) in items.into_iter().enumerate() {
            let permit = Arc::clone(&group.permits).acquire_owned().await.ok();
            lock(&filled).push(None);
            let (call, filled) = (f(item), Arc::clone(&filled));
            let task = async move {
                let value = call.await?;
                lock(&filled)[at] = Some(value);
                Ok(())
            };
            task::spawn(&group.group, name.clone(), permit, task);
        }
        Ok(())
    };
    scope.run(body).await?;
    let results = std::mem::take(&mut *lock(&results));
    Ok(results.into_iter().flatten().collect())
}
