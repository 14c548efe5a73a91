//! Which distribution of Python an installed module is of, and what the distribution says of its files.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::discover::manifest_text;

/// What is installed in one folder.
#[derive(Debug, Default)]
pub(super) struct Distributions {
    /// Their `.dist-info`, sorted.
    all: Vec<PathBuf>,
    /// By their names, as modules have them: the first of each.
    by_name: FxHashMap<String, usize>,
    /// By what can be imported from them: those that have it, in order.
    holders: OnceLock<FxHashMap<String, Vec<usize>>>,
    /// The modules that each vouches for.
    vouched: Vec<OnceLock<FxHashSet<String>>>,
}

impl Distributions {
    pub fn in_folder(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut all: Vec<PathBuf> = entries.map(|it| it.path()).filter(|it| distribution(it).is_some()).collect();
        all.sort();
        let vouched = all.iter().map(|_| OnceLock::new()).collect();
        let mut by_name = FxHashMap::default();
        for (place, path) in all.iter().enumerate() {
            let name = distribution(path).and_then(|it| it.rsplit_once('-')).map_or("", |(name, _)| name);
            by_name.entry(as_module(name)).or_insert(place);
        }
        Self { all, by_name, holders: OnceLock::new(), vouched }
    }

    /// `httpx-0.28.1` for the module `httpx`: the one of that name, else the first that has it.
    pub fn of(&self, first: &str) -> Option<&str> {
        distribution(&self.all[self.places_of(first).next()?])
    }

    /// The same of a file, whose path in the folder this is: where several have modules under one name, the one that has the file.
    pub fn of_file(&self, inside: &str) -> Option<&str> {
        let place = self.place_vouching(inside);
        distribution(&self.all[place.or_else(|| self.places_of(first(inside)).next())?])
    }

    /// What vouches for a file, whose path in the folder this is, if it is a module that was installed with a hash.
    pub fn seal(&self, inside: &str) -> Option<PathBuf> {
        Some(self.record(self.place_vouching(inside)?))
    }

    fn record(&self, place: usize) -> PathBuf {
        self.all[place].join("RECORD")
    }

    fn place_vouching(&self, inside: &str) -> Option<usize> {
        let vouches =
            |place: &usize| self.vouched[*place].get_or_init(|| modules_in(&self.record(*place))).contains(inside);
        self.places_of(first(inside)).find(vouches)
    }

    /// Those from which that can be imported, the one of that name first: mostly there is no other, and no need to look.
    fn places_of(&self, first: &str) -> impl Iterator<Item = usize> {
        let same = self.by_name.get(&as_module(first)).copied();
        let first = first.to_owned();
        let others = std::iter::once_with(move || self.holders.get_or_init(|| self.held()).get(&first));
        same.into_iter().chain(others.flatten().flatten().copied().filter(move |it| Some(*it) != same))
    }

    fn held(&self) -> FxHashMap<String, Vec<usize>> {
        let mut held: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (index, path) in self.all.iter().enumerate() {
            let text = |name: &str| manifest_text(path.join(name)).unwrap_or_default();
            let (tops, record) = (text("top_level.txt"), text("RECORD"));
            let in_record = record.lines().filter_map(|line| match line.find(['/', ',']) {
                Some(end) if line[end..].starts_with('/') => Some(&line[..end]),
                Some(end) => line[..end].strip_suffix(".py"),
                None => None,
            });
            let mut last = "";
            for first in tops.lines().map(str::trim).chain(in_record) {
                // Files of one folder stand together.
                if first != last {
                    let holders = held.entry(first.to_owned()).or_default();
                    if holders.last() != Some(&index) {
                        holders.push(index);
                    }
                    last = first;
                }
            }
        }
        held
    }
}

/// The first name of the module that a file holds, whose path this is.
fn first(inside: &str) -> &str {
    inside.split(['/', '.']).next().unwrap_or(inside)
}

/// As the names of distributions and of modules are compared.
fn as_module(name: &str) -> String {
    name.replace(['-', '.'], "_").to_ascii_lowercase()
}

/// `httpx-0.28.1` of `httpx-0.28.1.dist-info`.
pub(super) fn distribution(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix(".dist-info")
}

/// The modules that a `RECORD` has a hash of, as paths from where it is installed.
/// <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>
fn modules_in(record: &Path) -> FxHashSet<String> {
    let text = manifest_text(record).unwrap_or_default();
    text.lines().filter_map(module_in).map(str::to_owned).collect()
}

/// `httpx/_client.py` of `httpx/_client.py,sha256=…,65713`. What lies elsewhere, or has a name that needs quotes, is left out.
pub(super) fn module_in(line: &str) -> Option<&str> {
    let (path, rest) = line.split_once(',')?;
    let is_module = path.ends_with(".py") && !path.starts_with(['.', '/', '"']);
    let hash = rest.split(',').next().and_then(|it| it.split_once('=')).map_or("", |it| it.1);
    (is_module && !hash.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_with_hashes_are_vouched_for() {
        assert_eq!(module_in("httpx/_client.py,sha256=EM93e4pv,65713"), Some("httpx/_client.py"));
        for line in [
            "httpx/_client.py,,",
            "httpx/__pycache__/_client.cpython-312.pyc,,",
            "httpx/_client.pyi,sha256=EM93e4pv,65713",
            "../../bin/tool.py,sha256=EM93e4pv,12",
            "/opt/tool.py,sha256=EM93e4pv,12",
            "\"a,b.py\",sha256=EM93e4pv,12",
            "httpx/_client.py",
            "",
        ] {
            assert_eq!(module_in(line), None, "{line}");
        }
    }
}
