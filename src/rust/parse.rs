//! Text to syntax, by item where the file as a whole does not parse.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Attribute, ImplItem, Item, TraitItem};

use crate::model::ParseError;
use crate::source::{Features, Span};

use super::offset::Offsets;
use super::platform::{Built, is_left_out, kept};

/// Some items of a file, with where their text stands in it.
pub(super) struct Piece {
    pub(super) base: u32,
    pub(super) end: u32,
    pub(super) attrs: Vec<Attribute>,
    pub(super) items: Vec<Item>,
}

impl Piece {
    /// Where its tokens stand in the file, whose text this is.
    pub(super) fn offsets(&self, text: &str) -> Offsets {
        Offsets::of(&text[..self.end as usize], self.base)
    }
}

/// All that can be parsed of a text, and what cannot.
pub(super) fn parse(text: &str, features: Option<&Features>) -> (Vec<Piece>, Vec<ParseError>) {
    let start = shebang(text);
    let built = Built { features, ..Built::default() };
    let mut parser = Parser { base: start as u32, end: text.len() as u32, errors: Vec::new(), built };
    let pieces = match TokenStream::from_str(&text[start..]) {
        Ok(tokens) => vec![parser.piece(&text[start..], tokens)],
        // Brackets that do not pair, or a string without an end: by pieces that start at the margin.
        Err(_) => at_the_margin(text, start)
            .into_iter()
            .filter_map(|(from, to)| {
                (parser.base, parser.end) = (from as u32, to as u32);
                match TokenStream::from_str(&text[from..to]) {
                    Ok(tokens) => Some(parser.piece(&text[from..to], tokens)),
                    Err(error) => {
                        let at = from as u32 + error.span().byte_range().start as u32;
                        let message = "the brackets do not pair, or a literal has no end".to_owned();
                        parser.errors.push(ParseError { span: Span::new(at, at), message });
                        None
                    }
                }
            })
            .collect(),
    };
    (pieces, parser.errors)
}

struct Parser<'a> {
    base: u32,
    end: u32,
    errors: Vec<ParseError>,
    built: Built<'a>,
}

impl Parser<'_> {
    /// `tokens` are those of `text`: another parse of it costs less than a copy in case that one is needed.
    fn piece(&mut self, text: &str, tokens: TokenStream) -> Piece {
        let mut piece = match syn::parse2::<syn::File>(tokens) {
            Ok(file) => Piece { base: self.base, end: self.end, attrs: file.attrs, items: file.items },
            Err(_) => {
                let (inner, rest) = split_inner(TokenStream::from_str(text).unwrap_or_default());
                let attrs = syn::parse::Parser::parse2(Attribute::parse_inner, inner).unwrap_or_default();
                Piece { base: self.base, end: self.end, attrs, items: self.items(rest) }
            }
        };
        let is_left_out = is_left_out(&piece.attrs, self.built);
        piece.items = if is_left_out { Vec::new() } else { kept(unwrapped(piece.items), self.built) };
        piece
    }

    /// What is missed is missed at what follows, which is not to blame: the place is within `broken`.
    fn failed(&mut self, error: &syn::Error, broken: TokenStream) {
        let range = error.span().byte_range();
        let last = broken.into_iter().last().map_or(range.end, |it| it.span().byte_range().end.saturating_sub(1));
        let (start, end) = (range.start.min(last), range.end.min(last + 1));
        let span = Span::new(self.base + start as u32, self.base + end as u32);
        self.errors.push(ParseError { span, message: error.to_string() });
    }

    /// Item by item; the body of a block of items that fails is tried item by item in turn.
    fn items(&mut self, tokens: TokenStream) -> Vec<Item> {
        self.each(tokens, &|this, chunk| this.opened(chunk))
    }

    /// What parses of a list. What a broken one has taken with it, for want of its own end, is tried by itself.
    fn each<T: syn::parse::Parse>(
        &mut self,
        tokens: TokenStream,
        open: &dyn Fn(&mut Self, TokenStream) -> Option<T>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        let mut pending: Vec<(TokenStream, usize)> = chunks(tokens).into_iter().rev().map(|it| (it, TRIES)).collect();
        while let Some((chunk, tries)) = pending.pop() {
            match syn::parse2::<T>(chunk.clone()) {
                Ok(one) => all.push(one),
                Err(error) => match open(self, chunk.clone()) {
                    Some(one) => all.push(one),
                    None if tries > 0 => {
                        let (broken, rest) = at_next_start(chunk);
                        self.failed(&error, broken);
                        pending.extend(chunks(rest).into_iter().rev().map(|it| (it, tries - 1)));
                    }
                    None => self.failed(&error, chunk),
                },
            }
        }
        all
    }

    /// `mod`, `impl` or `trait`, with those of its members that parse.
    fn opened(&mut self, chunk: TokenStream) -> Option<Item> {
        let mut trees: Vec<TokenTree> = chunk.into_iter().collect();
        let TokenTree::Group(body) = trees.pop()? else { return None };
        if body.delimiter() != Delimiter::Brace {
            return None;
        }
        let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
        empty.set_span(body.span());
        trees.push(TokenTree::Group(empty));
        let mut item = syn::parse2::<Item>(trees.into_iter().collect()).ok()?;
        match &mut item {
            Item::Mod(it) => it.content.as_mut()?.1 = self.items(body.stream()),
            Item::Impl(it) => it.items = self.members::<ImplItem>(body.stream()),
            Item::Trait(it) => it.items = self.members::<TraitItem>(body.stream()),
            _ => return None,
        }
        Some(item)
    }

    fn members<T: syn::parse::Parse>(&mut self, tokens: TokenStream) -> Vec<T> {
        self.each(tokens, &|_, _| None)
    }
}

