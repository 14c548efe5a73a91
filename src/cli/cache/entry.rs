//! One entry of the cache, as it stands on disk: a line that vouches for the rest, and the rest as JSON.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::around::{Around, State};
use super::content;
use crate::cli::check::Group;
use crate::cli::inputs::Inputs;
use crate::cli::stamp::nanoseconds;
use crate::discover::{self, Found, Kind, Problem};
use crate::finding::{Applicability, Confidence, Edit, FileId, Finding, Fix, Place, Related, Severity, Step};
use crate::project::Coverage;
use crate::report::FileError;
use crate::source::{Source, Span};
use crate::suppress::{Reason, Split};

#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    /// When the run began, in nanoseconds since 1970.
    pub begun: u64,
    /// Every file that was read.
    pub files: Vec<(u32, State)>,
    /// What is installed, as far as it was looked at.
    pub around: Around,
    kept: Vec<StoredFinding>,
    suppressed: Vec<(StoredFinding, String, Option<String>)>,
    errors: Vec<(u32, StoredProblem)>,
    unread: Vec<(u32, Option<StoredProblem>)>,
    /// Installed files that findings point to: where they lie, what reports call them, and what stands for their texts.
    installed: Vec<(String, String, u128)>,
    /// Where that run was asked for it.
    pub coverage: Option<Coverage>,
}

/// What a run has read for a group.
pub(super) struct Seen {
    pub begun: SystemTime,
    /// By their numbers.
    pub files: Vec<(u32, State)>,
    pub around: Around,
}

/// In the number of a file: it is one of `installed`.
const INSTALLED: u32 = 1 << 31;

/// Path, message and line.
type StoredProblem = (String, String, Option<u32>);
/// File, start and end.
type StoredPlace = (u32, u32, u32);
/// Start, end and what takes its place.
type StoredEdit = (u32, u32, String);

#[derive(Serialize, Deserialize)]
struct StoredFinding {
    rule: String,
    severity: u8,
    certain: bool,
    place: StoredPlace,
    message: String,
    help: Option<String>,
    function: String,
    trace: Vec<(String, String, StoredPlace)>,
    branches: u32,
    related: Vec<(String, StoredPlace)>,
    fix: Option<(u8, String, Vec<StoredEdit>)>,
}

const SEVERITIES: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];
const APPLICABILITIES: [Applicability; 3] = [Applicability::Suggestion, Applicability::Unsafe, Applicability::Safe];

impl Entry {
    /// `members`: how many files the run has of its own.
    pub fn new(seen: Seen, group: &Group, members: usize, unread: Vec<(usize, Option<Problem>)>) -> Self {
        let installed: Vec<&(FileId, Source)> =
            group.sources.iter().filter(|(file, _)| file.index() >= members).collect();
        let number = |file: FileId| match installed.iter().position(|(it, _)| *it == file) {
            Some(at) => INSTALLED | at as u32,
            None => file.0,
        };
        let problem = |it: Problem| (it.path.into_string(), it.message, it.line);
        Self {
            begun: nanoseconds(seen.begun),
            files: seen.files,
            around: seen.around,
            kept: group.split.kept.iter().map(|it| StoredFinding::of(it, &number)).collect(),
            suppressed: group
                .split
                .suppressed
                .iter()
                .map(|(finding, reason)| (StoredFinding::of(finding, &number), reason.by.clone(), reason.text.clone()))
                .collect(),
            errors: group
                .errors
                .iter()
                .map(|(file, error)| (file.0, (error.path.clone(), error.message.clone(), error.line)))
                .collect(),
            coverage: group.coverage,
            unread: unread.into_iter().map(|(file, it)| (file as u32, it.map(problem))).collect(),
            installed: installed
                .iter()
                .map(|(_, it)| (it.location.to_string(), it.path.to_string(), content(&it.text)))
                .collect(),
        }
    }

