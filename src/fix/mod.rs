//! Applying fixes: which edits go together, and how a file on disk becomes the mended one.

use std::io::{self, Write};
use std::path::Path;

/// Replaces a file by way of a temporary one beside it: readers see the old text or the new, never a part. A link stays a
/// link, and permissions stay as they are.
pub fn replace(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".asynclint-");
    if let Ok(metadata) = std::fs::metadata(&target) {
        builder.permissions(metadata.permissions());
    }
    let temporary = builder.tempfile_in(folder)?;
    let mut out = io::BufWriter::new(temporary);
    write(&mut out)?;
    let temporary = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}
