//! SARIF 2.1.0, for code scanning and editors: what each of its known readers needs, and nothing that misleads one.

mod line_hash;
mod log;
mod rules;
mod uri;

use std::collections::BTreeMap;
use std::io::{self, Write};

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::spot::Spot;
use super::{FileError, Run};
use crate::finding::{Applicability, FileId, Finding, Fix, Place, Severity};
use crate::source::{Position, Span};
use crate::suppress::Reason;
use line_hash::LineHashes;
use log::{
    Artifact, ArtifactChange, ArtifactLocation, AutomationDetails, CodeFlow, Driver, FixLog, FlowLocation, Invocation,
    Location, Log, LogicalLocation, Notification, PhysicalLocation, Region, Replacement, ResultLog, ResultProperties,
    RunLog, SuppressionLog, Text, ThreadFlow, Tool,
};

/// Editors refuse a log that names another schema.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Code scanning keeps the first 5,000 results of a log and refuses logs of more than 25,000.
const KEPT: usize = 5_000;

/// Written without white space: there is a limit on the size too, and indentation doubles it.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [Writer::new(run).run_log()] };
    serde_json::to_writer(&mut *out, &log)?;
    writeln!(out)
}

pub(super) fn warning(run: &Run<'_>) -> Option<String> {
    let results = run.findings.len() + run.suppressed.len();
    (results > KEPT).then(|| {
        format!("{results} results: GitHub code scanning shows {KEPT} and refuses more than 25,000; select fewer rules, or write a baseline")
    })
}

struct Writer<'a> {
    run: &'a Run<'a>,
    /// Of the files that have results.
    hashes: FxHashMap<FileId, LineHashes>,
    /// The files that are named anywhere, with their languages.
    artifacts: BTreeMap<ArtifactLocation, &'static str>,
}

impl<'a> Writer<'a> {
    fn new(run: &'a Run<'a>) -> Self {
        Self { run, hashes: FxHashMap::default(), artifacts: BTreeMap::new() }
    }

    fn run_log(mut self) -> RunLog {
        let run = self.run;
        let kept = run.findings.iter().map(|it| self.result(&it.finding, &it.fingerprint, None)).collect::<Vec<_>>();
        let quiet = run.suppressed.iter().map(|it| self.result(&it.finding, &it.fingerprint, Some(&it.reason)));
        let results = kept.into_iter().chain(quiet.collect::<Vec<_>>()).collect();
        let root = uri::folder(run.working_directory.as_str());
        let mut bases = Map::new();
        let description = json!({ "text": "The directory asynclint was run in." });
        bases.insert(uri::ROOT.to_owned(), json!({ "uri": root, "description": description }));
        if self.artifacts.keys().any(|it| it.uri_base_id == Some(uri::DEPENDENCIES)) {
            // Where that is, only the reader's machine knows.
            let description =
                json!({ "text": "Where dependencies are installed, each in a folder of its name and version." });
            bases.insert(uri::DEPENDENCIES.to_owned(), json!({ "description": description }));
        }
        let artifacts = std::mem::take(&mut self.artifacts).into_iter();
        RunLog {
            tool: Tool {
                driver: Driver {
                    name: "asynclint",
                    full_name: format!("asynclint {}", run.version),
                    version: run.version.to_owned(),
                    semantic_version: run.version.to_owned(),
                    information_uri: run.homepage.filter(|it| !it.is_empty()).map(str::to_owned),
                    rules: run.rules.iter().map(|rule| rules::descriptor(run, rule)).collect(),
                },
            },
            invocations: [Invocation {
                tool_execution_notifications: run.errors.iter().map(|it| self.notification(it)).collect(),
                execution_successful: true,
                working_directory: ArtifactLocation { uri: root, uri_base_id: None },
            }],
            original_uri_base_ids: bases,
            artifacts: artifacts.map(|(location, source_language)| Artifact { location, source_language }).collect(),
            automation_details: AutomationDetails { id: "asynclint/" },
            column_kind: "utf16CodeUnits",
            results,
        }
    }

    fn result(&mut self, finding: &Finding, fingerprint: &str, suppressed: Option<&Reason>) -> ResultLog {
        let mut fingerprints = Map::new();
        if let Some(hash) = self.line_hash(finding.place) {
            fingerprints.insert("primaryLocationLineHash".to_owned(), Value::String(hash));
        }
        fingerprints.insert("asynclint/v1".to_owned(), Value::String(fingerprint.to_owned()));
        let mut primary = self.location(finding.place);
        primary.logical_locations.insert(0, function(&finding.function));
        let mut message = sentence(&finding.message);
        let related_locations = self.related(finding, &mut message);
        let suppression = |reason: &Reason| SuppressionLog {
            kind: if reason.external { "external" } else { "inSource" },
            status: "accepted",
            justification: Some(reason.text.clone().unwrap_or_else(|| reason.by.clone())),
        };
        ResultLog {
            rule_id: finding.rule.name,
            rule_index: self.run.rules.iter().position(|rule| **rule == *finding.rule).unwrap_or(0),
            kind: "fail",
            level: finding.severity.name(),
            message: Text::plain(message),
            locations: [primary],
            partial_fingerprints: fingerprints,
            code_flows: self.code_flow(finding).into_iter().collect(),
            related_locations,
            suppressions: suppressed.map(suppression).into_iter().collect(),
            fixes: finding.fix.iter().filter_map(|fix| self.fix(finding.place, fix)).collect(),
            properties: ResultProperties {
                confidence: finding.confidence.name(),
                help: finding.help.clone(),
                fix_applicability: finding.fix.as_ref().map(|fix| Applicability::name(fix.applicability)),
            },
        }
    }

