//! `cancel-unsafe-select`: a `select!` in a loop drops, turn after turn, a future that loses something when it is dropped.

use super::task_group::deeper;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Related, Severity};
use crate::knowledge::{Api, CancelSafety};
use crate::model::{Arm, Block, Branch, BranchKind, CallId, FunctionId, Node, Value, flow};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "cancel-unsafe-select",
    page: include_str!("../../rules/cancel-unsafe-select.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

/// How far calls of the project's own functions are followed.
const DEEPEST: u32 = 4;

/// What a branch loses when another one is ready first.
struct Loss {
    kind: Kind,
    at: Span,
    /// The library function whose future it is.
    api: &'static Api,
    /// The function of the project that awaits it.
    through: Option<FnRef>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Bytes or a message.
    Data,
    /// Its place in a queue.
    Place,
    /// The time it has waited.
    Time,
}

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Rust {
        return;
    }
    for id in context.model().function_ids() {
        if !context.model().function(id).kind.is_async() {
            continue;
        }
        let mut found = Vec::new();
        walk(context, &context.model().function(id).body, None, &mut found);
        for loss in found {
            report(context, id, loss);
        }
    }
}

fn report(context: &mut Context<'_>, function: FunctionId, loss: Loss) {
    let path = loss.api.path;
    let (message, help) = match loss.kind {
        Kind::Data => (
            match loss.through {
                Some(own) => {
                    let name = context.project.short_name(own);
                    format!("`{name}` awaits `{path}`, which loses data when another branch of this `select!` is first")
                }
                None => format!("`{path}` loses data when another branch of this `select!` is first"),
            },
            "make the future once, before the loop, and select on `&mut` of it",
        ),
        Kind::Place => (
            format!("`{path}` goes to the end of its queue each time another branch of this `select!` is first"),
            "make the future once, before the loop, and select on `&mut` of it",
        ),
        Kind::Time => (
            format!("`{path}` starts anew in each turn: while other branches are busy it never ends"),
            "use `tokio::time::interval`, or make the timer before the loop and `reset` it",
        ),
    };
    let mut finding = context.finding(&RULE, context.function(function), loss.at, message);
    finding.help = Some(help.to_owned());
    if loss.kind != Kind::Data {
        finding.severity = finding.severity.min(Severity::Note);
        finding.confidence = Confidence::Likely;
    }
    if let Some(own) = loss.through {
        let definition = context.project.function(own);
        let place = context.project.place(own.file, definition.name_span);
        finding.related = vec![Related { message: "it is awaited in here".to_owned(), place }];
    }
    context.keep(finding);
}

/// `around`: the innermost loop.
fn walk(context: &Context<'_>, block: &Block, around: Option<Span>, found: &mut Vec<Loss>) {
    for node in &block.nodes {
        let around = match node {
            Node::Loop(it) => Some(it.span),
            _ => around,
        };
        if let Node::Branch(branch) = node
            && branch.kind == BranchKind::Select
            && let Some(around) = around
        {
            select(context, branch, around, found);
        }
        flow::parts(node).for_each(|part| deeper(|| walk(context, part, around, found)));
    }
}

fn select(context: &Context<'_>, branch: &Branch, around: Span, found: &mut Vec<Loss>) {
    for (index, arm) in branch.arms.iter().enumerate() {
        let Some(future) = arm.future else { continue };
        // If every other branch leaves the loop, nobody asks for what this one had.
        let others = branch.arms.iter().enumerate().filter(|(at, _)| *at != index);
        if !others.clone().any(|(_, other)| other.future.is_some() && goes_on(other)) {
            continue;
        }
        let made = made_in(context, arm, future, around);
        let loss = made
            .iter()
            .find_map(|call| of_call(context, *call, 0))
            .or_else(|| match context.evaluate(future) {
                Ty::Function(block) if defined_in(arm, block) => of_body(context, block, 0),
                _ => None,
            })
            .or_else(|| {
                let busy = others.clone().any(|(_, other)| goes_on(other) && does_something(context, &other.body));
                busy.then(|| restarted_timer(context, arm, &made)).flatten()
            });
        let Some((kind, api, through)) = loss else { continue };
        if kind == Kind::Place && !context.wants(Profile::All) {
            continue;
        }
        let at = match made.first() {
            Some(call) => context.model().call(*call).name_span,
            None => arm.span,
        };
        found.push(Loss { kind, at, api, through });
    }
}

/// After this branch there may be another turn.
fn goes_on(arm: &Arm) -> bool {
    let exits = flow::exits(&arm.body, &|_| false);
    exits.falls || exits.continues
}

