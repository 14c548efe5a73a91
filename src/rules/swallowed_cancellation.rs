//! `swallowed-cancellation`: a cancellation is caught, and some path does not pass it on.

use super::task_group::role;
use super::{Category, Context, Profile, Rule, cancelled, caught, swallowed_outcome};
use crate::finding::{Confidence, Related, Severity};
use crate::knowledge::{Api, Runner, ScopeRole};
use crate::model::{
    Block, Call, CallId, FunctionId, Handler, Kinds, Loop, LoopKind, Node, Scope, Try, Value, ValueId, flow,
};
use crate::project::Wrapping;
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "swallowed-cancellation",
    page: include_str!("../../rules/swallowed-cancellation.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC103", "ASYNC104"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    for function in context.async_functions() {
        match context.language() {
            Language::Python => python(context, function),
            Language::Rust => swallowed_outcome::check(context, &RULE, function),
        }
    }
}

/// What a handler catches that a cancellation is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Catch {
    /// By name: `CancelledError`, `Cancelled`.
    Cancelled,
    /// With everything else: `BaseException`, a bare `except`.
    Everything,
}

fn python(context: &mut Context<'_>, function: FnRef) {
    if nobody_cancels(context, function) {
        return;
    }
    let body = &context.project.function(function).body;
    let manages = context.project.wrapping(function) == Wrapping::Manager;
    let mut found: Vec<(Span, String, Option<Span>)> = Vec::new();
    flow::visit_for(body, Kinds::TRY.and(Kinds::WITH), &mut |node| {
        match node {
            Node::Try(it) if can_be_cancelled(&it.body, manages) => tried(context, function, it, &mut found),
            Node::Scope(it) if can_be_cancelled(&it.body, manages) => suppressed(context, function, it, &mut found),
            _ => {}
        }
        flow::Step::Into
    });
    if !found.is_empty() && (only_helps_handlers(context, function) || is_run_to_its_end(context, function)) {
        return;
    }
    for (span, message, path) in found {
        let mut finding = context.finding(&RULE, function, span, message);
        finding.confidence = Confidence::Likely;
        finding.help = Some("re-raise it after the clean-up".to_owned());
        finding.related = path
            .map(|span| Related { message: "this path does not re-raise".to_owned(), place: context.place(span) })
            .into_iter()
            .collect();
        context.keep(finding);
    }
}

/// The outermost coroutine: what cancels it ends the program. A method of that name is somebody's task.
fn nobody_cancels(context: &Context<'_>, function: FnRef) -> bool {
    let definition = context.project.function(function);
    if definition.class.is_some() {
        return false;
    }
    matches!(context.project.model(function.file).name(definition.name), "main" | "amain" | "async_main" | "_main")
}

/// A new loop runs it to its end in the same file, as it would a `main`: `asyncio.run(serve())`.
fn is_run_to_its_end(context: &Context<'_>, function: FnRef) -> bool {
    let project = context.project;
    let runs_it = |(id, call): (CallId, &Call)| {
        let runs = |api: &Api| api.runs.iter().any(|it| matches!(it.place, Runner::Runtime | Runner::Beside));
        let is_it = |ty: Ty| matches!(ty, Ty::Coroutine(_, Some(it)) | Ty::Function(it) if it == function);
        call.args
            .first()
            .is_some_and(|arg| project.api_of(context.file, id).is_some_and(runs) && is_it(context.evaluate(arg.value)))
    };
    context.model().all_calls().any(runs_it)
}

/// The block waits, or it is the block of a context manager around whose `yield` somebody else's code does.
fn can_be_cancelled(block: &Block, manages: bool) -> bool {
    flow::suspends(block) || manages && flow::find(block, &mut |node| matches!(node, Node::Yield(_))).is_some()
}

