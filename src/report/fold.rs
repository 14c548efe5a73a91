//! One call, one finding: what blocks in several ways through the same callee is told once, with the others beside it.

use crate::finding::{Finding, Related};
use crate::rules::Category;

/// By how long each may take; the first is told where the others are no nearer.
const LONGEST_FIRST: &[&str] = &[
    "blocking-input",
    "blocking-network",
    "blocking-database",
    "blocking-process",
    "blocking-sleep",
    "blocking-lock",
    "blocking-file",
    "blocking-path",
    "blocking-cpu",
];

/// Puts findings about different kinds of blocking in one call of the project's own function together: the gravest first,
/// then the surest, then what hangs on the fewest branches, then the nearest. The others become places worth seeing. Suppressions and known findings have been taken
/// out rule by rule before, so a comment that names one kind leaves the others.
pub fn fold(findings: Vec<Finding>) -> Vec<Finding> {
    let mut folded: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        // Sorted by place: those of one call follow each other.
        let same = folded.iter_mut().rev().take_while(|it| it.place.file == finding.place.file);
        let mut same = same.take_while(|it| it.place.span == finding.place.span);
        match same.find(|it| is_same_call(it, &finding)) {
            None => folded.push(finding),
            Some(first) if rank(&finding) < rank(first) => {
                let before = std::mem::replace(first, finding);
                first.related.push(beside(&before));
                first.related.extend(before.related);
            }
            Some(first) => first.related.push(beside(&finding)),
        }
    }
    folded
}

fn is_same_call(one: &Finding, other: &Finding) -> bool {
    let blocks = |it: &Finding| it.rule.category == Category::Blocking && LONGEST_FIRST.contains(&it.rule.name);
    // Through which function: its first step stands there.
    let callee = |it: &Finding| it.trace.first().map(|step| step.function.clone());
    blocks(one) && blocks(other) && callee(one).is_some() && callee(one) == callee(other)
}

/// The lower, the sooner it is told.
fn rank(finding: &Finding) -> impl Ord + use<> {
    let longest = LONGEST_FIRST.iter().position(|it| *it == finding.rule.name);
    (std::cmp::Reverse((finding.severity, finding.confidence)), finding.branches, finding.trace.len(), longest)
}

fn beside(finding: &Finding) -> Related {
    let reached = finding.message.rsplit(": ").next().unwrap_or(&finding.message);
    let place = finding.trace.last().map_or(finding.place, |step| step.place);
    Related { message: format!("`{}` as well: {reached}", finding.rule.name), place }
}
