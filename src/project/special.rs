//! Functions of which more is known than they know themselves: of which class the object is that a method runs for, or that a
//! function is given. What is asked of that object may be another method there than the one the function sees itself: the class
//! has its own, or what it sees is abstract.
//!
//! A function and the class of one such object are a [`Node`] of the graph in which effects climb. Nodes with a class have no sites of
//! their own. They are those of the function, and lead elsewhere: so only ways that the function alone does not have are theirs.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Project;
use super::effects::{Runs, Site, Sites};
use super::overridden::{Asked, Bound};
use super::types::FnRef;
use crate::model::ValueId;

/// A function, and of which class an object is that it has to do with, where that is known, and more than the function knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Node {
    pub(super) function: FnRef,
    pub(super) bound: Option<Bound>,
}

impl From<FnRef> for Node {
    fn from(function: FnRef) -> Self {
        Self { function, bound: None }
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
    /// Of functions that ask objects for something, which values those are: the others do the same for every class.
    asking: FxHashMap<FnRef, Vec<ValueId>>,
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
        let values = |function: &FnRef| {
            let values = project.values_asked(*function, sites.get(function)?);
            (!values.is_empty()).then_some((*function, values))
        };
        self.asking.par_extend(more.par_iter().filter_map(values));
        let graph = Graph { project, sites, asking: &self.asking };
        self.plain.par_extend(more.par_iter().flat_map_iter(|it| graph.edges_of(Node::from(*it))));
        let mut special: Vec<Edge> = Vec::new();
        let mut seen: FxHashSet<Node> = FxHashSet::default();
        let mut at = 0;
        while let Some(edge) = self.plain.get(at).or_else(|| special.get(at - self.plain.len())) {
            let callee = edge.callee;
            at += 1;
            if callee.bound.is_some() && seen.insert(callee) {
                special.extend(graph.edges_of(callee));
            }
        }
        self.special = special;
    }
}

struct Graph<'a> {
    project: &'a Project,
    sites: &'a FxHashMap<FnRef, Sites>,
    asking: &'a FxHashMap<FnRef, Vec<ValueId>>,
}

impl Graph<'_> {
    fn edges_of(&self, caller: Node) -> Vec<Edge> {
        let (project, function) = (self.project, caller.function);
        let mut edges = Vec::new();
        let plain = project.asked_as_method(function);
        let of = caller.bound.map_or_else(|| plain.clone(), |bound| project.asked_as(function, bound));
        for (at, (site, runs)) in self.sites.get(&function).into_iter().flatten().enumerate() {
            let next = match *runs {
                Runs::Own(next) => Some(next),
                Runs::Asked(next) => next,
                Runs::Library(..) => continue,
            };
            let mut push = |callee: Node| edges.push(Edge { caller, site: at, callee });
            let node = |function: FnRef| move |bound: Bound| Node { function, bound: Some(bound) };
            let instead = caller.bound.and_then(|_| project.asks_another(function, &of, site, next));
            if let Some(own) = instead {
                // What knows a class has only the ways that it has not by itself.
                for run in project.run_by_method(function, site, own) {
                    push(Node::from(run));
                    self.bounds(function, &of, site, run).into_iter().map(node(run)).for_each(&mut push);
                }
            } else if let Some(next) = next.filter(|it| self.asking.contains_key(it)) {
                let mut bounds = self.bounds(function, &of, site, next);
                if caller.bound.is_some() {
                    let known = self.bounds(function, &plain, site, next);
                    bounds.retain(|it| !known.contains(it));
                }
                bounds.into_iter().map(node(next)).for_each(&mut push);
            }
        }
        edges
    }

    /// What a place in `function` tells the callee of the objects that it asks for something.
    fn bounds(&self, function: FnRef, of: &Asked, site: &Site, callee: FnRef) -> Vec<Bound> {
        let Some(values) = self.asking.get(&callee) else { return Vec::new() };
        let own = self.project.asked_at(function, of, site).class();
        let class = |value: ValueId| {
            if self.project.is_own_object(callee, value) {
                return own.filter(|_| own != self.project.asked_as_method(callee).class());
            }
            self.project.class_given(function, of, site, callee, value)
        };
        values.iter().filter_map(|value| Some(Bound { value: *value, class: class(*value)? })).collect()
    }
}

impl Special {
    /// What the callee of a place in `function` is told of the objects that it has to do with.
    pub(super) fn asked_at(
        &self,
        project: &Project,
        function: FnRef,
        of: &Asked,
        site: &Site,
        callee: FnRef,
    ) -> (Asked, Vec<Bound>) {
        let graph = Graph { project, sites: &FxHashMap::default(), asking: &self.asking };
        let bounds = graph.bounds(function, of, site, callee);
        let others = bounds.iter().copied().filter(|it| !project.is_own_object(callee, it.value)).collect();
        (project.asked_at(function, of, site).with(others), bounds)
    }

    /// The function asks objects for something.
    pub(super) fn asks(&self, function: FnRef) -> bool {
        self.asking.contains_key(&function)
    }
}

impl Project {
    /// What runs when a function asks an object for a method that turns out to be `own`.
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

    /// An async function of the user's answers for itself, but for what only those know who know the class of its object, or of what
    /// they give it.
    pub(super) fn knows_more_when_asked(&self, function: FnRef) -> bool {
        let declared = self.declared(function);
        self.answers_for_itself(function) && (declared.class.is_some() || !declared.params.is_empty())
    }
}
