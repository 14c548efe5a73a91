//! `blocking-file`: see the page. The judgement is shared by all kinds.

use super::{Category, Profile, Rule, blocking};
use crate::finding::Severity;
use crate::knowledge::Kind;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "blocking-file",
    page: include_str!("../../rules/blocking-file.md"),
    category: Category::Blocking,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC230", "ASYNC231", "ASYNC232", "ASYNC240"],
    fix: None,
    check: |context| blocking::check(context, &RULE, Kind::File),
};
