//! `control-flow-in-task-group`: `return`, `break` or `continue` out of a task group's body waits for the group's tasks.

use super::task_group::{bound_name, calls, deeper, is_group, spawns_into};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Related, Severity};
use crate::model::{Block, Call, FunctionId, Kinds, Node, Scope, Value, flow};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "control-flow-in-task-group",
    page: include_str!("../../rules/control-flow-in-task-group.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC121"],
    fix: None,
    check,
};

struct Jump {
    what: &'static str,
    span: Span,
    group: Span,
}

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for function in context.async_functions() {
        let id = function.function;
        let mut found = Vec::new();
        flow::visit_for(&context.model().function(id).body, Kinds::SCOPES, &mut |node| {
            if let Node::Scope(it) = node {
                group(context, id, it, &mut found);
            }
            flow::Step::Into
        });
        found.sort_by_key(|it| (it.span, it.group));
        found.dedup_by_key(|it| it.span);
        for jump in found {
            let message = format!("this `{}` does not leave yet: it waits for the group's tasks to end", jump.what);
            let mut finding = context.finding(&RULE, context.function(id), jump.span, message);
            finding.confidence = Confidence::Likely;
            finding.help = Some("cancel the group's tasks first, or leave after the group".to_owned());
            finding.related =
                vec![Related { message: "the group opens here".to_owned(), place: context.place(jump.group) }];
            context.keep(finding);
        }
    }
}

fn group(context: &Context<'_>, function: FunctionId, scope: &Scope, found: &mut Vec<Jump>) {
    let Some(item) = scope.items.iter().find(|item| is_group(context, item)) else { return };
    let Some(name) = bound_name(context, function, item) else { return };
    let started: Vec<u32> = calls(&scope.body)
        .into_iter()
        .filter(|id| spawns_into(context, *id, name))
        .map(|id| context.model().call(id).span.start)
        .collect();
    let mut jumps = Vec::new();
    leaves(context, &scope.body, false, &mut jumps);
    let last = match scope.body.nodes.last() {
        Some(Node::Return { span, .. }) => Some(*span),
        _ => None,
    };
    for (what, span) in jumps {
        // At the end of the body everybody expects to wait.
        if Some(span) == last && !context.wants(Profile::All) {
            continue;
        }
        let before = Span::new(scope.span.start, span.start);
        if started.iter().any(|start| *start < span.start) && !cancels(context, before) {
            found.push(Jump { what, span, group: item.span });
        }
    }
}

/// The tasks are told to stop before.
fn cancels(context: &Context<'_>, span: Span) -> bool {
    let model = context.model();
    // A helper says so by its name: `_cancel_tasks(tasks)`.
    let by_helper = |call: &Call| {
        let name = match model.value(call.callee) {
            Value::Global(_, name) => Some(*name),
            _ => model.callee_name(call),
        };
        span.contains(call.span) && name.is_some_and(|it| model.name(it).contains("cancel_"))
    };
    context.uses_method(span, |name| matches!(name, "cancel" | "aclose" | "set" | "cancel_remaining"))
        || model.all_calls().any(|(_, call)| by_helper(call))
}

fn stops(context: &Context<'_>, block: &Block) -> bool {
    calls(block).into_iter().any(|id| cancels(context, context.model().call(id).span))
}

fn leaves(context: &Context<'_>, block: &Block, in_loop: bool, jumps: &mut Vec<(&'static str, Span)>) {
    for node in &block.nodes {
        match node {
            Node::Return { span, .. } => jumps.push(("return", *span)),
            Node::Break { span } if !in_loop => jumps.push(("break", *span)),
            Node::Continue { span } if !in_loop => jumps.push(("continue", *span)),
            // Its `finally` tells the tasks to stop on the way out.
            Node::Try(it) if stops(context, &it.finally) => {}
            other => {
                let in_loop = in_loop || matches!(other, Node::Loop(_));
                flow::parts(other).for_each(|part| deeper(|| leaves(context, part, in_loop, jumps)));
            }
        }
    }
}
