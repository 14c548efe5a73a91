//! A table of live things: stable keys, freed slots used again, the memory given back when it is empty.

use std::mem::replace;

pub(crate) struct Slab<T> {
    /// The entry with the key 0, in place: a table of one thing needs no memory of its own.
    first: Option<T>,
    /// The entries with the keys from 1.
    entries: Vec<Entry<T>>,
    free: u32,
    live: u32,
}

enum Entry<T> {
    Taken(T),
    /// The next free slot after this one; `END` ends the list.
    Free(u32),
}

const END: u32 = u32::MAX;
/// An emptied table of more slots than this gives its memory back.
const KEPT: usize = 64;

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { first: None, entries: Vec::new(), free: END, live: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The key the next `insert` will give.
    pub(crate) fn next_key(&self) -> u32 {
        if self.first.is_none() {
            0
        } else if self.free == END {
            // So many things do not fit into any memory.
            u32::try_from(self.entries.len() + 1).unwrap_or_else(|_| panic!("2^32 members"))
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
        match self.entries.get_mut(at as usize) {
            None => self.entries.push(Entry::Taken(value)),
            Some(entry) => {
                if let Entry::Free(next) = replace(entry, Entry::Taken(value)) {
                    self.free = next;
                }
            }
        }
        key
    }

    pub(crate) fn remove(&mut self, key: u32) -> Option<T> {
        let value = match key.checked_sub(1) {
            None => self.first.take()?,
            Some(at) => {
                let entry = self.entries.get_mut(at as usize)?;
                if matches!(entry, Entry::Free(_)) {
                    return None;
                }
                let Entry::Taken(value) = replace(entry, Entry::Free(self.free)) else { return None };
                self.free = at;
                value
            }
        };
        self.live -= 1;
        if self.live == 0 && self.entries.capacity() > KEPT {
            *self = Self::new();
        }
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.entries.iter().filter_map(|entry| match entry {
            Entry::Taken(value) => Some(value),
            Entry::Free(_) => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::Slab;

    #[test]
    fn freed_slots_are_used_again() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        let second = slab.insert('b');
        assert_eq!(slab.next_key(), 2);
        for (freed, all) in [(first, "cb"), (second, "cc")] {
            assert!(slab.remove(freed).is_some());
            assert_eq!(slab.remove(freed), None);
            assert_eq!(slab.next_key(), freed);
            assert_eq!(slab.insert('c'), freed);
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
    fn an_emptied_table_gives_its_memory_back() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..10_000).map(|n| slab.insert(n)).collect();
        assert!(keys.into_iter().all(|key| slab.remove(key).is_some()));
        assert!(slab.is_empty());
        assert_eq!(slab.entries.capacity(), 0);
    }
}
