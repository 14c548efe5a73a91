//! What a library does at times and not at others: nothing to tell its users of.

use crate::model::{Block, FileModel, Node, Value, flow};

use super::Project;
use super::types::FnRef;

impl Project {
    /// Calling the function does not always run it.
    pub(super) fn runs_at_times(&self, function: FnRef) -> bool {
        self.keeps_result(function) || self.is_called_at_times(function)
    }

    /// Some decorator wraps it in a function that calls it on some ways and not on others: a cache, mostly.
    fn is_called_at_times(&self, function: FnRef) -> bool {
        let calls = |wrapper: FnRef| {
            let model = self.model(wrapper.file);
            always_calls(model, &model.function(wrapper.function).body)
        };
        self.wrappers(function).into_iter().any(|wrapper| !calls(wrapper))
    }
}

/// Whichever way is taken, what a function around this one was given is called.
fn always_calls(model: &FileModel, block: &Block) -> bool {
    for node in &block.nodes {
        let calls = match node {
            Node::Call(id) => matches!(model.value(model.call(*id).callee), Value::Param(..)),
            Node::Scope(it) => always_calls(model, &it.body),
            Node::Block(it) => always_calls(model, it),
            Node::Try(it) => always_calls(model, &it.body) || always_calls(model, &it.finally),
            Node::Loop(it) => always_calls(model, &it.body),
            _ => false,
        };
        if calls {
            return true;
        }
        if matches!(node, Node::Branch(_) | Node::Try(_)) && leaves_early(node) {
            return false;
        }
    }
    false
}

/// Some way through the node ends the function or the turn of a loop, other than by an error.
pub(super) fn leaves_early(node: &Node) -> bool {
    let leaves = |node: &Node| matches!(node, Node::Return { .. } | Node::Break { .. } | Node::Continue { .. });
    flow::parts(node).any(|part| flow::find(part, &mut |node| leaves(node)).is_some())
}
