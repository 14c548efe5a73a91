//! What calls spread where it is written: `*[first, second]`, `**{"name": value}`.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged;

use crate::model::{Arg, UNKNOWN, Use, Value, ValueId};

use super::parse::span;
use super::scope::Lowerer;

impl<'a> Lowerer<'a> {
    /// `**{"name": value}` and `**dict(name=value)`: as if each were given under its name. `false` if it is something else.
    pub(super) fn named_in_display(&mut self, callee: ValueId, spread: &'a Expr, args: &mut Vec<Arg>) -> bool {
        match spread {
            Expr::Dict(it) if it.items.iter().all(|item| matches!(item.key, Some(Expr::StringLiteral(_)))) => {
                for item in &it.items {
                    let Some(Expr::StringLiteral(key)) = &item.key else { continue };
                    let name = Some(self.model.intern(key.value.to_str()));
                    let value = self.argument(callee, &item.value, Use::Passed);
                    args.push(Arg { name, value, span: span(item.value.range()), spread: false });
                }
                true
            }
            Expr::Call(it)
                if it.arguments.args.is_empty() && matches!(&*it.func, Expr::Name(name) if name.id == "dict") =>
            {
                let made = self.expression(spread, Use::Operand);
                let Value::Result(made) = *self.model.value(made) else { return true };
                let made = self.model.call(made);
                let is_known = self.is_builtin(made.callee, &["dict"]);
                let named: Vec<Arg> = made.args.iter().filter(|arg| is_known && !arg.spread).copied().collect();
                let is_all = named.len() == made.args.len();
                args.extend(named);
                if !is_all {
                    args.push(Arg { name: None, value: UNKNOWN, span: span(it.range()), spread: true });
                }
                true
            }
            _ => false,
        }
    }
}

/// The elements that a list or tuple spreads where it is written: `*[first, second]`.
pub(super) fn elements_spread(arg: &Expr) -> Option<&[Expr]> {
    let Expr::Starred(it) = arg else { return None };
    let elements = match &*it.value {
        Expr::List(it) => &it.elts,
        Expr::Tuple(it) => &it.elts,
        _ => return None,
    };
    elements.iter().all(|it| !it.is_starred_expr()).then_some(elements)
}
