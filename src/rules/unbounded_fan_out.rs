//! `unbounded-fan-out`: a task for each element of something that may have any number of them.

use super::task_group::{deeper, is_group, role, speaks_of_an_end};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Confidence, Severity};
use crate::knowledge::{Effect, ScopeRole};
use crate::model::{Block, CallId, FunctionId, ImplicitKind, Loop, LoopKind, Node, Value, flow};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "unbounded-fan-out",
    page: include_str!("../../rules/unbounded-fan-out.md"),
    category: Category::Tasks,
    profile: Profile::All,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    for id in context.model().function_ids() {
        let definition = context.model().function(id);
        if context.is_test(id) {
            continue;
        }
        let mut found: Vec<(Span, String)> = Vec::new();
        loops(context, &definition.body, &mut found);
        for call in super::task_group::calls(&definition.body) {
            found.extend(all_at_once(context, call));
            found.extend(mapped(context, call));
        }
        // Who limits how many run speaks of it somewhere around.
        if found.is_empty() || limits(context.text(outermost(context, id))) {
            continue;
        }
        found.sort();
        found.dedup_by_key(|it| it.0);
        for (span, what) in found {
            let message = format!("{what} starts a task each, however many there are");
            let mut finding = context.finding(&RULE, context.function(id), span, message);
            finding.confidence = Confidence::Likely;
            finding.help = Some(
                match context.language() {
                    Language::Python => "limit how many run at once with a semaphore, or with workers on a queue",
                    Language::Rust => {
                        "limit how many run at once: `buffer_unordered`, a `Semaphore`, a bounded `JoinSet`"
                    }
                }
                .to_owned(),
            );
            context.keep(finding);
        }
    }
}

fn outermost(context: &Context<'_>, function: FunctionId) -> Span {
    let mut at = function;
    while let Some(parent) = context.model().function(at).parent {
        at = parent;
    }
    context.model().function(at).span
}

/// The text takes care of how many run at once.
fn limits(text: &str) -> bool {
    [
        "emaphore",
        "imiter",
        "acquire",
        "permit",
        "max_concurren",
        "concurrency",
        "worker",
        "batch",
        "chunk",
        "buffer_unordered",
    ]
    .iter()
    .any(|it| text.contains(it))
}

fn loops(context: &Context<'_>, block: &Block, found: &mut Vec<(Span, String)>) {
    for node in &block.nodes {
        if let Node::Loop(it) = node
            && let Some(what) = unbounded(context, it)
        {
            for call in direct_calls(context, &it.body) {
                let written = context.text(context.model().call(call).span);
                if starts_task(context, call) && !speaks_of_an_end(written) && !limited_inside(context, call) {
                    found.push((context.model().call(call).name_span, what.clone()));
                }
            }
        }
        flow::parts(node).for_each(|part| deeper(|| loops(context, part, found)));
    }
}

/// Calls of a loop's body that are in no further loop, nor in a group of the turn's own.
fn direct_calls(context: &Context<'_>, block: &Block) -> Vec<CallId> {
    let mut calls = Vec::new();
    flow::visit(block, &mut |node| match node {
        Node::Call(id) => {
            calls.push(*id);
            flow::Step::Into
        }
        Node::Loop(_) => flow::Step::Over,
        // A group waits for its tasks in each turn.
        Node::Scope(it) if it.items.iter().any(|item| is_group(context, item)) => flow::Step::Over,
        _ => flow::Step::Into,
    });
    calls
}

/// What the loop goes over, if nothing says how many there are.
fn unbounded(context: &Context<'_>, it: &Loop) -> Option<String> {
    match it.kind {
        LoopKind::For | LoopKind::Comprehension | LoopKind::Generator => {
            let head = head_text(context, it)?;
            let open = !is_bounded(context, it, head);
            open.then(|| "each element".to_owned())
        }
        LoopKind::AsyncFor | LoopKind::AsyncComprehension => Some("each element".to_owned()),
        // Connections come as they like.
        LoopKind::Forever | LoopKind::While => accepts(context, it).then(|| "each connection".to_owned()),
    }
}

fn head_text<'a>(context: &Context<'a>, it: &Loop) -> Option<&'a str> {
    it.head.nodes.iter().find_map(|node| match node {
        Node::Implicit(it) if it.kind == ImplicitKind::Iterate => Some(context.text(it.span)),
        _ => None,
    })
}

