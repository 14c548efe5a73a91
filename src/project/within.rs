//! Whose code it is that an answer is being found for: the file whose value is being evaluated, else the one whose function is
//! looked at. Where what is asked depends on who asks, installed code is told of what is installed with it, and never of the user's files.

use std::cell::Cell;

use super::Project;
use crate::finding::FileId;

thread_local! {
    static WITHIN: Cell<Option<FileId>> = const { Cell::new(None) };
}

/// The code of a file is looked at for as long as this lives.
pub(super) struct Within {
    outer: Option<FileId>,
}

impl Within {
    fn begin(file: FileId) -> Self {
        Self { outer: WITHIN.replace(Some(file)) }
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.set(self.outer);
    }
}

impl Project {
    /// What is asked while this lives is asked by the code of that file.
    pub(super) fn within(&self, file: FileId) -> Option<Within> {
        self.installed().may_hold_any().then(|| Within::begin(file))
    }

    /// The installed file whose code asks; `None` where it is the user's.
    pub(super) fn asking_installed(&self) -> Option<FileId> {
        WITHIN.get().filter(|file| self.is_installed(*file))
    }
}
