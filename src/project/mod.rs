//! All models together: what names stand for across files, who calls whom, and what calls do.

mod around;
mod asking;
mod async_library;
mod blocks;
mod bodies;
mod border;
mod callables;
mod callbacks;
mod calls;
mod conditions;
mod coverage;
mod crates;
mod databases;
mod decorators;
mod deref;
mod driven;
pub mod effects;
mod enums;
pub mod evidence;
mod fields;
mod files;
mod filled;
mod forks;
mod generic;
mod given;
mod globs;
mod guards;
mod held;
mod implementations;
mod installed;
mod instances;
mod known;
mod layout;
mod leaving;
mod library;
mod live;

mod made;
mod members;
mod memo;
mod modules;
mod objects;
mod options;
mod overridden;
mod patched;
mod path;
mod reach;
mod receiver;
mod releases;
mod remembered;
mod renumbered;
mod resolve;
mod results;
mod several;
mod shared;
mod sites;
mod special;
mod subjects;
mod texts;
mod there;
mod times;
mod told;
mod trace;
mod traits;
pub mod types;
mod unwritten;
mod waits;
mod within;
mod written;

pub use coverage::{Coverage, Unresolved};
pub use decorators::Wrapping;
pub use files::{Files, Member, Read, Reader};
pub use installed::LookedAt;
pub use live::{Kept, Live};
pub use path::LibraryPath;
pub use releases::{Store, Taken};
pub use remembered::Only;
pub(crate) use trace::Evaluating;

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use camino::Utf8Path;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{FileId, Place, Sources};
use crate::knowledge::Knowledge;
use crate::model::{FileModel, Function, FunctionId, ModuleId, TOP_LEVEL};
use crate::rules::RuleSet;
use crate::rust::{Mentions, Word};
use crate::source::{Language, Source, Span};

pub use calls::Callee;
use effects::Effects;
use implementations::Blocks;
use installed::Installed;
use layout::Layout;
use trace::{Question, Seen};
use types::{FnRef, ForeignModule};

/// Some files of a run, looked at together, and whatever else they lead to.
pub struct Project {
    /// Tells this project from others in what threads remember.
    number: u64,
    files: Arc<Files>,
    group: Vec<FileId>,
    /// Those of the group that can have findings of their own.
    relevant: Vec<FileId>,
    /// Every file of the run; those that nothing has led to are empty.
    slots: Box<[OnceLock<Arc<Slot>>]>,
    /// Where notes are taken: under which number threads remember the values of each.
    numbers: Box<[u64]>,
    /// What has been asked of each.
    remembered: Box<[OnceLock<Box<remembered::Remembered>>]>,
    pub knowledge: Arc<Knowledge>,
    layout: Arc<Layout>,
    /// Rust `impl` blocks of the group.
    blocks: Blocks,
    /// The same of crates outside the group, by the crate's first file: found when something leads there.
    crates: Mutex<FxHashMap<FileId, Arc<Blocks>>>,
    /// What modules open that open very many others.
    reached: Mutex<FxHashMap<(FileId, ModuleId), Arc<globs::Reached>>>,
    /// Where types of libraries may have methods of a crate's.
    extenders: RwLock<FxHashMap<remembered::Extended, Arc<[FileId]>>>,
    /// What modules hold that Python has from Rust: found when something leads there.
    foreign: Mutex<FxHashMap<ForeignModule, border::Contents>>,
    effects: Effects,
    /// What files are for that import no async library.
    async_library: OnceLock<&'static str>,
    /// Functions that reach nothing that needs a running loop.
    loopless: RwLock<FxHashSet<FnRef>>,
    /// Notes are taken of what answers are made of.
    noted: bool,
    /// What was seen on behalf of files while functions were linked, where notes are taken.
    linked: Mutex<Vec<(FileId, Seen)>>,
}

/// How many files a thread takes on at once: what it has begun to go through, no other can help with, and in the end there is
/// nothing else to do for them.
const HANDFUL: usize = 32;

/// A file that has been read.
struct Slot {
    source: Source,
    /// Bodies are lowered when they are asked for.
    in_parts: bool,
    model: OnceLock<FileModel>,
    /// Rust: what the text tells of `impl` blocks.
    mentions: OnceLock<Mentions>,
    /// Rust: the names in a text that is not lowered.
    words: OnceLock<FxHashSet<Word>>,
    /// Rust: the names of the functions in its text.
    functions: OnceLock<FxHashSet<Word>>,
    /// Rust: the modules that its text declares for tests alone.
    for_tests: OnceLock<Box<[Box<str>]>>,
    /// The analysis itself failed on the file: an internal error, to be reported.
    failed: AtomicBool,
    /// Which parameters the file's functions call.
    callables: OnceLock<Box<[OnceLock<callables::Callables>]>>,
}

impl Project {
    /// Reads and links a group of files.
    pub fn new(files: Arc<Files>, group: Vec<FileId>) -> Self {
        Self::telling_of(files, group, FxHashSet::default())
    }

