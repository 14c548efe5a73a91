//! What a comment says about findings: our own `asynclint:` comments, and the `noqa` of others.

use crate::model::Comment;
use crate::source::{Language, Source, Span};

/// `asynclint: ignore[rule, ..] reason`, `asynclint: ignore-file[rule, ..]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ignore {
    /// From `asynclint:` to the closing bracket.
    pub span: Span,
    /// Nothing but white space stands before it on its line.
    pub own_line: bool,
    /// It governs the whole file.
    pub file: bool,
    /// The rules it names; `None` where it names none and means them all.
    pub names: Option<Vec<Name>>,
    /// What stands between the brackets.
    pub list: Span,
    pub reason: Option<String>,
    /// What goes when the comment does nothing. `None` where that cannot be told.
    pub removal: Option<Span>,
}

/// A rule's name, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub text: String,
    pub span: Span,
}

/// `# noqa`, `# noqa: CODE, ..`, `# ruff: noqa`, `# flake8: noqa: CODE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noqa {
    pub span: Span,
    pub file: bool,
    /// `None`: it means every rule.
    pub codes: Option<Vec<String>>,
}

/// Something that begins like one of ours and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misread {
    pub span: Span,
    pub message: String,
}

/// Everything a file's comments say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub ignores: Vec<Ignore>,
    pub noqas: Vec<Noqa>,
    pub misread: Vec<Misread>,
}

/// The word every comment of ours begins with.
const OURS: &str = "asynclint:";

impl Said {
    pub fn of(source: &Source, comments: &[Comment], is_rule: impl Fn(&str) -> bool) -> Self {
        let mut said = Self::default();
        for comment in comments {
            let text = source.slice(comment.span);
            if source.language == Language::Rust && is_doc(text) {
                continue;
            }
            for (at, _) in text.match_indices(OURS) {
                said.read_own(source, comment, at, &is_rule);
            }
            if source.language == Language::Python
                && let Some(noqa) = noqa(text, comment)
            {
                said.noqas.push(noqa);
            }
        }
        said
    }

    fn read_own(&mut self, source: &Source, comment: &Comment, at: usize, is_rule: &impl Fn(&str) -> bool) {
        let text = source.slice(comment.span);
        let base = comment.span.start;
        let place = |from: usize, to: usize| Span::new(base + from as u32, base + to as u32);
        // Behind other words it is taken for one of ours only with its brackets: prose may well mention the name.
        let leads = text[..at].trim_end().ends_with(['#', '/', '*']);
        let skip = |from: usize| from + (text[from..].len() - text[from..].trim_start_matches([' ', '\t']).len());
        let word = skip(at + OURS.len());
        let is_word = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        let behind = word + text[word..].find(|it| !is_word(it)).unwrap_or(text.len() - word);
        let file = match &text[word..behind] {
            "ignore" => false,
            "ignore-file" => true,
            other if leads => {
                let message = match other {
                    "" => "this comment says nothing to suppress".to_owned(),
                    _ => format!("no suppression is called `{other}`"),
                };
                self.misread.push(Misread { span: place(at, behind), message });
                return;
            }
            _ => return,
        };
        let open = skip(behind);
        let bracketed = text[open..].starts_with('[');
        let stands_alone = text[..at].ends_with([' ', '\t']);
        if !(leads || bracketed && stands_alone) {
            return;
        }
        if !bracketed {
            let end = part_end(text, behind);
            let reason = reason(&text[behind..end]);
            let first = reason.as_deref().and_then(|it| it.split([' ', ',']).next()).filter(|it| is_rule(it));
            if let Some(rule) = first {
                let message = format!("rules stand in brackets: `{OURS} {}[{rule}]`", &text[word..behind]);
                self.misread.push(Misread { span: place(at, behind), message });
                return;
            }
            self.ignores.push(Ignore {
                span: place(at, behind),
                own_line: comment.own_line,
                file,
                names: None,
                list: place(behind, behind),
                reason,
                removal: removal(source, comment, at, end),
            });
            return;
        }
        let Some(close) = text[open..].find(']').map(|it| open + it) else {
            self.misread.push(Misread { span: place(at, open + 1), message: "the bracket is not closed".to_owned() });
            return;
        };
        let mut names = Vec::new();
        let mut from = open + 1;
        for piece in text[open + 1..close].split(',') {
            let name = piece.trim();
            let start = from + (piece.len() - piece.trim_start().len());
            if !name.is_empty() {
                names.push(Name { text: name.to_owned(), span: place(start, start + name.len()) });
            }
            from += piece.len() + 1;
        }
        if names.is_empty() {
            let message = "the brackets name no rule".to_owned();
            self.misread.push(Misread { span: place(at, close + 1), message });
            return;
        }
        let end = part_end(text, close + 1);
        self.ignores.push(Ignore {
            span: place(at, close + 1),
            own_line: comment.own_line,
            file,
            names: Some(names),
            list: place(open + 1, close),
            reason: reason(&text[close + 1..end]),
            removal: removal(source, comment, at, end),
        });
    }
}

