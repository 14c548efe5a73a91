//! What goes by another number after a change of its file, and is the same.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::FileId;
use crate::model::{Moved, ValueId};

use super::special::Node;
use super::subjects::{Bound, Subject};
use super::types::FnRef;

/// Puts what is kept under some keys under others, all at once: one may take the place of another.
pub(super) fn rekey<K: Copy + Eq + Hash, V>(
    map: &mut FxHashMap<K, V>,
    is_moved: impl Fn(&K) -> bool,
    now: impl Fn(K) -> K,
) {
    let moved: Vec<K> = map.keys().copied().filter(is_moved).collect();
    let taken: Vec<(K, V)> = moved.into_iter().filter_map(|it| map.remove_entry(&it)).collect();
    map.extend(taken.into_iter().map(|(key, value)| (now(key), value)));
}

/// The functions of one file, and their parameters' values.
pub(super) struct Renumbered {
    pub(super) file: FileId,
    functions: FxHashMap<FnRef, FnRef>,
    /// Numbers that functions have now and others had: those are gone.
    taken: FxHashSet<FnRef>,
    params: FxHashMap<ValueId, ValueId>,
}

impl Renumbered {
    pub(super) fn of(file: FileId, moved: &Moved) -> Self {
        let at = |function| FnRef { file, function };
        let functions: FxHashMap<FnRef, FnRef> =
            moved.functions.iter().map(|(old, new)| (at(*old), at(*new))).collect();
        let taken = functions.values().copied().filter(|it| !functions.contains_key(it)).collect();
        Self { file, taken, functions, params: moved.params.iter().copied().collect() }
    }

    pub(super) fn moves_functions(&self) -> bool {
        !self.functions.is_empty()
    }

    /// By the numbers that they had.
    pub(super) fn functions(&self) -> &FxHashMap<FnRef, FnRef> {
        &self.functions
    }

    pub(super) fn is_taken(&self, function: FnRef) -> bool {
        self.taken.contains(&function)
    }

    pub(super) fn function(&self, before: FnRef) -> FnRef {
        self.functions.get(&before).copied().unwrap_or(before)
    }

    /// What a function asks, which had this number.
    pub(super) fn subject(&self, function: FnRef, subject: Subject) -> Subject {
        let now = self.params.get(&subject.value).filter(|_| function.file == self.file);
        Subject { value: now.copied().unwrap_or(subject.value), ..subject }
    }

    pub(super) fn node(&self, Node { function, bound }: Node) -> Node {
        let bound = bound.map(|it| Bound { subject: self.subject(function, it.subject), ..it });
        Node { function: self.function(function), bound }
    }
}
