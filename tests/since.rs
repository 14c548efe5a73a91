//! `--since`: only what is new since a git revision.

mod support;

use std::process::Command;

use support::{Folder, SLEEPS};

const NONE: [&str; 0] = [];

/// Runs git in the folder, whatever the settings of the machine are.
fn git(folder: &Folder, arguments: &[&str]) {
    let who = ["user.name=a", "user.email=a@example.invalid", "commit.gpgsign=false", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.current_dir(folder.path()).env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("GIT_WORK_TREE");
    for it in who {
        command.args(["-c", it]);
    }
    let output = command.args(arguments).output().expect("git is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn committed(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(files);
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--message", "first"]);
    folder
}

/// A program in the folder that leaves a file `ran` there.
#[cfg(unix)]
fn program(folder: &Folder) -> String {
    let (file, ran) = (folder.at("program"), folder.at("ran"));
    folder.write("program", format!("#!/bin/sh\ntouch '{}'\n", ran.display()));
    let mut permissions = std::fs::metadata(&file).expect("just written").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&file, permissions).expect("own file");
    file.to_string_lossy().into_owned()
}

#[test]
fn only_changed_lines_have_findings() {
    let folder = committed(&[("a.py", SLEEPS), ("sub/b.py", SLEEPS)]);
    assert_eq!(folder.found(&["--since", "HEAD"]), NONE);
    assert_eq!(folder.check(&["--since", "HEAD"]).0, Some(0));
    // What stands above moves the rest, and makes nothing of it new.
    folder.write("a.py", format!("# moved\n{SLEEPS}\n\nasync def g():\n    time.sleep(2)\n"));
    assert_eq!(folder.found(&["--since", "HEAD"]), ["a.py:10 blocking-sleep"]);
    assert_eq!(folder.check(&["--since", "HEAD"]).0, Some(1));
    git(&folder, &["commit", "--quiet", "--all", "--message", "second"]);
    assert_eq!(folder.found(&["--since", "HEAD"]), NONE);
    assert_eq!(folder.found(&["--since", "HEAD~1", "sub", "a.py"]), ["a.py:10 blocking-sleep"]);
    assert_eq!(folder.found(&[]).len(), 3);
}

#[test]
fn new_files_are_new_and_renamed_ones_are_not() {
    let folder = committed(&[("a.py", SLEEPS), (".gitignore", "ignored.py\n")]);
    folder.write("untracked ä.py", SLEEPS);
    folder.write("staged.py", SLEEPS);
    folder.write("ignored.py", SLEEPS);
    git(&folder, &["add", "staged.py"]);
    git(&folder, &["mv", "a.py", "b.py"]);
    let new = ["staged.py:5 blocking-sleep", "untracked ä.py:5 blocking-sleep"];
    assert_eq!(folder.found(&["--since", "HEAD"]), new);
    assert_eq!(folder.found(&["--since", "HEAD", "ignored.py"]), ["ignored.py:5 blocking-sleep"]);
}

#[test]
fn a_finding_is_new_where_its_evidence_is() {
    let views = "from app.files import load\n\n\nasync def view():\n    return load()\n";
    let files = "def load():\n    return ''\n";
    let folder = committed(&[("app/__init__.py", ""), ("app/views.py", views), ("app/files.py", files)]);
    folder.write("app/files.py", "def load():\n    return open('a').read()\n");
    assert_eq!(folder.found(&["--since", "HEAD"]), ["app/views.py:5 blocking-file"]);
    // The evidence lies in a file that is not asked for.
    assert_eq!(folder.found(&["--since", "HEAD", "app/views.py"]), ["app/views.py:5 blocking-file"]);
    assert_eq!(folder.found(&["--since", "HEAD", "app/files.py"]), NONE);
}

#[test]
fn a_folder_below_the_repository_is_enough() {
    let folder = committed(&[("deep/er/a.py", SLEEPS)]);
    folder.write("deep/er/a.py", format!("{SLEEPS}    time.sleep(2)\n"));
    let mut command = folder.command(&["check", "--output-format", "concise", "--since", "main", "."]);
    let ran = support::ran({
        command.current_dir(folder.at("deep/er"));
        command
    });
    assert!(ran.out.starts_with("a.py:6:") && ran.out.lines().count() == 1, "{}{}", ran.out, ran.err);
}

#[test]
fn what_cannot_be_compared_is_told() {
    let folder = committed(&[("a.py", SLEEPS)]);
    let ran = folder.run(&["check", "--since", "nowhere"]);
    assert_eq!((ran.status, &*ran.out), (Some(2), ""));
    assert!(ran.err.starts_with("error: --since: git knows no commit `nowhere` in "), "{}", ran.err);
    // Not an option of git's.
    assert_eq!(folder.run(&["check", "--since=--output=x"]).status, Some(2));
    assert!(!folder.at("x").exists());
    assert_eq!(folder.run(&["check", "--since", "HEAD", "--fix"]).status, Some(2));
    let mut piped = folder.command(&["check", "--since", "HEAD", "--stdin-filename", "a.py", "-"]);
    assert_eq!(piped.write_stdin(SLEEPS).output().expect("the program starts").status.code(), Some(2));
    let outside = Folder::new(&[("a.py", SLEEPS)]);
    let ran = outside.run(&["check", "--since", "HEAD"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("`a.py` is in no git repository"), "{}", ran.err);
}

/// A hook runs with variables that tell of its own repository.
#[test]
fn the_repository_of_a_file_is_asked() {
    let folder = committed(&[("a.py", SLEEPS)]);
    folder.write("a.py", format!("{SLEEPS}    time.sleep(2)\n"));
    let other = committed(&[("c.py", SLEEPS)]);
    let mut command = folder.command(&["check", "--output-format", "concise", "--since", "HEAD"]);
    for (name, path) in [("GIT_DIR", ".git"), ("GIT_INDEX_FILE", ".git/index"), ("GIT_WORK_TREE", "")] {
        command.env(name, other.at(path));
    }
    let ran = support::ran(command);
    assert!(ran.out.starts_with("a.py:6:") && ran.out.lines().count() == 1, "{}{}", ran.out, ran.err);
}

#[test]
fn line_ends_on_disk_are_not_new() {
    let folder = committed(&[("a.py", SLEEPS), (".gitattributes", "*.py text\n")]);
    folder.write("a.py", SLEEPS.replace('\n', "\r\n"));
    assert_eq!(folder.found(&["--since", "HEAD"]), NONE);
}

#[test]
fn of_notebooks_the_code_is_compared() {
    let notebook = |second: &str, count: &str| {
        format!(
            r#"{{"cells": [
            {{"cell_type": "code", "execution_count": {count}, "source": ["import time\n", "async def f():\n", "    time.sleep(1)"]}},
            {{"cell_type": "code", "execution_count": {count}, "source": ["async def g():\n", "    time.sleep({second})"]}}],
            "metadata": {{}}, "nbformat": 4}}"#
        )
    };
    let folder = committed(&[("a.ipynb", &notebook("1", "null"))]);
    folder.write("a.ipynb", notebook("1", "7"));
    assert_eq!(folder.found(&["--since", "HEAD"]), NONE);
    folder.write("a.ipynb", notebook("2", "8"));
    let (_, lines) = folder.check(&["--since", "HEAD"]);
    assert!(lines.len() == 1 && lines[0].starts_with("a.ipynb:cell 2:2:5: "), "{lines:?}");
}

