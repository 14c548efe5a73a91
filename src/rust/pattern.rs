//! Patterns: which names they bind, and to which part of the value.

use syn::ext::IdentExt as _;
use syn::{Member, Pat};

use crate::model::{UNKNOWN, Value, ValueId};

use super::scope::Lowerer;

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
