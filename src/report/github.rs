//! Workflow commands of GitHub Actions: each line becomes an annotation of the file in the pull request.

use std::io::{self, Write};

use super::spot::Spot;
use super::{FileError, Run};
use crate::finding::{Finding, Severity};

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    for it in run.findings {
        writeln!(out, "{}", finding(run, &it.finding))?;
    }
    for it in run.errors {
        writeln!(out, "{}", error(it))?;
    }
    Ok(())
}

fn finding(run: &Run<'_>, finding: &Finding) -> String {
    let spot = Spot::of(run.sources, finding.place);
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut text = finding.message.clone();
    let mut properties = format!("file={}", property(spot.source.path.as_str()));
    match spot.cell {
        // Lines of a cell are not those of the file.
        Some(_) => text.insert_str(0, &format!("{}: ", spot.name())),
        None => {
            properties.push_str(&format!(",line={},endLine={}", spot.start.line, spot.end.line));
            // Columns are for marks within one line.
            if spot.start.line == spot.end.line {
                properties.push_str(&format!(",col={},endColumn={}", spot.start.column, spot.end.column));
            }
        }
    }
    for step in &finding.trace {
        let name = Spot::of(run.sources, step.place).name();
        text.push_str(&format!("\nin `{}`: {} ({name})", step.function, step.message));
    }
    for related in &finding.related {
        text.push_str(&format!("\n{} ({})", related.message, Spot::of(run.sources, related.place).name()));
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    format!("::{command} {properties},title={}::{}", property(finding.rule.name), data(&text))
}

fn error(error: &FileError) -> String {
    let line = error.line.map(|line| format!(",line={line}")).unwrap_or_default();
    format!("::warning file={}{line},title=asynclint::{}", property(&error.path), data(&error.message))
}

/// What the runner reads back in a message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// And in a property, where colons and commas mean something too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
