//! Which environment the Python code of a folder imports from.

use std::path::PathBuf;

use camino::Utf8Path;

use super::python::SitePackages;
use crate::discover::real_path;

/// The environments of a run, and the folders whose code they are for.
#[derive(Debug, Default)]
pub struct Environments {
    all: Vec<SitePackages>,
    /// The deepest folder that a file is below decides.
    folders: Vec<(PathBuf, EnvironmentId)>,
}

/// An index into [`Environments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnvironmentId(u32);

impl Environments {
    /// One for all code.
    pub fn only(environment: SitePackages) -> Self {
        Self { all: vec![environment], folders: vec![(PathBuf::new(), EnvironmentId(0))] }
    }

    /// The environments at these places, each for what lies below the folder it stands in, and the nearest above each of these
    /// folders, through links if need be.
    pub fn around(places: impl IntoIterator<Item = PathBuf>, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut found = Self::default();
        for place in places {
            if let (Some(folder), Some(environment)) = (place.parent(), SitePackages::of(&place)) {
                found.add(folder.to_owned(), environment);
            }
        }
        for folder in folders {
            if found.folders.iter().any(|(known, _)| folder.starts_with(known)) {
                continue;
            }
            if let Some((above, environment)) = SitePackages::near(&folder) {
                found.add(above.to_owned(), environment);
            } else if let Some((_, environment)) = SitePackages::near(&real_path(&folder)) {
                found.add(folder, environment);
            }
        }
        found
    }

    fn add(&mut self, folder: PathBuf, environment: SitePackages) {
        if self.folders.iter().any(|(known, _)| *known == folder) {
            return;
        }
        self.folders.push((folder, EnvironmentId(self.all.len() as u32)));
        self.all.push(environment);
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn get(&self, id: EnvironmentId) -> &SitePackages {
        &self.all[id.0 as usize]
    }

    pub fn all(&self) -> impl Iterator<Item = (EnvironmentId, &SitePackages)> {
        (0..).map(EnvironmentId).zip(&self.all)
    }

    /// What the code at a place (absolute) imports from.
    pub fn of(&self, file: &Utf8Path) -> Option<EnvironmentId> {
        let around = self.folders.iter().filter(|(folder, _)| file.as_std_path().starts_with(folder));
        around.max_by_key(|(folder, _)| folder.as_os_str().len()).map(|it| it.1)
    }

    /// Where packages are installed, in which versions, and for whom.
    pub(super) fn say(&self, say: &mut impl FnMut(&str)) {
        for (folder, id) in &self.folders {
            say(&folder.to_string_lossy());
            self.get(*id).say(say);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    #[test]
    fn the_nearest_environment_counts() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        for (place, name) in [(".venv", "whole"), ("a/.venv", "of_a"), ("a/b/venv", "of_b")] {
            write(&at(&format!("{place}/Lib/site-packages/{name}.py")), "")?;
        }
        let found =
            Environments::around([at("a/.venv"), at("a/b/venv"), at("none/.venv")], [at(""), at("a"), at("other")]);
        let has = |file: &str, name: &str| {
            let file = camino::Utf8PathBuf::from_path_buf(at(file)).expect("Unicode");
            found.of(&file).is_some_and(|it| found.get(it).has(name))
        };
        assert!(has("main.py", "whole") && has("other/main.py", "whole") && !has("main.py", "of_a"));
        assert!(has("a/x/main.py", "of_a") && has("a/b/main.py", "of_b") && !has("a/b/main.py", "of_a"));
        assert_eq!(found.all().count(), 3);
        Ok(())
    }
}