    /// The entry at that path, if it is whole.
    pub fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let (sum, rest) = text.split_once('\n')?;
        (*sum == *blake3::hash(rest.as_bytes()).to_hex()).then_some(())?;
        serde_json::from_str(rest).ok()
    }

    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let rest = serde_json::to_string(self)?;
        let sum = blake3::hash(rest.as_bytes()).to_hex();
        crate::fix::replace_soon(path, |out| write!(out, "{sum}\n{rest}"))
    }

    /// What the group's analysis had given, with the texts that findings are in; `None` if one cannot be had.
    /// Installed files get numbers from `next` on.
    pub fn group(&self, inputs: &Inputs, next: &AtomicU32) -> Option<Group> {
        let first = next.fetch_add(self.installed.len() as u32, Ordering::Relaxed);
        let file = |number: u32| FileId(if number < INSTALLED { number } else { first + (number & !INSTALLED) });
        let kept = self.kept.iter().map(|it| it.finding(&file)).collect::<Option<Vec<_>>>()?;
        let suppressed = self.suppressed.iter().map(|(finding, by, text)| {
            Some((finding.finding(&file)?, Reason { by: by.clone(), text: text.clone(), external: false }))
        });
        let split = Split { kept, suppressed: suppressed.collect::<Option<Vec<_>>>()? };
        let errors = self.errors.iter().map(|(file, (path, message, line))| {
            (FileId(*file), FileError { path: path.clone(), message: message.clone(), line: *line })
        });
        let source = |file: FileId| {
            if let Some(loaded) = inputs.files.get(file.index()) {
                return Some((file, discover::read(loaded.found.as_ref()?, loaded.limit).ok()??));
            }
            let (location, shown, text) = self.installed.get(file.0.checked_sub(first)? as usize)?;
            let path = PathBuf::from(location);
            let found = Found { kind: Kind::of(&path)?, path, shown: shown.into() };
            let source = discover::read(&found, u64::from(u32::MAX)).ok()??;
            // A release may have been vouched for without a look.
            (content(&source.text) == *text).then_some((file, source))
        };
        let sources = split.files().into_iter().map(source).collect::<Option<Vec<_>>>()?;
        Some(Group { sources, errors: errors.collect(), split, coverage: self.coverage })
    }

    /// Files of the group that were not checked.
    pub fn unread(&self) -> impl Iterator<Item = (usize, Option<Problem>)> {
        self.unread.iter().map(|(file, problem)| {
            let problem = problem
                .as_ref()
                .map(|(path, message, line)| Problem { line: *line, ..Problem::new(path.as_str(), message.as_str()) });
            (*file as usize, problem)
        })
    }
}

impl StoredFinding {
    fn of(finding: &Finding, number: &dyn Fn(FileId) -> u32) -> Self {
        let stored = |place: Place| (number(place.file), place.span.start, place.span.end);
        let step = |it: &Step| (it.function.clone(), it.message.clone(), stored(it.place));
        let edit = |it: &Edit| (it.span.start, it.span.end, it.content.clone());
        let fix = |it: &Fix| (it.applicability as u8, it.message.clone(), it.edits.iter().map(edit).collect());
        Self {
            rule: finding.rule.name.to_owned(),
            severity: finding.severity as u8,
            certain: finding.confidence == Confidence::Certain,
            place: stored(finding.place),
            message: finding.message.clone(),
            help: finding.help.clone(),
            function: finding.function.clone(),
            trace: finding.trace.iter().map(step).collect(),
            branches: finding.branches,
            related: finding.related.iter().map(|it| (it.message.clone(), stored(it.place))).collect(),
            fix: finding.fix.as_ref().map(fix),
        }
    }

    fn finding(&self, file: &dyn Fn(u32) -> FileId) -> Option<Finding> {
        let place = |(number, start, end): StoredPlace| Place { file: file(number), span: Span::new(start, end) };
        let step = |(function, message, at): &(String, String, StoredPlace)| Step {
            function: function.clone(),
            message: message.clone(),
            place: place(*at),
        };
        let edit =
            |(start, end, content): &StoredEdit| Edit { span: Span::new(*start, *end), content: content.clone() };
        let fix = match &self.fix {
            Some((applicability, message, edits)) => Some(Fix {
                applicability: *APPLICABILITIES.get(usize::from(*applicability))?,
                message: message.clone(),
                edits: edits.iter().map(edit).collect(),
            }),
            None => None,
        };
        Some(Finding {
            rule: crate::rules::by_name(&self.rule)?,
            severity: *SEVERITIES.get(usize::from(self.severity))?,
            confidence: if self.certain { Confidence::Certain } else { Confidence::Likely },
            place: place(self.place),
            message: self.message.clone(),
            help: self.help.clone(),
            function: self.function.clone(),
            trace: self.trace.iter().map(step).collect(),
            branches: self.branches,
            related: self
                .related
                .iter()
                .map(|(message, at)| Related { message: message.clone(), place: place(*at) })
                .collect(),
            // Suppressions have been looked at.
            made_at: None,
            fix,
        })
    }
}
