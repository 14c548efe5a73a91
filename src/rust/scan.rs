//! A look at the text before it is parsed: comments, which the parser drops, and how deeply the code nests.

use std::ops::Range;
use std::sync::LazyLock;

use crate::model::Comment;
use crate::source::{Span, Words};

/// What a file's text tells without being parsed.
#[derive(Default)]
pub(super) struct Scan {
    /// Comments that may be suppressions.
    pub(super) comments: Vec<Comment>,
    /// The deepest nesting of brackets.
    pub(super) depth: usize,
    /// The longest run of characters that may be prefix operators, each of which nests without a bracket.
    pub(super) prefix: usize,
    /// What the parser is given instead of the text, where that is less to do: in the same places stands the same, but that
    /// comments of documentation are plain ones, which are no tokens, attributes that nothing is read from are not there, and
    /// macros that the file defines at its top are empty, as are silent tests.
    pub(super) plain: Option<String>,
    /// The insides of the bodies of functions, outermost ones only.
    pub(super) bodies: Vec<Range<usize>>,
    /// Those of tests that are silent: see [`is_silent`].
    tests: Vec<Range<usize>>,
    /// The longest stretch without `;`, `,` or a brace: a bound for how long a chain of operators or methods is.
    pub(super) stretch: usize,
}

impl Scan {
    pub(super) fn of(text: &str) -> Self {
        let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
        let wanted = text.contains("asynclint:") || mentions_noqa(text.as_bytes());
        let mut scan = Self::default();
        let (mut depth, mut prefix, mut since) = (0_usize, 0_usize, 0_usize);
        let mut plain = Plain::default();
        let mut function = Function::No;
        // Where what is being read may have begun, with its attributes.
        let mut item = 0_usize;
        while let Some(byte) = scanner.peek() {
            let start = scanner.at;
            // Most of a text are these two.
            if byte.is_ascii_whitespace() {
                let blank = scanner.bytes[start..].iter().take_while(|it| it.is_ascii_whitespace());
                scanner.at += blank.count();
                continue;
            }
            if is_of_word(byte) && !scanner.prefixed_string() {
                scanner.word();
                if byte == b'f' || matches!(function, Function::Begun) {
                    function = function.word(&text[start..scanner.at], depth);
                }
                if byte == b'm' && depth == 0 {
                    plain.defines |= text[start..].starts_with("macro_rules!");
                }
                prefix = 0;
                continue;
            }
            match byte {
                b'/' if scanner.looking_at(b"//") => {
                    scanner.line_comment();
                    plain.comment(&text[start..scanner.at], start);
                    scan.comment(text, start, scanner.at, wanted);
                }
                b'/' if scanner.looking_at(b"/*") => {
                    scanner.block_comment();
                    plain.comment(&text[start..scanner.at], start);
                    scan.comment(text, start, scanner.at, wanted);
                }
                b'"' => scanner.string(),
                b'\'' => scanner.quote(),
                b'#' => {
                    plain.attribute(&text[start..], start, depth);
                    scanner.at += 1;
                }
                b'(' | b'[' | b'{' => {
                    if depth == 0 {
                        plain.opens(start);
                    }
                    function = function.opened(byte, start, item, depth);
                    depth += 1;
                    scan.depth = scan.depth.max(depth);
                    scanner.at += 1;
                }
                b')' | b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    plain.closes(start, depth);
                    if let Function::Body { from, item, depth: outer } = function
                        && depth <= outer
                    {
                        if text[item..from].contains("#[test]") && is_silent(&text[from..start]) {
                            scan.tests.push(from..start);
                        } else {
                            scan.bodies.push(from..start);
                        }
                        function = Function::No;
                    }
                    scanner.at += 1;
                }
                // What begins a string has been stepped over.
                _ if scanner.at > start => {}
                _ => scanner.at += 1,
            }
            // Neither a literal nor a remark nests anything, however long it is.
            since += scanner.at - start - 1;
            prefix = if matches!(byte, b'&' | b'*' | b'!' | b'-' | b'<' | b'|' | b'.') { prefix + 1 } else { 0 };
            scan.prefix = scan.prefix.max(prefix);
            match byte {
                b';' | b',' | b'{' | b'}' => {
                    scan.stretch = scan.stretch.max(scanner.at - since);
                    since = scanner.at;
                    if byte != b',' {
                        item = scanner.at;
                    }
                    if byte == b';' {
                        function = function.ended(depth);
                    }
                }
                _ => {}
            }
        }
        scan.stretch = scan.stretch.max(scanner.at - since);
        scan.plain = plain.of(text, &scan.tests);
        scan
    }

    fn comment(&mut self, text: &str, start: usize, end: usize, wanted: bool) {
        if !wanted {
            return;
        }
        let comment = &text[start..end];
        if comment.contains("asynclint:") || comment.to_ascii_lowercase().contains("noqa") {
            let line = text[..start].rfind(['\n', '\r']).map_or(0, |it| it + 1);
            let own_line = text[line..start].trim().is_empty();
            self.comments.push(Comment { span: Span::new(start as u32, end as u32), own_line });
        }
    }
}

