//! `await-in-cleanup`: clean-up that awaits while the task is cancelled, without a shield.

use super::async_without_await::{is_filler, statements};
use super::caught::is_caught;
use super::inherited::{is_handler, is_overridden};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{Block, Call, CallId, FunctionId, Handler, Kinds, Node, Param, Scope, Use, Value, ValueId, flow};
use crate::project::types::{FnRef, Ty};
use crate::project::{Callee, Wrapping};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "await-in-cleanup",
    page: include_str!("../../rules/await-in-cleanup.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC102", "ASYNC120"],
    fix: None,
    check,
};

/// How far helpers of the project are followed.
const DEEPEST: u32 = 4;

/// What is waited for is looked at as where a cancellation stays: one is enough to lose an exception.
const ONLY_ONCE: &str = "any";

const EXIT: &str = "`__aexit__`";

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    let library = context.project.cancelling_library(context.file);
    // A cancellation of asyncio arrives once: only a second one hits the clean-up.
    if library == "asyncio" && !context.wants(Profile::Strict) {
        return;
    }
    for function in context.async_functions() {
        let id = function.function;
        let definition = context.model().function(id);
        let mut found: Vec<(Span, Place)> = Vec::new();
        if context.model().name(definition.name) == "__aexit__" && library != "asyncio" {
            first_wait(context, &definition.body, library)
                .into_iter()
                .for_each(|span| found.push((span, Place::Cancelled(EXIT))));
        }
        let is_closed = definition.is_generator
            && matches!(context.project.wrapping(function), Wrapping::Plain | Wrapping::Manager)
            && !is_handler(context, function);
        cleanups(context, &definition.body, library, is_closed, &mut found);
        if !found.is_empty() && library != "asyncio" && is_root(context, function) {
            // Only a scope inside it can be cancelled.
            found.retain(|(span, _)| stands_in_scope(&definition.body, *span));
        }
        if !context.wants(Profile::Strict) {
            found.retain(|(span, place)| {
                let exits = *place == Place::Cancelled(EXIT);
                !is_handed_on(context, &definition.body, *span, exits)
            });
        }
        found.sort();
        found.dedup_by_key(|it| it.0);
        for (span, place) in found {
            report(context, id, span, place, library);
        }
    }
}

/// A runner of the same file runs it: no scope is above it.
fn is_root(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.model();
    model.all_calls().any(|(id, call)| {
        call.args.first().is_some_and(|arg| context.evaluate(arg.value) == Ty::Function(function))
            && context.project.api_of(context.file, id).is_some_and(|api| matches!(api.path, "anyio.run" | "trio.run"))
    })
}

fn stands_in_scope(body: &Block, span: Span) -> bool {
    flow::find(body, &mut |node| matches!(node, Node::Scope(scope) if scope.span.contains(span))).is_some()
}

/// Where a clean-up stands, and what a cancellation does to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// What runs here may run because of a cancellation.
    Cancelled(&'static str),
    /// The handler of another exception, which it raises again.
    Handler,
}

fn report(context: &mut Context<'_>, id: FunctionId, span: Span, place: Place, library: &str) {
    let (message, help) = match (place, library) {
        (Place::Handler, "asyncio") => (
            "a cancellation during this `await` takes the place of the exception that is being handled".to_owned(),
            "log the exception before, or clean up where it is not held".to_owned(),
        ),
        (Place::Handler, _) => (
            "a cancellation during this `await` takes the place of the exception that is being handled".to_owned(),
            format!("put it in `with {library}.move_on_after(.., shield=True)`"),
        ),
        (Place::Cancelled(place), "asyncio") => (
            format!("a second cancellation ends this `await` in {place}, and the clean-up with it"),
            "make a task of the clean-up, keep it and await it through `asyncio.shield`".to_owned(),
        ),
        (Place::Cancelled(place), _) => (
            format!("once cancelled, this `await` in {place} raises at once: the clean-up is not done"),
            format!("put it in `with {library}.move_on_after(.., shield=True)`"),
        ),
    };
    let mut finding = context.finding(&RULE, context.function(id), span, message);
    finding.confidence = Confidence::Likely;
    finding.help = Some(help);
    context.keep(finding);
}

