//! The one file that knows how the parser is called: text to syntax, comments and errors.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Mod, Stmt};
use ruff_python_parser::{Mode, ParseOptions};
use ruff_text_size::{Ranged, TextRange};

use crate::model::{Comment, ParseError};
use crate::source::Span;

use super::lines::kinds;
use super::recover::without_broken;

/// What one file's text gives.
pub(super) struct Parsed<'a> {
    pub(super) body: &'a [Stmt],
    pub(super) comments: Vec<Comment>,
    pub(super) errors: Vec<ParseError>,
}

pub(super) fn span(range: TextRange) -> Span {
    Span::new(range.start().to_u32(), range.end().to_u32())
}

/// Room for walking and dropping a tree that is nested as deeply as the parser accepts; only touched pages are paid for.
const STACK: usize = 256 << 20;

/// Parses with error recovery, hands the tree on, and drops it.
pub(super) fn with_module<R>(text: &str, then: impl FnOnce(Parsed<'_>) -> R) -> R {
    // A tree is dropped recursively, so everything happens on a stack that nesting cannot end.
    with_stack(text, || {
        let parsed = ruff_python_parser::parse_unchecked(text, ParseOptions::from(Mode::Module));
        let errors: Vec<ParseError> = parsed
            .errors()
            .iter()
            .map(|error| ParseError { span: span(error.location), message: error.error.to_string() })
            .collect();
        let body = statements(parsed.syntax());
        if errors.is_empty() {
            return then(Parsed { body, comments: comments(text, parsed.tokens()), errors });
        }
        let (rest, left_out) = without_broken(text);
        let mended = ruff_python_parser::parse_unchecked(&rest, ParseOptions::from(Mode::Module));
        let whole = statements(mended.syntax());
        if mended.errors().is_empty() && Whole::count(whole, &[]) > Whole::count(body, &errors) {
            return then(Parsed { body: whole, comments: comments(&rest, mended.tokens()), errors: left_out });
        }
        then(Parsed { body, comments: comments(text, parsed.tokens()), errors })
    })
}

/// What is wrong with a text, at first, and where.
pub(super) fn first_error(text: &str) -> Option<(usize, String)> {
    with_stack(text, || {
        let parsed = ruff_python_parser::parse_unchecked(text, ParseOptions::from(Mode::Module));
        let error = parsed.errors().first()?;
        Some((error.location.start().to_usize(), error.error.to_string()))
    })
}

/// Counts functions without an error in them.
struct Whole<'e> {
    errors: &'e [ParseError],
    count: usize,
}

impl<'e> Whole<'e> {
    fn count(body: &[Stmt], errors: &'e [ParseError]) -> usize {
        let mut whole = Self { errors, count: 0 };
        whole.visit_body(body);
        whole.count
    }
}

impl StatementVisitor<'_> for Whole<'_> {
    fn visit_stmt(&mut self, stmt: &Stmt) {
        let range = span(stmt.range());
        if stmt.is_function_def_stmt() && !self.errors.iter().any(|error| range.contains(error.span)) {
            self.count += 1;
        }
        walk_stmt(self, stmt);
    }
}

/// Parses a text of which only what is from `start` on is nested, hands its statements on, and drops them.
pub(super) fn with_body<R>(text: &str, start: usize, then: impl FnOnce(&[Stmt]) -> R) -> R {
    with_stack(&text[start..], || {
        let parsed = ruff_python_parser::parse_unchecked(text, ParseOptions::from(Mode::Module));
        then(statements(parsed.syntax()))
    })
}

fn statements(syntax: &Mod) -> &[Stmt] {
    match syntax {
        Mod::Module(module) => &module.body,
        Mod::Expression(_) => &[],
    }
}

/// Runs what goes through the tree of a text, on a stack that is large enough for it.
fn with_stack<R>(text: &str, run: impl FnOnce() -> R) -> R {
    let roomy = stacker::remaining_stack().is_some_and(|left| left >= STACK);
    let deep = !roomy && max_nesting(text) > 150;
    if deep { stacker::grow(STACK, run) } else { run() }
}

/// Parses the text of a string annotation; `None` where it is no expression.
pub(super) fn annotation(text: &str) -> Option<ruff_python_ast::Expr> {
    if text.len() > 500 || max_nesting(text) > 50 {
        return None;
    }
    let parsed = ruff_python_parser::parse_expression(text).ok()?;
    Some(*parsed.into_syntax().body)
}

fn mentions_suppression(text: &str) -> bool {
    /// One of them is in every text with a suppression; hardly anybody writes the word in another way.
    static WORDS: LazyLock<[Finder<'static>; 4]> =
        LazyLock::new(|| ["asynclint:", "noqa", "NOQA", "NoQA"].map(Finder::new));
    WORDS.iter().any(|word| word.find(text.as_bytes()).is_some())
}

/// The comments that suppress something.
fn comments(text: &str, tokens: &ruff_python_ast::token::Tokens) -> Vec<Comment> {
    if !mentions_suppression(text) {
        return Vec::new();
    }
    tokens
        .iter()
        .filter(|token| token.kind() == TokenKind::Comment)
        .map(|token| span(token.range()))
        .filter(|span| {
            mentions_suppression(&text[span.range()]) || text[span.range()].to_ascii_lowercase().contains("noqa")
        })
        .map(|span| {
            let line_start = text[..span.start as usize].rfind(['\n', '\r']).map_or(0, |it| it + 1);
            Comment { span, own_line: text[line_start..span.start as usize].trim().is_empty() }
        })
        .collect()
}

/// An upper bound for how deeply expressions nest: open brackets, and the longest run of characters that nest without them
/// (unary operators, attribute and call chains) counted in one line. Strings and comments are not told apart: a bound may
/// be too high, never too low by much.
fn max_nesting(text: &str) -> usize {
    const PLAIN: u8 = 0;
    const OPEN: u8 = 1;
    const CLOSE: u8 = 2;
    const LINE: u8 = 3;
    const CHAIN: u8 = 4;
    /// Nearly all bytes are plain: one look at a table steps over them.
    const KINDS: [u8; 256] = kinds([(b"([{", OPEN), (b")]}", CLOSE), (b"\n", LINE), (b".+-*~^|&/%", CHAIN)]);
    let (mut depth, mut deepest, mut chain) = (0_usize, 0, 0_usize);
    let (mut line, mut longest_line) = (0_usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match KINDS[usize::from(byte)] {
            PLAIN => continue,
            OPEN => {
                depth += 1;
                chain += 1;
                deepest = deepest.max(depth);
            }
            CLOSE => depth = depth.saturating_sub(1),
            LINE => {
                longest_line = longest_line.max(at - line);
                line = at + 1;
                if depth == 0 {
                    chain = 0;
                }
            }
            _ => chain += 1,
        }
        deepest = deepest.max(chain / 8);
    }
    longest_line = longest_line.max(text.len() - line.min(text.len()));
    // `not not not …`, `await await …`, `lambda: lambda: …` in one line; indentation nests statements.
    deepest.max(longest_line / 64)
}
