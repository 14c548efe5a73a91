//! Arguments and configuration to the sources of one analysis.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::{FxHashMap, FxHashSet};

use super::arguments::Check;
use super::baseline::Baselines;
use super::since::Changes;
use super::{Failure, output};
use crate::config::{self, MAX_FILE_SIZE, Mode, Request, Tree};
use crate::discover::{self, Found, Kind, Problem, can_matter, discover, project_root};
use crate::finding::FileId;
use crate::knowledge::Knowledge;
use crate::packages::{self, CrateSources, Environments, SitePackages, Surroundings};
use crate::project::{Files, Member, Project, Read, Reader};
use crate::rules::{Rule, RuleSet};
use crate::source::{Edition, Language, Source};

/// What is analysed, and what governs it.
pub(super) struct Inputs {
    pub current: PathBuf,
    pub tree: Arc<Tree>,
    /// The files that were asked for, then those they may lead to.
    pub files: Arc<Vec<Loaded>>,
    /// How many of the files asked for there are, unreadable ones included.
    pub found: usize,
    pub problems: Vec<Problem>,
    /// What came in on standard input, as it came.
    pub piped: Option<Piped>,
    pub baselines: Baselines,
    /// What the files stand in.
    pub surroundings: Arc<Surroundings>,
    /// What is new since the revision that the command line names.
    pub changes: Option<Changes>,
}

