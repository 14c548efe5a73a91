//! A table of live things: stable keys, freed slots used again, the memory given back when it is empty.

pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: usize,
    live: usize,
}

enum Entry<T> {
    Taken(T),
    /// The next free slot after this one; `usize::MAX` ends the list.
    Free(usize),
}

const END: usize = usize::MAX;
/// An emptied table of more slots than this gives its memory back.
const KEPT: usize = 64;

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), free: END, live: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The key the next `insert` will give.
    pub(crate) fn next_key(&self) -> usize {
        if self.free == END { self.entries.len() } else { self.free }
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        self.live += 1;
        if self.free == END {
            self.entries.push(Entry::Taken(value));
            return self.entries.len() - 1;
        }
        let key = self.free;
        if let Entry::Free(next) = std::mem::replace(&mut self.entries[key], Entry::Taken(value)) {
            self.free = next;
        }
        key
    }

    pub(crate) fn get(&self, key: usize) -> Option<&T> {
        match self.entries.get(key) {
            Some(Entry::Taken(value)) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<T> {
        let entry = self.entries.get_mut(key)?;
        if matches!(entry, Entry::Free(_)) {
            return None;
        }
        let Entry::Taken(value) = std::mem::replace(entry, Entry::Free(self.free)) else { return None };
        self.free = key;
        self.live -= 1;
        if self.live == 0 && self.entries.capacity() > KEPT {
            *self = Self::new();
        }
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Taken(value) => Some(value),
            Entry::Free(_) => None,
        })
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
        assert_eq!(slab.remove(first), Some('a'));
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.next_key(), first);
        assert_eq!(slab.insert('c'), first);
        assert_eq!(slab.get(second), Some(&'b'));
        assert_eq!(slab.iter().copied().collect::<String>(), "cb");
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
