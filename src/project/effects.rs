//! Effects and their evidence: which functions block, or start a runtime, and by which shortest chain of calls.
//!
//! Functions are looked at level by level from those that run on the loop, each level in parallel; then effects climb back
//! from where they are to every caller, nearest first. Both steps give the same answer for any number of threads.

mod renewed;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::finding::{Confidence, FileId};
use crate::knowledge::{Api, Effect, Kind, Runner};
use crate::model::{CallId, Condition, NameId, Test, ValueId};
use crate::source::{Language, Span};

pub(super) use renewed::Stale;

use super::guards::{Guards, Outcome};
use super::renumbered::{Renumbered, rekey};
use super::special::{Node, Special};
use super::subjects::{Bound, Subject};
use super::types::{Class, FnRef};
use super::{Project, trace};

/// The effects that climb: the nine kinds of blocking, starting a runtime, and running a future on this thread.
pub const CLIMBING: usize = Kind::ALL.len() + 2;
const RUNTIME: usize = Kind::ALL.len();
const FUTURE: usize = RUNTIME + 1;

/// Which of the climbing effects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Climbing {
    Blocks(Kind),
    StartsRuntime,
    /// Rust code that Python calls runs a future to its end. Python's loop is no runtime of Rust: nothing panics, and the loop
    /// stands still.
    RunsFuture,
}

impl Climbing {
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Blocks(kind) => kind.index(),
            Self::StartsRuntime => RUNTIME,
            Self::RunsFuture => FUTURE,
        }
    }
}

/// One place in a function where something is run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site {
    pub span: Span,
    /// `None` where it is run without call syntax.
    pub call: Option<CallId>,
    /// Which object is asked for what, where the callee of a call does not say that.
    pub asks: Option<(ValueId, Wanted)>,
    /// What tests before it say of values that the call hands on, the latest one first.
    pub given: Vec<Condition>,
    /// What has just been set, or asked, of attributes of the objects that it has to do with.
    pub attributes: Vec<Attribute>,
    /// What must hold of the function's own parameters for it to be reached.
    pub guards: Guards,
    /// How many branches and handlers it stands in, and how many may have been left before: whether it is reached hangs on
    /// so much more than is known.
    pub branches: u32,
    /// What is made there is kept for the next time.
    pub once: bool,
    /// It is kept for the whole program, whoever asks: in a `static`.
    pub shared: bool,
    /// It is asked of an object that is an attribute of another: `self.config.log`.
    pub held: bool,
}

/// What is known of an attribute of an object at one place in a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Attribute {
    pub object: ValueId,
    pub name: NameId,
    pub test: Test,
    pub holds: bool,
}

/// What an object is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Wanted {
    /// What the file names: an attribute, or the method of an operator.
    Named(NameId),
    /// A method that the language asks for: `__enter__`.
    Special(&'static str),
    /// All of its elements.
    Elements,
}

/// What a site runs.
#[derive(Clone, Copy, Debug)]
pub enum Runs {
    Own(FnRef),
    /// A method that says something only to those who know the class of its object: it is abstract, `None` if it is of a type that is
    /// a parameter, or an async function of the user's, which answers for the rest itself.
    Asked(Option<FnRef>),
    Library(&'static Api, Effect),
}

impl Runs {
    /// Of the project, or of a dependency: that one, or what stands in its place where more is known.
    pub(super) fn function(&self) -> Option<FnRef> {
        match self {
            Self::Own(function) | Self::Asked(Some(function)) => Some(*function),
            Self::Asked(None) | Self::Library(..) => None,
        }
    }
}

impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Own(function), Self::Own(other)) => function == other,
            (Self::Asked(function), Self::Asked(other)) => function == other,
            (Self::Library(api, effect), Self::Library(other, its)) => std::ptr::eq(*api, *other) && effect == its,
            _ => false,
        }
    }
}

