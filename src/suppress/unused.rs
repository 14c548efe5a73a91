//! `unused-suppression`: comments of ours that keep nothing quiet, name no rule, or cannot be read.

use super::comment::{Ignore, Name};
use super::{Judge, Lines, Split, names};
use crate::finding::{Applicability, Confidence, Edit, Finding, Fix, Place};
use crate::project::types::FnRef;
use crate::rules::unused_suppression::RULE;
use crate::source::Span;

impl Judge<'_> {
    pub(super) fn judge_unused(mut self, split: &mut Split) {
        if (self.options.level)(self.project, self.file, &RULE).is_none() || self.model.failed {
            return;
        }
        let mut found: Vec<Finding> = Vec::new();
        for misread in &self.said.misread {
            let mut finding = self.finding(misread.span, misread.message.clone());
            finding.help =
                Some("write `asynclint: ignore[rule] reason`, or `ignore-file` for the whole file".to_owned());
            found.push(finding);
        }
        for name in self.said.ignores.iter().filter_map(|it| it.names.as_ref()).flatten() {
            if self.is_unknown(name) {
                let mut finding = self.finding(name.span, format!("no rule is called `{}`", name.text));
                finding.help = self.nearest(&name.text).map(|it| format!("did you mean `{it}`?"));
                found.push(finding);
            }
        }
        // Where the file cannot be read whole, findings may be missing that the comments are there for.
        let whole = self.model.errors.is_empty();
        if whole {
            found.extend((0..self.said.ignores.len()).filter_map(|it| self.stale(it, false)));
        }
        for finding in found {
            // Only a comment that names this rule keeps it quiet: one that means all rules would always excuse itself.
            let lines = Lines::of(&self, finding.place.span);
            match self.by_comment(&finding, &lines, |word, rule| word == rule.name) {
                Some(reason) => split.suppressed.push((finding, reason)),
                None => split.kept.push(finding),
            }
        }
        if whole {
            split.kept.extend((0..self.said.ignores.len()).filter_map(|it| self.stale(it, true)));
        }
    }

    /// What the comment names in vain; with `own`, whether it names this very rule in vain.
    fn stale(&self, index: usize, own: bool) -> Option<Finding> {
        let ignore = &self.said.ignores[index];
        let used = &self.used[index];
        let here = if ignore.file { "in this file" } else { "here" };
        let Some(all) = &ignore.names else {
            if own || used[0] {
                return None;
            }
            let mut finding =
                self.finding(ignore.span, format!("this suppresses nothing: no rule reports anything {here}"));
            self.offer_removal(&mut finding, ignore);
            return Some(finding);
        };
        let is_stale =
            |(index, name): &(usize, &Name)| !used[*index] && (name.text == RULE.name) == own && self.is_judged(name);
        let stale: Vec<&Name> = all.iter().enumerate().filter(is_stale).map(|(_, name)| name).collect();
        let first = stale.first()?;
        let quoted: Vec<String> = stale.iter().map(|it| format!("`{}`", it.text)).collect();
        let verb = if stale.len() == 1 { "is" } else { "are" };
        let message = format!("this suppresses nothing: {} {verb} not reported {here}", joined(&quoted));
        if stale.len() == all.len() {
            let mut finding = self.finding(ignore.span, message);
            self.offer_removal(&mut finding, ignore);
            return Some(finding);
        }
        let mut finding = self.finding(first.span, message);
        let kept: Vec<&str> = all.iter().filter(|it| !stale.contains(it)).map(|it| it.text.as_str()).collect();
        let message = format!("take {} out of the list", joined(&quoted));
        let edits = vec![Edit { span: ignore.list, content: kept.join(", ") }];
        finding.fix = Some(Fix { applicability: Applicability::Safe, message, edits });
        Some(finding)
    }

    fn offer_removal(&self, finding: &mut Finding, ignore: &Ignore) {
        let message = "remove the comment".to_owned();
        match ignore.removal {
            Some(span) => {
                // `let/* .. */x`: what the comment keeps apart stays apart.
                let source = self.project.source(self.file);
                let (before, after) = (&source.text[..span.start as usize], &source.text[span.end as usize..]);
                let parts = !before.is_empty() && !before.ends_with(char::is_whitespace);
                let content =
                    if parts && !after.is_empty() && !after.starts_with(char::is_whitespace) { " " } else { "" };
                let edits = vec![Edit { span, content: content.to_owned() }];
                finding.fix = Some(Fix { applicability: Applicability::Safe, message, edits });
            }
            None => finding.help = Some(message),
        }
    }

    fn is_unknown(&self, name: &Name) -> bool {
        !self.options.rules.iter().any(|rule| names(&name.text, rule))
    }

    /// Some rule that the name stands for is on in the file; of others nobody knows what they would report.
    fn is_judged(&self, name: &Name) -> bool {
        let mut meant = self.options.rules.iter().filter(|rule| names(&name.text, rule));
        meant.any(|rule| (self.options.level)(self.project, self.file, rule).is_some())
    }

    /// The rule whose name is written almost like this.
    fn nearest(&self, word: &str) -> Option<&'static str> {
        let distances = self.options.rules.iter().map(|rule| (strsim::osa_distance(word, rule.name), rule.name));
        distances.min().filter(|(distance, _)| *distance <= 1 + word.len() / 4).map(|(_, name)| name)
    }

    fn finding(&self, span: Span, message: String) -> Finding {
        let function = FnRef { file: self.file, function: self.project.function_at(self.file, span.start) };
        Finding {
            rule: &RULE,
            severity: (self.options.level)(self.project, self.file, &RULE).unwrap_or(RULE.severity),
            confidence: Confidence::Certain,
            place: Place { file: self.file, span },
            message,
            help: None,
            function: self.project.function_name(function),
            trace: Vec::new(),
            branches: 0,
            related: Vec::new(),
            made_at: None,
            fix: None,
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}
