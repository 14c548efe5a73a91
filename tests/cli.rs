//! Whole runs of the program: what it reads, what it says, how it ends.

mod support;

use serde_json::Value;
use support::{Folder, SLEEPS, ran};

#[test]
fn the_status_tells_findings_from_none_from_wrong_usage() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b.py", "x = 1\n")]);
    assert_eq!(folder.run(&["check", "a.py"]).status, Some(1));
    assert_eq!(folder.run(&["check"]).status, Some(1));
    assert_eq!(folder.run(&["check", "b.py"]).status, Some(0));
    assert_eq!(folder.run(&["check", "--exit-zero"]).status, Some(0));
    assert_eq!(folder.run(&["check", "--no-such-flag"]).status, Some(2));
    assert_eq!(folder.run(&[]).status, Some(2));
    assert_eq!(folder.run(&["--help"]).status, Some(0));
    assert_eq!(folder.run(&["--version"]).out, format!("asynclint {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_is_not_there_is_wrong_usage_in_one_line() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    let ran = folder.run(&["check", "nowhere"]);
    assert_eq!(ran.status, Some(2));
    assert_eq!(ran.err, "error: `nowhere` does not exist; check the spelling and the current folder\n");
    let ran = folder.run(&["check", "--select", "blocking-slep"]);
    assert_eq!(ran.status, Some(2));
    assert_eq!(
        ran.err,
        "error: --select: no rule, category or alias is called `blocking-slep`; did you mean `blocking-sleep`?\n"
    );
}

#[test]
fn calls_are_followed_into_files_that_were_not_asked_for() {
    let folder = Folder::new(&[
        ("pyproject.toml", ""),
        ("app/__init__.py", ""),
        ("app/handlers.py", "from app.db import load\n\n\nasync def f():\n    load()\n"),
        ("app/db.py", "import time\n\n\ndef load():\n    time.sleep(1)\n\n\nasync def g():\n    load()\n"),
    ]);
    let both = ["app/db.py:9 blocking-sleep", "app/handlers.py:5 blocking-sleep"];
    assert_eq!(folder.found(&[]), both);
    assert_eq!(folder.found(&["app/handlers.py"]), both[1..]);
    let mut command = folder.command(&["check", "--output-format", "concise", "handlers.py"]);
    command.current_dir(folder.at("app"));
    let ran = ran(command);
    assert!(ran.out.starts_with("handlers.py:5:5: error: "), "{}", ran.out);
}

#[test]
fn ignored_and_foreign_folders_are_not_looked_into() {
    let folder = Folder::new(&[
        ("a.py", SLEEPS),
        (".gitignore", "generated/\n"),
        ("generated/b.py", SLEEPS),
        ("env/pyvenv.cfg", ""),
        ("env/lib/c.py", SLEEPS),
        ("node_modules/d.py", SLEEPS),
        ("Cargo.toml", "[package]\n"),
        ("target/debug/e.py", SLEEPS),
        ("stubs/f.pyi", SLEEPS),
        (".hidden/g.py", SLEEPS),
    ]);
    let of = |path: &str| format!("{path}:5 blocking-sleep");
    assert_eq!(folder.found(&[]), [of(".hidden/g.py"), of("a.py")]);
    assert_eq!(folder.found(&["--no-ignore"]), [of(".hidden/g.py"), of("a.py"), of("generated/b.py")]);
    assert_eq!(folder.found(&["--exclude", "/a.py"]), [of(".hidden/g.py")]);
    // Given by name, a file is checked whatever leaves it out.
    assert_eq!(folder.found(&["generated/b.py", "env/lib/c.py"]), [of("env/lib/c.py"), of("generated/b.py")]);
    assert_eq!(folder.found(&["generated"]), [of("generated/b.py")]);
    assert_eq!(folder.found(&["a.py", "--exclude", "a.py"]), [of("a.py")]);
    assert_eq!(folder.found(&["a.py", "--exclude", "a.py", "--force-exclude"]), Vec::<String>::new());
}

#[test]
fn a_file_is_checked_once_however_it_is_named() {
    let folder = Folder::new(&[("src/a.py", SLEEPS)]);
    assert_eq!(folder.found(&["src", "src/a.py", "./src", "src/../src/a.py"]), ["src/a.py:5 blocking-sleep"]);
}

#[cfg(unix)]
#[test]
fn circles_of_links_end() {
    let folder = Folder::new(&[("src/a.py", SLEEPS)]);
    std::os::unix::fs::symlink(folder.path(), folder.at("src/around")).expect("a link");
    std::os::unix::fs::symlink("self", folder.at("src/self")).expect("a link");
    assert_eq!(folder.found(&[]), ["src/a.py:5 blocking-sleep"]);
}

#[test]
fn standard_input_is_checked_under_its_name() {
    let folder = Folder::new(&[("pyproject.toml", ""), ("db.py", "import time\n\ndef load():\n    time.sleep(1)\n")]);
    let arguments = ["check", "-", "--stdin-filename", "a.py", "--output-format", "concise"];
    let mut command = folder.command(&arguments);
    command.write_stdin("import db\n\nasync def f():\n    db.load()\n");
    let piped = ran(command);
    assert_eq!(piped.status, Some(1));
    assert!(piped.out.starts_with("a.py:4:"), "{}", piped.out);

    let unnamed = folder.run(&["check", "-"]);
    assert_eq!(unnamed.status, Some(2));
    assert!(unnamed.err.contains("--stdin-filename"), "{}", unnamed.err);
}

#[cfg(unix)]
#[test]
fn what_links_lead_to_goes_by_its_own_path() {
    let folder = Folder::new(&[("real/a.py", SLEEPS)]);
    for link in ["a_link", "z_link"] {
        std::os::unix::fs::symlink(folder.at("real"), folder.at(link)).expect("ours");
        std::os::unix::fs::symlink(folder.at("real/a.py"), folder.at(&format!("{link}.py"))).expect("ours");
    }
    for paths in [&["."][..], &["a_link", "z_link.py", "real"]] {
        let (_, lines) = folder.check(paths);
        assert!(lines.len() == 1 && lines[0].starts_with("real/a.py:"), "{lines:?}");
    }
}

#[test]
fn standard_input_is_left_out_as_a_file_would_be() {
    let folder = Folder::new(&[("asynclint.toml", "exclude = ['u.py']\n")]);
    let piped = |more: &[&str]| {
        let mut command =
            folder.command(&[&["check", "--output-format", "concise", "--stdin-filename", "u.py"], more].concat());
        command.write_stdin(SLEEPS);
        ran(command)
    };
    assert_eq!(piped(&["-"]).status, Some(1));
    // The name alone says that there is something to read.
    assert_eq!(piped(&[]).status, Some(1));
    let left_out = piped(&["-", "--force-exclude"]);
    assert_eq!((left_out.status, &*left_out.out, &*left_out.err), (Some(0), "", ""));
    let named = piped(&["a.py"]);
    assert_eq!(named.status, Some(2));
    assert!(named.err.contains("`--stdin-filename` is the name of what `-` reads"), "{}", named.err);
}

#[test]
fn a_script_that_is_named_is_told_by_its_first_line() {
    let script = format!("#!/usr/bin/env -S uv run --script\n{SLEEPS}");
    let folder = Folder::new(&[("bin/serve", &script), ("bin/run", "#!/bin/sh\nexit\n"), ("a.py", "x = 1\n")]);
    assert_eq!(folder.found(&["bin/serve"]), ["bin/serve:6 blocking-sleep"]);
    assert_eq!(folder.found(&["bin/serve", "--force-exclude", "--exclude", "bin"]), [""; 0]);
    assert_eq!(folder.found(&[]), [""; 0]);
    assert!(folder.run(&["check", "bin/run"]).err.contains("unknown language"));
}

#[test]
fn notebooks_are_checked_by_cell() {
    let notebook = r#"{"cells": [{"cell_type": "markdown", "source": "hi"},
        {"cell_type": "code", "source": ["import time\n", "!ls\n", "async def f():\n", "    time.sleep(1)"]}], "metadata": {}, "nbformat": 4}"#;
    let folder = Folder::new(&[("a.ipynb", notebook)]);
    let (status, lines) = folder.check(&[]);
    assert_eq!(status, Some(1));
    assert!(lines[0].starts_with("a.ipynb:cell 2:4:5: "), "{lines:?}");
    let broken = notebook.replace("async def f():", "async def f(:");
    let ran = Folder::new(&[("a.ipynb", &broken)]).run(&["check"]);
    assert!(ran.err.contains("warning: a.ipynb: cell 2, line 3, does not parse: "), "{}", ran.err);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_checked() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b.py", "async def f():\n    x = (\n"), ("big.py", "x = 1\n")]);
    folder.write("c.py", b"x = '\xe9'\n");
    folder.write("asynclint.toml", "max-file-size = 5\n");
    folder.write("sub/asynclint.toml", "");
    folder.write("sub/d.py", SLEEPS);
    let ran = folder.run(&["check", "--output-format", "json", "a.py", "b.py", "c.py", "sub"]);
    assert_eq!(ran.status, Some(1));
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let errors: Vec<_> = report["errors"].as_array().expect("a list").iter().map(|it| &it["path"]).collect();
    assert_eq!(errors, ["b.py", "c.py"]);
    assert_eq!(report["diagnostics"].as_array().expect("a list").len(), 2);
    assert!(ran.err.contains("warning: b.py:") && ran.err.contains("warning: c.py:1: is not UTF-8"), "{}", ran.err);
    let ran = folder.run(&["check", "--quiet", "b.py", "c.py"]);
    assert_eq!((ran.status, &*ran.err, &*ran.out), (Some(0), "", ""));
    assert_eq!(folder.run(&["check", "--strict-errors", "b.py"]).status, Some(1));

    // The limit holds for what is found, not for what is named.
    let ran = folder.run(&["check"]);
    assert!(ran.err.contains("warning: big.py: is not checked: 6 B is more than the limit of 5 B"), "{}", ran.err);
    assert_eq!(folder.run(&["check", "big.py"]).err, "");
}

