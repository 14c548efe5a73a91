//! `scope` and its settings.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::context::{Owner, drive, yield_if_cancelled};
use crate::error::{GroupError, TaskPanic};
use crate::group::{self, TaskGroup};
use crate::join::{Children, JoinGroup};
use crate::name::TaskName;
use crate::node::Node;
use crate::trace;

/// Runs the body and all tasks it spawns in the group, and returns when every one of them has ended, whatever happened.
///
/// - All succeed: the body's value.
/// - A task or the body fails: the body and the tasks that are left are cancelled, which is to say that each is dropped
///   at the next await at which it would wait; when all have ended, all errors are returned.
/// - A task or the body panics: the same, and then the panic is resumed here, whatever errors there are. To have
///   both, see [`Scope::catch_panics`].
/// - The place that awaits this is cancelled: so are the body and the tasks, and it is not given back control before
///   they have ended.
///
/// The body may borrow from its surroundings; tasks may not, for they run on other threads.
///
/// # Dropped before it is ready
///
/// A future that is dropped cannot wait. A `scope` that somebody drops, for instance the losing branch of `select!`,
/// aborts its tasks without regard to shields: a task dropped that way never runs again after the runtime's next turn.
/// If this happens inside another scope of this crate, that one waits for them instead. To end a scope from outside,
/// prefer [`timeout`](crate::timeout), [`CancelScope`](crate::CancelScope) or [`Scope::cancel_on`]: they wait.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::{TaskError, scope};
///
/// async fn price(_shop: &str) -> Result<u32, TaskError> {
///     Ok(5)
/// }
///
/// let sum = scope(async |group| {
///     let here = group.spawn(price("here"));
///     let there = group.spawn(price("there"));
///     Ok(here.await? + there.await?)
/// })
/// .await;
/// assert_eq!(sum.unwrap(), 10);
/// # }
/// ```
#[track_caller]
pub fn scope<T, E, F, Fut>(body: F) -> impl Future<Output = Result<T, GroupError<E>>>
where
    E: Send + 'static,
    F: FnOnce(TaskGroup<E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Scope::new().run(body)
}

/// A [`scope`] with settings.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::{convert::Infallible, future::pending};
/// use taskgroup::{Scope, Shutdown};
///
/// let shutdown = Shutdown::new();
/// let scope = Scope::new().named("workers").cancel_on(shutdown.token());
/// shutdown.trigger();
/// let ended = scope.run(async |_| pending::<Result<(), Infallible>>().await).await;
/// assert!(ended.unwrap_err().is_cancelled());
/// # }
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until `run`"]
pub struct Scope {
    name: TaskName,
    slow_after: Duration,
    on_slow: Option<Arc<OnSlow>>,
    cancel_on: Option<CancellationToken>,
    catch_panics: bool,
}

type OnSlow = dyn Fn(&SlowToStop) + Send + Sync;

/// How long a cancelled scope waits before it says for whom, unless told otherwise.
const SLOW_AFTER: Duration = Duration::from_secs(10);

