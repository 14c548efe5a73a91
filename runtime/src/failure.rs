//! What a supervisor tells about its tasks.

use std::fmt;
use std::time::Duration;

use crate::error::TaskPanic;
use crate::name::TaskName;

/// Any error: what the tasks of a supervisor fail with.
///
/// ```
/// use taskgroup::BoxError;
///
/// fn port(text: &str) -> Result<u16, BoxError> {
///     Ok(text.parse()?)
/// }
/// assert!(port("none").is_err());
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A supervised task's failure.
///
/// ```
/// use taskgroup::{Cause, Failure, Supervisor};
///
/// let supervisor = Supervisor::new(|failure: &Failure| match &failure.cause {
///     Cause::Error(error) => eprintln!("{}: {error}", failure.name),
///     other => eprintln!("{}: {other:?}", failure.name),
/// });
/// # drop(supervisor);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The task.
    pub name: TaskName,
    /// How often it has been started, this time included.
    pub attempt: u32,
    /// What happened.
    pub cause: Cause,
    /// After which time it will be started again; `None` if it will not.
    pub restart_in: Option<Duration>,
}

/// What made a supervised task fail.
///
/// ```
/// use taskgroup::Cause;
///
/// fn is_worth_a_call_at_night(cause: &Cause) -> bool {
///     matches!(cause, Cause::Panic(_))
/// }
/// assert!(!is_worth_a_call_at_night(&Cause::Error("no answer".into())));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// It returned an error.
    Error(BoxError),
    /// It panicked.
    Panic(TaskPanic),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Error(error) => write!(f, "{} failed: {error}", self.name)?,
            Cause::Panic(panic) => write!(f, "{panic}")?,
        }
        match self.restart_in {
            Some(wait) => write!(f, " (attempt {}, again in {wait:?})", self.attempt),
            None => write!(f, " (attempt {}, the last)", self.attempt),
        }
    }
}

/// How a supervised task that was neither cancelled nor aborted ended for good.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::{BoxError, Outcome, Supervisor};
///
/// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
/// let import = supervisor.spawn("import", async { Ok::<(), BoxError>(()) });
/// assert_eq!(import.await, Ok(Outcome::Finished));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Without an error.
    Finished,
    /// With an error, which the handler was given.
    Failed,
    /// With a panic, which the handler was given.
    Panicked,
}

/// What [`Supervisor::shutdown`](crate::Supervisor::shutdown) had to do.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::{future::pending, time::Duration};
/// use taskgroup::{BoxError, Report, Supervisor, shield};
///
/// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
/// supervisor.spawn("deaf", async { Ok::<(), BoxError>(shield(pending()).await) });
/// tokio::task::yield_now().await;
/// let report: Report = supervisor.shutdown(Duration::from_secs(5)).await;
/// assert_eq!(report.aborted[0].given(), Some("deaf"));
/// assert!(report.stuck.is_empty());
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The tasks that had not ended within the grace, and were aborted.
    pub aborted: Vec<TaskName>,
    /// Those of them that did not end even so, within as much time again: they block their thread.
    pub stuck: Vec<TaskName>,
}
