//! The outline of a file: what other files can see of it by evaluating what it binds, declares and returns.
//!
//! Outside of it are the places of everything, and what functions do that shows in none of their results. After most edits the
//! outline is what it was, and what has been found out of other files holds.

use rustc_hash::FxHashMap;

use super::{
    Binding, Call, CallId, Class, ClassKind, FileModel, Function, Impl, Module, NameId, Node, Path, Value, ValueId,
    flow,
};

/// What a change of a file has done to its outline.
#[derive(Debug, PartialEq, Eq)]
pub enum Reshaped {
    /// It is what it was, and everything in it has the number it had.
    Not,
    /// These names are bound at the top of the file now, or are no more, and the file says them nowhere else. All else is the
    /// same: who does not look for them sees nothing new.
    Names(Vec<String>),
    /// Anything may be different.
    Otherwise,
}

/// Compares the models of one file before and after a change.
pub fn reshaped(old: &FileModel, new: &FileModel) -> Reshaped {
    // What was added in the one direction was taken away in the other.
    match grown(old, new) {
        Some(names) => names,
        None => grown(new, old).unwrap_or(Reshaped::Otherwise),
    }
}

/// The new model has the outline of the old one, and perhaps more names.
fn grown(old: &FileModel, new: &FileModel) -> Option<Reshaped> {
    let mut pair = Pair { old, new, open: Vec::new(), of_old: FxHashMap::default(), of_new: FxHashMap::default() };
    if !(pair.same_declarations() && pair.same_values()) {
        return None;
    }
    let old_names = |name: &str| old.names.find(name).is_some();
    let bindings = new.modules.iter().flat_map(|it| &it.bindings);
    let mut names: Vec<String> =
        bindings.map(|it| new.name(it.name)).filter(|it| !old_names(it)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Some(if names.is_empty() { Reshaped::Not } else { Reshaped::Names(names) })
}

struct Pair<'a> {
    old: &'a FileModel,
    new: &'a FileModel,
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
            && self.first(&old.functions, &new.functions, Self::function)
            && self.first(&old.classes, &new.classes, Self::class)
            && self.all(&old.impls, &new.impls, Self::implementation)
            && self.handed_on()
    }

    fn all<T>(&mut self, old: &'a [T], new: &'a [T], mut same: impl FnMut(&mut Self, &'a T, &'a T) -> bool) -> bool {
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(self, old, new))
    }

    /// All of the old ones are there still, and come first.
    fn first<T>(&mut self, old: &'a [T], new: &'a [T], same: impl FnMut(&mut Self, &'a T, &'a T) -> bool) -> bool {
        new.get(..old.len()).is_some_and(|new| self.all(old, new, same))
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

    fn named<T: PartialEq + Copy>(&self, old: &[(NameId, T)], new: &[(NameId, T)]) -> bool {
        let mut both = old.iter().zip(new);
        old.len() == new.len() && both.all(|(old, new)| old.1 == new.1 && self.name(old.0, new.0))
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
        let plain = |it: &Function| {
            (it.kind, it.is_generator, it.module, it.parent, it.class, it.is_static, it.test, it.params.len())
        };
        plain(old) == plain(new)
            && self.name(old.name, new.name)
            && self.name(old.qualname, new.qualname)
            && self.value_if_any(old.self_type, new.self_type)
            && self.value_if_any(old.returns, new.returns)
            && self.values(&old.returned, &new.returned)
            && self.all(&old.decorators, &new.decorators, |pair, old, new| {
                pair.call_if_any(old.call, new.call) && pair.value(old.value, new.value)
            })
            && self.all(&old.params, &new.params, |pair, old, new| {
                (old.kind, old.has_default) == (new.kind, new.has_default)
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
            && self.values(&old.decorators, &new.decorators)
            && self.named(&old.methods, &new.methods)
            && self.all(&old.fields, &new.fields, |pair, old, new| pair.name(old.0, new.0) && pair.value(old.1, new.1))
    }

    fn implementation(&mut self, old: &'a Impl, new: &'a Impl) -> bool {
        old.module == new.module
            && self.value(old.target, new.target)
            && self.value_if_any(old.of_trait, new.of_trait)
            && self.named(&old.methods, &new.methods)
    }

    /// Which functions call their parameters, or hand them to others that do.
    fn handed_on(&mut self) -> bool {
        fn calls(model: &FileModel) -> impl Iterator<Item = &Call> {
            let is_param = |value: ValueId| matches!(model.value(value), Value::Param(..));
            model
                .calls
                .iter()
                .filter(move |call| is_param(call.callee) || call.args.iter().any(|it| is_param(it.value)))
        }
        let (mut old, mut new) = (calls(self.old), calls(self.new));
        loop {
            match (old.next(), new.next()) {
                (None, None) => return true,
                (Some(old), Some(new)) if self.call(old, new) => {}
                _ => return false,
            }
        }
    }

    fn call(&mut self, old: &'a Call, new: &'a Call) -> bool {
        (old.function, old.awaited) == (new.function, new.awaited)
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
            (Value::Function(old), Value::Function(new)) => old == new,
            (Value::Class(old), Value::Class(new)) | (Value::Super(old), Value::Super(new)) => old == new,
            (Value::Param(of, old), Value::Param(other, new)) => (of, old) == (other, new),
            (Value::Instance { class: old, args: given }, Value::Instance { class: new, args }) => {
                self.value(*old, *new) && self.values(given, args)
            }
            (Value::Result(old), Value::Result(new)) => self.call(self.old.call(*old), self.new.call(*new)),
            (Value::Entered(old, is_async), Value::Entered(new, other)) => is_async == other && self.value(*old, *new),
            (Value::Attr(old, name), Value::Attr(new, other)) | (Value::Field(old, name), Value::Field(new, other)) => {
                self.name(*name, *other) && self.value(*old, *new)
            }
            (Value::Item(old, index), Value::Item(new, other)) => index == other && self.value(*old, *new),
            (Value::Awaited(old), Value::Awaited(new))
            | (Value::Element(old), Value::Element(new))
            | (Value::Inner(old), Value::Inner(new))
            | (Value::Deref(old), Value::Deref(new))
            | (Value::Index(old), Value::Index(new))
            | (Value::Quotient(old), Value::Quotient(new)) => self.value(*old, *new),
            (Value::Tuple(old), Value::Tuple(new))
            | (Value::Collection(old), Value::Collection(new))
            | (Value::Union(old), Value::Union(new)) => self.values(old, new),
            _ => false,
        }
    }
}