/// A display, a range, a slice, a constant: somebody has said how many.
fn is_bounded(context: &Context<'_>, it: &Loop, head: &str) -> bool {
    let constant = is_constant(head);
    let written =
        ["range(", "[:", ":]", "..", ".take(", "islice(", "array::", "repeat("].iter().any(|it| head.contains(it));
    let shown = it.iterated.is_some_and(|value| {
        matches!(context.model().value(value), Value::Tuple(_) | Value::Collection(..) | Value::Str(_))
    });
    constant || written || shown || head.starts_with('[') || head.starts_with('(') && head.contains(',')
}

/// `WORKERS`, `limits::WORKERS`
fn is_constant(path: &str) -> bool {
    let name = path.rsplit(['.', ':']).next().unwrap_or(path);
    !name.is_empty() && name.chars().all(|it| it == '_' || it.is_ascii_uppercase() || it.is_ascii_digit())
}

fn accepts(context: &Context<'_>, it: &Loop) -> bool {
    let mut accepts = false;
    flow::visit(&it.body, &mut |node| {
        if let Node::Await(wait) = node
            && let Value::Result(call) = context.model().value(wait.value)
        {
            let written = context.text(context.model().call(*call).name_span);
            accepts |= matches!(written.rsplit(['.', ':']).next(), Some("accept" | "sock_accept"));
        }
        flow::Step::Into
    });
    accepts
}

fn starts_task(context: &Context<'_>, id: CallId) -> bool {
    let call = context.model().call(id);
    let Some(api) = context.project.api_of(context.file, id) else { return false };
    // A thread pool has a size.
    context.project.effect_in_call(context.file, call, api) == Some(Effect::Spawns)
        && !api.path.contains("blocking")
        && !api.path.starts_with("std::thread")
        && !call.awaited
}

/// The task waits for its turn by itself.
fn limited_inside(context: &Context<'_>, id: CallId) -> bool {
    context.model().call(id).args.iter().any(|arg| match context.evaluate(arg.value) {
        Ty::Coroutine(_, Some(own)) | Ty::Function(own) | Ty::Bound(_, own) => takes_turns(context, own),
        // What it does is not known: then the file is looked through.
        _ => limits(&context.project.source(context.file).text),
    })
}

/// `gather(*(f(x) for x in xs))`, `join_all(xs.iter().map(f))`.
fn all_at_once(context: &Context<'_>, id: CallId) -> Option<(Span, String)> {
    let model = context.model();
    let call = model.call(id);
    let api = context.project.api_of(context.file, id)?;
    let what = match (context.language(), api.path) {
        (Language::Python, "asyncio.gather" | "asyncio.as_completed" | "asyncio.wait") => {
            let arg = call.args.iter().find(|arg| arg.name.is_none())?;
            let text = context.text(arg.span);
            // To end whatever is there costs as much as it has cost to start it.
            if speaks_of_an_end(text) {
                return None;
            }
            let inner = text.trim_start_matches(['*', '(', '[', '{']);
            if let Some(found) = gathers_map(context, arg.value) {
                return found.then(|| (call.name_span, "each element".to_owned()));
            }
            let (element, head) = inner.split_once(" for ")?;
            let (_, head) = head.split_once(" in ")?;
            let head = head.trim_end_matches([')', ']', '}']);
            // Tasks that exist already are only waited for.
            let bounded = ["range(", "[:", "(", "["].iter().any(|it| head.trim_start().starts_with(it))
                || head.contains("range(")
                || head.contains("[:")
                || head.chars().all(|it| it == '_' || it.is_ascii_uppercase() || it.is_ascii_digit());
            // A task made for each is seen in the loop itself.
            let makes =
                element.contains('(') && !element.contains("create_task(") && !element.contains("ensure_future(");
            (makes && !bounded && !known_limited(context, arg.value)).then_some("each element")?
        }
        (Language::Rust, path) if path.ends_with("::join_all") || path.ends_with("::try_join_all") => {
            let arg = call.args.first()?;
            let text = context.text(arg.span);
            let mapped = text.contains(".map(") || text.contains(".into_iter(");
            let bounded = ["..", ".take(", "vec!", "[", "handles", "tasks"].iter().any(|it| text.starts_with(it))
                || text.contains("..")
                || text.contains(".take(");
            (mapped && !bounded).then_some("each element")?
        }
        _ => return None,
    };
    Some((call.name_span, what.to_owned()))
}

