//! Seats: where in the tree of scopes a future is polled, and how.
//!
//! A future that belongs to a node is polled in a seat of its own. What it opens while it is polled (inner scopes, shields,
//! closures on the blocking pool) finds the seat in a thread-local, links itself to the seat's node, and holds the seat, so
//! that the future is not dropped from under it.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::mem::{ManuallyDrop, replace};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::hold::{Hold, Holds};
use crate::node::{ABORTED, CANCELLED, Node, Payload};
use crate::slot::Slot;
use crate::trace::Span;

/// Whom a future is polled for: a scope or a shield, which is to say its node, or a task, whatever it returns.
///
/// One pointer to a task and its node: counting the references to a node, which all threads share, is what costs a task
/// most.
pub(crate) trait Seat: Any + Send + Sync {
    fn node(&self) -> &Node;

    fn to_node(self: Arc<Self>) -> Arc<Node>;

    /// How the future has to end, if it has to.
    fn level(&self) -> u8;

    /// Opens something in the future that it is not to be dropped from under.
    fn hold(&self) -> Option<Hold>;

    /// What has ever been open in it.
    fn holds(&self) -> Option<Arc<Holds>>;
}

impl Seat for Node {
    fn node(&self) -> &Node {
        self
    }

    fn to_node(self: Arc<Self>) -> Arc<Node> {
        self
    }

    fn level(&self) -> u8 {
        self.level()
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.hold())
    }

    fn holds(&self) -> Option<Arc<Holds>> {
        self.holds()
    }
}

impl<R: Send + 'static> Seat for Slot<R> {
    fn node(&self) -> &Node {
        &self.node
    }

    fn to_node(self: Arc<Self>) -> Arc<Node> {
        Arc::clone(&self.node)
    }

    fn level(&self) -> u8 {
        self.level()
    }

    fn hold(&self) -> Option<Hold> {
        self.place.hold()
    }

    fn holds(&self) -> Option<Arc<Holds>> {
        self.place.holds()
    }
}

/// What a thread is doing.
struct Here {
    /// Never left behind, for whoever sits down gets up again: to have it dropped with the thread would only make each look at
    /// it dearer.
    seat: ManuallyDrop<Option<Arc<dyn Seat>>>,
    /// To tell one turn of a future from the next: the one that is on, and the last that there was.
    turn: u32,
    last: u32,
}

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here { seat: ManuallyDrop::new(None), turn: 0, last: 0 }) };
}

/// To tell this thread from others; two threads may by chance have the same.
pub(crate) fn thread() -> u16 {
    // Where its variables are: no two threads' are in the same page.
    HERE.with(|here| (std::ptr::from_ref(here).addr() >> 12) as u16)
}

/// Runs `f` with the thread in this seat, which is away meanwhile and given back however `f` ends.
fn enter<S: Seat, R>(seat: &mut Option<Arc<S>>, f: impl FnOnce() -> R) -> R {
    struct Back<'a, S: Seat> {
        seat: &'a mut Option<Arc<S>>,
        before: Option<Arc<dyn Seat>>,
        turn: u32,
    }
    impl<S: Seat> Drop for Back<'_, S> {
        fn drop(&mut self) {
            let before = self.before.take();
            let seat = HERE.with_borrow_mut(|here| {
                here.turn = self.turn;
                replace(&mut *here.seat, before)
            });
            if let Some(seat) = seat {
                let seat: Arc<dyn Any + Send + Sync> = seat;
                *self.seat = seat.downcast().ok();
            }
        }
    }
    let sits = seat.take().map(|seat| seat as Arc<dyn Seat>);
    let (before, turn) = HERE.with_borrow_mut(|here| {
        let turn = here.turn;
        here.last = here.last.wrapping_add(1);
        here.turn = here.last;
        (replace(&mut *here.seat, sits), turn)
    });
    let _back = Back { seat, before, turn };
    f()
}

/// Gives `f` the seat this runs in and its turn, if there is one.
pub(crate) fn current<R>(f: impl FnOnce(&Arc<dyn Seat>, u32) -> R) -> Option<R> {
    HERE.with_borrow(|here| here.seat.as_ref().map(|seat| f(seat, here.turn)))
}

/// How a future that was polled in a seat ended.
pub(crate) enum Ended<T> {
    Done(T),
    Panicked(Payload),
    Cancelled,
}

/// Polls a future that need not stop in its seat, until it ends or has to. The future has been dropped when this is ready.
///
/// `wait` is told whom to wake if the future has to wait.
pub(crate) fn poll_in<S: Seat, F: Future>(
    seat: &mut Option<Arc<S>>,
    span: &Span,
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
    wait: impl FnOnce(&S, &Waker),
) -> Poll<Ended<F::Output>> {
    let polled = enter(seat, || {
        catch_unwind(AssertUnwindSafe(|| {
            let _entered = span.enter();
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
            if let Some(seat) = seat {
                wait(seat, cx.waker());
            }
            // Stopped before there was anyone to wake, or by itself?
            if must_stop(seat, cx) { Poll::Ready(discard(seat, future)) } else { Poll::Pending }
        }
        Ok(None) => Poll::Ready(Ended::Cancelled),
        Err(panic) => {
            // A second panic, of the future's drop, was printed by the panic hook; the first one is the cause.
            let _: Ended<()> = discard(seat, future);
            Poll::Ready(Ended::Panicked(panic))
        }
    }
}

/// Whether the future is to be dropped instead of being polled.
#[inline]
pub(crate) fn must_stop<S: Seat>(seat: &Option<Arc<S>>, cx: &Context<'_>) -> bool {
    seat.as_ref().is_some_and(|seat| seat.level() >= CANCELLED && is_let_go(&**seat, cx))
}

/// Whether nothing keeps a cancelled future; otherwise it is woken when that is so.
#[cold]
fn is_let_go<S: Seat>(seat: &S, cx: &Context<'_>) -> bool {
    if seat.level() >= ABORTED {
        return true;
    }
    let Some(holds) = seat.holds().filter(|holds| holds.is_held()) else { return true };
    holds.wait(cx.waker());
    !holds.is_held()
}

/// Drops a future that is not to be polled on, in its seat.
#[cold]
pub(crate) fn discard<S: Seat, F, T>(seat: &mut Option<Arc<S>>, mut future: Pin<&mut Option<F>>) -> Ended<T> {
    let dropped = enter(seat, || catch_unwind(AssertUnwindSafe(|| future.set(None))));
    dropped.map_or_else(Ended::Panicked, |()| Ended::Cancelled)
}
