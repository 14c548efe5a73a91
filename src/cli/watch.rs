//! `--watch`: checks again whenever something changes that the answer may hang on, until it is interrupted.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::event::{Event, EventKind};
use notify::{RecursiveMode, Watcher};

use super::arguments::Check;
use super::{Failure, Status, output};
use crate::discover::{Kind, is_below_skipped, plain_path, project_root};

/// Editors write a file in several steps, and tools write several files.
const QUIET: Duration = Duration::from_millis(100);

/// Files that decide what is checked, and how.
const SETTINGS: [&str; 7] =
    ["asynclint.toml", "pyproject.toml", "setup.cfg", "Cargo.toml", "Cargo.lock", ".gitignore", ".ignore"];

/// Runs the check, and again after each change. Wrong settings are told and do not end it: they may be right in a moment.
pub(super) fn run(check: &Check, once: impl Fn() -> Result<Status, Failure>) -> Result<Status, Failure> {
    if check.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(Failure::new("`--watch` watches files; what is piped in does not change"));
    }
    let (sender, receiver) = channel();
    let fail = |what: String, error: &notify::Error| Failure::new(format!("`--watch` cannot watch {what}: {error}"));
    let mut watcher = notify::recommended_watcher(sender).map_err(|error| fail("files".to_owned(), &error))?;
    // Before the first run: what changes meanwhile must not be missed.
    for folder in folders(check)? {
        let watched = watcher.watch(&folder, RecursiveMode::Recursive);
        watched.map_err(|error| fail(format!("`{}`", folder.display()), &error))?;
    }
    loop {
        clear();
        if let Err(Failure(lines)) = once() {
            lines.iter().for_each(|line| output::error(line));
        }
        if !check.output.quiet {
            output::note("watching for changes; Ctrl-C ends it");
        }
        if !changed(&receiver) {
            return Err(Failure::new("`--watch` is told of no more changes; start it again"));
        }
    }
}

/// The projects that the paths belong to, since calls are followed through all of them; or what is named, without one.
fn folders(check: &Check) -> Result<Vec<PathBuf>, Failure> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in &check.paths {
        let real = path.canonicalize().map(plain_path).map_err(|error| {
            let why = crate::discover::io_text(&error);
            Failure::new(format!("`{}` cannot be watched: {why}; check the spelling", path.display()))
        })?;
        let folder = if real.is_dir() { real.as_path() } else { real.parent().unwrap_or(&real) };
        folders.push(project_root(&real).unwrap_or_else(|| folder.to_owned()));
    }
    folders.sort();
    // One that lies in another is watched with it.
    folders.dedup_by(|folder, outer| folder.starts_with(outer));
    Ok(folders)
}

/// Waits for a change that matters, and then until nothing happens for a moment. `false`: there will be none any more.
fn changed(receiver: &Receiver<notify::Result<Event>>) -> bool {
    loop {
        match receiver.recv() {
            // Some event was lost: it may have been one that matters.
            Ok(Err(_)) => break,
            Ok(Ok(event)) if matters(&event) => break,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
    loop {
        match receiver.recv_timeout(QUIET) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn matters(event: &Event) -> bool {
    let is_change = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
    is_change && (event.need_rescan() || event.paths.iter().any(|path| decides(path)))
}

fn decides(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    (Kind::of(path).is_some() || SETTINGS.iter().any(|it| name == *it)) && !is_below_skipped(path)
}

/// A terminal shows the newest report alone.
fn clear() {
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        // A terminal that cannot be written to will be found out by the report.
        let _ = anstream::AutoStream::auto(&mut stdout).write_all(b"\x1b[2J\x1b[3J\x1b[H");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_answer_hangs_on_is_looked_at() {
        for path in ["/x/a.py", "/x/src/lib.rs", "/x/b.ipynb", "/x/pyproject.toml", "/x/.gitignore"] {
            assert!(decides(Path::new(path)), "{path}");
        }
        for path in ["/x/report.json", "/x/.git/index", "/x/.venv/lib/a.py", "/x/node_modules/a.py", "/x/README.md"] {
            assert!(!decides(Path::new(path)), "{path}");
        }
    }
}
