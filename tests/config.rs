//! Settings as they govern whole runs of the program.

mod support;

use support::{Folder, SLEEPS};

const SLEEP: &str = "a.py:5 blocking-sleep";
const NONE: [&str; 0] = [];

#[test]
fn each_place_for_settings_is_read() {
    let places = [
        ("asynclint.toml", "ignore = ['blocking-sleep']\n"),
        ("pyproject.toml", "[tool.asynclint]\nignore = ['blocking-sleep']\n"),
        ("Cargo.toml", "[package.metadata.asynclint]\nignore = ['blocking-sleep']\n"),
        ("Cargo.toml", "[workspace.metadata.asynclint]\nignore = ['ASYNC251']\n"),
    ];
    for (name, text) in places {
        let folder = Folder::new(&[("a.py", SLEEPS), (name, text)]);
        assert_eq!(folder.found(&[]), NONE, "{text}");
        assert_eq!(folder.found(&["--isolated"]), [SLEEP], "{text}");
    }
}

#[test]
fn the_nearest_file_governs_alone() {
    let folder = Folder::new(&[
        ("asynclint.toml", "ignore = ['blocking-sleep']\n"),
        ("a.py", SLEEPS),
        ("sub/asynclint.toml", ""),
        ("sub/deep/a.py", SLEEPS),
        // A manifest without settings is passed over.
        ("other/pyproject.toml", "[project]\nname = 'asynclint-user'\n"),
        ("other/a.py", SLEEPS),
    ]);
    assert_eq!(folder.found(&[]), ["sub/deep/a.py:5 blocking-sleep"]);
    assert_eq!(folder.found(&["--config", "asynclint.toml"]), NONE);
    assert_eq!(folder.found(&["sub/deep"]), ["sub/deep/a.py:5 blocking-sleep"]);
}

#[test]
fn what_the_command_line_names_holds_over_the_configuration() {
    let folder =
        Folder::new(&[("a.py", SLEEPS), ("asynclint.toml", "profile = 'strict'\n[rules]\nblocking-sleep = 'off'\n")]);
    assert_eq!(folder.found(&[]), NONE);
    assert_eq!(folder.found(&["--select", "blocking"]), [SLEEP]);
    assert_eq!(folder.found(&["--extend-select", "blocking-sleep"]), [SLEEP]);
    assert_eq!(folder.found(&["--profile", "recommended"]), NONE);
}

#[test]
fn levels_decide_whether_the_run_fails() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("asynclint.toml", "[rules]\nblocking-sleep = 'note'\n")]);
    let (status, lines) = folder.check(&[]);
    assert_eq!(status, Some(0));
    assert!(lines[0].contains(": note: "), "{lines:?}");
    folder.write("asynclint.toml", "[rules]\nblocking-sleep = 'warn'\n");
    let (status, lines) = folder.check(&[]);
    assert_eq!(status, Some(1));
    assert!(lines[0].contains(": warning: "), "{lines:?}");
}

#[test]
fn overrides_hold_for_their_files() {
    let folder = Folder::new(&[
        ("a.py", SLEEPS),
        ("tests/test_a.py", SLEEPS),
        ("tests/slow/test_b.py", SLEEPS),
        (
            "asynclint.toml",
            "[[overrides]]\npaths = ['tests/']\nignore = ['blocking']\n\n\
             [[overrides]]\npaths = ['/tests/slow/**']\nrules = { blocking-sleep = 'error' }\n",
        ),
    ]);
    assert_eq!(folder.found(&[]), [SLEEP, "tests/slow/test_b.py:5 blocking-sleep"]);
}

