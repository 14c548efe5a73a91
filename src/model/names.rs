//! The strings of one file, each kept once.

use rustc_hash::FxHashMap;

/// A string of one [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameId(pub u32);

/// An interner: strings of one file, kept end to end.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    ends: Vec<u32>,
    index: FxHashMap<Box<str>, NameId>,
}

impl Names {
    pub fn intern(&mut self, text: &str) -> NameId {
        if let Some(id) = self.index.get(text) {
            return *id;
        }
        let id = NameId(self.ends.len() as u32);
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        self.index.insert(text.into(), id);
        id
    }

    pub fn text(&self, id: NameId) -> &str {
        let index = id.0 as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.text[start..self.ends[index] as usize]
    }

    /// The id of a string, if the file has it.
    pub fn find(&self, text: &str) -> Option<NameId> {
        self.index.get(text).copied()
    }

    /// Frees what only interning needs; [`Names::find`] still works.
    pub fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}
