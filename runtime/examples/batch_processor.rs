//! Collects items into batches, and writes a batch when it is full or when its first item has waited long enough.
//!
//! A batch that is being written is shielded: a shutdown neither tears it nor loses what has been accepted. What is left
//! when the senders are gone is written at the end.

use std::future::Future;
use std::time::Duration;

use taskgroup::{move_on_at, shield};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs until all senders are gone or `stop` is cancelled; then writes what has been accepted, and ends.
pub async fn batches<T, E, F, Fut>(
    mut items: mpsc::Receiver<T>,
    size: usize,
    longest: Duration,
    stop: CancellationToken,
    mut write: F,
) -> Result<(), E>
where
    F: FnMut(Vec<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let mut closing = false;
    loop {
        // The first item, without a deadline. `recv` and `cancelled` lose nothing when they are dropped.
        let first = tokio::select! {
            biased;
            () = stop.cancelled(), if !closing => {
                // Nothing more is accepted; what is in the channel still comes.
                items.close();
                closing = true;
                continue;
            }
            first = items.recv() => first,
        };
        let Some(first) = first else { return Ok(()) };
        let (mut batch, deadline) = (vec![first], Instant::now() + longest);
        while batch.len() < size {
            match move_on_at(deadline, items.recv()).await {
                Some(Some(item)) => batch.push(item),
                Some(None) | None => break,
            }
        }
        shield(write(batch)).await?;
    }
}

#[tokio::main]
pub async fn main() {
    let (send, receive) = mpsc::channel(100);
    let written = batches(receive, 4, Duration::from_millis(20), CancellationToken::new(), async |batch: Vec<u32>| {
        println!("{batch:?}");
        Ok::<_, String>(())
    });
    let sent = async move {
        for n in 0..10 {
            if send.send(n).await.is_err() {
                break;
            }
        }
    };
    let (written, ()) = tokio::join!(written, sent);
    println!("{written:?}");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use taskgroup::{BoxError, Supervisor};
    use tokio::time::sleep;

    use super::*;

    type Written = Arc<Mutex<Vec<Vec<u32>>>>;

    /// A processor in a supervisor, which takes a second for each batch.
    fn start(written: &Written) -> (mpsc::Sender<u32>, Supervisor) {
        let (send, receive) = mpsc::channel(100);
        let supervisor = Supervisor::new(|failure| panic!("{failure}"));
        let (written, stop) = (Arc::clone(written), supervisor.token());
        let work = batches(receive, 3, Duration::from_secs(5), stop, move |batch| {
            let written = Arc::clone(&written);
            async move {
                sleep(Duration::from_secs(1)).await;
                written.lock().unwrap().push(batch);
                Ok::<_, BoxError>(())
            }
        });
        // The whole of it shielded: it ends by its own account when the token is cancelled.
        supervisor.spawn("batches", shield(work));
        (send, supervisor)
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_written_when_full_or_old() {
        let (written, begin) = (Written::default(), Instant::now());
        let (send, supervisor) = start(&written);
        for n in 0..4 {
            send.send(n).await.unwrap();
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!(*written.lock().unwrap(), [vec![0, 1, 2]]);
        sleep(Duration::from_secs(6)).await;
        assert_eq!(*written.lock().unwrap(), [vec![0, 1, 2], vec![3]], "after {:?}", begin.elapsed());
        assert!(supervisor.shutdown(Duration::from_secs(60)).await.aborted.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_loses_nothing_that_was_accepted() {
        let written = Written::default();
        let (send, supervisor) = start(&written);
        for n in 0..8 {
            send.send(n).await.unwrap();
        }
        sleep(Duration::from_millis(500)).await;
        let report = supervisor.shutdown(Duration::from_secs(60)).await;
        assert!(report.aborted.is_empty());
        assert_eq!(written.lock().unwrap().concat(), (0..8).collect::<Vec<_>>());
        assert!(send.send(8).await.is_err(), "and says so to whoever comes later");
    }
}
