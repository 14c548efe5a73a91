//! One line a finding, for editors, scripts and quick looks.

use std::io::{self, Write};

use super::Run;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let _ = (run, out);
    Ok(())
}
