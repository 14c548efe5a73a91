//! `unawaited-coroutine` in Python, where what is async is used by what is not, or a coroutine in place of what it gives: `for` over an async
//! generator, `with` over an async context manager, `filter` with an async function.

use super::Context;
use super::unawaited_coroutine::{RULE, coroutine, is_expected_to_fail, is_meant, is_overloaded, own_coroutine};
use crate::model::{
    Call, FunctionKind, Implicit, ImplicitKind, Kinds, LoopKind, Node, ScopeKind, Value, ValueId, flow,
};
use crate::project::types::{Class, FnRef, Ty};
use crate::source::{Language, Span};

/// `for` over an async generator, `with` over an async context manager.
pub(super) fn check(context: &mut Context<'_>, function: FnRef) {
    let project = context.project;
    let mut found: Vec<(Span, String)> = Vec::new();
    let kinds = Kinds::ITERATE.and(Kinds::SCOPES).and(Kinds::ASYNC_LOOP);
    flow::visit_for(&project.function(function).body, kinds, &mut |node| {
        match node {
            Node::Implicit(Implicit { kind: ImplicitKind::Iterate, value, span }) => match context.evaluate(*value) {
                Ty::Generator(generator) if project.function(generator).kind.is_async() => {
                    let name = project.short_name(generator);
                    found.push((*span, format!("`{name}` is an async generator: iterate it with `async for`")));
                }
                ty @ Ty::Instance(Class::Own(class), _) => {
                    let has = |name: &str| matches!(project.member(Language::Python, &ty, name), Ty::Bound(..));
                    let is_plain = ["__iter__", "__getitem__"].iter().any(|name| !project.surely_lacks(class, name));
                    if has("__aiter__") && !is_plain {
                        let message = "this is an async iterable: iterate it with `async for`";
                        found.push((*span, message.to_owned()));
                    }
                }
                _ => {}
            },
            Node::Loop(it) if matches!(it.kind, LoopKind::AsyncFor | LoopKind::AsyncComprehension) => {
                if let Some(name) = it.iterated.and_then(|value| gives_what_is_meant(context, value)) {
                    let message = format!("`{name}` gives a coroutine: `await` it to get what to go through");
                    found.push((it.keyword, message));
                }
            }
            Node::Scope(scope) if scope.kind == ScopeKind::AsyncWith => {
                for item in &scope.items {
                    if let Some(name) = gives_what_is_meant(context, item.value) {
                        found.push((item.span, format!("`{name}` gives a coroutine: `await` it to get what to enter")));
                    }
                }
            }
            Node::Scope(scope) if scope.kind == ScopeKind::With => {
                for item in &scope.items {
                    let ty = context.evaluate(item.value);
                    let message = match &ty {
                        Ty::Manager(manager) if project.function(*manager).kind.is_async() => {
                            format!(
                                "`{}` is an async context manager: enter it with `async with`",
                                project.short_name(*manager)
                            )
                        }
                        Ty::Coroutine(..) => match entered_coroutine(context, item.value) {
                            Some(name) => {
                                format!("`{name}` is async: `await` it, or enter what it gives with `async with`")
                            }
                            None => continue,
                        },
                        Ty::Instance(Class::Library(path), _)
                            if project
                                .knowledge
                                .type_facts(Language::Python, path)
                                .is_some_and(|facts| facts.async_with) =>
                        {
                            format!("`{path}` is an async context manager: enter it with `async with`")
                        }
                        Ty::Instance(Class::Own(class), _) => {
                            let enters = matches!(project.member(Language::Python, &ty, "__aenter__"), Ty::Bound(..));
                            if !enters || !project.surely_lacks(*class, "__enter__") {
                                continue;
                            }
                            "this is an async context manager: enter it with `async with`".to_owned()
                        }
                        _ => continue,
                    };
                    found.push((item.span, message));
                }
            }
            _ => {}
        }
        flow::Step::Into
    });
    for (span, message) in found {
        let finding = context.finding(&RULE, function, span, message);
        context.keep(finding);
    }
}

