//! What the code of an installed file has asked of what is around it.

use rustc_hash::FxHashSet;

use crate::finding::FileId;

/// By the file that asks. What crates call others is known by the crate.
#[derive(Debug, Default, Clone)]
pub(in crate::project) struct Asks {
    /// Python: first names of imports; Rust: crates that all who name them mean.
    pub(super) names: FxHashSet<Box<str>>,
    /// Files that it was led to.
    pub(super) files: FxHashSet<FileId>,
    /// Python: packages in which a module was looked for in vain.
    pub(super) packages: FxHashSet<Box<str>>,
}

impl Asks {
    pub(in crate::project) fn for_name(&mut self, name: &str) {
        if !self.names.contains(name) {
            self.names.insert(name.into());
        }
    }

    pub(in crate::project) fn for_file(&mut self, file: FileId) {
        self.files.insert(file);
    }

    /// A module was looked for in that package, and is not there.
    pub(in crate::project) fn in_vain(&mut self, package: &[&str]) {
        // What stands under a first name, the name tells.
        if !package.is_empty() {
            self.packages.insert(package.join(".").into());
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.names.extend(other.names.iter().cloned());
        self.files.extend(&other.files);
        self.packages.extend(other.packages.iter().cloned());
    }
}
