//! Paths into libraries, each kept once for as long as the program runs.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use rustc_hash::{FxHashSet, FxHasher};

/// `asyncio.sleep`, `tokio::time::Sleep`: copied without counting, since what names there are grows with the code that is
/// looked at and no further.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryPath(&'static str);

/// Threads that ask at the same time seldom ask for the same part.
const PARTS: usize = 16;

static KEPT: [Mutex<Option<FxHashSet<&'static str>>>; PARTS] = [const { Mutex::new(None) }; PARTS];

impl LibraryPath {
    /// The path that is written so.
    pub fn of(text: &str) -> Self {
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(text);
        let mut kept = KEPT[(hash >> 32) as usize % PARTS].lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get_or_insert_default();
        if let Some(known) = kept.get(text) {
            return Self(known);
        }
        let text: &'static str = Box::leak(text.into());
        kept.insert(text);
        Self(text)
    }

    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Deref for LibraryPath {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

/// Of the tables.
impl From<&'static str> for LibraryPath {
    fn from(path: &'static str) -> Self {
        Self(path)
    }
}

impl fmt::Display for LibraryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for LibraryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
