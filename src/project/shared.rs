//! Files outside a group that something has led to: one that is lowered for a group is there for the next ones, while they ask
//! for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::finding::FileId;

use super::Slot;

/// How much text the files have that are kept, in bytes. What is made of it takes several times as much.
const MOST: usize = 24 << 20;
/// A file that so many groups in a row have not asked for is not kept for more.
const UNASKED: u32 = 3;

#[derive(Default)]
pub(super) struct Shared {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    slots: FxHashMap<FileId, (Arc<Slot>, u32)>,
    /// How much text they have.
    bytes: usize,
    /// How many groups have been begun.
    groups: u32,
}

impl Shared {
    /// A group is begun.
    pub(super) fn begin(&self) {
        let mut kept = self.kept();
        kept.groups += 1;
        let Kept { slots, bytes, groups } = &mut *kept;
        let gone: Vec<_> = slots.extract_if(|_, (_, asked)| *asked + UNASKED < *groups).collect();
        *bytes -= gone.iter().map(|(_, (slot, _))| slot.source.text.len()).sum::<usize>();
        // Taking models apart takes a while: nobody waits for it.
        drop(kept);
    }

    /// The file as another group has it, or what `read` gives.
    pub(super) fn slot(&self, file: FileId, read: impl FnOnce() -> Arc<Slot>) -> Arc<Slot> {
        if let Some(slot) = self.kept().asked(file) {
            return slot;
        }
        let slot = read();
        let mut kept = self.kept();
        // Two groups may read it at once: the second takes what the first has read.
        if let Some(slot) = kept.asked(file) {
            return slot;
        }
        let bytes = slot.source.text.len();
        if kept.bytes + bytes <= MOST {
            kept.bytes += bytes;
            let groups = kept.groups;
            kept.slots.insert(file, (Arc::clone(&slot), groups));
        }
        slot
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn asked(&mut self, file: FileId) -> Option<Arc<Slot>> {
        let (slot, asked) = self.slots.get_mut(&file)?;
        *asked = self.groups;
        Some(Arc::clone(slot))
    }
}
