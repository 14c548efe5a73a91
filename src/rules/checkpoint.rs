//! Ways through a block that never wait.

use super::Context;
use super::task_group::role;
use crate::knowledge::ScopeRole;
use crate::model::{Arm, Block, Branch, BranchKind, Loop, LoopKind, Node, Scope, ScopeKind, Try, flow};
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

/// How the block is left when its start is reached by `way`. A loop is taken to run at least once, and an exception to
/// come from where something is waited for.
pub(super) fn ways(context: &Context<'_>, block: &Block, way: Way) -> Ways {
    let mut all = Ways::falling(way);
    for node in &block.nodes {
        if all.falls == Way::Never {
            break;
        }
        all = all.then(|way| of_node(context, node, way));
    }
    all
}

/// How a node is left when it is reached by `way`.
pub(super) fn of_node(context: &Context<'_>, node: &Node, way: Way) -> Ways {
    let never = || Ways::falling(Way::Never);
    match node {
        Node::Await(_) | Node::Yield(_) => Ways::falling(Way::Waited),
        Node::Return { span, .. } => Ways { returns: way, bare_return: (way == Way::Bare).then_some(*span), ..never() },
        Node::Raise(_) => never(),
        Node::Break { .. } => Ways { breaks: way, ..never() },
        Node::Continue { .. } => Ways { continues: way, ..never() },
        Node::Scope(it) if it.kind == ScopeKind::AsyncWith && !is_only_timeout(context, it) => {
            let mut inner = ways(context, &it.body, Way::Waited);
            // Left by whatever way, the exit has waited as well.
            inner.bare_return = None;
            inner
        }
        Node::Scope(it) => ways(context, &it.body, way),
        Node::Block(it) => ways(context, it, way),
        Node::Branch(it) => of_branch(context, it, way),
        Node::Loop(it) => of_loop(context, it, way),
        Node::Try(it) => of_try(context, it, way),
        Node::Call(id) if context.project.api_of(context.file, *id).is_some_and(|api| api.never_returns) => never(),
        _ => Ways::falling(way),
    }
}

fn of_branch(context: &Context<'_>, it: &Branch, way: Way) -> Ways {
    let start = if it.kind == BranchKind::Select { Way::Waited } else { way };
    let mut all = Ways::falling(Way::Never);
    let mut tests = Ways::falling(start);
    for Arm { test, body, constant, .. } in &it.arms {
        tests = tests.then(|way| ways(context, test, way));
        if *constant != Some(false) {
            all = all.or(tests.clone().then(|way| ways(context, body, way)));
        }
        if *constant == Some(true) {
            return all;
        }
    }
    if it.exhaustive { all } else { all.or(tests) }
}

fn of_loop(context: &Context<'_>, it: &Loop, way: Way) -> Ways {
    let start = match it.kind {
        LoopKind::AsyncFor | LoopKind::AsyncComprehension => Way::Waited,
        _ => way,
    };
    let turn = ways(context, &it.head, start).then(|way| ways(context, &it.body, way));
    let ended = match it.kind {
        LoopKind::Forever => Way::Never,
        _ => turn.falls.max(turn.continues),
    };
    let ended = Ways::falling(ended).then(|way| ways(context, &it.orelse, way));
    let left = Ways { falls: turn.breaks, breaks: Way::Never, continues: Way::Never, ..turn };
    left.or(ended)
}

fn of_try(context: &Context<'_>, it: &Try, way: Way) -> Ways {
    let mut all = ways(context, &it.body, way).then(|way| ways(context, &it.orelse, way));
    let raised = if waits(context, &it.body) { Way::Waited } else { way };
    for handler in &it.handlers {
        all = all.or(ways(context, &handler.body, raised));
    }
    let finally = ways(context, &it.finally, way);
    if finally.falls == Way::Never {
        return finally;
    }
    if finally.falls == Way::Waited && way == Way::Bare {
        // It runs on every way out.
        let waited = |way: Way| way.min(Way::Waited);
        return Ways {
            falls: waited(all.falls),
            returns: waited(all.returns).max(finally.returns),
            breaks: waited(all.breaks),
            continues: waited(all.continues),
            bare_return: finally.bare_return,
        };
    }
    all
}
