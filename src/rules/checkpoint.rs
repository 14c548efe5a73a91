//! Ways through a block that never wait.

use super::Context;
use super::swallowed_cancellation::never_returns;
use super::task_group::{deeper, role};
use crate::knowledge::ScopeRole;
use crate::model::{Arm, Block, Branch, BranchKind, Loop, LoopKind, Node, Scope, ScopeKind, Try, Value, flow};
use crate::project::types::Ty;
use crate::source::Span;

/// How a place is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Way {
    Never,
    /// Only past a checkpoint.
    Waited,
    /// Perhaps past none.
    Bare,
}

/// How a block is left, and where it is left without having waited.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub falls: Way,
    pub returns: Way,
    breaks: Way,
    pub continues: Way,
    /// The first `return` reached without a checkpoint.
    pub bare_return: Option<Span>,
}

impl Ways {
    fn falling(way: Way) -> Self {
        Self { falls: way, returns: Way::Never, breaks: Way::Never, continues: Way::Never, bare_return: None }
    }

    /// The worst of both.
    fn or(self, other: Self) -> Self {
        Self {
            falls: self.falls.max(other.falls),
            returns: self.returns.max(other.returns),
            breaks: self.breaks.max(other.breaks),
            continues: self.continues.max(other.continues),
            bare_return: self.bare_return.or(other.bare_return),
        }
    }

    /// After `self`, where its end is reached, comes `next`.
    fn then(self, next: impl FnOnce(Way) -> Self) -> Self {
        if self.falls == Way::Never {
            return self;
        }
        let next = next(self.falls);
        Self { falls: next.falls, ..Self { falls: Way::Never, ..self }.or(next) }
    }

    /// Something is waited for on whatever way the block is left.
    fn waited(self) -> Self {
        let waited = |way: Way| way.min(Way::Waited);
        Self {
            falls: waited(self.falls),
            returns: waited(self.returns),
            breaks: waited(self.breaks),
            continues: waited(self.continues),
            bare_return: None,
        }
    }

    /// What comes after the block is reached without a checkpoint. An early `return` has nothing to wait for.
    pub(super) fn goes_on_bare(&self) -> bool {
        [self.falls, self.breaks, self.continues].contains(&Way::Bare)
    }
}

/// The block waits for something, or hands control to who iterates over it.
pub(super) fn waits(context: &Context<'_>, block: &Block) -> bool {
    flow::find(block, &mut |node| matches!(node, Node::Yield(_)) || is_checkpoint(context, node)).is_some()
}

fn is_checkpoint(context: &Context<'_>, node: &Node) -> bool {
    match node {
        Node::Scope(scope) => scope.kind == ScopeKind::AsyncWith && !is_only_timeout(context, scope),
        other => flow::is_suspension(other),
    }
}

/// Entering and leaving a timeout or cancel scope waits for nothing.
pub(super) fn is_only_timeout(context: &Context<'_>, scope: &Scope) -> bool {
    let plain = |role| matches!(role, Some(ScopeRole::Timeout | ScopeRole::CancelScope));
    scope.items.iter().all(|item| plain(role(context, item)))
}

/// What is taken to happen, of what can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Care {
    /// A loop runs at least once, and an exception comes from where something is waited for.
    Usual,
    /// A loop may have nothing to run for, and an exception may come before anything was waited for.
    Strict,
}

/// How the block is left when its start is reached by `way`. A `yield` waits, for whoever iterates may.
pub(super) fn ways(context: &Context<'_>, block: &Block, way: Way, care: Care) -> Ways {
    Walk { context, care, is_generator: false, bare_yields: Vec::new() }.block(block, way)
}

/// One walk through a function.
pub(super) struct Walk<'c, 'p> {
    context: &'c Context<'p>,
    care: Care,
    /// What comes after a `yield` has not waited since.
    is_generator: bool,
    /// The `yield`s that nothing was waited for before.
    pub bare_yields: Vec<Span>,
}

impl<'c, 'p> Walk<'c, 'p> {
    /// For a function's whole body.
    pub(super) fn new(context: &'c Context<'p>, is_generator: bool) -> Self {
        Self { context, care: Care::Strict, is_generator, bare_yields: Vec::new() }
    }

    pub(super) fn block(&mut self, block: &Block, way: Way) -> Ways {
        let mut all = Ways::falling(way);
        for node in &block.nodes {
            if all.falls == Way::Never {
                break;
            }
            all = all.then(|way| deeper(|| self.node(node, way)));
        }
        all
    }

    fn node(&mut self, node: &Node, way: Way) -> Ways {
        let never = || Ways::falling(Way::Never);
        match node {
            Node::Await(_) => Ways::falling(Way::Waited),
            Node::Yield(it) if self.is_generator => {
                if way == Way::Bare {
                    self.bare_yields.push(it.span);
                }
                Ways::falling(Way::Bare)
            }
            Node::Yield(_) => Ways::falling(Way::Waited),
            Node::Return { span, .. } => {
                Ways { returns: way, bare_return: (way == Way::Bare).then_some(*span), ..never() }
            }
            Node::Raise(_) => never(),
            Node::Break { .. } => Ways { breaks: way, ..never() },
            Node::Continue { .. } => Ways { continues: way, ..never() },
            Node::Scope(it) => self.scope(it, way),
            Node::Block(it) => self.block(it, way),
            Node::Branch(it) => self.branch(it, way),
            Node::Loop(it) => self.turns(it, way),
            Node::Try(it) => self.tried(it, way),
            Node::Call(_) if never_returns(self.context, node) => never(),
            _ => Ways::falling(way),
        }
    }

