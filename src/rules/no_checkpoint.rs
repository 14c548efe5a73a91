//! `no-checkpoint`: a way through an async function, or round an endless loop, that never waits.

use super::checkpoint::{Way, is_only_timeout, of_node, waits, ways};
use super::inherited::is_handed_over;
use super::macros::hides_something;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::model::{Block, FunctionKind, LoopKind, Node, ScopeKind, flow};
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
    let mut bare = Vec::new();
    yields(context, &definition.body, Way::Bare, &mut bare);
    let Some(first) = bare.first().copied() else { return };
    let message = match flow::suspends(&definition.body) {
        true => "this `yield` can be reached without having waited since the last one".to_owned(),
        false => format!("the async generator `{}` never waits", context.model().name(definition.name)),
    };
    let at = if flow::suspends(&definition.body) { first } else { definition.name_span };
    let mut finding = context.finding(&RULE, function, at, message);
    finding.help = Some(help(context).to_owned());
    context.keep(finding);
}

/// How the end of the block is reached, and on the way the `yield`s that nothing was waited for before.
fn yields(context: &Context<'_>, block: &Block, mut way: Way, bare: &mut Vec<Span>) -> Way {
    for node in &block.nodes {
        if way == Way::Never {
            break;
        }
        way = match node {
            Node::Yield(it) => {
                if way == Way::Bare {
                    bare.push(it.span);
                }
                Way::Bare
            }
            Node::Scope(it) if it.kind == ScopeKind::AsyncWith && !is_only_timeout(context, it) => {
                yields(context, &it.body, Way::Waited, bare).min(Way::Waited)
            }
            Node::Scope(it) => yields(context, &it.body, way, bare),
            Node::Branch(it) => {
                let arms = it.arms.iter().filter(|arm| arm.constant != Some(false));
                let left = arms.map(|arm| {
                    let tested = yields(context, &arm.test, way, bare);
                    yields(context, &arm.body, tested, bare)
                });
                let left = left.max().unwrap_or(way);
                if it.exhaustive { left } else { left.max(way) }
            }
            Node::Loop(it) if has_yield(node) => {
                let waits = matches!(it.kind, LoopKind::AsyncFor);
                let first = yields(context, &it.head, if waits { Way::Waited } else { way }, bare);
                let turned = yields(context, &it.body, first, bare);
                // What the first turn leaves is what the next one starts from.
                let next = if waits { Way::Waited } else { turned };
                let left = yields(context, &it.body, next, bare).max(turned);
                yields(context, &it.orelse, left.max(Way::Waited), bare)
            }
            Node::Try(it) => {
                let body = yields(context, &it.body, way, bare);
                let handled = it.handlers.iter().map(|handler| yields(context, &handler.body, Way::Waited, bare));
                let left = handled.max().unwrap_or(Way::Never);
                let left = yields(context, &it.orelse, body, bare).max(left);
                yields(context, &it.finally, left, bare)
            }
            other => of_node(context, other, way).falls,
        };
    }
    way
}

fn has_yield(node: &Node) -> bool {
    flow::parts(node).any(|part| flow::find(part, &mut |it| matches!(it, Node::Yield(_))).is_some())
}

fn help(context: &Context<'_>) -> &'static str {
    match (context.async_library(context.file), context.language()) {
        (_, Language::Rust) => "`tokio::task::yield_now().await` gives other tasks a turn",
        ("trio", _) => "`await trio.lowlevel.checkpoint()` gives other tasks a turn",
        ("anyio", _) => "`await anyio.lowlevel.checkpoint()` gives other tasks a turn",
        _ => "`await asyncio.sleep(0)` gives other tasks a turn",
    }
}
