//! A tree that stays analysed while its files change: what an editor or `--watch` asks again and again.
//!
//! After a change it finds what an analysis of the changed tree would find, without reading or lowering the other files, and
//! judges only those whose findings hang on what has changed ([`Live`] knows which). Where files come or go, imports
//! may lead elsewhere: then everything is linked and judged anew, with the models there are.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;

use crate::analysis::{self, Input};
use crate::discover::can_matter;
use crate::finding::{FileId, Finding, Sources};
use crate::knowledge::Knowledge;
use crate::packages::Surroundings;
use crate::project::{Files, Kept, Live, Member, Project, Read, Reader};
use crate::source::{Language, Source};
use crate::suppress::{self, Options, Split};

/// An analysed tree.
pub struct Session {
    files: Arc<Files>,
    options: Options,
    groups: Vec<Group>,
    /// Files by where they lie, as the members tell it.
    by_location: FxHashMap<Utf8PathBuf, FileId>,
}

/// Files that are analysed together, and what is found in them.
struct Group {
    live: Live,
    /// By file; those without findings have no entry.
    found: FxHashMap<FileId, Split>,
}

impl Session {
    /// Analyses a tree.
    pub fn new(files: Files, options: Options) -> Self {
        Self::with(files, options, &|_| None)
    }

    /// Analyses sources that are in memory, in the order of their places.
    pub fn of(mut inputs: Vec<Input>, knowledge: Knowledge, around: Arc<Surroundings>, options: Options) -> Self {
        inputs.sort_by(|a, b| a.source.location.cmp(&b.source.location));
        let files = Files::new(inputs.iter().map(Input::member).collect(), knowledge, around, Box::new(Nothing));
        for (file, input) in (0..).map(FileId).zip(inputs) {
            files.tell(file, Some(Read { source: input.source, relevant: input.relevant }));
        }
        Self::new(files, options)
    }

    fn with(files: Files, options: Options, kept: &(dyn Fn(FileId) -> Option<Kept> + Sync)) -> Self {
        let files = Arc::new(files);
        let by_location = files.members().iter().map(|it| it.location.clone()).zip((0..).map(FileId)).collect();
        let groups = files.groups(analysis::GROUP).into_iter().map(|group| {
            let mut group = Group { live: Live::new(Arc::clone(&files), group, kept), found: FxHashMap::default() };
            let all = group.live.project().relevant_files().to_vec();
            group.judge(&all, options);
            group
        });
        Self { groups: groups.collect(), files, options, by_location }
    }

    /// The file that lies at this place.
    pub fn file(&self, location: &Utf8Path) -> Option<FileId> {
        self.by_location.get(location).copied()
    }

    /// What is known of a file without reading it.
    pub fn member(&self, file: FileId) -> &Member {
        &self.files.members()[file.index()]
    }