#[test]
fn a_later_override_holds_over_an_earlier_one() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b.py", SLEEPS)]);
    let overrides = |later: &str| {
        folder.write(
            "asynclint.toml",
            format!(
                "[[overrides]]\npaths = ['*.py']\nignore = ['blocking']\n\n[[overrides]]\npaths = ['a.py']\n{later}\n"
            ),
        );
        folder.found(&[])
    };
    for later in ["select = ['blocking-sleep']", "extend-select = ['blocking']", "rules = { blocking-sleep = 'warn' }"]
    {
        assert_eq!(overrides(later), [SLEEP], "{later}");
    }
    for later in ["select = ['leaked-task']", "rules = { blocking = 'warn' }", "profile = 'strict'"] {
        assert_eq!(overrides(later), NONE, "{later}");
    }
}

#[test]
fn a_level_turns_on_no_more_than_the_rule_it_names() {
    let text = "import os\n\n\nasync def f():\n    os.stat('a')\n";
    let found = |settings: &str| Folder::new(&[("a.py", text), ("asynclint.toml", settings)]).found(&[]);
    for settings in ["", "[rules]\nblocking = 'warn'\n", "[rules]\nall = 'note'\n"] {
        assert_eq!(found(settings), NONE, "{settings}");
    }
    assert_eq!(found("[rules]\nblocking-path = 'warn'\n"), ["a.py:5 blocking-path"]);
    assert_eq!(found("[rules]\nblocking-path = 'warn'\nblocking = 'off'\n"), ["a.py:5 blocking-path"]);
    // What is selected is the whole list, and a level beside it is told to do nothing.
    let settings = "select = ['blocking-sleep']\n[rules]\nblocking-path = 'warn'\n";
    let folder = Folder::new(&[("a.py", text), ("asynclint.toml", settings)]);
    let ran = folder.run(&["check"]);
    assert_eq!(ran.status, Some(0));
    let told =
        "asynclint.toml:2: the level of `blocking-path` does nothing, since `select` leaves it out; add it there";
    assert_eq!(ran.err, format!("warning: {told}\n"));
}

#[test]
fn patterns_hold_from_wherever_the_run_starts() {
    for (exclude, paths) in [("b/gen/", "/b/c.py"), ("/b/gen/", "b/*.py"), ("b/gen/*.py", "b/c.py")] {
        let folder = Folder::new(&[("b/c.py", SLEEPS), ("b/gen/g.py", SLEEPS)]);
        folder.write(
            "asynclint.toml",
            format!("exclude = ['{exclude}']\n[[overrides]]\npaths = ['{paths}']\nignore = ['blocking']\n"),
        );
        assert_eq!(folder.found(&[]), NONE);
        for given in [&[][..], &["."], &["./."], &["../b"], &["./c.py"], &["-", "--stdin-filename", "./c.py"]] {
            let mut command = folder.command(&[&["check"], given].concat());
            command.current_dir(folder.at("b")).write_stdin(SLEEPS);
            let ran = support::ran(command);
            assert_eq!((ran.status, &*ran.err), (Some(0), ""), "{exclude} {paths} {given:?}{}", ran.out);
        }
    }
}

#[test]
fn excluded_files_are_left_out_of_the_walk() {
    let folder = Folder::new(&[
        ("a.py", SLEEPS),
        ("gen/b.py", SLEEPS),
        ("src/c_pb2.py", SLEEPS),
        ("asynclint.toml", "exclude = ['/gen', '*_pb2.py']\n"),
    ]);
    assert_eq!(folder.found(&[]), [SLEEP]);
    assert_eq!(folder.found(&["src/c_pb2.py"]), ["src/c_pb2.py:5 blocking-sleep"]);
}

#[test]
fn projects_tell_what_their_functions_do() {
    let text = "import vendored\n\n\nasync def f():\n    vendored.fetch()\n    open('x')\n";
    let folder = Folder::new(&[("a.py", text)]);
    assert_eq!(folder.found(&[]), ["a.py:6 blocking-file"]);
    folder.write(
        "asynclint.toml",
        "[[api]]\npath = 'vendored.fetch'\neffect = 'blocks'\nkind = 'network'\ndoes = 'asks the oracle'\n\
         instead = '`vendored.fetch_async`'\n\n[[api]]\npath = 'open'\neffect = 'none'\n",
    );
    assert_eq!(folder.found(&[]), ["a.py:5 blocking-network"]);
    let ran = folder.run(&["check"]);
    assert!(ran.out.contains("asks the oracle") && ran.out.contains("vendored.fetch_async"), "{}", ran.out);
}

