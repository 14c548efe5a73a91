//! What tests and patterns say of the values that they look at.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::{BinOp, Expr, ExprBinary, ExprMethodCall, Macro, Member, Pat, UnOp};

use crate::model::{Block, Condition, Test, UNKNOWN, Use, Value, ValueId};

use super::macros::split;
use super::pattern::{is_nothing, moves};
use super::place;
use super::scope::{Lowerer, Temporary};

/// What the patterns of the prelude's `enum`s say: `None`, `Some(..)`, `Ok(..)`, `Err(..)`.
fn prelude_pattern(pat: &Pat) -> Option<(Test, bool)> {
    match pat {
        Pat::Ident(it) if it.ident == "None" => Some((Test::None, true)),
        Pat::TupleStruct(it) if it.path.is_ident("Some") => Some((Test::None, false)),
        Pat::TupleStruct(it) if it.path.is_ident("Ok") => Some((Test::Failed, false)),
        Pat::TupleStruct(it) if it.path.is_ident("Err") => Some((Test::Failed, true)),
        _ => None,
    }
}

/// The pattern matches every `None`, every `Some`, or every value that is this variant of its `enum`.
pub(super) fn is_plain(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(it) => it.ident == "None",
        Pat::TupleStruct(it) => it.elems.iter().all(takes_all),
        Pat::Struct(it) => it.fields.iter().all(|it| takes_all(&it.pat)),
        Pat::Path(_) | Pat::Lit(_) => true,
        Pat::Reference(it) => is_plain(&it.pat),
        Pat::Paren(it) => is_plain(&it.pat),
        _ => false,
    }
}

fn takes_all(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) | Pat::Rest(_) => true,
        Pat::Ident(it) => it.subpat.is_none(),
        _ => false,
    }
}

/// What one test alone says decides it.
pub(super) fn is_decided(cond: &Expr) -> bool {
    match cond {
        Expr::Let(it) => is_plain(&it.pat),
        Expr::Macro(it) => matched(&it.mac).is_some_and(|(_, pat)| is_plain(&pat)),
        Expr::Paren(it) => is_decided(&it.expr),
        Expr::Unary(it) => is_decided(&it.expr),
        Expr::Path(_) | Expr::Field(_) => true,
        Expr::Binary(it) => !matches!(it.op, BinOp::And(_) | BinOp::Or(_)),
        Expr::MethodCall(it) => says_by_name(it).is_some(),
        _ => false,
    }
}

/// What the method says of its object: `x.is_some()`, `x.is_none()`, `x.is_ok()`, `x.is_err()`, `x.is_empty()`.
fn says_by_name(it: &ExprMethodCall) -> Option<(Test, bool)> {
    const SAYING: [(&str, (Test, bool)); 5] = [
        ("is_some", (Test::None, false)),
        ("is_none", (Test::None, true)),
        ("is_empty", (Test::Truth, false)),
        ("is_ok", (Test::Failed, false)),
        ("is_err", (Test::Failed, true)),
    ];
    let said = SAYING.iter().find(|(name, _)| it.method == name)?.1;
    it.args.is_empty().then_some(said)
}

/// What the method says of its object where it gives `true`, and no more: `x.is_some_and(f)`.
fn says_if_true(it: &ExprMethodCall) -> Option<(Test, bool)> {
    const SAYING: [(&str, Test); 2] = [("is_some_and", Test::None), ("is_ok_and", Test::Failed)];
    SAYING.iter().find(|(name, _)| it.method == name).map(|(_, test)| (*test, false))
}

/// What a comparison with a number says of one side, that it exceeds a number or does not: which side, the number, and whether.
fn exceeds(it: &ExprBinary) -> Option<(&Expr, i64, bool)> {
    let less = |number: i64| number.checked_sub(1);
    if let Some(number) = number(&it.right) {
        let (bound, holds) = match it.op {
            BinOp::Gt(_) => (number, true),
            BinOp::Ge(_) => (less(number)?, true),
            BinOp::Lt(_) => (less(number)?, false),
            BinOp::Le(_) => (number, false),
            _ => return None,
        };
        return Some((&it.left, bound, holds));
    }
    let number = number(&it.left)?;
    let (bound, holds) = match it.op {
        BinOp::Lt(_) => (number, true),
        BinOp::Le(_) => (less(number)?, true),
        BinOp::Gt(_) => (less(number)?, false),
        BinOp::Ge(_) => (number, false),
        _ => return None,
    };
    Some((&it.right, bound, holds))
}

