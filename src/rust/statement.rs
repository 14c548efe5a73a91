//! Statements: bindings, temporaries and how long they live.

use syn::{Attribute, Expr, Local, Pat, Stmt, Type};

use crate::model::{
    Arm, Block, Branch, BranchKind, Condition, Kinds, LocalId, NameId, Node, Scope, ScopeItem, ScopeKind, Test,
    UNKNOWN, Use, ValueId, flow,
};
use crate::source::Span;

use super::cfg::are_alternatives;
use super::condition::is_plain;
use super::generic::{is_boxed_function, leaves_open};
use super::place;
use super::platform::{Built, asks_for_feature, has_cfg, is_gated, is_kept, leaves_out};
use super::scope::{Found, Lowerer, Temporary};

impl<'a> Lowerer<'a> {
    /// The statements of a block. Gives the value of its last expression, if it has one; that goes to `result`.
    pub(super) fn statements(&mut self, stmts: &[Stmt], result: Use) -> Option<ValueId> {
        self.statements_to(stmts, result, true)
    }

    /// The same; `tail_ends`: the temporaries of the last expression are gone at the end of the block, not at that of the
    /// statement it is a part of.
    pub(super) fn statements_to(&mut self, stmts: &[Stmt], result: Use, tail_ends: bool) -> Option<ValueId> {
        let built = self.built();
        // Items are visible in the whole block.
        let mut items = Vec::new();
        for stmt in stmts {
            if let Stmt::Item(item) = stmt
                && !leaves_out(stmt, built)
            {
                items.push((item, self.declare_item(item, true)));
            }
        }
        for (item, function) in items {
            self.define_item(item, function);
        }
        let mut values = Vec::new();
        let mut gated_lets = Vec::new();
        let last = stmts.iter().rposition(|stmt| !leaves_out(stmt, built));
        // Of blocks at the end that are each there under a `cfg`, every one is the last.
        let gated = stmts.iter().rev().take_while(|stmt| is_gated(stmt)).count();
        for (index, stmt) in stmts.iter().enumerate() {
            let is_last = last == Some(index) || index >= stmts.len() - gated;
            if leaves_out(stmt, built) {
                continue;
            }
            match stmt {
                Stmt::Local(it) => self.local(it, &mut gated_lets),
                Stmt::Item(_) => {}
                Stmt::Expr(expr, semi) => {
                    let is_tail = is_last && semi.is_none();
                    let ends = !is_tail || tail_ends;
                    let before = self.frame().nodes.len();
                    let found = self.expression_statement(expr, if is_tail { result } else { Use::Dropped }, ends);
                    if is_gated(stmt) && !is_kept(stmt, built) {
                        self.left_in_part(before, stmt, expr);
                    }
                    if is_tail {
                        values.push(found);
                    }
                }
                Stmt::Macro(it) => {
                    let is_tail = is_last && it.semi_token.is_none();
                    let span = self.between(place::path_start(&it.mac.path), it.mac.delimiter.span().close());
                    self.model.statements.push(span);
                    let result = if is_tail { result } else { Use::Dropped };
                    let walk = |this: &mut Self| this.macro_call(&it.mac, span, result);
                    let found = if is_tail && !tail_ends { walk(self) } else { self.statement_scope(span, walk) };
                    if is_tail {
                        values.push(found);
                    }
                }
            }
        }
        match values.as_slice() {
            [] | [_] => values.first().copied(),
            _ => {
                values.retain(|it| *it != UNKNOWN);
                Some(self.union(values))
            }
        }
    }

