//! `no-checkpoint`: a way through an async function, or round an endless loop, that never waits.

use super::checkpoint::{Way, waits, ways};
use super::inherited::is_handed_over;
use super::macros::hides_something;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::model::{Block, FunctionKind, LoopKind, Node, flow};
use crate::project::types::FnRef;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "no-checkpoint",
    page: include_str!("../../rules/no-checkpoint.md"),
    category: Category::Scopes,
    profile: Profile::All,
    severity: Severity::Note,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC910", "ASYNC911", "ASYNC913"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    for function in context.async_functions() {
        loops(context, function);
        if context.language() == Language::Python {
            whole(context, function);
        }
    }
}

/// Endless loops with a turn that waits for nothing.
fn loops(context: &mut Context<'_>, function: FnRef) {
    let mut found = Vec::new();
    flow::visit(&context.project.function(function).body, &mut |node| {
        if let Node::Loop(it) = node
            && it.kind == LoopKind::Forever
        {
            let turn = ways(context, &it.body, Way::Bare);
            let bare = turn.falls == Way::Bare || turn.continues == Way::Bare;
            let sometimes = waits(context, &it.body);
            let hidden = context.language() == Language::Rust && {
                let text = context.text(it.span);
                hides_something(text) || !sometimes && (text.contains(".await") || text.contains('?'))
            };
            if bare && !hidden && (sometimes || !ends(&it.body)) {
                found.push((it.keyword, sometimes));
            }
        }
        flow::Step::Into
    });
    for (at, sometimes) in found {
        let message = match sometimes {
            true => "a turn of this loop may wait for nothing",
            false => "no turn of this loop waits for anything",
        };
        let mut finding = context.finding(&RULE, function, at, message.to_owned());
        finding.help = Some(help(context).to_owned());
        context.keep(finding);
    }
}

/// Something in the loop leaves it: one that waits for nothing comes to its end soon.
fn ends(body: &Block) -> bool {
    let leaves = |node: &Node| matches!(node, Node::Break { .. } | Node::Return { .. } | Node::Raise(_));
    flow::find(body, &mut |node| leaves(node)).is_some()
}

/// An async function that waits on some ways and not on others. One that never waits is `async-without-await`.
fn whole(context: &mut Context<'_>, function: FnRef) {
    let definition = context.project.function(function);
    if definition.kind != FunctionKind::Async
        || !waits(context, &definition.body)
        || is_handed_over(context, function)
        || definition.is_generator && context.project.wrapping(function) != crate::project::Wrapping::Plain
    {
        return;
    }
    if definition.is_generator {
        return between_yields(context, function);
    }
    let left = ways(context, &definition.body, Way::Bare);
    if left.falls != Way::Bare && left.returns != Way::Bare {
        return;
    }
    let name = context.model().name(definition.name);
    let message = format!("`{name}` can return without having waited");
    let mut finding = context.finding(&RULE, function, definition.name_span, message);
    finding.help = Some(help(context).to_owned());
    finding.related = returned(context, left.bare_return);
    context.keep(finding);
}

fn returned(context: &Context<'_>, place: Option<Span>) -> Vec<Related> {
    let related = |span| Related { message: "it returns here".to_owned(), place: context.place(span) };
    place.map(related).into_iter().collect()
}

/// An async generator that gives values one after the other without waiting in between.
fn between_yields(context: &mut Context<'_>, function: FnRef) {
    let definition = context.project.function(function);
    if flow::suspends(&definition.body) {
        return;
    }
    let name = context.model().name(definition.name);
    let message = format!("the async generator `{name}` never waits");
    let mut finding = context.finding(&RULE, function, definition.name_span, message);
    finding.help = Some(help(context).to_owned());
    context.keep(finding);
}

fn help(context: &Context<'_>) -> &'static str {
    match (context.async_library(context.file), context.language()) {
        (_, Language::Rust) => "`tokio::task::yield_now().await` gives other tasks a turn",
        ("trio", _) => "`await trio.lowlevel.checkpoint()` gives other tasks a turn",
        ("anyio", _) => "`await anyio.lowlevel.checkpoint()` gives other tasks a turn",
        _ => "`await asyncio.sleep(0)` gives other tasks a turn",
    }
}
