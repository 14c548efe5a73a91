//! Futures that one owner polls by turns, each only when it has been woken.
//!
//! What `FuturesUnordered` does, with locks in the place of unsafe code: a future that is polled lies outside the lock.

use std::collections::VecDeque;
use std::future::Future;
use std::mem::replace;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::slab::Slab;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// The futures, and which of them to poll next.
///
/// They may hold the pool that they are in: [`clear`](Self::clear) is what ends that, and whoever owns the pool calls it.
pub(crate) struct Pool<C> {
    children: Mutex<Children<C>>,
    woken: Arc<Woken>,
}

struct Children<C> {
    table: Slab<Child<C>>,
    /// Nobody polls it any more.
    cleared: bool,
}

struct Child<C> {
    /// Away while it is polled.
    future: Option<C>,
    bell: Arc<Bell>,
}

/// Those that are to be polled, in the order in which they were woken.
#[derive(Default)]
struct Woken(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    keys: VecDeque<u32>,
    owner: Option<Waker>,
}

/// What wakes one future, and through the queue its owner.
struct Bell {
    key: u32,
    /// In the queue: once is enough.
    rung: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.woken.push(self.key);
        }
    }
}

impl Woken {
    /// The owner is woken for the first one: it polls all that it finds, and looks again after that.
    fn push(&self, key: u32) {
        let mut queue = lock(&self.0);
        queue.keys.push_back(key);
        let owner = if queue.keys.len() == 1 { queue.owner.clone() } else { None };
        drop(queue);
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// How many are to be polled now. From here on it is `waker` that is woken for others.
    fn begin(&self, waker: &Waker) -> usize {
        let mut queue = lock(&self.0);
        let before = match &queue.owner {
            Some(owner) if owner.will_wake(waker) => None,
            _ => queue.owner.replace(waker.clone()),
        };
        let woken = queue.keys.len();
        drop(queue);
        drop(before);
        woken
    }

    fn next(&self) -> Option<u32> {
        lock(&self.0).keys.pop_front()
    }

    fn is_empty(&self) -> bool {
        lock(&self.0).keys.is_empty()
    }
}

impl<C> Pool<C> {
    pub(crate) fn new() -> Arc<Self> {
        let children = Children { table: Slab::new(), cleared: false };
        Arc::new(Self { children: Mutex::new(children), woken: Arc::default() })
    }

    /// Drops all futures, and from now on those that are added.
    pub(crate) fn clear(&self) {
        let mut children = lock(&self.children);
        children.cleared = true;
        let table = replace(&mut children.table, Slab::new());
        drop(children);
        drop(table);
    }
}

impl<C: Future<Output = ()> + Unpin> Pool<C> {
    /// Adds a future, to be polled when it is its turn.
    pub(crate) fn push(&self, future: C) {
        let mut children = lock(&self.children);
        if children.cleared {
            drop(children);
            drop(future);
            return;
        }
        let key = children.table.next_key();
        let bell = Arc::new(Bell { key, rung: AtomicBool::new(true), woken: Arc::clone(&self.woken) });
        children.table.insert(Child { future: Some(future), bell });
        drop(children);
        self.woken.push(key);
    }

    /// Polls each future that has been woken once. Those that are woken meanwhile have their turn when `cx` has been woken.
    pub(crate) fn poll(&self, cx: &Context<'_>) {
        for _ in 0..self.woken.begin(cx.waker()) {
            let Some(key) = self.woken.next() else { break };
            // None, if it was woken once more when it had ended.
            let Some((mut future, bell)) = self.take(key) else { continue };
            bell.rung.store(false, Ordering::Release);
            let waker = Waker::from(bell);
            match std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(()) => {
                    let ended = lock(&self.children).table.remove(key);
                    drop((ended, future));
                }
                Poll::Pending => self.put_back(key, future),
            }
        }
        if !self.woken.is_empty() {
            cx.waker().wake_by_ref();
        }
    }

    fn take(&self, key: u32) -> Option<(C, Arc<Bell>)> {
        let mut children = lock(&self.children);
        let child = children.table.get_mut(key)?;
        let future = child.future.take()?;
        Some((future, Arc::clone(&child.bell)))
    }

    fn put_back(&self, key: u32, future: C) {
        let mut children = lock(&self.children);
        if let Some(child) = children.table.get_mut(key) {
            child.future = Some(future);
        }
    }
}