    /// The groups of files that are analysed together.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.groups.iter().map(|it| it.live.project())
    }

    /// What is found in a file.
    pub fn found_in(&self, file: FileId) -> Option<&Split> {
        self.groups.iter().find_map(|group| group.found.get(&file))
    }

    /// Everything that is found, by path and position.
    pub fn found(&self) -> Split {
        let mut all = Split::default();
        for split in self.groups.iter().flat_map(|it| it.found.values()) {
            all.kept.extend_from_slice(&split.kept);
            all.suppressed.extend_from_slice(&split.suppressed);
        }
        all.sort(self);
        all
    }

    /// The file has another text. Gives the files in which something else is found now; `None`: there is no such file.
    pub fn change(&mut self, location: &Utf8Path, text: impl Into<Arc<str>>) -> Option<Vec<FileId>> {
        let file = self.file(location)?;
        let source = match self.known_source(file) {
            Some(source) => source,
            None => &self.files.read(file).source,
        };
        let source = source.with_text(text);
        let relevant = can_matter(source.language, &source.text);
        Some(self.take(file, Some(Read { source, relevant })))
    }

    /// The file may be another one where it lies: it is read again. Gives the files in which something else is found now.
    pub fn reread(&mut self, file: FileId) -> Vec<FileId> {
        self.take(file, None)
    }

    fn take(&mut self, file: FileId, told: Option<Read>) -> Vec<FileId> {
        self.files.tell(file, told);
        let changed = Kept::from(self.files.read(file));
        let mut others: Vec<FileId> = Vec::new();
        for group in &mut self.groups {
            let judged = group.live.change(file, &changed);
            let gone = group.live.project().relevant_files().binary_search(&file).is_err();
            if gone && group.found.remove(&file).is_some() {
                others.push(file);
            }
            others.extend(group.judge(&judged, self.options));
            // What is said of a changed text stands on other lines.
            let points = |finding: &Finding| finding.places().any(|place| place.file == file);
            let pointing = group.found.iter().filter(|(_, split)| split.findings().any(points));
            others.extend(pointing.map(|(file, _)| *file));
        }
        others.sort_unstable();
        others.dedup();
        others
    }

    /// A new file, or another in the place of one there is. The tree is linked and judged anew, with the models there are.
    #[must_use]
    pub fn with_file(self, input: Input) -> Self {
        let mut members = self.files.members().to_vec();
        let member = input.member();
        members.retain(|it| it.location != member.location);
        let at = members.partition_point(|it| it.location < member.location);
        members.insert(at, member);
        self.anew(members, Some(input))
    }

    /// The file is gone. The tree is linked and judged anew, with the models there are.
    #[must_use]
    pub fn without_file(self, location: &Utf8Path) -> Self {
        let members = self.files.members().iter().filter(|it| it.location != location).cloned().collect();
        self.anew(members, None)
    }

    fn anew(self, members: Vec<Member>, new: Option<Input>) -> Self {
        let same: Vec<Option<FileId>> = members.iter().map(|it| self.file(&it.location)).collect();
        let files = self.files.with_members(members, Box::new(Nothing));
        for (file, before) in (0..).map(FileId).zip(&same) {
            if let Some(before) = before {
                files.tell(file, Some(self.files.read(*before)));
            }
        }
        let Some(new) = new else { return self.rearranged(files, &|file| same[file.index()]) };
        let place = files.members().iter().position(|it| it.location == new.source.location);
        let place = place.map(|it| FileId(it as u32));
        if let Some(place) = place {
            files.tell(place, Some(Read { source: new.source, relevant: new.relevant }));
        }
        self.rearranged(files, &|file| same[file.index()].filter(|_| Some(file) != place))
    }

    /// Another tree, or the same under other settings, with what is still right of this one. `same` tells which file of this
    /// session a file is, if its text is the same; the others are read.
    #[must_use]
    pub fn rearranged(self, mut files: Files, same: &(dyn Fn(FileId) -> Option<FileId> + Sync)) -> Self {
        files.inherit(&self.files);
        let kept = |file: FileId| {
            let before = same(file)?;
            self.groups.iter().find_map(|group| group.live.kept(before))
        };
        Self::with(files, self.options, &kept)
    }

    fn known_source(&self, file: FileId) -> Option<&Source> {
        self.groups.iter().find_map(|group| group.live.project().source_if_read(file))
    }
}

impl Group {
    /// Gives the files in which something else is found than before.
    fn judge(&mut self, files: &[FileId], options: Options) -> Vec<FileId> {
        let judge = |project: &Project, file: FileId| {
            let mut split = suppress::apply_in(project, file, crate::rules::judge(project, file), options);
            split.sort(project);
            split
        };
        let mut others = Vec::new();
        for (file, split) in files.iter().zip(self.live.judge(files, judge)) {
            let before = match split.is_empty() {
                true => self.found.remove(file),
                false => self.found.insert(*file, split),
            };
            if before.as_ref() != self.found.get(file) {
                others.push(*file);
            }
        }
        others
    }
}

impl Sources for Session {
    fn source(&self, file: FileId) -> &Source {
        // Nothing is found in files that nobody has read.
        self.known_source(file).unwrap_or_else(|| self.groups[0].live.project().source(file))
    }
}

/// Where every text is in memory, there is nothing else to read.
struct Nothing;

impl Reader for Nothing {
    fn read(&self, _: FileId) -> Read {
        Read { source: Source::new("", Language::Python, ""), relevant: false }
    }
}
