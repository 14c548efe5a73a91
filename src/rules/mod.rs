//! The list of all rules, and what a rule is: plain data and one function.

mod abort_without_join;
mod async_without_await;
mod await_in_cleanup;
mod blocking;
mod blocking_cpu;
mod blocking_database;
mod blocking_file;
mod blocking_input;
mod blocking_lock;
mod blocking_network;
mod blocking_path;
mod blocking_process;
mod blocking_sleep;
mod busy_wait;
mod cancel_unsafe_select;
mod cancelled;
mod caught;
mod checkpoint;
mod constant_deadline;
mod context;
mod control_flow_in_task_group;
mod cross_thread_call;
mod delayed_scope_entry;
mod deprecated_loop_access;
mod exception_group_attribute;
mod exception_group_flattened;
mod exception_group_without_derive;
mod exception_groups;
mod executor_call;
mod handler_misses_group;
mod held_open;
mod ignored_gather_errors;
mod ignored_timeout;
mod inherited;
mod kept_unseen;
mod leaked_task;
mod lock_across_await;
mod long_sleep;
mod macros;
mod misused_protocols;
mod nested_runtime;
mod no_checkpoint;
mod numbers;
mod pytest_raises_exception_group;
mod saved_cancelled_class;
mod scope_without_await;
mod start_soon_in_aenter;
mod swallowed_cancellation;
mod swallowed_outcome;
mod task_group;
mod task_outlives_resource;
mod task_outside_loop;
mod task_status_never_started;
mod timeout_caught_inside;
mod timeout_parameter;
mod unawaited_coroutine;
mod unbounded_fan_out;
mod unbounded_queue;
mod unreferenced_shield;
mod unsafe_async_generator;
mod unstructured_gather;
pub(crate) mod unused_suppression;
mod useless_task_group;
mod wait_for;
mod yield_in_context_manager;
mod yield_in_scope;
mod zero_sleep;

pub use context::Context;

use std::cmp::Ordering;

use crate::finding::{Applicability, FileId, Finding, Severity, Sources};
use crate::project::Project;
use crate::source::Language;

/// A group of rules of one kind: what `--select CATEGORY` names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Category {
    Blocking,
    Runtime,
    Cancellation,
    Tasks,
    Scopes,
    Clarity,
}

impl Category {
    pub const ALL: [Self; 6] =
        [Self::Blocking, Self::Runtime, Self::Cancellation, Self::Tasks, Self::Scopes, Self::Clarity];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Runtime => "runtime",
            Self::Cancellation => "cancellation",
            Self::Tasks => "tasks",
            Self::Scopes => "scopes",
            Self::Clarity => "clarity",
        }
    }
}

/// Which run a rule belongs to; each includes the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Profile {
    /// Bugs, hardly ever wrong: the default.
    #[default]
    Recommended,
    /// Structured concurrency throughout.
    Strict,
    All,
}

impl Profile {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recommended => "recommended",
            Self::Strict => "strict",
            Self::All => "all",
        }
    }
}

/// One mistake, in one language or in both.
pub struct Rule {
    /// Kebab-case; also the stem of `rules/<name>.md`.
    pub name: &'static str,
    /// The whole page.
    pub page: &'static str,
    pub category: Category,
    pub profile: Profile,
    pub severity: Severity,
    pub languages: &'static [Language],
    /// Peers' codes for the same mistake: `ASYNC251`, `RUF006`, `clippy::await_holding_lock`.
    pub aliases: &'static [&'static str],
    /// The best fix it offers.
    pub fix: Option<Applicability>,
    pub check: fn(&mut Context<'_>),
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Rule {}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every rule, in the order of the catalogue.
pub static RULES: &[&Rule] = &[
    &blocking_sleep::RULE,
    &blocking_network::RULE,
    &blocking_database::RULE,
    &blocking_process::RULE,
    &blocking_file::RULE,
    &blocking_path::RULE,
    &blocking_lock::RULE,
    &blocking_input::RULE,
    &blocking_cpu::RULE,
    &nested_runtime::RULE,
    &task_outside_loop::RULE,
    &deprecated_loop_access::RULE,
    &cross_thread_call::RULE,
    &swallowed_cancellation::RULE,
    &await_in_cleanup::RULE,
    &ignored_gather_errors::RULE,
    &timeout_caught_inside::RULE,
    &handler_misses_group::RULE,
    &cancel_unsafe_select::RULE,
    &ignored_timeout::RULE,
    &abort_without_join::RULE,
    &saved_cancelled_class::RULE,
    &leaked_task::RULE,
    &unawaited_coroutine::RULE,
    &unstructured_gather::RULE,
    &unbounded_fan_out::RULE,
    &unbounded_queue::RULE,
    &task_outlives_resource::RULE,
    &start_soon_in_aenter::RULE,
    &task_status_never_started::RULE,
    &useless_task_group::RULE,
    &control_flow_in_task_group::RULE,
    &unreferenced_shield::RULE,
    &yield_in_scope::RULE,
    &yield_in_context_manager::RULE,
    &unsafe_async_generator::RULE,
    &scope_without_await::RULE,
    &delayed_scope_entry::RULE,
    &constant_deadline::RULE,
    &timeout_parameter::RULE,
    &lock_across_await::RULE,
    &no_checkpoint::RULE,
    &busy_wait::RULE,
    &zero_sleep::RULE,
    &long_sleep::RULE,
    &async_without_await::RULE,
    &exception_group_attribute::RULE,
    &exception_group_flattened::RULE,
    &exception_group_without_derive::RULE,
    &pytest_raises_exception_group::RULE,
    &wait_for::RULE,
    &executor_call::RULE,
    &unused_suppression::RULE,
];

/// The rule of that name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}

/// The oldest Python that the code supports: what it has no replacement for is not asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetPython(pub u8, pub u8);

impl TargetPython {
    /// The versions that can be named.
    pub const ALL: [Self; 6] = [Self(3, 9), Self(3, 10), Self(3, 11), Self(3, 12), Self(3, 13), Self(3, 14)];

    /// `3.11`; of a version that cannot be named, nothing.
    pub const fn name(self) -> &'static str {
        match self {
            Self(3, 9) => "3.9",
            Self(3, 10) => "3.10",
            Self(3, 11) => "3.11",
            Self(3, 12) => "3.12",
            Self(3, 13) => "3.13",
            Self(3, 14) => "3.14",
            _ => "",
        }
    }
}

