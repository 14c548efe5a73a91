//! Folders that hold no code of the user's: environments, caches, build output.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use rustc_hash::FxHashSet;

/// Skipped by name alone: nobody keeps sources there.
const NAMES: [&str; 25] = [
    ".asynclint_cache",
    ".bzr",
    ".cargo",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pixi",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "buck-out",
    "node_modules",
    "site-packages",
];

/// The folder is not looked into, unless it is where the walk starts.
pub(super) fn is_skipped(folder: &Path) -> bool {
    let Some(name) = folder.file_name().and_then(|it| it.to_str()) else {
        return false;
    };
    let has = |name: &str| folder.join(name).exists();
    let beside = |name: &str| folder.with_file_name(name).exists();
    match name {
        _ if NAMES.contains(&name) => true,
        "target" => has("CACHEDIR.TAG") || beside("Cargo.toml"),
        // The standard library has a package `venv`, and other projects have packages `build` and `dist`.
        "venv" => !has("__init__.py"),
        "vendor" => is_vendored(folder),
        "build" | "dist" => (beside("pyproject.toml") || beside("setup.py")) && !has("__init__.py"),
        _ => has("pyvenv.cfg") || has("conda-meta"),
    }
}

/// `cargo vendor` has put it there: each crate with the sums of its files.
fn is_vendored(folder: &Path) -> bool {
    let crates = std::fs::read_dir(folder).into_iter().flatten().flatten();
    crates.take(8).any(|it| it.path().join(".cargo-checksum.json").is_file())
}

/// An environment of Python mostly goes by one of these names.
pub(super) fn may_be_environment(name: &OsStr) -> bool {
    name == ".venv" || name == "venv"
}

/// Cargo puts a file of that name into every folder that it unpacks a crate into.
pub(super) fn is_of_cargo(name: &OsStr) -> bool {
    name == ".cargo-checksum.json" || name == ".cargo-ok"
}

/// A package manager tells there what it has installed beside it: `kit-1.0.dist-info`, which of a mere archive does not say
/// who has installed it.
pub(super) fn is_of_pip(folder: &Path) -> bool {
    folder.extension().is_some_and(|it| it == "dist-info") && folder.join("INSTALLER").is_file()
}

/// The files and folders that such a list names.
pub(super) fn listed(folder: &Path) -> impl Iterator<Item = OsString> {
    let record = super::manifest_text(folder.join("RECORD")).unwrap_or_default();
    let first = |line: &str| Some(OsString::from(line.split(['/', ',']).next()?));
    let names: FxHashSet<OsString> = record.lines().filter_map(first).collect();
    names.into_iter()
}

/// The file is somewhere below a folder that a walk would not look into.
pub(crate) fn is_below_skipped(file: &Path) -> bool {
    file.ancestors().skip(1).any(is_skipped)
}
