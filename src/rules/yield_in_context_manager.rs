//! `yield-in-context-manager`: an async generator yields where something is open that its exit has to close.

use super::task_group::{made_by, role};
use super::yield_in_scope::{is_allowed, opened};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Related, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{Block, FunctionKind, Node, Scope, ScopeItem, ScopeKind, flow};
use crate::project::types::Ty;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "yield-in-context-manager",
    page: include_str!("../../rules/yield-in-context-manager.md"),
    category: Category::Scopes,
    profile: Profile::All,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC119", "ASYNC900"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for function in context.async_functions() {
        let definition = context.project.function(function);
        if definition.kind != FunctionKind::Async
            || !definition.is_generator
            || is_allowed(context, function)
            || yields_once(&definition.body)
        {
            continue;
        }
        let mut found = Vec::new();
        walk(context, &definition.body, None, &mut found);
        // One `with` is one mistake, however often the generator yields in it.
        found.dedup_by_key(|(_, open)| *open);
        for (at, open) in found {
            let message = "`yield` inside a `with`: its exit waits until the generator is closed".to_owned();
            let mut finding = context.finding(&RULE, function, at, message);
            finding.confidence = Confidence::Likely;
            finding.help = Some("let the caller open it, or iterate in `contextlib.aclosing`".to_owned());
            finding.related = vec![Related { message: "it is opened here".to_owned(), place: context.place(open) }];
            context.keep(finding);
        }
    }
}

/// It yields once, and not in a loop: a dependency or a lifespan, which a framework enters and leaves as a whole.
pub(super) fn yields_once(body: &Block) -> bool {
    let mut yields = 0;
    let mut in_loop = false;
    flow::visit(body, &mut |node| {
        match node {
            Node::Yield(_) => yields += 1,
            Node::Loop(it) => {
                in_loop |= flow::find(&it.body, &mut |node| matches!(node, Node::Yield(_))).is_some();
            }
            _ => {}
        }
        flow::Step::Into
    });
    yields == 1 && !in_loop
}

/// The innermost `with` that is open, if it is not one that `yield-in-scope` speaks of.
fn walk(context: &Context<'_>, block: &Block, open: Option<Span>, found: &mut Vec<(Span, Span)>) {
    for node in &block.nodes {
        match node {
            Node::Yield(it) => found.extend(open.map(|open| (it.span, open))),
            Node::Scope(scope) if matches!(scope.kind, ScopeKind::With | ScopeKind::AsyncWith) => {
                if opens_scope(context, scope) {
                    continue;
                }
                let item = scope.items.iter().rev().find(|item| needs_exit(context, item));
                walk(context, &scope.body, item.map(|item| item.span).or(open), found);
            }
            other => flow::parts(other).for_each(|part| walk(context, part, open, found)),
        }
    }
}

fn opens_scope(context: &Context<'_>, scope: &Scope) -> bool {
    scope.items.iter().any(|item| opened(context, &context.evaluate(item.value), scope.kind, 0).is_some())
}

fn needs_exit(context: &Context<'_>, item: &ScopeItem) -> bool {
    if matches!(role(context, item), Some(ScopeRole::Suppress | ScopeRole::Closing)) {
        return false;
    }
    if let Ty::Manager(manager) = context.evaluate(item.value) {
        return has_work_at_exit(&context.project.function(manager).body);
    }
    let harmless =
        |path: &str| matches!(path, "contextlib.suppress" | "contextlib.nullcontext" | "contextlib.aclosing");
    if made_by(context, item.value).is_some_and(|api| harmless(api.path)) {
        return false;
    }
    let made = match context.model().value(item.value) {
        crate::model::Value::Result(call) => context.evaluate(context.model().call(*call).callee),
        _ => Ty::Unknown,
    };
    !matches!(made, Ty::External(path) if harmless(&path))
}

/// A context manager of the project does something where its `with` ends, beside looking at exceptions.
fn has_work_at_exit(block: &Block) -> bool {
    let yields = |node: &&Node| {
        matches!(node, Node::Yield(_))
            || flow::parts(node).any(|part| flow::find(part, &mut |it| matches!(it, Node::Yield(_))).is_some())
    };
    let mut after = block.nodes.iter().skip_while(|node| !yields(node));
    let Some(at) = after.next() else { return false };
    let inside = match at {
        Node::Scope(_) => true,
        Node::Try(it) => !it.finally.nodes.is_empty() || flow::parts(at).any(has_work_at_exit),
        other => flow::parts(other).any(has_work_at_exit),
    };
    inside || after.any(|node| !matches!(node, Node::Return { .. } | Node::Implicit(_)))
}
