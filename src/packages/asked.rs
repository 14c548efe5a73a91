//! What an analysis has asked of an environment or a lock file. Each knows of far more packages than an analysis gets to: when it
//! is another, the answers that counted may be the same.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Surroundings;

/// One thing that was asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Question {
    /// What can be imported from an environment under a first name, and of which distribution it is.
    Module(u32, String),
    /// The entries of a package in a lock file.
    Locked(u32, String),
    /// Who depends on a package, in a lock file.
    Dependents(u32, String),
}

impl Surroundings {
    /// All that has been asked so far, sorted.
    pub fn asked(&self) -> Vec<Question> {
        let mut asked = self.crates.asked();
        for ((_, site), environment) in self.python.all().zip(0..) {
            asked.extend(site.asked().into_iter().map(|name| Question::Module(environment, name)));
        }
        asked.sort_unstable();
        asked
    }

    /// What the answer is now, as a text; `None` if there is nothing to ask.
    pub fn answer(&self, question: &Question) -> Option<String> {
        match question {
            Question::Module(environment, name) => {
                let (_, site) = self.python.all().nth(*environment as usize)?;
                Some(site.answer(name))
            }
            Question::Locked(lock, name) => self.crates.entries(*lock as usize, name),
            Question::Dependents(lock, name) => self.crates.who_depends(*lock as usize, name),
        }
    }

    /// What is asked such things: the folders of environments, and the lock files. While they are as they were, so are all answers.
    pub fn whole(&self) -> Vec<PathBuf> {
        let mut all = self.crates.lock_files();
        all.extend(self.python.all().flat_map(|(_, it)| it.folders().map(ToOwned::to_owned)));
        all
    }
}
