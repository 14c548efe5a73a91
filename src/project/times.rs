//! What a library does at times and not at others: nothing to tell its users of.

use crate::model::{
    Arm, Block, FileModel, FunctionId, ImplicitKind, NameId, Node, ParamKind, Test, Value, ValueId, flow,
};
use crate::source::Span;

use super::Project;
use super::types::{ClassRef, FnRef};

impl Project {
    /// Calling the function does not always run it.
    pub(super) fn runs_at_times(&self, function: FnRef) -> bool {
        self.keeps_result(function) || self.is_called_at_times(function)
    }

    /// What the function makes it keeps for all callers, be it for each argument: not by object, unless that is `held` elsewhere and so one
    /// for all who can ask it.
    pub fn keeps_for_all(&self, function: FnRef, held: bool) -> bool {
        let params = &self.declared(function).params;
        let by_object = params.iter().any(|it| it.kind == ParamKind::Receiver) && !self.is_class_method(function);
        !by_object || held
    }

    /// The class of the class keeps what it makes: `if cls not in instances: instances[cls] = super().__call__()`.
    pub(super) fn keeps_instances(&self, class: ClassRef) -> bool {
        self.metaclass_call(class).is_some_and(|call| {
            let model = self.model(call.file);
            let keeps = |arm: &Arm| {
                fills(model, call.function, arm).is_some()
                    || answers(model, call.function, arm).is_some()
                    || entry_asked_for(model, arm)
                        .is_some_and(|of| sets_entry(model, &model.function(call.function).body, of))
            };
            let body = &model.function(call.function).body;
            flow::find(body, &mut |node| matches!(node, Node::Branch(it) if it.arms.iter().any(keeps))).is_some()
        })
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
/// which asks whether what is kept still serves, and in `if key not in X: X[key] = load(key)`. Gives whether `X` is one for the whole
/// program.
pub(super) fn fills(model: &FileModel, function: FunctionId, arm: &Arm) -> Option<bool> {
    let is_set = |value: ValueId| is_set(model, function, value, arm.span);
    let by_condition = arm.conditions.iter().find_map(|it| match it.test {
        Test::Truth | Test::None => {
            let kept = asked_of(model, it.value).filter(|_| it.test == Test::Truth).and_then(is_set);
            let is_missing = it.holds == (it.test == Test::None);
            kept.or_else(|| is_set(it.value).filter(|_| is_missing))
        }
        _ => None,
    });
    by_condition.or_else(|| {
        let of = entry_asked_for(model, arm).filter(|of| is_shared(model, function, *of))?;
        sets_entry(model, &arm.body, of).then_some(true)
    })
}

/// `try: return X[key]` / `except KeyError: X[key] = load(key)`, where `X` is one for the whole program: the handler runs the first time.
pub(super) fn fills_what_is_missing(model: &FileModel, function: FunctionId, tried: &Block, handler: &Block) -> bool {
    let asked = operated_on(tried, |name| model.name(name) == "__getitem__");
    asked.is_some_and(|of| is_shared(model, function, of) && sets_entry(model, handler, of))
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

/// `if X: return X`, where the function sets `X` and `X` outlives the call: what follows runs the first time. So it does after
/// `if key in X: return X[key]`, and where another test stands around. Gives whether `X` is one for the whole program.
pub(super) fn answers(model: &FileModel, function: FunctionId, arm: &Arm) -> Option<bool> {
    answers_itself(model, function, arm).or_else(|| {
        arm.body.nodes.iter().find_map(|node| match node {
            Node::Branch(inner) => inner.arms.iter().find_map(|arm| answers_itself(model, function, arm)),
            _ => None,
        })
    })
}

fn answers_itself(model: &FileModel, function: FunctionId, arm: &Arm) -> Option<bool> {
    let whole = model.function(function);
    let returns = |value: Option<ValueId>| {
        let is_it = |node: &Node| matches!(node, Node::Return { value: it, .. } if value.is_none() || *it == value);
        arm.body.nodes.iter().any(is_it)
    };
    let by_condition = arm.conditions.iter().find_map(|it| {
        let is_there = it.holds != (it.test == Test::None)
            && matches!(it.test, Test::Truth | Test::None)
            && returns(Some(it.value));
        is_there.then(|| is_set(model, function, it.value, whole.span)).flatten()
    });
    by_condition.or_else(|| {
        let of = entry_asked_for(model, arm).filter(|of| returns(None) && is_shared(model, function, *of))?;
        sets_entry(model, &whole.body, of).then_some(true)
    })
}

/// The value is a global or an attribute of `self`, and this part of the function sets it to what a call gives. Gives whether it is one for the
/// whole program.
fn is_set(model: &FileModel, function: FunctionId, value: ValueId, part: Span) -> Option<bool> {
    let is_made_here = |value: ValueId| is_made_in(model, function, value, part, 0);
    let is_set = match model.value(value) {
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
    };
    is_set.then(|| is_shared(model, function, value))
}

/// A global, or an attribute of the class that a class method is called on.
fn is_shared(model: &FileModel, function: FunctionId, value: ValueId) -> bool {
    match model.value(value) {
        Value::Global(..) => true,
        Value::Attr(receiver, _) => {
            let first = model.function(function).params.first();
            first.is_some_and(|it| it.value == *receiver) && matches!(model.value(*receiver), Value::Class(_))
        }
        _ => false,
    }
}

/// `key in X`, or `X.get(key)` that is asked whether it is there: of what the test asks for an entry.
fn entry_asked_for(model: &FileModel, arm: &Arm) -> Option<ValueId> {
    operated_on(&arm.test, |name| model.name(name) == "__contains__").or_else(|| {
        arm.conditions.iter().find_map(|it| {
            let Value::Result(call) = model.value(it.value) else { return None };
            let Value::Attr(of, method) = model.value(model.call(*call).callee) else { return None };
            (matches!(it.test, Test::Truth | Test::None) && model.name(*method) == "get").then_some(*of)
        })
    })
}

/// The first value that an operator of that name is asked of.
fn operated_on(block: &Block, is_it: impl Fn(NameId) -> bool) -> Option<ValueId> {
    let found = flow::find(
        block,
        &mut |node| matches!(node, Node::Implicit(it) if matches!(it.kind, ImplicitKind::Operator(name) if is_it(name))),
    );
    match found {
        Some(Node::Implicit(it)) => Some(it.value),
        _ => None,
    }
}

/// `X[key] = value`
fn sets_entry(model: &FileModel, block: &Block, of: ValueId) -> bool {
    let sets = |node: &Node| {
        matches!(node, Node::Implicit(it) if it.value == of
            && matches!(it.kind, ImplicitKind::Operator(name) if model.name(name) == "__setitem__"))
    };
    flow::find(block, &mut |node| sets(node)).is_some()
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
