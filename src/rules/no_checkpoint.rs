//! `no-checkpoint`: a way through an async function, or round an endless loop, that never waits.

use super::async_without_await::{could_be_sync, is_filler, statements};
use super::checkpoint::{Care, Walk, Way, waits, ways};
use super::inherited::is_handler;
use super::macros::hides_something;
use super::yield_in_context_manager::yields_once;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::model::{Block, FunctionKind, Kinds, LoopKind, Node, flow};
use crate::project::Wrapping;
use crate::project::types::FnRef;
use crate::source::Language;

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
    let care = if context.language() == Language::Python { Care::Strict } else { Care::Usual };
    let mut found = Vec::new();
    flow::visit_for(&context.project.function(function).body, Kinds::LOOP, &mut |node| {
        if let Node::Loop(it) = node
            && it.kind == LoopKind::Forever
        {
            let turn = ways(context, &it.body, Way::Bare, care);
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

/// An async function that does not wait on some way. One that never waits and need not be async is `async-without-await`.
fn whole(context: &mut Context<'_>, function: FnRef) {
    let definition = context.project.function(function);
    let name = context.model().name(definition.name);
    if definition.kind != FunctionKind::Async
        || is_handler(context, function)
        || definition.is_generator && is_a_manager(context, function)
    {
        return;
    }
    if !definition.is_generator
        && !waits(context, &definition.body)
        && (is_excused(context, function, name) || could_be_sync(context, function))
    {
        return;
    }
    let mut walk = Walk::new(context, definition.is_generator);
    let left = walk.block(&definition.body, Way::Bare);
    let bare_yield = walk.bare_yields.first().copied();
    if left.falls != Way::Bare && left.returns != Way::Bare && bare_yield.is_none() {
        return;
    }
    let suspends = flow::suspends(&definition.body);
    let (at, message) = match (definition.is_generator, suspends, bare_yield) {
        (true, false, _) => (definition.name_span, format!("the async generator `{name}` never waits")),
        (true, true, Some(span)) => {
            (span, "this `yield` can be reached without having waited since the last one".to_owned())
        }
        (true, true, None) => {
            (definition.name_span, format!("`{name}` can end without having waited since its last `yield`"))
        }
        (false, true, _) => (definition.name_span, format!("`{name}` can return without having waited")),
        (false, false, _) => (definition.name_span, format!("`{name}` never waits")),
    };
    let mut finding = context.finding(&RULE, function, at, message);
    finding.help = Some(help(context).to_owned());
    if suspends && bare_yield.is_none() {
        let related = |span| Related { message: "it returns here".to_owned(), place: context.place(span) };
        finding.related = left.bare_return.map(related).into_iter().collect();
    }
    context.keep(finding);
}

/// A generator that its decorator makes a context manager of: entering it or leaving it may wait, not both have to.
fn is_a_manager(context: &Context<'_>, function: FnRef) -> bool {
    match context.project.wrapping(function) {
        Wrapping::Plain => false,
        Wrapping::Manager => true,
        Wrapping::Made | Wrapping::Replaced(_) | Wrapping::Unknown => {
            yields_once(&context.project.function(function).body)
        }
    }
}

/// Functions without an `await` that are right so: tests, whom nobody calls in a loop, declarations, and one of a pair.
fn is_excused(context: &Context<'_>, function: FnRef, name: &str) -> bool {
    context.is_test(function.function)
        || name.starts_with("test_")
        || context.project.is_abstract(function)
        || statements(context, function).all(is_filler)
        || has_partner(context, function, name)
}

/// `__aenter__` and `__aexit__`: one of the two waits. Where neither does, the first one is reported.
fn has_partner(context: &Context<'_>, function: FnRef, name: &str) -> bool {
    let model = context.model();
    let partner = match name {
        "__aenter__" => "__aexit__",
        "__aexit__" => "__aenter__",
        _ => return false,
    };
    let Some(class) = context.project.function(function).class else { return false };
    let class = model.class(class);
    match class.methods.iter().find(|(it, _)| model.name(*it) == partner) {
        Some((_, id)) => name == "__aexit__" || waits(context, &model.function(*id).body),
        None => !class.bases.is_empty(),
    }
}

fn help(context: &Context<'_>) -> &'static str {
    match (context.async_library(context.file), context.language()) {
        (_, Language::Rust) => "`tokio::task::yield_now().await` gives other tasks a turn",
        ("trio", _) => "`await trio.lowlevel.checkpoint()` gives other tasks a turn",
        ("anyio", _) => "`await anyio.lowlevel.checkpoint()` gives other tasks a turn",
        _ => "`await asyncio.sleep(0)` gives other tasks a turn",
    }
}
