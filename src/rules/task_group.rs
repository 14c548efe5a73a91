//! What several rules ask of Python's scopes: which group a `with` opens, and which exception a class is.

use super::Context;
use crate::knowledge::{Api, Effect, Handle, ScopeRole};
use crate::model::{Block, CallId, FunctionId, Node, ScopeItem, Value, ValueId, flow};
use crate::project::types::{Class, ClassRef, Ty};
use crate::source::Language;

/// Walks one level deeper into a tree, however deep it is.
pub(super) fn deeper<T>(walk: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, walk)
}

/// The library function whose call makes the value.
pub(super) fn made_by(context: &Context<'_>, value: ValueId) -> Option<&'static Api> {
    let Value::Result(call) = context.model().value(value) else { return None };
    context.project.api_of(context.file, *call)
}

/// What a `with` of the item opens.
pub(super) fn role(context: &Context<'_>, item: &ScopeItem) -> Option<ScopeRole> {
    if let Some(role) = made_by(context, item.value).and_then(|api| api.scope) {
        return Some(role);
    }
    let ty = context.evaluate(item.value);
    context.project.knowledge.type_facts(Language::Python, ty.library_path()?)?.scope
}

/// Libraries whose groups hand on their tasks' errors as an `ExceptionGroup`.
fn is_known(path: &str) -> bool {
    ["asyncio.", "trio.", "anyio.", "quattro."].iter().any(|it| path.starts_with(it))
}

/// An object of the library's own that opens such a group.
pub(super) fn is_group_itself(context: &Context<'_>, ty: &Ty) -> bool {
    let facts = |path: &str| context.project.knowledge.type_facts(Language::Python, path);
    ty.library_path().is_some_and(|path| {
        is_known(path) && facts(path).is_some_and(|facts| facts.scope == Some(ScopeRole::TaskGroup))
    })
}

/// The item opens a task group or nursery whose tasks' errors arrive as an `ExceptionGroup`.
pub(super) fn is_group(context: &Context<'_>, item: &ScopeItem) -> bool {
    role(context, item) == Some(ScopeRole::TaskGroup)
        && (context.evaluate(item.value).library_path().is_some_and(is_known)
            || made_by(context, item.value).is_some_and(|api| is_known(api.path)))
}

/// The exception classes that an `except` of this value names; `None` if one cannot be told.
pub(super) fn exceptions(context: &Context<'_>, value: ValueId) -> Option<Vec<Ty>> {
    match context.evaluate(value) {
        Ty::Tuple(parts) => parts.iter().all(|it| matches!(it, Ty::External(_) | Ty::Class(_))).then(|| parts.to_vec()),
        Ty::Collection(_) | Ty::Union(_) => None,
        ty @ (Ty::External(_) | Ty::Class(_)) => Some(vec![ty]),
        _ => None,
    }
}

/// Whether the exception class is `base` or derived from it; `None` where a base is not known.
pub(super) fn derives(context: &Context<'_>, class: &Ty, base: &str) -> Option<bool> {
    derives_within(context, class, base, 0)
}

fn derives_within(context: &Context<'_>, class: &Ty, base: &str, depth: u32) -> Option<bool> {
    if depth > 12 {
        return None;
    }
    match class {
        Ty::External(path) if **path == *base => Some(true),
        Ty::External(path) => {
            let facts = context.project.knowledge.type_facts(Language::Python, path)?;
            if facts.path == base {
                return Some(true);
            }
            let known =
                facts.bases.iter().map(|it| derives_within(context, &Ty::External((*it).into()), base, depth + 1));
            any(known)
        }
        Ty::Class(ClassRef { file, class }) => {
            let declared = context.project.model(*file).class(*class);
            let bases = declared.bases.iter().map(|it| context.project.evaluate(*file, *it));
            any(bases.map(|it| derives_within(context, &it, base, depth + 1)))
        }
        Ty::Instance(Class::Library(_), _) => None,
        _ => None,
    }
}

/// One that holds is enough; otherwise one that is not known leaves all open.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut answer = Some(false);
    for it in answers {
        match it {
            Some(true) => return Some(true),
            Some(false) => {}
            None => answer = None,
        }
    }
    answer
}

/// The calls in a block, nested functions left out.
pub(super) fn calls(block: &Block) -> Vec<CallId> {
    let mut found = Vec::new();
    flow::visit(block, &mut |node| {
        if let Node::Call(id) = node {
            found.push(*id);
        }
        flow::Step::Into
    });
    found
}

/// How often the text speaks of `name`, as a whole word that is no attribute of something else.
pub(super) fn mentions(text: &str, name: &str) -> usize {
    let is_word = |it: char| it == '_' || it.is_alphanumeric();
    text.match_indices(name)
        .filter(|(at, _)| {
            let before = text[..*at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            !before.is_some_and(|it| is_word(it) || it == '.') && !after.is_some_and(is_word)
        })
        .count()
}

/// Words in the names of functions and calls that end something: what still fails then is of no use to anyone.
const ENDINGS: &[&str] = &[
    "abort",
    "cancel",
    "cleanup",
    "close",
    "disconnect",
    "drain",
    "drop",
    "exit",
    "flush",
    "goodbye",
    "join",
    "kill",
    "leave",
    "settle",
    "shutdown",
    "shut_down",
    "stop",
    "teardown",
    "terminate",
    "wait",
];

/// The text speaks of the end of something.
pub(super) fn speaks_of_an_end(text: &str) -> bool {
    let text = text.to_lowercase().replace("await", "");
    ENDINGS.iter().any(|it| text.contains(it))
}

/// The name that a `with .. as name` of a function binds.
pub(super) fn bound_name<'a>(context: &Context<'a>, function: FunctionId, item: &ScopeItem) -> Option<&'a str> {
    let model = context.model();
    Some(model.name(model.function(function).local(item.local?).name))
}

/// The call starts a task in the group of that name.
pub(super) fn spawns_into(context: &Context<'_>, id: CallId, group: &str) -> bool {
    let call = context.model().call(id);
    let written = context.text(call.name_span);
    written.strip_prefix(group).and_then(|rest| rest.strip_prefix('.')).is_some_and(|method| !method.contains('.'))
        && context
            .project
            .api_of(context.file, id)
            .is_some_and(|api| api.effect == Some(Effect::Spawns) && api.handle == Some(Handle::Owned))
}
