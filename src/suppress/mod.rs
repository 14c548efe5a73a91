//! Which findings stay: ignore comments, `noqa`, `#[allow]`, and the comments that suppress nothing.

mod baseline;
mod comment;
mod unused;

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{FileId, Finding, Severity, Sources};
use crate::model::{Allow, FileModel, TOP_LEVEL};
use crate::project::Project;
use crate::rules::{RULES, Rule};
use crate::source::{Language, Source, Span};

pub use baseline::{Baseline, Entry};
use comment::{Ignore, Noqa, Said};

/// What [`apply`] goes by.
#[derive(Clone, Copy)]
pub struct Options {
    /// Every rule there is, on or off.
    pub rules: &'static [&'static Rule],
    /// The severity a rule reports at in a file, if it is on there.
    pub level: fn(&Project, FileId, &Rule) -> Option<Severity>,
    /// Honour `noqa` comments (`--respect-noqa=false` does not).
    pub noqa: bool,
    /// Honour nothing and judge nothing (`--ignore-suppressions`).
    pub ignore: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rules: RULES, level: |project, file, rule| project.rules(file).level(rule), noqa: true, ignore: false }
    }
}

/// Why a finding is quiet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// What keeps it quiet, as written: `asynclint: ignore[blocking-file]`, `noqa: ASYNC251`, `allow(clippy::…)`.
    pub by: String,
    /// What the author gives as the reason, if anything.
    pub text: Option<String>,
    /// It is not said in the source: a baseline knows the finding.
    pub external: bool,
}

impl Reason {
    fn in_source(by: String, text: Option<String>) -> Self {
        Self { by, text, external: false }
    }
}

/// Findings, told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Sorted by path and position; those about suppressions are among them.
    pub kept: Vec<Finding>,
    /// Sorted in the same way.
    pub suppressed: Vec<(Finding, Reason)>,
}

/// Takes out the findings that the user has said not to report, and adds those about suppressions that do nothing.
///
/// It wants all findings of the run: of a list that is filtered already (by confidence, by changed lines) it would say that
/// comments suppress nothing.
pub fn apply(project: &Project, findings: Vec<Finding>, options: Options) -> Split {
    if options.ignore {
        return Split { kept: findings, suppressed: Vec::new() };
    }
    let mut by_file: BTreeMap<FileId, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        by_file.entry(finding.place.file).or_default().push(finding);
    }
    for file in project.relevant_files() {
        by_file.entry(*file).or_default();
    }
    let mut split = Split::default();
    for (file, findings) in by_file {
        tell_apart(project, file, findings, options, &mut split);
    }
    split.sort(project);
    split
}

/// The same for the findings of one file.
pub fn apply_in(project: &Project, file: FileId, findings: Vec<Finding>, options: Options) -> Split {
    if options.ignore {
        return Split { kept: findings, suppressed: Vec::new() };
    }
    let mut split = Split::default();
    tell_apart(project, file, findings, options, &mut split);
    split
}

fn tell_apart(project: &Project, file: FileId, findings: Vec<Finding>, options: Options, split: &mut Split) {
    // What a crate allows, it allows in all its files.
    let is_allowed_around = |model: &FileModel| {
        model.language == Language::Rust && findings.iter().any(|it| it.rule.aliases.iter().any(|it| it.contains("::")))
    };
    match project.model_if_lowered(file) {
        Some(model) if !(model.comments.is_empty() && model.allows.is_empty()) || is_allowed_around(model) => {
            Judge::new(project, file, model, options).split(findings, split);
        }
        _ => split.kept.extend(findings),
    }
}

impl Split {
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.suppressed.is_empty()
    }

    /// All findings, quiet ones included.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter().chain(self.suppressed.iter().map(|(finding, _)| finding))
    }

    /// The files that findings are in or point to, in order.
    pub fn files(&self) -> Vec<FileId> {
        let places = self.findings().flat_map(Finding::places);
        let mut files: Vec<FileId> = places.map(|place| place.file).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// By path and position.
    pub fn sort(&mut self, sources: &dyn Sources) {
        crate::rules::sort(sources, &mut self.kept);
        self.suppressed.sort_by(|(a, _), (b, _)| crate::rules::order(sources, a, b));
    }
}

/// One file's suppressions, and which of them have done something.
struct Judge<'a> {
    project: &'a Project,
    file: FileId,
    source: &'a Source,
    model: &'a FileModel,
    options: Options,
    said: Said,
    /// Parallel to `said.ignores`: for each of its names whether it has kept something quiet. One entry where it has none.
    used: Vec<Vec<bool>>,
    /// The indices of ignore comments and of `noqa`s, by line; those for the file are under [`WHOLE_FILE`].
    ignores: BTreeMap<usize, Vec<usize>>,
    noqas: BTreeMap<usize, Vec<usize>>,
}

const WHOLE_FILE: usize = usize::MAX;

