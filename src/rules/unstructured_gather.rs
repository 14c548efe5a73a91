//! `unstructured-gather`: siblings run side by side and do not cancel each other on the first error.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{Arg, FunctionKind, Value};
use crate::project::types::{Class, Ty};
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "unstructured-gather",
    page: include_str!("../../rules/unstructured-gather.md"),
    category: Category::Tasks,
    profile: Profile::Strict,
    severity: Severity::Warning,
    languages: &[Language::Python, Language::Rust],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    let model = context.model();
    for (id, call) in model.all_calls() {
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        if !api.fans_out {
            continue;
        }
        // One future has no siblings; of futures that cannot fail none is left running.
        if call.args.len() == 1 && !call.args[0].spread && matches!(api.last_name(), "gather" | "join") {
            continue;
        }
        // With its errors as results, no failure leaves anything running.
        let gives_errors = call.argument(&model.names, None, Some("return_exceptions"));
        if gives_errors.is_some_and(|arg| *model.value(arg.value) != crate::model::Value::Bool(false)) {
            continue;
        }
        if context.language() == Language::Rust && !(any_can_fail(context, call) && context.wants(Profile::All)) {
            continue;
        }
        // `wait` may be a race, after which the others are cancelled; a group needs an async function around it, and
        // coroutines.
        let may_be_meant = api.last_name() == "wait"
            || !model.function(call.function).kind.is_async()
            || call.args.iter().any(|arg| is_future(&context.evaluate(arg.value)))
            || call.args.iter().filter(|arg| arg.name.is_none()).all(|arg| exists_already(context, arg));
        if context.language() == Language::Python && may_be_meant && !context.wants(Profile::All) {
            continue;
        }
        let library = context.async_library(context.file);
        // Before Python 3.11 asyncio has nothing to put in its place.
        if library == "asyncio" && !context.has_asyncio_scopes() {
            continue;
        }
        let function = context.function(call.function);
        let message = format!("`{}` leaves the others running when one fails", api.path);
        let mut finding = context.finding(&RULE, function, call.name_span, message);
        finding.help = Some(match context.language() {
            Language::Python => match library {
                "asyncio" => "use `asyncio.TaskGroup`".to_owned(),
                other => format!("use a task group of `{other}`"),
            },
            Language::Rust => "use `tokio::try_join!` or `taskgroup::TaskGroup`".to_owned(),
        });
        context.keep(finding);
    }
}

/// Something else completes it: a thread, an executor.
fn is_future(ty: &Ty) -> bool {
    match ty {
        Ty::Collection(element) => is_future(element),
        other => other.library_path().is_some_and(|path| path.ends_with(".Future")),
    }
}

/// Tasks that were started elsewhere, and that no group could take in: parameters, and what an object keeps.
fn exists_already(context: &Context<'_>, arg: &Arg) -> bool {
    let model = context.model();
    let value = match model.value(arg.value) {
        Value::Element(spread) => *spread,
        _ => arg.value,
    };
    match model.value(value) {
        // Coroutines are not kept.
        Value::Attr(..) if arg.spread => true,
        Value::Attr(..) | Value::Instance { .. } => is_task(&context.evaluate(value)),
        _ => false,
    }
}

fn is_task(ty: &Ty) -> bool {
    match ty {
        Ty::Collection(element) => is_task(element),
        other => other.library_path().is_some_and(|path| path.ends_with(".Task")),
    }
}

fn any_can_fail(context: &Context<'_>, call: &crate::model::Call) -> bool {
    call.args.iter().any(|arg| is_fallible(context, &context.evaluate(arg.value), 0))
}

/// A future that ends in a `Result`, or a collection of such.
fn is_fallible(context: &Context<'_>, ty: &Ty, depth: u32) -> bool {
    match ty {
        Ty::Coroutine(inner, _) => inner.is_result(),
        Ty::Collection(element) if depth < 3 => is_fallible(context, element, depth + 1),
        Ty::Instance(Class::Library(path), args) if &**path == "std::iter::Iterator" && depth < 3 => {
            args.first().is_some_and(|element| is_fallible(context, element, depth + 1))
        }
        Ty::Function(body) if context.project.function(*body).kind == FunctionKind::AsyncBlock => {
            context.project.returns(*body, None).is_result()
        }
        _ => false,
    }
}
