//! Every output format on one small tree: evidence across files, tabs, wide characters, Windows line ends, a notebook.

use asynclint::analysis::{Input, Outcome, analyze};
use asynclint::finding::{Applicability, Confidence, Edit, FileId, Fix, Place, Related, Severity};
use asynclint::knowledge::{Api, Effect, Handle, Kind, Knowledge};
use asynclint::report::{FileError, Format, Reported, Run, Summary, Suppressed, Terminal, identify, write};
use asynclint::rules::{Profile, RULES, RuleSet};
use asynclint::source::{Cell, Language, Source, Span};
use asynclint::suppress::{Options, Reason, apply};

/// Tabs, and an emoji and a letter outside the first plane before the call: columns differ in every unit.
const HANDLERS: &str = "\
import asyncio
from app.config import load_settings


async def reads(request):
\tif request:
\t\tname = '\u{1f40c}\u{1d4b3} \u{6f22}\u{5b57}'; settings = load_settings(name)
\t\treturn settings


async def publish(message):
\tasyncio.create_task(message.send())
";

const CONFIG: &str = "\
import json\r
from app.files import read_raw\r
\r
\r
def load_settings(name):\r
    return json.loads(read_raw(name))\r
";

const FILES: &str = "\
import disk


def read_raw(name):
    '\u{e9}'; return disk.read(name)
";

/// The joined text of the code cells 1 and 4.
const NOTEBOOK: &str = "\
import clock
x = 1
async def wait():
    clock.rest(x)
";

fn sources() -> Vec<Source> {
    let mut notebook = Source::new("notes/try [1].ipynb", Language::Python, NOTEBOOK);
    let second = NOTEBOOK.find("async").expect("there") as u32;
    notebook.cells = vec![Cell { number: 1, start: 0 }, Cell { number: 4, start: second }];
    vec![
        Source::new("app/handlers.py", Language::Python, HANDLERS),
        Source::new("app/config.py", Language::Python, CONFIG),
        Source::new("app/files.py", Language::Python, FILES),
        notebook,
    ]
}

fn judge(sources: Vec<Source>) -> Outcome {
    let rules = RuleSet::of_profile(Profile::Recommended);
    let input = |source| Input { source, rules: rules.clone(), relevant: true };
    analyze(sources.into_iter().map(input).collect(), knowledge())
}

/// Facts of its own, so that the reports do not change with what the tables say.
fn knowledge() -> Knowledge {
    let api = |path, effect, does| Api {
        path,
        library: "fixture",
        is_async: false,
        effect: Some(effect),
        does,
        instead: &[],
        returns: "",
        unless: &[],
        when: &[],
        runs: &[],
        scope: None,
        handle: None,
        needs_loop: false,
        never_returns: false,
        fans_out: false,
        transparent: false,
        cancel_safety: None,
        confidence: Confidence::Certain,
        source: "",
    };
    let mut read = api("disk.read", Effect::Blocks(Kind::File), "reads a file");
    read.instead = &[("", "`await disk.read_later(..)`")];
    let mut task = api("asyncio.create_task", Effect::Spawns, "");
    task.handle = Some(Handle::Weak);
    Knowledge::with(vec![read, api("clock.rest", Effect::Blocks(Kind::Sleep), "sleeps"), task])
}

fn place(outcome: &Outcome, file: u32, needle: &str) -> Place {
    let file = FileId(file);
    let start = outcome.project.source(file).text.find(needle).expect("the needle is there") as u32;
    Place { file, span: Span::new(start, start + needle.len() as u32) }
}

struct Tree {
    outcome: Outcome,
    reported: Vec<Reported>,
    suppressed: Vec<Suppressed>,
}

/// The tree as analysed, and on top of it what its rules do not give: a fix, places related near and far, a note.
fn tree() -> Tree {
    let mut outcome = judge(sources());
    let mut split = apply(&outcome.project, std::mem::take(&mut outcome.findings), Options::default());
    let leaked = split.kept.iter_mut().find(|it| it.rule.name == "leaked-task").expect("the task is reported");
    let call = leaked.place.span;
    leaked.severity = Severity::Error;
    leaked.confidence = Confidence::Likely;
    leaked.fix = Some(Fix {
        applicability: Applicability::Unsafe,
        message: "keep the task".to_owned(),
        edits: vec![
            Edit { span: Span::new(call.start, call.start), content: "task = ".to_owned() },
            Edit { span: place(&outcome, 0, "message.send()").span, content: "message.send(\u{1d4b3})".to_owned() },
        ],
    });
    leaked.related = vec![
        Related { message: "the function starts here".to_owned(), place: place(&outcome, 0, "async def publish") },
        Related { message: "files are read here".to_owned(), place: place(&outcome, 2, "disk.read") },
    ];
    let mut quiet = leaked.clone();
    quiet.severity = Severity::Note;
    quiet.fix = None;
    quiet.related.clear();
    quiet.place = place(&outcome, 0, "request:");
    let reason = Reason { by: "asynclint: ignore[leaked-task]".to_owned(), text: Some("only at start".to_owned()) };
    split.suppressed.push((quiet, reason));
    let (reported, suppressed) = identify(&outcome.project, split);
    Tree { outcome, reported, suppressed }
}

fn errors() -> [FileError; 2] {
    [
        FileError { path: "app/broken.py".to_owned(), message: "expected `:`".to_owned(), line: Some(3) },
        FileError { path: "b\u{e4}d file.py".to_owned(), message: "permission denied".to_owned(), line: None },
    ]
}

impl Tree {
    fn run<'a>(&'a self, errors: &'a [FileError]) -> Run<'a> {
        Run {
            project: &self.outcome.project,
            rules: RULES,
            findings: &self.reported,
            suppressed: &[],
            errors,
            summary: Summary { files: 6, checked: 4, duration_ms: 12 },
            version: "1.2.3",
            working_directory: "/home/user/my project".into(),
            homepage: Some("https://example.org/asynclint/"),
            terminal: Terminal::PIPE,
            statistics: false,
        }
    }
}

fn text(format: Format, run: &Run<'_>) -> String {
    let mut out = Vec::new();
    write(format, run, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

#[test]
fn full() {
    insta::assert_snapshot!(text(Format::Full, &tree().run(&[])));
}

#[test]
fn full_in_a_narrow_terminal_without_box_characters() {
    let tree = tree();
    let mut run = tree.run(&[]);
    run.terminal = Terminal { color: true, links: true, unicode: false, width: Some(60) };
    run.suppressed = &tree.suppressed;
    run.statistics = true;
    insta::assert_snapshot!(text(Format::Full, &run).replace('\u{1b}', "ESC"));
}

#[test]
fn concise() {
    let tree = tree();
    let mut run = tree.run(&[]);
    run.statistics = true;
    run.suppressed = &tree.suppressed;
    insta::assert_snapshot!(text(Format::Concise, &run));
}

#[test]
fn json() {
    let (tree, errors) = (tree(), errors());
    insta::assert_snapshot!(text(Format::Json, &tree.run(&errors)));
}
