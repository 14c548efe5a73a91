//! Patterns: which names they bind, and to which part of the value.

use syn::ext::IdentExt as _;
use syn::{Expr, Member, Pat};

use crate::model::{UNKNOWN, Value, ValueId};

use super::scope::{Found, Lowerer, Temporary};

impl Lowerer<'_> {
    /// Binds the names of a pattern that `value` is matched against.
    pub(super) fn destructure(&mut self, pat: &Pat, value: ValueId) {
        stacker::maybe_grow(64 << 10, 1 << 20, || self.destructure_within(pat, value));
    }

    fn destructure_within(&mut self, pat: &Pat, value: ValueId) {
        match pat {
            Pat::Ident(it) => {
                // `None`, constants and unit structs are paths, not names to bind.
                let text = it.ident.to_string();
                let is_path = it.subpat.is_none()
                    && it.by_ref.is_none()
                    && it.mutability.is_none()
                    && text.starts_with(char::is_uppercase);
                if is_path {
                    return;
                }
                let name = self.ident(&it.ident);
                let span = self.span(it.ident.span());
                let local = self.declare(name, span);
                self.bind(local, value, span);
                if let Some((_, pat)) = &it.subpat {
                    self.destructure(pat, value);
                }
            }
            Pat::Type(it) => {
                let declared = self.type_value(&it.ty);
                self.destructure(&it.pat, if declared == UNKNOWN { value } else { declared });
            }
            Pat::Paren(it) => self.destructure(&it.pat, value),
            Pat::Reference(it) => self.destructure(&it.pat, value),
            Pat::Guard(it) => self.destructure(&it.pat, value),
            Pat::Tuple(it) => {
                let rest = it.elems.iter().position(|it| matches!(it, Pat::Rest(_)));
                for (index, pat) in it.elems.iter().enumerate() {
                    let known = rest.is_none_or(|rest| index < rest);
                    let part = self.part(value, known, |value| Value::Item(value, index as u32));
                    self.destructure(pat, part);
                }
            }
            Pat::TupleStruct(it) => {
                let variant = it.path.segments.last().map(|it| it.ident.to_string());
                let unwraps = matches!(variant.as_deref(), Some("Some" | "Ok"));
                for (index, pat) in it.elems.iter().enumerate() {
                    // After `..` they are counted from the end.
                    let known = !it.elems.iter().take(index).any(|it| matches!(it, Pat::Rest(_)));
                    let part = match variant_of(&it.path) {
                        _ if unwraps => self.part(value, true, Value::Inner),
                        Some(variant) => {
                            let name = self.field_of_variant(variant, &index.to_string());
                            self.part(value, known, |value| Value::Field(value, name))
                        }
                        None => {
                            let name = self.name(&index.to_string());
                            // A tuple struct's own fields; of a variant that is imported by itself nothing is known.
                            let known = known && variant.as_deref() != Some("Err");
                            self.part(value, known, |value| Value::Field(value, name))
                        }
                    };
                    self.destructure(pat, part);
                }
            }
            Pat::Struct(it) => {
                for field in &it.fields {
                    let name = match &field.member {
                        Member::Named(ident) => ident.unraw().to_string(),
                        Member::Unnamed(index) => index.index.to_string(),
                    };
                    let (name, known) = match variant_of(&it.path) {
                        Some(variant) => (self.field_of_variant(variant, &name), true),
                        None => (self.name(&name), it.path.segments.len() == 1),
                    };
                    let part = self.part(value, known, |value| Value::Field(value, name));
                    self.destructure(&field.pat, part);
                }
            }
            Pat::Slice(it) => {
                let part = self.part(value, true, Value::Element);
                for pat in &it.elems {
                    let part = if matches!(pat, Pat::Ident(it) if it.subpat.is_some()) { value } else { part };
                    self.destructure(pat, part);
                }
            }
            Pat::Or(it) => {
                // Each case binds the same names; the first gives them their place.
                if let Some(first) = it.cases.first() {
                    self.destructure(first, value);
                }
            }
            _ => {}
        }
    }

    /// Binds the names of a pattern that the subject `expr` is matched against.
    pub(super) fn matched(&mut self, pat: &Pat, expr: &Expr, value: ValueId) {
        let before = self.frame().temporaries.len();
        self.temporary(expr, value, true);
        self.destructure(pat, value);
        let subject = self.frame().temporaries.split_off(before);
        let subject = self.taken(&subject, pat);
        self.frame().temporaries.extend(subject);
    }

    /// Subjects of a pattern whose names have been bound, with the one that each was moved to.
    pub(super) fn taken(&mut self, subjects: &[Temporary], pat: &Pat) -> Vec<Temporary> {
        if subjects.is_empty() {
            return Vec::new();
        }
        let local = taker(pat).and_then(|name| {
            let name = self.ident(name);
            match self.find(name) {
                Found::Local { local, .. } => Some(local),
                _ => None,
            }
        });
        subjects.iter().map(|it| Temporary { local, ..*it }).collect()
    }

    fn part(&mut self, value: ValueId, known: bool, of: impl FnOnce(ValueId) -> Value) -> ValueId {
        if known && value != UNKNOWN { self.add(of(value)) } else { UNKNOWN }
    }
}

