//! A project that outlives changes of its files: what hangs on a changed file is found out anew, the rest is kept.

use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::effects::{Known, Stale};
use super::files::{Files, Read};
use super::implementations::{Blocks, ByType};
use super::renumbered::Renumbered;
use super::trace::{self, Asked, Question, Seen};
use super::types::{Class, FnRef};
use super::{Project, Slot, memo, next_number};
use crate::finding::FileId;
use crate::model::{Moved, Reshaped, reshaped};
use crate::source::Language;

/// A file as it was read, to be used again: its text and, where somebody has asked, its model.
#[derive(Clone)]
pub struct Kept {
    slot: Option<Arc<Slot>>,
    relevant: bool,
}

impl From<Read> for Kept {
    fn from(read: Read) -> Self {
        Self { slot: Some(Slot::new(read.source)), relevant: read.relevant }
    }
}

/// A group of files that is linked and judged, and can be so again after a change without reading the other files.
pub struct Live {
    project: Project,
    graph: Graph,
    /// What each file hands to the loop.
    callbacks: FxHashMap<FileId, Vec<FnRef>>,
    /// Of each Rust file of the group.
    impls: FxHashMap<FileId, Vec<(Class, u32)>>,
}

impl Live {
    /// Links a group. `kept` tells of a file that need not be read.
    pub fn new(files: Arc<Files>, group: Vec<FileId>, kept: &(dyn Fn(FileId) -> Option<Kept> + Sync)) -> Self {
        let mut project = Project::unread(files, group);
        project.noted = true;
        project.numbers = vec![next_number(); project.slots.len()].into();
        let is_relevant = |file: &FileId| match kept(*file) {
            Some(Kept { slot, relevant }) => {
                let lowered = relevant || project.language(*file) == Language::Rust;
                if let Some(slot) = slot.filter(|_| lowered) {
                    project.slots[file.index()].get_or_init(|| slot).model();
                    relevant
                } else if lowered {
                    project.read(*file)
                } else {
                    false
                }
            }
            None => project.read(*file),
        };
        let relevant: Vec<FileId> = project.group.par_iter().copied().filter(is_relevant).collect();
        // What something will lead to is there as well.
        for file in project.files.all().filter(|file| relevant.binary_search(file).is_err()) {
            if let Some(slot) = kept(file).and_then(|it| it.slot) {
                project.slots[file.index()].get_or_init(|| slot);
            }
        }
        project.relevant = relevant;
        let (graph, callbacks, impls) = Default::default();
        let mut live = Self { project, graph, callbacks, impls };
        let rust: Vec<FileId> = live.project.group.iter().copied().filter(|it| live.is_rust(*it)).collect();
        live.implement(&rust);
        live.take_impls();
        live.renew_effects(&Stale::All);
        live
    }

    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The file as it is known, for a project that takes the place of this one.
    pub fn kept(&self, file: FileId) -> Option<Kept> {
        let slot = self.project.slots.get(file.index())?.get().cloned();
        let in_group = self.project.group.binary_search(&file).is_ok();
        let relevant = self.project.relevant.binary_search(&file).is_ok();
        (slot.is_some() || in_group).then_some(Kept { slot, relevant })
    }

    fn is_rust(&self, file: FileId) -> bool {
        self.project.language(file) == Language::Rust
    }

    /// Takes a changed file in. Gives the files of the group that are to be judged anew; what was found in the others holds.
    pub fn change(&mut self, file: FileId, changed: &Kept) -> Vec<FileId> {
        let project = &mut self.project;
        let (Some(place), Some(slot)) = (project.slots.get_mut(file.index()), &changed.slot) else { return Vec::new() };
        let in_group = project.group.binary_search(&file).is_ok();
        let relevant = in_group && changed.relevant;
        let before = place.take();
        if before.as_ref().is_some_and(|it| it.source.says_the_same(&slot.source)) {
            *place = before.map_or_else(OnceLock::new, OnceLock::from);
            return Vec::new();
        }
        // Nothing has led to it, and it can have no findings.
        if before.is_none() && !relevant {
            return Vec::new();
        }
        *place = OnceLock::from(Arc::clone(slot));
        let was_relevant = project.relevant.binary_search(&file);
        match (was_relevant, relevant) {
            (Err(at), true) => project.relevant.insert(at, file),
            (Ok(at), false) => drop(project.relevant.remove(at)),
            _ => {}
        }
        let known = before.as_ref().and_then(|it| it.model.get());
        let otherwise = || (Reshaped::Otherwise, Moved::default());
        let (shape, moved) = known.map_or_else(otherwise, |known| reshaped(known, slot.model()));
        project.number = next_number();
        project.forget(file);
        let library = std::mem::take(&mut project.async_library).into_inner();

        if moved != Moved::default() {
            self.renumber(&Renumbered::of(file, &moved));
        }
        let mut stale = self.graph.whole.back(file);
        stale.insert(file);
        if shape != Reshaped::Not {
            self.project.installed().forget_conclusions();
            stale.extend(match shape {
                Reshaped::Names(names) => self.renamed(file, in_group, &names),
                Reshaped::Not | Reshaped::Otherwise => self.reshaped(file, in_group),
            });
            for file in &stale {
                self.project.forget(*file);
            }
        }
        stale.extend(self.answered_otherwise(file));
        for file in &stale {
            self.graph.forget(*file);
        }
        let changed = self.renew_effects(&Stale::These(&stale));
        let mut judged = stale;
        judged.extend(changed.iter().flat_map(|function| self.graph.asked.back(*function)));
        if was_relevant.is_ok() != relevant {
            judged.extend(&self.graph.relevant);
        }
        if library.is_some_and(|before| before != self.project.async_library_of_group()) {
            judged.extend(&self.graph.imports);
        }
        let relevant = self.project.relevant.iter();
        relevant.copied().filter(|file| judged.contains(file)).collect()
    }

