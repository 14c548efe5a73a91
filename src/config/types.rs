//! `[[type]]`: what a type is that no table knows, such as a lock of the project's own.

use toml::de::DeTable;

use super::api::SCOPES;
use super::read::{Reader, list};
use crate::knowledge::{Guard, Knowledge, ScopeRole, TypeFacts, TypeRole};
use crate::source::Language;

/// The keys of an entry.
pub(super) const KEYS: [&str; 4] = ["path", "guard", "scope", "role"];

/// Of these it says at least one.
pub(super) const FACTS: [&str; 3] = ["guard", "scope", "role"];

/// What is held while a value is alive.
pub(super) const GUARDS: [(&str, Guard); 5] = [
    ("thread-lock", Guard::ThreadLock),
    ("refcell", Guard::Refcell),
    ("map-ref", Guard::MapRef),
    ("span", Guard::Span),
    ("async-lock", Guard::AsyncLock),
];

/// What a value stands for.
pub(super) const ROLES: [(&str, TypeRole); 5] = [
    ("task", TypeRole::Task),
    ("future", TypeRole::Future),
    ("awaitable", TypeRole::Awaitable),
    ("thread-lock", TypeRole::ThreadLock),
    ("token", TypeRole::Token),
];

/// One entry: what is said of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeEntry {
    pub path: String,
    pub guard: Option<Guard>,
    pub scope: Option<ScopeRole>,
    pub role: Option<TypeRole>,
}

pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, at: usize) -> Option<TypeEntry> {
    reader.keys(table, &KEYS, " in `[[type]]`");
    let path = reader.path(table);
    if path.is_none() && !table.contains_key("path") {
        reader.error(at, "a `[[type]]` entry needs `path`: the type it is about, as `package.module.Type`");
    }
    if !FACTS.iter().any(|key| table.contains_key(*key)) {
        reader.error(at, format!("a `[[type]]` entry says what the type is, by one of {}", list(&FACTS)));
    }
    let guard = reader.word(table, "guard", &GUARDS.map(|(name, _)| name)).map(|index| GUARDS[index].1);
    let scope = reader.word(table, "scope", &SCOPES.map(|(name, _)| name)).map(|index| SCOPES[index].1);
    let role = reader.word(table, "role", &ROLES.map(|(name, _)| name)).map(|index| ROLES[index].1);
    Some(TypeEntry { path: path?.0, guard, scope, role })
}

impl TypeEntry {
    /// The fact as the analysis keeps it: what a table says of the same path, with this put over it.
    pub fn to_facts(&self, known: &Knowledge) -> TypeFacts {
        let language = if self.path.contains("::") { Language::Rust } else { Language::Python };
        let known = known.type_facts(language, &self.path);
        TypeFacts {
            path: Box::leak(self.path.clone().into_boxed_str()),
            bases: known.map_or(&[], |it| it.bases),
            fields: known.map_or(&[], |it| it.fields),
            enter: known.map_or("", |it| it.enter),
            output: known.map_or("", |it| it.output),
            iter: known.map_or("", |it| it.iter),
            guard: self.guard.or_else(|| known?.guard),
            scope: self.scope.or_else(|| known?.scope),
            async_with: false,
            wrapper: known.is_some_and(|it| it.wrapper),
            role: self.role.or_else(|| known?.role),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_put_over_what_a_table_says() {
        let tables = Knowledge::default();
        let entry = |path: &str| TypeEntry { path: path.to_owned(), guard: None, scope: None, role: None };
        let known = tables.type_facts(Language::Python, "threading.Lock").expect("in the tables");
        let same = entry("threading.Lock").to_facts(&tables);
        assert_eq!((same.guard, same.scope, same.role), (known.guard, known.scope, known.role));
        let own = TypeEntry { guard: Some(Guard::ThreadLock), ..entry("m.FileLock") }.to_facts(&tables);
        let all = Knowledge::default().and_types(vec![own]);
        let found = all.type_facts(Language::Python, "m.FileLock").expect("just added");
        assert_eq!((found.path, found.guard, found.role), ("m.FileLock", Some(Guard::ThreadLock), None));
    }
}
