//! The findings as JSON: one object, or one finding a line. The shape is a contract; it is counted by `version`.

use std::io::{self, Write};

use serde::Serialize;

use super::spot::Spot;
use super::{FileError, Run, Suppressed};
use crate::finding::{Finding, Fix, Place, Sources};
use crate::source::{Position, Span};

/// Raised when a field changes its meaning or goes away, not when one is added.
const VERSION: u32 = 1;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = Report {
        version: VERSION,
        tool: Tool { name: "asynclint", version: run.version },
        diagnostics: run.findings.iter().map(|it| diagnostic(run, &it.finding, &it.fingerprint)).collect(),
        suppressed: run.suppressed.iter().map(|it| suppressed(run, it)).collect(),
        errors: run.errors.iter().map(error).collect(),
        summary: Summary {
            files: run.summary.files,
            checked: run.summary.checked,
            findings: run.findings.len(),
            fixable: run.fixable(),
            duration_ms: run.summary.duration_ms,
        },
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

pub(super) fn write_lines(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let kept = run.findings.iter().map(|it| diagnostic(run, &it.finding, &it.fingerprint));
    for it in kept.chain(run.suppressed.iter().map(|it| suppressed(run, it))) {
        serde_json::to_writer(&mut *out, &it)?;
        writeln!(out)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    tool: Tool<'a>,
    diagnostics: Vec<Diagnostic<'a>>,
    /// Only with `--show-suppressed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressed: Vec<Diagnostic<'a>>,
    errors: Vec<Error<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    rule: &'a str,
    severity: &'a str,
    confidence: &'a str,
    message: &'a str,
    help: Option<&'a str>,
    function: &'a str,
    location: Location<'a>,
    trace: Vec<Link<'a>>,
    related: Vec<Related<'a>>,
    fix: Option<Mend<'a>>,
    fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<Suppression<'a>>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    /// The notebook cell in which lines and offsets count.
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<u32>,
    start: Point,
    end: Point,
}

#[derive(Serialize)]
struct Point {
    line: u32,
    column: u32,
    offset: u32,
}

#[derive(Serialize)]
struct Link<'a> {
    function: &'a str,
    message: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Mend<'a> {
    applicability: &'a str,
    message: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    location: Location<'a>,
    content: &'a str,
}

#[derive(Serialize)]
struct Suppression<'a> {
    by: &'a str,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    path: &'a str,
    message: &'a str,
    line: Option<u32>,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    checked: usize,
    findings: usize,
    fixable: usize,
    duration_ms: u64,
}

fn diagnostic<'a>(run: &'a Run<'_>, finding: &'a Finding, fingerprint: &'a str) -> Diagnostic<'a> {
    let at = |place: Place| location(run.sources, place);
    let link =
        |it: &'a crate::finding::Step| Link { function: &it.function, message: &it.message, location: at(it.place) };
    Diagnostic {
        rule: finding.rule.name,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        message: &finding.message,
        help: finding.help.as_deref(),
        function: &finding.function,
        location: at(finding.place),
        trace: finding.trace.iter().map(link).collect(),
        related: finding.related.iter().map(|it| Related { message: &it.message, location: at(it.place) }).collect(),
        fix: finding.fix.as_ref().map(|it| mend(run.sources, finding, it)),
        fingerprint,
        suppression: None,
    }
}

fn suppressed<'a>(run: &'a Run<'_>, it: &'a Suppressed) -> Diagnostic<'a> {
    let suppression = Suppression { by: &it.reason.by, reason: it.reason.text.as_deref() };
    Diagnostic { suppression: Some(suppression), ..diagnostic(run, &it.finding, &it.fingerprint) }
}

fn mend<'a>(sources: &'a dyn Sources, finding: &Finding, fix: &'a Fix) -> Mend<'a> {
    let edit = |span: Span, content: &'a str| Edit {
        location: location(sources, Place { file: finding.place.file, span }),
        content,
    };
    Mend {
        applicability: fix.applicability.name(),
        message: &fix.message,
        edits: fix.edits.iter().map(|it| edit(it.span, &it.content)).collect(),
    }
}

fn location(sources: &dyn Sources, place: Place) -> Location<'_> {
    let spot = Spot::of(sources, place);
    let point = |position: Position, offset: u32| Point {
        line: position.line,
        column: position.column,
        offset: offset.saturating_sub(spot.base),
    };
    Location {
        path: spot.source.path.as_str(),
        cell: spot.cell,
        start: point(spot.start, spot.span.start),
        end: point(spot.end, spot.span.end.max(spot.span.start)),
    }
}

fn error(it: &FileError) -> Error<'_> {
    Error { path: &it.path, message: &it.message, line: it.line }
}
