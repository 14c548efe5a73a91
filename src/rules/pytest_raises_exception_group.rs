//! `pytest-raises-exception-group`: a test is content with any group of exceptions.

use super::exception_groups::is_builtin;
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::project::types::Ty;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "pytest-raises-exception-group",
    page: include_str!("../../rules/pytest-raises-exception-group.md"),
    category: Category::Clarity,
    profile: Profile::Strict,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC401"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["ExceptionGroup", "BaseExceptionGroup"]) {
        return;
    }
    let model = context.model();
    for (_, call) in model.all_calls() {
        let Some(arg) = call.argument(&model.names, Some(0), Some("expected_exception")) else { continue };
        // The callee is asked for last: most calls are of something else.
        if !context.text(call.name_span).ends_with("raises")
            || !matches!(context.evaluate(call.callee), Ty::External(path) if matches!(&*path, "pytest.raises" | "_pytest.raises.raises"))
        {
            continue;
        }
        let ty = context.evaluate(arg.value);
        let parts = match &ty {
            Ty::Tuple(parts) => parts,
            one => std::slice::from_ref(one),
        };
        let is_group = |ty: &Ty| matches!(ty, Ty::External(path) if is_builtin(context, path));
        if !parts.iter().any(is_group) {
            continue;
        }
        // The test looks at what is in the group by itself.
        let text = context.text(model.function(call.function).span);
        if text.contains(".group_contains(") || text.contains(".exceptions") {
            continue;
        }
        let message = "the test does not say which exceptions the group holds".to_owned();
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some("`pytest.RaisesGroup` looks at the exceptions inside".to_owned());
        context.keep(finding);
    }
}
