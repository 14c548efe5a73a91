//! What keeps a finding quiet, and what is said of comments that keep nothing quiet.

use asynclint::analysis::{Input, analyze};
use asynclint::finding::Finding;
use asynclint::knowledge::{Api, Effect, Handle, Kind, Knowledge};
use asynclint::project::Project;
use asynclint::rules::{Profile, RuleSet, by_name};
use asynclint::source::{Language, Source};
use asynclint::suppress::{Options, Split, apply};

/// Facts of its own: `clock.rest` sleeps, `clock.start` starts a task that has to be kept, in both languages.
fn knowledge() -> Knowledge {
    let api = |path, effect| Api { library: "clock", effect: Some(effect), ..Api::named(path) };
    let rest = Effect::Blocks(Kind::Sleep);
    let mut start = api("clock.start", Effect::Spawns);
    start.handle = Some(Handle::Weak);
    Knowledge::with(vec![api("clock.rest", rest), api("clock::rest", rest), start])
}

struct Run {
    project: Project,
    split: Split,
}

fn run(path: &str, text: &str, options: Options, rules: &RuleSet) -> Run {
    run_all(&[(path, text)], options, rules)
}

fn run_all(files: &[(&str, &str)], options: Options, rules: &RuleSet) -> Run {
    let input = |(path, text): &(&str, &str)| {
        let language = if path.ends_with(".rs") { Language::Rust } else { Language::Python };
        Input { source: Source::new(*path, language, *text), rules: rules.clone(), relevant: true }
    };
    let outcome = analyze(files.iter().map(input).collect(), knowledge());
    let split = apply(&outcome.project, outcome.findings, options);
    Run { project: outcome.project, split }
}

fn check(path: &str, text: &str) -> Run {
    run(path, text, Options::default(), &RuleSet::of_profile(Profile::Recommended))
}

fn python(body: &str) -> Run {
    check("app.py", &format!("import clock\n\n\nasync def work(flag=None):\n{body}"))
}

impl Run {
    /// `line: rule`, of a body counted from its own first line.
    fn lines<'a>(&self, findings: impl IntoIterator<Item = &'a Finding>) -> Vec<String> {
        let line = |it: &Finding| self.project.source(it.place.file).position(it.place.span.start).line;
        findings.into_iter().map(|it| format!("{}: {}", line(it), it.rule.name)).collect()
    }

    fn kept(&self) -> Vec<String> {
        self.lines(&self.split.kept)
    }

    fn quiet(&self) -> Vec<String> {
        self.lines(self.split.suppressed.iter().map(|(finding, _)| finding))
    }

    fn messages(&self) -> Vec<&str> {
        self.split.kept.iter().map(|it| it.message.as_str()).collect()
    }

    /// The text after every offered fix.
    fn fixed(&self) -> String {
        let file = self.split.kept[0].place.file;
        let text = &self.project.source(file).text;
        let mut edits: Vec<_> =
            self.split.kept.iter().filter_map(|it| it.fix.as_ref()).flat_map(|it| it.edits.clone()).collect();
        edits.sort_by_key(|it| std::cmp::Reverse(it.span));
        edits.into_iter().fold(text.to_string(), |mut text, edit| {
            text.replace_range(edit.span.range(), &edit.content);
            text
        })
    }
}

/// Nothing is kept, and one finding is quiet.
fn silenced(body: &str) -> Run {
    let run = python(body);
    assert_eq!(run.kept(), Vec::<String>::new(), "{body}");
    assert_eq!(run.split.suppressed.len(), 1, "{body}");
    run
}

#[test]
fn without_a_comment_there_is_a_finding() {
    let run = python("    clock.rest(1)\n");
    assert_eq!(run.kept(), ["5: blocking-sleep"]);
    assert_eq!(run.quiet(), Vec::<String>::new());
}

#[test]
fn a_comment_speaks_for_its_line_the_next_and_the_statement() {
    silenced("    clock.rest(1)  # asynclint: ignore[blocking-sleep]\n");
    silenced("    # asynclint: ignore[blocking-sleep]\n    clock.rest(1)\n");
    silenced("    # asynclint: ignore[blocking-sleep]\n    # and a word more\n    clock.rest(1)\n");
    silenced("    x = (  # asynclint: ignore[blocking-sleep]\n        1,\n        clock.rest(1),\n    )\n");
    silenced("    # asynclint: ignore[blocking-sleep]\n    x = (\n        1,\n        clock.rest(1),\n    )\n");
    silenced("    x = (\n        1,\n        # asynclint: ignore[blocking-sleep]\n        clock.rest(1),\n    )\n");
    silenced("    x = (\n        clock.rest(1),\n        2,\n    )  # asynclint: ignore[blocking-sleep]\n");
    silenced("    if (\n        clock.rest(1)\n    ):  # asynclint: ignore[blocking-sleep]\n        pass\n");
    silenced("    if clock.rest(1):  # asynclint: ignore[blocking-sleep]\n        pass\n");
    silenced("\tclock.rest(1)\t#asynclint:ignore[ blocking-sleep ]\r\n");
}