fn cleanups(context: &Context<'_>, block: &Block, library: &str, is_closed: bool, found: &mut Vec<(Span, Place)>) {
    // At its `yield` a context manager runs the body of a `with`, which is cancelled like any other code; a generator that
    // nobody iterates to its end is closed in a cancelled scope.
    let can_be_cancelled = |block: &Block| {
        flow::suspends(block)
            || is_closed
                && library != "asyncio"
                && flow::find(block, &mut |node| matches!(node, Node::Yield(_))).is_some()
    };
    flow::visit_for(block, Kinds::TRY, &mut |node| {
        // No cancellation from outside gets to what a shield stands around.
        if matches!(node, Node::Scope(it) if is_shield(context, it, &[])) {
            return flow::Step::Over;
        }
        if let Node::Try(it) = node {
            let mut taken = false;
            for handler in &it.handlers {
                if !taken && catches_cancellation(context, handler) {
                    taken = true;
                    // `scope.shield = True` on a scope that stands around the `try`.
                    if context.text(handler.span).contains(".shield = True") {
                        continue;
                    }
                    let wait = first_wait(context, &handler.body, library);
                    found.extend(
                        wait.filter(|span| !is_asked_about(context, handler, *span))
                            .map(|span| (span, Place::Cancelled("a handler of cancellation"))),
                    );
                } else if context.wants(Profile::All) {
                    let mut lost = Vec::new();
                    until_raise(context, &handler.body, None, &mut lost);
                    found.extend(lost.first().map(|span| (*span, Place::Handler)));
                }
            }
            // What runs after every awaited part is caught meets a cancellation only by chance.
            if can_be_cancelled(&it.body) {
                let wait = first_wait(context, &it.finally, library);
                found.extend(wait.map(|span| (span, Place::Cancelled("`finally`"))));
            }
        }
        flow::Step::Into
    });
}

/// Walks a handler that was entered for an exception. `waited` is the first `await` on the way here, `lost` takes those
/// that a `raise` follows. Gives how the block's end is reached, if it is.
fn until_raise(
    context: &Context<'_>,
    block: &Block,
    mut waited: Option<Span>,
    lost: &mut Vec<Span>,
) -> Option<Option<Span>> {
    for node in &block.nodes {
        match node {
            Node::Raise(_) => {
                lost.extend(waited);
                return None;
            }
            Node::Return { .. } | Node::Break { .. } | Node::Continue { .. } => return None,
            Node::Await(it) if !is_excused(context, it.value, ONLY_ONCE, 0) => waited = waited.or(Some(it.span)),
            Node::Scope(it) if is_shield(context, it, &[]) => {}
            Node::Scope(it) => {
                if flow::is_suspension(node) && !is_task_group(context, it) {
                    waited = waited.or(Some(it.keyword));
                }
                waited = until_raise(context, &it.body, waited, lost)?;
            }
            Node::Block(it) => waited = until_raise(context, it, waited, lost)?,
            Node::Branch(it) => {
                let mut left = (!it.exhaustive).then_some(waited);
                for arm in &it.arms {
                    waited = until_raise(context, &arm.test, waited, lost).unwrap_or(waited);
                    if let Some(arm) = until_raise(context, &arm.body, waited, lost) {
                        left = Some(left.flatten().or(arm));
                    }
                }
                waited = left?;
            }
            Node::Loop(it) => {
                if flow::is_suspension(node) {
                    waited = waited.or(Some(it.keyword));
                }
                let turned = until_raise(context, &it.body, waited, lost).flatten();
                waited = waited.or(turned).or_else(|| first_wait(context, &it.body, ONLY_ONCE));
            }
            // Handlers inside hold an exception of their own.
            Node::Try(it) => {
                let tried = until_raise(context, &it.body, waited, lost);
                let orelse = tried.and_then(|waited| until_raise(context, &it.orelse, waited, lost));
                let handled = || waited.or_else(|| first_wait(context, &it.body, ONLY_ONCE));
                waited = match (orelse, it.handlers.is_empty()) {
                    (Some(waited), _) => waited,
                    (None, true) => return None,
                    (None, false) => handled(),
                };
                waited = until_raise(context, &it.finally, waited, lost)?;
            }
            _ => {}
        }
    }
    Some(waited)
}

