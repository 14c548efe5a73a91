//! The findings as JSON: one object, or one finding a line.

use std::io::{self, Write};

use super::Run;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let _ = (run, out);
    Ok(())
}

pub(super) fn write_lines(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let _ = (run, out);
    Ok(())
}
