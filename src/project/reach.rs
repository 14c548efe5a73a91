//! From a name in any file to what it leads to, in the user's files or in what is installed.

use std::path::Path;
use std::sync::Arc;

use super::Project;
use super::installed::{Asking, CrateId, Impls, LookedAt, Place, remembered};
use super::memo::{apart, is_apart};
use super::path::LibraryPath;
use super::types::{Class, ClassRef, FnRef, Ty};
use crate::finding::FileId;
use crate::knowledge::Api;
use crate::model::FILE_MODULE;
use crate::packages::{EnvironmentId, Surroundings};
use crate::source::Language;

/// Libraries whose insides say nothing of what calling them does: event loops, which wait as their tables say, and names that
/// stand for the language itself.
const LEFT_ALONE: &[&str] = &[
    "_pytest",
    "anyio",
    "async_timeout",
    "curio",
    "exceptiongroup",
    "mypy_extensions",
    "outcome",
    "overrides",
    "pytest",
    "sniffio",
    "trio",
    "typing_extensions",
    "uvloop",
];

/// The same of crates: runtimes, and the standard library.
pub(super) const CRATES_LEFT_ALONE: &[&str] = &[
    "alloc",
    "async_channel",
    "async_executor",
    "async_io",
    "async_std",
    "core",
    "flume",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_lite",
    "futures_util",
    "kanal",
    "log",
    "mio",
    "smol",
    "std",
    "tokio",
    "tokio_stream",
    "tokio_util",
    "tracing",
];

/// The library's insides are not looked into.
pub(super) fn is_left_alone(language: Language, library: &str) -> bool {
    match language {
        Language::Python => LEFT_ALONE.contains(&library),
        Language::Rust => CRATES_LEFT_ALONE.contains(&library),
    }
}

impl Project {
    /// The file is of an installed package, not the user's: no finding is made in it.
    pub fn is_installed(&self, file: FileId) -> bool {
        file.index() >= self.files.members.len()
    }

    /// What was read of installed packages and crates, by this group and those before it: files with their texts, and
    /// folders in which something was looked for.
    pub fn looked_at_around(&self) -> Vec<LookedAt> {
        self.installed().looked_at()
    }

    /// What stands around the user's files.
    pub fn surroundings(&self) -> &Surroundings {
        &self.installed().around
    }

    /// Its blocking is told in its own body: callers need not be told again.
    pub fn answers_for_itself(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        self.declared(function).kind.is_async() && !self.is_installed(function.file)
    }

    /// An order of files that does not hang on which was read first.
    pub fn standing(&self, file: FileId) -> (u32, Option<&Path>) {
        match self.installed().path(file) {
            Some(path) => (u32::MAX, Some(path)),
            None => (file.0, None),
        }
    }

    /// `pkg.mod`, `a::b`.
    pub(super) fn module_of(&self, file: FileId) -> String {
        self.installed().module_name(file).unwrap_or_else(|| self.layout.module_name(file).to_owned())
    }

    /// The tables, or the configuration, know the library that a path begins with.
    pub(super) fn is_known(&self, language: Language, first: &str) -> bool {
        self.knowledge.library(language, first).is_some() || self.knowledge.configures(first)
    }

    /// The file of the longest module installed in an environment that a dotted path begins with, and how many segments name it.
    /// `asking`: the installed file whose code asks for it.
    fn installed_module(
        &self,
        asking: Option<FileId>,
        environment: EnvironmentId,
        segments: &[&str],
    ) -> Option<(FileId, usize)> {
        let first = segments.first()?;
        if is_left_alone(Language::Python, first) {
            return None;
        }
        self.installed().asks(asking, |it| it.for_name(first));
        if !self.installed().has_module(environment, first) {
            return None;
        }
        let mut found = None;
        for length in 1..=segments.len() {
            let name = segments[..length].join(".");
            match self.module_installed(environment, &name) {
                Some(file) => {
                    self.installed().asks(asking, |it| it.for_file(file));
                    found = Some((file, length));
                }
                None => {
                    self.installed().asks(asking, |it| it.in_vain(&segments[..length - 1]));
                    if found.is_some() {
                        break;
                    }
                }
            }
        }
        found
    }