/// Opening one waits for nothing.
fn is_task_group(context: &Context<'_>, scope: &Scope) -> bool {
    scope.items.iter().all(|item| super::task_group::role(context, item) == Some(ScopeRole::TaskGroup))
}

fn catches_cancellation(context: &Context<'_>, handler: &Handler) -> bool {
    let is_cancellation = |ty: &Ty| matches!(ty, Ty::External(path) if matches!(&**path, "asyncio.CancelledError" | "trio.Cancelled" | "builtins.BaseException"));
    handler.bare
        || handler.catches.iter().any(|class| {
            let named = match context.evaluate(*class) {
                Ty::Tuple(parts) => parts.iter().any(is_cancellation),
                ty => is_cancellation(&ty),
            };
            let asked = match context.model().value(*class) {
                Value::Result(call) => {
                    matches!(context.evaluate(context.model().call(*call).callee), Ty::External(path) if path.ends_with("get_cancelled_exc_class"))
                }
                _ => false,
            };
            named || asked
        })
}

/// The place is reached only by exceptions for which the code's own test holds, and the others are raised again: `if self.will_retry(error):`.
fn is_asked_about(context: &Context<'_>, handler: &Handler, place: Span) -> bool {
    let model = context.model();
    let asks = |node: &Node| {
        let Node::Call(id) = node else { return false };
        let call = model.call(*id);
        let name = model.callee_name(call).map_or("", |it| model.name(it));
        // Perhaps it asks for just that.
        !matches!(name, "isinstance" | "issubclass" | "type")
            && !name.contains("cancel")
            && call.args.iter().any(|arg| is_caught(context, handler, arg.value))
    };
    let decides = |node: &Node| {
        let Node::Branch(branch) = node else { return false };
        // The first arm has the extent of the whole statement.
        let around = branch.arms.iter().rfind(|arm| arm.span.contains(place));
        let asked = around.is_some_and(|arm| flow::find(&arm.test, &mut |node| asks(node)).is_some());
        asked && branch.exhaustive && branch.arms.iter().any(|arm| !flow::exits(&arm.body, &|_| false).survives())
    };
    flow::find(&handler.body, &mut |node| decides(node)).is_some()
}

/// The handler of cancellation does something about it, without waiting.
fn takes_note(context: &Context<'_>, handler: &Handler) -> bool {
    catches_cancellation(context, handler)
        && !flow::suspends(&handler.body)
        && flow::find(&handler.body, &mut |node| matches!(node, Node::Call(_))).is_some()
}

/// The first place of the block that waits without a shield.
fn first_wait(context: &Context<'_>, block: &Block, library: &str) -> Option<Span> {
    first_wait_within(context, block, library, &Way::default())
}

/// How a function was come to: how many calls down, and which of its parameters were given `False`.
#[derive(Default)]
struct Way<'a> {
    depth: u32,
    off: Vec<&'a str>,
}

