//! Holds: what keeps a cancelled future from being dropped while an inner scope or a shield in it has still to end.

use std::sync::Arc;
use std::task::Waker;

use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// The holds on one future, counted.
pub(crate) struct Holds {
    count: AtomicUsize,
    /// Who waits for the last hold to be released.
    waiter: Mutex<Option<Waker>>,
}

impl Holds {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), waiter: Mutex::new(None) })
    }

    pub(crate) fn is_held(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Has `waker` woken at the last release. Look at `is_held` again after this.
    pub(crate) fn wait(&self, waker: &Waker) {
        let before = lock(&self.waiter).replace(waker.clone());
        drop(before);
    }
}

/// One hold, released when dropped.
pub(crate) struct Hold(Arc<Holds>);

impl Hold {
    pub(crate) fn new(holds: &Arc<Holds>) -> Self {
        holds.count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(holds))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waiter = lock(&self.0.waiter).take();
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }
    }
}
