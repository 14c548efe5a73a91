//! Where Rust files stand: which crate a file is of, which file a `mod` names, which crate a name in code is.
//!
//! Manifests say what crates there are, where they begin and what code calls them. Where there is no manifest, the names of
//! folders do. No file is read for it: what a `#[path]` says is looked up where its `mod` is.

use camino::Utf8Path;
use rustc_hash::{FxHashMap, FxHashSet};

use super::layout::{join, last, parent, plain};
use crate::finding::FileId;
use crate::packages::{Dependency, Manifest, Package};

/// The Rust files of a project.
#[derive(Default)]
pub(super) struct Crates {
    /// By path without its ending: `src/a/mod`, `src/lib`.
    files: FxHashMap<String, FileId>,
    /// By index of the file; those of other languages are empty.
    nodes: Vec<Node>,
    /// Sorted by folder.
    manifests: Vec<Manifest>,
    /// Manifests with a package, by folder.
    packages: FxHashMap<String, usize>,
    /// First files of crates by the folder they stand in; of several a library's, then `main`.
    roots: FxHashMap<String, FileId>,
    /// First files of libraries: by the name other crates use, where there is no manifest; and by their package's name.
    by_folder: FxHashMap<String, Vec<FileId>>,
    by_package: FxHashMap<String, Vec<FileId>>,
    /// Names of libraries that are not their package's.
    renamed: FxHashSet<String>,
    /// Names that some package or workspace gives to what it depends on.
    given: FxHashSet<String>,
}

