//! `__all__`: which names a module gives to `from module import *`.

use ruff_python_ast::{Expr, Operator};

use crate::model::NameId;

use super::scope::Lowerer;

impl Lowerer<'_> {
    /// `__all__ = [..]`
    pub(super) fn exports(&mut self, target: &Expr, value: &Expr) {
        if self.is_exports(target) {
            self.model.modules[0].exports = self.listed(value);
        }
    }

    /// `__all__ += [..]`
    pub(super) fn exports_more(&mut self, target: &Expr, operator: Operator, value: &Expr) {
        if operator == Operator::Add && self.is_exports(target) {
            let more = self.listed(value);
            self.add_exports(more);
        }
    }

    /// `__all__.extend([..])`, `__all__.append("name")`
    pub(super) fn exports_called(&mut self, call: &Expr) {
        let Expr::Call(call) = call else { return };
        let Expr::Attribute(method) = &*call.func else { return };
        if !self.is_exports(&method.value) {
            return;
        }
        let more = match (method.attr.as_str(), &*call.arguments.args) {
            ("extend", [list]) => self.listed(list),
            ("append", [name]) => self.names_in(std::slice::from_ref(name)),
            _ => return,
        };
        self.add_exports(more);
    }

    fn is_exports(&mut self, target: &Expr) -> bool {
        matches!(target, Expr::Name(name) if name.id == "__all__") && self.at_top()
    }

    /// Where something is added that cannot be told, nothing is known of the whole: as if there were no `__all__`.
    fn add_exports(&mut self, more: Option<Vec<NameId>>) {
        let before = self.model.modules[0].exports.take();
        self.model.modules[0].exports = before.zip(more).map(|(mut names, more)| {
            names.extend(more);
            names
        });
    }

    /// `["a", "b"]`, `("a", "b")`, and sums of these.
    fn listed(&mut self, value: &Expr) -> Option<Vec<NameId>> {
        match value {
            Expr::List(it) => self.names_in(&it.elts),
            Expr::Tuple(it) => self.names_in(&it.elts),
            Expr::BinOp(it) if it.op == Operator::Add => {
                let mut names = self.listed(&it.left)?;
                names.extend(self.listed(&it.right)?);
                Some(names)
            }
            _ => None,
        }
    }

    fn names_in(&mut self, elements: &[Expr]) -> Option<Vec<NameId>> {
        let names = elements.iter().map(|it| Some(self.model.intern(it.as_string_literal_expr()?.value.to_str())));
        names.collect()
    }
}
