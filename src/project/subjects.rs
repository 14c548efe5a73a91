//! What decides by its class what a function runs: objects that it has to do with, and in Rust type arguments of their types. Which those
//! are, who hands them on, and which class a call tells of them.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{Param, ParamKind, TOP_LEVEL, TYPE_GIVEN, UNKNOWN, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::effects::{Runs, Site};
use super::overridden::Asked;
use super::types::{Class, ClassRef, FnRef, Ty};

/// What may be of this class or that, in a function, and runs one method or another: its own object, or a parameter. In Rust also a
/// type argument of such an object's type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) value: ValueId,
    /// Which of the type arguments.
    pub(super) argument: Option<u32>,
}

impl From<ValueId> for Subject {
    fn from(value: ValueId) -> Self {
        Self { value, argument: None }
    }
}

/// Of which class that is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Bound {
    pub(super) subject: Subject,
    pub(super) class: Class,
}

/// Pointers that give access to what they hold.
pub(super) const POINTERS: [&str; 3] = ["std::sync::Arc", "std::boxed::Box", "std::rc::Rc"];
/// These, and what reads and writes what it holds.
const AROUND: [&str; 6] = [
    "std::sync::Arc",
    "std::boxed::Box",
    "std::rc::Rc",
    "std::io::BufReader",
    "std::io::BufWriter",
    "std::io::LineWriter",
];

impl Project {
    /// What decides by its class what a function runs: its own object, if it asks that for something; parameters that it asks; in Rust, type
    /// arguments of these, where it asks a field that is of such a type.
    pub(super) fn subjects_asked(&self, function: FnRef, sites: &[(Site, Runs)]) -> Vec<Subject> {
        let declared = self.declared(function);
        let model = self.model(function.file);
        let receiver = |(site, _): &(Site, Runs)| self.question(function, site).map(|it| it.0);
        let questions: Vec<ValueId> = sites.iter().filter_map(receiver).collect();
        let mut values = Vec::new();
        let makes_own = |site: &Site| {
            model.language == Language::Python
                && site.call.is_some_and(|it| self.is_own_class(function, model.call(it).callee))
        };
        let of_own_class =
            |it: &ValueId| self.is_of_own_class(function, *it) || self.above(function.file, *it).is_some();
        if declared.class.is_some()
            && (questions.iter().any(of_own_class)
                || sites.iter().any(|(site, _)| makes_own(site) || self.own_attribute(function, site).is_some()))
        {
            values.extend(declared.params.first().map(|it| Subject::from(it.value)));
        }
        // In Rust also the object of what is given to whatever has a trait: `impl<T: Store> StoreExt for T`.
        let is_of_all = model.language == Language::Rust && declared.class.is_none();
        let params = declared.params.iter().filter(|it| it.kind != ParamKind::Receiver || is_of_all);
        values.extend(
            params
                .map(|it| it.value)
                .filter(|it| *it != UNKNOWN && questions.contains(it) && self.may_be_of_class(function, *it))
                .map(Subject::from),
        );
        for value in questions {
            let subject = self.subject_of(function, value);
            if !values.contains(&subject) && (subject.argument.is_some() || self.is_captured(function, value)) {
                values.push(subject);
            }
        }
        values
    }

    /// Nothing is declared of the value that is no class of the project's. In Rust, what is declared to be of a type is of that.
    fn may_be_of_class(&self, function: FnRef, value: ValueId) -> bool {
        let model = self.model(function.file);
        model.is_opaque(value)
            || match self.evaluate(function.file, value) {
                Ty::Instance(Class::Own(class), _) => model.language == Language::Python || self.is_trait(class),
                Ty::Dyn(_) | Ty::Unknown => true,
                _ => false,
            }
    }

    /// Parameters of its own that a function hands on, and at which of its sites. What a nested function sees is handed on to it.
    pub(super) fn parameters_handed_on(&self, function: FnRef, sites: &[(Site, Runs)]) -> Vec<(usize, ValueId)> {
        let model = self.model(function.file);
        let params = &self.declared(function).params;
        let mut handed = Vec::new();
        for (at, (site, runs)) in sites.iter().enumerate() {
            if let Runs::Own(callee) = runs
                && callee.file == function.file
            {
                let mut outer = self.declared(*callee).parent;
                while let Some(around) = outer.filter(|it| *it != TOP_LEVEL) {
                    let around = model.declaration(around);
                    handed.extend(around.params.iter().map(|it| (at, it.value)).filter(|it| it.1 != UNKNOWN));
                    outer = around.parent;
                }
            }
            let (Runs::Own(_) | Runs::Asked(Some(_)), Some(call)) = (runs, site.call) else { continue };
            if model.language == Language::Rust
                && let Some((receiver, _)) = self.question(function, site)
                && (params.iter().any(|it| it.value == receiver) || self.is_captured(function, receiver))
                && self.has_parameters(function, receiver)
            {
                handed.push((at, receiver));
            }
            for arg in &model.call(call).args {
                if arg.value != UNKNOWN && params.iter().any(|it| it.value == arg.value) {
                    handed.push((at, arg.value));
                }
            }
        }
        handed
    }

