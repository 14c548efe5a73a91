//! What a call runs.

use crate::finding::FileId;
use crate::model::{CallId, ClassKind, Value};
use crate::source::Language;

use super::Project;
use super::decorators::Wrapping;
use super::members::Ancestor;
use super::subjects::POINTERS;
use super::types::{Class, ClassRef, FnRef, Ty};

/// One thing a call may run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Callee {
    /// A function of the project's.
    Own(FnRef),
    /// A class of the project's is instantiated.
    Construct(ClassRef),
    /// A function of a library's, with the receiver if it is a method.
    Api(&'static str, Ty),
    Unknown,
}

impl Project {
    /// What a call may run: one entry, or one per alternative.
    pub fn callees(&self, file: FileId, call: CallId) -> Vec<Callee> {
        let _outlines = self.of_outlines();
        let model = self.model(file);
        if model.is_opaque(model.call(call).callee) {
            return vec![Callee::Unknown];
        }
        self.callees_among(file, call, self.evaluate(file, model.call(call).callee))
    }

    /// The one thing that a call runs; `None` where it may run several.
    pub(super) fn only_callee(&self, file: FileId, call: CallId) -> Option<Callee> {
        let model = self.model(file);
        let ty = self.evaluate(file, model.call(call).callee);
        match (model.language, &ty) {
            (Language::Rust, Ty::Function(_)) | (_, Ty::Union(_)) => {
                let mut callees = self.callees_among(file, call, ty);
                callees.pop().filter(|_| callees.is_empty())
            }
            _ => Some(self.callee_of(model.language, &ty)),
        }
    }

    /// The same, of a call whose callee is one of these.
    fn callees_among(&self, file: FileId, call: CallId, ty: Ty) -> Vec<Callee> {
        let model = self.model(file);
        let language = model.language;
        // `Trait::method(x)` is `x.method()`.
        if language == Language::Rust
            && let Ty::Function(function) = ty
            && self.is_trait_method(function)
        {
            let call = model.call(call);
            let receiver = call.args.first().map_or(Ty::Unknown, |arg| self.evaluate(file, arg.value));
            let declared = self.declared(function);
            let name = self.model(function.file).name(declared.name);
            let found = match self.behind_pointers(receiver) {
                receiver @ Ty::Instance(Class::Own(_), _) => {
                    let of_trait = declared.class.map(|class| Ty::Class(ClassRef { file: function.file, class }));
                    let methods = self.methods_of_traits(&receiver, &of_trait.unwrap_or(Ty::Unknown), name);
                    Ty::union(methods.into_iter().map(|it| self.method(it, Some(&receiver))))
                }
                receiver => self.member(language, &receiver, name),
            };
            return vec![self.callee_of(language, &found)];
        }
        // Of two that have one name, tests call the one that is there for them, and others the other.
        let is_for_tests = |part: &&Ty| matches!(part, Ty::Function(it) if self.declared(*it).test);
        let ty = match ty {
            Ty::Union(parts) if language == Language::Rust && parts.iter().any(|it| is_for_tests(&it)) => {
                let in_tests = model.declaration(model.call(call).function).test || self.stands_in_tests(file);
                Ty::union(parts.iter().filter(|it| is_for_tests(it) == in_tests).cloned())
            }
            ty => ty,
        };
        let callees = ty.parts().iter().map(|part| self.callee_of(language, part));
        let mut callees: Vec<Callee> = callees.collect();
        // `try: from time import sleep` / `except ImportError: from other import sleep`: the one that is known tells.
        if callees.len() > 1 && ty.parts().iter().all(|part| !matches!(part, Ty::Unknown)) {
            let foreign = |part: &Ty| matches!(part, Ty::External(path) if !self.is_known_library(language, path));
            let mut parts = ty.parts().iter();
            // What the project itself does where a module is missing is not what it does where that is there.
            let is_own = |it: &Callee| matches!(it, Callee::Own(_) | Callee::Construct(_));
            let falls_back = language == Language::Python && callees.iter().any(is_own);
            callees.retain(|callee| {
                let is_foreign = parts.next().is_some_and(foreign);
                *callee != Callee::Unknown || !is_foreign || falls_back
            });
        }
        if callees.is_empty() { vec![Callee::Unknown] } else { callees }
    }

    /// Rust: the file is that of a module that is declared for tests alone, or of one inside of such a module.
    pub fn stands_in_tests(&self, file: FileId) -> bool {
        if self.language(file) != Language::Rust || self.is_installed(file) {
            return false;
        }
        let mut at = file;
        while let Some(around) = self.parent_module(at).filter(|around| *around != at) {
            let name = self.layout.module_name(at).rsplit("::").next().unwrap_or_default();
            if self.slot(around).modules_for_tests().iter().any(|it| **it == *name) {
                return true;
            }
            at = around;
        }
        false
    }

    fn is_known_library(&self, language: Language, path: &str) -> bool {
        let first = path.split(['.', ':']).next().unwrap_or(path);
        self.knowledge.library(language, first).is_some()
    }

    fn is_trait_method(&self, function: FnRef) -> bool {
        let definition = self.declared(function);
        !definition.is_static
            && definition.class.is_some_and(|class| self.model(function.file).class(class).kind == ClassKind::Trait)
    }

    /// Rust: a struct without fields, whose name is its only instance.
    pub(super) fn is_unit(&self, class: ClassRef) -> bool {
        let declared = self.model(class.file).class(class.class);
        declared.kind == ClassKind::Struct && declared.fields.is_empty()
    }

