//! The cancellation core over all interleavings of two or three threads: its own source, with loom's locks and atomics
//! in the place of the standard library's. Not in Miri, in which loom's own threads cannot run.
#![cfg(not(miri))]

#[path = "../src/hold.rs"]
#[allow(dead_code)]
mod hold;
#[path = "../src/name.rs"]
#[allow(dead_code)]
mod name;
#[path = "../src/node.rs"]
#[allow(dead_code)]
mod node;
#[path = "../src/place.rs"]
#[allow(dead_code)]
mod place;
#[path = "../src/pool.rs"]
#[allow(dead_code)]
mod pool;
#[path = "../src/slab.rs"]
#[allow(dead_code)]
mod slab;
#[path = "../src/slot.rs"]
#[allow(dead_code)]
mod slot;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use hold::{Hold, Holds};
use loom::thread;
use name::TaskName;
use node::{ABORTED, CANCELLED, Node, Panic};
use place::Look;
use pool::Pool;
use slot::Slot;

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn new() -> (Arc<Self>, Waker) {
        let woken = Arc::new(Self::default());
        (Arc::clone(&woken), Waker::from(woken))
    }

    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn name() -> TaskName {
    TaskName::from("modelled")
}

type Task = Slot<u8>;

/// The thread all tasks are spawned on, as they are told.
const HOME: u16 = 0;

fn admit(node: &Arc<Node>) -> Option<Arc<Task>> {
    let task = Slot::new(node, name(), HOME);
    task.join().then_some(task)
}

/// The steps of `task.rs` around a task's future, in their order.
impl Task {
    /// The first poll, which has to wait: whether the task goes on.
    fn start(&self, waker: &Waker) -> bool {
        if !self.begin() {
            return false;
        }
        self.place.wait(waker);
        self.level() < CANCELLED
    }

    /// What nobody takes of its result.
    fn end_here(&self) -> Option<u8> {
        self.end_on(HOME)
    }

    fn end_on(&self, thread: u16) -> Option<u8> {
        let left = Slot::end(self, 7, thread);
        self.leave(thread);
        left
    }
}

fn root() -> Arc<Node> {
    Node::root(name())
}

fn child(parent: &Arc<Node>) -> Arc<Node> {
    Node::open(Some(parent), false, None, name())
}

#[test]
fn a_member_admitted_before_the_stop_is_woken_and_one_after_is_refused() {
    loom::model(|| {
        let node = root();
        let (woken, waker) = Woken::new();
        let stopper = Arc::clone(&node);
        let stop = thread::spawn(move || stopper.stop(CANCELLED));
        if let Some(task) = admit(&node) {
            let runs = task.start(&waker);
            stop.join().unwrap();
            assert!(!runs || woken.times() == 1, "nobody tells the task");
            task.end_here();
        } else {
            stop.join().unwrap();
        }
        assert!(admit(&node).is_none());
        assert!(node.close_if_drained());
    });
}

#[test]
fn a_task_that_is_aborted_while_it_begins_sees_it_or_is_woken() {
    loom::model(|| {
        let node = root();
        let task = admit(&node).unwrap();
        let (woken, waker) = Woken::new();
        let handle = Arc::clone(&task);
        let abort = thread::spawn(move || handle.place.abort());
        let runs = task.start(&waker);
        abort.join().unwrap();
        assert!(task.place.is_aborted());
        assert!(!runs || woken.times() == 1, "nobody tells the task");
        task.end_here();
        assert!(node.close_if_drained());
    });
}

#[test]
fn a_result_is_given_to_the_handle_or_left_to_the_task() {
    loom::model(|| {
        let node = root();
        let task = admit(&node).unwrap();
        let handle = Arc::clone(&task);
        let detach = thread::spawn(move || handle.place.detach());
        task.start(Waker::noop());
        let left = task.end_here();
        let given = detach.join().unwrap();
        assert_eq!(left.xor(given), Some(7));
        assert!(node.close_if_drained());
    });
}

#[test]
fn whoever_awaits_a_result_finds_it_or_is_woken() {
    loom::model(|| {
        let node = root();
        let task = admit(&node).unwrap();
        let handle = Arc::clone(&task);
        let end = thread::spawn(move || task.end_here());
        let (woken, waker) = Woken::new();
        let found = matches!(handle.place.look(&waker, |_| true), Look::Ended(7));
        assert_eq!(end.join().unwrap(), None);
        assert!(found || woken.times() == 1, "the handle waits for ever");
        assert!(found || matches!(handle.place.look(&waker, |_| true), Look::Ended(7)));
        assert!(handle.place.has_ended() && handle.place.detach().is_none());
    });
}

