//! Where a stretch of a file is, as people and other programs count: lines and columns, and cells of a notebook.

use crate::finding::{Place, Sources};
use crate::source::{Position, Source, Span};

/// A place in lines and columns. In a notebook, lines count from the start of the cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    pub source: &'a Source,
    pub span: Span,
    /// The number of the notebook cell.
    pub cell: Option<u32>,
    /// Where the counting starts: 0, or the start of the cell.
    pub base: u32,
    pub start: Position,
    /// Just behind the last character.
    pub end: Position,
}

impl<'a> Spot<'a> {
    pub fn of(sources: &'a dyn Sources, place: Place) -> Self {
        Self::in_source(sources.source(place.file), place.span)
    }

    pub fn in_source(source: &'a Source, span: Span) -> Self {
        let cell = source.cells.iter().rev().find(|cell| cell.start <= span.start);
        let base = cell.map_or(0, |cell| cell.start);
        let above = source.line_of(base) as u32;
        let position = |offset: u32| {
            let position = source.position(offset);
            Position { line: position.line.saturating_sub(above), ..position }
        };
        let end = span.end.max(span.start);
        Self { source, span, cell: cell.map(|cell| cell.number), base, start: position(span.start), end: position(end) }
    }

    /// `app/db.py`, `nb.ipynb:cell 3`.
    pub fn file(&self) -> String {
        match self.cell {
            Some(cell) => format!("{}:cell {cell}", self.source.path),
            None => self.source.path.to_string(),
        }
    }

    /// `app/db.py:12:5`: what terminals and editors jump to.
    pub fn name(&self) -> String {
        format!("{}:{}:{}", self.file(), self.start.line, self.start.column)
    }
}
