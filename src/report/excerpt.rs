//! Lines of a source with a mark under what is meant, drawn by `miette`.
//!
//! Its own way to read a source counts lines from the top of the file for every excerpt; here the line table answers.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use rustc_hash::FxHashMap;

use super::Terminal;
use super::printable::{one_line, printable};
use super::spot::Spot;
use crate::finding::{FileId, Place, Severity, Sources};
use crate::source::{Source, Span};

/// Draws for one kind of terminal.
pub(super) fn drawer(terminal: Terminal) -> GraphicalReportHandler {
    let characters = if terminal.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
    let styles = if terminal.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_width(terminal.width.unwrap_or(usize::MAX))
        .with_wrap_lines(terminal.width.is_some())
        .with_break_words(false)
        .with_links(terminal.links)
        .with_link_display_text("(page)")
        .without_syntax_highlighting()
}

/// The files, each made fit for a terminal once, however many excerpts are taken from it.
pub(super) struct Pages<'a> {
    sources: &'a dyn Sources,
    texts: RefCell<FxHashMap<FileId, Arc<Cow<'a, str>>>>,
}

impl<'a> Pages<'a> {
    pub fn of(sources: &'a dyn Sources) -> Self {
        Self { sources, texts: RefCell::default() }
    }

    /// The page a place is on.
    pub fn page(&self, place: Place) -> Page<'_> {
        let spot = Spot::of(self.sources, place);
        let source = spot.source;
        let first = source.line_of(spot.base);
        let next = source.cells.iter().find(|cell| spot.cell.is_some() && cell.start > spot.base);
        let last = next.map_or(source.line_starts().len(), |cell| source.line_of(cell.start)).max(first + 1);
        let mut texts = self.texts.borrow_mut();
        let text = texts.entry(place.file).or_insert_with(|| Arc::new(printable(&source.text)));
        Page { source, text: Arc::clone(text), name: one_line(&spot.file()).into_owned(), lines: (first, last) }
    }
}

/// A source, or one cell of a notebook, as `miette` wants it.
pub(super) struct Page<'a> {
    source: &'a Source,
    /// Of the same length as the source's.
    text: Arc<Cow<'a, str>>,
    name: String,
    /// The first line of the page and the one after its last, from 0.
    lines: (usize, usize),
}

/// In bytes: a line that is longer is data, or has been written by a program.
const LONG: usize = 400;
/// How much of such a line is shown on either side of a mark, in bytes.
const AROUND: usize = 100;

impl Page<'_> {
    fn is_long(&self, line: usize) -> bool {
        self.source.line_text(line).len() > LONG
    }
}

impl SourceCode for Page<'_> {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let (offset, end) = (span.offset() as u32, (span.offset() + span.len().saturating_sub(1)) as u32);
        let (top, bottom) = (self.source.line_of(offset), self.source.line_of(end));
        // Lines above and below, as far as they are there and can be read at a glance.
        let above =
            (top.saturating_sub(before).max(self.lines.0)..top).rev().take_while(|it| !self.is_long(*it)).count();
        let below = (bottom + 1..(bottom + 1 + after).min(self.lines.1)).take_while(|it| !self.is_long(*it)).count();
        let (mut first, mut behind) = (top - above, bottom + 1 + below);
        let starts = self.source.line_starts();
        let mut start = starts[first] as usize;
        let mut stop = starts.get(behind).map_or(self.text.len(), |it| *it as usize);
        // Of a line without end, what is around the mark.
        if self.is_long(top) {
            first = top;
            start = self.text.floor_char_boundary(span.offset().saturating_sub(AROUND).max(starts[top] as usize));
        }
        if self.is_long(bottom) {
            behind = bottom + 1;
            stop = self.text.ceil_char_boundary(span.offset() + span.len() + AROUND).min(stop);
        }
        // Where the excerpt does not begin above the mark, miette takes line and column for those of the mark.
        let column = if first == top { self.source.position(offset).column as usize - 1 } else { 0 };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[start..stop],
            (start, stop - start).into(),
            first - self.lines.0,
            column,
            behind - first,
        )))
    }
}

/// A mark under a stretch of a page.
pub(super) fn mark(span: Span, source: &Source, label: Option<&str>, primary: bool) -> LabeledSpan {
    let start = (span.start as usize).min(source.text.len());
    let length = (span.end as usize).min(source.text.len()).saturating_sub(start);
    let label = label.map(|it| one_line(it).into_owned());
    if primary {
        LabeledSpan::new_primary_with_span(label, (start, length))
    } else {
        LabeledSpan::new(label, start, length)
    }
}

/// One drawing: what is said, where, and what helps.
#[derive(Default)]
pub(super) struct Drawing<'a> {
    pub severity: Option<Severity>,
    pub code: Option<String>,
    pub url: Option<String>,
    pub message: String,
    pub help: Option<String>,
    pub page: Option<Page<'a>>,
    pub marks: Vec<LabeledSpan>,
}

impl Drawing<'_> {
    /// Everything, from the rule's name to the help.
    pub fn draw(&self, drawer: &GraphicalReportHandler) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail; `miette` fails by itself only where a page cannot be read, and ours can.
        let _ = drawer.render_report(&mut text, self);
        text
    }

    /// The excerpt or the help alone: without a message, the first line holds nothing but an icon.
    pub fn draw_bare(&self, drawer: &GraphicalReportHandler) -> String {
        let text = self.draw(drawer);
        text.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned())
    }
}

impl Diagnostic for Drawing<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|it| Box::new(it) as _)
    }

    fn severity(&self) -> Option<miette::Severity> {
        self.severity.map(|it| match it {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|it| Box::new(it) as _)
    }

    fn url<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.url.as_ref().map(|it| Box::new(it) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.page.as_ref().map(|it| it as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.marks.is_empty()).then(|| Box::new(self.marks.iter().cloned()) as _)
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawing<'_> {}
