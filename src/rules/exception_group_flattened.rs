//! `exception-group-flattened`: one exception of a group is raised by itself.

use super::exception_groups::{Groups, whose_exceptions};
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{FunctionId, Kinds, Node, Value, ValueId, flow};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "exception-group-flattened",
    page: include_str!("../../rules/exception-group-flattened.md"),
    category: Category::Clarity,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC123"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["exceptions"]) {
        return;
    }
    for id in context.model().function_ids() {
        let mut raised: Vec<(Span, ValueId)> = Vec::new();
        flow::visit_for(&context.model().function(id).body, Kinds::RAISE, &mut |node| {
            if let Node::Raise(it) = node
                && let Some(group) = it.value.and_then(|value| taken_from(context, value))
                && !["__cause__", "__context__"].iter().any(|kept| context.text(it.span).contains(kept))
            {
                raised.push((it.span, group));
            }
            flow::Step::Into
        });
        // Its context is put back, which says that it is known.
        let keeps = |text: &str| ["__context__ =", "__context__="].iter().any(|it| text.contains(it));
        if raised.is_empty() || keeps(context.text(context.model().function(id).span)) {
            continue;
        }
        let groups = Groups::of(context, id);
        for (span, group) in raised {
            if !groups.has(context, group) {
                continue;
            }
            let message = match is_only_one(context, id, span) {
                true => "the one exception of the group is raised by itself: its context is lost",
                false => "one exception of the group is raised by itself: its context and the others are lost",
            };
            let mut finding = context.finding(&RULE, context.function(id), span, message.to_owned());
            finding.help = Some("raise an exception of your own from the group, or a copy of this one".to_owned());
            context.keep(finding);
        }
    }
}

/// It has been asked whether there are others: `if len(group.exceptions) == 1`.
fn is_only_one(context: &Context<'_>, function: FunctionId, raised: Span) -> bool {
    flow::find(&context.model().function(function).body, &mut |node| {
        let Node::Branch(branch) = node else { return false };
        branch.arms.iter().any(|arm| {
            let head = context.text(arm.span).lines().next().unwrap_or_default();
            arm.span.contains(raised) && head.contains("len(") && head.contains("== 1")
        })
    })
    .is_some()
}

/// The group whose `.exceptions` the value is one of.
fn taken_from(context: &Context<'_>, value: ValueId) -> Option<ValueId> {
    match context.model().value(value) {
        Value::Index(all) | Value::Element(all) | Value::Item(all, _) => whose_exceptions(context, *all),
        _ => None,
    }
}
