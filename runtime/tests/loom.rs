//! The cancellation core over all interleavings of two or three threads: its own source, with loom's locks and atomics
//! in the place of the standard library's.

#[path = "../src/hold.rs"]
#[allow(dead_code)]
mod hold;
#[path = "../src/name.rs"]
#[allow(dead_code)]
mod name;
#[path = "../src/node.rs"]
#[allow(dead_code)]
mod node;
#[path = "../src/slab.rs"]
#[allow(dead_code)]
mod slab;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use hold::{Hold, Holds};
use loom::thread;
use name::TaskName;
use node::{ABORTED, CANCELLED, Node, Panic, Place};

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

/// The first poll of a task.
fn start(node: &Node, waker: &Waker) -> Option<usize> {
    let place = Place::new();
    node.start(name(), waker, &place).then(|| place.key().expect("one that has begun has a place"))
}

fn child(parent: &Arc<Node>) -> Arc<Node> {
    Node::open(Some(parent), false, None, name())
}

#[test]
fn a_member_admitted_before_the_stop_is_woken_and_one_after_is_refused() {
    loom::model(|| {
        let node = Node::root();
        let (woken, waker) = Woken::new();
        let stopper = Arc::clone(&node);
        let stop = thread::spawn(move || stopper.stop(CANCELLED));
        if node.admit() {
            let key = start(&node, &waker);
            stop.join().unwrap();
            assert_eq!(woken.times(), usize::from(key.is_some()));
            node.leave(key);
        } else {
            stop.join().unwrap();
        }
        assert!(!node.admit());
        assert!(node.close_if_drained());
    });
}

#[test]
fn a_task_that_is_aborted_while_it_begins_sees_it_or_is_woken() {
    loom::model(|| {
        let node = Node::root();
        assert!(node.admit());
        let place = Arc::new(Place::new());
        let (woken, waker) = Woken::new();
        let (aborter, aborted) = (Arc::clone(&node), Arc::clone(&place));
        let abort = thread::spawn(move || aborter.abort(&aborted));
        let begun = node.start(name(), &waker, &place);
        let seen = place.is_aborted();
        abort.join().unwrap();
        assert!(place.is_aborted());
        assert!(!begun || seen || woken.times() == 1, "nobody tells the task");
        assert_eq!(place.key().is_some(), begun);
        node.leave(place.key());
        assert!(node.close_if_drained());
    });
}

#[test]
fn the_owner_is_woken_when_the_last_member_leaves() {
    loom::model(|| {
        let node = Node::root();
        let (woken, waker) = Woken::new();
        let leavers: Vec<_> = (0..2)
            .map(|_| {
                assert!(node.admit());
                let node = Arc::clone(&node);
                thread::spawn(move || {
                    let key = start(&node, Waker::noop());
                    node.leave(key);
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
        let node = Node::root();
        let (woken, waker) = Woken::new();
        let leave = |node: &Arc<Node>| {
            assert!(node.admit());
            let node = Arc::clone(node);
            thread::spawn(move || {
                let key = start(&node, Waker::noop());
                node.leave(key);
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
fn nothing_is_admitted_to_a_closed_node() {
    loom::model(|| {
        let node = Node::root();
        let closer = Arc::clone(&node);
        let close = thread::spawn(move || closer.close_if_drained());
        let admitted = node.admit();
        assert_ne!(close.join().unwrap(), admitted);
        if admitted {
            node.leave(None);
        }
        assert!(node.close_if_drained());
    });
}

#[test]
fn an_orphan_is_a_member_until_its_own_last_member_has_left() {
    loom::model(|| {
        let parent = Node::root();
        let (woken, waker) = Woken::new();
        parent.set_owner(waker);
        let orphan = child(&parent);
        assert!(orphan.admit());
        let key = start(&orphan, Waker::noop());
        let member = Arc::clone(&orphan);
        let leave = thread::spawn(move || member.leave(key));
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
            let parent = Node::root();
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
        let parent = Node::root();
        let orphan = child(&parent);
        assert!(orphan.admit());
        let key = start(&orphan, Waker::noop());
        let member = Arc::clone(&orphan);
        let panics = thread::spawn(move || {
            member.panicked(Panic { name: name(), payload: Box::new(()) });
            member.leave(key);
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
        let node = Node::root();
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
        let node = Node::root();
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
