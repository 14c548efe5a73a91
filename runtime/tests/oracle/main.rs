//! Random trees of scopes, tasks, errors, panics, cancellations, aborts, drops and timeouts, run beside an oracle that
//! counts the runtime's live tasks and the drops of what tasks own, and keeps its own books on every failure.

mod group;
mod interpreter;
mod program;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use tokio::runtime::{Builder, Handle};

use interpreter::Books;
use program::{Program, programs};

/// Longer, on the paused clock, than any program takes that does not hang.
const FOREVER: Duration = Duration::from_secs(1_000_000);

/// What is wrong after the program has been run.
async fn faults(program: Program, exact: bool) -> Vec<String> {
    let before = Handle::current().metrics().num_alive_tasks();
    let books = Books::new(exact);
    let run = books.clone();
    // As a task of its own: the panics that programs end with are caught there.
    let ended = tokio::time::timeout(FOREVER, tokio::spawn(async move { run.root(program).await })).await;
    if ended.is_err() {
        books.fault("it hangs");
    }
    // What is left of tasks that were aborted goes in the runtime's next turns. Workers may be slow to take those.
    let patience = std::time::Instant::now() + Duration::from_secs(if exact { 0 } else { 20 });
    for turn in 0.. {
        let ended = Handle::current().metrics().num_alive_tasks() == before && books.live() == 0;
        if ended || (turn > 10 && std::time::Instant::now() > patience) {
            break;
        }
        tokio::task::yield_now().await;
        if !exact {
            std::thread::sleep(Duration::from_micros(20));
        }
    }
    let after = Handle::current().metrics().num_alive_tasks();
    if after != before {
        books.fault(format!("{after} tasks are alive, {before} were before"));
    }
    if books.live() != 0 {
        books.fault(format!("{} futures have not been dropped", books.live()));
    }
    books.close()
}

/// Miri, which may take a minute for one, runs two.
fn cases(default: u32) -> Config {
    let default = if cfg!(miri) { 2 } else { default };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default);
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn on_one_thread_and_the_paused_clock(program in programs()) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let faults = runtime.block_on(faults(program, true));
        prop_assert!(faults.is_empty(), "{faults:#?}");
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn on_two_threads(program in programs()) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let faults = runtime.block_on(faults(program, false));
        prop_assert!(faults.is_empty(), "{faults:#?}");
    }
}
