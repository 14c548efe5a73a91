//! Tries again after a growing pause, with `backon`, within a time limit for all attempts together.
//!
//! The retrying needs nothing from this crate: a cancellation or the deadline ends it at its next pause or await, and
//! what an attempt has started in a scope has ended before the next attempt begins.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use taskgroup::{TimedOut, timeout};

/// Why there is no answer.
#[derive(Debug, PartialEq)]
pub enum CallError {
    /// Trying again may help.
    Busy,
    /// Trying again does not help.
    Refused,
    TimedOut,
}

pub async fn call_with_retries<T, F, Fut>(attempt: F, limit: Duration) -> Result<T, CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .with_factor(2.0)
        .with_max_times(8);
    let call = attempt.retry(backoff).sleep(tokio::time::sleep).when(|error| *error == CallError::Busy);
    match timeout(limit, call).await {
        Ok(answer) => answer,
        Err(TimedOut) => Err(CallError::TimedOut),
    }
}

#[tokio::main]
pub async fn main() {
    let mut left = 3;
    let answer = call_with_retries(
        || {
            left -= 1;
            let answer = if left == 0 { Ok("answer") } else { Err(CallError::Busy) };
            async move { answer }
        },
        Duration::from_secs(5),
    );
    println!("{:?}", answer.await);
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// An attempt that is busy so many times.
    fn busy(mut times: u32) -> impl FnMut() -> std::future::Ready<Result<&'static str, CallError>> {
        move || {
            let answer = if times == 0 { Ok("answer") } else { Err(CallError::Busy) };
            times = times.saturating_sub(1);
            std::future::ready(answer)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_longer_each_time() {
        let start = Instant::now();
        assert_eq!(call_with_retries(busy(3), Duration::from_secs(60)).await, Ok("answer"));
        // Tokio's timer rounds each pause up to the millisecond after it.
        let (pauses, elapsed) = (Duration::from_millis(100 + 200 + 400), start.elapsed());
        assert!((pauses..=pauses + Duration::from_millis(3)).contains(&elapsed), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_for_good_reasons_only() {
        let start = Instant::now();
        let refused = call_with_retries(async || Err::<(), _>(CallError::Refused), Duration::from_secs(60)).await;
        assert_eq!((refused, start.elapsed()), (Err(CallError::Refused), Duration::ZERO));
        let late = call_with_retries(busy(u32::MAX), Duration::from_secs(1)).await;
        assert_eq!((late, start.elapsed()), (Err(CallError::TimedOut), Duration::from_secs(1)));
        assert_eq!(call_with_retries(busy(u32::MAX), Duration::from_secs(60)).await, Err(CallError::Busy));
    }
}
