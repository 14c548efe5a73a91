//! `--watch`: checks again whenever something changes that the answer may hang on, until it is interrupted. What has changed is
//! told to a session ([`super::again`]), which knows what has to be looked at anew.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::event::{Event, EventKind, ModifyKind, RemoveKind};
use notify::{RecursiveMode, Watcher};

use super::again::again;
use super::arguments::Check;
use super::check::pool;
use super::{Failure, Status, output};
use crate::discover::{is_below_skipped, kind_of_file, plain_path, project_root};

/// Editors write a file in several steps, and tools write several files.
const QUIET: Duration = Duration::from_millis(100);

/// Files that decide what is checked, and how.
const SETTINGS: [&str; 7] =
    ["asynclint.toml", "pyproject.toml", "setup.cfg", "Cargo.toml", "Cargo.lock", ".gitignore", ".ignore"];

/// What has happened to the watched folders.
#[derive(Default)]
pub(super) struct Changed {
    /// Files of source code that are new, other or gone.
    pub files: Vec<PathBuf>,
    /// Files may have come or gone that nobody has named.
    pub places: bool,
    /// What is checked, or how, may be something else now; or it is not known what has changed.
    pub settings: bool,
}

/// Runs the check, and again after each change. Wrong settings are told and do not end it: they may be right in a moment.
pub(super) fn run(check: &Check) -> Result<Status, Failure> {
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
    let pool = pool(check.threads)?;
    let mut standing = None;
    let mut changed = Changed::default();
    loop {
        clear();
        if let Err(Failure(lines)) = pool.install(|| again(check, &mut standing, &changed)) {
            lines.iter().for_each(|line| output::error(line));
        }
        if !check.output.quiet {
            output::note("watching for changes; Ctrl-C ends it");
        }
        match changes(&receiver) {
            Some(next) => changed = next,
            None => return Err(Failure::new("`--watch` is told of no more changes; start it again")),
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

/// Waits for a change that matters, and then until nothing happens for a moment. `None`: there will be none any more.
fn changes(receiver: &Receiver<notify::Result<Event>>) -> Option<Changed> {
    let mut changed = Changed::default();
    while changed.is_nothing() {
        changed.add(receiver.recv().ok()?);
    }
    loop {
        match receiver.recv_timeout(QUIET) {
            Ok(event) => changed.add(event),
            Err(RecvTimeoutError::Timeout) => return Some(changed),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

impl Changed {
    fn is_nothing(&self) -> bool {
        self.files.is_empty() && !self.places && !self.settings
    }

    fn add(&mut self, event: notify::Result<Event>) {
        // Some event was lost: it may have been one that matters.
        let Ok(event) = event else {
            self.settings = true;
            return;
        };
        if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)) {
            return;
        }
        self.settings |= event.need_rescan();
        let moves = !matches!(event.kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)));
        let folder_gone = matches!(event.kind, EventKind::Remove(RemoveKind::Folder));
        for path in event.paths {
            if is_below_skipped(&path) {
                continue;
            }
            if is_setting(&path) {
                self.settings = true;
            } else if kind_of_file(&path).is_some() {
                if !self.files.contains(&path) {
                    self.files.push(path);
                }
            } else if folder_gone || moves && path.is_dir() {
                self.places = true;
            }
        }
    }
}

fn is_setting(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    SETTINGS.iter().any(|it| name == *it)
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
        let changed = |path: &str| {
            let mut changed = Changed::default();
            changed.add(Ok(Event::new(EventKind::Modify(ModifyKind::Any)).add_path(path.into())));
            changed
        };
        for path in ["/x/a.py", "/x/src/lib.rs", "/x/b.ipynb"] {
            assert_eq!(changed(path).files, [PathBuf::from(path)]);
        }
        for path in ["/x/pyproject.toml", "/x/.gitignore"] {
            assert!(changed(path).settings, "{path}");
        }
        for path in ["/x/report.json", "/x/.git/index", "/x/.venv/lib/a.py", "/x/node_modules/a.py", "/x/README.md"] {
            assert!(changed(path).is_nothing(), "{path}");
        }
    }

    #[test]
    fn of_an_event_that_is_lost_everything_is_thought() {
        let mut changed = Changed::default();
        changed.add(Err(notify::Error::generic("lost")));
        assert!(changed.settings);
    }
}