/// Python: `gather(*map(fetch, urls))`. Whether that is without a limit; `None` where it is no `map`.
fn gathers_map(context: &Context<'_>, value: crate::model::ValueId) -> Option<bool> {
    let model = context.model();
    let Value::Element(mapped) = model.value(value) else { return None };
    let Value::Result(id) = model.value(*mapped) else { return None };
    let call = model.call(*id);
    let Value::Path(path) = model.value(call.callee) else { return None };
    if !path.segments.iter().map(|it| model.name(*it)).eq(["builtins", "map"]) {
        return None;
    }
    let [work, elements] = call.args.as_slice() else { return Some(false) };
    let (Ty::Function(own) | Ty::Bound(_, own)) = context.evaluate(work.value) else { return Some(false) };
    let text = context.text(elements.span);
    let bounded = text.starts_with(['(', '['])
        || ["range(", "[:", ":]", "islice(", "repeat("].iter().any(|it| text.contains(it))
        || is_constant(text);
    Some(context.project.function(own).kind.is_async() && !bounded && !takes_turns(context, own))
}

/// Rust: `urls.into_iter().map(|url| tokio::spawn(fetch(url)))`, `stream.for_each_concurrent(None, ..)`.
fn mapped(context: &Context<'_>, id: CallId) -> Option<(Span, String)> {
    let model = context.model();
    let call = model.call(id);
    let Value::Attr(_, name) = model.value(call.callee) else { return None };
    if context.language() != Language::Rust {
        return None;
    }
    let receiver = context.text(Span::new(call.span.start, call.name_span.start));
    let head = receiver.trim_start_matches(['&', '(']);
    let bounded = ["..", ".take(", "vec!", "repeat"].iter().any(|it| receiver.contains(it))
        || head.starts_with('[')
        || is_constant(head.split(['.', '(', ')']).next().unwrap_or(head));
    let closure = |value| match model.value(value) {
        Value::Function(id) => Some(*id),
        _ => None,
    };
    match model.name(*name) {
        "for_each_concurrent" | "try_for_each_concurrent" => {
            let [limit, work] = call.args.as_slice() else { return None };
            let endless = context.text(limit.span) == "None" && context.project.api_of(context.file, id).is_some();
            let turns = closure(work.value).is_some_and(|it| limits(context.text(model.function(it).span)));
            (endless && !bounded && !turns).then(|| (call.name_span, "each element".to_owned()))
        }
        "map" | "for_each" | "filter_map" | "flat_map" if !bounded => {
            let [work] = call.args.as_slice() else { return None };
            let body = &model.function(closure(work.value)?).body;
            let starts = |it: &CallId| {
                let written = context.text(model.call(*it).span);
                starts_task(context, *it) && !speaks_of_an_end(written) && !limited_inside(context, *it)
            };
            let start = direct_calls(context, body).into_iter().find(starts)?;
            // A tuple, an `Option` and a lock have a `map` of their own.
            ["iter()", "iter_mut()", "keys()", "values()", "drain("]
                .iter()
                .any(|it| receiver.contains(it))
                .then(|| (model.call(start).name_span, "each element".to_owned()))
        }
        _ => None,
    }
}

/// The function waits for a semaphore or lock before it works, or speaks of a limit.
fn takes_turns(context: &Context<'_>, own: FnRef) -> bool {
    let definition = context.project.function(own);
    let inner = context.looking_into(own.file);
    let locked = flow::find(
        &definition.body,
        &mut |node| matches!(node, Node::Scope(it) if it.items.iter().any(|item| role(&inner, item) == Some(ScopeRole::Lock))),
    );
    locked.is_some() || limits(inner.text(definition.span))
}

fn known_limited(context: &Context<'_>, value: crate::model::ValueId) -> bool {
    let element = match context.evaluate(value) {
        Ty::Collection(element) => (*element).clone(),
        other => other,
    };
    match element {
        Ty::Coroutine(_, Some(own)) => takes_turns(context, own),
        _ => limits(&context.project.source(context.file).text),
    }
}