/// Standard input, under the name it is given.
#[derive(Clone)]
pub(super) struct Piped {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// A file, and what governs it.
#[derive(Clone)]
pub(super) struct Loaded {
    /// `None` for standard input.
    pub found: Option<Found>,
    pub location: Utf8PathBuf,
    /// Its text, where that is not on disk: of standard input, or mended.
    pub source: Option<Source>,
    pub rules: Arc<RuleSet>,
    /// Of Rust, as its manifest tells.
    pub edition: Edition,
    /// Findings in it are asked for.
    pub asked: bool,
    /// In bytes: a file that is larger is not read.
    pub limit: u64,
}

impl Inputs {
    /// Finds and reads all that the command line asks for.
    pub fn gather(check: &Check) -> Result<Self, Failure> {
        let current = std::env::current_dir()
            .map_err(|error| Failure::new(format!("the current folder cannot be read: {error}; go to another")))?;
        let request = request(check)?;
        let mode = match (&check.configuration.config, check.configuration.isolated) {
            (Some(file), _) => Mode::Fixed(file.clone()),
            (None, true) => Mode::Isolated,
            (None, false) => Mode::Nearest,
        };
        let tree = Arc::new(Tree::new(mode, &current));
        let options = options(check, &current, &tree)?;
        let is_left_out = |path: &Path| options.force_exclude && options.leaves_out(path);
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let paths: Vec<PathBuf> = check.paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
        let mut problems = Vec::new();
        let mut files = Vec::new();
        if paths.len() == check.paths.len() && check.files.stdin_filename.is_some() {
            let advice = "give `-` as well, or leave it out";
            return Err(Failure::new(format!("`--stdin-filename` is the name of what `-` reads; {advice}")));
        }
        let mut piped = None;
        if paths.len() < check.paths.len() {
            let (came, read) = stdin(check, &current)?;
            piped = Some(came);
            match read {
                Ok(source) => files.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        let asked = discover(&paths, &options);
        failures(&tree, &asked.problems)?;
        let found = asked.files.len() + usize::from(paths.len() < check.paths.len());
        problems.extend(asked.problems.iter().cloned());
        let named_so: Option<PathBuf> = files.first().map(|source| source.location.clone().into());
        let roots = roots(&paths, named_so.as_deref(), &current);
        let around = discover(&roots, &options);
        let environments: Vec<PathBuf> = asked.environments.iter().chain(&around.environments).cloned().collect();
        let mut others: Vec<Found> = Vec::new();
        if !around.files.is_empty() {
            let known: FxHashSet<PathBuf> = asked.real_paths().chain(named_so.as_deref().map(real)).collect();
            let new: Vec<bool> = around.real_paths().map(|path| !known.contains(&path)).collect();
            others.extend(around.files.into_iter().zip(new).filter(|(_, new)| *new).map(|(file, _)| file));
        }
        failures(&tree, &[])?;

        let named: FxHashSet<PathBuf> = paths.iter().map(|path| discover::absolute(path, &current)).collect();
        let mut all: Vec<Loaded> = Vec::with_capacity(asked.files.len() + others.len());
        all.extend(files.into_iter().map(|mut source| {
            let path = source.location.as_std_path();
            let edition = tree.edition(path, source.language);
            let rules = request.rules_for(tree.of_file(path).as_deref(), tree.requires_python(path), path);
            let rules = Arc::new(rules);
            let location = source.location.clone();
            source.edition = edition;
            let asked = !is_left_out(location.as_std_path());
            Loaded { found: None, location, source: Some(source), rules, edition, asked, limit: 0 }
        }));
        let asked = asked.files.into_iter().map(|file| (file, true));
        let order: Vec<(Found, bool)> = asked.chain(others.into_iter().map(|file| (file, false))).collect();
        all.extend(governed(order, &tree, &request, &named));
        let surroundings = Arc::new(surroundings(check, &all, environments, &current, &mut problems)?);
        problems.sort();
        let since = check.revision.since.as_deref();
        let changes = since.map(|revision| Changes::since(revision, &all)).transpose()?;
        let baselines = Baselines::default();
        let mut inputs =
            Self { current, tree, files: Arc::new(all), found, problems, piped, baselines, surroundings, changes };
        inputs.baselines = Baselines::read(&inputs, check)?;
        Ok(inputs)
    }

    /// The files as the analysis wants them, and what reading them will tell.
    /// `remembered`: what the texts were is to be told afterwards.
    pub fn files(&self, remembered: bool) -> (Files, Arc<Reading>) {
        self.read_by(false, remembered)
    }

    fn read_by(&self, whole: bool, remembered: bool) -> (Files, Arc<Reading>) {
        use rayon::prelude::*;
        // Files around those asked for are linked, never judged.
        let none = Arc::new(RuleSet::default());
        let member = |file: &Loaded| Member {
            path: file.shown().to_owned(),
            location: file.location.clone(),
            language: file.language(),
            rules: Arc::clone(if file.asked { &file.rules } else { &none }),
            asked: file.asked,
        };
        let reading = Arc::new(Reading { contents: remembered.then(Mutex::default), ..Reading::default() });
        let disk = Disk { files: Arc::clone(&self.files), reading: Arc::clone(&reading), whole };
        let members = self.files.par_iter().map(member).collect();
        let surroundings = Arc::clone(&self.surroundings);
        (Files::new(members, self.knowledge(), surroundings, Box::new(disk)), reading)
    }

    /// Everything linked at once, and every function of the files asked for looked at, however little it matters to rules.
    pub fn project(&self) -> Project {
        let (files, _) = self.read_by(true, false);
        let all = files.all().collect();
        let asked = files.all().filter(|file| self.files[file.index()].asked).collect();
        Project::telling_of(Arc::new(files), all, asked)
    }

    /// The tables, and what the configurations add to them.
    pub fn knowledge(&self) -> Knowledge {
        config::knowledge(self.tree.all().iter().map(|config| &**config))
    }
}

/// The command line's wishes about rules.
fn request(check: &Check) -> Result<Request, Failure> {
    let selection = &check.selection;
    let mut wrong = Vec::new();
    let mut rules = |option: &str, words: &[String]| -> Vec<&'static Rule> {
        let mut rules = Vec::new();
        for word in words {
            match config::select(word) {
                Ok(found) => rules.extend(found),
                Err(unknown) => wrong.push(format!("{option}: {unknown}")),
            }
        }
        rules
    };
    let select = rules("--select", &selection.select);
    let request = Request {
        profile: selection.profile.map(Into::into),
        select: (!selection.select.is_empty()).then_some(select),
        extend_select: rules("--extend-select", &selection.extend_select),
        named: selection
            .select
            .iter()
            .chain(&selection.extend_select)
            .flat_map(|word| config::rules_named(word))
            .collect(),
        ignore: rules("--ignore", &selection.ignore),
        target_python: selection.target_python,
    };
    if wrong.is_empty() { Ok(request) } else { Err(Failure(wrong)) }
}

fn options(check: &Check, current: &Path, tree: &Arc<Tree>) -> Result<discover::Options, Failure> {
    let own = config::patterns(current, check.files.exclude.iter().map(String::as_str))
        .map_err(|message| Failure::new(format!("--exclude: {message}")))?;
    let (tree, folder) = (Arc::clone(tree), current.to_owned());
    let excluded = move |path: &Path, is_folder: bool| {
        let below = path.strip_prefix(&folder).ok().filter(|it| !it.as_os_str().is_empty());
        below.is_some_and(|below| own.matched_path_or_any_parents(below, is_folder).is_ignore())
            || tree.excludes(path, is_folder)
    };
    Ok(discover::Options {
        current: current.to_owned(),
        ignore_files: !check.files.no_ignore,
        force_exclude: check.files.force_exclude,
        excluded: Arc::new(excluded),
    })
}

/// Wrong usage and wrong configurations end the run before anything is judged by them.
fn failures(tree: &Tree, problems: &[Problem]) -> Result<(), Failure> {
    let mut lines: Vec<String> = tree.errors().iter().map(ToString::to_string).collect();
    let usage = problems.iter().filter(|it| it.usage);
    lines.extend(usage.map(|it| format!("`{}` {}", it.path, it.message)));
    if lines.is_empty() { Ok(()) } else { Err(Failure(lines)) }
}

/// The source on standard input, under the name it is given.
fn stdin(check: &Check, current: &Path) -> Result<(Piped, Result<Source, Problem>), Failure> {
    let Some(name) = &check.files.stdin_filename else {
        return Err(Failure::new("`-` needs `--stdin-filename`: the name tells the language and the configuration"));
    };
    let kind = discover::kind_of_name(name).map_err(Failure::new)?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
    let location = discover::absolute(name, current);
    let shown = discover::relative(name, current);
    let read = discover::source_of(&shown, kind, &bytes);
    let read = read.map(|source| {
        // A notebook in another language is as good as none.
        let mut source = source.unwrap_or_else(|| Source::new(shown, kind.language(), ""));
        source.location = discover::lossy(&location);
        source
    });
    Ok((Piped { kind, bytes }, read))
}

/// The projects that the paths belong to: calls are followed through all of a project, whatever part is asked for.
fn roots(paths: &[PathBuf], piped: Option<&Path>, current: &Path) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = Vec::new();
    for path in paths.iter().map(PathBuf::as_path).chain(piped) {
        let real = real(&current.join(path));
        let Some(root) = project_root(&real) else {
            continue;
        };
        // The whole of it is asked for.
        if root == real {
            continue;
        }
        let root = upwards(&root, &self::real(current)).unwrap_or(root);
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

/// The packages that the files are of, and what is installed for them.
fn surroundings(
    check: &Check,
    files: &[Loaded],
    environments: Vec<PathBuf>,
    current: &Path,
    problems: &mut Vec<Problem>,
) -> Result<Surroundings, Failure> {
    let configuration = &check.configuration;
    let all = |language| files.iter().filter(move |file| file.language() == language);
    let rust = all(Language::Rust).map(|file| file.location.as_path());
    let (manifests, wrong) = packages::manifests(rust, |path| discover::relative(path, current));
    problems.extend(wrong);
    let extensions = packages::extensions(&manifests, files.iter().map(|file| file.location.as_path()));
    let mut found = Surroundings { manifests, extensions, largest: MAX_FILE_SIZE, ..Surroundings::default() };
    let asked = match &configuration.python {
        Some(path) => Some(SitePackages::of(&current.join(path)).ok_or_else(|| {
            Failure::new(format!(
                "--python: `{}` is no environment with installed packages; give its folder or the interpreter in it",
                path.display()
            ))
        })?),
        None => None,
    };
    if configuration.no_deps {
        return Ok(found);
    }
    if all(Language::Python).next().is_some() {
        let active = || std::env::var_os("VIRTUAL_ENV").filter(|it| !it.is_empty());
        let for_all = asked.or_else(|| SitePackages::of(Path::new(&active()?)));
        found.python = match for_all {
            Some(environment) => Environments::only(environment),
            None => Environments::around(environments, folders(check, current)),
        };
    }
    let packages = found.manifests.iter().filter(|it| it.package.is_some()).map(|it| it.folder.as_path());
    found.crates = CrateSources::of(packages, CrateSources::home().as_deref());
    Ok(found)
}

/// The folders that are asked for, and those of files that are.
fn folders(check: &Check, current: &Path) -> Vec<PathBuf> {
    let folder = |path: &PathBuf| {
        let path = if path.as_os_str() == "-" { current.to_owned() } else { discover::absolute(path, current) };
        if path.is_dir() { path } else { path.parent().map_or_else(PathBuf::new, Path::to_owned) }
    };
    let mut folders: Vec<PathBuf> = check.paths.iter().chain(&check.files.stdin_filename).map(folder).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// The folder as `..`, `../..` if the current folder lies in it, so that reports show short names.
fn upwards(root: &Path, current: &Path) -> Option<PathBuf> {
    let below = current.strip_prefix(root).ok()?;
    let steps = below.components().count();
    Some(if steps == 0 { PathBuf::from(".") } else { vec![".."; steps].iter().collect() })
}

pub(super) fn real(path: &Path) -> PathBuf {
    discover::real_path(path)
}

/// Files with what the configurations say of them.
fn governed(files: Vec<(Found, bool)>, tree: &Tree, request: &Request, named: &FxHashSet<PathBuf>) -> Vec<Loaded> {
    use rayon::prelude::*;
    let one = |(found, asked): (Found, bool)| {
        let config = tree.of_file(&found.path);
        let limit = match named.contains(&found.path) {
            // Files given by name are always checked.
            true => u64::from(u32::MAX),
            false => config.as_ref().and_then(|it| it.max_file_size).unwrap_or(MAX_FILE_SIZE).min(u64::from(u32::MAX)),
        };
        let requires = if found.kind.language() == Language::Python { tree.requires_python(&found.path) } else { None };
        let rules = Arc::new(request.rules_for(config.as_deref(), requires, &found.path));
        let edition = tree.edition(&found.path, found.kind.language());
        Loaded {
            location: discover::lossy(&found.path),
            source: None,
            rules,
            edition,
            asked,
            limit,
            found: Some(found),
        }
    };
    let mut files: Vec<Loaded> = files.into_par_iter().map(one).collect();
    // Neighbours mostly agree.
    for at in 1..files.len() {
        if files[at].rules == files[at - 1].rules {
            files[at].rules = Arc::clone(&files[at - 1].rules);
        }
    }
    files
}

impl Loaded {
    /// What reports call it.
    pub fn shown(&self) -> &Utf8Path {
        match (&self.source, &self.found) {
            (Some(source), _) => &source.path,
            (None, Some(found)) => &found.shown,
            (None, None) => &self.location,
        }
    }

    pub fn language(&self) -> Language {
        let found = self.found.as_ref().map(|found| found.kind.language());
        found.or(self.source.as_ref().map(|source| source.language)).unwrap_or(Language::Python)
    }
}

/// What reading the files of an analysis has told.
#[derive(Default)]
pub(super) struct Reading {
    /// Files that were asked for and are not checked, with the reason if there is one to tell.
    unread: Mutex<BTreeMap<usize, Option<Problem>>>,
    /// What stands for the texts, where that is wanted.
    contents: Option<Mutex<FxHashMap<FileId, u128>>>,
}

impl Reading {
    fn unread_files(&self) -> MutexGuard<'_, BTreeMap<usize, Option<Problem>>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn problems(&self) -> Vec<Problem> {
        self.unread_files().values().flatten().cloned().collect()
    }

    /// Those of a group that are not checked.
    pub fn unread_among(&self, group: &[FileId]) -> Vec<(usize, Option<Problem>)> {
        let unread = self.unread_files();
        group.iter().filter_map(|file| Some((file.index(), unread.get(&file.index())?.clone()))).collect()
    }

    /// What an earlier run could not read.
    pub fn restore(&self, unread: impl Iterator<Item = (usize, Option<Problem>)>) {
        self.unread_files().extend(unread);
    }

    /// The file is read again.
    pub fn forget(&self, file: FileId) {
        self.unread_files().remove(&file.index());
    }

    pub fn is_unread(&self, file: FileId) -> bool {
        self.unread_files().contains_key(&file.index())
    }

    /// What stands for the text that was read.
    pub fn content(&self, file: FileId) -> Option<u128> {
        self.contents.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).get(&file).copied()
    }

    fn note(&self, file: FileId, text: &str) {
        if let Some(contents) = &self.contents {
            let content = super::cache::content(text);
            contents.lock().unwrap_or_else(PoisonError::into_inner).insert(file, content);
        }
    }

    /// How many of the files asked for are not checked.
    pub fn unread(&self) -> usize {
        self.unread_files().len()
    }
}

/// Reads the files of a run from where they are.
struct Disk {
    files: Arc<Vec<Loaded>>,
    reading: Arc<Reading>,
    /// Everything that is asked for is relevant.
    whole: bool,
}

impl Reader for Disk {
    fn read(&self, file: FileId) -> Read {
        let index = file.index();
        let loaded = &self.files[index];
        let read = |source: Source| {
            self.reading.note(file, &source.text);
            let relevant = self.whole && loaded.asked || can_matter(source.language, &source.text);
            Read { source, relevant }
        };
        if let Some(source) = &loaded.source {
            return read(source.clone());
        }
        let unread = |problem: Option<Problem>| {
            self.reading.note(file, "");
            if loaded.asked {
                self.reading.unread_files().insert(index, problem);
            }
            let mut source = Source::new(loaded.shown(), loaded.language(), "");
            source.location = loaded.location.clone();
            Read { source, relevant: false }
        };
        match loaded.found.as_ref().map(|found| discover::read(found, loaded.limit)) {
            Some(Ok(Some(mut source))) => {
                source.edition = loaded.edition;
                read(source)
            }
            Some(Ok(None)) | None => unread(None),
            Some(Err(problem)) => unread(Some(problem)),
        }
    }
}

/// Settings that do nothing, as far as this run can tell.
pub(super) fn idle_settings(inputs: &Inputs, check: &Check) -> Vec<config::Trouble> {
    let mut troubles = Vec::new();
    let asked: Vec<PathBuf> = check.paths.iter().map(|path| real(&inputs.current.join(path))).collect();
    for config in inputs.tree.all() {
        troubles.extend(config.warnings.iter().cloned());
        // Part of a project says nothing about what the rest matches.
        if asked.iter().any(|path| real(&config.folder).starts_with(path)) {
            troubles.extend(config.idle_overrides());
        }
    }
    troubles.sort();
    troubles
}

/// Says on stderr which configurations are read.
pub(super) fn tell_configurations(inputs: &Inputs) {
    match inputs.tree.all().as_slice() {
        [] => output::note("configuration: none"),
        all => all.iter().for_each(|config| output::note(&format!("configuration: {}", config.shown))),
    }
    for (_, site) in inputs.surroundings.python.all() {
        output::note(&format!("environment: {}", site.folder().display()));
    }
}
