//! `unused-suppression`: an ignore comment keeps nothing quiet.
//!
//! The one rule that is judged after the others, from what they have found: see `suppress`.

use super::{Category, Profile, Rule};
use crate::finding::{Applicability, Severity};
use crate::source::Language;

pub(crate) static RULE: Rule = Rule {
    name: "unused-suppression",
    page: include_str!("../../rules/unused-suppression.md"),
    category: Category::Clarity,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: Some(Applicability::Safe),
    check: |_| {},
};
