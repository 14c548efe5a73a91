//! The facts themselves: plain data that the build script writes.

use crate::finding::Confidence;
use serde::{Deserialize, Serialize};

/// What a call can do to its caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// It holds the thread until something outside happens.
    Blocks(Kind),
    /// It starts an event loop or runtime and drives it on this thread.
    StartsRuntime,
    /// It starts a task and hands it back.
    Spawns,
    /// Awaiting it always gives other tasks a turn.
    Checkpoint,
}

/// What a blocking call waits for. The order is the order of the rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Kind {
    Sleep,
    Network,
    Database,
    Process,
    File,
    Path,
    Lock,
    Input,
    Cpu,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Sleep,
        Self::Network,
        Self::Database,
        Self::Process,
        Self::File,
        Self::Path,
        Self::Lock,
        Self::Input,
        Self::Cpu,
    ];

    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A function, method or constructor of a library.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// The public, documented path.
    pub path: &'static str,
    /// Its library's name on the package index.
    pub library: &'static str,
    /// Calling it does nothing until the result is awaited.
    pub is_async: bool,
    pub effect: Option<Effect>,
    /// "opens a file"; may be empty.
    pub does: &'static str,
    /// What to use instead, by async library; the empty name stands for any.
    pub instead: &'static [(&'static str, &'static str)],
    /// Type of the result, as the tables write types; empty if not known.
    pub returns: &'static str,
    /// Conditions under which the effect does not happen.
    pub unless: &'static [&'static str],
    /// Conditions of which one must hold for the effect to happen, if there are any.
    pub when: &'static [&'static str],
    pub runs: &'static [Runs],
    pub scope: Option<ScopeRole>,
    pub handle: Option<Handle>,
    pub needs_loop: bool,
    pub never_returns: bool,
    pub fans_out: bool,
    pub transparent: bool,
    pub cancel_safety: Option<CancelSafety>,
    pub confidence: Confidence,
    /// The page the fact is from.
    pub source: &'static str,
}

impl Api {
    /// Rust: it gives an iterator, which runs nothing before it is asked; of one that is transparent, that of its receiver.
    pub fn gives_iterator(&self) -> bool {
        self.transparent || self.returns.starts_with("std::iter::Iterator")
    }

    /// An entry of which no more is known than its path.
    pub const fn named(path: &'static str) -> Self {
        Self {
            path,
            library: "",
            is_async: false,
            effect: None,
            does: "",
            instead: &[],
            returns: "",
            unless: &[],
            when: &[],
            runs: &[],
            scope: None,
            handle: None,
            needs_loop: false,
            never_returns: false,
            fans_out: false,
            transparent: false,
            cancel_safety: None,
            confidence: Confidence::Certain,
            source: "",
        }
    }

    /// The last component of the path: `get` of `requests.Session.get`.
    pub fn last_name(&self) -> &'static str {
        self.path.rsplit(['.', ':']).next().unwrap_or(self.path)
    }

    /// The remedy for code that uses `library`, else the one for any.
    pub fn instead_for(&self, library: &str) -> Option<&'static str> {
        let named = |name: &str| self.instead.iter().find(|(it, _)| *it == name).map(|(_, text)| *text);
        named(library).or_else(|| named("")).or_else(|| named("any"))
    }
}

/// An argument that the function calls or drives.
#[derive(Debug, Clone, Copy)]
pub struct Runs {
    pub position: Option<u8>,
    /// Keyword; may be empty.
    pub name: &'static str,
    pub place: Runner,
    pub needs: Needs,
}

/// What must be of the object that a method is asked of, for the method to call what it is handed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// It calls it always.
    Nothing,
    /// It is something: `Some(..)`.
    Some,
    /// It is nothing: `None`.
    None,
    /// It is true.
    Truth,
    /// It has elements, each of which the function is called with.
    Elements,
    /// It is in a state that only itself knows: an error, an entry that is vacant.
    State,
}

/// Where a function that was handed over runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Runner {
    Thread,
    Process,
    Loop,
    Task,
    Inline,
    /// As [`Self::Inline`], and what comes of it is kept: it is called the first time alone.
    Once,
    Runtime,
    /// As [`Self::Runtime`], by one that is there, on a thread that is none of its own: nothing else waits for that.
    Beside,
}

/// What an object used in `with` is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ScopeRole {
    Timeout,
    CancelScope,
    TaskGroup,
    Suppress,
    Closing,
    Lock,
    Shield,
    /// What leaves a handler through it is the exception that the handler has caught.
    Reraise,
    Other,
}

/// What becomes of a task whose handle is dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Handle {
    Weak,
    Detaches,
    Cancels,
    Owned,
}

/// What is held while a value is alive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Guard {
    ThreadLock,
    Refcell,
    MapRef,
    Span,
    AsyncLock,
    /// It may be held for as long as one likes, at a price.
    Snapshot,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TypeRole {
    Task,
    Future,
    Awaitable,
    ThreadLock,
    Token,
    Sender,
}

/// What is lost when a future is dropped before it is ready.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CancelSafety {
    Yes,
    No,
    Queue,
}

/// A type of a library.
#[derive(Debug)]
pub struct TypeFacts {
    pub path: &'static str,
    pub bases: &'static [&'static str],
    pub fields: &'static [(&'static str, &'static str)],
    pub enter: &'static str,
    /// What awaiting an instance gives; empty: its first type argument.
    pub output: &'static str,
    pub iter: &'static str,
    pub guard: Option<Guard>,
    pub scope: Option<ScopeRole>,
    pub wrapper: bool,
    /// Only `async with` enters it.
    pub async_with: bool,
    pub role: Option<TypeRole>,
}

/// Code that a framework calls.
#[derive(Debug)]
pub struct HandlerFacts {
    pub decorators: &'static [&'static str],
    pub bases: &'static [&'static str],
    pub methods: &'static [&'static str],
    pub sync: Option<Place>,
    /// The argument of a decorator by which a `def` runs in a thread all the same; empty: there is none.
    pub thread_if: &'static str,
    pub asynchronous: Option<Place>,
    pub role: Option<HandlerRole>,
    /// What a decorated function is from then on, as the tables write types; empty: a function.
    pub makes: &'static str,
}

/// Where a framework runs a handler.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    Thread,
    Loop,
    Process,
    Caller,
    Runtime,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HandlerRole {
    Route,
    Task,
    Fixture,
    ContextManager,
    Callback,
    Main,
    Test,
    Overload,
    /// It hands the function back as good as it was, and says nothing of who calls it.
    Plain,
    /// Reading the attribute calls the function.
    Property,
    /// The function runs once for the same arguments.
    Cache,
    /// The function runs when the attribute is read first.
    CachedProperty,
}
