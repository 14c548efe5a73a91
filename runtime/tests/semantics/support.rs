//! What the tests have in common.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::runtime::{Builder, Handle};

/// Counts how many guards there are, and how many there have been.
#[derive(Clone, Default)]
pub struct Count {
    live: Arc<AtomicUsize>,
    made: Arc<AtomicUsize>,
}

pub struct Guard(Arc<AtomicUsize>);

impl Count {
    pub fn guard(&self) -> Guard {
        self.live.fetch_add(1, Ordering::SeqCst);
        self.made.fetch_add(1, Ordering::SeqCst);
        Guard(Arc::clone(&self.live))
    }

    pub fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    pub fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs a test on a current-thread and on a multi-thread runtime.
pub fn on_both<F, Fut>(test: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    let multi = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // As a task, so that it runs on a worker and the compiler is shown that it is `Send`.
    multi.block_on(async { tokio::spawn(test()).await.unwrap() });
}

/// The number of the runtime's live tasks.
pub fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// What a future panics with.
pub async fn panic_of<F: Future>(future: F) -> String {
    let mut future = std::pin::pin!(AssertUnwindSafe(future));
    let caught = std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(|_| None),
        Err(panic) => Poll::Ready(Some(panic)),
    });
    let panic = caught.await.expect("it panics");
    panic.downcast_ref::<&str>().map(ToString::to_string).expect("the original payload")
}