#[test]
fn projects_tell_what_their_types_are() {
    let text = "import asyncio\nfrom vendored import FileLock\n\n\nasync def f():\n    with FileLock():\n        \
                await asyncio.sleep(1)\n";
    let folder = Folder::new(&[("a.py", text)]);
    assert_eq!(folder.found(&[]), NONE);
    folder.write("asynclint.toml", "[[type]]\npath = 'vendored.FileLock'\nguard = 'thread-lock'\n");
    assert_eq!(folder.found(&[]), ["a.py:6 lock-across-await"]);
}

#[test]
fn mistakes_name_the_line_and_what_is_meant() {
    let mistakes = [
        ("slect = ['blocking']\n", "asynclint.toml:1: unknown key `slect`; did you mean `select`?"),
        (
            "\nmin_confidence = 'likely'\n",
            "asynclint.toml:2: unknown key `min_confidence`; did you mean `min-confidence`?",
        ),
        (
            "profile = 'strickt'\n",
            "asynclint.toml:1: `profile` is one of `recommended`, `strict`, `all`, not `strickt`",
        ),
        ("select = 'blocking'\n", "asynclint.toml:1: `select` is a list of strings, not a string"),
        ("[rules]\nblocking-sleep = 3\n", "asynclint.toml:2: `blocking-sleep` is a string, not a number"),
        ("max-file-size = '4 parsecs'\n", "asynclint.toml:1: `max-file-size` is a number of bytes or a size"),
        ("[[overrides]]\nignore = ['blocking']\n", "asynclint.toml:1: an override needs `paths`"),
        ("exclude = ['a{b']\n", "asynclint.toml:1: `a{b` is not a pattern"),
        ("[[api]]\npath = 'x.y'\neffect = 'blocks'\n", "asynclint.toml:1: `effect = \"blocks\"` needs `kind`"),
        ("[[api]]\npath = 'x.y'\n", "asynclint.toml:1: an `[[api]]` entry says what the function does, by one of"),
        (
            "select = ['leaked-task', 'blocking-slep']\n",
            "asynclint.toml:1: no rule, category or alias is called `blocking-slep`; did you mean `blocking-sleep`?",
        ),
        ("[[api]]\npath = ''\neffect = 'none'\n", "asynclint.toml:2: `path` is a name as code writes it,"),
        ("[[type]]\npath = 'a b/c'\nrole = 'task'\n", "asynclint.toml:2: `path` is a name as code writes it,"),
        ("[[type]]\npath = 'x.Y'\nguard = 'dog'\n", "asynclint.toml:3: `guard` is one of `thread-lock`,"),
        ("profile = \n", "asynclint.toml:1: "),
    ];
    for (text, message) in mistakes {
        let folder = Folder::new(&[("a.py", SLEEPS), ("asynclint.toml", text)]);
        let ran = folder.run(&["check"]);
        assert_eq!((ran.status, &*ran.out), (Some(2), ""), "{text}");
        assert!(ran.err.starts_with(&format!("error: {message}")) && ran.err.lines().count() == 1, "{}", ran.err);
    }
    let folder = Folder::new(&[("a.py", SLEEPS), ("pyproject.toml", "")]);
    assert_eq!(
        folder.run(&["check", "--config", "pyproject.toml"]).err,
        "error: pyproject.toml: has no settings for asynclint\n"
    );
    assert_eq!(folder.run(&["check", "--config", "none.toml"]).status, Some(2));
    folder.write("pyproject.toml", "[tool]\nasynclint = 3\n");
    assert_eq!(folder.run(&["check"]).err, "error: pyproject.toml:2: `tool.asynclint` is a table, not a number\n");
}

