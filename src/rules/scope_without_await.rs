//! `scope-without-await`: a timeout around code that never waits: it cannot fire.

use super::checkpoint::{Care, Way, waits, ways};
use super::macros::hides_something;
use super::task_group::role;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{FunctionKind, Kinds, Node, Scope, ScopeKind, Value, flow};
use crate::project::types::FnRef;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "scope-without-await",
    page: include_str!("../../rules/scope-without-await.md"),
    category: Category::Scopes,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC100", "ASYNC912"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    match context.language() {
        Language::Python => python(context),
        Language::Rust => rust(context),
    }
}

fn python(context: &mut Context<'_>) {
    for function in context.async_functions() {
        let mut found = Vec::new();
        flow::visit_for(&context.project.function(function).body, Kinds::SCOPES, &mut |node| {
            if let Node::Scope(it) = node
                && let Some(opened) = opens(context, it)
            {
                found.extend(judge(context, it, opened.1).map(|why| (opened, why)));
            }
            flow::Step::Into
        });
        for ((at, what), why) in found {
            report(context, function, at, what, why);
        }
    }
}

const TIMEOUT: &str = "timeout";

enum Why {
    /// Nothing in it waits.
    NeverWaits,
    /// Its end can be reached without having waited.
    Sometimes,
}

/// The timeout or cancel scope that the `with` opens last.
fn opens(context: &Context<'_>, scope: &Scope) -> Option<(Span, &'static str)> {
    if !matches!(scope.kind, ScopeKind::With | ScopeKind::AsyncWith) {
        return None;
    }
    let (index, what) = scope.items.iter().enumerate().find_map(|(index, item)| match role(context, item)? {
        ScopeRole::Timeout => Some((index, TIMEOUT)),
        ScopeRole::CancelScope => Some((index, "cancel scope")),
        _ => None,
    })?;
    // What is entered inside it may wait for that.
    let inside = &scope.items[index + 1..];
    let waits = |item| !matches!(role(context, item), Some(ScopeRole::Timeout | ScopeRole::CancelScope));
    if scope.kind == ScopeKind::AsyncWith && inside.iter().any(waits) {
        return None;
    }
    Some((scope.items[index].span, what))
}

fn judge(context: &Context<'_>, scope: &Scope, what: &str) -> Option<Why> {
    if !waits(context, &scope.body) {
        return Some(Why::NeverWaits);
    }
    let yields = flow::find(&scope.body, &mut |node| matches!(node, Node::Yield(_))).is_some();
    // A shield is for what may have to be waited for.
    if yields || what != TIMEOUT || !context.wants(Profile::All) {
        return None;
    }
    let left = ways(context, &scope.body, Way::Bare, Care::Strict);
    left.goes_on_bare().then_some(Why::Sometimes)
}

fn report(context: &mut Context<'_>, function: FnRef, at: Span, what: &str, why: Why) {
    let message = match why {
        Why::NeverWaits => format!("nothing in this {what} waits: it has no effect"),
        Why::Sometimes => format!("the end of this {what} can be reached without having waited: then it has no effect"),
    };
    let mut finding = context.finding(&RULE, function, at, message);
    match why {
        Why::NeverWaits => finding.help = Some("put what is to be limited inside, with its `await`".to_owned()),
        Why::Sometimes => {
            finding.severity = Severity::Note;
            finding.confidence = Confidence::Likely;
        }
    }
    context.keep(finding);
}

fn rust(context: &mut Context<'_>) {
    let model = context.model();
    for (id, call) in model.all_calls() {
        let Some(body) = call.args.iter().find_map(|arg| match model.value(arg.value) {
            Value::Function(it) if model.function(*it).kind == FunctionKind::AsyncBlock => Some(*it),
            _ => None,
        }) else {
            continue;
        };
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        let block = model.function(body);
        // Macros are not all understood.
        let text = context.text(block.span);
        if api.scope != Some(ScopeRole::Timeout)
            || waits(context, &block.body)
            || text.contains(".await")
            || hides_something(text)
        {
            continue;
        }
        let message = format!("nothing in the future of this `{}` waits: it has no effect", api.path);
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some("a future that never waits is done before the timer is looked at".to_owned());
        context.keep(finding);
    }
}
