//! Paths to files: which files are read, in which language, and which of them can matter at all.

mod cells;
mod decode;
mod matter;
mod notebook;
mod read;
mod rewrite;
mod root;
mod skip;

use std::cmp::Ordering;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8PathBuf;
use ignore::gitignore::GitignoreBuilder;
use ignore::{DirEntry, WalkBuilder, WalkState};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

pub use decode::{DecodeError, decode};
pub use matter::can_matter;
pub use notebook::{Notebook, NotebookError, parse as parse_notebook};
pub(crate) use read::kind_of_name;
pub use read::{read, source_of};
pub use rewrite::{Refusal, rewrite};
pub use root::project_root;
pub(crate) use skip::is_below_skipped;

use crate::source::Language;

/// Something that kept a file, or a part of it, from being checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// As reports show it.
    pub path: Utf8PathBuf,
    /// What is wrong and, after a semicolon, what to do about it. Lower case, no final stop.
    pub message: String,
    /// From 1, where a line can be named.
    pub line: Option<u32>,
    /// The command line named something that is not there: wrong usage, not a file that could not be read.
    pub usage: bool,
}

impl Problem {
    pub fn new(path: impl Into<Utf8PathBuf>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), line: None, usage: false }
    }
}

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Python,
    Rust,
    Notebook,
}

impl Kind {
    /// By the name's ending; `None` for all that is not checked, type stubs (`.pyi`) among them.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "py" => Some(Self::Python),
            "rs" => Some(Self::Rust),
            "ipynb" => Some(Self::Notebook),
            _ => None,
        }
    }

    pub const fn language(self) -> Language {
        match self {
            Self::Python | Self::Notebook => Language::Python,
            Self::Rust => Language::Rust,
        }
    }
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Relative to the current folder where it lies below it, with `/`.
    pub shown: Utf8PathBuf,
    /// Absolute.
    pub path: PathBuf,
    pub kind: Kind,
}

/// What is in a folder stands together, as when paths are compared part by part; that itself takes far longer.
fn by_parts(a: &str, b: &str) -> Ordering {
    let apart = a.bytes().zip(b.bytes()).find(|(a, b)| a != b);
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    apart.map_or_else(|| a.len().cmp(&b.len()), |(a, b)| rank(a).cmp(&rank(b)))
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        let shown = by_parts(self.shown.as_str(), other.shown.as_str());
        shown.then_with(|| self.path.cmp(&other.path)).then_with(|| self.kind.cmp(&other.kind))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Says whether a path (absolute; `true` for a folder) is excluded by configuration.
pub type Excluded = Arc<dyn Fn(&Path, bool) -> bool + Send + Sync>;

/// How to look for files.
#[derive(Clone)]
pub struct Options {
    /// Absolute; relative paths start here.
    pub current: PathBuf,
    /// Honour `.gitignore`, `.ignore` and git's own excludes.
    pub ignore_files: bool,
    /// Exclusions hold for files given by name too.
    pub force_exclude: bool,
    pub excluded: Excluded,
    /// 0 lets the walker choose.
    pub threads: usize,
}

/// What a walk found, sorted by shown path, each file once.
#[derive(Debug, Default)]
pub struct Discovered {
    pub files: Vec<Found>,
    pub problems: Vec<Problem>,
    /// Those of the files that are links.
    links: FxHashSet<PathBuf>,
}

impl Discovered {
    /// Where the files really lie, in their order.
    pub fn real_paths(&self) -> impl Iterator<Item = PathBuf> {
        let (mut folder, mut real) = (PathBuf::new(), PathBuf::new());
        self.files.iter().map(move |file| {
            let (Some(above), Some(name)) = (file.path.parent(), file.path.file_name()) else {
                return real_path(&file.path);
            };
            if self.links.contains(&file.path) {
                return real_path(&file.path);
            }
            // Neighbours stand next to each other, and asking where a path leads costs more than reading a small file.
            if folder != above {
                above.clone_into(&mut folder);
                real = real_path(above);
            }
            real.join(name)
        })
    }
}

/// Where a path leads, or the path itself where that cannot be told.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    path.canonicalize().map_or_else(|_| path.to_owned(), plain_path)
}

