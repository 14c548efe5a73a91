//! `blocking`.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::context::{Work, hold, token, yield_if_cancelled};
use crate::name::TaskName;
use crate::node::Panic;

/// Runs synchronous code on Tokio's blocking pool and gives back what it returns.
///
/// A running closure cannot be interrupted from outside. It is given a token that is cancelled with the scope, which it
/// may look at between two steps. Whoever awaits this in a cancelled scope is given the result all the same, and ends
/// at its next await; the scope waits for the closure in any case.
///
/// If this future or the scope is dropped instead, the closure's result is dropped when it returns; a surrounding scope
/// that is still there waits for that, and resumes its panic.
///
/// # Panics
///
/// With the closure's panic, and outside a Tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sum = taskgroup::blocking(|token| {
///     (1..=1_000_u32).take_while(|_| !token.is_cancelled()).sum::<u32>()
/// })
/// .await;
/// assert_eq!(sum, 500_500);
/// # }
/// ```
#[track_caller]
pub fn blocking<T, F>(f: F) -> impl Future<Output = T> + Send
where
    T: Send + 'static,
    F: FnOnce(CancellationToken) -> T + Send + 'static,
{
    let name = TaskName::at(Location::caller());
    async move {
        yield_if_cancelled().await;
        let (token, work, held) = (token(), Work::begin(name.clone()), hold());
        let (give, take) = oneshot::channel();
        // The handle is not needed: the channel tells when the closure has ended, and `work` tells the scope.
        drop(tokio::task::spawn_blocking(move || {
            let result = catch_unwind(AssertUnwindSafe(|| f(token)));
            if let Err(unwanted) = give.send(result) {
                let dropped = catch_unwind(AssertUnwindSafe(|| unwanted.map(drop)));
                if let Err(payload) = dropped.and_then(|result| result) {
                    work.panicked(Panic { name, payload });
                }
            }
            drop(work);
        }));
        let result = take.await;
        drop(held);
        match result {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => resume_unwind(panic),
            // The runtime is shutting down and never ran the closure: it drops this future, too.
            Err(_) => std::future::pending().await,
        }
    }
}
