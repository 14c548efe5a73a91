//! What a project's own manifest says about its code: the oldest Python it runs on, the edition of Rust it is written in.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use camino::Utf8Path;
use rustc_hash::FxHashMap;
use toml::{Table, Value};

use super::versions;
use crate::discover::manifest_text;
use crate::packages::Manifest;
use crate::rules::TargetPython;
use crate::source::{Edition, Language};

/// Finds and keeps what manifests say, folder by folder.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    python: Mutex<FxHashMap<PathBuf, Option<TargetPython>>>,
    rust: Mutex<FxHashMap<PathBuf, Option<Edition>>>,
}

impl Manifests {
    /// The oldest Python that the nearest manifest above a folder (absolute) admits.
    pub(super) fn python(&self, folder: &Path) -> Option<TargetPython> {
        nearest(&self.python, folder, &|folder| oldest_python(folder).map(Some))
    }

    /// The edition of the package that a folder (absolute) belongs to.
    pub(super) fn edition(&self, folder: &Path) -> Option<Edition> {
        nearest(&self.rust, folder, &edition)
    }
}

/// What a folder says itself, else what the one above it says.
fn nearest<T: Copy>(
    known: &Mutex<FxHashMap<PathBuf, Option<T>>>,
    folder: &Path,
    own: &dyn Fn(&Path) -> Option<Option<T>>,
) -> Option<T> {
    if let Some(known) = known.lock().unwrap_or_else(PoisonError::into_inner).get(folder) {
        return *known;
    }
    let found = match own(folder) {
        Some(own) => own,
        None => folder.parent().and_then(|above| nearest(known, above, own)),
    };
    known.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), found);
    found
}

/// `None` if there is no manifest, or one that cannot be read: complaining about it is for others.
fn manifest(folder: &Path, name: &str) -> Option<Table> {
    manifest_text(folder.join(name)).ok()?.parse().ok()
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// `requires-python` of pyproject.toml, or what setup.cfg and Poetry write in its place.
fn oldest_python(folder: &Path) -> Option<TargetPython> {
    let pyproject = manifest(folder, "pyproject.toml").and_then(|manifest| {
        let requires = at(&manifest, &["project", "requires-python"]);
        let requires = requires.or_else(|| at(&manifest, &["tool", "poetry", "dependencies", "python"]));
        versions::oldest(requires?.as_str()?)
    });
    pyproject.or_else(|| {
        let text = manifest_text(folder.join("setup.cfg")).ok()?;
        versions::oldest(&python_requires(&text)?)
    })
}

/// `python_requires` below `[options]`; its value may go on in indented lines.
fn python_requires(text: &str) -> Option<String> {
    let mut section = "";
    let mut value: Option<String> = None;
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let is_indented = line.starts_with([' ', '\t']);
        if let Some(value) = value.as_mut().filter(|_| is_indented) {
            value.push_str(content);
            continue;
        }
        if value.is_some() {
            break;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name.trim();
        } else if section == "options"
            && let Some((key, rest)) = content.split_once('=')
            && matches!(key.trim(), "python_requires" | "python-requires")
        {
            value = Some(rest.trim().to_owned());
        }
    }
    value
}

/// The edition that a folder's package names, or inherits from its workspace.
fn edition(folder: &Path) -> Option<Option<Edition>> {
    let package = cargo(folder)?.package?;
    let inherited = || {
        let named = package.workspace.as_ref().map(|folder| folder.as_std_path());
        named.into_iter().chain(folder.ancestors()).find_map(|folder| cargo(folder)?.workspace?.edition)
    };
    Some(Some(package.edition.or_else(inherited).unwrap_or_default()))
}

fn cargo(folder: &Path) -> Option<Manifest> {
    let text = manifest_text(folder.join("Cargo.toml")).ok()?;
    Manifest::parse(Utf8Path::from_path(folder)?, &text).ok()
}

impl super::Tree {
    /// The oldest Python that the manifest of a file's project admits.
    pub fn requires_python(&self, file: &Path) -> Option<TargetPython> {
        self.manifests.python(file.parent()?)
    }

    /// The edition that a file (absolute) is written in. One without a manifest is taken for the newest.
    pub fn edition(&self, file: &Path, language: Language) -> Edition {
        let folder = file.parent().filter(|_| language == Language::Rust);
        folder.and_then(|folder| self.manifests.edition(folder)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_cfg_says_it_below_options() {
        let text = "[metadata]\npython_requires = 2\n\n[options]\n# why\npython_requires =\n    >=3.10,\n    <4\nzip_safe = no\n";
        assert_eq!(python_requires(text).as_deref(), Some(">=3.10,<4"));
        assert_eq!(python_requires("[options]\npython_requires = >=3.9\n").as_deref(), Some(">=3.9"));
        assert_eq!(python_requires("[options.extras]\npython_requires = >=3.9\n"), None);
    }

    #[test]
    fn an_edition_is_named_or_inherited() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        for (path, text) in [
            ("Cargo.toml", "[workspace]\nmembers = ['*']\n[workspace.package]\nedition = '2021'\n"),
            ("old/Cargo.toml", "[package]\nname = 'old'\n"),
            ("new/Cargo.toml", "[package]\nname = 'new'\nedition = '2024'\n"),
            ("next/Cargo.toml", "[package]\nname = 'next'\nedition = '2077'\n"),
            ("heir/Cargo.toml", "[package]\nname = 'heir'\nedition.workspace = true\n"),
            ("broken/Cargo.toml", "[package\n"),
        ] {
            std::fs::create_dir_all(at(path).parent().expect("a folder"))?;
            std::fs::write(at(path), text)?;
        }
        let manifests = Manifests::default();
        assert_eq!(manifests.edition(&at("old/src")), Some(Edition::E2015));
        assert_eq!(manifests.edition(&at("new/src/deep")), Some(Edition::E2024));
        assert_eq!(manifests.edition(&at("next/src")), Some(Edition::default()));
        assert_eq!(manifests.edition(&at("heir/src")), Some(Edition::E2021));
        // A workspace is no package, and nothing is said by what cannot be read.
        assert_eq!(manifests.edition(&at("scripts")), None);
        assert_eq!(manifests.edition(&at("broken/src")), None);
        Ok(())
    }
}