    /// What a function hands on is what the callee asks for something there.
    pub(super) fn hands_on(&self, function: FnRef, site: &Site, callee: FnRef, given: ValueId, asked: Subject) -> bool {
        let Subject { value: asked, argument } = asked;
        if given == asked && callee.file == function.file && self.is_captured(callee, asked) {
            return true;
        }
        if argument.is_some() && self.is_own_object(callee, asked) {
            return self.question(function, site).is_some_and(|(receiver, _)| receiver == given);
        }
        let params = &self.declared(callee).params;
        let position = params.iter().position(|it| it.value == asked && it.kind != ParamKind::Receiver);
        let argument =
            position.and_then(|position| self.argument_at(function.file, site.call?, callee, position as u32));
        argument == Some(given)
    }

    /// A parameter of a function that this one stands in.
    pub(super) fn is_captured(&self, function: FnRef, value: ValueId) -> bool {
        let model = self.model(function.file);
        let declared = self.declared(function);
        let is_param = |params: &[Param]| value != UNKNOWN && params.iter().any(|it| it.value == value);
        if is_param(&declared.params) {
            return false;
        }
        let mut outer = declared.parent;
        while let Some(around) = outer.filter(|it| *it != TOP_LEVEL) {
            let around = model.declaration(around);
            if is_param(&around.params) {
                return true;
            }
            outer = around.parent;
        }
        false
    }

    /// Which class that is, as a place in `function` tells `callee` of it. `None` where it is not known, or no more than the callee knows.
    pub(super) fn class_given(
        &self,
        function: FnRef,
        asked: &Asked,
        site: &Site,
        callee: FnRef,
        subject: Subject,
    ) -> Option<Class> {
        let known = |value: ValueId| {
            let bound = asked.class_of(Subject { value, ..subject });
            let is_own = subject.argument.is_none() && self.is_own_object(function, value);
            bound.or_else(|| asked.class().filter(|_| is_own).map(Class::Own))
        };
        let params = &self.declared(callee).params;
        let found = if callee.file == function.file && self.is_captured(callee, subject.value) {
            known(subject.value)?
        } else if self.is_own_object(callee, subject.value) {
            let (receiver, _) = self.question(function, site)?;
            let argument = subject.argument?;
            known(receiver).or_else(|| self.type_argument(&self.object_asked(function, site, receiver), argument))?
        } else {
            let position = params.iter().position(|it| it.value == subject.value)?;
            let call = site.call.filter(|it| self.is_called_by(function.file, *it, callee))?;
            let given = self.argument_at(function.file, call, callee, position as u32)?;
            known(given).or_else(|| {
                let ty = self.evaluate(function.file, given);
                match subject.argument {
                    Some(argument) => self.type_argument(&ty, argument),
                    None => self.class_behind(function.file, &ty),
                }
            })?
        };
        let declared = match (self.evaluate(callee.file, subject.value), subject.argument) {
            (ty, Some(argument)) => self.type_argument(&ty, argument),
            (Ty::Instance(class, _), None) => Some(class),
            _ => None,
        };
        (declared != Some(found)).then_some(found)
    }

    /// The class of an object. In Rust, of what a pointer gives access to, and of what a reader or writer that keeps some by reads and writes.
    fn class_behind(&self, file: FileId, ty: &Ty) -> Option<Class> {
        match ty {
            Ty::Instance(class @ Class::Own(_), _) => Some(*class),
            Ty::Instance(class @ Class::Library(path), args) if self.language(file) == Language::Rust => {
                if AROUND.contains(&&**path) {
                    return self.class_behind(file, args.first()?);
                }
                self.knowledge.type_facts(Language::Rust, path).map(|_| *class)
            }
            _ => None,
        }
    }

    /// The class that is the type argument of that number of an object's type, behind whatever pointers give access to it.
    fn type_argument(&self, ty: &Ty, argument: u32) -> Option<Class> {
        match ty {
            Ty::Instance(Class::Own(class), args) => self.class_behind(class.file, args.get(argument as usize)?),
            Ty::Instance(Class::Library(path), args) if POINTERS.contains(&&**path) => {
                self.type_argument(args.first()?, argument)
            }
            _ => None,
        }
    }