impl Scope {
    /// The settings of [`scope`]. The name is the place this is called from.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// use taskgroup::Scope;
    ///
    /// let answer = Scope::new().run(async |_| Ok::<_, Infallible>(42)).await;
    /// assert_eq!(answer.unwrap(), 42);
    /// # }
    /// ```
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "`Default` could not tell the caller's place")]
    pub fn new() -> Self {
        Self {
            name: TaskName::at(Location::caller()),
            slow_after: SLOW_AFTER,
            on_slow: None,
            cancel_on: None,
            catch_panics: false,
        }
    }

    /// Names the scope, for errors and reports.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::Scope::new().named("mirror").run(async |_| Err::<(), _>("no such host")).await;
    /// assert!(failed.unwrap_err().to_string().starts_with("1 failure in the scope mirror\n"));
    /// # }
    /// ```
    pub fn named(mut self, name: impl Into<TaskName>) -> Self {
        self.name = name.into();
        self
    }

    /// Cancels the scope when the token is cancelled. Not a failure: see [`GroupError::is_cancelled`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::{convert::Infallible, future::pending};
    /// use taskgroup::{Scope, Shutdown};
    ///
    /// let shutdown = Shutdown::new();
    /// let admin = shutdown.clone();
    /// let scope = Scope::new().cancel_on(shutdown.token()).run(async |group| {
    ///     group.spawn(async move { Ok(admin.trigger()) });
    ///     pending::<Result<(), Infallible>>().await
    /// });
    /// assert!(scope.await.unwrap_err().is_cancelled());
    /// # }
    /// ```
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel_on = Some(token);
        self
    }

    /// How long a cancelled scope waits for its tasks before it says which ones are slow to stop: 10 s unless set.
    /// It says so again after each further such time, and waits on.
    ///
    /// Said by a `tracing` event with the feature `tracing`, and to [`on_slow`](Self::on_slow). Where there is neither,
    /// no timer is started.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{convert::Infallible, sync::mpsc, time::Duration};
    /// use taskgroup::{Scope, shield};
    /// use tokio::time::sleep;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let scope = Scope::new().slow_after(Duration::from_secs(2)).on_slow(move |slow| drop(tell.send(slow.waited.as_secs())));
    /// let ended = scope.run(async |group| {
    ///     group.cancel();
    ///     shield(sleep(Duration::from_secs(5))).await;
    ///     Ok::<_, Infallible>(())
    /// });
    /// ended.await.unwrap();
    /// assert_eq!(told.iter().collect::<Vec<_>>(), [2, 4]);
    /// # }
    /// ```
    pub fn slow_after(mut self, after: Duration) -> Self {
        self.slow_after = after;
        self
    }

    /// Is told when tasks are slow to stop: they block their thread, are in a [`shield`](crate::shield) or wait for
    /// [`blocking`](crate::blocking).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{convert::Infallible, time::Duration};
    /// use taskgroup::{Scope, shield};
    /// use tokio::time::sleep;
    ///
    /// let scope = Scope::new().slow_after(Duration::from_secs(2)).on_slow(|slow| eprintln!("{:?}", slow.tasks));
    /// let ended = scope.run(async |group| {
    ///     group.spawn_named("flush", async { Ok::<_, Infallible>(shield(sleep(Duration::from_secs(3))).await) });
    ///     tokio::task::yield_now().await;
    ///     group.cancel();
    ///     Ok(())
    /// });
    /// ended.await.unwrap();
    /// # }
    /// ```
    pub fn on_slow(mut self, f: impl Fn(&SlowToStop) + Send + Sync + 'static) -> Self {
        self.on_slow = Some(Arc::new(f));
        self
    }

    /// Returns panics in the [`GroupError`] with the errors instead of resuming the first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let ended = taskgroup::Scope::new().catch_panics().run(async |group| {
    ///     group.spawn(async { if true { panic!("out of range") } else { Ok(()) } });
    ///     Err::<(), _>("no such host")
    /// });
    /// let error = ended.await.unwrap_err();
    /// assert_eq!(error.first(), Some(&"no such host"));
    /// # }
    /// ```
    pub fn catch_panics(mut self) -> Self {
        self.catch_panics = true;
        self
    }

    /// Runs a body with these settings: see [`scope`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// use taskgroup::Scope;
    ///
    /// let pages = Scope::new().named("pages").run(async |group| {
    ///     let one = group.spawn(async { Ok::<_, Infallible>(1) });
    ///     Ok(one.value().await)
    /// });
    /// assert_eq!(pages.await.unwrap(), 1);
    /// # }
    /// ```
    // Not `AsyncFnOnce`, which async closures implement as well: with that, the compiler does not see that this is `Send`
    // where `E` has a lifetime in it, `&'static str` included.
    pub fn run<T, E, F, Fut>(self, body: F) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Send + 'static,
        F: FnOnce(TaskGroup<E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.run_with(body, |node| (TaskGroup::new(Arc::clone(node)), |_: &mut Context<'_>| ()))
    }

    /// Runs a body whose children are polled by this future, with these settings: see [`join_scope`](crate::join_scope).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// use taskgroup::Scope;
    ///
    /// let words = vec!["one", "two"];
    /// let joined = Scope::new().named("words").run_joined(async |group| {
    ///     let one = group.spawn(async { Ok::<_, Infallible>(words[0].len()) });
    ///     Ok(one.value().await)
    /// });
    /// assert_eq!(joined.await.unwrap(), 3);
    /// # }
    /// ```
    pub fn run_joined<'env, T, E, F, Fut>(self, body: F) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Send + 'static,
        F: FnOnce(JoinGroup<'env, E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.run_with(body, |node| {
            let (group, children) = Children::of(node);
            (group, move |cx: &mut Context<'_>| children.poll(cx))
        })
    }

    /// `open` makes the group, and what is to be polled beside the body: that has its turn whenever the body waits or has
    /// ended, and is dropped after the body.
    // Not an async function: that would hold the settings and the body twice.
    #[expect(clippy::manual_async_fn, reason = "the two differ in size")]
    fn run_with<T, E, G, F, Fut, P>(
        self,
        body: F,
        open: impl FnOnce(&Arc<Node>) -> (G, P),
    ) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Send + 'static,
        F: FnOnce(G) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        P: FnMut(&mut Context<'_>),
    {
        async move {
            let mut owner = Owner::open(false, None, self.name.clone());
            let (group, mut poll_beside) = open(owner.node());
            let mut body = pin!(Some(body(group)));
            // In a box, for most scopes have none.
            let mut token = self.cancel_on.as_ref().map(|token| Box::pin(token.cancelled()));
            let poll_stop = |cx: &mut Context<'_>| match &mut token {
                Some(token) => token.as_mut().poll(cx),
                None => Poll::Pending,
            };
            let settle = |node: &Arc<Node>, ended: Option<Result<T, E>>| match ended? {
                Ok(value) => Some(value),
                Err(error) => {
                    group::failed(node, self.name.clone(), error);
                    None
                }
            };
            let mut watch = SlowWatch(None);
            let tend = |node: &Arc<Node>, cx: &mut Context<'_>| {
                poll_beside(cx);
                watch.poll(&self, node, cx);
            };
            let value = drive(&mut owner, body.as_mut(), poll_stop, settle, tend).await;

            let mut panics = owner.node().take_panics();
            let errors = owner.node().take_failures::<E>();
            if !panics.is_empty() && !self.catch_panics {
                let first = panics.remove(0);
                trace::failures_lost(&self.name, panics.len(), errors.len());
                std::panic::resume_unwind(first.payload);
            }
            if !panics.is_empty() || !errors.is_empty() {
                let panics = panics.into_iter().map(TaskPanic::new).collect();
                return Err(GroupError::new(self.name, errors, panics));
            }
            // A scope that was cancelled from outside gives no value, not even if its body had one: its tasks did not finish.
            if value.is_none() || owner.node().is_cancelled() {
                yield_if_cancelled().await;
            }
            value.ok_or_else(|| GroupError::new(self.name, Vec::new(), Vec::new()))
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Scope");
        out.field("name", &self.name).field("slow_after", &self.slow_after).finish_non_exhaustive()
    }
}

