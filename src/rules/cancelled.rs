//! What functions cancel that are called before something is waited for.

use super::Context;
use crate::finding::FileId;
use crate::model::{Block, Call, FileModel, FunctionId, Handler, NameId, Node, UNKNOWN, Value, ValueId, flow};
use crate::project::types::FnRef;
use crate::source::Span;

/// The names of what functions of the project's cancel that are called before: of what they are given, or of attributes of the object.
pub(super) fn by_helpers<'a>(context: &'a Context<'_>, function: FunctionId, span: Span) -> Vec<&'a str> {
    let model = context.model();
    let mut cancelled = Vec::new();
    for (id, call) in model.calls_in(function).iter() {
        if call.function != function || call.span.start >= span.end {
            continue;
        }
        let Some(helper) = context.project.own_of(context.file, id) else { continue };
        for what in cancels(context, helper, 0) {
            match what {
                Cancelled::Given(position) => {
                    let given = context.project.argument_at(context.file, id, helper, position);
                    let args = call.args.iter().filter(|arg| Some(arg.value) == given);
                    cancelled.extend(args.map(|arg| last_name(context.text(arg.span))));
                }
                Cancelled::Kept(file, name) if is_asked_of_self(model, call) => {
                    cancelled.push(context.project.model(file).name(name));
                }
                Cancelled::Kept(..) => {}
            }
        }
    }
    cancelled
}

/// The handler cancels the task that it runs in once more: `asyncio.current_task().cancel()`. The next `await` meets it.
pub(super) fn cancels_itself(context: &Context<'_>, function: FunctionId, handler: &Handler) -> bool {
    let model = context.model();
    let is_own = |task: ValueId| match model.value(task) {
        Value::Result(id) => {
            context.project.api_of(context.file, *id).is_some_and(|api| api.path == "asyncio.current_task")
        }
        _ => false,
    };
    model.calls_in(function).any(|call| {
        handler.span.contains(call.span)
            && matches!(model.value(call.callee), Value::Attr(task, name)
                if model.name(*name) == "cancel" && is_own(*task))
    })
}

/// All that the block waits for has been handed to something that cancels it: `with cancel_on_signal(task): await task`.
pub(super) fn may_end_what_is_awaited(context: &Context<'_>, function: FunctionId, block: &Block) -> bool {
    let model = context.model();
    let is_handed_over = |value: ValueId| {
        model.calls_in(function).any(|call| {
            let name = match model.value(call.callee) {
                Value::Attr(_, name) | Value::Global(_, name) => *name,
                _ => return false,
            };
            model.name(name).starts_with("cancel_") && call.args.iter().any(|arg| arg.value == value)
        })
    };
    let (mut waits, mut all) = (false, true);
    flow::visit(block, &mut |node| {
        match node {
            Node::Await(it) => {
                waits = true;
                all &= it.value != UNKNOWN && is_handed_over(it.value);
            }
            node if flow::is_suspension(node) => all = false,
            _ => {}
        }
        flow::Step::Into
    });
    waits && all
}

/// What a function cancels.
#[derive(Clone, Copy)]
enum Cancelled {
    /// What it is given for this parameter, or each element of that.
    Given(u32),
    /// An attribute of its own object.
    Kept(FileId, NameId),
}

/// What the function cancels, by itself or through functions that it calls.
fn cancels(context: &Context<'_>, function: FnRef, depth: u32) -> Vec<Cancelled> {
    let project = context.project;
    let model = project.model(function.file);
    let params = &project.function(function).params;
    let named = |value: ValueId| {
        let value = match model.value(value) {
            Value::Element(inner) => *inner,
            _ => value,
        };
        let position = project.function(function).param_of(value);
        match (position, model.value(value)) {
            (Some(position), _) => Some(Cancelled::Given(position as u32)),
            (None, Value::Attr(own, name)) if params.first().is_some_and(|it| it.value == *own) => {
                Some(Cancelled::Kept(function.file, *name))
            }
            _ => None,
        }
    };
    let mut cancelled = Vec::new();
    for (id, call) in model.calls_in(function.function).iter().filter(|(_, call)| call.function == function.function) {
        if let Value::Attr(task, name) = model.value(call.callee)
            && model.name(*name) == "cancel"
        {
            cancelled.extend(named(*task));
        }
        let Some(helper) = project.own_of(function.file, id).filter(|it| depth < 2 && *it != function) else {
            continue;
        };
        for what in cancels(context, helper, depth + 1) {
            cancelled.extend(match what {
                Cancelled::Given(position) => project.argument_at(function.file, id, helper, position).and_then(named),
                kept @ Cancelled::Kept(..) => Some(kept).filter(|_| is_asked_of_self(model, call)),
            });
        }
    }
    cancelled
}

/// The call is of a method of the same object: what that keeps, this function does.
fn is_asked_of_self(model: &FileModel, call: &Call) -> bool {
    let own = model.function(call.function).params.first().map(|it| it.value);
    matches!(model.value(call.callee), Value::Attr(receiver, _) if own == Some(*receiver))
}

/// The name that a text ends with: of `self._task`, `_task`.
pub(super) fn last_name(text: &str) -> &str {
    let is_word = |it: char| it == '_' || it.is_alphanumeric();
    let start = text.trim_end_matches(is_word).len();
    &text[start..]
}
