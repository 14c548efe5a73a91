//! What is asked of a file again and again, by every rule: kept beside the file for as long as its group is looked at.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use crate::finding::FileId;
use crate::knowledge::Api;
use crate::model::{CallId, FileModel};
use crate::rust::Word;

use super::calls::Callee;
use super::installed::Impls;
use super::members::Ancestor;
use super::memo::is_apart;
use super::types::{Class, ClassRef, FnRef};
use super::{Project, Slot, next_number, trace};

/// Answers about the calls and classes of one file; those that nobody has asked for are empty.
pub(super) struct Remembered {
    calls: Calls,
    /// The calls of bodies that are lowered later, by part.
    parts: Box<[OnceLock<Calls>]>,
    ancestries: Box<[OnceLock<Box<[Ancestor]>>]>,
    /// Rust: the `impl` blocks of each class.
    impls: Box<[OnceLock<Impls>]>,
    /// Rust: which types the `impl` blocks of the file are for.
    targets: OnceLock<Targets>,
}

/// What is known of calls that lie together.
struct Calls {
    only: Box<[OnceLock<Only>]>,
    /// No table has the name that is called.
    nameless: Box<[AtomicBool]>,
}

impl Calls {
    fn new(count: usize) -> Self {
        Self {
            only: (0..count).map(|_| OnceLock::new()).collect(),
            nameless: (0..count).map(|_| AtomicBool::new(false)).collect(),
        }
    }
}

/// Types, and the blocks of one file that are for them.
pub(super) type Targets = Arc<[(Class, u32)]>;

/// What a call runs, if that is one thing.
#[derive(Clone, Copy)]
pub enum Only {
    Api(&'static Api),
    Own(FnRef),
    Construct(ClassRef),
    Unknown,
    /// It may run several: see [`Project::callees`].
    Several,
}

/// A crate by its first file, the name of a type, and that of a method; `None` for all.
pub(super) type Extended = (FileId, Word, Option<Word>);

impl Remembered {
    fn of(model: &FileModel) -> Self {
        Self {
            calls: Calls::new(model.calls.len()),
            parts: (0..model.parts_count()).map(|_| OnceLock::new()).collect(),
            ancestries: model.classes.iter().map(|_| OnceLock::new()).collect(),
            impls: model.classes.iter().map(|_| OnceLock::new()).collect(),
            targets: OnceLock::new(),
        }
    }

    /// Where it is kept what is known of a call.
    fn of_call(&self, model: &FileModel, id: CallId) -> Option<(&OnceLock<Only>, &AtomicBool)> {
        let (calls, at) = match model.part_of_call(id) {
            None => (&self.calls, id.index()),
            Some((part, count, at)) => (self.parts.get(part)?.get_or_init(|| Calls::new(count)), at),
        };
        Some((calls.only.get(at)?, calls.nameless.get(at)?))
    }
}

impl Project {
    /// Nothing is kept of files that other groups look at as well, nor while something is missing.
    fn remembered(&self, file: FileId) -> Option<&Remembered> {
        // Where notes are taken of what answers are made of, whoever takes none leaves nothing behind.
        if is_apart() || self.noted && !trace::is_noting() {
            return None;
        }
        let slot: &Slot = self.slots.get(file.index())?.get()?;
        Some(self.remembered[file.index()].get_or_init(|| Box::new(Remembered::of(slot.model()))))
    }

    /// Under which number threads remember values of the file.
    pub(super) fn number_of(&self, file: FileId) -> u64 {
        // Whoever takes no notes leaves nothing behind for those who do.
        match self.numbers.get(file.index()) {
            Some(number) if trace::is_noting() => *number,
            _ => self.number,
        }
    }

    /// What was found of a file's code no longer holds.
    pub(super) fn forget(&mut self, file: FileId) {
        if let Some(remembered) = self.remembered.get_mut(file.index()) {
            *remembered = OnceLock::new();
        }
        if let Some(number) = self.numbers.get_mut(file.index()) {
            *number = next_number();
        }
    }

