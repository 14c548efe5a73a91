//! What `cfg` leaves out wherever there are threads and an event loop to hold up: code for WebAssembly, what a function that
//! is no test itself does in tests alone, and in a crate that is installed what features are for that are off.
//!
//! Such code stands beside its twin for all other platforms, under the same names. With both of them read, a call would mean
//! both, and a task would be lost where there is no handle to keep.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, BinOp, Expr, ExprLit, ImplItem, Item, ItemImpl, Lit, Macro, Meta, Stmt, Token, UnOp};

use crate::source::Features;

/// What is known of how code is compiled.
#[derive(Clone, Copy, Default)]
pub(super) struct Built<'a> {
    /// Not for tests: of code that is no test it is asked what it does elsewhere.
    pub(super) for_no_test: bool,
    /// Of a crate that is installed.
    pub(super) features: Option<&'a Features>,
}

/// The items without those that are for WebAssembly alone, at any depth. A module in a file of its own stays declared, since
/// the file is there.
pub(super) fn kept(mut items: Vec<Item>, built: Built<'_>) -> Vec<Item> {
    items.retain(|item| !is_left_out(attributes(item), built));
    without_open_twins(&mut items, built);
    for item in &mut items {
        match item {
            Item::Mod(it) => {
                if let Some((_, inner)) = &mut it.content {
                    *inner = kept(std::mem::take(inner), built);
                }
            }
            Item::Impl(it) => it.items.retain(|member| match member {
                ImplItem::Fn(method) => !is_left_out(&method.attrs, built),
                _ => true,
            }),
            _ => {}
        }
    }
    items
}

