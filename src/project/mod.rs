//! All models together: what names stand for across files, who calls whom, and what calls do.

mod callables;
mod callbacks;
mod calls;
mod coverage;
mod crates;
pub mod effects;
mod guards;
mod installed;
mod layout;
mod library;
mod members;
mod reach;
mod resolve;
mod sites;
pub mod types;

pub use callables::Wrapping;
pub use coverage::Coverage;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::analysis::Input;
use crate::finding::{FileId, Place};
use crate::knowledge::Knowledge;
use crate::model::{FileModel, Function, FunctionId, TOP_LEVEL};
use crate::packages::Surroundings;
use crate::rules::RuleSet;
use crate::source::{Language, Source, Span};

pub use calls::Callee;
use effects::Effects;
use installed::{Impls, Installed};
use layout::Layout;
use types::{ClassRef, FnRef};

/// The files of one analysis.
pub struct Project {
    /// Tells this project from others in what threads remember.
    number: u64,
    files: Vec<File>,
    pub knowledge: Knowledge,
    layout: Layout,
    /// Rust `impl` blocks by the type they are for.
    impls: FxHashMap<ClassRef, Impls>,
    /// Files of dependencies that something has led to.
    installed: Installed,
    /// Crates are followed into their sources, from when the user's own are known.
    follows: bool,
    /// The user's files by where they are on disk.
    own_files: OnceLock<FxHashMap<PathBuf, FileId>>,
    effects: Effects,
}

struct File {
    source: Source,
    rules: RuleSet,
    /// The file can have findings of its own; others are lowered only when something leads there.
    relevant: bool,
    model: OnceLock<FileModel>,
    /// The analysis itself failed on the file: an internal error, to be reported.
    failed: AtomicBool,
    /// Which parameters the file's functions call.
    callables: OnceLock<callables::Callables>,
}

impl Project {
    pub fn new(inputs: Vec<Input>, knowledge: Knowledge, surroundings: Arc<Surroundings>) -> Self {
        use rayon::prelude::*;
        let layout = Layout::of(inputs.iter().map(|input| &input.source), &surroundings.manifests);
        let files: Vec<File> = inputs
            .into_iter()
            .map(|input| File {
                source: input.source,
                rules: input.rules,
                relevant: input.relevant,
                model: OnceLock::new(),
                failed: AtomicBool::new(false),
                callables: OnceLock::new(),
            })
            .collect();
        let mut project = Self {
            number: next_number(),
            installed: Installed::new(surroundings, files.len()),
            follows: false,
            own_files: OnceLock::new(),
            files,
            knowledge,
            layout,
            impls: FxHashMap::default(),
            effects: Effects::default(),
        };
        project.files.par_iter().for_each(|file| {
            if file.relevant || file.source.language == Language::Rust {
                file.model();
            }
        });
        let Self { layout, files, .. } = &mut project;
        let files = &*files;
        layout.crates.link(|file| files[file.index()].model());
        project.impls = project.collect_impls();
        if !project.installed.around.crates.is_empty() {
            project.follows = true;
            // What threads remember of names of other crates no longer holds.
            project.number = next_number();
        }
        project.effects = Effects::of(&project);
        project
    }

    fn file(&self, file: FileId) -> &File {
        let installed = || self.installed.file(file).expect("a file's number is given by its project");
        self.files.get(file.index()).unwrap_or_else(installed)
    }

    /// The user's files, in the order given.
    pub fn user_files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// How many files have been met: the user's, and those of dependencies.
    pub fn file_count(&self) -> usize {
        self.files.len() + self.installed.count()
    }

    /// The files that can have findings of their own.
    pub fn relevant_files(&self) -> Vec<FileId> {
        self.user_files().filter(|file| self.files[file.index()].relevant).collect()
    }

    pub fn source(&self, file: FileId) -> &Source {
        &self.file(file).source
    }

    pub fn language(&self, file: FileId) -> Language {
        match self.files.get(file.index()) {
            Some(file) => file.source.language,
            None => self.installed.language(file).unwrap_or(Language::Python),
        }
    }