/// Nobody calls a test, and this one has no word of what rules speak of: neither of async code nor of suppressions. What is left
/// is a future that is made and dropped at once, of which the compiler warns.
fn is_silent(test: &str) -> bool {
    const WORDS: [&str; 15] = [
        "async",
        "await",
        "tokio",
        "uture",
        "spawn",
        "block_on",
        "untime",
        "unbounded",
        "channel",
        "imeout",
        "let _",
        "andle",
        "impl",
        "lint",
        "noqa",
    ];
    static SEARCHED: LazyLock<Words> = LazyLock::new(|| Words::new(&WORDS));
    !SEARCHED.any_in(test, |_, _| true)
}

/// Every byte of a text is asked.
static OF_WORD: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        all[byte as usize] = byte == b'_' || byte.is_ascii_alphanumeric();
        byte += 1;
    }
    all
};

fn is_of_word(byte: u8) -> bool {
    OF_WORD[usize::from(byte)]
}

/// In letters of either case.
fn mentions_noqa(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'q', b'Q', text)
        .any(|at| at >= 2 && text.get(at - 2..at + 2).is_some_and(|it| it.eq_ignore_ascii_case(b"noqa")))
}

/// Lines stay lines, for messages.
pub(super) fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|it| **it != b'\n').for_each(|it| *it = b' ');
}

/// How much has been seen of a function.
#[derive(Clone, Copy)]
enum Function {
    No,
    /// `fn`, which may be a type.
    Begun,
    /// Its name, in so many brackets.
    Named(usize),
    Body {
        from: usize,
        /// Where the function begins, or before.
        item: usize,
        depth: usize,
    },
}

impl Function {
    fn word(self, word: &str, depth: usize) -> Self {
        match self {
            Self::No if word == "fn" => Self::Begun,
            Self::Begun => Self::Named(depth),
            other => other,
        }
    }

    fn opened(self, bracket: u8, at: usize, item: usize, depth: usize) -> Self {
        match self {
            Self::Begun => Self::No,
            Self::Named(outer) if bracket == b'{' && depth == outer => Self::Body { from: at + 1, item, depth },
            other => other,
        }
    }

    /// At a `;`.
    fn ended(self, depth: usize) -> Self {
        match self {
            Self::Begun => Self::No,
            Self::Named(outer) if depth <= outer => Self::No,
            other => other,
        }
    }
}

/// Attributes that say nothing here: of the compiler, and of what derives code.
const PASSIVE: &[&str] = &[
    "arg",
    "cold",
    "deprecated",
    "derive",
    "doc",
    "error",
    "inline",
    "must_use",
    "non_exhaustive",
    "repr",
    "serde",
    "track_caller",
];

