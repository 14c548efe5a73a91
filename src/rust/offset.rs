//! From the lines and columns that tokens have to offsets in the file.
//!
//! Tokens count characters, and can tell byte offsets as well; but each time they are asked for one they note it in a tree, which
//! for a whole file takes longer than lowering does.

use proc_macro2::{LineColumn, Span};

/// Where the lines of a stretch of text start, and how its characters differ from bytes.
#[derive(Default)]
pub(super) struct Offsets {
    /// In the file.
    lines: Vec<u32>,
    /// Characters of several bytes: where they stand, and how many bytes they have beyond the first.
    wide: Vec<(u32, u32)>,
}

/// About how long a line is.
const BYTES_A_LINE: usize = 32;

impl Offsets {
    /// For tokens of the text from `base` on.
    pub(super) fn of(text: &str, base: u32) -> Self {
        let rest = &text[base as usize..];
        let breaks = memchr::memchr_iter(b'\n', rest.as_bytes());
        let mut lines = Vec::with_capacity(rest.len() / BYTES_A_LINE);
        lines.push(base);
        lines.extend(breaks.map(|at| base + at as u32 + 1));
        let wide = match rest.is_ascii() {
            true => Vec::new(),
            false => {
                let chars = rest.char_indices().filter(|(_, it)| !it.is_ascii());
                chars.map(|(at, it)| (base + at as u32, it.len_utf8() as u32 - 1)).collect()
            }
        };
        Self { lines, wide }
    }

    pub(super) fn start(&self, span: Span) -> u32 {
        self.at(span.start())
    }

    pub(super) fn end(&self, span: Span) -> u32 {
        self.at(span.end())
    }

    fn at(&self, place: LineColumn) -> u32 {
        let line = self.lines.get(place.line.saturating_sub(1)).copied().unwrap_or_default();
        let mut offset = line + place.column as u32;
        if !self.wide.is_empty() {
            let first = self.wide.partition_point(|(at, _)| *at < line);
            for (at, more) in &self.wide[first..] {
                if *at >= offset {
                    break;
                }
                offset += more;
            }
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proc_macro2::TokenStream;

    use super::*;

    #[test]
    fn offsets_are_those_of_bytes() {
        let text = "#!x\n\u{feff}a /* ä€ */ b\r\n\"𝄞\" c // ß\nd";
        let tokens = TokenStream::from_str(&text[4..]).unwrap_or_default();
        let offsets = Offsets::of(text, 4);
        let found: Vec<(u32, u32)> =
            tokens.into_iter().map(|it| (offsets.start(it.span()), offsets.end(it.span()))).collect();
        let texts: Vec<&str> = found.iter().map(|(from, to)| &text[*from as usize..*to as usize]).collect();
        assert_eq!(texts, ["a", "b", "\"𝄞\"", "c", "d"]);
        assert_eq!(offsets.start(Span::call_site()), 4);
    }
}
