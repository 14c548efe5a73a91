//! An event bus, on `tokio::sync::broadcast`: every subscriber sees every event, and each has an owner.
//!
//! A subscriber that is too slow is told how many events it has missed; what to do about it is its own decision, but not
//! noticing is not one. The failure of one subscriber is reported by the supervisor and does not end the others.

use std::future::Future;

use taskgroup::{BoxError, Outcome, Supervisor, Task};
use tokio::sync::broadcast::{self, error::RecvError};

pub struct Bus<T> {
    events: broadcast::Sender<T>,
    subscribers: Supervisor,
}

impl<T: Clone + Send + 'static> Bus<T> {
    /// A bus on which a subscriber may be as many as `lag` events behind.
    pub fn new(lag: usize, on_failure: impl Fn(&taskgroup::Failure) + Send + Sync + 'static) -> Self {
        Self { events: broadcast::Sender::new(lag), subscribers: Supervisor::new(on_failure) }
    }

    /// Gives every event from now on to the handler. `Err` in the place of an event says how many were missed.
    pub fn subscribe<F, Fut, E>(&self, name: &str, mut handle: F) -> Task<Outcome>
    where
        F: FnMut(Result<T, u64>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send,
        E: Into<BoxError> + Send,
    {
        // Here and not in the task: what is published between this call and the task's first turn is seen.
        let mut events = self.events.subscribe();
        self.subscribers.spawn(name, async move {
            loop {
                let event = match events.recv().await {
                    Ok(event) => Ok(event),
                    Err(RecvError::Lagged(missed)) => Err(missed),
                    Err(RecvError::Closed) => return Ok::<_, BoxError>(()),
                };
                handle(event).await.map_err(Into::into)?;
            }
        })
    }

    /// Gives an event to all subscribers, and says how many there are.
    pub fn publish(&self, event: T) -> usize {
        self.events.send(event).unwrap_or(0)
    }

    /// Lets the subscribers see what has been published, for as long as `grace`, and ends them.
    pub async fn close(self, grace: std::time::Duration) {
        let Self { events, mut subscribers } = self;
        drop(events);
        taskgroup::move_on_after(grace, subscribers.idle()).await;
        subscribers.shutdown(grace).await;
    }
}

#[tokio::main]
pub async fn main() {
    let bus = Bus::new(16, |failure| eprintln!("{failure}"));
    for name in ["audit", "mail"] {
        bus.subscribe(name, move |event: Result<&str, u64>| async move {
            println!("{name}: {event:?}");
            Ok::<_, BoxError>(())
        });
    }
    bus.publish("signed up");
    bus.publish("paid");
    bus.close(std::time::Duration::from_secs(1)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_see_all_and_a_failure_is_the_failed_ones_alone() {
        let (seen, failures) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let told = Arc::clone(&failures);
        let bus = Bus::new(16, move |failure| told.lock().unwrap().push(failure.to_string()));
        for name in ["one", "two"] {
            let seen = Arc::clone(&seen);
            bus.subscribe(name, move |event: Result<u32, u64>| {
                seen.lock().unwrap().push((name, event));
                async move { if name == "one" && event == Ok(2) { Err("cannot") } else { Ok(()) } }
            });
        }
        assert_eq!(bus.publish(1), 2);
        bus.publish(2);
        tokio::task::yield_now().await;
        bus.publish(3);
        bus.close(Duration::from_secs(1)).await;
        let seen = seen.lock().unwrap();
        let of = |name| seen.iter().filter(|(who, _)| *who == name).map(|(_, event)| *event).collect::<Vec<_>>();
        assert_eq!(of("one"), [Ok(1), Ok(2)]);
        assert_eq!(of("two"), [Ok(1), Ok(2), Ok(3)]);
        assert_eq!(*failures.lock().unwrap(), ["one failed: cannot (attempt 1, the last)"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_subscriber_is_told_what_it_missed() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (bus, log) = (Bus::new(2, |failure| panic!("{failure}")), Arc::clone(&seen));
        bus.subscribe("slow", move |event: Result<u32, u64>| {
            log.lock().unwrap().push(event);
            async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, BoxError>(())
            }
        });
        for n in 0..5 {
            bus.publish(n);
        }
        bus.close(Duration::from_secs(60)).await;
        assert_eq!(*seen.lock().unwrap(), [Err(3), Ok(3), Ok(4)]);
    }
}
