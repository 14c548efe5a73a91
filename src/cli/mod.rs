//! The command line: one file per command. The only part that prints and that chooses the exit status.

mod again;
mod arguments;
mod baseline;
mod cache;
mod check;
mod completions;
mod effects;
mod explain;
mod init;
mod inputs;
mod mend;
mod output;
mod panics;
mod progress;
mod rules;
mod schema;
mod since;
mod stamp;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Color, Command};

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    /// Nothing found that matters.
    Clean,
    /// Findings.
    Findings,
    /// Wrong usage or configuration.
    Usage,
    /// A failure of the program itself.
    Internal,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Clean => Self::SUCCESS,
            Status::Findings => Self::from(1),
            Status::Usage => Self::from(2),
            Status::Internal => Self::from(101),
        }
    }
}

/// Why a command cannot do what it is asked: lines for stderr, each naming the place and what to do next.
#[derive(Debug)]
struct Failure(Vec<String>);

impl Failure {
    fn new(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }
}

/// Runs the program with the arguments it was started with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told that the help text could not be shown.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match arguments.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    panics::quiet();
    let run = || match arguments.command {
        Command::Check(check) => check::run(&check),
        Command::Explain(explain) => explain::run(&explain),
        Command::Rules(rules) => rules::run(&rules),
        Command::Effects(effects) => effects::run(&effects),
        Command::Init(init) => init::run(&init),
        Command::Schema => schema::run(),
        Command::Completions(completions) => completions::run(&completions),
        Command::Cache(command) => cache::run(&command),
    };
    let status = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(Ok(status)) => status,
        Ok(Err(Failure(lines))) => {
            for line in lines {
                output::error(&line);
            }
            Status::Usage
        }
        Err(_) => Status::Internal,
    };
    let status = if panics::report() { Status::Internal } else { status };
    status.into()
}
