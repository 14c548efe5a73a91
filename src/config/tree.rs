//! Which configuration governs a folder: the nearest one upwards.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::manifest::Manifests;
use super::read;
use super::{Config, Shared, Trouble};

/// Where settings come from.
#[derive(Debug)]
pub enum Mode {
    /// The nearest file above each folder.
    Nearest,
    /// This file for all (`--config`).
    Fixed(PathBuf),
    /// No file is read.
    Isolated,
}

/// Finds and keeps configurations. Troubles are kept too, so that asking needs no error path.
#[derive(Debug)]
pub struct Tree {
    current: PathBuf,
    fixed: Option<Shared>,
    look: bool,
    pub(super) manifests: Manifests,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    folders: FxHashMap<PathBuf, Option<Shared>>,
    errors: Vec<Trouble>,
}

impl Tree {
    /// `current` is where relative paths start, absolute.
    pub fn new(mode: Mode, current: &Path) -> Self {
        let mut state = State::default();
        let mut fixed = None;
        let look = matches!(mode, Mode::Nearest);
        if let Mode::Fixed(file) = mode {
            match read::named(&file, current) {
                Ok(config) => fixed = Some(Arc::new(config)),
                Err(errors) => state.errors = errors,
            }
        }
        Self { current: current.to_owned(), fixed, look, manifests: Manifests::default(), state: Mutex::new(state) }
    }

    /// The configuration of the files that lie in a folder (absolute, without `..`).
    pub fn of_folder(&self, folder: &Path) -> Option<Shared> {
        if !self.look {
            return self.fixed.clone();
        }
        if let Some(known) = self.state().folders.get(folder) {
            return known.clone();
        }
        let mut own = Vec::new();
        let config = match read::in_folder(folder, &self.current) {
            Ok(Some(config)) => Some(Arc::new(config)),
            Ok(None) => folder.parent().and_then(|above| self.of_folder(above)),
            Err(errors) => {
                own = errors;
                None
            }
        };
        let mut state = self.state();
        // Another thread may have read the same folder in the meantime; its answer is the one that counts files.
        if !state.folders.contains_key(folder) {
            state.errors.extend(own);
            state.folders.insert(folder.to_owned(), config);
        }
        state.folders.get(folder).cloned().flatten()
    }

    /// The configuration of a file.
    pub fn of_file(&self, file: &Path) -> Option<Shared> {
        self.of_folder(file.parent()?)
    }

    /// Every configuration that was found so far, in order of path.
    pub fn all(&self) -> Vec<Shared> {
        let mut all: Vec<Shared> = self.state().folders.values().flatten().cloned().collect();
        all.extend(self.fixed.clone());
        all.sort_by(|a, b| (&a.folder, &a.shown).cmp(&(&b.folder, &b.shown)));
        all.dedup_by(|a, b| Arc::ptr_eq(a, b));
        all
    }

    /// What is wrong with the configurations read so far, in order of place.
    pub fn errors(&self) -> Vec<Trouble> {
        let mut errors = self.state().errors.clone();
        errors.sort();
        errors.dedup();
        errors
    }

    /// The path (absolute; `is_folder` tells a folder) is excluded by the configuration of the folder it lies in.
    pub fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        path.parent()
            .and_then(|folder| self.of_folder(folder))
            .is_some_and(|config: Arc<Config>| config.excludes(path, is_folder))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
