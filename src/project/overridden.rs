//! Which class the object is of that a method is asked of: a class of its own may have another method where the chain goes on.

use crate::finding::FileId;
use crate::knowledge::{Api, Effect};
use crate::model::{NameId, ParamKind, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::effects::{Runs, Site, Wanted};
use super::members::Ancestor;
use super::subjects::{Bound, Subject};
use super::types::{Class, ClassRef, FnRef, Ty, none};
use super::unwritten::unconditional;

/// What is known of the objects that a function has to do with, from how it came to run.
#[derive(Clone, Default)]
pub(super) struct Asked {
    /// The class of the object that a method runs on; `None` where it is not known.
    own: Option<ClassRef>,
    others: Vec<Bound>,
}

impl Asked {
    pub(super) fn class(&self) -> Option<ClassRef> {
        self.own
    }

    pub(super) fn of(own: Option<ClassRef>, others: Vec<Bound>) -> Self {
        Self { own, others }
    }

    pub(super) fn class_of(&self, subject: Subject) -> Option<Class> {
        self.others.iter().find(|it| it.subject == subject).map(|it| it.class)
    }
}

impl Project {
    /// A method of a class, while nothing is known of a class below.
    pub(super) fn asked_as_method(&self, function: FnRef) -> Asked {
        let class = self.declared(function).class.map(|class| ClassRef { file: function.file, class });
        Asked { own: class, others: Vec::new() }
    }

    /// A function of which this is known.
    pub(super) fn asked_as(&self, function: FnRef, bound: Bound) -> Asked {
        if let Class::Own(class) = bound.class
            && bound.subject.argument.is_none()
            && self.is_own_object(function, bound.subject.value)
        {
            return Asked { own: Some(class), others: Vec::new() };
        }
        Asked::of(self.asked_as_method(function).own, vec![bound])
    }

    /// The class of the object that the callee of a place in `function` is asked of. `asked` is what the function itself is asked of.
    pub(super) fn class_asked_at(&self, function: FnRef, asked: &Asked, site: &Site) -> Option<ClassRef> {
        let Some((receiver, _)) = self.question(function, site) else {
            let callee = self.model(function.file).call(site.call?).callee;
            return match self.evaluate(function.file, callee) {
                Ty::Class(_) if asked.own.is_some() && self.is_own_class(function, callee) => asked.own,
                Ty::Class(class) => Some(class),
                _ => None,
            };
        };
        if asked.own.is_some() && self.is_of_own_class(function, receiver) {
            return asked.own;
        }
        let known = match asked.class_of(self.subject_of(function, receiver)) {
            Some(Class::Own(class)) => Some(class),
            Some(Class::Library(_)) => return None,
            None => None,
        };
        known.or_else(|| match self.object_asked(function, site, receiver) {
            Ty::Super(_) => asked.own,
            Ty::Instance(Class::Own(class), _) => Some(class),
            // `Class.method(object)` says nothing of the object.
            Ty::Class(class)
                if site
                    .call
                    .and_then(|it| self.own_of(function.file, it))
                    .is_some_and(|it| self.is_class_method(it)) =>
            {
                Some(class)
            }
            _ => None,
        })
    }

    /// The function's own object, or another of the same class: `cls()`, `type(self)()`.
    pub(super) fn is_of_own_class(&self, function: FnRef, value: ValueId) -> bool {
        let model = self.model(function.file);
        self.is_own_object(function, value)
            || model.language == Language::Python
                && matches!(model.value(value), Value::Result(call) if self.is_own_class(function, model.call(*call).callee))
    }

    /// Python: the class of the function's own object, whichever that is: `cls`, `type(self)`, `self.__class__`.
    pub(super) fn is_own_class(&self, function: FnRef, value: ValueId) -> bool {
        let model = self.model(function.file);
        match model.value(value) {
            Value::Class(_) => self.is_own_object(function, value),
            Value::Attr(object, name) => model.name(*name) == "__class__" && self.is_own_object(function, *object),
            Value::Result(call) => {
                let call = model.call(*call);
                matches!(call.args.as_slice(), [only] if self.is_own_object(function, only.value))
                    && matches!(self.evaluate(function.file, call.callee), Ty::External(path) if &*path == "builtins.type")
            }
            _ => false,
        }
    }

    /// Python: the class in which `super()` stands.
    pub(super) fn above(&self, file: FileId, value: ValueId) -> Option<ClassRef> {
        let model = self.model(file);
        let Value::Result(call) = model.value(value) else { return None };
        match model.value(model.call(*call).callee) {
            Value::Super(class) => Some(ClassRef { file, class: *class }),
            _ => None,
        }
    }

    /// The attribute of the function's own object that a place begins with: `session` of `self.session.get(url)`.
    pub(super) fn own_attribute(&self, function: FnRef, site: &Site) -> Option<&str> {
        let model = self.model(function.file);
        let mut at = match (self.question(function, site), site.call) {
            (Some((receiver, name)), _) if self.is_own_object(function, receiver) => return Some(name),
            (Some((receiver, _)), _) => receiver,
            (None, call) => model.call(call?).callee,
        };
        for _ in 0..16 {
            at = match model.value(at) {
                Value::Attr(inner, name) if self.is_own_object(function, *inner) => return Some(model.name(*name)),
                Value::Attr(inner, _)
                | Value::Awaited(inner)
                | Value::Entered(inner, _)
                | Value::Element(inner)
                | Value::Index(inner)
                | Value::Item(inner, _) => *inner,
                Value::Result(call) => model.call(*call).callee,
                _ => return None,
            };
        }
        None
    }

    /// The class has an attribute of its own in place of the one that a place in `function` begins with: another object answers there.
    pub(super) fn has_another(&self, function: FnRef, class: ClassRef, site: &Site) -> bool {
        if self.language(function.file) != Language::Python {
            return false;
        }
        let Some(own) = self.asked_as_method(function).own.filter(|own| *own != class) else { return false };
        let Some(name) = self.own_attribute(function, site) else { return false };
        self.has_another_attribute(class, own, name)
            || self
                .made_by_attributes(own, name)
                .iter()
                .any(|it| self.has_another_attribute(class, own, self.model(own.file).name(*it)))
    }

    fn has_another_attribute(&self, class: ClassRef, own: ClassRef, name: &str) -> bool {
        if self.find_method(class, name).is_some_and(|it| self.is_hidden(class, it, name)) {
            return true;
        }
        let of = |class: ClassRef| self.member(Language::Python, &Ty::Instance(Class::Own(class), none()), name);
        match (of(class), of(own)) {
            (Ty::Bound(_, one), Ty::Bound(_, other)) => one != other,
            (one, other) => one != other,
        }
    }

    /// Of an attribute that methods of the class set by calling others of its own object, which those are: `self.client =
    /// self.client_class()`.
    fn made_by_attributes(&self, class: ClassRef, name: &str) -> Vec<NameId> {
        let model = self.model(class.file);
        let Some(id) = model.names.find(name) else { return Vec::new() };
        let set = model.class(class.class).fields.iter().filter(|it| it.0 == id);
        let made = set.filter_map(|it| {
            let Value::Result(call) = model.value(it.1) else { return None };
            let call = model.call(*call);
            match model.value(call.callee) {
                Value::Attr(object, attribute) => {
                    let maker = FnRef { file: class.file, function: call.function };
                    self.is_own_object(maker, *object).then_some(*attribute)
                }
                _ => None,
            }
        });
        made.collect()
    }

    /// What the class of the object has instead, where a place in `function` asks an object for `next` whose class is known.
    pub(super) fn asks_another(
        &self,
        function: FnRef,
        asked: &Asked,
        site: &Site,
        next: Option<FnRef>,
    ) -> Option<FnRef> {
        let Some((receiver, name)) = self.question(function, site) else {
            // `cls()`
            let callee = self.model(function.file).call(site.call?).callee;
            let (class, next) = (asked.own?, next?);
            let name = self.model(next.file).name(self.declared(next).name);
            let is_own = self.language(function.file) == Language::Python && self.is_own_class(function, callee);
            return self.find_method(class, name).filter(|own| is_own && *own != next);
        };
        let own = asked.own.filter(|_| self.is_of_own_class(function, receiver));
        let above = asked.own.and_then(|own| Some((own, self.above(function.file, receiver)?)));
        let class = own.or(above.map(|it| it.0)).map(Class::Own);
        let class = class.or_else(|| asked.class_of(self.subject_of(function, receiver)))?;
        // A decorator's wrapper, or what the method is given, may be run there as well.
        let is_method = |next: FnRef| self.model(next.file).name(self.declared(next).name) == name;
        if !next.is_none_or(is_method) {
            return None;
        }
        let own = match (self.language(function.file), class) {
            (Language::Python, Class::Own(class)) => match above {
                Some((own, class)) => self.find_above(own, class, name),
                None => self.find_method(class, name).filter(|own| !self.is_hidden(class, *own, name)),
            },
            (Language::Python, Class::Library(_)) => None,
            (Language::Rust, class) => self.method_of_object(function, receiver, &Ty::Instance(class, none()), name),
        };
        own.filter(|own| Some(*own) != next)
    }

    /// Rust: what a library's type, whose class the function is told, does when a place asks it for something.
    pub(super) fn asks_library(&self, function: FnRef, bound: Bound, site: &Site) -> Option<(&'static Api, Effect)> {
        let Class::Library(_) = bound.class else { return None };
        let (receiver, name) = self.question(function, site)?;
        if self.subject_of(function, receiver) != bound.subject {
            return None;
        }
        let object = Ty::Instance(bound.class, none());
        let Ty::Method(path, _) = self.member(Language::Rust, &object, name) else { return None };
        let api = self.knowledge.api(Language::Rust, &path).filter(|api| !api.is_async)?;
        Some((api, unconditional(api)?))
    }

    /// What is run instead where a place in `function` that goes through an object runs `next`, as the class of the object is known
    /// and has other elements.
    pub(super) fn goes_through_another(
        &self,
        function: FnRef,
        asked: &Asked,
        site: &Site,
        next: Option<FnRef>,
    ) -> Option<Vec<FnRef>> {
        let (receiver, iter) = self.question(function, site)?;
        let own = asked.own.filter(|_| self.is_of_own_class(function, receiver));
        let class = own.or_else(|| match asked.class_of(Subject::from(receiver))? {
            Class::Own(class) => Some(class),
            Class::Library(_) => None,
        })?;
        let run = self.gone_through(class).0;
        let known = match self.evaluate(function.file, receiver) {
            Ty::Instance(Class::Own(class), _) => self.gone_through(class).0,
            _ => Vec::new(),
        };
        // All that is run stands in for the first.
        let is_first = |next: FnRef| self.model(next.file).name(self.declared(next).name) == iter;
        (run != known).then(|| if next.is_none_or(is_first) { run } else { Vec::new() })
    }

    /// An object of the class may be what the function, a method of a class, is asked of.
    pub(super) fn may_be_asked_of(&self, class: ClassRef, function: FnRef) -> bool {
        self.language(function.file) == Language::Rust
            || self
                .asked_as_method(function)
                .own
                .is_none_or(|own| own == class || self.ancestry(class).contains(&Ancestor::Own(own)))
    }

    /// Which object a place in `function` asks for what.
    pub(super) fn question(&self, function: FnRef, site: &Site) -> Option<(ValueId, &str)> {
        let model = self.model(function.file);
        if let Some((object, wanted)) = site.asks {
            let name = match wanted {
                Wanted::Named(name) => model.name(name),
                Wanted::Special(name) => name,
                Wanted::Elements => "__iter__",
            };
            return Some((object, name));
        }
        match model.value(model.call(site.call?).callee) {
            Value::Attr(object, name) => Some((*object, model.name(*name))),
            _ => None,
        }
    }

    /// The object that a place in `function` asks, behind whatever pointers and guards give access to it.
    pub(super) fn object_asked(&self, function: FnRef, site: &Site, receiver: ValueId) -> Ty {
        if let Some(call) = site.call.filter(|_| self.language(function.file) == Language::Rust)
            && let Ty::Bound(object, _) = self.evaluate(function.file, self.model(function.file).call(call).callee)
        {
            return (*object).clone();
        }
        self.evaluate(function.file, receiver)
    }

    /// What is pushed where a place in `function` asks an object for a method that only those know who know its class: an abstract
    /// one, or one of a type that is a parameter.
    pub(super) fn asks_for_abstract(&self, function: FnRef, site: &Site) -> Option<Runs> {
        let (receiver, name) = self.question(function, site)?;
        if let Some(class) = self.above(function.file, receiver) {
            let is_missing =
                site.call.is_some() && !name.starts_with("__") && self.find_above(class, class, name).is_none();
            return is_missing.then_some(Runs::Asked(None));
        }
        let is_own = self.is_own_object(function, receiver);
        let class = if is_own {
            match self.asked_as_method(function).own {
                Some(class) => class,
                None if matches!(self.evaluate(function.file, receiver), Ty::Dyn(_)) => return Some(Runs::Asked(None)),
                None => return None,
            }
        } else if self.subject_of(function, receiver).argument.is_some() {
            return site.call.map(|_| Runs::Asked(None));
        } else {
            let params = &self.declared(function).params;
            if !params.iter().any(|it| it.value == receiver) && !self.is_captured(function, receiver) {
                return None;
            }
            match self.evaluate(function.file, receiver) {
                Ty::Instance(Class::Own(class), _) => class,
                Ty::Unknown | Ty::Dyn(_) => return site.call.map(|_| Runs::Asked(None)),
                _ => return None,
            }
        };
        let Some(method) = self.find_method(class, name) else {
            return (is_own && self.leaves_to_others(class, site, name)).then_some(Runs::Asked(None));
        };
        let runs = || self.runs_methods(function, site) || self.is_property(method);
        (self.is_abstract(method) && runs()).then_some(Runs::Asked(Some(method)))
    }

    /// A mixin asks its object for a method that it has not: another of the classes of the object has it.
    fn leaves_to_others(&self, class: ClassRef, site: &Site, name: &str) -> bool {
        let model = self.model(class.file);
        let is_field = |id| model.class(class.class).fields.iter().any(|it| it.0 == id);
        model.language == Language::Python
            && self.surely_lacks(class, name)
            && (site.call.is_some() || matches!(site.asks, Some((_, Wanted::Elements))))
            && !model.names.find(name).is_some_and(is_field)
    }

    /// A call or an operator. An attribute that is read runs nothing but a property.
    pub(super) fn runs_methods(&self, function: FnRef, site: &Site) -> bool {
        site.call.is_some() || self.question(function, site).is_some_and(|(_, name)| name.starts_with("__"))
    }

    /// `self`
    pub(super) fn is_own_object(&self, function: FnRef, value: ValueId) -> bool {
        let params = &self.declared(function).params;
        params.first().is_some_and(|it| it.kind == ParamKind::Receiver && it.value == value)
    }
}
