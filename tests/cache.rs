//! What runs keep for later ones: nothing that is found changes by it.

mod support;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use support::{Folder, Ran, SLEEPS};

const APP: &[(&str, &str)] = &[
    ("pyproject.toml", ""),
    ("app/__init__.py", ""),
    ("app/handlers.py", "from app.db import load\n\n\nasync def f():\n    load()\n"),
    ("app/db.py", "import time\n\n\ndef load():\n    time.sleep(1)\n"),
    ("app/quiet.py", "import time\n\n\nasync def f():\n    time.sleep(1)  # asynclint: ignore[blocking-sleep] once\n"),
    ("app/broken.py", "import asyncio\nasync def f(:\n"),
    ("app/bytes.py", "# -*- coding: nowhere -*-\nimport asyncio\n"),
];

fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.run(&[&["check", "--verbose", "--output-format", "full"], arguments].concat())
}

/// All of stderr but for what tells times and the cache.
fn told(ran: &Ran) -> String {
    let own = |line: &&str| !line.contains(" ms") && !line.contains("earlier run");
    ran.err.lines().filter(own).collect::<Vec<_>>().join("\n")
}

fn is_known(ran: &Ran) -> bool {
    ran.err.contains("1 of 1 groups of files is as in an earlier run")
}

fn entries(folder: &Folder) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.cache()).expect("the cache is a folder");
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries
}

#[test]
fn a_second_run_says_the_same() {
    let folder = Folder::new(APP);
    let (first, second) = (run(&folder, &[]), run(&folder, &[]));
    assert!(!is_known(&first) && is_known(&second), "{}{}", first.err, second.err);
    assert!(first.out.contains("time.sleep") && first.err.contains("does not parse"), "{}{}", first.out, first.err);
    assert_eq!((first.status, &first.out, told(&first)), (second.status, &second.out, told(&second)));
    for format in ["json", "sarif", "gitlab"] {
        let arguments = ["check", "--output-format", format, "--show-suppressed"];
        let without_times = |text: String| {
            let timed = |line: &&str| !["duration", "TimeUtc", "<testsuites"].iter().any(|it| line.contains(it));
            text.lines().filter(timed).collect::<Vec<_>>().join("\n")
        };
        let cold = folder.run(&[&arguments[..], &["--no-cache"]].concat()).out;
        assert_eq!(without_times(cold), without_times(folder.run(&arguments).out), "{format}");
    }
}

#[test]
fn a_change_anywhere_on_the_way_is_seen() {
    let folder = Folder::new(APP);
    assert!(run(&folder, &[]).out.contains("handlers.py"));
    folder.write("app/db.py", "import time\n\n\ndef load():\n    time.time( )\n");
    let second = run(&folder, &[]);
    assert!(!is_known(&second) && !second.out.contains("handlers.py"), "{}", second.out);
    // The same size, and another time.
    folder.write("app/db.py", APP[3].1);
    assert!(run(&folder, &[]).out.contains("handlers.py"));
    // A new file may answer an import that nothing answered before.
    folder.write("time.py", "def sleep(seconds): ...\n");
    assert!(!is_known(&run(&folder, &[])));
}

#[test]
fn a_file_that_is_merely_touched_has_not_changed() {
    let folder = Folder::new(APP);
    run(&folder, &[]);
    let file = std::fs::File::options().append(true).open(folder.at("app/db.py")).expect("it is there");
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("times can be set");
    assert!(is_known(&run(&folder, &[])));
}

/// Another text of the same length, at the time at which the file was changed before.
#[cfg(unix)]
fn rewrite(folder: &Folder, path: &str, from: &str, to: &str) {
    let text = folder.read(path);
    let changed = text.replace(from, to);
    assert!(changed.len() == text.len() && changed != text, "{path}");
    let before = std::fs::metadata(folder.at(path)).and_then(|it| it.modified()).expect("it is there");
    // As `mv other path` does.
    folder.write("beside", changed);
    std::fs::File::options()
        .append(true)
        .open(folder.at("beside"))
        .and_then(|it| it.set_modified(before))
        .expect("times can be set");
    std::fs::rename(folder.at("beside"), folder.at(path)).expect("it can be moved");
}

#[cfg(unix)]
#[test]
fn a_change_that_leaves_the_time_as_it_was_is_seen() {
    let folder = with_dependencies();
    let files = ["work/app.py", "tools/tool/inner.py", "work/.venv/lib/python3.12/site-packages/kit/disk.py"];
    for path in files {
        let file = std::fs::File::options().append(true).open(folder.at(path)).expect("it is there");
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("times can be set");
    }
    // Longer ago than what times cannot tell apart.
    std::thread::sleep(Duration::from_millis(2100));
    assert!(run_at_work(&folder, &[]).out.contains("kit/disk.py"));
    assert!(is_known(&run_at_work(&folder, &[])));
    for (path, from, to) in
        [(files[2], "open('x')", "opex('x')"), (files[1], "time.sleep(1)", "time.sleeq(1)"), (files[0], "load", "loaf")]
    {
        rewrite(&folder, path, from, to);
        let changed = run_at_work(&folder, &[]);
        assert!(!is_known(&changed), "{path}: {}", changed.err);
        assert_eq!(changed.out, run_at_work(&folder, &["--no-cache"]).out, "{path}");
    }
}