fn tried(context: &Context<'_>, function: FnRef, it: &Try, found: &mut Vec<(Span, String, Option<Span>)>) {
    let never_returns = |node: &Node| never_returns(context, node);
    for handler in &it.handlers {
        let Some(catch) = catches(context, handler) else { continue };
        let exits = caught::exits_when_cancelled(context, handler, &never_returns);
        let excused = is_excused(context, function, it, handler)
            || !exits.returns && raises_after(context, function, it.span)
            || is_for_one_kept(context, function, it.span);
        if exits.survives() && !excused {
            let caught = match catch {
                Catch::Cancelled => "the cancellation is caught here and not passed on",
                Catch::Everything => "this handler catches cancellation too and does not pass it on",
            };
            found.push((handler.head, caught.to_owned(), None));
        }
        // Later handlers never see a cancellation.
        return;
    }
    // `finally: return` drops whatever was on its way.
    let exits = flow::exits(&it.finally, &never_returns);
    if exits.returns || exits.breaks || exits.continues {
        let jump = flow::find(&it.finally, &mut |node| {
            matches!(node, Node::Return { .. } | Node::Break { .. } | Node::Continue { .. })
        });
        if let Some(Node::Return { span, .. } | Node::Break { span } | Node::Continue { span }) = jump {
            found.push((*span, "leaving `finally` so drops a cancellation that is on its way".to_owned(), None));
        }
    }
}

fn catches(context: &Context<'_>, handler: &Handler) -> Option<Catch> {
    if handler.bare {
        return Some(Catch::Everything);
    }
    handler.catches.iter().find_map(|class| caught_class(context, *class))
}

fn caught_class(context: &Context<'_>, class: ValueId) -> Option<Catch> {
    if let Value::Result(call) = context.model().value(class) {
        // `except anyio.get_cancelled_exc_class()`. Of others only the declared type is known, which may be far too wide.
        let callee = context.evaluate(context.model().call(*call).callee);
        let asks = matches!(callee, Ty::External(path) if path.ends_with("get_cancelled_exc_class"));
        return asks.then_some(Catch::Cancelled);
    }
    match context.evaluate(class) {
        Ty::Tuple(parts) => parts.iter().find_map(class_of),
        ty => class_of(&ty),
    }
}

fn class_of(ty: &Ty) -> Option<Catch> {
    let Ty::External(path) = ty else { return None };
    match &**path {
        "asyncio.CancelledError" | "asyncio.exceptions.CancelledError" | "trio.Cancelled" => Some(Catch::Cancelled),
        "builtins.BaseException" => Some(Catch::Everything),
        _ => None,
    }
}

/// Ways to catch a cancellation that are right.
fn is_excused(context: &Context<'_>, function: FnRef, it: &Try, handler: &Handler) -> bool {
    let text = context.text(handler.span);
    // The handler knows of cancellation: it asks who was cancelled, or hands the exception on.
    if [
        "uncancel(",
        ".cancelling(",
        "set_exception(",
        ".cancelled(",
        ".cancel_called",
        ".cancelled_caught",
        ".throw(",
        "exit__",
    ]
    .iter()
    .any(|it| text.contains(it))
    {
        return true;
    }
    if caught::asks_for_cancellation(context, handler) || raises_later(context, function, it, handler) {
        return true;
    }
    if let Some(local) = handler.local {
        let name = context.model().name(context.model().function(function.function).local(local).name);
        // Kept, raised later or handed to somebody who will: anything but a line of a log.
        if caught::is_handed_on(context, handler, name) {
            return true;
        }
    }
    if is_shielded(context, function, it.span) || waits_for_a_task(context, function, &it.body) {
        return true;
    }
    if cancelled::cancels_itself(context, function.function, handler)
        || cancelled::may_end_what_is_awaited(context, function.function, &it.body)
    {
        return true;
    }
    cancels_before(context, function.function, it.body_span(), &it.body)
}

/// The handler notes that it was there, and the function raises a cancellation of its own afterwards: `if stopped: raise CancelledError`.
fn raises_later(context: &Context<'_>, function: FnRef, it: &Try, handler: &Handler) -> bool {
    let model = context.model();
    let names_one = |value: ValueId| match model.value(value) {
        Value::Result(call) => is_cancellation(context, model.call(*call).callee),
        _ => is_cancellation(context, value),
    };
    // What it has kept may be any exception.
    let keeps = context.text(handler.span).contains("= sys.exc_info()");
    let raises = |node: &Node| {
        matches!(node, Node::Raise(raise)
            if raise.span.start >= it.span.end && raise.value.is_some_and(|it| keeps || names_one(it)))
    };
    flow::find(&handler.body, &mut |node| matches!(node, Node::Bind { .. })).is_some()
        && flow::find(&context.project.function(function).body, &mut |node| raises(node)).is_some()
}

