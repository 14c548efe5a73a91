//! Effects after a change of some files.
//!
//! Mostly what changes is what a function does by itself, or on which line: the same functions run each other, at as many places.
//! Then all that is reached is known, and what is left to do is to let effects climb again.

use rustc_hash::FxHashSet;

use super::{AllKnown, Effects, Look};
use crate::finding::FileId;
use crate::project::Project;
use crate::project::types::FnRef;

/// The files of which nothing that was found holds.
pub(in crate::project) enum Stale<'a> {
    All,
    These(&'a FxHashSet<FileId>),
}

impl Stale<'_> {
    pub(in crate::project) fn has(&self, file: FileId) -> bool {
        match self {
            Self::All => true,
            Self::These(files) => files.contains(&file),
        }
    }
}

impl Effects {
    /// The same after a change. `callbacks` are those there are now. Gives the functions of which something else is known than before.
    pub(in crate::project) fn renew(
        &mut self,
        project: &Project,
        callbacks: FxHashSet<FnRef>,
        stale: &Stale<'_>,
        look: &Look<'_>,
    ) -> FxHashSet<FnRef> {
        let mut changed: FxHashSet<FnRef> = callbacks.symmetric_difference(&self.callbacks).copied().collect();
        self.callbacks = callbacks;
        let renewed = self.renew_known(project, stale, look);
        let is_same = changed.is_empty() && renewed.is_same && self.special.is_still_so(project, &self.known, stale);
        if !is_same {
            let mut before = renewed.before;
            before.extend(self.known.keys());
            self.callers = None;
            self.special.begin(stale);
            let reached = self.reach(project, look);
            let count = self.known.len();
            self.known.retain(|function, _| reached.contains(function));
            self.special.end(&self.known, self.known.len() < count);
            changed.extend(before.symmetric_difference(&reached).copied());
        }
        let hops = std::mem::take(&mut self.hops);
        self.climb(project);
        for (before, after) in hops.iter().zip(&self.hops) {
            let differs = after.iter().filter(|(node, ways)| before.get(node) != Some(ways)).map(|it| it.0);
            let gone = before.keys().filter(|node| !after.contains_key(node));
            changed.extend(differs.chain(gone).map(|node| node.function));
        }
        changed
    }

    /// Looks anew at the functions that are known of the stale files, where the same are reached so far as these files tell.
    fn renew_known(&mut self, project: &Project, stale: &Stale<'_>, look: &Look<'_>) -> Renewed {
        let old: AllKnown = self.known.extract_if(|function, _| stale.has(function.file)).collect();
        let mut functions: Vec<FnRef> = old.keys().copied().collect();
        functions.sort_unstable();
        let relevant = project.relevant_files();
        let roots = |file: FileId| match relevant.binary_search(&file) {
            Ok(_) => self.roots_in(project, file),
            Err(_) => Vec::new(),
        };
        let has_same_roots = |file: &FileId| roots(*file) == *self.roots.get(file).map_or(&[][..], Vec::as_slice);
        let is_there = |it: &FnRef| it.function.index() < project.model(it.file).functions.len();
        let is_possible = match stale {
            Stale::All => false,
            Stale::These(files) => {
                self.callers.is_some() && functions.iter().all(is_there) && files.iter().all(has_same_roots)
            }
        };
        let mut is_same = is_possible;
        if is_possible {
            let new = look(&functions);
            is_same = new.iter().all(|(function, known)| old.get(function).is_some_and(|it| it.runs_the_same(known)));
            // Those that nothing leads to any more are taken out when that is known.
            self.known.extend(new);
        }
        Renewed { is_same, before: functions.into_iter().collect() }
    }
}

/// Functions of stale files.
struct Renewed {
    /// They are reached as before, and each runs the same.
    is_same: bool,
    /// Those that were known.
    before: FxHashSet<FnRef>,
}
