//! A table of live things: stable keys, freed slots used again, the memory given back when it is empty.

use std::mem::replace;

pub(crate) struct Slab<T> {
    /// The entry with the key 0, in place: a table of one thing needs no memory of its own.
    first: Option<T>,
    /// The entries with the keys from 1, in blocks: all but the last are full. A table that grows is not copied, and asks for
    /// no piece of memory that is as large as all others together: an allocator puts its small pieces in order before it
    /// looks for a large one, and again when that is given back, when it returns to the system what the next group will
    /// need. Of 100,000 tasks after 100,000 others that was a third of the cost.
    blocks: Vec<Vec<Entry<T>>>,
    free: u32,
    live: u32,
}

enum Entry<T> {
    Taken(T),
    /// The next free slot after this one; `END` ends the list.
    Free(u32),
}

const END: u32 = u32::MAX;
/// The entries of a block. With few, blocks are asked for too often.
const BLOCK: usize = 2_048;
/// An emptied table of more slots than this gives its memory back.
const KEPT: usize = 64;

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { first: None, blocks: Vec::new(), free: END, live: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The key the next `insert` will give.
    pub(crate) fn next_key(&self) -> u32 {
        if self.first.is_none() {
            0
        } else if self.free == END {
            let full = self.blocks.len().saturating_sub(1) * BLOCK;
            let entries = full + self.blocks.last().map_or(0, Vec::len);
            // So many things do not fit into any memory.
            u32::try_from(entries + 1).unwrap_or_else(|_| panic!("2^32 members"))
        } else {
            self.free + 1
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let key = self.next_key();
        self.live += 1;
        let Some(at) = key.checked_sub(1) else {
            self.first = Some(value);
            return key;
        };
        match self.entry(at) {
            None => self.push(value),
            Some(entry) => {
                if let Entry::Free(next) = replace(entry, Entry::Taken(value)) {
                    self.free = next;
                }
            }
        }
        key
    }

    fn entry(&mut self, at: u32) -> Option<&mut Entry<T>> {
        self.blocks.get_mut(at as usize / BLOCK)?.get_mut(at as usize % BLOCK)
    }

    fn push(&mut self, value: T) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(Entry::Taken(value)),
            // The first one grows from a few: most tables are small.
            last => {
                let mut block = Vec::with_capacity(if last.is_some() { BLOCK } else { 4 });
                block.push(Entry::Taken(value));
                self.blocks.push(block);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: u32) -> Option<T> {
        let value = match key.checked_sub(1) {
            None => self.first.take()?,
            Some(at) => {
                let free = self.free;
                let entry = self.entry(at)?;
                if matches!(entry, Entry::Free(_)) {
                    return None;
                }
                let Entry::Taken(value) = replace(entry, Entry::Free(free)) else { return None };
                self.free = at;
                value
            }
        };
        self.live -= 1;
        if self.live == 0 && self.blocks.iter().map(Vec::capacity).sum::<usize>() > KEPT {
            *self = Self::new();
        }
        Some(value)
    }

    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        match key.checked_sub(1) {
            None => self.first.as_mut(),
            Some(at) => match self.entry(at)? {
                Entry::Taken(value) => Some(value),
                Entry::Free(_) => None,
            },
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.blocks.iter().flatten().filter_map(|entry| match entry {
            Entry::Taken(value) => Some(value),
            Entry::Free(_) => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Slab, replace};

    #[test]
    fn freed_slots_are_used_again() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        let second = slab.insert('b');
        assert_eq!(slab.next_key(), 2);
        for (freed, all) in [(first, "cb"), (second, "cc")] {
            assert!(slab.remove(freed).is_some());
            assert_eq!(slab.remove(freed), None);
            assert_eq!((slab.next_key(), slab.get_mut(freed)), (freed, None));
            assert_eq!(slab.insert('d'), freed);
            assert_eq!(slab.get_mut(freed).map(|value| replace(value, 'c')), Some('d'));
            assert_eq!(slab.iter().copied().collect::<String>(), all);
        }
    }

    #[test]
    fn several_freed_slots_are_used_again_before_new_ones() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..5).map(|n| slab.insert(n)).collect();
        for &key in &keys[..3] {
            assert_eq!(slab.remove(key), Some(key));
        }
        let mut again: Vec<_> = (0..3).map(|n| (slab.next_key(), slab.insert(n))).collect();
        assert!(again.iter().all(|(next, key)| next == key));
        again.sort_unstable();
        assert_eq!(again, [(0, 0), (1, 1), (2, 2)]);
        assert_eq!((slab.insert(9), slab.iter().count()), (5, 6));
    }

    #[test]
    fn keys_lead_to_their_things_in_every_block() {
        let mut slab = Slab::new();
        const N: u32 = 3 * BLOCK as u32;
        let keys: Vec<_> = (0..N).map(|n| (slab.insert(n), n)).collect();
        assert!(keys.iter().all(|&(key, n)| slab.get_mut(key) == Some(&mut { n })));
        assert!(slab.iter().copied().eq(0..N));
        for (key, n) in keys.into_iter().filter(|(_, n)| n % 3 > 0) {
            assert_eq!((slab.remove(key), slab.remove(key), slab.get_mut(key)), (Some(n), None, None));
        }
        assert!(slab.iter().copied().eq((0..N).step_by(3)));
        let again = (0..N - N / 3).map(|n| slab.insert(n)).max();
        assert_eq!((again, slab.iter().count()), (Some(N - 1), N as usize));
        assert_eq!((slab.insert(0), slab.get_mut(9 * N)), (N, None));
    }

    #[test]
    fn an_emptied_table_gives_its_memory_back() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..10_000).map(|n| slab.insert(n)).collect();
        assert!(keys.into_iter().all(|key| slab.remove(key).is_some()));
        assert!(slab.is_empty());
        assert_eq!(slab.blocks.capacity(), 0);
    }
}