    /// What the file says; lowered at first need.
    pub fn model(&self, file: FileId) -> &FileModel {
        self.file(file).model()
    }

    pub(crate) fn mark_failed(&self, file: FileId) {
        self.file(file).failed.store(true, Ordering::Relaxed);
    }

    /// The front end or a rule failed on the file.
    pub fn has_failed(&self, file: FileId) -> bool {
        let file = self.file(file);
        file.failed.load(Ordering::Relaxed) || file.model.get().is_some_and(|model| model.failed)
    }

    /// What the file says, if anything has asked before.
    pub fn model_if_lowered(&self, file: FileId) -> Option<&FileModel> {
        self.file(file).model.get()
    }

    /// The rules that are on for the file.
    pub fn rules(&self, file: FileId) -> &RuleSet {
        &self.file(file).rules
    }

    pub fn function(&self, function: FnRef) -> &Function {
        self.model(function.file).function(function.function)
    }

    /// The Rust edition of the package that the file is of, where a manifest tells it.
    pub fn edition(&self, file: FileId) -> Option<u16> {
        self.layout.crates.edition(file)
    }

    /// The effects of the project's functions.
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// The name of a function as people write it: `app.db.Store.load`.
    pub fn function_name(&self, function: FnRef) -> String {
        let model = self.model(function.file);
        let module = self.module_of(function.file);
        if function.function == TOP_LEVEL {
            return module;
        }
        let separator = match model.language {
            Language::Python => ".",
            Language::Rust => "::",
        };
        let name = model.name(model.function(function.function).qualname);
        if module.is_empty() { name.to_owned() } else { format!("{module}{separator}{name}") }
    }

    /// The last parts of a function's name, for messages: `Store.load`.
    pub fn short_name(&self, function: FnRef) -> &str {
        let model = self.model(function.file);
        model.name(model.function(function.function).qualname)
    }

    pub fn place(&self, file: FileId, span: Span) -> Place {
        Place { file, span }
    }

    fn collect_impls(&self) -> FxHashMap<ClassRef, Impls> {
        use rayon::prelude::*;
        let found: Vec<(ClassRef, FileId, u32)> = (0..self.files.len() as u32)
            .into_par_iter()
            .map(FileId)
            .filter(|file| self.language(*file) == Language::Rust)
            .flat_map_iter(|file| {
                let model = self.model(file);
                let targets = model.impls.iter().enumerate().filter_map(move |(index, it)| {
                    let types::Ty::Instance(types::Class::Own(class), _) = self.evaluate(file, it.target) else {
                        return None;
                    };
                    Some((class, file, index as u32))
                });
                targets.collect::<Vec<_>>()
            })
            .collect();
        let mut impls: FxHashMap<ClassRef, Vec<(FileId, u32)>> = FxHashMap::default();
        for (class, file, index) in found {
            impls.entry(class).or_default().push((file, index));
        }
        impls.into_iter().map(|(class, impls)| (class, impls.into())).collect()
    }

    /// The innermost function whose text holds the offset.
    pub fn function_at(&self, file: FileId, offset: u32) -> FunctionId {
        let model = self.model(file);
        let mut best = TOP_LEVEL;
        for id in model.function_ids() {
            let span = model.function(id).span;
            let length = |span: Span| span.end - span.start;
            if span.start <= offset && offset < span.end && length(span) <= length(model.function(best).span) {
                best = id;
            }
        }
        best
    }
}

/// Tells projects apart in what threads remember.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl File {
    /// A file that is followed, and never judged.
    fn installed(source: Source) -> Self {
        Self {
            source,
            rules: RuleSet::default(),
            relevant: false,
            model: OnceLock::new(),
            failed: AtomicBool::new(false),
            callables: OnceLock::new(),
        }
    }

    fn model(&self) -> &FileModel {
        self.model.get_or_init(|| {
            let lower = || match self.source.language {
                Language::Python => crate::python::lower(&self.source),
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
