//! What the functions of released packages do, kept from run to run: a package at a version does not change, so that what is [known](Known)
//! of its functions holds for good, while all that it hangs on is the same.
//!
//! An [entry](Entry) is of one release. Besides what its functions run it has all that this was found out from, in whatever environment
//! that was: its *cone* ([`cone`]). What hangs on a file that nobody vouches for, or on one of the user's, is not kept. What installed code
//! asks is noted by the file that asks ([`asks`]), and answered without the user's files ([`within`](super::within)).

mod asks;
mod cone;
mod entry;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) use asks::Asks;

use super::effects::Known;
use super::installed::{CrateId, LedTo, Place, Shared, remembered};
use super::types::FnRef;
use super::{Files, Project};
use crate::finding::FileId;
use crate::packages::EnvironmentId;
use cone::{Cone, Written, WrittenCrate};
use entry::{Entries, Entry, StoredKnown};

/// Where entries are kept, and what the system tells of files.
pub trait Store: Send + Sync {
    /// The entry of a release, by its name and version (`httpx-0.28.1`) and what stands for what vouches for it.
    fn read(&self, label: &str, says: u128) -> Option<Vec<u8>>;
    /// Keeps an entry. One that cannot be is not.
    fn write(&self, label: &str, says: u128, entry: &[u8]);
    /// What stands for what a seal says; `None` if it is not there.
    fn seal(&self, seal: &Path) -> Option<u128>;
    /// The size of a file in bytes, if it has not been changed after its seal, nor the seal in this run.
    fn untouched(&self, file: &Path, seal: &Path) -> Option<u64>;
    /// What stands for the names in a folder; of one that is not there, that it is not.
    fn names_in(&self, folder: &Path) -> u128;
}

/// A package at a version, as it lies in an environment or in a registry's folder.
#[derive(Debug)]
pub(super) struct Release {
    /// `httpx-0.28.1`
    label: String,
    /// What stands for what vouches for it.
    says: u128,
    seal: PathBuf,
    holder: Holder,
}

/// What a release is in the run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Holder {
    /// By its seal.
    Distribution(EnvironmentId, PathBuf),
    Crate(CrateId),
}

/// How many functions of how many releases were known before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    pub functions: usize,
    pub releases: usize,
}

/// All that is kept, as far as the run gets to.
pub(super) struct Releases {
    store: Box<dyn Store>,
    releases: Shared<Holder, Option<Arc<Release>>>,
    before: Shared<Holder, Arc<OnceLock<Option<Before>>>>,
    /// What has been found out in this run.
    fresh: Mutex<FxHashMap<FnRef, Known>>,
    taken: AtomicUsize,
    /// What stands for answers about environments: by the environment, and a first name or a package.
    names: Shared<(EnvironmentId, String), u128>,
    folders: Shared<(EnvironmentId, String), u128>,
    /// What crates are, and whether they are what entries say.
    crates: Shared<CrateId, WrittenCrate>,
    same: Shared<(CrateId, WrittenCrate), bool>,
    /// Files that are as they were when the run began, now that all has been found.
    unchanged: Shared<FileId, bool>,
}

/// What earlier runs have found of a release, all of it as it was.
struct Before {
    cone: Cone,
    written: Written,
    functions: FxHashMap<FnRef, StoredKnown>,
    /// The files of an entry, in its order.
    files: Vec<FileId>,
}

/// What has been found out of a release in this run.
struct Found<'a> {
    release: &'a Release,
    known: Vec<(FnRef, &'a Known)>,
}

fn digest(text: &str) -> u128 {
    crate::packages::digest(text.as_bytes())
}

impl Releases {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self {
            store,
            releases: Shared::default(),
            before: Shared::default(),
            fresh: Mutex::default(),
            taken: AtomicUsize::new(0),
            names: Shared::default(),
            folders: Shared::default(),
            crates: Shared::default(),
            same: Shared::default(),
            unchanged: Shared::default(),
        }
    }

    fn taken(&self) -> Taken {
        let before = self.before.read().unwrap_or_else(PoisonError::into_inner);
        let releases = before.values().filter(|it| matches!(it.get(), Some(Some(_)))).count();
        Taken { functions: self.taken.load(Ordering::Relaxed), releases }
    }
}

impl Project {
    fn releases(&self) -> Option<&Releases> {
        self.installed().releases.get().filter(|_| !self.noted)
    }

    /// The release that an installed file is of, and its size in bytes, if it is as it was released.
    fn released(&self, file: FileId) -> Option<&(Arc<Release>, u64)> {
        let releases = self.releases()?;
        self.installed().release_of(file, |place, path| {
            let release = match place {
                Place::Python { environment, .. } => {
                    let seal = self.installed().around.python.get(*environment).seal(path)?;
                    self.release(releases, Holder::Distribution(*environment, seal))
                }
                Place::Rust { of, .. } => self.release_of_crate(*of),
            };
            let release = release?;
            let size = releases.store.untouched(path, &release.seal)?;
            Some((release, size))
        })
    }

    /// The release that a crate is, if its manifest is as it was released.
    fn release_of_crate(&self, of: CrateId) -> Option<Arc<Release>> {
        self.release(self.releases()?, Holder::Crate(of))
    }

