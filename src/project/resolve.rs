//! Evaluates a [`Value`] to a [`Ty`]: the one place where a name gets its meaning.

use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{CallId, FILE_MODULE, FunctionKind, ModuleId, NameId, ParamKind, Path, PathRoot, Value, ValueId};
use crate::source::Language;

use super::callables::Wrapping;
use super::library::Around;
use super::memo::{self, Question, is_apart};
use super::path::LibraryPath;
use super::types::{Class, ClassRef, FnRef, Foreign, Ty, none, some};
use super::{Project, trace};

/// Stack that one step of an evaluation may need, and what is added when less is left.
const RED_ZONE: usize = 128 * 1024;
const MORE_STACK: usize = 2 * 1024 * 1024;

impl Project {
    /// What a value of a file is. Values defined in terms of themselves are unknown, from wherever they are asked for:
    /// so the answer does not hang on which was asked for first.
    pub fn evaluate(&self, file: FileId, value: ValueId) -> Ty {
        let model = self.model(file);
        if model.is_opaque(value) {
            return Ty::Unknown;
        }
        // Cheap ones are not worth remembering.
        match model.value(value) {
            Value::None => return Ty::None,
            Value::Bool(it) => return Ty::Bool(*it),
            Value::Int(it) => return Ty::Int(*it),
            Value::Function(function) => return Ty::Function(FnRef { file, function: *function }),
            Value::Class(class) => return Ty::Class(ClassRef { file, class: *class }),
            _ => {}
        }
        let key = (self.number << 1 | u64::from(is_apart()), file, value);
        memo::remembered(key, || {
            let _evaluating = self.noted.then(|| trace::Evaluating::begin(Some(file)));
            stacker::maybe_grow(RED_ZONE, MORE_STACK, || self.evaluate_afresh(file, model.value(value)))
        })
    }

