//! Where a piece of syntax starts and ends, found from its outermost tokens alone: printing a whole expression to ask for
//! its extent would cost as much as parsing it again.

use proc_macro2::Span;
use syn::{Expr, Pat, PathArguments, Type, TypeParamBound};

pub(super) fn start(expr: &Expr) -> Span {
    let mut at = expr;
    loop {
        at = match at {
            Expr::Assign(it) => &it.left,
            Expr::Await(it) => &it.base,
            Expr::Binary(it) => &it.left,
            Expr::Call(it) => &it.func,
            Expr::Cast(it) => &it.expr,
            Expr::Field(it) => &it.base,
            Expr::Index(it) => &it.expr,
            Expr::MethodCall(it) => &it.receiver,
            Expr::Try(it) => &it.expr,
            Expr::Group(it) => &it.expr,
            Expr::Range(it) => match &it.start {
                Some(start) => start,
                None => return range_limits(&it.limits).0,
            },
            other => return own_start(other),
        }
    }
}

fn own_start(expr: &Expr) -> Span {
    match expr {
        Expr::Array(it) => it.bracket_token.span.open(),
        Expr::Async(it) => it.async_token.span,
        Expr::Block(it) => match &it.label {
            Some(label) => label.name.apostrophe,
            None => it.block.brace_token.span.open(),
        },
        Expr::Break(it) => it.break_token.span,
        Expr::Closure(it) => match (&it.constness, &it.asyncness, &it.capture) {
            (Some(token), ..) => token.span,
            (None, Some(token), _) => token.span,
            (None, None, Some(token)) => token.span,
            _ => it.inputs_begin.spans[0],
        },
        Expr::Const(it) => it.const_token.span,
        Expr::Continue(it) => it.continue_token.span,
        Expr::ForLoop(it) => match &it.label {
            Some(label) => label.name.apostrophe,
            None => it.for_token.span,
        },
        Expr::If(it) => it.if_token.span,
        Expr::Infer(it) => it.underscore_token.span,
        Expr::Let(it) => it.let_token.span,
        Expr::Lit(it) => it.lit.span(),
        Expr::Loop(it) => match &it.label {
            Some(label) => label.name.apostrophe,
            None => it.loop_token.span,
        },
        Expr::Macro(it) => path_start(&it.mac.path),
        Expr::Match(it) => it.match_token.span,
        Expr::Paren(it) => it.paren_token.span.open(),
        Expr::Path(it) => match &it.qself {
            Some(qself) => qself.lt_token.spans[0],
            None => path_start(&it.path),
        },
        Expr::Reference(it) => it.and_token.spans[0],
        Expr::Repeat(it) => it.bracket_token.span.open(),
        Expr::Return(it) => it.return_token.span,
        Expr::Struct(it) => path_start(&it.path),
        Expr::TryBlock(it) => it.try_token.span,
        Expr::Tuple(it) => it.paren_token.span.open(),
        Expr::Unary(it) => match &it.op {
            syn::UnOp::Deref(token) => token.spans[0],
            syn::UnOp::Not(token) => token.spans[0],
            syn::UnOp::Neg(token) => token.spans[0],
            _ => Span::call_site(),
        },
        Expr::Unsafe(it) => it.unsafe_token.span,
        Expr::While(it) => match &it.label {
            Some(label) => label.name.apostrophe,
            None => it.while_token.span,
        },
        Expr::Yield(it) => it.yield_token.span,
        _ => Span::call_site(),
    }
}

pub(super) fn end(expr: &Expr) -> Span {
    let mut at = expr;
    loop {
        at = match at {
            Expr::Assign(it) => &it.right,
            Expr::Binary(it) => &it.right,
            Expr::Closure(it) => &it.body,
            Expr::Group(it) => &it.expr,
            Expr::Let(it) => &it.expr,
            Expr::Reference(it) => &it.expr,
            Expr::Unary(it) => &it.expr,
            Expr::Break(it) => match (&it.expr, &it.label) {
                (Some(expr), _) => expr,
                (None, Some(label)) => return label.ident.span(),
                (None, None) => return it.break_token.span,
            },
            Expr::Range(it) => match &it.end {
                Some(end) => end,
                None => return range_limits(&it.limits).1,
            },
            Expr::Return(it) => match &it.expr {
                Some(expr) => expr,
                None => return it.return_token.span,
            },
            Expr::Yield(it) => match &it.expr {
                Some(expr) => expr,
                None => return it.yield_token.span,
            },
            Expr::If(it) => match &it.else_branch {
                Some((_, branch)) => branch,
                None => return it.then_branch.brace_token.span.close(),
            },
            other => return own_end(other),
        }
    }
}

