//! Which findings stay: ignore comments, `noqa`, `#[allow]`, and the comments that suppress nothing.

mod comment;
mod unused;

use std::collections::BTreeMap;

use crate::finding::{FileId, Finding, Severity};
use crate::model::FileModel;
use crate::project::Project;
use crate::rules::{RULES, Rule};
use crate::source::{Language, Source};

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
}

/// Findings, told apart.
#[derive(Clone, Debug, Default)]
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
        by_file.entry(file).or_default();
    }
    let mut split = Split::default();
    for (file, findings) in by_file {
        match project.model_if_lowered(file) {
            Some(model) if !(model.comments.is_empty() && model.allows.is_empty()) => {
                Judge::new(project, file, model, options).split(findings, &mut split);
            }
            _ => split.kept.extend(findings),
        }
    }
    crate::rules::sort(project, &mut split.kept);
    split.suppressed.sort_by(|(a, _), (b, _)| {
        let path = |it: &Finding| &project.source(it.place.file).path;
        let key = |it: &Finding| (it.place.span, it.rule.name);
        path(a).cmp(path(b)).then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
    });
    split
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
}

impl<'a> Judge<'a> {
    fn new(project: &'a Project, file: FileId, model: &'a FileModel, options: Options) -> Self {
        let source = project.source(file);
        let is_rule = |name: &str| options.rules.iter().any(|rule| names(name, rule));
        let said = Said::of(source, &model.comments, is_rule);
        let used = said.ignores.iter().map(|it| vec![false; it.names.as_ref().map_or(1, Vec::len)]).collect();
        Self { project, file, source, model, options, said, used }
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
        let lines = Lines::of(self, finding);
        self.by_comment(finding, &lines, names).or_else(|| self.by_others(finding, &lines))
    }

    /// The comment of ours that keeps the finding quiet. All that do so count as used; the nearest one is the reason.
    fn by_comment(&mut self, finding: &Finding, lines: &Lines, means: fn(&str, &Rule) -> bool) -> Option<Reason> {
        let mut reason: Option<(bool, Reason)> = None;
        for (ignore, used) in self.said.ignores.iter().zip(&mut self.used) {
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
                reason = Some((ignore.file, Reason { by, text: ignore.reason.clone() }));
            }
        }
        reason.map(|(_, reason)| reason)
    }

    /// The comment or attribute meant for another tool that says the same.
    fn by_others(&self, finding: &Finding, lines: &Lines) -> Option<Reason> {
        let allow = self
            .model
            .allows
            .iter()
            .find(|it| it.extent.contains(finding.place.span) && finding.rule.aliases.contains(&&*it.lint));
        if let Some(allow) = allow {
            return Some(Reason { by: format!("allow({})", allow.lint), text: None });
        }
        let noqas = self.said.noqas.iter().filter(|_| self.options.noqa);
        let mut hits = noqas.filter(|it| (it.file || lines.noqa(it, self.source)) && codes_name(it, finding.rule));
        hits.next().map(|it| Reason { by: self.source.slice(it.span).to_owned(), text: None })
    }
}

/// The lines, from 0, on which a comment can speak about a finding.
struct Lines {
    own: usize,
    /// Of the statement around it.
    first: usize,
    last: usize,
    /// Where comments above `own` and above `first` may begin.
    above: [(usize, usize); 2],
}

impl Lines {
    fn of(judge: &Judge<'_>, finding: &Finding) -> Self {
        let source = judge.source;
        let span = finding.place.span;
        let around =
            judge.model.statements.iter().filter(|it| it.start <= span.start && span.start < it.end.max(it.start + 1));
        let statement = around.min_by_key(|it| it.end - it.start);
        let own = source.line_of(span.start);
        let first = statement.map_or(own, |it| source.line_of(it.start));
        let above = [own, first].map(|line| (comments_above(source, line), line));
        Self { own, first, last: source.line_of(span.end.saturating_sub(1).max(span.start)), above }
    }

    fn governed_by(&self, ignore: &Ignore, source: &Source) -> bool {
        let line = source.line_of(ignore.span.start);
        if ignore.own_line {
            line == self.own || self.above.iter().any(|(from, to)| *from <= line && line < *to)
        } else {
            line == self.own || line == self.first
        }
    }

    fn noqa(&self, noqa: &Noqa, source: &Source) -> bool {
        let line = source.line_of(noqa.span.start);
        line == self.own || line == self.first || line == self.last
    }
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
        || rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(word))
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
