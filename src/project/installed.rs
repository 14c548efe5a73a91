//! Files of installed packages: found and read when something leads there, each once, and never judged.
//!
//! They are numbered as they are met, after the user's files. Which comes first hangs on the threads, so their numbers decide
//! nothing: where an order is needed, it is that of paths ([`Project::standing`](super::Project::standing)).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Slot;
use super::crates::either;
use super::layout::{join, last, parent};
use super::releases::{Asks, Release, Releases};
use super::types::{ClassRef, FnRef};
use crate::discover::{Found, Kind};
use crate::finding::FileId;
use crate::knowledge::Api;
use crate::packages::{CrateSource, EnvironmentId, Surroundings};
use crate::source::{Features, Language, Source};

/// A map that many threads read and few write.
pub(super) type Shared<K, V> = RwLock<FxHashMap<K, V>>;

/// Impls of a type: file and index there.
pub(super) type Impls = Arc<[(FileId, u32)]>;

#[derive(Default)]
pub(super) struct Installed {
    pub(super) around: Arc<Surroundings>,
    /// The number of the first file: how many files of the user's there are.
    first: usize,
    files: boxcar::Vec<InstalledFile>,
    by_path: Shared<PathBuf, FileId>,
    /// What an earlier analysis has read.
    before: FxHashMap<PathBuf, Arc<Slot>>,
    /// Which environment each of the user's files imports from.
    environments: Box<[Option<EnvironmentId>]>,
    /// Python modules by their whole name.
    modules: Shared<(EnvironmentId, String), Option<FileId>>,
    crates: boxcar::Vec<CrateSource>,
    crates_by_folder: Shared<Utf8PathBuf, CrateId>,
    /// What a crate calls another: by the asking crate, or the folder of the user's package.
    names: Shared<(Asking, String), Option<CrateId>>,
    features: Shared<CrateId, Option<Arc<Features>>>,
    /// Folders in which a file of a crate was looked for in vain.
    absent_beside: RwLock<FxHashSet<PathBuf>>,
    /// All Rust files of a crate, without their endings, sorted.
    listings: Shared<CrateId, Arc<[String]>>,
    pub(super) impls: Shared<ClassRef, Impls>,
    pub(super) described: Shared<FnRef, Option<&'static Api>>,
    /// What is kept of released packages, where that is wanted.
    pub(super) releases: OnceLock<Releases>,
    /// Folders that what was known before hangs on.
    relied_on: Mutex<FxHashSet<PathBuf>>,
}

/// Who names a crate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Asking {
    User(Utf8PathBuf),
    Crate(CrateId),
    /// Nobody in particular.
    Anyone,
}

/// An index into [`Installed::crates`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct CrateId(usize);

/// What something has led to in a crate, and what the crate calls others.
#[derive(Default)]
pub(super) struct LedTo {
    pub(super) files: Vec<FileId>,
    /// By name.
    pub(super) calls: Vec<(String, Option<CrateId>)>,
}

struct InstalledFile {
    found: Found,
    place: Place,
    slot: OnceLock<Arc<Slot>>,
    /// What its code has asked of what is around it, where that is wanted.
    asks: Mutex<Asks>,
    /// With its size in bytes.
    release: OnceLock<Option<(Arc<Release>, u64)>>,
    /// What was known before hangs on it, whether it is read or not.
    is_relied_on: AtomicBool,
}

/// Something outside of the user's files that answers hang on.
pub struct LookedAt {
    pub path: PathBuf,
    /// As it was read, of a source; `None` for a folder, or for what a release is vouched for to be.
    pub text: Option<Arc<str>>,
    /// What vouches for a file of a released package ([`crate::packages::sealed`]).
    pub seal: Option<PathBuf>,
}

/// What a file is part of.
pub(super) enum Place {
    Python {
        module: String,
        is_package: bool,
        environment: EnvironmentId,
    },
    Rust {
        of: CrateId,
        /// Without the ending.
        stem: String,
        is_root: bool,
    },
}

/// Folders with more files than this hold generated code: implementations are looked for beside the type alone.
const MOST_FILES: usize = 1500;

