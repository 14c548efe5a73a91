//! `ignored-gather-errors`: `gather(.., return_exceptions=True)`, and nobody looks at what it returns.

use super::task_group::{calls, mentions};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::model::{Call, CallId, FunctionId, Node, Use, Value, ValueId, flow};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "ignored-gather-errors",
    page: include_str!("../../rules/ignored-gather-errors.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    let model = context.model();
    let Some(name) = model.names.find("return_exceptions") else { return };
    for (id, call) in model.all_calls() {
        let flag = call.args.iter().find(|arg| arg.name == Some(name));
        if !flag.is_some_and(|arg| *model.value(arg.value) == Value::Bool(true)) {
            continue;
        }
        let is_gather = context.project.api_of(context.file, id).is_some_and(|api| api.path == "asyncio.gather");
        if !is_gather || !is_lost(context, id, call) || is_excused(context, call) {
            continue;
        }
        let message = "the errors that `asyncio.gather` returns are dropped with its result".to_owned();
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.confidence = Confidence::Likely;
        let group = if context.has_asyncio_scopes() { ", or use `asyncio.TaskGroup`, which raises them" } else { "" };
        finding.help = Some(format!("look through the results for exceptions{group}"));
        context.keep(finding);
    }
}

/// Nobody gets the list of results, be it that they are waited for by way of another function.
fn is_lost(context: &Context<'_>, id: CallId, call: &Call) -> bool {
    let model = context.model();
    let through = || {
        let hands = |call: &Call| call.args.iter().any(|arg| *model.value(arg.value) == Value::Result(id));
        let mut around = model.calls_around(id).from(id).iter();
        let (next, _) = around.find(|(_, call)| call.awaited && hands(call))?;
        let api = context.project.api_of(context.file, next)?;
        matches!(api.path, "asyncio.wait_for" | "asyncio.shield").then_some(next)
    };
    let waited = match call.result {
        Use::Passed => through(),
        _ => Some(id),
    };
    waited.is_some_and(|it| {
        let result = context.use_of(it);
        context.is_unread(call.function, result)
            || matches!(result, Use::Stored | Use::Operand) && is_taken_apart_in_vain(context, it)
    })
}

/// `a, b = await gather(..)`, and nothing reads `a` or `b`.
fn is_taken_apart_in_vain(context: &Context<'_>, id: CallId) -> bool {
    let model = context.model();
    let function = model.function(model.call(id).function);
    let is_it = |value: ValueId| match model.value(value) {
        Value::Awaited(inner) => *model.value(*inner) == Value::Result(id),
        _ => false,
    };
    let mut items = 0;
    let mut unread = true;
    flow::visit(&function.body, &mut |node| {
        if let Node::Bind { local, value, .. } = node
            && matches!(model.value(*value), Value::Item(of, _) if is_it(*of))
        {
            items += 1;
            unread &= context.is_unread(model.call(id).function, Use::Bound(*local));
        }
        flow::Step::Into
    });
    items > 0 && unread
}

/// Words of functions and calls that end something: what still fails then is of no use to anyone.
const ENDINGS: &[&str] = &[
    "cancel",
    "close",
    "stop",
    "shutdown",
    "disconnect",
    "teardown",
    "terminate",
    "cleanup",
    "exit",
    "drain",
    "flush",
    "join",
    "wait_all",
    "wait_for_all",
    "all_tasks",
    "wrap_future",
    "shield(",
];

fn is_excused(context: &Context<'_>, call: &Call) -> bool {
    let model = context.model();
    let definition = model.function(call.function);
    let name = model.name(definition.name).to_lowercase();
    if ENDINGS.iter().any(|it| name.contains(it)) || context.is_test(call.function) {
        return true;
    }
    let text = context.text(call.span).to_lowercase();
    if ENDINGS.iter().any(|it| text.contains(it)) || is_in_finally(context, call) {
        return true;
    }
    // Whoever cancels them waits for their end, not for their errors.
    if context.uses_method(Span::new(definition.span.start, call.span.start), |name| name == "cancel") {
        return true;
    }
    // Who is called when a task ends hears of its error, be it that a helper has told the task so.
    let tells = |context: &Context<'_>, span: Span| context.uses_method(span, |name| name == "add_done_callback");
    let by_helper = |id: CallId| {
        context.project.own_of(context.file, id).is_some_and(|helper| {
            let span = context.project.declared(helper).span;
            tells(&context.looking_into(helper.file), span)
        })
    };
    if tells(context, definition.span) || calls(&definition.body).into_iter().any(by_helper) {
        return true;
    }
    let rest = context.text(Span::new(call.span.end, definition.span.end));
    let before = context.text(Span::new(definition.span.start, call.span.start));
    call.args.iter().filter(|arg| arg.name.is_none()).all(|arg| {
        let written = context.text(arg.span).trim_start_matches('*').trim();
        let is_name = !written.is_empty() && written.chars().all(|it| it == '_' || it == '.' || it.is_alphanumeric());
        // Tasks that were started elsewhere are asked elsewhere, others perhaps afterwards.
        let made_here = [".append(", " = [", " = (", " = {", ".extend(", ".add("];
        is_name
            && (mentions(rest, written) > 0 || !made_here.iter().any(|it| before.contains(&format!("{written}{it}"))))
            || handles_its_errors(context, arg.value)
    })
}

fn is_in_finally(context: &Context<'_>, call: &Call) -> bool {
    let mut inside = false;
    flow::visit(&context.model().function(call.function).body, &mut |node| {
        if let Node::Try(it) = node {
            let blocks = it.handlers.iter().map(|handler| &handler.body).chain([&it.finally]);
            for block in blocks {
                inside |=
                    super::task_group::calls(block).into_iter().any(|id| context.model().call(id).span == call.span);
            }
        }
        flow::Step::Into
    });
    inside
}

/// The coroutine is of a function of the project whose whole body stands in a `try` that catches everything.
fn handles_its_errors(context: &Context<'_>, value: ValueId) -> bool {
    let function = match context.evaluate(value) {
        Ty::Coroutine(_, Some(function)) => function,
        Ty::Collection(element) => match &*element {
            Ty::Coroutine(_, Some(function)) => *function,
            _ => return false,
        },
        _ => return false,
    };
    catches_everything(context, function)
}

fn catches_everything(context: &Context<'_>, function: FnRef) -> bool {
    let inner = context.looking_into(function.file);
    let body = &context.project.function(function).body;
    body.nodes.iter().any(|node| match node {
        Node::Try(it) => it.handlers.iter().any(|handler| {
            handler.bare
                || handler.catches.iter().any(|class| {
                    matches!(inner.evaluate(*class), Ty::External(path) if matches!(&*path, "builtins.Exception" | "builtins.BaseException"))
                })
        }),
        _ => false,
    }) && function.function != FunctionId(0)
}
