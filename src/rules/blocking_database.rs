//! `blocking-database`: see the page. The judgement is shared by all kinds.

use super::{Category, Profile, Rule, blocking};
use crate::finding::Severity;
use crate::knowledge::Kind;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "blocking-database",
    page: include_str!("../../rules/blocking-database.md"),
    category: Category::Blocking,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check: |context| blocking::check(context, &RULE, Kind::Database),
};