/// How many items are looked for in what belongs to none.
const TRIES: usize = 16;

/// A chunk up to where another item seems to begin, and what follows.
fn at_next_start(chunk: TokenStream) -> (TokenStream, TokenStream) {
    const STARTS: &[&str] = &[
        "pub", "fn", "async", "unsafe", "extern", "impl", "struct", "enum", "union", "trait", "mod", "use", "const",
        "static", "type",
    ];
    let mut trees: Vec<TokenTree> = chunk.into_iter().collect();
    let is_word = |tree: &TokenTree| matches!(tree, TokenTree::Ident(word) if STARTS.iter().any(|it| word == it));
    let starts = |at: &usize| match (&trees[*at - 1], &trees[*at]) {
        // `pub async fn` is one start, and `-> impl Future` is none.
        (before, word) if is_word(word) => match before {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => true,
            // `pub(crate) fn`, `extern "C" fn`
            TokenTree::Group(_) | TokenTree::Literal(_) => *at < 2 || !is_word(&trees[*at - 2]),
            TokenTree::Ident(_) => !is_word(before),
            TokenTree::Punct(_) => false,
        },
        (_, TokenTree::Punct(sign)) => sign.as_char() == '#' && matches!(trees.get(at + 1), Some(TokenTree::Group(_))),
        _ => false,
    };
    let rest = trees.split_off((1..trees.len()).find(starts).unwrap_or(trees.len()));
    (trees.into_iter().collect(), rest.into_iter().collect())
}

/// The items, and those that a macro gives back as they are written: under a condition (`cfg_if! { if #[cfg(unix)] { .. } }`,
/// and the macros of a crate's own that are named alike, `cfg_net! { .. }`), or with a projection (`pin_project!`).
fn unwrapped(items: Vec<Item>) -> Vec<Item> {
    let wraps = |item: &Item| match item {
        Item::Mod(it) => it.content.is_some(),
        item => keeps_items(item).is_some(),
    };
    if !items.iter().any(wraps) {
        return items;
    }
    let mut all = Vec::with_capacity(items.len());
    for mut item in items {
        if let Item::Mod(it) = &mut item
            && let Some((_, inner)) = &mut it.content
        {
            *inner = unwrapped(std::mem::take(inner));
        }
        match keeps_items(&item).and_then(inside) {
            Some(inner) => all.extend(unwrapped(inner)),
            None => all.push(item),
        }
    }
    all
}

fn keeps_items(item: &Item) -> Option<&syn::Macro> {
    let Item::Macro(it) = item else { return None };
    let name = it.mac.path.segments.last()?.ident.to_string();
    (it.ident.is_none()
        && (["cfg_", "if_"].iter().any(|start| name.starts_with(start))
            || matches!(name.as_str(), "feature" | "pin_project" | "lazy_static" | "table")))
    .then_some(&it.mac)
}

/// `diesel::table! { users (id) { .. } }`: a module `users` with a `table`, which `users::dsl` has under the module's name. All
/// that code does with a table is to make queries of it.
fn diesel_table(mac: &syn::Macro) -> Option<Item> {
    let trees: Vec<TokenTree> = mac.tokens.clone().into_iter().collect();
    let is_key = |tree: &TokenTree| matches!(tree, TokenTree::Group(it) if it.delimiter() == Delimiter::Parenthesis);
    let key = trees.iter().position(is_key)?;
    let TokenTree::Ident(name) = trees.get(key.checked_sub(1)?)? else { return None };
    let text = format!(
        "pub mod {name} {{
            pub const table: ::diesel::RunQueryDsl = ();
            pub mod dsl {{ pub use super::table as {name}; }}
        }}"
    );
    syn::parse2(all_at(text.parse().ok()?, name.span())).ok()
}