/// What never ends, or waits for somebody to write to it, is not read.
#[cfg(unix)]
#[test]
fn only_regular_files_are_read_for_settings() {
    let pipe = |path: &std::path::Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
        assert!(made.success());
    };
    let endless = |path: &std::path::Path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link");
    for make in [&pipe as &dyn Fn(&std::path::Path), &endless] {
        let folder = Folder::new(&[("a.py", SLEEPS), ("sub/b.py", SLEEPS)]);
        std::fs::create_dir(folder.at(".venv")).expect("a folder");
        for name in
            ["pyproject.toml", "Cargo.toml", "setup.cfg", "Cargo.lock", ".venv/pyvenv.cfg", ".gitignore", "sub/.ignore"]
        {
            make(&folder.at(name));
        }
        assert_eq!(folder.found(&[]), [SLEEP, "sub/b.py:5 blocking-sleep"]);
        assert_eq!(folder.found(&["sub"]), ["sub/b.py:5 blocking-sleep"]);
        make(&folder.at("asynclint.toml"));
        let wrong = |arguments: &[&str], told: &str| {
            let ran = folder.run(&[&["check"], arguments].concat());
            assert_eq!((ran.status, &*ran.err), (Some(2), told), "{arguments:?}");
        };
        wrong(&[], "error: asynclint.toml: cannot be read: it is no regular file\n");
        wrong(&["--config", "pyproject.toml"], "error: pyproject.toml: cannot be read: it is no regular file\n");
        let known = ["--isolated", "--baseline", "Cargo.toml"];
        wrong(&known, "error: `Cargo.toml` cannot be read: it is no regular file\n");
    }
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    std::fs::File::create(folder.at("asynclint.toml")).and_then(|it| it.set_len(1 << 30)).expect("a file with holes");
    assert_eq!(folder.run(&["check"]).err, "error: asynclint.toml: cannot be read: it is larger than 16 MiB\n");
}

#[test]
fn settings_that_do_nothing_are_told() {
    let folder = Folder::new(&[
        ("a.py", SLEEPS),
        ("asynclint.toml", "ignore = ['blocking-slep']\n\n[[overrides]]\npaths = ['test/']\nignore = ['blocking']\n"),
        ("pyproject.toml", "[tool.asynclint]\n"),
    ]);
    let ran = folder.run(&["check"]);
    assert_eq!(ran.status, Some(1));
    let told = [
        "asynclint.toml:1: no rule, category or alias is called `blocking-slep`; did you mean `blocking-sleep`?",
        "asynclint.toml:3: the override for `test/` matches no file",
        "pyproject.toml: its settings do nothing: `asynclint.toml` beside it comes first",
    ];
    for line in told {
        assert!(ran.err.contains(&format!("warning: {line}\n")), "{line}\n{}", ran.err);
    }
    assert_eq!(folder.run(&["check", "--quiet"]).err, "");
    // A part of the project says nothing about the rest.
    assert!(!folder.run(&["check", "a.py"]).err.contains("matches no file"));
}

#[test]
fn the_schema_accepts_what_the_program_accepts() {
    let folder = Folder::new(&[("a.py", "x = 1\n")]);
    let schema: serde_json::Value = serde_json::from_str(&folder.run(&["schema"]).out).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let good = [
        "",
        "profile = 'strict'\nselect = ['blocking', 'ASYNC2', 'RUF006', 'all', 'clippy']\nmax-file-size = '4 MiB'\n",
        "[rules]\nleaked-task = 'off'\nASYNC251 = 'error'\n[[overrides]]\npaths = ['a.py']\nprofile = 'all'\n",
        "[[api]]\npath = 'a.b'\neffect = 'none'\n[[api]]\npath = 'a.d'\nasync = true\n[[api]]\npath = 'a.c'\neffect = 'blocks'\nkind = 'cpu'\nasync = true\n",
    ];
    let bad = [
        "profil = 'strict'\n",
        "profile = 'lax'\n",
        "max-file-size = 'big'\n",
        "[rules]\nleaked-task = 'loud'\n",
        "[[overrides]]\nprofile = 'all'\n",
        "[[api]]\npath = 'a.b'\neffect = 'blocks'\n",
        "[[api]]\npath = 'a.b'\neffect = 'spawns'\nkind = 'cpu'\n",
        "[[api]]\npath = 'a.b'\nasync = true\nkind = 'cpu'\n",
        "[[api]]\npath = 'a.b'\n",
    ];
    for (text, is_good) in good.iter().map(|it| (it, true)).chain(bad.iter().map(|it| (it, false))) {
        let value: serde_json::Value = toml::from_str(text).expect("TOML");
        assert_eq!(validator.is_valid(&value), is_good, "{text}");
        folder.write("asynclint.toml", text);
        let ran = folder.run(&["check"]);
        assert_eq!(ran.status, Some(if is_good { 0 } else { 2 }), "{text}{}", ran.err);
    }
}

