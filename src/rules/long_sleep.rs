//! `long-sleep`: a sleep of more than a day stands for one that is to be interrupted.

use super::numbers::constant;
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "long-sleep",
    page: include_str!("../../rules/long-sleep.md"),
    category: Category::Clarity,
    profile: Profile::Strict,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC116"],
    fix: None,
    check,
};

const DAY: f64 = 86_400.0;

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["sleep"]) {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        let (parameter, help) = match api.path {
            "trio.sleep" => ("seconds", "`trio.sleep_forever` waits until it is cancelled"),
            "anyio.sleep" => ("delay", "`anyio.sleep_forever` waits until it is cancelled"),
            "asyncio.sleep" => ("delay", "wait for what ends it: an `asyncio.Event` or a future"),
            _ => continue,
        };
        let Some(arg) = call.argument(&model.names, Some(0), Some(parameter)) else { continue };
        if constant(context, arg).is_none_or(|seconds| seconds <= DAY) {
            continue;
        }
        let message = format!("`{}` sleeps for more than a day", api.path);
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some(help.to_owned());
        context.keep(finding);
    }
}
