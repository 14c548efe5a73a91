//! `--watch`: the program stays, and checks again when a file changes.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use support::{Folder, SLEEPS};

/// For slow machines; nothing here waits as long otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program at work, ended with the test.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_asynclint"))
            .current_dir(folder.path())
            .env("ASYNCLINT_CACHE_DIR", folder.cache())
            .args(["check", "--watch", "--output-format", "concise"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, lines) = channel();
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("a pipe")), Box::new(child.stderr.take().expect("a pipe"))];
        for pipe in pipes {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Self { child, lines }
    }

    /// Waits for a line with this in it, and for the end of the run, and gives all that is said. The one is on stdout
    /// and the other on stderr, so either may come first.
    fn says(&self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut seen: Vec<String> = Vec::new();
        let (mut said, mut ended) = (false, false);
        while !(said && ended) {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no `{part}` in {seen:#?}"));
            said |= line.contains(part);
            ended |= line.starts_with("watching");
            seen.push(line);
        }
        // What is on stdout may come a moment after the end.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(300)) {
            seen.push(line);
        }
        seen.join("\n")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_changes_is_checked_again() {
    let folder = Folder::new(&[("pyproject.toml", "[project]\nname = 'a'\n"), ("app/a.py", SLEEPS)]);
    let watching = Watching::start(&folder, &["app"]);
    watching.says("app/a.py:5:");
    folder.write("app/new.py", SLEEPS);
    watching.says("app/new.py:5:");
    // Settings above the folder that is asked for, first wrong and then right again.
    folder.write("asynclint.toml", "profile = 'lax'\n");
    watching.says("`profile` is one of");
    folder.write("asynclint.toml", "[rules]\nblocking-sleep = 'note'\n");
    watching.says("app/a.py:5:5: note");
    std::fs::remove_file(folder.at("app/new.py")).expect("it is there");
    folder.write("app/a.py", "import time\n\n\nasync def f():\n    x = 1\n    time.sleep(1)\n");
    watching.says("app/a.py:6:5: note");
}

/// A call in `far` blocks through `near` and `deep`.
const CHAIN: [(&str, &str); 4] = [
    ("pyproject.toml", "[project]\nname = 'a'\n"),
    ("app/far.py", "from near import near\n\n\nasync def far():\n    near()\n"),
    ("app/near.py", "from deep import deep\n\n\ndef near():\n    deep()\n"),
    ("app/deep.py", "import time\n\n\ndef deep():\n    time.sleep(1)\n"),
];

#[test]
fn what_a_change_does_to_other_files_is_seen() {
    let folder = Folder::new(&CHAIN);
    let watching = Watching::start(&folder, &["--verbose", "."]);
    watching.says("app/far.py:5:5: error: this call blocks");
    folder.write("app/deep.py", "import time\n\n\ndef deep():\n    return time\n");
    assert!(!watching.says("changed: 1; found something else in: 1").contains("app/far.py:5:5"));
    folder.write("app/deep.py", CHAIN[3].1);
    watching.says("app/far.py:5:5: error: this call blocks");
    // Its lines have moved, and it is of no async code itself.
    folder.write("app/near.py", "# new\nfrom deep import deep\n\n\ndef near():\n    deep()\n");
    assert!(watching.says("changed: 1; found something else in: 1").contains("app/far.py:5:5"));
    std::fs::remove_file(folder.at("app/deep.py")).expect("it is there");
    assert!(!watching.says("checked 2 files").contains("app/far.py:5:5"));
    folder.write("app/deep.py", CHAIN[3].1);
    assert!(watching.says("checked 3 files").contains("app/far.py:5:5"));
    // A folder that is moved as a whole.
    std::fs::rename(folder.at("app"), folder.at("moved")).expect("it can be moved");
    assert!(watching.says("moved/far.py:5:5").contains("checked 3 files"));
    folder.write("asynclint.toml", "[rules]\nblocking-sleep = 'off'\n");
    assert!(!watching.says("configuration: asynclint.toml").contains("far.py:5:5"));
}

#[test]
fn what_is_followed_is_looked_at_wherever_it_lies() {
    let site = "work/.venv/lib/python3.12/site-packages";
    let quiet = "def load(): ...\n\n\ndef use(): ...\n";
    let slow = |name: &str| quiet.replace(&format!("def {name}(): ..."), &format!("def {name}():\n    open('x')"));
    let folder = Folder::new(&[
        ("work/pyproject.toml", "[project]\nname = 'work'\n"),
        ("work/app.py", "import kit\nimport tool.later\n\n\nasync def f():\n    kit.load()\n    tool.later.use()\n"),
        ("work/.venv/pyvenv.cfg", "home = nowhere\nversion = 3.12.1\n"),
        (&format!("{site}/kit/__init__.py"), quiet),
        (&format!("{site}/tools.pth"), "../../../../../edit/src\n"),
        ("edit/src/tool/__init__.py", ""),
        ("edit/src/tool/later.py", quiet),
    ]);
    let watching = Watching::start(&folder, &["work"]);
    assert!(!watching.says("watching").contains("app.py"));
    folder.write("edit/src/tool/later.py", slow("use"));
    watching.says("work/app.py:7:5: error");
    folder.write(&format!("{site}/kit/__init__.py"), slow("load"));
    watching.says("work/app.py:6:5: error");
    // Settings above the folder that is watched.
    folder.write("asynclint.toml", "[rules]\nblocking-file = 'note'\n");
    watching.says("work/app.py:6:5: note");
    std::fs::remove_file(folder.at("edit/src/tool/later.py")).expect("it is there");
    assert!(!watching.says("work/app.py:6:5: note").contains("app.py:7"));
}

#[test]
fn a_file_that_cannot_be_read_is_told_until_it_can_be() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b.py", "import asyncio\n")]);
    let watching = Watching::start(&folder, &["."]);
    watching.says("a.py:5:");
    folder.write("b.py", "# -*- coding: nowhere -*-\nimport asyncio\n");
    watching.says("b.py:1: ");
    folder.write("a.py", "import asyncio\nasync def f(:\n");
    let said = watching.says("a.py:2: does not parse");
    assert!(said.contains("b.py:1: "), "{said}");
    folder.write("b.py", "import asyncio\n");
    assert!(!watching.says("a.py:2: does not parse").contains("b.py"));
}

#[test]
fn what_cannot_be_watched_is_told() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    for arguments in
        [["check", "--watch", "--stdin-filename", "a.py", "-"].as_slice(), &["check", "--watch", "none.py"]]
    {
        let ran = folder.run(arguments);
        assert_eq!((ran.status, &*ran.out), (Some(2), ""), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}
