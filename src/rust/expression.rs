//! Expressions: what they evaluate, in order, and what they stand for.

use syn::{Expr, ExprCall, ExprMethodCall, Lit, Member, PathArguments, Type, UnOp};

use crate::model::{
    Arg, Await, Call, Display, Implicit, ImplicitKind, Node, REST, Taken, UNKNOWN, Use, Value, ValueId, Yield,
};
use crate::source::Span;

use super::place;
use super::scope::{Found, Lowerer};

/// Below this much free stack a fresh piece is taken.
const RED_ZONE: usize = 128 << 10;
const STACK: usize = 4 << 20;
/// Methods that call their argument with each element of the receiver, sorted.
const PER_ELEMENT: &[&str] = &[
    "all",
    "and_then",
    "any",
    "binary_search_by",
    "dedup_by_key",
    "filter",
    "filter_map",
    "find",
    "find_map",
    "flat_map",
    "for_each",
    "inspect",
    "is_none_or",
    "is_ok_and",
    "is_some_and",
    "map",
    "map_or",
    "map_while",
    "max_by_key",
    "min_by_key",
    "partition",
    "position",
    "retain",
    "skip_while",
    "sort_by_key",
    "take_while",
    "try_for_each",
];

/// Those whose closure is given two at a time, and those that hand it one beside what they carry along.
const PER_PAIR: &[&str] = &["dedup_by", "is_sorted_by", "max_by", "min_by", "reduce", "sort_by", "sort_unstable_by"];
const CARRYING: &[&str] = &["fold", "scan", "try_fold"];

/// Longer strings are no names of anything.
const LONGEST_STRING: usize = 80;

