//! What a task, its handle and its node share: who the task is, where it belongs, and its [`Place`].

use std::sync::Arc;
use std::task::Waker;

use crate::name::TaskName;
use crate::node::{ABORTED, CANCELLED, Member, Node};
use crate::place::Place;

/// A task as all see it, whatever its future is. One allocation, and no larger than it has to be: it is made for each task.
pub(crate) struct Slot<R> {
    pub(crate) node: Arc<Node>,
    pub(crate) name: TaskName,
    pub(crate) place: Place<R>,
}

impl<R: Send + 'static> Slot<R> {
    /// A task that is about to be given to the runtime.
    pub(crate) fn new(node: &Arc<Node>, name: TaskName, home: u16) -> Arc<Self> {
        Arc::new(Self { node: Arc::clone(node), name, place: Place::new(home) })
    }

    /// Makes it a member of its group, unless that is stopped or closed.
    pub(crate) fn join(self: &Arc<Self>) -> bool {
        let member: Arc<dyn Member> = Arc::<Self>::clone(self);
        let key = self.node.admit(member);
        if let Some(key) = key {
            self.place.set_key(key);
        }
        key.is_some()
    }

    /// The first poll: whether the task may begin.
    pub(crate) fn begin(&self) -> bool {
        let begins = self.level() < CANCELLED;
        if begins {
            self.place.begin();
        }
        begins
    }

    /// How the task has to end, if it has to: as its node, or by itself.
    pub(crate) fn level(&self) -> u8 {
        if self.place.is_aborted() { ABORTED } else { self.node.level() }
    }

    /// The task has ended, on this thread. What it returns is what nobody will take.
    pub(crate) fn end(&self, result: R, thread: u16) -> Option<R> {
        self.place.end(result, self.is_at_home(thread))
    }

    /// Whether this thread is the one it was spawned on.
    pub(crate) fn is_at_home(&self, thread: u16) -> bool {
        thread == self.place.home()
    }

    /// Leaves the group, on this thread.
    pub(crate) fn leave(&self, thread: u16) {
        self.node.leave(self.place.key(), !self.is_at_home(thread));
    }
}

impl<R: Send + 'static> Member for Slot<R> {
    fn name(&self) -> Option<&TaskName> {
        self.place.has_begun().then_some(&self.name)
    }

    fn waker(&self) -> Option<Waker> {
        self.place.waker()
    }
}
