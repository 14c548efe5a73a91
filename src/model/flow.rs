//! Questions about the control flow of a [`Block`].

use super::{Arm, Block, Branch, Handler, Kinds, Node, Try, ValueId};

/// Whether to go into a node's parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Into,
    Over,
    Stop,
}

/// Visits the nodes of a block in the order they are evaluated, outer before inner. Arms that never run are left out.
/// Nested functions are not entered. Gives `false` if the visitor stopped.
pub fn visit<'a>(block: &'a Block, visitor: &mut dyn FnMut(&'a Node) -> Step) -> bool {
    visit_for(block, Kinds::ALL, visitor)
}

/// As [`visit`], but only nodes of some kinds are visited, and those around them.
pub fn visit_for<'a>(block: &'a Block, kinds: Kinds, visitor: &mut dyn FnMut(&'a Node) -> Step) -> bool {
    if !block.kinds().meet(kinds) {
        return true;
    }
    for node in &block.nodes {
        if kinds != Kinds::ALL && !node.kinds().meet(kinds) {
            continue;
        }
        match visitor(node) {
            Step::Stop => return false,
            Step::Over => continue,
            Step::Into => {}
        }
        // Chains of conditions nest as deep as they are long.
        let mut inner = |part| stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || visit_for(part, kinds, visitor));
        if node.has_parts() && !parts(node).all(&mut inner) {
            return false;
        }
    }
    true
}

impl Node {
    /// Nothing that stands after it in its block runs.
    pub const fn leaves(&self) -> bool {
        matches!(self, Self::Return { .. } | Self::Raise(_) | Self::Break { .. } | Self::Continue { .. })
    }

    /// There are blocks directly inside.
    pub fn has_parts(&self) -> bool {
        matches!(self, Self::Scope(_) | Self::Try(_) | Self::Branch(_) | Self::Loop(_) | Self::Block(_))
    }
}

/// The blocks directly inside a node, in order of evaluation; arms known never to run are left out.
pub fn parts(node: &Node) -> Parts<'_> {
    Parts { node, next: 0 }
}

/// Goes through the blocks directly inside a node.
pub struct Parts<'a> {
    node: &'a Node,
    next: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a Block;

    fn next(&mut self) -> Option<&'a Block> {
        loop {
            let at = self.next;
            self.next += 1;
            return match self.node {
                Node::Scope(it) => (at == 0).then_some(&it.body),
                Node::Try(it) => match at.checked_sub(1) {
                    None => Some(&it.body),
                    Some(after) if after < it.handlers.len() => Some(&it.handlers[after].body),
                    Some(after) => [&it.orelse, &it.finally].get(after - it.handlers.len()).copied(),
                },
                Node::Branch(it) => {
                    let arm = it.arms.get(at / 2)?;
                    if at.is_multiple_of(2) {
                        // What comes before is known always to run.
                        let over = at > 0 && it.arms[at / 2 - 1].constant == Some(true);
                        (!over).then_some(&arm.test)
                    } else if arm.constant == Some(false) {
                        continue;
                    } else {
                        Some(&arm.body)
                    }
                }
                Node::Loop(it) => [&it.head, &it.body, &it.orelse].get(at).copied(),
                Node::Block(it) => (at == 0).then_some(it),
                _ => None,
            };
        }
    }
}

/// The first node, in order of evaluation, of which `is` holds.
pub fn find<'a>(block: &'a Block, is: &mut dyn FnMut(&'a Node) -> bool) -> Option<&'a Node> {
    let mut found = None;
    visit(block, &mut |node| {
        if is(node) {
            found = Some(node);
            Step::Stop
        } else {
            Step::Into
        }
    });
    found
}

/// The loop may give others a turn somewhere inside: an `await`, `async for`, `async with`, or a `yield`.
pub fn suspends(block: &Block) -> bool {
    // Arms that never run are known to the search alone.
    block.kinds().meet(Kinds::SUSPENSIONS) && find(block, &mut is_suspension).is_some()
}

/// A node at which an async function may be suspended, and so cancelled.
pub fn is_suspension(node: &Node) -> bool {
    match node {
        Node::Await(_) => true,
        Node::Scope(it) => it.kind == super::ScopeKind::AsyncWith,
        Node::Loop(it) => matches!(it.kind, super::LoopKind::AsyncFor | super::LoopKind::AsyncComprehension),
        Node::Branch(it) => it.kind == super::BranchKind::Select,
        _ => false,
    }
}

/// How a block can be left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exits {
    /// Its end is reached.
    pub falls: bool,
    pub returns: bool,
    pub breaks: bool,
    pub continues: bool,
    /// An exception leaves it: what `raise` in it does, as far as it is not caught inside.
    pub raises: bool,
}

