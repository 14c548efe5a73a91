//! Expressions: what they evaluate, in order, and what they stand for.

use ruff_python_ast::{
    BoolOp, CmpOp, Expr, ExprAttribute, ExprCall, ExprContext, ExprGenerator, FStringPart, InterpolatedStringElement,
    Number, Operator, UnaryOp,
};
use ruff_text_size::Ranged;

use crate::model::{
    Arg, Arm, Await, Branch, BranchKind, Call, Condition, Display, FunctionKind, Implicit, ImplicitKind, Lack, Node,
    Taken, UNKNOWN, Use, Value, ValueId, Yield, flow,
};
use crate::source::Span;

use super::bound::Bound;
use super::condition;
use super::parse::span;
use super::scope::Lowerer;
use super::spread::elements_spread;
use super::uses::{use_by_operator, uses_by_comparison};

/// Below this much free stack a fresh piece is taken.
const RED_ZONE: usize = 128 << 10;
const STACK: usize = 4 << 20;
/// Longer strings are no names of anything.
const LONGEST_STRING: usize = 80;

/// `Annotated`, `Optional`, `Union`: what they make of types is a type.
fn is_form_of_types(head: &Expr) -> bool {
    let name = match head {
        Expr::Name(it) => it.id.as_str(),
        Expr::Attribute(it) => it.attr.as_str(),
        _ => return false,
    };
    matches!(name, "Annotated" | "Optional" | "Union")
}

/// What becomes of the elements of something that is put to `result`: thrown away as a whole, so is each.
fn use_in_display(result: Use) -> Use {
    if result == Use::Dropped { Use::Dropped } else { Use::Stored }
}

