//! Targets: what an assignment binds, and what setting or deleting something runs.

use ruff_python_ast::{Expr, ExprAttribute, ExprSubscript};
use ruff_text_size::Ranged;

use crate::model::{Implicit, ImplicitKind, Node, UNKNOWN, Use, Value, ValueId};
use crate::source::Span;

use super::parse::span;
use super::scope::Lowerer;

impl<'a> Lowerer<'a> {
    /// What becomes of a value assigned to this target.
    pub(super) fn use_of_target(&mut self, target: &Expr) -> Use {
        match target {
            Expr::Name(name) => self.own_local(name.id.as_str()).map_or(Use::Stored, Use::Bound),
            Expr::Tuple(_) | Expr::List(_) => Use::Operand,
            _ => Use::Stored,
        }
    }

    pub(super) fn assign(&mut self, target: &'a Expr, value: ValueId) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value, span(name.range())),
            Expr::Attribute(it) => {
                self.attribute_assigned(&it.value, it.attr.as_str(), value);
                let object = self.expression(&it.value, Use::Receiver);
                self.note_set(object, it.attr.as_str(), value);
                // Setters ask whether they are given something before they do anything with it.
                if !matches!(self.model.value(value), Value::None | Value::Bool(false)) {
                    self.accessor(it, object, "setter");
                }
            }
            Expr::Subscript(it) => {
                let object = self.expression(&it.value, Use::Receiver);
                self.expression(&it.slice, Use::Consumed);
                self.operator(object, "__setitem__", span(it.range()));
            }
            Expr::Tuple(it) => self.unpack(&it.elts, value),
            Expr::List(it) => self.unpack(&it.elts, value),
            Expr::Starred(it) => self.assign(&it.value, UNKNOWN),
            other => self.target_parts(other, false),
        }
    }

    /// `x.y += 1` and `x[0] += 1` set what they have read.
    pub(super) fn set_again(&mut self, target: &'a Expr) {
        let (Expr::Attribute(ExprAttribute { value: object, .. })
        | Expr::Subscript(ExprSubscript { value: object, .. })) = target
        else {
            return;
        };
        // The object has been evaluated before: only a name stands for it here.
        let Expr::Name(name) = &**object else { return };
        let object = self.read(name.id.as_str());
        match target {
            Expr::Attribute(it) => self.accessor(it, object, "setter"),
            _ => self.operator(object, "__setitem__", span(target.range())),
        }
    }

    /// Setting or deleting an attribute runs what a property has for it. Of a method's own object, only where its class has such a thing:
    /// most of what methods do is to set attributes.
    fn accessor(&mut self, target: &ExprAttribute, object: ValueId, kind: &str) {
        if self.model.is_opaque(object) {
            return;
        }
        let may_run = match self.is_receiver(&target.value) {
            Some(class) => {
                let is_it = |name: &str| {
                    let rest = name.strip_prefix(target.attr.as_str()).and_then(|it| it.strip_prefix('.'));
                    rest == Some(kind)
                };
                self.model.class(class).methods.iter().any(|(name, _)| is_it(self.model.name(*name)))
            }
            None => true,
        };
        if may_run {
            self.operator(object, &format!("{}.{kind}", target.attr), span(target.range()));
        }
    }

    fn unpack(&mut self, targets: &'a [Expr], value: ValueId) {
        // A generator is gone through, be it that nothing is called for it.
        if matches!(self.model.value(value), Value::Result(_)) && !self.model.is_opaque(value) {
            let place = targets.first().map_or_else(|| Span::new(0, 0), |first| span(first.range()));
            self.push(Node::Implicit(Implicit { kind: ImplicitKind::Iterate, value, span: place }));
        }
        for (index, target) in targets.iter().enumerate() {
            let item = self.add(Value::Item(value, index as u32));
            self.assign(target, item);
        }
    }

    /// `del x[f()]`, `del x.y`, `x[f()]: Type`: what is evaluated in a target, and what deleting it runs.
    pub(super) fn target_parts(&mut self, target: &'a Expr, deletes: bool) {
        match target {
            Expr::Subscript(it) => {
                let object = self.expression(&it.value, Use::Receiver);
                self.expression(&it.slice, Use::Consumed);
                if deletes {
                    self.operator(object, "__delitem__", span(it.range()));
                }
            }
            Expr::Attribute(it) => {
                let object = self.expression(&it.value, Use::Receiver);
                if deletes {
                    self.accessor(it, object, "deleter");
                }
            }
            Expr::Tuple(it) => it.elts.iter().for_each(|it| self.target_parts(it, deletes)),
            Expr::List(it) => it.elts.iter().for_each(|it| self.target_parts(it, deletes)),
            _ => {}
        }
    }
}
