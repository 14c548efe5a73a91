//! Containers that are made empty: what is put into them tells what is in them.

use syn::{Expr, ExprMethodCall};

use crate::model::{Arg, Display, NameId, Path, Value, ValueId};

use super::scope::{Found, Lowerer};

impl Lowerer<'_> {
    /// `all.push(x)`: from here on that is what is in `all`, if it was made empty and nothing has told so far.
    pub(super) fn fills(&mut self, it: &ExprMethodCall, method: NameId, receiver: ValueId, args: &[Arg]) {
        let (Expr::Path(local), [first, ..]) = (&*it.receiver, args) else { return };
        let is_filling = matches!(self.model.name(method), "extend" | "insert" | "push" | "push_back" | "push_front");
        let Some(ident) = local.path.get_ident().filter(|_| is_filling) else { return };
        let Some((class, kind)) = self.made_empty(receiver) else { return };
        let content: Vec<ValueId> = match (self.model.name(method), self.model.name(kind), args) {
            ("extend", "Vec" | "VecDeque", [_]) => vec![self.derived(first.value, Value::Element)],
            ("insert", "Vec" | "VecDeque", [_, element]) => vec![element.value],
            ("insert", "BTreeMap" | "HashMap", [key, value]) => vec![key.value, value.value],
            ("insert", "BTreeSet" | "HashSet", [_]) | ("push", "BinaryHeap" | "Vec", [_]) => vec![first.value],
            ("push_back" | "push_front", "VecDeque", [_]) => vec![first.value],
            _ => return,
        };
        let value = match self.model.name(kind) {
            "Vec" => self.add(Value::Collection(Display::Other, content.into())),
            _ => self.instance(class, content),
        };
        let name = self.ident(ident);
        if let Found::Local { frame, local } = self.find(name) {
            self.frames[frame].values[local.index()] = value;
        }
    }

    /// What kind of container the value is, if it is made with nothing in it: `Vec::new()`, `vec![]`. Its class, and the name of that.
    fn made_empty(&mut self, value: ValueId) -> Option<(ValueId, NameId)> {
        let call = match self.model.value(value) {
            Value::Collection(Display::Other, items) if items.is_empty() => {
                let class = self.absolute(&["std", "vec", "Vec"]);
                return Some((class, self.name("Vec")));
            }
            Value::Result(call) => self.model.call(*call),
            _ => return None,
        };
        let is_maker = |name: NameId| matches!(self.model.name(name), "default" | "new" | "with_capacity");
        match self.model.value(call.callee) {
            Value::Attr(class, name) if is_maker(*name) => match self.model.value(*class) {
                Value::Path(path) => Some((*class, *path.segments.last()?)),
                _ => None,
            },
            Value::Path(path) => {
                let (_, segments) = path.segments.split_last().filter(|it| is_maker(*it.0))?;
                let (kind, class) = (*segments.last()?, Path { root: path.root, segments: segments.into() });
                Some((self.add(Value::Path(Box::new(class))), kind))
            }
            _ => None,
        }
    }
}