fn read<K: std::hash::Hash + Eq, V: Clone>(map: &Shared<K, V>, key: &K) -> Option<V> {
    map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

/// Keeps what is found first.
fn keep<K: std::hash::Hash + Eq, V: Clone>(map: &Shared<K, V>, key: K, value: V) -> V {
    map.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(value).clone()
}

/// What the map knows, else what is found out now. Threads that ask at once find out the same.
pub(super) fn remembered<K: std::hash::Hash + Eq, V: Clone>(map: &Shared<K, V>, key: K, find: impl FnOnce() -> V) -> V {
    match read(map, &key) {
        Some(known) => known,
        None => keep(map, key, find()),
    }
}

impl Installed {
    /// For files of the user's that lie at these places.
    pub(super) fn new<'a>(around: Arc<Surroundings>, files: impl ExactSizeIterator<Item = &'a Utf8Path>) -> Self {
        let first = files.len();
        let environments =
            if around.python.is_empty() { Box::default() } else { files.map(|it| around.python.of(it)).collect() };
        Self { around, first, environments, ..Self::default() }
    }

    /// Takes over what has been read already.
    pub(super) fn inherit(&mut self, before: &Self) {
        self.before.clone_from(&before.before);
        for (_, file) in &before.files {
            if let Some(slot) = file.slot.get() {
                self.before.insert(file.found.path.clone(), Arc::clone(slot));
            }
        }
    }

    /// What was concluded from the user's files as they were is not known any more.
    pub(super) fn forget_conclusions(&self) {
        self.impls.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.described.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn entry(&self, file: FileId) -> Option<&InstalledFile> {
        self.files.get(file.index().checked_sub(self.first)?)
    }

    /// All that the answers so far hang on besides what was asked of whole environments and lock files
    /// ([`Surroundings::asked`]): files that were read, manifests, and folders in which something was looked for, since what is
    /// not there today may be tomorrow. By their paths.
    pub(super) fn looked_at(&self) -> Vec<LookedAt> {
        let mut seen = Vec::new();
        let mut folders: FxHashSet<PathBuf> = FxHashSet::default();
        let mut crates: FxHashMap<CrateId, Option<PathBuf>> = FxHashMap::default();
        for (_, file) in &self.files {
            let slot = file.slot.get();
            if slot.is_some() || file.is_relied_on.load(Ordering::Relaxed) {
                let (path, text) = (file.found.path.clone(), slot.map(|it| Arc::clone(&it.source.text)));
                let seal = match file.place {
                    Place::Python { environment, .. } => self.around.python.get(environment).seal(&path),
                    Place::Rust { of, .. } => crates.entry(of).or_insert_with(|| self.krate(of).seal()).clone(),
                };
                seen.push(LookedAt { path, text, seal });
            }
            folders.extend(file.found.path.parent().map(Path::to_owned));
        }
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        let missing = modules.iter().filter(|(_, found)| found.is_none());
        let packages: FxHashSet<(EnvironmentId, &str)> =
            missing.map(|((of, name), _)| (*of, name.rsplit_once('.').map_or("", |it| it.0))).collect();
        folders.extend(packages.into_iter().flat_map(|(of, package)| self.around.python.get(of).folders_of(package)));
        let listings = self.listings.read().unwrap_or_else(PoisonError::into_inner);
        folders.extend(listings.values().flat_map(|stems| stems.iter()).map(|stem| PathBuf::from(parent(stem))));
        folders.extend(self.absent_beside.read().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        folders.extend(self.around.looked_at());
        folders.extend(self.relied_on.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        for whole in self.around.whole() {
            folders.remove(&whole);
        }
        seen.extend(folders.into_iter().map(|path| LookedAt { path, text: None, seal: None }));
        seen.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        seen
    }

    /// Where a file stands; `None` for the user's.
    pub(super) fn place(&self, file: FileId) -> Option<&Place> {
        self.entry(file).map(|it| &it.place)
    }

    pub(super) fn path(&self, file: FileId) -> Option<&Path> {
        self.entry(file).map(|it| it.found.path.as_path())
    }

    /// The file, read at first need. One that cannot be read is empty.
    pub(super) fn slot(&self, file: FileId) -> Option<&Slot> {
        let entry = self.entry(file)?;
        Some(entry.slot.get_or_init(|| {
            let is_as_before = |it: &&Arc<Slot>| it.source.features == self.features(&entry.place, &it.source);
            if let Some(slot) = self.before.get(&entry.found.path).filter(is_as_before) {
                return Arc::clone(slot);
            }
            let source = crate::discover::read(&entry.found, self.around.largest).ok().flatten();
            let language = entry.found.kind.language();
            let mut source = source.unwrap_or_else(|| Source::new(entry.found.shown.clone(), language, ""));
            source.installed = true;
            source.features = self.features(&entry.place, &source);
            Slot::with(source, true)
        }))
    }

    /// The features of the file's crate, where it asks for some.
    fn features(&self, place: &Place, source: &Source) -> Option<Arc<Features>> {
        let Place::Rust { of, .. } = place else { return None };
        if !source.text.contains("feature") {
            return None;
        }
        self.features_of(*of)
    }

    /// As reports show it.
    pub(super) fn shown(&self, file: FileId) -> Option<&Utf8Path> {
        self.entry(file).map(|it| it.found.shown.as_path())
    }

    pub(super) fn language(&self, file: FileId) -> Option<Language> {
        self.entry(file).map(|it| it.found.kind.language())
    }

    fn number(&self, path: PathBuf, shown: String, kind: Kind, place: Place) -> FileId {
        let mut by_path = self.by_path.write().unwrap_or_else(PoisonError::into_inner);
        *by_path.entry(path).or_insert_with_key(|path| {
            let found = Found { shown: shown.into(), path: path.clone(), kind };
            let index = self.files.push(InstalledFile {
                found,
                place,
                slot: OnceLock::new(),
                asks: Mutex::default(),
                release: OnceLock::new(),
                is_relied_on: AtomicBool::new(false),
            });
            FileId((self.first + index) as u32)
        })
    }

    /// The environment that the code of a file imports from: an installed one from its own.
    pub(super) fn environment_of(&self, file: FileId) -> Option<EnvironmentId> {
        match self.place(file) {
            Some(Place::Python { environment, .. }) => Some(*environment),
            Some(Place::Rust { .. }) => None,
            None => self.environments.get(file.index()).copied().flatten(),
        }
    }

    /// The environment holds something importable under this name.
    pub(super) fn has_module(&self, environment: EnvironmentId, first: &str) -> bool {
        self.around.python.get(environment).has(first)
    }

    /// The file of an installed Python module, by its whole name. `own` knows the user's files: a package under
    /// development is installed, too.
    pub(super) fn module(
        &self,
        environment: EnvironmentId,
        name: &str,
        own: impl FnOnce(&Path) -> Option<FileId>,
    ) -> Option<FileId> {
        let site = self.around.python.get(environment);
        remembered(&self.modules, (environment, name.to_owned()), || {
            let found = site.module(name)?;
            if let Some(own) = own(&found.path) {
                return Some(own);
            }
            let shown = site.shown(name, &found);
            let place = Place::Python { module: name.to_owned(), is_package: found.is_package, environment };
            Some(self.number(found.path, shown, Kind::Python, place))
        })
    }

    /// There is an environment or a lock file.
    pub(super) fn may_hold_any(&self) -> bool {
        !self.around.python.is_empty() || !self.around.crates.is_empty()
    }

    /// The code of an installed file asks something; `None`: the user's does, and that is not noted.
    pub(super) fn asks(&self, asking: Option<FileId>, note: impl FnOnce(&mut Asks)) {
        if self.releases.get().is_some()
            && let Some(entry) = asking.and_then(|file| self.entry(file))
        {
            note(&mut entry.asks.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(super) fn asked_by(&self, file: FileId) -> Asks {
        let asks = self.entry(file).map(|it| it.asks.lock().unwrap_or_else(PoisonError::into_inner).clone());
        asks.unwrap_or_default()
    }

    /// The release that a file is of, and its size in bytes, found by `find` at first need.
    pub(super) fn release_of(
        &self,
        file: FileId,
        find: impl FnOnce(&Place, &Path) -> Option<(Arc<Release>, u64)>,
    ) -> Option<&(Arc<Release>, u64)> {
        let entry = self.entry(file)?;
        entry.release.get_or_init(|| find(&entry.place, &entry.found.path)).as_ref()
    }

    /// What was known before hangs on the file.
    pub(super) fn rely_on(&self, file: FileId) {
        if let Some(entry) = self.entry(file) {
            entry.is_relied_on.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn rely_on_folders(&self, folders: Vec<PathBuf>) {
        self.relied_on.lock().unwrap_or_else(PoisonError::into_inner).extend(folders);
    }

    pub(super) fn krate(&self, id: CrateId) -> &CrateSource {
        &self.crates[id.0]
    }

    /// The crate that is called `name` by who asks, found by `find`.
    pub(super) fn crate_named(
        &self,
        asking: Asking,
        name: &str,
        find: impl FnOnce() -> Option<CrateSource>,
    ) -> Option<CrateId> {
        remembered(&self.names, (asking, name.to_owned()), || {
            let source = find()?;
            // What macros do happens in the compiler.
            let library = source.manifest.package.as_ref()?.library.as_ref()?;
            if library.macros {
                return None;
            }
            let mut known = self.crates_by_folder.write().unwrap_or_else(PoisonError::into_inner);
            let folder = source.folder.clone();
            Some(*known.entry(folder).or_insert_with(|| CrateId(self.crates.push(source))))
        })
    }

    /// The first file of a crate's library, without its ending.
    fn root_stem(&self, id: CrateId) -> Option<&str> {
        let library = self.krate(id).manifest.package.as_ref()?.library.as_ref()?;
        library.path.as_str().strip_suffix(".rs")
    }

    pub(super) fn crate_root(&self, id: CrateId) -> Option<FileId> {
        self.rust(id, self.root_stem(id)?)
    }

    /// The name by which other crates call it.
    pub(super) fn crate_name(&self, id: CrateId) -> &str {
        let package = self.krate(id).manifest.package.as_ref();
        package.and_then(|it| it.library.as_ref()).map_or("", |it| &it.name)
    }

    /// The file of a crate, if it is there and in the crate's folder.
    fn rust(&self, of: CrateId, stem: &str) -> Option<FileId> {
        let path = PathBuf::from(format!("{stem}.rs"));
        if let Some(known) = read(&self.by_path, &path) {
            return Some(known);
        }
        let source = self.krate(of);
        let Ok(real) = path.canonicalize() else {
            let folder = path.parent().map(Path::to_owned);
            self.absent_beside.write().unwrap_or_else(PoisonError::into_inner).extend(folder);
            return None;
        };
        let inside = Utf8Path::new(stem).strip_prefix(&source.folder).ok()?;
        if !path.is_file() || !crate::discover::plain_path(real).starts_with(&source.folder) {
            return None;
        }
        let shown = format!("{}/{inside}.rs", source.label).replace('\\', "/");
        let is_root = self.root_stem(of) == Some(stem);
        Some(self.number(path, shown, Kind::Rust, Place::Rust { of, stem: stem.to_owned(), is_root }))
    }

    /// The file of `mod name;`, as in [`Crates::child`](super::crates::Crates::child).
    pub(super) fn child(&self, file: FileId, inside: &[&str], name: &str, path: Option<&str>) -> Option<FileId> {
        let Place::Rust { of, stem, is_root } = self.place(file)? else { return None };
        let usual = *is_root || last(stem) == "mod";
        either(stem, usual, inside, name, path).find_map(|stem| self.rust(*of, &stem))
    }

    /// The module around a file, by the names of folders.
    pub(super) fn parent_module(&self, file: FileId) -> Option<FileId> {
        let Place::Rust { of, stem, is_root } = self.place(file)? else { return None };
        if *is_root {
            return None;
        }
        let root = self.root_stem(*of).map_or("", parent);
        let mut folder = parent(stem.strip_suffix("/mod").unwrap_or(stem));
        while folder != root && folder.len() > root.len() {
            let around = [folder.to_owned(), join(folder, "mod")];
            if let Some(found) = around.iter().filter(|it| *it != stem).find_map(|it| self.rust(*of, it)) {
                return Some(found);
            }
            folder = parent(folder);
        }
        self.crate_root(*of)
    }

    /// `kit::store::disk`, `httpx._client`.
    pub(super) fn module_name(&self, file: FileId) -> Option<String> {
        Some(match self.place(file)? {
            Place::Python { module, .. } => module.clone(),
            Place::Rust { of, stem, is_root } => {
                let name = self.crate_name(*of);
                let inside = self.root_stem(*of).and_then(|it| stem.strip_prefix(parent(it))).unwrap_or_default();
                let inside = inside.strip_suffix("/mod").unwrap_or(inside).trim_matches('/').replace('/', "::");
                if *is_root || inside.is_empty() { name.to_owned() } else { format!("{name}::{inside}") }
            }
        })
    }

    /// What something has led to so far in each crate, and from there.
    pub(super) fn crates_led_to(&self) -> FxHashMap<CrateId, LedTo> {
        let mut crates: FxHashMap<CrateId, LedTo> = FxHashMap::default();
        for (index, file) in &self.files {
            if let Place::Rust { of, .. } = file.place {
                crates.entry(of).or_default().files.push(FileId((self.first + index) as u32));
            }
        }
        for ((asking, name), called) in &*self.names.read().unwrap_or_else(PoisonError::into_inner) {
            if let Asking::Crate(of) = asking {
                crates.entry(*of).or_default().calls.push((name.clone(), *called));
            }
        }
        crates.values_mut().for_each(|it| it.calls.sort_unstable_by(|one, other| one.0.cmp(&other.0)));
        crates
    }

    /// The features of a crate, where somebody has asked for them.
    pub(super) fn features_asked(&self, of: CrateId) -> Option<Option<Arc<Features>>> {
        read(&self.features, &of)
    }

    pub(super) fn features_of(&self, of: CrateId) -> Option<Arc<Features>> {
        remembered(&self.features, of, || self.around.features(self.krate(of)).map(Arc::new))
    }

    /// The files of a crate, without their endings, where somebody has asked for them.
    pub(super) fn listing_asked(&self, of: CrateId) -> Option<Arc<[String]>> {
        read(&self.listings, &of)
    }

    pub(super) fn listing_of(&self, of: CrateId) -> Arc<[String]> {
        remembered(&self.listings, of, || rust_files(Path::new(self.root_stem(of).map_or("", parent))).into())
    }

    /// The folders of a crate in which a file was looked for in vain.
    pub(super) fn missing_in(&self, of: CrateId) -> Vec<PathBuf> {
        let folder = &self.krate(of).folder;
        let absent = self.absent_beside.read().unwrap_or_else(PoisonError::into_inner);
        absent.iter().filter(|it| it.starts_with(folder)).cloned().collect()
    }

    pub(super) fn misses_in(&self, folder: PathBuf) {
        self.absent_beside.write().unwrap_or_else(PoisonError::into_inner).insert(folder);
    }

    /// The file at a place in a crate's folder, without its ending.
    pub(super) fn rust_in(&self, of: CrateId, inside: &str) -> Option<FileId> {
        self.rust(of, &format!("{}/{inside}", self.krate(of).folder))
    }

    /// The files in which a type may have implementations: those of its crate that mention it in one, by path.
    pub(super) fn files_with_impls(&self, file: FileId, name: &str) -> Vec<FileId> {
        let Some(Place::Rust { of, stem, .. }) = self.place(file) else { return Vec::new() };
        let stems = self.listing_of(*of);
        let all = stems.len() <= MOST_FILES;
        let near = |it: &&String| all || parent(it) == parent(stem);
        let files = stems.iter().filter(near).filter_map(|stem| self.rust(*of, stem));
        let mentions = |file: &FileId| {
            self.slot(*file).is_some_and(|it| it.source.text.contains("impl") && it.source.text.contains(name))
        };
        files.filter(mentions).collect()
    }
}

/// All Rust files below a folder, without their endings, sorted. Links are not followed.
fn rust_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file()
                && let Some(stem) = path.to_str().and_then(|it| it.strip_suffix(".rs"))
            {
                found.push(stem.replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}
