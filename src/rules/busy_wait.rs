//! `busy-wait`: a loop sleeps and looks again, where it could wait to be told.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::{Api, Kind};
use crate::model::{Block, BranchKind, CallId, ImplicitKind, Kinds, Loop, LoopKind, Node, Value, ValueId, flow};
use crate::project::effects::Climbing;
use crate::project::types::{Class, FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "busy-wait",
    page: include_str!("../../rules/busy-wait.md"),
    category: Category::Clarity,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC110"],
    fix: None,
    check,
};

const SLEEPS: &[&str] = &[
    "asyncio.sleep",
    "trio.sleep",
    "trio.sleep_until",
    "trio.lowlevel.checkpoint",
    "anyio.sleep",
    "anyio.sleep_until",
    "anyio.lowlevel.checkpoint",
    "tokio::time::sleep",
    "tokio::time::sleep_until",
    "tokio::task::yield_now",
    "async_std::task::sleep",
    "async_std::task::yield_now",
    "futures_lite::future::yield_now",
    "smol::future::yield_now",
];

/// Libraries whose functions only look at what the program itself keeps.
const INSIDE: &[&str] = &[
    "asyncio.",
    "trio.",
    "anyio.",
    "collections.",
    "builtins.",
    "std::sync::",
    "std::collections::",
    "std::option::",
    "std::result::",
    "std::cell::",
    "std::vec::",
    "std::string::",
    "std::cmp::",
    "std::ops::",
    "std::boxed::",
    "std::clone::",
    "std::rc::",
    "tokio::sync::",
    "tokio::task::",
    "futures::channel::",
    "parking_lot::",
];

/// What a loop waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Condition {
    /// Something the program itself changes: whoever does could tell.
    Own,
    /// It asks code that nothing is known of.
    Unknown,
    /// Nothing at all: it only sleeps.
    Nothing,
    /// The clock, a file, another program: there is nobody to tell.
    Outside,
}

fn check(context: &mut Context<'_>) {
    for function in context.async_functions() {
        let mut found = Vec::new();
        flow::visit_for(&context.project.function(function).body, Kinds::LOOP, &mut |node| {
            if let Node::Loop(it) = node
                && let Some((condition, sleep)) = judge(context, it)
            {
                found.push((it.keyword, condition, sleep));
            }
            flow::Step::Into
        });
        for (at, condition, sleep) in found {
            report(context, function, at, condition, sleep);
        }
    }
}

fn report(context: &mut Context<'_>, function: FnRef, at: Span, condition: Condition, sleep: &Api) {
    let strict = matches!(condition, Condition::Nothing | Condition::Unknown);
    if condition == Condition::Outside || strict && !context.wants(Profile::Strict) {
        return;
    }
    let message = match (condition, sleep.last_name()) {
        (Condition::Nothing, "yield_now" | "checkpoint") => "this loop does nothing but yield",
        (Condition::Nothing, _) => "this loop does nothing but sleep",
        (_, "yield_now" | "checkpoint") => "this loop yields again and again until its condition holds",
        _ => "this loop sleeps until its condition holds",
    };
    let mut finding = context.finding(&RULE, function, at, message.to_owned());
    if condition == Condition::Unknown {
        finding.confidence = Confidence::Likely;
    }
    let help = match (context.async_library(context.file), context.language(), condition) {
        (_, Language::Rust, Condition::Nothing) => {
            "wait for the end itself: `std::future::pending`, a signal, a channel"
        }
        (_, Language::Rust, _) => "wait for a `tokio::sync::Notify` or a `watch` channel that tells of the change",
        ("trio", _, Condition::Nothing) => "`trio.sleep_forever` says so",
        ("anyio", _, Condition::Nothing) => "`anyio.sleep_forever` says so",
        (_, _, Condition::Nothing) => "wait for an `asyncio.Event` or a future that ends it",
        ("trio", ..) => "wait for a `trio.Event` that is set where the condition changes",
        ("anyio", ..) => "wait for an `anyio.Event` that is set where the condition changes",
        _ => "wait for an `asyncio.Event` or `asyncio.Condition` that is set where the condition changes",
    };
    finding.help = Some(help.to_owned());
    context.keep(finding);
}

/// What the loop waits for, and by which function it does.
fn judge(context: &Context<'_>, it: &Loop) -> Option<(Condition, &'static Api)> {
    let (test, (sleep, api)) = match it.kind {
        LoopKind::While => (Some(&it.head), sleeps(context, &it.body, None)?),
        LoopKind::Forever => {
            let branch = it.body.nodes.iter().find_map(|node| match node {
                Node::Branch(branch) if branch.kind == BranchKind::If => Some(branch),
                _ => None,
            });
            match branch {
                None => (None, sleeps(context, &it.body, None)?),
                Some(branch) => {
                    let [arm] = branch.arms.as_slice() else { return None };
                    let leaves =
                        matches!(arm.body.nodes.as_slice(), [Node::Break { .. } | Node::Return { value: None, .. }]);
                    if !leaves {
                        return None;
                    }
                    (Some(&arm.test), sleeps(context, &it.body, Some(branch.span))?)
                }
            }
        }
        _ => return None,
    };
    let branch = it.body.nodes.iter().find_map(|node| match node {
        Node::Branch(branch) => Some(branch.span),
        _ => None,
    });
    if !is_all(context, it, branch, sleep) {
        return None;
    }
    Some((test.map_or(Condition::Nothing, |test| condition(context, test, 0)), api))
}

