//! Evaluates a [`Value`] to a [`Ty`]: the one place where a name gets its meaning.

use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{FILE_MODULE, ModuleId, NameId, Path, PathRoot, Value, ValueId};
use crate::source::Language;

use super::memo::{self, is_apart};
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
            Value::Generator(function) => return Ty::Generator(FnRef { file, function: *function }),
            Value::Class(class) => return Ty::Class(ClassRef { file, class: *class }),
            _ => {}
        }
        let key = (self.number_of(file) << 1 | u64::from(is_apart()), file, value);
        memo::remembered(key, || {
            let _within = self.within(file);
            let _evaluating = self.noted.then(|| trace::Evaluating::begin(Some(file)));
            stacker::maybe_grow(RED_ZONE, MORE_STACK, || self.evaluate_afresh(file, model.value(value)))
        })
    }

    fn evaluate_afresh(&self, file: FileId, value: &Value) -> Ty {
        let model = self.model(file);
        match value {
            Value::Unknown | Value::Param(..) | Value::Fields(_) => Ty::Unknown,
            Value::None => Ty::None,
            Value::Bool(it) => Ty::Bool(*it),
            Value::Int(it) => Ty::Int(*it),
            Value::Str(it) => Ty::Str(model.name(*it).into()),
            Value::Function(function) => Ty::Function(FnRef { file, function: *function }),
            Value::Generator(function) => Ty::Generator(FnRef { file, function: *function }),
            Value::Class(class) => Ty::Class(ClassRef { file, class: *class }),
            Value::Path(path) => self.outside(file, path),
            Value::Global(module, name) => self.global(file, *module, *name),
            Value::Instance { class, args } => {
                let class = self.evaluate(file, *class);
                let fields = match args[..] {
                    [only] => match model.value(only) {
                        Value::Fields(fields) => Some(fields),
                        _ => None,
                    },
                    _ => None,
                };
                let args = match (fields, &class) {
                    (Some(fields), Ty::Class(class)) => self.arguments_of_literal(*class, file, fields),
                    (Some(_), _) => Vec::new(),
                    (None, class) => {
                        let args = args.iter().map(|it| self.evaluate(file, *it)).collect();
                        self.with_defaults(class, args)
                    }
                };
                self.instance_of(model.language, &class, args)
            }
            Value::Declared(declared, set) => self.declared_and_set(file, *declared, *set),
            Value::Result(call) => self.result_of_call(file, *call),
            Value::Awaited(inner) => self.awaited(&self.evaluate(file, *inner)),
            Value::Entered(inner, is_async) => self.entered(&self.evaluate(file, *inner), *is_async),
            Value::Element(inner) => self.element(model.language, &self.evaluate(file, *inner)),
            Value::Attr(inner, name) => {
                let receiver = self.evaluate(file, *inner);
                if let Some(found) = self.method_of_pointer(file, &receiver, model.name(*name))
                    && !model.is_seen_through(*inner)
                {
                    return found;
                }
                match self.member(model.language, &receiver, model.name(*name)) {
                    Ty::Unknown if model.language == Language::Rust => {
                        self.extension(file, &receiver, model.name(*name))
                    }
                    found => found,
                }
            }
            Value::Field(inner, name) => {
                let receiver = self.evaluate(file, *inner);
                self.field(&receiver, model.name(*name))
            }
            Value::Unit(inner) => match self.evaluate(file, *inner) {
                Ty::Class(class) if self.is_unit(class) => Ty::Instance(Class::Own(class), none()),
                other => other,
            },
            Value::Macro(inner) => {
                let ty = self.evaluate(file, *inner);
                Ty::union(ty.parts().iter().filter(|part| matches!(part, Ty::External(_))).cloned())
            }
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
                // Behind `**x` is what the type gives access to, as one is for the reference.
                ref ty @ Ty::Instance(Class::Own(class), ref args) if matches!(model.value(*inner), Value::Deref(it) if self.evaluate(file, *it) == *ty) => {
                    match self.deref_target(class, args) {
                        Ty::Unknown => ty.clone(),
                        target => target,
                    }
                }
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
            Value::Collection(_, items) => {
                Ty::Collection(Arc::new(Ty::union(items.iter().map(|it| self.evaluate(file, *it)))))
            }
            Value::Union(items) if model.language == Language::Rust => {
                // `if there { Some(x) } else { None }`
                let is_none = |it: &Ty| matches!(it, Ty::External(path) if &**path == "std::option::Option::None");
                let parts: Vec<Ty> = items.iter().map(|it| self.evaluate(file, *it)).collect();
                let is_all = parts.iter().all(is_none);
                Ty::union(parts.into_iter().filter(|it| is_all || !is_none(it)))
            }
            Value::Said(_) => Ty::library("builtins.bool"),
            Value::Text(_) if model.language == Language::Rust => Ty::library("std::string::String"),
            Value::Text(_) => Ty::library("builtins.str"),
            Value::Replaced(param, _) => self.evaluate(file, *param),
            Value::Union(items) => Ty::union(items.iter().map(|it| self.evaluate(file, *it))),
            Value::Handed(callee, index) => self.called_with(file, *callee, *index),
            Value::Dyn(of_trait) => match self.evaluate(file, *of_trait) {
                Ty::Class(class) | Ty::Instance(Class::Own(class), _) if self.is_trait(class) => Ty::Dyn(class),
                told @ Ty::Instance(Class::Library(_), _) => told,
                _ => Ty::Unknown,
            },
            Value::Provided { of, by, name } => {
                let (of, by) = (self.evaluate(file, *of), self.evaluate(file, *by));
                self.provided(&of, &by, model.name(*name))
            }
            Value::Super(class) => Ty::Super(ClassRef { file, class: *class }),
            Value::Quotient(inner) => {
                let ty = self.evaluate(file, *inner);
                match &ty {
                    Ty::Instance(Class::Library(path), _) => self.given_by(Language::Python, path, &ty, "__truediv__"),
                    Ty::Instance(Class::Own(_), _) => {
                        self.given_when_called(Language::Python, &self.member(Language::Python, &ty, "__truediv__"))
                    }
                    _ => Ty::Unknown,
                }
            }
        }
    }

    /// What a name is set to, if that is known to be an object: it may be of a class below the one that is declared, or of one that does what a
    /// protocol asks for.
    fn declared_and_set(&self, file: FileId, declared: ValueId, set: ValueId) -> Ty {
        let declared = self.evaluate(file, declared);
        let Ty::Instance(Class::Own(wanted), _) = &declared else { return declared };
        match self.constructed(file, set) {
            Some(class) if class != *wanted => Ty::Instance(Class::Own(class), none()),
            _ => declared,
        }
    }

    /// An instance of what `class` turned out to be.
    pub(super) fn instance_of(&self, language: Language, class: &Ty, args: Vec<Ty>) -> Ty {
        match class {
            Ty::Class(class) => {
                let model = self.model(class.file);
                let declared = model.class(class.class);
                if declared.kind == crate::model::ClassKind::Alias {
                    let Some(target) = declared.bases.first() else { return Ty::Unknown };
                    return self.alias_of(class.file, *target, &args);
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
                    if used == segments.len()
                        && let Some(bound) = self.bound_over(file, found, name)
                    {
                        return bound;
                    }
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
                        if used == segments.len()
                            && let Some(bound) = self.bound_over(file, found, segments[used - 1])
                        {
                            return bound;
                        }
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
                            at = self.module_declaring(parent, at_file);
                            at_file = parent;
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
        // What the tables tell, they tell of packages under their own names.
        let meant = self.crate_meant_by(file, first).map(|it| it.replace('-', "_"));
        if self.is_known(Language::Rust, meant.as_deref().unwrap_or(first)) {
            let path: Vec<&str> =
                std::iter::once(meant.as_deref().unwrap_or(first)).chain(rest.iter().copied()).collect();
            return self.library_name(Language::Rust, path.join("::"));
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
}