#[test]
fn rules_are_selected_by_name_category_and_alias() {
    let text = "import asyncio\nimport time\n\n\nasync def f():\n    time.sleep(1)\n    asyncio.create_task(f())\n    await asyncio.sleep(1)\n";
    let folder = Folder::new(&[("a.py", text)]);
    let (sleep, task) = ("a.py:6 blocking-sleep", "a.py:7 leaked-task");
    assert_eq!(folder.found(&[]), [sleep, task]);
    for word in ["blocking-sleep", "blocking", "ASYNC251", "ASYNC25", "ASYNC2"] {
        assert_eq!(folder.found(&["--select", word]), [sleep], "{word}");
        assert_eq!(folder.found(&["--ignore", word]), [task], "{word}");
    }
    assert_eq!(folder.found(&["--select", "ASYNC"]), [sleep, task]);
    assert_eq!(folder.found(&["--select", "RUF006,blocking-file"]), [task]);
    assert_eq!(folder.found(&["--select", "RUF006", "--extend-select", "ASYNC251"]), [sleep, task]);
    assert_eq!(folder.found(&["--select", "all", "--ignore", "tasks"]), [sleep]);
}

#[test]
fn a_rule_that_is_named_for_itself_tells_all_it_finds() {
    // With asyncio this is one for the profile `strict`.
    let text = "import asyncio\n\n\nasync def f():\n    try:\n        await asyncio.sleep(1)\n    finally:\n        await asyncio.sleep(2)\n";
    let folder = Folder::new(&[("a.py", text)]);
    let found = ["a.py:8 await-in-cleanup"];
    for word in ["await-in-cleanup", "ASYNC120", "ASYNC102"] {
        assert_eq!(folder.found(&["--select", word]), found, "{word}");
        assert_eq!(folder.found(&["--extend-select", word]), found, "{word}");
    }
    for word in ["ASYNC1", "ASYNC", "cancellation"] {
        assert_eq!(folder.found(&["--select", word]), [""; 0], "{word}");
    }
    assert_eq!(folder.found(&["--select", "ASYNC", "--profile", "strict"]), found);
    folder.write("asynclint.toml", "select = ['await-in-cleanup']\n");
    assert_eq!(folder.found(&[]), found);
    assert_eq!(folder.found(&["--select", "ASYNC"]), [""; 0]);
}