    fn scope(&mut self, it: &Scope, way: Way) -> Ways {
        let enters = it.kind == ScopeKind::AsyncWith && !is_only_timeout(self.context, it);
        let mut inner = self.block(&it.body, if enters { Way::Waited } else { way });
        let suppresses = |item| role(self.context, item) == Some(ScopeRole::Suppress);
        if self.care == Care::Strict && it.items.iter().any(suppresses) {
            inner.falls = inner.falls.max(self.raised(&it.body, way));
        }
        // Left by whatever way, the exit has waited as well.
        if enters { inner.waited() } else { inner }
    }

    fn branch(&mut self, it: &Branch, way: Way) -> Ways {
        let start = if it.kind == BranchKind::Select { Way::Waited } else { way };
        let mut all = Ways::falling(Way::Never);
        let mut tests = Ways::falling(start);
        for Arm { test, body, constant, .. } in &it.arms {
            tests = tests.then(|way| self.block(test, way));
            if *constant != Some(false) {
                all = all.or(tests.clone().then(|way| self.block(body, way)));
            }
            if *constant == Some(true) {
                return all;
            }
        }
        if it.exhaustive { all } else { all.or(tests) }
    }

    fn turns(&mut self, it: &Loop, way: Way) -> Ways {
        let waits_each = matches!(it.kind, LoopKind::AsyncFor | LoopKind::AsyncComprehension);
        let head = self.block(&it.head, way);
        if head.falls == Way::Never {
            return head;
        }
        let first = if waits_each { Way::Waited } else { head.falls };
        let mut turn = self.block(&it.body, first);
        // How the next turn is reached, or the end.
        let mut next = turn.falls.max(turn.continues);
        if matches!(it.kind, LoopKind::While) && next != Way::Never {
            next = self.block(&it.head, next).falls;
        }
        if waits_each {
            next = Way::Waited;
        } else if next > first {
            turn = turn.or(self.block(&it.body, next));
        }
        let ended = match it.kind {
            LoopKind::Forever => Way::Never,
            _ if self.care == Care::Strict && !waits_each && !runs(self.context, it) => first.max(next),
            _ => next,
        };
        let ended = Ways::falling(ended).then(|way| self.block(&it.orelse, way));
        let left = Ways { falls: turn.breaks, breaks: Way::Never, continues: Way::Never, ..turn };
        left.or(ended)
    }

    fn tried(&mut self, it: &Try, way: Way) -> Ways {
        let mut all = self.block(&it.body, way).then(|way| self.block(&it.orelse, way));
        let raised = self.raised(&it.body, way);
        for handler in &it.handlers {
            all = all.or(self.block(&handler.body, raised));
        }
        let start = all.falls.max(raised);
        let finally = self.block(&it.finally, start);
        match finally.falls {
            Way::Never => finally,
            // It runs on every way out.
            Way::Waited if start == Way::Bare => {
                let waited = all.waited();
                Ways { returns: waited.returns.max(finally.returns), bare_return: finally.bare_return, ..waited }
            }
            Way::Bare if start == Way::Waited && all.falls != Way::Never => Ways { falls: Way::Bare, ..all },
            _ => all,
        }
    }

    /// How an exception out of the block is reached.
    fn raised(&self, block: &Block, way: Way) -> Way {
        match self.care {
            Care::Usual if waits(self.context, block) => Way::Waited,
            Care::Strict if self.is_generator && has_yield(block) => Way::Bare,
            _ => way,
        }
    }
}

fn has_yield(block: &Block) -> bool {
    flow::find(block, &mut |node| matches!(node, Node::Yield(_))).is_some()
}

/// The loop is known to run at least once: over some elements written out, or a `range` that has some.
fn runs(context: &Context<'_>, it: &Loop) -> bool {
    let model = context.model();
    match it.iterated.map(|value| model.value(value)) {
        // A parameter `*values` is a collection as well, and may be empty.
        Some(Value::Tuple(parts) | Value::Collection(_, parts)) => !parts.is_empty() && is_written_out(context, it),
        Some(Value::Result(call)) => {
            let call = model.call(*call);
            let numbers: Option<Vec<i64>> = call
                .args
                .iter()
                .map(|arg| match model.value(arg.value) {
                    Value::Int(number) => Some(*number),
                    _ => None,
                })
                .collect();
            let is_range = matches!(context.evaluate(call.callee), Ty::External(path) if &*path == "builtins.range");
            is_range
                && match numbers.as_deref() {
                    Some([end]) => *end > 0,
                    Some([start, end]) => start < end,
                    Some([start, end, step]) => {
                        if *step > 0 {
                            start < end
                        } else {
                            start > end
                        }
                    }
                    _ => false,
                }
        }
        _ => false,
    }
}

fn is_written_out(context: &Context<'_>, it: &Loop) -> bool {
    let text = context.text(Span::new(it.keyword.start, it.span.end));
    text.split_once(" in ").is_some_and(|(_, iterated)| iterated.trim_start().starts_with(['[', '(', '{']))
}