#[test]
fn the_owner_is_woken_when_the_last_member_leaves() {
    loom::model(|| {
        let node = root();
        let (woken, waker) = Woken::new();
        let leavers: Vec<_> = (0..2)
            .map(|_| {
                let task = admit(&node).unwrap();
                thread::spawn(move || {
                    task.start(Waker::noop());
                    task.end_here();
                })
            })
            .collect();
        node.set_owner(waker);
        let closed = node.close_if_drained();
        for leaver in leavers {
            leaver.join().unwrap();
        }
        assert!(closed || woken.times() > 0, "the owner waits for ever");
        assert!(node.close_if_drained());
    });
}

#[test]
fn an_owner_that_registers_while_it_looks_is_woken_as_well_and_again_for_later_members() {
    loom::model(|| {
        let node = root();
        let (woken, waker) = Woken::new();
        let leave = |node: &Arc<Node>| {
            let task = admit(node).unwrap();
            thread::spawn(move || {
                task.start(Waker::noop());
                task.end_here();
            })
        };
        for known in [false, true] {
            let before = woken.times();
            let leaver = leave(&node);
            let closed = if known { node.close_or_watch(&waker) } else { node.close_or_own(waker.clone()) };
            leaver.join().unwrap();
            assert!(closed || woken.times() > before, "the owner waits for ever");
            if closed {
                return;
            }
        }
        assert!(node.close_or_watch(&waker));
    });
}

#[test]
fn what_leaves_away_from_home_is_dropped_by_whoever_closes() {
    loom::model(|| {
        for orphaned in [false, true] {
            let node = root();
            let (woken, waker) = Woken::new();
            let (task, other, alive) = (admit(&node).unwrap(), admit(&node).unwrap(), Arc::clone(&woken));
            task.start(&waker);
            drop((woken, waker));
            // The handle is gone: what the task leaves behind is all there is of it.
            assert_eq!(task.place.detach(), None);
            let end = thread::spawn(move || task.end_on(HOME + 1));
            if orphaned {
                node.orphan();
            }
            assert!(!node.close_if_drained());
            other.end_here();
            drop(other);
            end.join().unwrap();
            assert!(node.close_if_drained());
            assert_eq!((Arc::strong_count(&alive), Arc::strong_count(&node)), (1, 1));
        }
    });
}

#[test]
fn nothing_is_admitted_to_a_closed_node() {
    loom::model(|| {
        let node = root();
        let closer = Arc::clone(&node);
        let close = thread::spawn(move || closer.close_if_drained());
        let admitted = admit(&node);
        assert_ne!(close.join().unwrap(), admitted.is_some());
        if let Some(task) = admitted {
            task.end_here();
        }
        assert!(node.close_if_drained());
    });
}

#[test]
fn an_orphan_is_a_member_until_its_own_last_member_has_left() {
    loom::model(|| {
        let parent = root();
        let (woken, waker) = Woken::new();
        parent.set_owner(waker);
        let orphan = child(&parent);
        let task = admit(&orphan).unwrap();
        task.start(Waker::noop());
        let leave = thread::spawn(move || task.end_here());
        let dropped = thread::spawn(move || orphan.orphan());
        let closed = parent.close_if_drained();
        leave.join().unwrap();
        dropped.join().unwrap();
        assert!(closed || woken.times() > 0, "the parent waits for ever");
        assert!(parent.close_if_drained());
    });
}

#[test]
fn a_child_is_stopped_with_its_parent_whenever_it_is_opened() {
    for level in [CANCELLED, ABORTED] {
        loom::model(move || {
            let parent = root();
            let stopper = Arc::clone(&parent);
            let stop = thread::spawn(move || stopper.stop(level));
            let inner = child(&parent);
            let (woken, waker) = Woken::new();
            inner.set_owner(waker);
            // The look of an owner that is about to wait.
            let seen = inner.level();
            let shield = Node::open(Some(&parent), true, None, name());
            stop.join().unwrap();
            assert_eq!(inner.level(), level);
            assert!(seen == level || woken.times() > 0, "the owner is not told");
            assert_eq!(shield.level(), if level == ABORTED { ABORTED } else { 0 });
            assert!(inner.close_if_drained() && shield.close_if_drained() && parent.close_if_drained());
        });
    }
}

#[test]
fn a_panic_in_an_orphan_reaches_its_parent() {
    loom::model(|| {
        let parent = root();
        let orphan = child(&parent);
        let task = admit(&orphan).unwrap();
        task.start(Waker::noop());
        let panics = thread::spawn(move || {
            task.node.panicked(Panic { name: name(), payload: Box::new(()) });
            task.end_here();
        });
        orphan.orphan();
        panics.join().unwrap();
        assert_eq!(parent.take_panics().len(), 1);
        assert!(parent.is_cancelled());
        assert!(parent.close_if_drained());
    });
}