    /// How the code at hand is compiled.
    pub(super) fn built(&self) -> Built<'a> {
        Built { for_no_test: !self.test, features: self.features }
    }

    /// What is there under a `cfg` and leaves the function leaves it where that holds: what follows is for the others. Of a feature
    /// of an installed crate, nobody knows whether it is on.
    fn left_in_part(&mut self, from: usize, stmt: &Stmt, expr: &Expr) {
        let body = Block::new(self.frame().nodes.split_off(from));
        let is_certain = self.features.is_none() || !asks_for_feature(stmt);
        if is_certain && flow::exits(&body, &|_| false).falls {
            self.frame().nodes.extend(body.nodes);
            return;
        }
        let span = self.between(place::start(expr), place::end(expr));
        let arm = Arm { body, span, ..Arm::default() };
        let branch = Branch { kind: BranchKind::If, span, arms: vec![arm], exhaustive: false };
        self.push(Node::Branch(Box::new(branch)));
    }

    fn expression_statement(&mut self, expr: &Expr, result: Use, ends: bool) -> ValueId {
        let span = self.between(place::start(expr), place::end(expr));
        let heads = matches!(
            expr,
            Expr::If(_)
                | Expr::Match(_)
                | Expr::While(_)
                | Expr::ForLoop(_)
                | Expr::Loop(_)
                | Expr::Block(_)
                | Expr::Unsafe(_)
                | Expr::Async(_)
        );
        if !heads {
            self.model.statements.push(span);
        }
        let walk = |this: &mut Self| this.expression(expr, result);
        let value = if ends { self.statement_scope(span, walk) } else { walk(self) };
        if result != Use::Dropped {
            self.moved(expr);
        }
        value
    }

    /// Temporaries made by `walk` live until it is done: where it waits, that is a scope.
    pub(super) fn statement_scope<T>(&mut self, span: Span, walk: impl FnOnce(&mut Self) -> T) -> T {
        let nodes = self.frame().nodes.len();
        let temporaries = self.frame().temporaries.len();
        let result = walk(self);
        let temporaries = self.frame().temporaries.split_off(temporaries);
        self.wrap(nodes, &temporaries, span);
        result
    }

    /// Puts the nodes from `from` on into a scope that holds the temporaries, if the task may be suspended in it.
    pub(super) fn wrap(&mut self, from: usize, temporaries: &[Temporary], span: Span) {
        if temporaries.is_empty() {
            return;
        }
        let nodes = self.frame().nodes.split_off(from);
        let body = self.held(temporaries, Block::new(nodes), span);
        self.frame().nodes.extend(body.nodes);
    }

    /// The block, in a scope that holds the temporaries if the task may be suspended in it.
    pub(super) fn held(&mut self, temporaries: &[Temporary], body: Block, span: Span) -> Block {
        if temporaries.is_empty() || !flow::suspends(&body) && !body.kinds().meet(Kinds::YIELD) {
            return body;
        }
        let items = temporaries
            .iter()
            .map(|it| ScopeItem { value: it.value, local: it.local, span: it.span, is_subject: it.is_subject })
            .collect();
        let keyword = Span::new(span.start, span.start);
        let scope = Scope { kind: ScopeKind::Temporaries, items, body, span, keyword };
        Block::new(vec![Node::Scope(Box::new(scope))])
    }

    /// A `let`; with what those before it in its block have declared under a `cfg`.
    fn local<'b>(&mut self, it: &'b Local, gated: &mut Vec<(LocalId, &'b [Attribute])>) {
        let (pat, declared) = match &it.pat {
            // Which function it is says more.
            Pat::Type(typed) if is_boxed_function(&typed.ty) => (&*typed.pat, UNKNOWN),
            Pat::Type(typed) => (&*typed.pat, self.type_value(&typed.ty)),
            pat => (pat, UNKNOWN),
        };
        let span = self.between(it.let_token.span, it.semi_token.span);
        self.model.statements.push(span);
        self.allows(&it.attrs, span);
        let Some(init) = &it.init else {
            self.destructure(pat, declared);
            return;
        };
        match pat {
            Pat::Ident(name) if name.subpat.is_none() && init.diverge.is_none() => {
                let id = self.ident(&name.ident);
                let name_span = self.span(name.ident.span());
                let twin = if gated.is_empty() { None } else { self.twin(id, &it.attrs, gated) };
                let local = twin.unwrap_or_else(|| self.declare(id, name_span));
                let value = self.initializer(&init.expr, Use::Bound(local), span);
                if declared != UNKNOWN {
                    self.converts(&init.expr, declared);
                }
                let value = match &it.pat {
                    Pat::Type(typed) if is_collecting(&init.expr) && leaves_open(&typed.ty) => {
                        let element = self.element_of_receiver(value);
                        self.collected_type(&typed.ty, element)
                    }
                    _ if declared == UNKNOWN => value,
                    _ => declared,
                };
                let other = twin.map(|twin| self.frame().values[twin.index()]);
                self.bind(local, value, name_span);
                if let Some(other) = other {
                    let either = self.union(vec![other, value]);
                    self.frame().values[local.index()] = either;
                } else if has_cfg(&it.attrs) {
                    gated.push((local, &it.attrs));
                }
            }
            // `let _: &dyn Send = &future;` is for the compiler alone.
            Pat::Wild(_) => {
                let asserts = matches!(&it.pat, Pat::Type(typed) if matches!(&*typed.ty, Type::Reference(_)));
                self.initializer(&init.expr, if asserts { Use::Consumed } else { Use::Discarded }, span);
            }
            pat => {
                let value = self.initializer(&init.expr, Use::Consumed, span);
                // Where the pattern does not match, nothing is bound.
                if let Some((_, diverge)) = &init.diverge {
                    self.otherwise(&it.pat, value, diverge, span);
                }
                self.destructure(pat, if declared == UNKNOWN { value } else { declared });
            }
        }
    }

    /// The local of that name that is declared where a `let` with these attributes is not: what uses it uses either.
    fn twin(&mut self, name: NameId, attrs: &[Attribute], gated: &[(LocalId, &[Attribute])]) -> Option<LocalId> {
        let Found::Local { frame, local } = self.find(name) else { return None };
        let is_here = frame + 1 == self.frames.len();
        let twin = gated.iter().find(|(it, _)| is_here && *it == local)?;
        are_alternatives(twin.1, attrs).then_some(local)
    }

    /// `x?`: what follows is for what is there.
    pub(super) fn leaves_without(&mut self, value: ValueId, span: Span) {
        let nothing = Condition { value, test: Test::None, holds: true };
        let body = Block::new(vec![Node::Return { span, value: None }]);
        let (conditions, otherwise) = (vec![nothing], vec![nothing.denied()]);
        let arm = Arm { body, span, conditions, otherwise, ..Arm::default() };
        let branch = Branch { kind: BranchKind::If, span, arms: vec![arm], exhaustive: false };
        self.push(Node::Branch(Box::new(branch)));
    }

    /// The `else` of a `let`.
    fn otherwise(&mut self, pat: &Pat, subject: ValueId, diverge: &Expr, span: Span) {
        let (body, _) = self.block(|this| this.expression(diverge, Use::Dropped));
        // `let Some(x) = y else { .. }`: what follows is for what is there.
        let said = if subject == UNKNOWN { None } else { self.said_by(pat, subject) };
        let conditions = said.filter(|_| is_plain(pat)).map(Condition::denied).into_iter().collect();
        let arm = Arm { body, span, conditions, otherwise: said.into_iter().collect(), ..Arm::default() };
        let branch = Branch { kind: BranchKind::If, span, arms: vec![arm], exhaustive: false };
        self.push(Node::Branch(Box::new(branch)));
    }

    fn initializer(&mut self, expr: &Expr, result: Use, span: Span) -> ValueId {
        let nodes = self.frame().nodes.len();
        let before = self.frame().temporaries.len();
        let value = self.expression(expr, result);
        let temporaries = self.frame().temporaries.split_off(before);
        self.wrap(nodes, &temporaries, span);
        if result != Use::Discarded {
            self.moved(expr);
        }
        // `let x = &temporary().field;` keeps the temporary to the end of the block.
        if let Some(base) = extended(expr) {
            let place = self.between(place::start(base), place::end(base));
            let values: Vec<ValueId> = temporaries.iter().filter(|it| it.span == place).map(|it| it.value).collect();
            if !values.is_empty() {
                self.push(Node::Hold { values: values.into(), span: place });
            }
        }
        value
    }

    /// A local given away by value: its old place no longer holds it.
    pub(super) fn moved(&mut self, expr: &Expr) {
        let local = self.local_of(expr);
        self.released(local, expr);
    }

    /// The same, where names of a pattern may hide the local by now.
    pub(super) fn released(&mut self, local: Option<LocalId>, expr: &Expr) {
        if let Some(local) = local {
            let span = self.between(place::start(expr), place::end(expr));
            self.push(Node::Release { local, span });
        }
    }

    /// The local of this function that an expression merely names.
    pub(super) fn local_of(&mut self, expr: &Expr) -> Option<LocalId> {
        let mut at = expr;
        loop {
            at = match at {
                Expr::Paren(it) => &it.expr,
                Expr::Group(it) => &it.expr,
                Expr::Path(it) => {
                    let name = self.ident(it.path.get_ident()?);
                    let innermost = self.frames.len() - 1;
                    return match self.find(name) {
                        Found::Local { frame, local } if frame == innermost => Some(local),
                        _ => None,
                    };
                }
                _ => return None,
            }
        }
    }

    /// Notes a value that is made here and not bound to a name, if that is what the expression makes.
    pub(super) fn temporary(&mut self, expr: &Expr, value: ValueId, is_subject: bool) {
        let mut at = expr;
        loop {
            at = match at {
                Expr::Paren(it) => &it.expr,
                Expr::Group(it) => &it.expr,
                Expr::Call(_) | Expr::MethodCall(_) | Expr::Await(_) | Expr::Try(_) | Expr::Macro(_) => break,
                _ => return,
            }
        }
        if value != UNKNOWN {
            let span = self.between(place::start(at), place::end(at));
            self.frame().temporaries.push(Temporary { value, span, is_subject, local: None });
        }
    }
}

/// `x.collect()`, `x.collect().await`
fn is_collecting(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(it) => it.method == "collect",
        Expr::Await(it) => is_collecting(&it.base),
        _ => false,
    }
}

/// What `&…` in an initializer borrows: the expression below its fields, indices and dereferences.
fn extended(expr: &Expr) -> Option<&Expr> {
    let Expr::Reference(it) = expr else { return None };
    let mut at = &*it.expr;
    loop {
        at = match at {
            Expr::Field(it) => &it.base,
            Expr::Index(it) => &it.expr,
            Expr::Paren(it) => &it.expr,
            Expr::Unary(it) if matches!(it.op, syn::UnOp::Deref(_)) => &it.expr,
            Expr::Reference(it) => &it.expr,
            other => return Some(other),
        }
    }
}
