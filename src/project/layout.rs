//! Where files stand: which file a module path names, seen from another file.

use camino::Utf8Path;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::FileId;
use crate::source::Language;

/// Paths of all files, for imports to be found in.
#[derive(Default)]
pub(super) struct Layout {
    /// By path without its ending: `pkg/mod`, `pkg/__init__`.
    python: FxHashMap<String, FileId>,
    /// `src/a/mod`, `src/lib`.
    rust: FxHashMap<String, FileId>,
    /// Folders that are Python packages: `pkg` where there is a `pkg/__init__`.
    packages: FxHashMap<String, FileId>,
    /// Every name that a Python file or a folder with one has: nothing else can be imported.
    starts: FxHashSet<String>,
    /// Top-level Python packages and modules: name to the folders they stand in.
    top: FxHashMap<String, Vec<String>>,
    /// Python files by the last part of their module's path, for packages spread over several roots.
    by_name: FxHashMap<String, Vec<FileId>>,
    /// Rust libraries by the name other crates use.
    crates: FxHashMap<String, Vec<FileId>>,
    entries: Vec<Entry>,
}

struct Entry {
    /// Without the ending.
    stem: String,
    /// Python: the folder that absolute imports of its own package start from. Rust: the crate's source folder.
    root: String,
    /// `pkg.mod`, `a::b`; empty for a Rust crate root.
    module: String,
    /// Rust: nobody declares it with `mod`; it is a crate's first file.
    is_root: bool,
}

fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

fn last(path: &str) -> &str {
    path.rfind('/').map_or(path, |at| &path[at + 1..])
}

fn join(folder: &str, rest: &str) -> String {
    if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") }
}

/// `lib.rs`, `main.rs`; a binary, test, example or benchmark of a package with one of those in `src`.
fn is_crate_root(stem: &str, crate_roots: &FxHashSet<String>) -> bool {
    let folder = parent(stem);
    match last(stem) {
        "lib" | "main" => true,
        "build" => crate_roots.contains(&join(folder, "src")),
        _ => match last(folder) {
            "bin" => crate_roots.contains(parent(folder)),
            "tests" | "examples" | "benches" => crate_roots.contains(&join(parent(folder), "src")),
            _ => false,
        },
    }
}

