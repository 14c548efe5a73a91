//! What a scope returns when not all went well.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::name::TaskName;
use crate::node::{Panic, Payload};

/// All that went wrong in a scope, in the order in which it happened: the first error is the one that cancelled the
/// rest, and those that came while the rest was ending are behind it.
///
/// There are no errors in it if nothing failed and the body was cancelled: see [`is_cancelled`](Self::is_cancelled).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::scope;
///
/// let error = scope(async |group| {
///     group.spawn_named("reader", async { Err::<(), _>("no such file") });
///     Err::<(), _>("not ready")
/// })
/// .await
/// .unwrap_err();
/// assert_eq!(error.first(), Some(&"not ready"));
/// # }
/// ```
pub struct GroupError<E> {
    scope: TaskName,
    errors: Vec<(TaskName, E)>,
    panics: Vec<TaskPanic>,
}

impl<E> GroupError<E> {
    pub(crate) fn new(scope: TaskName, errors: Vec<(TaskName, E)>, panics: Vec<TaskPanic>) -> Self {
        Self { scope, errors, panics }
    }

    /// The name of the scope.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::Scope::new().named("mirror").run(async |_| Err::<(), _>("no such file")).await;
    /// assert_eq!(failed.unwrap_err().scope().to_string(), "mirror");
    /// # }
    /// ```
    pub fn scope(&self) -> &TaskName {
        &self.scope
    }

    /// The error that came first. `None` only if the scope was cancelled without an error, or all that failed panicked.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::scope(async |group| {
    ///     group.spawn(async { Err::<(), _>("later") });
    ///     Err::<(), _>("sooner")
    /// });
    /// assert_eq!(failed.await.unwrap_err().first(), Some(&"sooner"));
    /// # }
    /// ```
    pub fn first(&self) -> Option<&E> {
        self.errors.first().map(|(_, error)| error)
    }

    /// The errors, the first one first.
    ///
    /// The body's own error is among them, under the scope's name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use taskgroup::shield;
    ///
    /// let failed = taskgroup::scope(async |group| {
    ///     // It fails while it is being cancelled: that is not lost.
    ///     group.spawn(async { shield(tokio::task::yield_now()).await; Err::<(), _>("not saved") });
    ///     tokio::task::yield_now().await;
    ///     Err::<(), _>("no such host")
    /// });
    /// let error = failed.await.unwrap_err();
    /// assert_eq!(error.iter().copied().collect::<Vec<_>>(), ["no such host", "not saved"]);
    /// # }
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &E> + DoubleEndedIterator {
        self.errors.iter().map(|(_, error)| error)
    }

    /// The errors and the tasks that failed with them, the first one first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::Scope::new().named("mirror").run(async |group| {
    ///     group.spawn_named("reader", async { Err::<(), _>("no such file") });
    ///     Ok(())
    /// });
    /// let error = failed.await.unwrap_err();
    /// assert_eq!(error.scope().given(), Some("mirror"));
    /// let (name, reason) = error.named().next().unwrap();
    /// assert_eq!((name.given(), *reason), (Some("reader"), "no such file"));
    /// # }
    /// ```
    pub fn named(&self) -> impl ExactSizeIterator<Item = (&TaskName, &E)> + DoubleEndedIterator {
        self.errors.iter().map(|(name, error)| (name, error))
    }

