//! Where the crates that a `Cargo.lock` names have their sources on disk: the registry's folder, `vendor`, git checkouts, and
//! folders that manifests name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;

use super::asked::Question;
use super::locked::{Locked, Packages};
use super::manifest::{Dependency, Manifest, Package};
use super::python::is_inside;
use super::released::seal_of_crate;
use super::vendored::vendored;
use crate::discover::{manifest_text, plain_path};

/// The lock files of the user's packages and the folders in which sources lie.
#[derive(Debug, Default)]
pub struct CrateSources {
    locks: Vec<Lock>,
    /// `registry/src/index.crates.io-..`
    registries: Vec<PathBuf>,
    /// `git/checkouts`
    checkouts: Option<PathBuf>,
    /// What has been looked at to find sources, whether it was there or not.
    looked_at: Mutex<BTreeSet<PathBuf>>,
    /// What has been asked of lock files.
    asked: Mutex<BTreeSet<Question>>,
    /// Which packages are built in any case, as far as that has been asked.
    always: Mutex<FxHashMap<LockedId, bool>>,
    /// What the library of a dependency is called, by who depends on which package.
    libraries: Mutex<FxHashMap<(LockedId, String), Option<String>>>,
}

#[derive(Debug)]
struct Lock {
    folder: Utf8PathBuf,
    packages: OnceLock<Packages>,
    /// What the manifest beside it puts in the place of packages from elsewhere.
    patches: OnceLock<Vec<Dependency>>,
    /// Folders with the sources of its packages: `vendor`, and those that Cargo's configuration names. Without links.
    vendored: Vec<PathBuf>,
}

/// One package of one lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LockedId {
    lock: usize,
    package: usize,
}

/// A crate whose sources are there.
#[derive(Debug, Clone)]
pub struct CrateSource {
    /// Without links.
    pub folder: Utf8PathBuf,
    /// `walkdir-2.5.0`
    pub label: String,
    pub manifest: Manifest,
    /// Its entry in the lock file: what its own dependencies are looked up in.
    pub locked: Option<LockedId>,
    /// A manifest says where it is: it may change at any time.
    pub is_work: bool,
}

impl CrateSource {
    /// Its seal, where Cargo has put it there as it was released.
    pub fn seal(&self) -> Option<PathBuf> {
        seal_of_crate(self.folder.as_std_path()).filter(|_| self.locked.is_some() && !self.is_work)
    }
}

