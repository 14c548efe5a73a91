//! Functions that run what they are given: helpers that call a parameter, and decorators that wrap a function.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::finding::FileId;
use crate::knowledge::{HandlerFacts, HandlerRole, Runner, Runs};
use crate::model::{CallId, Calls, Decorator, FileModel, FunctionId, ParamKind, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::calls::Callee;
use super::library::Around;
use super::path::LibraryPath;
use super::types::{Class, ClassRef, FnRef, Ty, none};

/// What a function has become under its decorators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapping {
    /// Calling it runs it, and perhaps what is around it: see [`Project::wrappers`].
    Plain,
    /// Calling it gives a context manager; entering that runs it.
    Manager,
    /// It is an object of a library's now: see [`Project::made_of`].
    Made,
    /// Calling it runs this function of the project's instead, which hands it to a thread or keeps it for later.
    Replaced(FnRef),
    /// Anything.
    Unknown,
}

/// What one decorator makes of the function it stands on.
enum Decoration {
    /// The function itself.
    Kept,
    Manager,
    Made,
    /// Each call of it is made in this context manager.
    Within(Ty),
    /// A function of the project's that calls it.
    Around(FnRef),
    /// A function of the project's that has something else call it, or nothing.
    Instead(FnRef),
    Unknown,
}

/// Which parameters the functions of one file call, by themselves or in functions nested in them.
#[derive(Default)]
pub(super) struct Callables {
    /// By the function that calls: whose parameter.
    called: FxHashMap<FunctionId, Vec<(FunctionId, u32)>>,
    /// By the function that hands it on: whose parameter, in which call, as which argument.
    handed: FxHashMap<FunctionId, Vec<(FunctionId, u32, CallId, usize)>>,
    /// Functions that are handed on where they are written: in which call, as which argument.
    closures: Vec<(FunctionId, CallId, usize)>,
}

/// Through more functions than that, nobody hands on what is to run in a thread.
const MOST_HANDED_ON: u32 = 4;

