//! Whether all that was found is still so after a change.

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Graph, Node, Special, is_whole};
use crate::project::Project;
use crate::project::effects::AllKnown;
use crate::project::effects::Stale;
use crate::project::types::FnRef;

impl Special {
    /// What functions of the stale files hand on, and where they lead, is what it was; of all others it is, where these ask for the same.
    /// The functions are the same, and each runs the same at each of its sites.
    pub(in crate::project) fn is_still_so(&mut self, project: &Project, known: &AllKnown, stale: &Stale<'_>) -> bool {
        let is_stale = |function: FnRef| stale.has(function.file);
        let hands_on_the_same = self.handed.par_iter().all(|((it, asked), before)| {
            if !is_stale(it.caller) && !is_stale(it.callee) {
                return true;
            }
            let Some((site, _)) = known.get(&it.caller).and_then(|known| known.sites.get(it.site)) else {
                return false;
            };
            let hands_on = || project.hands_on(it.caller, site, it.callee, it.given, *asked);
            project.on_behalf_of(it.caller.file, hands_on) == *before
        });
        if !hands_on_the_same {
            return false;
        }
        let plain = self.functions.iter().map(|it| Node::from(*it));
        let nodes: FxHashSet<Node> =
            plain.chain(self.nodes.iter().copied()).filter(|it| is_stale(it.function)).collect();
        let graph = Graph { project, known, asking: &self.asking };
        if !nodes.par_iter().all(|node| graph.edges_of(*node) == self.edges_of(*node)) {
            return false;
        }
        let plain = self.leading.iter().flat_map(|it| self.edges_of(Node::from(*it)));
        let whole = plain.filter(|it| is_whole(project, it.callee)).map(|it| (it.caller.function, it.site));
        if whole.collect::<FxHashSet<_>>() != self.replaced {
            return false;
        }
        // What nothing leads to now has not been looked at.
        let is_known = |node: &Node| !is_stale(node.function) || nodes.contains(node);
        self.edges.retain(|node, _| is_known(node));
        self.before.edges.retain(|node, _| is_known(node));
        true
    }
}