#[test]
fn suppressions_are_honoured_unless_told_otherwise() {
    let folder = Folder::new(&[
        ("a.py", &*SLEEPS.replace("(1)", "(1)  # asynclint: ignore[blocking-sleep] only in tests")),
        ("b.py", &*SLEEPS.replace("(1)", "(1)  # noqa: ASYNC251")),
    ]);
    let (a, b) = ("a.py:5 blocking-sleep", "b.py:5 blocking-sleep");
    assert_eq!(folder.found(&[]), [""; 0]);
    assert_eq!(folder.found(&["--respect-noqa=false"]), [b]);
    assert_eq!(folder.found(&["--respect-noqa"]), [""; 0]);
    assert_eq!(folder.found(&["--ignore-suppressions"]), [a, b]);
}

#[test]
fn findings_that_are_not_sure_enough_are_left_out() {
    let api = "[[api]]\npath = 'm.g'\neffect = 'blocks'\nkind = 'cpu'\nconfidence = 'likely'\n";
    let settings = |more: &str| format!("{more}extend-select = ['blocking-cpu']\n{api}");
    let folder = Folder::new(&[("a.py", "import m\n\n\nasync def f():\n    m.g()\n")]);
    folder.write("asynclint.toml", settings(""));
    let found = ["a.py:5 blocking-cpu"];
    assert_eq!(folder.found(&[]), found);
    assert_eq!(folder.found(&["--min-confidence", "certain"]), [""; 0]);
    folder.write("asynclint.toml", settings("min-confidence = 'certain'\n"));
    assert_eq!(folder.found(&[]), [""; 0]);
    assert_eq!(folder.found(&["--min-confidence", "likely"]), found);
}