fn first_wait_within(context: &Context<'_>, block: &Block, library: &str, way: &Way<'_>) -> Option<Span> {
    let mut found = None;
    flow::visit(block, &mut |node| {
        match node {
            Node::Scope(it) if is_shield(context, it, &way.off) => return flow::Step::Over,
            // Handlers of errors are another matter.
            Node::Try(it) if library == "asyncio" && !it.handlers.is_empty() => return flow::Step::Over,
            // What is not done is taken note of; an exception can be lost all the same.
            Node::Try(it) if library != ONLY_ONCE && it.handlers.iter().any(|handler| takes_note(context, handler)) => {
                return flow::Step::Over;
            }
            Node::Await(it) if !is_excused(context, it.value, library, way.depth) => found = Some(it.span),
            // What is done with the lock is looked at all the same.
            Node::Scope(it) if library == "asyncio" && is_never_waited_for(context, it) => {}
            Node::Scope(it) if flow::is_suspension(node) => found = Some(it.keyword),
            Node::Loop(it) if flow::is_suspension(node) => found = Some(it.keyword),
            _ => {}
        }
        if found.is_some() { flow::Step::Stop } else { flow::Step::Into }
    });
    found
}

/// The lock of asyncio that it takes is free at any time: nowhere in the file does anybody wait for something while holding it.
fn is_never_waited_for(context: &Context<'_>, scope: &Scope) -> bool {
    let [item] = scope.items.as_slice() else { return false };
    let model = context.model();
    let named = |value: ValueId| match model.value(value) {
        Value::Attr(_, name) | Value::Global(_, name) => Some(*name),
        _ => None,
    };
    let Some(lock) = named(item.value) else { return false };
    if context.evaluate(item.value).library_path() != Some("asyncio.Lock") {
        return false;
    }
    let waits = |node: &Node| {
        matches!(node, Node::Scope(it)
            if it.items.iter().any(|it| named(it.value) == Some(lock)) && flow::suspends(&it.body))
    };
    let is_held_awaiting =
        model.function_ids().any(|id| flow::find(&model.function(id).body, &mut |node| waits(node)).is_some());
    // Who takes it by hand may keep it for long.
    let is_taken = |call: &Call| match model.value(call.callee) {
        Value::Attr(of, method) => model.name(*method) == "acquire" && named(*of) == Some(lock),
        _ => false,
    };
    !is_held_awaiting && !model.all_calls().any(|(_, call)| is_taken(call))
}

/// `with CancelScope(shield=True)`, or a scope whose shield is put up inside. `off` are parameters that are `False` here.
fn is_shield(context: &Context<'_>, scope: &Scope, off: &[&str]) -> bool {
    scope.items.iter().any(|item| {
        super::task_group::role(context, item) == Some(ScopeRole::Shield)
            || match context.model().value(item.value) {
                Value::Result(call) => {
                    let call = context.model().call(*call);
                    let says_so = |name: &str| name.to_ascii_lowercase().contains("shield");
                    // The type of a parameter may be all that is known of its value: its name tells which one it is.
                    let is_off = call.args.iter().any(|arg| {
                        let given = context.text(arg.span).rsplit('=').next().unwrap_or_default().trim();
                        arg.name.is_some_and(|it| context.model().name(it) == "shield") && off.contains(&given)
                    });
                    // A project's own shield, by its name or by what it is made of.
                    context.asks_for(call, "shield") && !is_off
                        || says_so(context.text(call.name_span))
                        || is_made_of_one(context, item.value)
                }
                _ => false,
            }
    }) || context.text(scope.span).contains(".shield = True")
}

/// The context manager of the project's yields in a shield.
fn is_made_of_one(context: &Context<'_>, value: ValueId) -> bool {
    let Ty::Manager(manager) = context.evaluate(value) else { return false };
    let inner = context.looking_into(manager.file);
    let span = context.project.function(manager).span;
    inner.model().all_calls().any(|(_, call)| span.contains(call.span) && inner.asks_for(call, "shield"))
}

