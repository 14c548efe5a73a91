//! What `x.name` and `x::name` are; those of modules are in `modules`.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::knowledge::HandlerRole;
use crate::model::{ClassKind, FunctionKind, NameId, ParamKind, Role, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::instances::is_plain_base;
use super::library::class_of;
use super::path::LibraryPath;
use super::types::{Class, ClassRef, FnRef, Foreign, Ty, none, some};

/// One of what a class derives from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Ancestor {
    Own(ClassRef),
    Library(Language, LibraryPath),
    /// Python: a class of Rust.
    Foreign(ClassRef),
    Unknown,
}

impl Project {
    /// The member of that name.
    pub fn member(&self, language: Language, receiver: &Ty, name: &str) -> Ty {
        let _outlines = self.of_outlines();
        match receiver {
            Ty::Module(file, module) => self.module_member(*file, *module, name).unwrap_or(Ty::Unknown),
            Ty::External(path) => self.external_member(language, path, name),
            Ty::Class(class) if self.model(class.file).class(class.class).kind == ClassKind::Alias => {
                match self.instance_of(language, receiver, Vec::new()) {
                    Ty::Instance(Class::Own(class), _) => self.member(language, &Ty::Class(class), name),
                    Ty::Instance(Class::Library(path), _) => self.external_member(language, &path, name),
                    Ty::Collection(_) => self.external_member(language, "std::vec::Vec", name),
                    _ => Ty::Unknown,
                }
            }
            Ty::Class(class) | Ty::Instance(Class::Own(class), _) => {
                match self.class_member(*class, name, Some(receiver)) {
                    // A variant makes an instance of its `enum`, as a class does.
                    Ty::Unknown if matches!(receiver, Ty::Class(_)) && self.has_variant(*class, name) => {
                        receiver.clone()
                    }
                    Ty::Unknown if matches!(receiver, Ty::Class(_)) && self.has_unit_variant(*class, name) => {
                        Ty::Instance(Class::Own(*class), none())
                    }
                    // Derived.
                    Ty::Unknown if language == Language::Rust && name == "default" => {
                        let this = Ty::Instance(Class::Own(*class), none());
                        Ty::Method("std::default::Default::default".into(), Arc::new(this))
                    }
                    Ty::Unknown if language == Language::Rust => match self.trait_member(*class, receiver, name) {
                        Ty::Unknown => match self.of_any(receiver, name) {
                            Ty::Unknown => match receiver {
                                Ty::Instance(_, args) => match self.through_deref(*class, args, name) {
                                    Ty::Unknown => self.member_by_bound(*class, receiver, name),
                                    found => found,
                                },
                                _ => Ty::Unknown,
                            },
                            found => found,
                        },
                        found => found,
                    },
                    Ty::Unknown if name == "__class__" => class_of(receiver),
                    found => found,
                }
            }
            // `pair.0`
            Ty::Tuple(items) => match name.parse::<usize>() {
                Ok(index) => items.get(index).cloned().unwrap_or(Ty::Unknown),
                Err(_) if language == Language::Rust => {
                    self.library_member(language, "std::primitive::tuple", &[], receiver, name)
                }
                Err(_) => Ty::Unknown,
            },
            Ty::Str(_) if language == Language::Rust => {
                self.library_member(language, "std::primitive::str", &[], receiver, name)
            }
            Ty::Instance(Class::Library(path), args) => {
                match self.library_member(language, path, args, receiver, name) {
                    Ty::Unknown if language == Language::Rust => self.of_any(receiver, name),
                    found => found,
                }
            }
            Ty::Super(class) => self.inherited(*class, name),
            Ty::Dyn(class) => match self.declared_by_trait(*class, name) {
                Some(method) => Ty::Bound(Arc::new(receiver.clone()), method),
                None => self.member_of_all(*class, receiver, name),
            },
            Ty::Foreign(it) => self.foreign_member(*it, name),
            // A display of a dictionary: only its values are kept.
            Ty::Collection(element) if language == Language::Python && is_of_dictionaries(name) => {
                let args = [Ty::Unknown, (**element).clone()];
                let this = Ty::Instance(Class::Library("builtins.dict".into()), some(args.to_vec()));
                self.library_member(language, "builtins.dict", &args, &this, name)
            }
            Ty::Collection(_) => {
                let path = match language {
                    Language::Python => "builtins.list",
                    Language::Rust => "std::vec::Vec",
                };
                self.library_member(language, path, &[], receiver, name)
            }
            Ty::Function(block) if language == Language::Rust && self.is_async_block(*block) => {
                self.library_member(language, "std::future::Future", &[], receiver, name)
            }
            Ty::Coroutine(..) if language == Language::Rust => {
                self.library_member(language, "std::future::Future", &[], receiver, name)
            }
            // A function of that name has nothing in it: what is meant is the module.
            Ty::Union(parts) if language == Language::Rust => {
                let parts = parts.iter().filter(|it| !matches!(it, Ty::Function(_)));
                Ty::union(parts.map(|it| self.member(language, it, name)))
            }
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.member(language, it, name))),
            Ty::Function(function) | Ty::Bound(_, function)
                if language == Language::Python && !self.declared(*function).decorators.is_empty() =>
            {
                self.made_of(*function).map_or(Ty::Unknown, |made| self.member(language, &made, name))
            }
            _ => Ty::Unknown,
        }
    }

    /// Rust: the method of that name that the trait, or one that it builds on, declares: what it gives holds for every type.
    pub(super) fn declared_by_trait(&self, class: ClassRef, name: &str) -> Option<FnRef> {
        let declares = |it: &Ancestor| {
            let Ancestor::Own(class) = it else { return None };
            let model = self.model(class.file);
            let id = model.names.find(name)?;
            let method = model.class(class.class).methods.iter().find(|it| it.0 == id)?;
            Some(FnRef { file: class.file, function: method.1 })
        };
        self.ancestry(class).iter().find_map(declares)
    }

    fn is_async_block(&self, function: FnRef) -> bool {
        self.declared(function).kind == FunctionKind::AsyncBlock
    }

    pub(super) fn external_member(&self, language: Language, path: &str, name: &str) -> Ty {
        let full = match language {
            Language::Python => format!("{path}.{name}"),
            Language::Rust => format!("{path}::{name}"),
        };
        // Under the name its table uses, where it is known under several.
        if let Some(api) = self.knowledge.api(language, &full) {
            return Ty::External(api.path.into());
        }
        if let Some(facts) = self.knowledge.type_facts(language, &full) {
            return Ty::External(facts.path.into());
        }
        if let Some(facts) = self.knowledge.type_facts(language, path) {
            // `Class.method`, `Type::function`, under the type's own name or a base's.
            if facts.path != path {
                return self.external_member(language, facts.path, name);
            }
            for base in facts.bases {
                if let Ty::External(found) = self.external_member(language, base, name)
                    && self.knowledge.api(language, &found).is_some()
                {
                    return Ty::External(found);
                }
            }
            // What all instances have, the class has: `User.objects`.
            if language == Language::Python {
                let receiver = self.library_instance(language, path, Vec::new());
                match self.library_member_within(language, path, &receiver, name, 0) {
                    Some(Ty::Method(..)) | None => {}
                    Some(field) => return field,
                }
            }
        }
        // `import acme.core` of a package without `__init__`: nothing stands for `acme` itself.
        if language == Language::Python
            && self.asking_installed().is_none()
            && let Some(file) = self.layout.module_named(&full)
            && self.knowledge.library(language, full.split('.').next().unwrap_or(&full)).is_none()
        {
            return Ty::Module(file, crate::model::FILE_MODULE);
        }
        self.library_name(language, full)
    }

    /// A member of a class, of an instance of it (`receiver`), or of its bases.
    pub(super) fn class_member(&self, class: ClassRef, name: &str, receiver: Option<&Ty>) -> Ty {
        // Its own come first, and mostly there is nothing else to look at.
        if let Some(found) = self.own_member(class, name, receiver) {
            return found;
        }
        if self.model(class.file).class(class.class).bases.is_empty() {
            return Ty::Unknown;
        }
        self.member_along(&self.ancestry(class)[1..], name, receiver)
    }

    fn inherited(&self, class: ClassRef, name: &str) -> Ty {
        let this = Ty::Instance(Class::Own(class), none());
        self.member_along(&self.ancestry(class)[1..], name, Some(&this))
    }

    fn member_along(&self, ancestry: &[Ancestor], name: &str, receiver: Option<&Ty>) -> Ty {
        for ancestor in ancestry {
            match ancestor {
                Ancestor::Own(class) => {
                    if let Some(found) = self.own_member(*class, name, receiver) {
                        return found;
                    }
                }
                Ancestor::Library(language, path) => {
                    let this = Ty::library(*path);
                    let found = self.library_member(*language, path, &[], receiver.unwrap_or(&this), name);
                    if !found.is_unknown() {
                        return found;
                    }
                    // Unless the base is known to have nothing of that name, anything may be found there.
                    if !is_plain_base(path) && self.knowledge.type_facts(*language, path).is_none() {
                        return Ty::Unknown;
                    }
                }
                Ancestor::Foreign(class) => {
                    let found = self.foreign_member(Foreign::Instance(*class), name);
                    if !found.is_unknown() {
                        return found;
                    }
                }
                Ancestor::Unknown => return Ty::Unknown,
            }
        }
        Ty::Unknown
    }

    /// The class and all it derives from, in the order in which members are looked up: a base that several derive from
    /// comes after the last of them.
    pub(super) fn ancestry_afresh(&self, class: ClassRef) -> Vec<Ancestor> {
        let _outlines = self.of_outlines();
        let mut order = Vec::new();
        self.ancestors(class, &mut order, 0);
        let mut seen = FxHashSet::default();
        let mut last: Vec<Ancestor> = Vec::with_capacity(order.len());
        for ancestor in order.into_iter().rev() {
            if matches!(ancestor, Ancestor::Unknown) || seen.insert(ancestor.clone()) {
                last.push(ancestor);
            }
        }
        last.reverse();
        last
    }

    fn ancestors(&self, class: ClassRef, order: &mut Vec<Ancestor>, depth: u32) {
        order.push(Ancestor::Own(class));
        let model = self.model(class.file);
        for base in &model.class(class.class).bases {
            match self.evaluate(class.file, *base) {
                Ty::Class(base) if base != class && depth < 12 => self.ancestors(base, order, depth + 1),
                Ty::External(path) => order.push(Ancestor::Library(model.language, path)),
                Ty::Foreign(Foreign::Class(base)) => order.push(Ancestor::Foreign(base)),
                _ => order.push(Ancestor::Unknown),
            }
        }
    }

    pub(super) fn own_member(&self, class: ClassRef, name: &str, receiver: Option<&Ty>) -> Option<Ty> {
        let model = self.model(class.file);
        let declared = model.class(class.class);
        let id = model.names.find(name);
        if let Some(id) = id {
            // The last definition wins; `@overload`s stand before it.
            if let Some((_, function)) = declared.methods.iter().rev().find(|(it, _)| *it == id) {
                let function = FnRef { file: class.file, function: *function };
                // Something else takes its place: `self.fetch = fetch`, `Class.fetch = fetch`.
                let is_replaced = declared.fields.iter().any(|(it, _)| *it == id) && !self.is_property(function);
                return Some(if is_replaced { Ty::Unknown } else { self.method(function, receiver) });
            }
        }
        if model.language == Language::Rust {
            let found = self.methods_in_blocks(class, name, receiver);
            if !found.is_empty() {
                return Some(Ty::union(found.into_iter().map(|function| self.method(function, receiver))));
            }
        }
        if let Some(id) = id {
            let those_of = |fields: &[(NameId, ValueId)]| -> Vec<Ty> {
                let named = fields.iter().filter(|(it, _)| *it == id);
                named.map(|(_, value)| self.evaluate(class.file, *value)).collect()
            };
            // Whatever is assigned to it, it is what it is declared to be. What is assigned is not even looked at then: it may
            // lead back here, and what lies on a circle is unknown.
            let found = match Ty::union(those_of(&declared.declared)) {
                Ty::Unknown | Ty::None => those_of(&declared.fields),
                found => vec![found],
            };
            if !found.is_empty() {
                let found = Ty::union(found);
                return Some(if self.stands_for_another(&found) { Ty::Unknown } else { found });
            }
        }
        None
    }

    /// Neither the class nor any base has a method of that name, be it by `name = other`: all of them are known.
    pub fn surely_lacks(&self, class: ClassRef, name: &str) -> bool {
        let _outlines = self.of_outlines();
        let is_set = |class: &ClassRef| {
            let model = self.model(class.file);
            let id = model.names.find(name);
            id.is_some_and(|id| model.class(class.class).fields.iter().any(|(it, _)| *it == id))
        };
        self.find_method(class, name).is_none()
            && self.ancestry(class).iter().all(|it| match it {
                Ancestor::Own(class) => !is_set(class),
                Ancestor::Foreign(class) => self.foreign_method(*class, name, Role::Call).is_none(),
                Ancestor::Library(_, path) => is_plain_base(path),
                Ancestor::Unknown => false,
            })
    }

    /// A method as it comes out of `receiver.name` or `Class.name`.
    pub(super) fn method(&self, function: FnRef, receiver: Option<&Ty>) -> Ty {
        let definition = self.declared(function);
        let Some(receiver) = receiver else { return Ty::Function(function) };
        if let Ty::Class(_) = receiver {
            let bound = self.is_class_method(function);
            return if bound { Ty::Bound(Arc::new(receiver.clone()), function) } else { Ty::Function(function) };
        }
        if self.is_property(function) {
            return self.returns(function, Some(receiver));
        }
        // Whatever a subclass does in its place, an async method gives a coroutine.
        if self.is_abstract(function) && !definition.kind.is_async() {
            return Ty::Unknown;
        }
        debug_assert!(definition.kind != FunctionKind::TopLevel);
        Ty::Bound(Arc::new(receiver.clone()), function)
    }

    /// `@classmethod`: its first parameter is the class it is called on.
    pub fn is_class_method(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        self.declared(function).params.first().is_some_and(|param| {
            param.kind == ParamKind::Receiver && matches!(self.model(function.file).value(param.value), Value::Class(_))
        })
    }

    /// The library classes that a class derives from, however far up.
    pub fn library_bases(&self, class: ClassRef) -> Vec<LibraryPath> {
        let _outlines = self.of_outlines();
        let mut found = Vec::new();
        let mut classes = vec![class];
        let mut at = 0;
        while let Some(class) = classes.get(at).copied() {
            at += 1;
            for base in &self.model(class.file).class(class.class).bases {
                match self.evaluate(class.file, *base) {
                    Ty::Class(base) if !classes.contains(&base) => classes.push(base),
                    Ty::External(path) => found.push(path),
                    _ => {}
                }
            }
        }
        found
    }

    /// A method of the class or of its bases, whatever reading it as an attribute would give.
    pub fn find_method(&self, class: ClassRef, name: &str) -> Option<FnRef> {
        let _outlines = self.of_outlines();
        if let Some(own) = self.own_method(class, name) {
            return Some(own);
        }
        if self.model(class.file).class(class.class).bases.is_empty() {
            return None;
        }
        self.method_along(&self.ancestry(class), name)
    }

    /// The method that `super()` in `class` gives to an object of the class `own`: that of the next of what this derives from.
    pub(super) fn find_above(&self, own: ClassRef, class: ClassRef, name: &str) -> Option<FnRef> {
        let ancestry = self.ancestry(own);
        let at = ancestry.iter().position(|it| *it == Ancestor::Own(class))?;
        self.method_along(&ancestry[at + 1..], name)
    }

    /// A class below the one with the method has an attribute in its place. Setting an attribute sets a property with a setter.
    pub(super) fn is_hidden(&self, class: ClassRef, method: FnRef, name: &str) -> bool {
        let Some(owner) = self.declared(method).class.map(|class| ClassRef { file: method.file, class }) else {
            return false;
        };
        if owner == class {
            return false;
        }
        let has_field = |it: &Ancestor| {
            let Ancestor::Own(class) = it else { return false };
            let model = self.model(class.file);
            let definition = model.class(class.class);
            // A type that is written down puts nothing there.
            let is_set = |id: NameId| {
                definition.fields.iter().any(|it| it.0 == id && !definition.declared.contains(it))
                    || definition.also_set.iter().any(|it| it.0 == id)
            };
            model.names.find(name).is_some_and(is_set)
        };
        self.ancestry(class).iter().take_while(|it| **it != Ancestor::Own(owner)).any(has_field)
            && !(self.is_property(method) && self.own_method(owner, &format!("{name}.setter")).is_some())
    }

    fn method_along(&self, ancestry: &[Ancestor], name: &str) -> Option<FnRef> {
        for ancestor in ancestry {
            match ancestor {
                Ancestor::Own(class) => {
                    if let Some(found) = self.own_method(*class, name) {
                        return Some(found);
                    }
                }
                Ancestor::Foreign(class) => {
                    if let Some(found) = self.foreign_method_or_new(*class, name) {
                        return Some(found);
                    }
                }
                Ancestor::Library(_, path) if is_plain_base(path) => {}
                Ancestor::Library(..) | Ancestor::Unknown => return None,
            }
        }
        None
    }

    pub(super) fn own_method(&self, class: ClassRef, name: &str) -> Option<FnRef> {
        let model = self.model(class.file);
        if let Some(id) = model.names.find(name)
            && let Some((_, function)) = model.class(class.class).methods.iter().rev().find(|(it, _)| *it == id)
        {
            return Some(FnRef { file: class.file, function: *function });
        }
        // Of several traits' methods it is not known which is meant.
        match self.methods_in_blocks(class, name, None).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// `@property`, `@cached_property`.
    pub fn is_property(&self, function: FnRef) -> bool {
        self.is_decorated_as(function, &[HandlerRole::Property, HandlerRole::CachedProperty])
    }

    /// `@abstractmethod`, or a body that only raises `NotImplementedError`: a subclass decides what it does.
    pub fn is_abstract(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        let definition = self.declared(function);
        if self.language(function.file) == Language::Rust {
            return false;
        }
        let decorated = definition.decorators.iter().any(|decorator| {
            matches!(self.evaluate(function.file, decorator.value), Ty::External(path) if path.starts_with("abc.abstract"))
        });
        if decorated {
            return true;
        }
        let not_implemented = |value: crate::model::ValueId| {
            let model = self.model(function.file);
            let value = match model.value(value) {
                crate::model::Value::Result(call) => model.call(*call).callee,
                _ => value,
            };
            matches!(self.evaluate(function.file, value), Ty::External(path) if &*path == "builtins.NotImplementedError")
        };
        definition.class.is_some()
            && self.source(function.file).slice(definition.span).contains("NotImplemented")
            && self.function(function).body.nodes.iter().any(
                |node| matches!(node, crate::model::Node::Raise(raise) if raise.value.is_some_and(not_implemented)),
            )
    }

    /// A member of an instance of a library's type.
    pub(super) fn library_member(&self, language: Language, path: &str, args: &[Ty], receiver: &Ty, name: &str) -> Ty {
        if let Some(found) = self.library_member_within(language, path, receiver, name, 0) {
            return found;
        }
        match self.knowledge.type_facts(language, path) {
            Some(facts) if facts.wrapper => {
                args.first().map_or(Ty::Unknown, |inner| self.member(language, inner, name))
            }
            Some(_) if language == Language::Python && !name.starts_with("__") => {
                match self.given_by(language, path, receiver, "__getattr__") {
                    Ty::Unknown => self.member_in_sources(language, path, receiver, name),
                    found => found,
                }
            }
            _ => self.member_in_sources(language, path, receiver, name),
        }
    }

    /// A member that the table of a library's type does not tell of, in the library's sources.
    fn member_in_sources(&self, language: Language, path: &str, receiver: &Ty, name: &str) -> Ty {
        match self.in_sources(language, path) {
            Some(Ty::Class(class)) => {
                let found = self.class_member(class, name, Some(receiver));
                if language == Language::Rust && found.is_unknown() {
                    return self.trait_member(class, receiver, name);
                }
                found
            }
            _ => Ty::Unknown,
        }
    }

    /// What a method of a library's type gives, as its table says.
    pub(super) fn given_by(&self, language: Language, path: &str, receiver: &Ty, method: &str) -> Ty {
        let Some(Ty::Method(path, _)) = self.library_member_within(language, path, receiver, method, 0) else {
            return Ty::Unknown;
        };
        match self.knowledge.api(language, &path) {
            Some(api) => {
                let given = self.table_type(language, api.returns, &super::library::Around::of(receiver));
                if api.is_async { Ty::Coroutine(Arc::new(given), None) } else { given }
            }
            None => Ty::Unknown,
        }
    }

    fn library_member_within(
        &self,
        language: Language,
        path: &str,
        receiver: &Ty,
        name: &str,
        depth: u32,
    ) -> Option<Ty> {
        if depth > 8 {
            return None;
        }
        let facts = self.knowledge.type_facts(language, path);
        let path = facts.map_or(path, |facts| facts.path);
        if let Some(facts) = facts
            && let Some((_, ty)) = facts.fields.iter().find(|(field, _)| *field == name)
        {
            let around = super::library::Around::of(receiver);
            return Some(self.table_type(language, ty, &around));
        }
        let full = match language {
            Language::Python => format!("{path}.{name}"),
            Language::Rust => format!("{path}::{name}"),
        };
        if let Some(api) = self.knowledge.api(language, &full) {
            return Some(Ty::Method(api.path.into(), Arc::new(receiver.clone())));
        }
        let bases = facts.map_or(&[][..], |facts| facts.bases);
        bases.iter().find_map(|base| self.library_member_within(language, base, receiver, name, depth + 1))
    }
}

/// Methods that lists and sets have not.
fn is_of_dictionaries(name: &str) -> bool {
    matches!(name, "get" | "items" | "keys" | "popitem" | "setdefault" | "values")
}