    fn evaluate_afresh(&self, file: FileId, value: &Value) -> Ty {
        let model = self.model(file);
        match value {
            Value::Unknown | Value::Param(..) => Ty::Unknown,
            Value::None => Ty::None,
            Value::Bool(it) => Ty::Bool(*it),
            Value::Int(it) => Ty::Int(*it),
            Value::Str(it) => Ty::Str(model.name(*it).into()),
            Value::Function(function) => Ty::Function(FnRef { file, function: *function }),
            Value::Class(class) => Ty::Class(ClassRef { file, class: *class }),
            Value::Path(path) => self.outside(file, path),
            Value::Global(module, name) => self.global(file, *module, *name),
            Value::Instance { class, args } => {
                let args = args.iter().map(|it| self.evaluate(file, *it)).collect();
                let class = self.evaluate(file, *class);
                self.instance_of(model.language, &class, args)
            }
            Value::Result(call) => self.result_of_call(file, *call),
            Value::Awaited(inner) => self.awaited(&self.evaluate(file, *inner)),
            Value::Entered(inner, is_async) => self.entered(&self.evaluate(file, *inner), *is_async),
            Value::Element(inner) => self.element(model.language, &self.evaluate(file, *inner)),
            Value::Attr(inner, name) => {
                let receiver = self.evaluate(file, *inner);
                self.member(model.language, &receiver, model.name(*name))
            }
            Value::Field(inner, name) => {
                let receiver = self.evaluate(file, *inner);
                self.field(&receiver, model.name(*name))
            }
            Value::Unit(inner) => match self.evaluate(file, *inner) {
                Ty::Class(class) if self.is_unit(class) => Ty::Instance(Class::Own(class), none()),
                other => other,
            },
            Value::Inner(inner) => {
                let ty = self.evaluate(file, *inner);
                self.inner(model.language, &ty)
            }
            Value::Deref(inner) => match self.evaluate(file, *inner) {
                ty if ty
                    .library_path()
                    .is_some_and(|path| matches!(path, "std::option::Option" | "std::result::Result")) =>
                {
                    ty
                }
                // What a guard gives access to is no guard.
                ty if ty.parts().iter().any(|part| self.is_bare_guard(part)) => Ty::Unknown,
                ty => self.inner(model.language, &ty),
            },
            Value::Index(inner) => match self.evaluate(file, *inner) {
                Ty::Collection(element) => (*element).clone(),
                // `Class[T]` in an expression.
                ty @ (Ty::Class(_) | Ty::External(_)) => ty,
                Ty::Instance(Class::Library(path), args) if path.ends_with("dict") || path.ends_with("Dict") => {
                    args.get(1).cloned().unwrap_or(Ty::Unknown)
                }
                Ty::Instance(Class::Library(path), args) if path.starts_with("std::collections::") => {
                    args.last().cloned().unwrap_or(Ty::Unknown)
                }
                ref receiver @ Ty::Instance(Class::Library(ref path), _) if model.language == Language::Python => {
                    self.given_by(model.language, path, receiver, "__getitem__")
                }
                ref receiver @ Ty::Instance(Class::Own(class), _) if model.language == Language::Python => {
                    self.item_of(class, receiver)
                }
                _ => Ty::Unknown,
            },
            Value::Slice(inner) => match self.evaluate(file, *inner) {
                ty @ (Ty::Collection(_) | Ty::Str(_)) => ty,
                ref receiver @ Ty::Instance(Class::Own(class), _) => self.item_of(class, receiver),
                _ => Ty::Unknown,
            },
            Value::Tuple(items) => Ty::Tuple(items.iter().map(|it| self.evaluate(file, *it)).collect()),
            Value::Item(inner, index) => match self.evaluate(file, *inner) {
                Ty::Tuple(items) => items.get(*index as usize).cloned().unwrap_or(Ty::Unknown),
                Ty::Collection(element) => (*element).clone(),
                _ => Ty::Unknown,
            },
            Value::Collection(items) => {
                Ty::Collection(Arc::new(Ty::union(items.iter().map(|it| self.evaluate(file, *it)))))
            }
            Value::Union(items) => Ty::union(items.iter().map(|it| self.evaluate(file, *it))),
            Value::Super(class) => Ty::Super(ClassRef { file, class: *class }),
            Value::Quotient(inner) => {
                let ty = self.evaluate(file, *inner);
                match &ty {
                    Ty::Instance(Class::Library(path), _) => self.given_by(Language::Python, path, &ty, "__truediv__"),
                    Ty::Instance(Class::Own(_), _) => {
                        self.given_when_called(&self.member(Language::Python, &ty, "__truediv__"))
                    }
                    _ => Ty::Unknown,
                }
            }
        }
    }

