//! Types to the values that instances of them are.

use syn::{GenericArgument, GenericParam, Generics, PathArguments, ReturnType, Type, TypeParamBound, WherePredicate};

use crate::model::{Display, NameId, UNKNOWN, Value, ValueId};

use super::generic::CALLED;
use super::scope::Lowerer;

/// Traits whose methods every implementor gives the meaning that the library's documentation promises.
const TELLING: &[&str] = &[
    "Future",
    "IntoFuture",
    "Stream",
    "Sink",
    "Iterator",
    "IntoIterator",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "AsyncRead",
    "AsyncWrite",
    "AsyncBufRead",
    "AsyncSeek",
];

/// Traits of the standard library and of what everybody uses, which say nothing of what a type does.
const COMMON: &[&str] = &[
    "Any",
    "AsMut",
    "AsRef",
    "Borrow",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Deserialize",
    "DeserializeOwned",
    "Display",
    "Eq",
    "Error",
    "From",
    "FromStr",
    "Hash",
    "Into",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "RefUnwindSafe",
    "Send",
    "Serialize",
    "Sized",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "UnwindSafe",
];

impl Lowerer<'_> {
    /// What something of this type is.
    pub(super) fn type_value(&mut self, ty: &Type) -> ValueId {
        stacker::maybe_grow(64 << 10, 1 << 20, || self.type_within(ty))
    }

    fn type_within(&mut self, ty: &Type) -> ValueId {
        match ty {
            Type::Path(it) if it.qself.is_none() => self.named_type(&it.path),
            Type::Reference(it) => self.type_value(&it.elem),
            Type::Paren(it) => self.type_value(&it.elem),
            Type::Group(it) => self.type_value(&it.elem),
            Type::Tuple(it) if it.elems.is_empty() => self.add(Value::None),
            Type::Tuple(it) => {
                let items: Vec<ValueId> = it.elems.iter().map(|it| self.type_value(it)).collect();
                self.add(Value::Tuple(items.into()))
            }
            Type::Slice(it) => {
                let element = self.type_value(&it.elem);
                self.add(Value::Collection(Display::Other, [element].into()))
            }
            Type::Array(it) => {
                let element = self.type_value(&it.elem);
                self.add(Value::Collection(Display::Other, [element].into()))
            }
            Type::ImplTrait(it) => self.bounded(it.bounds.iter()),
            Type::TraitObject(it) => self.bounded(it.bounds.iter()),
            _ => UNKNOWN,
        }
    }

    fn named_type(&mut self, path: &syn::Path) -> ValueId {
        if let Some(ident) = path.get_ident() {
            if ident == "Self" {
                return self.self_types.last().map_or(UNKNOWN, |(instance, _)| *instance);
            }
            let name = self.ident(ident);
            if let Some((_, value)) = self.generics.iter().rev().find(|(generic, _)| *generic == name) {
                return *value;
            }
        }
        // `T::Output`, `Self::Item`: what the implementor says.
        if path.segments.len() > 1
            && let Some(first) = path.segments.first()
        {
            let name = self.ident(&first.ident);
            if first.ident == "Self"
                && let Some(second) = path.segments.get(1).filter(|_| path.segments.len() == 2)
            {
                let associated = self.associated(&second.ident);
                let declared = self.generics.iter().rev().find(|(generic, _)| *generic == associated);
                return declared.map_or(UNKNOWN, |(_, value)| *value);
            }
            if first.ident == "Self" || self.generics.iter().any(|(generic, _)| *generic == name) {
                return UNKNOWN;
            }
        }
        let class = self.path_value(path);
        let args = match path.segments.last().map(|it| &it.arguments) {
            Some(PathArguments::AngleBracketed(it)) => self.type_arguments(&it.args),
            _ => Vec::new(),
        };
        self.instance(class, args)
    }

    /// The name that an associated type goes by among the generics of its `impl`: `Self::Target`.
    pub(super) fn associated(&mut self, name: &syn::Ident) -> NameId {
        self.name(&format!("Self::{name}"))
    }

    pub(super) fn type_arguments(
        &mut self,
        args: &syn::punctuated::Punctuated<GenericArgument, syn::Token![,]>,
    ) -> Vec<ValueId> {
        let mut values = Vec::with_capacity(args.len());
        for it in args {
            match it {
                GenericArgument::Type(ty) => values.push(self.type_value(ty)),
                GenericArgument::AssocType(it) => values.push(self.type_value(&it.ty)),
                _ => {}
            }
        }
        // Constants stand behind the types: `Buffer<true>`.
        for it in args {
            if let GenericArgument::Const(syn::Expr::Lit(it)) = it {
                values.push(self.literal(&it.lit));
            }
        }
        values
    }

    /// `impl A + B`, `dyn A`, `T: A`: known where a trait of a library says it all. Else the first stands for all that may be the
    /// project's.
    fn bounded<'t>(&mut self, bounds: impl Iterator<Item = &'t TypeParamBound>) -> ValueId {
        let (mut first, mut access) = (None, None);
        for bound in bounds {
            let TypeParamBound::Trait(it) = bound else { continue };
            let Some(last) = it.path.segments.last() else { continue };
            let is_one_of = |names: &[&str]| names.iter().any(|name| last.ident == name);
            if is_one_of(TELLING) {
                let told = self.named_type(&it.path);
                // One that the project has under such a name tells nothing.
                let is_path = |class: ValueId| matches!(self.model.value(class), Value::Path(_));
                let is_of_library = matches!(self.model.value(told), Value::Instance { class, .. } if is_path(*class));
                return if is_of_library { told } else { self.derived(told, Value::Dyn) };
            }
            if is_one_of(&CALLED) {
                return UNKNOWN;
            }
            if first.is_none() && !is_one_of(COMMON) {
                first = Some(&it.path);
            }
            if is_one_of(&["AsMut", "AsRef", "Borrow", "BorrowMut"]) {
                access = Some(&it.path);
            }
        }
        match (first, access) {
            (Some(path), _) => {
                let of_trait = self.path_value(path);
                self.derived(of_trait, Value::Dyn)
            }
            // `impl AsRef<Path>`: what it gives access to is known.
            (None, Some(path)) => self.named_type(path),
            (None, None) => UNKNOWN,
        }
    }

    /// Brings type parameters into scope; gives the mark to pass to [`Self::leave_generics`].
    pub(super) fn enter_generics(&mut self, generics: &Generics) -> usize {
        let mark = self.generics.len();
        for param in &generics.params {
            if let GenericParam::Type(it) = param {
                let name = self.ident(&it.ident);
                self.generics.push((name, UNKNOWN));
                let value = self.bounded(it.bounds.iter());
                if let Some(last) = self.generics.last_mut() {
                    last.1 = value;
                }
            }
        }
        for predicate in generics.where_clause.iter().flat_map(|it| &it.predicates) {
            if let WherePredicate::Type(it) = predicate
                && let Type::Path(path) = &it.bounded_ty
                && let Some(ident) = path.path.get_ident()
            {
                let name = self.ident(ident);
                let value = self.bounded(it.bounds.iter());
                if value != UNKNOWN
                    && let Some(entry) = self.generics[mark..].iter_mut().find(|(generic, _)| *generic == name)
                {
                    entry.1 = value;
                }
            }
        }
        mark
    }

    pub(super) fn leave_generics(&mut self, mark: usize) {
        self.generics.truncate(mark);
    }

    /// What a function so declared gives; nothing declared is `()`.
    pub(super) fn return_value(&mut self, output: &ReturnType) -> ValueId {
        match output {
            ReturnType::Default => self.add(Value::None),
            ReturnType::Type(_, ty) => self.type_value(ty),
        }
    }
}