/// Finds the files that the paths name and hold.
pub fn discover(paths: &[PathBuf], options: &Options) -> Discovered {
    // A walk by several threads takes its time to end: of many paths each is walked by one.
    let threads = if paths.len() > options.threads.max(2) { 1 } else { options.threads };
    let found: Vec<Discovered> = paths.par_iter().map(|given| below(given, threads, options)).collect();
    let mut all = Discovered::default();
    for found in found {
        all.problems.extend(found.problems);
        all.files.extend(found.files);
        all.links.extend(found.links);
    }
    // A walk finds each file once, but for links. What several lead to goes by its own path, where that is among them.
    if paths.len() > 1 || !all.links.is_empty() {
        let real: Vec<PathBuf> = all.real_paths().collect();
        let mut order: Vec<usize> = (0..real.len()).collect();
        order.sort_by_key(|at| Some(&all.files[*at].path).filter(|path| **path != real[*at]));
        let mut seen = FxHashSet::default();
        let mut kept = vec![false; real.len()];
        order.into_iter().for_each(|at| kept[at] = seen.insert(&real[at]));
        let mut kept = kept.into_iter();
        all.files.retain(|_| kept.next().unwrap_or(true));
    }
    all.files.par_sort_unstable();
    all.problems.sort();
    all
}

/// Finds the files that one path names or holds.
fn below(given: &Path, threads: usize, options: &Options) -> Discovered {
    let mut path = options.current.join(given);
    if path.components().any(|it| it == Component::ParentDir) {
        // Whoever asks what lies above the path must not be led astray by `..`.
        path = path.canonicalize().map_or(path, plain_path);
    }
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => walk(given, &path, threads, options),
        Ok(metadata) => named(given, &path, metadata.is_file(), options),
        Err(error) => {
            let mut problem = Problem::new(lossy(given), missing(&error));
            problem.usage = true;
            Discovered { problems: vec![problem], ..Discovered::default() }
        }
    }
}

/// Without the `\\\\?\\` that Windows puts before a canonical path, and that nobody writes.
pub(crate) fn plain_path(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|it| it.strip_prefix(r"\\?\")).filter(|it| !it.starts_with("UNC")) {
        Some(plain) => PathBuf::from(plain),
        None => path,
    }
}

/// A file given by name is checked whatever ignore files say.
fn named(given: &Path, path: &Path, is_file: bool, options: &Options) -> Discovered {
    let mut found = Discovered::default();
    let problem = |message: &str| Problem::new(lossy(given), message);
    if !is_file {
        found.problems.push(problem("is neither a file nor a folder; give one of these"));
    } else if options.force_exclude && ((options.excluded)(path, false) || skip::is_below_skipped(path)) {
        // Asked for.
    } else if path.extension().is_some_and(|it| it == "pyi") {
        found.problems.push(problem("is a type stub, which holds no code to check; check the `.py` file"));
    } else if let Some(kind) = Kind::of(path) {
        match shown(given, path, options) {
            Some(shown) => {
                if path.is_symlink() {
                    found.links.insert(path.to_owned());
                }
                found.files.push(Found { shown, path: path.to_owned(), kind });
            }
            None => found.problems.push(problem(NOT_UNICODE)),
        }
    } else {
        found.problems.push(problem("is in an unknown language; give a `.py`, `.rs` or `.ipynb` file"));
    }
    found
}

const NOT_UNICODE: &str = "has a name that is not Unicode; rename it to have it checked";