/// What need not be parsed.
#[derive(Default)]
struct Plain {
    /// Where a third character makes documentation of a comment.
    marks: Vec<usize>,
    /// Insides of macros' definitions, and attributes.
    blanks: Vec<Range<usize>>,
    /// The next bracket is that of such a definition.
    defines: bool,
    open: Option<usize>,
    /// Where an attribute began that is left out, and in how many brackets.
    attribute: Option<(usize, usize)>,
}

impl Plain {
    fn comment(&mut self, comment: &str, start: usize) {
        let is_line = comment.starts_with("///") && !comment.starts_with("////") || comment.starts_with("//!");
        let is_block = comment.starts_with("/**") && !comment.starts_with("/***") || comment.starts_with("/*!");
        // `/**/` is empty.
        if is_line || is_block && comment.len() > "/**/".len() {
            self.marks.push(start + 2);
        }
    }

    fn opens(&mut self, at: usize) {
        self.open = std::mem::take(&mut self.defines).then_some(at + 1);
    }

    /// A bracket closes, and what follows is in so many.
    fn closes(&mut self, at: usize, depth: usize) {
        if depth == 0 {
            self.blanks.extend(self.open.take().map(|start| start..at));
        }
        if let Some((start, _)) = self.attribute.take_if(|(_, outer)| depth <= *outer) {
            self.blanks.push(start..at + 1);
        }
    }

    /// `rest` begins with a `#`.
    fn attribute(&mut self, rest: &str, start: usize, depth: usize) {
        let Some(inside) = rest.strip_prefix("#[") else { return };
        let name = inside.split(|it: char| !it.is_ascii_lowercase() && it != '_').next().unwrap_or_default();
        // `#[error::from]` is another.
        let is_path = inside[name.len()..].starts_with(':');
        if self.attribute.is_none() && !is_path && PASSIVE.contains(&name) {
            self.attribute = Some((start, depth));
        }
    }

    fn of(self, text: &str, tests: &[Range<usize>]) -> Option<String> {
        if self.marks.is_empty() && self.blanks.is_empty() && tests.is_empty() {
            return None;
        }
        let mut bytes = text.as_bytes().to_vec();
        for mark in self.marks {
            bytes[mark] = b' ';
        }
        for stretch in self.blanks.iter().chain(tests) {
            blank(&mut bytes[stretch.clone()]);
        }
        String::from_utf8(bytes).ok()
    }
}

