//! `abort-without-join`: a task is cancelled, and nobody waits until it has ended.

use super::leaked_task::is_task;
use super::task_group::{made_by, mentions};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::{Effect, Handle};
use crate::model::{Call, Use, Value, ValueId};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "abort-without-join",
    page: include_str!("../../rules/abort-without-join.md"),
    category: Category::Cancellation,
    profile: Profile::All,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    let model = context.model();
    let (method, help) = match context.language() {
        Language::Python => ("cancel", "await the task afterwards: it may still clean up, or refuse"),
        Language::Rust => ("abort", "await the handle afterwards: the task runs on until its next `await`"),
    };
    for (_, call) in model.all_calls() {
        let Value::Attr(receiver, name) = model.value(call.callee) else { continue };
        if model.name(*name) != method
            || call.result != Use::Dropped
            // What is no coroutine cannot wait.
            || !model.function(call.function).kind.is_async()
            || context.is_test(call.function)
            || !is_task(context, &context.evaluate(*receiver))
            || !starts_here(context, *receiver)
        {
            continue;
        }
        let Some(task) = receiver_text(context, call, method) else { continue };
        if is_joined(context, call, task) {
            continue;
        }
        let message = format!("`{task}` is told to stop, and nobody waits until it has");
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.confidence = Confidence::Likely;
        finding.help = Some(help.to_owned());
        context.keep(finding);
    }
}

/// The task is one that this code has started, and no group waits for it.
fn starts_here(context: &Context<'_>, value: ValueId) -> bool {
    if let Some(api) = made_by(context, value) {
        return api.effect == Some(Effect::Spawns) && api.handle != Some(Handle::Owned);
    }
    match context.model().value(value) {
        Value::Attr(..) => true,
        Value::Inner(inner) | Value::Deref(inner) => starts_here(context, *inner),
        _ => false,
    }
}

/// `task` of `task.cancel()`, `self.task` of `self.task.cancel()`.
fn receiver_text<'a>(context: &Context<'a>, call: &Call, method: &str) -> Option<&'a str> {
    let whole = context.text(call.span);
    let at = whole.find(&format!(".{method}("))?;
    let text = whole[..at].trim();
    let plain = text.chars().all(|it| it == '_' || it == '.' || it.is_alphanumeric());
    (plain && !text.is_empty()).then_some(text)
}

fn is_joined(context: &Context<'_>, call: &Call, task: &str) -> bool {
    let definition = context.model().function(call.function);
    if !task.contains('.') {
        // Whatever else is done with the task than to call a method of it.
        let rest = context.text(Span::new(call.span.end, definition.span.end));
        let calls = rest.matches(&format!("{task}.")).count();
        let waits = rest.contains(&format!("{task}.await"));
        // Handed to something that may wait for it, before or after.
        let whole = context.text(definition.span);
        let handed = [format!("({task})"), format!("[{task}"), format!(", {task})"), format!(", {task}]")];
        return waits || mentions(rest, task) > calls || handed.iter().any(|it| whole.contains(it.as_str()));
    }
    let text = &context.project.source(context.file).text;
    let forms = [
        format!("await {task}"),
        format!("{task}.await"),
        format!("({task})"),
        format!("({task},"),
        format!(", {task},"),
        format!(", {task})"),
        format!("*{task}"),
        format!("[{task}"),
        format!("= {task}\n"),
        format!("= {task};"),
        format!("&mut {task}"),
        format!("{task}.take("),
        format!("return {task}"),
        // `asyncio.wait([it.task for it in all])`
        format!(".{} for ", task.rsplit('.').next().unwrap_or(task)),
    ];
    forms.iter().any(|it| text.contains(it.as_str()))
}
