//! What comes out of a call, and out of awaiting, entering or going through what it gives.

use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{CallId, FunctionKind, ParamKind, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::decorators::Wrapping;
use super::library::Around;
use super::members::Ancestor;
use super::memo::{self, Question};
use super::path::LibraryPath;
use super::types::{CallRef, Class, ClassRef, FnRef, Ty, none};

impl Project {
    /// What a call gives.
    pub fn result_of_call(&self, file: FileId, call: CallId) -> Ty {
        let _outlines = self.of_outlines();
        let model = self.model(file);
        let callee = self.evaluate(file, model.call(call).callee);
        let call = Some(CallRef { file, call });
        Ty::union(callee.parts().iter().map(|part| self.result_of(model.language, part, call)))
    }

    /// What a call of that gives; of most callees it does not matter which call it is.
    fn result_of(&self, language: Language, callee: &Ty, call: Option<CallRef>) -> Ty {
        match callee {
            Ty::Class(class) if self.is_made_otherwise(*class) => Ty::Unknown,
            Ty::Class(class) => {
                let args = call.map_or_else(Vec::new, |call| self.arguments_of_fields(*class, call));
                self.instance_of(language, &Ty::Class(*class), args)
            }
            Ty::Function(function) => self.with_arguments(*function, call, None, self.call_result(*function, None)),
            Ty::Bound(receiver, function) => {
                self.with_arguments(*function, call, Some(receiver), self.call_result(*function, Some(receiver)))
            }
            Ty::Partial(inner) => self.result_of(language, inner, call),
            Ty::Super(_) => callee.clone(),
            Ty::Foreign(it) => self.foreign_call(*it),
            Ty::Instance(Class::Library(path), _) if language == Language::Python => {
                self.given_by(language, path, callee, "__call__")
            }
            Ty::Instance(Class::Own(_), _) if language == Language::Python => {
                self.given_when_called(language, &self.member(language, callee, "__call__"))
            }
            Ty::External(path) => self.library_result(language, path, &Ty::Unknown, call),
            Ty::Method(path, receiver) => self.library_result(language, path, receiver, call),
            _ => Ty::Unknown,
        }
    }

    /// What calling a function, method or class of a library gives.
    fn library_result(&self, language: Language, path: &LibraryPath, receiver: &Ty, call: Option<CallRef>) -> Ty {
        let first = || call.map_or(Ty::Unknown, |call| self.type_of_argument(call, 0, None));
        if &**path == "functools.partial" {
            return Ty::Partial(Arc::new(first()));
        }
        let instance = || match self.knowledge.type_facts(language, path) {
            Some(facts) if language == Language::Python => Ty::library(facts.path),
            _ => Ty::Unknown,
        };
        let Some(api) = self.knowledge.api(language, path) else { return instance() };
        // `Arc::clone(&x)` is `x.clone()`.
        let by_path = receiver.is_unknown();
        // In Rust, `Type::new()` gives `Self` of the path's type.
        let of_path = match path.rfind("::") {
            Some(at) if language == Language::Rust && by_path => {
                self.library_instance(language, &path[..at], Vec::new())
            }
            _ => Ty::Unknown,
        };
        let receiver = if by_path { &of_path } else { receiver };
        let result = if api.transparent {
            let has_arguments = || call.is_some_and(|it| !self.model(it.file).call(it.call).args.is_empty());
            let is_given = receiver.is_unknown() || by_path && has_arguments();
            if is_given { self.behind_guard(path, first()) } else { receiver.clone() }
        } else if api.returns.is_empty() {
            instance()
        } else {
            self.table_type(language, api.returns, &Around { receiver, call })
        };
        if api.is_async { Ty::Coroutine(Arc::new(result), None) } else { result }
    }

    /// What calling a function of the project gives.
    fn call_result(&self, function: FnRef, receiver: Option<&Ty>) -> Ty {
        let definition = self.declared(function);
        match self.wrapping(function) {
            Wrapping::Manager => return Ty::Manager(function),
            Wrapping::Unknown => return Ty::Unknown,
            Wrapping::Made => {
                let made = self.made_of(function).unwrap_or(Ty::Unknown);
                return self.result_of(Language::Python, &made, None);
            }
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
            let ty = match self.evaluate(file, declared) {
                // `-> impl Trait`: the body tells which type it is.
                Ty::Dyn(of_trait) => self.made_for(function, of_trait),
                ty => self.made_in_place_of(function, &ty).unwrap_or(ty),
            };
            if !ty.is_unknown() {
                return if self.gives_what_it_is_called_on(function, &ty, receiver) {
                    receiver.map_or(ty, |receiver| self.made_by(receiver))
                } else {
                    ty
                };
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
            Some((receiver, param)) if param.value == *value || self.makes_receiver(function, *value) => {
                receiver.clone()
            }
            _ => self.evaluate(file, *value),
        }))
    }

    /// Rust: what a function declared `-> impl Trait` gives.
    fn made_for(&self, function: FnRef, of_trait: ClassRef) -> Ty {
        let returned = &self.function(function).returned;
        match Ty::union(returned.iter().map(|value| self.evaluate(function.file, *value))) {
            made @ Ty::Instance(Class::Own(_), _) => made,
            _ => Ty::Dyn(of_trait),
        }
    }

    /// Python: what a function makes, whatever it is declared to give: an object of a class below that, or one that does what a protocol asks
    /// for. Of a method, one of a class below may make another.
    fn made_in_place_of(&self, function: FnRef, declared: &Ty) -> Option<Ty> {
        let Ty::Instance(Class::Own(wanted), _) = declared else { return None };
        if self.language(function.file) != Language::Python || self.declared(function).class.is_some() {
            return None;
        }
        let mut made = self.function(function).returned.iter().map(|it| self.constructed(function.file, *it));
        let first = made.next()??;
        (first != *wanted && made.all(|it| it == Some(first))).then(|| Ty::Instance(Class::Own(first), none()))
    }

    /// The class that a value makes an object of: `Class()`.
    pub(super) fn constructed(&self, file: FileId, value: ValueId) -> Option<ClassRef> {
        let model = self.model(file);
        let Value::Result(call) = model.value(value) else { return None };
        let callee = model.call(*call).callee;
        if !matches!(model.value(callee), Value::Global(..) | Value::Path(_) | Value::Class(_) | Value::Attr(..)) {
            return None;
        }
        match self.evaluate(file, callee) {
            Ty::Class(class) if !self.is_made_otherwise(class) => Some(class),
            _ => None,
        }
    }

    /// What calling a function, given as a value, gives.
    pub(super) fn given_when_called(&self, language: Language, callee: &Ty) -> Ty {
        match callee {
            // What a decorator has made of the function calls that itself.
            Ty::Function(function) if self.wrapping(*function) == Wrapping::Made => {
                let given = self.returns(*function, None);
                let is_async = self.declared(*function).kind.is_async();
                if is_async { Ty::Coroutine(Arc::new(given), None) } else { given }
            }
            Ty::Function(_) | Ty::Bound(..) | Ty::Class(_) => self.result_of(language, callee, None),
            Ty::Partial(inner) => self.given_when_called(language, inner),
            Ty::External(_) | Ty::Method(..) if language == Language::Python => self.result_of(language, callee, None),
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

    /// `cls()`, `type(self)()`
    fn makes_receiver(&self, function: FnRef, value: ValueId) -> bool {
        let model = self.model(function.file);
        let Value::Result(call) = model.value(value) else { return false };
        self.is_own_class(function, model.call(*call).callee)
    }

    /// Python: a method that is declared to give an object of its class gives itself, or `cls()`: of a class below it is one of that.
    fn gives_what_it_is_called_on(&self, function: FnRef, declared: &Ty, receiver: Option<&Ty>) -> bool {
        let Ty::Instance(Class::Own(of), _) = declared else { return false };
        let Some(Ty::Class(class) | Ty::Instance(Class::Own(class), _)) = receiver else { return false };
        if class == of
            || self.language(function.file) != Language::Python
            || !self.ancestry(*class).contains(&Ancestor::Own(*of))
        {
            return false;
        }
        let is_instance = matches!(receiver, Some(Ty::Instance(..)));
        let returned = &self.function(function).returned;
        let gives =
            |it: &ValueId| is_instance && self.is_own_object(function, *it) || self.makes_receiver(function, *it);
        !returned.is_empty() && returned.iter().all(gives)
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
                        self.table_type(language, facts.output, &Around::of(ty))
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
                    self.table_type(Language::Python, facts.enter, &Around::of(ty))
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
            // A generator expression gives the elements that it is written with.
            if definition.kind == FunctionKind::Closure {
                let elements = definition.returned.iter().map(|it| self.evaluate(function.file, *it));
                return Ty::union(elements.map(|it| self.element(Language::Python, &it)));
            }
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
            // `Box<dyn Iterator<Item = T>>`
            Ty::Instance(Class::Library(path), args) if &**path == "std::boxed::Box" => {
                args.first().map_or(Ty::Unknown, |inner| self.element(language, inner))
            }
            Ty::Instance(Class::Library(path), args) => match self.knowledge.type_facts(language, path) {
                Some(facts) if !facts.iter.is_empty() => self.table_type(language, facts.iter, &Around::of(ty)),
                _ if path.ends_with("dict") => args.first().cloned().unwrap_or(Ty::Unknown),
                _ => Ty::Unknown,
            },
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.element(language, it))),
            _ => Ty::Unknown,
        }
    }

    /// What `__getitem__` of a class of the project's gives.
    pub(super) fn item_of(&self, class: ClassRef, receiver: &Ty) -> Ty {
        let method = self.find_method(class, "__getitem__").filter(|it| !self.is_abstract(*it));
        method.map_or(Ty::Unknown, |method| self.returns(method, Some(receiver)))
    }
}
