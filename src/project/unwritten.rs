//! What runs without being written as a call: properties, `for`, `with`, operators, and what built-in functions ask for.

use crate::knowledge::{Api, Effect};
use crate::model::{Arg, CallId, FileModel, Implicit, ImplicitKind, Role, Value, ValueId};
use crate::source::{Language, Span};

use super::effects::Site;
use super::sites::{Found, builtin};
use super::types::{Class, Foreign, Ty};

/// Built-in functions that run a method of their first argument.
const METHODS_OF_BUILTINS: &[(&str, &str)] = &[
    ("len", "__len__"),
    ("str", "__str__"),
    ("repr", "__repr__"),
    ("bool", "__bool__"),
    ("hash", "__hash__"),
    ("next", "__next__"),
    ("iter", "__iter__"),
];

/// Built-in functions that go through all of their first argument.
const EXHAUST: &[&str] = &["list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max", "any", "all"];

impl Found<'_> {
    pub(super) fn implicit(&mut self, it: &Implicit) {
        let project = self.project;
        let site = self.site(it.span, None);
        let model = project.model(self.file);
        match it.kind {
            ImplicitKind::Attribute(name) => {
                let receiver = project.evaluate(self.file, it.value);
                let site = Site { held: self.is_held(it.value), asks: Some((it.value, name)), ..site };
                match project.property(&receiver, model.name(name)) {
                    Some(property) => self.own(&site, [property]),
                    None => self.asked(&site),
                }
            }
            ImplicitKind::Operator(name) => {
                let receiver = project.evaluate(self.file, it.value);
                let site = Site { asks: Some((it.value, name)), ..site };
                self.method(&site, &receiver, model.name(name));
                self.asked(&site);
            }
            ImplicitKind::Iterate => self.go_through(it.span, it.value, 0),
            ImplicitKind::AsyncIterate | ImplicitKind::Drop => {}
        }
    }

    /// A method of an instance is run, if its class is the project's; or a library's that is told to have an effect.
    fn method(&mut self, site: &Site, receiver: &Ty, name: &str) {
        let project = self.project;
        let language = project.language(self.file);
        match receiver {
            Ty::Instance(Class::Own(class), _) => {
                let found = project.find_method(*class, name).filter(|it| !project.is_abstract(*it));
                self.own(site, found.into_iter().flat_map(|it| project.run_by_call(it, false)));
            }
            Ty::Foreign(Foreign::Instance(class)) => {
                self.own(site, project.foreign_method(*class, name, Role::Call));
            }
            Ty::Instance(Class::Library(_), _) => {
                if let Ty::Method(path, _) = project.member(language, receiver, name)
                    && let Some(api) = project.knowledge.api(language, &path)
                    && let Some(effect) = unconditional(api)
                {
                    self.library(site, api, effect);
                }
            }
            // A library's object that stands at the top of a module: `sys.stdin`.
            Ty::External(path) => {
                if let Some(api) = project.knowledge.api(language, &format!("{path}.{name}"))
                    && let Some(effect) = unconditional(api)
                {
                    self.library(site, api, effect);
                }
            }
            _ => {}
        }
    }

    /// `for x in value`.
    pub(super) fn iterate(&mut self, site: &Site, value: &Ty) {
        let project = self.project;
        match (project.language(self.file), value) {
            (_, Ty::Generator(generator)) => {
                self.own(site, (!project.declared(*generator).kind.is_async()).then_some(*generator));
            }
            (Language::Python, Ty::Instance(Class::Own(class), _)) => {
                let Some(iter) = project.find_method(*class, "__iter__") else { return };
                if project.is_abstract(iter) || project.declared(iter).kind.is_async() {
                    return;
                }
                self.own(site, [iter]);
                match project.returns(iter, Some(value)) {
                    _ if project.declared(iter).is_generator => {}
                    iterator if iterator == *value || !matches!(iterator, Ty::Instance(..)) => {
                        self.method(site, value, "__next__");
                    }
                    iterator => self.method(site, &iterator, "__next__"),
                }
            }
            (Language::Python, Ty::Instance(Class::Library(_), _) | Ty::External(_)) => {
                self.method(site, value, "__next__");
            }
            (_, Ty::Foreign(it)) => self.own(site, project.foreign_iteration(*it)),
            (Language::Rust, Ty::Instance(Class::Own(_), _)) => {
                if let Ty::Bound(_, next) = project.member(Language::Rust, value, "next") {
                    self.own(site, [next]);
                } else if let Ty::Bound(_, into) = project.member(Language::Rust, value, "into_iter") {
                    self.own(site, [into]);
                    let iterator = project.returns(into, Some(value));
                    if matches!(iterator, Ty::Instance(Class::Own(_), _)) {
                        self.method(site, &iterator, "next");
                    }
                }
            }
            (Language::Rust, Ty::Instance(Class::Library(_), _)) => self.method(site, value, "next"),
            _ => {}
        }
    }

    /// `with value:`, which leaves it as well; `stack.enter_context(value)`, which does not.
    ///
    /// What is entered and not left here runs up to its `yield`: of a generator it is not known what is before that.
    pub(super) fn enter(&mut self, site: &Site, value: ValueId, leaves: bool) {
        let project = self.project;
        let value = &project.evaluate(self.file, value);
        match value {
            Ty::Manager(manager) if leaves && !project.declared(*manager).kind.is_async() => {
                self.own(site, [*manager]);
            }
            Ty::Instance(Class::Own(_), _) | Ty::Foreign(Foreign::Instance(_)) => {
                self.method(site, value, "__enter__");
                if leaves {
                    self.method(site, value, "__exit__");
                }
            }
            Ty::Instance(Class::Library(_), _) => self.method(site, value, "__enter__"),
            _ => {}
        }
    }

    /// `len(x)` runs `x.__len__`, `list(x)` goes through `x`.
    pub(super) fn builtin_call(&mut self, site: &Site, id: CallId) {
        let project = self.project;
        let model = project.model(self.file);
        let call = model.call(id);
        if call.args[0].name.is_some() {
            return;
        }
        let found;
        let name = match model.value(call.callee) {
            Value::Path(path) => match &*path.segments {
                [module, name] if model.name(*module) == "builtins" => model.name(*name),
                _ => return,
            },
            // `from x import *` may bring one of that name.
            Value::Global(..) => {
                found = project.evaluate(self.file, call.callee);
                let Ty::External(path) = &found else { return };
                builtin(path)
            }
            _ => return,
        };
        if let Some((_, method)) = METHODS_OF_BUILTINS.iter().find(|(builtin, _)| *builtin == name) {
            match project.evaluate(self.file, call.args[0].value) {
                generator @ Ty::Generator(_) if name == "next" => self.iterate(site, &generator),
                receiver => self.method(site, &receiver, method),
            }
        } else if EXHAUST.contains(&name) {
            self.go_through(site.span, call.args[0].value, 0);
        }
    }

    /// Each element of the value is taken, and so of what it is made over: `enumerate(x)`, `zip(x, y)`.
    pub(super) fn go_through(&mut self, span: Span, value: ValueId, depth: u32) {
        let project = self.project;
        let model = project.model(self.file);
        if model.language == Language::Python
            && let Value::Result(id) = model.value(value)
            && let Some(made_over) = lazily_over(model, *id)
        {
            for arg in made_over.iter().filter(|arg| !arg.spread && depth < MOST_LAZY) {
                self.go_through(span, arg.value, depth + 1);
            }
            return;
        }
        if model.language == Language::Rust
            && depth < MOST_LAZY
            && let Some(receiver) = self.adapted(value)
        {
            self.go_through(span, receiver, depth + 1);
            return;
        }
        self.iterate(&self.site_of(span, value), &project.evaluate(self.file, value));
    }

    /// Rust: what an adaptor takes its elements of: `x` of `x.enumerate()`.
    fn adapted(&self, value: ValueId) -> Option<ValueId> {
        let model = self.project.model(self.file);
        let Value::Result(id) = model.value(value) else { return None };
        let Value::Attr(receiver, _) = model.value(model.call(*id).callee) else { return None };
        let api = self.project.api_of(self.file, *id)?;
        let gives_iterator = api.transparent || api.returns.starts_with("std::iter::Iterator");
        (api.path.starts_with("std::iter::Iterator::") && gives_iterator).then_some(*receiver)
    }

    /// Rust: `x.map(..).collect()` asks an iterator for all of its elements.
    pub(super) fn exhaust(&mut self, site: &Site, id: CallId, api: &Api) {
        let project = self.project;
        let model = project.model(self.file);
        let Value::Attr(mut receiver, _) = *model.value(model.call(id).callee) else { return };
        if !api.path.starts_with("std::iter::Iterator::")
            || api.transparent
            || api.returns.starts_with("std::iter::Iterator")
        {
            return;
        }
        for _ in 0..MOST_LAZY {
            let Some(inner) = self.adapted(receiver) else { break };
            receiver = inner;
        }
        let iterator = project.evaluate(self.file, receiver);
        let is_told = match iterator {
            Ty::Instance(Class::Own(_), _) => false,
            Ty::Instance(Class::Library(_), _) => self.is_made_by_effect(receiver),
            _ => true,
        };
        if !is_told {
            self.method(site, &iterator, "next");
        }
    }

    /// What makes the iterator has an effect itself, as `read_dir(path)?` and `read_dir(path).unwrap()` have: one is enough.
    fn is_made_by_effect(&self, iterator: ValueId) -> bool {
        let model = self.project.model(self.file);
        let mut at = iterator;
        loop {
            at = match model.value(at) {
                Value::Inner(inner) => *inner,
                Value::Result(id) => match (self.project.api_of(self.file, *id), model.value(model.call(*id).callee)) {
                    (Some(api), _) if api.effect.is_some() => return true,
                    (Some(api), Value::Attr(receiver, _)) if is_of_result(api.path) => *receiver,
                    _ => return false,
                },
                _ => return false,
            };
        }
    }
}

fn is_of_result(path: &str) -> bool {
    path.starts_with("std::result::Result::") || path.starts_with("std::option::Option::")
}

/// Wrapped deeper, an iterable is not looked for.
const MOST_LAZY: u32 = 8;

/// What a call takes elements of once somebody takes its own.
fn lazily_over(model: &FileModel, id: CallId) -> Option<&[Arg]> {
    let call = model.call(id);
    let Value::Path(path) = model.value(call.callee) else { return None };
    let [module, name] = &*path.segments else { return None };
    match (model.name(*module), model.name(*name)) {
        ("builtins", "enumerate") | ("itertools", "islice" | "cycle" | "pairwise" | "batched") => call.args.get(..1),
        ("builtins", "zip") | ("itertools", "chain" | "zip_longest") => Some(&call.args),
        ("builtins", "map" | "filter") | ("itertools", "takewhile" | "dropwhile" | "starmap" | "filterfalse") => {
            call.args.get(1..)
        }
        _ => None,
    }
}

/// The effect of a function that has it however it is called.
pub(super) fn unconditional(api: &'static Api) -> Option<Effect> {
    if api.unless.is_empty() && api.when.is_empty() { api.effect } else { None }
}
