//! Background tasks with an owner.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::context::{Owner, drive};
use crate::error::TaskPanic;
use crate::failure::{BoxError, Cause, Failure, Outcome, Report};
use crate::group::TaskGroup;
use crate::name::TaskName;
use crate::node::{ABORTED, CANCELLED, Node};
use crate::restart::Restart;
use crate::task::Task;

/// An owner for tasks that run in the background: they fail one by one, each failure reaches a handler, and none of
/// them outlives the supervisor unnoticed.
///
/// The difference from a [`scope`](crate::scope): a failure does not cancel the other tasks, and a task may be started
/// again. The tasks are not part of the scope in which the supervisor was made.
///
/// [`shutdown`](Self::shutdown) ends it in an orderly way. A supervisor that is dropped aborts its tasks without
/// waiting for them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::time::Duration;
/// use taskgroup::{Restart, Supervisor};
///
/// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
/// supervisor.spawn("warm the cache", async { Err("no cache") });
/// supervisor.spawn_restarting("poll the queue", Restart::always(), || async {
///     tokio::time::sleep(Duration::from_secs(1)).await;
///     Ok::<(), std::io::Error>(())
/// });
///
/// tokio::time::sleep(Duration::from_secs(10)).await;
/// let report = supervisor.shutdown(Duration::from_secs(5)).await;
/// assert!(report.aborted.is_empty());
/// # }
/// ```
pub struct Supervisor {
    spawner: Spawner,
}

/// Adds tasks to a [`Supervisor`]: what is handed to the parts of a program that need tasks in the background.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::{BoxError, Outcome, Spawner, Supervisor};
///
/// async fn sign_up(background: &Spawner) -> Outcome {
///     let mail = background.spawn("welcome mail", async { Err::<(), BoxError>("no such address".into()) });
///     mail.await.expect("no shutdown yet")
/// }
/// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
/// assert_eq!(sign_up(&supervisor.spawner()).await, Outcome::Failed);
/// # }
/// ```
#[derive(Clone)]
pub struct Spawner {
    group: TaskGroup<Infallible>,
    handler: Arc<dyn Fn(&Failure) + Send + Sync>,
}

impl Supervisor {
    /// A supervisor without tasks. The handler is told of every failure, in the task that failed, at once.
    ///
    /// A handler that panics ends the supervisor: all tasks are cancelled, and [`shutdown`](Self::shutdown) resumes its
    /// panic.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::mpsc;
    /// use taskgroup::Supervisor;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let mut supervisor = Supervisor::new(move |failure| drop(tell.send(failure.to_string())));
    /// supervisor.spawn("mail", async { Err("no such address") });
    /// supervisor.idle().await;
    /// assert_eq!(told.recv().unwrap(), "mail failed: no such address (attempt 1, the last)");
    /// # }
    /// ```
    #[track_caller]
    pub fn new(handler: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        let group = TaskGroup::new(Node::root(TaskName::at(Location::caller())));
        Self { spawner: Spawner { group, handler: Arc::new(handler) } }
    }

