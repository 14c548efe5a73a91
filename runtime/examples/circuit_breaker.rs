//! A circuit breaker: after so many failures in a row calls fail at once for a while; then one is let through, and its
//! end decides.
//!
//! A call that is cancelled has no end, and the breaker must not wait for it for ever: a guard that is dropped before
//! the call has ended lets the next one try.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub struct Breaker {
    failures_allowed: u32,
    pause: Duration,
    state: Mutex<State>,
}

enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call is under way to see how things are.
    Trying,
}

#[derive(Debug, PartialEq)]
pub enum BreakerError<E> {
    /// Not even tried.
    Open,
    Failed(E),
}

impl Breaker {
    pub fn new(failures_allowed: u32, pause: Duration) -> Self {
        Self { failures_allowed, pause, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, BreakerError<E>> {
        let mut attempt = self.enter().ok_or(BreakerError::Open)?;
        let ended = call.await;
        attempt.ended = true;
        self.leave(ended.is_ok());
        ended.map_err(BreakerError::Failed)
    }

    fn enter(&self) -> Option<Attempt<'_>> {
        let mut state = self.lock();
        let trial = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= Instant::now() => {
                *state = State::Trying;
                true
            }
            State::Open { .. } | State::Trying => return None,
        };
        Some(Attempt { breaker: self, trial, ended: false })
    }

    fn leave(&self, succeeded: bool) {
        let mut state = self.lock();
        let failures = match *state {
            _ if succeeded => 0,
            State::Closed { failures } => failures + 1,
            State::Trying => self.failures_allowed + 1,
            // Opened by another call meanwhile.
            State::Open { .. } => return,
        };
        *state = if failures > self.failures_allowed {
            State::Open { until: Instant::now() + self.pause }
        } else {
            State::Closed { failures }
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Attempt<'a> {
    breaker: &'a Breaker,
    trial: bool,
    ended: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.trial && !self.ended {
            *self.breaker.lock() = State::Open { until: Instant::now() };
        }
    }
}

#[tokio::main]
pub async fn main() {
    let breaker = Breaker::new(2, Duration::from_millis(50));
    for _ in 0..5 {
        println!("{:?}", breaker.call(async { Err::<(), _>("down") }).await);
    }
    tokio::time::sleep(Duration::from_millis(60)).await;
    println!("{:?}", breaker.call(async { Ok::<_, &str>("up again") }).await);
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use taskgroup::move_on_after;

    use super::*;

    async fn opened() -> Breaker {
        let breaker = Breaker::new(2, Duration::from_secs(10));
        for _ in 0..3 {
            assert_eq!(breaker.call(async { Err::<(), _>("down") }).await, Err(BreakerError::Failed("down")));
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_and_one_call_closes_it_again() {
        let breaker = opened().await;
        assert_eq!(breaker.call(async { Ok::<_, &str>(1) }).await, Err(BreakerError::Open));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (first, second) = tokio::join!(
            breaker.call(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, &str>(1)
            }),
            breaker.call(async { Ok::<_, &str>(2) }),
        );
        assert_eq!((first, second), (Ok(1), Err(BreakerError::Open)), "only one is let through");
        assert_eq!(breaker.call(async { Ok::<_, &str>(3) }).await, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_trial_opens_it_again_and_a_cancelled_one_lets_the_next_try() {
        let breaker = opened().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(breaker.call(async { Err::<(), _>("still down") }).await.is_err());
        assert_eq!(breaker.call(async { Ok::<_, &str>(1) }).await, Err(BreakerError::Open));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let cancelled = move_on_after(Duration::from_secs(1), breaker.call(pending::<Result<(), &str>>()));
        assert_eq!(cancelled.await, None);
        assert_eq!(breaker.call(async { Ok::<_, &str>(2) }).await, Ok(2));
    }
}
