//! What macros are given, part by part.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{Expr, Member};

/// The expression that a part of what a macro is given stands for, or the part, if it is none.
pub(super) fn written(part: TokenStream) -> Result<Expr, TokenStream> {
    let trees: Vec<TokenTree> = part.into_iter().collect();
    let at = value_in(&trees);
    if let Some(simple) = simple(&trees[at..]) {
        return Ok(simple);
    }
    let value = trees[at..].iter().cloned().collect();
    syn::parse2(value).map_err(|_| trees.into_iter().collect())
}

/// Most parts need no parser: a text, a name, a field of what has one, or a reference to one of these.
fn simple(trees: &[TokenTree]) -> Option<Expr> {
    let (and, trees) = match trees {
        [TokenTree::Punct(it), of @ ..] if it.as_char() == '&' && it.spacing() == Spacing::Alone => (Some(it), of),
        _ => (None, trees),
    };
    let attrs = Vec::new;
    let mut expr = match trees.first()? {
        TokenTree::Literal(it) if trees.len() == 1 => {
            Expr::Lit(syn::ExprLit { attrs: attrs(), lit: syn::Lit::new(it.clone()) })
        }
        TokenTree::Ident(it) if *it == "self" || is_plain_name(it) => {
            Expr::Path(syn::ExprPath { attrs: attrs(), qself: None, path: it.clone().into() })
        }
        _ => return None,
    };
    for field in trees[1..].chunks(2) {
        let [TokenTree::Punct(dot), TokenTree::Ident(name)] = field else { return None };
        if dot.as_char() != '.' || !is_plain_name(name) {
            return None;
        }
        let (dot_token, member) = (syn::token::Dot { spans: [dot.span()] }, Member::Named(name.clone()));
        expr = Expr::Field(syn::ExprField { attrs: attrs(), base: Box::new(expr), dot_token, member });
    }
    Some(match and {
        Some(and) => {
            let (expr, and_token) = (Box::new(expr), syn::token::And { spans: [and.span()] });
            Expr::Reference(syn::ExprReference { attrs: attrs(), and_token, mutability: None, expr })
        }
        None => expr,
    })
}

/// Where the value begins in `name = %value`, `target: value`, `?value`.
fn value_in(trees: &[TokenTree]) -> usize {
    let is_punct =
        |tree: Option<&TokenTree>, wanted: char| matches!(tree, Some(TokenTree::Punct(it)) if it.as_char() == wanted);
    let mut at = 0;
    // A dotted name, then `=` that is no `==`, or `:` that is no `::`.
    let mut name = 0;
    while let Some(TokenTree::Ident(_) | TokenTree::Literal(_)) = trees.get(name) {
        name += 1;
        if !is_punct(trees.get(name), '.') {
            break;
        }
        name += 1;
    }
    if name > 0
        && (is_punct(trees.get(name), '=')
            && !is_punct(trees.get(name + 1), '=')
            && !is_punct(trees.get(name + 1), '>')
            || is_punct(trees.get(name), ':') && !is_punct(trees.get(name + 1), ':'))
    {
        at = name + 1;
    }
    if is_punct(trees.get(at), '%') || is_punct(trees.get(at), '?') {
        at += 1;
    }
    at
}

/// It is the name of something, and no keyword.
fn is_plain_name(ident: &proc_macro2::Ident) -> bool {
    const KEYWORDS: [&str; 50] = [
        "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
        "else", "enum", "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match",
        "mod", "move", "mut", "override", "priv", "return", "self", "static", "struct", "super", "trait", "true",
        "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    let name = ident.to_string();
    KEYWORDS.binary_search(&name.as_str()).is_err()
}
