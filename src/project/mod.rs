//! All models together: what names stand for across files, who calls whom, and what calls do.

mod async_library;
mod callables;
mod callbacks;
mod calls;
pub mod effects;
mod guards;
mod layout;
mod library;
mod members;
mod resolve;
mod sites;
pub mod types;

pub use callables::Wrapping;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustc_hash::FxHashMap;

use crate::analysis::Input;
use crate::finding::{FileId, Place};
use crate::knowledge::Knowledge;
use crate::model::{FileModel, Function, FunctionId, TOP_LEVEL};
use crate::rules::RuleSet;
use crate::source::{Language, Source, Span};

pub use calls::Callee;
use effects::Effects;
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
    impls: FxHashMap<ClassRef, Vec<(FileId, u32)>>,
    effects: Effects,
    /// What files are for that import no async library.
    async_library: OnceLock<&'static str>,
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
    pub fn new(inputs: Vec<Input>, knowledge: Knowledge) -> Self {
        use rayon::prelude::*;
        let layout = Layout::of(inputs.iter().map(|input| &input.source));
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
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut project = Self {
            number,
            files,
            knowledge,
            layout,
            impls: FxHashMap::default(),
            effects: Effects::default(),
            async_library: OnceLock::new(),
        };
        project.files.par_iter().for_each(|file| {
            if file.relevant || file.source.language == Language::Rust {
                file.model();
            }
        });
        project.impls = project.collect_impls();
        project.effects = Effects::of(&project);
        project
    }

    /// The user's files, in the order given.
    pub fn user_files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// The files that can have findings of their own.
    pub fn relevant_files(&self) -> Vec<FileId> {
        self.user_files().filter(|file| self.files[file.index()].relevant).collect()
    }

    pub fn source(&self, file: FileId) -> &Source {
        &self.files[file.index()].source
    }

    pub fn language(&self, file: FileId) -> Language {
        self.files[file.index()].source.language
    }

    /// What the file says; lowered at first need.
    pub fn model(&self, file: FileId) -> &FileModel {
        self.files[file.index()].model()
    }

    pub(crate) fn mark_failed(&self, file: FileId) {
        self.files[file.index()].failed.store(true, Ordering::Relaxed);
    }

    /// The front end or a rule failed on the file.
    pub fn has_failed(&self, file: FileId) -> bool {
        let file = &self.files[file.index()];
        file.failed.load(Ordering::Relaxed) || file.model.get().is_some_and(|model| model.failed)
    }

    /// What the file says, if anything has asked before.
    pub fn model_if_lowered(&self, file: FileId) -> Option<&FileModel> {
        self.files[file.index()].model.get()
    }

    /// The rules that are on for the file.
    pub fn rules(&self, file: FileId) -> &RuleSet {
        &self.files[file.index()].rules
    }

    pub fn function(&self, function: FnRef) -> &Function {
        self.model(function.file).function(function.function)
    }

    /// The effects of the project's functions.
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// The name of a function as people write it: `app.db.Store.load`.
    pub fn function_name(&self, function: FnRef) -> String {
        let model = self.model(function.file);
        let module = self.layout.module_name(function.file);
        if function.function == TOP_LEVEL {
            return module.to_owned();
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

    fn collect_impls(&self) -> FxHashMap<ClassRef, Vec<(FileId, u32)>> {
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
        impls
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

impl File {
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
