//! The Python front end: one file to the model.
//!
//! `parse` is the only file that names the parser crate; the rest walks its tree once. A function's body is lowered after
//! the body it is nested in, so that names bound later in the outer one are known.

mod annotation;
mod bound;
mod class;
mod comprehension;
mod condition;
mod expression;
mod function;
mod parse;
mod scope;
mod statement;

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
