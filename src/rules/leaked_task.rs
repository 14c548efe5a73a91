//! `leaked-task`: a task is started and nobody keeps or awaits it.

use super::{Category, Context, Profile, Rule, kept_unseen};
use crate::finding::{Confidence, Place, Related, Severity};
use crate::knowledge::{Api, Effect, Handle, TypeRole};
use crate::model::{Call, CallId, FunctionKind, Node, Use, Value, ValueId, flow};
use crate::project::Wrapping;
use crate::project::types::{ClassRef, FnRef, Ty};
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "leaked-task",
    page: include_str!("../../rules/leaked-task.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC300", "RUF006"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    let model = context.model();
    for (id, call) in model.all_calls() {
        if !is_lost(context, call, call.result) {
            if call.awaited && context.language() == Language::Python {
                awaited_helper(context, id, call);
            }
            if matches!(call.result, Use::Stored | Use::Passed) && context.wants(Profile::Strict) {
                put_away(context, id, call);
            }
            continue;
        }
        if let Some(api) = context.project.api_of(context.file, id) {
            if context.project.effect_in_call(context.file, call, api) == Some(Effect::Spawns) {
                spawned(context, call, api);
            }
        } else if context.language() == Language::Rust
            && let Some(helper) = context.project.own_of(context.file, id)
            && !context.project.is_async(helper)
            && let handle = context.project.result_of_call(context.file, id)
            && detaches(context, &handle)
        {
            returned_handle(context, call, helper, &handle);
        } else if context.language() == Language::Python
            && let Some(helper) = context.project.own_of(context.file, id)
            && !context.project.is_async(helper)
            && let Some(started) = handed_back(context, helper, context.project.class_asked(context.file, id), 0)
        {
            dropped_from(context, call, helper, started);
        }
    }
}

/// Python: what an async function of the project gives once it is awaited is a task, and goes nowhere.
fn awaited_helper(context: &mut Context<'_>, id: CallId, call: &Call) {
    if let Some(helper) = context.project.own_of(context.file, id)
        && context.project.is_async(helper)
        && let Some(started) = handed_back(context, helper, context.project.class_asked(context.file, id), 0)
        && is_lost(context, call, context.use_of(id))
    {
        dropped_from(context, call, helper, started);
    }
}

/// Python: a helper starts the task that is dropped, there and by this.
fn dropped_from(context: &mut Context<'_>, call: &Call, helper: FnRef, (api, place): (&'static Api, Place)) {
    let function = context.function(call.function);
    let name = context.project.short_name(helper).to_owned();
    let message = format!("the task that `{name}` starts and returns is dropped");
    let mut finding = context.finding(&RULE, function, call.name_span, message);
    finding.help = Some(KEEP.to_owned());
    finding.related = vec![Related { message: format!("`{}` starts it here", api.path), place }];
    context.keep(finding);
}

/// The handle is kept where nothing looks at it again.
fn put_away(context: &mut Context<'_>, id: CallId, call: &Call) {
    let model = context.model();
    let name = match model.value(call.callee) {
        Value::Attr(_, name) => model.name(*name),
        Value::Path(path) => path.segments.last().map_or("", |it| model.name(*it)),
        _ => return,
    };
    // Most calls start nothing, and their names say so.
    if !["task", "spawn", "future"].iter().any(|it| name.contains(it)) {
        return;
    }
    let Some(api) = context.project.api_of(context.file, id) else { return };
    let starts = context.project.effect_in_call(context.file, call, api) == Some(Effect::Spawns);
    let unseen = match api.handle {
        Some(Handle::Weak) => starts,
        Some(Handle::Detaches) => starts && error_is_lost(context, call),
        _ => false,
    };
    if !unseen {
        return;
    }
    let Some(place) = kept_unseen::place(context, id, call) else { return };
    let message = format!("the task from `{}` is put into `{place}`, where nothing looks at it again", api.path);
    let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
    finding.confidence = Confidence::Likely;
    finding.help = Some("await the task where its work is to be over, or start it in a task group".to_owned());
    context.keep(finding);
}

