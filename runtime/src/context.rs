//! Where the running code is in the tree of scopes, and how a future is polled there.
//!
//! A future that belongs to a node is polled in a [`Frame`] of its own. What it opens while it is polled (inner scopes,
//! shields, closures on the blocking pool) finds the frame in a thread-local, links itself to the frame's node, and
//! holds the frame, so that the future is not dropped from under it.

use std::any::Any;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hold::{Hold, Holds};
use crate::name::TaskName;
use crate::node::{ABORTED, CANCELLED, Node, Panic, Payload};
use crate::trace::Span;

/// What a future is polled for.
pub(crate) enum Seat {
    /// A scope or a shield.
    Node(Arc<Node>),
    /// A task. One pointer to both, it and its node: counting the references to a node, which all threads share, is what
    /// costs a task most.
    Task(Arc<dyn TaskSeat>),
}

/// A task, whatever it returns.
pub(crate) trait TaskSeat: Any + Send + Sync {
    fn node(&self) -> &Arc<Node>;

    /// How the task has to end, if it has to: as its node, or by itself.
    fn level(&self) -> u8;

    /// Makes the task one that has begun, unless it must not.
    fn start(&self) -> bool;

    /// Says whom to wake for the task when it is stopped: at its first wait, for that does not change.
    fn wait(&self, waker: &Waker);
}

impl Seat {
    fn node(&self) -> &Arc<Node> {
        match self {
            Self::Node(node) => node,
            Self::Task(task) => task.node(),
        }
    }

    fn level(&self) -> u8 {
        match self {
            Self::Node(node) => node.level(),
            Self::Task(task) => task.level(),
        }
    }
}

/// A future's place in the tree.
pub(crate) struct Frame {
    seat: Seat,
    /// Made by the first inner scope: most tasks have none.
    holds: Option<Arc<Holds>>,
    span: Span,
    begun: bool,
    /// How often the future has been polled: to tell one poll from the next.
    turn: u32,
}

impl Frame {
    pub(crate) fn new(seat: Seat, span: Span) -> Self {
        Self { seat, holds: None, span, begun: false, turn: 0 }
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Its seat, without the rest.
    pub(crate) fn into_seat(self) -> Seat {
        self.seat
    }

    fn node(&self) -> &Arc<Node> {
        self.seat.node()
    }

    /// Whether the future has been polled at all.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    fn is_held(&self) -> bool {
        self.holds.as_ref().is_some_and(|holds| holds.is_held())
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Frame>> = const { RefCell::new(None) };
}

/// Runs `f` with the frame in place, and takes the frame back however `f` ends.
fn enter<R>(frame: &mut Option<Frame>, f: impl FnOnce() -> R) -> R {
    struct Back<'a>(&'a mut Option<Frame>);
    impl Drop for Back<'_> {
        fn drop(&mut self) {
            swap(self.0);
        }
    }
    fn swap(frame: &mut Option<Frame>) {
        // While a thread ends there is no current frame, and nothing that could need one.
        let _ = CURRENT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), frame));
    }
    swap(frame);
    let _back = Back(frame);
    f()
}

fn current<R>(f: impl FnOnce(&mut Frame) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow_mut().as_mut().map(f)).ok().flatten()
}

/// How a future that was polled in a frame ended.
pub(crate) enum Ended<T> {
    Done(T),
    Panicked(Payload),
    Cancelled,
}

