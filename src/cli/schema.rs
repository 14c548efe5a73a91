//! `asynclint schema`.

use super::{Failure, Status, output};

pub(super) fn run() -> Result<Status, Failure> {
    output::print(|out| writeln!(out, "{:#}", crate::config::schema()))?;
    Ok(Status::Clean)
}
