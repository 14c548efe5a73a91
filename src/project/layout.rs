//! Where files stand: which file a module path names, seen from another file.

use std::cell::RefCell;

use camino::Utf8Path;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::crates::Crates;
use crate::finding::FileId;
use crate::packages::{Extension, Surroundings};
use crate::source::Language;

/// Paths of all files, for imports to be found in.
#[derive(Default)]
pub(super) struct Layout {
    /// Tells this layout from others in what threads remember.
    number: u64,
    /// By path without its ending: `pkg/mod`, `pkg/__init__`.
    python: FxHashMap<String, FileId>,
    /// Folders that are Python packages: `pkg` where there is a `pkg/__init__`.
    packages: FxHashMap<String, FileId>,
    /// Every name that a Python file or a folder with one has: nothing else can be imported.
    starts: FxHashSet<String>,
    /// Top-level Python packages and modules: name to the folders they stand in.
    top: FxHashMap<String, Vec<String>>,
    /// Python files by the last part of their module's path, for packages spread over several roots.
    by_name: FxHashMap<String, Vec<FileId>>,
    /// First files of crates that are modules of Python.
    built: FxHashSet<FileId>,
    pub(super) crates: Crates,
    entries: Vec<Entry>,
    /// The folders that absolute imports start from, each once.
    roots: Vec<String>,
}

struct Entry {
    /// Without the ending.
    stem: String,
    /// Python: the folder that absolute imports of its own package start from, in [`Layout::roots`].
    root: u32,
    /// `pkg.mod`; empty for Rust.
    module: String,
}

/// What an import names.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// The file, and how many of the segments name it.
    pub(super) module: (FileId, usize),
    /// It lies beside the importing code, or on the way up from it.
    pub(super) is_near: bool,
}

/// What an import names, by the folder it starts from and whether a table knows the library; see [`Layout::absolute`].
type Imports = FxHashMap<(u32, bool), FxHashMap<String, Option<Found>>>;

/// Imports that a thread remembers.
const MOST_IMPORTS: usize = 1 << 14;

#[derive(Default)]
struct Remembered {
    layout: u64,
    imports: Imports,
    count: usize,
    /// The import that is asked for, as it is written.
    dotted: String,
}

thread_local! {
    static IMPORTS: RefCell<Remembered> = RefCell::default();
}

pub(super) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

pub(super) fn last(path: &str) -> &str {
    path.rfind('/').map_or(path, |at| &path[at + 1..])
}

pub(super) fn join(folder: &str, rest: &str) -> String {
    if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") }
}

/// With `/`, and without `.`: as every file is known.
pub(super) fn plain(path: &Utf8Path) -> String {
    let path = path.as_str().replace('\\', "/");
    if path.starts_with("./") || path.contains("/./") || path.contains("/../") {
        return crate::packages::normal(Utf8Path::new(""), &path).into_string();
    }
    path
}

