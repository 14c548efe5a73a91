//! Bytes to text: byte order marks and PEP 263 declarations.

use std::borrow::Cow;
use std::fmt;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use crate::source::Language;

/// Why bytes are not text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// Line, from 1, of the first byte that is not UTF-8.
    NotUtf8 {
        line: u32,
        byte: u8,
        language: Language,
    },
    /// The file declares an encoding that is not known here.
    UnknownEncoding {
        name: String,
        line: u32,
    },
    /// The bytes are not what the declared encoding allows.
    Malformed {
        name: String,
    },
    Utf32,
    /// A NUL byte: binary data, or UTF-16 without its mark.
    Nul {
        line: u32,
    },
}

impl DecodeError {
    /// The line at fault, from 1.
    pub fn line(&self) -> Option<u32> {
        match self {
            Self::NotUtf8 { line, .. } | Self::UnknownEncoding { line, .. } | Self::Nul { line } => Some(*line),
            Self::Malformed { .. } | Self::Utf32 => None,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { line, byte, language: Language::Python } => write!(
                f,
                "is not UTF-8 (byte 0x{byte:02x} in line {line}); save it as UTF-8, or declare its encoding in the first \
                 line: `# -*- coding: latin-1 -*-`"
            ),
            Self::NotUtf8 { line, byte, language: Language::Rust } => {
                write!(f, "is not UTF-8 (byte 0x{byte:02x} in line {line}); save it as UTF-8")
            }
            Self::UnknownEncoding { name, line } => {
                write!(f, "declares the unknown encoding `{name}` in line {line}; save it as UTF-8 to have it checked")
            }
            Self::Malformed { name } => {
                write!(f, "is not in its declared encoding `{name}`; correct the declaration, or save it as UTF-8")
            }
            Self::Utf32 => f.write_str("is in UTF-32; save it as UTF-8 to have it checked"),
            Self::Nul { line } => {
                write!(f, "has a NUL byte in line {line}; if it is source code, save it as UTF-8")
            }
        }
    }
}

/// So many NUL bytes are not in the literals of source code.
const MOST_NULS: usize = 8;

/// Decodes a source file: by its byte order mark, for Python by the declaration in its first two lines (PEP 263), else as
/// UTF-8. The mark is dropped. UTF-16 with a mark is decoded although Python refuses it, since editors write it.
pub fn decode(bytes: &[u8], language: Language) -> Result<Cow<'_, str>, DecodeError> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, language)?,
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(DecodeError::Utf32),
        [0xff, 0xfe, rest @ ..] => strict(UTF_16LE, rest)?,
        [0xfe, 0xff, rest @ ..] => strict(UTF_16BE, rest)?,
        _ => match declared(bytes).filter(|_| language == Language::Python) {
            Some((name, line)) => by_name(bytes, &name, line)?,
            None => utf8(bytes, language)?,
        },
    };
    match text.find('\0') {
        // In Rust one may stand in a literal or a comment. Binary data has more of them, and so has UTF-16.
        Some(_) if language == Language::Rust && bytes.iter().filter(|it| **it == 0).count() < MOST_NULS => Ok(text),
        Some(at) => Err(DecodeError::Nul { line: line_at(&text.as_bytes()[..at]) }),
        None => Ok(text),
    }
}

fn utf8(bytes: &[u8], language: Language) -> Result<Cow<'_, str>, DecodeError> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        // Binary data is better called so.
        match bytes[..at].contains(&0) {
            true => DecodeError::Nul { line: 1 },
            false => DecodeError::NotUtf8 { line: line_at(&bytes[..at]), byte, language },
        }
    })
}

fn line_at(before: &[u8]) -> u32 {
    before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1
}

fn strict<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Result<Cow<'a, str>, DecodeError> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| DecodeError::Malformed { name: encoding.name().to_ascii_lowercase() })
}

