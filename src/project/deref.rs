//! Rust: what a type of the project's gives access to by `impl Deref`.

use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

/// A chain of more is cut.
const MOST_STEPS: usize = 8;

impl Project {
    /// The member of what the type gives access to, which it has none of itself.
    pub(super) fn through_deref(&self, class: ClassRef, name: &str) -> Ty {
        self.along_deref(class, |inner, ty| match inner {
            Some(class) => match self.class_member(class, name, Some(ty)) {
                Ty::Unknown => self.trait_member(class, ty, name),
                found => found,
            },
            None => self.member(Language::Rust, ty, name),
        })
    }

    /// The field of what the type gives access to.
    pub(super) fn field_through_deref(&self, class: ClassRef, name: &str) -> Ty {
        self.along_deref(class, |inner, ty| match inner {
            Some(class) => self.own_field(class, name),
            None => self.field(ty, name),
        })
    }

    /// The first that `find` finds along the way, in a type of the project's or in the library's at the end. A way that comes back
    /// to where it was has no end.
    fn along_deref(&self, class: ClassRef, find: impl Fn(Option<ClassRef>, &Ty) -> Ty) -> Ty {
        let mut seen = vec![class];
        while let Some(at) = seen.last().copied()
            && seen.len() <= MOST_STEPS
        {
            let target = self.without_pointers(self.deref_target(at));
            let Ty::Instance(Class::Own(next), _) = target else { return find(None, &target) };
            if seen.contains(&next) {
                return Ty::Unknown;
            }
            match find(Some(next), &target) {
                Ty::Unknown => seen.push(next),
                found => return found,
            }
        }
        Ty::Unknown
    }

    /// What `deref` of the type's own `impl` gives.
    fn deref_target(&self, class: ClassRef) -> Ty {
        for (file, index) in self.impls_of(class).iter() {
            let model = self.declared_in(*file);
            let it = &model.impls[*index as usize];
            let Some(of_trait) = it.of_trait else { continue };
            let Some(deref) = model.names.find("deref") else { continue };
            let Some((_, function)) = it.methods.iter().find(|(name, _)| *name == deref) else { continue };
            let is_deref = matches!(&self.evaluate(*file, of_trait), Ty::External(path) if matches!(&**path, "std::ops::Deref" | "core::ops::Deref"));
            if is_deref && let Some(returns) = self.declared(FnRef { file: *file, function: *function }).returns {
                return self.evaluate(*file, returns);
            }
        }
        Ty::Unknown
    }

    /// `Arc<T>`, `Box<T>`: what calls on it see.
    fn without_pointers(&self, mut ty: Ty) -> Ty {
        for _ in 0..MOST_STEPS {
            let inner = match &ty {
                Ty::Instance(Class::Library(path), args) => {
                    let facts = self.knowledge.type_facts(Language::Rust, path);
                    facts.filter(|it| it.wrapper && it.guard.is_none()).and_then(|_| args.first())
                }
                _ => None,
            };
            match inner {
                Some(inner) => ty = inner.clone(),
                None => return ty,
            }
        }
        Ty::Unknown
    }
}
