//! Every output format on one small tree: evidence across files, tabs, wide characters, Windows line ends, a notebook.

use asynclint::analysis::{Input, Outcome, analyze};
use asynclint::finding::{Applicability, Confidence, Edit, FileId, Fix, Place, Related, Severity};
use asynclint::knowledge::{Api, Effect, Handle, Kind, Knowledge};
use asynclint::report::{
    FileError, Format, Reported, Run, Summary, Suppressed, Terminal, identify, supports_links, warning, write,
};
use asynclint::rules::{Profile, RULES, RuleSet};
use asynclint::source::{Cell, Language, Source, Span};
use asynclint::suppress::{Options, Reason, apply};
use serde_json::{Value, json};

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
    let api = |path, effect, does| Api { library: "fixture", effect: Some(effect), does, ..Api::named(path) };
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
    let reason = Reason {
        by: "asynclint: ignore[leaked-task]".to_owned(),
        text: Some("only at start".to_owned()),
        external: false,
    };
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
            sources: &self.outcome.project,
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
            quiet: false,
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

#[test]
fn json_lines() {
    let tree = tree();
    let mut run = tree.run(&[]);
    run.suppressed = &tree.suppressed;
    let lines = text(Format::Jsonl, &run);
    let lines: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).expect("a line is an object")).collect();
    let whole: Value = serde_json::from_str(&text(Format::Json, &run)).expect("an object");
    let together = [&whole["diagnostics"], &whole["suppressed"]].map(|it| it.as_array().expect("a list").clone());
    assert_eq!(lines, together.concat());
    assert_eq!(lines[3]["suppression"], json!({ "by": "asynclint: ignore[leaked-task]", "reason": "only at start" }));
    let key = |it: &Value| it["fingerprint"].as_str().expect("text").to_owned();
    let names: std::collections::BTreeSet<String> = lines.iter().map(key).collect();
    assert_eq!(names.len(), 4, "every finding has a fingerprint of its own");
}

fn log(run: &Run<'_>) -> Value {
    serde_json::from_str(&text(Format::Sarif, run)).expect("a log is JSON")
}

#[test]
fn sarif() {
    let (tree, errors) = (tree(), errors());
    let mut run = tree.run(&errors);
    run.suppressed = &tree.suppressed;
    run.rules = &RULES[..1];
    let mut log = log(&run);
    // The pages are other people's words.
    let rule = &mut log["runs"][0]["tool"]["driver"]["rules"][0];
    for text in [("fullDescription", "text"), ("fullDescription", "markdown"), ("help", "text"), ("help", "markdown")] {
        assert!(rule[text.0][text.1].as_str().is_some_and(|it| it.len() > 10), "{text:?}: {rule}");
        rule[text.0][text.1] = json!("...");
    }
    insta::assert_json_snapshot!(log);
}

#[test]
fn sarif_is_valid_and_lists_every_rule() {
    // The standard's schema, without its descriptions.
    let schema = serde_json::from_str(include_str!("data/sarif-2.1.0.json")).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is one");
    let (tree, errors) = (tree(), errors());
    let mut run = tree.run(&errors);
    run.suppressed = &tree.suppressed;
    let mut log = log(&run);
    let problems: Vec<String> = schema.iter_errors(&log).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert_eq!(problems, Vec::<String>::new());
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("a list").clone();
    assert_eq!(rules.len(), RULES.len());
    for rule in &rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            let length = rule[text]["text"].as_str().map_or(0, str::len);
            assert!((1..=1024).contains(&length), "{}: `{text}` has {length} bytes", rule["id"]);
        }
        let page = rule["help"]["markdown"].as_str().expect("a page");
        assert!(!page.contains("## Cases") && !page.contains(" bad\n"), "{page}");
    }
    // The schema does complain where it should.
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(0);
    assert!(!schema.is_valid(&log));
}

#[test]
fn columns_of_sarif_are_utf16_units() {
    let tree = tree();
    let log = log(&tree.run(&[]));
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    // Two tabs, `name = '`, two characters of two units each, a space, two of one, `'; settings = `.
    let before = "\t\tname = '\u{1f40c}\u{1d4b3} \u{6f22}\u{5b57}'; settings = ";
    assert_eq!(region["startColumn"], json!(before.encode_utf16().count() + 1));
    assert_eq!(region["snippet"]["text"], "load_settings");
}

#[test]
fn too_many_results_are_warned_of() {
    let tree = tree();
    let many: Vec<Reported> = std::iter::repeat_n(tree.reported[0].clone(), 5_001).collect();
    let mut run = tree.run(&[]);
    assert_eq!(warning(Format::Sarif, &run), None);
    run.findings = &many;
    assert!(warning(Format::Sarif, &run).is_some_and(|it| it.starts_with("5001 results")));
    assert_eq!(warning(Format::Json, &run), None);
}

#[test]
fn github() {
    let (tree, errors) = (tree(), errors());
    insta::assert_snapshot!(text(Format::Github, &tree.run(&errors)));
    let mut odd = tree.reported[0].clone();
    odd.finding.message = "100%,\r\na: b".to_owned();
    let mut run = tree.run(&[]);
    let odd = [odd];
    run.findings = &odd;
    assert!(text(Format::Github, &run).contains("::100%25,%0D%0Aa: b%0A"));
}

