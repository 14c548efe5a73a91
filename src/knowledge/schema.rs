//! The shape of a table under `rules/apis`: what the build reads and the README there explains.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One table: the facts about one library.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Library {
    pub library: String,
    pub modules: Vec<String>,
    pub source: String,
    #[serde(default)]
    pub api: Vec<Api>,
    #[serde(default, rename = "type")]
    pub types: Vec<Type>,
    #[serde(default)]
    pub handler: Vec<Handler>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Api {
    pub path: Option<String>,
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub aka: Vec<String>,
    #[serde(default, rename = "async")]
    pub is_async: bool,
    pub effect: Option<String>,
    pub kind: Option<String>,
    pub does: Option<String>,
    pub instead: Option<Instead>,
    pub returns: Option<String>,
    #[serde(default)]
    pub unless: Vec<String>,
    #[serde(default)]
    pub when: Vec<String>,
    #[serde(default)]
    pub runs: Vec<Runs>,
    pub scope: Option<String>,
    pub handle: Option<String>,
    #[serde(default)]
    pub needs_loop: bool,
    #[serde(default)]
    pub never_returns: bool,
    #[serde(default)]
    pub fans_out: bool,
    #[serde(default)]
    pub transparent: bool,
    pub cancel_safe: Option<String>,
    pub confidence: Option<String>,
    pub source: Option<String>,
}

/// The remedy: one for all, or one per async library.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Instead {
    Any(String),
    PerLibrary(BTreeMap<String, String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Runs {
    pub arg: Option<u8>,
    pub name: Option<String>,
    #[serde(rename = "where")]
    pub place: String,
    #[serde(rename = "if")]
    pub needs: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Type {
    pub path: String,
    #[serde(default)]
    pub aka: Vec<String>,
    #[serde(default)]
    pub bases: Vec<String>,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    pub enter: Option<String>,
    pub output: Option<String>,
    pub iter: Option<String>,
    pub guard: Option<String>,
    pub scope: Option<String>,
    #[serde(default)]
    pub wrapper: bool,
    #[serde(default)]
    pub async_with: bool,
    pub role: Option<String>,
    pub source: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Handler {
    #[serde(default)]
    pub decorators: Vec<String>,
    #[serde(default)]
    pub bases: Vec<String>,
    #[serde(default)]
    pub methods: Vec<String>,
    pub sync: Option<String>,
    #[serde(rename = "async")]
    pub is_async: Option<String>,
    pub thread_if: Option<String>,
    pub role: Option<String>,
    pub makes: Option<String>,
    pub source: Option<String>,
}
