//! Functions of which more is known than they know themselves: of which class the object is that a method runs for, or that a
//! function is given. What is asked of that object may be another method there than the one the function sees itself: the class
//! has its own, or what it sees is abstract.
//!
//! A function and the class of one such object are a [`Node`] of the graph in which effects climb, with all ways of the function as that class
//! goes them: who knows the class is led there, and not to the function by itself. Async functions of the user's answer for themselves; of
//! those, only ways that the function alone does not have are such a node's.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Project;
use super::effects::{AllKnown, Runs, Site, Wanted};
use super::overridden::Asked;
use super::subjects::{Bound, Subject};
use super::types::{Class, FnRef};
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

/// Of functions that ask objects for something, which those are: the others do the same for every class.
type Asking = FxHashMap<FnRef, Vec<Subject>>;

/// What has been found of it so far.
#[derive(Default)]
pub(super) struct Special {
    asking: Asking,
    /// Who hands a parameter on to which function, at which site, and which.
    handing: Vec<(FnRef, FnRef, usize, ValueId)>,
    /// Those of functions by themselves.
    plain: Vec<Edge>,
    /// Those of nodes with a class.
    special: Vec<Edge>,
    /// The nodes that those with a class are led to, in the order in which they are found.
    nodes: Vec<Node>,
    /// Sites of functions by themselves that lead to a node with a class, and not to the function.
    replaced: FxHashSet<(FnRef, usize)>,
}

impl Special {
    pub(super) fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.plain.iter().chain(&self.special)
    }

    /// The nodes of which a library's type is known.
    pub(super) fn of_library(&self) -> impl Iterator<Item = (Node, Bound)> + '_ {
        let bound = |it: &Node| Some((*it, it.bound.filter(|it| matches!(it.class, Class::Library(_)))?));
        self.nodes.iter().filter_map(bound)
    }

    /// The nodes that have all ways of their functions.
    pub(super) fn whole_nodes<'a>(&'a self, project: &'a Project) -> impl Iterator<Item = Node> + 'a {
        self.nodes.iter().copied().filter(|it| is_whole(project, *it))
    }

    /// The function by itself does not lead on from that site: what it knows there does.
    pub(super) fn replaces(&self, function: FnRef, site: usize) -> bool {
        self.replaced.contains(&(function, site))
    }

    /// More functions are known: all that these run by themselves are among them, or were before.
    pub(super) fn extend(&mut self, project: &Project, known: &AllKnown, more: &[FnRef]) {
        let before = self.handing.len();
        for (function, it) in more.iter().filter_map(|function| Some((*function, known.get(function)?))) {
            if !it.asks.is_empty() {
                self.asking.insert(function, it.asks.to_vec());
            }
            for (at, given) in &it.hands {
                if let Some((_, Runs::Own(callee) | Runs::Asked(Some(callee)))) = it.sites.get(*at) {
                    self.handing.push((function, *callee, *at, *given));
                }
            }
        }
        // Who hands on what is asked for something asks it as well.
        let mut asked_before = false;
        loop {
            let asking = &self.asking;
            let asks = |(index, handing): (usize, &(FnRef, FnRef, usize, ValueId))| -> Vec<(usize, FnRef, Subject)> {
                let (caller, callee, at, given) = *handing;
                let Some(asked) = asking.get(&callee) else { return Vec::new() };
                let known_before = |it: &Subject| asking.get(&caller).is_some_and(|known| known.contains(it));
                let site = known.get(&caller).and_then(|it| it.sites.get(at));
                let hands_on = |asked: &Subject| {
                    let subject = Subject { value: given, ..*asked };
                    let goes_on = !known_before(&subject)
                        && site.is_some_and(|(site, _)| project.hands_on(caller, site, callee, given, *asked));
                    goes_on.then_some((index, caller, subject))
                };
                asked.iter().filter_map(hands_on).collect()
            };
            let handing = self.handing.par_iter().enumerate().with_min_len(256);
            let found: Vec<(usize, FnRef, Subject)> = handing.flat_map_iter(asks).collect();
            if found.is_empty() {
                break;
            }
            for (index, caller, subject) in found {
                asked_before |= index < before;
                let subjects = self.asking.entry(caller).or_default();
                if !subjects.contains(&subject) {
                    subjects.push(subject);
                }
            }
        }
        let graph = Graph { project, known, asking: &self.asking };
        let edges_of = |functions: &[FnRef]| -> Vec<Edge> {
            let functions = functions.par_iter().with_min_len(256);
            functions.flat_map_iter(|it| graph.edges_of(Node::from(*it))).collect()
        };
        if asked_before {
            // Functions that were there before lead to these otherwise now.
            let mut functions: Vec<FnRef> = known.keys().copied().collect();
            functions.par_sort_unstable();
            self.plain = edges_of(&functions);
        } else {
            self.plain.extend(edges_of(more));
        }
        let replaced = self.plain.iter().filter(|it| is_whole(project, it.callee));
        self.replaced = replaced.map(|it| (it.caller.function, it.site)).collect();
        self.nodes.clear();
        self.special.clear();
        let mut seen: FxHashSet<Node> = FxHashSet::default();
        let mut found = |edges: &[Edge]| -> Vec<Node> {
            let callees = edges.iter().map(|it| it.callee).filter(|it| it.bound.is_some());
            callees.filter(|it| seen.insert(*it)).collect()
        };
        let mut frontier = found(&self.plain);
        while !frontier.is_empty() {
            let nodes = frontier.par_iter().with_min_len(16);
            let edges: Vec<Edge> = nodes.flat_map_iter(|it| graph.edges_of(*it)).collect();
            self.nodes.append(&mut frontier);
            frontier = found(&edges);
            self.special.extend(edges);
        }
    }
}

