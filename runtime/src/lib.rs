//! Structured concurrency for Tokio: tasks that have an owner.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use taskgroup::{TaskError, scope};
//!
//! # async fn fetch(_: &str) -> Result<String, TaskError> { Ok(String::from("page")) }
//! let both = scope(async |group| {
//!     let one = group.spawn(fetch("https://one.example"));
//!     let two = group.spawn(fetch("https://two.example"));
//!     Ok((one.await?, two.await?))
//! })
//! .await;
//! // Here both tasks have ended, whatever happened.
//! assert_eq!(both.unwrap().0, "page");
//! # }
//! ```
//!
//! # The model
//!
//! `tokio::spawn` is a `goto`: from then on something runs that nobody is sure to wait for, whose error nobody is sure to
//! see and which nobody is sure to stop. In a [`scope`] concurrency has the form of the code:
//!
//! - **No task leaks.** A scope returns when every task in it has ended: after success, error, panic, timeout and
//!   cancellation alike.
//! - **No failure is lost.** The first error cancels the siblings and the body; all errors come back in one
//!   [`GroupError`], the first one first. A panic goes on in the parent, after the siblings have ended.
//! - **Cancellation goes inwards, results come outwards.** Whatever ends a scope ends everything inside it, through all
//!   tasks and inner scopes, and waits for that. Code in a cancelled scope is dropped at the next await at which it would
//!   wait; what has to be finished is put in a [`shield`].
//!
//! | you want to | you use |
//! |---|---|
//! | run things at the same time and have all of them | [`scope`], [`TaskGroup::spawn`] |
//! | do so on one task, borrowing from what is around | [`join_scope`], [`JoinGroup::spawn`] |
//! | do so for a long or endless input | [`map_concurrent`], [`TaskGroup::with_limit`] |
//! | stop after a time, or when told to | [`timeout`], [`move_on_after`], [`CancelScope`] |
//! | finish something in spite of that | [`shield`] |
//! | call code that blocks | [`blocking`] |
//! | have tasks in the background that live on | [`Supervisor`] |
//! | end the program in good order | [`Shutdown`], [`Supervisor::shutdown`] |
//!
//! # Beside other ways
//!
//! | | waits for all | on error | on panic | when dropped | in parallel | nests |
//! |---|---|---|---|---|---|---|
//! | **`scope`** | always | cancels the rest, keeps all errors | resumed in the parent, after the rest | aborts; a scope around it waits | yes | cancellation and deadlines are inherited |
//! | **`join_scope`** | always | as `scope` | as `scope` | drops all | no, one task; may borrow | as `scope` |
//! | `tokio::spawn` | if you do | in the handle | in the handle | runs on, detached | yes | no |
//! | `tokio::task::JoinSet` | if you loop | you look, you abort | in the `JoinError` | aborts, does not wait | yes | by dropping |
//! | `tokio_util::task::TaskTracker` | `close` and `wait` | in handles | in handles | runs on | yes | no |
//! | `tokio::join!`, `try_join!` | yes; the first error drops the rest | the first one only | at once, the rest is dropped | drops all | no, one task | by dropping |
//! | `futures-concurrency` | as `join!`, for collections too | the first one, or all with `race_ok` | at once | drops all | no, one task | by dropping |
//! | `moro` | yes | you end the scope with it | at once | drops all | no, one task; may borrow | by dropping |
//!
//! Futures on one task need no `'static` and can be dropped in the middle at no cost: for a fixed handful of them `join!`
//! is right, in a scope as elsewhere, and for any number, with errors and panics as in a scope, there is [`join_scope`].
//!
//! # What it cannot do
//!
//! - **Borrow in a task.** The body of a scope may borrow from its surroundings; a task may not, because a scope's future
//!   that is leaked would leave it running. `Arc`, clones and channels are the way, or [`join_scope`], whose children are
//!   not tasks: they borrow, and run at the same time but not in parallel.
//! - **Wait in `drop`.** A scope whose future is dropped, by `select!` or by Tokio's own `timeout`, aborts its tasks; they
//!   do not run again after the runtime's next turn. If there is a scope of this crate around it, that one waits.
//!   [`timeout`] and [`CancelScope`] end a scope without dropping it.
//! - **Interrupt code that does not await.** A task in a busy loop or in a blocking call delays its scope: [`checkpoint`],
//!   [`is_cancelled`] and [`blocking`]'s token are for those, and the scope says whom it waits for
//!   ([`Scope::slow_after`]).
//! - **Drop half of a future.** Where one branch of a `join!` is in a [`shield`], or waits for an inner scope to end, the
//!   whole future is kept until that is done, and its other branches go on meanwhile. What is to be cancelled apart from
//!   the rest is spawned.
//! - **Reach into other tasks.** What is started with `tokio::spawn` inside a scope is not part of it.
//!
//! # Features
//!
//! - `signal` (on by default): [`Shutdown::on_signals`].
//! - `tracing`: a span for each task; events for tasks that are slow to stop, and for failures that nobody could be given.
//!
//! Every future of this crate is `Send` if what is given to it is. It runs on both flavours of Tokio's runtime, depends on
//! `tokio` and `tokio-util` only (and, when it is compiled, on a macro that Tokio uses as well), and has no unsafe code. The oldest Rust that it builds with is the `rust-version` of its
//! manifest; raising that is not a breaking change.
//!
//! To turn a program that spawns into one of scopes, see [`migration`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]

mod blocking;
mod cancel;
mod context;
mod error;
mod failure;
mod group;
mod hold;
mod join;
mod limit;
mod name;
mod node;
mod place;
mod pool;
#[cfg(test)]
mod pool_tests;
mod restart;
mod scope;
mod seat;
mod shield;
mod shutdown;
mod slab;
mod slot;
mod supervisor;
mod sync;
mod task;
mod trace;

#[doc = include_str!("../MIGRATION.md")]
pub mod migration {}

pub use blocking::blocking;
pub use cancel::{CancelScope, TimedOut, move_on_after, move_on_at, timeout, timeout_at};
pub use context::{checkpoint, deadline, is_cancelled, token};
pub use error::{GroupError, TaskPanic};
pub use failure::{BoxError, Cause, Failure, Outcome, Report};
pub use group::TaskGroup;
pub use join::{JoinGroup, JoinTask, join_scope};
pub use limit::{LimitedGroup, map_concurrent};
pub use name::TaskName;
pub use restart::Restart;
pub use scope::{Scope, SlowToStop, scope};
pub use shield::shield;
pub use shutdown::Shutdown;
pub use supervisor::{Spawner, Supervisor};
pub use task::{Task, TaskError};
