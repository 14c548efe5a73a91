//! Paths to files: which files are read, in which language, and which of them can matter at all.

mod cells;
mod decode;
mod ignored;
mod matter;
mod notebook;
mod path;
mod read;
mod rewrite;
mod root;
mod skip;

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::Utf8PathBuf;
use ignore::gitignore::Gitignore;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

pub use decode::{DecodeError, decode};
pub use matter::can_matter;
pub use notebook::{Notebook, NotebookError, parse as parse_notebook};
pub(crate) use path::{absolute, from_folder, lossy, plain_path, real_path, relative};
pub(crate) use read::{kind_of_file, kind_of_name, manifest_text, text};
pub use read::{read, source_of};
pub use rewrite::{Refusal, rewrite};
pub use root::project_root;
pub(crate) use skip::is_below_skipped;

use crate::source::Language;
use ignored::{Folder, is_ignored};

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
}

impl Options {
    /// A walk would leave the file (absolute) out, whatever ignore files say.
    pub(crate) fn leaves_out(&self, file: &Path) -> bool {
        (self.excluded)(file, false) || skip::is_below_skipped(file)
    }
}

/// What a walk found, sorted by shown path, each file once.
#[derive(Debug, Default)]
pub struct Discovered {
    pub files: Vec<Found>,
    pub problems: Vec<Problem>,
    /// Where environments of Python may stand: they are not looked into.
    pub environments: Vec<PathBuf>,
    /// Those of the files that are links.
    links: FxHashSet<PathBuf>,
}

impl Discovered {
    fn add(&mut self, more: Self) {
        self.files.extend(more.files);
        self.problems.extend(more.problems);
        self.environments.extend(more.environments);
        self.links.extend(more.links);
    }

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

/// Finds the files that the paths name and hold.
pub fn discover(paths: &[PathBuf], options: &Options) -> Discovered {
    let found: Vec<Discovered> = paths.par_iter().map(|given| below(given, options)).collect();
    let mut all = Discovered::default();
    found.into_iter().for_each(|it| all.add(it));
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
fn below(given: &Path, options: &Options) -> Discovered {
    let path = absolute(given, &options.current);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => walk(given, &path, options),
        Ok(metadata) => named(given, &path, metadata.is_file(), options),
        Err(error) => {
            let mut problem = Problem::new(lossy(given), missing(&error));
            problem.usage = true;
            Discovered { problems: vec![problem], ..Discovered::default() }
        }
    }
}

/// A file given by name is checked whatever ignore files say.
fn named(given: &Path, path: &Path, is_file: bool, options: &Options) -> Discovered {
    let mut found = Discovered::default();
    let problem = |message: &str| Problem::new(lossy(given), message);
    if !is_file {
        found.problems.push(problem("is neither a file nor a folder; give one of these"));
    } else if options.force_exclude && options.leaves_out(path) {
        // Asked for.
    } else if path.extension().is_some_and(|it| it == "pyi") {
        found.problems.push(problem("is a type stub, which holds no code to check; check the `.py` file"));
    } else if let Some(kind) = kind_of_file(path) {
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

/// Looks through a folder.
struct Walk<'a> {
    given: &'a Path,
    root: &'a Path,
    options: &'a Options,
    /// What the user's own settings of git leave out everywhere.
    everywhere: Gitignore,
}

fn walk(given: &Path, root: &Path, options: &Options) -> Discovered {
    let real = real_path(root);
    // Whoever starts inside an ignored folder wants to see it: the rule that ignores it would hide everything.
    let above = if options.ignore_files && !is_ignored(&real) { Folder::above(&real) } else { None };
    let everywhere = if options.ignore_files { Gitignore::global().0 } else { Gitignore::empty() };
    let mut found = Walk { given, root, options, everywhere }.folder(root, &real, above);
    // The first of several names for one file is the one that counts.
    found.files.par_sort_unstable();
    found
}

impl Walk<'_> {
    /// What a folder holds. `real` is where it lies: that is what ignore files speak of.
    fn folder(&self, folder: &Path, real: &Path, above: Option<Arc<Folder>>) -> Discovered {
        let mut found = Discovered::default();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("cannot be looked through: {}; the rest is checked", io_text(&error));
                found.problems.push(Problem::new(self.shown(folder), message));
                return found;
            }
        };
        let entries: Vec<DirEntry> = entries.flatten().collect();
        let Some(installed) = self.installed(folder, &entries) else { return found };
        let ignored = self.options.ignore_files.then(|| Folder::below(above, real));
        let mut folders: Vec<(PathBuf, PathBuf)> = Vec::new();
        for entry in entries {
            if installed.contains(&entry.file_name()) {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if skip::may_be_environment(&entry.file_name()) {
                found.environments.push(path.clone());
            }
            let is_folder = kind.is_dir();
            if !is_folder && Kind::of(&path).is_none() {
                continue;
            }
            let place = real.join(entry.file_name());
            let is_ignored = ignored.as_ref().is_some_and(|it| it.ignores(&place, is_folder, &self.everywhere));
            if is_ignored || (is_folder && skip::is_skipped(&path)) || (self.options.excluded)(&path, is_folder) {
                continue;
            }
            if is_folder {
                folders.push((path, place));
            } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
                // A link to a file counts as the file; a link to a folder is not followed, so that a circle of links ends.
                found.add(self.file(path, kind.is_symlink()));
            }
        }
        let below = |(path, place): &(PathBuf, PathBuf)| self.folder(path, place, ignored.clone());
        let below: Vec<Discovered> = folders.par_iter().map(below).collect();
        below.into_iter().for_each(|it| found.add(it));
        found
    }

    /// What of a folder a package manager has put there; `None`: all of it. Where the walk starts in a folder of such things
    /// and no project, they are what is asked for.
    fn installed(&self, folder: &Path, entries: &[DirEntry]) -> Option<FxHashSet<OsString>> {
        let is_asked = |project: &[&str]| {
            let is_near = folder.parent() == Some(self.root);
            folder == self.root || is_near && !project.iter().any(|it| self.root.join(it).exists())
        };
        if entries.iter().any(|it| skip::is_of_cargo(&it.file_name())) && !is_asked(&["Cargo.toml"]) {
            return None;
        }
        let lists = entries.iter().map(DirEntry::path).filter(|it| skip::is_of_pip(it)).collect::<Vec<_>>();
        if lists.is_empty() || is_asked(&["pyproject.toml", "requirements.txt", "setup.cfg", "setup.py"]) {
            return Some(FxHashSet::default());
        }
        Some(lists.iter().flat_map(|it| skip::listed(it)).collect())
    }

    fn file(&self, path: PathBuf, is_link: bool) -> Discovered {
        let mut found = Discovered::default();
        let shown = self.shown(&path);
        let named = path.strip_prefix(self.root).ok().and_then(Path::to_str);
        match Kind::of(&path).filter(|_| named.is_some()) {
            None => found.problems.push(Problem::new(shown, NOT_UNICODE)),
            Some(kind) => {
                if is_link {
                    found.links.insert(path.clone());
                }
                found.files.push(Found { shown, path, kind });
            }
        }
        found
    }

    fn shown(&self, path: &Path) -> Utf8PathBuf {
        let rest = path.strip_prefix(self.root).unwrap_or(path);
        relative(&self.given.join(rest), &self.options.current)
    }
}

fn shown(given: &Path, path: &Path, options: &Options) -> Option<Utf8PathBuf> {
    path.to_str()?;
    Some(relative(given, &options.current))
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