/// The node has all ways of its function, as its class goes them.
fn is_whole(project: &Project, node: Node) -> bool {
    node.bound.is_some() && !project.answers_for_itself(node.function)
}

struct Graph<'a> {
    project: &'a Project,
    known: &'a AllKnown,
    asking: &'a Asking,
}

impl Graph<'_> {
    fn edges_of(&self, caller: Node) -> Vec<Edge> {
        let (project, file) = (self.project, caller.function.file);
        match caller.bound {
            Some(bound) => project.linking(file, || self.edges_of_node(caller, bound)),
            // Most functions run none that asks an object for something.
            None if self.sites(caller.function).iter().all(|(_, it)| self.asked_by(it).is_none()) => Vec::new(),
            None => project.linking(file, || self.edges_of_function(caller)),
        }
    }

    fn sites(&self, function: FnRef) -> &[(Site, Runs)] {
        self.known.get(&function).map_or(&[], |it| &it.sites)
    }

    /// What is run there, if it asks an object for something.
    fn asked_by(&self, runs: &Runs) -> Option<FnRef> {
        match runs {
            Runs::Own(next) | Runs::Asked(Some(next)) => Some(*next).filter(|it| self.asking.contains_key(it)),
            Runs::Asked(None) | Runs::Library(..) => None,
        }
    }

    fn edges_of_function(&self, caller: Node) -> Vec<Edge> {
        let (project, function) = (self.project, caller.function);
        let of = project.asked_as_method(function);
        let edges_at = |(at, (site, runs)): (usize, &(Site, Runs))| {
            let next = self.asked_by(runs)?;
            let bounds = bounds_at(project, self.asking, function, &of, site, next).into_iter();
            let node = move |bound: Bound| Node { function: next, bound: Some(bound) };
            Some(bounds.map(move |bound| Edge { caller, site: at, callee: node(bound) }))
        };
        self.sites(function).iter().enumerate().filter_map(edges_at).flatten().collect()
    }

    fn edges_of_node(&self, caller: Node, bound: Bound) -> Vec<Edge> {
        let (project, function) = (self.project, caller.function);
        let mut edges = Vec::new();
        let is_whole = is_whole(project, caller);
        let plain = project.asked_as_method(function);
        let of = project.asked_as(function, bound);
        for (at, (site, runs)) in self.sites(function).iter().enumerate() {
            let next = match *runs {
                Runs::Own(next) => Some(next),
                Runs::Asked(next) => next,
                Runs::Library(..) => continue,
            };
            let mut push = |callee: Node| edges.push(Edge { caller, site: at, callee });
            let node = |function: FnRef| move |bound: Bound| Node { function, bound: Some(bound) };
            let runs_instead = match site.asks {
                Some((_, Wanted::Elements)) => project.goes_through_another(function, &of, site, next),
                _ => {
                    let another = project.asks_another(function, &of, site, next);
                    another.map(|own| project.run_by_method(function, site, own))
                }
            };
            if let Some(run) = runs_instead {
                for run in run {
                    let bounds = bounds_at(project, self.asking, function, &of, site, run);
                    if bounds.is_empty() || project.answers_for_itself(run) {
                        push(Node::from(run));
                    }
                    bounds.into_iter().map(node(run)).for_each(&mut push);
                }
                continue;
            }
            if project.has_another_for(caller, site) {
                continue;
            }
            let Some(next) = next else { continue };
            let mut bounds = bounds_at(project, self.asking, function, &of, site, next);
            if !is_whole {
                let known = bounds_at(project, self.asking, function, &plain, site, next);
                bounds.retain(|it| !known.contains(it));
            } else if bounds.is_empty() && matches!(runs, Runs::Own(_)) {
                push(Node::from(next));
            }
            bounds.into_iter().map(node(next)).for_each(&mut push);
        }
        edges
    }
}

