//! What kind of thing a value is, as `isinstance`, `type`, `callable` and `hasattr` ask it, where it is known well enough to say.

use crate::finding::FileId;
use crate::model::{Display, Value, ValueId};
use crate::packages::is_standard;
use crate::source::Language;

use super::Project;
use super::members::Ancestor;
use super::remembered::Only;
use super::types::{Class, ClassRef, Ty};

/// Built-in classes of which an instance is an instance of no other of them, but for `bool` and `int`.
const PLAIN: &[&str] = &[
    "builtins.str",
    "builtins.bytes",
    "builtins.bytearray",
    "builtins.int",
    "builtins.float",
    "builtins.bool",
    "builtins.list",
    "builtins.dict",
    "builtins.tuple",
    "builtins.set",
    "builtins.frozenset",
];

/// A class attribute whose class has one of these is no plain value: Python, or the library, puts another in its place.
const DESCRIBING: &[&str] = &["__get__", "__set_name__", "contribute_to_class"];

impl Project {
    /// A descriptor: reading the attribute gives what the object says, not the object.
    pub(super) fn stands_for_another(&self, field: &Ty) -> bool {
        field.parts().iter().any(|part| match part {
            Ty::Instance(Class::Own(class), _) if self.language(class.file) == Language::Python => {
                let describes = |it: &Ancestor| match it {
                    Ancestor::Own(class) => DESCRIBING.iter().any(|name| self.own_method(*class, name).is_some()),
                    Ancestor::Library(..) | Ancestor::Foreign(_) | Ancestor::Unknown => false,
                };
                let has_bases = !self.model(class.file).class(class.class).bases.is_empty();
                describes(&Ancestor::Own(*class)) || has_bases && self.ancestry(*class).iter().any(describes)
            }
            _ => false,
        })
    }

    /// Whether a value is an instance of the class, as far as it is known. A type that is declared leaves `None` out.
    pub(super) fn is_made_of(&self, file: FileId, value: ValueId, class: &Ty) -> Option<bool> {
        if let Value::Union(parts) = self.model(file).value(value) {
            return same(parts.iter().map(|it| self.is_made_of(file, *it, class)));
        }
        let ty = self.type_of(file, value);
        // What was made just now is of no class below.
        let exact = |wanted: ClassRef| {
            let Value::Result(call) = self.model(file).value(value) else { return None };
            let Only::Construct(made) = self.only(file, *call) else { return None };
            let ancestry = self.ancestry(made);
            let known =
                made != wanted && !ancestry.contains(&Ancestor::Own(wanted)) && ancestry.iter().all(is_plain_ancestor);
            known.then_some(false)
        };
        match class {
            Ty::Class(wanted) => self.is_instance(&ty, class).or_else(|| exact(*wanted)),
            _ => self.is_instance(&ty, class),
        }
    }

    /// What a value is. How a collection is written tells more of it than its type.
    fn type_of(&self, file: FileId, value: ValueId) -> Ty {
        match self.model(file).value(value) {
            Value::Tuple(_) => Ty::library("builtins.tuple"),
            Value::Collection(Display::List, _) => Ty::library("builtins.list"),
            Value::Collection(Display::Set, _) => Ty::library("builtins.set"),
            Value::Collection(Display::Dict, _) => Ty::library("builtins.dict"),
            _ => match self.evaluate(file, value) {
                ty @ (Ty::Collection(_) | Ty::Tuple(_)) => {
                    let kind = if self.language(file) == Language::Python { self.kind_of(file, value) } else { None };
                    kind.map_or(ty, Ty::library)
                }
                ty => ty,
            },
        }
    }