    /// The same, to tell what every function of some of the files does: of the others it is known where code on the loop leads there.
    pub fn telling_of(files: Arc<Files>, group: Vec<FileId>, asked: FxHashSet<FileId>) -> Self {
        use rayon::prelude::*;
        let mut project = Self::unread(files, group);
        project.files.shared.begin();
        let files = project.group.par_iter().with_max_len(HANDFUL).copied();
        project.relevant = files.filter(|file| project.read(*file)).collect();
        project.look_for_blocks();
        project.effects = Effects::of(&project, asked);
        project
    }

    /// A group of files of which none is read yet.
    fn unread(files: Arc<Files>, group: Vec<FileId>) -> Self {
        Self {
            number: next_number(),
            numbers: Box::default(),
            group,
            relevant: Vec::new(),
            slots: files.all().map(|_| OnceLock::new()).collect(),
            remembered: files.all().map(|_| OnceLock::new()).collect(),
            knowledge: Arc::clone(&files.knowledge),
            layout: Arc::clone(&files.layout),
            files,
            blocks: Blocks::default(),
            crates: Mutex::default(),
            reached: Mutex::default(),
            extenders: RwLock::default(),
            foreign: Mutex::default(),
            effects: Effects::default(),
            async_library: OnceLock::new(),
            loopless: RwLock::default(),
            noted: false,
            linked: Mutex::default(),
        }
    }

    /// Reads a file, and lowers it where that is worth it. Says whether it can have findings of its own.
    fn read(&self, file: FileId) -> bool {
        let read = self.files.read(file);
        let is_rust = self.language(file) == Language::Rust;
        // The text of a Python file that nothing may lead to is not kept. Any Rust file may have an `impl` for a type of another.
        if read.relevant || is_rust {
            let in_parts = !read.relevant && !self.noted;
            let slot = self.slots[file.index()].get_or_init(|| Slot::with(read.source, in_parts));
            if read.relevant {
                slot.model();
            }
            if is_rust && !self.noted {
                slot.mentions();
            }
        }
        read.relevant
    }

    fn slot(&self, file: FileId) -> &Slot {
        if self.noted {
            trace::looks_at(file);
        }
        match self.slots.get(file.index()) {
            Some(slot) => slot.get_or_init(|| {
                let read = || Slot::with(self.files.read(file).source, !self.noted);
                if self.noted { read() } else { self.files.shared.slot(file, read) }
            }),
            None => self.installed().slot(file).expect("a file's number is given by its run"),
        }
    }

    /// The files that are looked at together.
    pub fn group(&self) -> &[FileId] {
        &self.group
    }

    /// Those of the group, and all that something has led to.
    pub fn files_read(&self) -> impl Iterator<Item = FileId> {
        let others = self.slots.iter().zip(0..).filter(|(slot, _)| slot.get().is_some()).map(|(_, file)| FileId(file));
        self.group.iter().copied().chain(others.filter(|file| self.group.binary_search(file).is_err()))
    }

    /// Those of the group that can have findings of their own.
    pub fn relevant_files(&self) -> &[FileId] {
        if self.noted {
            trace::asks_what_matters();
        }
        &self.relevant
    }

    /// The files of the group that may have the name somewhere, and of Python those that matter.
    pub fn files_naming(&self, name: &str) -> impl Iterator<Item = FileId> {
        let relevant = self.relevant_files();
        let word = crate::rust::word(name);
        let is_one = move |file: &FileId| {
            relevant.binary_search(file).is_ok()
                || self.language(*file) == Language::Rust && (self.noted || self.slot(*file).words().contains(&word))
        };
        self.group.iter().copied().filter(is_one)
    }

    pub fn source(&self, file: FileId) -> &Source {
        &self.slot(file).source
    }

    /// The file's text, if anything has asked before.
    pub fn source_if_read(&self, file: FileId) -> Option<&Source> {
        match self.slots.get(file.index()) {
            Some(slot) => slot.get().map(|it| &it.source),
            None => self.installed().slot(file).map(|it| &it.source),
        }
    }

    /// What the file is called in reports.
    pub fn path(&self, file: FileId) -> &Utf8Path {
        let installed = || self.installed().shown(file).unwrap_or(Utf8Path::new(""));
        self.files.members.get(file.index()).map_or_else(installed, |it| &it.path)
    }

    pub fn language(&self, file: FileId) -> Language {
        match self.files.members.get(file.index()) {
            Some(member) => member.language,
            None => self.installed().language(file).unwrap_or(Language::Python),
        }
    }

    /// What the file says; read and lowered at first need.
    pub fn model(&self, file: FileId) -> &FileModel {
        self.slot(file).model()
    }

    /// What is declared of a function: not its body.
    pub fn declared(&self, function: FnRef) -> &Function {
        self.model(function.file).declaration(function.function)
    }

    /// `async def`, `async fn`, an async closure or block.
    pub fn is_async(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        self.declared(function).kind.is_async()
    }

    pub(crate) fn mark_failed(&self, file: FileId) {
        self.slot(file).failed.store(true, Ordering::Relaxed);
    }

    /// The front end or a rule failed on the file.
    pub fn has_failed(&self, file: FileId) -> bool {
        let slot = self.slots.get(file.index()).and_then(OnceLock::get);
        slot.is_some_and(|slot| {
            slot.failed.load(Ordering::Relaxed) || slot.model.get().is_some_and(FileModel::has_failed)
        })
    }

