//! The mended cells of a notebook back into its JSON, so that nothing else in the file changes.

use serde_json::{Serializer, Value};
use similar::{ChangeTag, TextDiff};

use super::{Refusal, parse_notebook};
use crate::source::Source;

/// The bytes of the notebook with `after` in place of `before`.
pub(super) fn rewrite(bytes: &[u8], before: &Source, after: &Source) -> Result<Vec<u8>, Refusal> {
    let read = parse_notebook(bytes).map_err(|_| Refusal::Changed)?;
    if read.text != *before.text || read.cells != before.cells {
        return Err(Refusal::Changed);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Encoding)?;
    let mut document: Value = serde_json::from_str(text).map_err(|_| Refusal::Layout)?;
    let indent = indent(text);
    if write(&document, indent, text)? != bytes {
        return Err(Refusal::Layout);
    }
    for (index, cell) in before.cells.iter().enumerate() {
        let (old, new) = (cell_text(before, index), cell_text(after, index));
        if old != new {
            let place = document.pointer_mut(&format!("/cells/{}/source", cell.number - 1)).ok_or(Refusal::Layout)?;
            *place = replaced(place, old, new).ok_or(Refusal::Layout)?;
        }
    }
    write(&document, indent, text)
}

/// A cell's stretch of the joined text.
fn cell_text(source: &Source, index: usize) -> &str {
    let start = source.cells.get(index).map_or(0, |cell| cell.start as usize);
    let end = source.cells.get(index + 1).map_or(source.text.len(), |cell| cell.start as usize);
    source.text.get(start..end).unwrap_or("")
}

/// The cell's `source` with the changes from `old` to `new`, which are what the analysis sees of it: magics are written
/// there as Python, so lines that stay are taken from the cell itself.
fn replaced(value: &Value, old: &str, new: &str) -> Option<Value> {
    let own: String = match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect::<Option<String>>()?,
        _ => return None,
    };
    let lines: Vec<&str> = own.split_inclusive('\n').collect();
    let mut text = String::new();
    for change in TextDiff::from_lines(old, new).iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => text.push_str(lines.get(change.old_index()?)?),
            ChangeTag::Insert => text.push_str(change.value()),
            ChangeTag::Delete => {}
        }
        // The last line of a cell has no end, and may not be the last any more.
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    }
    if !own.ends_with('\n') {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    Some(match value {
        Value::Array(_) => text.split_inclusive('\n').collect(),
        _ => Value::String(text),
    })
}

/// What one level is indented by: Jupyter takes one space, others more.
fn indent(text: &str) -> &str {
    let second = text.lines().nth(1).unwrap_or("");
    &second[..second.len() - second.trim_start().len()]
}

fn write(document: &Value, indent: &str, like: &str) -> Result<Vec<u8>, Refusal> {
    use serde::Serialize;
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    document.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(|_| Refusal::Layout)?;
    if like.ends_with('\n') {
        out.push(b'\n');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, source_of};
    use super::*;
    use crate::source::Cell;

    const NOTEBOOK: &str = r##"{
 "cells": [
  {
   "cell_type": "markdown",
   "source": [
    "# hi"
   ]
  },
  {
   "cell_type": "code",
   "outputs": [],
   "source": [
    "%matplotlib inline\n",
    "f()"
   ]
  },
  {
   "cell_type": "code",
   "source": [
    "!ls\n",
    "g()\n",
    "é()"
   ]
  }
 ],
 "metadata": {},
 "nbformat": 4
}
"##;

    fn mend(notebook: &str, word: &str, content: &str) -> Result<String, Refusal> {
        let before =
            source_of("a.ipynb".into(), Kind::Notebook, NOTEBOOK.as_bytes()).expect("valid").expect("in Python");
        let start = before.text.find(word).expect("there");
        let mut after = Source::new("a.ipynb", before.language, before.text.replace(word, content));
        let moved = |cell: &Cell| match cell.start as usize > start {
            true => cell.start + (content.len() - word.len()) as u32,
            false => cell.start,
        };
        after.cells = before.cells.iter().map(|cell| Cell { start: moved(cell), ..cell.clone() }).collect();
        rewrite(notebook.as_bytes(), &before, &after).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn only_the_mended_line_changes() {
        assert_eq!(mend(NOTEBOOK, "f()", "await f()"), Ok(NOTEBOOK.replace("f()", "await f()")));
        assert_eq!(
            mend(NOTEBOOK, "g()", "x = 1\ng()"),
            Ok(NOTEBOOK.replace(r#""g()\n""#, "\"x = 1\\n\",\n    \"g()\\n\""))
        );
        assert_eq!(mend(NOTEBOOK, "é()", "await é()"), Ok(NOTEBOOK.replace("é()", "await é()")));
    }

    #[test]
    fn what_would_be_written_differently_is_refused() {
        assert_eq!(mend(&NOTEBOOK.replace("é", "\\u00e9"), "f()", "g()"), Err(Refusal::Layout));
        assert_eq!(mend(&NOTEBOOK.replace("f()", "h()"), "f()", "g()"), Err(Refusal::Changed));
    }
}
