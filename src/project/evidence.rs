//! Why a function has an effect: the shortest chain from a call to its end, as reports tell it.

use crate::finding::{Confidence, Place, Step};
use crate::knowledge::Api;
use crate::model::Use;
use crate::source::Language;

use super::Project;
use super::effects::{Climbing, Effects, Runs, Site};
use super::overridden::Asked;
use super::special::Node;
use super::types::FnRef;

/// The way from a function to an effect.
pub struct Evidence {
    pub steps: Vec<Step>,
    /// The library function at the end.
    pub api: &'static Api,
    pub confidence: Confidence,
    /// How many branches the way hangs on.
    pub branches: u32,
    /// The functions at the start of the way give back at once what the next gives, where they might have given something
    /// else: who awaits what comes of it did not go this way.
    pub alternative: bool,
    /// The function on the way that keeps what it makes: it happens the first time only.
    pub once: Option<FnRef>,
    /// That function was asked of an object that is held elsewhere, where others can ask it.
    pub held: bool,
    /// Rust: a branch of a function that the first one calls is on the way. Which variant of an `enum`, which flag or platform
    /// it is for has often been decided before.
    pub decided_below: bool,
    /// The end is in Rust.
    pub in_rust: bool,
    /// Python's interpreter is let go of on the way.
    pub released: bool,
}

impl Evidence {
    /// Conditions on a way after which hardly any call goes it to the end.
    const MOST_CONDITIONS: usize = 17;

    /// So much must come together for this to happen that it is seldom worth the telling: branches, and with them the calls
    /// themselves, each of which may go elsewhere than it seems, for two. What hangs on no branch happens, however far.
    pub fn is_far_fetched(&self) -> bool {
        let conditions = self.branches as usize + 2 * self.steps.len();
        self.decided_below || self.branches > 0 && conditions > Self::MOST_CONDITIONS
    }
}

impl Effects {
    /// The shortest chain from inside `function` to the effect, and the library function at its end.
    pub fn evidence(&self, project: &Project, function: FnRef, effect: Climbing) -> Option<Evidence> {
        self.chain(project, Node::from(function), (0, false), Asked::default(), effect)
    }

    /// The shortest chain that this place of `caller`, which runs `callee`, does not rule out by what it gives, or by awaiting
    /// what it gets. Of a callee that answers for itself, one that it knows nothing of.
    pub fn evidence_at(
        &self,
        project: &Project,
        caller: FnRef,
        site: &Site,
        callee: FnRef,
        effect: Climbing,
    ) -> Option<Evidence> {
        project.asks_for_effects(callee);
        let hops = self.hops.get(effect.index())?;
        let plain = Node::from(callee);
        let own = hops.get(&plain).filter(|_| !project.answers_for_itself(callee));
        if own.is_none() && !self.special.asks(callee) {
            return None;
        }
        let (asked, bounds) = self.special.asked_at(project, caller, &project.asked_as_method(caller), site, callee);
        // Who knows more goes another way than the function by itself.
        let own = own.filter(|_| bounds.is_empty());
        let special = bounds.into_iter().map(|bound| Node { bound: Some(bound), ..plain });
        let ways = std::iter::once((plain, own))
            .chain(special.map(|node| (node, hops.get(&node))))
            .flat_map(|(node, ways)| ways.into_iter().flatten().enumerate().map(move |(way, hop)| (node, way, hop)));
        let mut goes = ways.filter_map(|(node, way, hop)| {
            project.carried(caller, site, callee, &hop.guards)?;
            if project.is_replaced(caller, site, callee, &hop.site)
                || project.is_after_first(caller, site, callee, &hop.site)
            {
                return None;
            }
            self.chain(project, node, (way, project.asks_held(caller, site)), asked.clone(), effect)
        });
        let awaited = site.call.is_some_and(|call| project.model(caller.file).call(call).awaited);
        goes.find(|it| !project.is_patched(caller, it)).filter(|it| !(awaited && it.alternative))
    }

