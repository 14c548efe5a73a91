//! The cancellation core: a tree of nodes, one for each scope, that knows who is in it and tells them when to stop.
//!
//! Invariants, which `tests/loom.rs` checks over all interleavings:
//!
//! - a member admitted before the node is stopped is woken by `stop`, one admitted later is refused;
//! - the owner of a draining node is woken when the last member leaves, and not lost between its look and its wait;
//! - once a node is closed nothing is admitted to it;
//! - a node whose owner is dropped counts as a member of its parent until its own last member has left.
//!
//! No code of the user's and no waker runs under a lock, and nothing here recurses over the depth of the tree.

use std::any::Any;
use std::mem::take;
use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hold::{Hold, Holds};
use crate::name::TaskName;
use crate::slab::Slab;
use crate::sync::{AtomicU8, Mutex, MutexGuard, Ordering, lock};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// A panic and who it was.
pub(crate) struct Panic {
    pub(crate) name: TaskName,
    pub(crate) payload: Payload,
}

/// Everything in the node ends at its next await; inner scopes are awaited, shields finish.
pub(crate) const CANCELLED: u8 = 1;
/// Everything in the node is dropped when the runtime next gets to it: its owner is gone.
pub(crate) const ABORTED: u8 = 2;

/// Whom a node waits for: a task, an inner scope, or a closure on the blocking pool.
pub(crate) trait Member: Send + Sync {
    /// The name of a task that has begun and of work: an inner scope is not told of by itself.
    fn name(&self) -> Option<&TaskName>;

    /// Whom to wake for the member when it is to stop, if it waits.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// The node of an inner scope.
    fn inner(self: Arc<Self>) -> Option<Arc<Node>> {
        None
    }
}

/// Something that can only be waited for: a closure on the blocking pool.
struct Work(TaskName);

impl Member for Work {
    fn name(&self) -> Option<&TaskName> {
        Some(&self.0)
    }
}

impl Member for Node {
    fn name(&self) -> Option<&TaskName> {
        None
    }

    fn inner(self: Arc<Self>) -> Option<Arc<Node>> {
        Some(self)
    }
}

/// In this order in memory: what members write when they come and go (the count of references is in front) is as far as can
/// be from the level, which they all read whenever they are polled. A line of the cache that two threads write is slow to read.
#[repr(C)]
pub(crate) struct Node {
    state: Mutex<State>,
    /// The enclosing node and this node's place among its members.
    parent: Option<(Arc<Node>, u32)>,
    name: TaskName,
    deadline: Option<Instant>,
    shielded: bool,
    level: AtomicU8,
}

/// So many of them are kept at least until there is somebody to drop them.
const LEFT: usize = 16;

type Failures<E> = Vec<(TaskName, E)>;

/// What is written most comes first, for the same reason.
#[repr(C)]
struct State {
    /// An inner scope's node is in here, and has its parent in it, until it is closed.
    members: Slab<Arc<dyn Member>>,
    owner: Option<Waker>,
    phase: Phase,
    /// Made when first needed: most nodes never do, and a small node is sooner made and sooner read by another thread.
    rare: Option<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    panics: Vec<Panic>,
    /// A vector of names and errors of the group's type.
    failures: Option<Box<dyn Any + Send>>,
    token: Option<CancellationToken>,
    /// What is open in the owner's future. Made by the first inner scope.
    holds: Option<Arc<Holds>>,
    left: Vec<Left>,
}

/// A member that has left on another thread than it was spawned on. See [`Node::leave`].
type Left = Arc<dyn Member>;

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Open,
    /// The owner wants to be told when the members have left.
    Draining,
    /// The owner was dropped; the last member to leave closes the node.
    Orphaned,
    Closed,
}

impl Node {
    pub(crate) fn root(name: TaskName) -> Arc<Self> {
        Arc::new(Self::new(None, name, false, None, 0))
    }

