//! All that what is known of a release hangs on: the files of released packages that its code leads to, and what was asked of
//! what is installed beside them. As it is written, it names no place: it is looked for wherever the release is met.

use std::path::PathBuf;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::{Asks, Holder, Release, Releases, digest};
use crate::finding::FileId;
use crate::packages::EnvironmentId;
use crate::project::Project;
use crate::project::installed::{CrateId, LedTo, Place, remembered};

pub(super) struct Cone {
    asks: Asks,
    /// Rust: with what they call others.
    crates: FxHashSet<CrateId>,
}

type Crates = FxHashMap<CrateId, LedTo>;

/// A cone, as it stands in an entry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// What stands for what vouches for each release, the entry's own first if it is a crate.
    releases: Vec<u128>,
    /// Rust: of each of these.
    crates: Vec<WrittenCrate>,
    files: Vec<WrittenFile>,
    /// Python: first names, and what stands for what is installed under them.
    names: Vec<(String, u128)>,
    /// Python: packages, and what stands for what is in them.
    packages: Vec<(String, u128)>,
    /// Rust: which of the releases one calls by that name, or all do. Whoever calls is called before.
    calls: Vec<(Option<u32>, String, Option<u32>)>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrittenFile {
    /// Which of the releases it is of.
    of: u32,
    /// Its module, or its place in the folder of its crate.
    name: String,
    /// In bytes.
    size: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct WrittenCrate {
    /// What stands for its features, its list of files, and what is in its folders in which a file was missing.
    features: Option<u128>,
    listing: Option<u128>,
    missing: Vec<(String, u128)>,
}

impl Cone {
    /// Of the code of some files of a release; `None` where it leads to what may change.
    pub(super) fn of(project: &Project, release: &Release, roots: FxHashSet<FileId>, crates: &Crates) -> Option<Self> {
        let mut cone = Self { asks: Asks::default(), crates: FxHashSet::default() };
        match &release.holder {
            Holder::Distribution(..) => {
                let mut pending: Vec<FileId> = roots.iter().copied().collect();
                cone.asks.files = roots;
                while let Some(file) = pending.pop() {
                    project.released(file)?;
                    let asks = project.installed().asked_by(file);
                    pending.extend(asks.files.iter().filter(|it| !cone.asks.files.contains(it)));
                    cone.asks.extend(&asks);
                }
            }
            Holder::Crate(of) => {
                let mut pending = vec![*of];
                cone.crates.insert(*of);
                while let Some(of) = pending.pop() {
                    project.release_of_crate(of)?;
                    let Some(LedTo { files, calls }) = crates.get(&of) else { continue };
                    let mut led_to: Vec<CrateId> = calls.iter().filter_map(|it| it.1).collect();
                    for file in files {
                        project.released(*file)?;
                        cone.asks.files.insert(*file);
                        let asks = project.installed().asked_by(*file);
                        led_to.extend(asks.names.iter().filter_map(|it| project.crate_of_anyone(it)));
                        cone.asks.extend(&asks);
                    }
                    pending.extend(led_to.into_iter().filter(|it| cone.crates.insert(*it)));
                }
            }
        }
        Some(cone)
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.asks.extend(&other.asks);
        self.crates.extend(&other.crates);
    }

    /// As an entry has it, with the number of each file there. `None` if something has just been changed.
    pub(super) fn written(
        &self,
        project: &Project,
        releases: &Releases,
        release: &Release,
        crates: &Crates,
    ) -> Option<(Written, FxHashMap<FileId, u32>)> {
        let mut written = Written {
            releases: Vec::new(),
            crates: Vec::new(),
            files: Vec::new(),
            names: Vec::new(),
            packages: Vec::new(),
            calls: Vec::new(),
        };
        let mut sorted: Vec<&str> = self.asks.names.iter().map(|it| &**it).collect();
        sorted.sort_unstable();
        let mut order: Vec<CrateId> = Vec::new();
        match &release.holder {
            Holder::Distribution(environment, _) => {
                let name = |it: &str| (it.to_owned(), releases.name(project, *environment, it));
                written.names.extend(sorted.into_iter().map(name));
                let package = |it: &str| (it.to_owned(), releases.package(project, *environment, it));
                written.packages.extend(self.asks.packages.iter().map(|it| package(it)));
                written.packages.sort_unstable();
            }
            Holder::Crate(own) => {
                order.push(*own);
                for name in sorted {
                    let called = project.crate_of_anyone(name).map(|it| place_in(&mut order, it));
                    written.calls.push((None, name.to_owned(), called));
                }
                write_calls(crates, &mut order, &mut written);
                let of_crate =
                    |of: &CrateId| remembered(&releases.crates, *of, || WrittenCrate::of(project, releases, *of));
                written.crates = order.iter().map(of_crate).collect();
                written.releases =
                    order.iter().map(|it| Some(project.release_of_crate(*it)?.says)).collect::<Option<_>>()?;
            }
        }
        let mut files: Vec<(&std::path::Path, FileId)> =
            self.asks.files.iter().map(|it| Some((project.installed().path(*it)?, *it))).collect::<Option<_>>()?;
        files.sort_unstable();
        let mut numbers: FxHashMap<FileId, u32> = FxHashMap::default();
        for (path, file) in files {
            let (its, size) = project.released(file)?;
            let is_unchanged = || releases.store.untouched(path, &its.seal) == Some(*size);
            remembered(&releases.unchanged, file, is_unchanged).then_some(())?;
            let (of, name) = match project.installed().place(file)? {
                Place::Python { module, .. } => {
                    let known = written.releases.iter().position(|it| *it == its.says);
                    let of = known.unwrap_or_else(|| {
                        written.releases.push(its.says);
                        written.releases.len() - 1
                    });
                    (of, module.clone())
                }
                Place::Rust { of, stem, .. } => {
                    let inside = stem.strip_prefix(project.installed().krate(*of).folder.as_str())?;
                    (order.iter().position(|it| it == of)?, inside.trim_start_matches('/').to_owned())
                }
            };
            numbers.insert(file, u32::try_from(written.files.len()).ok()?);
            written.files.push(WrittenFile { of: u32::try_from(of).ok()?, name, size: *size });
        }
        Some((written, numbers))
    }

    /// What an entry hangs on, where all of it is as it was, and the files by their numbers there.
    pub(super) fn read(
        project: &Project,
        releases: &Releases,
        release: &Release,
        written: &Written,
    ) -> Option<(Self, Vec<FileId>)> {
        let mut cone = Self { asks: Asks::default(), crates: FxHashSet::default() };
        let files: Vec<FileId> = match &release.holder {
            Holder::Distribution(environment, _) => {
                let environment = *environment;
                for (name, says) in &written.names {
                    (releases.name(project, environment, name) == *says).then_some(())?;
                    cone.asks.for_name(name);
                }
                for (package, says) in &written.packages {
                    (releases.package(project, environment, package) == *says).then_some(())?;
                    cone.asks.packages.insert(package.as_str().into());
                }
                let file = |it: &WrittenFile| {
                    let file = project.module_installed(environment, &it.name)?;
                    it.is_still(project, file, *written.releases.get(it.of as usize)?).then_some(file)
                };
                written.files.iter().map(file).collect::<Option<_>>()?
            }
            Holder::Crate(own) => {
                let crates = crates_in(project, written, *own)?;
                for (of, known) in crates.iter().zip(&written.crates) {
                    let key = (*of, known.clone());
                    remembered(&releases.same, key, || known.is_still_of(project, releases, *of)).then_some(())?;
                }
                let file = |it: &WrittenFile| {
                    let file = project.installed().rust_in(*crates.get(it.of as usize)?, &it.name)?;
                    it.is_still(project, file, *written.releases.get(it.of as usize)?).then_some(file)
                };
                let files = written.files.iter().map(file).collect::<Option<_>>()?;
                cone.asks.names.extend(written.calls.iter().filter(|it| it.0.is_none()).map(|it| it.1.as_str().into()));
                cone.crates.extend(crates);
                files
            }
        };
        files.iter().for_each(|it| project.installed().rely_on(*it));
        cone.asks.files.extend(&files);
        Some((cone, files))
    }
}

/// What the crates call others, from the first of the order on: those that are called go to its end.
fn write_calls(crates: &Crates, order: &mut Vec<CrateId>, written: &mut Written) {
    let mut at = 0;
    while let Some(of) = order.get(at).copied() {
        for (name, called) in crates.get(&of).into_iter().flat_map(|it| &it.calls) {
            let called = called.map(|it| place_in(order, it));
            written.calls.push((Some(at as u32), name.clone(), called));
        }
        at += 1;
    }
}

fn place_in(order: &mut Vec<CrateId>, of: CrateId) -> u32 {
    let at = order.iter().position(|it| *it == of).unwrap_or_else(|| {
        order.push(of);
        order.len() - 1
    });
    at as u32
}

/// The crates that an entry names, if each is the same release as it was.
fn crates_in(project: &Project, written: &Written, own: CrateId) -> Option<Vec<CrateId>> {
    let mut crates: Vec<Option<CrateId>> = vec![None; written.releases.len()];
    *crates.first_mut()? = Some(own);
    for (by, name, called) in &written.calls {
        let found = match by {
            None => project.crate_of_anyone(name),
            Some(by) => project.crate_named_by((*crates.get(*by as usize)?)?, name),
        };
        match called {
            None => found.is_none().then_some(())?,
            Some(called) => {
                let (known, found) = (crates.get_mut(*called as usize)?, found?);
                known.is_none_or(|it| it == found).then_some(())?;
                *known = Some(found);
            }
        }
    }
    let crates: Vec<CrateId> = crates.into_iter().collect::<Option<_>>()?;
    let is_same = |(of, says): (&CrateId, &u128)| project.release_of_crate(*of).is_some_and(|it| it.says == *says);
    crates.iter().zip(&written.releases).all(is_same).then_some(crates)
}

impl WrittenFile {
    /// `says`: what vouched for it.
    fn is_still(&self, project: &Project, file: FileId, says: u128) -> bool {
        project.released(file).is_some_and(|(release, size)| (release.says, *size) == (says, self.size))
    }
}

impl WrittenCrate {
    fn of(project: &Project, releases: &Releases, of: CrateId) -> Self {
        let installed = project.installed();
        let folder = &installed.krate(of).folder;
        let missing = installed.missing_in(of).into_iter().filter_map(|path| {
            let inside = path.strip_prefix(folder).ok()?.to_str()?.to_owned();
            Some((inside, releases.store.names_in(&path)))
        });
        let mut missing: Vec<(String, u128)> = missing.collect();
        missing.sort_unstable();
        Self {
            features: installed.features_asked(of).map(|it| digest(&format!("{it:?}"))),
            listing: installed.listing_asked(of).map(|it| listing(&it, folder.as_str())),
            missing,
        }
    }

    fn is_still_of(&self, project: &Project, releases: &Releases, of: CrateId) -> bool {
        let installed = project.installed();
        let folder = &installed.krate(of).folder;
        let has_same_features = |before: u128| digest(&format!("{:?}", installed.features_of(of))) == before;
        let is_same_list = |before: u128| listing(&installed.listing_of(of), folder.as_str()) == before;
        self.features.is_none_or(has_same_features)
            && self.listing.is_none_or(is_same_list)
            && self.missing.iter().all(|(inside, before)| {
                let path = folder.as_std_path().join(inside);
                installed.misses_in(path.clone());
                releases.store.names_in(&path) == *before
            })
    }
}

/// What stands for a list of files in a folder, wherever that is.
fn listing(stems: &[String], folder: &str) -> u128 {
    let inside: Vec<&str> = stems.iter().map(|it| it.strip_prefix(folder).unwrap_or(it)).collect();
    digest(&inside.join("\n"))
}

impl Releases {
    /// What stands for what is installed under a first name.
    fn name(&self, project: &Project, environment: EnvironmentId, name: &str) -> u128 {
        remembered(&self.names, (environment, name.to_owned()), || {
            let site = project.installed().around.python.get(environment);
            if site.has(name) { digest(&site.answer(name)) } else { 0 }
        })
    }

    /// What stands for what is in a package.
    fn package(&self, project: &Project, environment: EnvironmentId, package: &str) -> u128 {
        remembered(&self.folders, (environment, package.to_owned()), || {
            let folders: Vec<PathBuf> =
                project.installed().around.python.get(environment).folders_of(package).collect();
            let inside: Vec<_> = folders.iter().map(|it| (it.file_name(), self.store.names_in(it))).collect();
            let says = digest(&format!("{inside:?}"));
            project.installed().rely_on_folders(folders);
            says
        })
    }
}
