//! Every table under `rules/apis` is well formed: known keys and words, a source, no path twice.

#[path = "support/below.rs"]
mod below;
#[path = "../src/knowledge/schema.rs"]
#[allow(dead_code, reason = "the build uses the rest")]
mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const EFFECTS: &[&str] = &["blocks", "starts-runtime", "spawns", "checkpoint"];
const KINDS: &[&str] = &["sleep", "network", "database", "process", "file", "path", "lock", "input", "cpu"];
const PLACES: &[&str] = &["thread", "process", "loop", "task", "inline", "once", "runtime", "beside"];
const SCOPES: &[&str] =
    &["timeout", "cancel-scope", "task-group", "suppress", "closing", "lock", "shield", "reraise", "other"];
const HANDLES: &[&str] = &["weak", "detaches", "cancels", "owned"];
const GUARDS: &[&str] = &["thread-lock", "refcell", "map-ref", "span", "async-lock", "snapshot"];
const TYPE_ROLES: &[&str] = &["task", "future", "awaitable", "thread-lock", "token", "sender"];
const RUN_PLACES: &[&str] = &["thread", "loop", "process", "caller", "runtime"];
const HANDLER_ROLES: &[&str] = &[
    "route",
    "task",
    "fixture",
    "context-manager",
    "callback",
    "main",
    "test",
    "overload",
    "plain",
    "property",
    "cache",
    "cached-property",
];

fn tables() -> Vec<PathBuf> {
    let mut files = Vec::new();
    below::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/apis"), &["toml"], &mut files);
    files.sort();
    files
}

#[test]
fn tables_are_well_formed() {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for file in tables() {
        let name = format!(
            "{}/{}",
            file.parent().and_then(|it| it.file_name()).expect("a folder").to_string_lossy(),
            file.file_name().expect("a name").to_string_lossy()
        );
        let text = std::fs::read_to_string(&file).expect("a readable table");
        let library: schema::Library = match toml::from_str(&text) {
            Ok(library) => library,
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut problem = |what: String| problems.push(format!("{name}: {what}"));
        let mut word = |at: &str, value: &Option<String>, known: &[&str]| {
            if let Some(value) = value
                && !known.contains(&value.as_str())
            {
                problem(format!("{at}: `{value}` is not one of {known:?}"));
            }
        };
        for api in &library.api {
            let at = api.path.clone().or_else(|| api.paths.first().cloned()).unwrap_or_default();
            word(&at, &api.effect, EFFECTS);
            word(&at, &api.kind, KINDS);
            word(&at, &api.scope, SCOPES);
            word(&at, &api.handle, HANDLES);
            word(&at, &api.cancel_safe, &["yes", "no", "queue"]);
            word(&at, &api.confidence, &["certain", "likely"]);
            for runs in &api.runs {
                word(&at, &Some(runs.place.clone()), PLACES);
            }
        }
        for it in &library.types {
            word(&it.path, &it.scope, SCOPES);
            word(&it.path, &it.guard, GUARDS);
            word(&it.path, &it.role, TYPE_ROLES);
        }
        for it in &library.handler {
            let at = it.decorators.first().or(it.bases.first()).cloned().unwrap_or_default();
            word(&at, &it.sync, RUN_PLACES);
            word(&at, &it.is_async, RUN_PLACES);
            word(&at, &it.role, HANDLER_ROLES);
        }
        for api in &library.api {
            if (api.effect.as_deref() == Some("blocks")) != api.kind.is_some() {
                problem(format!("{:?} {:?}: `kind` goes with `effect = \"blocks\"`", api.path, api.paths));
            }
            if (api.effect.as_deref() == Some("spawns")) != api.handle.is_some() {
                problem(format!("{:?} {:?}: `handle` goes with `effect = \"spawns\"`", api.path, api.paths));
            }
            if api.path.is_some() != api.paths.is_empty() {
                problem(format!("{:?} {:?}: one of `path` and `paths`", api.path, api.paths));
            }
            if !api.aka.is_empty() && api.path.is_none() {
                problem(format!("{:?}: `aka` goes with a single `path`", api.paths));
            }
            if let Some(does) = &api.does
                && (does.ends_with('.') || does.len() > 80)
            {
                problem(format!("`{does}`: a short phrase without a final stop"));
            }
            for path in api.path.iter().chain(&api.paths).chain(&api.aka) {
                if let Some(other) = seen.insert(format!("api {path}"), name.clone()) {
                    problem(format!("`{path}` stands in {other} already"));
                }
            }
        }
        for it in &library.types {
            for path in std::iter::once(&it.path).chain(&it.aka) {
                if let Some(other) = seen.insert(format!("type {path}"), name.clone()) {
                    problem(format!("type `{path}` stands in {other} already"));
                }
            }
        }
        if !library.source.starts_with("https://") {
            problem("`source` names no page".to_owned());
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
