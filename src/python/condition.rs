//! What the tests of branches say: of themselves, and of single values.

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCall, MatchCase, Pattern, Singleton, UnaryOp};
use ruff_text_size::Ranged;

use crate::model::{Arm, CallId, Condition, Display, Lack, Test, UNKNOWN, Value, ValueId};

use super::kind::asks_for_equal;
use super::parse::span;
use super::scope::{Found, Lowerer};

/// `sys.version_info`
fn is_version(value: &Expr) -> bool {
    match value {
        Expr::Attribute(it) => {
            it.attr.as_str() == "version_info" && matches!(&*it.value, Expr::Name(it) if it.id == "sys")
        }
        Expr::Name(it) => it.id == "version_info",
        _ => false,
    }
}

/// A version of Python before those that anybody maintains: `(3, 9)`.
fn is_behind(version: &Expr) -> bool {
    const LAST: u8 = 9;
    let Expr::Tuple(version) = version else { return false };
    let number = |it: &Expr| match it {
        Expr::NumberLiteral(it) => match &it.value {
            ruff_python_ast::Number::Int(number) => number.as_u8(),
            _ => None,
        },
        _ => None,
    };
    match version.elts.iter().map(number).collect::<Option<Vec<u8>>>().as_deref() {
        Some([major]) => *major <= 3,
        Some([3, minor, ..]) => *minor <= LAST,
        Some([major, ..]) => *major < 3,
        _ => false,
    }
}

