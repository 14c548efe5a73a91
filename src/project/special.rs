//! Methods that run for an object of a class below the one that declares them. What such a method asks its own object for may
//! be another method there than the one it sees itself: the class has its own, or what it sees is abstract.
//!
//! A method and the class it runs for are a [`Node`] of the graph in which effects climb. Nodes with a class have no sites of
//! their own. They are those of the method, and lead elsewhere: so only ways that the method alone does not have are theirs.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Project;
use super::effects::{Runs, Site, Sites};
use super::overridden::Asked;
use super::types::{ClassRef, FnRef};

/// A function, and the class of the object that it is asked of, where that is known, and another than the function's own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Node {
    pub(super) function: FnRef,
    pub(super) class: Option<ClassRef>,
}

impl From<FnRef> for Node {
    fn from(function: FnRef) -> Self {
        Self { function, class: None }
    }
}

/// At one of its sites, a function runs one that knows the class of its object, or runs another because it knows that itself.
pub(super) struct Edge {
    pub(super) caller: Node,
    /// Which of the caller's sites.
    pub(super) site: usize,
    pub(super) callee: Node,
}

/// What has been found of it so far.
#[derive(Default)]
pub(super) struct Special {
    /// Methods that ask their own object for something: the others do the same for every class.
    asking: FxHashSet<FnRef>,
    /// Those of functions by themselves.
    plain: Vec<Edge>,
    /// Those of methods that know the class of their object.
    special: Vec<Edge>,
}

impl Special {
    pub(super) fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.plain.iter().chain(&self.special)
    }

    /// Sites of more functions are known: all that these run by themselves are among them, or were before.
    pub(super) fn extend(&mut self, project: &Project, sites: &FxHashMap<FnRef, Sites>, more: &[FnRef]) {
        let asks_itself = |function: &FnRef| {
            let asks = |(site, _): &(Site, Runs)| project.asks_own_object(*function, site);
            let is_method = project.declared(*function).class.is_some();
            (is_method && sites.get(function)?.iter().any(asks)).then_some(*function)
        };
        self.asking.par_extend(more.par_iter().filter_map(asks_itself));
        let graph = Graph { project, sites, asking: &self.asking };
        self.plain.par_extend(more.par_iter().flat_map_iter(|it| graph.edges_of(Node::from(*it))));
        let mut special: Vec<Edge> = Vec::new();
        let mut seen: FxHashSet<Node> = FxHashSet::default();
        let mut at = 0;
        while let Some(edge) = self.plain.get(at).or_else(|| special.get(at - self.plain.len())) {
            let callee = edge.callee;
            at += 1;
            if callee.class.is_some() && seen.insert(callee) {
                special.extend(graph.edges_of(callee));
            }
        }
        self.special = special;
    }
}

struct Graph<'a> {
    project: &'a Project,
    sites: &'a FxHashMap<FnRef, Sites>,
    asking: &'a FxHashSet<FnRef>,
}

impl Graph<'_> {
    fn edges_of(&self, caller: Node) -> Vec<Edge> {
        let (project, function) = (self.project, caller.function);
        let mut edges = Vec::new();
        let of = match caller.class {
            Some(class) => Asked::of(class),
            None => project.asked_as_method(function),
        };
        for (at, (site, runs)) in self.sites.get(&function).into_iter().flatten().enumerate() {
            let (Runs::Own(next) | Runs::Asked(next)) = *runs else { continue };
            let callee = |function: FnRef, of: Asked| Node { function, class: self.class(function, of) };
            let instead = caller.class.and_then(|_| project.asks_another(function, of, site, next));
            if let Some(own) = instead {
                // What knows its class has only the ways that it has not by itself.
                for run in project.run_by_method(function, site, own) {
                    edges.push(Edge { caller, site: at, callee: Node::from(run) });
                    let callee = callee(run, of);
                    if callee.class.is_some() {
                        edges.push(Edge { caller, site: at, callee });
                    }
                }
            } else if self.asking.contains(&next) {
                let callee = callee(next, project.asked_at(function, of, site));
                if callee.class.is_some() {
                    edges.push(Edge { caller, site: at, callee });
                }
            }
        }
        edges
    }

    fn class(&self, function: FnRef, of: Asked) -> Option<ClassRef> {
        let class = of.class()?;
        let own = self.project.asked_as_method(function).class();
        (self.asking.contains(&function) && own != Some(class)).then_some(class)
    }
}

impl Project {
    /// What runs when a method asks its own object for a method that turns out to be `own`.
    fn run_by_method(&self, function: FnRef, site: &Site, own: FnRef) -> Vec<FnRef> {
        if self.is_property(own) {
            return Vec::from_iter(self.runs_when_read(own).then_some(own));
        }
        if self.is_abstract(own) || !self.runs_methods(function, site) {
            return Vec::new();
        }
        let awaited = site.call.is_some_and(|call| self.model(function.file).call(call).awaited);
        let mut run = self.run_by_call(own, awaited);
        if awaited && self.knows_more_when_asked(own) {
            run.push(own);
        }
        run
    }

    /// An async method of the user's answers for itself, but for what only those know who know the class of its object.
    pub(super) fn knows_more_when_asked(&self, function: FnRef) -> bool {
        self.declared(function).class.is_some() && self.answers_for_itself(function)
    }
}
