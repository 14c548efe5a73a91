//! What scopes, cancel scopes and shields have in common: a node that they own, and what code inside them can ask.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hold::Hold;
use crate::name::TaskName;
use crate::node::{CANCELLED, Node, Panic};
use crate::seat::{Ended, current, discard, must_stop, poll_in};
use crate::trace::Span;

/// What the future of a scope, a cancel scope or a shield has: its node and a hold on the seat it was opened in.
///
/// Dropped before the node is closed, it aborts the node and leaves the rest of the waiting to the enclosing one.
pub(crate) struct Owner {
    /// Away only while the body is polled.
    node: Option<Arc<Node>>,
    hold: Option<Hold>,
    /// Who is woken while the body waits.
    waker: Option<Waker>,
    /// Whether the node has been told whom to wake.
    known: bool,
    closed: bool,
}

impl Owner {
    /// Opens a node where the caller runs. To be called while its future is polled.
    pub(crate) fn open(shielded: bool, deadline: Option<Instant>, name: TaskName) -> Self {
        let opened = current(|seat, _| {
            let parent = Arc::clone(seat).to_node();
            (Node::open(Some(&parent), shielded, deadline, name.clone()), seat.hold())
        });
        let (node, hold) = opened.unwrap_or_else(|| (Node::open(None, shielded, deadline, name), None));
        Self { node: Some(node), hold, waker: None, known: false, closed: false }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        match &self.node {
            Some(node) => node,
            None => unreachable!("it has been given back"),
        }
    }

    /// Polls the body; if it has to wait, what is polling is woken when the node is stopped.
    fn poll_body<F: Future>(&mut self, body: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<Ended<F::Output>> {
        let Self { node, waker, known, .. } = self;
        if must_stop(node, cx) {
            return Poll::Ready(discard(node, body));
        }
        poll_in(node, &Span::none(), body, cx, |node, polling| {
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(polling)) {
                *waker = Some(polling.clone());
                *known = true;
                node.set_owner(polling.clone());
            }
        })
    }

    /// Ready when all members have left; the node is closed and the enclosing future no longer held.
    pub(crate) fn poll_close(&mut self, cx: &Context<'_>) -> Poll<()> {
        let known = std::mem::replace(&mut self.known, true);
        let closed = match known {
            true => self.node().close_or_watch(cx.waker()),
            false => self.node().close_or_own(cx.waker().clone()),
        };
        if !closed {
            return Poll::Pending;
        }
        self.closed = true;
        self.hold = None;
        Poll::Ready(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if !self.closed {
            self.node().orphan();
        }
    }
}

/// Adds work that the current node, if there is one, waits for; it leaves when this is dropped.
pub(crate) struct Work(Option<(Arc<Node>, u32)>);

impl Work {
    pub(crate) fn begin(name: TaskName) -> Self {
        Self(current(|seat, _| {
            let key = seat.node().add_work(name);
            (Arc::clone(seat).to_node(), key)
        }))
    }

    /// Leaves a panic that nobody awaits to the node, if there is one.
    pub(crate) fn panicked(&self, panic: Panic) {
        if let Some((node, _)) = &self.0 {
            node.panicked(panic);
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some((node, key)) = self.0.take() {
            node.leave(key, false);
        }
    }
}

/// Keeps the future that is being polled from being dropped by a cancellation.
pub(crate) fn hold() -> Option<Hold> {
    current(|seat, _| seat.hold()).flatten()
}

/// How often a future that has nothing but its cancellation to wait for is polled in one turn of its owner before it is
/// taken that the owner cannot drop it. A set of futures or a `LocalSet` inside may poll it tens of times.
const POLLS_IN_ONE_TURN: u8 = 128;

/// Gives a cancelled future to its owner, who drops it: in a cancelled place this does not return.
///
/// It does return if the owner cannot drop the future, which is then being run to its end within one turn of the owner,
/// as by `block_in_place(|| handle.block_on(..))`: waiting for the owner would be waiting for ever.
pub(crate) async fn yield_if_cancelled() {
    let mut yielding = Yielding::default();
    poll_fn(|cx| yielding.poll(cx)).await;
}

/// The state of [`yield_if_cancelled`].
#[derive(Default)]
pub(crate) struct Yielding {
    turn: u32,
    polls: u8,
    over: bool,
}

impl Yielding {
    /// Whether it has been ready: this place is not being cancelled.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let polled = self.poll_here(cx);
        self.over |= polled.is_ready();
        polled
    }

