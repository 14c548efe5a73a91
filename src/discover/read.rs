//! A file on disk to a [`Source`], or to the reason why not.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use camino::Utf8Path;

use super::{Found, Kind, NotebookError, Problem, decode, io_text, lossy, parse_notebook};
use crate::source::Source;

/// Reads one file. `limit` is the size in bytes above which a file is not read. `Ok(None)`: nothing to check and nothing to
/// say, such as a notebook in another language.
pub fn read(file: &Found, limit: u64) -> Result<Option<Source>, Problem> {
    let problem = |message: String| Problem::new(file.shown.clone(), message);
    let failed = |error: std::io::Error| problem(unreadable(&error));
    let mut open = fs::File::open(&file.path).map_err(failed)?;
    let size = open.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(problem(format!(
            "is not checked: {} is more than the limit of {}; raise `max-file-size` or exclude it",
            in_units(size),
            in_units(limit)
        )));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    open.read_to_end(&mut bytes).map_err(failed)?;
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
    fn sizes_are_told_in_units() {
        assert_eq!(in_units(12), "12 B");
        assert_eq!(in_units(4 << 20), "4 MiB");
        assert_eq!(in_units((3 << 20) / 2), "1.5 MiB");
    }
}
