//! What a thread has found out of values, and how it sees that one is defined in terms of itself.

use std::cell::{Cell, RefCell};

use crate::finding::FileId;
use crate::model::{ModuleId, ValueId};

use super::types::{FnRef, Ty};

/// Values that a thread remembers: as many as the processor's cache holds, more or less. A power of two.
const REMEMBERED: usize = 1 << 15;
/// A value of a file of a project, told apart from those of other projects by its number.
pub(super) type Key = (u64, FileId, ValueId);

/// A name that is looked for in a module.
type Opened = (FileId, ModuleId, Box<str>);

/// What one thread knows of values, and what it is at.
#[derive(Default)]
struct Memo {
    /// Each value has one place, which it loses to the next one that has the same.
    known: Vec<Option<(Key, Ty)>>,
    /// Values whose evaluation has begun and not ended, each within the one before.
    open: Vec<Key>,
    /// The outermost open value that was asked for again since the innermost one began: `usize::MAX` for none.
    reached: usize,
    /// Generators whose elements are being found out, each with how many values were open then.
    yielding: Vec<(FnRef, usize)>,
    /// Names that are looked for in modules which others open (`import *`), likewise.
    opened: Vec<(Opened, usize)>,
}

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

/// Evaluates while something is missing that later evaluations know: what is found is not remembered for them.
pub(super) fn apart<R>(run: impl FnOnce() -> R) -> R {
    let outer = APART.replace(true);
    let result = run();
    APART.set(outer);
    result
}

pub(super) fn is_apart() -> bool {
    APART.get()
}

/// Looks for a name in a module that another opens, unless that is what is being done already: modules may open each other.
pub(super) fn opened(file: FileId, module: ModuleId, name: &str, look: impl FnOnce() -> Option<Ty>) -> Option<Ty> {
    let is_begun = MEMO.with_borrow_mut(|memo| {
        let same = |it: &&(Opened, usize)| {
            let (begun_in, begun_at, begun) = &it.0;
            (*begun_in, *begun_at, &**begun) == (file, module, name)
        };
        if let Some((_, depth)) = memo.opened.iter().find(same) {
            memo.reached = memo.reached.min(*depth);
            return true;
        }
        memo.opened.push(((file, module, name.into()), memo.open.len()));
        false
    });
    if is_begun {
        return None;
    }
    let found = look();
    MEMO.with_borrow_mut(|memo| memo.opened.pop());
    found
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

/// What a generator yields, unless that is what is being found out.
pub(super) fn yielding(function: FnRef, find: impl FnOnce() -> Ty) -> Ty {
    let is_begun = MEMO.with_borrow_mut(|memo| {
        if let Some((_, depth)) = memo.yielding.iter().find(|it| it.0 == function) {
            // Whatever has been asked for since is on the circle.
            memo.reached = memo.reached.min(*depth);
            return true;
        }
        memo.yielding.push((function, memo.open.len()));
        false
    });
    if is_begun {
        return Ty::Unknown;
    }
    let found = find();
    MEMO.with_borrow_mut(|memo| memo.yielding.pop());
    found
}