/// Steps over the tokens in which other tokens' characters mean nothing.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn looking_at(&self, text: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(text)
    }

    fn word(&mut self) {
        let rest = self.bytes[self.at..].iter();
        self.at += rest.take_while(|it| is_of_word(**it)).count();
    }

    fn line_comment(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            if self.looking_at(b"/*") {
                depth += 1;
                self.at += 2;
            } else if self.looking_at(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += 1;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(found) = memchr::memchr2(b'\\', b'"', &self.bytes[self.at..]) {
            self.at += found + 1;
            if self.bytes[self.at - 1] == b'"' {
                return;
            }
            self.at = (self.at + 1).min(self.bytes.len());
        }
        self.at = self.bytes.len();
    }

    /// `r"..."`, `br#"..."#`, `b"..."`, `c"..."`, `b'x'`; stays where it is for a word that merely starts so.
    fn prefixed_string(&mut self) -> bool {
        if !matches!(self.bytes[self.at], b'r' | b'b' | b'c') || self.at > 0 && is_of_word(self.bytes[self.at - 1]) {
            return false;
        }
        let mut at = self.at;
        while at < self.bytes.len() && at < self.at + 2 && matches!(self.bytes[at], b'r' | b'b' | b'c') {
            at += 1;
        }
        let raw = self.bytes[self.at..at].contains(&b'r');
        let hashes = self.bytes[at..].iter().take_while(|it| **it == b'#').count();
        match self.bytes.get(at + hashes) {
            Some(b'"') if raw => {
                self.at = at + hashes + 1;
                while self.at < self.bytes.len() {
                    let closed = self.bytes[self.at] == b'"'
                        && self.bytes[self.at + 1..].iter().take_while(|it| **it == b'#').count() >= hashes;
                    self.at += 1;
                    if closed {
                        self.at += hashes;
                        break;
                    }
                }
                true
            }
            Some(b'"') if hashes == 0 => {
                self.at = at;
                self.string();
                true
            }
            Some(b'\'') if hashes == 0 && self.bytes[at - 1] == b'b' => {
                self.at = at;
                self.quote();
                true
            }
            _ => false,
        }
    }

    /// A character, or only the tick of a lifetime or label.
    fn quote(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let length = match rest {
            [b'\\', ..] => rest.iter().skip(2).position(|it| *it == b'\'').map_or(1, |it| it + 4),
            // One character of up to four bytes, and the closing tick.
            _ => (1..=4).find(|it| rest.get(*it) == Some(&b'\'')).map_or(1, |it| {
                let one = std::str::from_utf8(&rest[..it]).is_ok_and(|text| text.chars().count() == 1);
                if one { it + 2 } else { 1 }
            }),
        };
        self.at = (self.at + length).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(text: &str) -> Vec<&str> {
        Scan::of(text).comments.iter().map(|it| &text[it.span.range()]).collect()
    }

    #[test]
    fn comments_are_told_from_what_looks_like_them() {
        let text = "let a = \"// asynclint: no\"; // asynclint: ignore\nlet b = r#\"\" // asynclint: no\"#;\n/* /* asynclint: x */ */ f::<'a>('\"', b'\\'', '\\u{41}'); // noqa\n";
        assert_eq!(comments(text), ["// asynclint: ignore", "/* /* asynclint: x */ */", "// noqa"]);
    }

    #[test]
    fn documentation_and_definitions_of_macros_are_left_out() {
        let plain = |text: &str| Scan::of(text).plain.unwrap_or_else(|| text.to_owned());
        assert_eq!(
            plain("//! a\n/// b \"\nfn f() {} /** c */ /*! d */"),
            "//  a\n//  b \"\nfn f() {} /*  c */ /*  d */"
        );
        assert_eq!(
            plain("macro_rules! a {\n (é) => {} }\nfn f() { g! { x } }"),
            "macro_rules! a {\n            }\nfn f() { g! { x } }"
        );
        assert_eq!(
            plain("#[derive(A,\n B)]\nstruct S { #[serde(x = \"]\")] a: [u8; #[doc(f[0])] 1] }"),
            format!("{:11}\n{:4}\nstruct S {{ {:17} a: [u8; {:12} 1] }}", "", "", "", "")
        );
        for same in [
            "#[derive_more] #[error::x] #[tokio::main] #![doc(a)] fn f() {}",
            "//// a\n/*** b */ /**/ // c",
            "let a = \"/// b\";",
            "fn f() { macro_rules! a { () => {} } }",
        ] {
            assert_eq!(Scan::of(same).plain, None, "{same}");
        }
    }

    #[test]
    fn silent_tests_are_left_out() {
        let text = "fn a() { x }\n#[test]\nfn b() { x }\n#[cfg(test)] mod tests { #[tokio::test] fn c() { x } #[test] fn d() { spawn(x) } }";
        let expected = text.replace("b() { x }", "b() {   }");
        assert_eq!(Scan::of(text).plain.as_deref(), Some(expected.as_str()));
    }

    #[test]
    fn nesting_counts_brackets_outside_strings() {
        let scan = Scan::of("f(\"((((\", '(', [{ '}' }])");
        assert_eq!(scan.depth, 3);
        assert_eq!(Scan::of("!!&*x").prefix, 4);
    }
}