/// It stands in a handler of a cancellation that is kept, and raised afterwards: another one that comes meanwhile is no news.
fn is_for_one_kept(context: &Context<'_>, function: FnRef, span: Span) -> bool {
    let body = &context.project.function(function).body;
    let raises_after = |end: u32| {
        let raises = |node: &Node| matches!(node, Node::Raise(it) if it.span.start >= end && it.value.is_some());
        flow::find(body, &mut |node| raises(node)).is_some()
    };
    let keeps = |node: &Node| {
        let Node::Try(it) = node else { return false };
        let around = it.handlers.iter().find(|handler| handler.span.contains(span));
        around.is_some_and(|handler| {
            catches(context, handler).is_some()
                && raises_after(it.span.end)
                && is_excused(context, function, it, handler)
        })
    };
    flow::find(body, &mut |node| keeps(node)).is_some()
}

/// The class of what a cancellation raises, or several with it among them.
pub(super) fn is_cancellation(context: &Context<'_>, class: ValueId) -> bool {
    let model = context.model();
    match model.value(class) {
        Value::Tuple(items) => items.iter().any(|it| is_cancellation(context, *it)),
        Value::Result(call) => {
            let name = model.callee_name(model.call(*call)).map(|it| model.name(it));
            name == Some("get_cancelled_exc_class")
        }
        _ => class_of(&context.evaluate(class)) == Some(Catch::Cancelled),
    }
}

/// The `try` stands in a scope that no cancellation from outside reaches.
fn is_shielded(context: &Context<'_>, function: FnRef, span: Span) -> bool {
    flow::find(&context.project.function(function).body, &mut |node| {
        matches!(node, Node::Scope(scope) if scope.span.contains(span)
            && scope.items.iter().any(|item| matches!(context.model().value(item.value), Value::Result(call)
                if context.asks_for(context.model().call(*call), "shield"))))
    })
    .is_some()
}

/// All that the block waits for is a task or future that the class or function cancels somewhere: what arrives is its end.
fn waits_for_a_task(context: &Context<'_>, function: FnRef, block: &Block) -> bool {
    let model = context.model();
    let mut only_tasks = true;
    flow::visit(block, &mut |node| {
        match node {
            Node::Await(it) => only_tasks &= !matches!(model.value(it.value), Value::Result(_)),
            node if flow::is_suspension(node) => only_tasks = false,
            _ => {}
        }
        flow::Step::Into
    });
    if !only_tasks {
        return false;
    }
    let mut around = function.function;
    while let Some(outer) = model.function(around).parent {
        around = outer;
    }
    let definition = model.function(around);
    let span = match definition.class {
        Some(class) => model.class(class).span,
        None => definition.span,
    };
    context.uses_method(span, |name| name.starts_with("cancel"))
}

/// Wherever the `try` is left at its end, something is raised before the function is done.
fn raises_after(context: &Context<'_>, function: FnRef, span: Span) -> bool {
    after(context, &context.project.function(function).body, span) == Some(After::Raises)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Raises,
    Survives,
    /// The end of the block is reached.
    Falls,
}

