//! SARIF 2.1.0.

use std::io::{self, Write};

use super::Run;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let _ = (run, out);
    Ok(())
}

/// Code scanning keeps the first 5,000 results of a log and refuses logs of more than 25,000.
const KEPT: usize = 5_000;

pub(super) fn warning(run: &Run<'_>) -> Option<String> {
    let results = run.findings.len() + run.suppressed.len();
    (results > KEPT).then(|| {
        format!("{results} results: GitHub code scanning shows {KEPT} and refuses more than 25,000; select fewer rules, or write a baseline")
    })
}
