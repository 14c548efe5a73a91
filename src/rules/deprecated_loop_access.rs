//! `deprecated-loop-access`: ways to an event loop that newer Pythons warn of or no longer have.

use super::task_group::calls;
use super::{Category, Context, Profile, Rule, TargetPython};
use crate::finding::Severity;
use crate::model::{Arm, Block, Branch, Call, CallId, FunctionKind, NameId, Node, TOP_LEVEL, Try, Value, flow};
use crate::project::types::Ty;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "deprecated-loop-access",
    page: include_str!("../../rules/deprecated-loop-access.md"),
    category: Category::Runtime,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

/// Functions of asyncio that took `loop=` until Python 3.10.
const LOST_LOOP: &[&str] = &[
    "asyncio.sleep",
    "asyncio.wait_for",
    "asyncio.wait",
    "asyncio.gather",
    "asyncio.shield",
    "asyncio.as_completed",
    "asyncio.open_connection",
    "asyncio.start_server",
    "asyncio.open_unix_connection",
    "asyncio.start_unix_server",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "asyncio.Lock",
    "asyncio.Event",
    "asyncio.Condition",
    "asyncio.Semaphore",
    "asyncio.BoundedSemaphore",
    "asyncio.Queue",
    "asyncio.LifoQueue",
    "asyncio.PriorityQueue",
];

struct Old {
    message: &'static str,
    help: &'static str,
    /// The first Python that has what the help names.
    since: TargetPython,
}

const LOOP_ARGUMENT: Old = Old {
    message: "asyncio has no `loop` argument here since Python 3.10",
    help: "leave it out: the running loop is used",
    since: TargetPython(3, 8),
};
const NO_LOOP: Old = Old {
    message: "no loop is running here: from Python 3.14 on `asyncio.get_event_loop` raises a `RuntimeError`",
    help: "give a coroutine to `asyncio.run`, and use `asyncio.get_running_loop` in it",
    since: TargetPython(3, 7),
};
const POLICY: Old = Old {
    message: "event loop policies are deprecated since Python 3.14 and go away in 3.16",
    help: "give `loop_factory` to `asyncio.Runner`",
    since: TargetPython(3, 11),
};
const CHILD_WATCHER: Old = Old {
    message: "child watchers are gone in Python 3.14",
    help: "leave it out: the loop watches its processes by itself",
    since: TargetPython(3, 8),
};
const GENERATOR: Old = Old {
    message: "`asyncio.coroutine` is gone in Python 3.11",
    help: "make it an `async def`",
    since: TargetPython(3, 5),
};
const TASK_METHOD: Old = Old {
    message: "this method of `asyncio.Task` is gone in Python 3.9",
    help: "use the function of the same name in `asyncio`",
    since: TargetPython(3, 7),
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    let target = context.project.rules(context.file).target_python;
    let mut found: Vec<(Span, &Old)> = Vec::new();
    let model = context.model();
    let named = context.mentions(&OLD);
    let given = model.names.find("loop");
    if named || given.is_some() && model.all_calls().any(|(_, call)| takes_loop(call, given)) {
        for function in model.all_functions() {
            found.extend(calls(&function.body).into_iter().filter_map(|call| old(context, model.call(call))));
        }
    }
    if context.mentions(&["coroutine"]) {
        for decorator in model.all_functions().flat_map(|function| &function.decorators) {
            if is_path(&context.evaluate(decorator.value), "asyncio.coroutine") {
                found.push((decorator.span, &GENERATOR));
            }
        }
    }
    let started = if context.mentions(&["get_event_loop"]) { without_loop(context) } else { Vec::new() };
    for call in started {
        if is_path(&context.evaluate(model.call(call).callee), "asyncio.get_event_loop") {
            found.push((model.call(call).name_span, &NO_LOOP));
        }
    }
    if found.is_empty() {
        return;
    }
    let guards = guards(context);
    found.retain(|(span, _)| !guards.iter().any(|it| it.start <= span.start && span.end <= it.end));
    found.sort_by_key(|it| it.0);
    found.dedup_by_key(|it| it.0);
    for (span, old) in found.into_iter().filter(|(_, old)| old.since <= target) {
        let function = context.function(context.project.function_at(context.file, span.start));
        let mut finding = context.finding(&RULE, function, span, old.message.to_owned());
        finding.help = Some(old.help.to_owned());
        context.keep(finding);
    }
}

fn is_path(ty: &Ty, path: &str) -> bool {
    matches!(ty, Ty::External(it) if **it == *path)
}

