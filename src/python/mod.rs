//! The Python front end: one file to the model.
//!
//! `parse` is the only file that names the parser crate; the rest walks its tree once. A function's body is lowered after
//! the body it is nested in, so that names bound later in the outer one are known.

mod annotation;
mod bodies;
mod bound;
mod class;
mod comprehension;
mod condition;
mod exports;
mod expression;
mod function;
mod kind;
mod lines;
mod module;
mod narrow;
mod parse;
mod recover;
mod scope;
mod spread;
mod statement;
mod target;
mod uses;

pub(crate) use uses::exhausts;

use crate::model::FileModel;
use crate::source::{Language, Source};

/// Lowers one file. Never fails: what cannot be parsed is in [`FileModel::errors`], the rest is there.
pub fn lower(source: &Source) -> FileModel {
    parse::with_module(&source.text, |parsed| {
        let mut model = FileModel::new(Language::Python, source.text.len() as u32);
        model.errors = parsed.errors;
        model.comments = parsed.comments;
        let mut lowerer = scope::Lowerer::new(model, &source.text, parsed.body);
        lowerer.file(parsed.body);
        lowerer.finish()
    })
}

/// Lowers one file in which nothing is looked for unless something leads there: bodies of functions are lowered when they are
/// asked for, and what cannot be parsed in one is not told.
pub fn lower_in_parts(source: &Source) -> FileModel {
    let Some(outline) = bodies::Outline::of(&source.text) else { return lower(source) };
    let model = parse::with_module(&outline.text, |parsed| {
        // Where the parser had to guess, it may have guessed for lack of the bodies.
        if !parsed.errors.is_empty() {
            return None;
        }
        let mut model = FileModel::new(Language::Python, source.text.len() as u32);
        model.comments = parsed.comments;
        let mut lowerer = scope::Lowerer::new(model, &source.text, parsed.body);
        lowerer.bodies = &outline.bodies;
        lowerer.file(parsed.body);
        Some(lowerer.finish_without(&source.text))
    });
    model.unwrap_or_else(|| lower(source))
}
