//! Which features of an installed crate are on: all that anybody asks for. Of who depends on it, the user's packages surely ask for
//! what their manifests say, and so do those that these cannot do without; others may not be there themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{CrateSource, Dependency, LockedId, Manifest, Package, Surroundings};
use crate::source::Features;

impl Surroundings {
    /// Of a crate that a lock file names; of the user's own work, any feature may be on.
    pub fn features(&self, of: &CrateSource) -> Option<Features> {
        let (id, package) = (of.locked.filter(|_| !of.is_work)?, of.manifest.package.as_ref()?);
        self.crates.asks_for_features(id);
        let (mut sure, mut possible): (Vec<String>, Vec<String>) = Default::default();
        let mut all_are_known = true;
        for (dependent, name, is_own) in self.crates.dependents(id) {
            let own: Vec<&Manifest> = self.manifests.iter().filter(|it| is_own && is_of(it, name)).collect();
            let other = if is_own { None } else { self.crates.manifest(dependent) };
            let manifests: Vec<&Manifest> = own.into_iter().chain(other.as_deref()).collect();
            all_are_known &= !manifests.is_empty();
            for manifest in manifests {
                let Some(asking) = &manifest.package else { continue };
                let meant = || lines_about(manifest, package);
                // By another name, of which a workspace knows.
                all_are_known &= meant().next().is_some();
                for it in meant() {
                    match self.asked_by(manifest, it) {
                        Some(asked) if it.always && (is_own || self.is_always_built(dependent)) => sure.extend(asked),
                        Some(asked) => possible.extend(asked),
                        None => all_are_known = false,
                    }
                    possible.extend(handed_on(asking, it));
                }
            }
        }
        let on = closure(&package.features, sure);
        let possible = all_are_known.then(|| {
            let mut possible = closure(&package.features, possible);
            possible.extend(on.iter().cloned());
            possible
        });
        Some(Features { on, possible })
    }

    /// Dependencies that are there in any case lead from one of the user's packages to this one.
    fn is_always_built(&self, of: LockedId) -> bool {
        self.crates.remembers_always(of, || {
            let Some(manifest) = self.crates.manifest(of) else { return false };
            let Some(package) = &manifest.package else { return false };
            self.crates.dependents(of).any(|(dependent, name, is_own)| {
                let asks = |manifest: &Manifest| lines_about(manifest, package).any(|it| it.always);
                match is_own {
                    true => self.manifests.iter().any(|it| is_of(it, name) && asks(it)),
                    false => {
                        self.crates.manifest(dependent).is_some_and(|it| asks(&it)) && self.is_always_built(dependent)
                    }
                }
            })
        })
    }

    /// The features that a manifest asks of a dependency, `None` if it leaves that to a workspace that is not known.
    fn asked_by(&self, manifest: &Manifest, it: &Dependency) -> Option<Vec<String>> {
        let mut asked = it.features.clone();
        let mut has_default = it.default_features.unwrap_or(true);
        if it.inherited {
            let around = self.manifests.iter().filter(|around| manifest.folder.starts_with(&around.folder));
            let shared = around.filter_map(|around| around.workspace.as_ref()?.dependency(&it.name)).next()?;
            asked.extend(shared.features.iter().cloned());
            has_default = shared.default_features.unwrap_or(true) || it.default_features == Some(true);
        }
        asked.extend(has_default.then(|| "default".to_owned()));
        Some(asked)
    }
}

fn is_of(manifest: &Manifest, name: &str) -> bool {
    manifest.package.as_ref().is_some_and(|it| it.name == name)
}

/// The lines of a manifest about the package.
fn lines_about<'a>(manifest: &'a Manifest, package: &'a Package) -> impl Iterator<Item = &'a Dependency> {
    manifest.package.iter().flat_map(|it| &it.dependencies).filter(|it| means(it, package))
}

/// The line of a manifest is about the package, or may be.
fn means(it: &Dependency, package: &Package) -> bool {
    it.package == package.name && !package.version.as_deref().is_some_and(|version| it.rules_out(version))
}

/// The features of the dependency that features of who asks turn on: `"name/feature"`.
fn handed_on<'a>(asking: &'a Package, it: &'a Dependency) -> impl Iterator<Item = String> + 'a {
    asking.features.values().flatten().filter_map(|entry| {
        let (name, feature) = entry.split_once('/')?;
        (name.trim_end_matches('?').replace('-', "_") == it.name).then(|| feature.to_owned())
    })
}

/// These and all that they turn on.
fn closure(declared: &BTreeMap<String, Vec<String>>, mut pending: Vec<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    while let Some(feature) = pending.pop() {
        let turned_on = declared.get(&feature).into_iter().flatten();
        // A dependency is turned on with the feature of its name.
        let turned_on = turned_on.filter_map(|it| match it.split_once('/') {
            Some((name, _)) => (!name.ends_with('?')).then_some(name),
            None => (!it.starts_with("dep:")).then_some(&**it),
        });
        let turned_on: Vec<String> = turned_on.map(str::to_owned).collect();
        if found.insert(feature) {
            pending.extend(turned_on);
        }
    }
    found
}
