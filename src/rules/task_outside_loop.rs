//! `task-outside-loop`: a task is created where no event loop can be running.

use rustc_hash::FxHashSet;

use super::{Category, Context, Profile, Rule};
use crate::finding::{Severity, Step};
use crate::model::{CallId, FunctionId, FunctionKind, TOP_LEVEL};
use crate::project::types::FnRef;
use crate::source::Language;

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
        Language::Python if context.project.source(context.file).cells.is_empty() => python(context),
        Language::Python => {}
        Language::Rust => rust(context),
    }
}

/// Code that runs when the module is imported or started as a script, and the sync functions it calls.
fn python(context: &mut Context<'_>) {
    let mut seen = FxHashSet::default();
    let mut pending: Vec<(FunctionId, Vec<Step>, Option<crate::source::Span>)> = vec![(TOP_LEVEL, Vec::new(), None)];
    while let Some((function, trace, entered)) = pending.pop() {
        if !seen.insert(function) {
            continue;
        }
        let calls: Vec<CallId> = calls_of(context, function);
        // A function that starts a loop by hand may well create tasks on it.
        if function != TOP_LEVEL && calls.iter().any(|id| starts_loop(context, *id)) {
            continue;
        }
        for id in calls {
            let call = context.model().call(id);
            if let Some(api) = context.project.api_of(context.file, id) {
                if !api.needs_loop
                    || call.args.iter().any(|arg| arg.name.is_some_and(|it| context.model().name(it) == "loop"))
                {
                    continue;
                }
                let message = format!("`{}` needs a running event loop, and none can be running here", api.path);
                let at = entered.unwrap_or(call.name_span);
                let mut finding = context.finding(&RULE, context.function(TOP_LEVEL), at, message);
                finding.help = Some("do it in an async function that `asyncio.run` is given".to_owned());
                if entered.is_some() {
                    finding.trace = trace.clone();
                    finding.trace.push(Step {
                        function: context.project.function_name(context.function(function)),
                        message: format!("`{}` needs a running loop", api.path),
                        place: context.place(call.name_span),
                    });
                }
                context.keep(finding);
            } else if let Some(callee) = context.project.own_of(context.file, id)
                && callee.file == context.file
                && context.project.function(callee).kind == FunctionKind::Sync
                && !context.project.function(callee).is_generator
            {
                let mut trace = trace.clone();
                if function != TOP_LEVEL {
                    trace.push(Step {
                        function: context.project.function_name(context.function(function)),
                        message: format!("calls `{}`", context.project.short_name(callee)),
                        place: context.place(call.name_span),
                    });
                }
                pending.push((callee.function, trace, entered.or(Some(call.name_span))));
            }
        }
    }
}

fn starts_loop(context: &Context<'_>, id: CallId) -> bool {
    use crate::knowledge::Effect;
    context.project.api_of(context.file, id).is_some_and(|api| {
        api.effect == Some(Effect::StartsRuntime) || matches!(api.last_name(), "set_event_loop" | "new_event_loop")
    })
}

/// Calls that the function's body makes whenever it runs.
fn calls_of(context: &Context<'_>, function: FunctionId) -> Vec<CallId> {
    let mut calls = Vec::new();
    crate::model::flow::visit(&context.model().function(function).body, &mut |node| {
        if let crate::model::Node::Call(id) = node {
            calls.push(*id);
        }
        crate::model::flow::Step::Into
    });
    calls
}

/// `tokio::spawn` in a `fn main` that no attribute gives a runtime and that enters none.
fn rust(context: &mut Context<'_>) {
    let model = context.model();
    for id in model.function_ids() {
        let function = model.function(id);
        let is_main = model.name(function.name) == "main" && function.class.is_none() && function.self_type.is_none();
        if !is_main
            || function.kind != FunctionKind::Sync
            || !function.decorators.is_empty()
            || function.parent.is_some()
        {
            continue;
        }
        let calls = calls_of(context, id);
        let enters = calls.iter().any(|id| {
            let callee = context.model().call(*id).callee;
            match context.model().value(callee) {
                crate::model::Value::Attr(_, name) => matches!(context.model().name(*name), "enter" | "block_on"),
                _ => false,
            }
        });
        if enters {
            continue;
        }
        for call in calls {
            let Some(api) = context.project.api_of(context.file, call) else { continue };
            if api.needs_loop {
                let message = format!("`{}` needs a running runtime, and `main` has started none", api.path);
                let span = context.model().call(call).name_span;
                let mut finding = context.finding(&RULE, FnRef { file: context.file, function: id }, span, message);
                finding.help = Some("make `main` async with `#[tokio::main]`, or spawn inside `block_on`".to_owned());
                context.keep(finding);
            }
        }
    }
}