    /// What the file says, if anything has asked before.
    pub fn model_if_lowered(&self, file: FileId) -> Option<&FileModel> {
        self.slots.get(file.index())?.get()?.model.get()
    }

    /// The rules that are on for the file.
    pub fn rules(&self, file: FileId) -> &RuleSet {
        &self.files.members[file.index()].rules
    }

    pub fn function(&self, function: FnRef) -> &Function {
        self.model(function.file).function(function.function)
    }

    /// Files of dependencies that something has led to.
    fn installed(&self) -> &Installed {
        &self.files.installed
    }

    /// It has been found that the function reaches nothing that needs a running loop.
    pub fn needs_no_loop(&self, function: FnRef) -> bool {
        self.loopless.read().unwrap_or_else(PoisonError::into_inner).contains(&function)
    }

    /// These functions reach nothing but each other that needs a running loop.
    pub fn note_no_loop_needed(&self, functions: &FxHashSet<FnRef>) {
        // Who is told so has not looked at the files that it hangs on.
        if !self.noted && !functions.is_empty() {
            self.loopless.write().unwrap_or_else(PoisonError::into_inner).extend(functions);
        }
    }

    /// The effects of the project's functions.
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// More than the outline of a file is looked at.
    fn looks_into(&self, file: FileId) {
        if self.noted {
            trace::looks_into(file);
        }
    }

    /// Asks something of the body of a function that is the same whoever asks.
    fn answered<R: Hash>(&self, question: Question, function: FnRef, ask: impl FnOnce() -> R) -> R {
        if self.noted { trace::answered((question, function), ask) } else { ask() }
    }

    /// Looks on behalf of a file at what its functions run: at outlines of others, but for what is [looked into](Self::looks_into).
    fn on_behalf_of<R>(&self, file: FileId, look: impl FnOnce() -> R) -> R {
        if !self.noted {
            return look();
        }
        let (result, seen) = trace::noted(file, || {
            let _outlines = self.of_outlines();
            look()
        });
        if !seen.is_empty() {
            self.linked.lock().unwrap_or_else(PoisonError::into_inner).push((file, seen));
        }
        result
    }

    /// What is asked of other files while this lives is part of their outlines.
    pub(crate) fn of_outlines(&self) -> Option<Evaluating> {
        self.noted.then(|| trace::Evaluating::begin(None))
    }

    /// The name of a function as people write it: `app.db.Store.load`.
    pub fn function_name(&self, function: FnRef) -> String {
        let _outlines = self.of_outlines();
        let model = self.model(function.file);
        let module = self.module_of(function.file);
        if function.function == TOP_LEVEL {
            return module;
        }
        let separator = match model.language {
            Language::Python => ".",
            Language::Rust => "::",
        };
        let name = model.name(model.declaration(function.function).qualname);
        if module.is_empty() { name.to_owned() } else { format!("{module}{separator}{name}") }
    }

    /// The last parts of a function's name, for messages: `Store.load`.
    pub fn short_name(&self, function: FnRef) -> &str {
        let _outlines = self.of_outlines();
        let model = self.model(function.file);
        model.name(model.declaration(function.function).qualname)
    }

    pub fn place(&self, file: FileId, span: Span) -> Place {
        Place { file, span }
    }

    /// The innermost function whose text holds the offset.
    pub fn function_at(&self, file: FileId, offset: u32) -> FunctionId {
        let model = self.model(file);
        let mut best = TOP_LEVEL;
        for id in model.function_ids() {
            let span = model.declaration(id).span;
            let length = |span: Span| span.end - span.start;
            if span.start <= offset && offset < span.end && length(span) <= length(model.declaration(best).span) {
                best = id;
            }
        }
        best
    }
}

impl Sources for Project {
    fn source(&self, file: FileId) -> &Source {
        self.source(file)
    }
}

/// Tells projects apart, what is known of one before and after a change, and layouts.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Slot {
    fn new(source: Source) -> Arc<Self> {
        Self::with(source, false)
    }

    fn with(source: Source, in_parts: bool) -> Arc<Self> {
        Arc::new(Self {
            in_parts,
            source,
            model: OnceLock::new(),
            mentions: OnceLock::new(),
            words: OnceLock::new(),
            functions: OnceLock::new(),
            for_tests: OnceLock::new(),
            failed: AtomicBool::new(false),
            callables: OnceLock::new(),
        })
    }

    fn model(&self) -> &FileModel {
        self.model.get_or_init(|| {
            let lower = || match self.source.language {
                Language::Python if self.in_parts => crate::python::lower_in_parts(&self.source),
                Language::Python => crate::python::lower(&self.source),
                Language::Rust if self.in_parts => crate::rust::lower_in_parts(&self.source),
                Language::Rust => crate::rust::lower(&self.source),
            };
            // A file that breaks the front end costs that file alone.
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(lower)).unwrap_or_else(|_| {
                let mut model = FileModel::new(self.source.language, self.source.text.len() as u32);
                model.failed = true;
                model
            })
        })
    }
}