/// Documentation shows such comments; it is none.
fn is_doc(text: &str) -> bool {
    let line = text.starts_with("///") && !text.starts_with("////");
    let block = text.starts_with("/**") && !text.starts_with("/***") && text != "/**/";
    line || block || text.starts_with("//!") || text.starts_with("/*!")
}

/// Where the next comment within the comment begins (`# one  # two`), or the text ends.
fn part_end(text: &str, from: usize) -> usize {
    let next = |marker: &str| {
        let mut hits = text[from..].match_indices(marker).map(|(at, _)| from + at);
        hits.find(|at| text[..*at].ends_with([' ', '\t'])).unwrap_or(text.len())
    };
    let end = if text.starts_with('#') { next("#") } else { next("//") };
    match text.strip_suffix("*/") {
        Some(inner) if text.starts_with("/*") => end.min(inner.len()),
        _ => end,
    }
}

fn reason(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches(['-', ':', '\u{2013}', '\u{2014}']).trim();
    (!text.is_empty()).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The part of the comment from `at` to `end`, with its marker; with the whole line, if nothing else is on it.
fn removal(source: &Source, comment: &Comment, at: usize, end: usize) -> Option<Span> {
    let text = source.slice(comment.span);
    let base = comment.span.start;
    let before = text[..at].trim_end();
    if text.starts_with("/*") {
        let whole = before == "/*" && text[end..].trim() == "*/";
        return whole.then_some(comment.span);
    }
    let marker = before.trim_end_matches(['#', '/']);
    let rest = &text[end..];
    if marker.is_empty() && !rest.is_empty() {
        return Some(Span::new(base, base + end as u32));
    }
    if !marker.is_empty() {
        let start = if before.len() > marker.len() { marker } else { before }.trim_end().len();
        let tail = &text[start..end];
        let end = if rest.is_empty() { end } else { start + tail.trim_end().len() };
        return Some(Span::new(base + start as u32, base + end as u32));
    }
    let line = source.line_of(base);
    let starts = source.line_starts();
    if comment.own_line {
        let next = starts.get(line + 1).copied().unwrap_or(source.text.len() as u32);
        return Some(Span::new(starts[line], next));
    }
    let code = source.text[starts[line] as usize..base as usize].trim_end();
    Some(Span::new(starts[line] + code.len() as u32, comment.span.end))
}

fn noqa(text: &str, comment: &Comment) -> Option<Noqa> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("noqa").find_map(|(at, _)| {
        let before = lower[..at].trim_end();
        let tool = ["ruff:", "flake8:"].into_iter().find_map(|it| before.strip_suffix(it));
        let file = tool.is_some();
        if !tool.unwrap_or(before).trim_end().ends_with('#') || (file && !comment.own_line) {
            return None;
        }
        let after = &text[at + "noqa".len()..];
        if after.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_') {
            return None;
        }
        let (codes, end) = match after.strip_prefix(':') {
            Some(list) if !list.trim().is_empty() => {
                let codes = codes(list);
                let last = *codes.last()?;
                let end = last.as_ptr() as usize - text.as_ptr() as usize + last.len();
                (Some(codes.into_iter().map(str::to_owned).collect()), end)
            }
            _ => (None, at + "noqa".len()),
        };
        let start = tool.unwrap_or(before).trim_end().len() - 1;
        let base = comment.span.start;
        let start = start + 1 + (text[start + 1..].len() - text[start + 1..].trim_start().len());
        Some(Noqa { span: Span::new(base + start as u32, base + end as u32), file, codes })
    })
}

/// The codes at the start of a list; a word that cannot be one ends it.
fn codes(list: &str) -> Vec<&str> {
    let is_code = |it: &&str| {
        let digits = it.trim_start_matches(|it: char| it.is_ascii_alphabetic());
        let code = digits.len() < it.len() && digits.bytes().all(|it| it.is_ascii_digit()) && !it.contains('-');
        let upper = it.bytes().all(|it| !it.is_ascii_lowercase());
        let name = it.contains('-') && it.bytes().all(|it| it.is_ascii_lowercase() || it == b'-');
        (code && (upper || !digits.is_empty())) || name
    };
    list.split([',', ' ', '\t']).filter(|it| !it.is_empty()).take_while(is_code).collect()
}
