//! Sync functions that run on the loop all the same: handed to it as callbacks, or called there by a framework.

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use crate::finding::FileId;
use crate::knowledge::{Api, HandlerFacts, HandlerRole, Place as RunPlace, Runner};
use crate::model::{Arg, ClassId, ClassKind, Decorator, FunctionId, FunctionKind, NameId, Node, Value, ValueId, flow};
use crate::source::Language;

use super::Project;
use super::types::{ClassRef, FnRef, Ty};

/// Modules whose names a file has without naming them.
#[derive(Default)]
struct Opened {
    /// The user's.
    files: Vec<FileId>,
    /// Those that a table knows.
    libraries: Vec<&'static str>,
    /// What is not known.
    anything: bool,
}

impl Project {
    /// Sync functions of the file that are handed to the loop, or that a framework runs on it.
    pub(super) fn callbacks_of(&self, file: FileId) -> Vec<FnRef> {
        let _outlines = self.of_outlines();
        let mut callbacks = Vec::new();
        self.handed_to_loop(file, &mut callbacks);
        self.decorated_to_run(file, RunPlace::Loop, &mut callbacks);
        self.methods_run(file, RunPlace::Loop, &mut callbacks);
        callbacks
    }

    /// Sync functions that are arguments of calls which hand them to the loop.
    fn handed_to_loop(&self, file: FileId, found: &mut Vec<FnRef>) {
        let model = self.model(file);
        let is_rust = model.language == Language::Rust;
        // Of every call the name is asked for. A file that matters is lowered as a whole: its names are all there.
        let named: FxHashMap<NameId, &[&str]> = self
            .knowledge
            .calling_back(model.language)
            .filter_map(|(name, paths)| Some((model.names.find(name)?, paths)))
            .collect();
        if named.is_empty() {
            return;
        }
        let scope = OnceCell::new();
        let mut in_scope: FxHashMap<NameId, bool> = FxHashMap::default();
        for (id, call) in model.all_calls() {
            let (name, is_of_type) = match model.value(call.callee) {
                Value::Attr(_, name) => (Some(name), true),
                // `future::poll_fn(..)`, `InterceptorLayer::new(..)`
                Value::Path(path) if is_rust => match &path.segments[..] {
                    [.., of, name] => (Some(name), model.name(*of).starts_with(char::is_uppercase)),
                    [..] => (path.segments.last(), false),
                },
                Value::Global(_, name) if is_rust => (Some(name), false),
                _ => continue,
            };
            let Some((name, paths)) = name.and_then(|it| Some((it, named.get(it)?))) else { continue };
            let mut may_be = || {
                let opened = scope.get_or_init(|| self.opened_by(file));
                *in_scope.entry(*name).or_insert_with(|| self.may_be_meant(file, paths, opened))
            };
            if call.args.is_empty() || is_rust && is_of_type && !may_be() {
                continue;
            }
            // A closure that does nothing blocks nothing.
            if is_rust && call.args.iter().all(|arg| self.is_idle(file, arg.value)) {
                continue;
            }
            let Some(api) = self.api_of(file, id) else { continue };
            for runs in api.runs.iter().filter(|it| it.place == Runner::Loop) {
                let name = (!runs.name.is_empty()).then_some(runs.name);
                let argument = call.argument(&model.names, runs.position.map(usize::from), name);
                if let Some(argument) = argument
                    && let Ty::Function(function) | Ty::Bound(_, function) = self.evaluate(file, argument.value)
                    && matches!(self.declared(function).kind, FunctionKind::Sync | FunctionKind::Closure)
                {
                    found.push(function);
                }
            }
        }
    }

    /// Sync functions of a Python file that a library runs in a thread of their own: `run` of a `Thread`, a `def` that serves requests.
    pub fn run_in_threads(&self, file: FileId) -> Vec<FnRef> {
        let _outlines = self.of_outlines();
        let mut found = Vec::new();
        self.decorated_to_run(file, RunPlace::Thread, &mut found);
        self.methods_run(file, RunPlace::Thread, &mut found);
        found
    }

