//! A task's place: what the task, its handle and its node share.
//!
//! Each has flags and a lock of its own. What all tasks of a group do under one lock, that of their node, is to come and to
//! leave: with tasks on several threads nothing costs more than waiting for that lock.

use std::mem::replace;
use std::sync::Arc;
use std::task::Waker;

use crate::hold::{Hold, Holds};
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Mutex, Ordering, lock};

/// Where a task is in its node, whom to wake for it and, when it has ended, with what.
pub(crate) struct Place<R> {
    /// The key in the node.
    key: AtomicU32,
    /// What happens once, and may at any time.
    flags: AtomicU8,
    /// Not one of the flags: nobody else sets it, and to store is cheaper than to add to what others may write.
    has_begun: AtomicBool,
    /// Which thread spawned it.
    home: u16,
    fate: Mutex<Fate<R>>,
}

/// The task has been aborted.
const ABORTED: u8 = 1;
/// The handle has been dropped.
const DETACHED: u8 = 2;
/// The task has ended, and the result is there for the handle. Not set where it ends after the handle has been dropped.
const ENDED: u8 = 4;

enum Fate<R> {
    Running {
        /// Of the task, from its first wait on.
        task: Option<Waker>,
        /// Of whoever awaits the handle.
        awaiting: Option<Waker>,
        /// What is open in the task. Made by the first inner scope: most tasks have none.
        holds: Option<Arc<Holds>>,
    },
    Ended {
        result: R,
        /// Of the task, if it ended away from home.
        _task: Option<Waker>,
    },
    Taken,
}

/// What there is for somebody who awaits a task.
pub(crate) enum Look<R> {
    /// Nothing yet: the waker is kept.
    Running,
    /// A result that was not to be taken.
    Left,
    Ended(R),
    Taken,
}

impl<R> Place<R> {
    pub(crate) fn new(home: u16) -> Self {
        Self {
            key: AtomicU32::new(0),
            flags: AtomicU8::new(0),
            has_begun: AtomicBool::new(false),
            home,
            fate: Mutex::new(Fate::Running { task: None, awaiting: None, holds: None }),
        }
    }

    /// Before the task is given to the runtime and its handle to anybody.
    pub(crate) fn set_key(&self, key: u32) {
        self.key.store(key, Ordering::Relaxed);
    }

    pub(crate) fn key(&self) -> u32 {
        self.key.load(Ordering::Relaxed)
    }

    pub(crate) fn home(&self) -> u16 {
        self.home
    }

    fn is(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    /// The first poll.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// The first wait. Whoever stops the task from now on wakes it; whether it has been stopped before is to be looked at
    /// after this.
    pub(crate) fn wait(&self, waker: &Waker) {
        let waker = waker.clone();
        if let Fate::Running { task, .. } = &mut *lock(&self.fate) {
            *task = Some(waker);
        }
    }

    /// Whom to wake for the task. One that has not waited needs no waking: it is queued, or will look.
    pub(crate) fn waker(&self) -> Option<Waker> {
        match &*lock(&self.fate) {
            Fate::Running { task, .. } => task.clone(),
            Fate::Ended { .. } | Fate::Taken => None,
        }
    }

    /// Opens something in the task that it is not to be dropped from under.
    pub(crate) fn hold(&self) -> Option<Hold> {
        match &mut *lock(&self.fate) {
            Fate::Running { holds, .. } => Some(Hold::new(holds.get_or_insert_with(Holds::new))),
            Fate::Ended { .. } | Fate::Taken => None,
        }
    }

    /// What has ever been open in the task.
    pub(crate) fn holds(&self) -> Option<Arc<Holds>> {
        match &*lock(&self.fate) {
            Fate::Running { holds, .. } => holds.clone(),
            Fate::Ended { .. } | Fate::Taken => None,
        }
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.is(ABORTED)
    }

    /// Aborts the task, and has it look at that if it waits.
    pub(crate) fn abort(&self) {
        self.flags.fetch_or(ABORTED, Ordering::Release);
        if let Some(waker) = self.waker() {
            waker.wake();
        }
    }

    /// The task has ended. What it returns is what nobody will take.
    ///
    /// Not `at_home`, the task's waker is not dropped here: see [`Node::leave`](crate::node::Node::leave).
    pub(crate) fn end(&self, result: R, at_home: bool) -> Option<R> {
        if self.is(DETACHED) {
            return Some(result);
        }
        let mut fate = lock(&self.fate);
        let Fate::Running { mut task, awaiting, holds } = replace(&mut *fate, Fate::Taken) else { return Some(result) };
        *fate = Fate::Ended { result, _task: if at_home { None } else { task.take() } };
        drop(fate);
        let detached = self.flags.fetch_or(ENDED, Ordering::AcqRel) & DETACHED != 0;
        drop((task, holds));
        if let Some(waker) = awaiting {
            waker.wake();
        }
        if detached { self.take() } else { None }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.is(ENDED)
    }

    /// The handle looks for the result, and takes it if `take` says so.
    pub(crate) fn look(&self, waker: &Waker, take: impl FnOnce(&R) -> bool) -> Look<R> {
        let mut fate = lock(&self.fate);
        match &mut *fate {
            Fate::Running { awaiting, .. } => {
                if awaiting.as_ref().is_none_or(|awaiting| !awaiting.will_wake(waker)) {
                    *awaiting = Some(waker.clone());
                }
                Look::Running
            }
            Fate::Ended { result, .. } if !take(result) => Look::Left,
            last => {
                let last = replace(last, Fate::Taken);
                drop(fate);
                match last {
                    Fate::Ended { result, .. } => Look::Ended(result),
                    Fate::Running { .. } | Fate::Taken => Look::Taken,
                }
            }
        }
    }

    /// The handle is dropped. What it returns is the result that nobody has taken.
    pub(crate) fn detach(&self) -> Option<R> {
        let ended = self.flags.fetch_or(DETACHED, Ordering::AcqRel) & ENDED != 0;
        if ended { self.take() } else { None }
    }

    fn take(&self) -> Option<R> {
        let last = replace(&mut *lock(&self.fate), Fate::Taken);
        match last {
            Fate::Ended { result, .. } => Some(result),
            Fate::Running { .. } | Fate::Taken => None,
        }
    }
}
