//! What the tables name.

use std::path::Path;

use asynclint::source::Language;

use crate::schema;

/// A path of a table.
#[derive(Debug, Clone)]
pub struct Named {
    pub language: Language,
    pub library: String,
    /// `python/requests.toml`.
    pub table: String,
    pub path: String,
    /// It is called: a function or method that has an effect of its own.
    pub is_call: bool,
    /// The table says that it is async.
    pub is_async: bool,
}

/// Names that no source has, by how they start, and why. Each was looked up by hand.
pub const WITHOUT_SOURCE: &[(&str, &str)] = &[
    ("_functools.", "a part of the interpreter, which no stubs tell of"),
    ("anyio.abc.BlockingPortal", "the module gets it from a table of names when it is asked for"),
    ("boto3.resources.factory.", "made at run time, from the services' descriptions"),
    ("passlib.hash.pbkdf2_", "made at run time, by digest"),
    ("posix.ScandirIterator", "compiled, and without a name there"),
    ("sh.", "any name is a program of the machine it runs on"),
];

impl Named {
    /// A table's own name for what has none.
    pub fn is_made_up(&self) -> bool {
        let separator = if self.language == Language::Python { "." } else { "::" };
        self.path.split(separator).skip(1).any(|it| it.starts_with('_'))
    }

    /// The entry of [`WITHOUT_SOURCE`] that tells why it is not to be found.
    pub fn without_source(&self) -> Option<&'static str> {
        WITHOUT_SOURCE.iter().map(|(start, _)| *start).find(|it| self.path.starts_with(it))
    }
}

/// Every path that a table has, in order of table: functions, types, bases, decorators, other names of them.
pub fn named() -> Vec<Named> {
    let mut all = Vec::new();
    for language in [Language::Python, Language::Rust] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/apis").join(language.name());
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("the tables")
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|file| file.extension().is_some_and(|it| it == "toml"))
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a readable table");
            let library: schema::Library = toml::from_str(&text).expect("`tests/tables.rs` holds the form");
            let name = file.file_name().expect("a name").to_string_lossy();
            of_library(language, &format!("{}/{name}", language.name()), &library, &mut all);
        }
    }
    all
}

fn of_library(language: Language, table: &str, library: &schema::Library, all: &mut Vec<Named>) {
    let mut add = |path: &String, is_call: bool, is_async: bool| {
        all.push(Named {
            language,
            library: library.library.clone(),
            table: table.to_owned(),
            path: path.clone(),
            is_call,
            is_async,
        });
    };
    for api in &library.api {
        let blocks = api.effect.as_deref() == Some("blocks");
        for path in api.path.iter().chain(&api.paths).chain(&api.aka) {
            add(path, blocks, api.is_async);
        }
    }
    for it in &library.types {
        for path in std::iter::once(&it.path).chain(&it.aka).chain(&it.bases) {
            add(path, false, false);
        }
    }
    for it in &library.handler {
        for path in it.decorators.iter().chain(&it.bases) {
            add(path, false, false);
        }
    }
}