impl Exits {
    const FALLS: Self = Self { falls: true, returns: false, breaks: false, continues: false, raises: false };
    const NEVER: Self = Self { falls: false, returns: false, breaks: false, continues: false, raises: false };

    fn or(self, other: Self) -> Self {
        Self {
            falls: self.falls | other.falls,
            returns: self.returns | other.returns,
            breaks: self.breaks | other.breaks,
            continues: self.continues | other.continues,
            raises: self.raises | other.raises,
        }
    }

    /// What happens in `self`, and then, where its end is reached, in `next`.
    fn then(self, next: Self) -> Self {
        if !self.falls {
            return self;
        }
        Self { falls: false, ..self }.or(next)
    }

    /// Every path leaves the function: what is left by `break` may be a block around.
    pub fn leaves_function(self) -> bool {
        !self.falls && !self.breaks && !self.continues
    }

    /// Some path leaves other than by raising.
    pub fn survives(self) -> bool {
        self.falls | self.returns | self.breaks | self.continues
    }
}

/// How a block can be left, given which nodes never return (`sys.exit()`, a helper that always raises).
pub fn exits(block: &Block, never_returns: &dyn Fn(&Node) -> bool) -> Exits {
    exits_where(block, &Known { never_returns, decided: &|arm| arm.constant })
}

/// What is known of a block beside what stands in it.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub never_returns: &'a dyn Fn(&Node) -> bool,
    /// Whether an arm runs once its test is reached.
    pub decided: &'a dyn Fn(&Arm) -> Option<bool>,
}

/// The same where more is known of it.
pub fn exits_where(block: &Block, known: &Known<'_>) -> Exits {
    let mut all = Exits::FALLS;
    for node in &block.nodes {
        if !all.falls {
            break;
        }
        all = all.then(exits_of_node(node, known));
    }
    all
}

/// How one node can be left.
pub fn exits_of(node: &Node, never_returns: &dyn Fn(&Node) -> bool) -> Exits {
    exits_of_node(node, &Known { never_returns, decided: &|arm| arm.constant })
}

fn exits_of_node(node: &Node, known: &Known<'_>) -> Exits {
    if (known.never_returns)(node) {
        return Exits { raises: true, ..Exits::NEVER };
    }
    match node {
        Node::Return { .. } => Exits { returns: true, ..Exits::NEVER },
        Node::Raise(_) => Exits { raises: true, ..Exits::NEVER },
        Node::Break { .. } => Exits { breaks: true, ..Exits::NEVER },
        Node::Continue { .. } => Exits { continues: true, ..Exits::NEVER },
        Node::Scope(it) => exits_where(&it.body, known),
        Node::Block(it) => exits_where(it, known),
        Node::Branch(it) => branch(it, known),
        Node::Loop(it) => {
            let head = exits_where(&it.head, known);
            let body = exits_where(&it.body, known);
            let forever = it.kind == super::LoopKind::Forever;
            let orelse = exits_where(&it.orelse, known);
            let left = Exits { falls: body.breaks, breaks: false, continues: false, ..body };
            let ended = if forever { Exits::NEVER } else { orelse };
            head.then(left.or(ended))
        }
        Node::Try(it) => tried(it, known),
        _ => Exits::FALLS,
    }
}

fn branch(it: &Branch, known: &Known<'_>) -> Exits {
    let mut all = Exits::NEVER;
    let mut tests = Exits::FALLS;
    for arm in &it.arms {
        let decided = (known.decided)(arm);
        tests = tests.then(exits_where(&arm.test, known));
        if decided != Some(false) {
            all = all.or(tests.then(exits_where(&arm.body, known)));
        }
        if decided == Some(true) {
            return all;
        }
    }
    if it.exhaustive { all } else { all.or(tests) }
}

fn tried(it: &Try, known: &Known<'_>) -> Exits {
    let body = exits_where(&it.body, known).then(exits_where(&it.orelse, known));
    let mut all = body;
    let catches_everything = it.handlers.iter().any(|handler| handler.bare);
    if catches_everything {
        all.raises = false;
    }
    for Handler { body, .. } in &it.handlers {
        all = all.or(exits_where(body, known));
    }
    let finally = exits_where(&it.finally, known);
    if finally.falls { Exits { falls: all.falls, ..all.or(Exits { falls: false, ..finally }) } } else { finally }
}

/// Values that the block's own returns give.
pub fn returned(block: &Block) -> Vec<Option<ValueId>> {
    let mut values = Vec::new();
    visit(block, &mut |node| {
        if let Node::Return { value, .. } = node {
            values.push(*value);
        }
        Step::Into
    });
    values
}
