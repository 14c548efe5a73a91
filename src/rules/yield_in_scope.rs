//! `yield-in-scope`: a generator yields while a timeout, cancel scope or task group is open around it.

use super::held_open::{self, MOST_MANAGERS, is_stack};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::knowledge::{Guard, ScopeRole};
use crate::model::{Block, CallId, LocalId, Node, ScopeKind, Value, ValueId};
use crate::project::Wrapping;
use crate::project::types::{Class, FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "yield-in-scope",
    page: include_str!("../../rules/yield-in-scope.md"),
    category: Category::Scopes,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC101"],
    fix: None,
    check,
};

/// A scope that is open, and what it is.
struct Open {
    what: String,
    span: Span,
    kept: Kept,
}

/// What keeps a scope open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The block that it is around.
    Block,
    /// An `ExitStack`.
    Stack,
    /// Rust: the local that a guard is bound to.
    Local(LocalId),
}

fn check(context: &mut Context<'_>) {
    for id in context.model().function_ids() {
        let function = context.function(id);
        let definition = context.project.function(function);
        if !definition.is_generator || is_allowed(context, function) {
            continue;
        }
        let mut found = Vec::new();
        walk(context, &definition.body, 0, &mut Vec::new(), &mut found);
        if found.is_empty() || is_made_manager(context, function) {
            continue;
        }
        for (at, open) in found {
            let message = format!("`yield` inside {}", open.what);
            let mut finding = context.finding(&RULE, function, at, message);
            finding.help = Some(match context.language() {
                Language::Python => {
                    "close the scope before yielding, or make this an `@asynccontextmanager` or a queue's consumer"
                        .to_owned()
                }
                Language::Rust => "release it before the `yield`".to_owned(),
            });
            finding.related =
                vec![Related { message: format!("{} opens here", open.what), place: context.place(open.span) }];
            context.keep(finding);
        }
    }
}

/// The generator is given to what makes a context manager of it, or enters and leaves it as one: `asynccontextmanager(f)`, `Depends(f)`,
/// `FastAPI(lifespan=f)`, `app.cleanup_ctx.append(f)`.
fn is_made_manager(context: &Context<'_>, function: FnRef) -> bool {
    const MAKERS: [&str; 6] = ["asynccontextmanager", "contextmanager", "Depends", "Security", "Provide", "fixture"];
    let project = context.project;
    let name = {
        let model = project.model(function.file);
        model.name(model.declaration(function.function).name).to_owned()
    };
    context.language() == Language::Python
        && project.files_naming(&name).any(|file| {
            let model = project.model(file);
            let is_it = |value: ValueId| project.evaluate(file, value) == Ty::Function(function);
            model.names.find(&name).is_some()
                && model.all_calls().any(|(_, call)| {
                    let written = project.source(file).slice(call.name_span);
                    let callee = written.rsplit('.').next().unwrap_or_default();
                    let enters = match model.value(call.callee) {
                        Value::Attr(list, _) if callee == "append" => {
                            matches!(model.value(*list), Value::Attr(_, it) if model.name(*it) == "cleanup_ctx")
                        }
                        _ => MAKERS.contains(&callee),
                    };
                    call.args.iter().any(|arg| {
                        let by_keyword = arg.name.is_some_and(|it| model.name(it) == "lifespan");
                        (enters || by_keyword) && is_it(arg.value)
                    })
                })
        })
}

/// Context managers and fixtures are made to yield inside scopes: their caller enters and leaves them as a whole. What
/// nothing is known of may make one of it.
pub(super) fn is_allowed(context: &Context<'_>, function: FnRef) -> bool {
    context.project.wrapping(function) != Wrapping::Plain
}

/// `depth`: of how many context managers, one entered in the next, the block is the body.
fn walk(context: &Context<'_>, block: &Block, depth: u32, open: &mut Vec<Open>, found: &mut Vec<(Span, Open)>) {
    let outside = open.len();
    for node in &block.nodes {
        match node {
            Node::Yield(it) => {
                if let Some(innermost) = open.last() {
                    let opened = Open { what: innermost.what.clone(), ..*innermost };
                    found.push((it.span, opened));
                }
            }
            Node::Bind { local, value, span } if context.language() == Language::Rust => {
                if let Some(what) = guard(context, &context.evaluate(*value)) {
                    open.push(Open { what, span: *span, kept: Kept::Local(*local) });
                }
            }
            Node::Call(id) if context.language() == Language::Python => stacked(context, *id, depth, open),
            Node::Release { local, .. } if context.language() == Language::Rust => {
                let mut inner = open.split_off(outside.min(open.len()));
                inner.retain(|it| it.kept != Kept::Local(*local));
                open.append(&mut inner);
            }
            Node::Scope(scope) => {
                let before = open.len();
                for item in &scope.items {
                    let ty = context.evaluate(item.value);
                    let what = match context.language() {
                        Language::Python => opened(context, &ty, scope.kind, depth),
                        Language::Rust if scope.kind == ScopeKind::Temporaries => guard(context, &ty),
                        Language::Rust => None,
                    };
                    if let Some(what) = what {
                        open.push(Open { what, span: item.span, kept: Kept::Block });
                    }
                }
                walk(context, &scope.body, depth, open, found);
                open.truncate(before);
            }
            other => {
                for part in crate::model::flow::parts(other) {
                    walk(context, part, depth, open, found);
                }
            }
        }
    }
    open.truncate(outside);
}

