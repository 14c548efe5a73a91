//! `unstructured-gather`: siblings run side by side and do not cancel each other on the first error.

use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{CallId, FunctionKind};
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
    for (index, call) in model.calls.iter().enumerate() {
        let id = CallId(index as u32);
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        if !api.fans_out {
            continue;
        }
        // One future has no siblings; of futures that cannot fail none is left running.
        if call.args.len() == 1 && !call.args[0].spread && matches!(api.last_name(), "gather" | "join!") {
            continue;
        }
        if context.language() == Language::Rust && !any_can_fail(context, call) {
            continue;
        }
        let function = context.function(call.function);
        let message = format!("`{}` leaves the others running when one fails", api.path);
        let mut finding = context.finding(&RULE, function, call.name_span, message);
        finding.help = Some(match context.language() {
            Language::Python => match context.async_library(context.file) {
                "asyncio" => "use `asyncio.TaskGroup`".to_owned(),
                other => format!("use a task group of `{other}`"),
            },
            Language::Rust => "use `tokio::try_join!` or `taskgroup::TaskGroup`".to_owned(),
        });
        context.keep(finding);
    }
}

fn any_can_fail(context: &Context<'_>, call: &crate::model::Call) -> bool {
    call.args.iter().any(|arg| {
        let outcome = match context.evaluate(arg.value) {
            Ty::Coroutine(inner, _) => (*inner).clone(),
            Ty::Collection(element) => match &*element {
                Ty::Coroutine(inner, _) => (**inner).clone(),
                _ => return false,
            },
            Ty::Function(body) if context.project.function(body).kind == FunctionKind::AsyncBlock => {
                context.project.returns(body, None)
            }
            _ => return false,
        };
        matches!(outcome, Ty::Instance(Class::Library(path), _) if &*path == "std::result::Result")
    })
}
