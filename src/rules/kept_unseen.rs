//! The strict half of `leaked-task`: a task that is put somewhere, and nothing ever looks there.

use super::Context;
use crate::model::{Call, CallId, LocalId, Use, Value};
use crate::source::Language;

/// Where the task is put that this call starts, if nothing can see it there again.
pub(super) fn place(context: &Context<'_>, id: CallId, call: &Call) -> Option<String> {
    match call.result {
        Use::Stored => attribute(context, id, call),
        Use::Passed => container(context, id, call),
        _ => None,
    }
}

/// Python: `self._task = create_task(..)`, where no other line speaks of `_task`. What has a public name is for others to look at.
fn attribute(context: &Context<'_>, id: CallId, call: &Call) -> Option<String> {
    let model = context.model();
    if context.language() != Language::Python {
        return None;
    }
    let class = model.function(call.function).class?;
    let fields = &model.class(class).fields;
    let (field, _) = fields.iter().find(|(_, value)| *model.value(*value) == Value::Result(id))?;
    let name = model.name(*field);
    let looked_at = |value: &Value| match value {
        Value::Attr(_, name) => name == field,
        // `getattr(self, "_task")`, `__slots__`
        Value::Str(text) => text == field,
        _ => false,
    };
    if !name.starts_with('_') || model.all_values().any(looked_at) {
        return None;
    }
    let elsewhere = context
        .project
        .files_naming(name)
        .any(|file| file != context.file && context.project.model(file).names.find(name).is_some());
    (!elsewhere).then(|| format!("self.{name}"))
}

/// `tasks.append(create_task(..))`, where the local is only ever added to.
fn container(context: &Context<'_>, id: CallId, call: &Call) -> Option<String> {
    let model = context.model();
    let function = model.function(call.function);
    let adds = |other: &Call| {
        let Value::Attr(_, name) = model.value(other.callee) else { return None };
        let adds = matches!(model.name(*name), "append" | "add" | "push" | "push_back" | "insert" | "appendleft");
        let written = context.text(other.span);
        let receiver = written.get(..(other.name_span.start - other.span.start) as usize)?.trim_end();
        let receiver = receiver.strip_suffix('.').unwrap_or_else(|| written.split('.').next().unwrap_or(written));
        (adds && other.function == call.function).then_some(receiver.trim())
    };
    let takes = |other: &&Call| other.args.iter().any(|arg| *model.value(arg.value) == Value::Result(id));
    let receiver = adds(model.all_calls().map(|(_, call)| call).find(takes)?)?;
    let local =
        (0..function.locals.len() as u32).map(LocalId).find(|it| model.name(function.local(*it).name) == receiver)?;
    let held = function.local(local);
    // What the function is given, or made of something else, is seen by others.
    let own = !function.params.iter().any(|it| it.local == local) && !held.shared;
    let added = model.all_calls().filter(|(_, other)| adds(other) == Some(receiver)).count();
    (own && held.reads as usize == added).then(|| receiver.to_owned()).filter(|_| is_made_here(context, held.span))
}

/// `tasks = []`, `set()`, `Vec::new()`: nobody else has it.
fn is_made_here(context: &Context<'_>, name: crate::source::Span) -> bool {
    let text = &context.project.source(context.file).text;
    let line = text.get(name.end as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let Some((_, made)) = line.split_once('=') else { return false };
    let made = made.trim().trim_end_matches(';');
    ["[]", "set()", "list()", "deque()", "vec![]"].contains(&made) || made.ends_with("::new()")
}