/// A handle whose task goes on without it, and may fail unseen.
pub(super) fn detaches(context: &Context<'_>, ty: &Ty) -> bool {
    is_task(context, ty)
        && ty.library_path().is_some_and(|path| {
            let facts = context.project.knowledge.type_facts(Language::Rust, path);
            facts.is_some_and(|facts| facts.output.starts_with("Result"))
        })
}

/// Rust: a helper's type says that it gives a task's handle.
fn returned_handle(context: &mut Context<'_>, call: &Call, helper: FnRef, handle: &Ty) {
    let outcome = if let Ty::Instance(_, args) = handle { args.first() } else { None };
    // Where the type does not say, what the helper is given may be what it runs.
    let loses_error = match outcome {
        Some(outcome) if !outcome.is_unknown() => carries_error(outcome),
        _ => result_is_lost(context, call),
    };
    if !loses_error && !context.wants(Profile::Strict) || is_tracked(context, helper) {
        return;
    }
    let name = context.project.short_name(helper).to_owned();
    let message = format!("the handle of the task that `{name}` returns is dropped");
    let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
    finding.help = Some("await the handle, or spawn into a `JoinSet` or a `taskgroup::TaskGroup`".to_owned());
    context.keep(finding);
}

/// The handle comes from a tracker or a set, which keeps the task whatever becomes of the handle.
fn is_tracked(context: &Context<'_>, helper: FnRef) -> bool {
    let model = context.project.model(helper.file);
    let returned = &context.project.function(helper).returned;
    let is_owned = |value: &ValueId| match model.value(*value) {
        Value::Result(id) => {
            context.project.api_of(helper.file, *id).is_some_and(|api| api.handle == Some(Handle::Owned))
        }
        _ => false,
    };
    !returned.is_empty() && returned.iter().all(is_owned)
}

/// Rust: the method of a trait that runs the future it is given. Its signature has no room for the handle.
fn is_adapter(context: &Context<'_>, call: &Call) -> bool {
    let model = context.model();
    let function = model.function(call.function);
    let is_given = |value: ValueId| function.param_of(value).is_some();
    let hands_on = |value: ValueId| match model.value(value) {
        // `fut.in_current_span()`
        Value::Result(id) => match model.value(model.call(*id).callee) {
            Value::Attr(receiver, _) => is_given(*receiver),
            _ => false,
        },
        _ => is_given(value),
    };
    model.impls.iter().any(|it| it.of_trait.is_some() && it.methods.iter().any(|(_, id)| *id == call.function))
        && call.args.iter().any(|arg| hands_on(arg.value))
}

/// What the task was started on is itself awaited: a `LocalSet` ends when all of its tasks have.
fn is_waited_for(context: &Context<'_>, call: &Call) -> bool {
    let model = context.model();
    let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
    let body = &model.function(call.function).body;
    flow::find(body, &mut |node| matches!(node, Node::Await(it) if it.value == *receiver)).is_some()
}

const KEEP: &str = "keep the task and await it, or start it in a task group";

/// The result goes nowhere.
fn is_lost(context: &Context<'_>, call: &Call, result: Use) -> bool {
    match result {
        Use::Dropped | Use::Discarded => true,
        Use::Bound(local) => {
            let function = context.model().function(call.function);
            let held = function.local(local);
            if held.reads > 0 || held.shared {
                return false;
            }
            // `drop(task)` says when it may go.
            let released = flow::find(
                &function.body,
                &mut |node| matches!(node, Node::Release { local: released, .. } if *released == local),
            );
            match context.language() {
                Language::Python => !lives_through_the_loop(context, call, released),
                Language::Rust => released.is_none(),
            }
        }
        // `lambda: create_task(..)` as a callback: whoever calls it drops what it gives.
        _ => false,
    }
}

/// The function itself runs the loop while it has the name: `task = loop.create_task(..)`, `loop.run_forever()`.
fn lives_through_the_loop(context: &Context<'_>, call: &Call, released: Option<&Node>) -> bool {
    let model = context.model();
    let released = match released {
        Some(Node::Release { span, .. }) => span.start,
        _ => u32::MAX,
    };
    let runs = |(id, other): (CallId, &Call)| {
        call.span.end <= other.span.start
            && other.span.end <= released
            && context.project.api_of(context.file, id).is_some_and(|api| api.effect == Some(Effect::StartsRuntime))
    };
    !model.function(call.function).kind.is_async() && model.calls_in(call.function).iter().any(runs)
}