    /// A node under `parent`: a member of it, and unless `shielded` cancelled with it.
    pub(crate) fn open(
        parent: Option<&Arc<Node>>,
        shielded: bool,
        deadline: Option<Instant>,
        name: TaskName,
    ) -> Arc<Self> {
        let Some(parent) = parent else { return Arc::new(Self::new(None, name, shielded, deadline, 0)) };
        let inherited = if shielded { None } else { parent.deadline };
        let deadline = deadline.into_iter().chain(inherited).min();
        let mut state = lock(&parent.state);
        let level = parent.level.load(Ordering::Relaxed);
        let level = if shielded && level < ABORTED { 0 } else { level };
        let place = (Arc::clone(parent), state.members.next_key());
        let node = Arc::new(Self::new(Some(place), name, shielded, deadline, level));
        state.members.insert(Arc::<Self>::clone(&node));
        node
    }

    fn new(
        parent: Option<(Arc<Node>, u32)>,
        name: TaskName,
        shielded: bool,
        deadline: Option<Instant>,
        level: u8,
    ) -> Self {
        let state = State { members: Slab::new(), owner: None, phase: Phase::Open, rare: None };
        Self { parent, name, shielded, deadline, level: AtomicU8::new(level), state: Mutex::new(state) }
    }

    pub(crate) fn name(&self) -> &TaskName {
        &self.name
    }

