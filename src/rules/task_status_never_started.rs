//! `task-status-never-started`: a function takes `task_status` and never says that it has started.

use super::async_without_await::{is_filler, statements};
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::FunctionKind;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "task-status-never-started",
    page: include_str!("../../rules/task-status-never-started.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &["ASYNC128"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["trio", "anyio"]) {
        return;
    }
    for id in context.model().function_ids() {
        let model = context.model();
        let definition = model.function(id);
        if definition.kind != FunctionKind::Async || definition.is_generator || !definition.decorators.is_empty() {
            continue;
        }
        let Some(param) = definition.params.iter().find(|param| model.name(param.name) == "task_status") else {
            continue;
        };
        let local = definition.local(param.local);
        let function = context.function(id);
        // Something abstract does nothing, and so has nothing to say.
        let is_stub = context.project.is_abstract(function)
            || statements(context, function).all(|it| is_filler(it) || it.starts_with("raise"));
        if local.reads != 0 || local.shared || is_stub {
            continue;
        }
        let message =
            "`task_status.started()` is never called: whoever starts this with `start` waits in vain".to_owned();
        let mut finding = context.finding(&RULE, context.function(id), definition.name_span, message);
        finding.help = Some("call it once the task is ready, or leave the parameter out".to_owned());
        context.keep(finding);
    }
}