impl Lowerer<'_> {
    /// Walks an expression whose value goes to `result`.
    pub(super) fn expression(&mut self, expr: &Expr, result: Use) -> ValueId {
        stacker::maybe_grow(RED_ZONE, STACK, || self.walk(expr, result))
    }

    fn walk(&mut self, expr: &Expr, result: Use) -> ValueId {
        match expr {
            Expr::Path(it) => match &it.qself {
                None => {
                    let value = self.path_value(&it.path);
                    // A constant that a call is written with is told by its parameter.
                    let is_given = matches!(self.model.value(value), Value::Param(..) | Value::Bool(_) | Value::Int(_));
                    if !is_given && may_be_unit(&it.path) { self.derived(value, Value::Unit) } else { value }
                }
                // `<Type as Trait>::function`
                Some(qself) if qself.position > 0 => {
                    let of = self.type_value(&qself.ty);
                    let by = self.path_value(&before(&it.path, qself.position));
                    let name = it.path.segments.last().map(|it| self.ident(&it.ident));
                    name.map_or(UNKNOWN, |name| self.derived(of, |of| Value::Provided { of, by, name }))
                }
                // `<Type>::function`
                Some(qself) => {
                    let instance = self.type_value(&qself.ty);
                    let class = match self.model.value(instance) {
                        Value::Instance { class, .. } => *class,
                        _ => UNKNOWN,
                    };
                    let name = it.path.segments.last().map(|it| self.ident(&it.ident));
                    name.map_or(UNKNOWN, |name| self.derived(class, |class| Value::Attr(class, name)))
                }
            },
            Expr::Call(it) => self.call_expression(it, result),
            Expr::MethodCall(it) => self.method_call(it, result),
            Expr::Await(it) => {
                let value = self.expression(&it.base, Use::Awaited);
                self.mark_awaited(value);
                let span = self.between(place::start(expr), it.await_token.span);
                let keyword = self.span(it.await_token.span);
                self.push(Node::Await(Await { span, keyword, value, result }));
                self.add(Value::Awaited(value))
            }
            Expr::Try(it) => {
                // The error of a task or a timeout goes on to the caller: the `await` itself loses nothing.
                let inner = if matches!(&*it.expr, Expr::Await(_)) { Use::Consumed } else { result };
                let value = self.expression(&it.expr, inner);
                self.moved(&it.expr);
                // What others give decides whether it goes on.
                let function = self.function();
                if matches!(&*it.expr, Expr::Path(_)) && self.model.function(function).param_of(value).is_some() {
                    let span = self.between(place::start(expr), place::end(expr));
                    self.leaves_without(value, span);
                }
                self.model.function_mut(function).tries = true;
                self.derived(value, Value::Inner)
            }
            Expr::Field(it) => {
                let base = self.expression(&it.base, Use::Receiver);
                self.temporary(&it.base, base, false);
                let name = match &it.member {
                    Member::Named(ident) => self.ident(ident),
                    Member::Unnamed(index) => self.name(&index.index.to_string()),
                };
                self.derived(base, |base| Value::Field(base, name))
            }
            Expr::Reference(it) => {
                let value = self.expression(&it.expr, result);
                self.temporary(&it.expr, value, false);
                value
            }
            Expr::Unary(it) => match it.op {
                UnOp::Deref(_) => {
                    let value = self.expression(&it.expr, Use::Consumed);
                    self.temporary(&it.expr, value, false);
                    self.derived(value, Value::Deref)
                }
                UnOp::Not(_) => {
                    self.expression(&it.expr, Use::Tested);
                    UNKNOWN
                }
                _ => {
                    let value = self.expression(&it.expr, Use::Consumed);
                    match (it.op, self.model.value(value)) {
                        (UnOp::Neg(_), Value::Int(number)) => {
                            let number = -number;
                            self.add(Value::Int(number))
                        }
                        _ => UNKNOWN,
                    }
                }
            },
            Expr::Binary(it) => self.binary(it, expr),
            Expr::Assign(it) => {
                self.assignment(&it.left, &it.right);
                UNKNOWN
            }
            Expr::Paren(it) => self.expression(&it.expr, result),
            Expr::Group(it) => self.expression(&it.expr, result),
            Expr::Closure(it) => self.closure(it),
            Expr::Async(it) => {
                let value = self.async_block(it);
                if matches!(result, Use::Dropped | Use::Discarded) {
                    let span = self.span(it.async_token.span);
                    self.push(Node::Implicit(Implicit { kind: ImplicitKind::Drop, value, span }));
                }
                value
            }
            Expr::If(it) => self.if_expression(it, result),
            Expr::Match(it) => self.match_expression(it, result),
            Expr::While(it) => self.while_loop(it),
            Expr::ForLoop(it) => self.for_loop(it),
            Expr::Loop(it) => self.endless_loop(it),
            Expr::Block(it) => self.block_expression(&it.block, result),
            Expr::Unsafe(it) => self.block_expression(&it.block, result),
            Expr::TryBlock(it) => self.block_expression(&it.block, Use::Consumed),
            Expr::Const(_) | Expr::Continue(_) | Expr::Infer(_) => {
                if matches!(expr, Expr::Continue(_)) {
                    let span = self.span(place::start(expr));
                    self.push(Node::Continue { span });
                }
                UNKNOWN
            }
            Expr::Break(it) => {
                if let Some(expr) = &it.expr {
                    let value = self.expression(expr, Use::Consumed);
                    self.moved(expr);
                    self.broken_with(it.label.as_ref(), value);
                }
                let span = self.span(it.break_token.span);
                self.push(Node::Break { span });
                UNKNOWN
            }
            Expr::Return(it) => {
                let value = it.expr.as_ref().map(|value| {
                    let found = self.expression(value, Use::Returned);
                    self.moved(value);
                    found
                });
                let function = self.function();
                self.model.function_mut(function).returned.extend(value);
                let span = self.between(it.return_token.span, place::end(expr));
                self.push(Node::Return { span, value });
                UNKNOWN
            }
            Expr::Yield(it) => {
                let value = it.expr.as_ref().map_or(UNKNOWN, |value| {
                    let yielded = self.expression(value, Use::Consumed);
                    self.moved(value);
                    yielded
                });
                let function = self.function();
                self.model.function_mut(function).is_generator = true;
                let span = self.between(it.yield_token.span, place::end(expr));
                self.push(Node::Yield(Yield { span, delegates: false, value }));
                UNKNOWN
            }
            Expr::Array(it) => {
                let values = it.elems.iter().map(|it| self.stored(it)).collect();
                self.add(Value::Collection(Display::Other, values))
            }
            Expr::Repeat(it) => {
                let value = self.stored(&it.expr);
                self.add(Value::Collection(Display::Other, [value].into()))
            }
            Expr::Tuple(it) if it.elems.is_empty() => self.add(Value::None),
            Expr::Tuple(it) => {
                let values = it.elems.iter().map(|it| self.stored(it)).collect();
                self.add(Value::Tuple(values))
            }
            Expr::Struct(it) => {
                let mut fields = Vec::with_capacity(it.fields.len());
                for field in &it.fields {
                    let value = self.stored(&field.expr);
                    if let Member::Named(name) = &field.member
                        && value != UNKNOWN
                    {
                        fields.push((self.ident(name), value));
                    }
                }
                if let Some(rest) = &it.rest {
                    let value = self.expression(rest, Use::Consumed);
                    fields.push((self.name(REST), value));
                }
                if it.qself.is_some() {
                    return UNKNOWN;
                }
                let class = self.path_value(&it.path);
                if let Some(rest) = &it.rest {
                    self.rest_of(rest, class);
                }
                let fields = self.add(Value::Fields(fields.into()));
                self.instance(class, vec![fields])
            }
            Expr::Index(it) => {
                let value = self.expression(&it.expr, Use::Receiver);
                self.temporary(&it.expr, value, false);
                self.expression(&it.index, Use::Consumed);
                // A range of something is the same kind of thing.
                if matches!(&*it.index, Expr::Range(_)) { value } else { self.derived(value, Value::Index) }
            }
            Expr::Cast(it) => {
                let value = self.expression(&it.expr, Use::Consumed);
                // `count as usize` is still that number.
                let is_known =
                    matches!(self.model.value(value), Value::Int(_) | Value::Instance { .. } | Value::Result(_));
                let is_name = matches!(&*it.expr, Expr::Path(_) | Expr::Lit(_));
                if is_known && is_name && is_number(&it.ty) { value } else { self.type_value(&it.ty) }
            }
            Expr::Range(it) => {
                for part in [&it.start, &it.end].into_iter().flatten() {
                    self.expression(part, Use::Consumed);
                }
                if it.start.is_none() || result != Use::Receiver {
                    return UNKNOWN;
                }
                // `(0..3).map(..)`
                let class = self.absolute(&["std", "ops", "Range"]);
                self.instance(class, Vec::new())
            }
            Expr::Let(it) => {
                let value = self.expression(&it.expr, Use::Consumed);
                self.destructure(&it.pat, value);
                UNKNOWN
            }
            Expr::Lit(it) => self.literal(&it.lit),
            Expr::Macro(it) => {
                let span = self.between(place::start(expr), place::end(expr));
                self.macro_call(&it.mac, span, result)
            }
            Expr::Verbatim(tokens) => {
                self.mention(tokens.clone());
                UNKNOWN
            }
            _ => UNKNOWN,
        }
    }

    pub(super) fn derived(&mut self, value: ValueId, of: impl FnOnce(ValueId) -> Value) -> ValueId {
        if value == UNKNOWN { UNKNOWN } else { self.add(of(value)) }
    }

    /// A value that goes into something else.
    fn stored(&mut self, expr: &Expr) -> ValueId {
        let value = self.expression(expr, Use::Stored);
        self.moved(expr);
        value
    }

    /// The future that `value` stands for is driven here.
    pub(super) fn mark_awaited(&mut self, value: ValueId) {
        if let Value::Result(call) = self.model.value(value) {
            let call = *call;
            if let Some(call) = self.model.call_mut(call) {
                call.awaited = true;
            }
        }
    }

    pub(super) fn literal(&mut self, lit: &Lit) -> ValueId {
        match lit {
            Lit::Bool(it) => self.add(Value::Bool(it.value)),
            Lit::Int(it) => it.base10_parse().map_or(UNKNOWN, |number| self.add(Value::Int(number))),
            Lit::Str(it) => {
                let text = it.value();
                if text.len() > LONGEST_STRING {
                    return UNKNOWN;
                }
                let name = self.name(&text);
                self.add(Value::Str(name))
            }
            _ => UNKNOWN,
        }
    }

    /// The arguments of a call of `callee`.
    fn arguments(&mut self, args: &syn::punctuated::Punctuated<Expr, syn::Token![,]>, callee: ValueId) -> Vec<Arg> {
        let mut out = Vec::with_capacity(args.len());
        for (arg, index) in args.iter().zip(0..) {
            if self.element.is_none() && self.handed.is_none() && is_given_closure(arg) {
                self.handed = (callee != UNKNOWN).then(|| self.add(Value::Handed(callee, index)));
            }
            let value = self.expression(arg, Use::Passed);
            self.moved(arg);
            let span = self.between(place::start(arg), place::end(arg));
            out.push(Arg { name: None, value, span, spread: false });
        }
        out
    }

    fn call_expression(&mut self, it: &ExprCall, result: Use) -> ValueId {
        if let Some(wrapper) = self.wrapping(&it.func) {
            let mut values = Vec::new();
            for arg in &it.args {
                values.push(self.stored(arg));
            }
            if wrapper == "Err" {
                values = Vec::new();
            }
            // `Ok::<T, E>(..)`, `Result::<T, E>::Ok(..)`
            if let [_, error] = self.written_arguments(&it.func)[..] {
                values.resize(1, UNKNOWN);
                values.push(error);
            }
            let of: &[&str] =
                if wrapper == "Some" { &["std", "option", "Option"] } else { &["std", "result", "Result"] };
            let class = self.absolute(&[of, &[wrapper]].concat());
            return self.instance(class, values);
        }
        let span = self.between(place::start(&it.func), it.paren_token.span.close());
        let name_span = self.between(place::start(&it.func), place::end(&it.func));
        let callee = match &*it.func {
            Expr::Path(func) if func.qself.is_none() => self.path_value(&func.path),
            func => self.expression(func, Use::Consumed),
        };
        // To be dropped is not to be used.
        let dropped = match (&*it.func, it.args.len()) {
            (Expr::Path(func), 1) if func.path.segments.last().is_some_and(|it| it.ident == "drop") => {
                self.local_of(&it.args[0])
            }
            _ => None,
        };
        let mut args = match dropped {
            Some(local) => {
                let value = self.frame().values[local.index()];
                let span = self.between(place::start(&it.args[0]), place::end(&it.args[0]));
                self.push(Node::Release { local, span });
                vec![Arg { name: None, value, span, spread: false }]
            }
            None => self.arguments(&it.args, callee),
        };
        if let Expr::Path(func) = &*it.func
            && let Some(PathArguments::AngleBracketed(written)) = func.path.segments.last().map(|it| &it.arguments)
        {
            self.types_given(written, name_span, &mut args);
        }
        self.call(callee, span, name_span, args, result)
    }

    /// `Some`, `Ok` or `Err` of the prelude.
    fn wrapping(&mut self, func: &Expr) -> Option<&'static str> {
        let Expr::Path(it) = func else { return None };
        let ident = &it.path.segments.last()?.ident;
        let wrapper = ["Some", "Ok", "Err"].into_iter().find(|name| ident == name)?;
        if it.path.segments.len() > 1 {
            let of = it.path.segments.iter().rev().nth(1)?;
            return (of.ident == "Result" || of.ident == "Option").then_some(wrapper);
        }
        let name = self.ident(ident);
        matches!(self.find(name), Found::Nothing).then_some(wrapper)
    }

    /// The types that a path is written with, whichever of its segments has them.
    fn written_arguments(&mut self, func: &Expr) -> Vec<ValueId> {
        let Expr::Path(it) = func else { return Vec::new() };
        let written = it.path.segments.iter().rev().find_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(it) => Some(it),
            _ => None,
        });
        written.map_or_else(Vec::new, |it| self.type_arguments(&it.args))
    }

    pub(super) fn call(
        &mut self,
        callee: ValueId,
        span: Span,
        name_span: Span,
        args: Vec<Arg>,
        result: Use,
    ) -> ValueId {
        let function = self.function();
        let taken = Taken::default();
        let id = self.model.add_call(Call { function, callee, span, name_span, args, result, awaited: false, taken });
        self.push(Node::Call(id));
        self.add(Value::Result(id))
    }

    fn method_call(&mut self, it: &ExprMethodCall, result: Use) -> ValueId {
        let receiver = self.expression(&it.receiver, Use::Receiver);
        self.temporary(&it.receiver, receiver, false);
        let start = place::start(&it.receiver);
        let span = self.between(start, it.paren_token.span.close());
        // `self.file.read`, but of a chain of calls only `output`.
        let name_span =
            if is_dotted(&it.receiver) { self.between(start, it.method.span()) } else { self.span(it.method.span()) };
        let name = self.ident(&it.method);
        if receiver != UNKNOWN && !it.args.is_empty() {
            let method = self.model.name(name);
            let groups = [(PER_ELEMENT, 0..1), (PER_PAIR, 0..2), (CARRYING, 1..2)];
            let group = groups.into_iter().find(|(names, _)| names.binary_search(&method).is_ok());
            self.element = group.map(|(_, which)| (receiver, which));
        }
        let callee = self.derived(receiver, |receiver| Value::Attr(receiver, name));
        let mut args = self.arguments(&it.args, callee);
        self.element = None;
        match &it.turbofish {
            Some(written) if it.method == "collect" => {
                let element = self.derived(receiver, Value::Element);
                self.collects(written, element, name_span, &mut args);
            }
            // What is parsed is made of the text.
            Some(written) if it.method != "parse" => self.types_given(written, name_span, &mut args),
            _ => {}
        }
        self.fills(it, name, receiver, &args);
        let value = self.call(callee, span, name_span, args, result);
        self.note_type(it, value);
        self.parsed(it);
        value
    }
}

