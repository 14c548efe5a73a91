//! Which folders hold the sources of crates in the place of a registry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use crate::discover::{manifest_text, plain_path};

/// `.cargo/config.toml`, as far as it says where sources lie.
#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    source: FxHashMap<String, Replacement>,
}

#[derive(Deserialize)]
struct Replacement {
    directory: Option<String>,
}

/// The folders that have the sources of packages in the place of a registry: `vendor`, and those that the configurations of
/// Cargo name that hold for the folder. `looked_at` gets all that decides.
pub(super) fn vendored(folder: &Utf8Path, home: Option<&Path>, looked_at: &mut BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut found = vec![folder.join("vendor").into_std_path_buf()];
    let above = folder.ancestors().map(|it| it.join(".cargo").into_std_path_buf());
    for place in above.chain(home.map(Path::to_owned)) {
        let names = ["config.toml", "config"].map(|name| place.join(name));
        looked_at.extend(names.iter().cloned());
        let texts = names.iter().filter_map(|it| manifest_text(it).ok());
        let Some(configuration) = texts.into_iter().find_map(|text| toml::from_str::<Configuration>(&text).ok()) else {
            continue;
        };
        // A relative one is seen from where the `.cargo` stands.
        let around = place.parent().unwrap_or(&place);
        let mut named: Vec<PathBuf> =
            configuration.source.into_values().filter_map(|it| Some(around.join(it.directory?))).collect();
        named.sort();
        found.extend(named);
    }
    looked_at.extend(found.iter().cloned());
    let mut found: Vec<PathBuf> = found.into_iter().filter_map(|it| it.canonicalize().ok().map(plain_path)).collect();
    let mut seen: FxHashSet<PathBuf> = FxHashSet::default();
    found.retain(|it| seen.insert(it.clone()));
    found
}
