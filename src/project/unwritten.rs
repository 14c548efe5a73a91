//! What runs without being written as a call: properties, `for`, `with`, operators, and what built-in functions ask for.

use crate::finding::FileId;
use crate::knowledge::{Api, Effect, Runner, ScopeRole};
use crate::model::{Arg, Block, Call, CallId, Implicit, ImplicitKind, Node, Role, Use, Value, ValueId, flow};
use crate::python::exhausts;
use crate::source::{Language, Span};

use super::Project;
use super::calls::Callee;
use super::effects::{Site, Wanted};
use super::path::LibraryPath;
use super::sites::{Found, builtin};
use super::types::{Class, ClassRef, FnRef, Foreign, Ty, none};

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

impl Project {
    /// `next(rows())`: what stands after the first `yield` of the generator is not run by that.
    pub(super) fn is_after_first(&self, caller: FnRef, site: &Site, generator: FnRef, at: &Site) -> bool {
        if !self.declared(generator).is_generator || self.language(caller.file) != Language::Python {
            return false;
        }
        let model = self.model(caller.file);
        let Some(call) = site.call.map(|it| model.call(it)) else { return false };
        let [asked] = call.args[..] else { return false };
        let Value::Result(made) = *model.value(asked.value) else { return false };
        let is_next = matches!(self.evaluate(caller.file, call.callee), Ty::External(path) if builtin(&path) == "next");
        // Who has it by a name may ask it again.
        let asks = |other: &Call| other.args.iter().any(|it| it.value == asked.value);
        let is_alone = || {
            let turns = |node: &Node| matches!(node, Node::Loop(it) if it.span.contains(call.span));
            model.calls_in(caller.function).iter().filter(|(_, other)| asks(other)).count() == 1
                && flow::find(&model.function(caller.function).body, &mut |node| turns(node)).is_none()
        };
        is_next
            && (call.span.contains(model.call(made).span) || is_alone())
            && first_yield(&self.function(generator).body).is_some_and(|it| it.end <= at.span.start)
    }
}

/// The first `yield` of a generator, where all ways go there.
fn first_yield(block: &Block) -> Option<Span> {
    let has_yield = |node: &Node| {
        matches!(node, Node::Yield(_))
            || flow::parts(node).any(|part| flow::find(part, &mut |it| matches!(it, Node::Yield(_))).is_some())
    };
    match block.nodes.iter().find(|node| has_yield(node))? {
        Node::Yield(it) => Some(it.span),
        Node::Scope(it) => first_yield(&it.body),
        Node::Try(it) => first_yield(&it.body),
        Node::Block(it) => first_yield(it),
        _ => None,
    }
}