    /// What an async function answers for by itself is told there: the effect at this place is.
    fn is_told(&self, project: &Project, function: FnRef, at: &Site, effect: Climbing) -> bool {
        let Some(hops) = self.hops.get(effect.index()) else { return false };
        let ways = |function: FnRef| hops.get(&Node::from(function)).into_iter().flatten();
        // Of the ways from several places only the nearest are kept.
        ways(function).any(|way| way.site.span == at.span)
            || self.sites(function).iter().filter(|(site, _)| site.span == at.span).any(|(site, runs)| match *runs {
                Runs::Own(next) if !project.answers_for_itself(next) => {
                    ways(next).any(|way| project.carried(function, site, next, &way.guards).is_some())
                }
                _ => false,
            })
    }

    /// The chain from inside a function on this way, and whether who goes it asks an object that is held elsewhere. Where
    /// the class of the object that it is asked of has a method of its own, that is gone on with.
    fn chain(
        &self,
        project: &Project,
        node: Node,
        (way, held): (usize, bool),
        mut asked: Asked,
        effect: Climbing,
    ) -> Option<Evidence> {
        let hops = self.hops.get(effect.index())?;
        let mut steps = Vec::new();
        let (mut branches, mut once, mut decided_below) = (0, None, false);
        let (mut alternative, mut returned) = (false, true);
        let (mut in_rust, mut released) = (false, false);
        let (mut node, mut way) = (node, way);
        let (mut asks_held, mut is_held) = (held, false);
        loop {
            let at = node.function;
            project.asks_for_effects(at);
            let hop = hops.get(&node)?.get(way)?;
            if node.bound.is_some() && project.answers_for_itself(at) && self.is_told(project, at, &hop.site, effect) {
                return None;
            }
            branches += hop.site.branches;
            let is_rust = project.language(at.file) == Language::Rust;
            in_rust |= is_rust;
            released |= is_rust && hop.site.call.is_some_and(|call| project.releases_interpreter(at.file, call));
            decided_below |= is_rust && !steps.is_empty() && hop.site.branches > 0;
            if hop.site.once || project.keeps_result(at) {
                once = Some(at);
                is_held = asks_held || hop.site.shared;
            }
            asks_held = project.asks_held(at, &hop.site);
            returned &= hop.site.call.is_some_and(|call| project.model(at.file).call(call).result == Use::Returned);
            alternative |= returned && hop.site.branches > 0;
            let place = Place { file: at.file, span: hop.site.span };
            let name = project.function_name(at);
            match hop.next {
                Runs::Asked(None) => return None,
                Runs::Own(next) | Runs::Asked(Some(next)) => {
                    let instead = project.asks_another(at, &asked, &hop.site, Some(next));
                    asked = self.special.asked_at(project, at, &asked, &hop.site, instead.unwrap_or(next)).0;
                    (node, way) = match instead {
                        // What another answers for is told where it is called.
                        Some(other) if project.answers_for_itself(other) => return None,
                        Some(other) => {
                            let other = Node::from(other);
                            (other, hops.get(&other)?.iter().position(|it| it.guards.are_of_objects())?)
                        }
                        None => (Node { function: next, bound: hop.bound }, hop.way),
                    };
                    let message = format!("calls `{}`", project.short_name(node.function));
                    steps.push(Step { function: name, message, place });
                }
                Runs::Library(api, _) => {
                    let does = if api.does.is_empty() { "blocks" } else { api.does };
                    let does = match effect {
                        // Only a runtime of Rust minds.
                        Climbing::RunsFuture => does.strip_suffix(", and panics in async code").unwrap_or(does),
                        _ => does,
                    };
                    steps.push(Step { function: name, message: format!("`{}` {does}", api.path), place });
                    let confidence = if branches > 0 || once.is_some() { Confidence::Likely } else { api.confidence };
                    return Some(Evidence {
                        steps,
                        api,
                        confidence,
                        branches,
                        alternative,
                        once,
                        held: is_held,
                        decided_below,
                        in_rust,
                        released,
                    });
                }
            }
        }
    }
}
