//! Paths as they are compared and shown.

use std::path::{Component, Path, PathBuf};

use camino::Utf8PathBuf;

/// A path from the current folder on, without `.` and `..`: patterns and entries are compared with its parts.
pub(crate) fn absolute(given: &Path, current: &Path) -> PathBuf {
    let path: PathBuf = current.join(given).components().collect();
    if !path.components().any(|it| it == Component::ParentDir) {
        return path;
    }
    // What lies above a folder is told by the folder that a link leads to; a file need not be there yet.
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(real), ..) => plain_path(real),
        (Err(_), Some(folder), Some(name)) => absolute(folder, current).join(name),
        (Err(_), ..) => path,
    }
}

/// Where a path leads, or the path itself where that cannot be told.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    path.canonicalize().map_or_else(|_| path.to_owned(), plain_path)
}

/// Without the `\\\\?\\` that Windows puts before a canonical path, and that nobody writes.
pub(crate) fn plain_path(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|it| it.strip_prefix(r"\\?\")).filter(|it| !it.starts_with("UNC")) {
        Some(plain) => PathBuf::from(plain),
        None => path,
    }
}

/// As given, but relative to the current folder where it lies below it, without `.`, with `/`.
pub(crate) fn relative(path: &Path, current: &Path) -> Utf8PathBuf {
    let path = path.strip_prefix(current).unwrap_or(path);
    let plain: PathBuf = path.components().filter(|it| *it != Component::CurDir).collect();
    lossy(&plain)
}

pub(crate) fn lossy(path: &Path) -> Utf8PathBuf {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/").into() } else { text.into_owned().into() }
}

/// The path (absolute) as it is written from a folder (absolute) on, with `..` where it lies beside it.
pub(crate) fn from_folder(path: &Path, folder: &Path) -> Utf8PathBuf {
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    // Nothing leads from one drive to another.
    if shared == 0 {
        return lossy(path);
    }
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    lossy(&up.chain(path.components().skip(shared)).collect::<PathBuf>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_no_parts_of_a_path() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = real_path(folder.path());
        std::fs::create_dir(at.join("b"))?;
        let absolute = |given: &str| absolute(Path::new(given), &at.join("b")).to_string_lossy().into_owned();
        let is = |given: &str, path: &str| assert_eq!(absolute(given), at.join(path).to_string_lossy(), "{given}");
        is("./c.py", "b/c.py");
        is(".", "b");
        is("../b/./c.py", "b/c.py");
        is("../new.json", "new.json");
        Ok(())
    }

    #[test]
    fn a_path_is_written_from_a_folder_on() {
        let from = |path: &str, folder: &str| from_folder(Path::new(path), Path::new(folder)).into_string();
        assert_eq!(from("/x/a/b.py", "/x"), "a/b.py");
        assert_eq!(from("/x/a/b.py", "/x/a/c/d"), "../../b.py");
        assert_eq!(from("/x/ab/c.py", "/x/a"), "../ab/c.py");
    }
}
