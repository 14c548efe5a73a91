//! What is left of a text that does not parse, without the statements that do not.
//!
//! The parser goes on after an error as well as it can, but a bracket that is never closed takes all that follows with it. So
//! the text is cut where lines begin statements, each piece is parsed by itself, and of a broken class or function that holds
//! others only the broken ones are left out.

use std::ops::Range;

use super::lines::Lines;
use super::parse::first_error;
use crate::model::ParseError;
use crate::source::Span;

/// Statements nested deeper are left out together.
const DEEPEST: usize = 16;

/// Words at the start of a line that goes on with the statement before.
const GOES_ON: [&str; 4] = ["else", "elif", "except", "finally"];

/// What a statement in a block is parsed below.
const BLOCK: &str = "if 1:\n";

/// The text with white space in place of what does not parse, so that all places stay what they are, and what that is.
pub(super) fn without_broken(text: &str) -> (String, Vec<ParseError>) {
    let mut rest = Rest { text, bytes: text.as_bytes().to_vec(), errors: Vec::new() };
    rest.leave_out(0..text.len(), "", 0);
    (String::from_utf8(rest.bytes).unwrap_or_default(), rest.errors)
}

struct Rest<'a> {
    text: &'a str,
    bytes: Vec<u8>,
    errors: Vec<ParseError>,
}

impl<'a> Rest<'a> {
    /// Leaves out what is broken of the statements that begin with that indentation.
    fn leave_out(&mut self, range: Range<usize>, indent: &'a str, depth: usize) {
        for statement in self.statements(range, indent) {
            let Some(error) = self.error_in(self.text, &statement, indent, "") else { continue };
            let told = self.errors.len();
            if depth < DEEPEST
                && let Some((start, inner)) = self.first_inside(&statement, indent)
                && self.error_in(self.text, &(statement.start..start), indent, &format!("{inner}pass\n")).is_none()
            {
                self.leave_out(start..statement.end, inner, depth + 1);
                let is_whole = std::str::from_utf8(&self.bytes)
                    .is_ok_and(|text| self.error_in(text, &statement, indent, "").is_none());
                if is_whole {
                    continue;
                }
            }
            self.errors.truncate(told);
            self.errors.push(error);
            self.blank(statement, indent);
        }
    }

    /// What is wrong with a stretch of `text`, were `more` to follow it.
    fn error_in(&self, text: &str, range: &Range<usize>, indent: &str, more: &str) -> Option<ParseError> {
        let before = if indent.is_empty() { "" } else { BLOCK };
        let alone = [before, text.get(range.clone())?, more].concat();
        let (at, message) = first_error(&alone)?;
        // Where something is missed, that is at what follows, which is not to blame.
        let last = range.end.saturating_sub(1).max(range.start);
        let at = (range.start + at.saturating_sub(before.len())).min(last) as u32;
        Some(ParseError { span: Span::new(at, at), message })
    }

    /// White space in place of a statement; a block keeps one.
    fn blank(&mut self, range: Range<usize>, indent: &str) {
        let stretch = &mut self.bytes[range];
        for byte in stretch.iter_mut().filter(|it| !matches!(it, b'\n' | b'\r')) {
            *byte = b' ';
        }
        let pass = [indent, "pass"].concat();
        let room = stretch.get_mut(..pass.len()).filter(|it| it.iter().all(|byte| *byte == b' '));
        room.into_iter().for_each(|it| it.copy_from_slice(pass.as_bytes()));
    }

    /// Where statements with that indentation begin, up to the next. Decorators belong to what they decorate.
    fn statements(&self, range: Range<usize>, indent: &str) -> Vec<Range<usize>> {
        let mut starts = vec![range.start];
        let mut decorates = false;
        for (at, line) in self.lines(range.clone()) {
            let Some(code) = line.strip_prefix(indent).filter(|it| begins_statement(it)) else { continue };
            if !decorates && at > range.start {
                starts.push(at);
            }
            decorates = code.starts_with('@');
        }
        let ends = starts.iter().skip(1).copied().chain([range.end]);
        starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
    }

    /// The first definition inside a statement, of those that stand furthest to the left, and how far it is indented.
    fn first_inside(&self, statement: &Range<usize>, indent: &str) -> Option<(usize, &'a str)> {
        let inside = self.lines(statement.clone()).filter_map(|(at, line)| {
            let code = line.trim_start_matches([' ', '\t']);
            let own = &line[..line.len() - code.len()];
            let defines = ["def ", "async ", "class ", "@"].iter().any(|word| code.starts_with(word));
            (defines && own.len() > indent.len() && own.starts_with(indent)).then_some((at, own))
        });
        inside.min_by_key(|(at, own)| (own.len(), *at))
    }

    /// The lines that begin there, without those that are inside a string.
    fn lines(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let text = self.text;
        let lines = Lines { bytes: text.as_bytes() };
        let mut at = range.start;
        let mut code_from = range.start;
        std::iter::from_fn(move || {
            while at < range.end {
                let start = at;
                let length = text[start..range.end].find('\n').map_or(range.end - start, |it| it + 1);
                at += length;
                let is_code = start >= code_from;
                if let Some(end) = lines.string_over(code_from.max(start), at) {
                    code_from = end;
                }
                if is_code {
                    return Some((start, &text[start..at]));
                }
            }
            None
        })
    }
}

fn begins_statement(code: &str) -> bool {
    code.starts_with(|it: char| it.is_alphabetic() || it == '_' || it == '@')
        && !GOES_ON.iter().any(|word| {
            code.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|it: char| it.is_alphanumeric() || it == '_'))
        })
}