    /// The earliest deadline of this node and those it inherits from.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn parent(&self) -> Option<&Arc<Node>> {
        self.parent.as_ref().map(|(parent, _)| parent)
    }

    pub(crate) fn level(&self) -> u8 {
        self.level.load(Ordering::Acquire)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.level() >= CANCELLED
    }

    /// A token that is cancelled with this node. Cancelling the token does not cancel the node.
    pub(crate) fn token(&self) -> CancellationToken {
        let mut state = lock(&self.state);
        let token = state.rare().token.get_or_insert_with(CancellationToken::new).clone();
        let cancelled = self.level.load(Ordering::Relaxed) >= CANCELLED;
        drop(state);
        if cancelled {
            token.cancel();
        }
        token
    }

    /// Cancels or aborts this node and everything under it.
    pub(crate) fn stop(self: &Arc<Self>, level: u8) {
        let mut todo = vec![Arc::clone(self)];
        while let Some(node) = todo.pop() {
            let mut wakers = Vec::new();
            let state = lock(&node.state);
            if node.level.load(Ordering::Relaxed) >= level {
                continue;
            }
            node.level.store(level, Ordering::Release);
            for member in state.members.iter() {
                match Arc::clone(member).inner() {
                    Some(child) if level < ABORTED && child.shielded => {}
                    Some(child) => todo.push(child),
                    None => wakers.extend(member.waker()),
                }
            }
            wakers.extend(state.owner.clone());
            let token = state.rare.as_ref().and_then(|rare| rare.token.clone());
            drop(state);
            if let Some(token) = token {
                token.cancel();
            }
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Makes a task that is about to be given to the runtime a member, unless the node is stopped or closed: its key.
    pub(crate) fn admit(&self, task: Arc<dyn Member>) -> Option<u32> {
        let mut state = lock(&self.state);
        let refused = self.level.load(Ordering::Relaxed) >= CANCELLED || state.phase == Phase::Closed;
        if refused {
            return None;
        }
        let key = state.members.insert(task);
        if let Some(rare) = state.rare.as_mut().filter(|rare| rare.left.len() >= LEFT) {
            let left = take(&mut rare.left);
            drop(state);
            drop(left);
        }
        Some(key)
    }

    /// Adds something that can only be waited for, whatever the node's state.
    pub(crate) fn add_work(&self, name: TaskName) -> u32 {
        let work = Arc::new(Work(name));
        lock(&self.state).members.insert(work)
    }

    /// The member with this key has ended.
    ///
    /// `away`, on another thread than it was spawned on, nothing of it is dropped here but by whoever next spawns or
    /// closes: an allocator has a thread wait that frees memory of one that is making more of it at that moment.
    pub(crate) fn leave(&self, key: u32, away: bool) {
        let mut next = self.remove(key, away);
        while let Some((parent, key)) = next {
            next = parent.remove(key, false);
        }
    }

    /// Removes a member. What it returns is to be removed next: the place of an orphan that this has closed.
    fn remove(&self, key: u32, away: bool) -> Option<(Arc<Node>, u32)> {
        let mut state = lock(&self.state);
        let mut member = state.members.remove(key);
        // After the last one there is nobody to wait for.
        if away && !state.members.is_empty() {
            let left = &mut state.rare().left;
            if left.capacity() == 0 {
                left.reserve_exact(2 * LEFT);
            }
            left.extend(member.take());
        }
        let mut waker = None;
        if state.members.is_empty() {
            match state.phase {
                // Taken, for the owner that is woken looks again, and says so again if it has still to wait.
                Phase::Draining => waker = state.owner.take(),
                Phase::Orphaned => {
                    state.phase = Phase::Closed;
                    let (panics, left) = state.take_panics_and_left();
                    drop(state);
                    drop((member, left));
                    if let Some((parent, _)) = &self.parent {
                        panics.into_iter().for_each(|panic| parent.panicked(panic));
                    }
                    return self.parent.clone();
                }
                Phase::Open | Phase::Closed => {}
            }
        }
        drop(state);
        drop(member);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }

    /// Keeps a panic for the owner to resume, and cancels the rest.
    pub(crate) fn panicked(self: &Arc<Self>, panic: Panic) {
        lock(&self.state).rare().panics.push(panic);
        self.stop(CANCELLED);
    }

    /// The panics of those that have left.
    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        if !self.is_cancelled() {
            return Vec::new();
        }
        lock(&self.state).rare.as_mut().map(|rare| take(&mut rare.panics)).unwrap_or_default()
    }

    /// Keeps an error of a member, and cancels the rest. A node has one group, and so one type of errors.
    pub(crate) fn failed<E: Send + 'static>(self: &Arc<Self>, name: TaskName, error: E) {
        let mut state = lock(&self.state);
        let failures = state.rare().failures.get_or_insert_with(|| Box::new(Failures::<E>::new()));
        match failures.downcast_mut::<Failures<E>>() {
            Some(failures) => failures.push((name, error)),
            None => unreachable!("a node has one group"),
        }
        drop(state);
        self.stop(CANCELLED);
    }

    /// The errors of those that have left.
    pub(crate) fn take_failures<E: 'static>(&self) -> Failures<E> {
        if !self.is_cancelled() {
            return Vec::new();
        }
        let failures = lock(&self.state).rare.as_mut().and_then(|rare| rare.failures.take());
        failures
            .and_then(|failures| failures.downcast::<Failures<E>>().ok())
            .map_or_else(Vec::new, |failures| *failures)
    }

    /// Opens something in the owner's future that it is not to be dropped from under.
    pub(crate) fn hold(&self) -> Hold {
        Hold::new(lock(&self.state).rare().holds.get_or_insert_with(Holds::new))
    }

    /// What has ever been open in the owner's future.
    pub(crate) fn holds(&self) -> Option<Arc<Holds>> {
        lock(&self.state).rare.as_ref()?.holds.clone()
    }

    pub(crate) fn set_owner(&self, waker: Waker) {
        let before = lock(&self.state).owner.replace(waker);
        drop(before);
    }

    /// Closes the node if all members have left; otherwise its owner is woken when they have.
    pub(crate) fn close_if_drained(&self) -> bool {
        self.close(lock(&self.state)).is_none()
    }

    /// [`close_if_drained`](Self::close_if_drained), and if it has to wait, has this waker woken as the owner's.
    pub(crate) fn close_or_watch(&self, waker: &Waker) -> bool {
        match self.close(lock(&self.state)) {
            None => true,
            Some(state) if state.owner.as_ref().is_some_and(|owner| owner.will_wake(waker)) => false,
            Some(state) => {
                drop(state);
                self.close_or_own(waker.clone())
            }
        }
    }

    /// The same for an owner that is not known yet: looks once instead of twice.
    pub(crate) fn close_or_own(&self, waker: Waker) -> bool {
        let Some(mut state) = self.close(lock(&self.state)) else { return true };
        let before = state.owner.replace(waker);
        drop(state);
        drop(before);
        false
    }

    /// The state again if members are left.
    fn close<'a>(&self, mut state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        if state.phase == Phase::Closed {
            return None;
        }
        if !state.members.is_empty() {
            state.phase = Phase::Draining;
            return Some(state);
        }
        state.phase = Phase::Closed;
        let owner = state.owner.take();
        let left = state.rare.as_mut().map(|rare| take(&mut rare.left));
        drop(state);
        drop((owner, left));
        self.leave_parent();
        None
    }

    /// Whether it has been closed: all members have left, and nothing is admitted any more.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).phase == Phase::Closed
    }

    /// Whether no member is left now; otherwise the node's owner is woken when that is so. The node stays open.
    pub(crate) fn is_idle(&self) -> bool {
        let mut state = lock(&self.state);
        if state.phase == Phase::Open {
            state.phase = Phase::Draining;
        }
        state.members.is_empty()
    }

    /// The owner is gone before the node was closed: aborts what is left and lets the parent wait for it.
    pub(crate) fn orphan(self: &Arc<Self>) {
        if self.is_closed() {
            return;
        }
        self.stop(ABORTED);
        let mut state = lock(&self.state);
        let owner = state.owner.take();
        let drained = state.members.is_empty();
        state.phase = if drained { Phase::Closed } else { Phase::Orphaned };
        let (panics, left) = if drained { state.take_panics_and_left() } else { Default::default() };
        drop(state);
        drop((owner, left));
        if let Some(parent) = self.parent() {
            panics.into_iter().for_each(|panic| parent.panicked(panic));
        }
        if drained {
            self.leave_parent();
        }
    }

    fn leave_parent(&self) {
        if let Some((parent, key)) = &self.parent {
            parent.leave(*key, false);
        }
    }

    /// The names of the node's own tasks, and of those of them that have ended but left something behind.
    pub(crate) fn own_names(&self) -> Vec<TaskName> {
        let (mut names, mut inner) = (Vec::new(), Vec::new());
        for member in lock(&self.state).members.iter() {
            names.extend(member.name().cloned());
            inner.extend(Arc::clone(member).inner());
        }
        let left = inner.into_iter().filter(|node| lock(&node.state).phase == Phase::Orphaned);
        names.extend(left.map(|node| node.name.clone()));
        names
    }

    /// The names of what has begun and not ended yet, inner scopes' members included.
    pub(crate) fn names(self: &Arc<Self>) -> Vec<TaskName> {
        let mut names = Vec::new();
        let mut todo = vec![Arc::clone(self)];
        while let Some(node) = todo.pop() {
            let state = lock(&node.state);
            for member in state.members.iter() {
                names.extend(member.name().cloned());
                let Some(inner) = Arc::clone(member).inner() else { continue };
                let waits_for_nobody = !lock(&inner.state).members.iter().any(is_running);
                if waits_for_nobody {
                    names.push(inner.name.clone());
                } else {
                    todo.push(inner);
                }
            }
        }
        names
    }
}

impl State {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn take_panics_and_left(&mut self) -> (Vec<Panic>, Vec<Left>) {
        self.rare.as_mut().map(|rare| (take(&mut rare.panics), take(&mut rare.left))).unwrap_or_default()
    }
}

fn is_running(member: &Arc<dyn Member>) -> bool {
    member.name().is_some() || Arc::clone(member).inner().is_some()
}

impl Drop for Node {
    /// A chain of nodes of which each is the last to hold the next would otherwise be dropped recursively.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some((parent, _)) = next {
            next = Arc::into_inner(parent).and_then(|mut parent| parent.parent.take());
        }
    }
}