#[test]
fn a_comment_speaks_for_nothing_else() {
    let far = [
        "    clock.rest(1)\n    # asynclint: ignore[blocking-sleep]\n",
        "    x = 1  # asynclint: ignore[blocking-sleep]\n    clock.rest(1)\n",
        "    # asynclint: ignore[blocking-sleep]\n\n    clock.rest(1)\n",
        "    # asynclint: ignore[blocking-sleep]\n    if flag:\n        clock.rest(1)\n",
        "    if flag:  # asynclint: ignore[blocking-sleep]\n        clock.rest(1)\n",
    ];
    for body in far {
        let mut rules: Vec<&str> = python(body).split.kept.iter().map(|it| it.rule.name).collect();
        rules.sort_unstable();
        assert_eq!(rules, ["blocking-sleep", "unused-suppression"], "{body}");
    }
}

#[test]
fn rules_go_by_name_category_alias_or_all_together() {
    for list in ["[blocking-sleep]", "[blocking]", "[ASYNC251]", "[async251]", "[all]", "", ": it is short"] {
        silenced(&format!("    clock.rest(1)  # asynclint: ignore{list}\n"));
        silenced(&format!("    # asynclint: ignore-file{list}\n    clock.rest(1)\n"));
        silenced(&format!("    clock.rest(1)\n    # asynclint: ignore-file{list}\n"));
    }
    let run = python("    clock.rest(clock.start())  # asynclint: ignore[blocking-sleep]\n    clock.start()\n");
    assert_eq!((run.kept(), run.quiet()), (vec!["6: leaked-task".to_owned()], vec!["5: blocking-sleep".to_owned()]));
}

#[test]
fn the_reason_is_kept() {
    let reason = |body: &str| silenced(body).split.suppressed[0].1.clone();
    let near = reason("    clock.rest(1)  # asynclint: ignore[blocking-sleep] -- only at start  # type: ignore\n");
    assert_eq!(near.by, "asynclint: ignore[blocking-sleep]");
    assert_eq!(near.text.as_deref(), Some("only at start"));
    assert_eq!(reason("    clock.rest(1)  # asynclint: ignore[blocking-sleep]\n").text, None);
    let both =
        "    # asynclint: ignore-file[blocking] a script\n    clock.rest(1)  # asynclint: ignore[ASYNC251] once\n";
    assert_eq!(reason(both).text.as_deref(), Some("once"));
    assert_eq!(reason("    clock.rest(1)  # noqa: E501, ASYNC251 # fine\n").by, "noqa: E501, ASYNC251");
    assert_eq!(reason("    # ruff: noqa: ASYNC251\n    clock.rest(1)\n").by, "ruff: noqa: ASYNC251");
}

#[test]
fn what_is_said_of_opening_a_file_holds_for_what_is_done_with_it() {
    let lines = |body: &str| {
        let text = format!("async def work(path, other):\n{body}");
        let source = Source::new("app.py", Language::Python, text);
        let rules = RuleSet::of_profile(Profile::Recommended);
        let outcome = analyze(vec![Input { source, rules, relevant: true }], Knowledge::default());
        let split = apply(&outcome.project, outcome.findings, Options::default());
        Run { project: outcome.project, split }.kept()
    };
    for comment in ["# noqa: ASYNC230", "# asynclint: ignore[blocking-file] -- small"] {
        let none: [&str; 0] = [];
        assert_eq!(lines(&format!("    with open(path) as f:  {comment}\n        return f.read()\n")), none);
        assert_eq!(lines(&format!("    f = open(path)  {comment}\n    f.read()\n    f.write('')\n")), none);
        let two = format!("    f = open(path)  {comment}\n    f.read()\n    g = open(other)\n    g.read()\n");
        assert_eq!(lines(&two), ["4: blocking-file", "5: blocking-file"]);
    }
    let read = "    with open(path) as f:\n        return f.read()  # noqa: ASYNC230\n";
    assert_eq!(lines(read), ["2: blocking-file"]);
}