#[test]
fn what_happens_the_first_time_only_is_not_certain() {
    let source = |decorator: &str| {
        format!(
            "import functools\n\n\n{decorator}\ndef names():\n    return open('a').read()\n\n\nasync def f():\n    names()\n"
        )
    };
    for decorator in ["@functools.cache", "@functools.lru_cache(maxsize=1)"] {
        let folder = Folder::new(&[("a.py", &source(decorator))]);
        assert_eq!(folder.found(&["--min-confidence", "certain"]), [""; 0]);
        let told = folder.run(&["check", "--profile", "strict"]).out;
        assert!(told.contains("the first time, this call blocks the event loop: `names` reaches"));
        // Whoever comes first reads the file: that is mostly somebody else.
        assert_eq!(folder.found(&[]), [""; 0]);
    }
    let folder = Folder::new(&[("a.py", &source(""))]);
    assert_eq!(folder.found(&["--min-confidence", "certain"]), ["a.py:10 blocking-file"]);
}

#[test]
fn what_is_kept_is_told_to_happen_the_first_time() {
    let told = |helper: &str, call: &str| {
        let source = format!("{helper}\n\nasync def f(made: Names):\n    {call}\n");
        let report = Folder::new(&[("a.py", &source)]).run(&["check", "--profile", "strict"]).out;
        assert!(report.contains("reaches `open`"), "{report}");
        report.contains("the first time, this call blocks the event loop")
    };
    const NONE: &str = "class Names: ...\n\nKEPT = None\n\ndef names(again=False):\n    global KEPT\n";
    let global = |body: &str| told(&format!("{NONE}{body}"), "names()");
    assert!(global("    if KEPT is None:\n        KEPT = open('a')\n    return KEPT\n"));
    assert!(global("    if not KEPT:\n        KEPT = open('a')\n    return KEPT\n"));
    assert!(global("    kept = KEPT\n    if kept and not again:\n        return kept\n    KEPT = open('a')\n"));
    // Another name, another test, or nothing that is kept.
    assert!(!global("    if KEPT is None:\n        other = open('a')\n    return KEPT\n"));
    assert!(!global("    if KEPT:\n        KEPT = open('a')\n    return KEPT\n"));
    assert!(!global("    if KEPT is None:\n        return KEPT\n    KEPT = open('a')\n"));
    assert!(!global("    if len('a'):\n        KEPT = open('a')\n    return KEPT\n"));
    let method = |body: &str| {
        let class = "class Names:\n    def __init__(self):\n        self.kept = None\n\n    def all(self, other):\n";
        told(&format!("{class}{body}"), "made.all(made)")
    };
    assert!(method("        if self.kept is None:\n            self.kept = open('a')\n        return self.kept\n"));
    assert!(!method("        if other.kept is None:\n            other.kept = open('a')\n        return other.kept\n"));
}