/// `x` of `x.len()`
fn counted(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::MethodCall(it) if it.method == "len" && it.args.is_empty() => Some(&it.receiver),
        Expr::Paren(it) => counted(&it.expr),
        _ => None,
    }
}

/// The number that is written there.
fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(it), .. }) => it.base10_parse().ok(),
        Expr::Paren(it) => number(&it.expr),
        _ => None,
    }
}

/// `matches!(value, pattern)`
fn matched(mac: &Macro) -> Option<(TokenStream, Pat)> {
    if !mac.path.is_ident("matches") {
        return None;
    }
    let mut parts = split(mac.tokens.clone()).into_iter();
    let (value, pattern) = (parts.next()?, parts.next()?);
    // A comma in the pattern stands in brackets.
    if parts.any(|it| !it.is_empty()) {
        return None;
    }
    Some((value, Pat::parse_multi_with_leading_vert.parse2(pattern).ok()?))
}

impl Lowerer<'_> {
    /// What a value is that the pattern matches.
    pub(super) fn said_by(&mut self, pat: &Pat, value: ValueId) -> Option<Condition> {
        if let Some((test, holds)) = prelude_pattern(pat) {
            return self.said(value, test, holds);
        }
        let test = match pat {
            Pat::Guard(it) => return self.said_by(&it.pat, value),
            Pat::Reference(it) => return self.said_by(&it.pat, value),
            Pat::Paren(it) => return self.said_by(&it.pat, value),
            Pat::Path(it) if it.qself.is_none() => Test::Equals(self.path_value(&it.path)),
            Pat::TupleStruct(it) if it.path.segments.len() > 1 => Test::Equals(self.path_value(&it.path)),
            Pat::Struct(it) if it.path.segments.len() > 1 => Test::Equals(self.path_value(&it.path)),
            Pat::Lit(syn::ExprLit { lit: syn::Lit::Bool(it), .. }) => {
                return Some(Condition { value, test: Test::Truth, holds: it.value });
            }
            Pat::Lit(it) => Test::Equals(self.literal(&it.lit)),
            _ => return None,
        };
        Some(Condition { value, test, holds: true })
    }

    /// That much is said of the value. What becomes of a call is asked everywhere, and decided by nobody: only of whether there is a
    /// runtime it says something.
    fn said(&self, value: ValueId, test: Test, holds: bool) -> Option<Condition> {
        let is_decided = match self.model.value(value) {
            Value::Unknown => false,
            Value::Result(call) if test == Test::Failed => {
                let name = match self.model.value(self.model.call(*call).callee) {
                    Value::Attr(_, name) => Some(*name),
                    Value::Path(path) => path.segments.last().copied(),
                    _ => None,
                };
                name.is_some_and(|it| self.model.name(it) == "try_current")
            }
            Value::Awaited(_) | Value::Inner(_) => test != Test::Failed,
            _ => true,
        };
        is_decided.then_some(Condition { value, test, holds })
    }

    /// `x` of `*x` and `&x`: that is what a test of it is about.
    pub(super) fn looked_at(&mut self, expr: &Expr, value: ValueId) -> ValueId {
        match expr {
            Expr::Unary(it) if matches!(it.op, UnOp::Deref(_)) => self.looked_at(&it.expr, value),
            Expr::Reference(it) => self.looked_at(&it.expr, value),
            Expr::Paren(it) => self.looked_at(&it.expr, value),
            Expr::Path(it) if it.qself.is_none() => self.path_value(&it.path),
            Expr::Field(it) if value == UNKNOWN => {
                let object = self.looked_at(&it.base, UNKNOWN);
                let name = match &it.member {
                    Member::Named(name) => self.ident(name),
                    Member::Unnamed(index) => self.name(&index.index.to_string()),
                };
                self.derived(object, |object| Value::Field(object, name))
            }
            _ => value,
        }
    }

    /// A condition, perhaps a chain of `let`s; gives the temporaries that live as long as what it governs.
    pub(super) fn condition(&mut self, cond: &Expr) -> (Block, Vec<Temporary>, Vec<Condition>) {
        let nodes = self.frame().nodes.len();
        let before = self.frame().temporaries.len();
        let mut said = Vec::new();
        let has_let = self.conditions(cond, &mut said);
        let temporaries = self.frame().temporaries.split_off(before);
        let span = self.between(place::start(cond), place::end(cond));
        self.model.statements.push(span);
        self.wrap(nodes, &temporaries, span);
        let test = Block::new(self.frame().nodes.split_off(nodes));
        (test, if has_let { temporaries } else { Vec::new() }, said)
    }

    fn conditions(&mut self, cond: &Expr, said: &mut Vec<Condition>) -> bool {
        match cond {
            Expr::Let(it) => {
                let value = self.expression(&it.expr, Use::Consumed);
                let local = self.local_of(&it.expr);
                // `if let Some(path) = path`: what the name stands for before.
                let asked = self.looked_at(&it.expr, value);
                self.matched(&it.pat, &it.expr, value);
                if moves(&it.pat) || is_nothing(&it.pat) {
                    self.released(local, &it.expr);
                }
                said.extend(self.said_by(&it.pat, asked));
                true
            }
            Expr::Binary(it) if matches!(it.op, BinOp::And(_)) => {
                let left = self.conditions(&it.left, said);
                let right = self.conditions(&it.right, said);
                left | right
            }
            other => {
                let span = self.between(place::start(other), place::end(other));
                said.extend(self.statement_scope(span, |this| this.tested(other)));
                false
            }
        }
    }

    /// Walks a test; gives what it says where it holds, if that is one thing.
    fn tested(&mut self, cond: &Expr) -> Option<Condition> {
        match cond {
            Expr::Path(_) | Expr::Field(_) => {
                let value = self.expression(cond, Use::Tested);
                Some(Condition { value, test: Test::Truth, holds: true })
            }
            Expr::Paren(it) => self.tested(&it.expr),
            Expr::Unary(it) if matches!(it.op, UnOp::Not(_)) => {
                self.tested(&it.expr).filter(|_| is_decided(&it.expr)).map(Condition::denied)
            }
            Expr::Binary(it) if matches!(it.op, BinOp::Eq(_) | BinOp::Ne(_)) => {
                let left = self.expression(&it.left, Use::Consumed);
                let right = self.expression(&it.right, Use::Consumed);
                let holds = matches!(it.op, BinOp::Eq(_));
                // `0 == n`
                let ((asked, value), (literal, other)) = match &*it.left {
                    Expr::Lit(_) => ((&it.right, right), (&it.left, left)),
                    _ => ((&it.left, left), (&it.right, right)),
                };
                if let Some(all) = counted(asked).filter(|_| number(literal) == Some(0)) {
                    let all = self.looked_at(all, UNKNOWN);
                    return self.said(all, Test::Truth, !holds);
                }
                let value = self.looked_at(asked, value);
                if matches!(&**literal, Expr::Path(it) if it.path.is_ident("None")) {
                    return self.said(value, Test::None, holds);
                }
                let is_written = matches!(&**literal, Expr::Path(_) | Expr::Lit(_));
                is_written.then_some(Condition { value, test: Test::Equals(other), holds })
            }
            Expr::Binary(it) => {
                let Some((asked, bound, holds)) = exceeds(it) else {
                    self.expression(cond, Use::Tested);
                    return None;
                };
                let value = self.expression(asked, Use::Consumed);
                if let Some(all) = counted(asked).filter(|_| bound == 0) {
                    let all = self.looked_at(all, UNKNOWN);
                    return self.said(all, Test::Truth, holds);
                }
                let value = self.looked_at(asked, value);
                Some(Condition { value, test: Test::Exceeds(bound), holds })
            }
            Expr::MethodCall(it) => {
                let answer = self.expression(cond, Use::Tested);
                let (test, holds) = says_by_name(it).or_else(|| says_if_true(it))?;
                // `Handle::try_current().is_ok()`
                let given = match self.model.value(answer) {
                    Value::Result(call) if test == Test::Failed => {
                        match self.model.value(self.model.call(*call).callee) {
                            Value::Attr(given, _) => *given,
                            _ => UNKNOWN,
                        }
                    }
                    _ => UNKNOWN,
                };
                let value = self.looked_at(&it.receiver, given);
                self.said(value, test, holds)
            }
            Expr::Macro(it) => {
                self.expression(cond, Use::Tested);
                let (value, pat) = matched(&it.mac)?;
                let value = self.looked_at(&syn::parse2(value).ok()?, UNKNOWN);
                if value == UNKNOWN { None } else { self.said_by(&pat, value) }
            }
            other => {
                self.expression(other, Use::Tested);
                None
            }
        }
    }
}