    /// How many errors there are; panics are not counted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = taskgroup::scope(async |_| Err::<(), _>("no such host")).await.unwrap_err();
    /// assert_eq!(error.len(), 1);
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// Whether there is no error. There may still be [`panics`](Self::panics).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::{convert::Infallible, future::pending};
    /// let ended = taskgroup::scope(async |group| {
    ///     group.cancel();
    ///     pending::<Result<(), Infallible>>().await
    /// });
    /// assert!(ended.await.unwrap_err().is_empty());
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The panics: always none, unless the scope was told to [`catch_panics`](crate::Scope::catch_panics).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let ended = taskgroup::Scope::new().catch_panics().run(async |group| {
    ///     group.spawn(async { if true { panic!("no input") } else { Ok::<_, Infallible>(()) } });
    ///     Ok(())
    /// });
    /// let error = ended.await.unwrap_err();
    /// assert!(error.is_empty() && error.panics().len() == 1);
    /// # }
    /// ```
    pub fn panics(&self) -> &[TaskPanic] {
        &self.panics
    }

    /// Whether nothing failed: the body was cancelled, by [`TaskGroup::cancel`](crate::TaskGroup::cancel) or by a token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::{convert::Infallible, future::pending};
    ///
    /// let ended = taskgroup::scope(async |group| {
    ///     group.cancel();
    ///     pending::<Result<(), Infallible>>().await
    /// });
    /// let error = ended.await.unwrap_err();
    /// assert!(error.is_cancelled() && error.first().is_none());
    /// # }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.errors.is_empty() && self.panics.is_empty()
    }

    /// The first error alone. Whoever calls this has decided that the others may be forgotten.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// async fn load() -> Result<(), String> {
    ///     let loaded = taskgroup::scope(async |group| {
    ///         group.spawn(async { Err::<(), _>(String::from("no such file")) });
    ///         Ok(())
    ///     });
    ///     loaded.await.map_err(|error| error.into_first().unwrap_or_else(|| String::from("cancelled")))
    /// }
    /// assert_eq!(load().await, Err(String::from("no such file")));
    /// # }
    /// ```
    pub fn into_first(self) -> Option<E> {
        self.errors.into_iter().next().map(|(_, error)| error)
    }

    /// The same with each error turned into another.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::scope(async |_| Err::<(), _>("7")).await;
    /// let error = failed.unwrap_err().map(|text| text.len());
    /// assert_eq!(error.first(), Some(&1));
    /// # }
    /// ```
    pub fn map<F>(self, mut f: impl FnMut(E) -> F) -> GroupError<F> {
        let errors = self.errors.into_iter().map(|(name, error)| (name, f(error))).collect();
        GroupError { scope: self.scope, errors, panics: self.panics }
    }

    /// Takes the errors apart: those for which `f` is true, and the rest with the panics. A side with nothing in it is
    /// `None`, so that a handler that knows one kind of error returns the rest with no more than a `match`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let failed = taskgroup::scope(async |group| {
    ///     group.spawn(async { Err::<(), _>("busy") });
    ///     Ok(())
    /// });
    /// let (busy, other) = failed.await.unwrap_err().split_by(|error| *error == "busy");
    /// assert_eq!(busy.unwrap().len(), 1);
    /// assert!(other.is_none());
    /// # }
    /// ```
    pub fn split_by(self, mut f: impl FnMut(&E) -> bool) -> (Option<Self>, Option<Self>) {
        let cancelled = self.is_cancelled();
        let (yes, no): (Vec<_>, Vec<_>) = self.errors.into_iter().partition(|(_, error)| f(error));
        let matched = (!yes.is_empty()).then(|| Self::new(self.scope.clone(), yes, Vec::new()));
        let rest = cancelled || !no.is_empty() || !self.panics.is_empty();
        (matched, rest.then(|| Self::new(self.scope, no, self.panics)))
    }
}

impl<E> GroupError<E>
where
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    /// For errors that are not [`Error`] themselves, as `Box<dyn Error + Send + Sync>` and `anyhow::Error`: the same as
    /// one boxed error that prints the tree and has the first error for its source.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// async fn load() -> Result<(), BoxError> {
    ///     let loaded = taskgroup::scope(async |group| {
    ///         group.spawn(async { Err::<(), BoxError>("no such file".into()) });
    ///         Ok(())
    ///     });
    ///     Ok(loaded.await.map_err(|error| error.into_boxed())?)
    /// }
    /// let error = load().await.unwrap_err();
    /// assert_eq!(error.source().unwrap().to_string(), "no such file");
    /// # }
    /// ```
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync> {
        Box::new(self.map(|error| Boxed(error.into())))
    }
}

/// A boxed error as an error.
struct Boxed(Box<dyn Error + Send + Sync>);

