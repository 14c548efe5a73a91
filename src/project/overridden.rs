//! Which class the object is of that a method is asked of: a class of its own may have another method where the chain goes on.

use crate::model::{CallId, ParamKind, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::effects::Site;
use super::types::{Class, ClassRef, FnRef, Ty, none};

/// The class of the object that a method runs on; `None` where it is not known.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked(Option<ClassRef>);

impl Asked {
    pub(super) fn of(class: ClassRef) -> Self {
        Self(Some(class))
    }

    pub(super) fn class(self) -> Option<ClassRef> {
        self.0
    }
}

impl Project {
    /// A method of a class, while nothing is known of a class below.
    pub(super) fn asked_as_method(&self, function: FnRef) -> Asked {
        Asked(self.declared(function).class.map(|class| ClassRef { file: function.file, class }))
    }

    /// What the callee of a place in `function` is asked of. `asked` is what the function itself is asked of.
    pub(super) fn asked_at(&self, function: FnRef, asked: Asked, site: &Site) -> Asked {
        let Some(call) = site.call else { return Asked::default() };
        match self.receiver(function, call) {
            Some(receiver) if self.is_own_object(function, receiver) && asked.0.is_some() => asked,
            Some(receiver) => match self.evaluate(function.file, receiver) {
                Ty::Super(_) => asked,
                Ty::Instance(Class::Own(class), _) => Asked(Some(class)),
                // `Class.method(object)` says nothing of the object.
                Ty::Class(class) if self.own_of(function.file, call).is_some_and(|it| self.is_class_method(it)) => {
                    Asked(Some(class))
                }
                _ => Asked::default(),
            },
            None => match self.evaluate(function.file, self.model(function.file).call(call).callee) {
                Ty::Class(class) => Asked(Some(class)),
                _ => Asked::default(),
            },
        }
    }

    /// What the class of the object has instead, where a place in `function` asks the function's own object for the method `next`.
    pub(super) fn asks_another(&self, function: FnRef, asked: Asked, site: &Site, next: FnRef) -> Option<FnRef> {
        let (class, call) = (asked.0?, site.call?);
        let model = self.model(function.file);
        let Value::Attr(receiver, name) = model.value(model.call(call).callee) else { return None };
        let name = model.name(*name);
        // A decorator's wrapper, or what the method is given, may be run there as well.
        let is_method = self.declared_in(next.file).name(self.declared(next).name) == name;
        if !is_method || !self.is_own_object(function, *receiver) {
            return None;
        }
        let own = match model.language {
            Language::Python => self.find_method(class, name),
            Language::Rust => match self.member(Language::Rust, &Ty::Instance(Class::Own(class), none()), name) {
                Ty::Bound(_, method) => Some(method),
                _ => None,
            },
        };
        own.filter(|own| *own != next)
    }

    fn receiver(&self, function: FnRef, call: CallId) -> Option<ValueId> {
        match self.model(function.file).value(self.model(function.file).call(call).callee) {
            Value::Attr(receiver, _) => Some(*receiver),
            _ => None,
        }
    }

    /// The place is a call of a method of the function's own object.
    pub(super) fn asks_own_object(&self, function: FnRef, site: &Site) -> bool {
        let receiver = site.call.and_then(|call| self.receiver(function, call));
        receiver.is_some_and(|it| self.is_own_object(function, it))
    }

    /// The abstract method that a call in `function` asks the function's own object for.
    pub(super) fn asks_for_abstract(&self, function: FnRef, call: CallId) -> Option<FnRef> {
        let class = self.asked_as_method(function).0?;
        let model = self.model(function.file);
        let Value::Attr(receiver, name) = model.value(model.call(call).callee) else { return None };
        let method = self.is_own_object(function, *receiver).then(|| self.find_method(class, model.name(*name)))??;
        self.is_abstract(method).then_some(method)
    }

    /// `self`
    fn is_own_object(&self, function: FnRef, value: ValueId) -> bool {
        let params = &self.declared(function).params;
        params.first().is_some_and(|it| it.kind == ParamKind::Receiver && it.value == value)
    }
}
