//! `unsafe-async-generator`: a loop over an async generator may be left with the generator half-way.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::model::{Block, FunctionId, FunctionKind, Kinds, LoopKind, Node, Value, ValueId, flow};
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "unsafe-async-generator",
    page: include_str!("../../rules/unsafe-async-generator.md"),
    category: Category::Scopes,
    profile: Profile::All,
    severity: Severity::Note,
    languages: &[Language::Python],
    aliases: &["ASYNC900"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    if context.language() != Language::Python {
        return;
    }
    for id in context.model().function_ids() {
        let mut found: Vec<(Span, FnRef)> = Vec::new();
        flow::visit_for(&context.model().function(id).body, Kinds::ASYNC_LOOP, &mut |node| {
            if let Node::Loop(it) = node
                && it.kind == LoopKind::AsyncFor
                && can_be_left(&it.body)
                && let Some(generator) = it.iterated.and_then(|value| generator(context, value))
            {
                found.push((it.keyword, generator));
            }
            flow::Step::Into
        });
        for (at, generator) in found {
            let name = context.project.short_name(generator);
            let message = format!("leaving this loop early leaves `{name}` half-way");
            let mut finding = context.finding(&RULE, context.function(id), at, message);
            finding.help = Some("iterate in `async with contextlib.aclosing(..)`".to_owned());
            let place = context.project.place(generator.file, context.project.function(generator).name_span);
            finding.related = vec![Related { message: format!("`{name}` has something to clean up"), place }];
            context.keep(finding);
        }
        on_its_own(context, id);
    }
}

/// A generator with a `finally` that the project does not iterate: who does cannot know that it has to be closed.
fn on_its_own(context: &mut Context<'_>, id: FunctionId) {
    let function = context.function(id);
    let definition = context.project.function(function);
    if definition.kind != FunctionKind::Async
        || !definition.is_generator
        || !has_finally(&definition.body)
        || !definition.decorators.is_empty()
        || is_iterated(context, function)
    {
        return;
    }
    let name = context.model().name(definition.name);
    let message = format!("whoever stops iterating over `{name}` early leaves its `finally` to the garbage collector");
    let mut finding = context.finding(&RULE, function, definition.name_span, message);
    finding.help = Some("make it an `@asynccontextmanager` that gives what is to be iterated".to_owned());
    context.keep(finding);
}

/// Some loop of the project goes through it, or it is handed to a call: then that is what is judged.
fn is_iterated(context: &Context<'_>, generator: FnRef) -> bool {
    let project = context.project;
    let name = context.model().name(project.function(generator).name);
    let is_it = |file, value| matches!(project.evaluate(file, value), Ty::Generator(found) if found == generator);
    project.relevant_files().iter().copied().any(|file| {
        let model = project.model(file);
        if model.names.find(name).is_none() {
            return false;
        }
        let takes_one =
            |value| matches!(project.evaluate(file, value), Ty::External(path) if &*path == "builtins.anext");
        let handed = model
            .all_calls()
            .any(|(_, call)| call.args.iter().any(|arg| is_it(file, arg.value)) && !takes_one(call.callee));
        let iterates =
            |node: &Node| matches!(node, Node::Loop(it) if it.iterated.is_some_and(|value| is_it(file, value)));
        handed || model.all_functions().any(|it| flow::find(&it.body, &mut |node| iterates(node)).is_some())
    })
}

/// It yields in a `try` with a `finally`, outside of any `with`: of those `yield-in-context-manager` speaks.
fn has_finally(block: &Block) -> bool {
    block.nodes.iter().any(|node| match node {
        Node::Try(it) if !it.finally.nodes.is_empty() => {
            flow::find(&it.body, &mut |node| matches!(node, Node::Yield(_))).is_some()
        }
        Node::Scope(_) => false,
        other => flow::parts(other).into_iter().any(has_finally),
    })
}

/// By a jump, or by the exception of something it waits for.
fn can_be_left(body: &Block) -> bool {
    let leaves = |node: &Node| {
        flow::is_suspension(node) || matches!(node, Node::Break { .. } | Node::Return { .. } | Node::Raise(_))
    };
    flow::find(body, &mut |node| leaves(node)).is_some()
}

/// The async generator of the project that the loop goes through, if it has something to clean up.
fn generator(context: &Context<'_>, value: ValueId) -> Option<FnRef> {
    // `async with aclosing(..) as rows`.
    if matches!(context.model().value(value), Value::Entered(..)) {
        return None;
    }
    let Ty::Generator(generator) = context.evaluate(value) else { return None };
    let definition = context.project.function(generator);
    (definition.kind.is_async() && cleans_up(&definition.body, false)).then_some(generator)
}

/// It yields in a `with`, or in a `try` that has more to do.
fn cleans_up(block: &Block, inside: bool) -> bool {
    block.nodes.iter().any(|node| match node {
        Node::Yield(_) => inside,
        Node::Scope(it) => cleans_up(&it.body, true),
        Node::Try(it) => {
            let guarded = inside || !it.finally.nodes.is_empty();
            cleans_up(&it.body, guarded) || flow::parts(node).skip(1).any(|part| cleans_up(part, inside))
        }
        other => flow::parts(other).any(|part| cleans_up(part, inside)),
    })
}
