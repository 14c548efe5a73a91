//! What library functions do: the tables of `rules/apis`, compiled in by the build script, and what a project adds to them.

mod facts;

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

pub use facts::{
    Api, CancelSafety, Effect, Guard, Handle, HandlerFacts, HandlerRole, Kind, Needs, Place, Runner, Runs, ScopeRole,
    TypeFacts, TypeRole,
};

use crate::source::Language;

mod tables {
    use super::facts::*;
    use crate::finding::Confidence;
    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

/// All facts about one language's libraries, plus what the project's configuration adds.
#[derive(Debug, Default)]
pub struct Knowledge {
    own: FxHashMap<String, &'static Api>,
    own_types: FxHashMap<&'static str, &'static TypeFacts>,
}

struct Index {
    apis: FxHashMap<&'static str, &'static Api>,
    types: FxHashMap<&'static str, &'static TypeFacts>,
    modules: FxHashMap<&'static str, &'static str>,
    /// First by the decorator's or base's path.
    decorators: FxHashMap<&'static str, &'static HandlerFacts>,
    bases: FxHashMap<&'static str, Vec<&'static HandlerFacts>>,
    /// Last components of every method or function that has an effect: a cheap way to see that a name cannot matter.
    effectful: rustc_hash::FxHashSet<&'static str>,
    /// Every path, aliases included, by its last component.
    by_name: FxHashMap<&'static str, Vec<&'static str>>,
    /// Those that hand a function to the event loop, by their last component.
    calling_back: FxHashMap<&'static str, Vec<&'static str>>,
    /// Methods that some framework runs on the event loop where a class derives from its own.
    handling: rustc_hash::FxHashSet<(&'static str, Place)>,
    /// Last components of those that hand a function to a thread.
    threading: rustc_hash::FxHashSet<&'static str>,
}

fn index(language: Language) -> &'static Index {
    static PYTHON: OnceLock<Index> = OnceLock::new();
    static RUST: OnceLock<Index> = OnceLock::new();
    match language {
        Language::Python => PYTHON.get_or_init(|| {
            Index::new(
                tables::PYTHON_APIS,
                tables::PYTHON_API_INDEX,
                tables::PYTHON_TYPES,
                tables::PYTHON_TYPE_INDEX,
                tables::PYTHON_MODULES,
                tables::PYTHON_HANDLERS,
            )
        }),
        Language::Rust => RUST.get_or_init(|| {
            Index::new(
                tables::RUST_APIS,
                tables::RUST_API_INDEX,
                tables::RUST_TYPES,
                tables::RUST_TYPE_INDEX,
                tables::RUST_MODULES,
                tables::RUST_HANDLERS,
            )
        }),
    }
}

impl Index {
    fn new(
        apis: &'static [Api],
        api_index: &'static [(&'static str, u32)],
        types: &'static [TypeFacts],
        type_index: &'static [(&'static str, u32)],
        modules: &'static [(&'static str, &'static str)],
        handlers: &'static [HandlerFacts],
    ) -> Self {
        let mut decorators = FxHashMap::default();
        let mut bases: FxHashMap<_, Vec<_>> = FxHashMap::default();
        let mut handling = rustc_hash::FxHashSet::default();
        for handler in handlers {
            if !handler.bases.is_empty() {
                let places = handler.sync.into_iter().chain(handler.asynchronous);
                handling.extend(places.flat_map(|place| handler.methods.iter().map(move |name| (*name, place))));
            }
            decorators.extend(handler.decorators.iter().map(|path| (*path, handler)));
            for base in handler.bases {
                bases.entry(*base).or_default().push(handler);
            }
        }
        let last = |path: &'static str| path.rsplit(['.', ':']).next().unwrap_or(path);
        let effectful = apis.iter().filter(|api| api.effect.is_some()).map(|api| last(api.path)).collect();
        let runs_in = |api: &Api, place| api.runs.iter().any(|runs| runs.place == place);
        let mut by_name: FxHashMap<_, Vec<_>> = FxHashMap::default();
        let mut calling_back: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for (path, entry) in api_index {
            by_name.entry(last(path)).or_default().push(*path);
            if runs_in(&apis[*entry as usize], Runner::Loop) {
                calling_back.entry(last(path)).or_default().push(*path);
            }
        }
        Self {
            by_name,
            calling_back,
            handling,
            threading: api_index
                .iter()
                .filter(|(_, entry)| runs_in(&apis[*entry as usize], Runner::Thread))
                .map(|(path, _)| last(path))
                .collect(),
            apis: api_index.iter().map(|(path, entry)| (*path, &apis[*entry as usize])).collect(),
            types: type_index.iter().map(|(path, entry)| (*path, &types[*entry as usize])).collect(),
            modules: modules.iter().copied().collect(),
            decorators,
            bases,
            effectful,
        }
    }
}

