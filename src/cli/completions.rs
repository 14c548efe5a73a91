//! `asynclint completions SHELL`.

use clap::CommandFactory;

use super::arguments::{Arguments, Completions};
use super::{Failure, Status, output};

pub(super) fn run(arguments: &Completions) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "asynclint", &mut script);
    output::print(|out| out.write_all(&script))?;
    Ok(Status::Clean)
}