/// The name of the async function whose coroutine is the subject of a plain `with`.
fn entered_coroutine(context: &Context<'_>, value: ValueId) -> Option<String> {
    let Value::Result(id) = context.model().value(value) else { return None };
    coroutine(context, *id)
}

/// The name of an async function of the project that returns something, where its coroutine is gone through or entered instead.
fn gives_what_is_meant(context: &Context<'_>, value: ValueId) -> Option<String> {
    let Value::Result(id) = context.model().value(value) else { return None };
    let project = context.project;
    let function = project.own_of(context.file, *id)?;
    let definition = project.declared(function);
    // A declaration, which others stand for, says by its annotation what they give: they may be generators.
    let is_real = definition.kind == FunctionKind::Async
        && !definition.is_generator
        && !project.is_abstract(function)
        && project.function(function).returned.iter().any(|it| *project.model(function.file).value(*it) != Value::None);
    let call = context.model().call(*id);
    let name = own_coroutine(context, function).filter(|_| is_real && !is_overloaded(context, function))?;
    (!is_meant(context, call) && !is_expected_to_fail(context, call)).then_some(name)
}

/// Built in functions that are given an async one, to judge elements by, or an async generator, to go through.
pub(super) fn given_to_builtin(context: &mut Context<'_>, call: &Call) {
    let model = context.model();
    let Some(name) = model.callee_name(call).map(|name| model.name(name)) else { return };
    let is_builtin = |call: &Call, name: &str| {
        matches!(model.value(call.callee), Value::Path(path)
            if matches!(&*path.segments, [module, it] if model.name(*module) == "builtins" && model.name(*it) == name))
    };
    let first = call.args.first().filter(|arg| arg.name.is_none() && !arg.spread);
    let named = |wanted: &str| call.args.iter().find(|arg| arg.name.is_some_and(|name| model.name(name) == wanted));
    let judge = match name {
        "filter" if is_builtin(call, name) => first,
        "sorted" | "min" | "max" if is_builtin(call, name) => named("key"),
        // `any(map(f, xs))`
        "any" | "all" if is_builtin(call, name) => first.and_then(|arg| match model.value(arg.value) {
            Value::Result(mapped) => Some(model.call(*mapped)).filter(|it| is_builtin(it, "map"))?.args.first(),
            _ => None,
        }),
        _ => None,
    };
    if let Some(judge) = judge {
        let Some(function) = judging_coroutine(context, judge.value) else { return };
        let message = format!("`{name}` is given the coroutines of `{function}` in place of their results");
        let mut finding = context.finding(&RULE, context.function(call.function), judge.span, message);
        finding.help = Some("await each in a loop, or in a list that is made before".to_owned());
        return context.keep(finding);
    }
    let exhausts =
        matches!(name, "list" | "tuple" | "set" | "dict" | "sorted" | "sum" | "min" | "max" | "enumerate" | "zip");
    if let Some(arg) = first
        && exhausts
        && !model.is_opaque(arg.value)
        && is_builtin(call, name)
        && let Ty::Generator(generator) = context.evaluate(arg.value)
        && context.project.declared(generator).kind.is_async()
        && !is_expected_to_fail(context, call)
    {
        let name = context.project.short_name(generator);
        let message = format!("`{name}` is an async generator: go through it with `async for`");
        let finding = context.finding(&RULE, context.function(call.function), arg.span, message);
        context.keep(finding);
    }
}

/// The async function that gives what elements are judged by.
fn judging_coroutine(context: &Context<'_>, judge: ValueId) -> Option<String> {
    match context.evaluate(judge) {
        Ty::Function(function) | Ty::Bound(_, function) => {
            let returned = &context.project.function(function).returned;
            match (context.project.declared(function).kind, returned.as_slice()) {
                // `lambda it: f(it)`
                (FunctionKind::Closure, [only]) if function.file == context.file => {
                    match context.model().value(*only) {
                        Value::Result(call) => coroutine(context, *call),
                        _ => None,
                    }
                }
                _ => own_coroutine(context, function),
            }
        }
        _ => None,
    }
}