/// What comes after the statement at `span`, if it is in the block.
fn after(context: &Context<'_>, block: &Block, span: Span) -> Option<After> {
    for (index, node) in block.nodes.iter().enumerate() {
        let inside = match node {
            Node::Try(it) if it.span == span => Some(After::Falls),
            Node::Scope(it) if it.span == span => Some(After::Falls),
            Node::Loop(it) if it.span.contains(span) => Some(after_in_loop(context, it)),
            // What only an exception leads to is followed by that exception.
            Node::Try(it) if it.span.contains(span) => match after(context, &it.finally, span) {
                Some(After::Falls) if !is_left_alive(context, it) => Some(After::Raises),
                None => flow::parts(node).find_map(|part| after(context, part, span)),
                found => found,
            },
            node => flow::parts(node).find_map(|part| after(context, part, span)),
        };
        match inside {
            None => {}
            Some(After::Falls) => {
                let rest = Block::new(block.nodes[index + 1..].to_vec());
                let exits = flow::exits(&rest, &|node| never_returns(context, node));
                let endless = |node: &Node| matches!(node, Node::Loop(it) if it.kind == LoopKind::Forever);
                let is_endless = flow::find(&rest, &mut |node| endless(node)).is_some();
                return Some(match (exits.survives(), exits.falls) {
                    (false, _) if is_endless => After::Survives,
                    (false, _) => After::Raises,
                    (true, true) if !(exits.returns || exits.breaks || exits.continues) => After::Falls,
                    _ => After::Survives,
                });
            }
            found => return found,
        }
    }
    None
}

/// Something else than an exception may lead to its `finally`.
fn is_left_alive(context: &Context<'_>, it: &Try) -> bool {
    let exits = |block: &Block| flow::exits(block, &|node| never_returns(context, node));
    let body = exits(&it.body);
    body.returns
        || body.breaks
        || body.continues
        || body.falls && exits(&it.orelse).survives()
        || it.handlers.iter().any(|handler| exits(&handler.body).survives())
}

/// From anywhere in a loop: whether it ends, and what follows it is reached.
fn after_in_loop(context: &Context<'_>, it: &Loop) -> After {
    let never_returns = |node: &Node| never_returns(context, node);
    let body = flow::exits(&it.body, &never_returns);
    let returns = body.returns || flow::exits(&it.orelse, &never_returns).returns;
    let ends = it.kind != LoopKind::Forever || body.breaks;
    if ends && !returns { After::Falls } else { After::Survives }
}

/// A helper that is called only in handlers that raise in the end.
fn only_helps_handlers(context: &Context<'_>, helper: FnRef) -> bool {
    let model = context.model();
    let definition = model.function(helper.function);
    if !model.name(definition.name).starts_with('_') && definition.parent.is_none() {
        return false;
    }
    let named = |value: ValueId| match model.value(value) {
        Value::Attr(_, name) | Value::Global(_, name) => *name == definition.name,
        Value::Function(function) => *function == helper.function,
        _ => false,
    };
    let calls = model
        .all_calls()
        .filter(|(id, call)| named(call.callee) && context.project.own_of(context.file, *id) == Some(helper));
    let mut called = false;
    for (_, call) in calls {
        called = true;
        let raises = flow::find(&model.function(call.function).body, &mut |node| {
            let Node::Try(it) = node else { return false };
            it.handlers.iter().any(|handler| {
                handler.span.contains(call.span)
                    && !flow::exits(&handler.body, &|node| never_returns(context, node)).survives()
            })
        });
        if raises.is_none() {
            return false;
        }
    }
    called
}

/// The function itself has cancelled something before it waits, and may wait for just that: what arrives is its end.
fn cancels_before(context: &Context<'_>, function: FunctionId, span: Span, body: &Block) -> bool {
    let model = context.model();
    let closes = model.all_calls().any(|(_, call)| {
        call.function == function
            && call.span.start < span.end
            && matches!(model.value(call.callee), Value::Attr(_, name) if matches!(model.name(*name), "aclose" | "abort"))
    });
    // The receiver may be of unknown type, or the method handed on, and then only the text tells.
    let text = context.text(Span::new(model.function(function).span.start, span.end));
    // Of `scope.cancel_scope` and `task.cancelled` nothing is cancelled.
    let is_call = |rest: &str| !["_scope", "_called", "led", "ling", "lation"].iter().any(|it| rest.starts_with(it));
    let cancelled: Vec<&str> = text
        .match_indices(".cancel")
        .filter(|(at, word)| is_call(&text[at + word.len()..]))
        .map(|(at, _)| cancelled::last_name(&text[..at]))
        .collect();
    let other = !cancelled.is_empty() && waits_for_another(context, body, &cancelled);
    (closes || !cancelled.is_empty()) && !other || waits_for_one_of(context, body, function, span)
}

