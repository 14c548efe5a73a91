//! What stands around the user's files: the manifests of their packages, and the code that is installed for them. All of it
//! is only read, never run.

mod added;
mod asked;
mod distributions;
mod environments;
mod extension;
mod features;
mod lock;
mod locked;
mod manifest;
mod python;
mod released;
mod standard;
mod vendored;

use std::path::{Path, PathBuf};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;

pub use asked::Question;
pub use environments::{EnvironmentId, Environments};
pub use extension::Extension;
pub use lock::{CrateSource, CrateSources, LockedId};
pub use manifest::{Dependency, Library, Manifest, Package, Workspace};

pub use python::{Installed, SitePackages};
pub use released::{digest, sealed};
pub use standard::is_standard;

use crate::discover::{Problem, manifest_text};

/// What an analysis knows besides the files it is given.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Of the packages that the files belong to, and of their workspaces.
    pub manifests: Vec<Manifest>,
    /// What crates are built into modules for Python to import.
    pub extensions: Vec<Extension>,
    /// The environments that Python code is imported from.
    pub python: Environments,
    /// Where the crates that lock files name lie.
    pub crates: CrateSources,
    /// The size in bytes above which an installed file is not read.
    pub largest: u64,
}

impl Surroundings {
    /// Says what findings hang on whatever an analysis leads to: another text means that another may find something else. What
    /// is installed is told by what has been [asked](Self::asked).
    pub fn say(&self, say: &mut impl FnMut(&str)) {
        say(&format!("{:?} {:?} {}", self.manifests, self.extensions, self.largest));
        self.python.say(say);
        self.crates.say(say);
    }

    /// What has been looked at to find crates: manifests and folders that may be there or not.
    pub fn looked_at(&self) -> Vec<PathBuf> {
        self.crates.looked_at()
    }

    /// The lists in environments that add folders to them. What they add is part of what is [said](Self::say).
    pub fn lists(&self) -> impl Iterator<Item = PathBuf> + use<'_> {
        self.python.all().flat_map(|(_, it)| it.lists())
    }
}

/// `path` as seen from where `folder` is seen from, without `.` and with `..` taken back.
pub(crate) fn normal(folder: &Utf8Path, path: &str) -> Utf8PathBuf {
    let joined = folder.join(path.replace('\\', "/"));
    let mut out = Utf8PathBuf::new();
    for component in joined.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other.as_str()),
        }
    }
    out
}

/// The folders that files lie in, and all above those, each once.
fn folders<'a>(files: impl Iterator<Item = &'a Utf8Path>) -> Vec<&'a Utf8Path> {
    let mut seen: FxHashSet<&Utf8Path> = FxHashSet::default();
    let mut folders: Vec<&Utf8Path> = Vec::new();
    for file in files {
        for folder in file.ancestors().skip(1) {
            // What is above it has been seen as well.
            if !seen.insert(folder) {
                break;
            }
            folders.push(folder);
        }
    }
    folders.sort_unstable();
    folders
}

/// Reads every `pyproject.toml`, or `setup.py`, beside and above files that lie at these places (absolute), where some crate can be built into
/// a module of Python.
pub fn extensions<'a>(manifests: &[Manifest], files: impl Iterator<Item = &'a Utf8Path>) -> Vec<Extension> {
    if !manifests.iter().any(Manifest::speaks_python) {
        return Vec::new();
    }
    let all = |folder: &Utf8Path| Extension::of(folder, |name| manifest_text(folder.join(name)).ok());
    folders(files).into_iter().flat_map(all).collect()
}

/// Reads every `Cargo.toml` beside and above Rust files that lie at these places (absolute). One that cannot be read is a
/// problem to be told, and no more.
pub fn manifests<'a>(
    files: impl Iterator<Item = &'a Utf8Path>,
    shown: impl Fn(&Path) -> Utf8PathBuf,
) -> (Vec<Manifest>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for folder in folders(files) {
        let path = folder.join("Cargo.toml");
        let Ok(text) = manifest_text(&path) else { continue };
        match Manifest::parse(folder, &text) {
            Ok(manifest) => found.push(manifest),
            Err(error) => {
                let message = format!("is not read: {error}; crates go by the names of their folders");
                problems.push(Problem::new(shown(path.as_std_path()), message));
            }
        }
    }
    (found, problems)
}

/// Writes a file of a test, with the folders around it.
#[cfg(test)]
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_upwards_are_taken_back() {
        let at = |folder: &str, path: &str| normal(Utf8Path::new(folder), path).to_string();
        assert_eq!(at("/a/b", "../c/./d.rs"), "/a/c/d.rs");
        assert_eq!(at("a", "../../c"), "../c");
        assert_eq!(at("", "src\\lib.rs"), "src/lib.rs");
    }
}
