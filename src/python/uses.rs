//! What is made of the result of a call: of the call itself by what stands around it, or of a local that it was bound to.

use ruff_python_ast::{BoolOp, CmpOp, Expr, Operator};
use ruff_text_size::Ranged;

use crate::model::{CallId, Display, LocalId, Taken, Use, Value, ValueId};

use super::scope::Lowerer;

/// Attributes of coroutines, futures and tasks: whoever asks for one knows what it is.
fn is_of_awaitables(name: &str) -> bool {
    matches!(
        name,
        "send"
            | "throw"
            | "close"
            | "cancel"
            | "cancelled"
            | "done"
            | "exception"
            | "result"
            | "add_done_callback"
            | "print_stack"
    ) || name.starts_with("cr_")
        || name.starts_with("__")
}

/// What an operator does with its operands.
pub(super) fn use_by_operator(op: Operator) -> Use {
    match op {
        Operator::Add | Operator::Sub | Operator::Mult | Operator::Div | Operator::FloorDiv | Operator::Pow => {
            Use::Operand
        }
        // Libraries give the others meanings of their own: `source() | sink`.
        _ => Use::Consumed,
    }
}

/// What a comparison does with what stands on its left, and on its right.
pub(super) const fn uses_by_comparison(op: CmpOp) -> (Use, Use) {
    match op {
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => (Use::Operand, Use::Operand),
        CmpOp::In | CmpOp::NotIn => (Use::Shown, Use::Operand),
        CmpOp::Eq | CmpOp::NotEq | CmpOp::Is | CmpOp::IsNot => (Use::Shown, Use::Shown),
    }
}

/// It is written down, and no coroutine: `[]`, `"none"`, `0`.
fn is_plain_value(expr: &Expr) -> bool {
    match expr {
        Expr::List(it) => it.elts.is_empty(),
        Expr::Dict(it) => it.items.is_empty(),
        Expr::Tuple(it) => it.elts.is_empty(),
        Expr::StringLiteral(_)
        | Expr::FString(_)
        | Expr::BytesLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_) => true,
        _ => false,
    }
}

/// What is called so goes through an iterable that it is given before it returns: functions that are built in or of the standard library,
/// and methods of types that are.
pub(crate) fn exhausts(name: &str, is_method: bool) -> bool {
    const FUNCTIONS: [&str; 26] = [
        "Counter",
        "OrderedDict",
        "all",
        "any",
        "array",
        "as_completed",
        "bytearray",
        "bytes",
        "defaultdict",
        "deque",
        "dict",
        "frozenset",
        "fsum",
        "gather",
        "list",
        "max",
        "mean",
        "median",
        "min",
        "prod",
        "reduce",
        "set",
        "sorted",
        "sum",
        "tuple",
        "wait",
    ];
    const METHODS: [&str; 9] = [
        "difference",
        "difference_update",
        "extend",
        "fromkeys",
        "intersection",
        "join",
        "union",
        "update",
        "writelines",
    ];
    if is_method { &METHODS[..] } else { &FUNCTIONS[..] }.contains(&name)
}

impl<'a> Lowerer<'a> {
    /// An argument. Whether a callee goes through a generator there and then, or hands it to a thread, or sends what comes of it later, is
    /// known of some alone.
    pub(super) fn argument(&mut self, callee: ValueId, arg: &'a Expr, result: Use) -> ValueId {
        match arg {
            Expr::Generator(it) if !self.exhausts(callee) => self.put_off(it),
            Expr::Generator(it) => {
                let result = self.use_of_elements(callee);
                self.comprehension_into(Display::Other, it.range(), &[&it.elt], &it.generators, result)
            }
            Expr::ListComp(it) => {
                let result = self.use_of_elements(callee);
                self.comprehension_into(Display::List, it.range(), &[&it.elt], &it.generators, result)
            }
            _ => self.expression(arg, result),
        }
    }

    fn exhausts(&self, callee: ValueId) -> bool {
        match self.model.value(callee) {
            Value::Attr(_, name) => exhausts(self.model.name(*name), true),
            Value::Path(path) => path.segments.last().is_some_and(|it| exhausts(self.model.name(*it), false)),
            _ => false,
        }
    }

