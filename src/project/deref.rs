//! Rust: what a type of the project's gives access to by `impl Deref`.

use crate::model::ToldBy;
use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

/// A way of more is cut, and so one that comes back to where it was.
const MOST_STEPS: usize = 16;

impl Project {
    /// The member of what the type gives access to, which it has none of itself.
    pub(super) fn through_deref(&self, class: ClassRef, args: &[Ty], name: &str) -> Ty {
        self.along_deref(class, args, |ty| self.member_of_itself(ty, name))
    }

    /// Without what it gives access to in turn: that is the next step, and may be where the way began.
    fn member_of_itself(&self, ty: &Ty, name: &str) -> Ty {
        match ty {
            Ty::Instance(Class::Own(class), _) => match self.class_member(*class, name, Some(ty)) {
                Ty::Unknown => self.trait_member(*class, ty, name),
                found => found,
            },
            Ty::Instance(Class::Library(path), _) => self.library_member(Language::Rust, path, &[], ty, name),
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.member_of_itself(it, name))),
            other => self.member(Language::Rust, other, name),
        }
    }

    /// The field of what the type gives access to.
    pub(super) fn field_through_deref(&self, class: ClassRef, args: &[Ty], name: &str) -> Ty {
        self.along_deref(class, args, |ty| self.field_of_itself(ty, name))
    }

    fn field_of_itself(&self, ty: &Ty, name: &str) -> Ty {
        match ty {
            Ty::Instance(Class::Own(class), args) => self.field_of_instance(*class, args, name),
            Ty::Instance(Class::Library(path), _) => self.library_member(Language::Rust, path, &[], ty, name),
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.field_of_itself(it, name))),
            other => self.field(other, name),
        }
    }

    /// The first that `find` finds along the way: in a type itself, then in what it gives access to.
    fn along_deref(&self, class: ClassRef, args: &[Ty], find: impl Fn(&Ty) -> Ty) -> Ty {
        let mut ty = self.deref_target(class, args);
        for _ in 0..MOST_STEPS {
            let found = find(&ty);
            if !found.is_unknown() {
                return found;
            }
            ty = match &ty {
                Ty::Instance(Class::Own(class), args) => self.deref_target(*class, args),
                // `Arc<T>`, `Box<T>`, a guard
                Ty::Instance(Class::Library(path), args) => {
                    let wraps = self.knowledge.type_facts(Language::Rust, path).is_some_and(|facts| facts.wrapper);
                    args.first().filter(|_| wraps).cloned().unwrap_or(Ty::Unknown)
                }
                _ => break,
            };
        }
        Ty::Unknown
    }

    /// What `deref` of the type's own `impl` gives, where these are the type's arguments.
    pub(super) fn deref_target(&self, class: ClassRef, args: &[Ty]) -> Ty {
        for (file, index) in self.impls_of(class).iter() {
            let model = self.model(*file);
            let it = &model.impls[*index as usize];
            let Some(of_trait) = it.of_trait else { continue };
            let Some(deref) = model.names.find("deref") else { continue };
            let Some((_, function)) = it.methods.iter().find(|(name, _)| *name == deref) else { continue };
            let is_deref = matches!(&self.evaluate(*file, of_trait), Ty::External(path) if matches!(&**path, "std::ops::Deref" | "core::ops::Deref"));
            let declared = self.declared(FnRef { file: *file, function: *function });
            if is_deref && let Some(returns) = declared.returns {
                // `impl<T> Deref for Tracked<T> { type Target = T; .. }`
                let told = declared.gives.iter().find_map(|it| match (it.told_by, it.argument) {
                    (ToldBy::Receiver(position), None) => args.get(position as usize),
                    _ => None,
                });
                return told.cloned().unwrap_or_else(|| self.evaluate(*file, returns));
            }
        }
        Ty::Unknown
    }
}
