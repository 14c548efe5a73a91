//! `nested-runtime`: a runtime is started from code that already runs in one.

use super::blocking::in_another_language;
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::knowledge::{Api, Effect, Place};
use crate::model::{Call, CallId, FileModel, Node, Use, Value};
use crate::project::effects::{Climbing, Runs, Site};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "nested-runtime",
    page: include_str!("../../rules/nested-runtime.md"),
    category: Category::Runtime,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    let project = context.project;
    let effects = project.effects();
    for function in context.functions_on_loop().iter().copied() {
        for (site, runs) in effects.sites(function) {
            match runs {
                Runs::Library(api, Effect::StartsRuntime) if !is_dropped_elsewhere(context, site, api) => {
                    let message = format!("`{}` starts a runtime inside a running one", api.path);
                    let mut finding = context.finding(&RULE, function, site.span, message);
                    finding.confidence = api.confidence;
                    finding.help = Some(api.instead_for(context.async_library(context.file)).map_or_else(
                        || "`await` the work, or hand it to a thread".to_owned(),
                        |instead| format!("use {instead}"),
                    ));
                    context.keep(finding);
                }
                // Of another language: what happens there starts no runtime in this one.
                Runs::Own(callee) if project.language(callee.file) != context.language() => {
                    futures_of_rust(context, function, site, *callee);
                }
                Runs::Own(callee) | Runs::Asked(Some(callee)) => {
                    futures_of_rust(context, function, site, *callee);
                    let Some(evidence) = effects.evidence_at(project, function, site, *callee, Climbing::StartsRuntime)
                    else {
                        continue;
                    };
                    if evidence.is_far_fetched() && !context.wants(Profile::All) {
                        continue;
                    }
                    let name = project.short_name(*callee);
                    let message = format!(
                        "this call starts a runtime inside a running one: `{name}` reaches `{}`",
                        evidence.api.path
                    );
                    let mut finding = context.finding(&RULE, function, site.span, message);
                    finding.confidence = evidence.confidence;
                    finding.help = Some("`await` the work, or hand it to a thread".to_owned());
                    finding.trace = evidence.steps;
                    context.keep(finding);
                }
                _ => {}
            }
        }
        calls_of_main(context, function);
    }
}

/// Python's code on the loop calls Rust, and that waits for a future.
fn futures_of_rust(context: &mut Context<'_>, function: FnRef, site: &Site, callee: FnRef) {
    let project = context.project;
    if context.language() == Language::Rust {
        return;
    }
    let effects = project.effects();
    let Some(evidence) = effects.evidence_at(project, function, site, callee, Climbing::RunsFuture) else { return };
    if evidence.is_far_fetched() && !context.wants(Profile::All) {
        return;
    }
    let name = project.short_name(callee);
    let message = format!("this call blocks the event loop: `{name}` reaches `{}`", evidence.api.path);
    let mut finding = context.finding(&RULE, function, site.span, message);
    finding.confidence = evidence.confidence;
    finding.help = in_another_language(context, function, &evidence);
    finding.trace = evidence.steps;
    context.keep(finding);
}

/// A runtime that is only made here: it is moved on, or shut down in a way that does not wait.
fn is_dropped_elsewhere(context: &Context<'_>, site: &Site, api: &Api) -> bool {
    if api.returns.is_empty() || !api.returns.contains("Runtime") {
        return false;
    }
    let model = context.model();
    let Some(id) = site.call else { return false };
    let made = model.call(id);
    let function = model.function(made.function);
    // `Runtime::new()?` and `.unwrap()` stand between the call and the name.
    let bound = crate::model::flow::find(&function.body, &mut |node| {
        matches!(node, Node::Bind { span, .. } if span.end <= made.span.start
            && !context.text(Span::new(span.end, made.span.start)).contains([';', '{', '}']))
    });
    let Some(Node::Bind { local, .. }) = bound else { return !is_dropped_at_once(model, id) };
    let held = function.local(*local);
    let name = model.name(held.name);
    let text = context.text(function.span);
    held.shared
        || crate::model::flow::find(
            &function.body,
            &mut |node| matches!(node, Node::Release { local: released, span }
                if released == local && !context.text(Span::new(span.start.saturating_sub(5), span.start)).ends_with("drop(")),
        )
        .is_some()
        || text.contains(&format!("{name}.shutdown_"))
}

/// Nothing keeps what the call, with `?` and `.unwrap()` behind it, gives.
fn is_dropped_at_once(model: &FileModel, made: CallId) -> bool {
    let mut at = made;
    loop {
        let takes_it = |call: &Call| match model.value(call.callee) {
            Value::Attr(receiver, _) => match model.value(*receiver) {
                Value::Inner(inner) => *model.value(*inner) == Value::Result(at),
                receiver => *receiver == Value::Result(at),
            },
            _ => false,
        };
        match model.calls_around(at).from(at).iter().find(|(_, call)| takes_it(call)) {
            Some((next, _)) => at = next,
            None => return matches!(model.call(at).result, Use::Dropped | Use::Discarded),
        }
    }
}

/// A call of a function that an attribute turns into a runtime's start: `#[tokio::main] async fn main`.
fn calls_of_main(context: &mut Context<'_>, function: FnRef) {
    if context.language() != Language::Rust {
        return;
    }
    let model = context.model();
    for (id, call) in model.calls_in(function.function).iter() {
        if call.function != function.function {
            continue;
        }
        let Some(callee) = context.project.own_of(context.file, id) else { continue };
        let starts = context.project.function(callee).decorators.iter().any(|decorator| {
            matches!(
                context.project.evaluate(callee.file, decorator.value),
                Ty::External(path)
                    if context.project.knowledge.decorator(Language::Rust, &path).is_some_and(|facts|
                        facts.asynchronous == Some(Place::Runtime))
            )
        });
        if starts {
            let name = context.project.short_name(callee).to_owned();
            let message = format!("`{name}` starts a runtime of its own inside a running one");
            let mut finding = context.finding(&RULE, function, call.name_span, message);
            finding.help = Some("move the shared part into an `async fn` without the attribute".to_owned());
            context.keep(finding);
        }
    }
}