    /// Which of the built-in collections a value is, where it is declared or made as one.
    fn kind_of(&self, file: FileId, value: ValueId) -> Option<&'static str> {
        let model = self.model(file);
        match model.value(value) {
            // `tuple[T, ...]` is declared as a sequence that is a tuple.
            Value::Instance { class, args } => {
                let named = |class: ValueId| kind_named(&self.evaluate(file, class));
                named(*class).or_else(|| named(*args.get(1)?))
            }
            Value::Result(call) => match self.only(file, *call) {
                Only::Own(function) => {
                    let declared = self.declared(function);
                    let returns = declared.returns.filter(|_| !declared.kind.is_async() && !declared.is_generator)?;
                    let is_one = matches!(self.model(function.file).value(returns), Value::Instance { .. });
                    if is_one { self.kind_of(function.file, returns) } else { None }
                }
                Only::Api(api) if api.path == "sorted" || api.returns.starts_with("list[") => Some("builtins.list"),
                _ => kind_named(&self.evaluate(file, model.call(*call).callee)),
            },
            _ => None,
        }
    }

    /// Whether the class of a value is just this one: the class itself, or its name, both of the file in which it is asked.
    pub(super) fn is_exactly(&self, file: FileId, value: ValueId, asked_in: FileId, wanted: ValueId) -> Option<bool> {
        if let Value::Union(parts) = self.model(file).value(value) {
            return same(parts.iter().map(|it| self.is_exactly(file, *it, asked_in, wanted)));
        }
        let there = self.model(asked_in);
        let ty = self.type_of(file, value);
        if let Value::Str(name) = there.value(wanted) {
            // What is declared of it is taken at its word.
            return Some(self.class_name(&ty)? == there.name(*name));
        }
        let class = self.evaluate(asked_in, wanted);
        match (&ty, &class) {
            (Ty::Instance(Class::Own(own), _), Ty::Class(wanted)) if own == wanted => Some(true),
            (Ty::Instance(Class::Library(path), _), Ty::External(wanted)) if path == wanted => Some(true),
            (Ty::Bool(_), _) => self.is_plain(&["builtins.bool"], &class),
            (Ty::Instance(Class::Own(_), _), Ty::Class(_)) => {
                let made = matches!(self.model(file).value(value), Value::Result(call)
                    if matches!(self.only(file, *call), Only::Construct(_)));
                if made { Some(false) } else { self.is_instance(&ty, &class).filter(|it| !it) }
            }
            (Ty::Int(_) | Ty::Str(_) | Ty::None, _) => self.is_instance(&ty, &class),
            _ => self.is_instance(&ty, &class).filter(|it| !it),
        }
    }

    fn class_name<'a>(&'a self, ty: &'a Ty) -> Option<&'a str> {
        Some(match ty {
            Ty::Instance(Class::Own(class), _) => {
                let model = self.model(class.file);
                model.name(model.class(class.class).name)
            }
            Ty::Instance(Class::Library(path), _) => path.rsplit('.').next()?,
            Ty::None => "NoneType",
            Ty::Bool(_) => "bool",
            Ty::Int(_) => "int",
            Ty::Str(_) => "str",
            Ty::Function(_) => "function",
            _ => return None,
        })
    }

    /// Whether `callable(value)` holds.
    pub(super) fn is_callable(&self, file: FileId, value: ValueId) -> Option<bool> {
        if let Value::Union(parts) = self.model(file).value(value) {
            return same(parts.iter().map(|it| self.is_callable(file, *it)));
        }
        match self.type_of(file, value) {
            Ty::Function(_) | Ty::Class(_) | Ty::Bound(..) | Ty::Method(..) | Ty::Partial(_) => Some(true),
            Ty::None | Ty::Bool(_) | Ty::Int(_) | Ty::Str(_) | Ty::Coroutine(..) | Ty::Generator(_) => Some(false),
            Ty::Instance(Class::Library(path), _) if PLAIN.contains(&&*path) => Some(false),
            Ty::Instance(Class::Own(class), _) => match self.find_method(class, "__call__") {
                Some(_) => Some(true),
                None => self.surely_lacks(class, "__call__").then_some(false),
            },
            Ty::External(path) => self.knowledge.api(Language::Python, &path).map(|_| true),
            _ => None,
        }
    }

    /// Whether `hasattr(value, name)` holds.
    pub(super) fn has_attribute(&self, file: FileId, value: ValueId, name: &str) -> Option<bool> {
        if let Value::Union(parts) = self.model(file).value(value) {
            return same(parts.iter().map(|it| self.has_attribute(file, *it, name)));
        }
        match self.type_of(file, value) {
            Ty::None | Ty::Bool(_) | Ty::Int(_) if !name.starts_with("__") => Some(false),
            Ty::Instance(Class::Own(class), _) => self.class_has(class, name),
            ref ty @ Ty::Instance(Class::Library(_), _) => match self.member(Language::Python, ty, name) {
                Ty::Method(path, _) => self.knowledge.api(Language::Python, &path).map(|_| true),
                _ => None,
            },
            _ => None,
        }
    }

    fn class_has(&self, class: ClassRef, name: &str) -> Option<bool> {
        let has_field = |class: ClassRef| {
            let model = self.model(class.file);
            model.class(class.class).fields.iter().any(|it| model.name(it.0) == name)
        };
        let ancestry = self.ancestry(class);
        let inherits = |it: &Ancestor| matches!(it, Ancestor::Own(class) if has_field(*class));
        if self.find_method(class, name).is_some() || has_field(class) || ancestry.iter().any(inherits) {
            return Some(true);
        }
        let answers = ["__getattr__", "__getattribute__"].iter().any(|it| self.find_method(class, it).is_some());
        (!answers && self.surely_lacks(class, name)).then_some(false)
    }

    /// Whether `isinstance(value, class)` holds.
    pub(super) fn is_instance(&self, value: &Ty, class: &Ty) -> Option<bool> {
        match class {
            Ty::Tuple(classes) => {
                let each: Vec<Option<bool>> = classes.iter().map(|it| self.is_instance(value, it)).collect();
                if each.contains(&Some(true)) {
                    return Some(true);
                }
                (!each.is_empty() && each.iter().all(|it| *it == Some(false))).then_some(false)
            }
            Ty::Class(_) | Ty::External(_) => match value {
                Ty::Union(parts) => {
                    let mut each = parts.iter().map(|it| self.is_instance(it, class));
                    let first = each.next()??;
                    each.all(|it| it == Some(first)).then_some(first)
                }
                Ty::None => Some(matches!(class, Ty::External(path) if path.ends_with("NoneType"))),
                Ty::Bool(_) => self.is_plain(&["builtins.bool", "builtins.int"], class),
                Ty::Int(_) => self.is_plain(&["builtins.int"], class),
                Ty::Str(_) => self.is_plain(&["builtins.str"], class),
                Ty::Instance(of, _) => self.is_derived(of, class),
                _ => None,
            },
            _ => None,
        }
    }

    /// An instance of these plain classes, the first its own. What is abstract may count it among its own.
    fn is_plain(&self, own: &[&str], class: &Ty) -> Option<bool> {
        match class {
            Ty::External(path) if own.contains(&&**path) => Some(true),
            Ty::External(path) if PLAIN.contains(&&**path) => Some(false),
            Ty::External(path) if !is_abstract(path) => {
                self.knowledge.type_facts(Language::Python, path).filter(|facts| facts.path == &**path).map(|_| false)
            }
            Ty::Class(_) => Some(false),
            _ => None,
        }
    }

    fn is_derived(&self, of: &Class, class: &Ty) -> Option<bool> {
        let mut pending: Vec<String> = Vec::new();
        if let (Class::Library(path), Ty::External(wanted)) = (of, class)
            && path == wanted
        {
            return Some(true);
        }
        match of {
            Class::Own(own) => {
                let ancestry = self.ancestry(*own);
                if let Ty::Class(class) = class
                    && ancestry.contains(&Ancestor::Own(*class))
                {
                    return Some(true);
                }
                if !ancestry.iter().all(is_plain_ancestor) {
                    return None;
                }
                pending.extend(ancestry.iter().filter_map(|it| match it {
                    Ancestor::Library(_, path) => Some(path.to_string()),
                    _ => None,
                }));
            }
            Class::Library(path) if PLAIN.contains(&&**path) => return self.is_plain(&[path], class),
            // What no table has may be another name of several types.
            Class::Library(path) => {
                self.knowledge.type_facts(Language::Python, path).filter(|_| !is_abstract(path))?;
                pending.push(path.to_string());
            }
        }
        match class {
            Ty::External(wanted) => {
                let mut at = 0;
                while let Some(path) = pending.get(at).cloned() {
                    at += 1;
                    if path == **wanted {
                        return Some(true);
                    }
                    let facts = self.knowledge.type_facts(Language::Python, &path);
                    pending.extend(facts.map_or(&[][..], |facts| facts.bases).iter().map(|base| (*base).to_owned()));
                }
                if let Class::Library(path) = of
                    && self.is_apart_from(path, wanted)
                {
                    return Some(false);
                }
                // What derives from nothing else is of no class of a library either.
                let is_alone = matches!(of, Class::Own(_)) && pending.is_empty();
                let is_known = || {
                    let facts = self.knowledge.type_facts(Language::Python, wanted);
                    !is_abstract(wanted) && facts.is_some_and(|facts| facts.path == &**wanted)
                };
                (PLAIN.contains(&&**wanted) || is_alone && is_known()).then_some(false)
            }
            // An instance of what it derives from may be one of it.
            Ty::Class(class) => {
                let ancestry = self.ancestry(*class);
                let above = ancestry.iter().any(|it| match (it, of) {
                    (Ancestor::Own(above), Class::Own(own)) => above == own,
                    (Ancestor::Library(_, above), Class::Library(path)) => above == path,
                    _ => false,
                });
                (!above && ancestry.iter().all(is_plain_ancestor)).then_some(false)
            }
            _ => None,
        }
    }
}

