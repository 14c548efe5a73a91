//! `isinstance`: whether a value is an instance of a class, where both are known well enough to say.

use crate::source::Language;

use super::Project;
use super::members::Ancestor;
use super::types::{Class, Ty};

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
                PLAIN.contains(&&**wanted).then_some(false)
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
