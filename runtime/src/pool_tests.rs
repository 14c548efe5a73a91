//! How a pool polls. Apart from it: `tests/loom.rs` has the pool with locks that work nowhere else.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::pool::Pool;
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that is never ready, counts how often it is polled and leaves its waker behind.
fn patient(polls: &Arc<AtomicUsize>, waker: &Arc<Mutex<Option<Waker>>>) -> Boxed {
    let (polls, waker) = (Arc::clone(polls), Arc::clone(waker));
    Box::pin(poll_fn(move |cx| {
        polls.fetch_add(1, Ordering::Relaxed);
        *lock(&waker) = Some(cx.waker().clone());
        Poll::Pending
    }))
}

#[test]
fn only_what_was_woken_is_polled_and_once_however_often_it_was() {
    let (pool, count) = (Pool::<Boxed>::new(), Arc::new(Count::default()));
    let waker = Waker::from(Arc::clone(&count));
    let cx = Context::from_waker(&waker);
    let both: Vec<_> = (0..2).map(|_| (Arc::default(), Arc::default())).collect();
    both.iter().for_each(|(polls, waker)| pool.push(patient(polls, waker)));
    pool.poll(&cx);
    pool.poll(&cx);
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    for _ in 0..3 {
        lock(&both[1].1).as_ref().unwrap().wake_by_ref();
    }
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    pool.poll(&cx);
    let polls: Vec<_> = both.iter().map(|(polls, _)| polls.load(Ordering::Relaxed)).collect();
    assert_eq!(polls, [1, 2]);
}

#[test]
fn one_that_wakes_itself_leaves_the_others_and_the_owner_their_turns() {
    let (pool, count) = (Pool::<Boxed>::new(), Arc::new(Count::default()));
    let waker = Waker::from(Arc::clone(&count));
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    pool.push(Box::pin(poll_fn(move |cx| {
        counted.fetch_add(1, Ordering::Relaxed);
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
    for turn in 1..=3 {
        pool.poll(&Context::from_waker(&waker));
        assert_eq!(polls.load(Ordering::Relaxed), turn);
        assert!(count.0.load(Ordering::Relaxed) >= turn);
    }
}

#[test]
fn a_cleared_pool_keeps_nothing_that_is_added() {
    let pool = Pool::<Boxed>::new();
    let alive = Arc::new(());
    for _ in 0..2 {
        let held = Arc::clone(&alive);
        pool.push(Box::pin(async move {
            pending::<()>().await;
            drop(held);
        }));
        pool.clear();
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn a_waker_that_outlives_its_future_wakes_nothing() {
    let (pool, count) = (Pool::<Boxed>::new(), Arc::new(Count::default()));
    let waker = Waker::from(Arc::clone(&count));
    let cx = Context::from_waker(&waker);
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    pool.push(Box::pin(poll_fn(move |cx| {
        *lock(&keep) = Some(cx.waker().clone());
        Poll::Ready(())
    })));
    pool.poll(&cx);
    let late = lock(&kept).take().unwrap();
    late.wake();
    pool.poll(&cx);
    // Told once of the wake, and not again of what is no longer there.
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}