impl Found<'_> {
    pub(super) fn implicit(&mut self, it: &Implicit) {
        let project = self.project;
        let site = self.site(it.span, None);
        let model = project.model(self.file);
        match it.kind {
            ImplicitKind::Attribute(name) => {
                let receiver = project.evaluate(self.file, it.value);
                let asks = Some((it.value, Wanted::Named(name)));
                let site = Site { held: self.is_held(it.value), asks, ..site };
                match project.property(&receiver, model.name(name)) {
                    Some(property) => self.own(&site, [property]),
                    None => self.asked(&site),
                }
            }
            ImplicitKind::Operator(name) => {
                let receiver = project.evaluate(self.file, it.value);
                let method = model.name(name);
                if let Some((property, _)) = method.split_once('.') {
                    return self.accessor(&site, &receiver, property, method);
                }
                let of_library = matches!(receiver, Ty::Instance(Class::Library(_), _) | Ty::External(_));
                let (method, wanted) = match method {
                    "__getslice__" if !of_library => ("__getitem__", Wanted::Special("__getitem__")),
                    // What does not say whether it counts as true is asked for its length.
                    "__bool__" if !self.has_method(&receiver, method) => ("__len__", Wanted::Special("__len__")),
                    method => (method, Wanted::Named(name)),
                };
                let site = Site { asks: Some((it.value, wanted)), ..site };
                // What has no such method is gone through until the element comes.
                if method == "__contains__" && !self.has_method(&receiver, method) {
                    return self.go_through(it.span, it.value, 0);
                }
                self.method(&site, &receiver, method);
                self.asked(&site);
            }
            ImplicitKind::Iterate => self.go_through(it.span, it.value, 0),
            ImplicitKind::AsyncIterate => match project.evaluate(self.file, it.value) {
                Ty::Generator(generator) if project.is_installed(generator.file) => self.own(&site, [generator]),
                Ty::Foreign(it) => self.own(&site, project.foreign_iteration(it, ["__aiter__", "__anext__"])),
                value => self.methods_awaited(&site, &value, &["__aiter__", "__anext__"]),
            },
            ImplicitKind::Drop => {}
        }
    }

    /// What a property runs when it is set or deleted.
    fn accessor(&mut self, site: &Site, receiver: &Ty, property: &str, accessor: &str) {
        let project = self.project;
        if let Ty::Instance(Class::Own(class), _) = receiver
            && let Some(function) = project.find_method(*class, accessor)
            && project.find_method(*class, property).is_some_and(|it| project.is_property(it))
            && !project.is_abstract(function)
        {
            self.own(site, [function]);
        }
        if let Ty::Foreign(Foreign::Instance(class)) = receiver
            && accessor.ends_with(".setter")
        {
            self.own(site, project.foreign_method(*class, property, Role::Setter));
        }
    }

    fn has_method(&self, receiver: &Ty, name: &str) -> bool {
        match receiver {
            Ty::Instance(Class::Own(class), _) => !self.project.surely_lacks(*class, name),
            Ty::Generator(_) => false,
            _ => true,
        }
    }

    /// A method of an instance is run, if its class is the project's; or a library's that is told to have an effect.
    fn method(&mut self, site: &Site, receiver: &Ty, name: &str) {
        let project = self.project;
        let language = project.language(self.file);
        match receiver {
            Ty::Instance(Class::Own(class), _) => {
                let found = match language {
                    Language::Python => project.find_method(*class, name).filter(|it| !project.is_abstract(*it)),
                    Language::Rust => project.method_of_trait(receiver, name),
                };
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

    /// The language asks an object for a method.
    fn special_method(&mut self, site: &Site, object: ValueId, name: &'static str) {
        let receiver = self.project.evaluate(self.file, object);
        if self.project.language(self.file) == Language::Rust {
            return self.method(site, &receiver, name);
        }
        let site = Site { asks: Some((object, Wanted::Special(name))), ..site.clone() };
        self.method(&site, &receiver, name);
        self.asked(&site);
    }

    /// `for x in value`.
    fn iterate(&mut self, site: &Site, value: &Ty) {
        let project = self.project;
        match (project.language(self.file), value) {
            (_, Ty::Generator(generator)) => {
                self.own(site, (!project.declared(*generator).kind.is_async()).then_some(*generator));
            }
            (Language::Python, Ty::Instance(Class::Own(class), _)) => {
                let (run, iterator) = project.gone_through(*class);
                self.own(site, run);
                if let Some(iterator) = iterator {
                    self.method(&Site { asks: None, ..site.clone() }, &iterator, "__next__");
                }
                self.asked(site);
            }
            (Language::Python, Ty::Instance(Class::Library(_), _) | Ty::External(_)) => {
                self.method(site, value, "__next__");
            }
            (_, Ty::Foreign(it)) => self.own(site, project.foreign_iteration(*it, ["__iter__", "__next__"])),
            (Language::Rust, Ty::Instance(Class::Own(_), _)) => {
                if let Some(next) = project.method_of_trait(value, "next") {
                    self.own(site, [next]);
                } else if let Some(into) = project.method_of_trait(value, "into_iter") {
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
        let object = value;
        let value = &project.evaluate(self.file, object);
        match value {
            Ty::Manager(manager) if leaves && !project.declared(*manager).kind.is_async() => {
                self.own(site, [*manager]);
            }
            Ty::Instance(Class::Own(_), _) | Ty::Foreign(Foreign::Instance(_)) => {
                self.special_method(site, object, "__enter__");
                if leaves {
                    self.special_method(site, object, "__exit__");
                }
            }
            Ty::Instance(Class::Library(path), args) => {
                self.method(site, value, "__enter__");
                let facts = project.knowledge.type_facts(project.language(self.file), path);
                if let Some(closed) = args.first().filter(|_| leaves)
                    && facts.is_some_and(|facts| facts.scope == Some(ScopeRole::Closing))
                {
                    self.method(site, closed, "close");
                }
            }
            _ => {}
        }
    }

    /// `len(x)` runs `x.__len__`, `list(x)` goes through `x`.
    pub(super) fn builtin_call(&mut self, site: &Site, id: CallId) {
        let project = self.project;
        let model = project.model(self.file);
        let call = model.call(id);
        let first = call.args[0];
        if let Value::Attr(receiver, name) = model.value(call.callee)
            && exhausts(model.name(*name), true)
        {
            // `names.extend(x)`, `", ".join(x)`
            if !first.spread && is_of_builtins(&project.evaluate(self.file, *receiver)) {
                self.go_through(site.span, first.value, 0);
            }
            return;
        }
        let Some(path) = project.path_called(self.file, id) else { return };
        let method = METHODS_OF_BUILTINS.iter().find(|(name, _)| *name == builtin(&path));
        match method.filter(|_| first.name.is_none()) {
            Some((name, _)) if *name == "next" => self.next_of(site, first.value),
            // Whoever asks for an iterator may never take an element of it.
            Some((_, "__iter__")) => self.method(site, &project.evaluate(self.file, first.value), "__iter__"),
            Some((_, method)) => self.special_method(site, first.value, method),
            None => {
                if let Some(arg) = exhausted(&path, &call.args) {
                    self.go_through(site.span, arg.value, 0);
                }
            }
        }
    }

    /// `next(x)`
    fn next_of(&mut self, site: &Site, value: ValueId) {
        match self.project.evaluate(self.file, value) {
            generator @ Ty::Generator(_) => self.iterate(site, &generator),
            Ty::Unknown => self.go_through(site.span, value, 0),
            // `iter(x)` counts as `x`: what that has made is asked.
            Ty::Instance(Class::Own(class), _) if self.project.find_method(class, "__next__").is_none() => {
                self.go_through(site.span, value, 0);
            }
            _ => self.special_method(site, value, "__next__"),
        }
    }

    /// Each element of the value is taken, and so of what it is made over: `enumerate(x)`, `zip(x, y)`.
    pub(super) fn go_through(&mut self, span: Span, value: ValueId, depth: u32) {
        let project = self.project;
        let model = project.model(self.file);
        if model.language == Language::Python
            && let Value::Result(id) = model.value(value)
            && let Some(path) = project.path_called(self.file, *id)
            // `iter(file.readline, "")`
            && let [called, _] = model.call(*id).args.as_slice()
            && builtin(&path) == "iter"
        {
            let site = self.site(span, None);
            let callee = project.callee_of(model.language, &project.evaluate(self.file, called.value));
            let Callee::Api(path, _) = callee else { return self.inline(&site, called.value) };
            let api = project.knowledge.api(model.language, path).filter(|api| !api.is_async);
            let effect = |api| Some((api, project.effect_in_call(self.file, model.call(*id), api)?));
            if let Some((api, effect)) = api.and_then(effect) {
                self.library(&site, api, effect);
            }
            return;
        }
        if model.language == Language::Python
            && let Value::Result(id) = model.value(value)
            && let Some(path) = project.path_called(self.file, *id)
            && let Some(made_over) = lazily_over(&path, &model.call(*id).args)
        {
            for arg in made_over.iter().filter(|arg| !arg.spread && depth < MOST_LAZY) {
                self.go_through(span, arg.value, depth + 1);
            }
            // Where it stands, nobody has asked for an element yet.
            let call = model.call(*id);
            if matches!(call.result, Use::Bound(_))
                && let Some(api) = project.api_of(self.file, *id)
            {
                let run = api.runs.iter().filter(|it| it.place == Runner::Inline);
                let run = run.filter_map(|it| call.argument(&model.names, it.position.map(usize::from), None));
                run.for_each(|arg| self.inline(&self.site(span, None), arg.value));
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
        let iterated = project.evaluate(self.file, value);
        let mut site = self.site_of(span, value);
        if iterated.library_path().is_some() {
            if project.is_on_no_disk(self.file, value)
                || project.is_closed(self.file, value, self.function.function, span)
            {
                return;
            }
            let is_opened = matches!(model.value(value), Value::Result(_) | Value::Inner(_) | Value::Entered(..));
            let needs = if is_opened { project.needs_disk_for(self.function, value) } else { None };
            site.guards = site.guards.and_all([needs]);
        }
        let is_object = model.language == Language::Python && matches!(iterated, Ty::Instance(Class::Own(_), _));
        site.asks = is_object.then_some((value, Wanted::Elements));
        self.iterate(&site, &iterated);
    }

    /// Rust: what an adaptor takes its elements of: `x` of `x.enumerate()`.
    fn adapted(&self, value: ValueId) -> Option<ValueId> {
        let model = self.project.model(self.file);
        let Value::Result(id) = model.value(value) else { return None };
        let Value::Attr(receiver, _) = model.value(model.call(*id).callee) else { return None };
        let api = self.project.api_of(self.file, *id)?;
        (api.path.starts_with("std::iter::Iterator::") && api.gives_iterator()).then_some(*receiver)
    }

    /// Rust: `x.map(..).collect()` asks an iterator for all of its elements.
    pub(super) fn exhaust(&mut self, site: &Site, id: CallId, api: &Api) {
        let project = self.project;
        let model = project.model(self.file);
        let Value::Attr(mut receiver, _) = *model.value(model.call(id).callee) else { return };
        if !api.path.starts_with("std::iter::Iterator::") || api.gives_iterator() {
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
        if !is_told && !project.is_closed(self.file, receiver, self.function.function, site.span) {
            self.method(site, &iterator, "next");
        }
    }

    /// Rust: what a function of the standard library runs of the type that it is given: `drop(guard)`, `name.to_string()`.
    pub(super) fn of_given_type(&mut self, site: &Site, call: &Call, api: &Api) {
        let project = self.project;
        let (given, of_trait, method) = match (api.path, project.model(self.file).value(call.callee)) {
            ("std::mem::drop", _) => (call.args.first().map(|it| it.value), "std::ops::Drop", "drop"),
            ("std::string::ToString::to_string", Value::Attr(it, _)) => (Some(*it), "std::fmt::Display", "fmt"),
            _ => return,
        };
        let given = given.map_or(Ty::Unknown, |it| project.evaluate(self.file, it));
        for method in project.methods_of_traits(&given, &Ty::External(of_trait.into()), method) {
            self.own(site, project.run_by_call(method, false));
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

impl Project {
    /// What going through an instance of a class of Python's runs: `__iter__`, and `__next__` of what that gives, if it is of a
    /// class of the project's; else what it gives.
    pub(super) fn gone_through(&self, class: ClassRef) -> (Vec<FnRef>, Option<Ty>) {
        let iter = self.find_method(class, "__iter__");
        let Some(iter) = iter.filter(|it| !self.is_abstract(*it) && !self.declared(*it).kind.is_async()) else {
            return (Vec::new(), None);
        };
        let mut run = vec![iter];
        if self.declared(iter).is_generator {
            return (run, None);
        }
        let iterated = match self.returns(iter, Some(&Ty::Instance(Class::Own(class), none()))) {
            Ty::Instance(Class::Own(other), _) => other,
            iterator @ Ty::Instance(Class::Library(_), _) => return (run, Some(iterator)),
            Ty::Generator(generator) => {
                run.extend((!self.declared(generator).kind.is_async()).then_some(generator));
                return (run, None);
            }
            _ => class,
        };
        let next = self.find_method(iterated, "__next__").filter(|it| !self.is_abstract(*it));
        run.extend(next.into_iter().flat_map(|it| self.run_by_call(it, false)));
        (run, None)
    }

    /// The path of what a call names, where that is outside the project: `builtins.list`, `itertools.chain`.
    fn path_called(&self, file: FileId, id: CallId) -> Option<LibraryPath> {
        let model = self.model(file);
        let callee = model.call(id).callee;
        match model.value(callee) {
            Value::Path(_) | Value::Global(..) => {}
            // Most methods have other names.
            Value::Attr(_, name) if exhausts(model.name(*name), false) || is_lazy(model.name(*name)) => {}
            _ => return None,
        }
        match self.evaluate(file, callee) {
            Ty::External(path) => Some(path),
            _ => None,
        }
    }
}

/// Wrapped deeper, an iterable is not looked for.
const MOST_LAZY: u32 = 8;

/// The argument of which a call takes all elements before it returns.
fn exhausted<'a>(path: &str, args: &'a [Arg]) -> Option<&'a Arg> {
    let (module, name) = path.rsplit_once('.')?;
    let is_known = matches!(module, "builtins" | "collections" | "functools" | "math" | "statistics" | "array");
    if !is_known || !exhausts(name, false) {
        return None;
    }
    let at = match name {
        // `max(x, y)` compares the two.
        "min" | "max" if args.iter().filter(|arg| arg.name.is_none()).count() != 1 => return None,
        "reduce" | "defaultdict" | "array" => 1,
        _ => 0,
    };
    args.get(at).filter(|arg| arg.name.is_none() && !arg.spread)
}

/// Functions of `itertools` that give elements of what they are given.
fn is_lazy(name: &str) -> bool {
    const NAMES: [&str; 13] = [
        "accumulate",
        "batched",
        "chain",
        "cycle",
        "dropwhile",
        "filterfalse",
        "from_iterable",
        "groupby",
        "islice",
        "pairwise",
        "starmap",
        "takewhile",
        "zip_longest",
    ];
    NAMES.contains(&name)
}

/// What a call takes elements of once somebody takes its own.
fn lazily_over<'a>(path: &str, args: &'a [Arg]) -> Option<&'a [Arg]> {
    match path.rsplit_once('.')? {
        ("builtins", "enumerate" | "iter") => args.get(..1),
        ("itertools", "islice" | "cycle" | "pairwise" | "batched" | "accumulate" | "groupby") => args.get(..1),
        ("builtins", "zip") | ("itertools", "chain" | "zip_longest") => Some(args),
        ("itertools.chain", "from_iterable") => args.get(..1),
        ("builtins", "map" | "filter") | ("itertools", "takewhile" | "dropwhile" | "starmap" | "filterfalse") => {
            args.get(1..)
        }
        _ => None,
    }
}

/// A list, a text and the like: their methods are those of the language.
fn is_of_builtins(ty: &Ty) -> bool {
    matches!(ty, Ty::Collection(_) | Ty::Str(_))
        || ty.library_path().is_some_and(|path| path.starts_with("builtins.") || path.starts_with("collections."))
}

/// The effect of a function that has it however it is called: hardly anybody hands one on for paths to no disk.
pub(super) fn unconditional(api: &'static Api) -> Option<Effect> {
    let is_conditional =
        !api.when.is_empty() || api.unless.iter().any(|it| !it.ends_with("=@device") && !it.ends_with("=@terminal"));
    if is_conditional { None } else { api.effect }
}