/// Polls a future in its frame until it ends or has to. The future has been dropped when this is ready.
pub(crate) fn poll_in<F: Future>(
    frame: &mut Option<Frame>,
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Ended<F::Output>> {
    if must_stop(frame.as_ref(), cx) {
        return Poll::Ready(discard(frame, future).map_or(Ended::Cancelled, Ended::Panicked));
    }
    let span = frame.as_mut().map(|frame| {
        frame.begun = true;
        frame.turn = frame.turn.wrapping_add(1);
        frame.span.clone()
    });
    let polled = enter(frame, || {
        let _entered = span.as_ref().map(Span::enter);
        catch_unwind(AssertUnwindSafe(|| {
            let polled = future.as_mut().as_pin_mut()?.poll(cx);
            if polled.is_ready() {
                future.set(None);
            }
            Some(polled)
        }))
    });
    match polled {
        Ok(Some(Poll::Ready(value))) => Poll::Ready(Ended::Done(value)),
        Ok(Some(Poll::Pending)) => {
            if let Some(Frame { seat: Seat::Task(task), turn: 1, .. }) = frame {
                task.wait(cx.waker());
            }
            // Stopped before there was anyone to wake, or by itself?
            if must_stop(frame.as_ref(), cx) {
                return Poll::Ready(discard(frame, future).map_or(Ended::Cancelled, Ended::Panicked));
            }
            Poll::Pending
        }
        Ok(None) => Poll::Ready(Ended::Cancelled),
        Err(panic) => {
            // A second panic, of the future's drop, was printed by the panic hook; the first one is the cause.
            discard(frame, future);
            Poll::Ready(Ended::Panicked(panic))
        }
    }
}

fn must_stop(frame: Option<&Frame>, cx: &Context<'_>) -> bool {
    let level = frame.map_or(0, |frame| frame.seat.level());
    if level < CANCELLED {
        return false;
    }
    if level >= ABORTED {
        return true;
    }
    let Some(holds) = frame.and_then(|frame| frame.holds.as_ref()).filter(|holds| holds.is_held()) else { return true };
    holds.wait(cx.waker());
    !holds.is_held()
}

/// Drops the future in its frame; the panic, if that panics.
pub(crate) fn discard<F>(frame: &mut Option<Frame>, mut future: Pin<&mut Option<F>>) -> Option<Payload> {
    enter(frame, || catch_unwind(AssertUnwindSafe(|| future.set(None))).err())
}

/// What the future of a scope, a cancel scope or a shield has: its node and a hold on the frame it was opened in.
///
/// Dropped before the node is closed, it aborts the node and leaves the rest of the waiting to the enclosing one.
pub(crate) struct Owner {
    /// Of the node. Away only while the body is polled.
    frame: Option<Frame>,
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
        let opened = current(|frame| {
            let hold = Hold::new(frame.holds.get_or_insert_with(Holds::new));
            (Node::open(Some(frame.node()), shielded, deadline, name.clone()), hold)
        });
        let (node, hold) = match opened {
            Some((node, hold)) => (node, Some(hold)),
            None => (Node::open(None, shielded, deadline, name), None),
        };
        let frame = Some(Frame::new(Seat::Node(node), Span::none()));
        Self { frame, hold, waker: None, known: false, closed: false }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        match &self.frame {
            Some(frame) => frame.node(),
            None => unreachable!("the frame has been put back"),
        }
    }

    /// Polls the body; if it has to wait, what is polling is woken when the node is cancelled.
    pub(crate) fn poll_body<F: Future>(
        &mut self,
        mut body: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Ended<F::Output>> {
        let polled = poll_in(&mut self.frame, body.as_mut(), cx);
        if polled.is_ready() || self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return polled;
        }
        self.waker = Some(cx.waker().clone());
        self.known = true;
        self.node().set_owner(cx.waker().clone());
        // Cancelled before there was anyone to wake?
        if must_stop(self.frame.as_ref(), cx) {
            return Poll::Ready(discard(&mut self.frame, body).map_or(Ended::Cancelled, Ended::Panicked));
        }
        polled
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
pub(crate) struct Work(Option<(Arc<Node>, usize)>);

impl Work {
    pub(crate) fn begin(name: TaskName) -> Self {
        Self(current(|frame| (Arc::clone(frame.node()), frame.node().add_work(name))))
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
            node.leave(key);
        }
    }
}

/// Keeps the future that is being polled from being dropped by a cancellation.
pub(crate) fn hold() -> Option<Hold> {
    current(|frame| Hold::new(frame.holds.get_or_insert_with(Holds::new)))
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
        let here = current(|frame| (frame.node().is_cancelled(), frame.is_held(), frame.turn));
        let Some((true, held, turn)) = here else { return Poll::Ready(()) };
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
    current(|frame| frame.node().is_cancelled()).unwrap_or(false)
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
    current(|frame| frame.node().deadline()).flatten()
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
    current(|frame| frame.node().token()).unwrap_or_default()
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