    /// An instance of what `class` turned out to be.
    pub(super) fn instance_of(&self, language: Language, class: &Ty, args: Vec<Ty>) -> Ty {
        match class {
            Ty::Class(class) => {
                let model = self.model(class.file);
                let declared = model.class(class.class);
                if declared.kind == crate::model::ClassKind::Alias {
                    let target = declared.bases.first().map_or(Ty::Unknown, |it| self.evaluate(class.file, *it));
                    return match target {
                        Ty::Instance(of, _) if !args.is_empty() => Ty::Instance(of, some(args)),
                        other => other,
                    };
                }
                Ty::Instance(Class::Own(*class), some(args))
            }
            Ty::External(path) => self.library_instance(language, path, args),
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.instance_of(language, it, args.clone()))),
            Ty::Foreign(Foreign::Class(class)) => Ty::Foreign(Foreign::Instance(*class)),
            Ty::None => Ty::None,
            _ => Ty::Unknown,
        }
    }

    pub(super) fn outside(&self, file: FileId, path: &Path) -> Ty {
        let model = self.model(file);
        let segments: Vec<&str> = path.segments.iter().map(|it| model.name(*it)).collect();
        match (model.language, path.root) {
            (Language::Python, PathRoot::Relative(level)) => match self.relative_module(file, level, &segments) {
                Some((found, used)) => {
                    let name = used.checked_sub(1).map_or("", |last| segments[last]);
                    self.down(self.imported(found, name), &segments[used..], model.language)
                }
                None => Ty::Unknown,
            },
            (Language::Python, _) => {
                let Some(first) = segments.first() else { return Ty::Unknown };
                if *first != "builtins" {
                    let known = self.is_known(Language::Python, first) && !self.layout.is_within(file, first);
                    if let Some((found, used)) = self.absolute_module(file, &segments, known)
                        && !(known && found == file)
                    {
                        return self.down(self.imported(found, segments[used - 1]), &segments[used..], model.language);
                    }
                    if known {
                        return self.library_name(Language::Python, segments.join("."));
                    }
                }
                Ty::External(LibraryPath::of(&segments.join(".")))
            }
            (Language::Rust, PathRoot::Absolute) => self.crate_path(file, &segments),
            (Language::Rust, PathRoot::Crate) => match self.crate_root(file) {
                Some(root) => self.down(Ty::Module(root, FILE_MODULE), &segments, model.language),
                None => Ty::Unknown,
            },
            (Language::Rust, PathRoot::Super(module, levels)) => {
                let (mut at_file, mut at) = (file, module);
                for _ in 0..levels {
                    match self.model(at_file).module(at).parent {
                        Some(parent) => at = parent,
                        None => {
                            let Some(parent) = self.parent_module(at_file) else { return Ty::Unknown };
                            at_file = parent;
                            at = FILE_MODULE;
                        }
                    }
                }
                let start = Ty::Module(at_file, at);
                // A crate's name, in a module that a `use x::*` makes hard to tell.
                if levels == 0
                    && let Some(first) = segments.first()
                    && self.child_module(at_file, at, first).is_none()
                    && self.module_member(at_file, at, first).is_none()
                {
                    return self.crate_path(file, &segments);
                }
                self.down(start, &segments, model.language)
            }
            (Language::Rust, PathRoot::Relative(_)) => Ty::Unknown,
        }
    }

    /// A path that starts with a crate's name: a library's, or another crate of the project.
    fn crate_path(&self, file: FileId, segments: &[&str]) -> Ty {
        let Some((first, rest)) = segments.split_first() else { return Ty::Unknown };
        if self.is_known(Language::Rust, first) {
            return self.library_name(Language::Rust, segments.join("::"));
        }
        match self.crate_named(file, first) {
            Some(root) => self.down(Ty::Module(root, FILE_MODULE), rest, Language::Rust),
            None => Ty::External(LibraryPath::of(&segments.join("::"))),
        }
    }

    pub(super) fn down(&self, start: Ty, segments: &[&str], language: Language) -> Ty {
        let last = segments.len().saturating_sub(1);
        segments.iter().enumerate().fold(start, |ty, (index, segment)| match &ty {
            // `spawn::spawn`: what comes before `::` is the module where there is a module of that name.
            Ty::Module(file, module) if language == Language::Rust && index < last => {
                self.child_module(*file, *module, segment).unwrap_or_else(|| self.member(language, &ty, segment))
            }
            ty => self.member(language, ty, segment),
        })
    }

    fn global(&self, file: FileId, module: ModuleId, name: NameId) -> Ty {
        let model = self.model(file);
        let text = model.name(name);
        match self.module_member(file, module, text) {
            Some(ty) => ty,
            None if model.language == Language::Python => Ty::External(LibraryPath::of(&format!("builtins.{text}"))),
            // A crate that is used without `use`, in a module with globs.
            None if text.chars().next().is_some_and(char::is_lowercase) => self.crate_path(file, &[text]),
            None => Ty::Unknown,
        }
    }

    /// What a call gives.
    pub fn result_of_call(&self, file: FileId, call: CallId) -> Ty {
        let _outlines = self.of_outlines();
        let model = self.model(file);
        let callee = self.evaluate(file, model.call(call).callee);
        Ty::union(callee.parts().iter().map(|part| self.result_of(file, call, part)))
    }

    fn result_of(&self, file: FileId, call: CallId, callee: &Ty) -> Ty {
        let model = self.model(file);
        let language = model.language;
        let argument = |position: usize| {
            let argument = model.call(call).argument(&model.names, Some(position), None);
            argument.map_or(Ty::Unknown, |it| self.evaluate(file, it.value))
        };
        match callee {
            Ty::Class(class) => self.instance_of(language, &Ty::Class(*class), Vec::new()),
            Ty::Function(function) => self.call_result(*function, None),
            Ty::Bound(receiver, function) => self.call_result(*function, Some(receiver)),
            Ty::Partial(inner) => self.result_of(file, call, inner),
            Ty::Super(_) => callee.clone(),
            Ty::Foreign(it) => self.foreign_call(*it),
            Ty::Instance(Class::Library(path), _) if language == Language::Python => {
                self.given_by(language, path, callee, "__call__")
            }
            Ty::Instance(Class::Own(_), _) if language == Language::Python => {
                self.given_when_called(&self.member(language, callee, "__call__"))
            }
            Ty::External(path) | Ty::Method(path, _) => {
                let unknown = Ty::Unknown;
                let receiver = match callee {
                    Ty::Method(_, receiver) => receiver,
                    _ => &unknown,
                };
                if &**path == "functools.partial" {
                    return Ty::Partial(Arc::new(argument(0)));
                }
                let Some(api) = self.knowledge.api(language, path) else {
                    return match self.knowledge.type_facts(language, path) {
                        Some(facts) if language == Language::Python => Ty::library(facts.path),
                        _ => Ty::Unknown,
                    };
                };
                let owner = Ty::Unknown;
                // In Rust, `Type::new()` gives `Self` of the path's type.
                let of_path = match path.rfind("::") {
                    Some(at) if language == Language::Rust && receiver.is_unknown() => {
                        self.library_instance(language, &path[..at], Vec::new())
                    }
                    _ => owner,
                };
                let receiver = if receiver.is_unknown() { &of_path } else { receiver };
                let result = if api.transparent {
                    // `Arc::clone(&x)` is `x.clone()`.
                    let by_path = matches!(callee, Ty::External(_)) && !model.call(call).args.is_empty();
                    if receiver.is_unknown() || by_path {
                        self.behind_guard(path, argument(0))
                    } else {
                        receiver.clone()
                    }
                } else if api.returns.is_empty() {
                    match self.knowledge.type_facts(language, path) {
                        Some(facts) if language == Language::Python => Ty::library(facts.path),
                        _ => Ty::Unknown,
                    }
                } else {
                    self.table_type(language, api.returns, &Around { receiver, argument: &argument })
                };
                if api.is_async { Ty::Coroutine(Arc::new(result), None) } else { result }
            }
            _ => Ty::Unknown,
        }
    }

    /// What calling a function of the project gives.
    fn call_result(&self, function: FnRef, receiver: Option<&Ty>) -> Ty {
        let definition = self.declared(function);
        match self.wrapping(function) {
            Wrapping::Manager => return Ty::Manager(function),
            Wrapping::Unknown => return Ty::Unknown,
            Wrapping::Replaced(wrapper) => {
                let inner = self.returns(wrapper, None);
                return if self.declared(wrapper).kind.is_async() {
                    Ty::Coroutine(Arc::new(inner), None)
                } else {
                    inner
                };
            }
            Wrapping::Plain => {}
        }
        if definition.is_generator && self.language(function.file) == Language::Python {
            return Ty::Generator(function);
        }
        let inner = self.returns(function, receiver);
        if definition.kind.is_async() && definition.kind != FunctionKind::AsyncBlock {
            return Ty::Coroutine(Arc::new(inner), Some(function));
        }
        inner
    }

    /// What a function returns (after `await`): declared, or what its `return`s give.
    pub fn returns(&self, function: FnRef, receiver: Option<&Ty>) -> Ty {
        let _outlines = self.of_outlines();
        let definition = self.declared(function);
        let file = function.file;
        if let Some(declared) = definition.returns {
            let ty = self.evaluate(file, declared);
            if !ty.is_unknown() {
                return ty;
            }
            if self.language(file) == Language::Python
                && let Value::Instance { class, .. } = self.model(file).value(declared)
                && let Ty::External(path) = self.evaluate(file, *class)
                && path.ends_with(".Self")
            {
                return receiver.map_or(Ty::Unknown, |receiver| self.made_by(receiver));
            }
            if self.language(file) == Language::Rust {
                return Ty::Unknown;
            }
        }
        let definition = self.function(function);
        if definition.returned.is_empty() {
            return if definition.returns.is_some() { Ty::Unknown } else { Ty::None };
        }
        // `return cls(..)` in a class method makes what it is called on.
        if let Some(receiver @ Ty::Class(_)) = receiver
            && definition.returned.iter().all(|it| self.makes_receiver(function, *it))
        {
            return self.made_by(receiver);
        }
        // `return self` gives what it was asked of.
        let own = receiver.filter(|it| matches!(it, Ty::Instance(Class::Own(_), _)));
        let own = own.zip(definition.params.first().filter(|it| it.kind == ParamKind::Receiver));
        Ty::union(definition.returned.iter().map(|value| match own {
            Some((receiver, param)) if param.value == *value => receiver.clone(),
            _ => self.evaluate(file, *value),
        }))
    }

    /// What calling a function, given as a value, gives.
    pub(super) fn given_when_called(&self, callee: &Ty) -> Ty {
        match callee {
            Ty::Function(function) => self.call_result(*function, None),
            Ty::Bound(receiver, function) => self.call_result(*function, Some(receiver)),
            Ty::Class(_) => self.made_by(callee),
            Ty::Partial(inner) => self.given_when_called(inner),
            _ => Ty::Unknown,
        }
    }

    /// An instance of a class, or what is one already.
    fn made_by(&self, receiver: &Ty) -> Ty {
        match receiver {
            Ty::Class(class) => Ty::Instance(Class::Own(*class), none()),
            other => other.clone(),
        }
    }

    fn makes_receiver(&self, function: FnRef, value: ValueId) -> bool {
        let model = self.model(function.file);
        let definition = model.function(function.function);
        let Value::Result(call) = model.value(value) else { return false };
        definition
            .params
            .first()
            .is_some_and(|param| param.kind == ParamKind::Receiver && model.call(*call).callee == param.value)
    }

    pub(super) fn awaited(&self, ty: &Ty) -> Ty {
        match ty {
            Ty::Coroutine(inner, _) => (**inner).clone(),
            Ty::Function(block) if self.declared(*block).kind == FunctionKind::AsyncBlock => self.returns(*block, None),
            Ty::Instance(Class::Library(path), args) => {
                let first = args.first().cloned().unwrap_or(Ty::Unknown);
                // Whatever its language, a library's type is found under its path in one of the tables.
                let tables = [Language::Python, Language::Rust];
                let found = tables.iter().find_map(|it| Some((*it, self.knowledge.type_facts(*it, path)?)));
                match found {
                    Some((language, facts)) if !facts.output.is_empty() => {
                        self.table_type(language, facts.output, &Around { receiver: ty, argument: &|_| Ty::Unknown })
                    }
                    // A boxed or pinned future.
                    Some((_, facts)) if facts.wrapper => self.awaited(&first),
                    _ => first,
                }
            }
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.awaited(it))),
            _ => Ty::Unknown,
        }
    }

    pub(super) fn entered(&self, ty: &Ty, is_async: bool) -> Ty {
        match ty {
            Ty::Instance(Class::Own(_), _) => {
                let name = if is_async { "__aenter__" } else { "__enter__" };
                match self.member(Language::Python, ty, name) {
                    Ty::Bound(_, function) => self.returns(function, Some(ty)),
                    Ty::Method(path, receiver) => match self.knowledge.type_facts(Language::Python, &path) {
                        Some(_) => Ty::Unknown,
                        None => (*receiver).clone(),
                    },
                    _ => Ty::Unknown,
                }
            }
            Ty::Instance(Class::Library(path), _) => match self.knowledge.type_facts(Language::Python, path) {
                Some(facts) if !facts.enter.is_empty() => {
                    self.table_type(Language::Python, facts.enter, &Around { receiver: ty, argument: &|_| Ty::Unknown })
                }
                Some(_) => ty.clone(),
                None => Ty::Unknown,
            },
            // `async with session.get(..) as response`: what awaiting would give.
            Ty::Coroutine(inner, None) => (**inner).clone(),
            Ty::Manager(function) => self.yielded(*function),
            Ty::Foreign(it) => self.foreign_entered(*it, is_async),
            Ty::Union(parts) => {
                // What has no such method is not what is entered.
                let name = if is_async { "__aenter__" } else { "__enter__" };
                let can =
                    |it: &&Ty| !matches!(it, Ty::Instance(Class::Own(class), _) if self.surely_lacks(*class, name));
                Ty::union(parts.iter().filter(can).map(|it| self.entered(it, is_async)))
            }
            _ => Ty::Unknown,
        }
    }

    /// What a generator yields: `T` of one declared `-> Iterator[T]`, else what its `yield`s give.
    fn yielded(&self, function: FnRef) -> Ty {
        let definition = self.function(function);
        if let Some(declared) = definition.returns
            && let Ty::Collection(element) = self.evaluate(function.file, declared)
        {
            return (*element).clone();
        }
        let yielded = memo::once(Question::Yields(function), || {
            let mut values = Vec::new();
            crate::model::flow::visit(&definition.body, &mut |node| {
                if let crate::model::Node::Yield(it) = node {
                    let ty = self.evaluate(function.file, it.value);
                    values.push(if it.delegates { self.element(self.language(function.file), &ty) } else { ty });
                }
                crate::model::flow::Step::Into
            });
            Ty::union(values)
        });
        yielded.unwrap_or(Ty::Unknown)
    }

    pub(super) fn element(&self, language: Language, ty: &Ty) -> Ty {
        match ty {
            Ty::Collection(element) => (**element).clone(),
            Ty::Tuple(items) => Ty::union(items.iter().cloned()),
            Ty::Generator(function) => self.yielded(*function),
            Ty::Instance(Class::Library(path), args) => match self.knowledge.type_facts(language, path) {
                Some(facts) if !facts.iter.is_empty() => {
                    self.table_type(language, facts.iter, &Around { receiver: ty, argument: &|_| Ty::Unknown })
                }
                _ if path.ends_with("dict") => args.first().cloned().unwrap_or(Ty::Unknown),
                _ => Ty::Unknown,
            },
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.element(language, it))),
            _ => Ty::Unknown,
        }
    }

    /// What `__getitem__` of a class of the project's gives.
    fn item_of(&self, class: ClassRef, receiver: &Ty) -> Ty {
        let method = self.find_method(class, "__getitem__").filter(|it| !self.is_abstract(*it));
        method.map_or(Ty::Unknown, |method| self.returns(method, Some(receiver)))
    }

    /// What is inside a wrapper: `x?`, `Some(x)`, `*x`.
    fn inner(&self, language: Language, ty: &Ty) -> Ty {
        match ty {
            Ty::Instance(Class::Library(path), args)
                if self.knowledge.type_facts(language, path).is_some_and(|facts| facts.wrapper) =>
            {
                args.first().cloned().unwrap_or(Ty::Unknown)
            }
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.inner(language, it))),
            other => other.clone(),
        }
    }

    /// The values of parameters that receive something: not `self`.
    pub fn parameter_count(&self, function: FnRef) -> usize {
        let _outlines = self.of_outlines();
        self.declared(function).params.iter().filter(|param| param.kind != ParamKind::Receiver).count()
    }
}