fn spawned(context: &mut Context<'_>, call: &Call, api: &'static Api) {
    let function = context.function(call.function);
    match api.handle {
        Some(Handle::Weak) => {
            let message = format!("the task from `{}` is not kept: it may be collected before it ends", api.path);
            let mut finding = context.finding(&RULE, function, call.name_span, message);
            finding.help = Some(KEEP.to_owned());
            context.keep(finding);
        }
        Some(Handle::Detaches) => {
            // A `let _handle` that lives on is a way to say so; what matters is whether an error is lost.
            let loses_error = error_is_lost(context, call);
            let is_told = loses_error || context.wants(Profile::Strict) && !is_adapter(context, call);
            if !is_told || is_waited_for(context, call) {
                return;
            }
            let message = if loses_error {
                format!("the handle of `{}` is dropped, and with it the task's error", api.path)
            } else {
                format!("the handle of `{}` is dropped: nobody awaits the task or sees it panic", api.path)
            };
            let mut finding = context.finding(&RULE, function, call.name_span, message);
            let help = match context.language() {
                Language::Python => "keep it and ask it for its result, or give it a callback that does",
                Language::Rust => "await the handle, or spawn into a `JoinSet` or a `taskgroup::TaskGroup`",
            };
            finding.help = Some(help.to_owned());
            context.keep(finding);
        }
        // Bound to a name it lives to the end of the block.
        Some(Handle::Cancels) if matches!(call.result, Use::Bound(_)) => {}
        Some(Handle::Cancels) => {
            let message = format!("the task from `{}` is cancelled at once: its handle is dropped", api.path);
            let mut finding = context.finding(&RULE, function, call.name_span, message);
            finding.help = Some("await the task, keep it, or `detach` it".to_owned());
            context.keep(finding);
        }
        Some(Handle::Owned) | None => {}
    }
}

/// What goes wrong in the task is told to nobody but who asks its handle. In Python anything may.
fn error_is_lost(context: &Context<'_>, call: &Call) -> bool {
    context.language() == Language::Python || result_is_lost(context, call)
}

/// The future handed over ends in a `Result`.
fn result_is_lost(context: &Context<'_>, call: &Call) -> bool {
    call.args.iter().any(|arg| match context.evaluate(arg.value) {
        Ty::Function(body) if context.project.function(body).kind == FunctionKind::AsyncBlock => {
            carries_error(&context.project.returns(body, None)) && may_fail(context, body)
        }
        Ty::Coroutine(inner, _) => carries_error(&inner),
        _ => false,
    })
}

/// The outcome is a `Result` whose error says something: `()` does not.
fn carries_error(outcome: &Ty) -> bool {
    let says_nothing = |error: &Ty| *error == Ty::None || error.library_path() == Some("std::convert::Infallible");
    let is_mute = |part: &Ty| matches!(part, Ty::Instance(_, args) if args.get(1).is_some_and(says_nothing));
    outcome.parts().iter().all(Ty::is_result) && !outcome.parts().iter().any(is_mute)
}

/// An `async` block that gives a `Result` gives something else than `Ok` on some way.
fn may_fail(context: &Context<'_>, block: FnRef) -> bool {
    let definition = context.project.function(block);
    definition.tries || definition.returned.iter().any(|it| may_be_error(context, block, *it))
}

fn may_be_error(context: &Context<'_>, block: FnRef, value: ValueId) -> bool {
    let model = context.project.model(block.file);
    match model.value(value) {
        Value::Union(either) => either.iter().any(|it| may_be_error(context, block, *it)),
        // `Err(..)`: of what is in it nothing is known, of what is in `Ok(..)` something.
        Value::Instance { args, .. } => args.is_empty(),
        Value::Awaited(future) => may_be_error(context, block, *future),
        // Nobody waits for what was to be sent.
        Value::Result(id) => match model.value(model.call(*id).callee) {
            Value::Attr(receiver, _) => !is_sender(context, &context.project.evaluate(block.file, *receiver)),
            _ => true,
        },
        _ => true,
    }
}

