//! Which async library Python code is written for: what a cancellation means depends on it.

use super::{Project, trace};
use crate::finding::FileId;
use crate::knowledge::{Api, Effect, ScopeRole};
use crate::model::{FileModel, PathRoot, Value};
use crate::source::Language;

impl Project {
    /// The async library of a file: by what it imports, asyncio before others; where it imports none, by what the project's
    /// files import.
    pub fn async_library(&self, file: FileId) -> &'static str {
        let model = self.model(file);
        if model.language == Language::Rust {
            return "tokio";
        }
        imported(model).unwrap_or_else(|| {
            if self.noted {
                trace::asks_for_imports();
            }
            self.async_library_of_group()
        })
    }

    /// The library whose cancellation the code of a file meets. What a file takes from AnyIO may be no more than `open_file` or `to_thread`:
    /// in a program for asyncio it is asyncio that cancels it.
    pub fn cancelling_library(&self, file: FileId) -> &'static str {
        let library = self.async_library(file);
        if library != "anyio" || self.mentions_scope_of(file, library) {
            return library;
        }
        if self.noted {
            trace::asks_for_imports();
        }
        self.async_library_of_group()
    }

    /// The file has the name of something of the library's that opens a scope, or starts a task in one.
    fn mentions_scope_of(&self, file: FileId, library: &str) -> bool {
        let opens = |api: &Api| {
            let cancels = [ScopeRole::CancelScope, ScopeRole::Timeout, ScopeRole::TaskGroup].map(Some);
            cancels.contains(&api.scope) || api.effect == Some(Effect::Spawns)
        };
        let is_of_library = |api: &&Api| api.path.strip_prefix(library).is_some_and(|rest| rest.starts_with('.'));
        let names = &self.model(file).names;
        let mut apis = self.knowledge.all(Language::Python).iter().filter(is_of_library);
        apis.any(|api| opens(api) && names.find(api.last_name()).is_some())
    }

    pub(super) fn async_library_of_group(&self) -> &'static str {
        self.async_library.get_or_init(|| trace::unnoted(|| self.most_general()))
    }

    fn most_general(&self) -> &'static str {
        let python = self.relevant_files().iter().copied().filter(|file| self.language(*file) == Language::Python);
        let mut found = None;
        for library in python.filter_map(|file| imported(self.model(file))) {
            match library {
                "asyncio" => return library,
                "anyio" => found = Some(library),
                _ => found = found.or(Some(library)),
            }
        }
        found.unwrap_or("asyncio")
    }
}

fn imported(model: &FileModel) -> Option<&'static str> {
    let mut found = None;
    for value in model.all_values() {
        let Value::Path(path) = value else { continue };
        let mut names = path.segments.iter().map(|name| model.name(*name));
        let (PathRoot::Absolute, Some(first)) = (path.root, names.next()) else { continue };
        match first {
            // It asks what a function is, for whatever library.
            "asyncio" if names.next() == Some("iscoroutinefunction") => {}
            "asyncio" => return Some("asyncio"),
            "trio" => found = Some("trio"),
            "anyio" if found != Some("trio") => found = Some("anyio"),
            _ => {}
        }
    }
    found
}