    /// The one library function a call runs, whatever path is taken.
    pub fn api_of(&self, file: FileId, call: CallId) -> Option<&'static Api> {
        let model = self.model(file);
        if model.is_opaque(model.call(call).callee) {
            return None;
        }
        let remembered = self.remembered(file).and_then(|it| it.of_call(model, call));
        let known = remembered.and_then(|it| it.0.get());
        let only = match known {
            Some(known) => *known,
            None => {
                let nameless = remembered.map(|it| it.1);
                if nameless.is_some_and(|it| it.load(Ordering::Relaxed)) {
                    return None;
                }
                // Most calls are of a name that no table has.
                let name = model.callee_name(model.call(call));
                if name.is_some_and(|name| !self.knowledge.names_an_api(model.language, model.name(name))) {
                    if let Some(nameless) = nameless {
                        nameless.store(true, Ordering::Relaxed);
                    }
                    return None;
                }
                self.only(file, call)
            }
        };
        match only {
            Only::Api(api) => Some(api),
            _ => None,
        }
    }

    /// The one function of the project that a call runs.
    pub fn own_of(&self, file: FileId, call: CallId) -> Option<FnRef> {
        match self.only(file, call) {
            Only::Own(function) => Some(function),
            _ => None,
        }
    }

    /// What a call runs, if that is one thing.
    pub fn only(&self, file: FileId, call: CallId) -> Only {
        let model = self.model(file);
        if model.is_opaque(model.call(call).callee) {
            return Only::Unknown;
        }
        let cell = self.remembered(file).and_then(|it| it.of_call(model, call)).map(|it| it.0);
        if let Some(known) = cell.and_then(OnceLock::get) {
            return *known;
        }
        let only = {
            let _outlines = self.of_outlines();
            match self.only_callee(file, call) {
                Some(Callee::Api(path, _)) => self.knowledge.api(model.language, path).map_or(Only::Unknown, Only::Api),
                Some(Callee::Own(function)) => Only::Own(function),
                Some(Callee::Construct(class)) => Only::Construct(class),
                Some(Callee::Unknown) => Only::Unknown,
                None => Only::Several,
            }
        };
        if let Some(cell) = cell {
            // What asks may itself have been asked for by this very call: both have found the same.
            let _ = cell.set(only);
        }
        only
    }

    /// The `impl` blocks of a class, found by `find` at first need.
    pub(super) fn remembered_impls(&self, class: ClassRef, find: impl FnOnce() -> Impls) -> Impls {
        match self.remembered(class.file) {
            Some(remembered) => Arc::clone(remembered.impls[class.class.index()].get_or_init(find)),
            None => find(),
        }
    }

    /// Which types the blocks of a file are for, found by `find` at first need.
    pub(super) fn remembered_targets(&self, file: FileId, find: impl FnOnce() -> Targets) -> Targets {
        match self.remembered(file) {
            Some(remembered) => Arc::clone(remembered.targets.get_or_init(find)),
            None => find(),
        }
    }

    /// Files of a crate that may give a library's type a method, found by `find` at first need: most methods of such types are
    /// their own, and asked for again and again.
    pub(super) fn remembered_extenders(&self, key: Extended, find: impl FnOnce() -> Arc<[FileId]>) -> Arc<[FileId]> {
        let known = self.extenders.read().unwrap_or_else(PoisonError::into_inner).get(&key).map(Arc::clone);
        known.unwrap_or_else(|| {
            let found = find();
            self.extenders.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&found));
            found
        })
    }

    /// The class and all it derives from, in the order in which members are looked up.
    pub(super) fn ancestry(&self, class: ClassRef) -> Cow<'_, [Ancestor]> {
        let Some(cell) = self.remembered(class.file).map(|it| &it.ancestries[class.class.index()]) else {
            return Cow::Owned(self.ancestry_afresh(class));
        };
        if let Some(known) = cell.get() {
            return Cow::Borrowed(known);
        }
        let found = self.ancestry_afresh(class);
        let _ = cell.set(found.into());
        cell.get().map_or_else(|| Cow::Owned(Vec::new()), |it| Cow::Borrowed(&**it))
    }
}
