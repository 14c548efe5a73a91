//! What an entry of the cache hangs on besides the user's files: what is installed.
//!
//! A released package stands in it by name and version: its files count as what they were without being read, wherever they have
//! been installed anew, unless they were changed after that. Of environments and lock files as a whole it has what was asked
//! of them, so that packages which nothing leads to may come, go and change.

use std::borrow::Borrow;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{content, content_around};
use crate::cli::stamp::{Stamp, nanoseconds};
use crate::discover::{Kind, plain_path};
use crate::packages::{Question, Surroundings, sealed};
use crate::project::{LookedAt, Project};

/// How a file or folder was when it was looked at.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct State {
    pub stamp: Stamp,
    /// Of the text, or of the names in a folder.
    pub content: u128,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Around {
    /// Environments and lock files, in which most is of no concern.
    whole: Vec<(String, State)>,
    /// What was asked of them, and what stands for the answers.
    asked: Vec<(Question, u128)>,
    released: Vec<Released>,
    /// Files that were read, with the number of the release that they are of, and folders in which something was looked for.
    looked_at: Vec<(String, State, Option<u32>)>,
}

/// A package at a version that does not change any more.
#[derive(Debug, Serialize, Deserialize)]
struct Released {
    /// The path of what vouches for it: `…/httpx-0.28.1.dist-info/RECORD`.
    seal: String,
    /// What that says.
    content: u128,
}

/// How things are now. Groups share most of it.
#[derive(Default)]
pub(super) struct Now {
    /// The contents of files and folders that had to be looked into.
    contents: Remembered<String, u128>,
    answers: Remembered<Question, Option<u128>>,
    /// The last change of a seal, and what it says.
    seals: Remembered<String, Option<(u64, u128)>>,
    /// What was read in this run is what it was.
    read: Remembered<PathBuf, u128>,
}

/// What has been found out, by what was asked for.
struct Remembered<K, V>(Mutex<FxHashMap<K, V>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Copy> Remembered<K, V> {
    fn get<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&self, key: &Q, find: impl FnOnce() -> V) -> V
    where
        K: Borrow<Q>,
    {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(key).copied();
        before.unwrap_or_else(|| {
            let found = find();
            known().insert(key.to_owned(), found);
            found
        })
    }
}

impl Now {
    fn answer(&self, surroundings: &Surroundings, question: &Question) -> Option<u128> {
        self.answers.get(question, || surroundings.answer(question).map(|it| content(&it)))
    }

    /// When the seal was last changed, in nanoseconds since 1970, and what it says.
    pub fn seal(&self, path: &str) -> Option<(u64, u128)> {
        let place = Path::new(path);
        self.seals.get(path, || {
            let latest = Stamp::of(place).latest();
            sealed(place).map(|text| (latest, content(&text)))
        })
    }

    /// Something is as it was before a run that began then, `largest` being the size of what is not read any more.
    fn is_still(&self, path: &str, state: &State, of: Option<&Released>, begun: u64, largest: u64) -> bool {
        let place = Path::new(path);
        let now = Stamp::of(place);
        if now.is_still(&state.stamp, begun) {
            return true;
        }
        // A source that is a link may lead out of where it is installed: it would not be followed, whatever is there.
        if Kind::of(place).is_some() && place.canonicalize().is_ok_and(|real| plain_path(real) != place) {
            return false;
        }
        if let Some(of) = of {
            // The same file may be of another package now.
            let Some((latest, says)) = self.seal(&of.seal) else { return false };
            if says == of.content && now.exists() && now.size == state.stamp.size && now.latest() <= latest {
                return true;
            }
        }
        self.contents.get(path, || content_around(place, largest)) == state.content
    }

    /// How a file was whose text was read, or how a folder is; `None` where that may be something else than what was seen.
    fn state(&self, path: &Path, text: Option<&str>, begun: u64) -> Option<State> {
        let stamp = Stamp::of(path);
        let content = match text {
            Some(text) => self.read.get(path, || content(text)),
            // What it was when it was looked at is not known any more.
            None if stamp.latest() > begun => return None,
            // What vouched for it is there: it has not been read.
            None if Kind::of(path).is_some() && !path.is_dir() => content(""),
            None => content_around(path, 0),
        };
        Some(State { stamp, content })
    }
}

impl Around {
    /// What the project has looked at in a run that began then. `None` if something has changed since.
    pub fn of(project: &Project, now: &Now, begun: SystemTime) -> Option<Self> {
        let (surroundings, begun) = (project.surroundings(), nanoseconds(begun));
        let whole = surroundings.whole().into_iter().map(|path| {
            let state = now.state(&path, None, begun)?;
            Some((path.into_os_string().into_string().ok()?, state))
        });
        let whole = whole.collect::<Option<Vec<_>>>()?;
        let asked = surroundings.asked().into_iter().map(|question| {
            let answer = now.answer(surroundings, &question)?;
            Some((question, answer))
        });
        let asked = asked.collect::<Option<Vec<_>>>()?;
        let mut around = Self { whole, asked, released: Vec::new(), looked_at: Vec::new() };
        let mut numbers: FxHashMap<PathBuf, Option<(u32, u64)>> = FxHashMap::default();
        for LookedAt { path, text, seal } in project.looked_at_around() {
            let state = now.state(&path, text.as_deref(), begun)?;
            let of = seal.and_then(|seal| {
                let number = numbers.entry(seal).or_insert_with_key(|seal| {
                    let seal = seal.to_str()?;
                    let (latest, content) = now.seal(seal)?;
                    let number = u32::try_from(around.released.len()).ok()?;
                    around.released.push(Released { seal: seal.to_owned(), content });
                    Some((number, latest))
                });
                // What was changed since has to be read whenever it comes anew.
                number.filter(|(_, latest)| state.stamp.latest() <= *latest).map(|it| it.0)
            });
            around.looked_at.push((path.into_os_string().into_string().ok()?, state, of));
        }
        Some(around)
    }

    /// All of it is as it was before a run that began then.
    pub fn holds(&self, surroundings: &Surroundings, now: &Now, begun: u64) -> bool {
        let largest = surroundings.largest;
        let is_whole = self.whole.iter().all(|(path, state)| now.is_still(path, state, None, begun, largest));
        let answers = || self.asked.iter().all(|(question, it)| now.answer(surroundings, question) == Some(*it));
        (is_whole || answers())
            && self.looked_at.iter().all(|(path, state, of)| {
                let of = of.and_then(|it| self.released.get(it as usize));
                now.is_still(path, state, of, begun, largest)
            })
    }
}
