//! Macros: the bodies of those everybody uses are code, of others only the names they mention are known.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Block, Expr, Macro, Pat, Token};

use crate::model::{Arg, Arm, Await, Branch, BranchKind, Display, Node, Raise, UNKNOWN, Use, Value, ValueId};
use crate::source::Span;

use super::argument::written;
use super::place;
use super::platform;
use super::scope::{Found, Lowerer};

/// Macros that evaluate their arguments, in order, where they stand.
const EVALUATE: &[&str] = &[
    "print",
    "println",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "write",
    "writeln",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "dbg",
    "anyhow",
    "ensure",
    "eyre",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "log",
    "event",
    "span",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
    "ready",
    "assert_matches",
    "hashmap",
    "btreemap",
    "smallvec",
];

/// Macros that do not return.
const END: &[&str] = &["panic", "unreachable", "todo", "unimplemented"];

impl Lowerer<'_> {
    pub(super) fn macro_call(&mut self, mac: &Macro, span: Span, result: Use) -> ValueId {
        let Some(last) = mac.path.segments.last() else { return UNKNOWN };
        let name = last.ident.to_string();
        self.mention_captures(mac.tokens.clone());
        match name.as_str() {
            "select" | "select_biased" => self.select(mac, span),
            "join" | "try_join" => self.join(mac, span, result),
            "stream" | "try_stream" => self.stream(mac, span),
            "pin" | "pin_mut" => self.pin(mac, result),
            "vec" => self.vector(mac),
            "matches" => {
                let parts = split(mac.tokens.clone());
                self.evaluated(parts.first().cloned().into_iter(), Use::Tested);
                parts.into_iter().skip(1).for_each(|it| self.mention(it));
                UNKNOWN
            }
            "cfg" => match platform::holds_in(mac, self.built()) {
                Some(holds) => self.add(Value::Bool(holds)),
                None => UNKNOWN,
            },
            "json" => {
                self.statement_scope(span, |this| this.json(mac.tokens.clone()));
                UNKNOWN
            }
            "bail" => {
                self.evaluated(split(mac.tokens.clone()).into_iter(), Use::Consumed);
                self.push(Node::Return { span, value: None });
                UNKNOWN
            }
            other if END.contains(&other) => {
                self.evaluated(split(mac.tokens.clone()).into_iter(), Use::Consumed);
                self.push(Node::Raise(Raise { span, value: None, cause: None }));
                UNKNOWN
            }
            other
                if (EVALUATE.contains(&other) || other.starts_with("assert_"))
                    // `macro_rules! debug { ($($any:tt)*) => {} }`
                    && !(surely(other) == 0 && self.is_own_macro(&mac.path)) =>
            {
                let walk = |this: &mut Self| this.evaluated_at_first(split(mac.tokens.clone()), surely(other), span);
                let values = if is_expression(other) { walk(self) } else { self.statement_scope(span, walk) };
                if matches!(other, "write" | "writeln")
                    && let Some(out) = values.first().copied()
                {
                    let method = self.name("write_fmt");
                    let name_span = self.between(place::path_start(&mac.path), place::path_end(&mac.path));
                    let callee = self.derived(out, |out| Value::Attr(out, method));
                    return self.call(callee, span, name_span, Vec::new(), result);
                }
                if other == "format" {
                    return self.text_put_together(&values);
                }
                if other == "dbg" {
                    return values.first().copied().unwrap_or(UNKNOWN);
                }
                self.expanded(mac, span, values, result)
            }
            _ => match self.wrapped(mac) {
                Some(wrapped) => wrapped,
                None => {
                    self.mention(mac.tokens.clone());
                    UNKNOWN
                }
            },
        }
    }

    /// What `format!` gives, of which it is kept what it begins with: an argument, or a path.
    fn text_put_together(&mut self, values: &[ValueId]) -> ValueId {
        let begins = match values.first().map(|it| self.model.value(*it)) {
            Some(Value::Str(text)) => {
                let text = self.model.name(*text);
                match text.strip_prefix('{') {
                    Some(rest) if rest.starts_with('}') => values.get(1).copied(),
                    Some(rest) => {
                        let name = rest.split(['}', ':']).next().unwrap_or_default().to_owned();
                        self.captured(&name)
                    }
                    None => values.first().copied().filter(|_| text.starts_with('/')),
                }
            }
            _ => None,
        };
        match begins.filter(|it| *it != UNKNOWN) {
            Some(begins) => self.add(Value::Text(begins)),
            None => {
                let class = self.absolute(&["std", "string", "String"]);
                self.instance(class, Vec::new())
            }
        }
    }

    /// What a name stands for in the text of a format: `"{root}/stat"`.
    fn captured(&mut self, name: &str) -> Option<ValueId> {
        if !name.starts_with(|it: char| it == '_' || it.is_alphabetic()) {
            return None;
        }
        let id = self.name(name);
        match self.find(id) {
            Found::Local { frame, local } => self.frames[frame].values.get(local.index()).copied(),
            Found::Value(value) => Some(value),
            Found::Nothing => Some(self.module_path(self.module, name, vec![id])),
        }
    }

    /// The macro as a call of what its path names.
    fn expanded(&mut self, mac: &Macro, span: Span, values: Vec<ValueId>, result: Use) -> ValueId {
        let name_span = self.between(place::path_start(&mac.path), place::path_end(&mac.path));
        let callee = self.macro_value(&mac.path);
        let args = values.into_iter().map(|value| Arg { name: None, value, span: name_span, spread: false }).collect();
        self.call(callee, span, name_span, args, result)
    }

    fn evaluated(&mut self, parts: impl Iterator<Item = TokenStream>, result: Use) -> Vec<ValueId> {
        let mut values = Vec::new();
        for part in parts {
            match written(part) {
                Ok(expr) => {
                    let value = self.expression(&expr, result);
                    // Most macros look at what they are given by reference.
                    if result == Use::Consumed {
                        self.temporary(&expr, value, false);
                    }
                    values.push(value);
                }
                Err(part) => self.mention(part),
            }
        }
        values
    }

    /// The first `sure` parts are evaluated, the others perhaps.
    fn evaluated_at_first(&mut self, mut parts: Vec<TokenStream>, sure: usize, span: Span) -> Vec<ValueId> {
        let others = parts.split_off(sure.min(parts.len()));
        let mut values = self.evaluated(parts.into_iter(), Use::Consumed);
        let (body, more) = self.block(|this| this.evaluated(others.into_iter(), Use::Consumed));
        values.extend(more);
        if !body.nodes.is_empty() {
            let arm = Arm { body, span, ..Arm::default() };
            let branch = Branch { kind: BranchKind::Expression, span, arms: vec![arm], exhaustive: false };
            self.push(Node::Branch(Box::new(branch)));
        }
        values
    }

    /// `json!({"name": name(), "items": [1, count()]})`: what stands for values.
    fn json(&mut self, tokens: TokenStream) {
        let mut trees = tokens.clone().into_iter();
        let group = match (trees.next(), trees.next()) {
            (Some(TokenTree::Group(group)), None) => group,
            _ => {
                self.evaluated(std::iter::once(tokens), Use::Consumed);
                return;
            }
        };
        match group.delimiter() {
            Delimiter::Brace => {
                for entry in split(group.stream()) {
                    let (key, value) = key_and_value(entry);
                    self.mention(key);
                    self.json(value);
                }
            }
            Delimiter::Bracket => split(group.stream()).into_iter().for_each(|it| self.json(it)),
            Delimiter::Parenthesis | Delimiter::None => {
                self.evaluated(std::iter::once(tokens), Use::Consumed);
            }
        }
    }

    fn vector(&mut self, mac: &Macro) -> ValueId {
        let parser = |input: ParseStream<'_>| {
            let element: Expr = input.parse()?;
            input.parse::<Token![;]>()?;
            let count: Expr = input.parse()?;
            Ok((element, count))
        };
        let values = match parser.parse2(mac.tokens.clone()) {
            Ok((element, count)) => {
                let value = self.expression(&element, Use::Stored);
                self.expression(&count, Use::Consumed);
                vec![value]
            }
            Err(_) => self.evaluated(split(mac.tokens.clone()).into_iter(), Use::Stored),
        };
        self.add(Value::Collection(Display::Other, values.into()))
    }

    /// `pin!(future)`, or tokio's `pin! { let future = ..; }`.
    fn pin(&mut self, mac: &Macro, result: Use) -> ValueId {
        if let Ok(expr) = syn::parse2::<Expr>(mac.tokens.clone())
            && !matches!(expr, Expr::Let(_))
        {
            let value = self.expression(&expr, if matches!(result, Use::Bound(_)) { result } else { Use::Passed });
            return value;
        }
        match Block::parse_within.parse2(mac.tokens.clone()) {
            Ok(stmts) => {
                self.statements(&stmts, Use::Consumed);
            }
            Err(_) => self.mention(mac.tokens.clone()),
        }
        UNKNOWN
    }

    /// Futures driven side by side until all are done.
    fn join(&mut self, mac: &Macro, span: Span, result: Use) -> ValueId {
        let keyword = self.between(place::path_start(&mac.path), mac.bang_token.spans[0]);
        let mut parts = split(mac.tokens.clone());
        if parts.first().is_some_and(|part| part.to_string().starts_with("biased ;")) {
            parts[0] = parts[0].clone().into_iter().skip(2).collect();
        }
        let values = self.evaluated(parts.into_iter(), Use::Awaited);
        for value in &values {
            self.mark_awaited(*value);
        }
        let awaited: Vec<ValueId> = values.iter().map(|value| self.derived(*value, Value::Awaited)).collect();
        let joined = self.expanded(mac, span, values, result);
        self.mark_awaited(joined);
        self.push(Node::Await(Await { span, keyword, value: joined, result }));
        let tuple = self.add(Value::Tuple(awaited.into()));
        if mac.path.segments.last().is_some_and(|it| it.ident == "try_join") {
            let class = self.absolute(&["std", "result", "Result"]);
            return self.instance(class, vec![tuple]);
        }
        tuple
    }

    /// `async_stream`: a generator.
    fn stream(&mut self, mac: &Macro, span: Span) -> ValueId {
        let tokens = without_for_await(mac.tokens.clone());
        let Ok(stmts) = Block::parse_within.parse2(tokens) else {
            self.mention(mac.tokens.clone());
            return UNKNOWN;
        };
        let name_span = self.between(place::path_start(&mac.path), mac.bang_token.spans[0]);
        self.future_of(span, name_span, true, |this| this.statements(&stmts, Use::Returned))
    }

    fn select(&mut self, mac: &Macro, span: Span) -> ValueId {
        let Ok(select) = syn::parse2::<Select>(mac.tokens.clone()) else {
            return match syn::parse2::<ChannelSelect>(mac.tokens.clone()) {
                Ok(select) => self.channel_select(mac, &select, span),
                Err(_) => {
                    self.mention(mac.tokens.clone());
                    UNKNOWN
                }
            };
        };
        let mut arms = Vec::new();
        let mut exhaustive = true;
        let mut values = Vec::new();
        for branch in &select.branches {
            exhaustive &= branch.guard.is_none();
            let (body, (test, future)) = self.block(|this| {
                let (test, future) = this.block(|this| {
                    if let Some(guard) = &branch.guard {
                        this.expression(guard, Use::Tested);
                    }
                    branch.future.as_ref().map(|(_, future)| {
                        let value = this.expression(future, Use::Awaited);
                        this.mark_awaited(value);
                        value
                    })
                });
                if let (Some((pat, _)), Some(future)) = (&branch.future, future) {
                    let awaited = this.derived(future, Value::Awaited);
                    this.destructure(pat, awaited);
                }
                values.push(this.expression(&branch.handler, Use::Consumed));
                (test, future)
            });
            let start =
                branch.future.as_ref().map_or_else(|| place::start(&branch.handler), |(pat, _)| place::pattern(pat));
            let span = self.between(start, place::end(&branch.handler));
            arms.push(Arm { test, future, body, span, ..Arm::default() });
        }
        self.push(Node::Branch(Box::new(Branch { kind: BranchKind::Select, span, arms, exhaustive })));
        values.retain(|it| *it != UNKNOWN);
        self.union(values)
    }

    /// `crossbeam_channel::select!`, which waits on its thread unless there is something to do meanwhile.
    fn channel_select(&mut self, mac: &Macro, select: &ChannelSelect, span: Span) -> ValueId {
        for operand in &select.operands {
            self.expression(operand, Use::Consumed);
        }
        if select.waits {
            self.expanded(mac, span, Vec::new(), Use::Consumed);
        }
        let mut arms = Vec::new();
        let mut values = Vec::new();
        for (pat, handler) in &select.branches {
            let (body, value) = self.block(|this| {
                if let Some(pat) = pat {
                    this.destructure(pat, UNKNOWN);
                }
                this.expression(handler, Use::Consumed)
            });
            values.push(value);
            let span = self.between(place::start(handler), place::end(handler));
            arms.push(Arm { body, span, ..Arm::default() });
        }
        self.push(Node::Branch(Box::new(Branch { kind: BranchKind::Match, span, arms, exhaustive: true })));
        values.retain(|it| *it != UNKNOWN);
        self.union(values)
    }

    /// Names in tokens that are not understood count as used, whatever is done with them.
    pub(super) fn mention(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => self.mention_name(&ident.to_string()),
                TokenTree::Group(group) => self.mention(group.stream()),
                _ => {}
            }
        }
    }

    fn mention_name(&mut self, name: &str) {
        let Some(name) = self.model.known_name(name) else { return };
        if let Found::Local { frame, local } = self.find(name) {
            self.read(frame, local);
            self.frames[frame].locals[local.index()].shared = true;
        }
    }

    /// `"{name}"`: what format strings capture.
    fn mention_captures(&mut self, tokens: TokenStream) {
        for tree in tokens {
            if let TokenTree::Literal(literal) = tree {
                let text = literal.to_string();
                if !text.ends_with(['"', '#']) {
                    continue;
                }
                for part in text.split('{').skip(1) {
                    let end = part.find(|it: char| it != '_' && !it.is_alphanumeric()).unwrap_or(part.len());
                    if matches!(part[end..].chars().next(), Some('}' | ':')) && end > 0 {
                        self.mention_name(&part[..end]);
                    }
                }
            }
        }
    }
}

