//! Notebooks: the code cells joined to one Python text in which lines stay where they were.

use std::fmt;

use serde::Deserialize;

use crate::source::Cell;

/// The code of a notebook.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notebook {
    pub text: String,
    pub cells: Vec<Cell>,
}

/// Why a notebook gives no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotebookError {
    /// Its kernel speaks another language: nothing to say about it.
    OtherLanguage,
    /// Not JSON, or not of a notebook's shape.
    Malformed { message: String, line: u32 },
    /// Written by a version from before 2015.
    TooOld,
}

impl NotebookError {
    /// The line of the JSON at fault, from 1.
    pub fn line(&self) -> Option<u32> {
        match self {
            Self::Malformed { line, .. } => Some(*line),
            Self::OtherLanguage | Self::TooOld => None,
        }
    }
}

impl fmt::Display for NotebookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherLanguage => f.write_str("is not a Python notebook"),
            Self::Malformed { message, line } => {
                write!(f, "is not a valid notebook (line {line}: {message}); open and save it with Jupyter")
            }
            Self::TooOld => {
                f.write_str("is in a notebook format before 4; run `jupyter nbconvert --to notebook` on it")
            }
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    cells: Option<Vec<RawCell>>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct RawCell {
    cell_type: String,
    #[serde(default)]
    source: Lines,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::One(String::new())
    }
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    language_info: Option<LanguageInfo>,
    #[serde(default)]
    kernelspec: Option<Kernel>,
}

#[derive(Deserialize)]
struct LanguageInfo {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Kernel {
    #[serde(default)]
    language: Option<String>,
}

/// Joins the code cells. Cells under a cell magic of another language are left out, other magics become `pass`.
pub fn parse(bytes: &[u8]) -> Result<Notebook, NotebookError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Jupyter shows a file of no bytes as an empty notebook.
    if bytes.trim_ascii().is_empty() {
        return Ok(Notebook::default());
    }
    let raw: Raw = serde_json::from_slice(bytes).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        NotebookError::Malformed { message, line: error.line() as u32 }
    })?;
    let language = (raw.metadata.language_info.and_then(|it| it.name))
        .or_else(|| raw.metadata.kernelspec.and_then(|it| it.language));
    if language.is_some_and(|it| !it.eq_ignore_ascii_case("python") && !it.eq_ignore_ascii_case("ipython")) {
        return Err(NotebookError::OtherLanguage);
    }
    let mut notebook = Notebook::default();
    for (index, cell) in raw.cells.ok_or(NotebookError::TooOld)?.into_iter().enumerate() {
        if cell.cell_type != "code" {
            continue;
        }
        let source = match cell.source {
            Lines::One(text) => text,
            Lines::Many(lines) => lines.concat(),
        };
        if let Some(code) = python_of(&source) {
            notebook.cells.push(Cell { number: index as u32 + 1, start: notebook.text.len() as u32 });
            notebook.text.push_str(&code);
            if !code.ends_with('\n') {
                notebook.text.push('\n');
            }
        }
    }
    Ok(notebook)
}

/// Cell magics whose body is Python that runs in the notebook's own process.
const PYTHON_MAGICS: [&str; 5] = ["time", "timeit", "capture", "prun", "debug"];

/// The cell as Python with as many lines, or `None` if it is not Python.
fn python_of(cell: &str) -> Option<String> {
    let first = cell.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    if let Some(magic) = first.trim_start().strip_prefix("%%") {
        let name = magic.split_whitespace().next().unwrap_or("");
        if !PYTHON_MAGICS.contains(&name) {
            return None;
        }
    }
    let mut scanner = Scanner::default();
    let mut code = String::with_capacity(cell.len());
    let mut goes_on = false;
    for line in cell.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        let end = &line[text.len()..];
        if goes_on || (scanner.at_statement() && is_magic(text)) {
            goes_on = text.ends_with('\\');
            code.push_str(&as_python(text));
        } else {
            scanner.line(text);
            code.push_str(text);
        }
        code.push_str(end);
    }
    Some(code)
}

/// The line is IPython's, not Python's: `%magic`, `!command`, `?name`, `name?`, `x = !command`.
fn is_magic(line: &str) -> bool {
    let line = line.trim();
    let is_start = line.starts_with(['%', '!', '?']);
    let is_help = line.ends_with('?') && !line.contains('#');
    is_start || is_help || assigned(line).is_some()
}

/// Where the magic of `x = !command` starts. No Python expression starts with `!` or `%`.
fn assigned(line: &str) -> Option<usize> {
    let at = line.find('=')?;
    let target = line[..at].trim();
    let rest = line[at + 1..].trim_start();
    let is_name = |c: char| c.is_alphanumeric() || "_., ".contains(c);
    (!target.is_empty() && target.chars().all(is_name) && rest.starts_with(['!', '%'])).then(|| line.len() - rest.len())
}

