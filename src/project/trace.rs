//! What answers are made of: which files were looked at for them, and how closely. A session keeps an answer for as long as
//! none of that has changed.
//!
//! Notes are taken on behalf of one file at a time: the *unit*, whose code is being judged. Values are remembered by those who
//! evaluate them, so a unit that asks for one a second time sees nothing of the way there. That is why what is noted is not
//! which files the unit has seen but which file led to which; where a unit may have been is then found along these.
//!
//! What evaluation sees of a file that it comes to from outside is its [outline](crate::model::reshaped). Rules also look
//! into the bodies of other files' functions. Whatever is looked at while no evaluation is under way counts as seen whole. Where
//! only one thing is asked of a body, and of very many, the [answer](Question) is noted: it mostly holds after a change.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::finding::FileId;

use super::types::FnRef;

/// What is asked of the body of one function, whoever asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Question {
    /// Whether it ever returns.
    Raises,
    /// Which of its parameters it calls.
    Calls,
    /// Whether it calls the parameter at that position, by itself or through others.
    CallsOne(u32),
    /// Whether the parameter at that position is run in a thread, and through how many functions it came here.
    HandsOff(u32, u32),
    /// Whether it says by what it returns that a loop runs.
    TellsOfLoop,
    /// Whether it returns only where no loop runs.
    RefusesLoop,
}

/// Of which function what is asked.
pub(super) type Asked = (Question, FnRef);

/// What one unit has looked at.
#[derive(Default)]
pub(super) struct Seen {
    /// From a file to another that its code led to.
    pub(super) leads: FxHashSet<(FileId, FileId)>,
    /// Files of which more than the outline was seen.
    pub(super) whole: FxHashSet<FileId>,
    /// Functions whose effects were asked for.
    pub(super) asked: FxHashSet<FnRef>,
    /// What was asked of functions, with a hash of the answer.
    pub(super) answers: FxHashMap<Asked, u64>,
    /// It was asked which files of the group matter.
    pub(super) relevant: bool,
    /// It was asked what the group's files import.
    pub(super) imports: bool,
}

impl Seen {
    pub(super) fn is_empty(&self) -> bool {
        let Self { leads, whole, asked, answers, relevant, imports } = self;
        leads.is_empty() && whole.is_empty() && asked.is_empty() && answers.is_empty() && !relevant && !imports
    }
}

struct Notes {
    unit: FileId,
    /// The file whose value is being evaluated; the unit itself where none is.
    within: FileId,
    /// How many evaluations are under way.
    depth: u32,
    /// Files of whose functions something is being asked: the answer stands for all that is seen of them.
    answering: Vec<FileId>,
    last: Option<(FileId, FileId)>,
    seen: Seen,
}

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

/// Takes notes of what `run` looks at on behalf of `unit`.
pub(super) fn noted<R>(unit: FileId, run: impl FnOnce() -> R) -> (R, Seen) {
    let notes = Notes { unit, within: unit, depth: 0, answering: Vec::new(), last: None, seen: Seen::default() };
    let outer = NOTES.replace(Some(notes));
    let result = run();
    let notes = NOTES.replace(outer);
    (result, notes.map_or_else(Seen::default, |it| it.seen))
}

/// Takes no notes of it: whoever is asked keeps the answer.
pub(super) fn unnoted<R>(run: impl FnOnce() -> R) -> R {
    let outer = NOTES.take();
    let result = run();
    NOTES.set(outer);
    result
}

pub(super) fn is_noting() -> bool {
    NOTES.with_borrow(Option::is_some)
}

/// A file is looked at.
pub(super) fn looks_at(file: FileId) {
    NOTES.with_borrow_mut(|notes| {
        let Some(notes) = notes else { return };
        if file == notes.within {
            return;
        }
        if notes.depth == 0 && !notes.answering.contains(&file) {
            notes.seen.whole.insert(file);
        }
        if notes.last != Some((notes.within, file)) {
            notes.last = Some((notes.within, file));
            notes.seen.leads.insert((notes.within, file));
        }
    });
}

/// More than the outline of a file is looked at, whatever is under way.
pub(super) fn looks_into(file: FileId) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes.as_mut().filter(|it| it.unit != file) {
            if !notes.answering.contains(&file) {
                notes.seen.whole.insert(file);
            }
            notes.seen.leads.insert((notes.unit, file));
        }
    });
}

pub(super) fn asks_for_effects(function: FnRef) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.seen.asked.insert(function);
        }
    });
}

/// Asks something of a function: only the answer is noted, not that its body was looked at.
pub(super) fn answered<R: Hash>(asked: Asked, ask: impl FnOnce() -> R) -> R {
    let file = asked.1.file;
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.answering.push(file);
        }
    });
    let answer = ask();
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.answering.pop();
            notes.seen.answers.insert(asked, FxBuildHasher.hash_one(&answer));
            if notes.within != file {
                notes.seen.leads.insert((notes.within, file));
            }
        }
    });
    answer
}

pub(super) fn asks_what_matters() {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.seen.relevant = true;
        }
    });
}

pub(super) fn asks_for_imports() {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.seen.imports = true;
        }
    });
}

/// An evaluation of a value of `file` (`None`: of whatever it was) is under way for as long as this lives.
pub(crate) struct Evaluating {
    outer: Option<FileId>,
}

impl Evaluating {
    pub(super) fn begin(file: Option<FileId>) -> Self {
        let outer = NOTES.with_borrow_mut(|notes| {
            let notes = notes.as_mut()?;
            notes.depth += 1;
            let within = file.unwrap_or(notes.within);
            Some(std::mem::replace(&mut notes.within, within))
        });
        Self { outer }
    }
}

impl Drop for Evaluating {
    fn drop(&mut self) {
        let Some(outer) = self.outer else { return };
        NOTES.with_borrow_mut(|notes| {
            if let Some(notes) = notes {
                notes.depth = notes.depth.saturating_sub(1);
                notes.within = outer;
            }
        });
    }
}