/// How many of its arguments the macro evaluates in any case: not what tells of a failure, and nothing that is left out of a
/// program or by its log.
fn surely(name: &str) -> usize {
    match name {
        "assert" | "ensure" => 1,
        "assert_eq" | "assert_ne" | "assert_matches" => 2,
        "trace" | "debug" | "info" | "warn" | "error" | "log" | "event" | "span" => 0,
        name if name.starts_with("debug_assert") || name.ends_with("_span") => 0,
        _ => usize::MAX,
    }
}

/// What the macro stands for is no block: what its arguments make lives to the end of the statement around it.
fn is_expression(name: &str) -> bool {
    matches!(name, "write" | "writeln" | "format_args" | "dbg" | "ready")
}

/// At top-level commas.
pub(super) fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = Vec::new();
    let mut part: Vec<TokenTree> = Vec::new();
    for tree in tokens {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                parts.push(std::mem::take(&mut part).into_iter().collect())
            }
            tree => part.push(tree),
        }
    }
    if !part.is_empty() {
        parts.push(part.into_iter().collect());
    }
    parts
}

/// At the first colon that is not one of `::`.
fn key_and_value(entry: TokenStream) -> (TokenStream, TokenStream) {
    let mut trees = entry.into_iter();
    let mut key = Vec::new();
    let mut in_path = false;
    for tree in trees.by_ref() {
        if let TokenTree::Punct(it) = &tree
            && it.as_char() == ':'
        {
            in_path = !in_path;
            if in_path && it.spacing() == Spacing::Alone {
                break;
            }
        }
        key.push(tree);
    }
    (key.into_iter().collect(), trees.collect())
}