    /// A handle that adds tasks.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use taskgroup::{BoxError, Supervisor, TaskError};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let background = supervisor.spawner();
    /// supervisor.shutdown(Duration::from_secs(5)).await;
    /// // It may outlive the supervisor, and then starts nothing.
    /// assert_eq!(background.spawn("late", async { Ok::<_, BoxError>(()) }).await, Err(TaskError::NeverStarted));
    /// # }
    /// ```
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// Starts a task that is run once. See [`Spawner::spawn`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use taskgroup::{BoxError, Outcome, Supervisor};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let import = supervisor.spawn("import", async { Ok::<_, BoxError>(()) });
    /// assert_eq!(import.await, Ok(Outcome::Finished));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn<F, E>(&self, name: impl Into<TaskName>, future: F) -> Task<Outcome>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.spawner.spawn(name, future)
    }

    /// Starts a task that is started again when it ends. See [`Spawner::spawn_restarting`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use taskgroup::{BoxError, Restart, Supervisor};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// supervisor.spawn_restarting("beat", Restart::always(), || async { Ok::<_, BoxError>(println!("alive")) });
    /// tokio::time::sleep(Duration::from_secs(3)).await;
    /// assert_eq!(supervisor.shutdown(Duration::from_secs(1)).await.aborted, []);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn_restarting<M, F, E>(&self, name: impl Into<TaskName>, restart: Restart, make: M) -> Task<Outcome>
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.spawner.spawn_restarting(name, restart, make)
    }

    /// The names of the tasks that have begun and not ended, those that wait for their restart included.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::future::pending;
    /// use taskgroup::{BoxError, Supervisor};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// supervisor.spawn("mail", pending::<Result<(), BoxError>>());
    /// tokio::task::yield_now().await;
    /// assert_eq!(supervisor.running()[0].given(), Some("mail"));
    /// # }
    /// ```
    pub fn running(&self) -> Vec<TaskName> {
        self.node().own_names()
    }

    /// A token that is cancelled when the shutdown begins.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use taskgroup::Supervisor;
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let ending = supervisor.token();
    /// assert!(!ending.is_cancelled());
    /// supervisor.shutdown(Duration::from_secs(5)).await;
    /// assert!(ending.is_cancelled());
    /// # }
    /// ```
    pub fn token(&self) -> CancellationToken {
        self.node().token()
    }

    /// Waits until no task is left. New ones may be spawned meanwhile and after that.
    ///
    /// For tasks that end by themselves; with [`move_on_after`](crate::move_on_after) before a shutdown, to let them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use taskgroup::{BoxError, Supervisor, move_on_after};
    ///
    /// let mut supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let mail = supervisor.spawn("send mail", async { Ok::<(), BoxError>(()) });
    /// move_on_after(Duration::from_secs(30), supervisor.idle()).await;
    /// assert!(mail.is_finished());
    /// supervisor.shutdown(Duration::from_secs(1)).await;
    /// # }
    /// ```
    pub async fn idle(&mut self) {
        let node = self.node();
        poll_fn(|cx| {
            node.set_owner(cx.waker().clone());
            if node.is_idle() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Cancels all tasks and waits for them, for as long as `grace`; aborts those that are left, waits for that, too,
    /// for as long at most, and says which they were.
    ///
    /// A task is cancelled at its next await. One that must come to an orderly end first has it in a
    /// [`shield`](crate::shield), which the end of the grace cuts short.
    ///
    /// # Panics
    ///
    /// If the handler panicked, with that.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::{BoxError, Supervisor, shield};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// supervisor.spawn("endless", shield(pending::<Result<(), BoxError>>()));
    /// tokio::task::yield_now().await;
    /// let report = supervisor.shutdown(Duration::from_secs(5)).await;
    /// assert_eq!(report.aborted[0].given(), Some("endless"));
    /// assert!(report.stuck.is_empty());
    /// # }
    /// ```
    pub async fn shutdown(self, grace: Duration) -> Report {
        let node = self.node();
        let mut report = Report::default();
        node.stop(CANCELLED);
        if !drained_within(node, grace).await {
            report.aborted = node.own_names();
            node.stop(ABORTED);
            if !drained_within(node, grace).await {
                report.stuck = node.own_names();
            }
        }
        if let Some(panic) = node.take_panics().into_iter().next() {
            std::panic::resume_unwind(panic.payload);
        }
        report
    }

    /// Waits for the token, then does the [`shutdown`](Self::shutdown).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::{BoxError, Shutdown, Supervisor};
    ///
    /// let (shutdown, supervisor) = (Shutdown::new(), Supervisor::new(|failure| eprintln!("{failure}")));
    /// supervisor.spawn("mail", pending::<Result<(), BoxError>>());
    /// shutdown.trigger();
    /// let report = supervisor.run_until(shutdown.token(), Duration::from_secs(5)).await;
    /// assert!(report.aborted.is_empty());
    /// # }
    /// ```
    pub async fn run_until(self, token: CancellationToken, grace: Duration) -> Report {
        token.cancelled().await;
        self.shutdown(grace).await
    }

    fn node(&self) -> &Arc<Node> {
        self.spawner.group.node()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.node().orphan();
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("running", &self.running()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("group", &self.group).finish_non_exhaustive()
    }
}

/// Whether all tasks have left within the time.
async fn drained_within(node: &Arc<Node>, time: Duration) -> bool {
    let mut timer = pin!(sleep(time));
    poll_fn(|cx| {
        node.set_owner(cx.waker().clone());
        if node.close_if_drained() {
            return Poll::Ready(true);
        }
        timer.as_mut().poll(cx).map(|()| false)
    })
    .await
}

impl Spawner {
    /// Starts a task that is run once.
    ///
    /// The handle need not be kept. Awaited, it gives the outcome, or a [`TaskError`](crate::TaskError) if the shutdown
    /// came first. After the shutdown has begun the task never starts.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use taskgroup::{BoxError, Outcome, Supervisor};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let import = supervisor.spawner().spawn("import", async { Err::<(), BoxError>("no such file".into()) });
    /// assert_eq!(import.await, Ok(Outcome::Failed));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn<F, E>(&self, name: impl Into<TaskName>, future: F) -> Task<Outcome>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let (name, handler) = (name.into(), Arc::clone(&self.handler));
        self.group.spawn_named(name.clone(), async move {
            let ended = attempt(&name, future).await;
            Ok(conclude(&name, 1, ended, None, &*handler))
        })
    }

    /// Starts a task that is started again when it ends, as `restart` says. `make` makes the future for each start.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use taskgroup::{Outcome, Restart, Supervisor};
    ///
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let mut left = 3;
    /// let task = supervisor.spawn_restarting("stubborn", Restart::on_failure(), move || {
    ///     left -= 1;
    ///     let result = if left > 0 { Err("not yet") } else { Ok(()) };
    ///     async move { result }
    /// });
    /// assert_eq!(task.await, Ok(Outcome::Finished));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn_restarting<M, F, E>(&self, name: impl Into<TaskName>, restart: Restart, mut make: M) -> Task<Outcome>
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let (name, handler) = (name.into(), Arc::clone(&self.handler));
        self.group.spawn_named(name.clone(), async move {
            let (mut starts, mut restarts) = (0_u32, 0);
            loop {
                starts = starts.saturating_add(1);
                let since = Instant::now();
                // Made inside the attempt: a panic of `make` is one of the task.
                let ended = attempt(&name, async { make().await }).await;
                let failed = !matches!(ended, Ok(()));
                restarts = restart.count(restarts, since.elapsed());
                let wait = if failed || restart.is_always() { restart.wait(restarts) } else { None };
                let outcome = conclude(&name, starts, ended, wait, &*handler);
                match wait {
                    Some(wait) => sleep(wait).await,
                    None => return Ok(outcome),
                }
            }
        })
    }
}

/// One run of a supervised task, in a scope of its own so that what panics in it is found here.
async fn attempt<F, E>(name: &TaskName, future: F) -> Result<(), Vec<Cause>>
where
    F: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let mut owner = Owner::open(false, None, name.clone());
    let mut future = pin!(Some(future));
    let settle = |_: &_, ended: Option<Result<(), E>>| ended.map(|result| result.map_err(Into::into));
    let ended: Option<Result<(), BoxError>> =
        drive(&mut owner, future.as_mut(), |_| Poll::Pending, settle, |_, _| {}).await;
    let panics = owner.node().take_panics().into_iter().map(|panic| Cause::Panic(TaskPanic::new(panic)));
    let error = match ended {
        Some(Err(error)) => Some(Cause::Error(error)),
        Some(Ok(())) => None,
        None if panics.len() > 0 => None,
        // Cancelled: whoever did that drops this.
        None => std::future::pending().await,
    };
    let causes: Vec<_> = error.into_iter().chain(panics).collect();
    if causes.is_empty() { Ok(()) } else { Err(causes) }
}

fn conclude(
    name: &TaskName,
    attempt: u32,
    ended: Result<(), Vec<Cause>>,
    restart_in: Option<Duration>,
    handler: &(dyn Fn(&Failure) + Send + Sync),
) -> Outcome {
    let Err(causes) = ended else { return Outcome::Finished };
    let mut outcome = Outcome::Failed;
    for cause in causes {
        if matches!(cause, Cause::Panic(_)) {
            outcome = Outcome::Panicked;
        }
        handler(&Failure { name: name.clone(), attempt, cause, restart_in });
    }
    outcome
}
