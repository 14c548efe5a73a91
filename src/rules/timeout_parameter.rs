//! `timeout-parameter`: an async function takes a timeout, which its caller could set around the call.

use super::inherited::{is_handed_over, is_special, may_override};
use super::{Category, Context, Profile, Rule};
use crate::finding::Severity;
use crate::model::{FunctionKind, ParamKind, PathRoot, Value};
use crate::project::types::{Class, FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "timeout-parameter",
    page: include_str!("../../rules/timeout-parameter.md"),
    category: Category::Scopes,
    profile: Profile::All,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC109"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python || !imports_scopes(context) && !context.wants(Profile::All) {
        return;
    }
    for function in context.async_functions() {
        let Some(at) = parameter(context, function) else { continue };
        let message = "an async function takes a timeout: its caller can set one around the call".to_owned();
        let mut finding = context.finding(&RULE, function, at, message);
        let scope = match context.async_library(context.file) {
            "trio" => "`trio.fail_after`",
            "anyio" => "`anyio.fail_after`",
            _ if context.has_asyncio_scopes() => "`asyncio.timeout`",
            _ => "`asyncio.wait_for`",
        };
        finding.help = Some(format!("leave the parameter out, and let callers use {scope}"));
        context.keep(finding);
    }
}

/// The file knows a library that has timeout scopes.
fn imports_scopes(context: &Context<'_>) -> bool {
    let model = context.model();
    model.all_values().any(|value| match value {
        Value::Path(path) if path.root == PathRoot::Absolute => {
            path.segments.first().is_some_and(|it| matches!(model.name(*it), "asyncio" | "trio" | "anyio"))
        }
        _ => false,
    })
}

fn parameter(context: &Context<'_>, function: FnRef) -> Option<Span> {
    let model = context.model();
    let definition = model.function(function.function);
    if definition.kind != FunctionKind::Async {
        return None;
    }
    let param = definition.params.iter().find(|param| {
        matches!(param.kind, ParamKind::Positional | ParamKind::KeywordOnly) && model.name(param.name) == "timeout"
    })?;
    // A set of timeouts for the steps of a request is no timeout of the call; where it may be a number as well, it is one.
    let plain = ["builtins.int", "builtins.float", "datetime.timedelta"];
    let ty = context.evaluate(param.value);
    let parts = ty.parts();
    let is = |ty: &Ty, named: &dyn Fn(&str) -> bool| match ty {
        Ty::Instance(Class::Library(path), _) => named(path),
        _ => false,
    };
    let is_number = |ty: &Ty| is(ty, &|path| plain.contains(&path));
    let is_set =
        |ty: &Ty| is(ty, &|path| !path.starts_with("builtins.")) || matches!(ty, Ty::Instance(Class::Own(_), _));
    if parts.iter().any(is_set) && !parts.iter().any(is_number) {
        return None;
    }
    let name = model.name(definition.name);
    let is_test = context.is_test(function.function) || name.starts_with("test_") || is_special(name);
    // A declaration that others have to follow is where the parameter comes from.
    let handed_over = is_handed_over(context, function) && !context.project.is_abstract(function);
    if is_test || handed_over || may_override(context, function) {
        return None;
    }
    let span = definition.local(param.local).span;
    Some(if definition.span.contains(span) && span.end > span.start { span } else { definition.name_span })
}
