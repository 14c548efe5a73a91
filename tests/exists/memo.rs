//! What names were found to stand for, by look-ups that may meet themselves on the way.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Why something that was not found may be there all the same.
#[derive(Clone, Copy, Default, Debug)]
pub struct Doubt {
    /// Something on the way could not be told: a base that is not at hand, `__getattr__`, a macro.
    pub unsure: bool,
    /// The text of modules that make names at run time, and of compiled ones, has the name.
    pub in_text: bool,
}

impl Doubt {
    pub fn add(&mut self, other: Self) {
        self.unsure |= other.unsure;
        self.in_text |= other.in_text;
    }
}

/// What was found before.
struct Known<T> {
    found: Vec<T>,
    doubt: Doubt,
    /// `None`: it holds. Else it may not be all, and holds for the path that was asked for then.
    during: Option<usize>,
}

/// Names that were looked up, each in something it is a member of.
pub struct Memo<T> {
    open: HashSet<(T, String)>,
    known: HashMap<(T, String), Known<T>>,
    /// How often a look-up has met itself, or was given up: what was found meanwhile may not be all.
    cut: usize,
    /// Counts the paths that were asked for.
    asked: usize,
    /// What the look-ups since the last [`Memo::ask`] have met.
    pub doubt: Doubt,
}

/// A look-up that has begun.
pub enum Begun<T> {
    /// It has been done before.
    Known(Vec<T>),
    /// It is being done, or given up.
    Cut,
    Open(Open<T>),
}

/// To be ended by [`Memo::end`].
pub struct Open<T> {
    key: (T, String),
    cut: usize,
    doubt: Doubt,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { open: HashSet::new(), known: HashMap::new(), cut: 0, asked: 0, doubt: Doubt::default() }
    }
}

impl<T: Clone + Eq + Hash> Memo<T> {
    /// Another path is asked for.
    pub fn ask(&mut self) {
        self.doubt = Doubt::default();
        self.asked += 1;
    }

    /// A look-up is given up: what is found from here on may not be all.
    pub fn give_up(&mut self) {
        self.cut += 1;
    }

    /// `too_deep`: it is given up, unless it is known.
    pub fn begin(&mut self, of: &T, name: &str, too_deep: bool) -> Begun<T> {
        let key = (of.clone(), name.to_owned());
        if let Some(known) = self.known.get(&key)
            && known.during.is_none_or(|asked| asked == self.asked)
        {
            self.doubt.add(known.doubt);
            return Begun::Known(known.found.clone());
        }
        if too_deep || !self.open.insert(key.clone()) {
            self.give_up();
            return Begun::Cut;
        }
        Begun::Open(Open { key, cut: self.cut, doubt: std::mem::take(&mut self.doubt) })
    }

    /// What was found, each once. `is_opaque`: no more is known of it than that it is there, which is nothing if more is
    /// known of another.
    pub fn end(&mut self, begun: Open<T>, mut found: Vec<T>, is_opaque: impl Fn(&T) -> bool) -> Vec<T> {
        self.open.remove(&begun.key);
        let mut seen = HashSet::new();
        found.retain(|it| seen.insert(it.clone()));
        if found.iter().any(|it| !is_opaque(it)) {
            found.retain(|it| !is_opaque(it));
        }
        let during = (begun.cut != self.cut && !self.open.is_empty()).then_some(self.asked);
        self.known.insert(begun.key, Known { found: found.clone(), doubt: self.doubt, during });
        self.doubt.add(begun.doubt);
        found
    }
}
