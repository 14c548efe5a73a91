//! What earlier runs have found, kept on disk: for each group of files, under everything its findings hang on.
//!
//! An entry lists the files that were read for it, and what of the installed packages it hangs on ([`around`]). It counts as long as each
//! of them is as it was: by what the system tells of it ([`super::stamp`]), and where that differs by content, or, of a released package,
//! by its name and version. Entries are written beside their place and moved there as a whole, so runs side by side share them; one that
//! cannot be read is as good as none.

mod around;
mod entry;
mod releases;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use blake3::Hasher;
use rustc_hash::FxHashMap;

use super::arguments::{CacheAction, CacheCommand, Check};
use super::check::Group;
use super::inputs::{Inputs, Reading};
use super::stamp::Stamp;
use super::{Failure, Status, output};
use crate::discover::{self, Found, Kind};
use crate::finding::FileId;
use crate::packages::digest;
use crate::project::{Project, Store};
use around::{Around, Now, State};
use entry::{Entry, Seen};
use releases::Releases;

/// Entries that nobody has used for so long are taken out.
const OLDEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// One that is used is marked as such no more often.
const OFTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// The entries that this run can use.
pub(super) struct Cache<'a> {
    folder: PathBuf,
    /// What all groups of the run hang on: the program, the settings, and where every file stands.
    run: Hasher,
    inputs: &'a Inputs,
    /// How many calls are resolved is asked for.
    counts: bool,
    hits: AtomicUsize,
    begun: SystemTime,
    /// How what is installed is now.
    now: Arc<Now>,
    /// The number of the next installed file that an entry names.
    next: AtomicU32,
}

/// Where entries are kept: `--cache-dir`, else `ASYNCLINT_CACHE_DIR`, else the system's place for such things.
fn folder(named: Option<&Path>) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let named = named.map(Path::to_owned).or_else(|| set("ASYNCLINT_CACHE_DIR"));
    let system = || {
        if cfg!(windows) {
            set("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            set("HOME").map(|home| home.join("Library/Caches"))
        } else {
            // A relative one is to be ignored, says the specification.
            set("XDG_CACHE_HOME").filter(|it| it.is_absolute()).or_else(|| set("HOME").map(|home| home.join(".cache")))
        }
    };
    named.or_else(|| system().map(|it| it.join("asynclint")))
}

impl<'a> Cache<'a> {
    /// The cache of this run, if it is to have one and the folder can be made.
    pub fn open(inputs: &'a Inputs, check: &Check) -> Option<Self> {
        // What is in memory alone is not worth keeping.
        if check.cache.no_cache || inputs.files.iter().any(|file| file.source.is_some()) {
            return None;
        }
        let folder = folder(check.cache.cache_dir.as_deref())?;
        std::fs::create_dir_all(&folder).ok()?;
        let mut run = Hasher::new();
        let mut say = |text: &str| {
            run.update(text.as_bytes());
            run.update(&[0]);
        };
        say(&program());
        let options = (check.selection.respect_noqa, check.selection.ignore_suppressions);
        say(&format!("{options:?}"));
        for config in inputs.tree.all() {
            say(config.shown.as_str());
            say(&discover::manifest_text(inputs.current.join(&config.shown)).unwrap_or_default());
        }
        inputs.surroundings.say(&mut say);
        let mut rules: FxHashMap<*const crate::rules::RuleSet, u32> = FxHashMap::default();
        for file in inputs.files.iter() {
            say(file.location.as_str());
            say(file.shown().as_str());
            let next = rules.len() as u32;
            let number = *rules.entry(std::sync::Arc::as_ptr(&file.rules)).or_insert_with(|| {
                say(&format!("{:?}", file.rules));
                next
            });
            say(&format!("{number} {:?} {} {}", file.edition, file.asked, file.limit));
        }
        let counts = check.output.verbose;
        let (hits, next) = (AtomicUsize::new(0), AtomicU32::new(u32::MAX / 2));
        let (begun, now) = (SystemTime::now(), Arc::default());
        Some(Self { folder, run, inputs, counts, hits, begun, now, next })
    }

    /// Where what is found of released packages is kept.
    pub fn releases(&self) -> Box<dyn Store> {
        let key = format!("{}\0{}\0{:?}", program(), self.inputs.surroundings.largest, self.inputs.knowledge());
        Box::new(Releases::new(&self.folder, key, Arc::clone(&self.now), self.begun))
    }

    fn path(&self, group: &[FileId]) -> PathBuf {
        let mut hasher = self.run.clone();
        for file in group {
            hasher.update(&file.0.to_le_bytes());
        }
        self.folder.join(format!("{}.json", &hasher.finalize().to_hex()[..32]))
    }

    /// What is known of the group, if nothing has changed since.
    pub fn find(&self, group: &[FileId], reading: &Reading) -> Option<Group> {
        let path = self.path(group);
        let entry = Entry::read(&path).filter(|it| it.coverage.is_some() || !self.counts)?;
        let is_same = |(file, state): &(u32, State)| {
            let loaded = self.inputs.files.get(*file as usize)?;
            let now = Stamp::of(loaded.location.as_std_path());
            let same = now.is_still(&state.stamp, entry.begun) || {
                let found = loaded.found.as_ref()?;
                let source = discover::read(found, loaded.limit).ok().flatten();
                state.content == content(source.as_ref().map_or("", |source| &source.text))
            };
            same.then_some(())
        };
        entry.files.iter().all(|file| is_same(file).is_some()).then_some(())?;
        entry.around.holds(&self.inputs.surroundings, &self.now, entry.begun).then_some(())?;
        let group = entry.group(self.inputs, &self.next)?;
        reading.restore(entry.unread());
        used(&path, self.begun);
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(group)
    }

