//! A Code Quality report of GitLab: a list of issues, told apart by their fingerprints.

use std::io::{self, Write};

use serde::Serialize;

use super::fingerprint::name;
use super::spot::Spot;
use super::{FileError, Reported, Run};
use crate::finding::Severity;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<Issue<'_>> =
        run.findings.iter().map(|it| finding(run, it)).chain(run.errors.iter().map(error)).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

fn finding<'a>(run: &'a Run<'_>, it: &'a Reported) -> Issue<'a> {
    let finding = &it.finding;
    let spot = Spot::of(run.sources, finding.place);
    let mut description = finding.message.clone();
    // The place is shown with the line alone; of a notebook, a line is of no use without its cell.
    let lines = match spot.cell {
        Some(_) => {
            description.insert_str(0, &format!("{}: ", spot.name()));
            Lines { begin: 1, end: 1 }
        }
        None => Lines { begin: spot.start.line, end: spot.end.line },
    };
    if let Some(last) = finding.trace.last() {
        description.push_str(&format!(" (in {})", Spot::of(run.sources, last.place).name()));
    }
    Issue {
        description,
        check_name: finding.rule.name,
        fingerprint: it.fingerprint.clone(),
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Note => "minor",
        },
        location: Location { path: spot.source.path.as_str(), lines },
    }
}

fn error(it: &FileError) -> Issue<'_> {
    let line = it.line.unwrap_or(1);
    Issue {
        description: it.message.clone(),
        check_name: "not-analysed",
        fingerprint: name(&["not-analysed", &it.path, &it.message]),
        severity: "info",
        location: Location { path: &it.path, lines: Lines { begin: line, end: line } },
    }
}
