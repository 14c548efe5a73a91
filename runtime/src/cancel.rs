//! Deadlines and other ways to end a part of a program early.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::context::{Owner, drive_plain, yield_if_cancelled};
use crate::name::TaskName;

/// Ends a future and everything in it when told to, or at a deadline.
///
/// When [`run`](Self::run) is ready, the future has been dropped and the scopes, shields and closures in it have ended,
/// also if it was cancelled. A clone is the same scope: keep one outside to [`cancel`](Self::cancel) it.
///
/// Cancel scopes nest. The innermost one whose deadline has come is the one that ends: those around it go on. One that
/// ends takes all that are inside it with it, and code in those is not given back control.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::future::pending;
/// use taskgroup::CancelScope;
///
/// let scope = CancelScope::new();
/// let outside = scope.clone();
/// tokio::join!(
///     async { assert_eq!(scope.run(pending::<()>()).await, None) },
///     async { outside.cancel() },
/// );
/// # }
/// ```
#[derive(Clone)]
pub struct CancelScope {
    token: CancellationToken,
    deadline: Option<Instant>,
    name: TaskName,
}

impl CancelScope {
    /// A scope without a deadline.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::future::pending;
    /// use taskgroup::CancelScope;
    ///
    /// let scope = CancelScope::new();
    /// scope.cancel();
    /// assert_eq!(scope.run(pending::<()>()).await, None);
    /// # }
    /// ```
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "`Default` could not tell the caller's place")]
    pub fn new() -> Self {
        Self::with_token(CancellationToken::new())
    }

    /// A scope that is cancelled with the token. [`cancel`](Self::cancel) does not cancel the token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::future::pending;
    /// use taskgroup::{CancelScope, Shutdown};
    ///
    /// let shutdown = Shutdown::new();
    /// let serving = CancelScope::with_token(shutdown.token());
    /// shutdown.trigger();
    /// assert_eq!(serving.run(pending::<()>()).await, None);
    /// # }
    /// ```
    #[track_caller]
    pub fn with_token(token: CancellationToken) -> Self {
        Self { token: token.child_token(), deadline: None, name: TaskName::at(Location::caller()) }
    }

    /// Names the scope, for reports.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{convert::Infallible, future::pending, sync::mpsc, time::Duration};
    /// use taskgroup::{CancelScope, Scope, shield};
    /// use tokio::time::sleep;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let scope = Scope::new().slow_after(Duration::from_secs(1)).on_slow(move |slow| drop(tell.send(slow.tasks.clone())));
    /// let ended = scope.run(async |group| {
    ///     group.cancel();
    ///     // Where the scope is told of by what it waits for.
    ///     shield(CancelScope::new().named("upload").run(sleep(Duration::from_secs(2)))).await;
    ///     Ok::<_, Infallible>(())
    /// });
    /// ended.await.unwrap();
    /// assert_eq!(told.recv().unwrap()[0].to_string(), "upload");
    /// # }
    /// ```
    #[must_use]
    pub fn named(mut self, name: impl Into<TaskName>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets a deadline: of two, the earlier one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::CancelScope;
    /// use tokio::time::Instant;
    ///
    /// let request = CancelScope::new().named("request").deadline(Instant::now() + Duration::from_secs(5));
    /// assert_eq!(request.run(pending::<()>()).await, None);
    /// # }
    /// ```
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |before| before.min(deadline)));
        self
    }

    /// Sets the deadline to `after` from now. A time too far off to be represented is no deadline.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::CancelScope;
    ///
    /// // The earlier one of both.
    /// let request = CancelScope::new().after(Duration::from_secs(5)).after(Duration::from_secs(1));
    /// let start = tokio::time::Instant::now();
    /// assert_eq!(request.run(pending::<()>()).await, None);
    /// assert_eq!(start.elapsed().as_secs(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        match Instant::now().checked_add(after) {
            Some(deadline) => self.deadline(deadline),
            None => self,
        }
    }

    /// Ends what runs in the scope, and what will be run in it: at its first await that has to wait.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::CancelScope;
    ///
    /// let download = CancelScope::new();
    /// let button = download.clone();
    /// let pressed = async move {
    ///     tokio::time::sleep(Duration::from_secs(3)).await;
    ///     button.cancel();
    /// };
    /// let (ended, ()) = tokio::join!(download.run(pending::<()>()), pressed);
    /// assert!(ended.is_none());
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether [`cancel`](Self::cancel) was called or the token cancelled. A deadline that has passed is not told here.
    ///
    /// ```
    /// use taskgroup::CancelScope;
    ///
    /// let scope = CancelScope::new();
    /// assert!(!scope.is_cancelled());
    /// scope.clone().cancel();
    /// assert!(scope.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Runs a future in the scope: its output, or `None` if it was ended before it had one.
    ///
    /// A future that is ready when it is polled has its output returned, however late that is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::CancelScope;
    ///
    /// // Two steps that may take five seconds together.
    /// let request = CancelScope::new().after(Duration::from_secs(5));
    /// assert_eq!(request.run(async { "head" }).await, Some("head"));
    /// assert_eq!(request.run(pending::<&str>()).await, None);
    /// # }
    /// ```
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        let owner = Owner::open(false, self.deadline, self.name.clone());
        let future = pin!(Some(future));
        let mut timer = pin!(self.deadline.map(sleep_until));
        let mut token = pin!(self.token.cancelled());
        let poll_stop = |cx: &mut Context<'_>| {
            let expired = timer.as_mut().as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready());
            if expired { Poll::Ready(()) } else { token.as_mut().poll(cx) }
        };
        let output = drive_plain(owner, future, poll_stop).await;
        if output.is_none() {
            yield_if_cancelled().await;
        }
        output
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CancelScope");
        out.field("name", &self.name).field("cancelled", &self.is_cancelled()).field("deadline", &self.deadline);
        out.finish()
    }
}

