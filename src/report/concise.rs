//! One line a finding, in the shape compilers have and editors know: `path:line:column: severity: message [rule]`.

use std::io::{self, Write};

use super::printable::one_line;
use super::spot::Spot;
use super::{Reported, Run, paint, statistics};
use crate::finding::Finding;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    for Reported { finding, .. } in run.findings {
        line(run, finding, "", out)?;
    }
    for it in run.suppressed {
        line(run, &it.finding, &format!(" (suppressed by `{}`)", it.reason.by), out)?;
    }
    if run.statistics { statistics(run, out) } else { Ok(()) }
}

fn line(run: &Run<'_>, finding: &Finding, note: &str, out: &mut dyn Write) -> io::Result<()> {
    let spot = Spot::of(run.sources, finding.place);
    let severity = paint(run.terminal, finding.severity);
    let (name, message) = (spot.name(), one_line(&finding.message));
    let (level, rule) = (finding.severity.name(), finding.rule.name);
    writeln!(out, "{}: {severity}{level}{severity:#}: {message} [{rule}]{}", one_line(&name), one_line(note))
}
