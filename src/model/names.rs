//! The strings of one file, each kept once.

use std::hash::{BuildHasher, BuildHasherDefault};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// A string of one [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameId(pub u32);

/// An interner: strings of one file, kept end to end, and found by their hash.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    ends: Vec<u32>,
    index: HashTable<NameId>,
}

/// About how much text there is to each name.
const BYTES_A_NAME: usize = 96;

fn hash(text: &str) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(text)
}

fn slice<'a>(text: &'a str, ends: &[u32], id: NameId) -> &'a str {
    let index = id.0 as usize;
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    &text[start..ends[index] as usize]
}

impl Names {
    /// For the names of a text of that many bytes.
    pub fn of_text(bytes: usize) -> Self {
        let count = bytes / BYTES_A_NAME;
        Self {
            text: String::with_capacity(count * 8),
            ends: Vec::with_capacity(count),
            index: HashTable::with_capacity(count),
        }
    }

    pub fn intern(&mut self, text: &str) -> NameId {
        let hashed = hash(text);
        if let Some(id) = self.index.find(hashed, |id| slice(&self.text, &self.ends, *id) == text) {
            return *id;
        }
        let id = NameId(self.ends.len() as u32);
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        let Self { text, ends, index } = self;
        index.insert_unique(hashed, id, |id| hash(slice(text, ends, *id)));
        id
    }

    pub fn text(&self, id: NameId) -> &str {
        slice(&self.text, &self.ends, id)
    }

    /// The id of a string, if the file has it.
    pub fn find(&self, text: &str) -> Option<NameId> {
        self.index.find(hash(text), |id| slice(&self.text, &self.ends, *id) == text).copied()
    }

    /// Gives back memory that only growing needs.
    pub fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        let Self { text, ends, index } = self;
        index.shrink_to_fit(|id| hash(slice(text, ends, *id)));
    }
}
