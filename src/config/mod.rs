//! Settings: which files name them, what they may say, and which of them govern a file.
//!
//! `asynclint.toml`, `[tool.asynclint]` in pyproject.toml, `[package.metadata.asynclint]` and
//! `[workspace.metadata.asynclint]` in Cargo.toml. The nearest above a file governs it alone; nothing is inherited from one
//! further up, so that what holds can be read in one place.

mod api;
mod levels;
mod manifest;
mod read;
mod schema;
mod select;
mod tree;
mod types;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8PathBuf;
use ignore::gitignore::Gitignore;

pub use api::{Entry, kind_name};
pub use levels::{Level, Levels, Request};
pub use read::of_text;
pub use schema::schema;
pub use select::{Unknown, WITHOUT_RULE, nearest, rules_named, select};
pub use tree::{Mode, Tree};
pub use types::TypeEntry;

use crate::finding::Confidence;
use crate::knowledge::Knowledge;
use crate::rules::TargetPython;

/// Files above this many bytes are generated or data; reading them costs more than it finds.
pub const MAX_FILE_SIZE: u64 = 8 << 20;

/// One configuration file.
#[derive(Debug)]
pub struct Config {
    /// As errors and warnings name it.
    pub shown: Utf8PathBuf,
    /// Patterns are relative to it.
    pub folder: PathBuf,
    pub levels: Levels,
    pub overrides: Vec<Override>,
    /// In the notation of .gitignore.
    pub exclude: Gitignore,
    pub min_confidence: Option<Confidence>,
    /// The oldest Python that the code supports.
    pub target_python: Option<TargetPython>,
    /// In bytes.
    pub max_file_size: Option<u64>,
    pub baseline: Option<KnownFindings>,
    /// What the project's own or unknown libraries' functions do.
    pub apis: Vec<Entry>,
    /// What their types are.
    pub types: Vec<TypeEntry>,
    /// Settings that do nothing.
    pub warnings: Vec<Trouble>,
}

/// The file of the known findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFindings {
    /// Absolute.
    pub path: PathBuf,
    /// Where it is named: `asynclint.toml:12`.
    pub source: String,
}

/// Rule settings for some of the files.
#[derive(Debug)]
pub struct Override {
    pub paths: Gitignore,
    pub patterns: Vec<String>,
    pub line: u32,
    pub levels: Levels,
    used: AtomicBool,
}

/// Something wrong with a configuration file: an error, or a setting that does nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trouble {
    pub file: Utf8PathBuf,
    /// From 1.
    pub line: Option<u32>,
    pub message: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl Config {
    /// The path (absolute; `is_folder` tells a folder) is excluded.
    pub fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        matches(&self.exclude, &self.folder, path, is_folder)
    }

    /// The overrides for a file, in the order they stand in.
    pub fn overrides_for(&self, file: &Path) -> impl Iterator<Item = &Override> {
        self.overrides.iter().filter(move |it| {
            let found = matches(&it.paths, &self.folder, file, false);
            if found {
                it.used.store(true, Ordering::Relaxed);
            }
            found
        })
    }

    /// The overrides that no file so far has matched.
    pub fn idle_overrides(&self) -> impl Iterator<Item = Trouble> {
        self.overrides.iter().filter(|it| !it.used.load(Ordering::Relaxed)).map(|it| Trouble {
            file: self.shown.clone(),
            line: Some(it.line),
            message: format!("the override for `{}` matches no file", it.patterns.join("`, `")),
        })
    }
}

fn matches(patterns: &Gitignore, folder: &Path, path: &Path, is_folder: bool) -> bool {
    // The matcher insists on paths below its root.
    path.strip_prefix(folder).is_ok_and(|below| {
        !below.as_os_str().is_empty() && patterns.matched_path_or_any_parents(below, is_folder).is_ignore()
    })
}

/// Patterns in the notation of .gitignore; the error names the pattern.
pub fn patterns<'a>(folder: &Path, lines: impl IntoIterator<Item = &'a str>) -> Result<Gitignore, String> {
    let mut builder = ignore::gitignore::GitignoreBuilder::new(folder);
    for line in lines {
        builder.add_line(None, line).map_err(|error| format!("`{line}` is not a pattern: {}", plain(&error)))?;
    }
    builder.build().map_err(|error| format!("the patterns cannot be read: {}", plain(&error)))
}

fn plain(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

/// The tables, and what configurations add to them; of two that speak of the same path, the later holds.
pub fn knowledge<'a>(configs: impl IntoIterator<Item = &'a Config>) -> Knowledge {
    let tables = Knowledge::default();
    let (mut apis, mut types) = (Vec::new(), Vec::new());
    for config in configs {
        apis.extend(config.apis.iter().map(|entry| entry.to_api(&tables)));
        types.extend(config.types.iter().map(|entry| entry.to_facts(&tables)));
    }
    Knowledge::with(apis).and_types(types)
}

/// A configuration that many files share.
pub type Shared = Arc<Config>;
