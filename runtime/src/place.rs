//! A task's place: what the task, its handle and its node share.
//!
//! Each has a lock of its own. What all tasks of a group do under one lock, that of their node, is to come and to leave:
//! with tasks on several threads nothing costs more than waiting for that lock.

use std::mem::replace;
use std::task::Waker;

use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// Where a task is in its node, whom to wake for it and, when it has ended, with what.
pub(crate) struct Place<R> {
    /// The key in the node; in the lowest bit, whether the task has been aborted.
    key: AtomicUsize,
    fate: Mutex<Fate<R>>,
}

const ABORT: usize = 1;

/// `task` is there from the first poll on.
enum Fate<R> {
    Running {
        task: Option<Waker>,
        awaiting: Option<Waker>,
    },
    /// Running without a handle: nobody will want the result.
    Detached {
        task: Option<Waker>,
    },
    Ended(R),
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
    pub(crate) fn new() -> Self {
        Self { key: AtomicUsize::new(0), fate: Mutex::new(Fate::Running { task: None, awaiting: None }) }
    }

    /// Before the task is given to the runtime and its handle to anybody.
    pub(crate) fn set_key(&self, key: usize) {
        self.key.store(key << 1, Ordering::Relaxed);
    }

    pub(crate) fn key(&self) -> usize {
        self.key.load(Ordering::Relaxed) >> 1
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.key.load(Ordering::Acquire) & ABORT != 0
    }

    /// The first poll. Whoever stops the task from now on wakes it; whether it has been stopped before is to be looked
    /// at after this.
    pub(crate) fn begin(&self, waker: &Waker) {
        let waker = waker.clone();
        if let Fate::Running { task, .. } | Fate::Detached { task } = &mut *lock(&self.fate) {
            *task = Some(waker);
        }
    }

    /// The task's waker, if it has begun and not ended. One that has not begun needs no waking: it is already queued.
    pub(crate) fn waker(&self) -> Option<Waker> {
        match &*lock(&self.fate) {
            Fate::Running { task, .. } | Fate::Detached { task } => task.clone(),
            Fate::Ended(_) | Fate::Taken => None,
        }
    }

    /// Aborts the task, and has it look at that if it has begun.
    pub(crate) fn abort(&self) {
        self.key.fetch_or(ABORT, Ordering::Release);
        if let Some(waker) = self.waker() {
            waker.wake();
        }
    }

    /// The task has ended. What it returns is what nobody will take.
    pub(crate) fn end(&self, result: R) -> Option<R> {
        let mut fate = lock(&self.fate);
        match replace(&mut *fate, Fate::Taken) {
            Fate::Running { task, awaiting } => {
                *fate = Fate::Ended(result);
                drop(fate);
                drop(task);
                if let Some(waker) = awaiting {
                    waker.wake();
                }
                None
            }
            before => {
                drop(fate);
                drop(before);
                Some(result)
            }
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(*lock(&self.fate), Fate::Ended(_) | Fate::Taken)
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
            Fate::Ended(result) if !take(result) => Look::Left,
            Fate::Ended(_) | Fate::Detached { .. } | Fate::Taken => match replace(&mut *fate, Fate::Taken) {
                Fate::Ended(result) => Look::Ended(result),
                _ => Look::Taken,
            },
        }
    }

    /// The handle is gone. What it returns is the result that nobody has taken.
    pub(crate) fn detach(&self) -> Option<R> {
        let mut fate = lock(&self.fate);
        match replace(&mut *fate, Fate::Taken) {
            Fate::Running { task, awaiting } => {
                *fate = Fate::Detached { task };
                drop(fate);
                drop(awaiting);
                None
            }
            Fate::Ended(result) => Some(result),
            Fate::Detached { .. } | Fate::Taken => None,
        }
    }
}