/// The calls that make the branch's future anew in each turn.
fn made_in(context: &Context<'_>, arm: &Arm, future: crate::model::ValueId, around: Span) -> Vec<CallId> {
    let mut calls = super::task_group::calls(&arm.test);
    // The last one made is the future itself or wraps it.
    calls.reverse();
    if calls.is_empty()
        && let Value::Result(call) = context.model().value(future)
        && around.start <= context.model().call(*call).span.start
    {
        calls.push(*call);
    }
    calls
}

fn defined_in(arm: &Arm, block: FnRef) -> bool {
    flow::find(&arm.test, &mut |node| matches!(node, Node::Define(id) if *id == block.function)).is_some()
}

type Found = (Kind, &'static Api, Option<FnRef>);

fn of_call(context: &Context<'_>, id: CallId, depth: u32) -> Option<Found> {
    if let Some(api) = context.project.api_of(context.file, id) {
        return match api.cancel_safety? {
            CancelSafety::No => Some((Kind::Data, api, None)),
            CancelSafety::Queue => Some((Kind::Place, api, None)),
            CancelSafety::Yes => None,
        };
    }
    let own = context.project.own_of(context.file, id)?;
    if !context.project.function(own).kind.is_async() {
        return None;
    }
    of_body(context, own, depth)
}

/// An async function or block loses what it was waiting for when it is dropped.
fn of_body(context: &Context<'_>, own: FnRef, depth: u32) -> Option<Found> {
    if depth >= DEEPEST {
        return None;
    }
    let inner = context.looking_into(own.file);
    let mut found = None;
    let strict = context.wants(Profile::Strict);
    flow::visit(&context.project.function(own).body, &mut |node| {
        // What is awaited on some ways only may be none of this caller's.
        if let Node::Branch(branch) = node
            && branch.kind != BranchKind::Select
            && !strict
        {
            return flow::Step::Over;
        }
        if let Node::Await(it) = node
            && let Value::Result(call) = inner.model().value(it.value)
            && let Some((Kind::Data, api, through)) = of_call(&inner, *call, depth + 1)
        {
            found = Some((Kind::Data, api, through.or(Some(own))));
            return flow::Step::Stop;
        }
        flow::Step::Into
    });
    // An async block in the branch itself speaks for itself.
    found.map(|(kind, api, through)| {
        let block = context.project.function(own).kind == crate::model::FunctionKind::AsyncBlock;
        (kind, api, through.filter(|it| !(block && *it == own)))
    })
}

/// `sleep(Duration::from_secs(30))` as a branch that does something and goes on: meant as a beat, it is put off by every
/// other branch.
fn restarted_timer(context: &Context<'_>, arm: &Arm, made: &[CallId]) -> Option<Found> {
    // Where the branches do nothing, they only end a pause before the next turn.
    if !goes_on(arm) || !does_something(context, &arm.body) {
        return None;
    }
    // One that is made for the turn, before the `select!`, is to wait until nothing else is to be done.
    let is_here = |id: &CallId| arm.span.contains(context.model().call(*id).span);
    let id = made.iter().copied().filter(is_here).find(|id| is_sleep(context, *id))?;
    let api = context.project.api_of(context.file, id)?;
    // A time that is worked out anew each turn takes account of what has passed.
    let written = context.text(context.model().call(id).args.first()?.span);
    let fixed = match written.rsplit_once("Duration::from_") {
        Some((_, made)) => made.split_once('(').is_some_and(|(_, argument)| {
            let argument = argument.trim_end_matches(')');
            !argument.contains("..") && argument.chars().all(|it| it.is_ascii_digit() || it == '_' || it == '.')
        }),
        None => written.chars().all(|it| it == '_' || it.is_ascii_uppercase() || it.is_ascii_digit()),
    };
    fixed.then_some((Kind::Time, api, None))
}

/// The branch does something on a way to the next turn.
fn does_something(context: &Context<'_>, body: &Block) -> bool {
    body.nodes.iter().any(|node| match node {
        Node::Call(id) => {
            let written = context.text(context.model().call(*id).name_span);
            !matches!(written, "Ok" | "Err" | "Some")
        }
        Node::Await(_) => true,
        // To ask whether it is over is to do nothing, and what is done then is not done again.
        Node::Branch(it) if it.kind != BranchKind::Select => {
            it.arms.iter().any(|arm| goes_on(arm) && does_something(context, &arm.body))
        }
        other => flow::parts(other).any(|part| deeper(|| does_something(context, part))),
    })
}

fn is_sleep(context: &Context<'_>, id: CallId) -> bool {
    context.project.api_of(context.file, id).is_some_and(|api| {
        matches!(
            api.path,
            "tokio::time::sleep" | "async_std::task::sleep" | "smol::Timer::after" | "async_io::Timer::after"
        )
    })
}