/// What a cancelled scope still waits for, after [`Scope::slow_after`].
///
/// ```
/// use taskgroup::{Scope, SlowToStop};
///
/// fn complain(slow: &SlowToStop) {
///     eprintln!("{} has been waiting for {:?} for {} s", slow.scope, slow.tasks, slow.waited.as_secs());
/// }
/// let scope = Scope::new().on_slow(complain);
/// # drop(scope);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlowToStop {
    /// The scope.
    pub scope: TaskName,
    /// How long it has been waiting since it was cancelled.
    pub waited: Duration,
    /// The tasks, shields and closures that have not ended, those of inner scopes included.
    pub tasks: Vec<TaskName>,
}

/// Since when the scope has been cancelled, and the next time to say so. Nothing before it is cancelled.
struct SlowWatch(Option<(Instant, Pin<Box<Sleep>>)>);

impl SlowWatch {
    fn poll(&mut self, scope: &Scope, node: &Arc<Node>, cx: &mut Context<'_>) {
        let heard = cfg!(feature = "tracing") || scope.on_slow.is_some();
        if !heard || !node.is_cancelled() {
            return;
        }
        let (since, timer) = self.0.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(scope.slow_after))));
        while timer.as_mut().poll(cx).is_ready() {
            let report = SlowToStop { scope: scope.name.clone(), waited: since.elapsed(), tasks: node.names() };
            trace::slow(&report);
            if let Some(on_slow) = &scope.on_slow {
                on_slow(&report);
            }
            // At least one millisecond: the timer's own step, without which this would not end.
            timer.as_mut().reset(Instant::now() + scope.slow_after.max(Duration::from_millis(1)));
        }
    }
}