#[derive(Default)]
struct Node {
    /// Without the ending.
    stem: String,
    /// The folder that its crate's first file stands in.
    folder: String,
    /// `a::b`; empty for a library's or binary's first file.
    module: String,
    /// Nobody declares it with `mod`; it is a crate's first file.
    is_root: bool,
    /// The manifest of its package.
    manifest: Option<usize>,
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

/// What Cargo finds by itself in the package of that folder: `src/main.rs`, `tests/api.rs`, `examples/demo/main.rs`.
fn is_found_by_cargo(inside: &str) -> bool {
    let parts: Vec<&str> = inside.split('/').collect();
    matches!(
        parts.as_slice(),
        ["build"]
            | ["src", "lib" | "main"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main"]
            | ["tests" | "examples" | "benches", _]
            | ["tests" | "examples" | "benches", _, "main"]
    )
}

fn stem_of(path: &Utf8Path) -> String {
    let path = plain(path);
    path.strip_suffix(".rs").map_or_else(|| path.clone(), str::to_owned)
}

impl Crates {
    /// `stems`: of all Rust files, without their ending; `count` is that of all files.
    pub(super) fn of(stems: Vec<(FileId, String)>, count: usize, manifests: &[Manifest]) -> Self {
        let mut crates = Self { manifests: manifests.to_vec(), ..Self::default() };
        crates.manifests.sort_by(|a, b| a.folder.cmp(&b.folder));
        for (index, manifest) in crates.manifests.iter().enumerate() {
            if manifest.package.is_some() {
                crates.packages.insert(plain(&manifest.folder), index);
            }
        }
        for manifest in &crates.manifests {
            let of_package = manifest.package.iter().flat_map(|it| &it.dependencies);
            let all = of_package.chain(manifest.workspace.iter().flat_map(|it| &it.dependencies));
            crates.given.extend(all.filter(|it| it.is_renamed()).map(|it| it.name.clone()));
        }
        crates.nodes.resize_with(count, Node::default);
        for (id, stem) in &stems {
            crates.files.entry(stem.clone()).or_insert(*id);
        }
        let firsts = stems.iter().filter(|(_, stem)| matches!(last(stem), "lib" | "main"));
        let by_name: FxHashSet<String> = firsts.map(|(_, stem)| parent(stem).to_owned()).collect();
        let mut best: FxHashMap<String, (u32, &str, FileId)> = FxHashMap::default();
        for (id, stem) in &stems {
            let manifest = crates.manifest_around(stem);
            let is_root = match manifest {
                Some(manifest) => crates.is_target(manifest, stem),
                None => is_crate_root(stem, &by_name),
            };
            if is_root {
                let is_library = manifest.is_some_and(|it| crates.library(it) == Some(*id));
                let rank = match last(stem) {
                    _ if is_library => 0,
                    "lib" => 1,
                    "main" => 2,
                    "build" => 4,
                    _ => 3,
                };
                let one = (rank, stem.as_str(), *id);
                let known = best.entry(parent(stem).to_owned()).or_insert(one);
                *known = one.min(*known);
            }
            // `crates/shop-core/src/lib.rs` is the library `shop_core`, unless its manifest says otherwise.
            if manifest.is_none() && last(stem) == "lib" && last(parent(stem)) == "src" {
                let name = last(parent(parent(stem))).replace('-', "_");
                crates.by_folder.entry(name).or_default().push(*id);
            }
            crates.nodes[id.index()] = Node { is_root, manifest, ..Node::default() };
        }
        crates.roots = best.into_iter().filter(|(_, (rank, ..))| *rank < 4).map(|(key, (.., id))| (key, id)).collect();
        for (id, stem) in stems {
            let (folder, module) = crates.place(&stem, crates.nodes[id.index()].is_root);
            let node = &mut crates.nodes[id.index()];
            (node.stem, node.folder, node.module) = (stem, folder, module);
        }
        for index in 0..crates.manifests.len() {
            let library = crates.library(index);
            if let (Some(id), Some(package)) = (library, &crates.manifests[index].package) {
                crates.by_package.entry(package.name.clone()).or_default().push(id);
                let library = package.library.iter().map(|it| &it.name);
                crates.renamed.extend(library.filter(|it| **it != package.name.replace('-', "_")).cloned());
                crates.nodes[id.index()].module = String::new();
            }
        }
        crates
    }

    /// The package that a file lies in: the nearest manifest above it that has one.
    fn manifest_around(&self, stem: &str) -> Option<usize> {
        if self.packages.is_empty() {
            return None;
        }
        let mut folder = stem;
        loop {
            folder = if folder.is_empty() { return None } else { parent(folder) };
            if let Some(found) = self.packages.get(folder) {
                return Some(*found);
            }
        }
    }

    fn package(&self, manifest: usize) -> Option<&Package> {
        self.manifests.get(manifest)?.package.as_ref()
    }

    /// The file is the first of one of the package's crates.
    fn is_target(&self, manifest: usize, stem: &str) -> bool {
        let Some(package) = self.package(manifest) else { return false };
        let folder = plain(&self.manifests[manifest].folder);
        let inside = if folder.is_empty() { stem } else { stem[folder.len()..].trim_start_matches('/') };
        let named = package.library.iter().map(|it| &it.path).chain(&package.targets);
        is_found_by_cargo(inside) || named.into_iter().any(|path| stem_of(path) == stem)
    }

    /// The first file of the library of a manifest's package.
    fn library(&self, manifest: usize) -> Option<FileId> {
        self.file(&stem_of(&self.package(manifest)?.library.as_ref()?.path))
    }

    /// The library that Python can load of the package in that folder: its first file and its name.
    pub(super) fn library_in(&self, folder: &str) -> Option<(FileId, &str)> {
        let manifest = *self.packages.get(folder).filter(|it| self.manifests[**it].speaks_python())?;
        Some((self.library(manifest)?, self.package(manifest)?.library.as_ref()?.name.as_str()))
    }

    /// Libraries that Python can load: the folder of the package, the first file and the name.
    pub(super) fn loaded_by_python(&self) -> impl Iterator<Item = (&str, FileId, &str)> {
        self.manifests.iter().filter_map(|manifest| {
            let library = manifest.package.as_ref()?.library.as_ref().filter(|it| it.loaded)?;
            let file = self.file(&stem_of(&library.path)).filter(|_| manifest.speaks_python())?;
            Some((manifest.folder.as_str(), file, library.name.as_str()))
        })
    }

    pub(super) fn module_name(&self, file: FileId) -> &str {
        &self.nodes[file.index()].module
    }

    fn file(&self, stem: &str) -> Option<FileId> {
        self.files.get(stem).copied()
    }

    /// Manifests of workspaces around one, innermost first, itself included.
    fn workspaces(&self, manifest: usize) -> impl Iterator<Item = &Manifest> {
        let folder = &self.manifests[manifest].folder;
        let above = self.manifests.iter().rev().filter(move |it| folder.starts_with(&it.folder));
        above.filter(|it| it.workspace.is_some())
    }

    /// What code of the file's package means by the name of a crate, where its manifest says so.
    pub(super) fn dependency(&self, file: FileId, name: &str) -> Option<&Dependency> {
        let manifest = self.nodes.get(file.index())?.manifest?;
        let found = self.package(manifest)?.dependency(name)?;
        if !found.inherited {
            return Some(found);
        }
        self.workspaces(manifest).find_map(|it| it.workspace.as_ref()?.dependency(name)).or(Some(found))
    }

    /// The package that code of the file means by a name which the manifest gives it; `None`: it goes by its own.
    pub(super) fn meant_by(&self, file: FileId, name: &str) -> Option<&str> {
        if !self.given.contains(name) {
            return None;
        }
        self.dependency(file, name).filter(|it| it.is_renamed()).map(|it| it.package.as_str())
    }

    /// The file's package and the folder it is in.
    pub(super) fn package_of(&self, file: FileId) -> Option<(&Utf8Path, &Package)> {
        let manifest = self.nodes.get(file.index())?.manifest?;
        Some((&self.manifests[manifest].folder, self.package(manifest)?))
    }

    /// The library crate of that name among the files, seen from `file`: of several the one that stands nearest.
    pub(super) fn crate_named(&self, file: FileId, name: &str) -> Option<FileId> {
        let node = self.nodes.get(file.index())?;
        let Some(manifest) = node.manifest else {
            return self.nearest(file, self.by_folder.get(name)?);
        };
        let own = self.package(manifest).and_then(|it| it.library.as_ref());
        if own.is_some_and(|it| it.name == name) {
            return self.library(manifest);
        }
        let Some(dependency) = self.dependency(file, name) else { return self.library_named(file, manifest, name) };
        if let Some(path) = &dependency.path {
            return self.library(*self.packages.get(&plain(path))?);
        }
        let version = |it: &FileId| self.package_of(*it).and_then(|(_, package)| package.version.as_deref());
        let is_meant = |it: &FileId| version(it).is_none_or(|version| !dependency.rules_out(version));
        let found: Vec<FileId> = self.by_package.get(&dependency.package)?.iter().copied().filter(is_meant).collect();
        self.nearest(file, &found)
    }

    /// The library of a dependency on disk whose own manifest gives it that name: `[lib] name = ".."`. One that is given a name where it is
    /// asked for goes by that.
    fn library_named(&self, file: FileId, manifest: usize, name: &str) -> Option<FileId> {
        // Every path that begins with something else asks, and hardly any library has such a name.
        if !self.renamed.contains(name) {
            return None;
        }
        self.package(manifest)?.dependencies.iter().find_map(|it| {
            let it = self.dependency(file, &it.name)?;
            let other = *self.packages.get(&plain(it.path.as_ref()?))?;
            let library = self.package(other)?.library.as_ref()?;
            (library.name == name && !it.is_renamed()).then(|| self.library(other))?
        })
    }

    fn nearest(&self, file: FileId, found: &[FileId]) -> Option<FileId> {
        let here = self.nodes[file.index()].stem.as_str();
        let shared = |other: &FileId| {
            let other = self.nodes[other.index()].stem.as_str();
            here.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
        };
        found.iter().copied().max_by_key(|it| (shared(it), std::cmp::Reverse(*it)))
    }

    /// The file of the crate root that `file` belongs to.
    pub(super) fn crate_root(&self, file: FileId) -> Option<FileId> {
        let node = &self.nodes[file.index()];
        if node.is_root { Some(file) } else { self.roots.get(&node.folder).copied() }
    }

    /// The files below the folder that a crate's first file stands in.
    pub(super) fn crate_files(&self, first: FileId) -> impl Iterator<Item = FileId> {
        let folder = &self.nodes[first.index()].folder;
        let files = self.nodes.iter().zip(0..).filter(move |(node, _)| !node.stem.is_empty() && node.folder == *folder);
        files
            .map(|(node, file)| (node, FileId(file)))
            .filter(|(node, file)| self.file(&node.stem) == Some(*file))
            .map(|it| it.1)
    }

    /// The folder is that of a package, or holds a crate's sources.
    pub(super) fn is_whole(&self, folder: &str) -> bool {
        let has = |name: &str| self.files.contains_key(&join(folder, name));
        self.packages.contains_key(folder) || ["src/lib", "src/main", "lib", "main"].into_iter().any(has)
    }

    /// The file of `mod name;` declared in `file`, below the inline modules `inside`; `path` is its `#[path]`.
    pub(super) fn child(&self, file: FileId, inside: &[&str], name: &str, path: Option<&str>) -> Option<FileId> {
        let node = &self.nodes[file.index()];
        let usual = node.is_root || last(&node.stem) == "mod";
        either(&node.stem, usual, inside, name, path).find_map(|stem| self.file(&stem))
    }

    /// The module around the one `file` holds, by the names of folders.
    pub(super) fn parent_module(&self, file: FileId) -> Option<FileId> {
        let node = &self.nodes[file.index()];
        if node.module.is_empty() || node.is_root {
            return None;
        }
        let mut folder = parent(node.stem.strip_suffix("/mod").unwrap_or(&node.stem));
        // The folder of an inline module, `mod api { mod routes; }`, has no file of its own.
        while folder != node.folder && !folder.is_empty() {
            let around = [folder.to_owned(), join(folder, "mod")];
            if let Some(found) = around.iter().filter(|it| **it != node.stem).find_map(|it| self.file(it)) {
                return Some(found);
            }
            folder = parent(folder);
        }
        self.crate_root(file)
    }

    /// The source folder of a file's crate and its module.
    fn place(&self, stem: &str, is_root: bool) -> (String, String) {
        let name = last(stem);
        if is_root {
            let module = if matches!(name, "lib" | "main") { "" } else { name };
            return (parent(stem).to_owned(), module.to_owned());
        }
        let mut root = parent(stem);
        while !self.roots.contains_key(root) {
            if root.is_empty() {
                // A file by itself is a crate by itself.
                return (parent(stem).to_owned(), name.to_owned());
            }
            root = parent(root);
        }
        let inside = stem[root.len()..].trim_start_matches('/');
        let inside = inside.strip_suffix("/mod").unwrap_or(inside);
        (root.to_owned(), inside.replace('/', "::"))
    }
}

/// Where the text of a `mod` may stand, likelier ones first: the modules of a file that stands elsewhere by its `#[path]` are
/// beside it, whatever its name.
pub(super) fn either(
    stem: &str,
    beside: bool,
    inside: &[&str],
    name: &str,
    path: Option<&str>,
) -> impl Iterator<Item = String> {
    let mut all = children(stem, beside, inside, name, path);
    if !beside {
        all.extend(children(stem, true, inside, name, path));
    }
    all.into_iter()
}

/// Where the text of `mod name;` may stand, without the ending.
fn children(stem: &str, beside: bool, inside: &[&str], name: &str, path: Option<&str>) -> Vec<String> {
    let mut folder = if beside || (path.is_some() && inside.is_empty()) { parent(stem) } else { stem }.to_owned();
    for segment in inside {
        folder = join(&folder, segment);
    }
    match path {
        Some(path) => vec![stem_of(&crate::packages::normal(Utf8Path::new(&folder), path))],
        None => {
            let path = join(&folder, name);
            vec![path.clone(), join(&path, "mod")]
        }
    }
}
