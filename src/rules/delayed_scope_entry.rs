//! `delayed-scope-entry`: a timeout starts to run where it is built, and is entered later.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Related, Severity};
use crate::model::{Call, CallId, FunctionId, Node, Scope, Use, Value, ValueId, flow};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "delayed-scope-entry",
    page: include_str!("../../rules/delayed-scope-entry.md"),
    category: Category::Scopes,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC122"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["timeout", "move_on_after", "fail_after"]) {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        if !matches!(call.result, Use::Bound(_) | Use::Stored) {
            continue;
        }
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        let by_version = match api.path {
            "asyncio.timeout" | "async_timeout.timeout" | "anyio.move_on_after" => false,
            // Since Trio 0.27 they start where they are entered.
            "trio.move_on_after" | "trio.fail_after" => true,
            _ => continue,
        };
        if by_version && !context.wants(Profile::Strict) {
            continue;
        }
        let entered = match call.result {
            Use::Bound(_) => entered_later(context, id, call),
            _ => entered_elsewhere(context, id, call),
        };
        let Some(entered) = entered else { continue };
        let message = format!("`{}` starts to count here, and is entered later", api.path);
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        if by_version {
            finding.confidence = Confidence::Likely;
            finding.severity = Severity::Note;
        }
        finding.help = Some("build it in the `with` that enters it".to_owned());
        finding.related = vec![Related { message: "it is entered here".to_owned(), place: context.place(entered) }];
        context.keep(finding);
    }
}

/// Every `with` of a function.
fn scopes<'a>(context: &Context<'a>, function: FunctionId) -> Vec<&'a Scope> {
    let mut found = Vec::new();
    flow::visit(&context.model().function(function).body, &mut |node| {
        if let Node::Scope(it) = node {
            found.push(&**it);
        }
        flow::Step::Into
    });
    found
}

/// The same function waits for something before it enters the scope.
fn entered_later(context: &Context<'_>, id: CallId, call: &Call) -> Option<Span> {
    let model = context.model();
    let is_it = |value: ValueId| *model.value(value) == Value::Result(id);
    let scopes = scopes(context, call.function).into_iter();
    let entering =
        scopes.filter_map(|scope| scope.items.iter().find(|item| is_it(item.value)).map(|item| (scope, item)));
    let (scope, entered) = entering.min_by_key(|(scope, _)| scope.span.start)?;
    let between = Span::new(call.span.end, scope.span.start);
    let mut waits = false;
    flow::visit(&model.function(call.function).body, &mut |node| {
        let at = match node {
            Node::Await(it) => Some(it.span),
            Node::Scope(it) if flow::is_suspension(node) => Some(it.keyword),
            Node::Loop(it) if flow::is_suspension(node) => Some(it.keyword),
            _ => None,
        };
        waits |= at.is_some_and(|at| between.contains(at));
        if waits { flow::Step::Stop } else { flow::Step::Into }
    });
    waits.then_some(entered.span)
}

/// Kept in an attribute, it is entered by another function.
fn entered_elsewhere(context: &Context<'_>, id: CallId, call: &Call) -> Option<Span> {
    let model = context.model();
    let fields = model.classes.iter().flat_map(|class| &class.fields);
    let (name, _) = fields.into_iter().find(|(_, value)| *model.value(*value) == Value::Result(id))?;
    let others = model.function_ids().filter(|function| *function != call.function);
    let items = others.flat_map(|function| scopes(context, function)).flat_map(|scope| &scope.items);
    let mut entered = items.filter(|item| matches!(model.value(item.value), Value::Attr(_, it) if it == name));
    entered.next().map(|item| item.span)
}