/// The tokens, as if all of them stood there.
fn all_at(tokens: TokenStream, span: proc_macro2::Span) -> TokenStream {
    let moved = tokens.into_iter().map(|mut tree| {
        if let TokenTree::Group(group) = &tree {
            tree = Group::new(group.delimiter(), all_at(group.stream(), span)).into();
        }
        tree.set_span(span);
        tree
    });
    moved.collect()
}

/// `lazy_static! { static ref NAME: Type = ..; }`: a `static` of that type, as far as code that uses it sees.
fn lazy_statics(mac: &syn::Macro) -> Vec<Item> {
    let statics = chunks(mac.tokens.clone()).into_iter().filter_map(|chunk| {
        let mut is_static = false;
        let plain = chunk.into_iter().filter(|tree| {
            let is_ref = matches!(tree, TokenTree::Ident(it) if std::mem::take(&mut is_static) && *it == "ref");
            is_static = matches!(tree, TokenTree::Ident(it) if *it == "static");
            !is_ref
        });
        syn::parse2(plain.collect()).ok()
    });
    statics.collect()
}

/// The items of such a macro's body; of all its branches.
fn inside(mac: &syn::Macro) -> Option<Vec<Item>> {
    if mac.path.segments.last().is_some_and(|it| it.ident == "table") {
        return Some(vec![diesel_table(mac)?]);
    }
    if mac.path.segments.last().is_some_and(|it| it.ident == "lazy_static") {
        return Some(lazy_statics(mac));
    }
    if mac.path.segments.last().is_none_or(|it| it.ident != "cfg_if") {
        return syn::parse2::<syn::File>(mac.tokens.clone()).ok().map(|file| file.items);
    }
    let mut items = Vec::new();
    for tree in mac.tokens.clone() {
        if let TokenTree::Group(group) = tree
            && group.delimiter() == Delimiter::Brace
        {
            items.extend(syn::parse2::<syn::File>(group.stream()).ok()?.items);
        }
    }
    Some(items)
}

/// `#![..]` and `//!` at the start of a file, and what follows.
fn split_inner(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, sign: char| matches!(trees.get(at), Some(TokenTree::Punct(it)) if it.as_char() == sign);
    let mut at = 0;
    while is(at, '#') && is(at + 1, '!') && matches!(trees.get(at + 2), Some(TokenTree::Group(_))) {
        at += 3;
    }
    let rest = trees[at..].iter().cloned().collect();
    (trees.into_iter().take(at).collect(), rest)
}

/// Where items end: at a `;`, or at a brace that is not part of an initializer or an import.
fn chunks(tokens: TokenStream) -> Vec<TokenStream> {
    let mut chunks = Vec::new();
    let mut chunk: Vec<TokenTree> = Vec::new();
    let mut until_semicolon = false;
    for tree in tokens {
        let ends = match &tree {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !until_semicolon,
            TokenTree::Ident(ident) => {
                // `const fn` is a function after all.
                if ident == "fn" {
                    until_semicolon = false;
                } else if ident == "const" || ident == "static" || ident == "use" || ident == "type" {
                    until_semicolon = true;
                }
                false
            }
            TokenTree::Literal(_) => false,
        };
        chunk.push(tree);
        if ends {
            chunks.push(std::mem::take(&mut chunk).into_iter().collect());
            until_semicolon = false;
        }
    }
    if !chunk.is_empty() {
        chunks.push(chunk.into_iter().collect());
    }
    chunks
}

fn shebang(text: &str) -> usize {
    let is_attribute = text.get(2..).is_some_and(|rest| rest.trim_start().starts_with('['));
    if text.starts_with("#!") && !is_attribute { text.find('\n').unwrap_or(text.len()) } else { 0 }
}

/// Stretches that begin where an item seems to begin: at the start of a line, unindented.
fn at_the_margin(text: &str, from: usize) -> Vec<(usize, usize)> {
    const STARTS: &[&str] = &[
        "fn ",
        "pub ",
        "pub(",
        "async ",
        "unsafe ",
        "extern ",
        "impl ",
        "impl<",
        "struct ",
        "enum ",
        "union ",
        "trait ",
        "mod ",
        "use ",
        "const ",
        "static ",
        "type ",
        "macro_rules!",
        "#[",
        "///",
    ];
    let mut starts = vec![from];
    let mut at = from;
    let mut attached = false;
    for line in text[from..].split_inclusive('\n') {
        if STARTS.iter().any(|it| line.starts_with(it)) {
            if !attached && at != from {
                starts.push(at);
            }
            attached = line.starts_with("#[") || line.starts_with("///");
        } else if !line.trim().is_empty() && !attached {
            attached = false;
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).collect()
}
