//! Effects and their evidence: which functions block, or start a runtime, and by which shortest chain of calls.
//!
//! Functions are looked at level by level from those that run on the loop, each level in parallel; then effects climb back
//! from where they are to every caller, nearest first. Both steps give the same answer for any number of threads.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{FileId, Place, Step};
use crate::knowledge::{Api, Effect, Kind, Place as RunPlace, Runner};
use crate::model::{CallId, FunctionId, FunctionKind, ImplicitKind, Node, ScopeKind, Use, ValueId, flow};
use crate::source::{Language, Span};

use super::calls::Callee;
use super::types::{Class, FnRef, Ty};
use super::{Project, resolve::Wrapping};

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

impl Project {
    /// Sync functions of the file that are handed to the loop, or that a framework runs on it.
    fn callbacks_of(&self, file: FileId) -> Vec<FnRef> {
        let model = self.model(file);
        let mut callbacks = Vec::new();
        for (index, call) in model.calls.iter().enumerate() {
            if call.args.is_empty() {
                continue;
            }
            // Only names that some table gives a callback to are worth evaluating.
            let name = match model.value(call.callee) {
                crate::model::Value::Attr(_, name) => model.name(*name),
                _ => continue,
            };
            if !matches!(
                name,
                "call_soon"
                    | "call_later"
                    | "call_at"
                    | "call_soon_threadsafe"
                    | "add_done_callback"
                    | "add_signal_handler"
                    | "add_reader"
                    | "add_writer"
            ) {
                continue;
            }
            let Some(api) = self.api_of(file, CallId(index as u32)) else { continue };
            for runs in api.runs.iter().filter(|it| it.place == Runner::Loop) {
                let name = (!runs.name.is_empty()).then_some(runs.name);
                let argument = call.argument(&model.names, runs.position.map(usize::from), name);
                if let Some(argument) = argument
                    && let Ty::Function(function) | Ty::Bound(_, function) = self.evaluate(file, argument.value)
                    && matches!(self.function(function).kind, FunctionKind::Sync | FunctionKind::Closure)
                {
                    callbacks.push(function);
                }
            }
        }
        for id in model.function_ids() {
            let function = model.function(id);
            if function.kind != FunctionKind::Sync || function.decorators.is_empty() {
                continue;
            }
            let on_loop = function.decorators.iter().any(|decorator| {
                let (Ty::External(path) | Ty::Method(path, _)) = self.evaluate(file, decorator.value) else {
                    return false;
                };
                self.knowledge.decorator(model.language, &path).is_some_and(|facts| facts.sync == Some(RunPlace::Loop))
            });
            if on_loop {
                callbacks.push(FnRef { file, function: id });
            }
        }
        callbacks
    }