    /// What has another number, and is the same: what is known under the old one is so under the new.
    fn renumber(&mut self, now: &Renumbered) {
        self.project.effects.renumber(now);
        if !now.moves_functions() {
            return;
        }
        for callback in self.callbacks.values_mut().flatten() {
            *callback = now.function(*callback);
        }
        let moved = now.functions();
        self.graph.asked.renumber(moved);
        if let Some(answers) = self.graph.answers.get_mut(&now.file) {
            let is_moved = |asked: &&Asked| moved.contains_key(&asked.1);
            let moved = answers.keys().filter(is_moved).map(|it| (*it, (it.0, now.function(it.1)))).collect();
            self.graph.asked_of.renumber(&moved);
            let taken: Vec<_> = moved.iter().filter_map(|(old, new)| Some((*new, answers.remove(old)?))).collect();
            answers.extend(taken);
        }
        // What calls run is kept by number as well.
        for file in self.graph.leads.back_from(&FxHashSet::from_iter([now.file])) {
            self.project.forget(file);
        }
    }

    /// Who asked something of functions of a changed file, and is told something else now.
    fn answered_otherwise(&mut self, file: FileId) -> FxHashSet<FileId> {
        let project = &self.project;
        let count = project.model(file).functions.len();
        let ask = |(question, function): Asked| match question {
            Question::Raises => _ = project.always_raises(function),
            Question::Calls => _ = project.called_parameters(function),
            Question::CallsOne(position) => _ = project.is_called_in(function, position, &mut Vec::new()),
            Question::HandsOff(position, depth) => _ = project.hands_off(function, position, depth),
            Question::TellsOfLoop => _ = project.tells_of_loop(function),
            Question::RefusesLoop => _ = project.refuses_to_return_on_loop(function),
        };
        let before = self.graph.answers.remove(&file).unwrap_or_default();
        let there = before.keys().filter(|it| it.1.function.index() < count);
        let ((), seen) = trace::noted(file, || there.for_each(|it| ask(*it)));
        let others = before.iter().filter(|(asked, before)| seen.answers.get(asked) != Some(before));
        let others: Vec<Asked> = others.map(|it| *it.0).collect();
        self.graph.answers.insert(file, before);
        self.graph.note(None, seen);
        if let Some(answers) = self.graph.answers.get_mut(&file) {
            others.iter().for_each(|it| _ = answers.remove(it));
        }
        others.into_iter().flat_map(|asked| self.graph.asked_of.back(asked)).collect()
    }

    /// Names have come or gone at the top of a file, and nothing else: which files may see something else than before.
    fn renamed(&mut self, file: FileId, in_group: bool, names: &[String]) -> FxHashSet<FileId> {
        let around = self.graph.leads.back_from(&FxHashSet::from_iter([file]));
        if around.iter().any(|it| self.is_beyond(*it)) {
            return self.reshaped(file, in_group);
        }
        let says = |file: &FileId| {
            let model = self.project.model_if_lowered(*file);
            model.is_none_or(|model| names.iter().any(|name| model.names.find(name).is_some()))
        };
        let asking = around.into_iter().filter(|it| *it != file && says(it)).collect();
        self.graph.leads.back_from(&asking)
    }

    /// Conclusions about it are kept for all who ask: it is installed, or of a crate outside the group.
    fn is_beyond(&self, file: FileId) -> bool {
        let project = &self.project;
        project.is_installed(file) || self.is_rust(file) && project.group.binary_search(&file).is_err()
    }