#[test]
fn noqa_is_honoured_through_the_aliases() {
    for comment in [
        "# noqa",
        "#noqa",
        "# NOQA",
        "# noqa:ASYNC251",
        "# noqa: ASYNC251",
        "# noqa: E501,ASYNC251",
        "# noqa: E501 ASYNC251 because",
        "# noqa: async251",
        "# noqa: ASYNC2",
        "# noqa: blocking-sleep",
        "# pragma: no cover  # noqa: ASYNC251",
    ] {
        silenced(&format!("    clock.rest(1)  {comment}\n"));
    }
    silenced("    x = (\n        clock.rest(1),  # noqa: ASYNC251\n    )\n");
    silenced("    clock.rest('''\n1''')  # noqa: ASYNC251\n");
    silenced("    clock.rest(1) + \\\n        2  # noqa: ASYNC251\n");
    silenced("    x = clock.rest(1) + f\"\"\"\n# {1}\n\"\"\"  # noqa: ASYNC251\n");
    for file in ["# ruff: noqa", "# flake8: noqa", "# ruff: noqa: ASYNC251", "# flake8: noqa: E501, ASYNC251"] {
        silenced(&format!("    {file}\n    clock.rest(1)\n"));
    }
    for other in
        ["# noqa: E501", "# noqa: A", "# noqa: ASYNC2511", "# noqab", "# see noqa", "# noqa: words", "# x: noqa"]
    {
        assert_eq!(python(&format!("    clock.rest(1)  {other}\n")).kept(), ["5: blocking-sleep"], "{other}");
    }
    // On the line above, and for the file at the end of a line, it means nothing to those who read it.
    assert_eq!(python("    # noqa\n    clock.rest(1)\n").kept(), ["6: blocking-sleep"]);
    assert_eq!(python("    x = 1  # ruff: noqa\n    clock.rest(1)\n").kept(), ["6: blocking-sleep"]);
}

#[test]
fn options_turn_it_off() {
    let text = "import clock\nasync def work():\n    clock.rest(1)  # noqa\n    clock.rest(2)  # asynclint: ignore\n    # asynclint: ignore\n";
    let rules = RuleSet::of_profile(Profile::Recommended);
    let with = |options| run("app.py", text, options, &rules).kept();
    assert_eq!(with(Options::default()), ["5: unused-suppression"]);
    assert_eq!(with(Options { noqa: false, ..Options::default() }), ["3: blocking-sleep", "5: unused-suppression"]);
    assert_eq!(with(Options { ignore: true, ..Options::default() }), ["3: blocking-sleep", "4: blocking-sleep"]);
}

#[test]
fn rust_has_comments_and_attributes() {
    let bodies = [
        "    clock::rest(1); // asynclint: ignore[blocking-sleep]\n",
        "    // asynclint: ignore[blocking-sleep] why\n    clock::rest(1);\n",
        "    /* asynclint: ignore[blocking-sleep] */\n    clock::rest(1);\n",
        "    // asynclint: ignore-file[blocking]\n    clock::rest(1);\n",
        "    let x = ( // asynclint: ignore[blocking-sleep]\n        clock::rest(1),\n    );\n",
    ];
    for body in bodies {
        let run = check("src/lib.rs", &format!("async fn work() {{\n{body}}}\n"));
        assert_eq!(run.kept(), Vec::<String>::new(), "{body}");
        assert_eq!(run.split.suppressed.len(), 1, "{body}");
    }
    // `noqa` is Python's, and documentation only shows a comment.
    for body in [" // noqa", "\n/// asynclint: ignore[blocking-sleep]\nfn x() {}"] {
        let run = check("src/lib.rs", &format!("async fn work() {{\n    clock::rest(1);{body}\n}}\n"));
        assert_eq!(run.kept(), ["2: blocking-sleep"], "{body}");
    }
}

#[test]
fn allow_is_honoured_through_the_aliases() {
    let lock = "
        pub async fn held(lock: &std::sync::Mutex<u32>) {
            let guard = lock.lock().unwrap();
            tokio::task::yield_now().await;
            drop(guard);
        }
    ";
    let found = |text: &str| {
        let run = check("src/lib.rs", text);
        let kept = run.split.kept.iter().any(|it| it.rule.name == "lock-across-await");
        (kept, run.split.suppressed.iter().map(|(_, reason)| reason.by.clone()).collect::<Vec<_>>())
    };
    assert_eq!(found(lock), (true, Vec::new()));
    let by = vec!["allow(clippy::await_holding_lock)".to_owned()];
    for attribute in ["#[allow(clippy::await_holding_lock)]", "#[expect(clippy::await_holding_lock, reason = \"x\")]"] {
        assert_eq!(found(&format!("{attribute}{lock}")), (false, by.clone()), "{attribute}");
    }
    assert_eq!(found(&format!("#![allow(clippy::await_holding_lock)]{lock}")), (false, by));
    assert_eq!(found(&format!("#[allow(clippy::large_futures)]{lock}")), (true, Vec::new()));
    assert_eq!(found(&format!("#[allow(clippy::await_holding_lock)] fn other() {{}}{lock}")), (true, Vec::new()));
}

