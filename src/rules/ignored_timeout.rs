//! `ignored-timeout`: the `Elapsed` of a timeout is dropped, and with it the news that the work was cut off.

use super::task_group::speaks_of_an_end;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::CancelSafety;
use crate::model::{CallId, FunctionId, Kinds, Node, Use, Value, ValueId, flow};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "ignored-timeout",
    page: include_str!("../../rules/ignored-timeout.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Rust {
        return;
    }
    for id in context.model().function_ids() {
        let definition = context.model().function(id);
        if !definition.body.kinds().meet(Kinds::AWAIT)
            || context.is_test(id)
            || speaks_of_an_end(context.model().name(definition.name))
        {
            continue;
        }
        for span in dropped(context, id) {
            let message = "whether the time ran out is not looked at: the work may be half done".to_owned();
            let mut finding = context.finding(&RULE, context.function(id), span, message);
            finding.confidence = Confidence::Likely;
            finding.help = Some("handle the `Elapsed`, or at least log it".to_owned());
            context.keep(finding);
        }
    }
}

fn dropped(context: &Context<'_>, function: FunctionId) -> Vec<Span> {
    let model = context.model();
    let mut found = Vec::new();
    flow::visit(&model.function(function).body, &mut |node| {
        match node {
            Node::Await(it) if matches!(it.result, Use::Dropped | Use::Discarded) => {
                found.extend(cut_off(context, it.value));
            }
            // `timeout(..).await.ok();`
            Node::Call(id) => {
                let call = model.call(*id);
                if matches!(call.result, Use::Dropped | Use::Discarded)
                    && let Value::Attr(receiver, name) = model.value(call.callee)
                    && matches!(model.name(*name), "ok" | "is_ok" | "is_err" | "unwrap_or_default")
                    && let Value::Awaited(value) = model.value(*receiver)
                {
                    found.extend(cut_off(context, *value));
                }
            }
            _ => {}
        }
        flow::Step::Into
    });
    found
}

/// Where the timeout is written, if what it cuts off is work: to wait for a while and go on in any case is a way to pause.
fn cut_off(context: &Context<'_>, value: ValueId) -> Option<Span> {
    let model = context.model();
    let Value::Result(id) = model.value(value) else { return None };
    let api = context.project.api_of(context.file, *id)?;
    if !matches!(
        api.path,
        "tokio::time::timeout" | "tokio::time::timeout_at" | "async_std::future::timeout" | "tokio_util::time::timeout"
    ) {
        return None;
    }
    let call = model.call(*id);
    let work = call.argument(&model.names, Some(1), None)?;
    let written = context.text(work.span);
    let is_work = match model.value(work.value) {
        Value::Result(inner) => is_work(context, *inner),
        // An async block in place: what it calls.
        _ => model.all_calls().any(|(id, call)| {
            let inside = work.span.start <= call.span.start && call.span.end <= work.span.end;
            inside && is_work(context, id)
        }),
    };
    (is_work && !speaks_of_an_end(written) && !waits_for_a_state(written)).then_some(call.name_span)
}

/// `endpoint.online()`, `server.ready()`: something is waited for, not done.
fn waits_for_a_state(text: &str) -> bool {
    let text = text.to_lowercase();
    ["online", "ready", "connected", "idle", "until"].iter().any(|it| text.contains(it))
}

fn is_work(context: &Context<'_>, id: CallId) -> bool {
    match context.project.api_of(context.file, id) {
        Some(api) => api.cancel_safety == Some(CancelSafety::No),
        None => context.project.own_of(context.file, id).is_some_and(|own| {
            let definition = context.project.function(own);
            definition.kind.is_async() && flow::suspends(&definition.body)
        }),
    }
}
