//! JUnit's XML, which every CI server reads: a suite for each file, a failed case for each finding.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::printable::printable;
use super::spot::Spot;
use super::{FileError, Run};
use crate::finding::{Finding, Severity};

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let findings: Vec<&Finding> = run.findings.iter().map(|it| &it.finding).collect();
    let path = |it: &Finding| run.sources.source(it.place.file).path.as_str();
    let mut suites: Vec<Suite> = findings
        .chunk_by(|a, b| a.place.file == b.place.file)
        .map(|group| Suite {
            name: path(group[0]).to_owned(),
            cases: group.iter().map(|it| case(run, it)).collect(),
            failures: group.iter().filter(|it| fails(it)).count(),
            errors: 0,
        })
        .collect();
    suites.extend(run.errors.iter().map(error));
    if suites.is_empty() {
        // A report without a case counts as a broken one in some servers.
        let case = Case { name: "no findings".to_owned(), function: "asynclint".to_owned(), content: String::new() };
        suites.push(Suite { name: "asynclint".to_owned(), cases: vec![case], failures: 0, errors: 0 });
    }
    let sum = |number: fn(&Suite) -> usize| suites.iter().map(number).sum::<usize>();
    let seconds = std::time::Duration::from_millis(run.summary.duration_ms).as_secs_f64();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="asynclint" tests="{}" failures="{}" errors="{}" time="{seconds:.3}">"#,
        sum(|it| it.cases.len()),
        sum(|it| it.failures),
        sum(|it| it.errors)
    )?;
    for suite in &suites {
        let (tests, failures, errors) = (suite.cases.len(), suite.failures, suite.errors);
        writeln!(
            out,
            r#"  <testsuite name="{}" tests="{tests}" failures="{failures}" errors="{errors}" skipped="0">"#,
            escaped(&suite.name)
        )?;
        for case in &suite.cases {
            write!(out, r#"    <testcase name="{}" classname="{}""#, escaped(&case.name), escaped(&case.function))?;
            match case.content.as_str() {
                "" => writeln!(out, "/>")?,
                content => writeln!(out, ">\n{content}    </testcase>")?,
            }
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

struct Suite {
    name: String,
    cases: Vec<Case>,
    failures: usize,
    errors: usize,
}

struct Case {
    name: String,
    function: String,
    /// XML.
    content: String,
}

/// As for the exit status: notes fail nothing.
fn fails(finding: &Finding) -> bool {
    finding.severity >= Severity::Warning
}

fn case(run: &Run<'_>, finding: &Finding) -> Case {
    let spot = Spot::of(run.sources, finding.place);
    let mut text = format!("{}: {}\n", spot.name(), finding.message);
    for step in &finding.trace {
        let name = Spot::of(run.sources, step.place).name();
        let _ = writeln!(text, "{name}: in `{}`: {}", step.function, step.message);
    }
    for related in &finding.related {
        let _ = writeln!(text, "{}: {}", Spot::of(run.sources, related.place).name(), related.message);
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(text, "help: {help}");
    }
    let (message, text) = (escaped(&finding.message), escaped(&text));
    let content = if fails(finding) {
        let kind = finding.severity.name();
        format!("      <failure type=\"{kind}\" message=\"{message}\">{text}</failure>\n")
    } else {
        format!("      <system-out>{text}</system-out>\n")
    };
    let cell = spot.cell.map(|cell| format!("cell {cell}:")).unwrap_or_default();
    Case {
        name: format!("{} {cell}{}:{}", finding.rule.name, spot.start.line, spot.start.column),
        function: finding.function.clone(),
        content,
    }
}

fn error(it: &FileError) -> Suite {
    let line = it.line.map(|line| format!(" {line}")).unwrap_or_default();
    let case = Case {
        name: format!("not analysed{line}"),
        function: it.path.clone(),
        content: format!("      <error message=\"{}\"/>\n", escaped(&it.message)),
    };
    Suite { name: it.path.clone(), cases: vec![case], failures: 0, errors: 1 }
}

/// For text and for attributes. What XML cannot hold even escaped, control characters, is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in printable(text).chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(it),
        }
    }
    out
}
