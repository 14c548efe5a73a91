//! `task-outlives-resource`: a task of a group is given what is closed before the group waits for the task.

use super::task_group::{bound_name, deeper, is_group, mentions, role, spawns_into};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Related, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{Block, Call, CallId, FunctionId, Node, Use, Value, flow};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "task-outlives-resource",
    page: include_str!("../../rules/task-outlives-resource.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC111"],
    fix: None,
    check,
};

/// A `with` that is open, outermost first.
enum Open<'a> {
    Group(&'a str),
    Resource { name: &'a str, opened: Span, ends: u32 },
}

struct Found<'a> {
    span: Span,
    name: &'a str,
    opened: Span,
}

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for function in context.async_functions() {
        let id = function.function;
        let mut found = Vec::new();
        walk(context, id, &context.model().function(id).body, &mut Vec::new(), &mut found);
        for Found { span, name, opened } in found {
            let message = format!("`{name}` is closed before the group waits for this task");
            let mut finding = context.finding(&RULE, context.function(id), span, message);
            finding.confidence = Confidence::Likely;
            finding.help = Some("open it around the task group, or in the task".to_owned());
            finding.related = vec![Related {
                message: format!("`{name}` is opened here, inside the group"),
                place: context.place(opened),
            }];
            context.keep(finding);
        }
    }
}

fn walk<'a>(
    context: &Context<'a>,
    function: FunctionId,
    block: &Block,
    open: &mut Vec<Open<'a>>,
    found: &mut Vec<Found<'a>>,
) {
    for node in &block.nodes {
        match node {
            Node::Scope(scope) => {
                let before = open.len();
                for item in &scope.items {
                    let Some(name) = bound_name(context, function, item) else { continue };
                    if is_group(context, item) {
                        open.push(Open::Group(name));
                    } else if is_resource(role(context, item)) {
                        open.push(Open::Resource { name, opened: item.span, ends: scope.span.end });
                    }
                }
                deeper(|| walk(context, function, &scope.body, open, found));
                open.truncate(before);
            }
            Node::Call(id) => given(context, *id, open, found),
            other => flow::parts(other).for_each(|part| deeper(|| walk(context, function, part, open, found))),
        }
    }
}

/// Scopes are no resources: a task may look at them after their end.
fn is_resource(role: Option<ScopeRole>) -> bool {
    matches!(role, None | Some(ScopeRole::Closing | ScopeRole::Other))
}

fn given<'a>(context: &Context<'a>, id: CallId, open: &[Open<'a>], found: &mut Vec<Found<'a>>) {
    let call = context.model().call(id);
    let group = open.iter().rposition(|it| matches!(it, Open::Group(name) if spawns_into(context, id, name)));
    let Some(group) = group else { return };
    if waits_for_it(context, call) {
        return;
    }
    for inner in &open[group + 1..] {
        let Open::Resource { name, opened, ends } = inner else { continue };
        let rest = context.text(Span::new(call.span.end, (*ends).max(call.span.end)));
        // Whoever stops the task before the resource ends has thought of it.
        if rest.contains(".cancel(") {
            continue;
        }
        let arg = call.args.iter().find(|arg| {
            let text = context.text(arg.span);
            !matches!(context.model().value(arg.value), Value::Str(_))
                && mentions(text, name) > 0
                && !text.contains(&format!("{name}.clone("))
        });
        if let Some(arg) = arg {
            found.push(Found { span: arg.span, name, opened: *opened });
            return;
        }
    }
}

/// The task's handle is kept: it may be awaited while the resource is open.
fn waits_for_it(context: &Context<'_>, call: &Call) -> bool {
    match call.result {
        Use::Dropped | Use::Discarded => false,
        // `await nursery.start(..)` waits for the start alone.
        Use::Awaited => !context.text(call.name_span).ends_with(".start"),
        _ => true,
    }
}
