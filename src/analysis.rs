//! From sources to findings: lower in parallel, link, run the rules. No file is read here and nothing is printed.

use std::sync::Arc;

use crate::finding::Finding;
use crate::knowledge::Knowledge;
use crate::packages::Surroundings;
use crate::project::Project;
use crate::rules::RuleSet;
use crate::source::Source;

/// One file of the user's and the rules that are on for it.
#[derive(Debug, Clone)]
pub struct Input {
    pub source: Source,
    pub rules: RuleSet,
    /// The file can have findings of its own; others are lowered only when something leads to them.
    pub relevant: bool,
}

/// What a run of the rules gives.
pub struct Outcome {
    pub project: Project,
    /// All findings, suppressed ones included, sorted by path and position.
    pub findings: Vec<Finding>,
}

/// Analyses the files together, knowing nothing of what is around them.
pub fn analyze(inputs: Vec<Input>, knowledge: Knowledge) -> Outcome {
    analyze_in(inputs, knowledge, Arc::default())
}

/// Analyses the files together, as parts of their packages.
pub fn analyze_in(inputs: Vec<Input>, knowledge: Knowledge, surroundings: Arc<Surroundings>) -> Outcome {
    let project = Project::new(inputs, knowledge, surroundings);
    let findings = crate::rules::run(&project);
    Outcome { project, findings }
}
