//! Effects and their evidence: which functions block, or start a runtime, and by which shortest chain of calls.
//!
//! Functions are looked at level by level from those that run on the loop, each level in parallel; then effects climb back
//! from where they are to every caller, nearest first. Both steps give the same answer for any number of threads.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Confidence, Place, Step};
use crate::knowledge::{Api, Effect, Kind};
use crate::model::CallId;
use crate::source::Span;

use super::Project;
use super::types::FnRef;

/// The effects that climb: the nine kinds of blocking, and starting a runtime.
pub const CLIMBING: usize = Kind::ALL.len() + 1;
const RUNTIME: usize = Kind::ALL.len();

/// Which of the climbing effects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Climbing {
    Blocks(Kind),
    StartsRuntime,
}

impl Climbing {
    const fn index(self) -> usize {
        match self {
            Self::Blocks(kind) => kind.index(),
            Self::StartsRuntime => RUNTIME,
        }
    }
}

/// One place in a function where something is run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site {
    pub span: Span,
    /// `None` where it is run without call syntax.
    pub call: Option<CallId>,
}

/// What a site runs.
#[derive(Clone, Copy, Debug)]
pub enum Runs {
    Own(FnRef),
    Library(&'static Api, Effect),
}

/// Why a function has an effect: what it runs next on the shortest way.
#[derive(Clone, Copy, Debug)]
struct Hop {
    distance: u32,
    site: Site,
    next: Runs,
}

/// What is known of all functions that code on the loop reaches.
#[derive(Default)]
pub struct Effects {
    sites: FxHashMap<FnRef, Vec<(Site, Runs)>>,
    hops: Vec<FxHashMap<FnRef, Hop>>,
    /// Sync functions that the loop itself calls.
    callbacks: FxHashSet<FnRef>,
}

impl Effects {
    pub(super) fn of(project: &Project) -> Self {
        use rayon::prelude::*;
        let relevant = project.relevant_files();
        let callbacks: FxHashSet<FnRef> =
            relevant.par_iter().flat_map_iter(|file| project.callbacks_of(*file)).collect();
        let mut effects = Self { callbacks, ..Self::default() };
        let mut frontier: Vec<FnRef> = relevant
            .iter()
            .flat_map(|file| project.model(*file).function_ids().map(|function| FnRef { file: *file, function }))
            .filter(|function| effects.on_loop(project, *function))
            .collect();
        let mut seen: FxHashSet<FnRef> = frontier.iter().copied().collect();
        while !frontier.is_empty() {
            let found: Vec<(FnRef, Vec<(Site, Runs)>)> =
                frontier.par_iter().map(|function| (*function, project.sites_of(*function))).collect();
            let mut next: Vec<FnRef> = Vec::new();
            for (function, sites) in found {
                for (_, runs) in &sites {
                    if let Runs::Own(callee) = runs
                        && seen.insert(*callee)
                    {
                        next.push(*callee);
                    }
                }
                effects.sites.insert(function, sites);
            }
            next.sort_unstable();
            frontier = next;
        }
        effects.climb(project);
        effects
    }

    /// From where an effect is to every caller, nearest first; among equals the earliest place wins.
    fn climb(&mut self, project: &Project) {
        let mut callers: FxHashMap<FnRef, Vec<(FnRef, Site)>> = FxHashMap::default();
        let mut functions: Vec<&FnRef> = self.sites.keys().collect();
        functions.sort_unstable();
        let mut hops: Vec<FxHashMap<FnRef, Hop>> = vec![FxHashMap::default(); CLIMBING];
        let mut levels: Vec<Vec<FnRef>> = vec![Vec::new(); CLIMBING];
        for function in functions {
            for (site, runs) in &self.sites[function] {
                match runs {
                    Runs::Own(callee) => callers.entry(*callee).or_default().push((*function, *site)),
                    // What is only likely to happen is told where it is called, not from afar.
                    Runs::Library(api, _) if api.confidence == Confidence::Likely => {}
                    Runs::Library(_, effect) => {
                        let index = match effect {
                            Effect::Blocks(kind) => kind.index(),
                            Effect::StartsRuntime => RUNTIME,
                            Effect::Spawns | Effect::Checkpoint => continue,
                        };
                        hops[index].entry(*function).or_insert_with(|| {
                            levels[index].push(*function);
                            Hop { distance: 1, site: *site, next: *runs }
                        });
                    }
                }
            }
        }
        for (index, mut level) in levels.into_iter().enumerate() {
            let mut distance = 1;
            while !level.is_empty() {
                distance += 1;
                let mut reached: FxHashMap<FnRef, (Site, FnRef)> = FxHashMap::default();
                for function in &level {
                    // What runs on the loop answers for itself: its callers are told there.
                    if project.function(*function).kind.is_async() {
                        continue;
                    }
                    for (caller, site) in callers.get(function).into_iter().flatten() {
                        if hops[index].contains_key(caller) {
                            continue;
                        }
                        let entry = reached.entry(*caller).or_insert((*site, *function));
                        if (site.span, *function) < (entry.0.span, entry.1) {
                            *entry = (*site, *function);
                        }
                    }
                }
                level = reached.keys().copied().collect();
                level.sort_unstable();
                for (caller, (site, function)) in reached {
                    hops[index].insert(caller, Hop { distance, site, next: Runs::Own(function) });
                }
            }
        }
        self.hops = hops;
    }

    /// The function's body is driven by an event loop: blocking in it blocks the loop.
    pub fn on_loop(&self, project: &Project, function: FnRef) -> bool {
        project.function(function).kind.is_async() || self.callbacks.contains(&function)
    }

    /// What a function on the loop runs, in order of place.
    pub fn sites(&self, function: FnRef) -> &[(Site, Runs)] {
        self.sites.get(&function).map_or(&[], Vec::as_slice)
    }

    /// The function has the effect, by itself or through what it calls.
    pub fn has(&self, function: FnRef, effect: Climbing) -> bool {
        self.hops.get(effect.index()).is_some_and(|hops| hops.contains_key(&function))
    }

    /// The shortest chain from inside `function` to the effect, and the library function at its end.
    pub fn evidence(&self, project: &Project, function: FnRef, effect: Climbing) -> Option<(Vec<Step>, &'static Api)> {
        let hops = self.hops.get(effect.index())?;
        let mut steps = Vec::new();
        let mut at = function;
        loop {
            let hop = hops.get(&at)?;
            let place = Place { file: at.file, span: hop.site.span };
            let name = project.function_name(at);
            match hop.next {
                Runs::Own(next) => {
                    let message = format!("calls `{}`", project.short_name(next));
                    steps.push(Step { function: name, message, place });
                    debug_assert!(hops.get(&next).is_some_and(|it| it.distance < hop.distance));
                    at = next;
                }
                Runs::Library(api, _) => {
                    let does = if api.does.is_empty() { "blocks" } else { api.does };
                    steps.push(Step { function: name, message: format!("`{}` {does}", api.path), place });
                    return Some((steps, api));
                }
            }
        }
    }
}