    /// Everything a function runs that matters: library functions with effects, and functions of the project.
    fn sites_of(&self, function: FnRef) -> Vec<(Site, Runs)> {
        let file = function.file;
        let model = self.model(file);
        let body = &model.function(function.function).body;
        let mut sites = Vec::new();
        let mut async_subjects: FxHashSet<ValueId> = FxHashSet::default();
        flow::visit(body, &mut |node| {
            if let Node::Scope(scope) = node
                && scope.kind == ScopeKind::AsyncWith
            {
                async_subjects.extend(scope.items.iter().map(|item| item.value));
            }
            flow::Step::Into
        });
        flow::visit(body, &mut |node| {
            match node {
                Node::Call(call) => self.sites_of_call(file, *call, &async_subjects, &mut sites),
                Node::Implicit(it) => {
                    let site = Site { span: it.span, call: None };
                    match it.kind {
                        ImplicitKind::Attribute(name) => {
                            let name = model.name(name);
                            if let Some(property) = self.property(file, it.value, name) {
                                sites.push((site, Runs::Own(property)));
                            }
                        }
                        ImplicitKind::Iterate => {
                            if let Ty::Generator(generator) = self.evaluate(file, it.value)
                                && !self.function(generator).kind.is_async()
                            {
                                sites.push((site, Runs::Own(generator)));
                            }
                        }
                        ImplicitKind::AsyncIterate => {}
                    }
                }
                Node::Scope(scope) if scope.kind == ScopeKind::With => {
                    for item in &scope.items {
                        let site = Site { span: item.span, call: None };
                        match self.evaluate(file, item.value) {
                            Ty::Manager(manager) if !self.function(manager).kind.is_async() => {
                                sites.push((site, Runs::Own(manager)));
                            }
                            ty @ Ty::Instance(Class::Own(_), _) => {
                                for name in ["__enter__", "__exit__"] {
                                    if let Ty::Bound(_, method) = self.member(model.language, &ty, name) {
                                        sites.push((site, Runs::Own(method)));
                                    }
                                }
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
            flow::Step::Into
        });
        sites
    }

    fn sites_of_call(
        &self,
        file: FileId,
        id: CallId,
        async_subjects: &FxHashSet<ValueId>,
        sites: &mut Vec<(Site, Runs)>,
    ) {
        let model = self.model(file);
        let call = model.call(id);
        let site = Site { span: call.name_span, call: Some(id) };
        let callees = self.callees(file, id);
        let asynchronous = call.awaited || self.is_entered_async(file, id, async_subjects);
        // Alternatives: only what all of them do is sure.
        let mut effect: Option<(&'static Api, Effect)> = None;
        for (index, callee) in callees.iter().enumerate() {
            let found = match callee {
                Callee::Api(path, _) if !asynchronous => self
                    .knowledge
                    .api(model.language, path)
                    .filter(|api| !api.is_async)
                    .and_then(|api| self.effect_in_call(file, call, api).map(|effect| (api, effect))),
                _ => None,
            };
            if index == 0 {
                effect = found;
            } else if effect.map(|it| it.1) != found.map(|it| it.1) {
                effect = None;
            }
        }
        if let Some((api, effect)) = effect {
            sites.push((site, Runs::Library(api, effect)));
        }
        let [callee] = callees.as_slice() else { return };
        match callee {
            Callee::Own(function) => {
                if let Some(function) = self.runs_now(*function) {
                    sites.push((site, Runs::Own(function)));
                }
            }
            Callee::Construct(class) => {
                let this = Ty::Instance(Class::Own(*class), std::sync::Arc::from([]));
                for name in ["__new__", "__init__", "__post_init__"] {
                    if let Ty::Bound(_, method) = self.member(model.language, &this, name) {
                        sites.push((site, Runs::Own(method)));
                    }
                }
            }
            Callee::Api(path, _) => {
                let Some(api) = self.knowledge.api(model.language, path) else { return };
                for runs in api.runs.iter().filter(|it| it.place == Runner::Inline) {
                    let name = (!runs.name.is_empty()).then_some(runs.name);
                    let argument = call.argument(&model.names, runs.position.map(usize::from), name);
                    let Some(argument) = argument else { continue };
                    if let Callee::Own(function) = self.callee_of(model.language, &self.evaluate(file, argument.value))
                        && let Some(function) = self.runs_now(function)
                    {
                        sites.push((site, Runs::Own(function)));
                    }
                }
            }
            Callee::Unknown => {}
        }
    }

    /// The function, if calling it runs its body before it returns.
    fn runs_now(&self, function: FnRef) -> Option<FnRef> {
        let definition = self.function(function);
        let plain = self.wrapping(function) == Wrapping::Plain;
        let generator = definition.is_generator && self.language(function.file) == Language::Python;
        (plain && !generator && !definition.kind.is_async()).then_some(function)
    }

    fn property(&self, file: FileId, receiver: ValueId, name: &str) -> Option<FnRef> {
        let ty = self.evaluate(file, receiver);
        let Ty::Instance(Class::Own(class), _) = ty else { return None };
        let model = self.model(class.file);
        let id = model.names.find(name)?;
        let (_, function) = model.class(class.class).methods.iter().find(|(it, _)| *it == id)?;
        let function = FnRef { file: class.file, function: *function };
        (self.is_property(function) && !self.is_abstract(function)).then_some(function)
    }

    /// The call's result is the subject of an `async with`.
    fn is_entered_async(&self, file: FileId, call: CallId, subjects: &FxHashSet<ValueId>) -> bool {
        let model = self.model(file);
        model.call(call).result == Use::Entered
            && subjects.iter().any(|value| *model.value(*value) == crate::model::Value::Result(call))
    }

    /// The function is nested in `outer`, at any depth.
    pub fn is_inside(&self, file: FileId, function: FunctionId, outer: FunctionId) -> bool {
        let model = self.model(file);
        let mut at = Some(function);
        while let Some(function) = at {
            if function == outer {
                return true;
            }
            at = model.function(function).parent;
        }
        false
    }
}
