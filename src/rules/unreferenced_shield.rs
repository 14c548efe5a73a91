//! `unreferenced-shield`: `shield(coroutine())` with no other reference to the task inside.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::knowledge::{Api, Handle, Runner};
use crate::model::{Use, Value};
use crate::project::types::Ty;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "unreferenced-shield",
    page: include_str!("../../rules/unreferenced-shield.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["shield"]) {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        let Some(inner) = call.argument(&model.names, Some(0), Some("arg")) else { continue };
        let api = context.project.api_of(context.file, id);
        if api.is_none_or(|api| api.path != "asyncio.shield") || !is_alone(context, inner.value) {
            continue;
        }
        let message = "nothing but this `shield` refers to the task inside it: once cancelled, it may be collected before it ends";
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message.to_owned());
        finding.help = Some("make it a task that is kept, and shield that".to_owned());
        context.keep(finding);
    }
}

/// A coroutine, which `shield` itself makes a task of, or a task that is made in its argument.
fn is_alone(context: &Context<'_>, value: crate::model::ValueId) -> bool {
    let made_by = match context.model().value(value) {
        Value::Result(id) => context.project.api_of(context.file, *id),
        _ => None,
    };
    // It waits for tasks that others keep, and does nothing else: nothing is lost with it.
    if made_by.is_some_and(|api| api.path == "asyncio.wait") {
        return false;
    }
    // What runs in a thread or process wakes the task in the end, and so refers to it.
    let goes_elsewhere = |api: &Api| api.runs.iter().any(|it| matches!(it.place, Runner::Thread | Runner::Process));
    if made_by.is_some_and(goes_elsewhere) {
        return false;
    }
    if matches!(context.evaluate(value), Ty::Coroutine(..)) {
        return true;
    }
    let Value::Result(id) = context.model().value(value) else { return false };
    context.model().call(*id).result == Use::Passed && made_by.is_some_and(|api| api.handle == Some(Handle::Weak))
}
