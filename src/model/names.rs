//! The strings of one file, each kept once.

use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Arc, OnceLock};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// A string of one [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NameId(pub u32);

/// An interner: strings of one file, kept end to end, and found by their hash.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    ends: Vec<u32>,
    index: HashTable<NameId>,
    /// The number of the first: not 0 in what is added to a file later.
    first: u32,
    /// What bodies that are lowered later add.
    parts: Option<Arc<Parts>>,
}

#[derive(Debug)]
struct Parts {
    /// From which number on each has its names.
    starts: Box<[u32]>,
    names: Box<[OnceLock<Names>]>,
}

impl Parts {
    fn holding(&self, id: NameId) -> Option<usize> {
        self.starts.partition_point(|start| *start <= id.0).checked_sub(1)
    }
}

/// About how much text there is to each name.
const BYTES_A_NAME: usize = 96;

fn hash(text: &str) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(text)
}

fn slice<'a>(text: &'a str, ends: &[u32], index: usize) -> &'a str {
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    &text[start..ends[index] as usize]
}

impl Names {
    /// For the names of a text of that many bytes.
    pub fn of_text(bytes: usize) -> Self {
        Self::above(0, bytes)
    }

    /// The same, with numbers from `first` on.
    pub fn above(first: u32, bytes: usize) -> Self {
        let count = bytes / BYTES_A_NAME;
        Self {
            text: String::with_capacity(count * 8),
            ends: Vec::with_capacity(count),
            index: HashTable::with_capacity(count),
            first,
            parts: None,
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn intern(&mut self, text: &str) -> NameId {
        let hashed = hash(text);
        let Self { text: all, ends, index, first, .. } = self;
        let at = |id: &NameId| (id.0 - *first) as usize;
        if let Some(id) = index.find(hashed, |id| slice(all, ends, at(id)) == text) {
            return *id;
        }
        let id = NameId(*first + ends.len() as u32);
        all.push_str(text);
        ends.push(all.len() as u32);
        index.insert_unique(hashed, id, |id| hash(slice(all, ends, at(id))));
        id
    }

    /// `None` if a part is to add it that is not lowered yet.
    pub fn text(&self, id: NameId) -> Option<&str> {
        // What is below the first wraps around, and is no more found than what is above the last.
        let index = id.0.wrapping_sub(self.first) as usize;
        if index < self.ends.len() { Some(slice(&self.text, &self.ends, index)) } else { self.text_in_part(id) }
    }

    #[cold]
    fn text_in_part(&self, id: NameId) -> Option<&str> {
        let parts = self.parts.as_ref()?;
        parts.names.get(parts.holding(id)?)?.get()?.text(id)
    }

    /// The part that adds a name.
    pub fn part_of(&self, id: NameId) -> Option<usize> {
        self.parts.as_ref()?.holding(id)
    }

    /// The id of a string, if the file has it. What bodies add that are lowered later is not looked for.
    pub fn find(&self, text: &str) -> Option<NameId> {
        let at = |id: &NameId| (id.0 - self.first) as usize;
        self.index.find(hash(text), |id| slice(&self.text, &self.ends, at(id)) == text).copied()
    }

    /// Parts will add names, each from its number on.
    pub fn expect_more(&mut self, starts: Box<[u32]>) {
        let names = starts.iter().map(|_| OnceLock::new()).collect();
        self.parts = Some(Arc::new(Parts { starts, names }));
    }

    /// What a part adds.
    pub fn add_part(&self, index: usize, names: Names) {
        if let Some(cell) = self.parts.as_ref().and_then(|it| it.names.get(index)) {
            let _ = cell.set(names);
        }
    }

    /// Gives back memory that only growing needs.
    pub fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        let Self { text, ends, index, first, .. } = self;
        index.shrink_to_fit(|id| hash(slice(text, ends, (id.0 - *first) as usize)));
    }
}

/// A name as constants have it: `MODE`, `_UNSET`.
pub fn is_constant_name(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    name.len() > 1 && name.starts_with(|it: char| it.is_ascii_uppercase()) && !name.contains(char::is_lowercase)
}
