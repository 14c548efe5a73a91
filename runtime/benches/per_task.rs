//! What a task costs in a group, as a multiple of what it costs in Tokio's `JoinSet`.
//!
//! `cargo bench -p taskgroup`. All ways are measured in turns within one run, and what is printed are medians of ratios of
//! neighbouring turns: on a machine that does other things as well, times of separate runs cannot be compared, and a
//! harness that measures one way after the other would do that.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use taskgroup::scope;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

/// What each task does.
#[derive(Clone, Copy)]
enum Work {
    Ready,
    /// Is woken once, as by a timer or a socket.
    Yield,
}

impl Work {
    async fn run(self) {
        if matches!(self, Self::Yield) {
            tokio::task::yield_now().await;
        }
    }

    async fn run_in_group(self) -> Result<(), Infallible> {
        if matches!(self, Self::Yield) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Way {
    JoinSet,
    TaskTracker,
    Spawn,
    Group,
    GroupHandles,
    GroupLimit,
}

impl Way {
    const ALL: [Self; 6] =
        [Self::JoinSet, Self::TaskTracker, Self::Spawn, Self::Group, Self::GroupHandles, Self::GroupLimit];

    fn name(self) -> &'static str {
        match self {
            Self::JoinSet => "JoinSet",
            Self::TaskTracker => "TaskTracker",
            Self::Spawn => "spawn, then join",
            Self::Group => "scope",
            Self::GroupHandles => "scope, handles awaited",
            Self::GroupLimit => "scope, with_limit(100)",
        }
    }

    async fn run(self, tasks: usize, work: Work) {
        match self {
            Self::JoinSet => {
                let mut set = JoinSet::new();
                for _ in 0..tasks {
                    set.spawn(work.run());
                }
                while let Some(ended) = set.join_next().await {
                    ended.expect("no task panics");
                }
            }
            Self::TaskTracker => {
                let tracker = TaskTracker::new();
                for _ in 0..tasks {
                    tracker.spawn(work.run());
                }
                tracker.close();
                tracker.wait().await;
            }
            Self::Spawn => {
                let handles: Vec<_> = (0..tasks).map(|_| tokio::spawn(work.run())).collect();
                for handle in handles {
                    handle.await.expect("no task panics");
                }
            }
            Self::Group => {
                let ended = scope(async |group| {
                    for _ in 0..tasks {
                        group.spawn(work.run_in_group());
                    }
                    Ok(())
                });
                ended.await.expect("no task fails");
            }
            Self::GroupHandles => {
                let ended = scope(async |group| {
                    let spawn = |_| group.spawn(work.run_in_group());
                    let handles: Vec<_> = (0..tasks).map(spawn).collect();
                    for handle in handles {
                        handle.value().await;
                    }
                    Ok(())
                });
                ended.await.expect("no task fails");
            }
            Self::GroupLimit => {
                let ended = scope(async |group| {
                    let group = group.with_limit(100);
                    for _ in 0..tasks {
                        group.spawn(work.run_in_group()).await;
                    }
                    Ok(())
                });
                ended.await.expect("no task fails");
            }
        }
    }
}

/// One turn: as many runs as make about `tasks_in_all` tasks. On the multi-thread runtime inside a worker, as in a server.
fn time(runtime: &Runtime, way: Way, tasks: usize, work: Work, tasks_in_all: usize) -> Duration {
    let runs = (tasks_in_all / tasks).max(1);
    let start = Instant::now();
    runtime.block_on(async move {
        let turn = tokio::spawn(async move {
            for _ in 0..runs {
                way.run(black_box(tasks), work).await;
            }
        });
        turn.await.expect("no panic");
    });
    start.elapsed() / u32::try_from(runs * tasks).unwrap_or(u32::MAX)
}

fn median<T: Copy + PartialOrd>(values: &mut [T]) -> T {
    values.sort_by(|one, two| one.partial_cmp(two).expect("no NaN"));
    values[values.len() / 2]
}

fn main() {
    // `cargo test --benches` runs this without the flag: then one turn shows that it works.
    let (turns, tasks_in_all) = if std::env::args().any(|arg| arg == "--bench") { (15, 20_000) } else { (1, 100) };
    let one = Builder::new_current_thread().build().expect("a runtime");
    let two = Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    println!("time per task, as a multiple of JoinSet's (medians of {turns} turns)\n");
    println!(
        "| runtime | task | tasks | JoinSet | {} |",
        Way::ALL[1..].iter().map(|way| way.name()).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (runtime, flavour) in [(&one, "current thread"), (&two, "two threads")] {
        for (work, does) in [(Work::Ready, "ready"), (Work::Yield, "woken once")] {
            for tasks in [1, 100, 100_000] {
                let mut base = Vec::new();
                let mut ratios = vec![Vec::new(); Way::ALL.len() - 1];
                for _ in 0..turns {
                    let before = time(runtime, Way::JoinSet, tasks, work, tasks_in_all);
                    base.push(before);
                    for (way, ratios) in Way::ALL[1..].iter().zip(&mut ratios) {
                        // The neighbour: measured again beside each way.
                        let other = time(runtime, *way, tasks, work, tasks_in_all);
                        let joined = time(runtime, Way::JoinSet, tasks, work, tasks_in_all);
                        ratios.push(other.as_secs_f64() / joined.as_secs_f64());
                    }
                }
                let ratios: Vec<_> = ratios.iter_mut().map(|ratios| format!("{:.2}", median(ratios))).collect();
                println!("| {flavour} | {does} | {tasks} | {:?} | {} |", median(&mut base), ratios.join(" | "));
            }
        }
    }
}
