//! Which kinds of nodes a block holds, so that what looks for some need not go through the others.

use super::{Block, BranchKind, ImplicitKind, LoopKind, Node, ScopeKind};

/// Kinds of nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds(u16);

impl Kinds {
    pub const CALL: Self = Self(1);
    pub const AWAIT: Self = Self(1 << 1);
    pub const YIELD: Self = Self(1 << 2);
    pub const RAISE: Self = Self(1 << 3);
    pub const BIND: Self = Self(1 << 4);
    pub const WITH: Self = Self(1 << 5);
    pub const ASYNC_WITH: Self = Self(1 << 6);
    pub const TRY: Self = Self(1 << 7);
    pub const LOOP: Self = Self(1 << 8);
    pub const ASYNC_LOOP: Self = Self(1 << 9);
    pub const SELECT: Self = Self(1 << 10);
    /// [`ImplicitKind::Iterate`]
    pub const ITERATE: Self = Self(1 << 11);
    /// [`ImplicitKind::Drop`]
    pub const DROP: Self = Self(1 << 12);
    /// Whatever there is.
    pub const ALL: Self = Self(u16::MAX);
    /// All that nobody looks for by itself.
    const OTHER: Self = Self(1 << 13);

    /// Python's `with`, of both sorts.
    pub const SCOPES: Self = Self::WITH.and(Self::ASYNC_WITH);
    /// At each of these an async function may be suspended.
    pub const SUSPENSIONS: Self = Self::AWAIT.and(Self::ASYNC_WITH).and(Self::ASYNC_LOOP).and(Self::SELECT);

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Some kind is in both.
    pub const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Node {
    /// Its own kind, and those of all nodes inside.
    pub fn kinds(&self) -> Kinds {
        match self {
            Self::Call(_) => Kinds::CALL,
            Self::Await(_) => Kinds::AWAIT,
            Self::Yield(_) => Kinds::YIELD,
            Self::Raise(_) => Kinds::RAISE,
            Self::Bind { .. } => Kinds::BIND,
            Self::Implicit(it) => match it.kind {
                ImplicitKind::Iterate => Kinds::ITERATE,
                ImplicitKind::Drop => Kinds::DROP,
                _ => Kinds::OTHER,
            },
            Self::Scope(it) => it.body.kinds().and(match it.kind {
                ScopeKind::With => Kinds::WITH,
                ScopeKind::AsyncWith => Kinds::ASYNC_WITH,
                ScopeKind::Temporaries => Kinds::OTHER,
            }),
            Self::Try(it) => {
                let handlers = it.handlers.iter().map(|handler| &handler.body);
                all(handlers.chain([&it.body, &it.orelse, &it.finally])).and(Kinds::TRY)
            }
            Self::Branch(it) => {
                let own = if it.kind == BranchKind::Select { Kinds::SELECT } else { Kinds::OTHER };
                all(it.arms.iter().flat_map(|arm| [&arm.test, &arm.body])).and(own)
            }
            Self::Loop(it) => all([&it.head, &it.body, &it.orelse].into_iter()).and(match it.kind {
                LoopKind::AsyncFor | LoopKind::AsyncComprehension => Kinds::LOOP.and(Kinds::ASYNC_LOOP),
                LoopKind::For | LoopKind::While | LoopKind::Forever | LoopKind::Comprehension | LoopKind::Generator => {
                    Kinds::LOOP
                }
            }),
            Self::Block(it) => it.kinds().and(Kinds::OTHER),
            Self::Return { .. }
            | Self::Break { .. }
            | Self::Continue { .. }
            | Self::Set { .. }
            | Self::Release { .. }
            | Self::Hold { .. }
            | Self::Define(_) => Kinds::OTHER,
        }
    }
}

fn all<'a>(blocks: impl Iterator<Item = &'a Block>) -> Kinds {
    blocks.fold(Kinds::default(), |kinds, block| kinds.and(block.kinds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arm, Await, Branch, Handler, Try, UNKNOWN, Use, flow};
    use crate::source::Span;

    fn waits() -> Node {
        let span = Span::default();
        Node::Await(Await { span, keyword: span, value: UNKNOWN, result: Use::Dropped })
    }

    /// `try: ..` / `except: if ..: await x`
    fn handled(constant: Option<bool>) -> Block {
        let span = Span::default();
        let arm = Arm { body: Block::new(vec![waits()]), constant, ..Arm::default() };
        let branch = Branch { kind: BranchKind::If, span, arms: vec![arm], exhaustive: false };
        let handler = Handler {
            span,
            head: span,
            catches: Vec::new(),
            bare: true,
            is_star: false,
            local: None,
            body: Block::new(vec![Node::Branch(Box::new(branch))]),
        };
        let it = Try {
            span,
            body: Block::new(vec![Node::Break { span }]),
            handlers: vec![handler],
            orelse: Block::default(),
            finally: Block::default(),
        };
        Block::new(vec![Node::Try(Box::new(it))])
    }

    #[test]
    fn a_block_has_the_kinds_of_all_that_is_inside() {
        let block = handled(None);
        assert!(block.kinds().meet(Kinds::TRY) && block.kinds().meet(Kinds::AWAIT));
        assert!(!block.kinds().meet(Kinds::CALL.and(Kinds::SCOPES).and(Kinds::LOOP)));
        let mut grown = Block::default();
        assert!(!grown.kinds().meet(Kinds::AWAIT));
        grown.push(waits());
        assert!(grown.kinds().meet(Kinds::AWAIT));
    }

    #[test]
    fn a_visit_for_some_kinds_sees_them_and_what_is_around_them() {
        let seen = |block: &Block, kinds: Kinds| {
            let (mut count, mut waits) = (0, 0);
            flow::visit_for(block, kinds, &mut |node| {
                count += 1;
                waits += usize::from(matches!(node, Node::Await(_)));
                flow::Step::Into
            });
            (count, waits)
        };
        assert_eq!(seen(&handled(None), Kinds::AWAIT), (3, 1));
        assert_eq!(seen(&handled(None), Kinds::TRY), (1, 0));
        assert_eq!(seen(&handled(None), Kinds::YIELD), (0, 0));
        // What never runs is told by the visit, not by the kinds.
        assert_eq!(seen(&handled(Some(false)), Kinds::AWAIT), (2, 0));
        assert!(flow::suspends(&handled(None)) && !flow::suspends(&handled(Some(false))));
    }
}