impl Wanted {
    /// The method of that name that the language asks for.
    pub(super) fn special(name: &str) -> Option<Self> {
        SPECIAL.iter().find(|it| **it == name).map(|it| Self::Special(it))
    }
}

/// All that [`Wanted::Special`] may be.
const SPECIAL: [&str; 11] = [
    "__aenter__",
    "__aexit__",
    "__aiter__",
    "__anext__",
    "__call__",
    "__enter__",
    "__exit__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__next__",
];

/// What is known of a function by itself.
#[derive(Clone)]
pub(super) struct Known {
    /// What it runs, in order of place.
    pub(super) sites: Vec<(Site, Runs)>,
    /// What decides by its class what it runs, as it is asked for something, in order.
    pub(super) asks: Box<[Subject]>,
    /// At which of its sites it hands on which of its parameters.
    pub(super) hands: Box<[(usize, ValueId)]>,
}

impl Known {
    pub(super) fn of(project: &Project, function: FnRef) -> Self {
        let _within = project.within(function.file);
        let sites = project.sites_of(function);
        let mut asks = project.subjects_asked(function, &sites);
        asks.sort_unstable();
        asks.dedup();
        let hands = project.parameters_handed_on(function, &sites).into();
        Self { sites, asks: asks.into(), hands }
    }

    /// The same is run at each site, and the same is asked for.
    pub(super) fn runs_the_same(&self, other: &Self) -> bool {
        let runs = |it: &(Site, Runs)| it.1;
        self.asks == other.asks
            && self.hands == other.hands
            && self.sites.iter().map(runs).eq(other.sites.iter().map(runs))
    }
}

/// By the functions that code on the loop reaches.
pub(super) type AllKnown = FxHashMap<FnRef, Known>;

/// Looks at functions.
pub(super) type Look<'a> = dyn Fn(&[FnRef]) -> Vec<(FnRef, Known)> + 'a;

/// Why a function has an effect: what it runs next on the shortest way.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Hop {
    pub(super) site: Site,
    pub(super) next: Runs,
    /// What `next` is told of the class of an object.
    pub(super) bound: Option<Bound>,
    /// Which of the ways of `next` this goes on with.
    pub(super) way: usize,
    /// What must hold of the function's parameters for the whole way.
    pub(super) guards: Guards,
}

/// Ways of one function to one effect that are kept: nearest first, none asking for more than one before it.
const MOST_WAYS: usize = 4;

/// What is known of all functions that code on the loop reaches.
#[derive(Default)]
pub struct Effects {
    pub(super) known: AllKnown,
    pub(super) hops: Vec<FxHashMap<Node, Vec<Hop>>>,
    /// Where the class of an object leads elsewhere than the sites.
    pub(super) special: Special,
    /// Sync functions that the loop itself calls.
    callbacks: FxHashSet<FnRef>,
    /// Files of which every function is looked at, whether code on the loop reaches it or not.
    asked: FxHashSet<FileId>,
    /// By file, what is looked at whoever calls it.
    roots: FxHashMap<FileId, Vec<FnRef>>,
    /// As of the last time that effects climbed, unless something has been called otherwise since.
    callers: Option<Callers>,
}

/// Who runs a function by itself, and at which of its sites.
type Callers = FxHashMap<FnRef, Vec<(FnRef, u32)>>;

impl Effects {
    pub(super) fn of(project: &Project, asked: FxHashSet<FileId>) -> Self {
        let relevant = project.relevant_files();
        let callbacks: FxHashSet<FnRef> =
            relevant.par_iter().flat_map_iter(|file| project.callbacks_of(*file)).collect();
        let mut effects = Self { callbacks, asked, ..Self::default() };
        effects.reach(project, &|functions| {
            let known = |it: FnRef| project.known_before(it).unwrap_or_else(|| Known::of(project, it));
            functions.par_iter().map(|function| (*function, known(*function))).collect()
        });
        effects.climb(project);
        effects
    }

