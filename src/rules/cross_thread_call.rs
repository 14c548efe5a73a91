//! `cross-thread-call`: a function that runs in a thread touches what belongs to the event loop.

use rustc_hash::FxHashSet;

use super::{Category, Context, Profile, Rule};
use crate::finding::{FileId, Finding, Place, Related, Severity};
use crate::knowledge::Runner;
use crate::model::{Call, CallId, FunctionKind, NameId, Value};
use crate::project::Wrapping;
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "cross-thread-call",
    page: include_str!("../../rules/cross-thread-call.md"),
    category: Category::Runtime,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

/// Functions of the project in a row that are followed from the one the thread runs.
const DEEPEST: u32 = 4;

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    let model = context.model();
    if !context.mentions(NAMES) {
        return;
    }
    let mut seen = FxHashSet::default();
    let threads = context.project.knowledge.names_of_threads(context.language());
    let threads: FxHashSet<NameId> = threads.filter_map(|name| model.names.find(name)).collect();
    for (id, call) in model.all_calls() {
        let name = model.callee_name(call);
        if call.args.is_empty() || name.is_some_and(|name| !threads.contains(&name)) {
            continue;
        }
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        if is_told_on_loop(context, call) {
            continue;
        }
        for runs in api.runs.iter().filter(|it| it.place == Runner::Thread) {
            let name = (!runs.name.is_empty()).then_some(runs.name);
            let Some(argument) = call.argument(&model.names, runs.position.map(usize::from), name) else { continue };
            match target(&context.evaluate(argument.value)) {
                Some(Target::Own(target)) => {
                    let started = ("it is handed to a thread here", argument.span);
                    report_all(context, target, started, &mut seen);
                }
                // `to_thread(event.set)`
                Some(Target::Library(path)) => {
                    if let Some(help) = unsafe_off_loop(path) {
                        let function = context.function(call.function);
                        let finding = finding(context, function, argument.span, path, help);
                        context.keep(finding);
                    }
                }
                None => {}
            }
        }
    }
    for function in context.project.run_in_threads(context.file) {
        let definition = context.project.declared(function);
        // A thread whose class knows of running a loop may be the loop's own.
        let class = definition.class.map(|class| model.class(class).span);
        if class.is_none_or(|span| !runs_loop(context.text(span))) {
            report_all(context, function, ("a thread runs this", definition.name_span), &mut seen);
        }
    }
}

/// What a thread is given to run.
enum Target {
    Own(FnRef),
    /// A method of an object of a library's.
    Library(&'static str),
}

fn report_all(context: &mut Context<'_>, target: FnRef, started: (&'static str, Span), seen: &mut FxHashSet<CallId>) {
    for (file, call, help) in touches(context, target) {
        if file == context.file && seen.insert(call) {
            report(context, call, help, started);
        }
    }
}

fn report(context: &mut Context<'_>, id: CallId, help: &'static str, (how, started): (&'static str, Span)) {
    let call = context.model().call(id);
    let path = context.project.api_of(context.file, id).map_or("this", |api| api.path);
    let mut finding = finding(context, context.function(call.function), call.name_span, path, help);
    let place = Place { file: context.file, span: started };
    finding.related = vec![Related { message: how.to_owned(), place }];
    context.keep(finding);
}

fn finding(context: &Context<'_>, function: FnRef, span: Span, path: &str, help: &str) -> Finding {
    let message = format!("`{path}` belongs to the event loop, and this runs in a thread");
    let mut finding = context.finding(&RULE, function, span, message);
    finding.help = Some(help.to_owned());
    finding
}

/// `run_coroutine_threadsafe(..).add_done_callback(f)`: what the loop itself ends calls back on it.
fn is_told_on_loop(context: &Context<'_>, call: &Call) -> bool {
    let model = context.model();
    let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
    matches!(model.value(*receiver), Value::Result(made)
        if context.project.api_of(context.file, *made).is_some_and(|api| api.path == "asyncio.run_coroutine_threadsafe"))
}

fn target(ty: &Ty) -> Option<Target> {
    match ty {
        Ty::Function(function) | Ty::Bound(_, function) => Some(Target::Own(*function)),
        Ty::Method(path, _) => Some(Target::Library(path.as_str())),
        Ty::Partial(inner) => target(inner),
        _ => None,
    }
}

/// Calls that are not safe off the loop, in the function and in those it calls.
fn touches(context: &Context<'_>, start: FnRef) -> Vec<(FileId, CallId, &'static str)> {
    let mut found = Vec::new();
    let mut seen = FxHashSet::default();
    let mut level = vec![start];
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for function in level {
            if !seen.insert(function) || !runs_in_thread(context, function) {
                continue;
            }
            for id in super::task_group::calls(&context.project.function(function).body) {
                if let Some(api) = context.project.api_of(function.file, id) {
                    found.extend(unsafe_off_loop(api.path).map(|help| (function.file, id, help)));
                } else {
                    next.extend(context.project.own_of(function.file, id).filter(|own| is_kin(context, start, *own)));
                }
            }
        }
        level = next;
    }
    found
}