/// `for await x in y`, which only the macro understands, as a plain loop.
fn without_for_await(tokens: TokenStream) -> TokenStream {
    let mut after_for = false;
    let mut out = Vec::new();
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) if after_for && ident == "await" => after_for = false,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                after_for = false;
                let mut inner = proc_macro2::Group::new(Delimiter::Brace, without_for_await(group.stream()));
                inner.set_span(group.span());
                out.push(TokenTree::Group(inner));
            }
            tree => {
                after_for = matches!(&tree, TokenTree::Ident(ident) if ident == "for");
                out.push(tree);
            }
        }
    }
    out.into_iter().collect()
}

/// The body of a `select!`.
struct Select {
    branches: Vec<SelectBranch>,
}

struct SelectBranch {
    /// `None` for `else`, `default`, `complete`.
    future: Option<(Pat, Expr)>,
    guard: Option<Expr>,
    handler: Expr,
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut branches = Vec::new();
        if input.peek(syn::Ident) && input.peek2(Token![;]) {
            input.parse::<syn::Ident>()?;
            input.parse::<Token![;]>()?;
        }
        while !input.is_empty() {
            let bare = (input.peek(Token![else]) || input.peek(Token![default]) || input.peek(syn::Ident))
                && input.peek2(Token![=>]);
            let mut future = None;
            let mut guard = None;
            if bare {
                input.parse::<proc_macro2::TokenTree>()?;
            } else {
                let pat = Pat::parse_multi_with_leading_vert(input)?;
                input.parse::<Token![=]>()?;
                future = Some((pat, input.parse::<Expr>()?));
                if input.peek(Token![,]) {
                    input.parse::<Token![,]>()?;
                    input.parse::<Token![if]>()?;
                    guard = Some(input.parse::<Expr>()?);
                }
            }
            input.parse::<Token![=>]>()?;
            let handler = Expr::parse_with_earlier_boundary_rule(input)?;
            branches.push(SelectBranch { future, guard, handler });
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(Self { branches })
    }
}

/// The body of `crossbeam_channel::select!`: `recv(receiver) -> message => ..`, `send(sender, value) -> sent => ..`, `default => ..`.
struct ChannelSelect {
    /// What is received from and sent to.
    operands: Vec<Expr>,
    branches: Vec<(Option<Pat>, Expr)>,
    /// It has nothing to do while nothing comes.
    waits: bool,
}

impl Parse for ChannelSelect {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (mut operands, mut branches, mut waits) = (Vec::new(), Vec::new(), true);
        while !input.is_empty() {
            let operation: syn::Ident = input.parse()?;
            let is_default = operation == "default";
            if !is_default && operation != "recv" && operation != "send" {
                return Err(syn::Error::new(operation.span(), "no operation of a channel"));
            }
            if input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in input);
                operands.extend(inside.parse_terminated(Expr::parse, Token![,])?);
            } else {
                waits = false;
            }
            let pat = if is_default {
                None
            } else {
                input.parse::<Token![->]>()?;
                Some(Pat::parse_single(input)?)
            };
            input.parse::<Token![=>]>()?;
            branches.push((pat, Expr::parse_with_earlier_boundary_rule(input)?));
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(Self { operands, branches, waits })
    }
}