    /// What may be of one class or another where a function asks this value for something.
    pub(super) fn subject_of(&self, function: FnRef, value: ValueId) -> Subject {
        let model = self.model(function.file);
        let subject = || {
            let Value::Field(object, name) = *model.value(value) else { return None };
            let argument = self.parameter_of_field(function, object, model.name(name))?;
            Some(Subject { value: object, argument: Some(argument) })
        };
        let is_rust = model.language == Language::Rust;
        subject().or_else(|| self.held_by(function, value).filter(|_| is_rust)).unwrap_or(Subject::from(value))
    }

    /// Rust: the type argument that something is of which a field gives access to: `self.store.lock().unwrap()`.
    fn held_by(&self, function: FnRef, value: ValueId) -> Option<Subject> {
        let model = self.model(function.file);
        let (mut at, mut last) = (value, None);
        loop {
            at = match model.value(at) {
                Value::Field(object, name) => {
                    last = Some((*object, *name));
                    *object
                }
                Value::Attr(inner, _)
                | Value::Inner(inner)
                | Value::Deref(inner)
                | Value::Awaited(inner)
                | Value::Element(inner)
                | Value::Index(inner) => *inner,
                Value::Result(call) => model.call(*call).callee,
                _ => break,
            };
        }
        let (object, field) = last.filter(|it| it.0 == at && at != value)?;
        let (class, args) = self.class_of_given(function, object)?;
        let there = self.model(class.file);
        let name = model.name(field);
        let argument = there.class(class.class).holding.iter().find(|it| there.name(it.0) == name)?.1;
        // As much is known of both: the trait that is asked of the parameter.
        let declared = args.get(argument as usize).filter(|it| matches!(it, Ty::Dyn(_)))?;
        (self.behind_wrappers(self.evaluate(function.file, value)) == *declared)
            .then_some(Subject { value: object, argument: Some(argument) })
    }

    /// Of an object that is the function's own or was given to it: its class, behind pointers, and the type arguments.
    fn class_of_given(&self, function: FnRef, object: ValueId) -> Option<(ClassRef, Arc<[Ty]>)> {
        let is_given = self.declared(function).params.iter().any(|it| it.value == object);
        if !is_given && !self.is_captured(function, object) {
            return None;
        }
        match self.behind_pointers(self.evaluate(function.file, object)) {
            Ty::Instance(Class::Own(class), args) => Some((class, args)),
            _ => None,
        }
    }

    /// What guards, pointers and the like give access to.
    fn behind_wrappers(&self, mut ty: Ty) -> Ty {
        while let Ty::Instance(Class::Library(path), args) = &ty
            && self.knowledge.type_facts(Language::Rust, path).is_some_and(|facts| facts.wrapper)
        {
            ty = args.first().cloned().unwrap_or(Ty::Unknown);
        }
        ty
    }

    /// Rust: which type argument the type of a field is, where the object is the function's own or was given to it, and the function does not
    /// know it by itself.
    fn parameter_of_field(&self, function: FnRef, object: ValueId, name: &str) -> Option<u32> {
        let (class, args) = self.class_of_given(function, object)?;
        let there = self.model(class.file);
        let parametric = || &there.class(class.class).parametric;
        // `T::load()`, in a method of `Service<T>`
        let argument = match name.strip_prefix(TYPE_GIVEN) {
            Some(position) => position.parse().ok()?,
            None => parametric().iter().find(|(field, _)| there.name(*field) == name)?.1,
        };
        let is_open = args.get(argument as usize).is_none_or(|it| matches!(it, Ty::Unknown | Ty::Dyn(_)));
        is_open.then_some(argument)
    }

    pub(super) fn behind_pointers(&self, mut ty: Ty) -> Ty {
        while let Ty::Instance(Class::Library(path), args) = &ty
            && POINTERS.contains(&&**path)
        {
            ty = args.first().cloned().unwrap_or(Ty::Unknown);
        }
        ty
    }

    /// Rust: the type of the object has type arguments.
    fn has_parameters(&self, function: FnRef, object: ValueId) -> bool {
        match self.behind_pointers(self.evaluate(function.file, object)) {
            Ty::Instance(Class::Own(class), _) => {
                let declared = self.model(class.file).class(class.class);
                !declared.parametric.is_empty() || !declared.holding.is_empty()
            }
            _ => false,
        }
    }
}
