//! What tests and patterns say of the values that they look at.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::{BinOp, Expr, ExprMethodCall, Macro, Member, Pat, UnOp};

use crate::model::{Block, Condition, Test, UNKNOWN, Use, Value, ValueId};

use super::macros::split;
use super::pattern::{is_nothing, moves};
use super::place;
use super::scope::{Lowerer, Temporary};

/// `None`: true, `Some(..)`: false.
fn option_pattern(pat: &Pat) -> Option<bool> {
    match pat {
        Pat::Ident(it) if it.ident == "None" => Some(true),
        Pat::TupleStruct(it) if it.path.is_ident("Some") => Some(false),
        Pat::Guard(it) => option_pattern(&it.pat).filter(|is_none| !is_none),
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

/// What the method says of its object: `x.is_some()`, `x.is_none()`, `x.is_empty()`.
fn says_by_name(it: &ExprMethodCall) -> Option<(Test, bool)> {
    let said = if it.method == "is_none" {
        (Test::None, true)
    } else if it.method == "is_some" {
        (Test::None, false)
    } else if it.method == "is_empty" {
        (Test::Truth, false)
    } else {
        return None;
    };
    it.args.is_empty().then_some(said)
}

/// What a comparison with a number says of the other side: that it exceeds this, or does not.
fn exceeds(op: BinOp, number: i64) -> Option<(i64, bool)> {
    match op {
        BinOp::Gt(_) => Some((number, true)),
        BinOp::Ge(_) => Some((number.checked_sub(1)?, true)),
        BinOp::Lt(_) => Some((number.checked_sub(1)?, false)),
        BinOp::Le(_) => Some((number, false)),
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
        if let Some(holds) = option_pattern(pat) {
            return Some(Condition { value, test: Test::None, holds });
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
                let value = self.expression(&it.left, Use::Consumed);
                let other = self.expression(&it.right, Use::Consumed);
                let value = self.looked_at(&it.left, value);
                let is_written = matches!(&*it.right, Expr::Path(_) | Expr::Lit(_));
                let holds = matches!(it.op, BinOp::Eq(_));
                is_written.then_some(Condition { value, test: Test::Equals(other), holds })
            }
            Expr::Binary(it) => {
                let said = number(&it.right).and_then(|number| exceeds(it.op, number));
                let Some((bound, holds)) = said else {
                    self.expression(cond, Use::Tested);
                    return None;
                };
                let value = self.expression(&it.left, Use::Consumed);
                let value = self.looked_at(&it.left, value);
                Some(Condition { value, test: Test::Exceeds(bound), holds })
            }
            Expr::MethodCall(it) => {
                self.expression(cond, Use::Tested);
                let (test, holds) = says_by_name(it)?;
                let value = self.looked_at(&it.receiver, UNKNOWN);
                (value != UNKNOWN).then_some(Condition { value, test, holds })
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