    /// Sync functions with a decorator by which a framework runs them at that place.
    fn decorated_to_run(&self, file: FileId, place: RunPlace, found: &mut Vec<FnRef>) {
        let model = self.model(file);
        for id in model.function_ids() {
            let function = model.declaration(id);
            if function.kind != FunctionKind::Sync || function.decorators.is_empty() {
                continue;
            }
            let is_run = function.decorators.iter().any(|decorator| {
                let facts = self.facts_of_decorator(file, decorator).filter(|facts| facts.sync.is_some());
                facts.is_some_and(|facts| self.place_of_sync(file, decorator, facts) == Some(place))
            });
            if is_run {
                found.push(FnRef { file, function: id });
            }
        }
    }

    /// Where a framework runs a `def` under the decorator, which may say so itself: `sync_to_thread=True`.
    fn place_of_sync(&self, file: FileId, decorator: &Decorator, facts: &HandlerFacts) -> Option<RunPlace> {
        let model = self.model(file);
        let args = decorator.call.map_or(&[][..], |call| &model.call(call).args);
        let says = |arg: &&Arg| arg.spread || arg.name.is_some_and(|name| model.name(name) == facts.thread_if);
        let said = args.iter().filter(|_| !facts.thread_if.is_empty()).find(says);
        match said.map(|arg| self.evaluate(file, arg.value)) {
            None | Some(Ty::Bool(false) | Ty::None) => facts.sync,
            Some(Ty::Bool(true)) => Some(RunPlace::Thread),
            Some(_) => None,
        }
    }

    /// A framework runs the async function on a loop of its own, on which it starts nothing else: what it blocks is itself. In Rust, a block
    /// is run to its end on a thread that waits for it: `handle.block_on(async { .. })`.
    pub fn is_alone_on_loop(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        let declared = self.declared(function);
        let model = self.model(function.file);
        if declared.kind == FunctionKind::AsyncBlock {
            return self.is_run_beside(function);
        }
        if model.language != Language::Python || !declared.kind.is_async() {
            return false;
        }
        let is_run = |facts: &HandlerFacts| {
            facts.asynchronous == Some(RunPlace::Runtime)
                && matches!(facts.role, Some(HandlerRole::Route | HandlerRole::Callback))
        };
        let decorated =
            declared.decorators.iter().any(|it| self.facts_of_decorator(function.file, it).is_some_and(is_run));
        let handles = || {
            let name = model.name(declared.name);
            let may_be = self.knowledge.names_a_handler(model.language, name, RunPlace::Runtime);
            let Some(class) = declared.class.filter(|_| may_be) else { return false };
            let bases = self.library_bases(ClassRef { file: function.file, class });
            let mut facts = bases.iter().flat_map(|path| self.knowledge.base(model.language, path));
            facts.any(|facts| facts.methods.contains(&name) && is_run(facts))
        };
        let spawns = |node: &Node| {
            let Node::Call(id) = node else { return false };
            let api = self.api_of(function.file, *id);
            api.is_some_and(|api| api.runs.iter().any(|it| matches!(it.place, Runner::Task | Runner::Loop)))
        };
        (decorated || handles()) && flow::find(&self.function(function).body, &mut |node| spawns(node)).is_none()
    }

    /// Rust: the block is given to what runs it beside its runtime, and to nothing else.
    fn is_run_beside(&self, block: FnRef) -> bool {
        let model = self.model(block.file);
        let Some(around) = model.declaration(block.function).parent else { return false };
        let is_it = |arg: &Arg| *model.value(arg.value) == Value::Function(block.function);
        let calls = model.calls_in(around);
        let mut given = calls.iter().filter(|(_, call)| call.args.iter().any(is_it)).map(|it| it.0).peekable();
        let runs = |api: &Api| api.runs.iter().any(|it| it.place == Runner::Beside);
        given.peek().is_some() && given.all(|id| self.api_of(block.file, id).is_some_and(runs))
    }

