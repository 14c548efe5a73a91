//! No more than so many calls a second, with `governor`'s token bucket, whichever task they come from.
//!
//! The rate and the limit of tasks are two things: the bucket says how often a call may begin, `with_limit` how many
//! may be under way.

use std::future::Future;
use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use taskgroup::{GroupError, scope};

/// Makes all calls, `per_second` of them a second after a first burst, and at most `at_once` at the same time.
pub async fn call_all<F, Fut, E>(
    calls: usize,
    per_second: NonZeroU32,
    burst: NonZeroU32,
    at_once: usize,
    call: F,
) -> Result<(), GroupError<E>>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let bucket: DefaultDirectRateLimiter = RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst));
    scope(async |group| {
        let group = group.with_limit(at_once);
        for number in 0..calls {
            bucket.until_ready().await;
            group.spawn(call(number)).await;
        }
        Ok(())
    })
    .await
}

#[tokio::main]
pub async fn main() {
    let (rate, burst) = (NonZeroU32::new(20).expect("not 0"), NonZeroU32::new(5).expect("not 0"));
    let start = std::time::Instant::now();
    let done = call_all(15, rate, burst, 10, |number| async move {
        println!("call {number} after {:?}", start.elapsed());
        Ok::<_, String>(())
    });
    println!("{:?}", done.await);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn after_the_burst_the_rate_is_kept() {
        // The bucket is on the system's clock: only what cannot depend on the machine's speed is asserted.
        let (start, times) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let (rate, burst) = (NonZeroU32::new(100).unwrap(), NonZeroU32::new(5).unwrap());
        let done = call_all(20, rate, burst, 3, |_| {
            let times = Arc::clone(&times);
            async move {
                times.lock().unwrap().push(start.elapsed());
                Ok::<_, String>(())
            }
        });
        done.await.unwrap();
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 20);
        for (number, time) in times.iter().enumerate().skip(5) {
            let least = Duration::from_millis(10) * (number as u32 - 4);
            // One cell of tolerance: the bucket's own clock is read a little before ours.
            assert!(*time + Duration::from_millis(10) >= least, "call {number} after {time:?}");
        }
    }

    #[tokio::test]
    async fn a_failure_ends_the_waiting() {
        let one = NonZeroU32::MIN;
        let start = Instant::now();
        let done = call_all(1_000, one, one, 3, async |_| Err::<(), _>("refused"));
        assert_eq!(done.await.unwrap_err().into_first(), Some("refused"));
        assert!(start.elapsed() < Duration::from_secs(100));
    }
}