#[test]
fn gitlab() {
    let (tree, errors) = (tree(), errors());
    insta::assert_snapshot!(text(Format::Gitlab, &tree.run(&errors)));
}

#[test]
fn junit() {
    let (tree, errors) = (tree(), errors());
    let mut odd = tree.reported.clone();
    odd[2].finding.severity = Severity::Note;
    odd[2].finding.message = "`a < b && \"c\"`\u{1b}".to_owned();
    let mut run = tree.run(&errors);
    run.findings = &odd;
    insta::assert_snapshot!(text(Format::Junit, &run));
}

#[test]
fn nothing_found() {
    let outcome = judge(vec![Source::new("a.py", Language::Python, "x = 1\n")]);
    let tree = Tree { outcome, reported: Vec::new(), suppressed: Vec::new() };
    let mut run = tree.run(&[]);
    run.summary = Summary { files: 1, checked: 1, duration_ms: 0 };
    assert_eq!(text(Format::Full, &run), "Nothing found in 1 file.\n");
    assert_eq!(text(Format::Concise, &run), "");
    assert_eq!(text(Format::Jsonl, &run), "");
    assert_eq!(text(Format::Github, &run), "");
    assert_eq!(text(Format::Gitlab, &run), "[]\n");
    assert!(text(Format::Junit, &run).contains("tests=\"1\" failures=\"0\" errors=\"0\""));
    assert_eq!(log(&run)["runs"][0]["results"], json!([]));
}

/// Excerpts at the edges: an empty file, the end of one, marks over several lines, old Macintosh line ends, and
/// characters that a terminal would obey.
#[test]
fn excerpts_are_drawn_anywhere() {
    let texts = ["", "x", "x\n", "a\rb\rc\r", "a\r\n\r\n\u{1b}[2Jb\u{202e}\r\n", "\u{1f40c}\n\n\t\t\u{301}", "\n\n\n"];
    let template = tree().reported[0].finding.clone();
    for text_of_file in texts {
        let outcome = judge(vec![Source::new("a\n.py", Language::Python, text_of_file)]);
        let edges: Vec<u32> =
            (0..=text_of_file.len() as u32).filter(|at| text_of_file.is_char_boundary(*at as usize)).collect();
        let spans = edges.iter().flat_map(|a| edges.iter().filter(move |b| *a <= **b).map(|b| Span::new(*a, *b)));
        let reported: Vec<Reported> = spans
            .map(|span| {
                let mut finding = template.clone();
                let place = Place { file: FileId(0), span };
                finding.place = place;
                finding.trace.iter_mut().for_each(|it| it.place = place);
                finding.related = vec![Related { message: "again".to_owned(), place }];
                Reported { finding, fingerprint: String::new() }
            })
            .collect();
        let count = reported.len();
        let tree = Tree { outcome, reported, suppressed: Vec::new() };
        for format in Format::ALL {
            let shown = text(format, &tree.run(&[]));
            let text_only = matches!(format, Format::Full | Format::Concise | Format::Junit);
            assert!(!text_only || !shown.contains(['\u{1b}', '\u{202e}', '\r']), "{shown:?}");
            assert!(shown.matches("load_settings").count() >= count, "{} {shown}", format.name());
        }
    }
}

#[test]
fn of_lines_without_end_the_part_around_the_mark_is_shown() {
    let long = format!("DATA = '{}'\n", "\u{6f22}".repeat(5_000));
    let call = format!("x = ['{}', {{}}, '{}']\n", "\u{e9}".repeat(3_000), "\u{1f40c}".repeat(3_000));
    let call = call.replace("{}", "load()");
    let outcome = judge(vec![Source::new("a.py", Language::Python, format!("{long}{call}{long}ok\n{long}"))]);
    let mut finding = tree().reported[0].finding.clone();
    finding.trace.clear();
    let mut shown = Vec::new();
    for needle in ["load()", "ok"] {
        finding.place = place(&outcome, 0, needle);
        let reported = vec![Reported { finding: finding.clone(), fingerprint: String::new() }];
        let tree =
            Tree { outcome: judge(vec![outcome.project.source(FileId(0)).clone()]), reported, suppressed: Vec::new() };
        shown.push(text(Format::Full, &tree.run(&[])));
    }
    assert!(shown[0].contains("load()") && shown[0].contains("a.py:2:3010") && shown[0].len() < 2_000, "{}", shown[0]);
    assert!(shown[1].contains(" 4 \u{2502} ok\n") && !shown[1].contains('\u{6f22}'), "{}", shown[1]);
}

#[test]
fn terminals_that_show_links_are_known() {
    let with =
        |name: &'static str, value: &'static str| supports_links(move |it| (it == name).then(|| value.to_owned()));
    assert!(with("FORCE_HYPERLINK", "1") && with("TERM_PROGRAM", "WezTerm") && with("VTE_VERSION", "6003"));
    assert!(with("KITTY_WINDOW_ID", "1"));
    assert!(!with("FORCE_HYPERLINK", "0") && !with("TERM_PROGRAM", "Apple_Terminal") && !with("VTE_VERSION", "4800"));
    assert!(!with("TERM", "xterm"));
}

#[test]
fn formats_are_named_on_the_command_line() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert!("xml".parse::<Format>().is_err_and(|it| it.contains("sarif")));
}