impl fmt::Debug for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Boxed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl<E> IntoIterator for GroupError<E> {
    type Item = E;
    type IntoIter = std::iter::Map<std::vec::IntoIter<(TaskName, E)>, fn((TaskName, E)) -> E>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter().map(|(_, error)| error)
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("GroupError");
        out.field("scope", &self.scope).field("errors", &self.errors).field("panics", &self.panics).finish()
    }
}

/// A tree: a line for the scope, a branch for each error and panic. An error of several lines, such as that of an inner
/// scope, is a tree of its own under its branch.
impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.errors.len() + self.panics.len();
        match count {
            0 => return write!(f, "the scope {} was cancelled", self.scope),
            1 => write!(f, "1 failure in the scope {}", self.scope)?,
            _ => write!(f, "{count} failures in the scope {}", self.scope)?,
        }
        let errors = self.errors.iter().map(|(name, error)| format!("{name}: {error}"));
        let panics = self.panics.iter().map(ToString::to_string);
        for (at, failure) in errors.chain(panics).enumerate() {
            let (branch, below) = if at + 1 == count { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            for (row, line) in failure.lines().enumerate() {
                write!(f, "\n{}{line}", if row == 0 { branch } else { below })?;
            }
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.first().map(|error| error as &(dyn Error + 'static))
    }
}

/// A task's panic, from a scope that was told to [`catch_panics`](crate::Scope::catch_panics), or in a
/// [`Supervisor`](crate::Supervisor)'s report.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use std::convert::Infallible;
/// let ended = taskgroup::Scope::new().catch_panics().run(async |group| {
///     group.spawn_named("parser", async { if true { panic!("no input") } else { Ok::<_, Infallible>(()) } });
///     Ok(())
/// });
/// let error = ended.await.unwrap_err();
/// assert_eq!(error.panics()[0].name().given(), Some("parser"));
/// assert_eq!(error.panics()[0].message(), Some("no input"));
/// # }
/// ```
pub struct TaskPanic {
    name: TaskName,
    /// In a lock only for `Sync`, which the payload is not.
    payload: Mutex<Payload>,
    message: Option<String>,
}

impl TaskPanic {
    pub(crate) fn new(panic: Panic) -> Self {
        let message = panic.payload.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| panic.payload.downcast_ref::<String>().cloned());
        Self { name: panic.name, payload: Mutex::new(panic.payload), message }
    }

    /// The task that panicked.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use std::convert::Infallible;
    /// let ended = taskgroup::Scope::new().catch_panics().run(async |group| {
    ///     group.spawn_named("parser", async { if true { panic!("no input") } else { Ok::<_, Infallible>(()) } });
    ///     Ok(())
    /// });
    /// assert_eq!(ended.await.unwrap_err().panics()[0].name().to_string(), "parser");
    /// # }
    /// ```
    pub fn name(&self) -> &TaskName {
        &self.name
    }

    /// What `panic!` was given, if that was text.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use taskgroup::{BoxError, Cause, Supervisor};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tell, told) = mpsc::channel();
    /// let mut supervisor = Supervisor::new(move |failure| {
    ///     if let Cause::Panic(panic) = &failure.cause {
    ///         drop(tell.send(panic.message().map(ToString::to_string)));
    ///     }
    /// });
    /// supervisor.spawn("import", async { if true { panic!("no input") } else { Ok::<_, BoxError>(()) } });
    /// supervisor.idle().await;
    /// assert_eq!(told.recv().unwrap().as_deref(), Some("no input"));
    /// # }
    /// ```
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What the panic carries, for [`std::panic::resume_unwind`].
    ///
    /// ```
    /// use taskgroup::{Cause, Failure};
    ///
    /// /// Lets a panic go on that is not the one that is known.
    /// fn handle(failure: Failure) {
    ///     match failure.cause {
    ///         Cause::Panic(panic) if panic.message() != Some("no input") => std::panic::resume_unwind(panic.into_payload()),
    ///         other => eprintln!("{other:?}"),
    ///     }
    /// }
    /// ```
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPanic").field("name", &self.name).field("message", &self.message).finish_non_exhaustive()
    }
}

impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{} panicked: {message}", self.name),
            None => write!(f, "{} panicked", self.name),
        }
    }
}

impl Error for TaskPanic {}