/// The last names of what [`old`] looks for, but for what takes a `loop`.
const OLD: [&str; 6] = [
    "set_event_loop_policy",
    "get_event_loop_policy",
    "get_child_watcher",
    "set_child_watcher",
    "all_tasks",
    "current_task",
];

fn takes_loop(call: &Call, name: Option<NameId>) -> bool {
    name.is_some() && call.args.iter().any(|arg| arg.name == name)
}

fn old(context: &Context<'_>, call: &Call) -> Option<(Span, &'static Old)> {
    let names = &context.model().names;
    let named =
        context.model().callee_name(call).is_none_or(|name| names.text(name).is_some_and(|it| OLD.contains(&it)));
    if !named && !takes_loop(call, names.find("loop")) {
        return None;
    }
    let path = match context.evaluate(call.callee) {
        Ty::External(path) | Ty::Method(path, _) => path,
        _ => return None,
    };
    if LOST_LOOP.contains(&&*path) {
        let given = call.args.iter().find(|arg| arg.name.is_some_and(|it| names.text(it) == Some("loop")))?;
        return (*context.model().value(given.value) != Value::None).then_some((given.span, &LOOP_ARGUMENT));
    }
    let old = match &*path {
        "asyncio.set_event_loop_policy" | "asyncio.get_event_loop_policy" => &POLICY,
        "asyncio.get_child_watcher" | "asyncio.set_child_watcher" => &CHILD_WATCHER,
        "asyncio.Task.all_tasks" | "asyncio.Task.current_task" => &TASK_METHOD,
        _ => return None,
    };
    Some((call.name_span, old))
}

/// Where the code looks at the version, or expects that something is missing: with all functions defined there.
fn guards(context: &Context<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for function in context.model().all_functions() {
        guards_in(context, &function.body, function.span.end, &mut found);
    }
    found
}

fn guards_in(context: &Context<'_>, block: &Block, end: u32, found: &mut Vec<Span>) {
    for node in &block.nodes {
        match node {
            // What follows `if sys.version_info >= (3, 14): return` is for older ones.
            Node::Branch(it) if asks_version(context, it) => {
                let leaves = |arm: &Arm| !flow::exits(&arm.body, &|_| false).falls;
                let end = if it.arms.iter().any(leaves) { end } else { it.span.end };
                found.push(Span::new(it.span.start, end));
            }
            Node::Try(it) if expects_absence(context, it) => found.push(it.span),
            _ => {}
        }
        let inside = match node {
            Node::Branch(it) => it.span.end,
            Node::Try(it) => it.span.end,
            Node::Loop(it) => it.span.end,
            Node::Scope(it) => it.span.end,
            _ => continue,
        };
        // Chains of conditions nest as deep as they are long.
        stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || {
            flow::parts(node).for_each(|part| guards_in(context, part, inside, found));
        });
    }
}

fn asks_version(context: &Context<'_>, branch: &Branch) -> bool {
    branch.arms.iter().any(|arm| {
        let head = context.text(arm.span).lines().next().unwrap_or_default();
        ["version_info", "hasattr(", "PY3", "PY_3", "python_version", "hexversion"].iter().any(|it| head.contains(it))
    })
}

fn expects_absence(context: &Context<'_>, it: &Try) -> bool {
    it.handlers.iter().any(|handler| {
        let head = context.text(handler.head);
        handler.bare
            || ["RuntimeError", "AttributeError", "ImportError", "TypeError", "DeprecationWarning", "Exception"]
                .iter()
                .any(|it| head.contains(it))
    })
}

/// Calls made when the module is imported or run as a script, by itself and by the sync functions it calls directly.
fn without_loop(context: &Context<'_>) -> Vec<CallId> {
    // A notebook's cells run on a loop, and so do tests under a plugin.
    if !context.project.source(context.file).cells.is_empty() {
        return Vec::new();
    }
    let model = context.model();
    let mut found = calls(&model.function(TOP_LEVEL).body);
    let callees: Vec<_> = found.iter().filter_map(|id| context.project.own_of(context.file, *id)).collect();
    let sets = |calls: &[CallId]| {
        calls.iter().any(|id| is_path(&context.evaluate(model.call(*id).callee), "asyncio.set_event_loop"))
    };
    if sets(&found) {
        return Vec::new();
    }
    for callee in callees {
        let definition = context.project.function(callee);
        if callee.file == context.file && definition.kind == FunctionKind::Sync && !definition.is_generator {
            let inner = calls(&definition.body);
            if !sets(&inner) {
                found.extend(inner);
            }
        }
    }
    found
}