/// Takes out functions of one name of which features decide which is there, where nobody knows those: what a call of them runs is not
/// known either.
fn without_open_twins(items: &mut Vec<Item>, built: Built<'_>) {
    if built.features.is_none() {
        return;
    }
    let is_open = |attrs: &[Attribute]| hangs_on_feature(attrs) && outcomes(attrs, built).any(|it| it.is_none());
    // Of which type, and for which trait: of functions that are no methods, nothing.
    let block = |it: &ItemImpl| {
        let of = it.trait_.as_ref().map(|(path, _)| path.to_token_stream().to_string());
        (it.self_ty.to_token_stream().to_string(), of)
    };
    let mut open = Vec::new();
    for item in &*items {
        match item {
            Item::Fn(it) if is_open(&it.attrs) => open.push((None, it.sig.ident.to_string())),
            Item::Impl(it) => {
                let is_open_whole = is_open(&it.attrs);
                let methods = it.items.iter().filter_map(|member| match member {
                    ImplItem::Fn(it) if is_open_whole || is_open(&it.attrs) => Some(it.sig.ident.to_string()),
                    _ => None,
                });
                let mut methods = methods.peekable();
                if methods.peek().is_some() {
                    let of = block(it);
                    open.extend(methods.map(|name| (Some(of.clone()), name)));
                }
            }
            _ => {}
        }
    }
    open.sort();
    let twins: Vec<_> = open.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    if twins.is_empty() {
        return;
    }
    items.retain(|item| !matches!(item, Item::Fn(it) if twins.contains(&(None, it.sig.ident.to_string()))));
    for item in items {
        if let Item::Impl(it) = item {
            let of = Some(block(it));
            it.items.retain(
                |member| !matches!(member, ImplItem::Fn(it) if twins.contains(&(of.clone(), it.sig.ident.to_string()))),
            );
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Mod(it) if it.content.is_some() => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Const(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::ExternCrate(it) => &it.attrs,
        _ => &[],
    }
}

/// The statement is for WebAssembly alone, or for tests where there are none. What a function declares in its body stays, as
/// what is declared around it does.
pub(super) fn leaves_out(stmt: &Stmt, built: Built<'_>) -> bool {
    let for_no_test = built.for_no_test && !matches!(stmt, Stmt::Item(_));
    is_left_out(attributes_of(stmt), Built { for_no_test, ..built })
}

/// The statement is there under a `cfg` that always holds.
pub(super) fn is_kept(stmt: &Stmt, built: Built<'_>) -> bool {
    outcomes(attributes_of(stmt), built).all(|it| it == Some(true))
}

/// The statement is there under a `cfg`, and another perhaps where it is not.
pub(super) fn is_gated(stmt: &Stmt) -> bool {
    has_cfg(attributes_of(stmt))
}

/// Its `cfg` hangs on a feature.
pub(super) fn asks_for_feature(stmt: &Stmt) -> bool {
    hangs_on_feature(attributes_of(stmt))
}

fn hangs_on_feature(attrs: &[Attribute]) -> bool {
    let mut asked = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    asked.any(|attr| attr.meta.require_list().is_ok_and(|it| it.tokens.to_string().contains("feature")))
}

pub(super) fn has_cfg(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("cfg"))
}

fn attributes_of(stmt: &Stmt) -> &[Attribute] {
    match stmt {
        Stmt::Local(it) => &it.attrs,
        Stmt::Item(item) => attributes(item),
        Stmt::Macro(it) => &it.attrs,
        Stmt::Expr(expr, _) => attributes_of_expression(expr),
    }
}

fn attributes_of_expression(expr: &Expr) -> &[Attribute] {
    match expr {
        // Those of a statement stand at its first operand.
        Expr::Assign(it) => attributes_of_expression(&it.left),
        Expr::Binary(it) => attributes_of_expression(&it.left),
        Expr::Cast(it) => attributes_of_expression(&it.expr),
        Expr::Async(it) => &it.attrs,
        Expr::Await(it) => &it.attrs,
        Expr::Block(it) => &it.attrs,
        Expr::Break(it) => &it.attrs,
        Expr::Call(it) => &it.attrs,
        Expr::Continue(it) => &it.attrs,
        Expr::Field(it) => &it.attrs,
        Expr::ForLoop(it) => &it.attrs,
        Expr::If(it) => &it.attrs,
        Expr::Index(it) => &it.attrs,
        Expr::Lit(it) => &it.attrs,
        Expr::Loop(it) => &it.attrs,
        Expr::Macro(it) => &it.attrs,
        Expr::Match(it) => &it.attrs,
        Expr::MethodCall(it) => &it.attrs,
        Expr::Paren(it) => &it.attrs,
        Expr::Path(it) => &it.attrs,
        Expr::Return(it) => &it.attrs,
        Expr::Struct(it) => &it.attrs,
        Expr::Try(it) => &it.attrs,
        Expr::Tuple(it) => &it.attrs,
        Expr::Unary(it) => &it.attrs,
        Expr::Unsafe(it) => &it.attrs,
        Expr::While(it) => &it.attrs,
        _ => &[],
    }
}

/// A `cfg` among the attributes holds for no platform but WebAssembly, or where a feature is as it is not.
pub(super) fn is_left_out(attrs: &[Attribute], built: Built<'_>) -> bool {
    outcomes(attrs, built).any(|it| it == Some(false))
}

/// What the `cfg`s among the attributes come to.
fn outcomes<'a>(attrs: &'a [Attribute], built: Built<'a>) -> impl Iterator<Item = Option<bool>> + 'a {
    let predicates = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    predicates.map(move |attr| holds(&attr.parse_args::<Meta>().ok()?, built))
}

/// What a test comes to, whatever the values of the program are: `true`, `!cfg!(test)`.
pub(super) fn constant(cond: &Expr, built: Built<'_>) -> Option<bool> {
    match cond {
        Expr::Lit(ExprLit { lit: Lit::Bool(it), .. }) => Some(it.value),
        Expr::Macro(it) if it.mac.path.is_ident("cfg") => holds_in(&it.mac, built),
        Expr::Paren(it) => constant(&it.expr, built),
        Expr::Unary(it) if matches!(it.op, UnOp::Not(_)) => constant(&it.expr, built).map(|it| !it),
        Expr::Binary(it) => {
            let (left, right) = match it.op {
                BinOp::And(_) | BinOp::Or(_) => (constant(&it.left, built), constant(&it.right, built)),
                _ => return None,
            };
            let decides = matches!(it.op, BinOp::Or(_));
            if left == Some(decides) || right == Some(decides) { Some(decides) } else { left.and(right) }
        }
        _ => None,
    }
}

/// What `cfg!(..)` comes to.
pub(super) fn holds_in(mac: &Macro, built: Built<'_>) -> Option<bool> {
    holds(&mac.parse_body::<Meta>().ok()?, built)
}

/// Whether the predicate holds on a platform with threads, whichever it is.
fn holds(predicate: &Meta, built: Built<'_>) -> Option<bool> {
    match predicate {
        Meta::List(it) => {
            let inner = it.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
            let mut parts = inner.iter().map(|it| holds(it, built));
            if it.path.is_ident("not") {
                parts.next()?.map(|it| !it)
            } else if it.path.is_ident("all") {
                parts
                    .try_fold(true, |all, part| match part {
                        Some(false) => Err(()),
                        part => Ok(all && part.is_some()),
                    })
                    .map_or(Some(false), |all| all.then_some(true))
            } else if it.path.is_ident("any") {
                parts
                    .try_fold(true, |none, part| match part {
                        Some(true) => Err(()),
                        part => Ok(none && part.is_some()),
                    })
                    .map_or(Some(true), |none| none.then_some(false))
            } else {
                None
            }
        }
        Meta::NameValue(it) => {
            let Expr::Lit(ExprLit { lit: Lit::Str(value), .. }) = &it.value else { return None };
            let value = value.value();
            let name = it.path.get_ident()?.to_string();
            if name == "feature" {
                return built.features?.is_on(&value);
            }
            let is_wasm = match name.as_str() {
                "target_family" => value == "wasm",
                "target_arch" => value.starts_with("wasm"),
                "target_os" => value == "emscripten" || value == "wasi",
                _ => false,
            };
            is_wasm.then_some(false)
        }
        Meta::Path(it) if it.is_ident("test") => built.for_no_test.then_some(false),
        // Names of a build script's own: `wasm_browser`.
        Meta::Path(it) => it.get_ident().is_some_and(|it| it.to_string().starts_with("wasm")).then_some(false),
    }
}
