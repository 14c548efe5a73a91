//! The attributes of PyO3: what the file shows to Python, and under which names.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprMethodCall, FnArg, ImplItem, Item, ItemFn, Macro, Meta, Signature, Token, Type};

use crate::model::{
    CallId, ClassId, Function, FunctionId, Given, ModuleBody, ModuleId, NameId, Path, PathRoot, Role, Shown,
    ShownClass, ShownFunction, ShownModule, UNKNOWN, Value, ValueId,
};

use super::macros::split;
use super::scope::Lowerer;

/// Attributes that show something to Python, or say how.
const WORDS: &[&str] = &[
    "pyfunction",
    "pyfn",
    "pymethods",
    "pyclass",
    "pymodule",
    "pymodule_export",
    "pymodule_init",
    "pyo3",
    "new",
    "getter",
    "setter",
    "staticmethod",
    "classmethod",
    "classattr",
];

/// Macros that stand for a function or module of Rust as Python gets it.
const WRAPPERS: &[&str] = &["wrap_pyfunction", "wrap_pyfunction_bound", "wrap_pymodule"];

/// Methods that are given a class as their type argument.
const TYPED: &[&str] = &["add_class", "get_type", "get_type_bound", "type_object", "type_object_bound"];

/// The attributes of PyO3 that stand on one item.
struct Attributes(Vec<(String, TokenStream)>);

impl Attributes {
    fn of(attrs: &[Attribute]) -> Self {
        let mut found = Vec::new();
        for attr in attrs {
            collect(&attr.meta, &mut found);
        }
        Self(found)
    }

    fn has(&self, word: &str) -> bool {
        self.0.iter().any(|(name, _)| name == word)
    }

    /// The value of an option, from whichever attribute has it: `name = "x"`, `#[pyo3(signature = (a, b=1))]`.
    fn option(&self, wanted: &str) -> Option<TokenStream> {
        self.0.iter().flat_map(|(_, tokens)| split(tokens.clone())).find_map(|part| {
            let mut trees = part.into_iter();
            match (trees.next()?, trees.next()) {
                (TokenTree::Ident(name), Some(TokenTree::Punct(sign))) if name == wanted && sign.as_char() == '=' => {
                    Some(trees.collect())
                }
                _ => None,
            }
        })
    }

    fn has_flag(&self, wanted: &str) -> bool {
        let mut parts = self.0.iter().flat_map(|(_, tokens)| split(tokens.clone()));
        parts.any(|part| part.to_string() == wanted)
    }

    fn text(&self, wanted: &str) -> Option<String> {
        text(self.option(wanted)?)
    }

    /// What stands in the parentheses of `#[getter(name)]`, as an identifier or a string.
    fn argument(&self, word: &str) -> Option<String> {
        let (_, tokens) = self.0.iter().find(|(name, _)| name == word)?;
        match tokens.clone().into_iter().next()? {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => text(tokens.clone()),
        }
    }
}

fn text(tokens: TokenStream) -> Option<String> {
    syn::parse2::<syn::LitStr>(tokens).ok().map(|it| it.value())
}

/// Also under `#[cfg_attr(feature = "python", ..)]`.
fn collect(meta: &Meta, found: &mut Vec<(String, TokenStream)>) {
    let Some(last) = meta.path().segments.last() else { return };
    if let Meta::List(list) = meta
        && last.ident == "cfg_attr"
    {
        // What cannot be read here is for the compiler to complain about.
        let inner = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone()).unwrap_or_default();
        inner.iter().skip(1).for_each(|it| collect(it, found));
        return;
    }
    if WORDS.iter().any(|word| last.ident == word) {
        let tokens = match meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        found.push((last.ident.to_string(), tokens));
    }
}

/// The last name of a type, behind references: `Python` of `pyo3::Python<'_>`.
fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Reference(it) => last_name(&it.elem),
        Type::Paren(it) => last_name(&it.elem),
        Type::Group(it) => last_name(&it.elem),
        Type::Path(it) => it.path.segments.last().map(|it| it.ident.to_string()),
        _ => None,
    }
}

fn plain(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or_else(|| text.clone(), str::to_owned)
}