fn walk(given: &Path, root: &Path, threads: usize, options: &Options) -> Discovered {
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(false)
        .follow_links(false)
        .require_git(false)
        .git_ignore(options.ignore_files)
        .git_global(options.ignore_files)
        .git_exclude(options.ignore_files)
        .ignore(options.ignore_files)
        // Whoever starts inside an ignored folder wants to see it: the rule that ignores it would hide everything.
        .parents(options.ignore_files && !is_ignored(root))
        .threads(threads);
    let excluded = Arc::clone(&options.excluded);
    builder.filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|it| it.is_dir());
        entry.depth() == 0 || !((is_folder && skip::is_skipped(entry.path())) || excluded(entry.path(), is_folder))
    });
    let found = Mutex::new(Discovered::default());
    builder.build_parallel().run(|| {
        Box::new(|entry| {
            let one = visit(entry, given, root, options);
            if !one.files.is_empty() || !one.problems.is_empty() {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.files.extend(one.files);
                found.problems.extend(one.problems);
                found.links.extend(one.links);
            }
            WalkState::Continue
        })
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    // The first of several names for one file is the one that counts.
    found.files.par_sort_unstable();
    found
}

fn visit(entry: Result<DirEntry, ignore::Error>, given: &Path, root: &Path, options: &Options) -> Discovered {
    let mut found = Discovered::default();
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            let message = format!("cannot be looked through: {}; the rest is checked", plain(&error));
            let path = path_of(&error).map_or_else(|| lossy(given), |path| shown_below(given, root, path, options));
            found.problems.push(Problem::new(path, message));
            return found;
        }
    };
    // A link to a file counts as the file; a link to a folder is not followed, so that a circle of links ends.
    let is_file = entry.file_type().is_some_and(|it| it.is_file() || (it.is_symlink() && entry.path().is_file()));
    let Some(kind) = Kind::of(entry.path()).filter(|_| is_file) else {
        return found;
    };
    let path = entry.path().to_owned();
    let shown = shown_below(given, root, &path, options);
    if path.strip_prefix(root).ok().and_then(Path::to_str).is_none() {
        found.problems.push(Problem::new(shown, NOT_UNICODE));
    } else {
        if entry.path_is_symlink() {
            found.links.insert(path.clone());
        }
        found.files.push(Found { shown, path, kind });
    }
    found
}

/// Some ignore file above the folder says that it does not count.
fn is_ignored(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    for above in folder.ancestors().skip(1) {
        let mut builder = GitignoreBuilder::new(above);
        let mut any = false;
        for name in [".gitignore", ".ignore"] {
            let file = above.join(name);
            if file.is_file() {
                // A line that cannot be read counts for nothing, as it does for git.
                let _ = builder.add(file);
                any = true;
            }
        }
        if any && builder.build().is_ok_and(|it| it.matched_path_or_any_parents(&folder, true).is_ignore()) {
            return true;
        }
        if above.join(".git").exists() {
            return false;
        }
    }
    false
}

fn shown(given: &Path, path: &Path, options: &Options) -> Option<Utf8PathBuf> {
    path.to_str()?;
    Some(relative(given, &options.current))
}

fn shown_below(given: &Path, root: &Path, path: &Path, options: &Options) -> Utf8PathBuf {
    let rest = path.strip_prefix(root).unwrap_or(path);
    relative(&given.join(rest), &options.current)
}

/// As given, but relative to the current folder where it lies below it, without `.`, with `/`.
pub(crate) fn relative(path: &Path, current: &Path) -> Utf8PathBuf {
    let path = path.strip_prefix(current).unwrap_or(path);
    let plain: PathBuf = path.components().filter(|it| *it != Component::CurDir).collect();
    lossy(&plain)
}

pub(crate) fn lossy(path: &Path) -> Utf8PathBuf {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/").into() } else { text.into_owned().into() }
}

fn missing(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist; check the spelling and the current folder".to_owned(),
        _ => format!("cannot be read: {}; check its permissions", io_text(error)),
    }
}

/// The error without the number that the standard library appends.
pub(crate) fn io_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

fn plain(error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => plain(err),
        ignore::Error::Io(error) => io_text(error),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_ending() {
        assert_eq!(Kind::of(Path::new("a/b.py")), Some(Kind::Python));
        assert_eq!(Kind::of(Path::new("a/b.rs")), Some(Kind::Rust));
        assert_eq!(Kind::of(Path::new("a/b.ipynb")), Some(Kind::Notebook));
        assert_eq!(Kind::of(Path::new("a/b.pyi")), None);
        assert_eq!(Kind::of(Path::new("a/py")), None);
    }
}