    /// The value is a closure in which nothing is called, nothing waits and nothing loops.
    fn is_idle(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let Value::Function(function) = model.value(value) else { return false };
        let definition = model.function(*function);
        let mut does = |node: &Node| {
            !matches!(node, Node::Bind { .. } | Node::Release { .. } | Node::Return { .. } | Node::Branch(_))
        };
        definition.kind == FunctionKind::Closure && flow::find(&definition.body, &mut does).is_none()
    }

    /// Rust: a function of a type or a trait may be one of these. The trait must be in scope: the file names it, or opens a module
    /// that may have it. Of a type's own functions the file names the type or its library.
    fn may_be_meant(&self, file: FileId, paths: &[&str], opened: &Opened) -> bool {
        let names = &self.model(file).names;
        let is_named = |path: &&str| {
            let Some((owner, _)) = path.rsplit_once("::") else { return true };
            let (library, owner) =
                (path.split("::").next().unwrap_or(path), owner.rsplit("::").next().unwrap_or(owner));
            let is_in = |file: &FileId| self.source(*file).text.contains(owner);
            // What extends another is a trait.
            names.find(owner).is_some()
                || !owner.ends_with("Ext") && names.find(library).is_some()
                || opened.libraries.iter().any(|it| Some(*it) == self.knowledge.library(Language::Rust, library))
                || opened.files.iter().any(is_in)
        };
        opened.anything || paths.iter().any(is_named)
    }

    /// What the `use x::*` of a file open.
    fn opened_by(&self, file: FileId) -> Opened {
        let mut opened = Opened::default();
        let mut pending = vec![file];
        let mut seen = 0;
        while let Some(at) = pending.get(seen).copied() {
            seen += 1;
            for glob in self.model(at).modules.iter().flat_map(|it| &it.globs) {
                match self.evaluate(at, glob.value) {
                    Ty::Module(other, _) if pending.contains(&other) => {}
                    Ty::Module(other, _) => pending.push(other),
                    // An enum has no traits in it.
                    Ty::Class(_) => {}
                    Ty::External(path) => {
                        let library = path.split("::").next().unwrap_or(&path);
                        match self.knowledge.library(Language::Rust, library) {
                            Some(library) => opened.libraries.push(library),
                            None => opened.anything = true,
                        }
                    }
                    _ => opened.anything = true,
                }
            }
        }
        opened.files = pending.split_off(1);
        opened
    }

    /// Methods that a framework runs at that place because of what their class derives from or implements.
    fn methods_run(&self, file: FileId, place: RunPlace, callbacks: &mut Vec<FnRef>) {
        let model = self.model(file);
        let is_sync = |function: FunctionId| model.declaration(function).kind == FunctionKind::Sync;
        let may_handle = |methods: &[(NameId, FunctionId)]| {
            methods.iter().any(|(name, function)| {
                is_sync(*function) && self.knowledge.names_a_handler(model.language, model.name(*name), place)
            })
        };
        let mut keep = |path: &str, methods: &[(NameId, FunctionId)]| {
            for facts in self.knowledge.base(model.language, path) {
                if facts.sync != Some(place) {
                    continue;
                }
                let wanted = |name: &str| facts.methods.contains(&name);
                let found = methods.iter().filter(|(name, function)| wanted(model.name(*name)) && is_sync(*function));
                callbacks.extend(found.map(|(_, function)| FnRef { file, function: *function }));
            }
        };
        for (index, class) in model.classes.iter().enumerate() {
            if class.kind == ClassKind::Class && !class.bases.is_empty() && may_handle(&class.methods) {
                let class_ref = ClassRef { file, class: ClassId(index as u32) };
                for path in self.library_bases(class_ref) {
                    keep(&path, &class.methods);
                }
            }
        }
        for it in &model.impls {
            if may_handle(&it.methods)
                && let Some(of_trait) = it.of_trait
                && let Ty::External(path) = self.evaluate(file, of_trait)
            {
                keep(&path, &it.methods);
            }
        }
    }
}