impl Lowerer<'_> {
    fn shown(&mut self) -> &mut Shown {
        self.model.shown.get_or_insert_default()
    }

    /// A function outside of `impl` blocks.
    pub(super) fn show_function(&mut self, id: FunctionId, it: &ItemFn) {
        let attributes = Attributes::of(&it.attrs);
        if attributes.has("pymodule") {
            let name = attributes.text("name").unwrap_or_else(|| plain(&it.sig.ident));
            let name = self.name(&name);
            self.shown().modules.push(ShownModule {
                name,
                body: ModuleBody::Function(id),
                exports: Vec::new(),
                init: None,
            });
        }
        if attributes.has("pyfunction") || attributes.has("pyfn") {
            let name = attributes.text("name").unwrap_or_else(|| plain(&it.sig.ident));
            let skipped = usize::from(attributes.has_flag("pass_module"));
            self.show(id, &it.sig, &attributes, &name, Role::Call, skipped);
        }
    }

    /// A method of a `#[pymethods]` block.
    pub(super) fn show_method(&mut self, id: FunctionId, attrs: &[Attribute], sig: &Signature) {
        let attributes = Attributes::of(attrs);
        if attributes.has("classattr") {
            return;
        }
        let own = plain(&sig.ident);
        let has_receiver = sig.receiver().is_some();
        let is_static = attributes.has("staticmethod");
        let (role, name, skipped) = if attributes.has("new") {
            (Role::New, own, usize::from(attributes.has("classmethod")))
        } else if attributes.has("getter") {
            let name = attributes.argument("getter");
            (Role::Getter, name.unwrap_or_else(|| own.strip_prefix("get_").unwrap_or(&own).to_owned()), 1)
        } else if attributes.has("setter") {
            let name = attributes.argument("setter");
            let name = name.unwrap_or_else(|| own.strip_prefix("set_").unwrap_or(&own).to_owned());
            (Role::Setter, name, usize::from(!has_receiver))
        } else {
            // `slf: PyRef<Self>`, or the class.
            (Role::Call, own, usize::from(!has_receiver && !is_static))
        };
        let name = attributes.text("name").unwrap_or(name);
        self.show(id, sig, &attributes, &name, role, skipped);
    }

    /// `skipped`: how many typed parameters come first that Python does not give.
    fn show(
        &mut self,
        id: FunctionId,
        sig: &Signature,
        attributes: &Attributes,
        name: &str,
        role: Role,
        skipped: usize,
    ) {
        let signature = attributes.option("signature").map(|it| self.signature(it));
        let mut given = Vec::new();
        let mut left = skipped;
        for (index, input) in sig.inputs.iter().enumerate() {
            let FnArg::Typed(input) = input else { continue };
            if last_name(&input.ty).as_deref() == Some("Python") {
                continue;
            }
            if left > 0 {
                left -= 1;
                continue;
            }
            let param = self.model.function(id).params[index].name;
            let stated = signature.as_ref().and_then(|it| it.iter().find(|stated| stated.name == param));
            if let Some(Stated { default: Some(default), .. }) = stated {
                let param = &mut self.model.function_mut(id).params[index];
                (param.has_default, param.default) = (true, *default);
            }
            given.push(Given { param: index as u32, positional: stated.is_none_or(|it| it.positional) });
        }
        let name = self.name(name);
        self.shown().functions.push(ShownFunction { function: id, name, role, given });
    }

    /// `(a, b=None, *, c=3)`
    fn signature(&mut self, tokens: TokenStream) -> Vec<Stated> {
        let Some(TokenTree::Group(group)) = tokens.into_iter().next() else { return Vec::new() };
        let mut stated = Vec::new();
        let mut positional = true;
        for part in split(group.stream()) {
            let mut trees = part.into_iter().peekable();
            let star = trees.next_if(|it| matches!(it, TokenTree::Punct(sign) if sign.as_char() == '*')).is_some();
            positional &= !star;
            let Some(TokenTree::Ident(ident)) = trees.find(|it| matches!(it, TokenTree::Ident(_))) else { continue };
            let mut rest = trees.skip_while(|it| !matches!(it, TokenTree::Punct(sign) if sign.as_char() == '='));
            let default = rest.next().map(|_| self.constant(rest.collect()));
            let name = self.name(&plain(&ident));
            stated.push(Stated { name, positional, default });
        }
        stated
    }

    /// A default, where it is written out.
    fn constant(&mut self, tokens: TokenStream) -> ValueId {
        match syn::parse2::<Expr>(tokens) {
            Ok(Expr::Lit(it)) => self.literal(&it.lit),
            Ok(Expr::Path(it)) if it.path.is_ident("None") => self.add(Value::None),
            _ => UNKNOWN,
        }
    }

    /// `#[pyclass]` on a struct or enum.
    pub(super) fn show_class(&mut self, class: ClassId, attrs: &[Attribute]) {
        let attributes = Attributes::of(attrs);
        if !attributes.has("pyclass") {
            return;
        }
        let name = match attributes.text("name") {
            Some(name) => self.name(&name),
            None => self.model.class(class).name,
        };
        let base = attributes.option("extends").and_then(|it| syn::parse2::<syn::Path>(it).ok());
        let base = base.map(|path| self.path_value(&path));
        self.shown().classes.push(ShownClass { class, name, base });
    }

    /// `#[pymodule] mod`: everything in it that carries an attribute of its own.
    pub(super) fn show_module(&mut self, id: ModuleId, it: &syn::ItemMod) {
        let attributes = Attributes::of(&it.attrs);
        let Some((_, items)) = it.content.as_ref().filter(|_| attributes.has("pymodule")) else { return };
        let name = attributes.text("name").unwrap_or_else(|| plain(&it.ident));
        let name = self.name(&name);
        let (mut exports, mut init) = (Vec::new(), None);
        for item in items {
            let (attrs, ident, wanted) = match item {
                Item::Fn(it) => (&it.attrs, &it.sig.ident, ["pyfunction", "pymodule"]),
                Item::Struct(it) => (&it.attrs, &it.ident, ["pyclass", "pyclass"]),
                Item::Enum(it) => (&it.attrs, &it.ident, ["pyclass", "pyclass"]),
                Item::Mod(it) => (&it.attrs, &it.ident, ["pymodule", "pymodule"]),
                Item::Use(it) if Attributes::of(&it.attrs).has("pymodule_export") => {
                    self.exported(id, &it.tree, &mut exports);
                    continue;
                }
                _ => continue,
            };
            let attributes = Attributes::of(attrs);
            if attributes.has("pymodule_init") {
                let name = self.ident(ident);
                let is_it = |it: &Function| it.module == id && it.name == name && it.parent.is_none();
                init = self.model.functions.iter().position(is_it).map(|it| FunctionId(it as u32));
            }
            if wanted.iter().any(|word| attributes.has(word)) {
                let name = self.ident(ident);
                exports.push(self.inside(id, name));
            }
        }
        self.shown().modules.push(ShownModule { name, body: ModuleBody::Inline(id), exports, init });
    }

    fn exported(&mut self, module: ModuleId, tree: &syn::UseTree, exports: &mut Vec<ValueId>) {
        let ident = match tree {
            syn::UseTree::Path(it) => return self.exported(module, &it.tree, exports),
            syn::UseTree::Group(it) => return it.items.iter().for_each(|it| self.exported(module, it, exports)),
            syn::UseTree::Name(it) => &it.ident,
            syn::UseTree::Rename(it) => &it.rename,
            syn::UseTree::Glob(_) => return,
        };
        let name = self.ident(ident);
        exports.push(self.inside(module, name));
    }

    /// What a module calls by that name.
    fn inside(&mut self, module: ModuleId, name: NameId) -> ValueId {
        self.add(Value::Path(Box::new(Path { root: PathRoot::Super(module, 0), segments: [name].into() })))
    }

    /// `wrap_pyfunction!(load, module)` stands for the function.
    pub(super) fn wrapped(&mut self, mac: &Macro) -> Option<ValueId> {
        let name = &mac.path.segments.last()?.ident;
        if !WRAPPERS.iter().any(|wrapper| name == wrapper) {
            return None;
        }
        let mut parts = split(mac.tokens.clone()).into_iter();
        let path = syn::parse2::<syn::Path>(parts.next()?).ok()?;
        parts.for_each(|it| self.mention(it));
        Some(self.path_value(&path))
    }

    /// `module.add_class::<Store>()` names a class.
    pub(super) fn note_type(&mut self, it: &ExprMethodCall, result: ValueId) {
        let Some(arguments) = it.turbofish.as_ref().filter(|_| TYPED.iter().any(|name| it.method == name)) else {
            return;
        };
        if let Some(syn::GenericArgument::Type(ty)) = arguments.args.first()
            && let Value::Result(call) = self.model.value(result)
        {
            let call: CallId = *call;
            let value = self.type_value(ty);
            self.shown().types.push((call, value));
        }
    }

    /// Methods of one `impl` block that Python sees.
    pub(super) fn show_methods(&mut self, it: &syn::ItemImpl, methods: &[FunctionId]) {
        if !Attributes::of(&it.attrs).has("pymethods") {
            return;
        }
        let all = it.items.iter().filter_map(|member| match member {
            ImplItem::Fn(method) => Some(method),
            _ => None,
        });
        for (method, id) in all.zip(methods) {
            self.show_method(*id, &method.attrs, &method.sig);
        }
    }
}

/// A parameter as `signature` states it.
struct Stated {
    name: NameId,
    positional: bool,
    default: Option<ValueId>,
}
