//! The Rust front end: one file to the model.

use crate::model::FileModel;
use crate::source::{Language, Source};

/// Lowers one file. Never fails: what cannot be parsed is in [`FileModel::errors`], the rest is there.
pub fn lower(source: &Source) -> FileModel {
    FileModel::new(Language::Rust, source.text.len() as u32)
}