    /// What code on the loop reaches, and what is asked for. `look` looks at functions of which nothing is known. Gives all functions that
    /// are reached.
    pub(super) fn reach(&mut self, project: &Project, look: &Look<'_>) -> FxHashSet<FnRef> {
        let relevant = project.relevant_files().par_iter().with_min_len(64);
        let roots = relevant.map(|file| (*file, self.roots_in(project, *file))).filter(|(_, roots)| !roots.is_empty());
        let roots: Vec<(FileId, Vec<FnRef>)> = roots.collect();
        let mut frontier: Vec<FnRef> = roots.iter().flat_map(|it| &it.1).copied().collect();
        if project.noted {
            self.roots = roots.into_iter().collect();
        }
        let mut seen: FxHashSet<FnRef> = frontier.iter().copied().collect();
        let mut more = frontier.clone();
        loop {
            if frontier.is_empty() {
                self.special.extend(project, &self.known, &std::mem::take(&mut more));
                frontier.extend(self.special.edges().map(|it| it.callee.function).filter(|it| seen.insert(*it)));
                if frontier.is_empty() {
                    return seen;
                }
                more.extend(&frontier);
            }
            // Those of one file are looked at together.
            let mut unknown: Vec<FnRef> = frontier.iter().copied().filter(|it| !self.known.contains_key(it)).collect();
            unknown.sort_unstable();
            self.known.extend(look(&unknown));
            let mut next: Vec<FnRef> = Vec::new();
            for (_, runs) in frontier.iter().flat_map(|function| self.sites(*function)) {
                if let Runs::Own(callee) = runs
                    && seen.insert(*callee)
                {
                    next.push(*callee);
                }
            }
            more.extend(&next);
            frontier = next;
        }
    }

    /// What is looked at in a file that matters, whoever calls it.
    pub(super) fn roots_in(&self, project: &Project, file: FileId) -> Vec<FnRef> {
        let all = project.model(file).function_ids().map(|function| FnRef { file, function });
        all.filter(|function| self.asked.contains(&file) || self.on_loop(project, *function)).collect()
    }

    /// What goes by other numbers after a change.
    pub(super) fn renumber(&mut self, now: &Renumbered) {
        let renumber = |runs: &mut Runs| {
            if let Runs::Own(function) | Runs::Asked(Some(function)) = runs {
                *function = now.function(*function);
            }
        };
        for (of, known) in self.known.iter_mut().filter(|(of, _)| of.file == now.file) {
            known.asks.iter_mut().for_each(|it| *it = now.subject(*of, *it));
            known.asks.sort_unstable();
            known.hands.iter_mut().for_each(|(_, given)| *given = now.subject(*of, (*given).into()).value);
        }
        // Where a function that is gone was known, all is found anew.
        let is_known_gone = self.known.keys().any(|it| now.is_taken(*it));
        if is_known_gone {
            (self.roots, self.callers) = Default::default();
        }
        if now.moves_functions() {
            if let Some(roots) = self.roots.get_mut(&now.file) {
                roots.iter_mut().for_each(|it| *it = now.function(*it));
                roots.sort_unstable();
            }
            if let Some(callers) = &mut self.callers {
                rekey(callers, |it| it.file == now.file, |it| now.function(it));
                callers.values_mut().flatten().for_each(|(caller, _)| *caller = now.function(*caller));
            }
            self.callbacks = self.callbacks.iter().map(|it| now.function(*it)).collect();
            self.known.retain(|of, _| !now.is_taken(*of));
            let known = std::mem::take(&mut self.known).into_iter();
            self.known = known.map(|(of, known)| (now.function(of), known)).collect();
            self.known.values_mut().flat_map(|it| &mut it.sites).for_each(|(_, it)| renumber(it));
        }
        for hops in &mut self.hops {
            hops.retain(|node, _| !now.is_taken(node.function));
            rekey(hops, |it| it.function.file == now.file, |it| now.node(it));
            for hop in hops.values_mut().flatten() {
                if let (Some(next), Some(bound)) = (hop.next.function(), &mut hop.bound) {
                    bound.subject = now.subject(next, bound.subject);
                }
                renumber(&mut hop.next);
            }
        }
        self.special.renumber(now, is_known_gone);
    }

