//! Conversions that run a function of the type that is wanted: `let x: Config = raw.into();` is `Config::from(raw)`.

use syn::{Expr, ExprMethodCall};

use crate::model::{UNKNOWN, Use, Value, ValueId};
use crate::source::Span;

use super::place;
use super::scope::Lowerer;

/// Deeper, a conversion is not looked for.
const MOST_STEPS: u32 = 8;

impl Lowerer<'_> {
    /// The expression, which has been walked, gives an instance of that type: what converts to it, if something does.
    pub(super) fn converts(&mut self, expr: &Expr, wanted: ValueId) {
        self.converts_within(expr, wanted, false, 0);
    }

    /// `taken`: what the expression gives is what was inside of a `Result`.
    fn converts_within(&mut self, expr: &Expr, wanted: ValueId, taken: bool, depth: u32) {
        if depth > MOST_STEPS {
            return;
        }
        match expr {
            Expr::Paren(it) => self.converts_within(&it.expr, wanted, taken, depth + 1),
            Expr::Try(it) => self.converts_within(&it.expr, wanted, true, depth + 1),
            Expr::MethodCall(it) if it.turbofish.is_none() => {
                let method = it.method.to_string();
                let function = match method.as_str() {
                    "unwrap" | "expect" | "unwrap_or_default" | "unwrap_or" | "unwrap_or_else" => {
                        return self.converts_within(&it.receiver, wanted, true, depth + 1);
                    }
                    "into" if !taken && it.args.is_empty() => "from",
                    "try_into" if it.args.is_empty() => "try_from",
                    "parse" if it.args.is_empty() => "from_str",
                    _ => return,
                };
                let made = if taken || function == "from" { wanted } else { self.inner_type(wanted) };
                self.made_by_method(made, function, it);
            }
            Expr::Call(it) => {
                let Expr::Path(func) = &*it.func else { return };
                let names: Vec<String> = func.path.segments.iter().map(|it| it.ident.to_string()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                match (names.as_slice(), it.args.first()) {
                    (["Ok" | "Some"], Some(given)) => {
                        let inside = self.inner_type(wanted);
                        self.converts_within(given, inside, false, depth + 1);
                    }
                    (["Default", "default"], None) => self.made(wanted, "default", expr),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// `"..".parse::<T>()`
    pub(super) fn parsed(&mut self, it: &ExprMethodCall) {
        if it.method == "parse"
            && it.args.is_empty()
            && let Some(arguments) = &it.turbofish
            && let Some(syn::GenericArgument::Type(ty)) = arguments.args.first()
        {
            let made = self.type_value(ty);
            self.made_by_method(made, "from_str", it);
        }
    }

    /// `..Default::default()` in an expression that makes an instance of `class`.
    pub(super) fn rest_of(&mut self, expr: &Expr, class: ValueId) {
        let wanted = self.instance(class, Vec::new());
        self.converts(expr, wanted);
    }

    fn made_by_method(&mut self, made: ValueId, function: &str, it: &ExprMethodCall) {
        let span = self.between(place::start(&it.receiver), it.paren_token.span.close());
        let name_span = self.span(it.method.span());
        self.run(made, function, (span, name_span));
    }

    fn made(&mut self, made: ValueId, function: &str, expr: &Expr) {
        let span = self.between(place::start(expr), place::end(expr));
        self.run(made, function, (span, span));
    }

    fn run(&mut self, made: ValueId, function: &str, (span, name_span): (Span, Span)) {
        let Value::Instance { class, .. } = *self.model.value(made) else { return };
        if class == UNKNOWN {
            return;
        }
        let name = self.name(function);
        let callee = self.add(Value::Provided { of: made, by: UNKNOWN, name });
        self.call(callee, span, name_span, Vec::new(), Use::Consumed);
    }

    /// `T` of `Result<T, E>` and `Option<T>`.
    fn inner_type(&self, wanted: ValueId) -> ValueId {
        match self.model.value(wanted) {
            Value::Instance { args, .. } => args.first().copied().unwrap_or(UNKNOWN),
            _ => UNKNOWN,
        }
    }
}