    /// The outline of a file has changed: which files may see something else than before.
    fn reshaped(&mut self, file: FileId, in_group: bool) -> FxHashSet<FileId> {
        let mut sources = FxHashSet::from_iter([file]);
        let mut all = false;
        let mut reached = self.graph.leads.back_from(&sources);
        if self.is_rust(file) {
            self.project.crates.lock().unwrap_or_else(PoisonError::into_inner).clear();
            // It may implement something for types of the group.
            all = !in_group;
            // Whose members are elsewhere now may be seen from files that lead to it alone.
            self.project.blocks = Blocks::Known(ByType::default());
            let mut done: FxHashSet<FileId> = FxHashSet::default();
            loop {
                let open: Vec<FileId> =
                    self.impls.keys().copied().filter(|it| reached.contains(it) && !done.contains(it)).collect();
                if open.is_empty() {
                    break;
                }
                // What threads remember of them is what they saw before the change.
                for file in &reached {
                    self.project.forget(*file);
                }
                done.extend(&open);
                let before: Vec<Vec<(Class, u32)>> = open.iter().map(|it| self.impls[it].clone()).collect();
                self.implement(&open);
                for (open, before) in open.iter().zip(before) {
                    let after = &self.impls[open];
                    if *open == file || before != *after {
                        for (class, _) in before.iter().chain(after) {
                            match class {
                                Class::Own(class) => _ = sources.insert(class.file),
                                // Whoever has a value of that type may see it, from anywhere.
                                Class::Library(_) => all = true,
                            }
                        }
                    }
                }
                reached.extend(self.graph.leads.back_from(&sources));
            }
            self.take_impls();
        }
        if all || reached.iter().any(|file| self.is_beyond(*file)) {
            let read = self.project.slots.iter().zip(0..).filter(|(slot, _)| slot.get().is_some());
            reached.extend(read.map(|(_, file)| FileId(file)).chain(self.graph.leads.back.keys().copied()));
        }
        reached
    }

    /// Finds out for which types the `impl` blocks of the files are.
    fn implement(&mut self, files: &[FileId]) {
        let project = &self.project;
        let one = |file: &FileId| {
            let (found, seen) = trace::noted(*file, || memo::apart(|| project.impls_in(*file)));
            (*file, found.into_iter().map(|(class, _, index)| (class, index)).collect::<Vec<_>>(), seen)
        };
        let found: Vec<_> = files.par_iter().map(one).collect();
        for (file, impls, seen) in found {
            // What was seen for the sake of impls is seen again with every change of it.
            self.graph.note(None, seen);
            self.impls.insert(file, impls);
        }
    }

    /// Lets members be looked up in the `impl` blocks of the group.
    fn take_impls(&mut self) {
        let mut impls = ByType::default();
        for file in &self.project.group {
            for (class, index) in self.impls.get(file).into_iter().flatten() {
                impls.entry(*class).or_default().push((*file, *index));
            }
        }
        self.project.blocks = Blocks::Known(impls);
    }

    /// Looks anew at what stale files run. Gives the functions of which something else is known than before.
    fn renew_effects(&mut self, stale: &Stale<'_>) -> FxHashSet<FnRef> {
        let mut effects = std::mem::take(&mut self.project.effects);
        let project = &self.project;
        self.callbacks.retain(|file, _| !stale.has(*file));
        let handed = project.relevant.par_iter().filter(|file| stale.has(**file));
        let found: Vec<(FileId, (Vec<FnRef>, Seen))> =
            handed.map(|file| (*file, trace::noted(*file, || project.callbacks_of(*file)))).collect();
        for (file, (callbacks, seen)) in found {
            self.graph.note(Some(file), seen);
            if !callbacks.is_empty() {
                self.callbacks.insert(file, callbacks);
            }
        }
        let callbacks = self.callbacks.values().flatten().copied().collect();
        let seen: Mutex<Vec<(FileId, Seen)>> = Mutex::default();
        let look = |functions: &[FnRef]| -> Vec<(FnRef, Known)> {
            let of_one_file: Vec<&[FnRef]> = functions.chunk_by(|a, b| a.file == b.file).collect();
            let known = |functions: &&[FnRef]| {
                let unit = functions[0].file;
                let all = || functions.iter().map(|it| (*it, Known::of(project, *it))).collect::<Vec<_>>();
                let (found, noted) = trace::noted(unit, all);
                seen.lock().unwrap_or_else(PoisonError::into_inner).push((unit, noted));
                found
            };
            of_one_file.par_iter().flat_map_iter(known).collect()
        };
        let changed = effects.renew(project, callbacks, stale, &look);
        for (unit, seen) in seen.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.graph.note(Some(unit), seen);
        }
        for (unit, seen) in
            std::mem::take(&mut self.project.linked).into_inner().unwrap_or_else(PoisonError::into_inner)
        {
            self.graph.note(Some(unit), seen);
        }
        self.project.effects = effects;
        changed
    }

    /// Judges files of the group, and notes what for.
    pub fn judge<R: Send>(&mut self, files: &[FileId], judge: impl Fn(&Project, FileId) -> R + Sync) -> Vec<R> {
        let project = &self.project;
        let one = |file: &FileId| {
            if let Some(slot) = project.slots[file.index()].get() {
                slot.failed.store(false, Ordering::Relaxed);
            }
            trace::noted(*file, || judge(project, *file))
        };
        let found: Vec<(R, Seen)> = files.par_iter().map(one).collect();
        let noted = files.iter().zip(found);
        noted
            .map(|(file, (result, seen))| {
                self.graph.note(Some(*file), seen);
                result
            })
            .collect()
    }
}

