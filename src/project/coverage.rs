//! How much of what async functions call the analysis can tell: the figure that says how far its silence can be trusted.

use serde::{Deserialize, Serialize};

use super::Project;
use super::calls::Callee;
use super::types::{Class, FnRef, Ty};
use crate::finding::FileId;
use crate::model::{CallId, Value};

/// Calls in async functions by what they were found to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Functions and classes of the user's files.
    pub own: usize,
    /// Those of installed packages and crates.
    pub installed: usize,
    /// What a table tells of.
    pub described: usize,
    /// Known by name or by the type of the receiver, and in no table.
    pub named: usize,
    pub unresolved: usize,
}

impl Coverage {
    pub fn all(&self) -> usize {
        self.resolved() + self.unresolved
    }

    pub fn resolved(&self) -> usize {
        self.own + self.installed + self.described + self.named
    }
}

impl std::ops::Add for Coverage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            installed: self.installed + other.installed,
            described: self.described + other.described,
            named: self.named + other.named,
            unresolved: self.unresolved + other.unresolved,
        }
    }
}

impl Project {
    /// Counts the calls in the async functions of these files.
    pub fn coverage(&self, files: &[FileId]) -> Coverage {
        use rayon::prelude::*;
        files.par_iter().map(|file| self.coverage_of(*file)).reduce(Coverage::default, std::ops::Add::add)
    }

    fn coverage_of(&self, file: FileId) -> Coverage {
        let model = self.model(file);
        let mut found = Coverage::default();
        for (id, call) in model.all_calls() {
            if model.function(call.function).kind.is_async() {
                *self.counter(file, id, &mut found) += 1;
            }
        }
        found
    }

    /// The calls of one function of which it is not known what they run, in order of place.
    pub fn unresolved_calls(&self, function: FnRef) -> Vec<CallId> {
        let calls = self.model(function.file).calls_in(function.function);
        let own = calls.iter().filter(|(_, call)| call.function == function.function);
        let mut found: Vec<(u32, CallId)> = own
            .filter(|(id, _)| self.is_unresolved(function.file, *id))
            .map(|(id, call)| (call.span.start, id))
            .collect();
        found.sort_by_key(|(start, _)| *start);
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn is_unresolved(&self, file: FileId, call: CallId) -> bool {
        self.callees(file, call).iter().all(|it| *it == Callee::Unknown) && !self.is_named(file, call)
    }

    fn counter<'a>(&self, file: FileId, call: CallId, found: &'a mut Coverage) -> &'a mut usize {
        let own = |callee: &Callee| match callee {
            Callee::Own(function) => Some(function.file),
            Callee::Construct(class) => Some(class.file),
            Callee::Api(..) | Callee::Unknown => None,
        };
        let callees = self.callees(file, call);
        if let Some(file) = callees.iter().find_map(own) {
            return if self.is_installed(file) { &mut found.installed } else { &mut found.own };
        }
        if callees.iter().any(|it| matches!(it, Callee::Api(..))) {
            return &mut found.described;
        }
        if self.is_named(file, call) { &mut found.named } else { &mut found.unresolved }
    }

    /// It is known which function is called, though nothing is known of the function.
    fn is_named(&self, file: FileId, call: CallId) -> bool {
        let model = self.model(file);
        let callee = model.call(call).callee;
        if !matches!(self.evaluate(file, callee), Ty::Unknown | Ty::None) {
            return true;
        }
        let Value::Attr(receiver, _) = model.value(callee) else { return false };
        matches!(
            self.evaluate(file, *receiver),
            Ty::Str(_)
                | Ty::Int(_)
                | Ty::Bool(_)
                | Ty::Tuple(_)
                | Ty::Collection(_)
                | Ty::External(_)
                | Ty::Instance(Class::Library(_), _)
        )
    }
}