impl Lowerer<'_> {
    /// An arm that so far is no more than what its test says.
    pub(super) fn said(&mut self, test: &Expr) -> Arm {
        let mut conditions = Vec::new();
        self.conditions(test, &mut conditions);
        let mut otherwise = Vec::new();
        self.failing(test, &mut otherwise);
        let either = self.either(test, true).unwrap_or_default();
        let otherwise_either = self.either(test, false).unwrap_or_default();
        Arm { conditions, otherwise, either, otherwise_either, ..Arm::default() }
    }

    /// The same of `case "text":`, of what the `match` asks.
    pub(super) fn said_by_case(&mut self, value: ValueId, case: &MatchCase) -> Arm {
        let said = self.tested_by(&case.pattern);
        let mut conditions: Vec<Condition> = Vec::new();
        conditions.extend(said.map(|(test, _)| Condition { value, test, holds: true }));
        let is_all = said.is_some_and(|(_, is_all)| is_all) && case.guard.is_none();
        let otherwise = if is_all { conditions.iter().map(|it| it.denied()).collect() } else { Vec::new() };
        if let Some(guard) = &case.guard {
            self.conditions(guard, &mut conditions);
        }
        Arm { conditions, otherwise, ..Arm::default() }
    }

    /// What a pattern asks of a value, and whether that is all.
    fn tested_by(&mut self, pattern: &Pattern) -> Option<(Test, bool)> {
        match pattern {
            Pattern::MatchValue(it) => Some((Test::Equals(self.literal(&it.value)?), true)),
            Pattern::MatchSingleton(it) => Some((
                match it.value {
                    Singleton::None => Test::None,
                    Singleton::True => Test::Is(true),
                    Singleton::False => Test::Is(false),
                },
                true,
            )),
            Pattern::MatchOr(it) => {
                let literal = |pattern: &Pattern| match pattern {
                    Pattern::MatchValue(it) => self.literal(&it.value),
                    _ => None,
                };
                let literals: Option<Vec<ValueId>> = it.patterns.iter().map(literal).collect();
                Some((Test::OneOf(self.add(Value::Collection(Display::Other, literals?.into()))), true))
            }
            Pattern::MatchClass(it) => {
                let class = Some(self.annotated_class(&it.cls)).filter(|it| *it != UNKNOWN)?;
                Some((Test::Instance(class), it.arguments.patterns.is_empty() && it.arguments.keywords.is_empty()))
            }
            Pattern::MatchAs(it) => self.tested_by(it.pattern.as_deref()?),
            _ => None,
        }
    }

    /// What holds where a test does not.
    fn failing(&mut self, test: &Expr, out: &mut Vec<Condition>) {
        match test {
            Expr::BoolOp(it) if it.op == BoolOp::Or => it.values.iter().for_each(|operand| self.failing(operand, out)),
            Expr::UnaryOp(it) if it.op == UnaryOp::Not => {
                self.conditions(&it.operand, out);
            }
            test => {
                let mut said = Vec::new();
                if self.conditions(test, &mut said)
                    && let [only] = said.as_slice()
                {
                    out.push(only.denied());
                }
            }
        }
    }

    /// A test whose outcome stands in the text: literals, `TYPE_CHECKING`, a name that the module sets once and for all.
    pub(super) fn constant(&self, test: &Expr) -> Option<bool> {
        if let Some(decided) = literal_truth(test) {
            return Some(decided);
        }
        match test {
            Expr::Name(it) if it.id == "TYPE_CHECKING" => Some(false),
            Expr::Name(it) => self.flag(it.id.as_str()),
            Expr::Attribute(it) if it.attr.as_str() == "TYPE_CHECKING" => Some(false),
            Expr::UnaryOp(it) if it.op == UnaryOp::Not => self.constant(&it.operand).map(|it| !it),
            Expr::BoolOp(it) if it.op == BoolOp::And => {
                it.values.iter().any(|it| self.constant(it) == Some(false)).then_some(false)
            }
            Expr::Compare(it) => {
                let ([op], [version]) = (&*it.ops, &*it.comparators) else { return None };
                match op {
                    _ if !is_version(&it.left) || !is_behind(version) => None,
                    CmpOp::GtE | CmpOp::Gt => Some(true),
                    CmpOp::Lt | CmpOp::LtE => Some(false),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a test says of parameters and other locals: `name`, `not name`, `name is None`, joined by `and`. Gives whether
    /// that is all it says.
    fn conditions(&mut self, test: &Expr, out: &mut Vec<Condition>) -> bool {
        match test {
            Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) | Expr::Named(_) => {
                if let Expr::Call(call) = test
                    && let Some(asked) = self.kind_asked(call)
                {
                    out.push(asked);
                    return true;
                }
                let value = self.subject(test);
                value.into_iter().for_each(|value| self.note_asked(value));
                out.extend(value.map(|value| Condition { value, test: Test::Truth, holds: true }));
                value.is_some()
            }
            Expr::UnaryOp(it) if it.op == UnaryOp::Not => {
                if let Some(either) = self.either(&it.operand, true) {
                    out.extend(either.into_iter().map(Condition::denied));
                    return true;
                }
                let before = out.len();
                let whole = self.conditions(&it.operand, out);
                // Of several only one need fail.
                let reads = whole && out.len() == before + 1;
                match out.last_mut() {
                    Some(last) if reads => last.holds = !last.holds,
                    _ => out.truncate(before),
                }
                reads
            }
            Expr::BoolOp(it) if it.op == BoolOp::And => {
                let mut whole = true;
                for operand in &it.values {
                    whole &= self.conditions(operand, out);
                }
                whole
            }
            Expr::Compare(it) => {
                let ([op], [literal]) = (&*it.ops, &*it.comparators) else { return false };
                if let Some(asked) = self.exact_kind(&it.left, *op, literal) {
                    out.push(asked);
                    return true;
                }
                let is_flag = matches!(op, CmpOp::Eq | CmpOp::NotEq) && literal.is_boolean_literal_expr();
                if matches!(op, CmpOp::Eq | CmpOp::NotEq | CmpOp::In | CmpOp::NotIn) && !is_flag {
                    return self.equality(&it.left, *op, literal, out);
                }
                if matches!(op, CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE) {
                    return self.order(&it.left, *op, literal, out);
                }
                if !matches!(op, CmpOp::Is | CmpOp::IsNot) && !is_flag {
                    return false;
                }
                let test = match literal {
                    Expr::NoneLiteral(_) => Test::None,
                    Expr::BooleanLiteral(it) => Test::Is(it.value),
                    _ => return self.equality(&it.left, *op, literal, out),
                };
                let value = self.subject(&it.left);
                value.into_iter().for_each(|value| self.note_asked(value));
                let holds = matches!(op, CmpOp::Is | CmpOp::Eq);
                out.extend(value.map(|value| Condition { value, test, holds }));
                value.is_some()
            }
            _ => false,
        }
    }

    /// `name == "text"`, `name != 1`, `name in ("one", "other")`, `key in entries`
    fn equality(&mut self, asked: &Expr, op: CmpOp, literal: &Expr, out: &mut Vec<Condition>) -> bool {
        let Some((several, holds)) = asks_for_equal(op) else { return false };
        let test = match several {
            true => self.literals(literal).map(Test::OneOf),
            false => self.literal(literal).map(Test::Equals),
        };
        let (test, asked) = match test {
            Some(test) => (test, asked),
            None if several => (Test::Entry, literal),
            None => return false,
        };
        let Some(value) = self.subject(asked) else { return false };
        out.push(Condition { value, test, holds });
        true
    }

    /// `count > 1`, `0 <= count`
    fn order(&mut self, left: &Expr, op: CmpOp, right: &Expr, out: &mut Vec<Condition>) -> bool {
        // As if the number stood on the right.
        let (asked, op, number) = match (whole_number(left), whole_number(right)) {
            (None, Some(number)) => (left, op, number),
            (Some(number), None) => {
                let mirrored = match op {
                    CmpOp::Lt => CmpOp::Gt,
                    CmpOp::LtE => CmpOp::GtE,
                    CmpOp::Gt => CmpOp::Lt,
                    _ => CmpOp::LtE,
                };
                (right, mirrored, number)
            }
            _ => return false,
        };
        let (bound, holds) = match op {
            CmpOp::Gt => (Some(number), true),
            CmpOp::GtE => (number.checked_sub(1), true),
            CmpOp::Lt => (number.checked_sub(1), false),
            _ => (Some(number), false),
        };
        let (Some(bound), Some(value)) = (bound, self.subject(asked)) else { return false };
        out.push(Condition { value, test: Test::Exceeds(bound), holds });
        true
    }

    /// The value that a test asks something of, where it was evaluated just now: a local, an attribute of one, a global, a
    /// call's result.
    pub(super) fn subject(&mut self, asked: &Expr) -> Option<ValueId> {
        match asked {
            Expr::Name(name) => self.peek(name.id.as_str()).or_else(|| self.global(name.id.as_str())),
            Expr::Attribute(it) => {
                let receiver = match &*it.value {
                    Expr::Name(_) | Expr::Attribute(_) => self.subject(&it.value)?,
                    // `type(self).name`
                    Expr::Call(call) => {
                        let call = self.evaluated(call).filter(|it| self.typed(*it).is_some())?;
                        self.add(Value::Result(call))
                    }
                    _ => return None,
                };
                let receiver = self.as_class_of(receiver);
                let name = self.name(it.attr.as_str());
                Some(self.add(Value::Attr(receiver, name)))
            }
            Expr::Call(it) if it.arguments.is_empty() || asks_for_entry(it) || asks_for_async(it) => {
                let call = self.evaluated(it)?;
                Some(self.add(Value::Result(call)))
            }
            Expr::Named(it) => self.subject(&it.value),
            _ => None,
        }
    }

    pub(super) fn global(&mut self, name: &str) -> Option<ValueId> {
        match self.find(name) {
            Found::Value(value) => Some(value).filter(|it| matches!(self.model.value(*it), Value::Global(..))),
            Found::Local { .. } => None,
        }
    }

    /// A call of the test, which has been evaluated by now.
    pub(super) fn evaluated(&self, call: &ExprCall) -> Option<CallId> {
        let whole = span(call.range());
        let (id, latest) = self.model.latest_call(whole.start)?;
        (latest.span == whole).then_some(id)
    }

    /// What each operand says of `a or b` where that holds, and of `a and b` where it does not, if each says one thing.
    fn either(&mut self, test: &Expr, holds: bool) -> Option<Vec<Condition>> {
        let operands = match test {
            Expr::BoolOp(it) if (it.op == BoolOp::Or) == holds => &it.values,
            Expr::UnaryOp(it) if it.op == UnaryOp::Not => return self.either(&it.operand, !holds),
            _ => return None,
        };
        let mut either = Vec::with_capacity(operands.len());
        for operand in operands {
            let mut said = Vec::new();
            let whole = self.conditions(operand, &mut said);
            let [one] = said.as_slice() else { return None };
            either.push(if holds { *one } else { one.denied() });
            if !whole {
                return None;
            }
        }
        Some(either)
    }

    /// The value of a parameter where another takes its place if it is nothing: `x or y`. A test that comes after says
    /// nothing of the parameter itself, unless it tells what it must have been.
    pub(super) fn replaced(&mut self, value: ValueId, lack: Lack) -> ValueId {
        if self.is_parameter(value) { self.add(Value::Replaced(value, lack)) } else { value }
    }

    /// The same of `x if test else y`, after a test that says this.
    pub(super) fn replaced_where(&mut self, value: ValueId, said: &[Condition]) -> ValueId {
        let of_it = || said.iter().filter(|it| it.value == value && it.test != Test::Entry);
        if of_it().next().is_none() {
            return value;
        }
        let lack = if of_it().all(|it| it.test == Test::None) {
            Lack::Missing
        } else if of_it().all(|it| matches!(it.test, Test::Truth | Test::None)) {
            Lack::False
        } else {
            Lack::Other
        };
        self.replaced(value, lack)
    }

    fn is_parameter(&self, value: ValueId) -> bool {
        value != UNKNOWN && self.model.function(self.function()).params.iter().any(|it| it.value == value)
    }

    /// After `if x is None: x = y`, and `if isinstance(x, Class): x = y`.
    pub(super) fn replace_after(&mut self, arms: &[Arm]) {
        let lack = |it: &Condition| match (it.test, it.holds) {
            (Test::Truth, false) => Some((it.value, Lack::False)),
            (Test::None, true) => Some((it.value, Lack::Missing)),
            (Test::Instance(class), true) => Some((it.value, Lack::Kind(class))),
            _ => None,
        };
        // Of several conditions no one alone decides.
        let is_decided =
            |lack: &Lack| !matches!(lack, Lack::Kind(_)) || matches!(arms, [arm] if arm.conditions.len() == 1);
        let asked = arms.iter().flat_map(|arm| &arm.conditions).filter_map(lack);
        let asked: Vec<(ValueId, Lack)> = asked.filter(|it| self.is_parameter(it.0) && is_decided(&it.1)).collect();
        for (value, lack) in asked {
            for local in 0..self.frame().current.len() {
                let Some(joined) = self.frame().current[local] else { continue };
                let Value::Union(parts) = self.model.value(joined) else { continue };
                // What is only known to be of that kind is still the parameter.
                let is_narrowed = |part: &ValueId| {
                    *part != value && matches!(self.model.value(*part), Value::Instance { .. } | Value::Union(_))
                };
                if matches!(lack, Lack::Kind(_)) && parts.iter().any(is_narrowed) {
                    continue;
                }
                if let Some(at) = parts.iter().position(|part| *part == value) {
                    let mut parts = parts.to_vec();
                    parts[at] = self.replaced(value, lack);
                    let joined = self.add(Value::Union(parts.into()));
                    self.frame().current[local] = Some(joined);
                }
            }
        }
    }
}

/// Whether a literal counts as true, or what `not` makes of that.
pub(super) fn literal_truth(test: &Expr) -> Option<bool> {
    match test {
        Expr::BooleanLiteral(it) => Some(it.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::StringLiteral(it) => Some(!it.value.is_empty()),
        Expr::NumberLiteral(it) => match &it.value {
            ruff_python_ast::Number::Int(number) => number.as_i64().map(|it| it != 0),
            _ => None,
        },
        Expr::UnaryOp(it) if it.op == UnaryOp::Not => literal_truth(&it.operand).map(|it| !it),
        _ => None,
    }
}

/// A number as it is written, with its sign.
pub(super) fn whole_number(literal: &Expr) -> Option<i64> {
    match literal {
        Expr::NumberLiteral(it) => match &it.value {
            ruff_python_ast::Number::Int(number) => number.as_i64(),
            _ => None,
        },
        Expr::UnaryOp(it) if it.op == UnaryOp::USub => whole_number(&it.operand)?.checked_neg(),
        _ => None,
    }
}

/// `inspect.iscoroutinefunction(call)` and its like.
fn asks_for_async(call: &ExprCall) -> bool {
    let name = match &*call.func {
        Expr::Name(it) => it.id.as_str(),
        Expr::Attribute(it) => it.attr.as_str(),
        _ => return false,
    };
    matches!(name, "iscoroutinefunction" | "iscoroutine" | "isawaitable")
}

/// `options.get("name")`, `options.pop("name", None)`
fn asks_for_entry(call: &ExprCall) -> bool {
    let Expr::Attribute(method) = &*call.func else { return false };
    matches!(method.attr.as_str(), "get" | "pop") && matches!(call.arguments.args.first(), Some(Expr::StringLiteral(_)))
}

/// What is said where the test of the arm fails.
pub(super) fn contrary(said: Arm) -> Arm {
    Arm { conditions: said.otherwise, either: said.otherwise_either, ..Arm::default() }
}
