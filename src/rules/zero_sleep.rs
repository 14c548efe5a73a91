//! `zero-sleep`: a sleep of no time at all, which Trio and AnyIO have a name for.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Applicability, Edit, Fix, Severity};
use crate::model::{Call, Use};
use crate::project::types::Ty;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "zero-sleep",
    page: include_str!("../../rules/zero-sleep.md"),
    category: Category::Clarity,
    profile: Profile::Strict,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC115"],
    fix: Some(Applicability::Safe),
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["sleep"]) {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        let Some(api) = context.project.api_of(context.file, id) else { continue };
        let (library, parameter) = match api.path {
            "trio.sleep" => ("trio", "seconds"),
            "anyio.sleep" => ("anyio", "delay"),
            _ => continue,
        };
        let Some(arg) = call.argument(&model.names, Some(0), Some(parameter)) else { continue };
        if call.args.len() != 1 || context.evaluate(arg.value) != Ty::Int(0) {
            continue;
        }
        let message = format!("`{}` of no time is a checkpoint", api.path);
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some(format!("`await {library}.lowlevel.checkpoint()` says so"));
        finding.fix = fix(context, call);
        context.keep(finding);
    }
}

/// `trio.sleep(0)` to `trio.lowlevel.checkpoint()`. A `sleep` imported by its own name leaves no module to start from.
fn fix(context: &Context<'_>, call: &Call) -> Option<Fix> {
    let name = context.text(call.name_span);
    let text = context.text(call.span);
    // A remark would be lost, as would the name in `sleep(x := 0)`.
    if call.result != Use::Awaited || !name.ends_with(".sleep") || text.contains('#') || text.contains(":=") {
        return None;
    }
    let last = Span::new(call.name_span.end - "sleep".len() as u32, call.name_span.end);
    let inside = Span::new(call.name_span.end, call.span.end);
    Some(Fix {
        applicability: Applicability::Safe,
        message: "write the checkpoint".to_owned(),
        edits: vec![
            Edit { span: last, content: "lowlevel.checkpoint".to_owned() },
            Edit { span: inside, content: "()".to_owned() },
        ],
    })
}
