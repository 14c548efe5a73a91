//! All files of a run: where each stands, its text at need, and which are looked at together.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;

use crate::finding::FileId;
use crate::knowledge::Knowledge;
use crate::packages::Surroundings;
use crate::rules::RuleSet;
use crate::source::{Language, Source};

use super::installed::Installed;
use super::layout::Layout;
use super::releases::{Releases, Store};
use super::shared::Shared;

/// What is known of a file before it is read.
#[derive(Debug, Clone)]
pub struct Member {
    /// As [`Source::path`].
    pub path: Utf8PathBuf,
    /// As [`Source::location`].
    pub location: Utf8PathBuf,
    pub language: Language,
    /// The rules that are on for it; shared by most.
    pub rules: Arc<RuleSet>,
    /// Findings in it are asked for; else it is there for others to lead to.
    pub asked: bool,
}

/// A file that has been read.
#[derive(Clone)]
pub struct Read {
    /// Empty where it could not be.
    pub source: Source,
    /// The file can have findings of its own; others are lowered only when something leads to them.
    pub relevant: bool,
}

/// Reads files when they are wanted; one may be read more than once.
pub trait Reader: Send + Sync {
    fn read(&self, file: FileId) -> Read;
}

/// A package of more groups than this is cut all the same: those are written by programs.
const WHOLE: usize = 8;

/// Every file of a run, none of them read yet.
pub struct Files {
    pub(super) members: Vec<Member>,
    pub(super) layout: Arc<Layout>,
    pub(super) knowledge: Arc<Knowledge>,
    /// What the members lead to beyond them: shared by all groups.
    pub(super) installed: Installed,
    /// Members that groups other than their own have been led to.
    pub(super) shared: Shared,
    /// The members by where they are on disk.
    by_place: OnceLock<FxHashMap<PathBuf, FileId>>,
    reader: Box<dyn Reader>,
    /// What somebody else has told files to be, whatever the reader gives.
    told: RwLock<FxHashMap<FileId, Read>>,
}

impl Files {
    /// The members as parts of what stands around them.
    pub fn new(
        members: Vec<Member>,
        knowledge: impl Into<Arc<Knowledge>>,
        surroundings: Arc<Surroundings>,
        reader: Box<dyn Reader>,
    ) -> Self {
        let places = members.iter().map(|it| (it.location.as_path(), it.language));
        let layout = Arc::new(Layout::of(places, &surroundings));
        let installed = Installed::new(surroundings, members.iter().map(|it| it.location.as_path()));
        let by_place = OnceLock::new();
        let (shared, told) = (Shared::default(), RwLock::default());
        Self { members, layout, knowledge: knowledge.into(), installed, shared, by_place, reader, told }
    }

    /// Other members in the same surroundings.
    pub fn with_members(&self, members: Vec<Member>, reader: Box<dyn Reader>) -> Self {
        Self::new(members, Arc::clone(&self.knowledge), Arc::clone(&self.installed.around), reader)
    }

    /// Takes what has been read of installed packages over from `before`.
    pub fn inherit(&mut self, before: &Self) {
        self.installed.inherit(&before.installed);
    }

    /// What is found of released packages is kept there, and taken from there.
    pub fn keep_releases(&mut self, store: Box<dyn Store>) {
        self.installed.releases = Releases::new(store).into();
    }

    /// The member at a place on disk.
    pub(super) fn at(&self, path: &Path) -> Option<FileId> {
        let by_place = self.by_place.get_or_init(|| {
            let place = |member: &Member| crate::discover::real_path(member.location.as_std_path());
            self.members.iter().map(place).zip((0..).map(FileId)).collect()
        });
        by_place.get(path).copied()
    }

    /// The file as it is now.
    pub fn read(&self, file: FileId) -> Read {
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner).get(&file).cloned();
        told.unwrap_or_else(|| self.reader.read(file))
    }

    /// From now on the file is this, or, for `None`, what the reader gives.
    pub fn tell(&self, file: FileId, read: Option<Read>) {
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Some(read) => drop(told.insert(file, read)),
            None => drop(told.remove(&file)),
        }
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub fn all(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.members.len() as u32).map(FileId)
    }

    /// The files in groups of about `most` that are analysed one after another, so that no more than a group is in memory.
    ///
    /// What belongs together stays together: a group is a folder with all that is below it, or some small neighbours, and
    /// no Python package or Rust crate is cut, unless it has thousands of files. A call out of a group is followed all the
    /// same. Groups in which nothing is asked for are left out.
    pub fn groups(&self, most: usize) -> Vec<Vec<FileId>> {
        let mut all: Vec<(&str, FileId)> = self.all().map(|file| (self.layout.stem(file), file)).collect();
        all.sort_unstable();
        let mut groups = Vec::new();
        self.split(&all, 0, most, &mut groups);
        let asked = |group: &Vec<FileId>| group.iter().any(|file| self.members[file.index()].asked);
        groups.retain(asked);
        groups.iter_mut().for_each(|group| group.sort_unstable());
        groups
    }

    /// `files` are those below one folder, whose path takes up the first `depth` bytes of theirs.
    fn split(&self, files: &[(&str, FileId)], depth: usize, most: usize, groups: &mut Vec<Vec<FileId>>) {
        let ids = |files: &[(&str, FileId)]| files.iter().map(|(_, file)| *file).collect::<Vec<_>>();
        let folder = files.first().map_or("", |(path, _)| path[..depth].trim_end_matches('/'));
        if files.len() <= most || files.len() <= WHOLE * most && self.layout.is_whole(folder) {
            groups.push(ids(files));
            return;
        }
        // A file has no folder left after its own; all such stand together.
        let next = |path: &str| path[depth..].find('/').map_or(depth, |at| depth + at + 1);
        let mut open: Vec<FileId> = Vec::new();
        for part in files.chunk_by(|(a, _), (b, _)| a[..next(a)] == b[..next(b)]) {
            let inner = next(part[0].0);
            if part.len() > most && inner > depth {
                self.split(part, inner, most, groups);
                continue;
            }
            if open.len() + part.len() > most && !open.is_empty() {
                groups.push(std::mem::take(&mut open));
            }
            open.extend(ids(part));
        }
        if !open.is_empty() {
            groups.push(open);
        }
    }
}
