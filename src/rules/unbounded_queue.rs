//! `unbounded-queue`: a queue or channel that takes everything, however slow its consumer is.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{Call, Value};
use crate::project::types::Ty;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "unbounded-queue",
    page: include_str!("../../rules/unbounded-queue.md"),
    category: Category::Tasks,
    profile: Profile::All,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    let language = context.language();
    for (_, call) in context.model().all_calls() {
        let Ty::External(path) = context.evaluate(call.callee) else { continue };
        let (unbounded, help) = match language {
            Language::Python => (python(context, call, &path), "give it a size: who puts then waits for who gets"),
            Language::Rust => (rust(&path), "use a bounded channel: who sends then waits for who receives"),
        };
        if !unbounded {
            continue;
        }
        let message = format!("`{path}` without a bound grows for as long as its consumer is the slower one");
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some(help.to_owned());
        context.keep(finding);
    }
}

fn python(context: &Context<'_>, call: &Call, path: &str) -> bool {
    let (name, open) = match path {
        "asyncio.Queue" | "asyncio.LifoQueue" | "asyncio.PriorityQueue" | "janus.Queue" => ("maxsize", true),
        "trio.open_memory_channel" | "anyio.create_memory_object_stream" => ("max_buffer_size", false),
        _ => return false,
    };
    if call.args.iter().any(|arg| arg.spread) {
        return false;
    }
    let Some(size) = call.argument(&context.model().names, Some(0), Some(name)) else { return open };
    match context.evaluate(size.value) {
        Ty::Int(size) => open && size <= 0,
        Ty::External(path) => !open && &*path == "math.inf",
        _ => !open && is_infinity(context, size.value),
    }
}

/// `float("inf")`
fn is_infinity(context: &Context<'_>, value: crate::model::ValueId) -> bool {
    let model = context.model();
    let Value::Result(id) = model.value(value) else { return false };
    let call = model.call(*id);
    matches!(context.evaluate(call.callee), Ty::External(path) if &*path == "builtins.float")
        && call
            .args
            .first()
            .is_some_and(|arg| matches!(model.value(arg.value), Value::Str(text) if model.name(*text) == "inf"))
}

fn rust(path: &str) -> bool {
    matches!(
        path,
        "tokio::sync::mpsc::unbounded_channel"
            | "futures::channel::mpsc::unbounded"
            | "futures_channel::mpsc::unbounded"
            | "async_channel::unbounded"
            | "async_std::channel::unbounded"
            | "smol::channel::unbounded"
            | "flume::unbounded"
            | "kanal::unbounded_async"
    )
}