impl Layout {
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a Utf8Path, Language)>, around: &Surroundings) -> Self {
        let mut layout = Self { number: super::next_number(), ..Self::default() };
        let mut languages = Vec::new();
        let mut rust = Vec::new();
        let mut before = String::new();
        for (index, (location, language)) in files.enumerate() {
            let path = plain(location);
            let path = path.as_str();
            let stem = match path.rfind('.') {
                Some(at) if !path[at..].contains('/') => &path[..at],
                _ => path,
            };
            let id = FileId(index as u32);
            match language {
                Language::Python => {
                    layout.python.entry(stem.to_owned()).or_insert(id);
                    let folder = parent(stem);
                    // Neighbours stand next to each other.
                    if folder != before {
                        layout.starts.extend(folder.split('/').map(str::to_owned));
                        folder.clone_into(&mut before);
                    }
                    layout.starts.insert(last(stem).to_owned());
                    if last(stem) == "__init__" {
                        layout.packages.entry(folder.to_owned()).or_insert(id);
                    }
                }
                Language::Rust => rust.push((id, stem.to_owned())),
            }
            layout.entries.push(Entry { stem: stem.to_owned(), root: 0, module: String::new() });
            languages.push(language);
        }
        layout.crates = Crates::of(rust, languages.len(), &around.manifests);
        let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
        let is_python = |index: &usize| languages[*index] == Language::Python;
        let python: Vec<usize> = (0..languages.len()).filter(is_python).collect();
        let modules: Vec<(String, String)> = python.par_iter().map(|index| layout.python_module(*index)).collect();
        for (index, (root, module)) in python.into_iter().zip(modules) {
            let stem = layout.entries[index].stem.as_str();
            let name = last(stem.strip_suffix("/__init__").unwrap_or(stem)).to_owned();
            layout.by_name.entry(name).or_default().push(FileId(index as u32));
            let first = module.split('.').next().unwrap_or(&module).to_owned();
            let roots = layout.top.entry(first).or_default();
            if !roots.contains(&root) {
                roots.push(root.clone());
            }
            let next = layout.roots.len() as u32;
            let number = *numbers.entry(root).or_insert_with_key(|root| {
                layout.roots.push(root.clone());
                next
            });
            layout.entries[index].root = number;
            layout.entries[index].module = module;
        }
        layout.place_extensions(&around.extensions);
        layout
    }

    /// An extension module lies among Python's modules, as the first file of its crate: before a `.py` of its name, after a
    /// package.
    fn place_extensions(&mut self, extensions: &[Extension]) {
        let mut placed: Vec<(String, String, FileId)> = Vec::new();
        for extension in extensions {
            let library = extension.crates.iter().find_map(|folder| self.crates.library_in(&plain(folder)));
            let Some((file, name)) = library else { continue };
            let mut path = extension.module.as_deref().unwrap_or(name).replace('.', "/");
            let first = path.split('/').next().unwrap_or_default();
            let roots = || extension.roots.iter().map(|it| plain(it));
            let has_package = |root: &String| self.packages.contains_key(&join(root, first));
            let Some(root) = roots().find(has_package).or_else(|| roots().next_back()) else { continue };
            if extension.inside && first == path && has_package(&root) {
                path = join(&path, first);
            }
            placed.push((root, path, file));
        }
        // What no project speaks of is loaded under its own name.
        for (folder, file, name) in self.crates.loaded_by_python() {
            let folder = plain(Utf8Path::new(folder));
            if !placed.iter().any(|(.., it)| *it == file) && !self.python.contains_key(&join(&folder, name)) {
                placed.push((folder, name.to_owned(), file));
            }
        }
        for (root, path, file) in placed {
            self.starts.extend(path.split('/').map(str::to_owned));
            let roots = self.top.entry(path.split('/').next().unwrap_or_default().to_owned()).or_default();
            if !roots.contains(&root) {
                roots.push(root.clone());
            }
            self.python.insert(join(&root, &path), file);
            self.built.insert(file);
        }
    }

    /// The path of a file, without its ending.
    pub(super) fn stem(&self, file: FileId) -> &str {
        &self.entries[file.index()].stem
    }

    /// The folder is a Python package, or holds a Rust crate's sources.
    pub(super) fn is_whole(&self, folder: &str) -> bool {
        self.packages.contains_key(folder) || self.crates.is_whole(folder)
    }

    pub(super) fn module_name(&self, file: FileId) -> &str {
        let entry = &self.entries[file.index()];
        if entry.module.is_empty() { self.crates.module_name(file) } else { &entry.module }
    }

    fn python(&self, path: &str) -> Option<FileId> {
        self.python.get(path).copied()
    }

    fn python_module(&self, index: usize) -> (String, String) {
        let stem = &self.entries[index].stem;
        let (mut folder, mut parts) = (parent(stem), Vec::new());
        if last(stem) != "__init__" {
            parts.push(last(stem));
        }
        while self.packages.contains_key(folder) && !folder.is_empty() {
            parts.push(last(folder));
            folder = parent(folder);
        }
        parts.reverse();
        (folder.to_owned(), parts.join("."))
    }

    /// The file of a Python module, and how many of the segments name it. The longest name wins.
    fn below(&self, folder: &str, segments: &[&str]) -> Option<(FileId, usize)> {
        let mut found = None;
        if !segments.first().is_some_and(|first| self.starts.contains(*first)) {
            return None;
        }
        let mut path = String::with_capacity(folder.len() + segments.iter().map(|it| it.len() + 1).sum::<usize>());
        path.push_str(folder);
        for (index, segment) in segments.iter().enumerate() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(segment);
            if let Some(file) = self.packages.get(&path).copied().or_else(|| self.python(&path)) {
                found = Some((file, index + 1));
            } else if found.is_some() {
                break;
            }
        }
        found
    }

    /// `import a.b.c` seen from `file`. `known`: a library of that name is in the tables, so only a module beside the
    /// importing code can be meant instead.
    pub(super) fn absolute(&self, file: FileId, segments: &[&str], known: bool) -> Option<Found> {
        let root = self.entries[file.index()].root;
        IMPORTS.with_borrow_mut(|it| {
            if it.layout != self.number || it.count > MOST_IMPORTS {
                *it = Remembered { layout: self.number, ..Remembered::default() };
            }
            it.dotted.clear();
            for (index, segment) in segments.iter().enumerate() {
                it.dotted.push_str(if index == 0 { "" } else { "." });
                it.dotted.push_str(segment);
            }
            let known_here = it.imports.entry((root, known)).or_default();
            if let Some(found) = known_here.get(&it.dotted) {
                return *found;
            }
            let found = self.absolute_afresh(root, segments, known);
            known_here.insert(it.dotted.clone(), found);
            it.count += 1;
            found
        })
    }

    fn absolute_afresh(&self, root: u32, segments: &[&str], known: bool) -> Option<Found> {
        let near = self.near(root, segments, known).map(|module| Found { module, is_near: true });
        near.or_else(|| if known { None } else { Some(Found { module: self.far(segments)?, is_near: false }) })
    }

    /// From the folder upwards.
    fn near(&self, root: u32, segments: &[&str], known: bool) -> Option<(FileId, usize)> {
        let root = self.roots[root as usize].as_str();
        // Inside a package of that name, or beside the script.
        if let Some(found) = self.below(root, segments) {
            return Some(found);
        }
        if known {
            return None;
        }
        let mut folder = root;
        while !folder.is_empty() {
            folder = parent(folder);
            // A package is no place to start from: it holds what is built of a crate under its own name.
            let starts =
                |found: &(FileId, usize)| !(self.built.contains(&found.0) && self.packages.contains_key(folder));
            let found = self.below(folder, segments).filter(starts);
            if let Some(found) = found.or_else(|| self.below(&join(folder, "src"), segments)) {
                return Some(found);
            }
        }
        None
    }

    /// Wherever it is, if that is one place.
    fn far(&self, segments: &[&str]) -> Option<(FileId, usize)> {
        if let Some([only]) = self.top.get(*segments.first()?).map(Vec::as_slice)
            && let Some(found) = self.below(only, segments)
        {
            return Some(found);
        }
        self.spread(segments)
    }

    /// The user's own files are the package of that name: what is not found among them is not elsewhere.
    pub(super) fn has_package(&self, name: &str) -> bool {
        let mut roots = self.top.get(name).into_iter().flatten();
        roots.any(|root| self.packages.contains_key(&join(root, name)))
    }

    /// The file lies in a package of that name, be it in a part of it without `__init__`.
    pub(super) fn is_within(&self, file: FileId, name: &str) -> bool {
        // Most are libraries' names, which no folder has.
        if !self.starts.contains(name) {
            return false;
        }
        let Some(entry) = self.entries.get(file.index()) else { return false };
        let Some(root) = self.roots.get(entry.root as usize) else { return false };
        let mut folder = root.as_str();
        while !folder.is_empty() {
            if last(folder) == name && self.packages.contains_key(folder) {
                return true;
            }
            folder = parent(folder);
        }
        false
    }

    /// A package without `__init__` whose parts stand under several roots: `core/src/acme/core`, `web/src/acme/web`.
    fn spread(&self, segments: &[&str]) -> Option<(FileId, usize)> {
        (2..=segments.len()).rev().find_map(|length| {
            let suffix = format!("/{}", segments[..length].join("/"));
            let mut found = self.by_name.get(segments[length - 1])?.iter().filter(|file| {
                let stem = self.entries[file.index()].stem.as_str();
                stem.strip_suffix("/__init__").unwrap_or(stem).ends_with(&suffix)
            });
            match (found.next(), found.next()) {
                (Some(only), None) => Some((*only, length)),
                _ => None,
            }
        })
    }

    /// The file of a module by its whole dotted name, wherever its root is, if there is just one.
    pub(super) fn module_named(&self, name: &str) -> Option<FileId> {
        let last = name.rsplit('.').next()?;
        self.by_name.get(last)?;
        let segments: Vec<&str> = name.split('.').collect();
        let (file, used) = self.spread(&segments)?;
        (used == segments.len()).then_some(file)
    }

    /// `from ..a import b` seen from `file`: `level` dots. Gives the package itself for no segments.
    pub(super) fn relative(&self, file: FileId, level: u32, segments: &[&str]) -> Option<(FileId, usize)> {
        let stem = self.entries[file.index()].stem.as_str();
        let mut folder = parent(stem);
        for _ in 1..level {
            folder = parent(folder);
        }
        self.below(folder, segments).or_else(|| self.packages.get(folder).map(|file| (*file, 0)))
    }
}
