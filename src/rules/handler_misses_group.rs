//! `handler-misses-group`: an `except` stands around a task group whose errors it never sees, because they come in a group.

use super::held_open::{MOST_MANAGERS, is_nothing_but};
use super::task_group::{deeper, derives, exceptions, is_group, is_group_itself, made_by, role};
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::knowledge::ScopeRole;
use crate::model::{Block, CallId, Handler, Kinds, Node, Scope, ScopeKind, Try, Value, flow};
use crate::project::types::{Class, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "handler-misses-group",
    page: include_str!("../../rules/handler-misses-group.md"),
    category: Category::Cancellation,
    profile: Profile::Recommended,
    severity: Severity::Warning,
    languages: &[Language::Python],
    aliases: &[],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for id in context.model().function_ids() {
        let mut found: Vec<(Span, Group)> = Vec::new();
        flow::visit_for(&context.model().function(id).body, Kinds::TRY, &mut |node| {
            if let Node::Try(it) = node {
                tried(context, it, &mut found);
            }
            flow::Step::Into
        });
        for (head, group) in found {
            let message =
                "the tasks' errors arrive as an `ExceptionGroup`, which this `except` does not catch".to_owned();
            let mut finding = context.finding(&RULE, context.function(id), head, message);
            finding.help = Some("use `except*`, or handle the error in the task".to_owned());
            let message = match &group.opened_by {
                Some(manager) => format!("the task group opens here, in `{manager}`"),
                None => "the task group opens here".to_owned(),
            };
            finding.related = vec![Related { message, place: context.place(group.span) }];
            context.keep(finding);
        }
    }
}

fn tried(context: &Context<'_>, it: &Try, found: &mut Vec<(Span, Group)>) {
    let Some(group) = only_group(context, &it.body, false, 0) else { return };
    let mut missed = Vec::new();
    for handler in &it.handlers {
        match judge(context, handler, group.timed) {
            Sight::Misses => missed.push((handler.head, group.clone())),
            // Whoever catches the group knows of it; what stands beside that is for other errors.
            Sight::CatchesGroup => return,
            Sight::CatchesAll => break,
            Sight::Unsure => {}
        }
    }
    found.extend(missed);
}

#[derive(Clone)]
struct Group {
    span: Span,
    /// The context manager of the project that opens it.
    opened_by: Option<String>,
    /// A timeout stands around it, and its error is not in the group.
    timed: bool,
}

/// The task group that is all the block has: anything else in it could raise what the handler waits for.
/// `depth`: of how many context managers, one entered in the next, the block is the body.
fn only_group(context: &Context<'_>, block: &Block, timed: bool, depth: u32) -> Option<Group> {
    let mut makers: Vec<CallId> = Vec::new();
    let mut found: Option<&Scope> = None;
    for node in &block.nodes {
        match node {
            Node::Call(id) if found.is_none() => makers.push(*id),
            Node::Call(id) if asks_result(context, *id) => {}
            Node::Scope(it) if found.is_none() => found = Some(it),
            Node::Bind { .. } | Node::Set { .. } | Node::Define(_) | Node::Implicit(_) | Node::Return { .. } => {}
            Node::Loop(it) if found.is_some() && only_asks(context, &it.body) => {}
            _ => return None,
        }
    }
    let scope = found?;
    // Before the scope only what makes its items is called.
    let items: Vec<CallId> = scope
        .items
        .iter()
        .filter_map(|item| match context.model().value(item.value) {
            Value::Result(call) => Some(*call),
            _ => None,
        })
        .collect();
    if makers.iter().any(|id| !items.contains(id)) {
        return None;
    }
    let yields = depth == 0 || holds_yield(&scope.body);
    let mut timed = timed;
    for item in &scope.items {
        if is_group(context, item) {
            // `open_nursery(strict_exception_groups=False)` lets a single error through as it is.
            let plain = match context.model().value(item.value) {
                Value::Result(call) => context.model().call(*call).args.is_empty(),
                _ => true,
            };
            return (plain && yields).then_some(Group { span: item.span, opened_by: None, timed });
        }
        let entered = context.evaluate(item.value);
        if let Ty::Manager(found) = entered
            && depth < MOST_MANAGERS
        {
            // Around its caller's body is what it has around its `yield`.
            let inner = context.looking_into(found.file);
            let group = deeper(|| only_group(&inner, &context.project.function(found).body, timed, depth + 1))?;
            let opened_by = group.opened_by.unwrap_or_else(|| context.project.short_name(found).to_owned());
            return yields.then_some(Group { span: item.span, opened_by: Some(opened_by), ..group });
        }
        if let Ty::Instance(Class::Own(class), _) = entered
            && scope.kind == ScopeKind::AsyncWith
            && is_nothing_but(context, class, &|ty| is_group_itself(context, ty))
        {
            let model = context.project.model(class.file);
            let opened_by = model.name(model.class(class.class).name).to_owned();
            return yields.then_some(Group { span: item.span, opened_by: Some(opened_by), timed });
        }
        match role(context, item)? {
            ScopeRole::Timeout => timed = true,
            ScopeRole::CancelScope => {}
            _ => return None,
        }
        made_by(context, item.value)?;
    }
    only_group(context, &scope.body, timed, depth)
}