/// What a stack of context managers is told: `await stack.enter_async_context(timeout(1))`.
fn stacked(context: &Context<'_>, id: CallId, depth: u32, open: &mut Vec<Open>) {
    let call = context.model().call(id);
    let Value::Attr(stack, name) = context.model().value(call.callee) else { return };
    let method = context.model().name(*name);
    match method {
        "enter_context" | "enter_async_context" => {
            let kind = if method == "enter_context" { ScopeKind::With } else { ScopeKind::AsyncWith };
            // One that lies elsewhere is closed elsewhere.
            let is_local = !matches!(context.model().value(*stack), Value::Attr(..) | Value::Param(..));
            if is_local
                && is_stack(context, *stack)
                && let [manager] = call.args.as_slice()
                && let Some(what) = opened(context, &context.evaluate(manager.value), kind, depth)
            {
                open.push(Open { what, span: manager.span, kept: Kept::Stack });
            }
        }
        "aclose" | "close" | "pop_all" if is_stack(context, *stack) => open.retain(|it| it.kept != Kept::Stack),
        _ => {}
    }
}

/// What a `with` of this value opens, if it is a scope that must not be left by a `yield`.
pub(super) fn opened(context: &Context<'_>, ty: &Ty, kind: ScopeKind, depth: u32) -> Option<String> {
    match ty {
        Ty::Instance(Class::Library(path), _) => {
            describe(context.project.knowledge.type_facts(Language::Python, path).and_then(|facts| facts.scope)?)
        }
        // The same from several places, by version: `async_timeout` and `asyncio`.
        Ty::Union(parts) => {
            let mut opens = parts.iter().map(|it| opened(context, it, kind, depth));
            let first = opens.next()??;
            opens.all(|it| it.as_ref() == Some(&first)).then_some(first)
        }
        Ty::Manager(manager) if depth < MOST_MANAGERS => manager_opens(context, *manager, depth + 1),
        Ty::Instance(Class::Own(class), _) if depth < MOST_MANAGERS => {
            let what =
                held_open::find(context, *class, kind, depth + 1, &|ty, depth| opened(context, ty, kind, depth))?;
            let declared = context.project.model(class.file);
            Some(opened_by(&what, declared.name(declared.class(class.class).name)))
        }
        _ => None,
    }
}

fn describe(role: ScopeRole) -> Option<String> {
    Some(
        match role {
            ScopeRole::Timeout => "a timeout scope",
            ScopeRole::CancelScope => "a cancel scope",
            ScopeRole::TaskGroup => "a task group",
            _ => return None,
        }
        .to_owned(),
    )
}

/// A context manager of the project that yields inside such a scope keeps it open around its caller's body.
fn manager_opens(context: &Context<'_>, manager: FnRef, depth: u32) -> Option<String> {
    let mut found = Vec::new();
    let inner = context.looking_into(manager.file);
    walk(&inner, &context.project.function(manager).body, depth, &mut Vec::new(), &mut found);
    let (_, open) = found.into_iter().next()?;
    Some(opened_by(&open.what, context.project.short_name(manager)))
}

/// Of several that open it for each other, the outermost is told: it is what the code names.
fn opened_by(what: &str, name: &str) -> String {
    let what = what.split(',').next().unwrap_or(what);
    format!("{what}, opened by `{name}`")
}

fn guard(context: &Context<'_>, ty: &Ty) -> Option<String> {
    let path = ty.library_path()?;
    let what = match context.project.knowledge.type_facts(Language::Rust, path)?.guard? {
        Guard::ThreadLock => "a lock",
        Guard::Refcell => "a `RefCell` borrow",
        Guard::MapRef => "a reference into a concurrent map",
        Guard::Span => "an entered span",
        Guard::AsyncLock => "an async lock",
        Guard::Snapshot => return None,
    };
    Some(what.to_owned())
}
