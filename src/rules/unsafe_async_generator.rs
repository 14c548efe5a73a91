//! `unsafe-async-generator`: a loop over an async generator may be left with the generator half-way.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::model::{Block, LoopKind, Node, Value, ValueId, flow};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "unsafe-async-generator",
    page: include_str!("../../rules/unsafe-async-generator.md"),
    category: Category::Scopes,
    profile: Profile::All,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC900"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for id in context.model().function_ids() {
        let mut found: Vec<(Span, FnRef)> = Vec::new();
        flow::visit(&context.model().function(id).body, &mut |node| {
            if let Node::Loop(it) = node
                && it.kind == LoopKind::AsyncFor
                && can_be_left(&it.body)
                && let Some(generator) = it.iterated.and_then(|value| generator(context, value))
            {
                found.push((it.keyword, generator));
            }
            flow::Step::Into
        });
        for (at, generator) in found {
            let name = context.project.short_name(generator);
            let message = format!("leaving this loop early leaves `{name}` half-way");
            let mut finding = context.finding(&RULE, context.function(id), at, message);
            finding.help = Some("iterate in `async with contextlib.aclosing(..)`".to_owned());
            let place = context.project.place(generator.file, context.project.function(generator).name_span);
            finding.related = vec![Related { message: format!("`{name}` has something to clean up"), place }];
            context.keep(finding);
        }
    }
}

/// By a jump, or by the exception of something it waits for.
fn can_be_left(body: &Block) -> bool {
    let leaves = |node: &Node| {
        flow::is_suspension(node) || matches!(node, Node::Break { .. } | Node::Return { .. } | Node::Raise(_))
    };
    flow::find(body, &mut |node| leaves(node)).is_some()
}

/// The async generator of the project that the loop goes through, if it has something to clean up.
fn generator(context: &Context<'_>, value: ValueId) -> Option<FnRef> {
    // `async with aclosing(..) as rows`.
    if matches!(context.model().value(value), Value::Entered(..)) {
        return None;
    }
    let Ty::Generator(generator) = context.evaluate(value) else { return None };
    let definition = context.project.function(generator);
    (definition.kind.is_async() && cleans_up(&definition.body, false)).then_some(generator)
}

/// It yields in a `with`, or in a `try` that has more to do.
fn cleans_up(block: &Block, inside: bool) -> bool {
    block.nodes.iter().any(|node| match node {
        Node::Yield(_) => inside,
        Node::Scope(it) => cleans_up(&it.body, true),
        Node::Try(it) => {
            let guarded = inside || !it.finally.nodes.is_empty();
            cleans_up(&it.body, guarded) || flow::parts(node).skip(1).any(|part| cleans_up(part, inside))
        }
        other => flow::parts(other).any(|part| cleans_up(part, inside)),
    })
}