    /// From where an effect is to every caller, nearest first; among equals the earliest place wins.
    pub(super) fn climb(&mut self, project: &Project) {
        let callers = self.callers.take().unwrap_or_else(|| self.callers());
        let mut hops: Vec<FxHashMap<Node, Vec<Hop>>> = vec![FxHashMap::default(); CLIMBING];
        let mut levels: Vec<Vec<(Node, usize)>> = vec![Vec::new(); CLIMBING];
        let mut begin = |node: Node, site: &Site, api: &'static Api, effect: Effect| {
            // What is only likely to happen is told where it is called, not from afar.
            if api.confidence == Confidence::Likely {
                return;
            }
            let in_rust = project.language(node.function.file) == Language::Rust;
            let indices: &[usize] = match effect {
                Effect::Blocks(kind) => &[kind.index()],
                Effect::StartsRuntime if in_rust && runs_future(api) => &[RUNTIME, FUTURE],
                Effect::StartsRuntime => &[RUNTIME],
                Effect::Spawns | Effect::Checkpoint => return,
            };
            for index in indices {
                let next = Runs::Library(api, effect);
                let hop = Hop { site: site.clone(), next, bound: None, way: 0, guards: site.guards.clone() };
                if let Some(way) = keep(hops[*index].entry(node).or_default(), hop) {
                    levels[*index].push((node, way));
                }
            }
        };
        for (function, known) in &self.known {
            for (site, runs) in surest_first(&known.sites) {
                if let Runs::Library(api, effect) = runs {
                    begin(Node::from(*function), site, api, *effect);
                }
            }
        }
        for node in self.special.whole_nodes(project) {
            for (site, runs) in self.sites(node.function) {
                if let Runs::Library(api, effect) = runs
                    && !project.has_another_for(node, site)
                {
                    begin(node, site, api, *effect);
                }
            }
        }
        for (node, bound) in self.special.of_library() {
            for (site, _) in self.sites(node.function).iter().filter(|(_, runs)| matches!(runs, Runs::Asked(_))) {
                if let Some((api, effect)) = project.asks_library(node.function, bound, site) {
                    begin(node, site, api, effect);
                }
            }
        }
        let mut special: FxHashMap<Node, Vec<(Node, usize)>> = FxHashMap::default();
        for edge in self.special.edges() {
            special.entry(edge.callee).or_default().push((edge.caller, edge.site));
        }
        let callers_of = |node: Node| {
            let plain = if node.bound.is_none() { callers.get(&node.function) } else { None };
            let plain = plain.into_iter().flatten().map(|(caller, site)| (*caller, *site as usize));
            let plain = plain.filter(|(caller, site)| !self.special.replaces(*caller, *site));
            let plain = plain.map(|(caller, site)| (Node::from(caller), site));
            plain.chain(special.get(&node).into_iter().flatten().copied())
        };
        hops.par_iter_mut().zip(levels).enumerate().for_each(|(index, (hops, mut level))| {
            while !level.is_empty() {
                let mut reached: Vec<(Node, usize, Hop)> = Vec::new();
                for (node, way) in &level {
                    let Node { function, bound } = *node;
                    // What runs on the loop answers for itself: its callers are told there, of all that it can know.
                    if bound.is_none() && project.answers_for_itself(function) {
                        continue;
                    }
                    let guards = hops[node][*way].guards.clone();
                    for (caller, at) in callers_of(*node) {
                        let Some((site, _)) = self.sites(caller.function).get(at) else { continue };
                        let file = caller.function.file;
                        if index == RUNTIME && project.language(file) != project.language(function.file) {
                            continue;
                        }
                        let Some(guards) = project.carried(caller.function, site, function, &guards) else { continue };
                        let next = Runs::Own(function);
                        reached.push((caller, at, Hop { site: site.clone(), next, bound, way: *way, guards }));
                    }
                }
                // The least demanding first, then what hangs on the fewest branches, then the earliest place.
                let order = |hop: &Hop| {
                    let next = hop.next.function().map(|next| (project.standing(next.file), next.function));
                    let bound = hop.bound.map(|it| {
                        let (own, library) = match it.class {
                            Class::Own(class) => (Some((project.standing(class.file), class.class)), None),
                            Class::Library(path) => (None, Some(path)),
                        };
                        (it.subject, own, library)
                    });
                    (hop.guards.demanding(), hop.site.branches, hop.site.span, next, bound, hop.way)
                };
                reached.sort_by(|(a, at, x), (b, its, y)| {
                    a.cmp(b).then_with(|| order(x).cmp(&order(y))).then_with(|| at.cmp(its))
                });
                level = Vec::new();
                for (caller, _, hop) in reached {
                    if let Some(way) = keep(hops.entry(caller).or_default(), hop) {
                        level.push((caller, way));
                    }
                }
            }
        });
        self.hops = hops;
        self.callers = project.noted.then_some(callers);
    }

    fn callers(&self) -> Callers {
        let mut callers = Callers::default();
        for (function, known) in &self.known {
            for (at, (_, runs)) in known.sites.iter().enumerate() {
                if let Runs::Own(callee) = runs {
                    callers.entry(*callee).or_default().push((*function, at as u32));
                }
            }
        }
        callers
    }

    /// The function's body is driven by an event loop: blocking in it blocks the loop.
    pub fn on_loop(&self, project: &Project, function: FnRef) -> bool {
        project.asks_for_effects(function);
        project.declared(function).kind.is_async() || self.callbacks.contains(&function)
    }

    /// What a function on the loop runs, in order of place.
    pub fn sites(&self, function: FnRef) -> &[(Site, Runs)] {
        self.known.get(&function).map_or(&[], |it| &it.sites)
    }

    /// The function has the effect, by itself or through what it calls.
    pub fn has(&self, project: &Project, function: FnRef, effect: Climbing) -> bool {
        project.asks_for_effects(function);
        self.hops.get(effect.index()).is_some_and(|hops| hops.contains_key(&Node::from(function)))
    }
}

