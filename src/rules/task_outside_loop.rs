//! `task-outside-loop`: something that needs a running event loop is reached where none can be running.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::{Category, Context, Profile, Rule};
use crate::finding::{Severity, Step};
use crate::knowledge::{Api, Effect};
use crate::model::{
    Arm, CallId, Condition, FileModel, FunctionKind, Handler, Node, TOP_LEVEL, Test, Value, ValueId, flow,
};
use crate::project::Only;
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "task-outside-loop",
    page: include_str!("../../rules/task-outside-loop.md"),
    category: Category::Runtime,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    match context.language() {
        // A notebook's cells run on a loop.
        Language::Python if context.project.source(context.file).cells.is_empty() => {
            starting_at(context, context.function(TOP_LEVEL));
        }
        Language::Python => {}
        Language::Rust => {
            let model = context.model();
            for id in model.function_ids() {
                let function = model.function(id);
                let is_main = model.name(function.name) == "main"
                    && function.kind == FunctionKind::Sync
                    && function.self_type.is_none()
                    && function.decorators.is_empty()
                    && function.parent.is_none();
                if is_main && !starts_loop(context, context.function(id)) {
                    starting_at(context, context.function(id));
                }
            }
        }
    }
}

/// Code that runs without a loop: at import, as a script, as a program's `main`.
fn starting_at(context: &mut Context<'_>, start: FnRef) {
    let mut harmless = FxHashSet::default();
    for (id, guarded) in calls_of(context, start) {
        if guarded {
            continue;
        }
        let call = context.project.model(start.file).call(id);
        if let Some(api) = needs_loop(context, start, id) {
            let message = format!("`{}` needs a running {}, and none can be running here", api.path, what(context));
            let mut finding = context.finding(&RULE, start, call.name_span, message);
            finding.help = Some(help(context).to_owned());
            context.keep(finding);
        } else if let Some((trace, api)) = reached(context, run_by(context, start, id), &mut harmless) {
            let message = format!(
                "this reaches `{}`, which needs a running {}, and none can be running here",
                api.path,
                what(context)
            );
            let mut finding = context.finding(&RULE, start, call.name_span, message);
            finding.help = Some(help(context).to_owned());
            finding.trace = trace;
            context.keep(finding);
        }
    }
}

