//! `asynclint init`: a starting configuration and a pre-commit entry. What is there stays as it is.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::arguments::Init;
use super::{Failure, Status, output};
use crate::discover::{io_text, manifest_text};

const CONFIGURATION: &str = r#"# Settings of asynclint. `asynclint schema` prints what may stand here; `asynclint rules` lists the rules.

# recommended: bugs, hardly ever wrong. strict: structured concurrency throughout. all: every rule.
profile = "recommended"

# Files and folders to leave out, in the notation of .gitignore. What .gitignore leaves out is left out anyway.
# exclude = ["generated/"]

# How bad each rule is: error, warn, note or off. A rule that is named here is on, even where the profile leaves it out.
# [rules]
# blocking-file = "note"

# Other settings for some of the files.
# [[overrides]]
# paths = ["tests/"]
# ignore = ["blocking"]

# What functions do that asynclint does not know.
# [[api]]
# path = "our_client.Client.fetch"
# effect = "blocks"
# kind = "network"
# instead = "`our_client.AsyncClient.fetch`"
"#;

/// From the repository once the package names one; else the program that is installed.
fn hook() -> String {
    let (home, version) = (env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
    if home.is_empty() {
        return LOCAL_HOOK.to_owned();
    }
    format!("repos:\n  - repo: {home}\n    rev: v{version}\n    hooks:\n      - id: asynclint\n")
}

const LOCAL_HOOK: &str = "\
repos:
  - repo: local
    hooks:
      - id: asynclint
        name: asynclint
        entry: asynclint check --force-exclude
        language: system
        types_or: [python, rust, jupyter]
        require_serial: true
";

pub(super) fn run(arguments: &Init) -> Result<Status, Failure> {
    let folder = &arguments.folder;
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::new(format!("`{folder}` is not a folder; give the project's folder")));
    }
    match configured(folder) {
        Some(place) => output::note(&format!("{place} is there and stays as it is")),
        None => create(&folder.join("asynclint.toml"), CONFIGURATION)?,
    }
    let hooks = folder.join(".pre-commit-config.yaml");
    match manifest_text(&hooks) {
        Ok(text) if text.contains("asynclint") => {
            output::note(&format!("{} names asynclint and stays as it is", hooks.display()));
        }
        Ok(_) => {
            output::note(&format!("{} stays as it is; to run asynclint with it, add:", hooks.display()));
            output::note(&hook());
        }
        Err(_) => create(&hooks, &hook())?,
    }
    Ok(Status::Clean)
}

/// The file in the folder that holds settings already.
fn configured(folder: &Path) -> Option<String> {
    let tables = [("asynclint.toml", ""), ("pyproject.toml", "[tool.asynclint"), ("Cargo.toml", "metadata.asynclint")];
    let found = tables
        .into_iter()
        .find(|(name, table)| manifest_text(folder.join(name)).is_ok_and(|text| text.contains(table)));
    found.map(|(name, _)| folder.join(name).display().to_string())
}

/// Creates a file that is not there. A file that appears in the meantime is not overwritten either.
fn create(file: &Path, text: &str) -> Result<(), Failure> {
    let written =
        OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut it| it.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            output::note(&format!("wrote {}", file.display()));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            output::note(&format!("{} is there and stays as it is", file.display()));
            Ok(())
        }
        Err(error) => {
            let message = format!("`{}` cannot be written: {}; check its folder", file.display(), io_text(&error));
            Err(Failure::new(message))
        }
    }
}
