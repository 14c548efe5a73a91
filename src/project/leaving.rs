//! Code that nothing gets to: what stands after a call that never returns, or after a loop that never ends.

use crate::finding::FileId;
use crate::model::{BranchKind, CallId, Kinds, LoopKind, Node, Use, flow};
use crate::source::Language;

use super::Project;
use super::remembered::Only;
use super::trace::Question;
use super::types::FnRef;

impl Project {
    /// The call always raises or ends the program.
    pub fn never_returns(&self, file: FileId, id: CallId) -> bool {
        let awaited = self.model(file).call(id).awaited;
        match self.only(file, id) {
            Only::Api(api) => api.never_returns,
            Only::Own(callee) => {
                let declared = self.declared(callee);
                let runs = !declared.is_generator && (!declared.kind.is_async() || awaited);
                runs && (self.is_declared_never(callee) || self.always_raises(callee))
            }
            Only::Construct(_) | Only::Unknown | Only::Several => false,
        }
    }

    /// `-> NoReturn`, `-> Never`
    pub fn is_declared_never(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        let returns = self.declared(function).returns.map(|it| self.evaluate(function.file, it));
        returns.is_some_and(|ty| {
            ty.library_path().is_some_and(|path| path.ends_with(".NoReturn") || path.ends_with(".Never"))
        })
    }

    /// Every way through the body ends in an exception, and no class below is asked to have another body.
    pub(super) fn always_raises(&self, function: FnRef) -> bool {
        self.answered(Question::Raises, function, || self.raises_anyway(function))
    }

    fn raises_anyway(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        let body = &self.function(function).body;
        let ends = |node: &Node| {
            let Node::Call(id) = node else { return false };
            self.api_of(function.file, *id).is_some_and(|api| api.never_returns)
        };
        // Most bodies show at once that they end otherwise.
        let may_end_so = body.nodes.last().is_some_and(|last| match last {
            Node::Call(_) => ends(last),
            Node::Return { .. } => false,
            _ => (last.leaves() || last.has_parts()) && body.kinds().meet(Kinds::RAISE.and(Kinds::CALL)),
        });
        may_end_so && !flow::exits(body, &ends).survives() && !self.is_abstract(function)
    }

    /// Nothing that stands after the node in its block runs.
    pub(super) fn is_the_end(&self, file: FileId, node: &Node) -> bool {
        if node.leaves() {
            return true;
        }
        let model = self.model(file);
        if model.language != Language::Python {
            // `if cfg!(unix) { return .. }`, `#[cfg(not(test))] { return .. }`
            let leaves = || flow::exits_of(node, &|_| false).leaves_function();
            return match node {
                Node::Branch(it) => it.arms.iter().any(|arm| arm.constant == Some(true)) && leaves(),
                Node::Block(it) => it.nodes.last().is_some_and(Node::leaves) && leaves(),
                _ => false,
            };
        }
        match node {
            // What becomes of its result shows that it has one.
            Node::Call(id) => {
                matches!(model.call(*id).result, Use::Dropped | Use::Awaited) && self.never_returns(file, *id)
            }
            Node::Loop(it) if it.kind == LoopKind::Forever => !self.falls_through(file, node),
            Node::Branch(it) if it.kind != BranchKind::Expression => {
                let some_arm_runs = it.exhaustive || it.arms.iter().any(|arm| arm.constant == Some(true));
                some_arm_runs && !self.falls_through(file, node)
            }
            Node::Try(_) => !self.falls_through(file, node),
            _ => false,
        }
    }

    /// What comes after the node is reached from inside. A `with` may keep to itself what is raised in it.
    fn falls_through(&self, file: FileId, node: &Node) -> bool {
        flow::exits_of(node, &|it| matches!(it, Node::Call(_)) && self.is_the_end(file, it)).falls
            || flow::parts(node).any(|part| flow::find(part, &mut |it| matches!(it, Node::Scope(_))).is_some())
    }
}
