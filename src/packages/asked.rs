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
    /// Which dependency of a package at a version has a library of that name.
    Called(u32, String, String, String),
    /// Which features of a package at a version are on.
    Features(u32, String, String),
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
            Question::Called(lock, of, version, name) => {
                let of = self.crates.at_version(*lock as usize, of, version)?;
                let package = self.crates.manifest(of)?;
                let dependencies = package.package.iter().flat_map(|it| &it.dependencies);
                Some(format!("{:?}", self.crates.library_of(of, dependencies, name).map(|it| it.label)))
            }
            Question::Features(lock, of, version) => {
                let of = self.crates.at_version(*lock as usize, of, version)?;
                Some(format!("{:?}", self.features(&self.crates.source(of)?)))
            }
        }
    }

    /// What is asked such things: the folders of environments, and the lock files. While they are as they were, so are all answers.
    pub fn whole(&self) -> Vec<PathBuf> {
        let mut all = self.crates.lock_files();
        all.extend(self.python.all().flat_map(|(_, it)| it.folders().map(ToOwned::to_owned)));
        all
    }
}