/// Waits that are made for this: closing forcefully, and handing the end on.
fn is_excused(context: &Context<'_>, value: ValueId, library: &str, depth: u32) -> bool {
    let model = context.model();
    let Value::Result(id) = model.value(value) else {
        // A task, an event, a future: that it ends is what is waited for.
        return library == "asyncio" || model.value(value) == &Value::Unknown;
    };
    let call = model.call(*id);
    if call.result != Use::Awaited {
        // Made earlier: a task, mostly.
        return library == "asyncio";
    }
    let written = context.text(call.name_span);
    let name = written.rsplit('.').next().unwrap_or(written);
    let made_for_it = match name {
        name if name.contains("shield") => true,
        // What it is given decides whether it can be cancelled.
        "wait_task_rescheduled" => true,
        "aclose_forcefully" | "aclose_if_supported" => true,
        // Whose exit it is looks after it; but an exception can be lost there.
        "__aexit__" => library != ONLY_ONCE,
        "aclose" => call.args.is_empty(),
        _ => false,
    };
    if made_for_it {
        return true;
    }
    let told = bodies(context, *id);
    if !told.is_empty() && depth < DEEPEST && told.iter().all(|own| tells(context, *own)) {
        // A helper that puts up the shield itself, or does not wait.
        return told.iter().all(|own| {
            let inner = context.looking_into(own.file);
            let way = Way { depth: depth + 1, off: given_false(context, *id, *own) };
            first_wait_within(&inner, &context.project.function(*own).body, library, &way).is_none()
        });
    }
    match name {
        // Children that were cancelled are waited for.
        "gather" | "wait" => library == "asyncio",
        _ => library == "asyncio" && context.asks_for(call, "return_exceptions"),
    }
}

/// The parameters that are `False` in this call, as written or by default.
fn given_false<'a>(context: &Context<'a>, call: CallId, callee: FnRef) -> Vec<&'a str> {
    let inner = context.project.model(callee.file);
    let params = context.project.function(callee).params.iter().enumerate();
    let is_false = |(position, param): &(usize, &Param)| match context.project.argument_at(
        context.file,
        call,
        callee,
        *position as u32,
    ) {
        Some(given) => *context.model().value(given) == Value::Bool(false),
        None => param.has_default && *inner.value(param.default) == Value::Bool(false),
    };
    params.filter(is_false).map(|(_, param)| inner.name(param.name)).collect()
}

/// The functions of the project that a call may run. What a protocol declares is one of the others.
fn bodies(context: &Context<'_>, id: CallId) -> Vec<FnRef> {
    let callees = context.project.callees(context.file, id);
    let own: Option<Vec<FnRef>> = callees
        .iter()
        .map(|callee| match callee {
            Callee::Own(function) => Some(*function),
            _ => None,
        })
        .collect();
    let mut own = own.unwrap_or_default();
    if own.len() > 1 {
        own.retain(|function| {
            let inner = context.looking_into(function.file);
            !statements(&inner, *function).all(is_filler)
        });
    }
    own
}

/// Whether the one who is waited for looks after itself cannot be told: a protocol or an abstract class declares it. Of an exit
/// that hands on to something, that also goes for what nothing is known of or what others override: most clients do.
fn is_handed_on(context: &Context<'_>, body: &Block, wait: Span, exits: bool) -> bool {
    let call = flow::find(body, &mut |node| matches!(node, Node::Await(it) if it.span == wait));
    let Some(Node::Await(it)) = call else { return false };
    let Value::Result(id) = context.model().value(it.value) else { return false };
    if context.model().call(*id).result != Use::Awaited {
        return false;
    }
    let told = bodies(context, *id);
    if exits {
        return told.is_empty() || !told.iter().all(|own| tells(context, *own));
    }
    !told.is_empty() && told.iter().all(|own| is_declared(context, *own))
}

/// The function is there to be overridden, and does nothing itself.
fn is_declared(context: &Context<'_>, function: FnRef) -> bool {
    let inner = context.looking_into(function.file);
    context.project.is_abstract(function) || statements(&inner, function).all(is_filler)
}

/// The function's body says what is waited for: not where it is a method of a protocol or one that others override, nor an
/// ordinary function, of which what it gives is waited for.
fn tells(context: &Context<'_>, function: FnRef) -> bool {
    let inner = context.looking_into(function.file);
    context.project.function(function).kind.is_async()
        && !is_overridden(&inner, function)
        && !is_declared(context, function)
}
