//! One producer, several consumers, and a channel between them that lets the producer get ahead only so far.
//!
//! The end of the input ends the consumers: the producer drops its sender. The failure of a consumer ends the producer:
//! it is in the same group. Neither needs a flag, and nobody can be forgotten.

use std::future::Future;
use std::sync::Arc;

use taskgroup::{GroupError, scope};
use tokio::sync::{Mutex, mpsc};

/// Gives every item to one of `consumers` and returns how many there were.
pub async fn process<I, F, Fut, E>(items: I, consumers: usize, consume: F) -> Result<usize, GroupError<E>>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send,
    E: Send + 'static,
{
    scope(async |group| {
        let (sender, receiver) = mpsc::channel(consumers * 2);
        let receiver = Arc::new(Mutex::new(receiver));
        let producer = group.spawn_named("producer", async move {
            let mut sent = 0;
            for item in items {
                // The consumers are gone only when the group is being cancelled.
                if sender.send(item).await.is_err() {
                    break;
                }
                sent += 1;
            }
            Ok(sent)
        });
        for number in 0..consumers {
            let (receiver, consume) = (Arc::clone(&receiver), consume.clone());
            group.spawn_named(format!("consumer {number}"), async move {
                // In a statement of its own, so that the lock is held for the receiving and not for the consuming.
                while let Some(item) = { receiver.lock().await.recv().await } {
                    consume(item).await?;
                }
                Ok(())
            });
        }
        Ok(producer.value().await)
    })
    .await
}

#[tokio::main]
pub async fn main() {
    let done = process(0..10, 3, |n| async move {
        println!("{n}");
        Ok::<_, String>(())
    });
    println!("{:?}", done.await);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everything_is_consumed_once_and_in_parallel() {
        let sum = Arc::new(AtomicUsize::new(0));
        let (adds, start) = (Arc::clone(&sum), tokio::time::Instant::now());
        let done = process(1..=100, 10, move |n| {
            let adds = Arc::clone(&adds);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                adds.fetch_add(n, Ordering::SeqCst);
                Ok::<_, String>(())
            }
        });
        assert_eq!(done.await.unwrap(), 100);
        assert_eq!(sum.load(Ordering::SeqCst), 5_050);
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn the_producer_gets_ahead_only_so_far_and_ends_with_a_failure() {
        let produced = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&produced);
        let endless = (0..).inspect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let error = process(endless, 2, |n| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if n == 10 { Err("ten") } else { Ok(()) }
        });
        assert_eq!(error.await.unwrap_err().into_first(), Some("ten"));
        let produced = produced.load(Ordering::SeqCst);
        assert!((11..=17).contains(&produced), "{produced} items");
    }
}
