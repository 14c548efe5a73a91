//! The mended text as the bytes of a file: encodings, byte order marks, notebooks.

use std::fmt;

use super::{Kind, cells, decode};
use crate::source::Source;

/// Why a file is not mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not what was checked any more.
    Changed,
    /// It is not written in UTF-8.
    Encoding,
    /// A notebook that Jupyter would write differently.
    Layout,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "is not fixed: it has changed while it was checked; run again",
            Self::Encoding => "is not fixed: it is not in UTF-8; convert it first",
            Self::Layout => "is not fixed: Jupyter would write it differently; save it with Jupyter first",
        })
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes of the file with `after` in place of `before`. `bytes` are those on disk now.
pub fn rewrite(kind: Kind, bytes: &[u8], before: &Source, after: &Source) -> Result<Vec<u8>, Refusal> {
    if kind == Kind::Notebook {
        return cells::rewrite(bytes, before, after);
    }
    let (mark, text) = match bytes.strip_prefix(MARK) {
        Some(text) => (MARK, text),
        None => (&[][..], bytes),
    };
    if text == before.text.as_bytes() {
        return Ok([mark, after.text.as_bytes()].concat());
    }
    match decode(bytes, kind.language()) {
        Ok(text) if *text == *before.text => Err(Refusal::Encoding),
        _ => Err(Refusal::Changed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Language;

    fn source(text: &str) -> Source {
        Source::new("a.py", Language::Python, text)
    }

    #[test]
    fn marks_stay_and_other_encodings_are_refused() {
        let (before, after) = (source("x = 'é'\n"), source("y = 'é'\n"));
        let rewrite = |bytes: &[u8]| rewrite(Kind::Python, bytes, &before, &after);
        assert_eq!(rewrite("x = 'é'\n".as_bytes()), Ok("y = 'é'\n".as_bytes().to_vec()));
        assert_eq!(rewrite("\u{feff}x = 'é'\n".as_bytes()), Ok("\u{feff}y = 'é'\n".as_bytes().to_vec()));
        assert_eq!(rewrite(b"\xff\xfex\x00 \x00=\x00 \x00'\x00\xe9\x00'\x00\n\x00"), Err(Refusal::Encoding));
        assert_eq!(rewrite(b"z = 1\n"), Err(Refusal::Changed));
    }
}