impl Callables {
    fn of(model: &FileModel, calls: Calls<'_>) -> Self {
        let mut found = Self::default();
        for (id, call) in calls.iter() {
            if let Value::Param(function, position) = model.value(call.callee) {
                found.called.entry(call.function).or_default().push((*function, *position));
            }
            for (argument, arg) in call.args.iter().enumerate() {
                match model.value(arg.value) {
                    Value::Param(function, position) => {
                        let handed = (*function, *position, id, argument);
                        found.handed.entry(call.function).or_default().push(handed);
                    }
                    Value::Function(function) => {
                        found.closures.push((*function, id, argument));
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

impl Project {
    /// Those of the function, and of others that were lowered with it.
    fn callables(&self, function: FnRef) -> &Callables {
        let model = self.model(function.file);
        let all = self.slot(function.file).callables.get_or_init(|| {
            let parts = model.parts_count();
            (0..=parts).map(|_| OnceLock::new()).collect()
        });
        let part = model.part_of_function(function.function).map_or(0, |part| part + 1);
        all[part].get_or_init(|| Callables::of(model, model.calls_in(function.function)))
    }

    /// The positions, counted as in [`Function::params`](crate::model::Function), of parameters that the function calls
    /// before it returns, by itself or through functions it hands them to.
    pub fn called_parameters(&self, function: FnRef) -> Vec<u32> {
        let _outlines = self.of_outlines();
        if self.is_given_no_functions(function) {
            return Vec::new();
        }
        let callables = self.callables(function);
        let own = |owner: &FunctionId| *owner == function.function;
        let called = callables.called.get(&function.function).into_iter().flatten();
        let mut positions: Vec<u32> = called.filter(|(owner, _)| own(owner)).map(|(_, position)| *position).collect();
        let handed = callables.handed.get(&function.function).into_iter().flatten();
        for (_, position, ..) in handed.filter(|(owner, ..)| own(owner)) {
            if !positions.contains(position) && self.hands_on_to_be_called(function, *position) {
                positions.push(*position);
            }
        }
        // Where some path hands it to a thread, whoever is on the loop goes that way.
        positions.retain(|position| !self.hands_off(function, *position, 0));
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// The argument of the call is a function that is run in a thread or process.
    fn is_offloaded(&self, file: FileId, call: CallId, argument: usize) -> bool {
        let is_it = |runs: &Runs| {
            matches!(runs.place, Runner::Thread | Runner::Process) && runs.position.map(usize::from) == Some(argument)
        };
        self.api_of(file, call).is_some_and(|api| api.runs.iter().any(is_it))
    }

    /// Rust: the argument of the call is a function that a library's runs before it gives anything: `entry.or_insert_with(make)`.
    fn is_run_inline(&self, file: FileId, call: CallId, argument: usize) -> bool {
        if self.language(file) != Language::Rust {
            return false;
        }
        let is_it = |runs: &Runs| runs.place == Runner::Inline && runs.position.map(usize::from) == Some(argument);
        self.api_of(file, call).is_some_and(|api| !api.gives_iterator() && api.runs.iter().any(is_it))
    }

    /// The parameter at that position is run in a thread or process, on some path at least: as it is, or by a function around
    /// it, through however many functions.
    fn hands_off(&self, function: FnRef, position: u32, depth: u32) -> bool {
        if depth > MOST_HANDED_ON {
            return false;
        }
        let callables = self.callables(function);
        let is_it = |owner: FunctionId, at: u32| (owner, at) == (function.function, position);
        let goes = |call: CallId, argument: usize| {
            self.is_offloaded(function.file, call, argument)
                || self
                    .parameter_given(function.file, call, argument)
                    .is_some_and(|(next, at)| self.hands_off(next, at, depth + 1))
        };
        // What is written in the function may do it as well.
        callables.handed.values().flatten().filter(|it| is_it(it.0, it.1)).any(|it| goes(it.2, it.3))
            || callables
                .closures
                .iter()
                .filter(|it| callables.called.get(&it.0).into_iter().flatten().any(|it| is_it(it.0, it.1)))
                .any(|it| goes(it.1, it.2))
    }

    /// The parameter at that position goes, through however many functions, to one that calls it.
    fn hands_on_to_be_called(&self, function: FnRef, position: u32) -> bool {
        let mut pending = vec![(function, position)];
        let mut at = 0;
        while let Some((function, position)) = pending.get(at).copied() {
            at += 1;
            let callables = self.callables(function);
            let called = callables.called.get(&function.function).into_iter().flatten();
            if called.into_iter().any(|it| *it == (function.function, position)) {
                return true;
            }
            let handed = callables.handed.get(&function.function).into_iter().flatten();
            for (owner, at_position, call, argument) in handed {
                if (*owner, *at_position) != (function.function, position) {
                    continue;
                }
                if self.is_run_inline(function.file, *call, *argument) {
                    return true;
                }
                let next = self.parameter_given(function.file, *call, *argument);
                pending.extend(next.filter(|next| !pending.contains(next)));
            }
        }
        false
    }

    /// Which parameter of the project's function that a call runs gets the argument at that index.
    fn parameter_given(&self, file: FileId, call: CallId, argument: usize) -> Option<(FnRef, u32)> {
        let callees = self.callees(file, call);
        let [Callee::Own(callee)] = callees.as_slice() else { return None };
        let value = self.model(file).call(call).args[argument].value;
        let count = self.declared(*callee).params.len() as u32;
        let position = (0..count).find(|it| self.argument_at(file, call, *callee, *it) == Some(value))?;
        Some((*callee, position))
    }

    /// The argument that a call gives to the parameter of its callee at that position.
    pub fn argument_at(&self, file: FileId, call: CallId, callee: FnRef, position: u32) -> Option<ValueId> {
        let _outlines = self.of_outlines();
        let model = self.model(file);
        let params = &self.declared(callee).params;
        let param = params.get(position as usize)?;
        if let Some(given) = self.given_by_python(file, callee) {
            let place = given.iter().position(|it| it.param == position)?;
            let name = self.model(callee.file).name(param.name);
            let place = given[place].positional.then_some(place);
            return model.call(call).argument(&model.names, place, Some(name)).map(|arg| arg.value);
        }
        let name = self.model(callee.file).name(param.name);
        // Python keeps the receiver out of the arguments; Rust does so in method calls, of which `self` is no parameter.
        let receivers = params.iter().take(position as usize).filter(|it| it.kind == ParamKind::Receiver).count();
        let index = position as usize - receivers;
        let index = (param.kind == ParamKind::Positional).then_some(index);
        model.call(call).argument(&model.names, index, Some(name)).map(|arg| arg.value)
    }

    /// What decorators make of a function.
    pub fn wrapping(&self, function: FnRef) -> Wrapping {
        let _outlines = self.of_outlines();
        if self.language(function.file) == Language::Rust {
            return Wrapping::Plain;
        }
        let mut wrapping = Wrapping::Plain;
        // The one next to the function is applied first.
        for decorator in self.declared(function).decorators.iter().rev() {
            match self.decoration(function.file, decorator) {
                Decoration::Kept | Decoration::Around(_) | Decoration::Within(_) => {}
                Decoration::Manager => wrapping = Wrapping::Manager,
                Decoration::Made => wrapping = Wrapping::Made,
                Decoration::Instead(wrapper) => wrapping = Wrapping::Replaced(wrapper),
                Decoration::Unknown => return Wrapping::Unknown,
            }
        }
        wrapping
    }

    /// A decorator keeps what the function gives: its body runs the first time only.
    pub fn keeps_result(&self, function: FnRef) -> bool {
        self.is_decorated_as(function, &[HandlerRole::Cache, HandlerRole::CachedProperty])
    }

    /// A library's decorator stands on the function that has one of these roles.
    pub(super) fn is_decorated_as(&self, function: FnRef, roles: &[HandlerRole]) -> bool {
        let _outlines = self.of_outlines();
        self.declared(function).decorators.iter().any(|decorator| {
            let Ty::External(path) = self.evaluate(function.file, decorator.value) else { return false };
            let facts = self.knowledge.decorator(Language::Python, &path);
            facts.and_then(|facts| facts.role).is_some_and(|role| roles.contains(&role))
        })
    }

    /// Functions of the project's that run around a decorated one, outermost first.
    pub fn wrappers(&self, function: FnRef) -> Vec<FnRef> {
        let _outlines = self.of_outlines();
        if self.language(function.file) == Language::Rust {
            return Vec::new();
        }
        let decorators = self.declared(function).decorators.iter();
        decorators
            .filter_map(|decorator| match self.decoration(function.file, decorator) {
                Decoration::Around(wrapper) => Some(wrapper),
                _ => None,
            })
            .collect()
    }

    /// Context managers of the project's that a call of a decorated function enters and leaves: what that runs.
    pub(super) fn entered_around(&self, function: FnRef) -> Vec<FnRef> {
        let decorators = self.declared(function).decorators.iter();
        let managers = decorators.filter_map(|it| match self.decoration(function.file, it) {
            Decoration::Within(manager) => Some(manager),
            _ => None,
        });
        let is_sync = |it: &FnRef| !self.declared(*it).kind.is_async() && !self.is_abstract(*it);
        let run = managers.flat_map(|manager| match manager {
            Ty::Manager(manager) => vec![manager],
            Ty::Instance(Class::Own(class), _) => {
                ["__enter__", "__exit__"].into_iter().filter_map(|name| self.find_method(class, name)).collect()
            }
            _ => Vec::new(),
        });
        run.filter(is_sync).collect()
    }

    /// Its annotation says what the function gives, and is not understood.
    pub(super) fn is_annotated_in_vain(&self, function: FnRef) -> bool {
        self.declared(function).returns.is_some_and(|it| self.evaluate(function.file, it).is_unknown())
    }

    /// What decorators make of an async function still gives its coroutine: each wrapper is async, or gives back what it gets. Others run it:
    /// `return asyncio.run(f(*args))`.
    pub fn stays_coroutine(&self, function: FnRef) -> bool {
        self.wrappers(function).into_iter().all(|wrapper| {
            let model = self.model(wrapper.file);
            let definition = self.function(wrapper);
            let is_called = |value: &ValueId| match model.value(*value) {
                Value::Result(call) => {
                    matches!(model.value(model.call(*call).callee), Value::Param(of, _) if *of != wrapper.function)
                }
                _ => false,
            };
            definition.kind.is_async() || !definition.returned.is_empty() && definition.returned.iter().all(is_called)
        })
    }

    fn decoration(&self, file: FileId, decorator: &Decorator) -> Decoration {
        match self.evaluate(file, decorator.value) {
            Ty::External(path) | Ty::Method(path, _) => self.library_decoration(&path),
            Ty::Function(maker) if decorator.call.is_some() => match self.wrapping(maker) {
                // What `@contextmanager` makes can stand on functions as well.
                Wrapping::Manager => Decoration::Within(Ty::Manager(maker)),
                _ => match self.returns(maker, None) {
                    Ty::Function(decorator) => self.own_decoration(decorator),
                    _ => Decoration::Unknown,
                },
            },
            Ty::Class(class) if decorator.call.is_some() && self.is_context_decorator(class) => {
                Decoration::Within(Ty::Instance(Class::Own(class), none()))
            }
            Ty::Function(decorator) => self.own_decoration(decorator),
            _ => Decoration::Unknown,
        }
    }

    /// Its instances, used as decorators, are entered around each call.
    fn is_context_decorator(&self, class: ClassRef) -> bool {
        let is_base =
            |path: &LibraryPath| matches!(&**path, "contextlib.ContextDecorator" | "contextlib.AsyncContextDecorator");
        self.library_bases(class).iter().any(is_base) && self.find_method(class, "__call__").is_none()
    }

    fn library_decoration(&self, path: &str) -> Decoration {
        let Some(facts) = self.knowledge.decorator(Language::Python, path) else { return Decoration::Unknown };
        match facts.role {
            Some(HandlerRole::Fixture) => Decoration::Unknown,
            Some(HandlerRole::ContextManager) => Decoration::Manager,
            // What has a role can be called as it was, whatever else it has become.
            None if !facts.makes.is_empty() => Decoration::Made,
            _ => Decoration::Kept,
        }
    }

    /// What a table says of a decorator.
    pub fn facts_of_decorator(&self, file: FileId, decorator: &Decorator) -> Option<&'static HandlerFacts> {
        match self.evaluate(file, decorator.value) {
            Ty::External(path) | Ty::Method(path, _) => self.knowledge.decorator(self.language(file), &path),
            _ => None,
        }
    }

    /// The object that the outermost decorator makes of a function: a task of a queue, something to be awaited.
    pub(super) fn made_of(&self, function: FnRef) -> Option<Ty> {
        let _outlines = self.of_outlines();
        let decorators = &self.declared(function).decorators;
        let mut facts = decorators.iter().map(|it| self.facts_of_decorator(function.file, it));
        let outermost = facts.find(|it| it.is_none_or(|it| it.role != Some(HandlerRole::Plain)))??;
        let made = || self.table_type(Language::Python, outermost.makes, &Around::of(&Ty::Function(function)));
        (!outermost.makes.is_empty()).then(made)
    }

    /// A function of the project's used as a decorator: what it gives for the function it is given.
    fn own_decoration(&self, decorator: FnRef) -> Decoration {
        let definition = self.function(decorator);
        let model = self.model(decorator.file);
        let given = definition.params.iter().position(|param| param.kind == ParamKind::Positional);
        let Some(given) = given.map(|it| it as u32) else { return Decoration::Unknown };
        if !definition.decorators.is_empty() || definition.kind.is_async() {
            return Decoration::Unknown;
        }
        let [returned] = definition.returned.as_slice() else { return Decoration::Unknown };
        match model.value(*returned) {
            Value::Param(owner, position) if *owner == decorator.function && *position == given => Decoration::Kept,
            Value::Function(inner) if model.function(*inner).parent == Some(decorator.function) => {
                let wrapper = FnRef { file: decorator.file, function: *inner };
                let callables = self.callables(decorator);
                let is_given = |owner: &FunctionId, position: &u32| *owner == decorator.function && *position == given;
                let calls = callables.called.get(inner).into_iter().flatten();
                if calls.clone().any(|(owner, position)| is_given(owner, position)) {
                    return Decoration::Around(wrapper);
                }
                let hands = callables.handed.get(inner).into_iter().flatten();
                if hands.clone().any(|(owner, position, ..)| is_given(owner, position)) {
                    return Decoration::Instead(wrapper);
                }
                Decoration::Unknown
            }
            _ => Decoration::Unknown,
        }
    }
}