fn by_name<'a>(bytes: &'a [u8], name: &str, line: u32) -> Result<Cow<'a, str>, DecodeError> {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let is = |family: &str| plain == family || plain.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'));
    if is("utf-8") || matches!(&*plain, "utf8" | "u8" | "cp65001" | "ascii" | "us-ascii" | "646") {
        return utf8(bytes, Language::Python);
    }
    // The web calls windows-1252 by these names; Python means the real one.
    if is("latin-1") || is("iso-8859-1") || is("iso-latin-1") || matches!(&*plain, "latin1" | "l1" | "iso8859-1") {
        return Ok(encoding_rs::mem::decode_latin1(bytes));
    }
    let label = match &*plain {
        "latin-9" | "latin9" | "l9" => "iso-8859-15",
        "mac-roman" | "macroman" => "macintosh",
        "mac-cyrillic" => "x-mac-cyrillic",
        "cp932" | "ms932" | "mskanji" | "sjis" => "shift_jis",
        "eucjp" | "ujis" => "euc-jp",
        "euckr" | "cp949" | "uhc" => "euc-kr",
        "cp936" | "936" => "gbk",
        "cp950" => "big5",
        other => other,
    };
    let label = label.strip_prefix("iso8859-").map_or_else(|| label.to_owned(), |part| format!("iso-8859-{part}"));
    let encoding = Encoding::for_label(label.as_bytes())
        .or_else(|| Encoding::for_label(label.replace('-', "_").as_bytes()))
        .filter(|it| it.is_ascii_compatible())
        .ok_or_else(|| DecodeError::UnknownEncoding { name: name.to_owned(), line })?;
    strict(encoding, bytes).map_err(|_| DecodeError::Malformed { name: name.to_owned() })
}

/// The encoding that one of the first two lines declares, and that line. The second counts only below a blank or comment.
fn declared(bytes: &[u8]) -> Option<(String, u32)> {
    for (index, line) in
        bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|it| !it.is_empty()).take(2).enumerate()
    {
        let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t' | 0x0c))?;
        if line[start] != b'#' {
            return None;
        }
        let comment = String::from_utf8_lossy(&line[start..]);
        let mut rest = &*comment;
        while let Some(at) = rest.find("coding") {
            rest = &rest[at + "coding".len()..];
            if let Some(name) = rest.strip_prefix([':', '=']) {
                let name = name.trim_start_matches([' ', '\t']);
                let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
                if end > 0 {
                    return Some((name[..end].to_owned(), index as u32 + 1));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(bytes: &[u8]) -> Result<String, DecodeError> {
        decode(bytes, Language::Python).map(Cow::into_owned)
    }

    #[test]
    fn marks_and_declarations_are_honoured() {
        assert_eq!(python(b"\xef\xbb\xbfx = 1\n").as_deref(), Ok("x = 1\n"));
        assert_eq!(python(b"\xff\xfex\x00\n\x00").as_deref(), Ok("x\n"));
        assert_eq!(python(b"\xfe\xff\x00x\x00\n").as_deref(), Ok("x\n"));
        assert_eq!(python(b"# coding: latin-1\n'\xe9\x80'\n").as_deref(), Ok("# coding: latin-1\n'\u{e9}\u{80}'\n"));
        assert_eq!(
            python(b"#!x\n# -*- coding: cp1252 -*-\n'\x80'").as_deref(),
            Ok("#!x\n# -*- coding: cp1252 -*-\n'\u{20ac}'")
        );
        assert_eq!(
            python(b"# vim: set fileencoding=koi8-r :\n'\xc1'\n").as_deref(),
            Ok("# vim: set fileencoding=koi8-r :\n'\u{430}'\n")
        );
        assert!(python(b"# -*- coding: utf-8-unix -*-\n").is_ok());
        assert!(python(b"# coding: iso8859_15\n'\xa4'\n").is_ok_and(|text| text.contains('\u{20ac}')));
        assert_eq!(python(b"").as_deref(), Ok(""));
    }

    #[test]
    fn a_declaration_counts_only_in_a_comment_of_the_first_two_lines() {
        assert!(python(b"x = 1\n# coding: nonsense\n").is_ok());
        assert!(python(b"#\n#\n# coding: nonsense\n").is_ok());
        assert!(decode(b"// coding: nonsense\n", Language::Rust).is_ok());
    }

    #[test]
    fn what_is_not_text_is_told_by_line() {
        assert_eq!(
            python(b"a\nb\n\xe9\n"),
            Err(DecodeError::NotUtf8 { line: 3, byte: 0xe9, language: Language::Python })
        );
        assert_eq!(python(b"a\n\0\n"), Err(DecodeError::Nul { line: 2 }));
        assert_eq!(decode(b"const A: &str = \"\0\";", Language::Rust).as_deref(), Ok("const A: &str = \"\0\";"));
        assert_eq!(decode(&[b"fn".as_slice(), &[0; 8]].concat(), Language::Rust), Err(DecodeError::Nul { line: 1 }));
        assert_eq!(python(b"# coding: rot13\n"), Err(DecodeError::UnknownEncoding { name: "rot13".into(), line: 1 }));
        assert_eq!(python(b"# coding: gbk\n\xff\n"), Err(DecodeError::Malformed { name: "gbk".into() }));
        assert_eq!(python(b"\xff\xfe\0\0x\0\0\0"), Err(DecodeError::Utf32));
    }
}
