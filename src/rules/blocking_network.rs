//! `blocking-network`: see the page. The judgement is shared by all kinds.

use super::{Category, Profile, Rule, blocking};
use crate::finding::Severity;
use crate::knowledge::Kind;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "blocking-network",
    page: include_str!("../../rules/blocking-network.md"),
    category: Category::Blocking,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC210", "ASYNC211", "ASYNC212"],
    fix: None,
    check: |context| blocking::check(context, &RULE, Kind::Network),
};
