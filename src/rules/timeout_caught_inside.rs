//! `timeout-caught-inside`: an `except TimeoutError` stands inside the timeout that it means, which raises it only outside.

use super::task_group::{calls, deeper, exceptions, made_by, role};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{Block, Handler, Kinds, Node, Scope, ScopeItem, Try, Value, ValueId, flow};
use crate::project::types::Ty;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "timeout-caught-inside",
    page: include_str!("../../rules/timeout-caught-inside.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

/// A timeout that is open: what it raises where it ends, and where it starts.
#[derive(Clone, Copy)]
struct Open {
    raises: &'static str,
    span: Span,
}

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for id in context.model().function_ids() {
        let body = &context.model().function(id).body;
        if !body.kinds().meet(Kinds::TRY) || !body.kinds().meet(Kinds::SCOPES) {
            continue;
        }
        let mut found = Vec::new();
        walk(context, body, None, &mut found);
        for (head, open) in found {
            let error = open.raises.rsplit('.').next().unwrap_or(open.raises);
            let message =
                format!("the `{error}` of the timeout around it is raised outside: this `except` never sees it");
            let mut finding = context.finding(&RULE, context.function(id), head, message);
            finding.help = Some("put the `try` around the timeout".to_owned());
            finding.related =
                vec![Related { message: "the timeout opens here".to_owned(), place: context.place(open.span) }];
            context.keep(finding);
        }
    }
}

fn walk(context: &Context<'_>, block: &Block, open: Option<Open>, found: &mut Vec<(Span, Open)>) {
    for node in &block.nodes {
        match node {
            Node::Scope(it) => deeper(|| walk(context, &it.body, opens(context, it).or(open), found)),
            Node::Try(it) => {
                if let Some(open) = open {
                    tried(context, it, open, found);
                }
                flow::parts(node).for_each(|part| deeper(|| walk(context, part, open, found)));
            }
            _ => flow::parts(node).for_each(|part| deeper(|| walk(context, part, open, found))),
        }
    }
}

/// The timeout of a `with` that turns cancellation into an exception at its end.
fn opens(context: &Context<'_>, scope: &Scope) -> Option<Open> {
    let raising = |item: &ScopeItem| {
        let api = made_by(context, item.value)?;
        let raises = match api.path {
            "asyncio.timeout"
            | "asyncio.timeout_at"
            | "async_timeout.timeout"
            | "async_timeout.timeout_at"
            | "anyio.fail_after"
            | "anyio.fail_at"
            | "quattro.fail_after"
            | "quattro.fail_at" => "builtins.TimeoutError",
            "trio.fail_after" | "trio.fail_at" => "trio.TooSlowError",
            _ => return None,
        };
        Some(Open { raises, span: item.span })
    };
    scope.items.iter().rev().find_map(raising)
}

fn tried(context: &Context<'_>, it: &Try, open: Open, found: &mut Vec<(Span, Open)>) {
    if !waits_only_plainly(context, &it.body) {
        return;
    }
    for handler in &it.handlers {
        if handler.bare || handler.is_star {
            return;
        }
        if names_only(context, handler, open.raises) {
            found.push((handler.head, open));
        }
    }
}

fn names_only(context: &Context<'_>, handler: &Handler, error: &str) -> bool {
    let [value] = handler.catches.as_slice() else { return false };
    match exceptions(context, *value).as_deref() {
        Some([Ty::External(path)]) => **path == *error,
        _ => false,
    }
}

/// Everything the block waits for is known to raise no such error of its own, and there is something it waits for.
fn waits_only_plainly(context: &Context<'_>, block: &Block) -> bool {
    let mut waits = false;
    let mut plain = true;
    flow::visit(block, &mut |node| {
        match node {
            Node::Await(it) => {
                waits = true;
                // A task or future ends with whatever error its own code raises.
                plain &= match context.model().value(it.value) {
                    Value::Result(call) => is_plain(context, *call, 0),
                    _ => is_bare_future(context, it.value),
                };
            }
            Node::Scope(it) => {
                plain &= it.items.iter().all(|item| role(context, item) == Some(ScopeRole::Lock));
            }
            Node::Loop(it) => plain &= !flow::is_suspension(node) || it.iterated.is_none(),
            Node::Raise(_) => plain = false,
            _ => {}
        }
        if plain { flow::Step::Into } else { flow::Step::Stop }
    });
    waits && plain
}

/// A future that this file makes and gives no error.
fn is_bare_future(context: &Context<'_>, value: ValueId) -> bool {
    let text = &context.project.source(context.file).text;
    context.evaluate(value).library_path() == Some("asyncio.Future")
        && text.contains("create_future(")
        && !text.contains("set_exception(")
}

/// Waiting for this call cannot end in a timeout of its own.
fn is_plain(context: &Context<'_>, call: crate::model::CallId, depth: u32) -> bool {
    if let Some(api) = context.project.api_of(context.file, call) {
        // A future that nobody gives an error.
        if matches!(api.path, "asyncio.AbstractEventLoop.create_future" | "asyncio.Future") {
            return !context.project.source(context.file).text.contains("set_exception(");
        }
        let waits = [
            "asyncio.sleep",
            "asyncio.Queue.",
            "asyncio.Event.wait",
            "asyncio.Lock.acquire",
            "asyncio.Semaphore.acquire",
            "asyncio.Condition.wait",
            "asyncio.wait",
            "trio.sleep",
            "trio.Event.wait",
            "trio.Lock.acquire",
            "trio.MemoryReceiveChannel.receive",
            "trio.MemorySendChannel.send",
            "anyio.sleep",
            "anyio.Event.wait",
            "anyio.Lock.acquire",
        ];
        return waits.iter().any(|it| api.path == *it || it.ends_with('.') && api.path.starts_with(it));
    }
    let Some(callee) = context.project.own_of(context.file, call) else { return false };
    let definition = context.project.function(callee);
    if depth > 4 || definition.is_generator || context.project.wrapping(callee) != crate::project::Wrapping::Plain {
        return false;
    }
    let inner = context.looking_into(callee.file);
    // An own function: what it waits for, and what it calls, is known as well.
    let mut plain = true;
    flow::visit(&definition.body, &mut |node| {
        match node {
            Node::Await(it) => {
                plain &=
                    matches!(inner.model().value(it.value), Value::Result(call) if is_plain(&inner, *call, depth + 1));
            }
            Node::Raise(_) => plain = false,
            Node::Scope(it) => plain &= it.items.iter().all(|item| role(&inner, item) == Some(ScopeRole::Lock)),
            _ => {}
        }
        if plain { flow::Step::Into } else { flow::Step::Stop }
    });
    plain
        && calls(&definition.body).into_iter().all(|call| inner.model().call(call).awaited || !is_unknown(&inner, call))
}

fn is_unknown(context: &Context<'_>, call: crate::model::CallId) -> bool {
    context.project.api_of(context.file, call).is_none() && context.project.own_of(context.file, call).is_none()
}