/// What led where, while the answers that are kept were found.
#[derive(Default)]
struct Graph {
    /// From files to those that their code led to.
    leads: Relation<FileId, FileId>,
    /// From units to files that they saw more of than the outline.
    whole: Relation<FileId, FileId>,
    /// From units to functions whose effects they asked for.
    asked: Relation<FileId, FnRef>,
    /// From units to what they asked of functions, and by the functions' files what they were told.
    asked_of: Relation<FileId, Asked>,
    answers: FxHashMap<FileId, FxHashMap<Asked, u64>>,
    /// Units that asked which files matter, and what the files import.
    relevant: FxHashSet<FileId>,
    imports: FxHashSet<FileId>,
}

impl Graph {
    fn note(&mut self, unit: Option<FileId>, seen: Seen) {
        for (from, to) in seen.leads {
            self.leads.insert(from, to);
        }
        let Some(unit) = unit else { return };
        for file in seen.whole {
            self.whole.insert(unit, file);
        }
        for function in seen.asked {
            self.asked.insert(unit, function);
        }
        for (asked, answer) in seen.answers {
            self.asked_of.insert(unit, asked);
            self.answers.entry(asked.1.file).or_default().insert(asked, answer);
        }
        if seen.relevant {
            self.relevant.insert(unit);
        }
        if seen.imports {
            self.imports.insert(unit);
        }
    }

    /// The unit is about to be looked at anew.
    fn forget(&mut self, unit: FileId) {
        self.whole.remove(unit);
        self.asked.remove(unit);
        self.asked_of.remove(unit);
        self.relevant.remove(&unit);
        self.imports.remove(&unit);
    }
}

/// Pairs that are found from both ends.
struct Relation<A, B> {
    forth: FxHashMap<A, FxHashSet<B>>,
    back: FxHashMap<B, FxHashSet<A>>,
}

impl<A, B> Default for Relation<A, B> {
    fn default() -> Self {
        Self { forth: FxHashMap::default(), back: FxHashMap::default() }
    }
}

impl<A: Copy + Eq + Hash, B: Copy + Eq + Hash> Relation<A, B> {
    fn insert(&mut self, from: A, to: B) {
        if self.forth.entry(from).or_default().insert(to) {
            self.back.entry(to).or_default().insert(from);
        }
    }

    fn remove(&mut self, from: A) {
        for to in self.forth.remove(&from).into_iter().flatten() {
            if let Some(back) = self.back.get_mut(&to) {
                back.remove(&from);
            }
        }
    }

    /// What is pointed to goes by other names now.
    fn renumber(&mut self, moved: &FxHashMap<B, B>) {
        let taken: Vec<(B, B, FxHashSet<A>)> =
            moved.iter().filter_map(|(old, new)| Some((*old, *new, self.back.remove(old)?))).collect();
        for (old, _, units) in &taken {
            for unit in units {
                if let Some(forth) = self.forth.get_mut(unit) {
                    forth.remove(old);
                }
            }
        }
        for (_, new, units) in taken {
            units.into_iter().for_each(|unit| self.insert(unit, new));
        }
    }

    fn back(&self, to: B) -> FxHashSet<A> {
        self.back.get(&to).cloned().unwrap_or_default()
    }
}

impl Relation<FileId, FileId> {
    /// All that lead to one of these, however many steps away, and these.
    fn back_from(&self, to: &FxHashSet<FileId>) -> FxHashSet<FileId> {
        let mut found = to.clone();
        let mut open: Vec<FileId> = to.iter().copied().collect();
        while let Some(file) = open.pop() {
            for from in self.back.get(&file).into_iter().flatten() {
                if found.insert(*from) {
                    open.push(*from);
                }
            }
        }
        found
    }
}
