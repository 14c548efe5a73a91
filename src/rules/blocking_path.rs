//! `blocking-path`: see the page. The judgement is shared by all kinds.

use super::{Category, Profile, Rule, blocking};
use crate::finding::Severity;
use crate::knowledge::Kind;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "blocking-path",
    page: include_str!("../../rules/blocking-path.md"),
    category: Category::Blocking,
    profile: Profile::Strict,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC240"],
    fix: None,
    check: |context| blocking::check(context, &RULE, Kind::Path),
};