impl CrateSources {
    /// For the packages in these folders. `home` is Cargo's own folder.
    pub fn of<'a>(packages: impl Iterator<Item = &'a Utf8Path>, home: Option<&Path>) -> Self {
        let mut folders: Vec<&Utf8Path> = packages.flat_map(Utf8Path::ancestors).collect();
        folders.sort_unstable();
        folders.dedup();
        folders.retain(|folder| folder.join("Cargo.lock").is_file());
        let mut looked_at = BTreeSet::new();
        let lock = |folder: &Utf8Path| {
            looked_at.insert(folder.join("Cargo.toml").into_std_path_buf());
            Lock {
                folder: folder.to_owned(),
                packages: OnceLock::new(),
                patches: OnceLock::new(),
                vendored: vendored(folder, home, &mut looked_at),
            }
        };
        let locks: Vec<Lock> = folders.into_iter().map(lock).collect();
        let home = home.filter(|_| !locks.is_empty());
        let registries = home.and_then(|home| std::fs::read_dir(home.join("registry").join("src")).ok());
        let mut registries: Vec<PathBuf> = registries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|it| it.path().canonicalize().ok().map(plain_path))
            .collect();
        registries.sort();
        let checkouts = home.and_then(|it| it.join("git").join("checkouts").canonicalize().ok()).map(plain_path);
        let looked_at = Mutex::new(looked_at);
        Self { locks, registries, checkouts, looked_at, ..Self::default() }
    }

    /// Cargo's own folder, as Cargo finds it.
    pub fn home() -> Option<PathBuf> {
        let named = std::env::var_os("CARGO_HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
        named.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
    }

    /// Where sources may lie: whether they do is told by what is looked at, and what is locked by what is asked.
    pub(super) fn say(&self, say: &mut impl FnMut(&str)) {
        for lock in &self.locks {
            say(lock.folder.as_str());
            for folder in &lock.vendored {
                say(&folder.to_string_lossy());
            }
        }
        for folder in self.registries.iter().chain(&self.checkouts) {
            say(&folder.to_string_lossy());
        }
    }

    /// The manifests and folders that have been looked at to find sources: what is not there today may be tomorrow.
    pub fn looked_at(&self) -> Vec<PathBuf> {
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn looks_at(&self, paths: impl IntoIterator<Item = PathBuf>) {
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).extend(paths);
    }

    /// The lock files that count.
    pub(super) fn lock_files(&self) -> Vec<PathBuf> {
        self.locks.iter().map(|it| it.folder.join("Cargo.lock").into_std_path_buf()).collect()
    }

    /// What has been asked of lock files.
    pub(super) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn asks(&self, question: Question) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(question);
    }

    /// The entries of the packages of that name.
    fn named(&self, lock: usize, name: &str) -> &[usize] {
        self.asks(Question::Locked(lock as u32, name.to_owned()));
        self.locks[lock].packages().named(name)
    }

    /// What a lock file says of the packages of that name.
    pub(super) fn entries(&self, lock: usize, name: &str) -> Option<String> {
        Some(self.locks.get(lock)?.packages().entries(name))
    }

    /// The package of that name and version.
    pub(super) fn at_version(&self, lock: usize, name: &str, version: &str) -> Option<LockedId> {
        let package = self.locks.get(lock)?.packages().at_version(name, version)?;
        Some(LockedId { lock, package })
    }

    /// Whether a package is built in any case, found out once.
    pub(super) fn remembers_always(&self, of: LockedId, find: impl FnOnce() -> bool) -> bool {
        let known = || self.always.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_built) = known().get(&of).copied() {
            return is_built;
        }
        let is_built = find();
        known().insert(of, is_built);
        is_built
    }

    /// Which package an entry of a lock file is of, and of which registry.
    pub(crate) fn identity(&self, of: LockedId) -> String {
        self.entry(of).identity()
    }

    /// It is asked which features of the package are on.
    pub(super) fn asks_for_features(&self, of: LockedId) {
        let entry = self.entry(of);
        self.asks(Question::Features(of.lock as u32, entry.name.clone(), entry.version.clone()));
    }

    /// There is no lock file: no crate is found.
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    /// The entry of a package of the user's.
    pub fn locked(&self, folder: &Utf8Path, name: &str) -> Option<LockedId> {
        let around = self.locks.iter().enumerate().filter(|(_, it)| folder.starts_with(&it.folder));
        let (lock, found) = around.max_by_key(|(_, it)| it.folder.as_str().len())?;
        let packages = found.packages();
        let own = |index: &&usize| packages.all[**index].source.is_none();
        let package = self.named(lock, name).iter().find(own)?;
        Some(LockedId { lock, package: *package })
    }

    /// The sources of a package that the one at `of` depends on.
    pub fn dependency(&self, of: LockedId, dependency: &Dependency) -> Option<CrateSource> {
        for name in [&self.entry(of).name, &dependency.package] {
            self.asks(Question::Locked(of.lock as u32, name.clone()));
        }
        self.depended_on(of, dependency)
    }

    fn depended_on(&self, of: LockedId, dependency: &Dependency) -> Option<CrateSource> {
        let packages = self.locks[of.lock].packages();
        let entries = self.entry(of).dependencies.iter();
        let mut named: Vec<&String> =
            entries.filter(|it| it.split(' ').next() == Some(dependency.package.as_str())).collect();
        // Which of several versions is meant by which name, what is asked for tells, or nothing.
        if named.len() > 1 {
            named.retain(|it| it.split(' ').nth(1).is_none_or(|version| !dependency.rules_out(version)));
        }
        let [entry] = named[..] else { return None };
        let version = entry.split(' ').nth(1);
        let package = match version {
            Some(version) => packages.at_version(&dependency.package, version)?,
            None => *packages.named(&dependency.package).first()?,
        };
        self.source(LockedId { lock: of.lock, package })
    }

    /// Who depends on a package, in whichever lock file: with the name of the package, and whether it is the user's.
    pub(super) fn dependents(&self, of: LockedId) -> impl Iterator<Item = (LockedId, &str, bool)> {
        let wanted = self.entry(of);
        let is_it = move |dependency: &String, alone: bool| {
            let mut words = dependency.split(' ');
            words.next() == Some(&*wanted.name) && words.next().map_or(alone, |it| it == wanted.version)
        };
        self.locks.iter().enumerate().flat_map(move |(lock, it)| {
            let packages = it.packages();
            let versions = packages.named(&wanted.name).iter();
            let alone = versions.len() == 1 && versions.clone().all(|it| packages.all[*it].version == wanted.version);
            let dependents = packages.dependents(&wanted.name).iter().map(|it| (*it, &packages.all[*it]));
            let found = dependents.filter(move |(_, it)| it.dependencies.iter().any(|it| is_it(it, alone)));
            found.map(move |(package, it)| (LockedId { lock, package }, it.name.as_str(), it.source.is_none()))
        })
    }

    /// The manifest of a package that is not the user's, if its sources are there.
    pub(super) fn manifest(&self, of: LockedId) -> Option<Arc<Manifest>> {
        let cell = &self.locks[of.lock].packages().manifests[of.package];
        cell.get_or_init(|| self.source(of).map(|it| Arc::new(it.manifest))).clone()
    }

    /// The sources of the dependency of an installed package whose library goes by another name than its package: `ini` of `rust-ini`.
    pub fn called(&self, of: LockedId, package: &Package, name: &str) -> Option<CrateSource> {
        let entry = self.entry(of);
        if entry.source.is_none() {
            return self.called_at_work(of, package.dependencies.iter(), name);
        }
        self.asks(Question::Called(of.lock as u32, entry.name.clone(), entry.version.clone(), name.to_owned()));
        self.library_of(of, package.dependencies.iter(), name)
    }

    /// The same of a package that is no release, of the user's above all.
    pub fn called_at_work<'a>(
        &self,
        of: LockedId,
        dependencies: impl Iterator<Item = &'a Dependency>,
        name: &str,
    ) -> Option<CrateSource> {
        let all: Vec<&Dependency> = dependencies.collect();
        for dependency in &all {
            self.asks(Question::Locked(of.lock as u32, dependency.package.clone()));
        }
        self.library_of(of, all.into_iter(), name)
    }

    pub(super) fn library_of<'a>(
        &self,
        of: LockedId,
        mut dependencies: impl Iterator<Item = &'a Dependency>,
        name: &str,
    ) -> Option<CrateSource> {
        dependencies.find_map(|dependency| {
            // One that is given a name where it is asked for goes by that.
            if dependency.is_renamed() {
                return None;
            }
            let key = (of, dependency.package.clone());
            let libraries = || self.libraries.lock().unwrap_or_else(PoisonError::into_inner);
            let known = libraries().get(&key).cloned();
            let find = || {
                let library = || self.depended_on(of, dependency)?.manifest.package?.library;
                libraries().entry(key).or_insert_with(|| library().map(|it| it.name)).clone()
            };
            let library = known.unwrap_or_else(find)?;
            (library == name).then(|| self.dependency(of, dependency))?
        })
    }

    /// The sources of the only version of a package in any lock file.
    pub fn only(&self, package: &str) -> Option<CrateSource> {
        let mut found = (0..self.locks.len())
            .flat_map(|lock| self.named(lock, package).iter().map(move |package| LockedId { lock, package: *package }));
        let first = found.next()?;
        let version = |it: LockedId| &self.entry(it).version;
        if found.any(|it| version(it) != version(first)) { None } else { self.source(first) }
    }

    /// The crate in a folder that a manifest names.
    pub fn beside(&self, folder: &Utf8Path) -> Option<CrateSource> {
        self.looks_at([folder.join("Cargo.toml").into_std_path_buf()]);
        let real = folder.canonicalize_utf8().ok()?;
        let (manifest, name, version) = manifest_in(&real)?;
        let locked = self.locked(folder, &name).or_else(|| self.locked(&real, &name));
        let locked = locked.or_else(|| self.locked_elsewhere(&name, version.as_deref()));
        Some(CrateSource { folder: real, label: label(&name, version.as_deref()), manifest, locked, is_work: true })
    }

    /// The entry of a package that lies in a folder, in a lock file that is none of the files above it: that of who uses it.
    fn locked_elsewhere(&self, name: &str, version: Option<&str>) -> Option<LockedId> {
        let mut found = self.locks.iter().enumerate().filter_map(|(lock, it)| {
            let packages = it.packages();
            let is_it = |index: &&usize| {
                let entry = &packages.all[**index];
                entry.source.is_none() && version.is_none_or(|it| it == entry.version)
            };
            let package = *self.named(lock, name).iter().find(is_it)?;
            Some(LockedId { lock, package })
        });
        found.next()
    }

    fn entry(&self, id: LockedId) -> &Locked {
        &self.locks[id.lock].packages().all[id.package]
    }

    pub(super) fn source(&self, id: LockedId) -> Option<CrateSource> {
        let entry = self.entry(id);
        let lock = &self.locks[id.lock];
        let named = format!("{}-{}", entry.name, entry.version);
        let Some(source) = entry.source.as_deref() else {
            let mut patches = lock.patches().iter().filter(|it| it.package == entry.name);
            let place = patches.find_map(|it| it.path.as_deref())?;
            self.looks_at([place.join("Cargo.toml").into_std_path_buf()]);
            let place = place.canonicalize_utf8().ok()?;
            let (manifest, name, version) = manifest_in(&place)?;
            let fits = name == entry.name && version.as_deref().is_none_or(|it| it == entry.version);
            let source = CrateSource { folder: place, label: named, manifest, locked: Some(id), is_work: true };
            return fits.then_some(source);
        };
        let mut places: Vec<(PathBuf, &Path)> = Vec::new();
        for vendor in &lock.vendored {
            places.push((vendor.join(&named), vendor));
            places.push((vendor.join(&entry.name), vendor));
        }
        if source.starts_with("git+") {
            let checkouts = self.checkouts.as_deref();
            places.extend(checkouts.and_then(|it| Some((self.checkout(it, source, &entry.name)?, it))));
        } else {
            let (its, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
                self.registries.iter().partition(|it| is_registry_of(it, source));
            places.extend(its.into_iter().chain(others).map(|it| (it.join(&named), it.as_path())));
        }
        places.into_iter().find_map(|(folder, around)| {
            self.looks_at([folder.join("Cargo.toml")]);
            if !is_inside(&folder, around) {
                return None;
            }
            let folder = Utf8PathBuf::from_path_buf(plain_path(folder.canonicalize().ok()?)).ok()?;
            let (manifest, name, version) = manifest_in(&folder)?;
            let fits = name == entry.name && version.as_deref().is_none_or(|it| it == entry.version);
            fits.then(|| CrateSource { folder, label: named.clone(), manifest, locked: Some(id), is_work: false })
        })
    }

    /// The folder of a package in the checkout of `git+https://host/owner/name?branch=main#revision`.
    fn checkout(&self, checkouts: &Path, source: &str, package: &str) -> Option<PathBuf> {
        let (address, revision) = source.split_once('#')?;
        let address = address.split('?').next()?.trim_end_matches('/');
        let repository = address.rsplit('/').next()?.trim_end_matches(".git");
        let of_repository = |path: &PathBuf| name_of(path).rsplit_once('-').is_some_and(|(it, _)| it == repository);
        let is_it = |path: &PathBuf| !name_of(path).is_empty() && revision.starts_with(name_of(path));
        self.looks_at([checkouts.to_owned()]);
        folders_in(checkouts).into_iter().filter(of_repository).find_map(|folder| {
            let checked = folders_in(&folder).into_iter().find(is_it);
            self.looks_at([folder]);
            let mut passed = Vec::new();
            let found = package_below(&checked?, package, 0, &mut passed);
            // Where it is found, its manifest tells. Else it may come anywhere.
            if found.is_none() {
                self.looks_at(passed);
            }
            found
        })
    }
}