#[test]
fn what_a_crate_allows_holds_in_all_its_files() {
    let lock = "
        pub async fn held(lock: &std::sync::Mutex<u32>) {
            let guard = lock.lock().unwrap();
            tokio::task::yield_now().await;
            drop(guard);
        }
    ";
    let kept = |root: &str, around: &str| {
        let files = [("src/lib.rs", root), ("src/jobs.rs", around), ("src/jobs/queue.rs", lock)];
        let run = run_all(&files, Options::default(), &RuleSet::of_profile(Profile::Recommended));
        run.split.kept.iter().filter(|it| it.rule.name == "lock-across-await").count()
    };
    let allow = "#![allow(clippy::await_holding_lock)]\n";
    assert_eq!(kept("mod jobs;", "mod queue;"), 1);
    assert_eq!(kept(&format!("{allow}mod jobs;"), "mod queue;"), 0);
    assert_eq!(kept("mod jobs;", &format!("{allow}mod queue;")), 0);
    assert_eq!(kept("#![allow(clippy::large_futures)]\nmod jobs;", "mod queue;"), 1);
    assert_eq!(kept("mod jobs;\n#[allow(clippy::await_holding_lock)]\nfn other() {}", "mod queue;"), 1);
}

#[test]
fn one_that_suppresses_nothing_is_reported_and_removed() {
    let stale = [
        ("    x = 1  # asynclint: ignore[blocking-sleep] why\n", "    x = 1\n"),
        ("    # asynclint: ignore[blocking-sleep]\n    x = 1\n", "    x = 1\n"),
        ("    x = 1  # asynclint: ignore\n", "    x = 1\n"),
        ("    x = 1  # asynclint: ignore[blocking]  # type: ignore\n", "    x = 1  # type: ignore\n"),
        ("    x = 1  # type: ignore  # asynclint: ignore[blocking]\n", "    x = 1  # type: ignore\n"),
        ("    x = 1  # noqa: E501 asynclint: ignore[blocking]\n", "    x = 1  # noqa: E501\n"),
        ("    x = 1\n    # asynclint: ignore-file[blocking]", "    x = 1\n"),
        (
            "    clock.rest(1)  # asynclint: ignore[leaked-task, blocking-sleep, blocking-file] x\n",
            "    clock.rest(1)  # asynclint: ignore[blocking-sleep] x\n",
        ),
    ];
    for (body, fixed) in stale {
        let run = python(body);
        assert_eq!(run.split.kept.len(), 1, "{body}");
        assert_eq!(run.split.kept[0].rule.name, "unused-suppression", "{body}");
        assert!(run.fixed().ends_with(fixed), "{body}{}", run.fixed());
        assert!(!run.fixed().trim_end_matches(fixed).contains("ignore"), "{body}{}", run.fixed());
    }
    let run = check("src/lib.rs", "async fn f() {\n    let x = 1; /* asynclint: ignore[blocking] */ g(x);\n}\n");
    assert_eq!(run.fixed(), "async fn f() {\n    let x = 1;  g(x);\n}\n");
    let names = python("    clock.rest(1)  # asynclint: ignore[leaked-task, blocking-sleep, blocking-file]\n");
    assert_eq!(names.messages(), ["this suppresses nothing: `leaked-task` and `blocking-file` are not reported here"]);
    let file = python("    # asynclint: ignore-file[blocking-sleep]\n    x = 1\n");
    assert_eq!(file.messages(), ["this suppresses nothing: `blocking-sleep` is not reported in this file"]);
}