#[test]
fn a_token_is_cancelled_with_its_node_whenever_it_is_made() {
    loom::model(|| {
        let node = root();
        let stopper = Arc::clone(&node);
        let stop = thread::spawn(move || stopper.stop(CANCELLED));
        let token = node.token();
        stop.join().unwrap();
        assert!(token.is_cancelled());
    });
}

#[test]
fn two_stops_leave_the_stronger_one() {
    loom::model(|| {
        let node = root();
        let inner = child(&node);
        let stopper = Arc::clone(&node);
        let stop = thread::spawn(move || stopper.stop(ABORTED));
        node.stop(CANCELLED);
        stop.join().unwrap();
        assert_eq!((node.level(), inner.level()), (ABORTED, ABORTED));
        assert!(inner.close_if_drained());
    });
}

#[test]
fn the_release_of_the_last_hold_is_not_missed() {
    loom::model(|| {
        let holds = Holds::new();
        let (one, two) = (Hold::new(&holds), Hold::new(&holds));
        let release = thread::spawn(move || drop(one));
        let other = thread::spawn(move || drop(two));
        let (woken, waker) = Woken::new();
        holds.wait(&waker);
        let held = holds.is_held();
        release.join().unwrap();
        other.join().unwrap();
        assert!(!holds.is_held());
        assert!(!held || woken.times() > 0, "the owner of the held future waits for ever");
    });
}

type Child = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A child that waits for somebody to set the flag, and notes that it has ended.
fn waiting(flag: &Arc<sync::AtomicBool>, waker: &Arc<sync::Mutex<Option<Waker>>>, ended: &Arc<AtomicUsize>) -> Child {
    let (flag, waker, ended) = (Arc::clone(flag), Arc::clone(waker), Arc::clone(ended));
    Box::pin(poll_fn(move |cx| {
        *sync::lock(&waker) = Some(cx.waker().clone());
        if !flag.load(sync::Ordering::Acquire) {
            return Poll::Pending;
        }
        ended.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(())
    }))
}

#[test]
fn a_child_that_is_woken_while_it_is_polled_is_polled_again() {
    loom::model(|| {
        let (flag, place) = (Arc::new(sync::AtomicBool::new(false)), Arc::new(sync::Mutex::new(None)));
        let (pool, ended) = (Pool::<Child>::new(), Arc::new(AtomicUsize::new(0)));
        pool.push(waiting(&flag, &place, &ended));
        let (set, waker) = (Arc::clone(&flag), Arc::clone(&place));
        let wake = thread::spawn(move || {
            set.store(true, sync::Ordering::Release);
            let waker = sync::lock(&waker).take();
            waker.into_iter().for_each(Waker::wake);
        });
        let (woken, owner) = Woken::new();
        pool.poll(&Context::from_waker(&owner));
        let was_ended = ended.load(Ordering::SeqCst) == 1;
        wake.join().unwrap();
        assert!(was_ended || woken.times() > 0, "the owner is not told that its child goes on");
        pool.poll(&Context::from_waker(&owner));
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        drop(sync::lock(&place).take());
    });
}

#[test]
fn a_child_that_is_added_while_others_are_polled_has_its_turn() {
    loom::model(|| {
        let (flag, place) = (Arc::new(sync::AtomicBool::new(true)), Arc::new(sync::Mutex::new(None)));
        let (pool, ended) = (Pool::<Child>::new(), Arc::new(AtomicUsize::new(0)));
        let (into, child) = (Arc::clone(&pool), waiting(&flag, &place, &ended));
        let add = thread::spawn(move || into.push(child));
        let (woken, owner) = Woken::new();
        pool.poll(&Context::from_waker(&owner));
        let was_ended = ended.load(Ordering::SeqCst) == 1;
        add.join().unwrap();
        assert!(was_ended || woken.times() > 0, "the owner is not told of the child");
        pool.poll(&Context::from_waker(&owner));
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        drop(sync::lock(&place).take());
    });
}

#[test]
fn a_child_that_is_added_while_the_pool_is_cleared_is_dropped() {
    loom::model(|| {
        let (pool, alive) = (Pool::<Child>::new(), Arc::new(()));
        let (into, held) = (Arc::clone(&pool), Arc::clone(&alive));
        let add = thread::spawn(move || {
            into.push(Box::pin(async move {
                std::future::pending::<()>().await;
                drop(held);
            }));
        });
        pool.clear();
        add.join().unwrap();
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}
