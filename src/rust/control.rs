//! Branches, loops and blocks.

use syn::{Expr, ExprForLoop, ExprIf, ExprLoop, ExprMatch, ExprWhile, Pat};

use crate::model::{
    Arm, Block, Branch, BranchKind, Condition, Implicit, ImplicitKind, Loop, LoopKind, Node, Test, UNKNOWN, Use, Value,
    ValueId,
};
use crate::source::{Edition, Span};

use super::condition::{is_decided, is_plain};
use super::pattern;
use super::place;
use super::platform;
use super::scope::{Broken, Lowerer};

impl Lowerer<'_> {
    pub(super) fn block_expression(&mut self, block: &syn::Block, result: Use) -> ValueId {
        // Before edition 2024 the temporaries of a block's last expression outlive the block.
        let tail_ends = self.edition >= Edition::E2024;
        let (body, value) = self.block(|this| this.statements_to(&block.stmts, result, tail_ends));
        if !body.nodes.is_empty() {
            self.push(Node::Block(Box::new(body)));
        }
        value.unwrap_or(UNKNOWN)
    }

    pub(super) fn if_expression(&mut self, it: &ExprIf, result: Use) -> ValueId {
        let span = self.between(it.if_token.span, it.then_branch.brace_token.span.close());
        let nodes = self.frame().nodes.len();
        // Before edition 2024 the temporaries of `if let` live through the `else`, too. The subject itself holds nothing
        // there: the guard that it may be is what the pattern has not matched.
        let through_else = self.edition < Edition::E2024 && it.else_branch.is_some();
        let (body, (test, value, conditions, outliving)) = self.block(|this| {
            let (test, temporaries, conditions) = this.condition(&it.cond);
            let (body, value) = this.block(|this| this.statements(&it.then_branch.stmts, result));
            let (outliving, temporaries): (Vec<_>, Vec<_>) =
                temporaries.into_iter().partition(|it| through_else && !it.is_subject);
            let body = this.held(&temporaries, body, span);
            this.frame().nodes.extend(body.nodes);
            (test, value, conditions, outliving)
        });
        let constant = platform::constant(&it.cond, self.built());
        let decides = conditions.len() == 1 && is_decided(&it.cond);
        let otherwise = if decides { conditions.iter().map(|it| it.denied()).collect() } else { Vec::new() };
        let mut arms = vec![Arm { test, conditions, otherwise, body, constant, span, ..Arm::default() }];
        let mut values: Vec<ValueId> = value.into_iter().collect();
        let exhaustive = it.else_branch.is_some();
        if let Some((_, branch)) = &it.else_branch {
            let (body, value) = self.block(|this| {
                // What the pattern takes whenever it is there is not there.
                if let Expr::Let(it) = &*it.cond
                    && pattern::takes_any(&it.pat)
                {
                    this.moved(&it.expr);
                }
                match &**branch {
                    Expr::Block(block) => this.statements(&block.block.stmts, result),
                    other => Some(this.expression(other, result)),
                }
            });
            values.extend(value);
            let span = self.between(place::start(branch), place::end(branch));
            arms.push(Arm { body, span, ..Arm::default() });
        }
        self.push(Node::Branch(Box::new(Branch { kind: BranchKind::If, span, arms, exhaustive })));
        self.wrap(nodes, &outliving, span);
        if exhaustive { self.union(values) } else { UNKNOWN }
    }

    pub(super) fn match_expression(&mut self, it: &ExprMatch, result: Use) -> ValueId {
        let span = self.between(it.match_token.span, it.brace_token.span.close());
        let head = self.between(it.match_token.span, place::end(&it.expr));
        self.model.statements.push(head);
        let nodes = self.frame().nodes.len();
        let before = self.frame().temporaries.len();
        let subject = self.expression(&it.expr, Use::Consumed);
        self.temporary(&it.expr, subject, true);
        let temporaries = self.frame().temporaries.split_off(before);
        // The subject is something in the arms alone whose pattern it may match with something in it.
        let (subjects, temporaries): (Vec<_>, Vec<_>) = temporaries.into_iter().partition(|it| it.is_subject);
        let built = self.built();
        let local = self.local_of(&it.expr);
        let mut may_be_there = true;
        let asked = self.looked_at(&it.expr, subject);
        let mut values = Vec::new();
        let mut arms = Vec::new();
        for arm in it.arms.iter().filter(|it| !platform::is_left_out(&it.attrs, built)) {
            let (body, test) = self.block(|this| {
                this.destructure(&arm.pat, subject);
                let is_there = may_be_there && !pattern::is_nothing(&arm.pat);
                if !is_there || pattern::moves(&arm.pat) {
                    this.released(local, &it.expr);
                }
                let subjects = if is_there { this.taken(&subjects, &arm.pat) } else { Vec::new() };
                let mut test = Block::default();
                if let Pat::Guard(guard) = &arm.pat {
                    test = this.condition(&guard.guard).0;
                    test = this.held(&subjects, test, span);
                }
                let from = this.frame().nodes.len();
                values.push(this.statement_scope(span, |this| this.expression(&arm.body, result)));
                if result != Use::Dropped {
                    this.moved(&arm.body);
                }
                this.wrap(from, &subjects, span);
                test
            });
            may_be_there &= !pattern::takes_any(&arm.pat);
            let span = self.between(place::pattern(&arm.pat), place::end(&arm.body));
            let said = self.said_by(&arm.pat, asked);
            let otherwise = said.filter(|_| is_plain(&arm.pat)).map(Condition::denied).into_iter().collect();
            let conditions = said.into_iter().collect();
            arms.push(Arm { test, conditions, otherwise, body, span, ..Arm::default() });
        }
        self.push(Node::Branch(Box::new(Branch { kind: BranchKind::Match, span, arms, exhaustive: true })));
        self.wrap(nodes, &temporaries, span);
        values.retain(|it| *it != UNKNOWN);
        self.union(values)
    }

    pub(super) fn while_loop(&mut self, it: &ExprWhile) -> ValueId {
        let span = self.between(it.while_token.span, it.body.brace_token.span.close());
        let keyword = self.span(it.while_token.span);
        let forever = matches!(&*it.cond, Expr::Lit(syn::ExprLit { lit: syn::Lit::Bool(it), .. }) if it.value);
        let (body, (head, conditions)) = self.block(|this| {
            let (head, temporaries, mut said) = this.condition(&it.cond);
            // A number that is counted down, it is zero that it begins with or not.
            for it in said.iter_mut().filter(|it| it.test == Test::Exceeds(0)) {
                it.test = Test::Truth;
            }
            let (body, _) = this.block(|this| this.statements(&it.body.stmts, Use::Dropped));
            let body = this.held(&temporaries, body, span);
            this.frame().nodes.extend(body.nodes);
            (head, said)
        });
        let kind = if forever { LoopKind::Forever } else { LoopKind::While };
        self.looped((kind, conditions), (span, keyword), head, body, None)
    }

    pub(super) fn for_loop(&mut self, it: &ExprForLoop) -> ValueId {
        let span = self.between(it.for_token.span, it.body.brace_token.span.close());
        let keyword = self.span(it.for_token.span);
        let nodes = self.frame().nodes.len();
        let before = self.frame().temporaries.len();
        let head_span = self.between(it.for_token.span, place::end(&it.expr));
        self.model.statements.push(head_span);
        let (head, iterated) = self.block(|this| {
            let iterated = this.expression(&it.expr, Use::Consumed);
            let at = this.between(place::start(&it.expr), place::end(&it.expr));
            this.push(Node::Implicit(Implicit { kind: ImplicitKind::Iterate, value: iterated, span: at }));
            iterated
        });
        // The iterator itself lives as long as the loop.
        self.temporary(&it.expr, iterated, true);
        let temporaries = self.frame().temporaries.split_off(before);
        self.moved(&it.expr);
        let (body, ()) = self.block(|this| {
            let element = this.derived(iterated, Value::Element);
            this.destructure(&it.pat, element);
            this.statements(&it.body.stmts, Use::Dropped);
        });
        let conditions = self.counts_to(&it.expr).into_iter().collect();
        self.looped((LoopKind::For, conditions), (span, keyword), head, body, Some(iterated));
        self.wrap(nodes, &temporaries, span);
        UNKNOWN
    }

    /// `0..n`: what it counts to is not zero where there is a turn.
    fn counts_to(&mut self, expr: &Expr) -> Option<Condition> {
        let Expr::Range(it) = expr else {
            let Expr::Paren(it) = expr else { return None };
            return self.counts_to(&it.expr);
        };
        let Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(from), .. }) = &**it.start.as_ref()? else { return None };
        let least = u64::from(matches!(it.limits, syn::RangeLimits::Closed(_)));
        if from.base10_parse::<u64>().ok()? < least {
            return None;
        }
        let value = match &**it.end.as_ref()? {
            Expr::Lit(it) => self.literal(&it.lit),
            end => self.looked_at(end, UNKNOWN),
        };
        (value != UNKNOWN).then_some(Condition { value, test: Test::Truth, holds: true })
    }

    pub(super) fn endless_loop(&mut self, it: &ExprLoop) -> ValueId {
        let span = self.between(it.loop_token.span, it.body.brace_token.span.close());
        let keyword = self.span(it.loop_token.span);
        let label = it.label.as_ref().map(|it| it.name.ident.clone());
        self.frame().loops.push(Broken { label, values: Vec::new() });
        let (body, _) = self.block(|this| this.statements(&it.body.stmts, Use::Dropped));
        let mut values = self.frame().loops.pop().map_or_else(Vec::new, |it| it.values);
        self.looped((LoopKind::Forever, Vec::new()), (span, keyword), Block::default(), body, None);
        values.retain(|it| *it != UNKNOWN);
        self.union(values)
    }

    /// `break value`, which leaves the innermost `loop`, or the one of that name.
    pub(super) fn broken_with(&mut self, label: Option<&syn::Lifetime>, value: ValueId) {
        let is_left = |it: &&mut Broken| label.is_none_or(|label| it.label.as_ref() == Some(&label.ident));
        if let Some(left) = self.frame().loops.iter_mut().rev().find(is_left) {
            left.values.push(value);
        }
    }

    fn looped(
        &mut self,
        (kind, conditions): (LoopKind, Vec<Condition>),
        (span, keyword): (Span, Span),
        head: Block,
        body: Block,
        iterated: Option<ValueId>,
    ) -> ValueId {
        let orelse = Block::default();
        self.push(Node::Loop(Box::new(Loop { kind, span, keyword, head, body, orelse, iterated, conditions })));
        UNKNOWN
    }
}
