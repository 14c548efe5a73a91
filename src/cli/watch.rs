//! `--watch`: checks again whenever something changes that the answer may hang on, until it is interrupted. What has changed is
//! told to a session ([`super::again`]), which knows what has to be looked at anew.
//!
//! The system tells of changes in the projects. What lies outside of them and is followed all the same, installed packages and the
//! settings above, is looked at from time to time, and whenever something else has changed.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{Event, EventKind, ModifyKind, RemoveKind};
use notify::{RecursiveMode, Watcher};

use super::again::again;
use super::arguments::Check;
use super::cache::content_around;
use super::check::pool;
use super::stamp::{Stamp, nanoseconds};
use super::{Failure, Status, output};
use crate::discover::{is_below_skipped, kind_of_file, plain_path, project_root};

/// Editors write a file in several steps, and tools write several files.
const QUIET: Duration = Duration::from_millis(100);

/// How often what the system does not tell of is looked at.
const PAUSE: Duration = Duration::from_secs(1);

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
    let folders = folders(check)?;
    for folder in &folders {
        let watched = watcher.watch(folder, RecursiveMode::Recursive);
        watched.map_err(|error| fail(format!("`{}`", folder.display()), &error))?;
    }
    let above = above(&folders);
    let pool = pool(check.threads)?;
    let mut standing = None;
    let mut changed = Changed::default();
    let mut around = Around::of(above.iter().cloned(), &folders, SystemTime::now());
    loop {
        clear();
        let begun = SystemTime::now();
        if let Err(Failure(lines)) = pool.install(|| again(check, &mut standing, &changed)) {
            lines.iter().for_each(|line| output::error(line));
        }
        if !check.output.quiet {
            output::note("watching for changes; Ctrl-C ends it");
        }
        // A check that has failed tells of nothing that it hangs on: what is known is looked at further.
        if let Some(standing) = &standing {
            around = Around::of(above.iter().cloned().chain(standing.around()), &folders, begun);
        }
        match changes(&receiver, &mut around) {
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

/// Settings that would hold for the folders, from above them, and environments that would be used.
fn above(folders: &[PathBuf]) -> Vec<PathBuf> {
    let above: BTreeSet<&Path> = folders.iter().flat_map(|folder| folder.ancestors().skip(1)).collect();
    let settings = above.iter().flat_map(|folder| SETTINGS.iter().map(|name| folder.join(name)));
    let around = folders.iter().map(PathBuf::as_path).chain(above.iter().copied());
    let environments = around.flat_map(|it| [".venv", "venv"].map(|name| it.join(name).join("pyvenv.cfg")));
    settings.chain(environments).collect()
}

/// Files and folders that the system does not tell of.
struct Around {
    seen: Vec<Seen>,
    /// One of them may have changed since a run that has read it began.
    is_new: bool,
    /// When they are to be looked at again.
    due: Instant,
}

struct Seen {
    path: PathBuf,
    stamp: Stamp,
    /// What a folder holds. Whoever works in it touches it, and leaves nothing.
    holds: Option<u128>,
}

impl Around {
    fn of(paths: impl Iterator<Item = PathBuf>, watched: &[PathBuf], begun: SystemTime) -> Self {
        let started = Instant::now();
        let look = |path: PathBuf| Seen { stamp: Stamp::of(&path), holds: held(&path), path };
        // The system tells what happens in the folders of the projects.
        let is_told = |it: &Seen| {
            it.holds.is_some()
                && !is_below_skipped(&it.path)
                && watched.iter().any(|folder| it.path.starts_with(folder))
        };
        let seen: Vec<Seen> = paths.map(look).filter(|it| !is_told(it)).collect();
        let during = nanoseconds(begun)..nanoseconds(SystemTime::now());
        let is_new = seen.iter().any(|it| during.contains(&it.stamp.latest()));
        Self { seen, is_new, due: due(started) }
    }

    /// Whether something is not as it was when this was asked before.
    fn changes(&mut self) -> bool {
        let started = Instant::now();
        let mut changed = std::mem::take(&mut self.is_new);
        for Seen { path, stamp, holds } in &mut self.seen {
            let now = Stamp::of(path);
            if now != *stamp {
                let holds_now = held(path);
                changed |= holds_now.is_none() || holds_now != *holds;
                (*stamp, *holds) = (now, holds_now);
            }
        }
        self.due = due(started);
        changed
    }
}

/// Looking from time to time takes a hundredth of the time at most.
fn due(started: Instant) -> Instant {
    Instant::now() + PAUSE.max(started.elapsed() * 100)
}

fn held(path: &Path) -> Option<u128> {
    path.is_dir().then(|| content_around(path, 0))
}

/// Waits for a change that matters, and then until nothing happens for a moment. `None`: there will be none any more.
fn changes(receiver: &Receiver<notify::Result<Event>>, around: &mut Around) -> Option<Changed> {
    let mut changed = Changed::default();
    while changed.is_nothing() {
        match receiver.recv_timeout(around.due.saturating_duration_since(Instant::now())) {
            Ok(event) => changed.add(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if around.due <= Instant::now() {
            changed.settings |= around.changes();
        }
    }
    loop {
        match receiver.recv_timeout(QUIET) {
            Ok(event) => changed.add(event),
            Err(RecvTimeoutError::Timeout) if around.changes() => changed.settings = true,
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
