//! Some words, looked for in a text all at once.

use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;

/// Finds any of some words, as fast as the processor lets it.
pub(crate) struct Words {
    /// Where the processor compares many bytes at a time.
    vector: Option<Searcher>,
    automaton: Option<AhoCorasick>,
}

impl Words {
    pub(crate) fn new(words: &[&str]) -> Self {
        Self { vector: Searcher::new(words), automaton: AhoCorasick::new(words).ok() }
    }

    /// `says` holds of some place of a word: of where it starts and ends.
    pub(crate) fn any_in(&self, text: &str, says: impl Fn(usize, usize) -> bool) -> bool {
        let says = |found: aho_corasick::Match| says(found.start(), found.end());
        match (&self.vector, &self.automaton) {
            (Some(vector), _) => vector.find_iter(text).any(says),
            (None, Some(automaton)) => automaton.find_iter(text).any(says),
            // Building from constant words does not fail; if it did, they would be in every text.
            (None, None) => true,
        }
    }
}
