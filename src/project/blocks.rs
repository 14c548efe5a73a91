//! Rust: the fields of types, and what `impl` blocks give them.

use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{ClassKind, Path, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

impl Project {
    /// A field, which may have the name of a method.
    pub(super) fn field(&self, receiver: &Ty, name: &str) -> Ty {
        match receiver {
            Ty::Instance(Class::Own(class), args) => match self.field_of_instance(*class, args, name) {
                Ty::Unknown => self.field_through_deref(*class, args, name),
                found => found,
            },
            // `Arc`, `Box`, a guard: of what they give access to.
            Ty::Instance(Class::Library(path), args) => match self.knowledge.type_facts(Language::Rust, path) {
                // `axum::extract::State(inner)`: a field of its own comes before those of what it gives access to.
                Some(facts) if facts.wrapper && facts.fields.iter().all(|it| it.0 != name) => {
                    args.first().map_or(Ty::Unknown, |inner| self.field(inner, name))
                }
                _ => self.member(Language::Rust, receiver, name),
            },
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.field(it, name))),
            other => self.member(Language::Rust, other, name),
        }
    }

    /// Rust: an `enum` with a variant of that name that holds something.
    pub(super) fn has_variant(&self, class: ClassRef, name: &str) -> bool {
        let model = self.model(class.file);
        let declared = model.class(class.class);
        let holds = |field: &str| field.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1);
        declared.kind == ClassKind::Enum && declared.fields.iter().any(|(field, _)| holds(model.name(*field)))
    }

    /// Rust: an `enum` with a variant of that name that holds nothing.
    pub(super) fn has_unit_variant(&self, class: ClassRef, name: &str) -> bool {
        let model = self.model(class.file);
        let declared = model.class(class.class);
        let is = |field: &str| field.strip_prefix(name) == Some(".");
        declared.kind == ClassKind::Enum && declared.fields.iter().any(|(field, _)| is(model.name(*field)))
    }

    /// Rust: the variant that a value is written as.
    pub(super) fn variant_of(&self, file: FileId, value: ValueId) -> Option<(ClassRef, &str)> {
        let model = self.model(file);
        let (of, name) = match model.value(value) {
            Value::Result(call) => return self.variant_of(file, model.call(*call).callee),
            Value::Instance { class: inner, .. } | Value::Unit(inner) => return self.variant_of(file, *inner),
            // `use Mode::*`
            Value::Global(_, name) => (self.evaluate(file, value), *name),
            Value::Attr(of, name) => (self.evaluate(file, *of), *name),
            Value::Path(path) => {
                let (name, rest) = path.segments.split_last()?;
                if rest.is_empty() {
                    return None;
                }
                (self.outside(file, &Path { root: path.root, segments: rest.into() }), *name)
            }
            _ => return None,
        };
        let of = match of {
            Ty::Instance(Class::Own(class), _) => class,
            of => match self.instance_of(Language::Rust, &of, Vec::new()) {
                Ty::Instance(Class::Own(class), _) => class,
                _ => return None,
            },
        };
        let name = model.name(name);
        (self.has_variant(of, name) || self.has_unit_variant(of, name)).then_some((of, name))
    }

    /// Where the field's type is a parameter, the instance says which type that is.
    pub(super) fn field_of_instance(&self, class: ClassRef, args: &[Ty], name: &str) -> Ty {
        let model = self.model(class.file);
        let parametric = &model.class(class.class).parametric;
        let index = parametric.iter().find(|(field, _)| model.name(*field) == name).map(|(_, index)| *index as usize);
        match index.and_then(|index| args.get(index)) {
            Some(known) if !known.is_unknown() => return known.clone(),
            _ => {}
        }
        let holding = model.class(class.class).holding.iter().find(|it| model.name(it.0) == name);
        match holding.filter(|it| args.get(it.1 as usize).is_some_and(|it| !it.is_unknown())) {
            Some((_, _, open)) => self.alias_of(class.file, *open, args),
            None => self.own_field(class, name),
        }
    }

    fn own_field(&self, class: ClassRef, name: &str) -> Ty {
        let model = self.model(class.file);
        let id = model.names.find(name);
        let fields = &model.class(class.class).fields;
        let field = fields.iter().find(|(it, _)| Some(*it) == id);
        field.map_or(Ty::Unknown, |(_, value)| self.evaluate(class.file, *value))
    }

    /// Rust: the method of that name in a block for the type. Its own comes before those of traits, of which it may have several:
    /// which is meant, what is in scope or is given decides.
    pub(super) fn methods_in_blocks(&self, class: ClassRef, name: &str, receiver: Option<&Ty>) -> Vec<FnRef> {
        self.methods_of(&self.impls_of(class), name, receiver)
    }

    /// The same, of these blocks.
    pub(super) fn methods_of(&self, blocks: &[(FileId, u32)], name: &str, receiver: Option<&Ty>) -> Vec<FnRef> {
        let mut of_traits = Vec::new();
        for (file, index) in blocks {
            let model = self.model(*file);
            let block = &model.impls[*index as usize];
            let Some(id) = model.names.find(name) else { continue };
            let mut named = block.methods.iter().filter(|(it, _)| *it == id);
            let Some((_, first)) = named.next() else { continue };
            // One that is there in tests alone stands beside the one that is meant.
            let other =
                model.declaration(*first).test.then(|| named.find(|it| !model.declaration(it.1).test)).flatten();
            let function = FnRef { file: *file, function: other.map_or(*first, |it| it.1) };
            if block.of_trait.is_some() {
                of_traits.push((function, block.target));
            } else if self.may_be_for(*file, block.target, receiver) {
                return vec![function];
            }
        }
        if of_traits.len() > 1 {
            of_traits.retain(|(function, target)| self.may_be_for(function.file, *target, receiver));
        }
        of_traits.into_iter().map(|(function, _)| function).collect()
    }

    /// The block is for a type with these arguments, as far as they are known: `impl Job<Disk>` is not for a `Job<Memory>`.
    fn may_be_for(&self, file: FileId, target: ValueId, receiver: Option<&Ty>) -> bool {
        let Some(Ty::Instance(_, given)) = receiver else { return true };
        let Value::Instance { args, .. } = self.model(file).value(target) else { return true };
        args.iter().zip(given.iter()).all(|(wanted, given)| match (self.evaluate(file, *wanted), given) {
            (Ty::Instance(Class::Own(wanted), _), Ty::Instance(Class::Own(given), _)) => {
                wanted == *given || [wanted, *given].iter().any(|it| self.is_trait(*it))
            }
            (Ty::Instance(Class::Library(wanted), _), Ty::Instance(Class::Library(given), _)) => wanted == *given,
            (Ty::Bool(wanted), Ty::Bool(given)) => wanted == *given,
            (Ty::Int(wanted), Ty::Int(given)) => wanted == *given,
            _ => true,
        })
    }

    pub(super) fn is_trait(&self, class: ClassRef) -> bool {
        self.model(class.file).class(class.class).kind == ClassKind::Trait
    }

    /// What is given to whatever has one of the type's traits: `impl<T: Store> StoreExt for T`.
    pub(super) fn member_by_bound(&self, class: ClassRef, receiver: &Ty, name: &str) -> Ty {
        let traits = |(file, index): &(FileId, u32)| match self
            .evaluate(*file, self.model(*file).impls[*index as usize].of_trait?)
        {
            Ty::Class(of_trait) => Some(of_trait),
            _ => None,
        };
        let blocks = self.impls_of(class);
        let found = blocks.iter().filter_map(traits).map(|it| self.member_of_all(it, receiver, name));
        let mut found = found.filter(|it| !it.is_unknown());
        match (found.next(), found.next()) {
            (Some(only), None) => only,
            _ => Ty::Unknown,
        }
    }

    /// The same, of that trait: `impl dyn Store` as well.
    pub(super) fn member_of_all(&self, of_trait: ClassRef, receiver: &Ty, name: &str) -> Ty {
        match self.methods_in_blocks(of_trait, name, None)[..] {
            [] => self.trait_member(of_trait, receiver, name),
            [only] => Ty::Bound(Arc::new(receiver.clone()), only),
            _ => Ty::Unknown,
        }
    }

    /// A default method of a trait that the type implements.
    pub(super) fn trait_member(&self, class: ClassRef, receiver: &Ty, name: &str) -> Ty {
        for (file, index) in self.impls_of(class).iter() {
            let it = &self.model(*file).impls[*index as usize];
            let Some(of_trait) = it.of_trait else { continue };
            match self.evaluate(*file, of_trait) {
                Ty::Class(of_trait) => {
                    if let Some(found) = self.own_member(of_trait, name, Some(receiver)) {
                        return found;
                    }
                }
                // What a library's trait gives everything that implements it.
                Ty::External(path) => {
                    let found = self.library_member(Language::Rust, &path, &[], receiver, name);
                    if !found.is_unknown() {
                        return found;
                    }
                }
                _ => {}
            }
        }
        Ty::Unknown
    }
}
