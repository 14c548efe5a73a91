//! `start-soon-in-aenter`: a context manager is entered before the task behind it is ready.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{Block, CallId, FunctionId, Node, Value, ValueId, flow};
use crate::project::Wrapping;
use crate::project::types::Ty;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "start-soon-in-aenter",
    page: include_str!("../../rules/start-soon-in-aenter.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC113"],
    fix: None,
    check,
};

/// Functions of libraries that tell when they are ready, if they are started so that somebody listens.
const STARTABLE: &[&str] =
    &["trio.run_process", "trio.serve_tcp", "trio.serve_ssl_over_tcp", "trio.serve_listeners", "hypercorn.trio.serve"];

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || context.async_library(context.file) == "asyncio" {
        return;
    }
    for function in context.async_functions() {
        let id = function.function;
        let definition = context.model().function(id);
        let enters = context.model().name(definition.name) == "__aenter__" && definition.class.is_some();
        let manages = context.project.wrapping(function) == Wrapping::Manager;
        if !enters && !manages {
            continue;
        }
        for call in starts(context, &definition.body, manages) {
            report(context, id, call);
        }
    }
}

/// Tasks started before the caller's body runs.
fn starts(context: &Context<'_>, body: &Block, manages: bool) -> Vec<CallId> {
    let model = context.model();
    let last = flow::find(body, &mut |node| matches!(node, Node::Yield(_)));
    let end = match last {
        Some(Node::Yield(it)) => it.span.start,
        _ => u32::MAX,
    };
    let mut calls = super::task_group::calls(body);
    calls.retain(|id| {
        let call = model.call(*id);
        matches!(model.value(call.callee), Value::Attr(_, name) if model.name(*name) == "start_soon")
            && (!manages || call.span.start < end)
            && call.args.first().is_some_and(|arg| !arg.spread && tells_when_ready(context, arg.value))
    });
    calls
}

fn tells_when_ready(context: &Context<'_>, value: ValueId) -> bool {
    match context.evaluate(value) {
        Ty::Function(own) | Ty::Bound(_, own) => {
            let model = context.project.model(own.file);
            model.function(own.function).params.iter().any(|param| model.name(param.name) == "task_status")
        }
        Ty::External(path) => STARTABLE.contains(&&*path),
        _ => false,
    }
}

fn report(context: &mut Context<'_>, function: FunctionId, id: CallId) {
    let span = context.model().call(id).name_span;
    let message = "the context is entered before this task is ready".to_owned();
    let mut finding = context.finding(&RULE, context.function(function), span, message);
    finding.help = Some("`await` its `start`, which waits for `task_status.started()`".to_owned());
    context.keep(finding);
}