    /// The end of the evidence and the related places, each linked at the end of the message: readers show no others.
    fn related(&mut self, finding: &Finding, message: &mut String) -> Vec<Location> {
        let mut places: Vec<(&str, &str, Place)> = Vec::new();
        if let Some(last) = finding.trace.last() {
            places.push(("It happens in", &last.function, last.place));
        }
        places.extend(finding.related.iter().map(|it| ("See", it.message.as_str(), it.place)));
        let mut locations = Vec::new();
        for (index, (verb, text, place)) in places.into_iter().enumerate() {
            let id = index + 1;
            let escaped = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
            message.push_str(&format!(" {verb} [{escaped}]({id})."));
            locations.push(Location { id: Some(id), message: Some(Text::plain(text)), ..self.location(place) });
        }
        locations
    }

    /// The evidence, callers outside and what they lead to inside. None without a chain: a viewer that finds one opens it
    /// before everything else.
    fn code_flow(&mut self, finding: &Finding) -> Option<CodeFlow> {
        if finding.trace.is_empty() {
            return None;
        }
        let first = (finding.function.as_str(), finding.message.as_str(), finding.place);
        let steps = finding.trace.iter().map(|it| (it.function.as_str(), it.message.as_str(), it.place));
        let mut locations = Vec::new();
        for (nesting_level, (name, text, place)) in std::iter::once(first).chain(steps).enumerate() {
            let mut location = self.location(place);
            location.logical_locations.insert(0, function(name));
            location.message = Some(Text::plain(sentence(text)));
            let importance = if nesting_level == finding.trace.len() { "essential" } else { "important" };
            locations.push(FlowLocation { location, nesting_level, importance });
        }
        Some(CodeFlow { thread_flows: [ThreadFlow { locations }] })
    }

    /// In a notebook the file is JSON, and an edit of a cell is none of the file: such a fix is not offered.
    fn fix(&mut self, place: Place, fix: &Fix) -> Option<FixLog> {
        let source = self.run.sources.source(place.file);
        if !source.cells.is_empty() || fix.edits.is_empty() {
            return None;
        }
        let replacement = |span: Span, content: &str| Replacement {
            deleted_region: region(&Spot::in_source(source, span), false),
            inserted_content: (!content.is_empty()).then(|| Text::plain(content)),
        };
        Some(FixLog {
            description: Text::plain(sentence(&fix.message)),
            artifact_changes: [ArtifactChange {
                artifact_location: self.artifact(place.file),
                replacements: fix.edits.iter().map(|it| replacement(it.span, &it.content)).collect(),
            }],
        })
    }

    fn location(&mut self, place: Place) -> Location {
        let spot = Spot::of(self.run.sources, place);
        let cell = spot.cell.map(|cell| LogicalLocation {
            name: Some(format!("cell {cell}")),
            fully_qualified_name: None,
            kind: "module",
        });
        Location {
            id: None,
            physical_location: PhysicalLocation {
                artifact_location: self.artifact(place.file),
                region: Some(region(&spot, true)),
            },
            logical_locations: cell.into_iter().collect(),
            message: None,
        }
    }

    fn artifact(&mut self, file: FileId) -> ArtifactLocation {
        let source = self.run.sources.source(file);
        let working_directory = self.run.working_directory.as_str();
        let location = match source.installed {
            true => uri::installed(source.path.as_str(), working_directory),
            false => uri::artifact(source.path.as_str(), working_directory),
        };
        self.artifacts.entry(location.clone()).or_insert(source.language.name());
        location
    }

    /// None in a notebook, whose lines here are not those of the file.
    fn line_hash(&mut self, place: Place) -> Option<String> {
        let source = self.run.sources.source(place.file);
        if !source.cells.is_empty() {
            return None;
        }
        let hashes = self.hashes.entry(place.file).or_insert_with(|| LineHashes::of(&source.text));
        hashes.of_line(source.line_of(place.span.start))
    }

    fn notification(&self, error: &FileError) -> Notification {
        let start = |line: u32| Region {
            start_line: line.max(1),
            start_column: None,
            end_line: None,
            end_column: None,
            snippet: None,
        };
        let location = Location {
            id: None,
            physical_location: PhysicalLocation {
                artifact_location: uri::artifact(&error.path, self.run.working_directory.as_str()),
                region: error.line.map(start),
            },
            logical_locations: Vec::new(),
            message: None,
        };
        Notification {
            // A trouble with the command line itself has no file.
            locations: if error.path.is_empty() { Vec::new() } else { vec![location] },
            message: Text::plain(sentence(&error.message)),
            level: Severity::Warning.name(),
        }
    }
}

fn function(name: &str) -> LogicalLocation {
    LogicalLocation { name: None, fully_qualified_name: Some(name.to_owned()), kind: "function" }
}

fn region(spot: &Spot<'_>, snippet: bool) -> Region {
    let Position { line, utf16, .. } = spot.end;
    let text = spot.source.slice(spot.span);
    Region {
        start_line: spot.start.line,
        start_column: Some(spot.start.utf16),
        end_line: Some(line),
        end_column: Some(utf16),
        snippet: (snippet && !text.is_empty()).then(|| Text::plain(text)),
    }
}

/// Messages are fragments; in a log they stand alone.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    let mut text: String = first.into_iter().chain(letters).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}