/// The context manager gives way to its caller's body in there, and lets all errors of that pass.
fn holds_yield(block: &Block) -> bool {
    let mut nodes = block.nodes.iter();
    nodes.any(|node| match node {
        Node::Yield(_) => true,
        Node::Try(it) => it.handlers.is_empty() && holds_yield(&it.body),
        Node::Scope(it) => holds_yield(&it.body),
        _ => false,
    })
}

/// `task.result()` of a task that is done.
fn asks_result(context: &Context<'_>, id: CallId) -> bool {
    match context.model().value(context.model().call(id).callee) {
        Value::Attr(_, name) => context.model().name(*name) == "result",
        _ => false,
    }
}

fn only_asks(context: &Context<'_>, block: &Block) -> bool {
    block.nodes.iter().all(|node| match node {
        Node::Call(id) => asks_result(context, *id),
        Node::Bind { .. } | Node::Implicit(_) => true,
        _ => false,
    })
}

enum Sight {
    Misses,
    CatchesGroup,
    CatchesAll,
    Unsure,
}

fn judge(context: &Context<'_>, handler: &Handler, timed: bool) -> Sight {
    if handler.bare {
        return Sight::CatchesAll;
    }
    if handler.is_star {
        return Sight::CatchesGroup;
    }
    let mut sight = Sight::Misses;
    for value in &handler.catches {
        let Some(classes) = exceptions(context, *value) else { return Sight::Unsure };
        for class in classes {
            if is_path(&class, &["builtins.BaseException", "builtins.Exception"]) {
                return Sight::CatchesAll;
            }
            if catches_group(context, &class) {
                return Sight::CatchesGroup;
            }
            // What comes through a group as it is, or from around it.
            let plain = [
                "asyncio.CancelledError",
                "trio.Cancelled",
                "builtins.KeyboardInterrupt",
                "builtins.SystemExit",
                "builtins.GeneratorExit",
            ];
            let of_timeout = ["builtins.TimeoutError", "trio.TooSlowError", "builtins.OSError"];
            if plain.iter().any(|it| derives(context, &class, it) == Some(true))
                || timed && of_timeout.iter().any(|it| derives(context, &class, it) == Some(true))
            {
                sight = Sight::Unsure;
            }
        }
    }
    sight
}

fn is_path(class: &Ty, paths: &[&str]) -> bool {
    matches!(class, Ty::External(path) if paths.contains(&&**path))
}

fn catches_group(context: &Context<'_>, class: &Ty) -> bool {
    if let Ty::External(path) = class
        && path.ends_with("Group")
    {
        return true;
    }
    derives(context, class, "builtins.BaseExceptionGroup") == Some(true)
}