#[test]
fn the_settings_that_rule_pages_show_are_settings() {
    let mut shown = 0;
    for rule in asynclint::rules::RULES {
        for text in rule.page.split("\n```toml\n").skip(1) {
            let text = text.split("\n```").next().expect("a fence ends");
            let config = asynclint::config::of_text(text, rule.name, std::path::Path::new(""));
            let config = config.unwrap_or_else(|errors| panic!("{errors:?}"));
            assert_eq!(config.warnings, [], "{}", rule.name);
            shown += 1;
        }
    }
    assert!(shown > 0, "no page shows settings");
}

/// Reported where the oldest supported Python has `asyncio.timeout`.
const WAITS: &str = "import asyncio\n\n\nasync def f(g):\n    await asyncio.wait_for(g(), 1)\n";

#[test]
fn the_oldest_python_is_what_the_nearest_manifest_requires() {
    let reported = ["a.py:5 wait-for"];
    let silent = NONE.as_slice();
    let cases: [(&str, &str, &[&str]); 8] = [
        ("pyproject.toml", "[project]\nname = 'a'\n", &reported),
        ("pyproject.toml", "[project]\nrequires-python = '>=3.11,<4'\n", &reported),
        ("pyproject.toml", "[project]\nrequires-python = '>=3.10'\n", silent),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.9'\n", silent),
        ("pyproject.toml", "[project]\nrequires-python = 'three'\n", &reported),
        ("pyproject.toml", "[project\n", &reported),
        ("setup.cfg", "[options]\npython_requires = >=3.8\n", silent),
        ("setup.cfg", "[metadata]\nname = a\n", &reported),
    ];
    for (name, text, expected) in cases {
        let folder = Folder::new(&[("a.py", WAITS), (name, text)]);
        assert_eq!(folder.found(&["--select", "wait-for"]), expected, "{text}");
        // What is said of the version itself holds over the manifest.
        assert_eq!(folder.found(&["--select", "wait-for", "--target-python", "3.12"]), reported, "{text}");
        folder.write("asynclint.toml", "target-python = '3.9'\n");
        assert_eq!(folder.found(&["--select", "wait-for"]), NONE, "{text}");
    }
}

#[test]
fn each_file_has_the_python_of_its_own_project() {
    let folder = Folder::new(&[
        ("pyproject.toml", "[project]\nrequires-python = '>=3.9'\n"),
        ("a.py", WAITS),
        ("new/pyproject.toml", "[project]\nrequires-python = '>=3.12'\n"),
        ("new/src/a.py", WAITS),
        // One that does not say leaves it to the one further up.
        ("plain/pyproject.toml", "[tool.black]\n"),
        ("plain/a.py", WAITS),
        ("asynclint.toml", "extend-select = ['wait-for']\n"),
    ]);
    assert_eq!(folder.found(&[]), ["new/src/a.py:5 wait-for"]);
    assert_eq!(folder.found(&["plain/a.py"]), NONE);
    let mut piped = folder.command(&["check", "--output-format", "concise", "--stdin-filename", "new/b.py", "-"]);
    let output = piped.write_stdin(WAITS).output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("wait-for").count(), 1);
}
