//! The outline of a file: what other files can see of it by evaluating what it binds, declares and returns.
//!
//! Outside of it are the places of everything, and what functions do that shows in none of their results. After most edits the
//! outline is what it was, and what has been found out of other files holds.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Binding, Call, CallId, Class, ClassKind, FileModel, Function, FunctionId, Impl, Lack, Module, NameId, Node, Path,
    Test, Value, ValueId, flow,
};

/// What a change of a file has done to its outline.
#[derive(Debug, PartialEq, Eq)]
pub enum Reshaped {
    /// It is what it was.
    Not,
    /// These names are bound at the top of the file now, or are no more, and the file says them nowhere else. All else is the
    /// same: who does not look for them sees nothing new.
    Names(Vec<String>),
    /// Anything may be different.
    Otherwise,
}

/// What is the same and has another number now, by those that it had and has.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Moved {
    pub functions: Vec<(FunctionId, FunctionId)>,
    /// Values of functions' parameters.
    pub params: Vec<(ValueId, ValueId)>,
}

/// Compares the models of one file before and after a change. Gives as well what has another number now; of an outline that is
/// another, that is not told.
pub fn reshaped(old: &FileModel, new: &FileModel) -> (Reshaped, Moved) {
    // What Python sees of a module is what functions do with it.
    if [old, new].into_iter().any(FileModel::may_fill_modules) {
        return (Reshaped::Otherwise, Moved::default());
    }
    // What was added in the one direction was taken away in the other.
    if let Some(grown) = grown(old, new) {
        return grown;
    }
    match grown(new, old) {
        Some((shape, Moved { functions, params })) => {
            let functions = functions.into_iter().map(|(new, old)| (old, new)).collect();
            (shape, Moved { functions, params: params.into_iter().map(|(new, old)| (old, new)).collect() })
        }
        None => (Reshaped::Otherwise, Moved::default()),
    }
}

/// The new model has the outline of the old one, and perhaps more names.
fn grown(old: &FileModel, new: &FileModel) -> Option<(Reshaped, Moved)> {
    let functions = same_functions(old, new)?;
    let paired = functions.values().copied().collect();
    let (open, of_old, of_new) = Default::default();
    let mut pair = Pair { old, new, functions, paired, open, of_old, of_new };
    if !(pair.same_declarations() && pair.same_values()) {
        return None;
    }
    let old_names = |name: &str| old.names.find(name).is_some();
    let bindings = new.modules.iter().flat_map(|it| &it.bindings);
    let mut names: Vec<String> =
        bindings.map(|it| new.name(it.name)).filter(|it| !old_names(it)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    let params = old.function_ids().flat_map(|it| &old.function(it).params);
    let moved = Moved {
        params: params
            .filter_map(|it| Some((it.value, *pair.of_old.get(&it.value)?)))
            .filter(|it| it.0 != it.1)
            .collect(),
        functions: pair.functions.into_iter().filter(|(old, new)| old != new).collect(),
    };
    Some((if names.is_empty() { Reshaped::Not } else { Reshaped::Names(names) }, moved))
}

/// The new number of every old function: by its name, and of several with one name by their order.
fn same_functions(old: &FileModel, new: &FileModel) -> Option<FxHashMap<FunctionId, FunctionId>> {
    let mut by_name: FxHashMap<&str, VecDeque<FunctionId>> = FxHashMap::default();
    for id in new.function_ids() {
        by_name.entry(new.name(new.function(id).qualname)).or_default().push_back(id);
    }
    let mut partner = |id: FunctionId| by_name.get_mut(old.name(old.function(id).qualname))?.pop_front();
    old.function_ids().map(|id| Some((id, partner(id)?))).collect()
}

struct Pair<'a> {
    old: &'a FileModel,
    new: &'a FileModel,
    /// Which functions stand for each other; there may be more new ones.
    functions: FxHashMap<FunctionId, FunctionId>,
    paired: FxHashSet<FunctionId>,
    /// Values that have to say the same.
    open: Vec<(ValueId, ValueId)>,
    /// Which values stand for each other: what was one value must not have become two, since it is asked whether a value is
    /// that of a parameter.
    of_old: FxHashMap<ValueId, ValueId>,
    of_new: FxHashMap<ValueId, ValueId>,
}

