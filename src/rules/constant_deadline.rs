//! `constant-deadline`: a point in time is given as a number that somebody wrote down.

use super::numbers::constant;
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "constant-deadline",
    page: include_str!("../../rules/constant-deadline.md"),
    category: Category::Scopes,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC125"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python
        || !context.mentions(&["timeout_at", "fail_at", "move_on_at", "sleep_until", "CancelScope"])
    {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        let (position, parameter, relative) = match api.path {
            "asyncio.timeout_at" => (Some(0), "when", "`asyncio.timeout`"),
            "async_timeout.timeout_at" => (Some(0), "deadline", "`async_timeout.timeout`"),
            "trio.fail_at" => (Some(0), "deadline", "`trio.fail_after`"),
            "trio.move_on_at" => (Some(0), "deadline", "`trio.move_on_after`"),
            "trio.sleep_until" => (Some(0), "deadline", "`trio.sleep`"),
            "trio.CancelScope" => (None, "deadline", "`trio.move_on_after`"),
            "anyio.CancelScope" => (None, "deadline", "`anyio.move_on_after`"),
            "anyio.fail_at" => (Some(0), "deadline", "`anyio.fail_after`"),
            "anyio.move_on_at" => (Some(0), "deadline", "`anyio.move_on_after`"),
            "anyio.sleep_until" => (Some(0), "deadline", "`anyio.sleep`"),
            _ => continue,
        };
        let Some(arg) = call.argument(&model.names, position, Some(parameter)) else { continue };
        // Infinity is no time at all: never, or at once.
        if constant(context, arg).is_none_or(f64::is_infinite) {
            continue;
        }
        let message = format!("`{}` takes a point in time, and gets a constant", api.path);
        let mut finding = context.finding(&RULE, context.function(call.function), arg.span, message);
        finding.help = Some(format!("add it to the current time, or use {relative}"));
        context.keep(finding);
    }
}