    /// The file of the module of that whole name.
    pub(super) fn module_installed(&self, environment: EnvironmentId, name: &str) -> Option<FileId> {
        self.installed().module(environment, name, |path| self.files.at(path))
    }

    /// `import a.b.c` in `file`: the module, and how many of the segments name it.
    pub(super) fn absolute_module(&self, file: FileId, segments: &[&str], known: bool) -> Option<(FileId, usize)> {
        let environment = self.installed().environment_of(file);
        let asking = Some(file).filter(|file| self.is_installed(*file));
        let installed = || self.installed_module(asking, environment?, segments);
        if let Some(place) = self.installed().place(file) {
            let Place::Python { module, .. } = place else { return None };
            let own = module.split('.').next() == segments.first().copied();
            return if own || !known { installed() } else { None };
        }
        let found = self.layout.absolute(file, segments, known);
        // What lies on no path of the importing code is meant only if nothing is installed under that name.
        if known || found.is_some_and(|it| it.is_near) {
            return found.map(|it| it.module);
        }
        installed().or(found.map(|it| it.module))
    }

    /// `from ..a import b` in `file`: `level` dots. Gives the package itself for no segments.
    pub(super) fn relative_module(&self, file: FileId, level: u32, segments: &[&str]) -> Option<(FileId, usize)> {
        let Some(Place::Python { module, is_package, environment }) = self.installed().place(file) else {
            return self.layout.relative(file, level, segments);
        };
        let mut base: Vec<&str> = module.split('.').collect();
        let up = level as usize - usize::from(*is_package && level > 0);
        base.truncate(base.len().saturating_sub(up));
        let length = base.len();
        if length == 0 {
            return None;
        }
        base.extend(segments);
        let (found, used) = self.installed_module(Some(file), *environment, &base)?;
        Some((found, used.checked_sub(length)?))
    }

    /// What stands under a library's path that no table describes: a function or class of its sources. Modules stay paths,
    /// so that the tables are asked for whatever is in them.
    pub(super) fn library_name(&self, language: Language, full: String) -> Ty {
        if !self.follows(language) || self.is_described(language, &full) {
            return Ty::External(LibraryPath::of(&full));
        }
        match self.in_sources(language, &full) {
            Some(Ty::Module(..) | Ty::Unknown) | None => Ty::External(LibraryPath::of(&full)),
            Some(found) => found,
        }
    }

    /// There is something installed to follow calls into.
    fn follows(&self, language: Language) -> bool {
        let around = &self.installed().around;
        match language {
            Language::Python => !around.python.is_empty(),
            // Which types the user's own `impl` blocks are for is found out before.
            Language::Rust => !around.crates.is_empty() && !is_apart(),
        }
    }

    /// A table tells what the path is, or the analysis itself knows it.
    fn is_described(&self, language: Language, full: &str) -> bool {
        self.knowledge.describes(language, full) || super::instances::is_plain_base(full)
    }

    /// What a path into a library is in the library's sources.
    pub(super) fn in_sources(&self, language: Language, path: &str) -> Option<Ty> {
        if !self.follows(language) {
            return None;
        }
        let (start, used, segments): (FileId, usize, Vec<&str>) = match language {
            Language::Python => {
                let segments: Vec<&str> = path.split('.').collect();
                let (file, used) = match self.asking_installed() {
                    Some(asking) => {
                        let environment = self.installed().environment_of(asking)?;
                        self.installed_module(Some(asking), environment, &segments)?
                    }
                    None if self.layout.has_package(segments.first()?) => return None,
                    None => {
                        let mut environments = self.installed().around.python.all();
                        environments.find_map(|(it, _)| self.installed_module(None, it, &segments))?
                    }
                };
                (file, used, segments)
            }
            Language::Rust => {
                let segments: Vec<&str> = path.split("::").collect();
                let first = segments.first().filter(|it| !is_left_alone(Language::Rust, it))?;
                self.installed().asks(self.asking_installed(), |it| it.for_name(first));
                (self.installed().crate_root(self.crate_of_anyone(first)?)?, 1, segments)
            }
        };
        Some(self.down(Ty::Module(start, FILE_MODULE), &segments[used..], language))
    }