/// Of the same class, or of none: what other classes share among their users need not belong to a loop at all.
fn is_kin(context: &Context<'_>, start: FnRef, own: FnRef) -> bool {
    let class = context.project.function(own).class;
    class.is_none() || own.file == start.file && class == context.project.function(start).class
}

/// Called in a thread, the function's body runs there, and there is no loop.
fn runs_in_thread(context: &Context<'_>, function: FnRef) -> bool {
    let definition = context.project.function(function);
    let plain = match definition.kind {
        FunctionKind::Closure => true,
        FunctionKind::Sync => context.project.wrapping(function) == Wrapping::Plain,
        _ => false,
    };
    let text = context.project.source(function.file).slice(definition.span);
    plain && !definition.is_generator && !runs_loop(text)
}

/// A thread that has a loop of its own may do with it what it likes.
fn runs_loop(text: &str) -> bool {
    let own_loop = [
        "new_event_loop",
        "asyncio.run(",
        "run_until_complete",
        "run_forever",
        "get_running_loop",
        "run_sync(",
        "loop.start(",
    ];
    own_loop.iter().any(|it| text.contains(it))
}

/// The last names of what follows, without which a file has nothing to do with it.
const NAMES: &[&str] = &[
    "create_task",
    "ensure_future",
    "cancel",
    "set_result",
    "set_exception",
    "put_nowait",
    "get_nowait",
    "set",
    "clear",
    "notify",
    "notify_all",
    "call_soon",
    "call_later",
    "call_at",
    "stop",
    "start_soon",
    "send_nowait",
];

/// What to do instead of calling this from a thread, where that is wrong.
fn unsafe_off_loop(path: &str) -> Option<&'static str> {
    match path {
        "asyncio.create_task"
        | "asyncio.ensure_future"
        | "asyncio.AbstractEventLoop.create_task"
        | "asyncio.TaskGroup.create_task" => Some("use `asyncio.run_coroutine_threadsafe`"),
        "asyncio.Task.cancel"
        | "asyncio.Future.cancel"
        | "asyncio.Future.set_result"
        | "asyncio.Future.set_exception"
        | "asyncio.Queue.put_nowait"
        | "asyncio.Queue.get_nowait"
        | "asyncio.Event.set"
        | "asyncio.Event.clear"
        | "asyncio.Condition.notify"
        | "asyncio.Condition.notify_all"
        | "asyncio.AbstractEventLoop.call_soon"
        | "asyncio.AbstractEventLoop.call_later"
        | "asyncio.AbstractEventLoop.call_at"
        | "asyncio.AbstractEventLoop.stop" => Some("hand it to `loop.call_soon_threadsafe`"),
        "trio.Event.set"
        | "trio.Nursery.start_soon"
        | "trio.CancelScope.cancel"
        | "trio.MemorySendChannel.send_nowait" => Some("hand it to `trio.from_thread.run_sync`"),
        "anyio.Event.set" | "anyio.abc.TaskGroup.start_soon" | "anyio.CancelScope.cancel" => {
            Some("hand it to `anyio.from_thread.run_sync`")
        }
        _ => None,
    }
}