    fn poll_here(&mut self, cx: &Context<'_>) -> Poll<()> {
        let here = current(|seat, turn| {
            let held = || seat.holds().is_some_and(|holds| holds.is_held());
            seat.node().is_cancelled().then(|| (held(), turn))
        });
        let Some((held, turn)) = here.flatten() else { return Poll::Ready(()) };
        if held {
            // The owner is woken when the last hold is released.
            return Poll::Pending;
        }
        if self.turn != turn {
            (self.turn, self.polls) = (turn, 0);
        }
        self.polls += 1;
        if self.polls > POLLS_IN_ONE_TURN {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Whether the scope this runs in has been cancelled. Never true outside a scope.
///
/// For code that computes for long between two awaits. Code that awaits need not ask: it is cancelled where it awaits.
///
/// ```
/// assert!(!taskgroup::is_cancelled());
/// ```
pub fn is_cancelled() -> bool {
    current(|seat, _| seat.node().is_cancelled()).unwrap_or(false)
}

/// The moment at which the code this is called from will be cancelled, if no more than its deadlines do it: the
/// earliest of the deadlines of all scopes around it, up to the innermost [`shield`](crate::shield).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use taskgroup::{deadline, timeout};
///
/// let (outer, inner) = timeout(Duration::from_secs(5), async {
///     let outer = deadline();
///     let inner = timeout(Duration::from_secs(60), async { deadline() }).await.unwrap();
///     (outer, inner)
/// })
/// .await
/// .unwrap();
/// assert_eq!(outer, inner);
/// # }
/// ```
pub fn deadline() -> Option<Instant> {
    current(|seat, _| seat.node().deadline()).flatten()
}

/// A token that is cancelled with the scope this is called in; outside a scope, one that never is.
///
/// For handing the cancellation to code that takes a token. Cancelling the token does not cancel the scope. Inside a
/// [`shield`](crate::shield) it is the shield's token: to watch the scope from within a shield, take the token before.
///
/// ```
/// assert!(!taskgroup::token().is_cancelled());
/// ```
pub fn token() -> CancellationToken {
    current(|seat, _| seat.node().token()).unwrap_or_default()
}

/// An await that only gives cancellation, and the other tasks of the thread, a chance.
///
/// A future is cancelled where it waits. One that computes, or whose awaits are always ready at once, should call this
/// now and then.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let blocks: [u32; 2] = [1, 2];
/// # let mut sum = 0;
/// for block in blocks {
///     sum += block;
///     taskgroup::checkpoint().await;
/// }
/// # assert_eq!(sum, 3);
/// # }
/// ```
pub async fn checkpoint() {
    yield_if_cancelled().await;
    tokio::task::yield_now().await;
}

/// Polls the body to its end, then waits for everything opened in it: what all kinds of scopes have in common.
///
/// `settle` is given the body's end at once, before the members have left; `poll_stop` is ready when the node is to be
/// cancelled; `tend` is called in every turn. A panic of the body is kept in the node with the others.
pub(crate) async fn drive<F: Future, R>(
    owner: &mut Owner,
    mut body: Pin<&mut Option<F>>,
    mut poll_stop: impl FnMut(&mut Context<'_>) -> Poll<()>,
    settle: impl FnOnce(&Arc<Node>, Option<F::Output>) -> R,
    mut tend: impl FnMut(&Arc<Node>, &mut Context<'_>),
) -> R {
    let mut stopped = false;
    let mut settle = Some(settle);
    let mut settled = None;
    poll_fn(|cx| {
        loop {
            if settle.is_some()
                && let Poll::Ready(ended) = owner.poll_body(body.as_mut(), cx)
            {
                let output = match ended {
                    Ended::Done(output) => Some(output),
                    Ended::Cancelled => None,
                    Ended::Panicked(payload) => {
                        owner.node().panicked(Panic { name: owner.node().name().clone(), payload });
                        None
                    }
                };
                settled = settle.take().map(|settle| settle(owner.node(), output));
            }
            if settle.is_none()
                && owner.poll_close(cx).is_ready()
                && let Some(settled) = settled.take()
            {
                return Poll::Ready(settled);
            }
            tend(owner.node(), cx);
            if stopped {
                return Poll::Pending;
            }
            ready!(poll_stop(cx));
            stopped = true;
            owner.node().stop(CANCELLED);
        }
    })
    .await
}

/// [`drive`] for a future that cannot fail: its value, or `None` if it was cancelled.
///
/// # Panics
///
/// With the first panic from within, when all has ended.
pub(crate) async fn drive_plain<F: Future>(
    mut owner: Owner,
    body: Pin<&mut Option<F>>,
    poll_stop: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Option<F::Output> {
    let value = drive(&mut owner, body, poll_stop, |_, value| value, |_, _| {}).await;
    let mut panics = owner.node().take_panics().into_iter();
    if let Some(panic) = panics.next() {
        crate::trace::failures_lost(owner.node().name(), panics.len(), 0);
        std::panic::resume_unwind(panic.payload);
    }
    value
}
