//! Lines of Python as far as they matter for where a body ends: strings, brackets, comments and indentation.

/// The lines of a text, as far as they matter for where bodies end.
pub(super) struct Lines<'a> {
    pub(super) bytes: &'a [u8],
}

const PLAIN: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;
const COMMENT: u8 = 4;
const END: u8 = 5;
const ESCAPE: u8 = 6;

const KINDS: [u8; 256] =
    kinds([(b"\"'", QUOTE), (b"([{", OPEN), (b")]}", CLOSE), (b"#", COMMENT), (b"\n\r", END), (b"\\", ESCAPE)]);

/// A table that tells the kind of each byte: 0 of those that are in none of the classes.
pub(super) const fn kinds<const N: usize>(classes: [(&[u8], u8); N]) -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut class = 0;
    while class < classes.len() {
        let (bytes, kind) = classes[class];
        let mut at = 0;
        while at < bytes.len() {
            kinds[bytes[at] as usize] = kind;
            at += 1;
        }
        class += 1;
    }
    kinds
}

impl Lines<'_> {
    /// The next line with code: where it begins, and where the code does. `None` where the text is not understood.
    #[expect(clippy::option_option, reason = "not understood is another thing than none left")]
    pub(super) fn next_code(&self, mut at: usize) -> Option<Option<(usize, usize)>> {
        loop {
            let line = at;
            while matches!(self.bytes.get(at), Some(b' ' | b'\t')) {
                at += 1;
            }
            match self.bytes.get(at) {
                None => return Some(None),
                Some(b'\n') => at += 1,
                Some(b'\r') if self.bytes.get(at + 1) == Some(&b'\n') => at += 2,
                Some(b'#') => at = self.line_end(at),
                // Nobody else's idea of a line.
                Some(b'\r' | b'\x0c' | b'\\') => return None,
                Some(_) => return Some(Some((line, at))),
            }
        }
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |it| at + it)
    }

    /// How far the code is indented.
    pub(super) fn column(&self, line: usize, code: usize) -> usize {
        let of = |column: usize, byte: &u8| if *byte == b'\t' { column / 8 * 8 + 8 } else { column + 1 };
        self.bytes[line..code].iter().fold(0, of)
    }

    /// Of the logical line that begins there: where its code ends, and where the next line begins.
    pub(super) fn logical(&self, start: usize) -> Option<(usize, usize)> {
        let bytes = self.bytes;
        let (mut at, mut depth) = (start, 0_usize);
        loop {
            let Some(byte) = bytes.get(at) else {
                return (depth == 0).then(|| (self.trimmed(start, at), at));
            };
            match KINDS[usize::from(*byte)] {
                PLAIN => at += 1,
                QUOTE => at = self.string_end(at)?,
                OPEN => {
                    depth += 1;
                    at += 1;
                }
                CLOSE => {
                    depth = depth.checked_sub(1)?;
                    at += 1;
                }
                COMMENT => {
                    let end = self.line_end(at);
                    if depth == 0 {
                        return Some((self.trimmed(start, at), (end + 1).min(bytes.len())));
                    }
                    at = end;
                }
                END => {
                    if *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n') {
                        return None;
                    }
                    if depth == 0 {
                        let next = at + if *byte == b'\r' { 2 } else { 1 };
                        return Some((self.trimmed(start, at), next));
                    }
                    at += 1;
                }
                _ => at += if bytes[at + 1..].starts_with(b"\r\n") { 3 } else { 2 },
            }
        }
    }

    fn trimmed(&self, start: usize, end: usize) -> usize {
        let code = self.bytes[start..end].trim_ascii_end();
        start + code.len()
    }

    /// Where a string ends that begins between `at` and the end of that line and goes on beyond it.
    pub(super) fn string_over(&self, mut at: usize, line_end: usize) -> Option<usize> {
        while at < line_end {
            match KINDS[usize::from(self.bytes[at])] {
                QUOTE => match self.string_end(at) {
                    Some(end) if end > line_end => return Some(end),
                    Some(end) => at = end,
                    None => at += 1,
                },
                COMMENT => return None,
                ESCAPE => at += 2,
                _ => at += 1,
            }
        }
        None
    }

    /// Where the string ends that begins there.
    fn string_end(&self, at: usize) -> Option<usize> {
        let quote = self.bytes[at];
        let is_long = self.bytes.get(at + 1) == Some(&quote) && self.bytes.get(at + 2) == Some(&quote);
        let mut at = at + if is_long { 3 } else { 1 };
        loop {
            let rest = self.bytes.get(at..)?;
            let found =
                if is_long { memchr::memchr2(quote, b'\\', rest) } else { memchr::memchr3(quote, b'\\', b'\n', rest) };
            at += found?;
            match self.bytes[at] {
                b'\\' => at += 2,
                b'\n' => return None,
                _ if !is_long => return Some(at + 1),
                _ if self.bytes[at..].starts_with(&[quote; 3]) => return Some(at + 3),
                _ => at += 1,
            }
        }
    }
}
