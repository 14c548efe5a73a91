//! Functions of which more is known than they know themselves: of which class the object is that a method runs for, or that a
//! function is given. What is asked of that object may be another method there than the one the function sees itself: the class
//! has its own, or what it sees is abstract.
//!
//! A function and the class of one such object are a [`Node`] of the graph in which effects climb, with all ways of the function as that class
//! goes them: who knows the class is led there, and not to the function by itself. Async functions of the user's answer for themselves; of
//! those, only ways that the function alone does not have are such a node's.

mod again;

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Project;
use super::effects::{AllKnown, Runs, Site, Stale, Wanted};
use super::overridden::Asked;
use super::renumbered::{Renumbered, rekey};
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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) caller: Node,
    /// Which of the caller's sites.
    pub(super) site: usize,
    pub(super) callee: Node,
}

/// Of functions that ask objects for something, which those are, in order: the others do the same for every class.
type Asking = FxHashMap<FnRef, Vec<Subject>>;

/// The edges of nodes; `None` where there are none.
type Edges = FxHashMap<Node, Option<Arc<[Edge]>>>;

/// A function hands a parameter on to another, at one of its sites.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Handing {
    caller: FnRef,
    callee: FnRef,
    site: usize,
    given: ValueId,
}

/// Whether what is handed on there is what the callee asks for something.
type Handed = FxHashMap<(Handing, Subject), bool>;

/// What has been found of it so far.
#[derive(Default)]
pub(super) struct Special {
    asking: Asking,
    handing: Vec<Handing>,
    handed: Handed,
    /// All functions that are known.
    functions: Vec<FnRef>,
    /// Those of them that lead to nodes with a class by themselves.
    leading: Vec<FnRef>,
    /// The nodes that those with a class are led to, in the order in which they are found.
    nodes: Vec<Node>,
    /// What was not found before, or is otherwise now.
    edges: Edges,
    /// Sites of functions by themselves that lead to a node with a class, and not to the function.
    replaced: FxHashSet<(FnRef, usize)>,
    before: Before,
    /// Functions that ask for something else than before.
    differs: FxHashSet<FnRef>,
}

/// What had been found before the last change, and hangs on nothing that has changed but what others ask for.
#[derive(Default)]
struct Before {
    asking: Asking,
    handed: Handed,
    edges: Edges,
}

