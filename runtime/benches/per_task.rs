//! What a task costs in a group, as a multiple of what it costs in Tokio's `JoinSet`.
//!
//! `cargo bench -p taskgroup`, or `cargo bench -p taskgroup -- two 100000` for the lines that have all of these words in
//! them.
//!
//! # How to read it
//!
//! The ways are measured in rounds: in each round every way has one turn of some milliseconds, in an order that is drawn
//! anew for each round. A turn is a process of its own, in which the same way runs once before it is measured: a turn that
//! found the heap as another way has left it would be charged for that (at 100,000 tasks up to a third). A ratio compares two
//! turns of the same round, and what is printed is the median over all rounds. Whatever else the machine does thus falls on
//! all ways alike; times of separate runs cannot be compared, and a harness that measures one way after the other would do
//! that.
//!
//! - **cpu** is the processor time of the whole process, of all its threads. It is the figure to look at: it does not count
//!   the time in which another program had the processor.
//! - **wall** is the time that has passed. On an idle machine it adds what cpu time does not show, that threads wait for
//!   each other. On a busy one it means little, and nothing where two threads share less than two free processors.
//! - **JoinSet again** is `JoinSet` as a second contestant against itself. How far that is from 1.00 is how far any other
//!   figure of the line may be off.

use std::convert::Infallible;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use taskgroup::scope;
use tokio::runtime::Builder;
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

#[derive(Clone, Copy, PartialEq)]
enum Way {
    JoinSet,
    JoinSetAgain,
    TaskTracker,
    Spawn,
    Group,
    GroupHandles,
    GroupLimit,
}

impl Way {
    /// The first one is what the others are compared with.
    const ALL: [Self; 7] = [
        Self::JoinSet,
        Self::JoinSetAgain,
        Self::TaskTracker,
        Self::Spawn,
        Self::Group,
        Self::GroupHandles,
        Self::GroupLimit,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::JoinSet => "JoinSet",
            Self::JoinSetAgain => "JoinSet again",
            Self::TaskTracker => "TaskTracker",
            Self::Spawn => "spawn, then join",
            Self::Group => "scope",
            Self::GroupHandles => "scope, handles awaited",
            Self::GroupLimit => "scope, with_limit(100)",
        }
    }

    async fn run(self, tasks: usize, work: Work) {
        match self {
            Self::JoinSet | Self::JoinSetAgain => {
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

/// What one turn took, per task, in nanoseconds.
#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    wall: f64,
}

/// One turn, in a process of its own: what that printed.
fn turn(threads: &str, way: Way, tasks: usize, work: Work, tasks_in_all: usize) -> Cost {
    let program = std::env::current_exe().expect("the path of this program");
    let at = Way::ALL.iter().position(|other| *other == way).expect("all ways are there");
    let woken = matches!(work, Work::Yield);
    let turn = [TURN, threads, &at.to_string(), &tasks.to_string(), &woken.to_string(), &tasks_in_all.to_string()];
    let ended = Command::new(program).args(turn).output().expect("this program runs");
    assert!(ended.status.success(), "{turn:?}: {}", String::from_utf8_lossy(&ended.stderr));
    let text = String::from_utf8_lossy(&ended.stdout);
    let mut times = text.split_whitespace().map(|time| time.parse().expect("a number"));
    let mut next = || times.next().expect("two numbers");
    Cost { cpu: next(), wall: next() }
}

/// In the process of a turn: as many runs as make about `tasks_in_all` tasks, once to warm up and once measured. On the
/// multi-thread runtime inside a worker, as in a server.
fn take_turn(args: &[String]) {
    let [threads, at, tasks, woken, tasks_in_all] = args else { panic!("a turn has five words, not {args:?}") };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let (way, tasks) = (Way::ALL[number(at)], number(tasks));
    let work = if woken == "true" { Work::Yield } else { Work::Ready };
    let runtime = match threads.as_str() {
        "one" => Builder::new_current_thread().build(),
        _ => Builder::new_multi_thread().worker_threads(2).build(),
    };
    let runtime = runtime.expect("a runtime");
    let runs = (number(tasks_in_all) / tasks).max(1);
    for measured in [false, true] {
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        runtime.block_on(async move {
            let turn = tokio::spawn(async move {
                for _ in 0..runs {
                    way.run(black_box(tasks), work).await;
                }
            });
            turn.await.expect("no panic");
        });
        let per_task = |time: Duration| time.as_secs_f64() * 1e9 / (runs * tasks) as f64;
        if measured {
            println!("{} {}", per_task(cpu.elapsed()), per_task(wall.elapsed()));
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A round has one turn of each way, in an order of its own; its costs are in the order of `Way::ALL`.
fn rounds(rounds: usize, mut turn: impl FnMut(Way) -> Cost) -> Vec<Vec<Cost>> {
    // A multiplicative generator with the seed 1: the same orders every time.
    let mut drawn = 1_u64;
    let mut draw = |below: usize| {
        drawn = drawn * 48_271 % 0x7fff_ffff;
        drawn as usize % below
    };
    let one_round = |_| {
        let mut costs = vec![Cost { cpu: 0.0, wall: 0.0 }; Way::ALL.len()];
        let mut left: Vec<_> = (0..Way::ALL.len()).collect();
        while !left.is_empty() {
            let at = left.swap_remove(draw(left.len()));
            costs[at] = turn(Way::ALL[at]);
        }
        costs
    };
    (0..rounds).map(one_round).collect()
}

/// The first argument of a process that takes one turn.
const TURN: &str = "--turn";

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == TURN) {
        return take_turn(&args[1..]);
    }
    // `cargo test --benches` runs this without the flag: then one round shows that it works.
    let (count, tasks_in_all) = if args.iter().any(|arg| arg == "--bench") { (31, 10_000) } else { (1, 100) };
    let words: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    println!("cpu time per task, as a multiple of JoinSet's (wall time in brackets); medians of {count} rounds\n");
    let names = Way::ALL[1..].iter().map(|way| way.name()).collect::<Vec<_>>().join(" | ");
    println!("| threads | task | tasks | JoinSet, ns | {names} |");
    println!("|---|---|---|---{}|", "|---".repeat(Way::ALL.len() - 1));
    for threads in ["one", "two"] {
        for (work, does) in [(Work::Ready, "ready"), (Work::Yield, "woken once")] {
            for tasks in [1, 100, 100_000] {
                let line = format!("| {threads} | {does} | {tasks} |");
                if !words.iter().all(|word| line.contains(*word)) {
                    continue;
                }
                let costs = rounds(count, |way| turn(threads, way, tasks, work, tasks_in_all));
                let ratio = |at: usize| {
                    let cpu = median(costs.iter().map(|costs| costs[at].cpu / costs[0].cpu));
                    let wall = median(costs.iter().map(|costs| costs[at].wall / costs[0].wall));
                    format!("{cpu:.2} ({wall:.2})")
                };
                let ratios: Vec<_> = (1..Way::ALL.len()).map(ratio).collect();
                let base = median(costs.iter().map(|costs| costs[0].cpu));
                println!("{line} {base:.0} | {} |", ratios.join(" | "));
            }
        }
    }
}