#[test]
fn sources_of_crates_that_come_later_are_found() {
    let lock = |source: &str| {
        format!(
            "version = 4\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"low\"]\n\
             [[package]]\nname = \"low\"\nversion = \"0.1.0\"\n{source}"
        )
    };
    let low = "[package]\nname = \"low\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let nap = "pub fn nap() {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}\n";
    for (source, dependency, at) in [
        (
            "source = \"git+https://h/o/rep?branch=main#0123456789abcdef\"\n",
            "low = { git = \"https://h/o/rep\" }",
            "home/git/checkouts/rep-1/0123456/low",
        ),
        ("source = \"registry+x\"\n", "low = \"0.1\"", "home/registry/src/index-1/low-0.1.0"),
        ("source = \"registry+x\"\n", "low = \"0.1\"", "work/vendor/low"),
        ("", "low = { path = \"../low\" }", "low"),
    ] {
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n{dependency}\n"
        );
        let folder = Folder::new(&[
            ("work/Cargo.toml", &manifest),
            ("work/Cargo.lock", &lock(source)),
            ("work/src/lib.rs", "pub async fn f() {\n    low::nap();\n}\n"),
            ("home/git/checkouts/rep-1/.keep", ""),
            ("home/registry/src/index-1/.keep", ""),
        ]);
        let run = || {
            let mut command = folder.command(&["check", "--verbose", "--output-format", "concise"]);
            command.current_dir(folder.at("work")).env("CARGO_HOME", folder.at("home"));
            support::ran(command)
        };
        let first = run();
        assert!(first.out.is_empty() || !first.out.contains("blocking-sleep"), "{at}: {}", first.out);
        assert!(is_known(&run()), "{at}");
        folder.write(&format!("{at}/src/lib.rs"), nap);
        folder.write(&format!("{at}/Cargo.toml"), low);
        let second = run();
        assert!(!is_known(&second) && second.out.contains("blocking-sleep"), "{at}: {}{}", second.out, second.err);
        assert!(is_known(&run()), "{at}");
    }
}

#[test]
fn settings_are_part_of_what_is_known() {
    let folder = Folder::new(APP);
    run(&folder, &[]);
    assert!(!is_known(&run(&folder, &["--select", "leaked-task"])));
    assert!(!is_known(&run(&folder, &["--ignore-suppressions"])));
    folder.write("asynclint.toml", "[rules]\nblocking-sleep = \"off\"\n");
    let off = run(&folder, &[]);
    assert!(!is_known(&off) && !off.out.contains("time.sleep"), "{}", off.out);
}

#[test]
fn a_damaged_entry_is_made_anew() {
    let folder = Folder::new(APP);
    let first = run(&folder, &[]);
    for damage in ["", "{}", "\u{0}\u{1}"] {
        entries(&folder).iter().for_each(|entry| std::fs::write(entry, damage).expect("it can be written"));
        assert_eq!(run(&folder, &[]).out, first.out);
        assert!(is_known(&run(&folder, &[])));
    }
    // One letter in the middle.
    for entry in entries(&folder) {
        let text = std::fs::read_to_string(&entry).expect("it can be read");
        std::fs::write(&entry, text.replacen("handlers", "handlerz", 1)).expect("it can be written");
    }
    let after = run(&folder, &[]);
    assert!(!is_known(&after) && after.out == first.out, "{}", after.out);
}

#[test]
fn runs_side_by_side_share_it() {
    let folder = Folder::new(APP);
    let outputs: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6).map(|_| scope.spawn(|| run(&folder, &[]).out)).collect();
        runs.into_iter().map(|run| run.join().expect("it ends")).collect()
    });
    assert!(outputs.iter().all(|output| *output == outputs[0] && !output.is_empty()));
    assert_eq!(entries(&folder).len(), 1);
}

