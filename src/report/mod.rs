//! How findings are shown: one file per output format. Plain data in, bytes out; nothing is printed here.
//!
//! The command line builds a [`Run`] and calls [`write`]. Lines and columns exist only from here on: everything before
//! speaks in byte ranges.

mod concise;
mod excerpt;
mod fingerprint;
mod fold;
mod full;
mod github;
mod gitlab;
mod json;
mod junit;
mod printable;
mod sarif;
mod spot;

use std::io::{self, Write};
use std::str::FromStr;

use camino::Utf8Path;

use crate::finding::{Applicability, Finding, Severity, Sources};
use crate::rules::Rule;
use crate::suppress::{Reason, Split};

pub use fingerprint::fingerprints;
pub use fold::fold;

/// Where the tool has its home, as the package says; rule pages are below it. Empty until the package names one.
pub const HOMEPAGE: &str = env!("CARGO_PKG_HOMEPAGE");

/// A form in which findings can be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people: source excerpts, the evidence, the fix.
    #[default]
    Full,
    /// One line a finding.
    Concise,
    /// One JSON object.
    Json,
    /// One JSON object a finding, one finding a line.
    Jsonl,
    /// SARIF 2.1.0, for code scanning and editors.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// A Code Quality report of GitLab.
    Gitlab,
    /// JUnit's XML, for other CI servers.
    Junit,
}

impl Format {
    /// Every format, in the order they are documented.
    pub const ALL: [Self; 8] =
        [Self::Full, Self::Concise, Self::Json, Self::Jsonl, Self::Sarif, Self::Github, Self::Gitlab, Self::Junit];

    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
            format!("no output format is called `{name}`: it is one of {}", known.join(", "))
        })
    }
}

/// Everything a report may show.
pub struct Run<'a> {
    pub sources: &'a dyn Sources,
    /// Every rule there is, on or off: SARIF lists them all, so that logs of one version agree. Else `rules::RULES`.
    pub rules: &'a [&'static Rule],
    /// Sorted by path and position.
    pub findings: &'a [Reported],
    /// Suppressed findings; empty unless they are to be shown (`--show-suppressed`).
    pub suppressed: &'a [Suppressed],
    /// Files that could not be read or parsed, and settings that do nothing.
    pub errors: &'a [FileError],
    pub summary: Summary,
    /// The tool's own version.
    pub version: &'a str,
    /// Absolute; relative paths of the sources start here.
    pub working_directory: &'a Utf8Path,
    /// Where the tool and its rule pages live: a rule's page is `<homepage>/rules/<name>`. See [`HOMEPAGE`].
    pub homepage: Option<&'a str>,
    pub terminal: Terminal,
    /// Add how many findings each rule has.
    pub statistics: bool,
    /// Findings alone, without a sum at the end (`--quiet`).
    pub quiet: bool,
}

/// A finding that is reported.
#[derive(Clone, Debug)]
pub struct Reported {
    pub finding: Finding,
    /// Names the finding by its content, so that it survives moved lines. See [`fingerprints`].
    pub fingerprint: String,
}

/// A finding that a comment or an attribute keeps quiet.
#[derive(Clone, Debug)]
pub struct Suppressed {
    pub finding: Finding,
    pub fingerprint: String,
    pub reason: Reason,
}

/// A file that was not analysed, or only in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// As the user wrote it.
    pub path: String,
    pub message: String,
    /// From 1.
    pub line: Option<u32>,
}

/// The run in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files found.
    pub files: usize,
    /// Files read and analysed.
    pub checked: usize,
    pub duration_ms: u64,
}

/// What the place that the text goes to can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub color: bool,
    /// It understands OSC 8 hyperlinks. See [`supports_links`].
    pub links: bool,
    /// Draw with box characters; else ASCII.
    pub unicode: bool,
    /// In columns; messages are wrapped there. `None` on a pipe: never wrapped.
    pub width: Option<usize>,
}

impl Terminal {
    /// A pipe or a file: no colour, no links, no wrapping.
    pub const PIPE: Self = Self { color: false, links: false, unicode: true, width: None };
}

/// Whether a terminal with these environment variables shows hyperlinks. Unknown ones are taken not to.
pub fn supports_links(variable: impl Fn(&str) -> Option<String>) -> bool {
    if let Some(forced) = variable("FORCE_HYPERLINK") {
        return forced != "0";
    }
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let known = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio"];
    variable("TERM_PROGRAM").is_some_and(|program| known.contains(&program.as_str()))
        || ["KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM"].into_iter().any(is_set)
        // The library behind GNOME's terminal and its relatives: since 0.50.
        || variable("VTE_VERSION").and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version >= 5000)
}

/// Gives every finding its fingerprint.
pub fn identify(sources: &dyn Sources, split: Split) -> (Vec<Reported>, Vec<Suppressed>) {
    let (kept, quiet) = fingerprints(sources, &split);
    let reported =
        split.kept.into_iter().zip(kept).map(|(finding, fingerprint)| Reported { finding, fingerprint }).collect();
    let suppressed = split
        .suppressed
        .into_iter()
        .zip(quiet)
        .map(|((finding, reason), fingerprint)| Suppressed { finding, fingerprint, reason })
        .collect();
    (reported, suppressed)
}

/// Writes the whole report.
pub fn write(format: Format, run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Full => full::write(run, out),
        Format::Concise => concise::write(run, out),
        Format::Json => json::write(run, out),
        Format::Jsonl => json::write_lines(run, out),
        Format::Sarif => sarif::write(run, out),
        Format::Github => github::write(run, out),
        Format::Gitlab => gitlab::write(run, out),
        Format::Junit => junit::write(run, out),
    }
}

/// What the user should know about the report itself; the command line prints it on stderr.
pub fn warning(format: Format, run: &Run<'_>) -> Option<String> {
    match format {
        Format::Sarif => sarif::warning(run),
        _ => None,
    }
}

/// The colour of a severity; nothing where there are no colours.
fn paint(terminal: Terminal, severity: Severity) -> anstyle::Style {
    use anstyle::{AnsiColor, Style};
    if !terminal.color {
        return Style::new();
    }
    let color = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    color.on_default()
}

/// How many findings each rule has, as a table.
fn statistics(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counts = run.counts();
    let width = counts.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or(0);
    for (rule, count) in counts {
        writeln!(out, "{count:>width$} {}", rule.name)?;
    }
    Ok(())
}

impl Run<'_> {
    /// How many findings have a fix of exactly this trust.
    fn fixes(&self, applicability: Applicability) -> usize {
        let fixes = self.findings.iter().filter_map(|it| it.finding.fix.as_ref());
        fixes.filter(|fix| fix.applicability == applicability).count()
    }

    /// Findings `--fix` can mend, with or without `--unsafe-fixes`.
    fn fixable(&self) -> usize {
        self.fixes(Applicability::Safe) + self.fixes(Applicability::Unsafe)
    }

    fn page(&self, rule: &Rule) -> Option<String> {
        let home = self.homepage.filter(|home| !home.is_empty())?;
        Some(format!("{}/rules/{}", home.trim_end_matches('/'), rule.name))
    }

    /// How many findings each rule has: most first, then by name.
    fn counts(&self) -> Vec<(&'static Rule, usize)> {
        let mut counts: Vec<(&'static Rule, usize)> = Vec::new();
        for it in self.findings {
            match counts.iter_mut().find(|(rule, _)| *rule == it.finding.rule) {
                Some((_, count)) => *count += 1,
                None => counts.push((it.finding.rule, 1)),
            }
        }
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.name.cmp(b.0.name)));
        counts
    }
}