    /// What the class of the class runs when an object is made.
    pub(super) fn metaclass_call(&self, class: ClassRef) -> Option<FnRef> {
        self.ancestry(class).iter().find_map(|it| match it {
            Ancestor::Own(class) if self.may_be_made_otherwise(*class) => self.own_metaclass_call(*class),
            _ => None,
        })
    }

    fn own_metaclass_call(&self, class: ClassRef) -> Option<FnRef> {
        let metaclass = self.model(class.file).class(class.class).metaclass?;
        match self.evaluate(class.file, metaclass) {
            Ty::Class(metaclass) => self.find_method(metaclass, "__call__"),
            _ => None,
        }
    }

    /// Calling the class may give something else than an instance of it: its metaclass answers, or `__new__` gives another object.
    pub(super) fn is_made_otherwise(&self, class: ClassRef) -> bool {
        if self.language(class.file) != Language::Python {
            return false;
        }
        // Hardly any class says so.
        if !self.ancestry(class).iter().any(|it| matches!(it, Ancestor::Own(it) if self.may_be_made_otherwise(*it))) {
            return false;
        }
        let ancestry = self.ancestry(class);
        let own = || ancestry.iter().filter_map(|it| if let Ancestor::Own(class) = it { Some(*class) } else { None });
        let answers = |it: ClassRef| self.own_metaclass_call(it).is_some_and(|it| !self.asks_super(it));
        let another = |ty: &Ty| match ty {
            Ty::Instance(Class::Own(other), _) => {
                *other != class
                    && !self.ancestry(*other).contains(&Ancestor::Own(class))
                    && !ancestry.contains(&Ancestor::Own(*other))
            }
            _ => false,
        };
        let gives_another = |new: FnRef| self.returns(new, None).parts().iter().any(another);
        own().any(answers) || own().find_map(|it| self.own_method(it, "__new__")).is_some_and(gives_another)
    }

    /// The class has a metaclass, or a method that makes its instances.
    fn may_be_made_otherwise(&self, class: ClassRef) -> bool {
        let model = self.model(class.file);
        let definition = model.class(class.class);
        let new = || model.names.find("__new__");
        definition.metaclass.is_some()
            || new().is_some_and(|new| definition.methods.iter().any(|(name, _)| *name == new))
    }

    /// The method asks the classes above for what it does: `super().__call__()`.
    fn asks_super(&self, method: FnRef) -> bool {
        self.looks_into(method.file);
        let model = self.model(method.file);
        model.calls_in(method.function).iter().any(|(_, call)| {
            call.function == method.function
                && matches!(model.value(call.callee), Value::Attr(receiver, _) if matches!(self.evaluate(method.file, *receiver), Ty::Super(_)))
        })
    }

    pub(super) fn callee_of(&self, language: Language, ty: &Ty) -> Callee {
        let _outlines = self.of_outlines();
        match ty {
            // The configuration knows better than what can be read.
            Ty::Function(function) | Ty::Bound(_, function)
                if self.knowledge.is_configured()
                    && self.knowledge.configured(&self.function_name(*function)).is_some() =>
            {
                let api = self.knowledge.configured(&self.function_name(*function));
                api.map_or(Callee::Own(*function), |api| Callee::Api(api.path, Ty::Unknown))
            }
            Ty::Function(function) => match self.described(*function) {
                Some(api) => Callee::Api(api.path, Ty::Unknown),
                None => self.called_of_own(language, *function),
            },
            // Which type's method runs is not known. An async one gives a future, whosever it is.
            Ty::Bound(receiver, function)
                if matches!(**receiver, Ty::Dyn(_)) && !self.declared(*function).kind.is_async() =>
            {
                Callee::Unknown
            }
            Ty::Bound(receiver, function) => match self.described(*function) {
                Some(api) if !self.is_told_of(receiver, api) => Callee::Unknown,
                Some(api) => Callee::Api(api.path, (**receiver).clone()),
                None => self.called_of_own(language, *function),
            },
            Ty::Class(class) if self.is_made_otherwise(*class) => Callee::Unknown,
            Ty::Class(class) => Callee::Construct(*class),
            Ty::External(path) => match self.knowledge.api(language, path) {
                Some(api) => Callee::Api(api.path, Ty::Unknown),
                None => Callee::Unknown,
            },
            Ty::Method(path, receiver) => match self.knowledge.api(language, path) {
                Some(api) => Callee::Api(api.path, (**receiver).clone()),
                None => Callee::Unknown,
            },
            // `Box::new(|| ..)`
            Ty::Instance(Class::Library(path), args) if language == Language::Rust && POINTERS.contains(&&**path) => {
                args.first().map_or(Callee::Unknown, |inner| self.callee_of(language, inner))
            }
            Ty::Partial(inner) => self.callee_of(language, inner),
            Ty::Foreign(it) => self.foreign_callee(*it),
            Ty::Instance(Class::Own(_), _) if language == Language::Python => {
                match self.member(language, ty, "__call__") {
                    Ty::Bound(_, function) => Callee::Own(function),
                    _ => Callee::Unknown,
                }
            }
            Ty::Instance(Class::Library(_), _) if language == Language::Python => {
                match self.member(language, ty, "__call__") {
                    method @ Ty::Method(..) => self.callee_of(language, &method),
                    _ => Callee::Unknown,
                }
            }
            _ => Callee::Unknown,
        }
    }

    /// A call of a function of the project's runs it, unless a decorator has made an object of it that is called instead.
    fn called_of_own(&self, language: Language, function: FnRef) -> Callee {
        let is_made = language == Language::Python
            && !self.declared(function).decorators.is_empty()
            && self.wrapping(function) == Wrapping::Made;
        match is_made.then(|| self.made_of(function)).flatten() {
            Some(made) => self.callee_of(language, &made),
            None => Callee::Own(function),
        }
    }
}
