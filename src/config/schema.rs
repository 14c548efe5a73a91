//! The JSON schema of the configuration: what editors complete and check.

use serde_json::{Value, json};

use super::api::{EFFECTS, FACTS, HANDLES, KINDS, SCOPES};
use super::types;
use crate::rules::{Category, RULES};

/// Names with dots or double colons between them.
const PATH: &str = r"^[^\W\d]\w*((\.[^\W\d]\w*)*|(::[^\W\d]\w*)*)$";

/// The schema of `asynclint.toml` and of `[tool.asynclint]`.
pub fn schema() -> Value {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    let categories = Category::ALL.map(Category::name);
    let mut aliases: Vec<&str> = RULES.iter().flat_map(|rule| rule.aliases.iter().copied()).collect();
    aliases.extend(aliases.clone().iter().filter_map(|alias| alias.strip_prefix("clippy::")));
    aliases.sort_unstable();
    aliases.dedup();
    let selector = json!({
        "description": "A rule, a category, another linter's code or the beginning of one, or `all`.",
        "anyOf": [
            { "enum": names },
            { "enum": categories },
            { "enum": aliases },
            { "const": "all" },
            { "type": "string", "pattern": "^([A-Z]+[0-9]*|[A-Za-z]+[0-9]+)$" },
            { "const": "clippy" }
        ]
    });
    let levels = json!({
        "description": "How bad the findings of a rule are. A rule that is named for itself is on, unless `select` leaves it out.",
        "type": "object",
        "propertyNames": { "$ref": "#/$defs/selector" },
        "additionalProperties": { "enum": ["error", "warn", "note", "off"] }
    });
    let shared = json!({
        "profile": { "$ref": "#/$defs/profile" },
        "select": list("The rules that are on, instead of a profile's.", "selector"),
        "extend-select": list("Rules that are on besides the selected ones.", "selector"),
        "ignore": list("Rules that are off.", "selector"),
        "rules": { "$ref": "#/$defs/levels" }
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "asynclint",
        "description": "The configuration of asynclint: asynclint.toml, or [tool.asynclint] in pyproject.toml.",
        "type": "object",
        "additionalProperties": false,
        "properties": merged(&shared, json!({
            "overrides": {
                "description": "Rule settings for some of the files. A later one holds over an earlier one.",
                "type": "array",
                "items": { "$ref": "#/$defs/override" }
            },
            "exclude": {
                "description": "Files and folders to leave out, in the notation of .gitignore.",
                "type": "array",
                "items": { "type": "string" }
            },
            "target-python": {
                "description": "The oldest Python that the code supports.",
                "enum": ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"],
                "default": "3.11"
            },
            "min-confidence": { "$ref": "#/$defs/confidence" },
            "max-file-size": {
                "description": "Larger files are not read, unless given by name: bytes, or a number with a unit.",
                "anyOf": [
                    { "type": "integer", "minimum": 0 },
                    { "type": "string", "pattern": "^[0-9]+ *(B|kB|MB|GB|KiB|MiB|GiB)?$" }
                ],
                "default": "8 MiB"
            },
            "baseline": {
                "description": "The file of known findings, which stay quiet.",
                "type": "string"
            },
            "api": {
                "description": "What functions do that no table knows.",
                "type": "array",
                "items": { "$ref": "#/$defs/api" }
            },
            "type": {
                "description": "What types are that no table knows.",
                "type": "array",
                "items": { "$ref": "#/$defs/type" }
            }
        })),
        "$defs": {
            "selector": selector,
            "levels": levels,
            "profile": {
                "description": "The rules that are on.",
                "enum": ["recommended", "strict", "all"],
                "default": "recommended"
            },
            "confidence": {
                "description": "How sure the analysis is.",
                "enum": ["likely", "certain"]
            },
            "override": {
                "type": "object",
                "additionalProperties": false,
                "required": ["paths"],
                "properties": merged(&shared, json!({
                    "paths": {
                        "description": "The files it is for, in the notation of .gitignore.",
                        "type": "array",
                        "items": { "type": "string" }
                    }
                }))
            },
            "type": {
                "type": "object",
                "additionalProperties": false,
                "required": ["path"],
                "anyOf": types::FACTS.map(|key| json!({ "required": [key] })),
                "properties": {
                    "path": {
                        "description": "The type: `package.module.Type`, `crate::module::Type`.",
                        "type": "string",
                        "pattern": PATH
                    },
                    "guard": {
                        "description": "What is held while a value is alive.",
                        "enum": types::GUARDS.map(|(name, _)| name)
                    },
                    "scope": {
                        "description": "What a value opens when it is used in `with`.",
                        "enum": SCOPES.map(|(name, _)| name)
                    },
                    "role": {
                        "description": "What a value stands for.",
                        "enum": types::ROLES.map(|(name, _)| name)
                    }
                }
            },
            "api": {
                "type": "object",
                "additionalProperties": false,
                "required": ["path"],
                "anyOf": FACTS.map(|key| json!({ "required": [key] })),
                "properties": {
                    "path": {
                        "description": "The function: `package.module.function`, `crate::module::function`.",
                        "type": "string",
                        "pattern": PATH
                    },
                    "effect": { "description": "What a call does.", "enum": EFFECTS },
                    "kind": { "description": "What a blocking call waits for.", "enum": KINDS },
                    "scope": {
                        "description": "What it opens when it is used in `with`.",
                        "enum": SCOPES.map(|(name, _)| name)
                    },
                    "handle": {
                        "description": "What becomes of a task that it spawns when the handle is dropped.",
                        "enum": HANDLES.map(|(name, _)| name)
                    },
                    "does": {
                        "description": "What it does, for messages: `reads the whole index`.",
                        "type": "string"
                    },
                    "instead": { "description": "The remedy, for messages.", "type": "string" },
                    "confidence": { "$ref": "#/$defs/confidence" },
                    "async": {
                        "description": "Calling it does nothing until the result is awaited.",
                        "type": "boolean"
                    }
                },
                "if": { "properties": { "effect": { "const": "blocks" } }, "required": ["effect"] },
                "then": { "required": ["kind"] },
                "else": { "properties": { "kind": false } }
            }
        }
    })
}

fn list(description: &str, of: &str) -> Value {
    json!({ "description": description, "type": "array", "items": { "$ref": format!("#/$defs/{of}") } })
}

fn merged(first: &Value, second: Value) -> Value {
    let members = [first.clone(), second].into_iter().filter_map(|it| match it {
        Value::Object(members) => Some(members),
        _ => None,
    });
    Value::Object(members.flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::super::{api, read};
    use super::*;

    fn keys(schema: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> =
            schema["properties"].as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema = schema();
        let sorted = |keys: &[&'static str]| {
            let mut keys = keys.to_vec();
            keys.sort_unstable();
            keys
        };
        assert_eq!(keys(&schema), sorted(&read::KEYS));
        assert_eq!(keys(&schema["$defs"]["override"]), sorted(&read::OVERRIDE_KEYS));
        assert_eq!(keys(&schema["$defs"]["api"]), sorted(&api::KEYS));
        assert_eq!(keys(&schema["$defs"]["type"]), sorted(&types::KEYS));
    }
}
