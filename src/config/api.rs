//! `[[api]]`: what functions do that no table knows, or does not know well.

use toml::de::DeTable;

use super::read::Reader;
use crate::finding::Confidence;
use crate::knowledge::{Api, Effect, Handle, Kind, Knowledge, ScopeRole};
use crate::source::Language;

/// The keys of an entry.
pub(super) const KEYS: [&str; 9] =
    ["path", "effect", "kind", "async", "scope", "handle", "does", "instead", "confidence"];

/// Of these it says at least one.
pub(super) const FACTS: [&str; 4] = ["effect", "async", "scope", "handle"];

/// The effects that an entry may name; `none` says that nothing happens, whatever a table says.
pub(super) const EFFECTS: [&str; 5] = ["blocks", "starts-runtime", "spawns", "checkpoint", "none"];

/// What a function waits for, in the order of [`Kind::ALL`].
pub(super) const KINDS: [&str; 9] = ["sleep", "network", "database", "process", "file", "path", "lock", "input", "cpu"];

/// The word for what a blocking call waits for.
pub const fn kind_name(kind: Kind) -> &'static str {
    KINDS[kind.index()]
}

/// What a function opens when it is used in `with`.
pub(super) const SCOPES: [(&str, ScopeRole); 8] = [
    ("timeout", ScopeRole::Timeout),
    ("cancel-scope", ScopeRole::CancelScope),
    ("task-group", ScopeRole::TaskGroup),
    ("suppress", ScopeRole::Suppress),
    ("closing", ScopeRole::Closing),
    ("lock", ScopeRole::Lock),
    ("shield", ScopeRole::Shield),
    ("reraise", ScopeRole::Reraise),
];

/// What becomes of a task that a function spawns when its handle is dropped.
pub(super) const HANDLES: [(&str, Handle); 4] =
    [("weak", Handle::Weak), ("detaches", Handle::Detaches), ("cancels", Handle::Cancels), ("owned", Handle::Owned)];

/// One entry: what is said of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    /// `Some(None)` says that nothing happens; `None` says nothing about it.
    pub effect: Option<Option<Effect>>,
    pub does: Option<String>,
    pub instead: Option<String>,
    pub confidence: Option<Confidence>,
    pub is_async: Option<bool>,
    pub scope: Option<ScopeRole>,
    pub handle: Option<Handle>,
    /// Where it stands, for the fact's source: `asynclint.toml:12`.
    pub source: String,
}

pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, at: usize) -> Option<Entry> {
    reader.keys(table, &KEYS, " in `[[api]]`");
    let path = reader.path(table);
    let effect = reader.word(table, "effect", &EFFECTS);
    let kind = reader.word(table, "kind", &KINDS);
    if path.is_none() && !table.contains_key("path") {
        reader.error(at, "an `[[api]]` entry needs `path`: the function it is about, as `package.module.function`");
    }
    if !FACTS.iter().any(|key| table.contains_key(*key)) {
        let facts = super::read::list(&FACTS);
        reader.error(at, format!("an `[[api]]` entry says what the function does, by one of {facts}"));
    }
    let blocks = effect == Some(0);
    if blocks && kind.is_none() && !table.contains_key("kind") {
        reader.error(at, format!("`effect = \"blocks\"` needs `kind`: one of {}", super::read::list(&KINDS)));
    } else if !blocks && kind.is_some() {
        reader.error(at, "`kind` goes with `effect = \"blocks\"` alone");
    }
    let confidences = [Confidence::Likely, Confidence::Certain];
    let confidence = reader.word(table, "confidence", &confidences.map(Confidence::name));
    let does = reader.string(table, "does").map(|(text, _)| text);
    let instead = reader.string(table, "instead").map(|(text, _)| text);
    let is_async = reader.boolean(table, "async");
    let scope = reader.word(table, "scope", &SCOPES.map(|(name, _)| name)).map(|index| SCOPES[index].1);
    let handle = reader.word(table, "handle", &HANDLES.map(|(name, _)| name)).map(|index| HANDLES[index].1);
    let effect = match effect {
        None => None,
        Some(0) => Some(Some(Effect::Blocks(Kind::ALL[kind?]))),
        Some(1) => Some(Some(Effect::StartsRuntime)),
        Some(2) => Some(Some(Effect::Spawns)),
        Some(3) => Some(Some(Effect::Checkpoint)),
        Some(_) => Some(None),
    };
    let confidence = confidence.map(|index| confidences[index]);
    Some(Entry { path: path?.0, effect, does, instead, confidence, is_async, scope, handle, source: reader.place(at) })
}

impl Entry {
    /// The fact as the analysis keeps it: what a table says of the same path, with this put over it.
    ///
    /// Facts live as long as the program, so its words are given up to it.
    pub fn to_api(&self, known: &Knowledge) -> Api {
        let language = if self.path.contains("::") { Language::Rust } else { Language::Python };
        let known = known.api(language, &self.path).copied().unwrap_or(Api::named(""));
        let effect = self.effect.unwrap_or(known.effect);
        let keep = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        // The project says that it happens: what goes with another effect says nothing about this one.
        let known = if known.effect == effect {
            known
        } else {
            Api { does: "", instead: &[], unless: &[], when: &[], ..known }
        };
        Api {
            path: keep(&self.path),
            is_async: self.is_async.unwrap_or(known.is_async),
            effect,
            does: self.does.as_deref().map_or(known.does, keep),
            instead: match &self.instead {
                Some(text) => Box::leak(Box::new([("", keep(text))])),
                None => known.instead,
            },
            scope: self.scope.or(known.scope),
            handle: self.handle.or(known.handle),
            confidence: self.confidence.unwrap_or(Confidence::Certain),
            source: keep(&self.source),
            ..known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            effect: None,
            does: None,
            instead: None,
            confidence: None,
            is_async: None,
            scope: None,
            handle: None,
            source: "asynclint.toml:1".to_owned(),
        }
    }

    #[test]
    fn an_entry_is_put_over_what_a_table_says() {
        let tables = Knowledge::default();
        let known = tables.api(Language::Python, "open").expect("a built-in function");
        let same = entry("open").to_api(&tables);
        assert_eq!((same.effect, same.does, same.returns), (known.effect, known.does, known.returns));
        let quiet = Entry { effect: Some(None), ..entry("open") }.to_api(&tables);
        assert_eq!((quiet.effect, quiet.does, quiet.returns), (None, "", known.returns));
        let new = Entry { is_async: Some(true), instead: Some("`g`".to_owned()), ..entry("m.f") }.to_api(&tables);
        assert_eq!((new.is_async, new.effect, new.instead_for("trio")), (true, None, Some("`g`")));
        let scope = Entry { scope: Some(ScopeRole::Timeout), ..entry("m.at_most") }.to_api(&tables);
        assert_eq!(scope.scope, Some(ScopeRole::Timeout));
    }
}