/// The one thing the block does is to sleep, but for the branch at `except`.
fn sleeps(context: &Context<'_>, block: &Block, except: Option<Span>) -> Option<(Span, &'static Api)> {
    let mut sleep = None;
    let mut only = true;
    let mut called = Vec::new();
    flow::visit(block, &mut |node| {
        match node {
            Node::Branch(it) if Some(it.span) == except => return flow::Step::Over,
            Node::Call(id) => called.push(*id),
            Node::Await(it) => {
                let slept = match context.model().value(it.value) {
                    Value::Result(call) => context.project.api_of(context.file, *call),
                    _ => None,
                };
                let slept = slept.filter(|api| SLEEPS.contains(&api.path));
                only &= slept.is_some() && sleep.is_none();
                sleep = slept.map(|api| (it.span, api));
            }
            Node::Implicit(_) | Node::Block(_) | Node::Release { .. } => {}
            Node::Scope(it) => only &= it.kind == crate::model::ScopeKind::Temporaries,
            _ => only = false,
        }
        if only { flow::Step::Into } else { flow::Step::Stop }
    });
    let sleep = sleep.filter(|_| only)?;
    called.iter().all(|id| sleep.0.contains(context.model().call(*id).span)).then_some(sleep)
}

/// No other statement stands in the loop: the model does not show those that only count.
fn is_all(context: &Context<'_>, it: &Loop, branch: Option<Span>, sleep: Span) -> bool {
    let statements = &context.model().statements;
    let from = statements.partition_point(|statement| statement.start < it.span.start);
    let mut inside = statements[from..].iter().take_while(|statement| statement.end <= it.span.end);
    if context.text(it.span).starts_with("while") {
        inside.next();
    }
    inside.all(|statement| statement.contains(sleep) || branch.is_some_and(|branch| branch.contains(*statement)))
}

fn condition(context: &Context<'_>, test: &Block, depth: u32) -> Condition {
    if flow::suspends(test) {
        return Condition::Outside;
    }
    let mut worst = Condition::Own;
    flow::visit(test, &mut |node| {
        match node {
            Node::Call(id) => worst = worst.max(asked(context, *id, depth)),
            Node::Implicit(it) => {
                if let ImplicitKind::Attribute(name) = it.kind {
                    worst = worst.max(kept_by(context, it.value, context.model().name(name)));
                }
            }
            _ => {}
        }
        flow::Step::Into
    });
    worst
}

/// Whom the call asks.
fn asked(context: &Context<'_>, call: CallId, depth: u32) -> Condition {
    if let Some(api) = context.project.api_of(context.file, call) {
        return match api.path.split('.').next() {
            _ if looks_inside(api) => Condition::Own,
            // Another thread, which may have no loop at hand to tell.
            Some("threading" | "queue" | "concurrent") => Condition::Unknown,
            _ => Condition::Outside,
        };
    }
    let Some(own) = context.project.own_of(context.file, call) else {
        let name = context.text(context.model().call(call).name_span);
        let name = name.rsplit(['.', ':']).next().unwrap_or(name);
        return if is_clock(name) { Condition::Outside } else { Condition::Unknown };
    };
    let effects = context.project.effects();
    if depth > 3 || Kind::ALL.iter().any(|kind| effects.has(context.project, own, Climbing::Blocks(*kind))) {
        return Condition::Outside;
    }
    let body = &context.project.function(own).body;
    // A stub: whoever implements it may ask anybody.
    if body.nodes.is_empty() {
        return Condition::Unknown;
    }
    condition(&context.looking_into(own.file), body, depth + 1)
}

/// Whose attribute is read.
fn kept_by(context: &Context<'_>, receiver: ValueId, name: &str) -> Condition {
    if is_clock(name) {
        return Condition::Outside;
    }
    let own = |ty: &Ty| matches!(ty, Ty::Instance(Class::Own(_), _) | Ty::Class(_) | Ty::Module(..));
    match context.evaluate(receiver) {
        ty if own(&ty) => Condition::Own,
        Ty::Instance(Class::Library(_), _) => Condition::Outside,
        ty if !ty.is_unknown() && ty.parts().iter().all(own) => Condition::Own,
        _ => Condition::Unknown,
    }
}

fn looks_inside(api: &Api) -> bool {
    api.effect.is_none() && INSIDE.iter().any(|it| api.path.starts_with(it)) && !is_clock(api.last_name())
}

fn is_clock(name: &str) -> bool {
    let clocks = [
        "time",
        "current_time",
        "monotonic",
        "now",
        "elapsed",
        "expired",
        "remaining",
        "current_effective_deadline",
        "returncode",
        "exitcode",
    ];
    clocks.contains(&name)
}