impl Project {
    /// Two types of the standard library of which neither derives from the other: those of one module might.
    fn is_apart_from(&self, one: &str, other: &str) -> bool {
        let module = |path: &str| path.split('.').next().map(str::to_owned).filter(|it| is_standard(it));
        let derives = |from: &str, base: &str| {
            let facts = self.knowledge.type_facts(Language::Python, from);
            facts.is_some_and(|it| it.bases.contains(&base))
        };
        let is_type = |path: &str| self.knowledge.type_facts(Language::Python, path).is_some_and(|it| it.path == path);
        let (Some(first), Some(second)) = (module(one), module(other)) else { return false };
        first != second
            && is_type(one)
            && is_type(other)
            && !is_abstract(other)
            && !derives(one, other)
            && !derives(other, one)
    }
}

/// The built-in collection that a class is, under its own name or that for annotations.
fn kind_named(class: &Ty) -> Option<&'static str> {
    let Ty::External(path) = class else { return None };
    Some(match &**path {
        "builtins.list" | "typing.List" => "builtins.list",
        "builtins.tuple" | "typing.Tuple" => "builtins.tuple",
        "builtins.set" | "typing.Set" => "builtins.set",
        "builtins.frozenset" | "typing.FrozenSet" => "builtins.frozenset",
        _ => return None,
    })
}

/// What all of these say.
pub(super) fn same(mut each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let first = each.next()??;
    each.all(|it| it == Some(first)).then_some(first)
}

/// It is known, and no promise of how others look.
fn is_plain_ancestor(ancestor: &Ancestor) -> bool {
    match ancestor {
        Ancestor::Own(_) => true,
        Ancestor::Library(_, path) => !is_abstract(path) || path.ends_with(".Generic"),
        Ancestor::Foreign(_) | Ancestor::Unknown => false,
    }
}

/// Instances of others count among its own.
fn is_abstract(path: &str) -> bool {
    ["typing", "collections.abc.", "numbers.", "builtins.object"].iter().any(|it| path.starts_with(it))
}

/// Bases that add nothing a program would call by accident.
pub(super) fn is_plain_base(path: &str) -> bool {
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