    /// How many groups were known.
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }

    /// Keeps what has been found of a group, and of dependencies. A cache that cannot be written is no reason to stop.
    pub fn keep(&self, project: &Project, group: &Group, reading: &Reading) {
        let stamp = |file: FileId| {
            let loaded = self.inputs.files.get(file.index())?;
            let stamp = Stamp::of(loaded.location.as_std_path());
            Some((file.0, State { stamp, content: reading.content(file)? }))
        };
        let mut files: Vec<FileId> = project.files_read().collect();
        files.sort_unstable();
        let Some(files) = files.into_iter().map(stamp).collect::<Option<Vec<_>>>() else { return };
        let Some(around) = Around::of(project, &self.now, self.begun) else { return };
        // Nothing that is installed has changed since the run began.
        project.keep_known();
        let seen = Seen { begun: self.begun, files, around };
        let entry = Entry::new(seen, group, self.inputs.files.len(), reading.unread_among(project.group()));
        drop(entry.write(&self.path(project.group())));
    }

    /// Takes out what has not been used for long.
    pub fn prune(&self) {
        for path in entries(&self.folder).unwrap_or_default() {
            let changed = std::fs::metadata(&path).and_then(|it| it.modified());
            let old = changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > OLDEST));
            if old {
                drop(std::fs::remove_file(path));
            }
        }
    }
}

/// What tells this program from another. The same version may be built anew. One that is unpacked again is the same: nothing else
/// of it counts.
fn program() -> String {
    let program = std::env::current_exe().map(|it| Stamp::of(&it)).unwrap_or_default();
    format!("{} {} {}", env!("CARGO_PKG_VERSION"), program.size, program.changed)
}

/// The entry at that path is of use: as old as it is, it is kept.
fn used(path: &Path, now: SystemTime) {
    let changed = std::fs::metadata(path).and_then(|it| it.modified());
    if changed.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > OFTEN)) {
        let file = std::fs::File::options().append(true).open(path);
        drop(file.and_then(|it| it.set_modified(now)));
    }
}

/// The files of ours: the folder may be shared.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let all = |folder: &Path| -> std::io::Result<Vec<PathBuf>> {
        match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.map(|it| Ok(it?.path())).collect(),
        }
    };
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|it| it == ending);
    let is_hash = |name: &str, length: usize| name.len() == length && name.bytes().all(|it| it.is_ascii_hexdigit());
    let stem = |path: &PathBuf| path.file_stem().and_then(|it| it.to_str()).unwrap_or_default().to_owned();
    let mut found = all(folder)?;
    found.retain(|path| ends(path, "json") && is_hash(&stem(path), 32));
    let mut known = all(&releases::folder(folder))?;
    let is_of_release = |name: &str| name.rsplit_once('-').is_some_and(|(_, hash)| is_hash(hash, 16));
    known.retain(|path| ends(path, releases::ENDING) && is_of_release(&stem(path)));
    found.append(&mut known);
    Ok(found)
}

/// Takes out all entries. Gives their number.
fn clear(folder: &Path) -> std::io::Result<usize> {
    let entries = entries(folder)?;
    entries.iter().try_for_each(std::fs::remove_file)?;
    Ok(entries.len())
}

/// What stands for a text.
pub(super) fn content(text: &str) -> u128 {
    digest(text.as_bytes())
}

/// What stands for a file of an installed package, or for what a folder holds.
pub(super) fn content_around(path: &Path, largest: u64) -> u128 {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|it| it.file_name()).filter(|it| it != "__pycache__").collect();
        names.sort();
        return content(&format!("{names:?}"));
    }
    let Some(kind) = Kind::of(path) else { return content(&discover::manifest_text(path).unwrap_or_default()) };
    let found = Found { kind, shown: discover::lossy(path), path: path.to_owned() };
    let source = discover::read(&found, largest).ok().flatten();
    content(source.as_ref().map_or("", |source| &source.text))
}

/// `asynclint cache clear`, `asynclint cache path`.
pub(super) fn run(command: &CacheCommand) -> Result<Status, Failure> {
    let Some(folder) = folder(command.cache_dir.as_deref()) else {
        return Err(Failure::new("there is no usual place for a cache here; give one with `--cache-dir`"));
    };
    match command.what {
        CacheAction::Path => output::print(|out| writeln!(out, "{}", folder.display()))?,
        CacheAction::Clear => {
            let count = clear(&folder).map_err(|error| {
                let error = discover::io_text(&error);
                Failure::new(format!("`{}` cannot be cleared: {error}; check its permissions", folder.display()))
            })?;
            let entries = if count == 1 { "entry" } else { "entries" };
            output::note(&format!("{count} {entries} taken out of {}", folder.display()));
        }
    }
    Ok(Status::Clean)
}
