//! Memory is bounded by what runs, not by what has run. Alone in its binary, for it reads the process's memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use taskgroup::{BoxError, Supervisor, map_concurrent, scope};
use tokio::runtime::Handle;

/// The most memory the process has used so far, in KiB, which the system knows only roughly: it may say less later on. 0 where
/// the system does not say, and in Miri.
fn peak() -> usize {
    // Which opens no files, and has its own way to see what is leaked.
    if cfg!(miri) {
        return 0;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// Miri runs a thousandth part: it looks for other faults, and is as much slower.
const fn part(count: usize) -> usize {
    if cfg!(miri) { count / 1_000 } else { count }
}

/// What a hundred times as many finished tasks may add: the allocator's own untidiness.
const SLACK: usize = 4 << 10;

/// Tasks through a hundred places: no more than that many are ever alive.
async fn limited(tasks: usize) {
    let (done, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    scope(async |inner| {
        let limited = inner.with_limit(100);
        for n in 0..tasks {
            let (done, most) = (Arc::clone(&done), Arc::clone(&most));
            let task = async move {
                if n % 64 == 0 {
                    most.fetch_max(Handle::current().metrics().num_alive_tasks(), Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                done.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(())
            };
            limited.spawn(task).await;
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(done.load(Ordering::Relaxed), tasks);
    // A task gives its place back a moment before the runtime has forgotten it.
    let most = most.load(Ordering::Relaxed);
    assert!(most <= 110, "{most} tasks at once");
}

#[test]
fn it_does_not_grow_with_finished_tasks() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        scope(async |group| {
            limited(part(10_000)).await;
            let before = peak();
            limited(part(1_000_000)).await;
            let grown = peak().saturating_sub(before);
            assert!(grown < SLACK, "a million tasks under a limit: {grown} KiB more");

            let before = peak();
            for _ in 0..part(2_000) {
                let tasks: Vec<_> = (0..100).map(|n| group.spawn(async move { Ok::<_, Infallible>(n) })).collect();
                for task in tasks {
                    task.value().await;
                }
            }
            let grown = peak().saturating_sub(before);
            assert!(grown < SLACK, "a group that has had 200,000 tasks: {grown} KiB more");

            let before = peak();
            let calls = map_concurrent(0..part(200_000), 10, async |_| Ok::<_, Infallible>(()));
            assert_eq!(calls.await.unwrap().len(), part(200_000));
            let grown = peak().saturating_sub(before);
            assert!(grown < SLACK, "200,000 calls without a result: {grown} KiB more");

            let before = peak();
            let supervisor = Supervisor::new(|failure| panic!("{failure}"));
            for _ in 0..part(200_000) {
                let _ = supervisor.spawn("job", async { Ok::<_, BoxError>(()) }).await;
            }
            let grown = peak().saturating_sub(before);
            assert!(grown < SLACK, "200,000 supervised tasks: {grown} KiB more");
            Ok(())
        })
        .await
        .unwrap();
    });
}
