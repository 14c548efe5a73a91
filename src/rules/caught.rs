//! What a handler makes of the exception that it has caught, if that is a cancellation.

use super::Context;
use super::swallowed_cancellation::is_cancellation;
use crate::model::{Arm, Call, Condition, Handler, Node, Test, Value, ValueId, flow};
use crate::project::types::Ty;
use crate::source::Span;

/// How the handler can be left once a cancellation has got there. Branches that ask what the exception is are for that, or are not.
pub(super) fn exits_when_cancelled(
    context: &Context<'_>,
    handler: &Handler,
    never_returns: &dyn Fn(&Node) -> bool,
) -> flow::Exits {
    if handler.local.is_none() {
        return flow::exits(&handler.body, never_returns);
    }
    let fails = |it: &Condition| {
        is_about(context, handler, *it) && holds_of_cancellation(context, *it).is_some_and(|truth| truth != it.holds)
    };
    let decided = |arm: &Arm| {
        let never = arm.conditions.iter().any(fails) || !arm.either.is_empty() && arm.either.iter().all(fails);
        arm.constant.or(never.then_some(false)).or(arm.otherwise.iter().any(fails).then_some(true))
    };
    flow::exits_where(&handler.body, &flow::Known { never_returns, decided: &decided })
}

/// The condition asks of which class the exception is.
fn is_about(context: &Context<'_>, handler: &Handler, condition: Condition) -> bool {
    let is_it = |value: ValueId| is_caught(context, handler, value);
    matches!(condition.test, Test::Instance(_) | Test::Exactly(_))
        && match context.model().value(condition.value) {
            Value::Union(parts) => parts.iter().all(|it| is_it(*it)),
            _ => is_it(condition.value),
        }
}

/// The value is an exception that the handler catches.
pub(super) fn is_caught(context: &Context<'_>, handler: &Handler, value: ValueId) -> bool {
    matches!(context.model().value(value), Value::Instance { class, .. } if handler.catches.contains(class))
}

/// Whether the test holds of what a cancellation raises.
fn holds_of_cancellation(context: &Context<'_>, condition: Condition) -> Option<bool> {
    let (Test::Instance(class) | Test::Exactly(class)) = condition.test else { return None };
    if is_cancellation(context, class) {
        return Some(true);
    }
    is_one_of(&context.evaluate(class), matches!(condition.test, Test::Exactly(_)))
}

/// A cancellation is of the class, or of one of them.
fn is_one_of(class: &Ty, exactly: bool) -> Option<bool> {
    match class {
        Ty::Tuple(classes) => {
            let each: Vec<Option<bool>> = classes.iter().map(|it| is_one_of(it, exactly)).collect();
            match each.contains(&Some(true)) {
                true => Some(true),
                false => each.iter().all(|it| *it == Some(false)).then_some(false),
            }
        }
        Ty::Class(_) => Some(false),
        Ty::External(path) => match path.rsplit('.').next().unwrap_or(path) {
            "BaseException" => Some(!exactly),
            // There are more classes of that name than one, and what is called otherwise may stand for several.
            name if name.contains("Cancel") => None,
            name => (name.ends_with("Error") || path.starts_with("builtins.")).then_some(false),
        },
        _ => None,
    }
}

/// `if isinstance(error, CancelledError): raise`, or one asks for something that may be it.
pub(super) fn asks_for_cancellation(context: &Context<'_>, handler: &Handler) -> bool {
    let model = context.model();
    let asks = |call: &Call| {
        let is_named = model.callee_name(call).is_some_and(|it| model.name(it) == "isinstance");
        is_named
            && handler.span.contains(call.span)
            && call.args.get(1).is_some_and(|it| is_cancellation(context, it.value))
    };
    let may_ask = |it: &Condition| is_about(context, handler, *it) && holds_of_cancellation(context, *it).is_none();
    let branches = |node: &Node| {
        matches!(node, Node::Branch(it)
            if it.arms.iter().any(|arm| arm.conditions.iter().chain(&arm.either).any(may_ask)))
    };
    flow::find(&handler.body, &mut |node| matches!(node, Node::Raise(_))).is_some()
        && (model.all_calls().any(|(_, call)| asks(call))
            || flow::find(&handler.body, &mut |node| branches(node)).is_some())
}

/// Calls that tell of what they are given: of the exception, or of a text made of it.
const TELLING: &[&str] =
    &["log", "print(", "warn", ".debug(", ".info(", ".error(", ".exception(", "traceback", "repr("];

/// What gives no more of an exception than a text, or an answer.
const ASKING: &[&str] = &["str(", "type(", "isinstance("];

/// The handler mentions the exception other than to tell of it, or to ask what it is.
pub(super) fn is_handed_on(context: &Context<'_>, handler: &Handler, name: &str) -> bool {
    let is_word = |it: char| it == '_' || it.is_alphanumeric();
    let start = handler.head.end;
    let text = context.text(Span::new(start, handler.span.end));
    text.match_indices(name).any(|(at, _)| {
        let (before, rest) = (&text[..at], &text[at + name.len()..]);
        let is_other = before.ends_with(|it| is_word(it) || it == '{' || it == '.') || rest.starts_with(is_word);
        if is_other || rest.starts_with(".__traceback__") {
            return false;
        }
        let line = before.rfind('\n').map_or(0, |it| it + 1);
        let line = text[line..].lines().next().unwrap_or_default().to_ascii_lowercase();
        let asks = |word: &&str| before.strip_suffix(*word).is_some_and(|it| !it.ends_with(is_word));
        !TELLING.iter().any(|it| line.contains(it))
            && !ASKING.iter().any(asks)
            && !is_told(context, handler, start + at as u32)
    })
}

/// What stands there is given to a call of the handler that tells of it.
fn is_told(context: &Context<'_>, handler: &Handler, at: u32) -> bool {
    context.model().all_calls().any(|(_, call)| {
        let tells = || {
            let called = format!("{}(", context.text(call.name_span).to_ascii_lowercase());
            TELLING.iter().any(|it| called.contains(it))
        };
        let is_given = call.args.iter().any(|arg| (arg.span.start..arg.span.end).contains(&at));
        is_given && handler.span.contains(call.span) && tells()
    })
}