/// The block waits for something by itself that a helper has cancelled before.
fn waits_for_one_of(context: &Context<'_>, body: &Block, function: FunctionId, span: Span) -> bool {
    const WAIT: &[&str] = &["gather", "wait", "wait_for", "shield", "join", "result"];
    let model = context.model();
    let cancelled = cancelled::by_helpers(context, function, span);
    let waits = |node: &Node| {
        let Node::Await(it) = node else { return false };
        if let Value::Result(call) = model.value(it.value)
            && !model.callee_name(model.call(*call)).is_some_and(|name| WAIT.contains(&model.name(name)))
        {
            return false;
        }
        let words = || context.text(it.span).split(|it: char| it != '_' && !it.is_alphanumeric());
        // An element of what was cancelled goes by a name of its own.
        let is_element = matches!(model.value(it.value), Value::Element(_));
        is_element || words().any(|word| cancelled.contains(&word))
    };
    !cancelled.is_empty() && flow::find(body, &mut |node| waits(node)).is_some()
}

/// Nothing that the block waits for has to do with what was cancelled: calls of something else, and their arguments.
fn waits_for_another(context: &Context<'_>, block: &Block, cancelled: &[&str]) -> bool {
    // Who cancels a scope, or itself, may mean whatever comes after.
    let means_all = |name: &&str| {
        let name = name.to_ascii_lowercase();
        name.is_empty()
            || ["self", "cls", "cs"].contains(&name.as_str())
            || ["scope", "nursery", "group", "tg", "current"].iter().any(|it| name.contains(it))
    };
    if cancelled.iter().any(means_all) {
        return false;
    }
    let model = context.model();
    let mut other = true;
    flow::visit(block, &mut |node| {
        match node {
            Node::Await(it) => {
                // A task, be it made in this function, or an event: its end may be what is waited for.
                let called = match model.value(it.value) {
                    Value::Result(call) if model.call(*call).awaited => model.call(*call).name_span,
                    _ => {
                        other = false;
                        return flow::Step::Stop;
                    }
                };
                let called = cancelled::last_name(context.text(called));
                let waits = ["gather", "wait", "shield", "join", "result", "close", "stop", "cancel", "sleep"];
                let text = context.text(it.span);
                other &= !waits.iter().any(|it| called.contains(it)) && !cancelled.iter().any(|it| text.contains(it));
            }
            node if flow::is_suspension(node) => other = false,
            _ => {}
        }
        flow::Step::Into
    });
    other
}

fn suppressed(context: &Context<'_>, function: FnRef, scope: &Scope, found: &mut Vec<(Span, String, Option<Span>)>) {
    for item in &scope.items {
        let Value::Result(id) = context.model().value(item.value) else { continue };
        let Some(api) = context.project.api_of(context.file, *id) else { continue };
        if api.scope != Some(ScopeRole::Suppress) && api.path != "contextlib.suppress" {
            continue;
        }
        let call = context.model().call(*id);
        let catches = call.args.iter().any(|arg| caught_class(context, arg.value).is_some());
        let excused = cancels_before(context, function.function, scope.span, &scope.body)
            || raises_after(context, function, scope.span)
            || is_shielded(context, function, scope.span);
        if catches && !excused {
            found.push((item.span, "a cancellation inside is suppressed and not passed on".to_owned(), None));
        }
    }
}

/// A call that always raises or ends the program, or a scope that raises at its end what was caught.
pub(super) fn never_returns(context: &Context<'_>, node: &Node) -> bool {
    match node {
        Node::Call(id) => context.project.never_returns(context.file, *id),
        Node::Scope(it) => it.items.iter().any(|item| role(context, item) == Some(ScopeRole::Reraise)),
        _ => false,
    }
}

impl Try {
    /// The statement up to its first handler.
    fn body_span(&self) -> Span {
        let end = self.handlers.first().map_or(self.span.end, |handler| handler.span.start);
        Span::new(self.span.start, end)
    }
}
