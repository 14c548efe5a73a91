//! The Rust front end: one file to the model.
//!
//! `parse` turns text to syntax, item by item where a file does not parse as a whole; `scan` reads what the parser drops.
//! The rest walks the syntax once. Macro bodies are token streams: those of known macros are parsed and walked like code,
//! of others only the names they mention count as used.

mod control;
mod expression;
mod function;
mod item;
mod macros;
mod mentions;
mod names;
mod offset;
mod outline;
mod parse;
mod pattern;
mod place;
mod platform;
mod scan;
mod scope;
mod shown;
mod statement;
mod types;

pub use mentions::{Mentions, Word, is_name, word, words};

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

/// Lowers one file. Never fails: what cannot be parsed is in [`FileModel::errors`], the rest is there.
pub fn lower(source: &Source) -> FileModel {
    lowered(source, Scan::of(&source.text), |scan, mut model| {
        let text = scan.plain.as_deref().unwrap_or(&source.text);
        let (pieces, errors) = parse::parse(text);
        model.errors = errors;
        let mut lowerer = Lowerer::new(model, source.edition);
        lowerer.file(text, &pieces);
        lowerer.finish()
    })
}

/// Lowers what a file declares, without the bodies of its functions; `None` where what is in them can be seen from elsewhere.
/// What [`lower_with_outline`] gives begins with the same, under the same numbers.
pub fn lower_outline(source: &Source) -> Option<FileModel> {
    let scan = Scan::of(&source.text);
    let outline = scan.outline(&source.text)?;
    Some(lowered(source, scan, |_, model| outlined(source, &outline, model).finish()))
}

/// Lowers a file of which somebody may know the outline, but for tests: nobody calls those.
pub fn lower_with_outline(source: &Source) -> FileModel {
    let scan = Scan::of(&source.text);
    let Some(outline) = scan.outline(&source.text) else { return lower(source) };
    lowered(source, scan, |scan, mut model| {
        let text = scan.without_tests(&source.text);
        let text = text.as_ref();
        let (pieces, errors) = parse::parse(text);
        // Where all of it parses, the outline would give the same declarations.
        let mut lowerer = if errors.is_empty() {
            model.errors = errors;
            let mut lowerer = Lowerer::new(model, source.edition);
            lowerer.outline(text, &pieces);
            lowerer
        } else {
            let mut lowerer = outlined(source, &outline, model);
            lowerer.model.errors = errors;
            lowerer
        };
        lowerer.bodies(text, &pieces);
        lowerer.finish()
    })
}

fn outlined(source: &Source, outline: &str, mut model: FileModel) -> Lowerer {
    let (pieces, errors) = parse::parse(outline);
    model.errors = errors;
    let mut lowerer = Lowerer::new(model, source.edition);
    lowerer.outline(outline, &pieces);
    lowerer
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
    let stack = (scan.depth + scan.prefix) * PER_LEVEL + scan.stretch * PER_CHARACTER;
    let model = stacker::maybe_grow(stack, stack + (1 << 20), || run(scan, model));
    // Spans of the syntax, which is gone by now, would pile up in this thread.
    proc_macro2::extra::invalidate_current_thread_spans();
    model
}