#[test]
fn what_is_kept_is_made_by_the_first_call() {
    let source = "KEPT = None\n\ndef names():\n    global KEPT\n    if KEPT is None:\n        KEPT = open('a')\n    return KEPT\n\n\
                  def first():\n    return names()\n\nasync def f():\n    first()\n    names()\n\nasync def g():\n    names()\n";
    let found = |source: &str| Folder::new(&[("a.py", source)]).found(&["--profile", "strict"]);
    assert_eq!(found(source), ["a.py:17 blocking-file"], "of several functions the nearest");
    assert_eq!(found(&source.replace("async def g", "def g")), ["a.py:13 blocking-file"]);
}

#[test]
fn a_call_that_blocks_in_several_ways_is_told_once() {
    const HELPERS: &str = "import time\n\n\ndef load(path):\n    time.sleep(1)\n    return open(path).read()\n";
    let app = |comment: &str| format!("from helpers import load\n\n\nasync def f():\n    load('a'){comment}\n");
    let folder = Folder::new(&[("pyproject.toml", ""), ("helpers.py", HELPERS), ("app.py", &app(""))]);
    assert_eq!(folder.found(&[]), ["app.py:5 blocking-sleep"]);
    let report: Value = serde_json::from_str(&folder.run(&["check", "--output-format", "json"]).out).unwrap();
    let related = &report["diagnostics"][0]["related"];
    assert_eq!(related[0]["message"], "`blocking-file` as well: `load` reaches `open`");
    assert_eq!(related[0]["location"]["start"]["line"], 6);
    // Each kind is selected and suppressed by its own name.
    assert_eq!(folder.found(&["--select", "blocking-file"]), ["app.py:5 blocking-file"]);
    let suppressed = |comment: &str| {
        let app = app(&format!("  # asynclint: ignore[{comment}]"));
        Folder::new(&[("pyproject.toml", ""), ("helpers.py", HELPERS), ("app.py", &app)]).found(&[])
    };
    assert_eq!(suppressed("blocking-sleep"), ["app.py:5 blocking-file"]);
    assert_eq!(suppressed("blocking-file"), ["app.py:5 blocking-sleep"]);
    assert!(suppressed("blocking-file, blocking-sleep").is_empty());
}

#[test]
fn statistics_count_the_findings_of_each_rule() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b.py", SLEEPS)]);
    let ran = folder.run(&["check", "--output-format", "concise", "--statistics"]);
    let count = ran.out.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == ["2", "blocking-sleep"]);
    assert!(count, "{}", ran.out);
    let machine = folder.run(&["check", "--output-format", "json", "--statistics"]);
    assert!(machine.err.contains("warning: `--statistics` does nothing in `json`"), "{}", machine.err);
}

#[test]
fn help_puts_options_where_they_belong() {
    let help = Folder::new(&[]).run(&["check", "--help"]).out;
    let (_, run) = help.split_once("\nRun:\n").expect("a heading");
    let run: Vec<&str> = run.lines().take_while(|line| line.is_empty() || line.starts_with(' ')).collect();
    for option in ["--watch", "--exit-zero", "--strict-errors", "--threads"] {
        assert!(run.iter().any(|line| line.trim_start().starts_with(option)), "{option}\n{help}");
    }
}

/// Room for the stacks of many threads may be short.
#[cfg(target_os = "linux")]
#[test]
fn fewer_threads_do_where_there_is_no_room_for_more() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    let program = env!("CARGO_BIN_EXE_asynclint");
    for (limit, threads) in [(4_000_000, 16), (4_000_000, 8), (1_500_000, 8), (600_000, 1)] {
        let limited = format!("ulimit -v {limit} && exec {program} check --no-cache --threads {threads}");
        let output = std::process::Command::new("sh").arg("-c").arg(limited).current_dir(folder.path()).output();
        assert_eq!(output.expect("a shell").status.code(), Some(1), "{limit} {threads}");
    }
}

