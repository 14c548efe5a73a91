//! Rust: whose method runs where a type has one of its own by the name of a trait's. Code that knows the trait alone, and what the language
//! runs by itself, gets that of the trait.

use crate::finding::FileId;
use crate::model::{FunctionKind, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

impl Project {
    /// The methods of that name that a type of the project's has of traits: of the trait `by`, or what that builds on, where it is known.
    pub(super) fn methods_of_traits(&self, of: &Ty, by: &Ty, name: &str) -> Vec<FnRef> {
        let Ty::Instance(Class::Own(class), _) = of else { return Vec::new() };
        let declaring = match by {
            Ty::Class(by) | Ty::Dyn(by) => self.declared_by_trait(*by, name),
            _ => None,
        };
        let by = match declaring {
            Some(method) => self.declared(method).class.map(|class| Ty::Class(ClassRef { file: method.file, class })),
            None => Some(by.clone()).filter(|it| matches!(it, Ty::External(_))),
        };
        let is_meant = |(file, index): &&(FileId, u32)| {
            let of_trait = self.model(*file).impls[*index as usize].of_trait;
            of_trait.is_some_and(|it| match &by {
                Some(by) => self.evaluate(*file, it).parts().iter().any(|it| is_same_trait(it, by)),
                None => true,
            })
        };
        let blocks: Vec<(FileId, u32)> = self.impls_of(*class).iter().filter(is_meant).copied().collect();
        let found = self.methods_of(&blocks, name, Some(of));
        if !found.is_empty() {
            return found;
        }
        let by_default = |(file, index): &(FileId, u32)| match self
            .evaluate(*file, self.model(*file).impls[*index as usize].of_trait?)
        {
            Ty::Class(of_trait) => self.declared_by_trait(of_trait, name),
            _ => None,
        };
        let mut found: Vec<FnRef> = blocks.iter().filter_map(by_default).collect();
        found.dedup();
        found
    }

    /// The same of any trait, if there is one alone: what the language runs by itself.
    pub(super) fn method_of_trait(&self, of: &Ty, name: &str) -> Option<FnRef> {
        match self.methods_of_traits(of, &Ty::Unknown, name)[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// `<Type as Trait>::name`
    pub(super) fn provided(&self, of: &Ty, by: &Ty, name: &str) -> Ty {
        match of {
            Ty::Instance(Class::Own(_), _) => {
                Ty::union(self.methods_of_traits(of, by, name).into_iter().map(Ty::Function))
            }
            Ty::Instance(Class::Library(path), _) => self.external_member(Language::Rust, path, name),
            _ => Ty::Unknown,
        }
    }

    /// The method that runs where a function asks something for one, of which those know who call it that it is this object.
    pub(super) fn method_of_object(
        &self,
        function: FnRef,
        receiver: ValueId,
        object: &Ty,
        name: &str,
    ) -> Option<FnRef> {
        let model = self.model(function.file);
        // What a closure is given may be of a type that it knows.
        let is_of_closure = match model.value(receiver) {
            Value::Param(of, _) => {
                matches!(model.declaration(*of).kind, FunctionKind::Closure | FunctionKind::AsyncClosure)
            }
            _ => false,
        };
        if matches!(object, Ty::Instance(Class::Own(_), _)) && !is_of_closure {
            let by = match self.asked_as_method(function).class().filter(|_| self.is_own_object(function, receiver)) {
                Some(of_trait) => Ty::Class(of_trait),
                None => self.evaluate(function.file, receiver),
            };
            return match self.methods_of_traits(object, &by, name)[..] {
                [only] => Some(only),
                _ => None,
            };
        }
        let found = match self.member(Language::Rust, object, name) {
            Ty::Unknown => self.extension(function.file, object, name),
            found => found,
        };
        match found {
            Ty::Bound(_, method) => Some(method),
            _ => None,
        }
    }
}

/// A library's trait may go by several paths.
fn is_same_trait(one: &Ty, other: &Ty) -> bool {
    let last = |path: &str| path.rsplit("::").next().map(str::to_owned);
    match (one, other) {
        (Ty::External(one), Ty::External(other)) => last(one) == last(other),
        (one, other) => one == other,
    }
}