impl<'a> Lowerer<'a> {
    /// Walks an expression whose value is put to `result`.
    pub(super) fn expression(&mut self, expr: &'a Expr, result: Use) -> ValueId {
        // Most expressions are names and constants, which nest nothing.
        match expr {
            Expr::Name(it) => self.read_for(it.id.as_str(), result),
            Expr::StringLiteral(_) | Expr::NumberLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) => {
                self.walk(expr, result)
            }
            _ => stacker::maybe_grow(RED_ZONE, STACK, || self.walk(expr, result)),
        }
    }

    fn walk(&mut self, expr: &'a Expr, result: Use) -> ValueId {
        match expr {
            Expr::Name(it) => self.read_for(it.id.as_str(), result),
            Expr::Attribute(it) => self.attribute(it, true),
            Expr::Call(it) => self.call(it, result),
            Expr::Await(it) => {
                let value = self.expression(&it.value, Use::Awaited);
                if let Value::Result(call) = self.model.value(value) {
                    let call = *call;
                    if let Some(call) = self.model.call_mut(call) {
                        call.awaited = true;
                    }
                }
                let whole = span(it.range());
                let keyword = Span::new(whole.start, whole.start + "await".len() as u32);
                self.push(Node::Await(Await { span: whole, keyword, value, result }));
                self.add(Value::Awaited(value))
            }
            Expr::Yield(it) => {
                let value = it.value.as_ref().map_or(UNKNOWN, |value| self.expression(value, Use::Consumed));
                self.yields(span(it.range()), false, value)
            }
            Expr::YieldFrom(it) => {
                let value = self.expression(&it.value, Use::Consumed);
                self.yields(span(it.range()), true, value)
            }
            Expr::Named(it) => self.named(&it.target, &it.value, result),
            Expr::BoolOp(it) => self.bool_op(it.op, &it.values, span(it.range()), result),
            Expr::If(it) => {
                self.expression(&it.test, Use::Tested);
                let mut values = Vec::new();
                let mut arms = Vec::new();
                let mut said = Some(self.said(&it.test));
                self.alternatives(vec![&*it.body, &*it.orelse], false, |this, arm| {
                    let body = this.block(|this| values.push(this.expression(arm, result)));
                    arms.push(Arm { body, span: span(arm.range()), ..said.take().unwrap_or_default() });
                });
                let asked: Vec<Condition> = arms.iter().flat_map(|arm| &arm.conditions).copied().collect();
                self.branch(span(it.range()), arms, true);
                for value in &mut values {
                    *value = self.replaced_where(*value, &asked);
                }
                self.union(values)
            }
            Expr::BinOp(it) => {
                // `"%s" % x`
                let formats = it.op == Operator::Mod && it.left.is_string_literal_expr();
                let used = use_by_operator(it.op);
                let left = self.expression(&it.left, used);
                let right = self.expression(&it.right, if formats { Use::Shown } else { used });
                match it.op {
                    Operator::Div => self.add(Value::Quotient(left)),
                    Operator::Add if it.left.is_f_string_expr() => left,
                    Operator::Add | Operator::Mod if self.is_path(left) => self.add(Value::Text(left)),
                    _ if formats => self.builtin_instance("str"),
                    // `list + list`, `A | B` of classes.
                    Operator::Add | Operator::BitOr => self.union(vec![left, right]),
                    _ => UNKNOWN,
                }
            }
            Expr::UnaryOp(it) if it.op == UnaryOp::Not => {
                self.tested(&it.operand);
                self.kept_test(expr, result)
            }
            Expr::UnaryOp(it) => {
                let put_to = if it.op == UnaryOp::Invert { Use::Consumed } else { Use::Operand };
                let operand = self.expression(&it.operand, put_to);
                match (it.op, self.model.value(operand)) {
                    (UnaryOp::USub, Value::Int(number)) => {
                        let number = -*number;
                        self.add(Value::Int(number))
                    }
                    _ => UNKNOWN,
                }
            }
            Expr::Compare(it) => {
                let first = it.ops.first().copied().unwrap_or(CmpOp::Eq);
                let mut left = self.compared_by(first, &it.left, uses_by_comparison(first).0);
                let whole = span(it.range());
                for (index, (op, value)) in it.ops.iter().zip(&it.comparators).enumerate() {
                    // `a < b < c`: the third is asked for only where the first two are as they should be.
                    if index == 0 {
                        left = self.comparison(left, *op, value, whole);
                        continue;
                    }
                    let body = self.block(|this| left = this.comparison(left, *op, value, whole));
                    let at = span(value.range());
                    self.branch(whole, vec![Arm { body, span: at, ..Arm::default() }], false);
                }
                self.kept_test(expr, result)
            }
            Expr::Lambda(it) => self.lambda(it, &[]),
            Expr::Dict(it) => {
                let mut values = Vec::new();
                for item in &it.items {
                    if let Some(key) = &item.key {
                        self.expression(key, Use::Stored);
                    }
                    values.push(self.expression(&item.value, Use::Stored));
                }
                self.add(Value::Collection(Display::Dict, values.into()))
            }
            Expr::Set(it) => self.display(Display::Set, &it.elts),
            Expr::List(it) if it.ctx == ExprContext::Load => self.display(Display::List, &it.elts),
            Expr::Tuple(it) if it.ctx == ExprContext::Load => {
                let result = use_in_display(result);
                let values: Vec<ValueId> = it.elts.iter().map(|it| self.expression(it, result)).collect();
                self.add(Value::Tuple(values.into()))
            }
            Expr::ListComp(it) => {
                let result = use_in_display(result);
                self.comprehension_into(Display::List, it.range(), &[&it.elt], &it.generators, result)
            }
            Expr::SetComp(it) => {
                let result = use_in_display(result);
                self.comprehension_into(Display::Set, it.range(), &[&it.elt], &it.generators, result)
            }
            // Consumed there and then; else nobody has asked for an element yet.
            Expr::Generator(it)
                if matches!(result, Use::Passed | Use::Consumed | Use::Operand | Use::Shown | Use::Receiver) =>
            {
                self.comprehension(Display::Other, it.range(), &[&it.elt], &it.generators)
            }
            Expr::Generator(it) => self.put_off(it),
            Expr::DictComp(it) => match &it.key {
                Some(key) => self.comprehension(Display::Dict, it.range(), &[key, &it.value], &it.generators),
                None => self.comprehension(Display::Dict, it.range(), &[&it.value], &it.generators),
            },
            // A type under another name: `Db = Annotated[Session, Depends(get_db)]`.
            Expr::Subscript(it) if is_form_of_types(&it.value) => {
                self.expression(&it.value, Use::Receiver);
                let parts: &'a [Expr] = match &*it.slice {
                    Expr::Tuple(it) => &it.elts,
                    one => std::slice::from_ref(one),
                };
                let values: Vec<ValueId> = parts.iter().map(|it| self.expression(it, Use::Consumed)).collect();
                // What else stands in an `Annotated` is for others.
                let is_annotated = matches!(&*it.value, Expr::Name(it) if it.id == "Annotated")
                    || matches!(&*it.value, Expr::Attribute(it) if it.attr.as_str() == "Annotated");
                if is_annotated { values.first().copied().unwrap_or(UNKNOWN) } else { self.union(values) }
            }
            Expr::Subscript(it) => {
                let value = self.expression(&it.value, Use::Receiver);
                if it.value.is_name_expr() {
                    self.take_for_value(value);
                }
                self.expression(&it.slice, Use::Consumed);
                if it.ctx == ExprContext::Load {
                    // A library may put off what it gives for a part.
                    let method = if it.slice.is_slice_expr() { "__getslice__" } else { "__getitem__" };
                    self.operator(value, method, span(it.range()));
                }
                self.add(if it.slice.is_slice_expr() { Value::Slice(value) } else { Value::Index(value) })
            }
            Expr::Starred(it) => {
                let value = self.expression(&it.value, Use::Operand);
                if it.ctx == ExprContext::Load {
                    let kind = ImplicitKind::Iterate;
                    self.push(Node::Implicit(Implicit { kind, value, span: span(it.value.range()) }));
                }
                self.add(Value::Element(value))
            }
            Expr::Slice(it) => {
                for part in [&it.lower, &it.upper, &it.step].into_iter().flatten() {
                    self.expression(part, Use::Operand);
                }
                UNKNOWN
            }
            Expr::FString(it) => {
                let mut parts = it.value.f_strings();
                let first = parts.next().map_or(UNKNOWN, |string| self.interpolations(&string.elements, Use::Shown));
                for string in parts {
                    self.interpolations(&string.elements, Use::Shown);
                }
                match it.value.iter().next() {
                    Some(FStringPart::FString(it)) => self.text_put_together(&it.elements, first),
                    _ => self.builtin_instance("str"),
                }
            }
            Expr::TString(it) => {
                for string in it.value.iter() {
                    self.interpolations(&string.elements, Use::Consumed);
                }
                UNKNOWN
            }
            Expr::StringLiteral(it) => {
                let text = it.value.to_str();
                if text.len() > LONGEST_STRING {
                    return self.builtin_instance("str");
                }
                let name = self.name(text);
                self.add(Value::Str(name))
            }
            Expr::NumberLiteral(it) => match &it.value {
                Number::Int(number) => number.as_i64().map_or(UNKNOWN, |number| self.add(Value::Int(number))),
                Number::Float(number) if *number == 0.0 => self.add(Value::Int(0)),
                Number::Float(_) => self.builtin_instance("float"),
                Number::Complex { .. } => UNKNOWN,
            },
            Expr::BooleanLiteral(it) => self.add(Value::Bool(it.value)),
            Expr::NoneLiteral(_) => self.add(Value::None),
            Expr::BytesLiteral(_) => self.builtin_instance("bytes"),
            Expr::List(_) | Expr::Tuple(_) | Expr::EllipsisLiteral(_) | Expr::IpyEscapeCommand(_) => UNKNOWN,
        }
    }

    /// An instance of a built-in class.
    fn builtin_instance(&mut self, class: &str) -> ValueId {
        let class = self.name(class);
        let class = self.builtin(class);
        self.add(Value::Instance { class, args: [].into() })
    }

    /// An expression of which only the truth is asked: what a name stands for may have a method that says so.
    pub(super) fn tested(&mut self, test: &'a Expr) -> ValueId {
        let value = self.expression(test, Use::Tested);
        if test.is_name_expr()
            && matches!(self.model.value(value), Value::Result(_) | Value::Instance { .. } | Value::Union(_))
        {
            self.operator(value, "__bool__", span(test.range()));
        }
        value
    }

    /// The operator runs a method of the value, if that is an instance of a class of the project's.
    pub(super) fn operator(&mut self, value: ValueId, method: &str, span: Span) {
        let may_be_instance = !self.model.is_opaque(value)
            && !matches!(
                self.model.value(value),
                Value::None
                    | Value::Bool(_)
                    | Value::Int(_)
                    | Value::Str(_)
                    | Value::Path(_)
                    | Value::Collection(..)
                    | Value::Tuple(_)
            );
        if may_be_instance {
            let kind = ImplicitKind::Operator(self.name(method));
            self.push(Node::Implicit(Implicit { kind, value, span }));
        }
    }

    /// What is put into a text. Gives the first of it.
    fn interpolations(&mut self, elements: &'a [InterpolatedStringElement], result: Use) -> ValueId {
        let mut first = None;
        for element in elements {
            if let InterpolatedStringElement::Interpolation(it) = element {
                let value = self.expression(&it.expression, result);
                first.get_or_insert(value);
                if let Some(spec) = &it.format_spec {
                    self.interpolations(&spec.elements, result);
                }
            }
        }
        first.unwrap_or(UNKNOWN)
    }

    /// Of a text only that is kept which it begins with if it is a path: `f"/proc/{pid}/stat"`, `f"{root}/stat"`.
    fn text_put_together(&mut self, elements: &'a [InterpolatedStringElement], first: ValueId) -> ValueId {
        match elements {
            [InterpolatedStringElement::Literal(it), ..] => self.text_after(&it.value),
            [_, InterpolatedStringElement::Literal(it), ..] if it.value.starts_with('/') && first != UNKNOWN => {
                self.add(Value::Text(first))
            }
            _ => self.builtin_instance("str"),
        }
    }

    /// It is written as a path from the root: `"/proc/" + pid`, `"/proc/%d" % pid`.
    fn is_path(&self, value: ValueId) -> bool {
        matches!(self.model.value(value), Value::Str(text) if self.model.name(*text).starts_with('/'))
    }

    /// A text that begins with this one.
    fn text_after(&mut self, begins: &str) -> ValueId {
        if !begins.starts_with('/') || begins.len() > LONGEST_STRING {
            return self.builtin_instance("str");
        }
        let name = self.name(begins);
        let begins = self.add(Value::Str(name));
        self.add(Value::Text(begins))
    }

    fn yields(&mut self, span: Span, delegates: bool, value: ValueId) -> ValueId {
        let function = self.function();
        self.model.function_mut(function).is_generator = true;
        self.push(Node::Yield(Yield { span, delegates, value }));
        UNKNOWN
    }

    fn display(&mut self, display: Display, elements: &'a [Expr]) -> ValueId {
        let values: Vec<ValueId> = elements.iter().map(|it| self.expression(it, Use::Stored)).collect();
        self.add(Value::Collection(display, values.into()))
    }

    /// `(name := value)`, which is put to `result`.
    fn named(&mut self, target: &'a Expr, value: &'a Expr, result: Use) -> ValueId {
        let Expr::Name(name) = target else {
            return self.expression(value, Use::Stored);
        };
        let bound = self.own_local(name.id.as_str());
        let value = self.expression(value, bound.map_or(Use::Stored, Use::Bound));
        self.bind(name.id.as_str(), value, span(name.range()));
        match (bound, result) {
            // Who asks for its truth alone does not have it.
            (Some(local), Use::Tested) => self.note_read(local, value, result),
            (Some(_), Use::Dropped) | (None, _) => {}
            (Some(_), _) => {
                self.read_for(name.id.as_str(), result);
            }
        }
        value
    }

    /// `a and b`, `a or b`: the first is always evaluated, each further one perhaps.
    fn bool_op(&mut self, op: BoolOp, operands: &'a [Expr], whole: Span, result: Use) -> ValueId {
        let Some((first, rest)) = operands.split_first() else {
            return UNKNOWN;
        };
        let use_of = |last: bool| {
            if last || op == BoolOp::Or && result != Use::Dropped { result } else { Use::Tested }
        };
        let mut values = vec![self.operand(op, first, rest, use_of(rest.is_empty()))];
        let mut bodies = Vec::new();
        for (index, operand) in rest.iter().enumerate() {
            let before = self.frame().current.clone();
            let said = self.said(&operands[index]);
            let said = if op == BoolOp::And { said } else { condition::contrary(said) };
            let body = self.block(|this| {
                let later = &rest[index + 1..];
                let value = this.operand(op, operand, later, use_of(later.is_empty()));
                if op == BoolOp::And {
                    values.clear();
                }
                values.push(value);
            });
            let after = self.frame().current.clone();
            self.join(before.clone(), vec![before, after]);
            bodies.push((body, span(operand.range()), said));
        }
        if let Some((_, earlier)) = values.split_last_mut().filter(|_| op == BoolOp::Or) {
            earlier.iter_mut().for_each(|value| *value = self.replaced(*value, Lack::False));
        }
        // Nested from the last to the first: a later operand is reached only through the earlier ones.
        let mut inner: Option<Arm> = None;
        for (mut body, at, said) in bodies.into_iter().rev() {
            if let Some(arm) = inner.take() {
                let branch = Branch { kind: BranchKind::Expression, span: whole, arms: vec![arm], exhaustive: false };
                body.push(Node::Branch(Box::new(branch)));
            }
            inner = Some(Arm { body, span: at, ..said });
        }
        if let Some(arm) = inner {
            self.branch(whole, vec![arm], false);
        }
        self.union(values)
    }

    /// One comparison of a chain. Gives its right side.
    fn comparison(&mut self, left: ValueId, op: CmpOp, right: &'a Expr, whole: Span) -> ValueId {
        let right = self.compared_by(op, right, uses_by_comparison(op).1);
        match op {
            CmpOp::Eq => self.operator(left, "__eq__", whole),
            CmpOp::NotEq => self.operator(left, "__ne__", whole),
            CmpOp::Lt => self.operator(left, "__lt__", whole),
            CmpOp::LtE => self.operator(left, "__le__", whole),
            CmpOp::Gt => self.operator(left, "__gt__", whole),
            CmpOp::GtE => self.operator(left, "__ge__", whole),
            CmpOp::In | CmpOp::NotIn => self.operator(right, "__contains__", whole),
            CmpOp::Is | CmpOp::IsNot => {}
        }
        right
    }

    pub(super) fn branch(&mut self, whole: Span, arms: Vec<Arm>, exhaustive: bool) {
        if arms.iter().all(|arm| arm.body.nodes.is_empty()) {
            return;
        }
        self.push(Node::Branch(Box::new(Branch { kind: BranchKind::Expression, span: whole, arms, exhaustive })));
    }

    /// `value.name`; `read` where it is more than the callee of a call.
    fn attribute(&mut self, it: &'a ExprAttribute, read: bool) -> ValueId {
        let receiver = self.expression(&it.value, Use::Receiver);
        self.asked_for_attribute(&it.value, receiver, it.attr.as_str());
        if receiver == UNKNOWN || it.attr.as_str().is_empty() || self.is_changed(&it.value, it.attr.as_str()) {
            return UNKNOWN;
        }
        let name = self.name(it.attr.as_str());
        let value = self.add(Value::Attr(receiver, name));
        if read && it.ctx == ExprContext::Load && !matches!(self.model.value(receiver), Value::Path(_)) {
            let kind = ImplicitKind::Attribute(name);
            self.push(Node::Implicit(Implicit { kind, value: receiver, span: span(it.attr.range()) }));
        }
        value
    }

    /// A generator expression that runs when it is asked for elements.
    pub(super) fn put_off(&mut self, it: &'a ExprGenerator) -> ValueId {
        // Its first iterable is evaluated at once.
        let given = it.generators.first().map(|first| self.iterated(first));
        let whole = span(it.range());
        let opening = Span::new(whole.start, whole.start + 1);
        let id = self.new_function("<genexpr>", FunctionKind::Closure, whole, opening);
        self.push(Node::Define(id));
        self.open(id, Bound::default());
        let value =
            self.comprehension_over(Display::Other, it.range(), &[&it.elt], &it.generators, (Use::Stored, given));
        self.model.function_mut(id).returned.push(value);
        self.close();
        // Who asks for elements of an async one awaits them.
        if flow::suspends(&self.model.function(id).body) { value } else { self.add(Value::Generator(id)) }
    }

    fn call(&mut self, it: &'a ExprCall, result: Use) -> ValueId {
        let (callee, name_span) = match &*it.func {
            Expr::Attribute(attribute) => (self.attribute(attribute, false), callee_span(attribute)),
            func => (self.expression(func, Use::Operand), span(func.range())),
        };
        let callee = self.special_callee(&it.func, callee);
        self.note_own_call(callee);
        let mut args = Vec::with_capacity(it.arguments.args.len() + it.arguments.keywords.len());
        let plain = |value: ValueId, arg: &Expr| {
            let spread = arg.is_starred_expr();
            Arg { name: None, value, span: span(arg.range()), spread }
        };
        match &*it.arguments.args {
            // What the function is called with is known before it.
            [Expr::Lambda(lambda), over @ ..] if !over.is_empty() && self.is_builtin(callee, &["map", "filter"]) => {
                let over: Vec<Arg> = over.iter().map(|arg| plain(self.expression(arg, Use::Passed), arg)).collect();
                let elements: Vec<ValueId> = over.iter().map(|arg| self.element(arg.value)).collect();
                args.push(plain(self.lambda(lambda, &elements), &it.arguments.args[0]));
                args.extend(over);
            }
            all => {
                let used = self.use_by_callee(callee);
                for arg in all {
                    // `*[first, second]`: as if they were given one by one.
                    let given = elements_spread(arg).unwrap_or(std::slice::from_ref(arg));
                    args.extend(given.iter().map(|arg| plain(self.argument(callee, arg, used), arg)));
                }
            }
        }
        for keyword in it.arguments.keywords.iter() {
            if keyword.arg.is_none() && self.named_in_display(callee, &keyword.value, &mut args) {
                continue;
            }
            let value = match &keyword.value {
                Expr::Lambda(lambda) if keyword.arg.as_ref().is_some_and(|name| name == "key") => {
                    let element = self.compared(callee, &args);
                    self.lambda(lambda, &[element])
                }
                // `**value`
                value if keyword.arg.is_none() => self.argument(callee, value, Use::Operand),
                value => self.argument(callee, value, Use::Passed),
            };
            let name = keyword.arg.as_ref().map(|name| self.model.intern(name.as_str()));
            args.push(Arg { name, value, span: span(keyword.range()), spread: name.is_none() });
        }
        let function = self.function();
        let id = self.model.add_call(Call {
            function,
            callee,
            span: span(it.range()),
            name_span,
            args,
            result,
            awaited: false,
            taken: Taken::default(),
        });
        self.push(Node::Call(id));
        self.add(Value::Result(id))
    }

    pub(super) fn is_builtin(&self, callee: ValueId, names: &[&str]) -> bool {
        let Value::Path(path) = self.model.value(callee) else { return false };
        let [module, name] = &*path.segments else { return false };
        self.model.name(*module) == "builtins" && names.contains(&self.model.name(*name))
    }

    fn element(&mut self, value: ValueId) -> ValueId {
        if value == UNKNOWN { UNKNOWN } else { self.add(Value::Element(value)) }
    }

    /// What a call gives to the function under `key`: elements of a list, or of the only argument.
    fn compared(&mut self, callee: ValueId, args: &[Arg]) -> ValueId {
        match (self.model.value(callee), args) {
            (Value::Attr(list, name), []) if self.model.name(*name) == "sort" => {
                let list = *list;
                self.element(list)
            }
            (_, [only]) if !only.spread && self.is_builtin(callee, &["sorted", "min", "max"]) => {
                self.element(only.value)
            }
            _ => UNKNOWN,
        }
    }

    /// `super` in a method.
    fn special_callee(&mut self, func: &Expr, callee: ValueId) -> ValueId {
        if let Expr::Name(name) = func
            && name.id == "super"
            && matches!(self.model.value(callee), Value::Path(_))
        {
            for index in (0..self.frames.len()).rev() {
                if let Some(class) = self.model.function(self.frames[index].id).class {
                    return self.add(Value::Super(class));
                }
            }
        }
        callee
    }
}

/// The callee as a reader would name it: `time.sleep`, but of `connect().cursor().execute` only `execute`.
fn callee_span(attribute: &ExprAttribute) -> Span {
    let mut base = &*attribute.value;
    while let Expr::Attribute(it) = base {
        base = &it.value;
    }
    let end = attribute.range().end().to_u32();
    match base {
        Expr::Name(name) => Span::new(name.range().start().to_u32(), end),
        _ => span(attribute.attr.range()),
    }
}
