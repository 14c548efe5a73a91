//! Tests that ask what kind of thing a value is: `isinstance`, `callable`, `hasattr`, `type(x) is ..`, `type(x).__name__ == ..`.

use ruff_python_ast::{CmpOp, Expr, ExprCall};

use crate::model::{CallId, Condition, Display, Test, UNKNOWN, Value, ValueId, is_constant_name};

use super::condition::whole_number;
use super::scope::Lowerer;

/// `==`, `is`, `in` and their contraries: whether it is asked for one of several, and what the answer is where the test holds.
pub(super) fn asks_for_equal(op: CmpOp) -> Option<(bool, bool)> {
    match op {
        CmpOp::Eq | CmpOp::Is => Some((false, true)),
        CmpOp::NotEq | CmpOp::IsNot => Some((false, false)),
        CmpOp::In => Some((true, true)),
        CmpOp::NotIn => Some((true, false)),
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => None,
    }
}

fn elements(several: &Expr) -> Option<&[Expr]> {
    match several {
        Expr::Tuple(it) => Some(&it.elts),
        Expr::List(it) => Some(&it.elts),
        Expr::Set(it) => Some(&it.elts),
        _ => None,
    }
}

impl Lowerer<'_> {
    /// `isinstance(value, Class)`, `callable(value)`, `hasattr(value, "name")`.
    pub(super) fn kind_asked(&mut self, call: &ExprCall) -> Option<Condition> {
        let (Expr::Name(function), [asked, rest @ ..]) = (&*call.func, &*call.arguments.args) else { return None };
        let test = match (function.id.as_str(), rest) {
            ("isinstance", [_]) => {
                let class = self.model.call(self.evaluated(call)?).args.get(1)?.value;
                Some(Test::Instance(class)).filter(|_| class != UNKNOWN)?
            }
            ("callable", []) => Test::Callable,
            ("hasattr", [Expr::StringLiteral(name)]) => {
                let name = self.name(name.value.to_str());
                Test::Has(self.add(Value::Str(name)))
            }
            _ => return None,
        };
        let value = self.subject(asked)?;
        if let Test::Has(name) = test
            && let Value::Str(name) = *self.model.value(name)
        {
            let of = self.as_class_of(value);
            let attribute = self.add(Value::Attr(of, name));
            self.note_asked(attribute);
        }
        Some(Condition { value, test, holds: true })
    }

    /// `type(value) is Class`, `value.__class__.__name__ in ("A", "B")`
    pub(super) fn exact_kind(&mut self, asked: &Expr, op: CmpOp, wanted: &Expr) -> Option<Condition> {
        let (several, holds) = asks_for_equal(op)?;
        let (value, by_name) = match asked {
            Expr::Attribute(it) if it.attr.as_str() == "__name__" => (self.of_class(&it.value)?, true),
            Expr::Name(name) => {
                let class = self.peek(name.id.as_str())?;
                match *self.model.value(class) {
                    Value::Attr(class, name) if self.model.name(name) == "__name__" => (self.is_class_of(class)?, true),
                    _ => (self.is_class_of(class)?, false),
                }
            }
            asked => (self.of_class(asked)?, false),
        };
        let wanted = match (several, by_name) {
            (true, true) => self.literals(wanted)?,
            (false, true) => self.literal(wanted)?,
            (true, false) => {
                let classes: Option<Vec<ValueId>> = elements(wanted)?.iter().map(|it| self.class_named(it)).collect();
                self.add(Value::Collection(Display::Other, classes?.into()))
            }
            (false, false) => self.class_named(wanted)?,
        };
        Some(Condition { value, test: Test::Exactly(wanted), holds })
    }

    /// The value whose class an expression gives, which was evaluated just now: `type(value)`, `value.__class__`.
    fn of_class(&mut self, class: &Expr) -> Option<ValueId> {
        match class {
            Expr::Call(it) => self.typed(self.evaluated(it)?),
            Expr::Attribute(it) if it.attr.as_str() == "__class__" => self.subject(&it.value),
            Expr::Name(it) => {
                let class = self.peek(it.id.as_str())?;
                self.is_class_of(class)
            }
            _ => None,
        }
    }

    fn is_class_of(&self, class: ValueId) -> Option<ValueId> {
        match self.model.value(class) {
            Value::Attr(value, name) if self.model.name(*name) == "__class__" => Some(*value),
            Value::Result(call) => self.typed(*call),
            _ => None,
        }
    }

    /// `type(value)` as `value.__class__`: the same wherever it is asked.
    pub(super) fn as_class_of(&mut self, value: ValueId) -> ValueId {
        let Value::Result(call) = *self.model.value(value) else { return value };
        match self.typed(call) {
            Some(of) => {
                let name = self.name("__class__");
                self.add(Value::Attr(of, name))
            }
            None => value,
        }
    }

    /// What `type(value)` is asked of.
    pub(super) fn typed(&self, call: CallId) -> Option<ValueId> {
        let call = self.model.call(call);
        let [arg] = call.args.as_slice() else { return None };
        let Value::Path(path) = self.model.value(call.callee) else { return None };
        let is_type = path.segments.iter().map(|it| self.model.name(*it)).eq(["builtins", "type"]);
        (is_type && arg.value != UNKNOWN).then_some(arg.value)
    }

    fn class_named(&mut self, class: &Expr) -> Option<ValueId> {
        Some(self.annotated_class(class))
            .filter(|it| *it != UNKNOWN && matches!(class, Expr::Name(_) | Expr::Attribute(_)))
    }

    /// A string or a number, or what by its name stands for one value: `MODE`, `Mode.FAST`.
    pub(super) fn literal(&mut self, literal: &Expr) -> Option<ValueId> {
        match literal {
            Expr::StringLiteral(it) => {
                let text = self.name(it.value.to_str());
                Some(self.add(Value::Str(text)))
            }
            Expr::Name(it) if is_constant_name(it.id.as_str()) => self.global(it.id.as_str()),
            Expr::Attribute(it) => {
                let of = match &*it.value {
                    Expr::Name(of) => of.id.as_str(),
                    Expr::Attribute(of) => of.attr.as_str(),
                    _ => return None,
                };
                let stands_for_one = is_constant_name(it.attr.as_str()) || of.starts_with(char::is_uppercase);
                let value = if stands_for_one { self.annotated_class(literal) } else { UNKNOWN };
                self.is_of_module(value).then_some(value)
            }
            literal => whole_number(literal).map(|number| self.add(Value::Int(number))),
        }
    }

    /// An attribute of something that the module binds.
    fn is_of_module(&self, value: ValueId) -> bool {
        match self.model.value(value) {
            Value::Attr(of, _) => {
                matches!(self.model.value(*of), Value::Global(..) | Value::Path(_) | Value::Class(_))
                    || self.is_of_module(*of)
            }
            _ => false,
        }
    }

    pub(super) fn literals(&mut self, several: &Expr) -> Option<ValueId> {
        let literals: Option<Vec<ValueId>> = elements(several)?.iter().map(|it| self.literal(it)).collect();
        Some(self.add(Value::Collection(Display::Other, literals?.into())))
    }
}