#[test]
fn whoever_wants_none_has_none() {
    let folder = Folder::new(APP);
    assert!(!is_known(&run(&folder, &["--no-cache"])));
    assert_eq!(entries(&folder), Vec::<PathBuf>::new());
    let elsewhere = folder.at("kept here");
    let elsewhere = elsewhere.to_str().expect("a plain path");
    run(&folder, &["--cache-dir", elsewhere]);
    assert_eq!(entries(&folder), Vec::<PathBuf>::new());
    assert!(is_known(&run(&folder, &["--cache-dir", elsewhere])));
    // A cache that cannot be made is no reason to stop.
    folder.write("a file", "");
    assert_eq!(run(&folder, &["--cache-dir", "a file"]).status, Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_relative_place_for_caches_is_none() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    let mut command = folder.command(&["check"]);
    command.env_remove("ASYNCLINT_CACHE_DIR").env("XDG_CACHE_HOME", "kept").env("HOME", folder.cache());
    assert_eq!(support::ran(command).status, Some(1));
    assert!(!folder.at("kept").exists() && folder.cache().join(".cache/asynclint").is_dir());
}

#[test]
fn the_cache_can_be_found_and_cleared() {
    let folder = Folder::new(APP);
    run(&folder, &[]);
    std::fs::write(folder.cache().join("somebody's"), "").expect("it can be written");
    let path = folder.run(&["cache", "path"]);
    assert_eq!((path.status, path.out.trim_end()), (Some(0), folder.cache().to_str().expect("a plain path")));
    let cleared = folder.run(&["cache", "clear"]);
    assert_eq!(cleared.status, Some(0));
    assert!(cleared.err.contains("1 entry"), "{}", cleared.err);
    assert_eq!(entries(&folder), [folder.cache().join("somebody's")]);
    assert!(!is_known(&run(&folder, &[])));
}

/// A project with an environment, and in it a package that is installed and one that is worked on elsewhere.
fn with_dependencies() -> Folder {
    let folder = Folder::new(&[
        ("work/pyproject.toml", "[project]\nname = \"work\"\n"),
        ("work/app.py", "import kit\nimport tool\n\n\nasync def f():\n    kit.load()\n    tool.use()\n"),
        ("work/.venv/pyvenv.cfg", "home = nowhere\nversion = 3.12.1\n"),
        ("work/.venv/lib/python3.12/site-packages/kit/__init__.py", "from .disk import load\n"),
        ("work/.venv/lib/python3.12/site-packages/kit/disk.py", "def load():\n    open('x')\n"),
        ("tools/tool/__init__.py", "from tool.inner import use\n"),
        ("tools/tool/inner.py", "import time\n\n\ndef use():\n    time.sleep(1)\n"),
    ]);
    let tools = folder.at("tools");
    folder.write("work/.venv/lib/python3.12/site-packages/tools.pth", tools.to_str().expect("a plain path"));
    folder
}

fn run_at_work(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(&[&["check", "--verbose", "--output-format", "full"], arguments].concat());
    command.current_dir(folder.at("work")).env_remove("VIRTUAL_ENV");
    support::ran(command)
}

#[test]
fn what_dependencies_do_is_known_for_as_long_as_they_are_the_same() {
    let folder = with_dependencies();
    let (first, second) = (run_at_work(&folder, &[]), run_at_work(&folder, &[]));
    assert!(first.out.contains("kit/disk.py") && first.out.contains("tool/inner.py"), "{}", first.out);
    assert!(!is_known(&first) && is_known(&second), "{}", second.err);
    assert_eq!((&first.out, told(&first)), (&second.out, told(&second)));
    for (path, text) in [
        // Under development.
        ("tools/tool/inner.py", "import time\n\n\ndef use():\n    time.monotonic()\n"),
        // In place, under the same version.
        ("work/.venv/lib/python3.12/site-packages/kit/disk.py", "def load():\n    open('x'), open('y')\n"),
        // A module where there was none.
        ("tools/tool/inner/__init__.py", "def use():\n    open('x')\n"),
        ("work/.venv/lib/python3.12/site-packages/kit/disk/__init__.py", "def load(): ...\n"),
    ] {
        folder.write(path, text);
        let changed = run_at_work(&folder, &[]);
        assert!(!is_known(&changed), "{path}: {}", changed.err);
        let cold = run_at_work(&folder, &["--no-cache"]);
        assert_eq!((&changed.out, told(&changed)), (&cold.out, told(&cold)), "{path}");
        assert!(is_known(&run_at_work(&folder, &[])), "{path}");
    }
}

#[test]
fn what_python_writes_beside_its_modules_changes_nothing() {
    let folder = with_dependencies();
    run_at_work(&folder, &[]);
    folder.write("tools/tool/__pycache__/inner.cpython-312.pyc", "");
    folder.write("work/.venv/lib/python3.12/site-packages/kit/__pycache__/disk.cpython-312.pyc", "");
    assert!(is_known(&run_at_work(&folder, &[])));
}

#[test]
fn a_file_that_changes_while_it_is_checked_is_looked_at_again() {
    let folder = Folder::new(APP);
    run(&folder, &[]);
    // As old as can be told apart from the run, and not older.
    let file = std::fs::File::options().append(true).open(folder.at("app/db.py")).expect("it is there");
    let size = file.metadata().expect("it is there").len() as usize;
    let text = format!("{:<width$}", "import time\n\n\ndef load(): ...", width = size);
    folder.write("app/db.py", text);
    assert!(!run(&folder, &[]).out.contains("handlers.py"));
}