/// What a place in `function` tells the callee of the objects that it asks for something.
fn bounds_at(
    project: &Project,
    asking: &Asking,
    function: FnRef,
    of: &Asked,
    site: &Site,
    callee: FnRef,
) -> Vec<Bound> {
    let Some(subjects) = asking.get(&callee) else { return Vec::new() };
    let _outlines = project.of_outlines();
    let own = project.class_asked_at(function, of, site).filter(|own| project.may_be_asked_of(*own, callee));
    let class = |subject: Subject| {
        if subject.argument.is_none() && project.is_own_object(callee, subject.value) {
            return own.filter(|_| own != project.asked_as_method(callee).class()).map(Class::Own);
        }
        project.class_given(function, of, site, callee, subject)
    };
    subjects.iter().filter_map(|it| Some(Bound { subject: *it, class: class(*it)? })).collect()
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
        let _outlines = project.of_outlines();
        let bounds = bounds_at(project, &self.asking, function, of, site, callee);
        let is_own = |it: Subject| it.argument.is_none() && project.is_own_object(callee, it.value);
        let others = bounds.iter().copied().filter(|it| !is_own(it.subject)).collect();
        (Asked::of(project.class_asked_at(function, of, site), others), bounds)
    }

    /// The function asks objects for something.
    pub(super) fn asks(&self, function: FnRef) -> bool {
        self.asking.contains_key(&function)
    }
}

impl Project {
    /// The class that the node's own object is of has another attribute than the one that a place begins with.
    pub(super) fn has_another_for(&self, node: Node, site: &Site) -> bool {
        let own = node.bound.filter(|it| self.is_own_object(node.function, it.subject.value));
        matches!(own, Some(Bound { class: Class::Own(class), .. }) if self.has_another(node.function, class, site))
    }

    /// What runs when a function asks an object for a method that turns out to be `own`.
    fn run_by_method(&self, function: FnRef, site: &Site, own: FnRef) -> Vec<FnRef> {
        if self.is_property(own) {
            return Vec::from_iter(self.runs_when_read(own).then_some(own));
        }
        if self.is_abstract(own) || !self.runs_methods(function, site) {
            return Vec::new();
        }
        let awaited = site.asks.is_none() && site.call.is_some_and(|call| self.model(function.file).call(call).awaited);
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

    /// It is asked of an object, or of its type.
    pub(super) fn is_method(&self, function: FnRef) -> bool {
        let declared = self.declared(function);
        declared.class.is_some() || declared.self_type.is_some()
    }
}