/// A deadline passed before the future was ready. For code whose errors are `io::Error`s it converts to one.
///
/// ```
/// use std::io;
/// use taskgroup::TimedOut;
///
/// assert_eq!(io::Error::from(TimedOut).kind(), io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl std::error::Error for TimedOut {}

impl From<TimedOut> for std::io::Error {
    fn from(error: TimedOut) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, error)
    }
}

/// Runs a future for no longer than `after`.
///
/// Unlike `tokio::time::timeout`, when this returns [`TimedOut`] the scopes inside the future have ended, with all their
/// tasks; that may be later than the deadline if they are slow to stop. Inner deadlines that are later than this one
/// have no effect: see [`deadline`](crate::deadline).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::{future::pending, time::Duration};
/// use taskgroup::{TimedOut, timeout};
///
/// assert_eq!(timeout(Duration::from_secs(1), async { 7 }).await, Ok(7));
/// assert_eq!(timeout(Duration::from_secs(1), pending::<()>()).await, Err(TimedOut));
/// # }
/// ```
///
/// # Errors
///
/// [`TimedOut`], if the future was not ready in time.
#[track_caller]
pub fn timeout<F: Future>(after: Duration, future: F) -> impl Future<Output = Result<F::Output, TimedOut>> {
    let scope = CancelScope::new();
    // The time is counted from the first poll: a future that nobody awaits yet has not begun.
    async move { scope.after(after).run(future).await.ok_or(TimedOut) }
}

/// [`timeout`] with a moment instead of a span.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::{future::pending, time::Duration};
/// use taskgroup::{TimedOut, timeout_at};
/// use tokio::time::Instant;
///
/// // One deadline for two steps.
/// let deadline = Instant::now() + Duration::from_secs(1);
/// assert_eq!(timeout_at(deadline, async { 7 }).await, Ok(7));
/// assert_eq!(timeout_at(deadline, pending::<()>()).await, Err(TimedOut));
/// # }
/// ```
///
/// # Errors
///
/// [`TimedOut`], if the future was not ready in time.
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> impl Future<Output = Result<F::Output, TimedOut>> {
    let scope = CancelScope::new().deadline(deadline);
    async move { scope.run(future).await.ok_or(TimedOut) }
}

/// [`timeout`] for when it is all right not to finish: the output, or `None` if the time was up.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::{future::pending, time::Duration};
///
/// let hint = taskgroup::move_on_after(Duration::from_millis(50), pending::<&str>()).await;
/// assert_eq!(hint.unwrap_or("no hint"), "no hint");
/// # }
/// ```
#[track_caller]
pub fn move_on_after<F: Future>(after: Duration, future: F) -> impl Future<Output = Option<F::Output>> {
    let scope = CancelScope::new();
    async move { scope.after(after).run(future).await }
}

/// [`move_on_after`] with a moment instead of a span.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::{future::pending, time::Duration};
/// use tokio::time::Instant;
///
/// let soon = Instant::now() + Duration::from_millis(50);
/// assert_eq!(taskgroup::move_on_at(soon, pending::<()>()).await, None);
/// # }
/// ```
#[track_caller]
pub fn move_on_at<F: Future>(deadline: Instant, future: F) -> impl Future<Output = Option<F::Output>> {
    let scope = CancelScope::new().deadline(deadline);
    async move { scope.run(future).await }
}