#[test]
fn one_that_is_written_wrongly_is_reported() {
    let wrong = [
        ("ignore[blockng-sleep]", "no rule is called `blockng-sleep`", "did you mean `blocking-sleep`?"),
        ("ignore[E501]", "no rule is called `E501`", ""),
        ("ignore[]", "the brackets name no rule", "write"),
        ("ignore[blocking-sleep", "the bracket is not closed", "write"),
        ("ignore blocking-sleep", "rules stand in brackets: `asynclint: ignore[blocking-sleep]`", "write"),
        ("disable[blocking-sleep]", "no suppression is called `disable`", "write"),
        ("", "this comment says nothing to suppress", "write"),
    ];
    for (comment, message, help) in wrong {
        let run = python(&format!("    x = 1  # asynclint: {comment}\n"));
        assert_eq!(run.messages(), [message], "{comment}");
        let given = run.split.kept[0].help.as_deref().unwrap_or_default();
        assert!(given.starts_with(help) && given.is_empty() == help.is_empty(), "{comment}: {given}");
    }
    // It suppresses nothing, whatever was meant.
    let run = python("    clock.rest(1)  # asynclint: ignore[blockng-sleep]\n");
    assert_eq!(run.kept(), ["5: blocking-sleep", "5: unused-suppression"]);
    let prose = "    # An `asynclint: ignore` in prose, asynclint: ignore too, and (asynclint: ignore[leaked-task])\n    x = 1\n";
    assert_eq!(python(prose).kept(), Vec::<String>::new());
}

#[test]
fn what_is_not_known_is_not_judged() {
    let text = "import clock\nasync def work():\n    x = 1  # asynclint: ignore[blocking-sleep]\n";
    let with = |change: fn(&mut RuleSet)| {
        let mut rules = RuleSet::of_profile(Profile::Recommended);
        change(&mut rules);
        run("app.py", text, Options::default(), &rules).kept()
    };
    assert_eq!(with(|_| {}), ["3: unused-suppression"]);
    assert_eq!(with(|rules| rules.set(by_name("blocking-sleep").expect("a rule"), None)), Vec::<String>::new());
    assert_eq!(with(|rules| rules.set(by_name("unused-suppression").expect("a rule"), None)), Vec::<String>::new());
    // A file that cannot be read whole may hide what the comment is for.
    let broken = "async def work():\n    x = 1  # asynclint: ignore[blocking-sleep]\n\n\ndef other(:\n";
    assert_eq!(check("app.py", broken).kept(), Vec::<String>::new());
    // Other tools' comments are theirs to judge.
    assert_eq!(python("    x = 1  # noqa: ASYNC251\n").kept(), Vec::<String>::new());
    assert_eq!(check("src/lib.rs", "#[allow(clippy::await_holding_lock)]\nasync fn f() {}\n").kept(), [""; 0]);
}

#[test]
fn one_can_be_excused_by_name_alone() {
    let near = "    x = 1  # asynclint: ignore[blocking-sleep, unused-suppression]\n";
    assert_eq!(silenced(near).quiet(), ["5: unused-suppression"]);
    silenced("    # asynclint: ignore[blocking-sleep, unused-suppression] why\n    x = 1\n");
    silenced("    # asynclint: ignore-file[unused-suppression]\n    x = 1  # asynclint: ignore[leaked-task]\n");
    let all = python("    # asynclint: ignore-file\n    clock.rest(1)\n    x = 1  # asynclint: ignore\n");
    assert_eq!(all.kept(), ["7: unused-suppression"]);
    let idle = python("    clock.rest(1)  # asynclint: ignore[blocking-sleep, unused-suppression]\n");
    assert_eq!(idle.messages(), ["this suppresses nothing: `unused-suppression` is not reported here"]);
}

proptest::proptest! {
    /// Whatever a comment says, it is read without panic, and its fix is an edit of this comment or list alone.
    #[test]
    fn any_comment_can_be_read(pieces in proptest::collection::vec(0..PIECES.len(), 0..9), rust: bool) {
        let comment: String = pieces.iter().map(|it| PIECES[*it]).collect();
        let (path, text) = if rust {
            ("src/lib.rs", format!("async fn f() {{\n    clock::rest(1); //{comment}\n}}\n"))
        } else {
            ("app.py", format!("import clock\nasync def f():\n    clock.rest(1)  #{comment}\n"))
        };
        let run = check(path, &text);
        for finding in &run.split.kept {
            let source = run.project.source(finding.place.file);
            proptest::prop_assert!(source.text.get(finding.place.span.range()).is_some());
            for edit in finding.fix.iter().flat_map(|it| &it.edits) {
                let removed = source.text.get(edit.span.range()).expect("on character boundaries");
                proptest::prop_assert!(!removed.contains("clock"), "{removed:?}");
            }
        }
    }
}

const PIECES: [&str; 22] = [
    " ",
    "#",
    " # ",
    "//",
    " // ",
    "asynclint:",
    " asynclint: ",
    "ignore",
    "ignore-file",
    "[",
    "]",
    ",",
    "blocking-sleep",
    "leaked-task",
    "noqa",
    " noqa: ",
    "ruff:",
    "ASYNC251",
    "\u{1f40c}",
    "\u{e9}",
    "\t",
    "*/",
];