impl std::str::FromStr for TargetPython {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| "it is one of 3.9, 3.10, 3.11, 3.12, 3.13 and 3.14".to_owned())
    }
}

impl Default for TargetPython {
    fn default() -> Self {
        Self(3, 11)
    }
}

/// Rules that are on, each with its severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// Parallel to [`RULES`]; `None` is off.
    levels: Vec<Option<Severity>>,
    /// All findings of these are wanted, whatever the profile.
    whole: Vec<&'static Rule>,
    /// Findings of a rule that belong to a stricter profile than the rule itself are kept up to this one.
    pub profile: Profile,
    pub target_python: TargetPython,
}

impl RuleSet {
    /// The rules of a profile and of the ones it includes, at their own severities.
    pub fn of_profile(profile: Profile) -> Self {
        let levels = RULES.iter().map(|rule| (rule.profile <= profile).then_some(rule.severity)).collect();
        Self { levels, profile, ..Self::default() }
    }

    /// Findings of the rule that belong to a stricter profile are wanted, too.
    pub fn want_whole(&mut self, rule: &'static Rule) {
        if !self.is_whole(rule) {
            self.whole.push(rule);
        }
    }

    pub fn is_whole(&self, rule: &Rule) -> bool {
        self.whole.iter().any(|it| **it == *rule)
    }

    pub fn set(&mut self, rule: &'static Rule, level: Option<Severity>) {
        self.levels.resize(RULES.len(), None);
        if let Some(index) = RULES.iter().position(|it| *it == rule) {
            self.levels[index] = level;
        }
    }

    /// The rules that are on.
    pub fn on(&self) -> impl Iterator<Item = &'static Rule> {
        RULES.iter().copied().zip(&self.levels).filter(|(_, level)| level.is_some()).map(|(rule, _)| rule)
    }

    /// The severity the rule reports at, if it is on.
    pub fn level(&self, rule: &Rule) -> Option<Severity> {
        let index = RULES.iter().position(|it| *it == rule)?;
        self.levels.get(index).copied().flatten()
    }
}

/// Runs on every file the rules that are on for it.
pub fn run(project: &Project) -> Vec<Finding> {
    use rayon::prelude::*;
    let files = project.relevant_files().par_iter();
    let mut findings: Vec<Finding> = files.flat_map_iter(|file| judge(project, *file)).collect();
    sort(project, &mut findings);
    findings
}

/// Runs on a file the rules that are on for it. Findings are in no order.
pub fn judge(project: &Project, file: FileId) -> Vec<Finding> {
    // A rule that fails on a file costs that file's findings alone.
    let judge = || {
        let mut context = Context::new(project, file);
        let language = context.language();
        for rule in project.rules(file).on().filter(|it| it.languages.contains(&language)) {
            context.rule = Some(rule);
            (rule.check)(&mut context);
        }
        context.finish()
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(judge)).unwrap_or_else(|_| {
        project.mark_failed(file);
        Vec::new()
    })
}

/// By path and position, then by rule: the same for any number of threads.
pub fn sort(sources: &dyn Sources, findings: &mut [Finding]) {
    findings.sort_by(|a, b| order(sources, a, b));
}

/// The order of [`sort`].
pub fn order(sources: &dyn Sources, a: &Finding, b: &Finding) -> Ordering {
    let key = |it: &Finding| (it.place.span, it.rule.name);
    let path = |it: &Finding| &sources.source(it.place.file).path;
    let paths = if a.place.file == b.place.file { Ordering::Equal } else { path(a).cmp(path(b)) };
    paths.then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
}