impl Lock {
    fn packages(&self) -> &Packages {
        self.packages.get_or_init(|| Packages::read(&self.folder))
    }

    fn patches(&self) -> &[Dependency] {
        self.patches.get_or_init(|| {
            let text = manifest_text(self.folder.join("Cargo.toml")).unwrap_or_default();
            Manifest::parse(self.folder.clone(), &text).map(|it| it.patches).unwrap_or_default()
        })
    }
}

/// The folder in `registry/src` that the packages of a registry lie in: it is called by the registry's host.
fn is_registry_of(folder: &Path, source: &str) -> bool {
    let host = match source {
        "registry+https://github.com/rust-lang/crates.io-index" => "index.crates.io",
        _ => source.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest)),
    };
    let name = folder.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    name.rsplit_once('-').is_some_and(|(it, _)| it == host)
}

fn label(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name}-{version}"))
}

/// The manifest of the package in a folder, with its name and version.
fn manifest_in(folder: &Utf8Path) -> Option<(Manifest, String, Option<String>)> {
    let text = manifest_text(folder.join("Cargo.toml")).ok()?;
    let manifest = Manifest::parse(folder, &text).ok()?;
    let package = manifest.package.as_ref()?;
    let (name, version) = (package.name.clone(), package.version.clone());
    Some((manifest, name, version))
}