fn own_end(expr: &Expr) -> Span {
    match expr {
        Expr::Array(it) => it.bracket_token.span.close(),
        Expr::Async(it) => it.block.brace_token.span.close(),
        Expr::Await(it) => it.await_token.span,
        Expr::Block(it) => it.block.brace_token.span.close(),
        Expr::Call(it) => it.paren_token.span.close(),
        Expr::Cast(it) => type_end(&it.ty),
        Expr::Const(it) => it.block.brace_token.span.close(),
        Expr::Continue(it) => match &it.label {
            Some(label) => label.ident.span(),
            None => it.continue_token.span,
        },
        Expr::Field(it) => match &it.member {
            syn::Member::Named(name) => name.span(),
            syn::Member::Unnamed(index) => index.span,
        },
        Expr::ForLoop(it) => it.body.brace_token.span.close(),
        Expr::Index(it) => it.bracket_token.span.close(),
        Expr::Infer(it) => it.underscore_token.span,
        Expr::Lit(it) => it.lit.span(),
        Expr::Loop(it) => it.body.brace_token.span.close(),
        Expr::Macro(it) => it.mac.delimiter.span().close(),
        Expr::Match(it) => it.brace_token.span.close(),
        Expr::MethodCall(it) => it.paren_token.span.close(),
        Expr::Paren(it) => it.paren_token.span.close(),
        Expr::Path(it) => path_end(&it.path),
        Expr::Repeat(it) => it.bracket_token.span.close(),
        Expr::Struct(it) => it.brace_token.span.close(),
        Expr::Try(it) => it.question_token.span,
        Expr::TryBlock(it) => it.block.brace_token.span.close(),
        Expr::Tuple(it) => it.paren_token.span.close(),
        Expr::Unsafe(it) => it.block.brace_token.span.close(),
        Expr::While(it) => it.body.brace_token.span.close(),
        other => own_start(other),
    }
}

fn range_limits(limits: &syn::RangeLimits) -> (Span, Span) {
    match limits {
        syn::RangeLimits::HalfOpen(token) => (token.spans[0], token.spans[1]),
        syn::RangeLimits::Closed(token) => (token.spans[0], token.spans[2]),
    }
}

pub(super) fn path_start(path: &syn::Path) -> Span {
    match (&path.leading_colon, path.segments.first()) {
        (Some(token), _) => token.spans[0],
        (None, Some(segment)) => segment.ident.span(),
        (None, None) => Span::call_site(),
    }
}

pub(super) fn path_end(path: &syn::Path) -> Span {
    let Some(segment) = path.segments.last() else { return Span::call_site() };
    match &segment.arguments {
        PathArguments::None => segment.ident.span(),
        PathArguments::AngleBracketed(it) => it.gt_token.spans[0],
        PathArguments::Parenthesized(it) => match &it.output {
            syn::ReturnType::Default => it.paren_token.span.close(),
            syn::ReturnType::Type(_, ty) => type_end(ty),
        },
    }
}

fn type_end(ty: &Type) -> Span {
    let mut at = ty;
    loop {
        at = match at {
            Type::Path(it) => return path_end(&it.path),
            Type::Reference(it) => &it.elem,
            Type::Ptr(it) => &it.elem,
            Type::Group(it) => &it.elem,
            Type::Paren(it) => return it.paren_token.span.close(),
            Type::Tuple(it) => return it.paren_token.span.close(),
            Type::Slice(it) => return it.bracket_token.span.close(),
            Type::Array(it) => return it.bracket_token.span.close(),
            Type::Infer(it) => return it.underscore_token.span,
            Type::Never(it) => return it.bang_token.spans[0],
            Type::Macro(it) => return it.mac.delimiter.span().close(),
            Type::TraitObject(it) => return bound_end(it.bounds.last()),
            Type::ImplTrait(it) => return bound_end(it.bounds.last()),
            Type::FnPtr(it) => match &it.output {
                syn::ReturnType::Default => return it.paren_token.span.close(),
                syn::ReturnType::Type(_, ty) => ty,
            },
            _ => return Span::call_site(),
        }
    }
}

fn bound_end(bound: Option<&TypeParamBound>) -> Span {
    match bound {
        Some(TypeParamBound::Trait(it)) => it.paren_token.map_or_else(|| path_end(&it.path), |it| it.span.close()),
        Some(TypeParamBound::Lifetime(it)) => it.ident.span(),
        Some(TypeParamBound::PreciseCapture(it)) => it.gt_token.spans[0],
        _ => Span::call_site(),
    }
}

/// Where a pattern begins: the name it binds, where it binds one.
pub(super) fn pattern(pat: &Pat) -> Span {
    match pat {
        Pat::Ident(it) => it.ident.span(),
        Pat::Type(it) => pattern(&it.pat),
        Pat::Guard(it) => pattern(&it.pat),
        Pat::Paren(it) => it.paren_token.span.open(),
        Pat::Tuple(it) => it.paren_token.span.open(),
        Pat::Slice(it) => it.bracket_token.span.open(),
        Pat::Reference(it) => it.and_token.spans[0],
        Pat::Wild(it) => it.underscore_token.span,
        Pat::TupleStruct(it) => path_start(&it.path),
        Pat::Struct(it) => path_start(&it.path),
        Pat::Path(it) => path_start(&it.path),
        Pat::Lit(it) => it.lit.span(),
        Pat::Or(it) => it.cases.first().map_or_else(Span::call_site, pattern),
        _ => Span::call_site(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_end_where_their_types_do() {
        let types = [
            "u8",
            "a::B<C>",
            "&mut dyn A",
            "&dyn A<'_, B>",
            "*const (dyn A + Send)",
            "Box<dyn A + 'static>",
            "&(dyn A)",
            "fn(u8)",
            "fn() -> dyn A",
            "unsafe extern \"C\" fn(u8) -> [u8; 2]",
            "make!(x)",
            "_",
            "!",
            "[u8]",
        ];
        for ty in types {
            let text = format!("x as {ty}");
            let written: Expr = syn::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(end(&written).end().column, text.len(), "{text}");
        }
    }
}
