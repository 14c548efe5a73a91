use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use taskgroup::{TaskError, checkpoint, map_concurrent, scope};
use tokio::time::{Instant, sleep};

use crate::support::{Count, alive, on_both};

/// How many are inside at once, and the most there have been.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    fn enter(&self) {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

#[test]
fn at_most_so_many_run_at_once() {
    on_both(|| async {
        let gauge = Gauge::default();
        // Four at a time are in together, whichever thread is first.
        let together = Arc::new(tokio::sync::Barrier::new(4));
        scope(async |group| {
            let limited = group.with_limit(4);
            for _ in 0..200 {
                let (gauge, together) = (gauge.clone(), Arc::clone(&together));
                limited
                    .spawn(async move {
                        gauge.enter();
                        together.wait().await;
                        checkpoint().await;
                        gauge.leave();
                        Ok::<_, Infallible>(())
                    })
                    .await;
            }
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(gauge.most(), 4);
    });
}

#[tokio::test(start_paused = true)]
async fn limits_of_one_group_are_apart_and_places_come_free() {
    let start = Instant::now();
    scope(async |group| {
        let (one, two) = (group.with_limit(1), group.with_limit(2));
        assert_eq!((one.available(), two.available()), (1, 2));
        for limited in [&one, &two] {
            for _ in 0..2 {
                let task = async {
                    sleep(Duration::from_secs(1)).await;
                    Ok::<_, Infallible>(())
                };
                limited.spawn(task).await;
            }
        }
        assert_eq!((one.available(), two.available()), (0, 0));
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test]
#[should_panic(expected = "a limit of 0")]
async fn a_limit_of_nothing_is_refused() {
    let _ = scope(async |group| Ok::<_, Infallible>(group.with_limit(0))).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_place_is_cancelled_there() {
    let count = Count::default();
    let ended = scope(async |group| {
        let limited = group.with_limit(1);
        limited
            .spawn(async {
                sleep(Duration::from_secs(1)).await;
                Err::<(), _>("busy")
            })
            .await;
        let guard = count.guard();
        let second = async move {
            let _guard = guard;
            Ok(())
        };
        limited.spawn(second).await;
        unreachable!("control came back");
    });
    let ended: Result<(), _> = ended.await;
    assert_eq!(ended.unwrap_err().into_first(), Some("busy"));
    assert_eq!(count.live(), 0);
}

#[tokio::test]
async fn a_limited_spawn_into_an_ended_group_never_starts() {
    let limited = scope(async |group| Ok::<_, Infallible>(group.with_limit(2))).await.unwrap();
    for _ in 0..5 {
        let task = limited.spawn_named("late", async { Ok(()) }).await;
        assert_eq!(task.await, Err(TaskError::NeverStarted));
    }
    assert_eq!(limited.available(), 2);
}

#[test]
fn results_are_in_the_inputs_order() {
    on_both(|| async {
        let doubled = map_concurrent(0..500_u64, 7, |n| async move {
            for _ in 0..n % 5 {
                checkpoint().await;
            }
            Ok::<_, Infallible>(n * 2)
        });
        assert_eq!(doubled.await.unwrap(), (0..500).map(|n| n * 2).collect::<Vec<_>>());
        let none = map_concurrent(Vec::<u32>::new(), 7, async |n| Ok::<_, Infallible>(n));
        assert_eq!(none.await.unwrap(), []);
    });
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_item_does_not_hold_up_the_others() {
    let start = Instant::now();
    let done = map_concurrent(0..=100_u64, 2, async |n| {
        sleep(Duration::from_secs(if n == 0 { 100 } else { 1 })).await;
        Ok::<_, Infallible>(n)
    });
    assert_eq!(done.await.unwrap().len(), 101);
    assert_eq!(start.elapsed(), Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn the_first_error_ends_it_and_the_input_is_not_read_further() {
    let (before, read) = (alive(), AtomicUsize::new(0));
    let items = (0..).inspect(|_| {
        read.fetch_add(1, Ordering::SeqCst);
    });
    let ended = map_concurrent(items, 10, async |n: u64| {
        sleep(Duration::from_secs(n)).await;
        if n == 3 { Err("three") } else { Ok(()) }
    });
    let error = ended.await.unwrap_err();
    assert_eq!(error.into_iter().collect::<Vec<_>>(), ["three"]);
    assert_eq!(alive(), before);
    let read = read.load(Ordering::SeqCst);
    assert!((10..20).contains(&read), "{read} items read");
}