/// How deep in a repository packages are looked for.
const DEEPEST: u32 = 4;

/// `passed` gets what was looked at on the way.
fn package_below(folder: &Path, package: &str, depth: u32, passed: &mut Vec<PathBuf>) -> Option<PathBuf> {
    let here = Utf8Path::from_path(folder).and_then(manifest_in);
    if here.is_some_and(|(_, name, _)| name == package) {
        return Some(folder.to_owned());
    }
    passed.extend([folder.to_owned(), folder.join("Cargo.toml")]);
    if depth == DEEPEST {
        return None;
    }
    let mut folders = folders_in(folder).into_iter().filter(|it| !name_of(it).starts_with('.'));
    folders.find_map(|it| package_below(&it, package, depth + 1, passed))
}

/// The folders in a folder, sorted. Links are not followed.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())).map(|it| it.path());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    folders
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|it| it.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    #[test]
    fn sources_are_found_where_cargo_keeps_them() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        write(
            &at("work/Cargo.lock"),
            "version = 4\n\
             [[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"far\", \"kit 2.0.0\", \"own\", \"near\"]\n\
             [[package]]\nname = \"kit\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\
             [[package]]\nname = \"kit\"\nversion = \"2.0.0\"\nsource = \"registry+x\"\ndependencies = [\"kit 1.0.0\"]\n\
             [[package]]\nname = \"own\"\nversion = \"3.0.0\"\nsource = \"registry+x\"\n\
             [[package]]\nname = \"near\"\nversion = \"0.2.0\"\n\
             [[package]]\nname = \"far\"\nversion = \"0.9.0\"\nsource = \"git+https://host/some/far-away.git?branch=main#0123456789ab\"\n",
        )?;
        let package = |name: &str, version: &str| format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n");
        write(&at("home/registry/src/index-1/kit-1.0.0/Cargo.toml"), &package("kit", "1.0.0"))?;
        write(&at("home/registry/src/index-1/kit-2.0.0/Cargo.toml"), &package("kit", "2.0.0"))?;
        write(&at("work/vendor/own/Cargo.toml"), &package("own", "3.0.0"))?;
        write(&at("near/Cargo.toml"), &package("near", "0.2.0"))?;
        write(&at("home/git/checkouts/far-away-77aa/0123456/crates/far/Cargo.toml"), &package("far", "0.9.0"))?;
        let work = Utf8PathBuf::from_path_buf(at("work").canonicalize()?).expect("Unicode");
        let sources = CrateSources::of([work.as_path()].into_iter(), Some(&at("home")));
        let app = sources.locked(&work, "app").expect("it is the user's");
        let dependency = |name: &str| Dependency { package: name.to_owned(), ..Dependency::default() };
        let find = |name: &str| sources.dependency(app, &dependency(name));
        let kit = find("kit").expect("in the registry");
        assert_eq!(kit.label, "kit-2.0.0");
        let older =
            sources.dependency(kit.locked.expect("it is locked"), &dependency("kit")).expect("the other version");
        assert_eq!(older.label, "kit-1.0.0");
        assert_eq!(find("own").map(|it| it.label).as_deref(), Some("own-3.0.0"));
        assert!(find("far").is_some_and(|it| it.folder.ends_with("crates/far")));
        assert!(find("near").is_none(), "the manifest says where it is");
        assert!(find("absent").is_none());
        assert!(sources.only("kit").is_none() && sources.only("own").is_some());
        let near = Utf8PathBuf::from_path_buf(at("near")).expect("Unicode");
        assert_eq!(sources.beside(&near).map(|it| it.label).as_deref(), Some("near-0.2.0"));
        Ok(())
    }
}
