//! Structured concurrency for Tokio.

mod blocking;
mod cancel;
mod context;
mod error;
mod group;
mod hold;
mod limit;
mod name;
mod node;
mod restart;
mod scope;
mod shield;
mod shutdown;
mod slab;
mod supervisor;
mod sync;
mod task;
mod trace;

pub use blocking::blocking;
pub use cancel::{CancelScope, TimedOut, move_on_after, move_on_at, timeout, timeout_at};
pub use context::{checkpoint, deadline, is_cancelled, token};
pub use error::{GroupError, TaskPanic};
pub use group::TaskGroup;
pub use limit::{LimitedGroup, map_concurrent};
pub use name::TaskName;
pub use restart::Restart;
pub use scope::{Scope, SlowToStop, scope};
pub use shield::shield;
pub use shutdown::Shutdown;
pub use supervisor::{BoxError, Cause, Failure, Outcome, Report, Spawner, Supervisor};
pub use task::{Task, TaskError};
