//! Which class the object is of that a method is asked of: a class of its own may have another method where the chain goes on.

use crate::model::{ParamKind, Value, ValueId};
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
        match (self.question(function, site), site.call) {
            (Some((receiver, _)), _) if self.is_own_object(function, receiver) && asked.0.is_some() => asked,
            (Some((receiver, _)), call) => match self.evaluate(function.file, receiver) {
                Ty::Super(_) => asked,
                Ty::Instance(Class::Own(class), _) => Asked(Some(class)),
                // `Class.method(object)` says nothing of the object.
                Ty::Class(class)
                    if call
                        .and_then(|it| self.own_of(function.file, it))
                        .is_some_and(|it| self.is_class_method(it)) =>
                {
                    Asked(Some(class))
                }
                _ => Asked::default(),
            },
            (None, Some(call)) => match self.evaluate(function.file, self.model(function.file).call(call).callee) {
                Ty::Class(class) => Asked(Some(class)),
                _ => Asked::default(),
            },
            (None, None) => Asked::default(),
        }
    }

    /// What the class of the object has instead, where a place in `function` asks the function's own object for `next`.
    pub(super) fn asks_another(&self, function: FnRef, asked: Asked, site: &Site, next: FnRef) -> Option<FnRef> {
        let class = asked.0?;
        let (receiver, name) = self.question(function, site)?;
        // A decorator's wrapper, or what the method is given, may be run there as well.
        let is_method = self.model(next.file).name(self.declared(next).name) == name;
        if !is_method || !self.is_own_object(function, receiver) {
            return None;
        }
        let own = match self.language(function.file) {
            Language::Python => self.find_method(class, name),
            Language::Rust => match self.member(Language::Rust, &Ty::Instance(Class::Own(class), none()), name) {
                Ty::Bound(_, method) => Some(method),
                _ => None,
            },
        };
        own.filter(|own| *own != next)
    }

    /// Which object a place in `function` asks for what.
    fn question(&self, function: FnRef, site: &Site) -> Option<(ValueId, &str)> {
        let model = self.model(function.file);
        let (receiver, name) = match site.call {
            Some(call) => match model.value(model.call(call).callee) {
                Value::Attr(receiver, name) => (*receiver, *name),
                _ => return None,
            },
            None => site.asks?,
        };
        Some((receiver, model.name(name)))
    }

    /// The place asks the function's own object for something.
    pub(super) fn asks_own_object(&self, function: FnRef, site: &Site) -> bool {
        self.question(function, site).is_some_and(|(receiver, _)| self.is_own_object(function, receiver))
    }

    /// The abstract method that a place in `function` asks the function's own object for.
    pub(super) fn asks_for_abstract(&self, function: FnRef, site: &Site) -> Option<FnRef> {
        let class = self.asked_as_method(function).0?;
        let (receiver, name) = self.question(function, site)?;
        let method = self.is_own_object(function, receiver).then(|| self.find_method(class, name))??;
        let runs = || self.runs_methods(function, site) || self.is_property(method);
        (self.is_abstract(method) && runs()).then_some(method)
    }

    /// A call or an operator. An attribute that is read runs nothing but a property.
    pub(super) fn runs_methods(&self, function: FnRef, site: &Site) -> bool {
        site.call.is_some() || self.question(function, site).is_some_and(|(_, name)| name.starts_with("__"))
    }

    /// `self`
    fn is_own_object(&self, function: FnRef, value: ValueId) -> bool {
        let params = &self.declared(function).params;
        params.first().is_some_and(|it| it.kind == ParamKind::Receiver && it.value == value)
    }
}
