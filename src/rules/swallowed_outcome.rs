//! The Rust half of `swallowed-cancellation`: what becomes of a task's end, and of the wish that one ends.

use std::cell::OnceCell;

use super::{Context, Rule, leaked_task};
use crate::finding::Confidence;
use crate::model::{Function, FunctionKind, Kinds, LoopKind, Node, Use, Value, ValueId, flow};
use crate::project::types::FnRef;
use crate::source::Span;

pub(super) fn check(context: &mut Context<'_>, rule: &'static Rule, function: FnRef) {
    outcomes(context, rule, function);
    tokens(context, rule, function);
}

/// `let _ = handle.await`: the task's error or panic is dropped unseen.
fn outcomes(context: &mut Context<'_>, rule: &'static Rule, function: FnRef) {
    let definition = context.project.function(function);
    let turned = OnceCell::new();
    let is_turned = |task: ValueId| turned.get_or_init(|| turned_into_success(context, definition)).contains(&task);
    let mut found = Vec::new();
    flow::visit_for(&definition.body, Kinds::AWAIT, &mut |node| {
        if let Node::Await(it) = node
            && (matches!(it.result, Use::Discarded | Use::Dropped) || it.result == Use::Receiver && is_turned(it.value))
            && leaked_task::detaches(context, &context.evaluate(it.value))
        {
            found.push(it.span);
        }
        flow::Step::Into
    });
    for span in found {
        let before = Span::new(definition.span.start, span.start);
        let text = context.text(before);
        // Aborted or told to stop: that it ended is all there is to know.
        if [".abort(", ".cancel(", "shutdown", "stop"].iter().any(|it| text.contains(it)) {
            continue;
        }
        let message = "the task's error or panic is dropped with the result of this `await`".to_owned();
        let mut finding = context.finding(rule, function, span, message);
        finding.confidence = Confidence::Likely;
        finding.help = Some("look at the `JoinError`, and pass on what the task returned".to_owned());
        context.keep(finding);
    }
}

/// `handle.await.ok();`, `handle.await.unwrap_or_default()`: what is awaited in the function's own code for that.
fn turned_into_success(context: &Context<'_>, function: &Function) -> Vec<ValueId> {
    let model = context.model();
    let mut found = Vec::new();
    flow::visit_for(&function.body, Kinds::CALL, &mut |node| {
        if let Node::Call(id) = node
            && let call = model.call(*id)
            && let Value::Attr(outcome, name) = model.value(call.callee)
            && let Value::Awaited(task) = model.value(*outcome)
        {
            let is_turned = match model.name(*name) {
                "ok" => matches!(call.result, Use::Dropped | Use::Discarded) && !is_handed_up(context, call.span),
                "unwrap_or" | "unwrap_or_default" => true,
                _ => false,
            };
            found.extend(is_turned.then_some(*task));
        }
        flow::Step::Into
    });
    found
}

/// `handle.await.ok()?` tells the caller.
fn is_handed_up(context: &Context<'_>, outcome: Span) -> bool {
    let text = &context.project.source(context.file).text;
    text.get(outcome.end as usize..).is_some_and(|rest| rest.trim_start().starts_with('?'))
}

const TOKEN: &str = "tokio_util::sync::CancellationToken";

/// A loop without an end in a function that is given a token, and asks it before the loop or never.
fn tokens(context: &mut Context<'_>, rule: &'static Rule, function: FnRef) {
    let model = context.model();
    let definition = context.project.function(function);
    if definition.kind != FunctionKind::Async || model.names.find("CancellationToken").is_none() {
        return;
    }
    // The signature of a trait's method is not the function's own choice.
    if model.impls.iter().any(|it| it.of_trait.is_some() && it.methods.iter().any(|(_, id)| *id == function.function)) {
        return;
    }
    let mut given = definition.params.iter().filter(|it| context.evaluate(it.value).library_path() == Some(TOKEN));
    let (Some(token), None) = (given.next(), given.next()) else { return };
    // Without a body there is nothing but the declaration.
    let Some(local) = definition.locals.get(token.local.index()) else { return };
    let name = model.name(token.name);
    if name.starts_with('_') || local.reads != questions(context, definition, name) {
        return;
    }
    let mut found = None;
    flow::visit(&definition.body, &mut |node| match node {
        Node::Loop(it) => {
            let text = context.text(it.span);
            // A macro may leave it as well, so the words decide.
            let ends = ["break", "return", name].iter().any(|it| mentions(text, it));
            if it.kind == LoopKind::Forever && flow::suspends(&it.body) && !ends {
                found.get_or_insert(it.keyword);
            }
            // What is asked in one loop may be meant for those in it.
            flow::Step::Over
        }
        _ => flow::Step::Into,
    });
    let Some(keyword) = found else { return };
    let message = format!("this loop never asks `{name}`: once cancelled, it goes on");
    let mut finding = context.finding(rule, function, keyword, message);
    finding.confidence = Confidence::Likely;
    finding.help = Some(format!("wait for `{name}.cancelled()` in a `select!` of the loop"));
    context.keep(finding);
}

/// How often the token is asked whether it is cancelled, which hands it to nobody.
fn questions(context: &Context<'_>, definition: &Function, token: &str) -> u32 {
    let mut count = 0;
    flow::visit(&definition.body, &mut |node| {
        if let Node::Call(id) = node {
            let written = context.text(context.model().call(*id).span);
            count += u32::from(written.strip_prefix(token).is_some_and(|rest| rest.starts_with(".is_cancelled(")));
        }
        flow::Step::Into
    });
    count
}

/// The name stands in the text, as a word.
fn mentions(text: &str, name: &str) -> bool {
    let is_name = |it: char| it == '_' || it.is_alphanumeric();
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_name) && !text[at + name.len()..].starts_with(is_name))
}