impl Knowledge {
    /// The tables with a project's own entries before them.
    pub fn with(own: Vec<Api>) -> Self {
        // A handful of entries that live as long as the process: rules hold references to all facts alike.
        let own = own.into_iter().map(|api| (api.path.to_owned(), &*Box::leak(Box::new(api)))).collect();
        Self { own, ..Self::default() }
    }

    /// The same with a project's own types before those of the tables.
    #[must_use]
    pub fn and_types(mut self, own: Vec<TypeFacts>) -> Self {
        self.own_types.extend(own.into_iter().map(|facts| (facts.path, &*Box::leak(Box::new(facts)))));
        self
    }

    /// What the configuration says of a function, which may be the project's own.
    pub fn configured(&self, path: &str) -> Option<&'static Api> {
        if self.own.is_empty() { None } else { self.own.get(path).copied() }
    }

    /// The configuration says something of some function.
    pub fn is_configured(&self) -> bool {
        !self.own.is_empty()
    }

    /// What is known of the function, method or class of that path.
    pub fn api(&self, language: Language, path: &str) -> Option<&'static Api> {
        self.own.get(path).copied().or_else(|| index(language).apis.get(path).copied())
    }

    /// What is known of the type of that path.
    pub fn type_facts(&self, language: Language, path: &str) -> Option<&'static TypeFacts> {
        self.own_types.get(path).copied().or_else(|| index(language).types.get(path).copied())
    }

    /// The library that a top-level module or crate belongs to, if there is a table for it.
    pub fn library(&self, language: Language, module: &str) -> Option<&'static str> {
        index(language).modules.get(module).copied()
    }

    /// The project's own entries say something of a module or crate of that name.
    pub fn configures(&self, first: &str) -> bool {
        let begins = |path: &str| path.strip_prefix(first).is_some_and(|rest| rest.starts_with(['.', ':']));
        self.own.keys().any(|path| begins(path)) || self.own_types.keys().any(|path| begins(path))
    }

    /// Something is said of this very path: what it does, what type it is, or what it makes of what stands under it.
    pub fn describes(&self, language: Language, path: &str) -> bool {
        let index = index(language);
        self.api(language, path).is_some()
            || self.type_facts(language, path).is_some()
            || index.decorators.contains_key(path)
            || index.bases.contains_key(path)
    }

    /// The paths of the tables that have this last name, aliases included.
    pub fn paths_named(&self, language: Language, name: &str) -> &'static [&'static str] {
        index(language).by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// What a framework does with a function decorated so.
    pub fn decorator(&self, language: Language, path: &str) -> Option<&'static HandlerFacts> {
        index(language).decorators.get(path).copied()
    }

    /// What a framework does with methods of classes derived from this one.
    pub fn base(&self, language: Language, path: &str) -> &'static [&'static HandlerFacts] {
        index(language).bases.get(path).map_or(&[], Vec::as_slice)
    }

    /// Some function with an effect has this last name.
    pub fn names_an_effect(&self, language: Language, name: &str) -> bool {
        index(language).effectful.contains(name) || self.own.values().any(|api| api.last_name() == name)
    }

    /// Some function has this last name: a cheap way to see that a call is of none of them.
    pub fn names_an_api(&self, language: Language, name: &str) -> bool {
        index(language).by_name.contains_key(name) || self.own.values().any(|api| api.last_name() == name)
    }

    /// A method of this name may be one that a framework runs at that place, by what its class derives from.
    pub fn names_a_handler(&self, language: Language, name: &str, place: Place) -> bool {
        index(language).handling.contains(&(name, place))
    }

    /// The functions that hand another to the event loop: their last names, and the paths that have each.
    pub fn calling_back(&self, language: Language) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        index(language).calling_back.iter().map(|(name, paths)| (*name, paths.as_slice()))
    }

    /// The last names of functions that hand another to a thread.
    pub fn names_of_threads(&self, language: Language) -> impl Iterator<Item = &str> {
        let own = self.own.values().map(|api| api.last_name());
        index(language).threading.iter().copied().chain(own)
    }

    /// Every entry of a language's tables.
    pub fn all(&self, language: Language) -> &'static [Api] {
        match language {
            Language::Python => tables::PYTHON_APIS,
            Language::Rust => tables::RUST_APIS,
        }
    }
}
