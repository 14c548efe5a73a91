//! `saved-cancelled-class`: what `get_cancelled_exc_class()` gives is stored, though it depends on the library that runs.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::Use;
use crate::project::types::Ty;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "saved-cancelled-class",
    page: include_str!("../../rules/saved-cancelled-class.md"),
    category: Category::Cancellation,
    profile: Profile::All,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC118"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for (_, call) in context.model().all_calls() {
        if !matches!(call.result, Use::Bound(_) | Use::Stored) {
            continue;
        }
        if !matches!(context.evaluate(call.callee), Ty::External(path) if &*path == "anyio.get_cancelled_exc_class") {
            continue;
        }
        let message = "the class is kept: under another async library, cancellation is another one".to_owned();
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some("call it where the exception is caught".to_owned());
        context.keep(finding);
    }
}
