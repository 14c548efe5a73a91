//! One file's text and its line table: bytes in, text out, and byte offsets to lines and columns in three units.

mod words;

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use camino::Utf8PathBuf;

pub(crate) use words::Words;

/// A half-open range of bytes in one file's text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    pub const fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    pub const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// The language a file is written in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Language {
    Python,
    Rust,
}

impl Language {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }
}

/// The edition of Rust that a file is written in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Edition {
    E2015,
    E2018,
    E2021,
    /// Also of a file that belongs to no package.
    #[default]
    E2024,
}

impl std::str::FromStr for Edition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "2015" => Ok(Self::E2015),
            "2018" => Ok(Self::E2018),
            "2021" => Ok(Self::E2021),
            "2024" => Ok(Self::E2024),
            _ => Err(()),
        }
    }
}

/// Which features of its crate are on, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// Somebody asks for them.
    pub on: BTreeSet<String>,
    /// Somebody may ask for these, or nobody knows who asks for what.
    pub possible: Option<BTreeSet<String>>,
}

impl Features {
    pub fn is_on(&self, name: &str) -> Option<bool> {
        if self.on.contains(name) {
            return Some(true);
        }
        self.possible.as_ref().is_some_and(|it| !it.contains(name)).then_some(false)
    }
}

/// A place as people and other programs count it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in Unicode characters (code points).
    pub column: u32,
    /// From 1, in UTF-16 code units: what SARIF viewers and editors count.
    pub utf16: u32,
}

/// One file as the analysis sees it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to where the tool was run, with `/`; what reports show.
    pub path: Utf8PathBuf,
    /// Where it lies, absolute: what modules, packages and crates are told from, since `path` may start inside one. The
    /// same as `path` where there is no disk.
    pub location: Utf8PathBuf,
    pub language: Language,
    pub edition: Edition,
    /// Decoded to UTF-8, without a byte order mark: offsets count the bytes of this.
    pub text: Arc<str>,
    /// For a notebook: which cell each stretch of `text` is from.
    pub cells: Vec<Cell>,
    /// It is of an installed package or crate: `path` names it wherever that lies.
    pub installed: bool,
    /// Rust: those of a crate that is installed; of the user's own, any may be on.
    pub features: Option<Arc<Features>>,
    lines: OnceLock<Vec<u32>>,
}

/// A code cell of a notebook and the stretch of the joined text it makes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// From 1, counting every cell of the notebook as Jupyter shows them.
    pub number: u32,
    pub start: u32,
}

impl Source {
    /// Whoever reads the one has read the other.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (self.language, self.edition, &self.path) == (other.language, other.edition, &other.path)
            && self.features == other.features
            && self.cells == other.cells
            && self.text == other.text
    }

    /// The same file with another text, in one piece.
    pub fn with_text(&self, text: impl Into<Arc<str>>) -> Self {
        let Self { path, location, language, edition, installed, features, .. } = self.clone();
        Self { location, edition, installed, features, ..Self::new(path, language, text) }
    }

    pub fn new(path: impl Into<Utf8PathBuf>, language: Language, text: impl Into<Arc<str>>) -> Self {
        let path = path.into();
        Self {
            location: path.clone(),
            path,
            language,
            edition: Edition::default(),
            text: text.into(),
            cells: Vec::new(),
            installed: false,
            features: None,
            lines: OnceLock::new(),
        }
    }

    /// The byte offset at which each line starts. `\n`, `\r\n` and a lone `\r` end a line.
    pub fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let ends = memchr::memchr2_iter(b'\n', b'\r', bytes)
                .filter(|end| bytes[*end] == b'\n' || bytes.get(end + 1) != Some(&b'\n'));
            std::iter::once(0).chain(ends.map(|end| end as u32 + 1)).collect()
        })
    }

    /// The line, from 0, that holds `offset`.
    pub fn line_of(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The text of a line, from 0, without its end.
    pub fn line_text(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(start) = starts.get(line) else {
            return "";
        };
        let end = starts.get(line + 1).map_or(self.text.len(), |it| *it as usize);
        self.text[*start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// Where `offset` is, in lines and columns.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_of(offset);
        let start = self.line_starts()[line] as usize;
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[start..end.max(start)];
        Position {
            line: line as u32 + 1,
            column: before.chars().count() as u32 + 1,
            utf16: before.encode_utf16().count() as u32 + 1,
        }
    }

    /// The text is a notebook's code cells joined: top-level `await` is legal and the top level runs on the loop.
    pub fn is_notebook(&self) -> bool {
        !self.cells.is_empty()
    }

    /// For a notebook: the number of the cell that holds `offset`, and the line, from 1, within that cell.
    pub fn cell_at(&self, offset: u32) -> Option<(u32, u32)> {
        let index = self.cells.partition_point(|cell| cell.start <= offset).checked_sub(1)?;
        let cell = self.cells.get(index)?;
        let line = self.line_of(offset) - self.line_of(cell.start);
        Some((cell.number, line as u32 + 1))
    }

    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_utf16_units() {
        let source = Source::new("a.py", Language::Python, "x = 1\r\ns = '\u{1d4b3}é'; f()\rg()\n");
        let at = |needle: &str| source.position(source.text.find(needle).expect("there") as u32);
        assert_eq!(at("f()"), Position { line: 2, column: 11, utf16: 12 });
        assert_eq!(at("g()"), Position { line: 3, column: 1, utf16: 1 });
        assert_eq!(source.line_text(1), "s = '\u{1d4b3}é'; f()");
        assert_eq!(source.line_text(9), "");
    }

    #[test]
    fn offsets_of_a_notebook_are_placed_in_cells() {
        let mut source = Source::new("a.ipynb", Language::Python, "x = 1\ny = 2\nz = 3\nz\n");
        assert!(!source.is_notebook());
        assert_eq!(source.cell_at(0), None);
        source.cells = vec![Cell { number: 2, start: 0 }, Cell { number: 5, start: 12 }];
        assert!(source.is_notebook());
        assert_eq!(source.cell_at(0), Some((2, 1)));
        assert_eq!(source.cell_at(6), Some((2, 2)));
        assert_eq!(source.cell_at(11), Some((2, 2)));
        assert_eq!(source.cell_at(12), Some((5, 1)));
        assert_eq!(source.cell_at(18), Some((5, 2)));
    }
}
