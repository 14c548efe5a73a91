//! Applying fixes: which edits go together, what becomes of the text, and how a file is replaced by the mended one.

mod edits;

use std::io::{self, Write};
use std::path::Path;

pub use edits::{Mended, apply};

use crate::source::{Cell, Source};

/// The source with the edits made, its notebook cells where they are now.
pub fn mended_source(source: &Source, mended: &Mended) -> Source {
    let mut after = Source::new(source.path.clone(), source.language, mended.text.as_str());
    after.location = source.location.clone();
    after.edition = source.edition;
    let moved = |start: u32| {
        let before = mended.edits.iter().filter(|edit| edit.span.end <= start && edit.span.start < start);
        before.fold(i64::from(start), |at, edit| {
            at + edit.content.len() as i64 - i64::from(edit.span.end - edit.span.start)
        }) as u32
    };
    after.cells = source.cells.iter().map(|cell| Cell { number: cell.number, start: moved(cell.start) }).collect();
    after
}

/// Replaces a file by way of a temporary one beside it: readers see the old text or the new, never a part. A link stays a
/// link, and permissions stay as they are.
pub fn replace(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    replace_by(file, write, true)
}

/// The same of what need not be on disk when the power fails: nobody waits for that.
pub fn replace_soon(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    replace_by(file, write, false)
}

fn replace_by(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>, is_synced: bool) -> io::Result<()> {
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".asynclint-");
    if let Ok(metadata) = std::fs::metadata(&target) {
        builder.permissions(metadata.permissions());
    } else {
        // A new file is as readable as any other program's, as far as the umask allows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder)?;
    let mut out = io::BufWriter::new(temporary);
    write(&mut out)?;
    let temporary = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    if is_synced {
        temporary.as_file().sync_all()?;
    }
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Applicability, Edit, Fix};
    use crate::source::{Language, Span};

    #[test]
    fn cells_stay_where_their_code_is() {
        let mut source = Source::new("a.ipynb", Language::Python, "f()\ng()\nh()\n");
        source.cells = [(1, 0), (2, 4), (4, 8)].map(|(number, start)| Cell { number, start }).into();
        let insert = |at: u32, text: &str| Edit { span: Span::new(at, at), content: text.to_owned() };
        let edits = vec![insert(0, "x = 1\n"), insert(4, "await ")];
        let fix = Fix { applicability: Applicability::Safe, message: String::new(), edits };
        let after = mended_source(&source, &apply(&source, &[&fix]));
        assert_eq!(&*after.text, "x = 1\nf()\nawait g()\nh()\n");
        assert_eq!(after.cells.iter().map(|cell| cell.start).collect::<Vec<_>>(), [0, 10, 20]);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_permissions() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a.py");
        std::fs::write(&file, "old")?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o754))?;
        }
        let failed = replace(&file, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&file)?, "old");
        replace(&file, |out| out.write_all(b"new"))?;
        assert_eq!(std::fs::read_to_string(&file)?, "new");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o754);
        }
        Ok(())
    }
}