    fn release(&self, releases: &Releases, holder: Holder) -> Option<Arc<Release>> {
        remembered(&releases.releases, holder.clone(), || {
            let (label, seal, named) = match &holder {
                Holder::Distribution(_, seal) => {
                    let name = seal.parent()?.file_name()?.to_str()?;
                    (name.strip_suffix(".dist-info").unwrap_or(name).to_owned(), seal.clone(), String::new())
                }
                Holder::Crate(of) => {
                    let krate = self.installed().krate(*of);
                    let seal = krate.seal()?;
                    let manifest = krate.folder.join("Cargo.toml");
                    releases.store.untouched(manifest.as_std_path(), &seal)?;
                    (krate.label.clone(), seal, self.installed().around.crates.identity(krate.locked?))
                }
            };
            let says = releases.store.seal(&seal)?;
            let says = if named.is_empty() { says } else { digest(&format!("{says} {named}")) };
            Some(Arc::new(Release { label, says, seal, holder }))
        })
    }

    /// What earlier runs have found of a function of a release, while all that this hangs on is as it was.
    pub(super) fn known_before(&self, function: FnRef) -> Option<Known> {
        let releases = self.releases()?;
        if !self.is_installed(function.file) {
            return None;
        }
        let (release, _) = self.released(function.file)?;
        let cell = remembered(&releases.before, release.holder.clone(), Arc::default);
        let before = cell.get_or_init(|| self.read_before(releases, release)).as_ref()?;
        let known = before.functions.get(&function)?.known(self, function, &before.files)?;
        releases.taken.fetch_add(1, Ordering::Relaxed);
        Some(known)
    }

    fn read_before(&self, releases: &Releases, release: &Release) -> Option<Before> {
        let entries = Entries::decode(&releases.store.read(&release.label, release.says)?)?;
        let read = |entry: Entry| {
            let (cone, files) = Cone::read(self, releases, release, &entry.cone)?;
            Some((entry, cone, files))
        };
        let (entry, cone, files) = entries.0.into_iter().find_map(read)?;
        let function = |(file, function, known): (u32, u32, StoredKnown)| {
            let file = *files.get(file as usize)?;
            Some((FnRef { file, function: crate::model::FunctionId(function) }, known))
        };
        let functions = entry.functions.into_iter().map(function).collect::<Option<_>>()?;
        Some(Before { cone, written: entry.cone, functions, files })
    }

    /// What the run knows of functions of releases is kept for the next one.
    pub fn keep_known(&self) {
        let Some(releases) = self.releases() else { return };
        let known = self.effects.known.iter().filter(|(function, _)| self.is_installed(function.file));
        let is_new = |function: FnRef| {
            let Some((release, _)) = self.released(function.file) else { return false };
            let before = releases.before.read().unwrap_or_else(PoisonError::into_inner);
            let before = before.get(&release.holder).and_then(|it| it.get()?.as_ref());
            before.is_none_or(|it| !it.functions.contains_key(&function))
        };
        let known: Vec<(FnRef, Known)> =
            known.filter(|it| is_new(*it.0)).map(|(function, known)| (*function, known.clone())).collect();
        releases.fresh.lock().unwrap_or_else(PoisonError::into_inner).extend(known);
    }

    /// Writes what is to be kept of a run. Gives how much was known before.
    pub fn write_known(files: &Arc<Files>) -> Taken {
        let project = Self::unread(Arc::clone(files), Vec::new());
        match project.releases() {
            Some(releases) => {
                project.write_to(releases);
                releases.taken()
            }
            None => Taken::default(),
        }
    }

    fn write_to(&self, releases: &Releases) {
        let fresh = std::mem::take(&mut *releases.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        let mut found: FxHashMap<&Holder, Found<'_>> = FxHashMap::default();
        for (function, known) in &fresh {
            if let Some((release, _)) = self.released(function.file) {
                let of_release = found.entry(&release.holder);
                of_release.or_insert_with(|| Found { release, known: Vec::new() }).known.push((*function, known));
            }
        }
        let crates = self.installed().crates_led_to();
        let found: Vec<Found<'_>> = found.into_values().collect();
        found.into_par_iter().for_each(|found| {
            let release = found.release;
            let cell = releases.before.read().unwrap_or_else(PoisonError::into_inner).get(&release.holder).cloned();
            let before = cell.as_ref().and_then(|it| it.get()?.as_ref());
            let Some(entry) = self.entry_for(releases, &found, before, &crates) else { return };
            // Another run may have been here.
            let there = releases.store.read(&release.label, release.says).and_then(|it| Entries::decode(&it));
            let mut entries = there.unwrap_or_default();
            entries.add(entry, before.map(|it| &it.written));
            if let Some(bytes) = entries.encode() {
                releases.store.write(&release.label, release.says, &bytes);
            }
        });
    }

    /// What is known of a release, now and `before`; `None` where it hangs on what may change.
    fn entry_for(
        &self,
        releases: &Releases,
        found: &Found<'_>,
        before: Option<&Before>,
        crates: &FxHashMap<CrateId, LedTo>,
    ) -> Option<Entry> {
        let roots: FxHashSet<FileId> = found.known.iter().map(|it| it.0.file).collect();
        let mut cone = Cone::of(self, found.release, roots, crates)?;
        if let Some(before) = before {
            cone.extend(&before.cone);
        }
        let (cone, numbers) = cone.written(self, releases, found.release, crates)?;
        let number = |file: FileId| numbers.get(&file).copied();
        let stored = |function: FnRef, known: &Known| {
            let stored = StoredKnown::of(self, function, known, &number)?;
            Some((number(function.file)?, function.function.0, stored))
        };
        let now = found.known.iter().filter_map(|(function, known)| stored(*function, known));
        // None of these has been looked at now.
        let earlier = before.into_iter().flat_map(|it| it.functions.iter().map(move |known| (it, known)));
        let earlier = earlier
            .filter_map(|(before, (function, known))| stored(*function, &known.known(self, *function, &before.files)?));
        let mut functions: Vec<_> = now.chain(earlier).collect();
        functions.sort_unstable_by_key(|it| (it.0, it.1));
        Some(Entry { cone, functions })
    }
}
