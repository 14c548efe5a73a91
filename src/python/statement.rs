//! Statements: the tree of scopes, branches and loops.

use ruff_python_ast::{ExceptHandler, Expr, Pattern, Stmt, StmtFor, StmtIf, StmtMatch, StmtTry, StmtWhile, StmtWith};
use ruff_text_size::{Ranged, TextRange};

use crate::model::{
    Arm, Branch, BranchKind, Handler, Implicit, ImplicitKind, Loop, LoopKind, Node, Raise, Scope, ScopeItem, ScopeKind,
    Try, UNKNOWN, Use, Value, ValueId,
};
use crate::source::Span;

use super::condition::literal_truth;
use super::parse::span;
use super::scope::Lowerer;

const RED_ZONE: usize = 128 << 10;
const STACK: usize = 4 << 20;

impl<'a> Lowerer<'a> {
    pub(super) fn statements(&mut self, body: &'a [Stmt]) {
        stacker::maybe_grow(RED_ZONE, STACK, || {
            for stmt in body {
                self.statement(stmt);
            }
        });
    }

    fn statement(&mut self, stmt: &'a Stmt) {
        let whole = span(stmt.range());
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) if self.never_runs => return,
            Stmt::FunctionDef(it) => return self.function_definition(it),
            Stmt::ClassDef(it) => return self.class_definition(it),
            Stmt::If(it) => return self.if_statement(it),
            Stmt::For(it) => return self.for_statement(it),
            Stmt::While(it) => return self.while_statement(it),
            Stmt::With(it) => return self.with_statement(it),
            Stmt::Try(it) => return self.try_statement(it),
            Stmt::Match(it) => return self.match_statement(it),
            _ => {}
        }
        self.model.statements.push(whole);
        match stmt {
            Stmt::Expr(it) if it.value.is_string_literal_expr() => {}
            Stmt::Expr(it) => {
                self.expression(&it.value, Use::Dropped);
                self.exports_called(&it.value);
            }
            Stmt::Assign(it) => {
                // `task = self.task = start()` is kept, whatever becomes of the name.
                let result = match it.targets.as_slice() {
                    [target] => self.use_of_target(target),
                    _ => Use::Stored,
                };
                let value = self.expression(&it.value, result);
                if let [target @ Expr::Name(_)] = it.targets.as_slice() {
                    self.exports(target, &it.value);
                }
                for target in &it.targets {
                    self.assign(target, value);
                }
            }
            Stmt::AnnAssign(it) => {
                let declared = self.annotation(&it.annotation);
                self.attribute_declared(&it.target, declared);
                self.field_annotated(&it.target, &it.annotation);
                if let Some(value) = &it.value {
                    let result = self.use_of_target(&it.target);
                    let value = self.expression(value, result);
                    let is_object = it.value.as_deref().is_some_and(makes_object)
                        && matches!(self.model.value(declared), Value::Instance { .. })
                        && matches!(self.model.value(value), Value::Result(_))
                        && it.target.is_name_expr()
                        && self.frame().classes.is_empty();
                    let known = match declared {
                        UNKNOWN => value,
                        _ if is_object => self.add(Value::Declared(declared, value)),
                        _ => declared,
                    };
                    if known != value {
                        self.attribute_set_as_well(&it.target, value);
                    }
                    self.assign(&it.target, known);
                } else if let Expr::Attribute(_) = &*it.target {
                    self.assign(&it.target, declared);
                } else if let Expr::Name(name) = &*it.target
                    && (!self.frame().classes.is_empty() || self.at_top())
                {
                    self.bind(name.id.as_str(), declared, span(name.range()));
                } else if !it.target.is_name_expr() {
                    self.target_parts(&it.target, false);
                }
            }
            Stmt::AugAssign(it) => {
                let changed = match &*it.target {
                    Expr::Name(name) => {
                        let value = self.read_for(name.id.as_str(), Use::Operand);
                        self.own_local(name.id.as_str()).map(|local| (local, value))
                    }
                    target => {
                        self.attribute_set_as_well(target, UNKNOWN);
                        self.expression(target, Use::Consumed);
                        None
                    }
                };
                self.expression(&it.value, Use::Stored);
                self.set_again(&it.target);
                self.exports_more(&it.target, it.op, &it.value);
                // What it stands for is of the same type, most often, and no longer the same number.
                if let Some((local, value)) = changed {
                    self.push(Node::Bind { local, value, span: whole });
                }
            }
            Stmt::Return(it) => {
                let value = it.value.as_ref().map(|value| self.expression(value, Use::Returned));
                let function = self.function();
                if let Some(value) = value.filter(|_| !self.never_runs) {
                    self.model.function_mut(function).returned.push(value);
                }
                self.push(Node::Return { span: whole, value });
            }
            Stmt::Raise(it) => {
                let value = it.exc.as_ref().map(|value| self.expression(value, Use::Operand));
                if let Some(cause) = &it.cause {
                    self.expression(cause, Use::Consumed);
                }
                let cause = match it.exc.as_deref() {
                    Some(Expr::Name(name)) => {
                        self.own_local(name.id.as_str()).filter(|local| self.frame().caught.contains(local))
                    }
                    _ => None,
                };
                self.push(Node::Raise(Raise { span: whole, value, cause }));
            }
            Stmt::Assert(it) => {
                self.expression(&it.test, Use::Tested);
                self.narrow(&it.test);
                // Only what fails is told of.
                if let Some(message) = &it.msg {
                    let body = self.block(|this| {
                        this.expression(message, Use::Shown);
                    });
                    let at = span(message.range());
                    self.branch(at, vec![Arm { body, span: at, ..Arm::default() }], false);
                }
                // `assert False, "cannot happen"`
                if self.constant(&it.test) == Some(false) {
                    self.push(Node::Raise(Raise { span: whole, value: Some(UNKNOWN), cause: None }));
                }
            }
            Stmt::Delete(it) => {
                for target in &it.targets {
                    match target {
                        Expr::Name(name) => {
                            if let Some(local) = self.own_local(name.id.as_str()) {
                                self.push(Node::Release { local, span: span(name.range()) });
                            }
                        }
                        other => self.target_parts(other, true),
                    }
                }
            }
            Stmt::Import(it) => {
                for alias in &it.names {
                    let dotted = alias.name.as_str();
                    match &alias.asname {
                        Some(name) => {
                            let value = self.imported(0, dotted, None);
                            self.bind(name.as_str(), value, span(name.range()));
                        }
                        None => {
                            let first = dotted.split('.').next().unwrap_or(dotted);
                            let value = self.imported(0, first, None);
                            self.bind(first, value, span(alias.name.range()));
                        }
                    }
                }
            }
            Stmt::ImportFrom(it) => {
                let module = it.module.as_ref().map_or("", |it| it.as_str());
                for alias in &it.names {
                    let name = alias.name.as_str();
                    if name == "*" {
                        self.star_import(it.level, module);
                        continue;
                    }
                    let value = self.imported(it.level, module, Some(name));
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.bind(bound.as_str(), value, span(bound.range()));
                }
            }
            Stmt::TypeAlias(it) => {
                if let Expr::Name(name) = &*it.name {
                    let value = self.annotation(&it.value);
                    let value = self.alias_class(value);
                    self.bind(name.id.as_str(), value, span(name.range()));
                }
            }
            Stmt::Break(_) => self.push(Node::Break { span: whole }),
            Stmt::Continue(_) => self.push(Node::Continue { span: whole }),
            _ => {}
        }
    }

    /// The class value whose instances an alias names, where it names one class.
    fn alias_class(&self, instance: ValueId) -> ValueId {
        match self.model.value(instance) {
            Value::Instance { class, .. } => *class,
            _ => UNKNOWN,
        }
    }

    fn head(&mut self, start: TextRange, end: ruff_text_size::TextSize) -> Span {
        let head = Span::new(start.start().to_u32(), end.to_u32());
        self.model.statements.push(head);
        head
    }

    fn if_statement(&mut self, it: &'a StmtIf) {
        let mut clauses: Vec<(Option<&'a Expr>, &'a [Stmt], TextRange)> = vec![(Some(&it.test), &it.body, it.range())];
        for clause in &it.elif_else_clauses {
            clauses.push((clause.test.as_ref(), &clause.body, clause.range()));
        }
        let exhaustive = clauses.last().is_some_and(|(test, ..)| test.is_none());
        let mut arms = Vec::new();
        let mut denied: Vec<&'a Expr> = Vec::new();
        // One of the tests holds whatever happens; a literal, or what a name of the module is set to.
        let literal = |test: Option<&Expr>| test.map_or(Some(true), literal_truth);
        let falls_through = clauses.iter().all(|(test, ..)| literal(*test) != Some(true));
        let (mut over, mut over_by_literal) = (false, false);
        self.alternatives(clauses, falls_through, |this, (test, body, range)| {
            let constant = test.and_then(|test| this.constant(test));
            let mut said = Arm::default();
            denied.iter().for_each(|test| this.narrow_otherwise(test));
            denied.extend(test);
            let tested = this.block(|this| {
                if let Some(test) = test {
                    this.head(range, test.range().end());
                    this.tested(test);
                    said = this.said(test);
                    this.narrow(test);
                }
            });
            let by_literal = over_by_literal || literal(test) == Some(false);
            let body = match over || constant == Some(false) {
                true => this.never_run(by_literal, |this| this.arm_block(body)),
                false => this.arm_block(body),
            };
            // What it binds is not seen after.
            this.frame().ended |= by_literal;
            over |= constant == Some(true);
            over_by_literal |= literal(test) == Some(true);
            arms.push(Arm { test: tested, constant, body, span: span(range), ..said });
        });
        self.replace_after(&arms);
        let leaves = |arm: &Arm| arm.body.nodes.last().is_some_and(Node::leaves);
        if !exhaustive && arms.iter().all(leaves) {
            denied.iter().for_each(|test| self.narrow_otherwise(test));
        }
        self.push(Node::Branch(Box::new(Branch { kind: BranchKind::If, span: span(it.range()), arms, exhaustive })));
    }

    fn for_statement(&mut self, it: &'a StmtFor) {
        self.head(it.range(), it.iter.range().end());
        let mut iterated = UNKNOWN;
        let head = self.block(|this| {
            iterated = this.expression(&it.iter, if it.is_async { Use::Consumed } else { Use::Operand });
            let kind = if it.is_async { ImplicitKind::AsyncIterate } else { ImplicitKind::Iterate };
            this.push(Node::Implicit(Implicit { kind, value: iterated, span: span(it.iter.range()) }));
        });
        let before = self.frame().current.clone();
        let body = self.block(|this| {
            let element = this.add(Value::Element(iterated));
            this.assign(&it.target, element);
            this.statements(&it.body);
        });
        let after = self.frame().current.clone();
        self.join(before.clone(), vec![before, after]);
        let orelse = self.block(|this| this.statements(&it.orelse));
        let start = it.range().start().to_u32();
        let keyword = Span::new(start, start + if it.is_async { "async for".len() } else { "for".len() } as u32);
        self.push(Node::Loop(Box::new(Loop {
            kind: if it.is_async { LoopKind::AsyncFor } else { LoopKind::For },
            span: span(it.range()),
            keyword,
            head,
            body,
            orelse,
            iterated: Some(iterated),
            conditions: Vec::new(),
        })));
    }

    fn while_statement(&mut self, it: &'a StmtWhile) {
        self.head(it.range(), it.test.range().end());
        let constant = self.constant(&it.test);
        let forever = constant == Some(true);
        let head = self.block(|this| {
            this.tested(&it.test);
        });
        // Of the first turn: without it there is none.
        let conditions = self.said(&it.test).conditions;
        let before = self.frame().current.clone();
        let turn = |this: &mut Self| {
            this.block(|this| {
                this.narrow(&it.test);
                this.statements(&it.body);
            })
        };
        let body = match constant {
            Some(false) => self.never_run(literal_truth(&it.test) == Some(false), turn),
            _ => turn(self),
        };
        let after = self.frame().current.clone();
        self.join(before.clone(), vec![before, after]);
        let orelse = self.block(|this| this.statements(&it.orelse));
        if constant == Some(false) {
            // It has no turns.
            let none = Arm { constant, body, span: span(it.range()), ..Arm::default() };
            self.branch(span(it.range()), vec![none], false);
            self.frame().nodes.extend(orelse.nodes);
            return;
        }
        let start = it.range().start().to_u32();
        self.push(Node::Loop(Box::new(Loop {
            kind: if forever { LoopKind::Forever } else { LoopKind::While },
            span: span(it.range()),
            keyword: Span::new(start, start + "while".len() as u32),
            head,
            body,
            orelse,
            iterated: None,
            conditions,
        })));
    }

    fn with_statement(&mut self, it: &'a StmtWith) {
        let start = it.range();
        if let Some(last) = it.items.last() {
            self.head(start, last.range().end());
        }
        let mut items = Vec::with_capacity(it.items.len());
        for item in &it.items {
            let value = self.expression(&item.context_expr, Use::Entered);
            let mut local = None;
            if let Some(target) = &item.optional_vars {
                let entered = self.add(Value::Entered(value, it.is_async));
                if let Expr::Name(name) = &**target {
                    local = self.own_local(name.id.as_str());
                }
                self.assign(target, entered);
            }
            items.push(ScopeItem { value, local, span: span(item.context_expr.range()), is_subject: true });
        }
        let body = self.block(|this| this.statements(&it.body));
        let keyword_length = if it.is_async { "async with".len() } else { "with".len() } as u32;
        let keyword = Span::new(start.start().to_u32(), start.start().to_u32() + keyword_length);
        let kind = if it.is_async { ScopeKind::AsyncWith } else { ScopeKind::With };
        self.push(Node::Scope(Box::new(Scope { kind, items, body, span: span(start), keyword })));
    }

    fn try_statement(&mut self, it: &'a StmtTry) {
        let before = self.frame().current.clone();
        let body = self.arm_block(&it.body);
        if let Some(Stmt::Return(it)) = it.body.last()
            && let Some(Expr::Attribute(_)) = it.value.as_deref()
            && let Some(asked) = it.value.as_ref().and_then(|it| self.subject(it))
        {
            self.note_asked(asked);
        }
        let body_ended = std::mem::take(&mut self.frame().ended);
        let after_body = self.frame().current.clone();
        let orelse = self.arm_block(&it.orelse);
        let normal_ended = body_ended | std::mem::take(&mut self.frame().ended);
        let after_normal = self.frame().current.clone();
        let mut states = if normal_ended { Vec::new() } else { vec![after_normal] };
        // A handler may start with the state before the body or after it.
        self.join(before.clone(), vec![before.clone(), after_body]);
        let at_handler = self.frame().current.clone();
        let mut handlers = Vec::new();
        for handler in &it.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            self.begin_with(&at_handler);
            let mut catches = Vec::new();
            let mut head_end = handler.range().start() + ruff_text_size::TextSize::from("except".len() as u32);
            if let Some(types) = &handler.type_ {
                head_end = types.range().end();
                let parts: Vec<&'a Expr> = match &**types {
                    Expr::Tuple(it) => it.elts.iter().collect(),
                    one => vec![one],
                };
                for part in parts {
                    let value = self.expression(part, Use::Consumed);
                    catches.push(value);
                }
            }
            let mut local = None;
            if let Some(name) = &handler.name {
                head_end = name.range().end();
                let values =
                    catches.iter().map(|class| self.model.add(Value::Instance { class: *class, args: Box::default() }));
                let values = values.collect();
                let value = self.union(values);
                self.bind(name.as_str(), value, span(name.range()));
                local = self.own_local(name.as_str());
            }
            let head = self.head(handler.range(), head_end);
            self.frame().caught.extend(local);
            let handler_body = self.arm_block(&handler.body);
            if local.is_some() {
                self.frame().caught.pop();
            }
            if !std::mem::take(&mut self.frame().ended) {
                let state = self.frame().current.clone();
                states.push(state);
            }
            handlers.push(Handler {
                span: span(handler.range()),
                head,
                bare: handler.type_.is_none(),
                catches,
                is_star: it.is_star,
                local,
                body: handler_body,
            });
        }
        if states.is_empty() {
            states.push(at_handler);
        }
        self.join(before, states);
        let finally = self.block(|this| this.statements(&it.finalbody));
        self.push(Node::Try(Box::new(Try { span: span(it.range()), body, handlers, orelse, finally })));
    }

    fn match_statement(&mut self, it: &'a StmtMatch) {
        self.head(it.range(), it.subject.range().end());
        let subject = self.expression(&it.subject, Use::Consumed);
        let asked = self.subject(&it.subject);
        let exhaustive = it.cases.last().is_some_and(|case| case.guard.is_none() && is_irrefutable(&case.pattern));
        let mut arms = Vec::new();
        self.alternatives(it.cases.iter().collect(), !exhaustive, |this, case| {
            let test = this.block(|this| {
                this.pattern(&case.pattern, subject);
                this.narrow_to_pattern(&it.subject, &case.pattern);
                if let Some(guard) = &case.guard {
                    this.expression(guard, Use::Tested);
                }
            });
            let said = asked.map(|asked| this.said_by_case(asked, case)).unwrap_or_default();
            let body = this.arm_block(&case.body);
            arms.push(Arm { test, body, span: span(case.range()), ..said });
        });
        let kind = BranchKind::Match;
        self.push(Node::Branch(Box::new(Branch { kind, span: span(it.range()), arms, exhaustive })));
    }

    fn pattern(&mut self, pattern: &'a Pattern, subject: ValueId) {
        match pattern {
            Pattern::MatchValue(it) => {
                self.expression(&it.value, Use::Consumed);
            }
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(it) => it.patterns.iter().for_each(|it| self.pattern(it, UNKNOWN)),
            Pattern::MatchMapping(it) => {
                for key in &it.keys {
                    self.expression(key, Use::Consumed);
                }
                it.patterns.iter().for_each(|it| self.pattern(it, UNKNOWN));
                if let Some(rest) = &it.rest {
                    self.bind(rest.as_str(), UNKNOWN, span(rest.range()));
                }
            }
            Pattern::MatchClass(it) => {
                self.expression(&it.cls, Use::Consumed);
                it.arguments.patterns.iter().for_each(|it| self.pattern(it, UNKNOWN));
                it.arguments.keywords.iter().for_each(|it| self.pattern(&it.pattern, UNKNOWN));
            }
            Pattern::MatchStar(it) => {
                if let Some(name) = &it.name {
                    self.bind(name.as_str(), UNKNOWN, span(name.range()));
                }
            }
            Pattern::MatchAs(it) => {
                let mut value = subject;
                if let Some(inner) = &it.pattern {
                    self.pattern(inner, subject);
                    if let Pattern::MatchClass(class) = &**inner {
                        value = self.annotation(&class.cls);
                    }
                }
                if let Some(name) = &it.name {
                    self.bind(name.as_str(), value, span(name.range()));
                }
            }
            Pattern::MatchOr(it) => it.patterns.iter().for_each(|it| self.pattern(it, subject)),
        }
    }
}

fn is_irrefutable(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::MatchAs(it) => it.pattern.as_deref().is_none_or(is_irrefutable),
        Pattern::MatchOr(it) => it.patterns.iter().any(is_irrefutable),
        _ => false,
    }
}

/// `Class()`, by its name.
fn makes_object(value: &Expr) -> bool {
    let Expr::Call(call) = value else { return false };
    let name = match &*call.func {
        Expr::Name(it) => it.id.as_str(),
        Expr::Attribute(it) => it.attr.as_str(),
        _ => return false,
    };
    name.starts_with(char::is_uppercase)
}