/// The first segments of a path.
fn before(path: &syn::Path, segments: usize) -> syn::Path {
    let segments = path.segments.iter().take(segments).cloned().collect();
    syn::Path { leading_colon: path.leading_colon, segments }
}

/// `|x| ..`, `Box::new(|x| ..)`
fn is_given_closure(expr: &Expr) -> bool {
    match expr {
        Expr::Closure(it) => !it.inputs.is_empty(),
        Expr::Call(it) => {
            let Expr::Path(func) = &*it.func else { return false };
            let mut names = func.path.segments.iter().rev().map(|it| &it.ident);
            names.next().is_some_and(|it| it == "new")
                && names.next().is_some_and(|it| it == "Box" || it == "Arc" || it == "Rc")
                && matches!(it.args.first(), Some(Expr::Closure(it)) if !it.inputs.is_empty())
        }
        _ => false,
    }
}

/// `usize`, `i64`
fn is_number(ty: &Type) -> bool {
    let Type::Path(it) = ty else { return false };
    let name = it.path.get_ident().map(ToString::to_string).unwrap_or_default();
    let width = name.strip_prefix(['u', 'i']).unwrap_or_default();
    matches!(width, "8" | "16" | "32" | "64" | "128" | "size")
}

fn is_dotted(expr: &Expr) -> bool {
    let mut at = expr;
    loop {
        at = match at {
            Expr::Field(it) => &it.base,
            Expr::Path(_) => return true,
            _ => return false,
        }
    }
}

/// `Name`, `module::Name`; with a type before it, it is a variant.
fn may_be_unit(path: &syn::Path) -> bool {
    let is_type = |name: &syn::Ident| {
        let name = name.to_string();
        name.starts_with(char::is_uppercase) && (name.len() == 1 || name.contains(char::is_lowercase))
    };
    let mut names = path.segments.iter().rev().map(|it| &it.ident);
    names.next().is_some_and(is_type) && !names.next().is_some_and(is_type)
}