/// A statement in its place, so that the block it is in keeps a body. `%time f()` runs `f()`, and so it is read.
fn as_python(line: &str) -> String {
    let body = line.trim_start();
    let indent = &line[..line.len() - body.len()];
    if let Some(at) = assigned(body) {
        return format!("{indent}{}None  # {}", &body[..at], &body[at..]);
    }
    match body.strip_prefix("%time ").filter(|code| !code.trim_start().starts_with('-')) {
        Some(code) => format!("{indent}{}", code.trim_start()),
        None => format!("{indent}pass  # {body}"),
    }
}

/// Follows strings, comments and brackets far enough to tell where a statement starts.
#[derive(Default)]
struct Scanner {
    depth: u32,
    /// The quotes of a triple-quoted string that is open.
    open: Option<&'static str>,
    continued: bool,
}

impl Scanner {
    fn at_statement(&self) -> bool {
        self.depth == 0 && self.open.is_none() && !self.continued
    }

    fn line(&mut self, line: &str) {
        let mut rest = line;
        self.continued = false;
        while let Some(c) = rest.chars().next() {
            if let Some(quotes) = self.open {
                if let Some(after) = rest.strip_prefix(quotes) {
                    self.open = None;
                    rest = after;
                } else {
                    rest = skip(rest, if c == '\\' { 2 } else { 1 });
                }
                continue;
            }
            match c {
                '#' => return,
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                '\\' if rest.len() == 1 => self.continued = true,
                '\'' | '"' => {
                    let triple = if c == '"' { "\"\"\"" } else { "'''" };
                    rest = match rest.strip_prefix(triple) {
                        Some(after) => {
                            self.open = Some(triple);
                            after
                        }
                        None => after_string(rest, c),
                    };
                    continue;
                }
                _ => {}
            }
            rest = skip(rest, 1);
        }
    }
}

fn skip(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or("", |(at, _)| &text[at..])
}

/// What follows the one-line string that `text` starts with.
fn after_string(text: &str, quote: char) -> &str {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return &text[at + 1..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(cells: &str) -> Result<Notebook, NotebookError> {
        parse(format!(r#"{{"cells": [{cells}], "metadata": {{}}, "nbformat": 4}}"#).as_bytes())
    }

    #[test]
    fn code_cells_are_joined_and_counted_as_jupyter_does() {
        let cells = r##"{"cell_type": "markdown", "source": "# hi"},
            {"cell_type": "code", "source": ["x = 1\n", "y = 2"]},
            {"cell_type": "code", "source": "%%bash\nls"},
            {"cell_type": "code", "source": "z = 3\n"}"##;
        let notebook = notebook(cells).expect("valid");
        assert_eq!(notebook.text, "x = 1\ny = 2\nz = 3\n");
        assert_eq!(notebook.cells, [Cell { number: 2, start: 0 }, Cell { number: 4, start: 12 }]);
    }

    #[test]
    fn magics_become_statements_and_lines_stay() {
        let python = |cell: &str| python_of(cell).expect("python");
        assert_eq!(python("%matplotlib inline\nx = 1"), "pass  # %matplotlib inline\nx = 1");
        assert_eq!(python("for x in y:\n    !ls\n"), "for x in y:\n    pass  # !ls\n");
        assert_eq!(python("files = !ls *.py\n"), "files = None  # !ls *.py\n");
        assert_eq!(python("%time await f()"), "await f()");
        assert_eq!(python("%%time\nawait f()"), "pass  # %%time\nawait f()");
        assert_eq!(python("foo?\n?foo\n"), "pass  # foo?\npass  # ?foo\n");
        assert_eq!(
            python("!pip install \\\n  x\ny = 1"),
            "pass  # !pip install \\\npass  # x\ny = 1".replace("pass  # x", "  pass  # x")
        );
    }

    #[test]
    fn python_that_looks_like_a_magic_stays() {
        for cell in [
            "x = (10\n  % 3)\n",
            "x = 10 \\\n  % 3\n",
            "s = '''\n%s\n!x?\n'''\n",
            "a != b\n",
            "# what?\n",
            "s = 'a' # b\n",
        ] {
            assert_eq!(python_of(cell).as_deref(), Some(cell));
        }
    }

    #[test]
    fn what_is_not_a_python_notebook_is_told() {
        assert_eq!(parse(b""), Ok(Notebook::default()));
        assert_eq!(parse(br#"{"worksheets": [], "nbformat": 3}"#), Err(NotebookError::TooOld));
        let r = br#"{"cells": [], "metadata": {"language_info": {"name": "R"}}}"#;
        assert_eq!(parse(r), Err(NotebookError::OtherLanguage));
        assert!(matches!(parse(b"{\n\"cells\": 1}"), Err(NotebookError::Malformed { line: 2, .. })));
    }
}