impl Special {
    fn edges_of(&self, node: Node) -> &[Edge] {
        self.edges.get(&node).or_else(|| self.before.edges.get(&node)).and_then(Option::as_deref).unwrap_or_default()
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = &Edge> {
        let plain = self.leading.iter().map(|it| Node::from(*it));
        plain.chain(self.nodes.iter().copied()).flat_map(|it| self.edges_of(it))
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

    /// Begins anew after a change of the files that are `stale`: what was found of the others is so still where all that they lead
    /// to asks for the same.
    pub(super) fn begin(&mut self, stale: &Stale<'_>) {
        let Self { asking, mut handed, edges, before, .. } = std::mem::take(self);
        handed.retain(|(it, _), _| !stale.has(it.caller.file) && !stale.has(it.callee.file));
        let mut all = before.edges;
        all.extend(edges);
        all.retain(|node, _| !stale.has(node.function.file));
        self.before = Before { asking, handed, edges: all };
    }

    /// All is found. What was found of functions that nothing leads to any more, if some have been `lost`, is forgotten.
    pub(super) fn end(&mut self, known: &AllKnown, lost: bool) {
        self.before.handed = Handed::default();
        self.before.asking = Asking::default();
        let differs = std::mem::take(&mut self.differs);
        if !lost && differs.is_empty() {
            return;
        }
        self.before.edges.retain(|node, edges| {
            known.get(&node.function).is_some_and(|it| hangs_on_none(&it.sites, edges.as_deref(), &differs))
        });
    }

    /// What goes by other numbers after a change. `anew`: all is found anew.
    pub(super) fn renumber(&mut self, now: &Renumbered, anew: bool) {
        self.asking.retain(|function, _| !now.is_taken(*function));
        let of_file: Vec<FnRef> = self.asking.keys().copied().filter(|it| it.file == now.file).collect();
        let before: Vec<_> = of_file.into_iter().filter_map(|it| self.asking.remove_entry(&it)).collect();
        self.asking.extend(before.into_iter().map(|(function, subjects)| {
            let mut subjects: Vec<Subject> = subjects.into_iter().map(|it| now.subject(function, it)).collect();
            subjects.sort_unstable();
            (now.function(function), subjects)
        }));
        for edges in [&mut self.edges, &mut self.before.edges] {
            rekey(edges, |it| it.function.file == now.file, |it| now.node(it));
            for edges in edges.values_mut().flatten() {
                if edges.iter().any(|it| [it.caller, it.callee].iter().any(|it| it.function.file == now.file)) {
                    let renumbered =
                        |it: &Edge| Edge { caller: now.node(it.caller), callee: now.node(it.callee), ..*it };
                    *edges = edges.iter().map(renumbered).collect();
                }
            }
        }
        if anew {
            return;
        }
        if now.moves_functions() {
            self.functions.iter_mut().chain(&mut self.leading).for_each(|it| *it = now.function(*it));
            self.replaced = self.replaced.iter().map(|(function, site)| (now.function(*function), *site)).collect();
        }
        self.nodes.iter_mut().for_each(|it| *it = now.node(*it));
        let handing = |it: Handing| {
            let given = now.subject(it.caller, it.given.into()).value;
            Handing { caller: now.function(it.caller), callee: now.function(it.callee), given, ..it }
        };
        self.handing.iter_mut().for_each(|it| *it = handing(*it));
        let is_of_file = |it: &Handing| it.caller.file == now.file || it.callee.file == now.file;
        let renumbered = |(it, asked): (Handing, Subject)| (handing(it), now.subject(it.callee, asked));
        rekey(&mut self.handed, |(it, _)| is_of_file(it), renumbered);
    }

    /// More functions are known: all that these run by themselves are among them, or were before.
    pub(super) fn extend(&mut self, project: &Project, known: &AllKnown, more: &[FnRef]) {
        let grown = self.ask(project, known, more);
        self.differs.clear();
        if !self.before.edges.is_empty() {
            let before = &self.before.asking;
            let others = self.asking.iter().filter(|(function, subjects)| before.get(function) != Some(subjects));
            self.differs.extend(others.map(|it| it.0));
            self.differs.extend(before.keys().filter(|it| !self.asking.contains_key(it)));
        }
        let graph = Graph { project, known, asking: &self.asking };
        self.edges.retain(|node, edges| hangs_on_none(graph.sites(node.function), edges.as_deref(), &grown));
        self.functions.extend(more);
        self.leading.clear();
        self.nodes.clear();
        let functions = self.functions.par_iter().with_min_len(256);
        let found: Vec<(FnRef, Found)> = functions
            .map(|it| (*it, self.find(&graph, Node::from(*it))))
            .filter(|(_, it)| !matches!(it, Found::There(false)))
            .collect();
        for (function, found) in found {
            let is_some = match found {
                Found::There(is_some) => is_some,
                Found::New(edges) => {
                    let is_some = edges.is_some();
                    self.edges.insert(Node::from(function), edges);
                    is_some
                }
            };
            if is_some {
                self.leading.push(function);
            }
        }
        let mut seen: FxHashSet<Node> = FxHashSet::default();
        let mut replaced = FxHashSet::default();
        let mut frontier = Vec::new();
        for edge in self.leading.iter().flat_map(|it| self.edges_of(Node::from(*it))) {
            if is_whole(project, edge.callee) {
                replaced.insert((edge.caller.function, edge.site));
            }
            if edge.callee.bound.is_some() && seen.insert(edge.callee) {
                frontier.push(edge.callee);
            }
        }
        self.replaced = replaced;
        while !frontier.is_empty() {
            let nodes = frontier.par_iter().with_min_len(16);
            let new = |node: &Node| match self.find(&graph, *node) {
                Found::There(_) => None,
                Found::New(edges) => Some((*node, edges)),
            };
            let found: Vec<(Node, Option<Arc<[Edge]>>)> = nodes.filter_map(new).collect();
            self.edges.extend(found);
            let callees = frontier.iter().flat_map(|it| self.edges_of(*it)).map(|it| it.callee);
            let next = callees.filter(|it| it.bound.is_some() && seen.insert(*it)).collect();
            self.nodes.append(&mut std::mem::replace(&mut frontier, next));
        }
    }

    fn find(&self, graph: &Graph<'_>, node: Node) -> Found {
        if let Some(edges) = self.edges.get(&node) {
            return Found::There(edges.is_some());
        }
        let before = self.before.edges.get(&node);
        if let Some(edges) = before.filter(|it| hangs_on_none(graph.sites(node.function), it.as_deref(), &self.differs))
        {
            return Found::There(edges.is_some());
        }
        let edges = graph.edges_of(node);
        Found::New((!edges.is_empty()).then(|| edges.into()))
    }

    /// Which objects the functions ask for something, or hand on to others that do. Gives those that ask for more than before, if
    /// any were there.
    fn ask(&mut self, project: &Project, known: &AllKnown, more: &[FnRef]) -> FxHashSet<FnRef> {
        let mut grown: FxHashSet<FnRef> = FxHashSet::default();
        let mut fresh: FxHashMap<FnRef, Vec<Subject>> = FxHashMap::default();
        let before = self.handing.len();
        let is_first = self.functions.is_empty();
        for (caller, it) in more.iter().filter_map(|function| Some((*function, known.get(function)?))) {
            if !it.asks.is_empty() {
                self.asking.insert(caller, it.asks.to_vec());
                if !is_first {
                    grown.insert(caller);
                }
            }
            for (site, given) in &it.hands {
                if let Some(callee) = it.sites.get(*site).and_then(|it| it.1.function()) {
                    self.handing.push(Handing { caller, callee, site: *site, given: *given });
                }
            }
        }
        // Who hands on what is asked for something asks it as well.
        let mut is_begun = false;
        loop {
            let asking = &self.asking;
            // The first time, those that were there before have been asked for all but what the new functions ask.
            let asked_of = |index: usize, callee: FnRef| -> &[Subject] {
                let is_new = !is_begun && (index >= before || grown.contains(&callee));
                let asked = if is_new { asking.get(&callee) } else { fresh.get(&callee) };
                asked.map_or(&[], Vec::as_slice)
            };
            let goes_on = |handing: &Handing, asked: &Subject| -> Option<bool> {
                let key = (*handing, *asked);
                let known_before = self.handed.get(&key).or_else(|| self.before.handed.get(&key));
                known_before.copied().or_else(|| {
                    let (site, _) = known.get(&handing.caller)?.sites.get(handing.site)?;
                    let Handing { caller, callee, given, .. } = *handing;
                    Some(project.on_behalf_of(caller.file, || project.hands_on(caller, site, callee, given, *asked)))
                })
            };
            let asks = |(index, handing): (usize, &Handing)| -> Vec<(Handing, Subject, bool)> {
                let is_open = |asked: &&Subject| {
                    let subject = Subject { value: handing.given, ..**asked };
                    asking.get(&handing.caller).is_none_or(|it| !it.contains(&subject))
                };
                let asked = asked_of(index, handing.callee).iter().filter(is_open);
                asked.filter_map(|it| Some((*handing, *it, goes_on(handing, it)?))).collect()
            };
            let handing = self.handing.par_iter().enumerate().with_min_len(1024);
            let found: Vec<(Handing, Subject, bool)> = handing.flat_map_iter(asks).collect();
            fresh.clear();
            is_begun = true;
            for (handing, asked, goes_on) in found {
                if project.noted {
                    self.handed.insert((handing, asked), goes_on);
                }
                if !goes_on {
                    continue;
                }
                let subjects = self.asking.entry(handing.caller).or_default();
                let subject = Subject { value: handing.given, ..asked };
                if let Err(at) = subjects.binary_search(&subject) {
                    subjects.insert(at, subject);
                    if !is_first {
                        grown.insert(handing.caller);
                    }
                    fresh.entry(handing.caller).or_default().push(subject);
                }
            }
            if fresh.is_empty() {
                return grown;
            }
        }
    }
}

/// What is found of a node.
enum Found {
    /// It was there already; whether there are any edges.
    There(bool),
    New(Option<Arc<[Edge]>>),
}

/// Nothing that a function runs at its sites, or where its edges lead, is among these.
fn hangs_on_none(sites: &[(Site, Runs)], edges: Option<&[Edge]>, others: &FxHashSet<FnRef>) -> bool {
    let is_other = |(_, runs): &(Site, Runs)| runs.function().is_some_and(|it| others.contains(&it));
    let leads_to_other = || edges.into_iter().flatten().any(|it| others.contains(&it.callee.function));
    others.is_empty() || !sites.iter().any(is_other) && !leads_to_other()
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
            Some(bound) => project.on_behalf_of(file, || self.edges_of_node(caller, bound)),
            // Most functions run none that asks an object for something.
            None if self.sites(caller.function).iter().all(|(_, it)| self.asked_by(it).is_none()) => Vec::new(),
            None => project.on_behalf_of(file, || self.edges_of_function(caller)),
        }
    }

    fn sites(&self, function: FnRef) -> &[(Site, Runs)] {
        self.known.get(&function).map_or(&[], |it| &it.sites)
    }

    /// What is run there, if it asks an object for something.
    fn asked_by(&self, runs: &Runs) -> Option<FnRef> {
        runs.function().filter(|it| self.asking.contains_key(it))
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