/// What hangs on no branch is the better witness; else the earlier place.
fn surest_first(sites: &[(Site, Runs)]) -> impl Iterator<Item = &(Site, Runs)> {
    let of = |in_branch: bool| sites.iter().filter(move |(site, _)| (site.branches > 0) == in_branch);
    of(false).chain(of(true))
}

/// It does not return before a future is done.
fn runs_future(api: &Api) -> bool {
    api.runs.iter().any(|it| matches!(it.place, Runner::Runtime | Runner::Beside))
}

/// Keeps a way unless one that is no longer asks for no more. Gives its place among the ways.
fn keep(ways: &mut Vec<Hop>, hop: Hop) -> Option<usize> {
    if ways.len() >= MOST_WAYS || ways.iter().any(|way| way.guards.within(&hop.guards)) {
        return None;
    }
    ways.push(hop);
    Some(ways.len() - 1)
}

impl Project {
    pub(super) fn asks_for_effects(&self, function: FnRef) {
        if self.noted {
            trace::asks_for_effects(function);
        }
    }

    /// What must hold of the caller for the callee's conditions to be met at this place; `None` where they cannot be.
    pub(super) fn carried(&self, caller: FnRef, site: &Site, callee: FnRef, guards: &Guards) -> Option<Guards> {
        let mut carried = site.guards.clone();
        for guard in guards.iter() {
            match self.outcome(caller, site, callee, guard) {
                Outcome::Fails => return None,
                Outcome::Open => {}
                Outcome::Becomes(guard) => carried = carried.and(guard),
            }
        }
        (!carried.exclude_each_other()).then_some(carried)
    }
}