#[test]
fn the_report_goes_to_a_file_and_its_folder_is_made() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    let arguments = ["check", "--output-format", "sarif", "--output-file", "reports/new/a.sarif"];
    let ran = folder.run(&arguments);
    assert_eq!((ran.status, &*ran.out), (Some(1), ""));
    let log: Value = serde_json::from_str(&folder.read("reports/new/a.sarif")).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    folder.write("reports/new/a.sarif", "old");
    folder.run(&arguments);
    assert!(folder.read("reports/new/a.sarif").starts_with('{'));
    let names: Vec<_> = std::fs::read_dir(folder.at("reports/new")).expect("a folder").collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
    folder.write("file", "");
    assert_eq!(folder.run(&["check", "--output-file", "file/a"]).status, Some(2));
}

#[test]
fn the_output_is_the_same_for_any_number_of_threads() {
    let folder = Folder::new(&[]);
    for index in 0..40 {
        folder.write(&format!("pkg{}/m{index}.py", index % 7), SLEEPS.replace("f()", &format!("f{index}()")));
    }
    let report = |threads: &str| folder.run(&["check", "--output-format", "jsonl", "--threads", threads]).out;
    let one = report("1");
    assert_eq!(one.lines().count(), 40);
    assert_eq!(one, report("4"));
}

