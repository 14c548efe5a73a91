//! Calls that hold the event loop's thread, directly or through any chain of calls: one judgement, one rule per kind.

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use super::{Context, Profile, Rule};
use crate::finding::Finding;
use crate::knowledge::{Api, Effect, Kind};
use crate::model::{CallId, FileModel, Value};
use crate::project::effects::{Climbing, Runs};
use crate::project::evidence::Evidence;
use crate::project::types::FnRef;
use crate::source::{Language, Span};

/// Reports every place in the file's code on the loop that blocks in this way.
pub(super) fn check(context: &mut Context<'_>, rule: &'static Rule, kind: Kind) {
    let project = context.project;
    let effects = project.effects();
    // What is kept is made by the first call of a function that gets there: of the functions of this file the nearest is told.
    let mut made: FxHashMap<FnRef, (FnRef, Finding)> = FxHashMap::default();
    for function in context.functions_on_loop().iter().copied() {
        // Asked of those alone that something is to be told of.
        let alone = OnceCell::new();
        let is_alone = || *alone.get_or_init(|| project.is_alone_on_loop(function));
        // What is made once for all is made by whoever comes first, mostly long before this does.
        let is_spared = |context: &Context<'_>, keeper: FnRef, held: bool| {
            project.keeps_for_all(keeper, held) && !context.wants(Profile::Strict)
        };
        for (site, runs) in effects.sites(function) {
            match runs {
                Runs::Library(api, Effect::Blocks(found)) if *found == kind && !is_alone() => {
                    let does = match site.once {
                        true => api.does.strip_suffix(", each time it is made").unwrap_or(api.does),
                        false => api.does,
                    };
                    let does = if does.is_empty() { String::new() } else { format!(": it {does}") };
                    if site.shared && is_spared(&*context, function, true)
                        || site.once && project.is_filled(function, site, function)
                    {
                        continue;
                    }
                    let when = if site.once { "the first time, " } else { "" };
                    let message = format!("{when}`{}` blocks the event loop{does}", api.path);
                    let mut finding = context.finding(rule, function, site.span, message);
                    finding.confidence = api.confidence;
                    finding.help = remedy(context, function, api);
                    finding.made_at = site.call.and_then(|call| made_at(context.model(), call));
                    context.keep(finding);
                }
                Runs::Own(callee) | Runs::Asked(Some(callee)) => {
                    let Some(evidence) = effects.evidence_at(project, function, site, *callee, Climbing::Blocks(kind))
                    else {
                        continue;
                    };
                    if is_alone() {
                        continue;
                    }
                    let keeper = evidence.once.or(site.shared.then_some(*callee));
                    let is_nearest = |keeper: &FnRef| {
                        let before = made.get(keeper);
                        before.is_none_or(|(of, it)| *of != function && it.trace.len() > evidence.steps.len())
                            && !is_spared(&*context, *keeper, evidence.held || site.shared)
                            && !project.is_filled(function, site, *keeper)
                    };
                    if !keeper.as_ref().is_none_or(is_nearest) {
                        continue;
                    }
                    if evidence.is_far_fetched() && !context.wants(Profile::All) {
                        continue;
                    }
                    let when = if keeper.is_some() { "the first time, " } else { "" };
                    let message = format!(
                        "{when}this call blocks the event loop: `{}` reaches `{}`",
                        project.short_name(*callee),
                        evidence.api.path
                    );
                    let mut finding = context.finding(rule, function, site.span, message);
                    finding.confidence = evidence.confidence;
                    finding.help = match in_another_language(context, function, &evidence) {
                        Some(help) => Some(help),
                        None => remedy(context, function, evidence.api),
                    };
                    finding.trace = evidence.steps;
                    finding.branches = evidence.branches;
                    match keeper {
                        Some(keeper) => _ = made.insert(keeper, (function, finding)),
                        None => context.keep(finding),
                    }
                }
                _ => {}
            }
        }
    }
    made.into_values().for_each(|(_, finding)| context.keep(finding));
}

/// The call that gives what a method is called on.
fn made_at(model: &FileModel, call: CallId) -> Option<Span> {
    let Value::Attr(mut receiver, _) = *model.value(model.call(call).callee) else { return None };
    loop {
        match *model.value(receiver) {
            Value::Entered(inner, _) | Value::Awaited(inner) => receiver = inner,
            Value::Result(made) => return Some(model.call(made).name_span),
            _ => return None,
        }
    }
}

/// What Python can do about what happens in Rust. A thread helps others only if it lets go of the interpreter.
pub(super) fn in_another_language(context: &Context<'_>, function: FnRef, evidence: &Evidence) -> Option<String> {
    if !evidence.in_rust || context.language() == Language::Rust {
        return None;
    }
    let thread = match context.async_library(function.file) {
        "trio" => "trio.to_thread.run_sync",
        "anyio" => "anyio.to_thread.run_sync",
        _ => "asyncio.to_thread",
    };
    let detach = if evidence.released { "" } else { ", and `Python::detach` around what blocks in Rust" };
    Some(format!("use `{thread}`{detach}"))
}

fn remedy(context: &Context<'_>, function: FnRef, api: &'static Api) -> Option<String> {
    let library = context.async_library(function.file);
    api.instead_for(library).map(|instead| format!("use {instead}"))
}