/// A clone without contents would fetch them, by a program that it names.
#[cfg(unix)]
#[test]
fn nothing_is_fetched() {
    let far = committed(&[("a.py", SLEEPS)]);
    git(&far, &["config", "uploadpack.allowFilter", "true"]);
    far.write("a.py", format!("{SLEEPS}    time.sleep(2)\n"));
    git(&far, &["commit", "--quiet", "--all", "--message", "second"]);
    let near = Folder::new(&[]);
    let from = format!("file://{}", far.path().display());
    git(&near, &["clone", "--quiet", "--filter=blob:none", &from, "."]);
    git(&near, &["config", "remote.origin.uploadpack", &program(&near)]);
    assert_eq!(near.check(&["--since", "HEAD"]).0, Some(0));
    let ran = near.run(&["check", "--since", "HEAD~1"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("git has not all files of `HEAD~1`") && !near.at("ran").exists(), "{}", ran.err);
}

/// Settings of the repository that name programs are not followed.
#[cfg(unix)]
#[test]
fn no_program_of_the_repository_is_run() {
    let folder = committed(&[("a.py", SLEEPS), (".gitattributes", "*.py diff=own filter=own\n"), ("b.py", SLEEPS)]);
    let path = program(&folder);
    let settings = ["diff.external", "diff.own.command", "diff.own.textconv", "core.fsmonitor", "filter.own.clean"];
    for key in settings.into_iter().chain(["filter.own.smudge", "filter.own.process", "core.pager", "core.sshCommand"])
    {
        git(&folder, &["config", key, &path]);
    }
    git(&folder, &["config", "core.hooksPath", &folder.path().to_string_lossy()]);
    std::fs::copy(folder.at("program"), folder.at("post-index-change")).expect("a hook");
    // Files that look changed have git ask the filters.
    folder.write("b.py", SLEEPS);
    folder.write("a.py", format!("{SLEEPS}    time.sleep(2)\n"));
    assert_eq!(folder.found(&["--since", "HEAD"]), ["a.py:6 blocking-sleep"]);
    assert!(!folder.at("ran").exists());
}