#[test]
fn deeply_nested_code_does_not_end_the_stack() {
    let depth = 10_000;
    let nested = |open: &str, close: &str| format!("{}x{}", open.repeat(depth), close.repeat(depth));
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    folder.write("b.py", format!("async def f():\n    y = {}\n", nested("(", ")")));
    folder.write("c.py", format!("async def f():\n    y = {}\n", nested("[", "]")));
    folder.write("d.rs", format!("async fn f() {{ let y = {}; }}\n", nested("(", ")")));
    folder.write("e.rs", format!("async fn f() {{ {} }}\n", nested("{", "}")));
    let ran = folder.run(&["check", "--output-format", "concise"]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    assert!(!ran.err.contains("internal failure"), "{}", ran.err);
    assert!(ran.out.contains("a.py:5:5"), "{}", ran.out);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new(&[]);
    for index in 0..300 {
        folder.write(&format!("m{index}.py"), SLEEPS);
    }
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_asynclint"))
        .args(["check", "--no-cache", "--output-format", "json"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()), (Some(1), String::new()));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    let has = |arguments: &[&str]| folder.run(arguments).out.contains('\u{1b}');
    assert!(!has(&["check"]));
    assert!(has(&["check", "--color", "always"]));
    assert!(!has(&["rules"]) && has(&["rules", "--color", "always"]));
    assert!(!has(&["explain", "leaked-task"]) && has(&["--color=always", "explain", "leaked-task"]));
    let coloured = folder.run(&["check", "nowhere", "--color", "always"]).err;
    assert!(coloured.contains('\u{1b}'), "{coloured}");
}

#[test]
fn explain_shows_a_page_without_its_tests() {
    let folder = Folder::new(&[]);
    let page = folder.run(&["explain", "blocking-sleep"]);
    assert_eq!(page.status, Some(0));
    assert!(page.out.starts_with("blocking-sleep: "), "{}", page.out);
    assert!(!page.out.contains("Cases"), "{}", page.out);
    assert_eq!(folder.run(&["explain", "ASYNC251"]).out, page.out);
    let object: Value =
        serde_json::from_str(&folder.run(&["explain", "ASYNC251", "--output-format", "json"]).out).expect("JSON");
    assert_eq!(object["name"], "blocking-sleep");
    let unknown = folder.run(&["explain", "blocking-sleeep"]);
    assert_eq!(unknown.status, Some(2));
    assert_eq!(unknown.err, "error: no rule is called `blocking-sleeep`; did you mean `blocking-sleep`?\n");
    assert_eq!(folder.run(&["explain", "async251"]).out, page.out);
    assert_eq!(folder.run(&["check", "--select", "ruf006"]).status, Some(0));
}

#[test]
fn explain_lists_the_rules_that_a_code_stands_for() {
    let folder = Folder::new(&[]);
    for word in ["ASYNC240", "ASYNC910", "ASYNC", "async2", "blocking"] {
        let told = folder.run(&["explain", word]);
        assert!(
            told.status == Some(0) && told.out.starts_with(&format!("{word} stands for ")),
            "{}{}",
            told.out,
            told.err
        );
        let list = folder.run(&["explain", word, "--output-format", "json"]);
        let list: Value = serde_json::from_str(&list.out).expect("JSON");
        for rule in list["rules"].as_array().expect("a list") {
            let name = rule["name"].as_str().expect("a name");
            assert!(told.out.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
            assert!(rule["page"].as_str().is_some_and(|page| page.starts_with("# ")), "{name}");
        }
    }
}

#[test]
fn rules_are_listed_for_people_and_programs() {
    let folder = Folder::new(&[]);
    let table = folder.run(&["rules"]);
    let list: Value = serde_json::from_str(&folder.run(&["rules", "--output-format", "json"]).out).expect("JSON");
    let names: Vec<&str> =
        list["rules"].as_array().expect("a list").iter().filter_map(|rule| rule["name"].as_str()).collect();
    assert_eq!(names.len(), asynclint::rules::RULES.len());
    for name in names {
        assert!(table.out.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
    }
}

/// Context managers and classes each of which enters all others, by ways without number, or itself.
#[test]
fn what_enters_itself_comes_to_an_end() {
    const EACH: usize = 6;
    let mut text = "from contextlib import asynccontextmanager\n".to_owned();
    for number in 0..EACH {
        text += &format!("@asynccontextmanager\nasync def m{number}():\n");
        (0..EACH).for_each(|it| text += &format!("    async with C{it}():\n        yield\n"));
        text += &format!("class C{number}:\n    async def __aenter__(self):\n");
        (0..EACH).for_each(|it| {
            text += &format!("        await m{it}().__aenter__()\n        await C{it}().__aenter__()\n")
        });
        text += "    async def __aexit__(self, *exc_info): ...\n";
    }
    text += "async def generator(lock):\n    async with m0():\n        yield\n    async with C0():\n        yield\n    with C1():\n        await lock\n";
    let folder = Folder::new(&[("a.py", &text)]);
    let ran = folder.run(&["check", "--output-format", "concise"]);
    // What only has `__aenter__` is entered with `with`.
    assert!(ran.status == Some(1) && ran.out.lines().count() == 1, "{}", ran.out);
}

#[test]
fn completions_know_the_commands() {
    let folder = Folder::new(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = folder.run(&["completions", shell]);
        assert_eq!(ran.status, Some(0));
        assert!(ran.out.contains("output-format"), "{shell}");
    }
}

#[test]
fn init_writes_what_check_reads_and_never_overwrites() {
    let folder = Folder::new(&[("a.py", "x = 1\n")]);
    assert_eq!(folder.run(&["init"]).status, Some(0));
    let configuration = folder.read("asynclint.toml");
    let hook = folder.read(".pre-commit-config.yaml");
    let ours = include_str!("../.pre-commit-hooks.yaml");
    if hook.contains("repo: local") {
        for line in
            ["entry: asynclint check --force-exclude", "types_or: [python, rust, jupyter]", "require_serial: true"]
        {
            assert!(hook.contains(line) && ours.contains(line), "{line}\n{hook}");
        }
    }
    assert!(hook.contains("id: asynclint"));
    let ran = folder.run(&["check", "-v"]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.err.contains("configuration: asynclint.toml"), "{}", ran.err);

    folder.write("asynclint.toml", "profile = \"strict\"\n");
    folder.write(".pre-commit-config.yaml", "repos: []\n");
    let ran = folder.run(&["init"]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.err.contains("stays as it is"), "{}", ran.err);
    assert_eq!(folder.read("asynclint.toml"), "profile = \"strict\"\n");
    assert_eq!(folder.read(".pre-commit-config.yaml"), "repos: []\n");

    // All that the comments offer is understood.
    let offered: String = configuration
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|it| it.starts_with('[') || it.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    folder.write("asynclint.toml", &offered);
    let ran = folder.run(&["check"]);
    assert_eq!((ran.status, ran.err.contains("unknown")), (Some(0), false), "{}{offered}", ran.err);
}
