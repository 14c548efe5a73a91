//! What a declaration tells of type parameters: which arguments of a call tell what it gives, and what functions that it is given
//! are called with.

use syn::{
    FnArg, GenericArgument, GenericParam, Generics, PathArguments, ReturnType, Signature, Type, TypeParam,
    TypeParamBound, WherePredicate,
};

use crate::model::{NameId, ToldBy, TypeArgument, UNKNOWN, Value, ValueId};

use super::scope::Lowerer;

/// Pointers that give access to what they hold, and what a function may give it in.
const POINTERS: [&str; 3] = ["Arc", "Box", "Rc"];
const AROUND: [&str; 5] = ["Arc", "Box", "Option", "Rc", "Result"];
/// Traits of what can be called.
pub(super) const CALLED: [&str; 6] = ["AsyncFn", "AsyncFnMut", "AsyncFnOnce", "Fn", "FnMut", "FnOnce"];

impl Lowerer<'_> {
    /// What the type parameters are where nothing is said.
    pub(super) fn defaults(&mut self, generics: &Generics) -> Box<[ValueId]> {
        if generics.type_params().all(|it| it.default.is_none()) {
            return Box::default();
        }
        let default = |it: &TypeParam| it.default.as_ref().map_or(UNKNOWN, |(_, ty)| self.type_value(ty));
        generics.type_params().map(default).collect()
    }

    /// The names of type parameters among the arguments of a type, each at its place.
    pub(super) fn parameters_of(&mut self, ty: &Type) -> Vec<Option<NameId>> {
        let Type::Path(it) = ty else { return Vec::new() };
        let arguments = it.path.segments.last().map(|it| &it.arguments);
        let Some(PathArguments::AngleBracketed(arguments)) = arguments else { return Vec::new() };
        let types = arguments.args.iter().filter_map(|it| match it {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        });
        types.map(|ty| self.parameter_named(ty)).collect()
    }

    /// The type parameter in scope that a type is.
    fn parameter_named(&mut self, ty: &Type) -> Option<NameId> {
        let Type::Path(it) = ty else { return None };
        let name = self.ident(it.path.get_ident()?);
        self.generics.iter().any(|(generic, _)| *generic == name).then_some(name)
    }

    /// What tells the type parameters in the type of what the function gives.
    pub(super) fn gives(&mut self, sig: &Signature) -> Box<[TypeArgument]> {
        let ReturnType::Type(_, output) = &sig.output else { return Box::default() };
        if self.generics.is_empty() {
            return Box::default();
        }
        let mut made = &**output;
        loop {
            made = match made {
                Type::Reference(it) => &it.elem,
                _ => match inside(made, &AROUND) {
                    Some(inner) => inner,
                    None => break,
                },
            };
        }
        let is_self = matches!(made, Type::Path(it) if it.path.is_ident("Self"));
        let arguments = if is_self { self.self_parameters.clone() } else { self.parameters_of(made) };
        let arguments = arguments.into_iter().zip(0..).map(|(name, argument)| (name, Some(argument)));
        let itself = self.parameter_named(made);
        let mut gives = Vec::new();
        for (name, argument) in arguments.chain([(itself, None)]) {
            let told_by = name.and_then(|name| self.told_by(sig, name));
            gives.extend(told_by.map(|told_by| TypeArgument { told_by, argument }));
        }
        gives.into()
    }

    /// What tells the type parameter of that name where the function is called.
    fn told_by(&mut self, sig: &Signature, name: NameId) -> Option<ToldBy> {
        for (input, param) in sig.inputs.iter().zip(0..) {
            let FnArg::Typed(input) = input else { continue };
            let given = match &*input.ty {
                Type::Reference(it) => &it.elem,
                ty => ty,
            };
            let pointed_to = inside(given, &POINTERS);
            if self.parameter_named(pointed_to.unwrap_or(given)) == Some(name) {
                return Some(if pointed_to.is_some() { ToldBy::Pointer(param) } else { ToldBy::Parameter(param) });
            }
        }
        sig.receiver()?;
        let position = self.self_parameters.iter().position(|it| *it == Some(name))?;
        Some(ToldBy::Receiver(position as u32))
    }

    /// The parameters that are functions, with what these are called with.
    pub(super) fn takes(&mut self, sig: &Signature) -> Box<[(u32, ValueId)]> {
        let mut takes = Vec::new();
        for (input, param) in sig.inputs.iter().zip(0..) {
            let FnArg::Typed(input) = input else { continue };
            takes.extend(self.called_with(&sig.generics, &input.ty).map(|with| (param, with)));
        }
        takes.into()
    }

    fn called_with(&mut self, generics: &Generics, ty: &Type) -> Option<ValueId> {
        match ty {
            Type::ImplTrait(it) => self.called_by_bound(it.bounds.iter()),
            Type::TraitObject(it) => self.called_by_bound(it.bounds.iter()),
            Type::Reference(it) => self.called_with(generics, &it.elem),
            Type::Path(it) => {
                let Some(name) = it.path.get_ident() else {
                    return self.called_with(generics, inside(ty, &POINTERS)?);
                };
                let declared = generics.params.iter().filter_map(|it| match it {
                    GenericParam::Type(it) if it.ident == *name => Some(&it.bounds),
                    _ => None,
                });
                let bounded = generics.where_clause.iter().flat_map(|it| &it.predicates).filter_map(|it| match it {
                    WherePredicate::Type(it) => match &it.bounded_ty {
                        Type::Path(ty) if ty.path.is_ident(name) => Some(&it.bounds),
                        _ => None,
                    },
                    _ => None,
                });
                let bounds: Vec<_> = declared.chain(bounded).collect();
                self.called_by_bound(bounds.into_iter().flatten())
            }
            _ => None,
        }
    }

    /// `FnOnce(&Connection) -> R`: what a function of that kind is called with, as far as that is known.
    fn called_by_bound<'t>(&mut self, mut bounds: impl Iterator<Item = &'t TypeParamBound>) -> Option<ValueId> {
        let inputs = bounds.find_map(|bound| {
            let TypeParamBound::Trait(bound) = bound else { return None };
            let last = bound.path.segments.last()?;
            match &last.arguments {
                PathArguments::Parenthesized(it) if CALLED.iter().any(|name| last.ident == name) => Some(&it.inputs),
                _ => None,
            }
        })?;
        let inputs: Vec<ValueId> = inputs.iter().map(|it| self.type_value(&it.ty)).collect();
        inputs.iter().any(|it| *it != UNKNOWN).then(|| self.add(Value::Tuple(inputs.into())))
    }
}

/// `Box<dyn FnOnce()>`
pub(super) fn is_boxed_function(ty: &Type) -> bool {
    let is_called = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(it) => {
            it.path.segments.last().is_some_and(|last| CALLED.iter().any(|name| last.ident == name))
        }
        _ => false,
    };
    matches!(inside(ty, &POINTERS), Some(Type::TraitObject(it)) if it.bounds.iter().any(is_called))
}

/// What is inside a type of one of these names.
fn inside<'t>(ty: &'t Type, names: &[&str]) -> Option<&'t Type> {
    let Type::Path(it) = ty else { return None };
    let last = it.path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(it) if names.iter().any(|name| last.ident == name) => match it.args.first()? {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}
