//! What a `Cargo.lock` says.

use std::sync::{Arc, OnceLock};

use camino::Utf8Path;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::manifest::Manifest;
use crate::discover::manifest_text;

/// All of one lock file.
#[derive(Debug, Default)]
pub(super) struct Packages {
    pub all: Vec<Locked>,
    /// Read when they are asked for.
    pub manifests: Vec<OnceLock<Option<Arc<Manifest>>>>,
    by_name: FxHashMap<String, Vec<usize>>,
    /// Who depends on packages of a name.
    dependents: OnceLock<FxHashMap<String, Vec<usize>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Locked {
    pub name: String,
    pub version: String,
    pub source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    pub dependencies: Vec<String>,
}

impl Locked {
    /// All but what it depends on.
    pub fn identity(&self) -> String {
        format!("{} {} {:?} {:?}", self.name, self.version, self.source, self.checksum)
    }
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<Locked>,
}

impl Packages {
    /// Those of the lock file in a folder. One that cannot be read names nothing.
    pub fn read(folder: &Utf8Path) -> Self {
        let text = manifest_text(folder.join("Cargo.lock")).unwrap_or_default();
        let all = toml::from_str::<LockFile>(&text).map(|it| it.package).unwrap_or_default();
        let mut by_name: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (index, package) in all.iter().enumerate() {
            by_name.entry(package.name.clone()).or_default().push(index);
        }
        let manifests = all.iter().map(|_| OnceLock::new()).collect();
        Self { all, manifests, by_name, dependents: OnceLock::new() }
    }

    /// Those of that name.
    pub fn named(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Those that depend on one of that name, in some version.
    pub fn dependents(&self, name: &str) -> &[usize] {
        let all = self.dependents.get_or_init(|| {
            let mut all: FxHashMap<String, Vec<usize>> = FxHashMap::default();
            for (index, package) in self.all.iter().enumerate() {
                for dependency in &package.dependencies {
                    let name = dependency.split(' ').next().unwrap_or_default();
                    let dependents = all.entry(name.to_owned()).or_default();
                    if dependents.last() != Some(&index) {
                        dependents.push(index);
                    }
                }
            }
            all
        });
        all.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn at_version(&self, name: &str, version: &str) -> Option<usize> {
        self.named(name).iter().copied().find(|it| self.all[*it].version == version)
    }

    /// All that it says of those of that name.
    pub fn entries(&self, name: &str) -> String {
        let all = self.named(name).iter().map(|it| &self.all[*it]);
        let all = all.map(|it| (&it.version, &it.source, &it.checksum, &it.dependencies));
        format!("{:?}", all.collect::<Vec<_>>())
    }
}
