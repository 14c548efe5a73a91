//! Items: modules, types, traits, `impl` blocks, and the attributes on them.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Fields, GenericArgument, Generics, ImplItem, Item, ItemExternCrate, Meta, PathArguments, TraitItem, Type,
};

use crate::model::{
    Allow, Class, ClassId, ClassKind, FunctionId, Glob, Impl, Module, ModuleId, NameId, TOP_LEVEL, UNKNOWN, Value,
    ValueId,
};
use crate::source::Span;

use super::function::Owner;
use super::names::ModuleNames;
use super::place;
use super::platform;
use super::scope::Lowerer;

impl Lowerer<'_> {
    /// The items of a module.
    fn items(&mut self, items: &[Item]) {
        for item in items {
            self.item(item);
        }
    }

    /// One that stands outside of functions.
    pub(super) fn item(&mut self, item: &Item) {
        let function = self.declare_item(item, false);
        self.define_item(item, function);
    }

    /// Brings the item's name into scope.
    pub(super) fn declare_item(&mut self, item: &Item, in_block: bool) -> Option<FunctionId> {
        match item {
            Item::Use(it) => self.use_tree(&it.tree, it.leading_colon.is_some(), &mut Vec::new(), in_block),
            Item::ExternCrate(it) => {
                let value = self.absolute(&[&it.ident.to_string()]);
                let name = self.ident(it.rename.as_ref().map_or(&it.ident, |(_, name)| name));
                self.bring_in(name, value, in_block);
                if !in_block && opens_macros(it) {
                    self.model.modules[self.module.index()].globs.push(Glob { value, after: 0 });
                }
            }
            Item::Fn(it) => {
                let function =
                    self.declare_function(&it.sig, &it.attrs, it.block.brace_token.span.close(), Owner::None);
                let value = self.add(Value::Function(function));
                let name = self.ident(&it.sig.ident);
                self.bring_in(name, value, in_block);
                self.show_function(function, it);
                return Some(function);
            }
            Item::Struct(it) => {
                let class = self.class(&it.ident, ClassKind::Struct, in_block);
                self.class_attributes(class, &it.attrs);
                self.show_class(class, &it.attrs);
                let mark = self.enter_generics(&it.generics);
                let fields = self.fields(&it.fields);
                let defaults = self.defaults(&it.generics);
                let (mut parametric, mut holding) = (Vec::new(), Vec::new());
                if self.generics.len() > mark {
                    self.open_generics(mark);
                    for (field, (name, _)) in it.fields.iter().zip(&fields) {
                        if let Some(index) = parameter_of(&it.generics, &field.ty) {
                            parametric.push((*name, index));
                        } else if let Some(index) = parameter_inside(&it.generics, &field.ty) {
                            holding.push((*name, index, self.type_value(&field.ty)));
                        }
                    }
                }
                self.leave_generics(mark);
                let class = &mut self.model.classes[class.index()];
                (class.fields, class.parametric, class.holding, class.defaults) =
                    (fields, parametric, holding, defaults);
            }
            Item::Union(it) => {
                self.class(&it.ident, ClassKind::Struct, in_block);
            }
            Item::Enum(it) => {
                let class = self.class(&it.ident, ClassKind::Enum, in_block);
                self.class_attributes(class, &it.attrs);
                self.show_class(class, &it.attrs);
                let mark = self.enter_generics(&it.generics);
                let mut fields = Vec::new();
                for variant in &it.variants {
                    if matches!(variant.fields, syn::Fields::Unit) {
                        fields.push((self.field_of_variant(&variant.ident, ""), UNKNOWN));
                    }
                    for (field, value) in self.fields(&variant.fields) {
                        let field = self.model.name(field).to_owned();
                        fields.push((self.field_of_variant(&variant.ident, &field), value));
                    }
                }
                self.leave_generics(mark);
                self.model.classes[class.index()].fields = fields;
            }
            Item::Trait(it) => {
                let class = self.class(&it.ident, ClassKind::Trait, in_block);
                let bounds = it.supertraits.iter().filter_map(|bound| match bound {
                    syn::TypeParamBound::Trait(bound) => Some(self.path_value(&bound.path)),
                    _ => None,
                });
                let bases: Vec<ValueId> = bounds.collect();
                self.model.classes[class.index()].bases = bases;
            }
            Item::Type(it) => {
                let class = self.class(&it.ident, ClassKind::Alias, in_block);
                let mark = self.enter_generics(&it.generics);
                let defaults = self.defaults(&it.generics);
                self.open_generics(mark);
                let target = self.type_value(&it.ty);
                self.leave_generics(mark);
                let class = &mut self.model.classes[class.index()];
                (class.bases, class.defaults) = (vec![target], defaults);
            }
            Item::Const(it) => {
                // What is written there decides more than its type.
                let written = match &*it.expr {
                    syn::Expr::Lit(it) if matches!(it.lit, syn::Lit::Bool(_) | syn::Lit::Int(_) | syn::Lit::Str(_)) => {
                        self.literal(&it.lit)
                    }
                    syn::Expr::Macro(_) => match platform::constant(&it.expr, self.built()) {
                        Some(flag) => self.add(Value::Bool(flag)),
                        None => UNKNOWN,
                    },
                    _ => UNKNOWN,
                };
                let value = if written == UNKNOWN { self.type_value(&it.ty) } else { written };
                let name = self.ident(&it.ident);
                self.bring_in(name, value, in_block);
            }
            Item::Static(it) => {
                let value = self.type_value(&it.ty);
                let name = self.ident(&it.ident);
                self.bring_in(name, value, in_block);
            }
            _ => {}
        }
        None
    }

    /// Walks what is inside the item.
    pub(super) fn define_item(&mut self, item: &Item, function: Option<FunctionId>) {
        match item {
            Item::Fn(it) => {
                if let Some(function) = function {
                    self.define_function(function, &it.sig, &it.attrs, Some(&it.block));
                }
            }
            Item::Mod(it) => self.inline_module(it),
            Item::Impl(it) => self.implementation(it),
            Item::Trait(it) => self.trait_methods(it),
            _ => {}
        }
    }

    /// Which type a parameter stands for, whoever names the type says.
    fn open_generics(&mut self, mark: usize) {
        for index in mark..self.generics.len() {
            self.generics[index].1 = self.add(Value::Param(TOP_LEVEL, (index - mark) as u32));
        }
    }

    fn class(&mut self, ident: &syn::Ident, kind: ClassKind, in_block: bool) -> ClassId {
        let id = ClassId(self.model.classes.len() as u32);
        let name = self.ident(ident);
        let mut qualname = self.path.join("::");
        if !qualname.is_empty() {
            qualname.push_str("::");
        }
        qualname.push_str(&ident.to_string());
        let qualname = self.name(&qualname);
        let span = self.span(ident.span());
        self.model.classes.push(Class {
            name,
            qualname,
            module: self.module,
            kind,
            span,
            bases: Vec::new(),
            methods: Vec::new(),
            fields: Vec::new(),
            declared: Vec::new(),
            metaclass: None,
            annotated: Vec::new(),
            also_set: Vec::new(),
            set_in: Vec::new(),
            decided: Vec::new(),
            parametric: Vec::new(),
            holding: Vec::new(),
            defaults: Box::default(),
            decorators: Vec::new(),
        });
        let value = self.add(Value::Class(id));
        self.bring_in(name, value, in_block);
        id
    }

    fn class_attributes(&mut self, class: ClassId, attrs: &[Attribute]) {
        let decorators: Vec<ValueId> = self.decorators(attrs).iter().map(|it| it.value).collect();
        self.model.classes[class.index()].decorators = decorators;
    }

    fn fields(&mut self, fields: &Fields) -> Vec<(NameId, ValueId)> {
        let mut out = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let name = match &field.ident {
                Some(ident) => self.ident(ident),
                None => self.name(&index.to_string()),
            };
            let value = self.type_value(&field.ty);
            out.push((name, value));
        }
        out
    }

    /// What a variant of an `enum` holds is a field of the `enum`: `Circle.0`, `Circle.radius`.
    pub(super) fn field_of_variant(&mut self, variant: &syn::Ident, field: &str) -> NameId {
        self.name(&format!("{variant}.{field}"))
    }

    fn inline_module(&mut self, it: &syn::ItemMod) {
        let name = self.ident(&it.ident);
        let Some((_, items)) = &it.content else {
            let path = it.attrs.iter().find_map(|attr| match &attr.meta {
                Meta::NameValue(it) if it.path.is_ident("path") => match &it.value {
                    syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                        Some(text.value().into_boxed_str())
                    }
                    _ => None,
                },
                _ => None,
            });
            let in_tests = self.test || it.attrs.iter().any(is_cfg_test);
            let declared = &mut self.model.modules[self.module.index()].declared;
            // Of two of one name the one that is there in tests alone is not meant.
            declared.insert(if in_tests { declared.len() } else { 0 }, (name, path));
            return;
        };
        let extent = self
            .between(it.mod_token.span, it.content.as_ref().map_or(it.mod_token.span, |(brace, _)| brace.span.close()));
        self.allows(&it.attrs, extent);
        let outer = (self.module, self.test);
        let id = ModuleId(self.model.modules.len() as u32);
        self.test |= it.attrs.iter().any(is_cfg_test);
        self.model.modules.push(Module {
            name: Some(name),
            parent: Some(self.module),
            test: self.test,
            ..Module::default()
        });
        let mut names = ModuleNames::default();
        names.collect(self, items);
        self.names.to_mut().insert(id, names);
        self.module = id;
        self.path.push(it.ident.to_string());
        self.items(items);
        self.path.pop();
        (self.module, self.test) = outer;
        self.show_module(id, it);
    }

    fn implementation(&mut self, it: &syn::ItemImpl) {
        let mark = self.enter_generics(&it.generics);
        let extent = self.between(it.impl_token.span, it.brace_token.span.close());
        self.allows(&it.attrs, extent);
        let outer_test = self.test;
        self.test |= it.attrs.iter().any(is_cfg_test);
        let target = self.type_value(&it.self_ty);
        let outer_parameters = self.parameters_of(&it.self_ty);
        let outer_parameters = std::mem::replace(&mut self.self_parameters, outer_parameters);
        let class = match self.model.value(target) {
            Value::Instance { class, .. } => *class,
            _ => UNKNOWN,
        };
        let of_trait = it.trait_.as_ref().map(|(path, _)| self.path_value(path));
        let short = match &*it.self_ty {
            Type::Path(ty) => ty.path.segments.last().map(|it| it.ident.to_string()),
            _ => None,
        };
        self.path.push(short.unwrap_or_else(|| "impl".to_owned()));
        self.self_types.push((target, class));
        let outer_constants = std::mem::take(&mut self.constants);
        let outer_associated = std::mem::take(&mut self.associated_parameters);
        for member in &it.items {
            match member {
                ImplItem::Type(it) => {
                    if let Some(parameter) = self.parameter_named(&it.ty) {
                        let name = self.ident(&it.ident);
                        self.associated_parameters.push((name, parameter));
                    }
                    let name = self.associated(&it.ident);
                    let value = self.type_value(&it.ty);
                    self.generics.push((name, value));
                }
                ImplItem::Const(it) => {
                    if let syn::Expr::Lit(written) = &it.expr {
                        let (name, value) = (self.ident(&it.ident), self.literal(&written.lit));
                        self.constants.push((name, value));
                    }
                }
                _ => {}
            }
        }
        let decorators = self.decorators(&it.attrs);
        let mut methods = Vec::new();
        for member in &it.items {
            let ImplItem::Fn(method) = member else { continue };
            let owner = Owner::Impl(target);
            let id = self.declare_function(&method.sig, &method.attrs, method.block.brace_token.span.close(), owner);
            methods.push((self.ident(&method.sig.ident), id));
            self.model.function_mut(id).decorators.extend(decorators.iter().copied());
            self.define_function(id, &method.sig, &method.attrs, Some(&method.block));
        }
        self.self_types.pop();
        self.self_parameters = outer_parameters;
        self.constants = outer_constants;
        self.associated_parameters = outer_associated;
        self.path.pop();
        self.test = outer_test;
        self.leave_generics(mark);
        let shown: Vec<FunctionId> = methods.iter().map(|(_, function)| *function).collect();
        self.show_methods(it, &shown);
        self.model.impls.push(Impl { module: self.module, target, of_trait, methods });
    }

    fn trait_methods(&mut self, it: &syn::ItemTrait) {
        let name = self.ident(&it.ident);
        let module = self.module;
        let Some(index) = self.model.classes.iter().rposition(|class| class.name == name && class.module == module)
        else {
            return;
        };
        let class = ClassId(index as u32);
        let mark = self.enter_generics(&it.generics);
        let class_value = self.add(Value::Class(class));
        let this = self.instance(class_value, Vec::new());
        self.self_types.push((this, class_value));
        self.path.push(it.ident.to_string());
        for member in &it.items {
            let TraitItem::Fn(method) = member else { continue };
            let end = match (&method.default, &method.semi_token) {
                (Some(block), _) => block.brace_token.span.close(),
                (None, Some(semi)) => semi.span,
                (None, None) => method.sig.paren_token.span.close(),
            };
            let id = self.declare_function(&method.sig, &method.attrs, end, Owner::Trait(class, this));
            let name = self.ident(&method.sig.ident);
            self.model.classes[class.index()].methods.push((name, id));
            self.define_function(id, &method.sig, &method.attrs, method.default.as_ref());
        }
        self.path.pop();
        self.self_types.pop();
        self.leave_generics(mark);
    }

    /// Keeps `#[allow(..)]` and `#[expect(..)]` of lints of other tools.
    pub(super) fn allows(&mut self, attrs: &[Attribute], extent: Span) {
        for attr in attrs {
            if !attr.path().is_ident("allow") && !attr.path().is_ident("expect") {
                continue;
            }
            let mut lints = Vec::new();
            // What cannot be read here is for the compiler to complain about.
            let _ = attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("reason") {
                    meta.value()?.parse::<syn::LitStr>()?;
                    return Ok(());
                }
                let segments: Vec<String> = meta.path.segments.iter().map(|it| it.ident.to_string()).collect();
                lints.push((segments.join("::"), place::path_start(&meta.path), place::path_end(&meta.path)));
                Ok(())
            });
            for (lint, from, to) in lints {
                if lint.contains("::") {
                    let span = self.between(from, to);
                    self.model.allows.push(Allow { lint: lint.into(), span, extent });
                }
            }
        }
    }
}

