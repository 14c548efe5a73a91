//! Compiles the tables under `rules/apis` into the program: unknown keys or words, duplicates and entries without a source
//! fail the build, and loading them costs nothing at run time.

#[path = "src/knowledge/schema.rs"]
#[allow(dead_code, reason = "the tests read the rest")]
mod schema;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use schema::{Api, Handler, Instead, Library, Type};

fn main() {
    println!("cargo::rerun-if-changed=rules/apis");
    println!("cargo::rerun-if-changed=src/knowledge/schema.rs");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut out = String::new();
    for language in ["python", "rust"] {
        compile(&root.join("rules/apis").join(language), &language.to_uppercase(), &mut out);
    }
    let target = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("tables.rs");
    std::fs::write(target, out).expect("the build folder can be written");
}

fn compile(folder: &Path, language: &str, out: &mut String) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|it| it == "toml"));
    files.sort();
    let (mut apis, mut types, mut handlers, mut modules) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a readable table");
        let library: Library = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for module in &library.modules {
            modules.entry(module.clone()).or_insert_with(|| library.library.clone());
        }
        let source = library.source;
        apis.extend(library.api.into_iter().map(|api| (library.library.clone(), source.clone(), api)));
        types.extend(library.types);
        handlers.extend(library.handler);
    }
    write_apis(language, &apis, out);
    write_types(language, &types, out);
    write_handlers(language, &handlers, out);
    let _ = write!(out, "pub(super) static {language}_MODULES: &[(&str, &str)] = &[");
    for (module, library) in modules {
        let _ = write!(out, "({module:?}, {library:?}),");
    }
    out.push_str("];\n");
}

fn write_apis(language: &str, apis: &[(String, String, Api)], out: &mut String) {
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    let _ = write!(out, "pub(super) static {language}_APIS: &[Api] = &[");
    for (library, source, api) in apis {
        for path in api.path.iter().chain(&api.paths) {
            for name in std::iter::once(path).chain(&api.aka) {
                assert!(index.insert(name, count).is_none(), "`{name}` stands in the tables twice");
            }
            count += 1;
            write_api(library, source, path, api, out);
        }
    }
    out.push_str("];\n");
    let _ = write!(out, "pub(super) static {language}_API_INDEX: &[(&str, u32)] = &[");
    for (path, entry) in index {
        let _ = write!(out, "({path:?}, {entry}),");
    }
    out.push_str("];\n");
}

fn write_api(library: &str, source: &str, path: &str, api: &Api, out: &mut String) {
    let effect = match api.effect.as_deref() {
        None => "None".to_owned(),
        Some("blocks") => {
            let kind = api.kind.as_deref().unwrap_or_else(|| panic!("`{path}` blocks, but has no `kind`"));
            format!("Some(Effect::Blocks(Kind::{}))", camel(kind))
        }
        Some(other) => format!("Some(Effect::{})", camel(other)),
    };
    let instead: Vec<(String, String)> = match &api.instead {
        None => Vec::new(),
        Some(Instead::Any(text)) => vec![(String::new(), text.clone())],
        Some(Instead::PerLibrary(map)) => map.iter().map(|(library, text)| (library.clone(), text.clone())).collect(),
    };
    let _ = write!(
        out,
        "Api {{ path: {path:?}, library: {library:?}, is_async: {}, effect: {effect}, does: {:?}, instead: &{instead:?}, \
         returns: {:?}, unless: &{:?}, when: &{:?}, scope: {}, handle: {}, needs_loop: {}, never_returns: {}, \
         fans_out: {}, transparent: {}, cancel_safety: {}, confidence: Confidence::{}, source: {:?}, runs: &[",
        api.is_async,
        api.does.as_deref().unwrap_or_default(),
        api.returns.as_deref().unwrap_or_default(),
        api.unless,
        api.when,
        word("ScopeRole", api.scope.as_deref()),
        word("Handle", api.handle.as_deref()),
        api.needs_loop,
        api.never_returns,
        api.fans_out,
        api.transparent,
        word("CancelSafety", api.cancel_safe.as_deref()),
        camel(api.confidence.as_deref().unwrap_or("certain")),
        api.source.as_deref().unwrap_or(source),
    );
    for runs in &api.runs {
        let _ = write!(
            out,
            "Runs {{ position: {:?}, name: {:?}, place: Runner::{}, needs: Needs::{} }},",
            runs.arg,
            runs.name.as_deref().unwrap_or_default(),
            camel(&runs.place),
            camel(runs.needs.as_deref().unwrap_or("nothing"))
        );
    }
    out.push_str("] },\n");
}

fn write_types(language: &str, types: &[Type], out: &mut String) {
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let _ = write!(out, "pub(super) static {language}_TYPES: &[TypeFacts] = &[");
    for (entry, it) in types.iter().enumerate() {
        for name in std::iter::once(&it.path).chain(&it.aka) {
            assert!(index.insert(name, entry).is_none(), "type `{name}` stands in the tables twice");
        }
        let fields: Vec<(&str, &str)> = it.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let _ = writeln!(
            out,
            "TypeFacts {{ path: {:?}, bases: &{:?}, fields: &{fields:?}, enter: {:?}, output: {:?}, iter: {:?}, guard: {}, scope: {}, \
             wrapper: {}, async_with: {}, role: {} }},",
            it.path,
            it.bases,
            it.enter.as_deref().unwrap_or_default(),
            it.output.as_deref().unwrap_or_default(),
            it.iter.as_deref().unwrap_or_default(),
            word("Guard", it.guard.as_deref()),
            word("ScopeRole", it.scope.as_deref()),
            it.wrapper,
            it.async_with,
            word("TypeRole", it.role.as_deref()),
        );
    }
    out.push_str("];\n");
    let _ = write!(out, "pub(super) static {language}_TYPE_INDEX: &[(&str, u32)] = &[");
    for (path, entry) in index {
        let _ = write!(out, "({path:?}, {entry}),");
    }
    out.push_str("];\n");
}

fn write_handlers(language: &str, handlers: &[Handler], out: &mut String) {
    let _ = write!(out, "pub(super) static {language}_HANDLERS: &[HandlerFacts] = &[");
    for it in handlers {
        let _ = writeln!(
            out,
            "HandlerFacts {{ decorators: &{:?}, bases: &{:?}, methods: &{:?}, sync: {}, thread_if: {:?}, asynchronous: {}, role: {}, makes: {:?} }},",
            it.decorators,
            it.bases,
            it.methods,
            word("Place", it.sync.as_deref()),
            it.thread_if.as_deref().unwrap_or_default(),
            word("Place", it.is_async.as_deref()),
            word("HandlerRole", it.role.as_deref()),
            it.makes.as_deref().unwrap_or_default(),
        );
    }
    out.push_str("];\n");
}

fn word(kind: &str, value: Option<&str>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("Some({kind}::{})", camel(value)))
}

/// `cancel-scope` becomes `CancelScope`; the compiler refuses words that are no variant.
fn camel(word: &str) -> String {
    word.split('-')
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}
