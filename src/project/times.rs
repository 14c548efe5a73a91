//! What a library does at times and not at others: nothing to tell its users of.

use crate::finding::FileId;
use crate::model::{
    Arm, Block, ClassId, Condition, FILE_MODULE, FileModel, FunctionId, Handler, ImplicitKind, NameId, Node, ParamKind,
    Test, UNKNOWN, Value, ValueId, flow,
};

use super::Project;
use super::types::{ClassRef, FnRef, Ty};

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
                self.fills(call, arm).is_some()
                    || self.answers(call, arm).is_some()
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

/// What a function keeps: it outlives the call.
struct Kept {
    /// It is one for the whole program.
    shared: bool,
    /// A global, or what the module has imported, of which it is an attribute.
    of: Option<ValueId>,
}

impl Project {
    /// `if X is None: X = load()`, where `X` outlives the call: the arm runs the first time. So it does in `if X.is_closed():`,
    /// which asks whether what is kept still serves, and in `if key not in X: X[key] = load(key)`. Gives whether `X` is one for the whole
    /// program.
    pub(super) fn fills(&self, function: FnRef, arm: &Arm) -> Option<bool> {
        let (file, function) = (function.file, function.function);
        let model = self.model(file);
        let by_condition = arm.conditions.iter().find_map(|it| {
            let kept = asked_of(model, it.value).filter(|_| it.test == Test::Truth);
            let kept = kept.and_then(|it| is_set(model, function, it, &arm.body));
            kept.or_else(|| missing(model, it).and_then(|it| is_loaded(model, function, &it, &arm.body)))
        });
        let entry = || {
            let of = entry_asked_for(model, arm).filter(|of| !says_of_entry(arm, *of, true))?;
            let kept = kept(model, function, model.value(of)).filter(|it| it.shared)?;
            sets_entry(model, &arm.body, of).then_some(kept)
        };
        self.kept_here(file, by_condition.or_else(entry)?)
    }

    /// `if X: return X`, where the function sets `X` and `X` outlives the call: what follows runs the first time. So it does after
    /// `if key in X: return X[key]`, and where another test stands around. Gives whether `X` is one for the whole program.
    pub(super) fn answers(&self, function: FnRef, arm: &Arm) -> Option<bool> {
        let model = self.model(function.file);
        let answers = |arm: &Arm| self.kept_here(function.file, answers(model, function.function, arm)?);
        answers(arm).or_else(|| {
            arm.body.nodes.iter().find_map(|node| match node {
                Node::Branch(inner) => inner.arms.iter().find_map(answers),
                _ => None,
            })
        })
    }

    /// `try: return X[key]` / `except KeyError: X[key] = load(key)`, where `X` is one for the whole program: the handler runs the first
    /// time. So it does after `try: return X.name` / `except AttributeError:`. Gives whether `X` is one for the whole program.
    pub(super) fn fills_what_is_missing(&self, function: FnRef, tried: &Block, handler: &Handler) -> Option<bool> {
        let (file, function) = (function.file, function.function);
        let model = self.model(file);
        let Handler { body, catches, .. } = handler;
        let entry = || {
            let of = operated_on(tried, |name| model.name(name) == "__getitem__")?;
            let kept = kept(model, function, model.value(of)).filter(|it| it.shared)?;
            sets_entry(model, body, of).then_some(kept)
        };
        let is_missing = |class: &ValueId| matches!(self.evaluate(file, *class), Ty::External(path) if &*path == "builtins.AttributeError");
        let attribute = || {
            let Some(Node::Return { value: Some(returned), .. }) = tried.nodes.last() else { return None };
            // What has been set in the function is not what its class says, and so unknown.
            let sets = |node: &Node| {
                set_by(node).is_some_and(|(set, _)| *returned == UNKNOWN || *model.value(*returned) == set)
            };
            let set = flow::find(body, &mut |node| sets(node)).filter(|_| catches.iter().any(is_missing))?;
            is_set_to_more(model, function, &set_by(set)?.0, body)
        };
        self.kept_here(file, entry().or_else(attribute)?)
    }

