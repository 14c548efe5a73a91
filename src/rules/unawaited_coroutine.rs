//! `unawaited-coroutine`: a coroutine or future is created and never awaited.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Applicability, Edit, Fix, Severity};
use crate::model::{Call, CallId, FunctionKind, Implicit, ImplicitKind, Node, ScopeKind, Use, flow};
use crate::project::Callee;
use crate::project::types::{Class, FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "unawaited-coroutine",
    page: include_str!("../../rules/unawaited-coroutine.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC105", "clippy::let_underscore_future"],
    fix: Some(Applicability::Unsafe),
    check,
};

fn check(context: &mut Context<'_>) {
    let model = context.model();
    for (index, call) in model.calls.iter().enumerate() {
        let what = match call.result {
            Use::Dropped | Use::Discarded => "is never awaited",
            Use::Bound(local) => {
                let local = model.function(call.function).local(local);
                if local.reads > 0 || local.shared {
                    continue;
                }
                "is bound to a name that is never used, and never awaited"
            }
            Use::Tested if context.language() == Language::Python => "is always true: it is tested, not awaited",
            _ => continue,
        };
        if call.awaited {
            continue;
        }
        if let Some(name) = coroutine(context, CallId(index as u32)) {
            report(context, call, &name, what);
        }
    }
    for function in context.model().function_ids() {
        misused_protocols(context, context.function(function));
    }
}

/// The name of the async function that the call certainly runs.
fn coroutine(context: &Context<'_>, id: CallId) -> Option<String> {
    let callees = context.project.callees(context.file, id);
    let mut name = None;
    for callee in &callees {
        let this = match callee {
            Callee::Own(function) => own_coroutine(context, *function)?,
            Callee::Api(path, _) => {
                let api = context.project.knowledge.api(context.language(), path)?;
                if !api.is_async {
                    return None;
                }
                api.path.to_owned()
            }
            Callee::Construct(_) | Callee::Unknown => return None,
        };
        name.get_or_insert(this);
    }
    name
}

fn own_coroutine(context: &Context<'_>, function: FnRef) -> Option<String> {
    let definition = context.project.function(function);
    let is_coroutine = matches!(definition.kind, FunctionKind::Async | FunctionKind::AsyncClosure)
        && !definition.is_generator
        && context.project.wrapping(function) == crate::project::Wrapping::Plain
        && !starts_runtime(context, function);
    is_coroutine.then(|| context.project.short_name(function).to_owned())
}

/// `#[tokio::main] async fn`: a plain function once the attribute is done with it.
fn starts_runtime(context: &Context<'_>, function: FnRef) -> bool {
    context.project.language(function.file) == Language::Rust
        && context.project.function(function).decorators.iter().any(|decorator| {
            matches!(
                context.project.evaluate(function.file, decorator.value),
                Ty::External(path)
                    if context.project.knowledge.decorator(Language::Rust, &path)
                        .is_some_and(|facts| facts.asynchronous == Some(crate::knowledge::Place::Runtime))
            )
        })
}

fn report(context: &mut Context<'_>, call: &Call, name: &str, what: &str) {
    let function = context.function(call.function);
    let message = format!("the coroutine of `{name}` {what}");
    let mut finding = context.finding(&RULE, function, call.name_span, message);
    let in_async = context.model().function(call.function).kind.is_async();
    finding.help = Some(if in_async {
        "`await` it".to_owned()
    } else {
        "`await` it in an async function, or start it as a task that is kept".to_owned()
    });
    if in_async {
        let (at, content) = match context.language() {
            Language::Python => (Span::new(call.span.start, call.span.start), "await "),
            Language::Rust => (Span::new(call.span.end, call.span.end), ".await"),
        };
        finding.fix = Some(Fix {
            applicability: Applicability::Unsafe,
            message: "await the call".to_owned(),
            edits: vec![Edit { span: at, content: content.to_owned() }],
        });
    }
    context.keep(finding);
}

/// `for` over an async generator, `with` over an async context manager.
fn misused_protocols(context: &mut Context<'_>, function: FnRef) {
    if context.language() != Language::Python {
        return;
    }
    let project = context.project;
    let mut found: Vec<(Span, String)> = Vec::new();
    flow::visit(&project.function(function).body, &mut |node| {
        match node {
            Node::Implicit(Implicit { kind: ImplicitKind::Iterate, value, span }) => {
                if let Ty::Generator(generator) = context.evaluate(*value)
                    && project.function(generator).kind.is_async()
                {
                    let name = project.short_name(generator);
                    found.push((*span, format!("`{name}` is an async generator: iterate it with `async for`")));
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
                        Ty::Instance(Class::Own(_), _) => {
                            let has = |name: &str| matches!(project.member(Language::Python, &ty, name), Ty::Bound(..));
                            if !has("__aenter__") || has("__enter__") || !is_closed(context, &ty) {
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

/// Nothing of the class is hidden in a base that is not known.
fn is_closed(context: &Context<'_>, ty: &Ty) -> bool {
    let Ty::Instance(Class::Own(class), _) = ty else { return false };
    let model = context.project.model(class.file);
    model.class(class.class).bases.iter().all(|base| {
        matches!(context.project.evaluate(class.file, *base), Ty::Class(_))
            || matches!(context.project.evaluate(class.file, *base), Ty::External(path) if &*path == "builtins.object")
    })
}
