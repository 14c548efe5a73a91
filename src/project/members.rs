//! What `x.name` and `x::name` are.

use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{FunctionKind, ModuleId};
use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

impl Project {
    /// The member of that name.
    pub fn member(&self, language: Language, receiver: &Ty, name: &str) -> Ty {
        match receiver {
            Ty::Module(file, module) => self.module_member(*file, *module, name).unwrap_or(Ty::Unknown),
            Ty::External(path) => self.external_member(language, path, name),
            Ty::Class(class) => self.class_member(*class, name, None),
            Ty::Instance(Class::Own(class), args) => match self.class_member(*class, name, Some(receiver)) {
                Ty::Unknown if language == Language::Rust => self.trait_member(*class, args, name),
                found => found,
            },
            Ty::Instance(Class::Library(path), args) => self.library_member(language, path, args, receiver, name),
            Ty::Super(class) => self.inherited(*class, name),
            Ty::Collection(_) => {
                let path = match language {
                    Language::Python => "builtins.list",
                    Language::Rust => "std::vec::Vec",
                };
                self.library_member(language, path, &[], receiver, name)
            }
            Ty::Coroutine(..) if language == Language::Rust => {
                self.library_member(language, "std::future::Future", &[], receiver, name)
            }
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.member(language, it, name))),
            _ => Ty::Unknown,
        }
    }

    fn external_member(&self, language: Language, path: &str, name: &str) -> Ty {
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
        }
        Ty::External(full.into())
    }

    /// A name at the top of a module: its own, or what it re-exports.
    pub(super) fn module_member(&self, file: FileId, module: ModuleId, name: &str) -> Option<Ty> {
        let model = self.model(file);
        let declared = model.module(module);
        if let Some(id) = model.names.find(name) {
            let values = declared.bindings.iter().filter(|binding| binding.name == id);
            let mut known: Vec<Ty> = Vec::new();
            let mut bound = false;
            for binding in values {
                bound = true;
                // An import that names itself (`from . import x` in `x`'s own package) leads nowhere.
                match self.evaluate(file, binding.value) {
                    Ty::None => known.push(Ty::None),
                    ty => known.push(ty),
                }
            }
            if bound {
                return Some(Ty::union(known));
            }
            let inline = model.modules.iter().position(|it| it.parent == Some(module) && it.name == Some(id));
            if let Some(inline) = inline {
                return Some(Ty::Module(file, ModuleId(inline as u32)));
            }
        }
        match model.language {
            Language::Rust => {
                let inside = self.inline_path(file, module);
                if declared.declared.iter().any(|(it, _)| model.name(*it) == name)
                    && let Some(child) = self.layout.child(file, &inside, name)
                {
                    return Some(Ty::Module(child, crate::model::FILE_MODULE));
                }
            }
            Language::Python => {
                if let Some((child, 1)) = self.layout.relative(file, 1, &[name])
                    && self.is_package(file)
                {
                    return Some(Ty::Module(child, crate::model::FILE_MODULE));
                }
            }
        }
        for glob in &declared.globs {
            match self.evaluate(file, *glob) {
                Ty::Module(other, other_module) if (other, other_module) != (file, module) => {
                    let visible = match &self.model(other).module(other_module).exports {
                        Some(names) => names.iter().any(|it| self.model(other).name(*it) == name),
                        None => !name.starts_with('_'),
                    };
                    if visible && let Some(ty) = self.guarded_member(other, other_module, name) {
                        return Some(ty);
                    }
                }
                Ty::External(path) => {
                    if let found @ Ty::External(_) = self.external_member(model.language, &path, name)
                        && let Ty::External(full) = &found
                        && (self.knowledge.api(model.language, full).is_some()
                            || self.knowledge.type_facts(model.language, full).is_some())
                    {
                        return Some(found);
                    }
                }
                // `use Enum::*`, and what cannot be told.
                _ => {}
            }
        }
        None
    }

    /// Two modules may open each other.
    fn guarded_member(&self, file: FileId, module: ModuleId, name: &str) -> Option<Ty> {
        thread_local! {
            static OPEN: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
        }
        let depth = OPEN.get();
        if depth > 8 {
            return None;
        }
        OPEN.set(depth + 1);
        let found = self.module_member(file, module, name);
        OPEN.set(depth);
        found
    }

    fn is_package(&self, file: FileId) -> bool {
        self.source(file).path.file_stem() == Some("__init__")
    }

    /// Names of the inline modules around `module`, outermost first.
    fn inline_path(&self, file: FileId, module: ModuleId) -> Vec<&str> {
        let model = self.model(file);
        let mut path = Vec::new();
        let mut at = Some(module);
        while let Some(module) = at {
            let declared = model.module(module);
            path.extend(declared.name.map(|name| model.name(name)));
            at = declared.parent;
        }
        path.reverse();
        path
    }

    /// A member of a class, of an instance of it (`receiver`), or of its bases.
    fn class_member(&self, class: ClassRef, name: &str, receiver: Option<&Ty>) -> Ty {
        self.class_member_within(class, name, receiver, 0)
    }

    fn class_member_within(&self, class: ClassRef, name: &str, receiver: Option<&Ty>, depth: u32) -> Ty {
        if depth > 12 {
            return Ty::Unknown;
        }
        if let Some(found) = self.own_member(class, name, receiver) {
            return found;
        }
        self.base_member(class, name, receiver, depth)
    }

    fn base_member(&self, class: ClassRef, name: &str, receiver: Option<&Ty>, depth: u32) -> Ty {
        let model = self.model(class.file);
        for base in &model.class(class.class).bases {
            match self.evaluate(class.file, *base) {
                Ty::Class(base) if base != class => {
                    let found = self.class_member_within(base, name, receiver, depth + 1);
                    if !found.is_unknown() || !self.is_closed(base, depth + 1) {
                        return found;
                    }
                }
                Ty::External(path) => {
                    let this = Ty::library(&*path);
                    let found = self.library_member(model.language, &path, &[], receiver.unwrap_or(&this), name);
                    if !found.is_unknown() {
                        return found;
                    }
                    // Unless the base is known to have nothing of that name, anything may be found there.
                    if !is_plain_base(&path) && self.knowledge.type_facts(model.language, &path).is_none() {
                        return Ty::Unknown;
                    }
                }
                _ => return Ty::Unknown,
            }
        }
        Ty::Unknown
    }

    /// Every base of the class is known.
    fn is_closed(&self, class: ClassRef, depth: u32) -> bool {
        depth < 12
            && self.model(class.file).class(class.class).bases.iter().all(|base| {
                match self.evaluate(class.file, *base) {
                    Ty::Class(base) => base != class && self.is_closed(base, depth + 1),
                    Ty::External(path) => is_plain_base(&path),
                    _ => false,
                }
            })
    }

    fn inherited(&self, class: ClassRef, name: &str) -> Ty {
        let this = Ty::Instance(Class::Own(class), Arc::from([]));
        self.base_member(class, name, Some(&this), 0)
    }

    fn own_member(&self, class: ClassRef, name: &str, receiver: Option<&Ty>) -> Option<Ty> {
        let model = self.model(class.file);
        let declared = model.class(class.class);
        if let Some(id) = model.names.find(name) {
            // The last definition wins; `@overload`s stand before it.
            if let Some((_, function)) = declared.methods.iter().rev().find(|(it, _)| *it == id) {
                return Some(self.method(FnRef { file: class.file, function: *function }, receiver));
            }
            let fields: Vec<Ty> = declared
                .fields
                .iter()
                .filter(|(it, _)| *it == id)
                .map(|(_, value)| self.evaluate(class.file, *value))
                .collect();
            if !fields.is_empty() {
                return Some(Ty::union(fields));
            }
        }
        for (file, index) in self.impls.get(&class).into_iter().flatten() {
            let model = self.model(*file);
            let it = &model.impls[*index as usize];
            if let Some(id) = model.names.find(name)
                && let Some((_, function)) = it.methods.iter().find(|(it, _)| *it == id)
            {
                return Some(self.method(FnRef { file: *file, function: *function }, receiver));
            }
        }
        None
    }

    /// A default method of a trait that the type implements.
    fn trait_member(&self, class: ClassRef, _args: &[Ty], name: &str) -> Ty {
        for (file, index) in self.impls.get(&class).into_iter().flatten() {
            let it = &self.model(*file).impls[*index as usize];
            if let Some(of_trait) = it.of_trait
                && let Ty::Class(of_trait) = self.evaluate(*file, of_trait)
            {
                let this = Ty::Instance(Class::Own(class), Arc::from([]));
                if let Some(found) = self.own_member(of_trait, name, Some(&this)) {
                    return found;
                }
            }
        }
        Ty::Unknown
    }

    /// A method as it comes out of `receiver.name` or `Class.name`.
    fn method(&self, function: FnRef, receiver: Option<&Ty>) -> Ty {
        let definition = self.function(function);
        let Some(receiver) = receiver else { return Ty::Function(function) };
        if self.is_property(function) {
            return self.returns(function, Some(receiver));
        }
        if self.is_abstract(function) {
            return Ty::Unknown;
        }
        debug_assert!(definition.kind != FunctionKind::TopLevel);
        Ty::Bound(Arc::new(receiver.clone()), function)
    }

    /// `@property`, `@cached_property`.
    pub fn is_property(&self, function: FnRef) -> bool {
        self.function(function).decorators.iter().any(|decorator| {
            matches!(
                self.evaluate(function.file, decorator.value),
                Ty::External(path) if matches!(&*path, "builtins.property" | "functools.cached_property")
            )
        })
    }

    /// `@abstractmethod`, or a body that only raises `NotImplementedError`: a subclass decides what it does.
    pub fn is_abstract(&self, function: FnRef) -> bool {
        let definition = self.function(function);
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
            && definition.body.nodes.iter().any(
                |node| matches!(node, crate::model::Node::Raise(raise) if raise.value.is_some_and(not_implemented)),
            )
    }

    /// A member of an instance of a library's type.
    fn library_member(&self, language: Language, path: &str, args: &[Ty], receiver: &Ty, name: &str) -> Ty {
        if let Some(found) = self.library_member_within(language, path, receiver, name, 0) {
            return found;
        }
        match self.knowledge.type_facts(language, path) {
            Some(facts) if facts.wrapper => {
                args.first().map_or(Ty::Unknown, |inner| self.member(language, inner, name))
            }
            _ => Ty::Unknown,
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
            let around = super::library::Around { receiver, argument: &|_| Ty::Unknown };
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

/// Bases that add nothing a program would call by accident.
fn is_plain_base(path: &str) -> bool {
    matches!(
        path,
        "builtins.object"
            | "builtins.Exception"
            | "abc.ABC"
            | "typing.Generic"
            | "typing.Protocol"
            | "typing_extensions.Protocol"
            | "typing.NamedTuple"
            | "enum.Enum"
            | "pydantic.BaseModel"
    )
}
