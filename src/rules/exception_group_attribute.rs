//! `exception-group-attribute`: what `except*` caught is asked for an attribute of the exceptions inside it.

use super::exception_groups::{Groups, is_builtin};
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{Class, ImplicitKind, Node, Value, flow};
use crate::project::types::Ty;
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "exception-group-attribute",
    page: include_str!("../../rules/exception-group-attribute.md"),
    category: Category::Clarity,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python],
    aliases: &["ASYNC400"],
    fix: None,
    check,
};

/// What a group has.
const KNOWN: &[&str] = &["message", "exceptions", "subgroup", "split", "derive", "args", "with_traceback", "add_note"];

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    let model = context.model();
    let named = context.mentions(&["ExceptionGroup", "BaseExceptionGroup"]);
    // Whatever is caught may be a group of a class of one's own, with attributes of its own.
    let own_groups: Vec<Span> = match named {
        true => model.classes.iter().filter(|class| is_group(context, class)).map(|class| class.span).collect(),
        false => Vec::new(),
    };
    for id in model.function_ids() {
        let function = model.function(id);
        let groups = Groups::of(context, id);
        // Nearly every file has attributes, and hardly any has groups.
        if groups.is_empty() && !named {
            continue;
        }
        let mut found: Vec<(Span, &str)> = Vec::new();
        flow::visit(&function.body, &mut |node| {
            let asked = match node {
                Node::Implicit(it) => match it.kind {
                    ImplicitKind::Attribute(name) => Some((it.value, name, it.span)),
                    _ => None,
                },
                Node::Call(call) => {
                    let call = model.call(*call);
                    match model.value(call.callee) {
                        Value::Attr(receiver, name) => Some((*receiver, *name, call.name_span)),
                        _ => None,
                    }
                }
                _ => None,
            };
            if let Some((receiver, name, span)) = asked
                && let name = model.name(name)
                && !KNOWN.contains(&name)
                && !name.starts_with("__")
                && groups.has(context, receiver)
                && !own_groups.iter().any(|class| context.text(*class).contains(name))
            {
                found.push((span, name));
            }
            flow::Step::Into
        });
        // Whoever asks first knows what may be missing.
        if found.is_empty() || ["hasattr(", "getattr("].iter().any(|it| context.text(function.span).contains(it)) {
            continue;
        }
        for (span, name) in found {
            let message = format!("an exception group has no `{name}`: the exceptions inside it may");
            let mut finding = context.finding(&RULE, context.function(id), span, message);
            finding.help = Some("go through `.exceptions`, and through the groups among them".to_owned());
            context.keep(finding);
        }
    }
}

fn is_group(context: &Context<'_>, class: &Class) -> bool {
    class.bases.iter().any(|base| matches!(context.evaluate(*base), Ty::External(path) if is_builtin(context, &path)))
}