impl Layout {
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a Utf8Path, Language)>) -> Self {
        let mut layout = Self::default();
        let mut languages = Vec::new();
        let mut before = String::new();
        for (index, (location, language)) in files.enumerate() {
            let path = location.as_str().replace('\\', "/");
            let path = path.strip_prefix("./").unwrap_or(&path);
            let stem = match path.rfind('.') {
                Some(at) if !path[at..].contains('/') => &path[..at],
                _ => path,
            };
            let id = FileId(index as u32);
            let files = match language {
                Language::Python => &mut layout.python,
                Language::Rust => &mut layout.rust,
            };
            files.entry(stem.to_owned()).or_insert(id);
            if language == Language::Python {
                let folder = parent(stem);
                // Neighbours stand next to each other.
                if folder != before {
                    layout.starts.extend(folder.split('/').map(str::to_owned));
                    folder.clone_into(&mut before);
                }
                layout.starts.insert(last(stem).to_owned());
            }
            if language == Language::Python && last(stem) == "__init__" {
                layout.packages.entry(parent(stem).to_owned()).or_insert(id);
            }
            layout.entries.push(Entry {
                stem: stem.to_owned(),
                root: String::new(),
                module: String::new(),
                is_root: false,
            });
            languages.push(language);
        }
        let crate_roots = layout.crate_roots(&languages);
        for (index, language) in languages.iter().enumerate() {
            let (root, module) = match language {
                Language::Python => layout.python_module(index),
                Language::Rust => layout.rust_module(index, &crate_roots),
            };
            if *language == Language::Rust {
                let stem = layout.entries[index].stem.clone();
                let stem = stem.as_str();
                layout.entries[index].is_root = is_crate_root(stem, &crate_roots);
                // `crates/shop-core/src/lib.rs` is the library `shop_core`, unless its manifest says otherwise.
                let package = last(stem) == "lib" && last(parent(stem)) == "src";
                if package {
                    let name = last(parent(parent(stem))).replace('-', "_");
                    layout.crates.entry(name).or_default().push(FileId(index as u32));
                }
            }
            if *language == Language::Python {
                let stem = layout.entries[index].stem.as_str();
                let name = last(stem.strip_suffix("/__init__").unwrap_or(stem)).to_owned();
                layout.by_name.entry(name).or_default().push(FileId(index as u32));
                let first = module.split('.').next().unwrap_or(&module).to_owned();
                let roots = layout.top.entry(first).or_default();
                if !roots.contains(&root) {
                    roots.push(root.clone());
                }
            }
            layout.entries[index].root = root;
            layout.entries[index].module = module;
        }
        layout
    }

    /// The path of a file, without its ending.
    pub(super) fn stem(&self, file: FileId) -> &str {
        &self.entries[file.index()].stem
    }

    /// The folder is a Python package, or holds a Rust crate's sources.
    pub(super) fn is_whole(&self, folder: &str) -> bool {
        let has = |name: &str| self.rust.contains_key(&join(folder, name));
        self.packages.contains_key(folder) || ["src/lib", "src/main", "lib", "main"].into_iter().any(has)
    }

    pub(super) fn module_name(&self, file: FileId) -> &str {
        &self.entries[file.index()].module
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
    pub(super) fn absolute(&self, file: FileId, segments: &[&str], known: bool) -> Option<(FileId, usize)> {
        let entry = &self.entries[file.index()];
        // Inside a package of that name, or beside the script.
        if let Some(found) = self.below(&entry.root, segments) {
            return Some(found);
        }
        if known {
            return None;
        }
        let mut folder = entry.root.as_str();
        while !folder.is_empty() {
            folder = parent(folder);
            if let Some(found) = self.below(folder, segments).or_else(|| self.below(&join(folder, "src"), segments)) {
                return Some(found);
            }
        }
        if let Some([only]) = self.top.get(*segments.first()?).map(Vec::as_slice)
            && let Some(found) = self.below(only, segments)
        {
            return Some(found);
        }
        self.spread(segments)
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

    /// The library crate of that name, seen from `file`: of several the one that stands nearest.
    pub(super) fn crate_named(&self, file: FileId, name: &str) -> Option<FileId> {
        let found = self.crates.get(name)?;
        let here = self.entries[file.index()].stem.as_str();
        let shared = |other: &FileId| {
            let other = self.entries[other.index()].stem.as_str();
            here.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
        };
        found.iter().copied().max_by_key(|it| (shared(it), std::cmp::Reverse(*it)))
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

    fn rust(&self, path: &str) -> Option<FileId> {
        self.rust.get(path).copied()
    }

    fn crate_roots(&self, languages: &[Language]) -> FxHashSet<String> {
        let rust = self.entries.iter().zip(languages).filter(|(_, language)| **language == Language::Rust);
        rust.filter(|(entry, _)| matches!(last(&entry.stem), "lib" | "main"))
            .map(|(entry, _)| parent(&entry.stem).to_owned())
            .collect()
    }

    fn rust_module(&self, index: usize, crate_roots: &FxHashSet<String>) -> (String, String) {
        let stem = &self.entries[index].stem;
        if is_crate_root(stem, crate_roots) && !matches!(last(stem), "lib" | "main") {
            return (parent(stem).to_owned(), last(stem).to_owned());
        }
        let mut root = parent(stem);
        while !crate_roots.contains(root) {
            if root.is_empty() {
                // A file by itself is a crate by itself.
                return (parent(stem).to_owned(), last(stem).to_owned());
            }
            root = parent(root);
        }
        let inside = stem[root.len()..].trim_start_matches('/');
        let inside = inside.strip_suffix("/mod").unwrap_or(inside);
        let module = if matches!(inside, "lib" | "main") { String::new() } else { inside.replace('/', "::") };
        (root.to_owned(), module)
    }

    /// The file of the crate root that `file` belongs to.
    pub(super) fn crate_root(&self, file: FileId) -> Option<FileId> {
        if self.entries[file.index()].is_root {
            return Some(file);
        }
        let root = &self.entries[file.index()].root;
        self.rust(&join(root, "lib")).or_else(|| self.rust(&join(root, "main")))
    }

    /// The files below the folder that a crate's first file stands in.
    pub(super) fn crate_files(&self, first: FileId) -> impl Iterator<Item = FileId> {
        let root = &self.entries[first.index()].root;
        let files = self.entries.iter().zip(0..).filter(move |(entry, _)| entry.root == *root);
        files.map(|(_, file)| FileId(file)).filter(|file| self.rust(self.stem(*file)) == Some(*file))
    }

    /// The file of `mod name;` declared in `file`, below the inline modules `inside`.
    pub(super) fn child(&self, file: FileId, inside: &[&str], name: &str) -> Option<FileId> {
        let stem = self.entries[file.index()].stem.as_str();
        let beside = self.entries[file.index()].is_root || last(stem) == "mod";
        let mut folder = if beside { parent(stem).to_owned() } else { stem.to_owned() };
        for segment in inside {
            folder = join(&folder, segment);
        }
        let path = join(&folder, name);
        self.rust(&path).or_else(|| self.rust(&join(&path, "mod")))
    }

    /// The file of the module around the one `file` holds.
    pub(super) fn parent_module(&self, file: FileId) -> Option<FileId> {
        let entry = &self.entries[file.index()];
        if entry.module.is_empty() || entry.is_root {
            return None;
        }
        let stem = entry.stem.strip_suffix("/mod").unwrap_or(&entry.stem);
        let folder = parent(stem);
        if folder == entry.root {
            return self.crate_root(file);
        }
        self.rust(folder).or_else(|| self.rust(&join(folder, "mod")))
    }
}