    /// The library's own description of an installed function, where a table has it: what it says counts.
    pub(super) fn described(&self, function: FnRef) -> Option<&'static Api> {
        if !self.is_installed(function.file) {
            return None;
        }
        let language = self.language(function.file);
        let first = self.library_of(function.file)?;
        if !self.is_known(language, &first) {
            return None;
        }
        remembered(&self.installed().described, function, || {
            // Whoever asks first, it is the same for all.
            let _within = self.within(function.file);
            let name = self.model(function.file).name(self.declared(function).name);
            let paths = self.knowledge.paths_named(language, name);
            let is_it = |path: &&str| {
                let begins = path.strip_prefix(first.as_str()).is_some_and(|rest| rest.starts_with(['.', ':']));
                begins
                    && match self.in_sources(language, path) {
                        Some(Ty::Function(found) | Ty::Bound(_, found)) => found == function,
                        _ => false,
                    }
            };
            paths.iter().copied().find(is_it).and_then(|path| self.knowledge.api(language, path))
        })
    }

    /// What a table tells of a method holds of this receiver. Its class may derive from the method's in the sources and not
    /// in the tables, which know both: then it does something else, as a pipeline does that keeps commands for later.
    pub(super) fn is_told_of(&self, receiver: &Ty, api: &Api) -> bool {
        let path: Arc<str> = match receiver {
            Ty::Instance(Class::Library(path), _) => Arc::from(&**path),
            Ty::Instance(Class::Own(class), _) if self.is_installed(class.file) => {
                let model = self.model(class.file);
                format!("{}.{}", self.module_of(class.file), model.name(model.class(class.class).name)).into()
            }
            _ => return true,
        };
        let facts = |path: &str| self.knowledge.type_facts(Language::Python, path);
        let owner = api.path.rsplit_once('.').and_then(|(owner, _)| facts(owner));
        let (Some(own), Some(owner)) = (facts(&path), owner) else { return true };
        let mut pending = vec![own];
        let mut seen = 0;
        while let Some(at) = pending.get(seen).copied() {
            seen += 1;
            if at.path == owner.path {
                return true;
            }
            let above = at.bases.iter().filter_map(|base| facts(base));
            pending.extend(above.filter(|it| !pending.iter().any(|seen| seen.path == it.path)).collect::<Vec<_>>());
        }
        false
    }

    /// The top-level module or crate that an installed file is of.
    fn library_of(&self, file: FileId) -> Option<String> {
        Some(match self.installed().place(file)? {
            Place::Python { module, .. } => module.split('.').next()?.to_owned(),
            Place::Rust { of, .. } => self.installed().crate_name(*of).to_owned(),
        })
    }

    /// The first file of the library crate that `file` calls by this name.
    pub(super) fn crate_named(&self, file: FileId, name: &str) -> Option<FileId> {
        if is_left_alone(Language::Rust, name) || !self.follows(Language::Rust) {
            return self.layout_crate(file, name);
        }
        let sources = &self.installed().around.crates;
        if let Some(Place::Rust { of, .. }) = self.installed().place(file) {
            let found =
                if self.installed().crate_name(*of) == name { Some(*of) } else { self.crate_named_by(*of, name) };
            return self.installed().crate_root(found?);
        }
        if let Some(own) = self.layout_crate(file, name) {
            return Some(own);
        }
        let (folder, package) = self.layout.crates.package_of(file)?;
        let found = self.installed().crate_named(Asking::User(folder.to_owned()), name, || {
            let locked = sources.locked(folder, &package.name);
            let Some(dependency) = self.layout.crates.dependency(file, name) else {
                let all = package.dependencies.iter();
                let all = all.filter_map(|it| self.layout.crates.dependency(file, &it.name));
                return sources.called_at_work(locked?, all, name);
            };
            if let Some(path) = &dependency.path {
                return sources.beside(path);
            }
            sources.dependency(locked?, dependency)
        });
        self.installed().crate_root(found?)
    }

    /// The crate that an installed one calls by this name.
    pub(super) fn crate_named_by(&self, of: CrateId, name: &str) -> Option<CrateId> {
        let sources = &self.installed().around.crates;
        let source = self.installed().krate(of);
        self.installed().crate_named(Asking::Crate(of), name, || {
            let package = source.manifest.package.as_ref()?;
            let Some(dependency) = package.dependency(name) else {
                return sources.called(source.locked?, package, name);
            };
            let beside = || sources.beside(dependency.path.as_deref()?);
            let locked = || sources.dependency(source.locked?, dependency);
            locked().or_else(beside)
        })
    }

    /// The package that a file means by the name of a crate which its manifest gives it.
    pub(super) fn crate_meant_by(&self, file: FileId, name: &str) -> Option<&str> {
        match self.installed().place(file) {
            Some(Place::Rust { of, .. }) => {
                let package = self.installed().krate(*of).manifest.package.as_ref()?;
                package.dependency(name).filter(|it| it.is_renamed()).map(|it| it.package.as_str())
            }
            Some(Place::Python { .. }) => None,
            None => self.layout.crates.meant_by(file, name),
        }
    }

    fn layout_crate(&self, file: FileId, name: &str) -> Option<FileId> {
        if self.is_installed(file) { None } else { self.layout.crates.crate_named(file, name) }
    }

    /// The crate that all who name it mean, where there is but one version of it.
    pub(super) fn crate_of_anyone(&self, name: &str) -> Option<CrateId> {
        let sources = &self.installed().around.crates;
        let find = || sources.only(name).or_else(|| sources.only(&name.replace('_', "-")));
        self.installed().crate_named(Asking::Anyone, name, find)
    }

    /// The file of `mod name;` declared in a module of `file`.
    pub(super) fn declared_module(
        &self,
        file: FileId,
        inside: &[&str],
        name: &str,
        path: Option<&str>,
    ) -> Option<FileId> {
        match self.is_installed(file) {
            true => self.installed().child(file, inside, name, path),
            false => self.layout.crates.child(file, inside, name, path),
        }
    }

    /// The file of the project's own that holds the module around the one `file` holds, up to the crate's root.
    pub fn module_around(&self, file: FileId) -> Option<FileId> {
        let crates = &self.layout.crates;
        let is_own = self.language(file) == Language::Rust && !self.is_installed(file);
        let root = || crates.crate_root(file).filter(|it| *it != file);
        if is_own { crates.parent_module(file).or_else(root) } else { None }
    }

    /// The module around the one `file` holds.
    pub(super) fn parent_module(&self, file: FileId) -> Option<FileId> {
        match self.is_installed(file) {
            true => self.installed().parent_module(file),
            false => self.layout.crates.parent_module(file),
        }
    }

    /// The file of the crate root that `file` belongs to.
    pub(super) fn crate_root(&self, file: FileId) -> Option<FileId> {
        match self.installed().place(file) {
            Some(Place::Rust { of, .. }) => self.installed().crate_root(*of),
            Some(Place::Python { .. }) => None,
            None => self.layout.crates.crate_root(file),
        }
    }

    /// The `impl` blocks of a type of an installed crate.
    pub(super) fn impls_installed(&self, class: ClassRef) -> Impls {
        // Which type they are for is found out without them.
        if is_apart() {
            return Arc::from([]);
        }
        remembered(&self.installed().impls, class, || {
            let model = self.model(class.file);
            let name = model.name(model.class(class.class).name);
            let files = self.installed().files_with_impls(class.file, name);
            let all = apart(|| files.into_iter().flat_map(|file| self.impls_in(file)).collect::<Vec<_>>());
            all.into_iter()
                .filter(|(target, ..)| *target == Class::Own(class))
                .map(|(_, file, index)| (file, index))
                .collect()
        })
    }
}
