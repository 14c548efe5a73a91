//! What a thread has found out of values, and how it sees that one is defined in terms of itself.

use std::cell::{Cell, RefCell};

use crate::finding::FileId;
use crate::model::{ModuleId, ValueId};

use super::types::{FnRef, Ty};

/// Values that a thread remembers: as many as the processor's cache holds, more or less. A power of two.
const REMEMBERED: usize = 1 << 15;
/// A value of a file of a project, told apart from those of other projects by its number.
pub(super) type Key = (u64, FileId, ValueId);

/// What may lead back to itself, other than a value.
#[derive(PartialEq, Eq)]
pub(super) enum Question {
    /// What a generator yields: it may delegate to itself.
    Yields(FnRef),
    /// A name in a module that another opens: modules may open each other.
    Opened(FileId, ModuleId, Box<str>),
}

/// What one thread knows of values, and what it is at.
#[derive(Default)]
struct Memo {
    /// Each value has one place, which it loses to the next one that has the same.
    known: Vec<Option<(Key, Ty)>>,
    /// Values whose evaluation has begun and not ended, each within the one before.
    open: Vec<Key>,
    /// The outermost open value that was asked for again since the innermost one began: `usize::MAX` for none.
    reached: usize,
    /// What is being asked that is no value, each with how many values were open then.
    asked: Vec<(Question, usize)>,
}

/// Of a [`Memo`]: `open`, `reached` and `asked`.
type UnderWay = (Vec<Key>, usize, Vec<(Question, usize)>);

impl Memo {
    /// Neighbours in a file have neighbouring places: they are asked for together.
    fn place((project, file, value): &Key) -> usize {
        let apart = (u64::from(file.0) << 1 | project & 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (apart as usize ^ value.index()) % REMEMBERED
    }

    fn get(&self, key: &Key) -> Option<Ty> {
        match self.known.get(Self::place(key)) {
            Some(Some((known, ty))) if known == key => Some(ty.clone()),
            _ => None,
        }
    }

    /// What is under way, which begins as nothing.
    fn set_aside(&mut self) -> UnderWay {
        let reached = std::mem::replace(&mut self.reached, usize::MAX);
        (std::mem::take(&mut self.open), reached, std::mem::take(&mut self.asked))
    }

    fn take_up(&mut self, under_way: UnderWay) {
        (self.open, self.reached, self.asked) = under_way;
    }

    fn insert(&mut self, key: Key, ty: Ty) {
        if self.known.is_empty() {
            self.known.resize_with(REMEMBERED, || None);
        }
        self.known[Self::place(&key)] = Some((key, ty));
    }
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
    static APART: Cell<bool> = const { Cell::new(false) };
}

/// Evaluates while something is missing that later evaluations know: what is found is not remembered for them. Nor is it any of
/// the circles that are being gone through: it is the same whoever asks.
pub(super) fn apart<R>(run: impl FnOnce() -> R) -> R {
    let outer = APART.replace(true);
    let under_way = MEMO.with_borrow_mut(Memo::set_aside);
    let result = run();
    MEMO.with_borrow_mut(|memo| memo.take_up(under_way));
    APART.set(outer);
    result
}

pub(super) fn is_apart() -> bool {
    APART.get()
}

/// What is known of the value, else what evaluating it gives. Whatever lies on a circle is unknown.
pub(super) fn remembered(key: Key, evaluate: impl FnOnce() -> Ty) -> Ty {
    let begun = MEMO.with_borrow_mut(|memo| {
        if let Some(known) = memo.get(&key) {
            return Err(known);
        }
        if let Some(depth) = memo.open.iter().position(|open| *open == key) {
            memo.reached = memo.reached.min(depth);
            return Err(Ty::Unknown);
        }
        memo.open.push(key);
        Ok(std::mem::replace(&mut memo.reached, usize::MAX))
    });
    let reached_before = match begun {
        Ok(begun) => begun,
        Err(known) => return known,
    };
    let ty = evaluate();
    MEMO.with_borrow_mut(|memo| {
        memo.open.pop();
        let depth = memo.open.len();
        let circular = memo.reached <= depth;
        // A circle that closes further out holds what is around this one, too.
        memo.reached = if memo.reached < depth { memo.reached.min(reached_before) } else { reached_before };
        let ty = if circular { Ty::Unknown } else { ty };
        memo.insert(key, ty.clone());
        ty
    })
}

/// Asks, unless that is what is being asked already: then there is no answer, and what has been evaluated since lies on a circle.
pub(super) fn once<R>(question: Question, ask: impl FnOnce() -> R) -> Option<R> {
    let is_begun = MEMO.with_borrow_mut(|memo| {
        if let Some((_, depth)) = memo.asked.iter().find(|it| it.0 == question) {
            memo.reached = memo.reached.min(*depth);
            return true;
        }
        memo.asked.push((question, memo.open.len()));
        false
    });
    if is_begun {
        return None;
    }
    let answer = ask();
    MEMO.with_borrow_mut(|memo| memo.asked.pop());
    Some(answer)
}
