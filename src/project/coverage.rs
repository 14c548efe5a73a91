//! How much of what async functions call the analysis can tell: the figure that says how far its silence can be trusted.

use serde::{Deserialize, Serialize};

use super::Project;
use super::calls::Callee;
use super::decorators::Wrapping;
use super::reach::is_left_alone;
use super::types::{Class, FnRef, Ty};
use crate::finding::FileId;
use crate::model::{CallId, Value};
use crate::packages::is_standard;
use crate::source::Language;

/// Calls in async functions by what they were found to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Functions and classes of the user's files.
    pub own: usize,
    /// Those of installed packages and crates.
    pub installed: usize,
    /// What a table tells of.
    pub described: usize,
    /// Known by name or by the type of the receiver, of the language's own library or an event loop, and in no table.
    pub named: usize,
    pub unresolved: usize,
}

/// What a call was found to run.
enum Known {
    Own,
    Installed,
    Described,
    Named,
}

/// Why it is not known what a call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// Nothing is known of a decorator on it.
    Decorated,
    /// It is this of a library, which no table names, and there is no source of it.
    Library(String),
    /// What the file says does not tell.
    Dynamic,
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
                *match self.known_of_call(file, id) {
                    Ok(Known::Own) => &mut found.own,
                    Ok(Known::Installed) => &mut found.installed,
                    Ok(Known::Described) => &mut found.described,
                    Ok(Known::Named) => &mut found.named,
                    Err(_) => &mut found.unresolved,
                } += 1;
            }
        }
        found
    }

    /// The calls of one function of which it is not known what they run, and why, in order of place.
    pub fn unresolved_calls(&self, function: FnRef) -> Vec<(CallId, Unresolved)> {
        let calls = self.model(function.file).calls_in(function.function);
        let own = calls.iter().filter(|(_, call)| call.function == function.function);
        let mut found: Vec<(u32, CallId, Unresolved)> = own
            .filter_map(|(id, call)| Some((call.span.start, id, self.known_of_call(function.file, id).err()?)))
            .collect();
        found.sort_by_key(|(start, ..)| *start);
        found.into_iter().map(|(_, id, why)| (id, why)).collect()
    }

    fn known_of_call(&self, file: FileId, call: CallId) -> Result<Known, Unresolved> {
        let callees = self.callees(file, call);
        let own = callees.iter().find_map(|callee| match callee {
            Callee::Own(function) if self.wrapping(*function) != Wrapping::Unknown => Some(function.file),
            Callee::Construct(class) => Some(class.file),
            _ => None,
        });
        if let Some(file) = own {
            return Ok(if self.is_installed(file) { Known::Installed } else { Known::Own });
        }
        if callees.iter().any(|it| matches!(it, Callee::Api(..))) {
            return Ok(Known::Described);
        }
        if callees.iter().any(|it| matches!(it, Callee::Own(_))) {
            return Err(Unresolved::Decorated);
        }
        self.known_by_name(file, call)
    }

    /// Nothing is known of what a call runs but perhaps its name: that is enough where somebody answers for all names.
    fn known_by_name(&self, file: FileId, call: CallId) -> Result<Known, Unresolved> {
        let model = self.model(file);
        let callee = model.call(call).callee;
        let of = |path: &str| match self.is_answered_for(model.language, path) {
            true => Ok(Known::Named),
            false => Err(Unresolved::Library(path.to_owned())),
        };
        let ty = self.evaluate(file, callee);
        let paths = ty.parts().iter().filter_map(|part| match part {
            Ty::External(path) | Ty::Method(path, _) | Ty::Instance(Class::Library(path), _) => Some(of(path)),
            _ => None,
        });
        if let Some(found) = paths.reduce(|first, next| first.or(next)) {
            return found;
        }
        let Value::Attr(receiver, name) = model.value(callee) else { return Err(Unresolved::Dynamic) };
        match self.evaluate(file, *receiver) {
            Ty::Str(_) | Ty::Int(_) | Ty::Bool(_) | Ty::Tuple(_) | Ty::Collection(_) => Ok(Known::Named),
            Ty::External(path) | Ty::Instance(Class::Library(path), _) => {
                of(&path).map_err(|_| Unresolved::Library(member(model.language, &path, model.name(*name))))
            }
            _ => Err(Unresolved::Dynamic),
        }
    }

    /// Who is silent about this path has looked at it: it is of the language's own library, of an event loop, or a type that a
    /// table tells of. Of other libraries the tables name what matters most, and their sources tell the rest, where they are.
    fn is_answered_for(&self, language: Language, path: &str) -> bool {
        let first = path.split(['.', ':']).next().unwrap_or(path);
        language == Language::Python && is_standard(first)
            || is_left_alone(language, first)
            || self.knowledge.describes(language, path)
    }
}

fn member(language: Language, path: &str, name: &str) -> String {
    let between = if language == Language::Python { "." } else { "::" };
    format!("{path}{between}{name}")
}
