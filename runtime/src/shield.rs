//! `shield`.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

use crate::context::{Owner, drive_plain};
use crate::name::TaskName;

/// Runs a future to its end although the scope around it is cancelled, and has the scope wait for it.
///
/// For what must not be left half done, and for cleaning up. Deadlines of outer scopes do not reach into it; a deadline
/// inside it does, and a shield should have one: see [`timeout`](crate::timeout). What it returns is given to the code
/// around it even in a cancelled scope; that code then ends at its next await.
///
/// A shield does not withstand an abort: a scope that is dropped, [`Task::abort`](crate::Task::abort), the end of the
/// grace of [`Supervisor::shutdown`](crate::Supervisor::shutdown) or of the runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::time::Duration;
/// use taskgroup::{move_on_after, shield};
/// use tokio::time::{Instant, sleep};
///
/// let start = Instant::now();
/// move_on_after(Duration::from_secs(1), async {
///     shield(sleep(Duration::from_secs(3))).await;
///     sleep(Duration::from_secs(60)).await;
/// })
/// .await;
/// assert_eq!(start.elapsed().as_secs(), 3);
/// # }
/// ```
#[track_caller]
pub fn shield<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let name = TaskName::at(Location::caller());
    async move {
        let owner = Owner::open(true, None, name);
        let future = pin!(Some(future));
        match drive_plain(owner, future, |_| Poll::Pending).await {
            Some(value) => value,
            // Aborted: whoever did that drops this.
            None => std::future::pending().await,
        }
    }
}
