//! `executor-call`: `run_in_executor(None, ..)` where `asyncio.to_thread` is meant.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Applicability, Edit, Fix, Severity};
use crate::model::{Call, PathRoot, Use, Value};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "executor-call",
    page: include_str!("../../rules/executor-call.md"),
    category: Category::Clarity,
    profile: Profile::Strict,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &[],
    fix: Some(Applicability::Unsafe),
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["run_in_executor"]) {
        return;
    }
    let model = context.model();
    for (id, call) in model.all_calls() {
        // Without `await` it starts at once, which `to_thread` does not.
        if call.result != Use::Awaited || call.args.len() < 2 {
            continue;
        }
        let Some(executor) = call.argument(&model.names, Some(0), Some("executor")) else { continue };
        if *model.value(executor.value) != Value::None {
            continue;
        }
        let api = context.project.api_of(context.file, id);
        if api.is_none_or(|api| !api.path.starts_with("asyncio.") || api.last_name() != "run_in_executor") {
            continue;
        }
        let message = "`run_in_executor` with no executor of its own is `asyncio.to_thread`".to_owned();
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some("`asyncio.to_thread` needs no loop, takes keywords and keeps context variables".to_owned());
        finding.fix = fix(context, call);
        context.keep(finding);
    }
}

/// `loop.run_in_executor(None, f, x)` to `asyncio.to_thread(f, x)`.
fn fix(context: &Context<'_>, call: &Call) -> Option<Fix> {
    let [executor, rest @ ..] = call.args.as_slice() else { return None };
    let first = rest.first()?;
    let head = Span::new(call.span.start, first.span.start);
    if executor.name.is_some() || rest.iter().any(|arg| arg.name.is_some()) || context.text(head).contains('#') {
        return None;
    }
    Some(Fix {
        applicability: Applicability::Unsafe,
        message: "call `asyncio.to_thread`".to_owned(),
        edits: vec![Edit { span: head, content: format!("{}.to_thread(", asyncio(context)?) }],
    })
}

/// The name under which the file imports the module.
fn asyncio<'a>(context: &Context<'a>) -> Option<&'a str> {
    let model = context.model();
    let mut bindings = model.modules.first()?.bindings.iter();
    let binding = bindings.find(|binding| match model.value(binding.value) {
        Value::Path(path) => {
            path.root == PathRoot::Absolute && matches!(&*path.segments, [one] if model.name(*one) == "asyncio")
        }
        _ => false,
    })?;
    Some(model.name(binding.name))
}
