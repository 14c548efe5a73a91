//! A file on disk to a [`Source`], or to the reason why not.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use camino::Utf8Path;

use super::{Found, Kind, NotebookError, Problem, decode, io_text, lossy, parse_notebook};
use crate::source::Source;

/// A manifest or a configuration that is larger holds something else.
const MANIFEST: u64 = 16 << 20;

/// The text of a manifest, a configuration or the like, which lies where a repository has put it: what never ends, or waits
/// for somebody to write, is not read.
pub(crate) fn manifest_text(path: impl AsRef<Path>) -> io::Result<String> {
    text(path.as_ref(), MANIFEST)
}

/// The text of a regular file of at most `limit` bytes.
pub(crate) fn text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(bytes(path, limit)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// What a regular file of at most `limit` bytes holds.
pub(super) fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Told before it is opened: opening a pipe waits for who writes to it.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= limit {
        fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        let message = format!("it is larger than {}", in_units(limit));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads one file. `limit` is the size in bytes above which a file is not read. `Ok(None)`: nothing to check and nothing to
/// say, such as a notebook in another language.
pub fn read(file: &Found, limit: u64) -> Result<Option<Source>, Problem> {
    let problem = |message: String| Problem::new(file.shown.clone(), message);
    let failed = |error: std::io::Error| problem(unreadable(&error));
    let open = fs::File::open(&file.path).map_err(failed)?;
    let size = open.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(problem(format!(
            "is not checked: {} is more than the limit of {}; raise `max-file-size` or exclude it",
            in_units(size),
            in_units(limit)
        )));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    open.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    let mut source = source_of(&file.shown, file.kind, &bytes)?;
    if let Some(source) = &mut source {
        source.location = lossy(&file.path);
    }
    Ok(source)
}

/// The source that these bytes are: what [`read`] does after reading.
pub fn source_of(shown: &Utf8Path, kind: Kind, bytes: &[u8]) -> Result<Option<Source>, Problem> {
    let language = kind.language();
    if kind == Kind::Notebook {
        return match parse_notebook(bytes) {
            Ok(notebook) => {
                let mut source = Source::new(shown, language, notebook.text);
                source.cells = notebook.cells;
                Ok(Some(source))
            }
            Err(NotebookError::OtherLanguage) => Ok(None),
            Err(error) => Err(Problem { line: error.line(), ..Problem::new(shown, error.to_string()) }),
        };
    }
    match decode(bytes, language) {
        Ok(text) => Ok(Some(Source::new(shown, language, &*text))),
        Err(error) => Err(Problem { line: error.line(), ..Problem::new(shown, error.to_string()) }),
    }
}

fn unreadable(error: &std::io::Error) -> String {
    format!("cannot be read: {}; check its permissions", io_text(error))
}

/// In the largest binary unit that leaves a number of one or more.
fn in_units(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if size.fract() < 0.05 { format!("{size:.0} {}", UNITS[unit]) } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// What a file is that somebody names: by its ending, or as a script by what its first line has it run by.
pub(crate) fn kind_of_file(path: &Path) -> Option<Kind> {
    Kind::of(path).or_else(|| {
        let mut line = Vec::new();
        fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        // Systems read no more of it either.
        fs::File::open(path).ok()?.take(256).read_to_end(&mut line).ok()?;
        is_python_script(&String::from_utf8_lossy(&line)).then_some(Kind::Python)
    })
}

/// `#!/usr/bin/python3`, `#!/usr/bin/env -S python3 -u`, `#!/usr/bin/env -S uv run --script`.
fn is_python_script(text: &str) -> bool {
    let Some(line) = text.strip_prefix("#!").and_then(|it| it.lines().next()) else { return false };
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let mut program = words.next();
    if program == Some("env") {
        program = words.find(|word| !word.starts_with('-') && !word.contains('='));
    }
    match program {
        Some("uv" | "pipx") => words.next() == Some("run"),
        Some(name) => ["python", "pypy"].iter().any(|it| {
            name.strip_prefix(it).is_some_and(|version| version.bytes().all(|it| it.is_ascii_digit() || it == b'.'))
        }),
        None => false,
    }
}

/// What standard input is, given the name it is to be checked under.
pub(crate) fn kind_of_name(path: &Path) -> Result<Kind, String> {
    Kind::of(path).ok_or_else(|| {
        format!("`{}` is in an unknown language; give a name that ends in `.py`, `.rs` or `.ipynb`", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_by_their_first_line() {
        for line in [
            "#!/usr/bin/env python3\nimport x",
            "#!/usr/bin/python3.12 -u",
            "#! /opt/pypy3/bin/pypy3",
            "#!/usr/bin/env -S A=b uv run --script\r\n",
            "#!/usr/bin/env -S python",
        ] {
            assert!(is_python_script(line), "{line}");
        }
        for line in
            ["", "#!", "#!/bin/sh\n#!/usr/bin/python", "#!/usr/bin/env pythonic", "#!/usr/bin/env uv sync", "python"]
        {
            assert!(!is_python_script(line), "{line}");
        }
    }

    #[test]
    fn sizes_are_told_in_units() {
        assert_eq!(in_units(12), "12 B");
        assert_eq!(in_units(4 << 20), "4 MiB");
        assert_eq!(in_units((3 << 20) / 2), "1.5 MiB");
    }
}
