//! From sources to findings: lower in parallel, link, run the rules. No file is read here and nothing is printed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::finding::{FileId, Finding};
use crate::knowledge::Knowledge;
use crate::packages::Surroundings;
use crate::project::{Files, Member, Project, Read, Reader};
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

impl Input {
    pub(crate) fn member(&self) -> Member {
        Member {
            path: self.source.path.clone(),
            location: self.source.location.clone(),
            language: self.source.language,
            rules: Arc::new(self.rules.clone()),
            asked: true,
        }
    }
}

/// What a run of the rules gives.
pub struct Outcome {
    pub project: Project,
    /// All findings, suppressed ones included, sorted by path and position.
    pub findings: Vec<Finding>,
}

/// Analyses sources that are in memory, all together, knowing nothing of what is around them.
pub fn analyze(inputs: Vec<Input>, knowledge: Knowledge) -> Outcome {
    analyze_in(inputs, knowledge, Arc::default())
}

/// The same, as parts of their packages.
pub fn analyze_in(inputs: Vec<Input>, knowledge: Knowledge, surroundings: Arc<Surroundings>) -> Outcome {
    let members = inputs.iter().map(Input::member).collect();
    let files = Files::new(members, knowledge, surroundings, Box::new(InMemory(inputs)));
    let all = files.all().collect();
    let project = Project::new(Arc::new(files), all);
    let findings = crate::rules::run(&project);
    Outcome { project, findings }
}

struct InMemory(Vec<Input>);

impl Reader for InMemory {
    fn read(&self, file: FileId) -> Read {
        let input = &self.0[file.index()];
        Read { source: input.source.clone(), relevant: input.relevant }
    }
}

/// About how many files are in memory at a time, for each thread.
pub const GROUP: usize = 1000;

/// Analyses a run group by group, but for those of which `known` tells the result. What is to be kept of a group, `keep`
/// takes out of it: the rest is forgotten before the next. The results are in the order of the groups.
pub fn judge<R: Send>(
    files: &Arc<Files>,
    known: impl Fn(&[FileId]) -> Option<R> + Sync,
    keep: impl Fn(&Project, Vec<Finding>) -> R + Sync,
) -> Vec<R> {
    let groups = files.groups(GROUP);
    // Neighbours are looked at one after another: they lead to the same files.
    let (mut large, small): (Vec<usize>, Vec<usize>) = (0..groups.len()).partition(|it| groups[*it].len() > GROUP);
    large.sort_by_key(|group| std::cmp::Reverse(groups[*group].len()));
    let left = Mutex::new((VecDeque::from(large), VecDeque::from(small)));
    let results: Mutex<Vec<(usize, R)>> = Mutex::default();
    // One thread begins with the large groups: no two of them are in memory together, and none is left to wait for in the end.
    let next = |large: bool| {
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        let (many, few) = &mut *left;
        if large { many.pop_front().or_else(|| few.pop_front()) } else { few.pop_front().or_else(|| many.pop_back()) }
    };
    let work = |large: bool| {
        while let Some(group) = next(large) {
            let kept = known(&groups[group]).unwrap_or_else(|| {
                let project = Project::new(Arc::clone(files), groups[group].clone());
                let findings = crate::rules::run(&project);
                keep(&project, findings)
            });
            results.lock().unwrap_or_else(PoisonError::into_inner).push((group, kept));
        }
    };
    // One group a thread; a thread that finds none left helps with those that are under way.
    rayon::scope(|scope| (0..rayon::current_num_threads()).for_each(|thread| scope.spawn(move |_| work(thread == 0))));
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(group, _)| *group);
    results.into_iter().map(|(_, kept)| kept).collect()
}
