//! The Rust front end: one file to the model.
//!
//! `parse` turns text to syntax, item by item where a file does not parse as a whole; `scan` reads what the parser drops.
//! The rest walks the syntax once. Macro bodies are token streams: those of known macros are parsed and walked like code,
//! of others only the names they mention count as used.

mod argument;
mod bodies;
mod cfg;
mod condition;
mod control;
mod conversion;
mod expression;
mod filled;
mod function;
mod generic;
mod item;
mod macros;
mod mentions;
mod names;
mod offset;
mod operator;
mod parse;
mod pattern;
mod place;
mod platform;
mod scan;
mod scope;
mod shown;
mod statement;
mod types;

pub use mentions::{Mentions, Word, functions, is_name, word, words};

use crate::model::{FileModel, ParseError};
use crate::source::{Language, Source, Span};

use scan::Scan;
use scope::Lowerer;

/// Code nested deeper than this is not read: the parser would need more stack than there is.
const DEEPEST: usize = 20_000;
/// What one bracket, one prefix operator and one character of a chain may need of the stack while they are parsed, walked
/// and dropped, in bytes: measured without optimization, rounded up.
const PER_LEVEL: usize = 32 << 10;
const PER_CHARACTER: usize = 256;

/// The modules that a text declares for tests alone and that stand in files of their own.
pub fn modules_for_tests(text: &str) -> Vec<&str> {
    let Some(cfg) = memchr::memmem::find(text.as_bytes(), b"#[cfg(") else { return Vec::new() };
    let keywords = memchr::memmem::find_iter(&text.as_bytes()[cfg..], b"mod ").map(|at| cfg + at);
    let declared = keywords.filter_map(|at| {
        let rest = text[at + "mod ".len()..].trim_start();
        let (name, rest) = rest.split_at(rest.find(|it: char| !it.is_alphanumeric() && it != '_')?);
        (rest.trim_start().starts_with(';') && item::is_below_cfg_test(&text[..at])).then_some(name)
    });
    declared.collect()
}

/// Lowers one file. Never fails: what cannot be parsed is in [`FileModel::errors`], the rest is there.
pub fn lower(source: &Source) -> FileModel {
    lower_whole(source, Scan::of(&source.text))
}

fn lower_whole(source: &Source, scan: Scan) -> FileModel {
    lowered(source, scan, |scan, mut model| {
        let text = scan.plain.as_deref().unwrap_or(&source.text);
        let (pieces, errors) = parse::parse(text, source.features.as_deref());
        model.errors = errors;
        let mut lowerer = Lowerer::new(model, source);
        lowerer.file(text, pieces);
        lowerer.finish()
    })
}

/// Lowers one file in which nothing is looked for unless something leads there: bodies of functions are lowered when they are
/// asked for, and what cannot be parsed in one is not told.
pub fn lower_in_parts(source: &Source) -> FileModel {
    let scan = Scan::of(&source.text);
    let Some(outline) = bodies::Outline::of(&source.text, &scan) else { return lower_whole(source, scan) };
    let stack = stack(&scan);
    lowered(source, scan, |_, mut model| {
        let (pieces, errors) = parse::parse(&outline.text, source.features.as_deref());
        model.errors = errors;
        let mut lowerer = Lowerer::new(model, source);
        lowerer.bodies = &outline.bodies;
        lowerer.file(&outline.text, pieces);
        lowerer.finish_without(source, stack)
    })
}

/// Runs what parses a file, on a stack that is large enough for it.
fn lowered(source: &Source, mut scan: Scan, run: impl FnOnce(Scan, FileModel) -> FileModel) -> FileModel {
    let mut model = FileModel::new(Language::Rust, source.text.len() as u32);
    if scan.depth.max(scan.prefix) > DEEPEST || scan.stretch > DEEPEST * 64 {
        let message = format!("the code nests deeper than {DEEPEST} levels");
        model.errors.push(ParseError { span: Span::new(0, 0), message });
        return model;
    }
    model.comments = std::mem::take(&mut scan.comments);
    let stack = stack(&scan);
    let model = stacker::maybe_grow(stack, stack + (1 << 20), || run(scan, model));
    // Spans of the syntax, which is gone by now, would pile up in this thread.
    proc_macro2::extra::invalidate_current_thread_spans();
    model
}

/// What parsing, walking and dropping the syntax may need, in bytes.
fn stack(scan: &Scan) -> usize {
    (scan.depth + scan.prefix) * PER_LEVEL + scan.stretch * PER_CHARACTER
}
