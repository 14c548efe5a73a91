//! `exception-group-without-derive`: a group class of one's own turns into a plain group when it is split.

use super::exception_groups::is_builtin;
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{ClassId, TOP_LEVEL};
use crate::project::types::{ClassRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "exception-group-without-derive",
    page: include_str!("../../rules/exception-group-without-derive.md"),
    category: Category::Clarity,
    profile: Profile::Strict,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC126"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !context.mentions(&["ExceptionGroup", "BaseExceptionGroup"]) {
        return;
    }
    let model = context.model();
    for (index, class) in model.classes.iter().enumerate() {
        let own = ClassRef { file: context.file, class: ClassId(index as u32) };
        let bases: Vec<Ty> = class.bases.iter().map(|base| context.evaluate(*base)).collect();
        let is_group = bases.iter().any(|ty| matches!(ty, Ty::External(path) if is_builtin(context, path)));
        // A base that nothing is known of may have the method.
        let all_known = bases.iter().all(|ty| match ty {
            Ty::External(path) => {
                path.starts_with("builtins.") || path.starts_with("typing.") || is_builtin(context, path)
            }
            other => matches!(other, Ty::Class(_)),
        });
        if !is_group || !all_known || context.project.find_method(own, "derive").is_some() {
            continue;
        }
        let name = model.name(class.name);
        let text = context.text(class.span);
        let at = text.find(&format!("class {name}")).map_or(0, |at| at + "class ".len()) as u32;
        let span = Span::new(class.span.start + at, class.span.start + at + name.len() as u32);
        let message = format!("`{name}` has no `derive`: its parts are plain groups");
        let mut finding = context.finding(&RULE, context.function(TOP_LEVEL), span, message);
        finding.help = Some(format!("`def derive(self, excs): return {name}(self.message, excs)`"));
        context.keep(finding);
    }
}
