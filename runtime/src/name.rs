//! What a task is called in errors, reports and events.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The name of a task: the one given to it, or else the place in the source where it was spawned.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use std::convert::Infallible;
/// taskgroup::scope(async |group| {
///     let named = group.spawn_named("reader", async { Ok::<_, Infallible>(()) });
///     assert_eq!(named.name().to_string(), "reader");
///     let unnamed = group.spawn(async { Ok(()) });
///     assert!(unnamed.name().to_string().contains(".rs:"));
///     Ok(())
/// })
/// .await
/// .unwrap();
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TaskName(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Given(Arc<str>),
    At(&'static Location<'static>),
}

impl TaskName {
    pub(crate) fn at(location: &'static Location<'static>) -> Self {
        Self(Repr::At(location))
    }

    /// The name that was given, if one was; a place in the source is not a given name.
    ///
    /// ```
    /// use taskgroup::TaskName;
    ///
    /// assert_eq!(TaskName::from("reader").given(), Some("reader"));
    /// ```
    pub fn given(&self) -> Option<&str> {
        match &self.0 {
            Repr::Given(name) => Some(name),
            Repr::At(_) => None,
        }
    }
}

impl From<&str> for TaskName {
    fn from(name: &str) -> Self {
        Self(Repr::Given(name.into()))
    }
}

impl From<String> for TaskName {
    fn from(name: String) -> Self {
        Self(Repr::Given(name.into()))
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Given(name) => f.write_str(name),
            Repr::At(location) => write!(f, "{location}"),
        }
    }
}

impl fmt::Debug for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
