//! `blocking-cpu`: see the page. The judgement is shared by all kinds.

use super::{Category, Profile, Rule, blocking};
use crate::finding::Severity;
use crate::knowledge::Kind;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "blocking-cpu",
    page: include_str!("../../rules/blocking-cpu.md"),
    category: Category::Blocking,
    profile: Profile::Strict,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check: |context| blocking::check(context, &RULE, Kind::Cpu),
};
