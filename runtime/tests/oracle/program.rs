//! Programs to be run.

use proptest::prelude::*;

/// What a task or a body does, step by step.
pub type Program = Vec<Step>;

#[derive(Clone, Debug)]
pub enum Step {
    /// Waits, in ms.
    Sleep(u8),
    Yield,
    Checkpoint,
    /// Ends with this error.
    Fail(u8),
    Panic,
    /// Starts a task in the innermost group.
    Spawn(Program),
    /// Starts a task through a limit of this many, which is waited for.
    SpawnLimited(u8, Program),
    /// Cancels the innermost group.
    Cancel,
    /// Aborts the task that was last started here.
    AbortLast,
    /// Awaits the task that was last started here.
    AwaitLast,
    Scope {
        body: Program,
        catch_panics: bool,
        /// Whether what is started in it are children on one task instead of tasks.
        joined: bool,
        /// Whether its error becomes that of the code around it.
        propagate: bool,
    },
    Timeout(u8, Program),
    Shield(Program),
    /// Tokio's `timeout`, which drops what it runs.
    DropAfter(u8, Program),
    /// A closure on the blocking pool.
    Blocking,
    Join(Program, Program),
}

fn leaf() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8_u8).prop_map(Step::Sleep),
        3 => Just(Step::Yield),
        1 => Just(Step::Checkpoint),
        2 => any::<u8>().prop_map(Step::Fail),
        1 => Just(Step::Panic),
        1 => Just(Step::Cancel),
        1 => Just(Step::AbortLast),
        2 => Just(Step::AwaitLast),
        1 => Just(Step::Blocking),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    leaf().prop_recursive(5, 40, 5, |inner| {
        let program = || prop::collection::vec(inner.clone(), 0..5);
        prop_oneof![
            6 => program().prop_map(Step::Spawn),
            1 => (1..3_u8, program()).prop_map(|(limit, program)| Step::SpawnLimited(limit, program)),
            6 => (program(), any::<[bool; 3]>()).prop_map(|(body, [catch_panics, joined, propagate])| {
                Step::Scope { body, catch_panics, joined, propagate }
            }),
            2 => (0..10_u8, program()).prop_map(|(ms, program)| Step::Timeout(ms, program)),
            2 => program().prop_map(Step::Shield),
            2 => (0..10_u8, program()).prop_map(|(ms, program)| Step::DropAfter(ms, program)),
            1 => (program(), program()).prop_map(|(one, two)| Step::Join(one, two)),
        ]
    })
}

pub fn programs() -> impl Strategy<Value = Program> {
    prop::collection::vec(step(), 1..8)
}
