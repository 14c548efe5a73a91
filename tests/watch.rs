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

    /// Waits for a line with this in it, and for the end of the run. The one is on stdout and the other on stderr, so
    /// either may come first.
    fn says(&self, part: &str) {
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
