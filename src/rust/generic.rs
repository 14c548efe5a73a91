//! What a declaration tells of type parameters: which arguments of a call tell what it gives, and what functions that it is given
//! are called with.

use syn::{
    AngleBracketedGenericArguments, Expr, FnArg, GenericArgument, GenericParam, Generics, PathArguments, ReturnType,
    Signature, Type, TypeParam, TypeParamBound, WherePredicate,
};

use crate::model::{
    Arg, Display, FunctionId, LocalId, NameId, Param, ParamKind, TYPE_GIVEN, ToldBy, TypeArgument, UNKNOWN, Value,
    ValueId,
};
use crate::source::Span;

use super::scope::{Found, Lowerer};

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

    /// Parameters for the types and constants that a call of the function may be written with, `load::<Disk>`, where they decide what it
    /// runs. They stand behind the others, under names that no argument has by itself.
    pub(super) fn given_parameters(&mut self, function: FunctionId, sig: &Signature) -> Vec<Param> {
        let mut params = Vec::new();
        for (it, position) in given(&sig.generics).zip(0..) {
            let decides = match it {
                GenericParam::Type(it) => {
                    let name = self.ident(&it.ident);
                    let known = self.generics.iter().rev().find(|(generic, _)| *generic == name);
                    known.is_some_and(|(_, value)| matches!(self.model.value(*value), Value::Dyn(_)))
                }
                _ => true,
            };
            if decides {
                let index = sig.inputs.len() + params.len();
                let name = self.name(&format!("{TYPE_GIVEN}{position}"));
                let value = self.add(Value::Param(function, index as u32));
                let (local, kind) = (LocalId(0), ParamKind::KeywordOnly);
                let has_default = false;
                params.push(Param { name, local, value, kind, has_default, default: UNKNOWN, is_callable: false });
            }
        }
        params
    }

    /// Brings these into scope; gives the mark to cut `given_types` back to.
    pub(super) fn bind_given(&mut self, function: FunctionId, sig: &Signature) -> usize {
        let mark = self.given_types.len();
        for index in sig.inputs.len()..self.model.function(function).params.len() {
            let param = self.model.function(function).params[index];
            let position = self.model.name(param.name).strip_prefix(TYPE_GIVEN).and_then(|it| it.parse().ok());
            let ident = match position.and_then(|it| given(&sig.generics).nth(it)) {
                Some(GenericParam::Type(it)) => &it.ident,
                Some(GenericParam::Const(it)) => &it.ident,
                _ => continue,
            };
            let name = self.ident(ident);
            self.given_types.push((name, param.value));
            let local = self.declare(param.name, Span::default());
            self.model.function_mut(function).params[index].local = local;
        }
        mark
    }

    /// The parameter that stands for what the call is written with.
    pub(super) fn given_type(&self, name: NameId) -> Option<ValueId> {
        self.given_types.iter().rev().find(|(given, _)| *given == name).map(|it| it.1)
    }

    /// The type parameter of that name, as something that the object of the method has: its type says which type it is.
    pub(super) fn type_of_self(&mut self, parameter: NameId) -> Option<ValueId> {
        let position = self.self_parameters.iter().position(|it| *it == Some(parameter))?;
        let this = self.model.known_name("self")?;
        let Found::Local { frame, local } = self.find(this) else { return None };
        let this = self.read(frame, local);
        let name = self.name(&format!("{TYPE_GIVEN}{position}"));
        Some(self.derived(this, |this| Value::Field(this, name)))
    }

    /// The types and constants that a function is called with, as arguments: `channel::<Job>(8)`.
    pub(super) fn types_given(&mut self, written: &AngleBracketedGenericArguments, span: Span, args: &mut Vec<Arg>) {
        let given = written.args.iter().filter(|it| !matches!(it, GenericArgument::Lifetime(_)));
        for (it, position) in given.zip(0..) {
            let value = match it {
                GenericArgument::Type(ty) => match ty {
                    Type::Path(it) if it.path.get_ident().is_some() => {
                        let name = it.path.get_ident().map(|it| self.ident(it));
                        name.and_then(|name| self.given_type(name)).unwrap_or_else(|| self.type_value(ty))
                    }
                    ty => self.type_value(ty),
                },
                GenericArgument::Const(Expr::Lit(it)) => self.literal(&it.lit),
                _ => UNKNOWN,
            };
            if value != UNKNOWN {
                let name = Some(self.name(&format!("{TYPE_GIVEN}{position}")));
                args.push(Arg { name, value, span, spread: false });
            }
        }
    }

    /// The elements of what the method is asked of that a call is of.
    pub(super) fn element_of_receiver(&mut self, call: ValueId) -> ValueId {
        let receiver = match self.model.value(call) {
            Value::Awaited(call) => return self.element_of_receiver(*call),
            Value::Result(call) => match self.model.value(self.model.call(*call).callee) {
                Value::Attr(receiver, _) => *receiver,
                _ => UNKNOWN,
            },
            _ => UNKNOWN,
        };
        self.derived(receiver, Value::Element)
    }

    /// `x.collect::<Vec<_>>()`, where these are the elements of `x`.
    pub(super) fn collects(
        &mut self,
        written: &AngleBracketedGenericArguments,
        element: ValueId,
        span: Span,
        args: &mut Vec<Arg>,
    ) {
        if let Some(GenericArgument::Type(ty)) = written.args.first() {
            let value = self.collected_type(ty, element);
            if value == UNKNOWN {
                return;
            }
            let name = Some(self.name(&format!("{TYPE_GIVEN}0")));
            args.push(Arg { name, value, span, spread: false });
        }
    }

    /// A type that elements are collected into: they are what it leaves open, `Vec<_>`, `Result<HashMap<_, _>, _>`.
    pub(super) fn collected_type(&mut self, ty: &Type, element: ValueId) -> ValueId {
        let Type::Path(it) = ty else { return self.type_value(ty) };
        let (Some(last), class) = (it.path.segments.last(), self.path_value(&it.path)) else { return UNKNOWN };
        let types: Vec<&Type> = types_of(&last.arguments).collect();
        let args = match types[..] {
            // It is there if all are.
            [inside, ..] if last.ident == "Result" || last.ident == "Option" => {
                let element = self.derived(element, Value::Inner);
                vec![self.collected_type(inside, element)]
            }
            [one] if leaves_open(one) && last.ident == "Vec" => {
                return self.add(Value::Collection(Display::Other, [element].into()));
            }
            [one] if leaves_open(one) => vec![element],
            [key, value] if leaves_open(key) || leaves_open(value) => {
                let mut part = |ty: &Type, index: u32| match leaves_open(ty) {
                    true => self.derived(element, |element| Value::Item(element, index)),
                    false => self.type_value(ty),
                };
                vec![part(key, 0), part(value, 1)]
            }
            _ => return self.type_value(ty),
        };
        self.instance(class, args)
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

    /// The type parameter in scope that a type is: by its name, or as `Self::Target` where the `impl` says that it is that.
    pub(super) fn parameter_named(&mut self, ty: &Type) -> Option<NameId> {
        let Type::Path(it) = ty else { return None };
        if it.path.segments.len() == 2 && it.path.segments[0].ident == "Self" && !self.associated_parameters.is_empty()
        {
            let name = self.ident(&it.path.segments[1].ident);
            return self.associated_parameters.iter().find(|it| it.0 == name).map(|it| it.1);
        }
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

/// `Vec<_>`
pub(super) fn leaves_open(ty: &Type) -> bool {
    match ty {
        Type::Infer(_) => true,
        Type::Reference(it) => leaves_open(&it.elem),
        Type::Path(it) => it.path.segments.last().is_some_and(|it| types_of(&it.arguments).any(leaves_open)),
        _ => false,
    }
}

/// The types among the arguments of a path's segment.
fn types_of(arguments: &PathArguments) -> impl Iterator<Item = &Type> {
    let arguments = match arguments {
        PathArguments::AngleBracketed(it) => Some(&it.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|it| match it {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The parameters that a call may be written with.
fn given(generics: &Generics) -> impl Iterator<Item = &GenericParam> {
    generics.params.iter().filter(|it| !matches!(it, GenericParam::Lifetime(_)))
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