/// `#[macro_use] extern crate rocket;`: what it has of macros goes by their own names.
pub(super) fn opens_macros(item: &ItemExternCrate) -> bool {
    item.attrs.iter().any(|attr| attr.path().is_ident("macro_use"))
}

/// Which of the type parameters the type is, be it behind a pointer that gives access to it.
fn parameter_of(generics: &Generics, ty: &Type) -> Option<u32> {
    let path = match ty {
        Type::Path(it) if it.qself.is_none() => &it.path,
        Type::Reference(it) => return parameter_of(generics, &it.elem),
        _ => return None,
    };
    if let Some(name) = path.get_ident() {
        return generics.type_params().zip(0..).find(|(it, _)| it.ident == *name).map(|(_, index)| index);
    }
    let last = path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(it) if ["Arc", "Box", "Rc"].iter().any(|name| last.ident == name) => {
            match it.args.first()? {
                GenericArgument::Type(inner) => parameter_of(generics, inner),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Which of the type parameters something of that type holds, if it is one alone: of `Arc<Mutex<S>>`, `S`.
fn parameter_inside(generics: &Generics, ty: &Type) -> Option<u32> {
    let mut inside = Vec::new();
    match ty {
        Type::Path(it) => {
            let arguments = it.path.segments.last().map(|it| &it.arguments);
            let Some(PathArguments::AngleBracketed(arguments)) = arguments else { return None };
            inside.extend(arguments.args.iter().filter_map(|it| match it {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            }));
        }
        Type::Tuple(it) => inside.extend(&it.elems),
        Type::Reference(it) => inside.push(&it.elem),
        Type::Slice(it) => inside.push(&it.elem),
        Type::Array(it) => inside.push(&it.elem),
        _ => return None,
    }
    let parameter = |ty: &&Type| parameter_of(generics, ty).or_else(|| parameter_inside(generics, ty));
    let mut found = inside.iter().filter_map(parameter);
    let first = found.next()?;
    found.all(|it| it == first).then_some(first)
}

/// `#[cfg(test)]`, `#[cfg(all(test, ..))]`.
pub(super) fn is_cfg_test(attr: &Attribute) -> bool {
    match &attr.meta {
        Meta::List(it) if it.path.is_ident("cfg") => mentions_test(it.tokens.clone()),
        _ => false,
    }
}

/// The same, of the item before which that text stands.
pub(super) fn is_below_cfg_test(before: &str) -> bool {
    let before = before.trim_end();
    // `pub`, `pub(crate)`
    let before = before.strip_suffix(')').and_then(|it| Some(&it[..it.rfind('(')?])).unwrap_or(before);
    let mut before = before.strip_suffix("pub").unwrap_or(before).trim_end();
    while let Some(inside) = before.strip_suffix(']') {
        let Some(start) = inside.rfind("#[") else { return false };
        let tokens = inside[start + 2..].trim_start().strip_prefix("cfg").and_then(|it| it.parse().ok());
        if tokens.is_some_and(mentions_test) {
            return true;
        }
        before = before[..start].trim_end();
    }
    false
}

fn mentions_test(tokens: TokenStream) -> bool {
    let mut negated = false;
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) if ident == "test" => return true,
            TokenTree::Ident(ident) => negated = ident == "not",
            TokenTree::Group(group) if !negated && mentions_test(group.stream()) => return true,
            _ => negated = false,
        }
    }
    false
}
