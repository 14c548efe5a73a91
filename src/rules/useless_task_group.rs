//! `useless-task-group`: a task group with one task, which might as well be awaited.

use super::task_group::{bound_name, calls, deeper, is_group, mentions, spawns_into};
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{Block, CallId, FunctionId, Kinds, LocalId, Node, Scope, Value, ValueId, flow};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "useless-task-group",
    page: include_str!("../../rules/useless-task-group.md"),
    category: Category::Tasks,
    profile: Profile::All,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC112"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    for id in context.model().function_ids() {
        let body = &context.model().function(id).body;
        let mut found: Vec<Span> = Vec::new();
        flow::visit_for(body, Kinds::SCOPES.and(Kinds::BIND), &mut |node| {
            match (context.language(), node) {
                (Language::Python, Node::Scope(it)) => found.extend(python(context, id, it)),
                (Language::Rust, Node::Bind { local, value, .. }) => found.extend(rust(context, id, *local, *value)),
                _ => {}
            }
            flow::Step::Into
        });
        for span in found {
            let message = "a group of one task runs nothing side by side".to_owned();
            let mut finding = context.finding(&RULE, context.function(id), span, message);
            finding.help = Some("`await` the one call".to_owned());
            context.keep(finding);
        }
    }
}

/// `async with TaskGroup() as group: group.create_task(work())`, and that is all.
fn python(context: &Context<'_>, function: FunctionId, scope: &Scope) -> Option<Span> {
    let item = scope.items.last().filter(|item| is_group(context, item))?;
    let name = bound_name(context, function, item)?;
    let model = context.model();
    let direct: Vec<CallId> = scope
        .body
        .nodes
        .iter()
        .filter_map(|node| match node {
            Node::Call(id) => Some(*id),
            _ => None,
        })
        .collect();
    let spawns: Vec<CallId> = direct.into_iter().filter(|id| spawns_into(context, *id, name)).collect();
    let [spawn] = spawns.as_slice() else { return None };
    let whole = model.call(*spawn).span;
    // Whatever else the body does runs beside the task.
    let only = calls(&scope.body).into_iter().all(|id| {
        let span = model.call(id).span;
        whole.start <= span.start && span.end <= whole.end
    });
    let plain =
        scope.body.nodes.iter().all(|node| matches!(node, Node::Call(_) | Node::Bind { .. } | Node::Implicit(_)));
    let body = context.text(Span::new(item.span.end, scope.span.end));
    // `as group`, and the call.
    (only && plain && mentions(body, name) == 2).then_some(item.span)
}

/// `let mut set = JoinSet::new()` that takes one task and is then waited for.
fn rust(context: &Context<'_>, function: FunctionId, local: LocalId, value: ValueId) -> Option<Span> {
    let model = context.model();
    let Value::Result(made) = model.value(value) else { return None };
    let api = context.project.api_of(context.file, *made)?;
    if !matches!(api.path, "tokio::task::JoinSet::new" | "tokio_util::task::TaskTracker::new") {
        return None;
    }
    let definition = model.function(function);
    let name = model.name(definition.local(local).name);
    let start = model.call(*made).span;
    let rest = context.text(Span::new(start.end, definition.span.end));
    let mut spawns = 0;
    let mut others = 0;
    let mut in_loop = false;
    uses(context, &definition.body, value, false, &mut |method, looped| match method {
        "spawn" | "spawn_on" | "spawn_local" => {
            spawns += 1;
            in_loop |= looped;
        }
        "join_next" | "join_all" | "close" | "wait" | "abort_all" | "shutdown" => others += 1,
        _ => in_loop = true,
    });
    let alone = spawns == 1 && !in_loop && others > 0 && mentions(rest, name) == spawns + others;
    alone.then_some(start)
}

/// The methods called on the value, each with whether a loop is around it.
fn uses(context: &Context<'_>, block: &Block, value: ValueId, looped: bool, see: &mut dyn FnMut(&str, bool)) {
    let model = context.model();
    for node in &block.nodes {
        if let Node::Call(id) = node
            && let Value::Attr(receiver, name) = model.value(model.call(*id).callee)
            && *receiver == value
        {
            see(model.name(*name), looped);
        }
        let inside = looped || matches!(node, Node::Loop(_));
        flow::parts(node).for_each(|part| deeper(|| uses(context, part, value, inside, see)));
    }
}