impl<'a> Judge<'a> {
    fn new(project: &'a Project, file: FileId, model: &'a FileModel, options: Options) -> Self {
        let source = project.source(file);
        let is_rule = |name: &str| options.rules.iter().any(|rule| names(name, rule));
        let said = Said::of(source, &model.comments, is_rule);
        let used = said.ignores.iter().map(|it| vec![false; it.names.as_ref().map_or(1, Vec::len)]).collect();
        let (mut ignores, mut noqas): (BTreeMap<usize, Vec<usize>>, BTreeMap<usize, Vec<usize>>) = Default::default();
        let line = |file: bool, span: Span| if file { WHOLE_FILE } else { source.line_of(span.start) };
        for (index, it) in said.ignores.iter().enumerate() {
            ignores.entry(line(it.file, it.span)).or_default().push(index);
        }
        for (index, it) in said.noqas.iter().enumerate() {
            noqas.entry(line(it.file, it.span)).or_default().push(index);
        }
        Self { project, file, source, model, options, said, used, ignores, noqas }
    }

    fn split(mut self, findings: Vec<Finding>, split: &mut Split) {
        for finding in findings {
            match self.silence(&finding) {
                Some(reason) => split.suppressed.push((finding, reason)),
                None => split.kept.push(finding),
            }
        }
        self.judge_unused(split);
    }

    fn silence(&mut self, finding: &Finding) -> Option<Reason> {
        // What is said where an object is made holds for what is done with it.
        [Some(finding.place.span), finding.made_at].into_iter().flatten().find_map(|span| {
            let lines = Lines::of(self, span);
            self.by_comment(finding, &lines, names).or_else(|| self.by_others(finding, span, &lines))
        })
    }

    /// The comment of ours that keeps the finding quiet. All that do so count as used; the nearest one is the reason.
    fn by_comment(&mut self, finding: &Finding, lines: &Lines, means: fn(&str, &Rule) -> bool) -> Option<Reason> {
        let mut reason: Option<(bool, Reason)> = None;
        for index in lines.ignores(&self.ignores) {
            let (ignore, used) = (&self.said.ignores[index], &mut self.used[index]);
            if !ignore.file && !lines.governed_by(ignore, self.source) {
                continue;
            }
            let words: Vec<&str> = match &ignore.names {
                None => vec!["all"],
                Some(all) => all.iter().map(|it| it.text.as_str()).collect(),
            };
            let mut hit = false;
            for (word, used) in words.into_iter().zip(used) {
                if means(word, finding.rule) {
                    (*used, hit) = (true, true);
                }
            }
            // One on the line says more than one for the file.
            if hit && reason.as_ref().is_none_or(|(file, _)| *file && !ignore.file) {
                let by = self.source.slice(ignore.span).to_owned();
                reason = Some((ignore.file, Reason::in_source(by, ignore.reason.clone())));
            }
        }
        reason.map(|(_, reason)| reason)
    }

    /// The comment or attribute meant for another tool that says the same.
    fn by_others(&self, finding: &Finding, span: Span, lines: &Lines) -> Option<Reason> {
        let names = |allow: &&Allow| finding.rule.aliases.contains(&&*allow.lint);
        let around = || {
            let modules =
                std::iter::successors(self.project.module_around(self.file), |it| self.project.module_around(*it));
            modules.flat_map(|it| of_whole_file(self.project.model(it))).find(names)
        };
        let own = self.model.allows.iter().filter(|it| it.extent.contains(span)).find(names);
        if let Some(allow) = own.or_else(around) {
            return Some(Reason::in_source(format!("allow({})", allow.lint), None));
        }
        let spoken = lines.noqas(&self.noqas).filter(|_| self.options.noqa).map(|index| &self.said.noqas[index]);
        let mut hits = spoken.filter(|it| codes_name(it, finding.rule));
        hits.next().map(|it| Reason::in_source(self.source.slice(it.span).to_owned(), None))
    }
}

/// The lines, from 0, on which a comment can speak about a finding.
struct Lines {
    own: usize,
    /// Of the place itself, which may go over several.
    end: usize,
    /// The line that `end` goes on to by a string or a backslash: no comment can stand before.
    joined: usize,
    /// Of the statement around it. Formatters that break a line leave its comment behind the last bracket.
    first: usize,
    last: usize,
    /// Where comments above `own` and above `first` may begin.
    above: [(usize, usize); 2],
}

impl Lines {
    fn of(judge: &Judge<'_>, span: Span) -> Self {
        let source = judge.source;
        // They are sorted, so the innermost around the place is the last that begins before it and has not ended.
        let statements = &judge.model.statements;
        let begun = statements.partition_point(|it| it.start <= span.start);
        let statement = statements[..begun].iter().rev().find(|it| span.start < it.end.max(it.start + 1));
        let own = source.line_of(span.start);
        let first = statement.map_or(own, |it| source.line_of(it.start));
        let above = [own, first].map(|line| (comments_above(source, line), line));
        let line_of_end = |span: Span| source.line_of(span.end.saturating_sub(1).max(span.start));
        let end = line_of_end(span);
        let last = statement.map_or(end, |it| last_line(source, *it));
        let joined = match (source.language, statement) {
            (Language::Python, Some(it)) => last_joined(source, it.start, end),
            _ => end,
        };
        Self { own, end, joined, first, last, above }
    }