fn what(context: &Context<'_>) -> &'static str {
    match context.language() {
        Language::Python => "event loop",
        Language::Rust => "runtime",
    }
}

fn help(context: &Context<'_>) -> &'static str {
    match context.language() {
        Language::Python => "do it in an async function that `asyncio.run` is given",
        Language::Rust => "make `main` async with `#[tokio::main]`, or do it inside `block_on`",
    }
}

/// The shortest chain of calls from one of these functions to what needs a loop. Those that lead to nothing of the kind are
/// `harmless`.
fn reached(
    context: &Context<'_>,
    from: Vec<FnRef>,
    harmless: &mut FxHashSet<FnRef>,
) -> Option<(Vec<Step>, &'static Api)> {
    let is_harmless = |function: &FnRef| harmless.contains(function) || context.project.needs_no_loop(*function);
    let from: Vec<FnRef> = from.into_iter().filter(|function| !is_harmless(function)).collect();
    let mut seen: FxHashSet<FnRef> = from.iter().copied().collect();
    let mut pending: VecDeque<(FnRef, Vec<Step>)> = from.into_iter().map(|function| (function, Vec::new())).collect();
    while let Some((function, trace)) = pending.pop_front() {
        // A function that starts a loop, or asks whether there is one, knows what it does.
        if starts_loop(context, function) || context.project.asks_for_loop(function) {
            continue;
        }
        for (id, guarded) in calls_within(context, function) {
            if guarded {
                continue;
            }
            let span = context.project.model(function.file).call(id).name_span;
            let step = |message: String| Step {
                function: context.project.function_name(function),
                message,
                place: context.project.place(function.file, span),
            };
            if let Some(api) = needs_loop(context, function, id) {
                let mut trace = trace;
                trace.push(step(format!("`{}` needs a running {}", api.path, what(context))));
                return Some((trace, api));
            }
            for callee in run_by(context, function, id) {
                if !is_harmless(&callee) && seen.insert(callee) {
                    let mut trace = trace.clone();
                    trace.push(step(format!("calls `{}`", context.project.short_name(callee))));
                    pending.push_back((callee, trace));
                }
            }
        }
    }
    context.project.note_no_loop_needed(&seen);
    harmless.extend(seen);
    None
}

/// The library function the call runs, if it fails without a loop.
fn needs_loop(context: &Context<'_>, function: FnRef, id: CallId) -> Option<&'static Api> {
    let model = context.project.model(function.file);
    let given = model.call(id).args.iter().any(|arg| arg.name.is_some_and(|name| model.name(name) == "loop"));
    context.project.api_of(function.file, id).filter(|api| api.needs_loop && !given)
}

/// Sync functions of the project that a call runs.
fn run_by(context: &Context<'_>, function: FnRef, id: CallId) -> Vec<FnRef> {
    let project = context.project;
    match project.only(function.file, id) {
        // What Rust needs is another runtime than Python's.
        Only::Own(callee) if project.language(callee.file) != project.language(function.file) => Vec::new(),
        Only::Own(callee) => project.run_by_call(callee, false),
        Only::Construct(class) => {
            let methods = ["__new__", "__init__", "__post_init__"].into_iter();
            methods.filter_map(|name| project.find_method(class, name)).collect()
        }
        Only::Api(_) | Only::Unknown | Only::Several => Vec::new(),
    }
}

fn starts_loop(context: &Context<'_>, function: FnRef) -> bool {
    if function.function == TOP_LEVEL {
        return false;
    }
    let model = context.project.model(function.file);
    calls_of(context, function).iter().any(|(id, _)| {
        let by_name = match model.value(model.call(*id).callee) {
            Value::Attr(_, name) => {
                matches!(model.name(*name), "enter" | "block_on") && model.language == Language::Rust
            }
            _ => false,
        };
        by_name
            || context.project.api_of(function.file, *id).is_some_and(|api| {
                api.effect == Some(Effect::StartsRuntime)
                    || matches!(api.last_name(), "set_event_loop" | "new_event_loop")
            })
    })
}

/// The handler catches the `RuntimeError` that says that no loop runs.
fn catches_it(context: &Context<'_>, function: FnRef, handler: &Handler) -> bool {
    handler.bare
        || handler.catches.iter().any(|class| match context.project.evaluate(function.file, *class) {
            Ty::External(path) => {
                matches!(&*path, "builtins.RuntimeError" | "builtins.Exception" | "builtins.BaseException")
            }
            ty => ty.is_unknown(),
        })
}

/// Calls that the function's body makes, and whether an error of theirs is caught on the spot.
fn calls_of(context: &Context<'_>, function: FnRef) -> Vec<(CallId, bool)> {
    calls_but(context, function, &|_| false)
}

/// The same of a function that something calls. Where it asks what another call gives, that may be something only where a loop
/// runs: calls that hang on it count as caught.
fn calls_within(context: &Context<'_>, function: FnRef) -> Vec<(CallId, bool)> {
    let model = context.project.model(function.file);
    let is_given = |condition: &Condition| matches!(model.value(condition.value), Value::Result(_));
    calls_but(context, function, &|arm| arm.conditions.iter().any(is_given))
}

/// What holds only where Python runs in a browser, as it is called: a loop always runs there.
/// <https://pyodide.org/en/stable/usage/api/python-api/webloop.html>
fn is_of_browser(model: &FileModel, condition: &Condition) -> bool {
    let says_so = |value: ValueId| {
        let mut at = value;
        if let Value::Result(call) = model.value(at) {
            at = model.call(*call).callee;
        }
        let name = match model.value(at) {
            Value::Attr(_, name) | Value::Global(_, name) | Value::Str(name) => Some(*name),
            Value::Path(path) => path.segments.last().copied(),
            _ => None,
        };
        let name = name.map(|it| model.name(it).to_ascii_lowercase()).unwrap_or_default();
        ["pyodide", "pyscript", "emscripten"].iter().any(|it| name.contains(it))
    };
    let equals = match condition.test {
        Test::Equals(literal) => says_so(literal),
        _ => false,
    };
    condition.holds && (equals || says_so(condition.value))
}

fn calls_but(context: &Context<'_>, function: FnRef, is_guard: &dyn Fn(&Arm) -> bool) -> Vec<(CallId, bool)> {
    let model = context.project.model(function.file);
    let mut calls = Vec::new();
    let mut guarded: Vec<Span> = Vec::new();
    let body = &context.project.function(function).body;
    flow::visit(body, &mut |node| {
        match node {
            Node::Try(it) if it.handlers.iter().any(|handler| catches_it(context, function, handler)) => {
                let handlers = it.handlers.first().map_or(it.span.end, |handler| handler.span.start);
                guarded.push(Span::new(it.span.start, handlers));
            }
            Node::Branch(it) => {
                let in_browser = |arm: &Arm| arm.conditions.iter().any(|it| is_of_browser(model, it));
                guarded.extend(it.arms.iter().filter(|arm| is_guard(arm) || in_browser(arm)).map(|arm| arm.span));
            }
            Node::Call(id) => {
                let at = model.call(*id).span;
                calls.push((*id, guarded.iter().any(|span| span.contains(at))));
            }
            _ => {}
        }
        flow::Step::Into
    });
    calls
}
