//! Files below a folder.

use std::path::{Path, PathBuf};

/// Adds the files below `folder` whose names end in one of these, links not followed; in no order. What cannot be read has none.
pub fn files(folder: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() {
            files(&path, endings, out);
        } else if kind.is_file() && path.extension().is_some_and(|it| endings.iter().any(|ending| it == *ending)) {
            out.push(path);
        }
    }
}
