//! What tests say of the class that something is of, and what assignments to attributes of it say.

use ruff_python_ast::{BoolOp, CmpOp, Expr, Pattern, UnaryOp};

use crate::model::{ClassId, FILE_MODULE, NameId, Node, ParamKind, Value, ValueId};

use super::bound::Attribute;
use super::scope::Lowerer;

impl<'a> Lowerer<'a> {
    /// `isinstance(name, Class)`, `type(name) is Class` hold in what follows.
    pub(super) fn narrow(&mut self, test: &'a Expr) {
        match test {
            Expr::Call(call) => {
                if let (Expr::Name(func), [subject, class]) = (&*call.func, &*call.arguments.args)
                    && func.id == "isinstance"
                {
                    self.narrow_to(subject, class);
                }
            }
            Expr::Compare(it) => {
                if let (Expr::Call(call), [CmpOp::Is | CmpOp::Eq], [class]) = (&*it.left, &*it.ops, &*it.comparators)
                    && let (Expr::Name(func), [subject]) = (&*call.func, &*call.arguments.args)
                    && func.id == "type"
                {
                    self.narrow_to(subject, class);
                }
            }
            Expr::BoolOp(it) if it.op == BoolOp::And => it.values.iter().for_each(|it| self.narrow(it)),
            _ => {}
        }
    }

    /// The test does not hold in what follows.
    pub(super) fn narrow_otherwise(&mut self, test: &'a Expr) {
        match test {
            Expr::UnaryOp(it) if it.op == UnaryOp::Not => self.narrow(&it.operand),
            Expr::BoolOp(it) if it.op == BoolOp::Or => it.values.iter().for_each(|it| self.narrow_otherwise(it)),
            _ => {}
        }
    }

    /// `case Class():`
    pub(super) fn narrow_to_pattern(&mut self, subject: &'a Expr, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchClass(it) => self.narrow_to(subject, &it.cls),
            Pattern::MatchAs(it) => {
                if let Some(inner) = &it.pattern {
                    self.narrow_to_pattern(subject, inner);
                }
            }
            _ => {}
        }
    }

    fn narrow_to(&mut self, subject: &'a Expr, class: &'a Expr) {
        match subject {
            Expr::Name(name) => {
                let Some(local) = self.own_local(name.id.as_str()) else { return };
                let classes: Vec<&Expr> = match class {
                    Expr::Tuple(it) => it.elts.iter().collect(),
                    one => vec![one],
                };
                let values = classes.into_iter().map(|it| self.annotation(it)).collect();
                let value = self.union(values);
                self.frame().assign(local, value);
            }
            // What is declared of the attribute says less than this.
            Expr::Attribute(it) => {
                if let Expr::Name(object) = &*it.value {
                    let changed = (Some(self.name(object.id.as_str())), self.name(it.attr.as_str()));
                    self.frame().changed.push(changed);
                }
            }
            _ => {}
        }
    }

    /// Attributes that a function sets on what it has, or puts something else in place of, are not what their class says.
    pub(super) fn note_changed(&mut self, attributes: &[Attribute<'_>]) {
        for (object, attribute) in attributes {
            let changed = (object.map(|it| self.name(it)), self.name(attribute));
            self.frame().changed.push(changed);
        }
    }

    /// A test has asked something of the value, and perhaps of what that is an attribute of: `client.is_closed`.
    pub(super) fn note_asked(&mut self, value: ValueId) {
        let of = match *self.model.value(value) {
            Value::Attr(of, _) => Some(of),
            Value::Result(call) => match *self.model.value(self.model.call(call).callee) {
                Value::Attr(of, _) => Some(of),
                _ => None,
            },
            _ => None,
        };
        for asked in [Some(value), of].into_iter().flatten() {
            let is_kept = matches!(self.model.value(asked), Value::Attr(..) | Value::Global(..));
            if is_kept && !self.frame().asked.contains(&asked) {
                self.frame().asked.push(asked);
            }
        }
    }

    /// An attribute is set: whoever reads the function is told, if it has been asked for, or may decide what a call does.
    pub(super) fn note_set(&mut self, object: ValueId, attribute: &str, to: ValueId) {
        let own = self.own_object();
        let may_decide = match own {
            Some((own, _)) if own == object => matches!(self.model.value(to), Value::None | Value::Bool(_)),
            _ => !self.model.is_opaque(object),
        };
        if !may_decide && self.frame().asked.is_empty() {
            return;
        }
        let name = self.name(attribute);
        let object = self.as_class_of(object);
        let is_asked = |it: &ValueId| *self.model.value(*it) == Value::Attr(object, name);
        if may_decide || self.frames.last().is_some_and(|it| it.asked.iter().any(is_asked)) {
            self.push(Node::Set { of: Some(object), name, to });
        }
        if may_decide && own.is_some_and(|it| it.0 == object) {
            self.frame().decided.push(name);
        }
    }

    /// The object of the method that is walked, unless that makes it, and its class.
    fn own_object(&self) -> Option<(ValueId, ClassId)> {
        let function = self.model.function(self.function());
        let class = function.class.filter(|_| !function.is_static)?;
        let is_constructor = self.model.name(function.name) == "__init__";
        let own = function.params.first().filter(|it| it.kind == ParamKind::Receiver && !is_constructor)?;
        Some((own.value, class))
    }

    /// The method asks its own object for something: what it has set may decide what that does.
    pub(super) fn note_own_call(&mut self, callee: ValueId) {
        let Value::Attr(receiver, _) = *self.model.value(callee) else { return };
        if self.frame().decided.is_empty() || !self.model.is_file() {
            return;
        }
        let Some((_, class)) = self.own_object().filter(|it| it.0 == receiver) else { return };
        for name in std::mem::take(&mut self.frame().decided) {
            let decided = &mut self.model.classes[class.index()].decided;
            if !decided.contains(&name) {
                decided.push(name);
            }
        }
    }

    /// The same of a name of the module.
    pub(super) fn note_set_global(&mut self, name: NameId, to: ValueId) {
        let is_asked = |it: &ValueId| *self.model.value(*it) == Value::Global(FILE_MODULE, name);
        if self.frames.last().is_some_and(|it| it.asked.iter().any(is_asked)) {
            self.push(Node::Set { of: None, name, to });
        }
    }

    /// The attribute of the object has been changed here, or in a function around.
    pub(super) fn is_changed(&mut self, object: &Expr, attribute: &str) -> bool {
        if self.frames.iter().all(|frame| frame.changed.is_empty()) {
            return false;
        }
        let object: Option<NameId> = match object {
            Expr::Name(it) => Some(self.name(it.id.as_str())),
            _ => None,
        };
        let attribute = self.name(attribute);
        let is_it = |(of, changed): &(Option<NameId>, NameId)| {
            *changed == attribute && (of.is_none() || object.is_some() && *of == object)
        };
        self.frames.iter().any(|frame| frame.changed.iter().any(is_it))
    }
}
