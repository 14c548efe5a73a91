//! All models together.

use crate::analysis::Input;
use crate::finding::FileId;
use crate::model::FileModel;
use crate::rules::RuleSet;
use crate::source::{Language, Source};

/// The files of one analysis.
pub struct Project {
    files: Vec<File>,
}

struct File {
    source: Source,
    rules: RuleSet,
    model: FileModel,
}

impl Project {
    pub fn new(inputs: Vec<Input>) -> Self {
        use rayon::prelude::*;
        let files = inputs
            .into_par_iter()
            .map(|input| File {
                model: match input.source.language {
                    Language::Python => crate::python::lower(&input.source),
                    Language::Rust => crate::rust::lower(&input.source),
                },
                source: input.source,
                rules: input.rules,
            })
            .collect();
        Self { files }
    }

    /// The user's files, in the order given.
    pub fn user_files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    pub fn source(&self, file: FileId) -> &Source {
        &self.files[file.index()].source
    }

    /// What the file says.
    pub fn model(&self, file: FileId) -> &FileModel {
        &self.files[file.index()].model
    }

    /// The rules that are on for the file.
    pub fn rules(&self, file: FileId) -> &RuleSet {
        &self.files[file.index()].rules
    }
}