fn is_sender(context: &Context<'_>, ty: &Ty) -> bool {
    let facts = ty.library_path().and_then(|path| context.project.knowledge.type_facts(Language::Rust, path));
    facts.is_some_and(|facts| facts.role == Some(TypeRole::Sender))
}

/// A function of the project that starts a task, keeps no hold on it and returns it; an async one, once it is awaited. `of`: the class of the
/// object that it is a method of, where that is known.
pub(super) fn handed_back(
    context: &Context<'_>,
    helper: FnRef,
    of: Option<ClassRef>,
    depth: u32,
) -> Option<(&'static Api, Place)> {
    // Most need not be looked into.
    let outlines = context.project.of_outlines();
    let definition = context.project.function(helper);
    let plain = matches!(definition.kind, FunctionKind::Sync | FunctionKind::Async) && !definition.is_generator;
    if !plain || definition.returned.is_empty() || definition.returned.len() > MOST_RETURNS {
        return None;
    }
    // `@classmethod` and the like keep what it gives.
    let project = context.project;
    let is_kept = project.wrapping(helper) == Wrapping::Plain && project.wrappers(helper).is_empty();
    if !definition.decorators.is_empty() && (!is_kept || project.keeps_result(helper)) {
        return None;
    }
    // `return None` is one more way of starting none.
    let model = project.model(helper.file);
    let tasks = || definition.returned.iter().filter(|it| *model.value(**it) != Value::None);
    if !tasks().all(|it| matches!(model.value(*it), Value::Result(_))) {
        return None;
    }
    drop(outlines);
    let started = tasks().map(|task| started_for(context, helper, *task, of, depth));
    started.collect::<Option<Vec<_>>>()?.into_iter().next()
}

/// A function with more `return`s is not looked at.
const MOST_RETURNS: usize = 4;

/// Where what a helper returns is started, if nobody else keeps hold of it.
fn started_for(
    context: &Context<'_>,
    helper: FnRef,
    task: ValueId,
    of: Option<ClassRef>,
    depth: u32,
) -> Option<(&'static Api, Place)> {
    let project = context.project;
    // Most calls need not be looked into: they start nothing.
    let outlines = project.of_outlines();
    let model = project.model(helper.file);
    let Value::Result(id) = model.value(task) else { return None };
    let api = project.api_of(helper.file, *id);
    // It may have the task from another helper.
    let inner = project.run_in_helper(helper, *id, of).filter(|(it, _)| *it != helper && !project.is_async(*it));
    drop(outlines);
    let (api, place) = match (api, inner) {
        (Some(api), _) if matches!(api.handle, Some(Handle::Weak | Handle::Detaches)) => (api, None),
        (None, Some((inner, of))) if depth < 8 => {
            handed_back(context, inner, of, depth + 1).map(|it| (it.0, Some(it.1)))?
        }
        _ => return None,
    };
    let call = project.model(helper.file).call(*id);
    if call.function != helper.function {
        return None;
    }
    let returned = match call.result {
        Use::Returned => true,
        // The `return` itself is one read; asking the task something is no hold on it.
        Use::Bound(local) => {
            let function = model.function(call.function);
            let held = function.local(local);
            !held.shared && held.reads == 1 + only_asked(model, &function.body, task)
        }
        _ => false,
    };
    returned.then(|| (api, place.unwrap_or(Place { file: helper.file, span: call.name_span })))
}

/// How often a task is only asked or told something: `task.set_name(..)`, `task.done()`.
fn only_asked(model: &crate::model::FileModel, body: &crate::model::Block, task: ValueId) -> u32 {
    let mut count = 0;
    flow::visit(body, &mut |node| {
        if let Node::Call(id) = node
            && let Value::Attr(receiver, name) = model.value(model.call(*id).callee)
            && *receiver == task
            && matches!(model.name(*name), "set_name" | "get_name" | "done" | "cancelled" | "get_coro")
        {
            count += 1;
        }
        flow::Step::Into
    });
    count
}

/// The type is a handle of a task.
pub(super) fn is_task(context: &Context<'_>, ty: &Ty) -> bool {
    ty.library_path().is_some_and(|path| {
        context
            .project
            .knowledge
            .type_facts(context.language(), path)
            .is_some_and(|facts| facts.role == Some(TypeRole::Task))
    })
}