    /// What a call of this does with a positional argument.
    pub(super) fn use_by_callee(&self, callee: ValueId) -> Use {
        let Value::Path(path) = self.model.value(callee) else { return Use::Passed };
        let [module, name] = &*path.segments else { return Use::Passed };
        match (self.model.name(*module), self.model.name(*name)) {
            ("builtins", "ascii" | "bool" | "format" | "print" | "repr" | "str") => Use::Shown,
            (
                "builtins",
                "abs" | "all" | "any" | "bytearray" | "bytes" | "chr" | "complex" | "divmod" | "float" | "frozenset"
                | "int" | "len" | "list" | "max" | "min" | "ord" | "pow" | "reversed" | "round" | "set" | "sorted"
                | "sum" | "tuple",
            ) => Use::Operand,
            _ => Use::Passed,
        }
    }

    /// What a function that goes through an iterable does with its elements.
    pub(super) fn use_of_elements(&self, callee: ValueId) -> Use {
        if self.is_builtin(callee, &["any", "all"]) {
            Use::Tested
        } else if self.is_builtin(callee, &["sum"]) {
            Use::Operand
        } else {
            Use::Stored
        }
    }

    /// One side of a comparison. Whether a name is `None` says nothing of what it stands for.
    pub(super) fn compared_by(&mut self, op: CmpOp, side: &'a Expr, result: Use) -> ValueId {
        match (op, side) {
            (CmpOp::Is | CmpOp::IsNot, Expr::Name(name)) => self.read(name.id.as_str()),
            _ => self.expression(side, result),
        }
    }

    /// An operand of `and` or `or`. What stands before `or` is asked for its truth; and a plain value after that would not take the place of
    /// a coroutine.
    pub(super) fn operand(&mut self, op: BoolOp, operand: &'a Expr, later: &'a [Expr], result: Use) -> ValueId {
        if op == BoolOp::And || later.is_empty() {
            return self.expression(operand, result);
        }
        let for_value = later.iter().any(is_plain_value);
        if for_value && let Expr::Name(name) = operand {
            let value = self.peek(name.id.as_str());
            if let Some(value) = value {
                self.take_for_value(value);
            }
        }
        let value = self.expression(operand, result);
        if operand.is_call_expr()
            && let Some(call) = self.result_alone(value)
        {
            self.note(call, |taken| {
                taken.for_value |= for_value;
                taken.looked_at = true;
            });
        }
        value
    }

    /// An attribute of the value is asked for.
    pub(super) fn asked_for_attribute(&mut self, object: &Expr, value: ValueId, attribute: &str) {
        let Expr::Name(name) = object else { return };
        if self.result_alone(value).is_none() {
            return;
        }
        if !is_of_awaitables(attribute) {
            self.take_for_value(value);
        } else if let Some(local) = self.own_local(name.id.as_str()) {
            self.frame().locals_out[local.index()].driven = true;
        }
    }

    /// A name is read, and what it stands for is put to `result`.
    pub(super) fn note_read(&mut self, local: LocalId, value: ValueId, result: Use) {
        match result {
            Use::Operand => self.take_for_value(value),
            Use::Tested | Use::Shown => {
                if let Some(call) = self.result_alone(value) {
                    self.note(call, |taken| taken.looked_at = true);
                }
            }
            Use::Dropped | Use::Receiver => {}
            Use::Awaited => self.frame().locals_out[local.index()].driven = true,
            _ => {
                self.frame().locals_out[local.index()].handed_on = true;
                self.hand_on(value);
            }
        }
    }

    /// Only a value can be used like this. Who else has got it may know better what it is.
    pub(super) fn take_for_value(&mut self, value: ValueId) {
        if let Some(call) = self.result_alone(value) {
            self.note(call, |taken| taken.for_value |= !taken.handed_on);
        }
    }

    fn hand_on(&mut self, value: ValueId) {
        match self.model.value(value) {
            Value::Result(call) => {
                let call = *call;
                self.note(call, |taken| taken.handed_on = true);
            }
            Value::Union(parts) => {
                for part in parts.clone() {
                    self.hand_on(part);
                }
            }
            _ => {}
        }
    }

    /// The call that the value is the result of, whatever way has been taken.
    fn result_alone(&self, value: ValueId) -> Option<CallId> {
        match self.model.value(value) {
            Value::Result(call) => Some(*call),
            _ => None,
        }
    }

    fn note(&mut self, call: CallId, note: impl FnOnce(&mut Taken)) {
        if let Some(call) = self.model.call_mut(call) {
            note(&mut call.taken);
        }
    }
}