    fn governed_by(&self, ignore: &Ignore, source: &Source) -> bool {
        let line = source.line_of(ignore.span.start);
        if ignore.own_line {
            line == self.own || self.above.iter().any(|(from, to)| *from <= line && line < *to)
        } else {
            line == self.own || line == self.first || line == self.last
        }
    }

    /// The ignore comments that may govern the place, each once.
    fn ignores(&self, all: &BTreeMap<usize, Vec<usize>>) -> BTreeSet<usize> {
        let near = [self.own, self.first, self.last, WHOLE_FILE].into_iter().filter_map(|line| all.get(&line));
        let above = self.above.iter().flat_map(|(from, to)| all.range(from..to).map(|(_, found)| found));
        near.chain(above).flatten().copied().collect()
    }

    fn noqas<'a>(&self, all: &'a BTreeMap<usize, Vec<usize>>) -> impl Iterator<Item = usize> + use<'a> {
        let lines = [self.own, self.first, self.end, self.joined, WHOLE_FILE];
        lines.into_iter().filter_map(|line| all.get(&line)).flatten().copied()
    }
}

/// The line that a line goes on to by a string of several lines or a backslash at its end. `start`: of the statement.
fn last_joined(source: &Source, start: u32, line: usize) -> usize {
    let text = &source.text[start as usize..];
    let mut open: Option<&str> = None;
    let mut at = 0;
    while let Some(sign) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_end = sign == '\n';
        if is_end && open.is_none_or(|it| it.len() < 3) && source.line_of(start + at as u32) >= line {
            break;
        }
        at += match open {
            Some(quotes) if rest.starts_with(quotes) => {
                open = None;
                quotes.len()
            }
            _ if rest.starts_with("\\\r\n") => 3,
            _ if sign == '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            None if sign == '#' => rest.find('\n').unwrap_or(rest.len()),
            None => {
                open = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|it| rest.starts_with(it));
                open.map_or(sign.len_utf8(), str::len)
            }
            _ => sign.len_utf8(),
        };
    }
    source.line_of((start as usize + at.min(text.len())) as u32)
}

/// Where a statement's last bracket closes: of a condition or a `with`, the brackets around it are not part of its extent.
fn last_line(source: &Source, statement: Span) -> usize {
    let closes = match source.language {
        Language::Python => [')', ':'],
        Language::Rust => [')', '{'],
    };
    let behind = source.text.get(statement.end as usize..).unwrap_or_default();
    let tail = behind.trim_start_matches(|it: char| it.is_whitespace() || closes.contains(&it));
    let closed = behind[..behind.len() - tail.len()].trim_end().len();
    let end = statement.end + closed as u32;
    source.line_of(end.saturating_sub(1).max(statement.start))
}

/// `#![allow(..)]` at the top of a file: what it allows is allowed in the modules below, too.
fn of_whole_file(model: &FileModel) -> impl Iterator<Item = &Allow> {
    let end = model.function(TOP_LEVEL).span.end;
    model.allows.iter().filter(move |it| it.extent == Span::new(0, end))
}

/// The first of the lines right above `line` that hold nothing but comments or attributes.
fn comments_above(source: &Source, line: usize) -> usize {
    let is_comment = |line: usize| {
        let text = source.line_text(line).trim_start();
        match source.language {
            Language::Python => text.starts_with('#'),
            Language::Rust => text.starts_with("//") || text.starts_with("/*") || text.starts_with("#["),
        }
    };
    let mut first = line;
    while first > 0 && is_comment(first - 1) {
        first -= 1;
    }
    first
}

/// The word stands for the rule: by name, by its category, by a peer's code, or for all.
fn names(word: &str, rule: &Rule) -> bool {
    word == rule.name
        || word == rule.category.name()
        || word == "all"
        || rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(word) || is_code(word) && starts(alias, word))
}

/// `ASYNC2`, which may stand for several.
fn is_code(word: &str) -> bool {
    word.ends_with(|it: char| it.is_ascii_digit())
}

fn codes_name(noqa: &Noqa, rule: &Rule) -> bool {
    let Some(codes) = &noqa.codes else { return true };
    codes.iter().any(|code| code == rule.name || rule.aliases.iter().any(|alias| starts(alias, code)))
}

/// `ASYNC2` stands for `ASYNC251`, as in flake8; but `A` is another plugin.
fn starts(alias: &str, code: &str) -> bool {
    let letters = |it: &str| it.bytes().take_while(u8::is_ascii_alphabetic).count();
    let head = alias.get(..code.len());
    letters(alias) == letters(code) && head.is_some_and(|head| head.eq_ignore_ascii_case(code))
}
