//! A folder of sources and the program run in it.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod packages;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// Blocks the loop in line 5.
pub const SLEEPS: &str = "import time\n\n\nasync def f():\n    time.sleep(1)\n";

/// A folder that is gone when the test is over.
pub struct Folder {
    files: TempDir,
    cache: TempDir,
}

/// How a run ended.
pub struct Ran {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Folder {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = || tempfile::tempdir().expect("a folder for the test");
        let folder = Self { files: folder(), cache: folder() };
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    pub fn path(&self) -> &Path {
        self.files.path()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.files.path().join(path)
    }

    /// Where runs keep what they have found.
    pub fn cache(&self) -> &Path {
        self.cache.path()
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.at(path);
        std::fs::create_dir_all(file.parent().expect("a file has a folder")).expect("folders can be made");
        std::fs::write(file, text).expect("files can be written");
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asynclint"));
        command.current_dir(self.path()).args(arguments).env("ASYNCLINT_CACHE_DIR", self.cache());
        for name in
            ["VIRTUAL_ENV", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_HYPERLINK", "RUST_BACKTRACE", "COLUMNS"]
        {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    /// `check` with one line a finding: `(status, lines)`.
    pub fn check(&self, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
        let ran = self.run(&[&["check", "--output-format", "concise"], arguments].concat());
        (ran.status, ran.out.lines().map(str::to_owned).collect())
    }

    /// The rules that `check` reports, each with its file and line: `a.py:5 blocking-sleep`.
    pub fn found(&self, arguments: &[&str]) -> Vec<String> {
        let ran = self.run(&[&["check", "--output-format", "jsonl"], arguments].concat());
        let lines = ran.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let place = |finding: &serde_json::Value| {
            let location = &finding["location"];
            let (path, rule) = (location["path"].as_str(), finding["rule"].as_str());
            format!("{}:{} {}", path.expect("a path"), location["start"]["line"], rule.expect("a rule"))
        };
        lines.map(|finding| place(&finding)).collect()
    }
}

pub fn ran(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
