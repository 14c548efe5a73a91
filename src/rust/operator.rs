//! Operators: of two operands, and those that give a name another value.

use syn::{BinOp, Expr, Member};

use crate::model::{Arm, Branch, BranchKind, Node, UNKNOWN, Use, Value, ValueId};

use super::place;
use super::scope::Lowerer;

impl Lowerer<'_> {
    pub(super) fn binary(&mut self, it: &syn::ExprBinary, whole: &Expr) -> ValueId {
        if !matches!(it.op, BinOp::And(_) | BinOp::Or(_)) {
            // `a += b` of numbers evaluates `b` first. Of other types it is `a`; there `b` mostly is a reference.
            let (first, second) = if computes_in_place(it) { (&it.right, &it.left) } else { (&it.left, &it.right) };
            self.expression(first, Use::Consumed);
            self.expression(second, Use::Consumed);
            // What it was given is not what it is from here on.
            if assigns(it.op)
                && let Some(local) = self.local_of(&it.left)
            {
                let span = self.span(place::start(&it.left));
                self.push(Node::Bind { local, value: UNKNOWN, span });
            }
            return UNKNOWN;
        }
        // The operands of lazy operators drop their temporaries.
        let at = self.between(place::start(whole), place::end(whole));
        self.statement_scope(at, |this| this.expression(&it.left, Use::Tested));
        let (body, _) = self.block(|this| this.statement_scope(at, |this| this.expression(&it.right, Use::Tested)));
        if !body.nodes.is_empty() {
            let span = self.between(place::start(whole), place::end(whole));
            let arm = Arm { body, span, ..Arm::default() };
            let branch = Branch { kind: BranchKind::Expression, span, arms: vec![arm], exhaustive: false };
            self.push(Node::Branch(Box::new(branch)));
        }
        UNKNOWN
    }

    pub(super) fn assignment(&mut self, left: &Expr, right: &Expr) {
        if matches!(left, Expr::Infer(_)) {
            self.expression(right, Use::Discarded);
            return;
        }
        if let Some(local) = self.local_of(left) {
            let value = self.expression(right, Use::Bound(local));
            self.moved(right);
            let span = self.span(place::start(left));
            let known = self.frame().values[local.index()];
            if known == UNKNOWN || matches!(self.model.value(known), Value::None) {
                self.frame().values[local.index()] = value;
            } else if self.is_nothing(known) {
                // `let mut first = None; if found { first = Some(one); }`
                self.frame().values[local.index()] = self.union(vec![known, value]);
            }
            self.push(Node::Bind { local, value, span });
            return;
        }
        let value = self.expression(right, Use::Stored);
        self.moved(right);
        self.expression(left, Use::Consumed);
        if let Expr::Field(field) = left
            && let Member::Named(name) = &field.member
            && matches!(&*field.base, Expr::Path(it) if it.path.is_ident("self"))
        {
            let (function, name) = (self.function(), self.ident(name));
            self.model.function_mut(function).sets.push((name, value));
        }
    }

    /// `None`
    fn is_nothing(&self, value: ValueId) -> bool {
        let Value::Unit(inner) = self.model.value(value) else { return false };
        matches!(self.model.value(*inner), Value::Path(path)
            if path.segments.last().is_some_and(|it| self.model.name(*it) == "None"))
    }
}

/// `a += b`, as far as the sign tells, of numbers.
fn computes_in_place(it: &syn::ExprBinary) -> bool {
    assigns(it.op) && !matches!(&*it.right, Expr::Reference(_))
}

fn assigns(op: BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