    /// What a library hands out may be another for each who asks: `flask.g`.
    fn kept_here(&self, file: FileId, kept: Kept) -> Option<bool> {
        let is_of_library = |it: ValueId| matches!(self.evaluate(file, it), Ty::External(_));
        (!kept.of.is_some_and(is_of_library)).then_some(kept.shared)
    }
}

/// `if self.client.is_closed: self.client = make()`, where the constructor has made one: it is only made anew once that is of no use.
pub(super) fn mends(model: &FileModel, function: FunctionId, arm: &Arm) -> bool {
    let definition = model.function(function);
    let Some(class) = definition.class.filter(|_| !definition.kind.is_async()) else { return false };
    let is_made_before = |value: ValueId| match model.value(value) {
        Value::Attr(_, name) => model.class(class).fields.iter().any(|(field, made)| {
            let maker = match model.value(*made) {
                Value::Result(call) => Some(model.call(*call).function),
                _ => None,
            };
            field == name && maker.is_some_and(|it| is_constructor(model, it))
        }),
        _ => false,
    };
    arm.conditions.iter().filter(|it| it.test == Test::Truth).any(|it| {
        asked_of(model, it.value)
            .is_some_and(|kept| is_made_before(kept) && is_set(model, function, kept, &arm.body).is_some())
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

/// What the condition says is not there: `X is None`, `not X`, `not hasattr(object, "x")`.
fn missing(model: &FileModel, condition: &Condition) -> Option<Value> {
    let Condition { value, test, holds } = *condition;
    match test {
        Test::Truth | Test::None if holds == (test == Test::None) => Some(model.value(value).clone()),
        Test::Has(name) if !holds => match model.value(name) {
            Value::Str(name) => Some(Value::Attr(value, *name)),
            _ => None,
        },
        _ => None,
    }
}

/// The arm gives back what its test says is there, and the function sets that as well.
fn answers(model: &FileModel, function: FunctionId, arm: &Arm) -> Option<Kept> {
    let whole = &model.function(function).body;
    let returns = |is_it: &dyn Fn(Option<ValueId>) -> bool| {
        arm.body.nodes.iter().any(|node| matches!(node, Node::Return { value, .. } if is_it(*value)))
    };
    let by_condition = arm.conditions.iter().find_map(|it| {
        let kept = missing(model, &it.denied())?;
        // What has been set in the function is not what its class says, and so unknown.
        let is_it = |value: Option<ValueId>| value.is_some_and(|it| it == UNKNOWN || *model.value(it) == kept);
        returns(&is_it).then(|| is_loaded(model, function, &kept, whole)).flatten()
    });
    by_condition.or_else(|| {
        let of = entry_asked_for(model, arm).filter(|of| returns(&|_| true) && !says_of_entry(arm, *of, false))?;
        let kept = kept(model, function, model.value(of)).filter(|it| it.shared)?;
        sets_entry(model, whole, of).then_some(kept)
    })
}

/// The value outlives the call: it is a global, an attribute of one or of a class, or of the function's own object.
fn kept(model: &FileModel, function: FunctionId, value: &Value) -> Option<Kept> {
    match value {
        Value::Global(..) => Some(Kept { shared: true, of: None }),
        Value::Attr(of, _) => kept_by(model, function, *of),
        _ => None,
    }
}

/// What an object has for an attribute outlives the call; what one has that is being made was never there before.
fn kept_by(model: &FileModel, function: FunctionId, object: ValueId) -> Option<Kept> {
    let is_made_here = is_constructor(model, function) && is_own(model, function, object);
    (!is_made_here).then(|| outlives(model, function, object)).flatten()
}

fn outlives(model: &FileModel, function: FunctionId, object: ValueId) -> Option<Kept> {
    match model.value(object) {
        Value::Global(..) | Value::Path(_) => Some(Kept { shared: true, of: Some(object) }),
        Value::Class(_) => Some(Kept { shared: true, of: None }),
        Value::Attr(_, name) if model.name(*name) == "__class__" => Some(Kept { shared: true, of: None }),
        Value::Attr(of, _) => outlives(model, function, *of),
        _ => is_own(model, function, object).then_some(Kept { shared: false, of: None }),
    }
}

/// It is the object that the function is a method of.
fn is_own(model: &FileModel, function: FunctionId, object: ValueId) -> bool {
    let own = model.function(function).params.first().filter(|it| it.kind == ParamKind::Receiver);
    own.is_some_and(|it| it.value == object)
}

fn is_constructor(model: &FileModel, function: FunctionId) -> bool {
    model.name(model.declaration(function).name) == "__init__"
}

/// The value is kept, and this part of the function sets it to what is made.
fn is_set(model: &FileModel, function: FunctionId, value: ValueId, part: &Block) -> Option<Kept> {
    is_set_to_more(model, function, model.value(value), part)
}

fn is_set_to_more(model: &FileModel, function: FunctionId, kept: &Value, part: &Block) -> Option<Kept> {
    let sets = |node: &Node| set_by(node).is_some_and(|(set, to)| set == *kept && is_made(model, function, to));
    flow::find(part, &mut |node| sets(node)).and_then(|_| self::kept(model, function, kept))
}

/// What the node sets, and to what.
fn set_by(node: &Node) -> Option<(Value, ValueId)> {
    match *node {
        Node::Set { of: Some(object), name, to } => Some((Value::Attr(object, name), to)),
        Node::Set { of: None, name, to } => Some((Value::Global(FILE_MODULE, name), to)),
        _ => None,
    }
}

/// The same, or this part calls a method of the function's own object that sets it.
fn is_loaded(model: &FileModel, function: FunctionId, kept: &Value, part: &Block) -> Option<Kept> {
    is_set_to_more(model, function, kept, part).or_else(|| {
        let Value::Attr(object, name) = *kept else { return None };
        let class = model.function(function).class?;
        let kept = kept_by(model, function, object).filter(|it| !it.shared)?;
        calls_setter(model, class, object, name, part, 0).then_some(kept)
    })
}

/// How far methods are followed that an object calls of itself.
const DEEPEST: u32 = 3;

/// A method is called of the object that sets the attribute.
fn calls_setter(model: &FileModel, class: ClassId, object: ValueId, name: NameId, part: &Block, depth: u32) -> bool {
    let class_of = model.class(class);
    if class_of.set_in.iter().all(|it| it.0 != name) {
        return false;
    }
    let sets = |node: &Node| {
        let Node::Call(call) = node else { return false };
        let Value::Attr(receiver, method) = *model.value(model.call(*call).callee) else { return false };
        if receiver != object {
            return false;
        }
        let Some((_, method)) = class_of.methods.iter().find(|it| it.0 == method) else { return false };
        class_of.set_in.contains(&(name, *method))
            || depth < DEEPEST && {
                let called = model.function(*method);
                let own = called.params.first().filter(|it| it.kind == ParamKind::Receiver);
                own.is_some_and(|own| calls_setter(model, class, own.value, name, &called.body, depth + 1))
            }
    };
    flow::find(part, &mut |node| sets(node)).is_some()
}

/// What a value comes to was not there before: it is no constant, and nothing that the function was given.
fn is_made(model: &FileModel, function: FunctionId, value: ValueId) -> bool {
    match model.value(value) {
        Value::Union(parts) => parts.iter().any(|it| is_made(model, function, *it)),
        Value::Global(..) | Value::Path(_) | Value::Function(_) | Value::Class(_) => false,
        made => !made.is_constant() && model.function(function).param_of(value).is_none(),
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

/// Where the arm runs, the entry is there, or is not.
fn says_of_entry(arm: &Arm, of: ValueId, holds: bool) -> bool {
    arm.conditions.iter().any(|it| it.test == Test::Entry && it.value == of && it.holds == holds)
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