/// The variant that `Shape::Circle`, `Self::Circle` names; `None` for `Point`, `module::Point`.
fn variant_of(path: &syn::Path) -> Option<&syn::Ident> {
    let mut names = path.segments.iter().rev().map(|it| &it.ident);
    let variant = names.next()?;
    names.next()?.to_string().starts_with(char::is_uppercase).then_some(variant)
}

/// `x`, `Some(x)`, `Ok(mut x)`: the name that all there is moves to.
fn taker(pat: &Pat) -> Option<&syn::Ident> {
    match pat {
        Pat::Ident(it) if it.by_ref.is_none() && it.subpat.is_none() => Some(&it.ident),
        Pat::Guard(it) => taker(&it.pat),
        Pat::Paren(it) => taker(&it.pat),
        Pat::TupleStruct(it) if is_full(&it.path) => it.elems.first().filter(|_| it.elems.len() == 1).and_then(taker),
        _ => None,
    }
}

/// What is matched moves to names of the pattern, or a part of it does.
pub(super) fn moves(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(it) => it.by_ref.is_none() && !is_nothing(pat),
        Pat::Guard(it) => moves(&it.pat),
        Pat::Or(it) => it.cases.iter().any(moves),
        Pat::Paren(it) => moves(&it.pat),
        Pat::Struct(it) => it.fields.iter().any(|it| moves(&it.pat)),
        Pat::Tuple(it) => it.elems.iter().any(moves),
        Pat::TupleStruct(it) => it.elems.iter().any(moves),
        _ => false,
    }
}

/// `None`, `Err(..)`: there is nothing in it that one would look for.
pub(super) fn is_nothing(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(it) => it.ident == "None",
        Pat::Path(it) => it.path.segments.last().is_some_and(|it| it.ident == "None"),
        Pat::TupleStruct(it) => it.path.segments.last().is_some_and(|it| it.ident == "Err"),
        Pat::Guard(it) => is_nothing(&it.pat),
        Pat::Paren(it) => is_nothing(&it.pat),
        Pat::Or(it) => it.cases.iter().all(is_nothing),
        _ => false,
    }
}

/// `Some(x)`, `Ok(_)`: after it there is nothing left to look for.
pub(super) fn takes_any(pat: &Pat) -> bool {
    let is_any = |pat: &Pat| match pat {
        Pat::Ident(it) => it.subpat.is_none() && !is_nothing(pat),
        Pat::Wild(_) | Pat::Rest(_) => true,
        _ => false,
    };
    match pat {
        Pat::TupleStruct(it) => is_full(&it.path) && it.elems.iter().all(is_any),
        Pat::Paren(it) => takes_any(&it.pat),
        _ => false,
    }
}

/// `Some`, `Ok`
fn is_full(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|it| it.ident == "Some" || it.ident == "Ok")
}
