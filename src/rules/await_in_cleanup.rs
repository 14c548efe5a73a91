//! `await-in-cleanup`: clean-up that awaits while the task is cancelled, without a shield.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{Block, CallId, FunctionId, Handler, Node, Scope, Use, Value, flow};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "await-in-cleanup",
    page: include_str!("../../rules/await-in-cleanup.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC102", "ASYNC120"],
    fix: None,
    check,
};

/// How far helpers of the project are followed.
const DEEPEST: u32 = 4;

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    let library = context.async_library(context.file);
    // A cancellation of asyncio arrives once: only a second one hits the clean-up.
    if library == "asyncio" && !context.wants(Profile::Strict) {
        return;
    }
    for function in context.async_functions() {
        let id = function.function;
        let definition = context.model().function(id);
        let mut found: Vec<(Span, &str)> = Vec::new();
        if context.model().name(definition.name) == "__aexit__" && library != "asyncio" {
            first_wait(context, &definition.body, library)
                .into_iter()
                .for_each(|span| found.push((span, "`__aexit__`")));
        }
        cleanups(context, &definition.body, library, &mut found);
        if !found.is_empty() && library != "asyncio" && is_root(context, function) {
            // Only a scope inside it can be cancelled.
            found.retain(|(span, _)| stands_in_scope(&definition.body, *span));
        }
        found.sort();
        found.dedup_by_key(|it| it.0);
        for (span, place) in found {
            report(context, id, span, place, library);
        }
    }
}

/// A runner of the same file runs it: no scope is above it.
fn is_root(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.model();
    model.calls.iter().enumerate().any(|(index, call)| {
        call.args.first().is_some_and(|arg| context.evaluate(arg.value) == Ty::Function(function))
            && context
                .project
                .api_of(context.file, CallId(index as u32))
                .is_some_and(|api| matches!(api.path, "anyio.run" | "trio.run"))
    })
}

fn stands_in_scope(body: &Block, span: Span) -> bool {
    flow::find(body, &mut |node| matches!(node, Node::Scope(scope) if scope.span.contains(span))).is_some()
}

fn report(context: &mut Context<'_>, id: FunctionId, span: Span, place: &str, library: &str) {
    let message = match library {
        "asyncio" => format!("a second cancellation ends this `await` in {place}, and the clean-up with it"),
        _ => format!("once cancelled, this `await` in {place} raises at once: the clean-up is not done"),
    };
    let mut finding = context.finding(&RULE, context.function(id), span, message);
    finding.confidence = Confidence::Likely;
    finding.help = Some(match library {
        "asyncio" => "make a task of the clean-up, keep it and await it through `asyncio.shield`".to_owned(),
        _ => format!("put it in `with {library}.move_on_after(.., shield=True)`"),
    });
    context.keep(finding);
}

fn cleanups(context: &Context<'_>, block: &Block, library: &str, found: &mut Vec<(Span, &'static str)>) {
    flow::visit(block, &mut |node| {
        if let Node::Try(it) = node {
            let mut taken = false;
            for handler in &it.handlers {
                if !taken && catches_cancellation(context, handler) {
                    taken = true;
                    // `scope.shield = True` on a scope that stands around the `try`.
                    if context.text(handler.span).contains(".shield = True") {
                        continue;
                    }
                    found.extend(
                        first_wait(context, &handler.body, library).map(|span| (span, "a handler of cancellation")),
                    );
                }
            }
            // What runs after every awaited part is caught meets a cancellation only by chance.
            if flow::suspends(&it.body) {
                found.extend(first_wait(context, &it.finally, library).map(|span| (span, "`finally`")));
            }
        }
        flow::Step::Into
    });
}

fn catches_cancellation(context: &Context<'_>, handler: &Handler) -> bool {
    let is_cancellation = |ty: &Ty| matches!(ty, Ty::External(path) if matches!(&**path, "asyncio.CancelledError" | "trio.Cancelled" | "builtins.BaseException"));
    handler.bare
        || handler.catches.iter().any(|class| {
            let named = match context.evaluate(*class) {
                Ty::Tuple(parts) => parts.iter().any(is_cancellation),
                ty => is_cancellation(&ty),
            };
            let asked = match context.model().value(*class) {
                Value::Result(call) => {
                    matches!(context.evaluate(context.model().call(*call).callee), Ty::External(path) if path.ends_with("get_cancelled_exc_class"))
                }
                _ => false,
            };
            named || asked
        })
}

/// The first place of the block that waits without a shield.
fn first_wait(context: &Context<'_>, block: &Block, library: &str) -> Option<Span> {
    first_wait_within(context, block, library, 0)
}

fn first_wait_within(context: &Context<'_>, block: &Block, library: &str, depth: u32) -> Option<Span> {
    let mut found = None;
    flow::visit(block, &mut |node| {
        match node {
            Node::Scope(it) if is_shield(context, it) => return flow::Step::Over,
            // Handlers of errors are another matter.
            Node::Try(it) if library == "asyncio" && !it.handlers.is_empty() => return flow::Step::Over,
            Node::Await(it) if !is_excused(context, it.value, library, depth) => found = Some(it.span),
            Node::Scope(it) if flow::is_suspension(node) => found = Some(it.keyword),
            Node::Loop(it) if flow::is_suspension(node) => found = Some(it.keyword),
            _ => {}
        }
        if found.is_some() { flow::Step::Stop } else { flow::Step::Into }
    });
    found
}

/// `with CancelScope(shield=True)`, or a scope whose shield is put up inside.
fn is_shield(context: &Context<'_>, scope: &Scope) -> bool {
    scope.items.iter().any(|item| {
        super::task_group::role(context, item) == Some(ScopeRole::Shield)
            || match context.model().value(item.value) {
                Value::Result(call) => context.model().call(*call).args.iter().any(|arg| {
                    arg.name.is_some_and(|name| context.model().name(name) == "shield")
                        && *context.model().value(arg.value) != Value::Bool(false)
                }),
                _ => false,
            }
    }) || context.text(scope.span).contains(".shield = True")
}

/// Waits that are made for this: closing forcefully, and handing the end on.
fn is_excused(context: &Context<'_>, value: crate::model::ValueId, library: &str, depth: u32) -> bool {
    let model = context.model();
    let Value::Result(id) = model.value(value) else {
        // A task, an event, a future: that it ends is what is waited for.
        return library == "asyncio" || model.value(value) == &Value::Unknown;
    };
    let call = model.call(*id);
    if call.result != Use::Awaited {
        // Made earlier: a task, mostly.
        return library == "asyncio";
    }
    let written = context.text(call.name_span);
    let name = written.rsplit('.').next().unwrap_or(written);
    // What `wait_task_rescheduled` is given decides whether it can be cancelled; another `__aexit__` is told of by itself.
    if name.contains("shield") || matches!(name, "wait_task_rescheduled" | "__aexit__") {
        return true;
    }
    if let Some(own) = context.project.own_of(context.file, *id)
        && depth < DEEPEST
    {
        // A helper that puts up the shield itself.
        let inner = Context::new(context.project, own.file);
        return first_wait_within(&inner, &context.project.function(own).body, library, depth + 1).is_none();
    }
    match name {
        "aclose_forcefully" => true,
        "aclose" => call.args.is_empty(),
        "aclose_if_supported" => true,
        // Children that were cancelled are waited for.
        "gather" | "wait" => library == "asyncio",
        _ => library == "asyncio" && context.text(call.span).contains("return_exceptions"),
    }
}
