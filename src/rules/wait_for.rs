//! `wait-for`: `asyncio.wait_for` where `asyncio.timeout` says the same of a whole block.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{Use, Value};
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "wait-for",
    page: include_str!("../../rules/wait-for.md"),
    category: Category::Clarity,
    profile: Profile::Strict,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["wait_for"]) || !context.has_asyncio_scopes() {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        // One that is handed on may be a task of its own.
        if call.result != Use::Awaited
            || context.project.api_of(context.file, id).is_none_or(|api| api.path != "asyncio.wait_for")
        {
            continue;
        }
        let Some(timeout) = call.argument(&model.names, Some(1), Some("timeout")) else { continue };
        if *model.value(timeout.value) == Value::None {
            continue;
        }
        let message = "`asyncio.wait_for` limits one call, in a task of its own before Python 3.12".to_owned();
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some("`async with asyncio.timeout(..):` around the `await`".to_owned());
        context.keep(finding);
    }
}
