//! What a library does at times and not at others: nothing to tell its users of.

use crate::model::{Arm, Block, FileModel, FunctionId, Node, ParamKind, Test, Value, ValueId, flow};
use crate::source::Span;

use super::Project;
use super::types::FnRef;

impl Project {
    /// Calling the function does not always run it.
    pub(super) fn runs_at_times(&self, function: FnRef) -> bool {
        self.keeps_result(function) || self.is_called_at_times(function)
    }

    /// What the function makes it keeps for all callers: not by object, nor by argument. An object that is `held` elsewhere
    /// is one for all who can ask it.
    pub fn keeps_for_all(&self, function: FnRef, held: bool) -> bool {
        let params = &self.declared(function).params;
        let by_object = params.iter().any(|it| it.kind == ParamKind::Receiver);
        if by_object { held } else { params.is_empty() || !self.keeps_result(function) }
    }

    /// Some decorator wraps it in a function that calls it on some ways and not on others: a cache, mostly.
    fn is_called_at_times(&self, function: FnRef) -> bool {
        let calls = |wrapper: FnRef| {
            let model = self.model(wrapper.file);
            always_calls(model, &model.function(wrapper.function).body)
        };
        self.wrappers(function).into_iter().any(|wrapper| !calls(wrapper))
    }
}

/// `if X is None: X = load()`, where `X` outlives the call: the arm runs the first time. So it does in `if X.is_closed():`,
/// which asks whether what is kept still serves.
pub(super) fn fills(model: &FileModel, function: FunctionId, arm: &Arm) -> bool {
    let is_set = |value: ValueId| is_set(model, function, value, arm.span);
    arm.conditions.iter().any(|it| match it.test {
        Test::Truth if asked_of(model, it.value).is_some_and(is_set) => true,
        Test::Truth | Test::None => it.holds == (it.test == Test::None) && is_set(it.value),
        _ => false,
    })
}

/// `if self.client.is_closed: self.client = make()`, where the constructor has made one: it is only made anew once that is of no use.
pub(super) fn mends(model: &FileModel, function: FunctionId, arm: &Arm) -> bool {
    let definition = model.function(function);
    let Some(class) = definition.class.filter(|_| !definition.kind.is_async()) else { return false };
    let is_constructor = |it: FunctionId| model.name(model.declaration(it).name) == "__init__";
    let is_made_before = |value: ValueId| match model.value(value) {
        Value::Attr(_, name) => model.class(class).fields.iter().any(|(field, made)| {
            let maker = match model.value(*made) {
                Value::Result(call) => Some(model.call(*call).function),
                _ => None,
            };
            field == name && maker.is_some_and(is_constructor)
        }),
        _ => false,
    };
    arm.conditions.iter().filter(|it| it.test == Test::Truth).any(|it| {
        asked_of(model, it.value).is_some_and(|kept| is_made_before(kept) && is_set(model, function, kept, arm.span))
    })
}

/// `X.is_closed()`, `X.is_closed`: of what that is asked.
fn asked_of(model: &FileModel, value: ValueId) -> Option<ValueId> {
    match model.value(value) {
        Value::Attr(of, _) => Some(*of),
        Value::Result(call) => match model.value(model.call(*call).callee) {
            Value::Attr(receiver, _) => Some(*receiver),
            _ => None,
        },
        _ => None,
    }
}

/// `if X: return X`, where the function sets `X` and `X` outlives the call: what follows runs the first time.
pub(super) fn answers(model: &FileModel, function: FunctionId, arm: &Arm) -> bool {
    let whole = model.function(function).span;
    arm.conditions.iter().any(|it| {
        let returns = |node: &Node| matches!(node, Node::Return { value, .. } if *value == Some(it.value));
        it.holds != (it.test == Test::None)
            && matches!(it.test, Test::Truth | Test::None)
            && arm.body.nodes.iter().any(returns)
            && is_set(model, function, it.value, whole)
    })
}

/// The value is a global or an attribute of `self`, and this part of the function sets it to what a call gives.
fn is_set(model: &FileModel, function: FunctionId, value: ValueId, part: Span) -> bool {
    let is_made_here = |value: ValueId| is_made_in(model, function, value, part, 0);
    match model.value(value) {
        Value::Global(module, name) => {
            model.module(*module).bindings.iter().any(|it| it.name == *name && is_made_here(it.value))
        }
        Value::Attr(receiver, name) => {
            let definition = model.function(function);
            let is_own = definition.params.first().is_some_and(|it| it.value == *receiver);
            let fields = definition.class.filter(|_| is_own).map(|class| &model.class(class).fields);
            fields.is_some_and(|fields| fields.iter().any(|(it, value)| it == name && is_made_here(*value)))
        }
        _ => false,
    }
}

fn is_made_in(model: &FileModel, function: FunctionId, value: ValueId, part: Span, depth: u32) -> bool {
    let inner = |value: ValueId| depth < 4 && is_made_in(model, function, value, part, depth + 1);
    match model.value(value) {
        Value::Result(id) => model.call(*id).function == function && part.contains(model.call(*id).span),
        Value::Awaited(value) | Value::Entered(value, _) | Value::Index(value) | Value::Item(value, _) => inner(*value),
        Value::Union(parts) => parts.iter().any(|it| inner(*it)),
        _ => false,
    }
}

/// Whichever way is taken, what a function around this one was given is called.
fn always_calls(model: &FileModel, block: &Block) -> bool {
    for node in &block.nodes {
        let calls = match node {
            Node::Call(id) => matches!(model.value(model.call(*id).callee), Value::Param(..)),
            Node::Scope(it) => always_calls(model, &it.body),
            Node::Block(it) => always_calls(model, it),
            Node::Try(it) => always_calls(model, &it.body) || always_calls(model, &it.finally),
            Node::Loop(it) => always_calls(model, &it.body),
            _ => false,
        };
        if calls {
            return true;
        }
        if matches!(node, Node::Branch(_) | Node::Try(_)) && leaves_early(node) {
            return false;
        }
    }
    false
}

/// Some way through the node ends the function or the turn of a loop, other than by an error.
pub(super) fn leaves_early(node: &Node) -> bool {
    let leaves = |node: &Node| matches!(node, Node::Return { .. } | Node::Break { .. } | Node::Continue { .. });
    flow::parts(node).any(|part| flow::find(part, &mut |node| leaves(node)).is_some())
}