impl<'a> Pair<'a> {
    fn same_declarations(&mut self) -> bool {
        let (old, new) = (self.old, self.new);
        (old.language, old.failed) == (new.language, new.failed)
            && self.all(&old.modules, &new.modules, Self::module)
            && old.function_ids().all(|id| self.function(old.function(id), new.function(self.functions[&id])))
            && self.first(&old.classes, &new.classes, Self::class)
            && self.all(&old.impls, &new.impls, Self::implementation)
            && self.handed_on()
    }

    fn same(&self, old: FunctionId, new: FunctionId) -> bool {
        self.functions.get(&old) == Some(&new)
    }

    /// All of the old ones are there still, and come first.
    fn first<T>(&mut self, old: &'a [T], new: &'a [T], same: impl FnMut(&mut Self, &'a T, &'a T) -> bool) -> bool {
        new.get(..old.len()).is_some_and(|new| self.all(old, new, same))
    }

    fn all<T>(&mut self, old: &'a [T], new: &'a [T], mut same: impl FnMut(&mut Self, &'a T, &'a T) -> bool) -> bool {
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(self, old, new))
    }

    fn name(&self, old: NameId, new: NameId) -> bool {
        self.old.name(old) == self.new.name(new)
    }

    fn names(&self, old: &[NameId], new: &[NameId]) -> bool {
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| self.name(*old, *new))
    }

    fn name_if_any(&self, old: Option<NameId>, new: Option<NameId>) -> bool {
        match (old, new) {
            (Some(old), Some(new)) => self.name(old, new),
            (None, None) => true,
            _ => false,
        }
    }

    /// To be looked at later: values nest deep.
    fn value(&mut self, old: ValueId, new: ValueId) -> bool {
        match (self.of_old.insert(old, new), self.of_new.insert(new, old)) {
            (None, None) => {
                self.open.push((old, new));
                true
            }
            (known, back) => known == Some(new) && back == Some(old),
        }
    }

    fn value_if_any(&mut self, old: Option<ValueId>, new: Option<ValueId>) -> bool {
        match (old, new) {
            (Some(old), Some(new)) => self.value(old, new),
            (None, None) => true,
            _ => false,
        }
    }

    fn values(&mut self, old: &'a [ValueId], new: &'a [ValueId]) -> bool {
        self.all(old, new, |pair, old, new| pair.value(*old, *new))
    }

    fn methods(&self, old: &[(NameId, FunctionId)], new: &[(NameId, FunctionId)]) -> bool {
        let mut both = old.iter().zip(new);
        old.len() == new.len() && both.all(|(old, new)| self.same(old.1, new.1) && self.name(old.0, new.0))
    }

    fn module(&mut self, old: &'a Module, new: &'a Module) -> bool {
        let declared = |pair: &mut Self, old: &'a (NameId, Option<Box<str>>), new: &'a (NameId, Option<Box<str>>)| {
            old.1 == new.1 && pair.name(old.0, new.0)
        };
        let exports = match (&old.exports, &new.exports) {
            (Some(old), Some(new)) => self.names(old, new),
            (None, None) => true,
            _ => false,
        };
        exports
            && (old.parent, old.test) == (new.parent, new.test)
            && self.name_if_any(old.name, new.name)
            && self.all(&old.declared, &new.declared, declared)
            && self.all(&old.globs, &new.globs, |pair, old, new| {
                old.after == new.after && pair.value(old.value, new.value)
            })
            && self.bindings(old, new)
    }

    /// The old ones are there still, between new ones of new names.
    fn bindings(&mut self, old: &'a Module, new: &'a Module) -> bool {
        let names = self.new;
        let is_old = |name: NameId| self.old.names.find(names.name(name)).is_some();
        let known: Vec<&Binding> = new.bindings.iter().filter(|it| is_old(it.name)).collect();
        // Which of them a glob stands before is told by their number.
        if known.len() < new.bindings.len() && !new.globs.is_empty() || known.len() != old.bindings.len() {
            return false;
        }
        old.bindings.iter().zip(known).all(|(old, new)| {
            old.conditional == new.conditional && self.name(old.name, new.name) && self.value(old.value, new.value)
        })
    }

    fn function(&mut self, old: &'a Function, new: &'a Function) -> bool {
        let plain =
            |it: &Function| (it.kind, it.is_generator, it.module, it.class, it.is_static, it.test, it.params.len());
        plain(old) == plain(new)
            && old.parent.map(|it| self.functions[&it]) == new.parent
            && self.name(old.name, new.name)
            && self.name(old.qualname, new.qualname)
            && self.value_if_any(old.self_type, new.self_type)
            && self.value_if_any(old.returns, new.returns)
            && old.gives == new.gives
            && self.all(&old.takes, &new.takes, |pair, old, new| old.0 == new.0 && pair.value(old.1, new.1))
            && self.values(&old.returned, &new.returned)
            && self.all(&old.decorators, &new.decorators, |pair, old, new| {
                pair.call_if_any(old.call, new.call) && pair.value(old.value, new.value)
            })
            && self.all(&old.params, &new.params, |pair, old, new| {
                (old.kind, old.has_default, old.is_callable) == (new.kind, new.has_default, new.is_callable)
                    && pair.name(old.name, new.name)
                    && pair.value(old.value, new.value)
                    && pair.value(old.default, new.default)
            })
            && self.body(old, new)
    }

    /// What of a body tells what calling the function gives: what a generator yields, that a method is for others to define.
    fn body(&mut self, old: &'a Function, new: &'a Function) -> bool {
        if old.class.is_some() {
            let raised = |function: &Function| -> Vec<Option<ValueId>> {
                let raises = function.body.nodes.iter();
                raises.filter_map(|it| if let Node::Raise(raise) = it { Some(raise.value) } else { None }).collect()
            };
            let (old, new) = (raised(old), raised(new));
            if old.len() != new.len() || !old.iter().zip(&new).all(|(old, new)| self.value_if_any(*old, *new)) {
                return false;
            }
        }
        if !old.is_generator {
            return true;
        }
        let yielded = |function: &Function| {
            let mut found: Vec<(bool, ValueId)> = Vec::new();
            flow::visit(&function.body, &mut |node| {
                if let Node::Yield(it) = node {
                    found.push((it.delegates, it.value));
                }
                flow::Step::Into
            });
            found
        };
        let (old, new) = (yielded(old), yielded(new));
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.0 == new.0 && self.value(old.1, new.1))
    }

    fn class(&mut self, old: &'a Class, new: &'a Class) -> bool {
        let plain = |it: &Class| -> (super::ModuleId, ClassKind) { (it.module, it.kind) };
        plain(old) == plain(new)
            && self.name(old.name, new.name)
            && self.name(old.qualname, new.qualname)
            && self.values(&old.bases, &new.bases)
            && self.value_if_any(old.metaclass, new.metaclass)
            && self.values(&old.decorators, &new.decorators)
            && self.methods(&old.methods, &new.methods)
            && self.all(&old.fields, &new.fields, |pair, old, new| pair.name(old.0, new.0) && pair.value(old.1, new.1))
            && self
                .all(&old.declared, &new.declared, |pair, old, new| pair.name(old.0, new.0) && pair.value(old.1, new.1))
            && self.names(&old.annotated, &new.annotated)
            && self
                .all(&old.also_set, &new.also_set, |pair, old, new| pair.name(old.0, new.0) && pair.value(old.1, new.1))
            && self.methods(&old.set_in, &new.set_in)
            && self.names(&old.decided, &new.decided)
            && self.all(&old.parametric, &new.parametric, |pair, old, new| pair.name(old.0, new.0) && old.1 == new.1)
            && self.all(&old.holding, &new.holding, |pair, old, new| {
                pair.name(old.0, new.0) && old.1 == new.1 && pair.value(old.2, new.2)
            })
            && self.values(&old.defaults, &new.defaults)
    }

    fn implementation(&mut self, old: &'a Impl, new: &'a Impl) -> bool {
        old.module == new.module
            && self.value(old.target, new.target)
            && self.value_if_any(old.of_trait, new.of_trait)
            && self.methods(&old.methods, &new.methods)
    }

    /// Which functions call their parameters, or hand them to others that do.
    fn handed_on(&mut self) -> bool {
        let hands = |model: &FileModel, call: &Call| {
            let is_param = |value: ValueId| matches!(model.value(value), Value::Param(..));
            is_param(call.callee) || call.args.iter().any(|it| is_param(it.value))
        };
        let (of_old, of_new) = (self.old, self.new);
        let old: Vec<&Call> = of_old.calls.iter().filter(|call| hands(of_old, call)).collect();
        let paired = of_new.calls.iter().filter(|call| self.paired.contains(&call.function));
        let new: Vec<&Call> = paired.filter(|call| hands(of_new, call)).collect();
        old.len() == new.len() && old.into_iter().zip(new).all(|(old, new)| self.call(old, new))
    }

    fn call(&mut self, old: &'a Call, new: &'a Call) -> bool {
        old.awaited == new.awaited
            && self.same(old.function, new.function)
            && self.value(old.callee, new.callee)
            && self.all(&old.args, &new.args, |pair, old, new| {
                old.spread == new.spread && pair.name_if_any(old.name, new.name) && pair.value(old.value, new.value)
            })
    }

    fn call_if_any(&mut self, old: Option<CallId>, new: Option<CallId>) -> bool {
        match (old, new) {
            (Some(old), Some(new)) => self.call(self.old.call(old), self.new.call(new)),
            (None, None) => true,
            _ => false,
        }
    }

    fn same_values(&mut self) -> bool {
        while let Some((old, new)) = self.open.pop() {
            let (old, new) = (self.old.value(old), self.new.value(new));
            if !self.expression(old, new) {
                return false;
            }
        }
        true
    }

    fn path(&self, old: &Path, new: &Path) -> bool {
        old.root == new.root && self.names(&old.segments, &new.segments)
    }

    fn expression(&mut self, old: &'a Value, new: &'a Value) -> bool {
        match (old, new) {
            (Value::Unknown, Value::Unknown) | (Value::None, Value::None) => true,
            (Value::Bool(old), Value::Bool(new)) => old == new,
            (Value::Int(old), Value::Int(new)) => old == new,
            (Value::Str(old), Value::Str(new)) => self.name(*old, *new),
            (Value::Path(old), Value::Path(new)) => self.path(old, new),
            (Value::Global(module, old), Value::Global(other, new)) => module == other && self.name(*old, *new),
            (Value::Function(old), Value::Function(new)) | (Value::Generator(old), Value::Generator(new)) => {
                self.same(*old, *new)
            }
            (Value::Class(old), Value::Class(new)) | (Value::Super(old), Value::Super(new)) => old == new,
            (Value::Param(of, old), Value::Param(other, new)) => old == new && self.same(*of, *other),
            (Value::Instance { class: old, args: given }, Value::Instance { class: new, args }) => {
                self.value(*old, *new) && self.values(given, args)
            }
            (Value::Result(old), Value::Result(new)) => self.call(self.old.call(*old), self.new.call(*new)),
            (Value::Entered(old, is_async), Value::Entered(new, other)) => is_async == other && self.value(*old, *new),
            (Value::Attr(old, name), Value::Attr(new, other)) | (Value::Field(old, name), Value::Field(new, other)) => {
                self.name(*name, *other) && self.value(*old, *new)
            }
            (Value::Declared(old, set), Value::Declared(new, other)) => {
                self.value(*old, *new) && self.value(*set, *other)
            }
            (Value::Said(old), Value::Said(new)) => {
                let is_same = match (old.test, new.test) {
                    (Test::Equals(one), Test::Equals(another)) => self.value(one, another),
                    (one, another) => one == another && !one.refers(),
                };
                is_same && old.holds == new.holds && self.value(old.value, new.value)
            }
            (Value::Replaced(old, lack), Value::Replaced(new, other)) => {
                let is_same = match (lack, other) {
                    (Lack::Kind(one), Lack::Kind(another)) => self.value(*one, *another),
                    (one, another) => one == another,
                };
                is_same && self.value(*old, *new)
            }
            (Value::Item(old, index), Value::Item(new, other))
            | (Value::Handed(old, index), Value::Handed(new, other)) => index == other && self.value(*old, *new),
            (Value::Awaited(old), Value::Awaited(new))
            | (Value::Element(old), Value::Element(new))
            | (Value::Inner(old), Value::Inner(new))
            | (Value::Deref(old), Value::Deref(new))
            | (Value::Unit(old), Value::Unit(new))
            | (Value::Macro(old), Value::Macro(new))
            | (Value::Dyn(old), Value::Dyn(new))
            | (Value::Slice(old), Value::Slice(new))
            | (Value::Index(old), Value::Index(new))
            | (Value::Quotient(old), Value::Quotient(new))
            | (Value::Text(old), Value::Text(new)) => self.value(*old, *new),
            (Value::Provided { of, by, name }, Value::Provided { of: new, by: other, name: named }) => {
                self.name(*name, *named) && self.value(*of, *new) && self.value(*by, *other)
            }
            (Value::Fields(old), Value::Fields(new)) => {
                self.all(old, new, |pair, old, new| pair.name(old.0, new.0) && pair.value(old.1, new.1))
            }
            (Value::Collection(display, old), Value::Collection(other, new)) => {
                display == other && self.values(old, new)
            }
            (Value::Tuple(old), Value::Tuple(new)) | (Value::Union(old), Value::Union(new)) => self.values(old, new),
            _ => false,
        }
    }
}
