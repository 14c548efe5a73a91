//! The parts of a file, fetched at the same time and each written where it belongs: into one buffer that all borrow.
//!
//! With tasks each part would be a buffer of its own, moved in and copied out. The children of a `join_scope` take disjoint
//! slices of the caller's. They wait for the network, which one task is enough for.

use std::future::Future;

use taskgroup::{GroupError, join_scope};

/// Where the parts come from.
pub trait Source: Sync {
    /// Fills `part` with what there is from `from` on.
    fn read(&self, from: usize, part: &mut [u8]) -> impl Future<Output = Result<(), String>> + Send;
}

/// Fills the buffer from the source, in parts of at most `size` bytes. A part that fails ends the others, and all that
/// failed are in the error, by the place of the part.
pub async fn fill(source: &impl Source, buffer: &mut [u8], size: usize) -> Result<(), GroupError<String>> {
    join_scope(async move |group| {
        for (number, part) in buffer.chunks_mut(size).enumerate() {
            let from = number * size;
            group.spawn_named(format!("from {from}"), source.read(from, part));
        }
        Ok(())
    })
    .await
}

/// A file far away: each part takes a moment.
struct Remote(Vec<u8>);

impl Source for Remote {
    async fn read(&self, from: usize, part: &mut [u8]) -> Result<(), String> {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let there = self.0.get(from..from + part.len()).ok_or("it ends before that")?;
        part.copy_from_slice(there);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
pub async fn main() {
    let text = b"structured concurrency";
    let (remote, mut buffer) = (Remote(text.to_vec()), vec![0; text.len()]);
    match fill(&remote, &mut buffer, 5).await {
        Ok(()) => println!("{}", String::from_utf8_lossy(&buffer)),
        Err(error) => eprintln!("{error}"),
    }
    if let Err(error) = fill(&remote, &mut vec![0; text.len() + 7], 5).await {
        eprintln!("{error}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn the_parts_come_at_the_same_time_and_each_to_its_place() {
        let remote = Remote((0..=255).collect());
        let (start, mut buffer) = (Instant::now(), vec![0; 250]);
        fill(&remote, &mut buffer, 7).await.unwrap();
        assert_eq!(buffer, remote.0[..250]);
        assert_eq!(start.elapsed(), Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn the_part_that_fails_is_named_and_the_buffer_is_the_callers_again() {
        let (remote, mut buffer) = (Remote(vec![1; 10]), vec![0; 12]);
        let error = fill(&remote, &mut buffer, 5).await.unwrap_err();
        let (name, reason) = error.named().next().unwrap();
        assert_eq!((name.given(), reason.as_str(), error.len()), (Some("from 10"), "it ends before that", 1));
        assert_eq!(buffer[..10], [1; 10]);
        buffer.clear();
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_around_it_ends_all_parts() {
        let (remote, mut buffer) = (Remote(vec![1; 100]), vec![0; 100]);
        let ended = taskgroup::timeout(Duration::from_millis(20), fill(&remote, &mut buffer, 9)).await;
        assert!(ended.is_err() && buffer.iter().all(|byte| *byte == 0));
    }
}
