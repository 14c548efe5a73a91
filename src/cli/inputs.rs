//! Arguments and configuration to the sources of one analysis.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::arguments::Check;
use super::baseline::Baselines;
use super::since::Changes;
use super::{Failure, output};
use crate::analysis::Input;
use crate::config::{self, MAX_FILE_SIZE, Mode, Request, Tree};
use crate::discover::{self, Found, Problem, can_matter, discover, project_root};
use crate::knowledge::Knowledge;
use crate::rules::{Rule, RuleSet};
use crate::source::{Language, Source};

/// What is analysed, and what governs it.
pub(super) struct Inputs {
    pub current: PathBuf,
    pub tree: Arc<Tree>,
    /// The files that were asked for, then those they may lead to.
    pub files: Vec<Loaded>,
    /// How many of the files asked for there are, unreadable ones included.
    pub found: usize,
    pub problems: Vec<Problem>,
    pub baselines: Baselines,
    /// What is new since the revision that the command line names.
    pub changes: Option<Changes>,
}

/// A file with its text.
#[derive(Clone)]
pub(super) struct Loaded {
    /// `None` for standard input.
    pub found: Option<Found>,
    pub source: Source,
    pub rules: RuleSet,
    /// Findings in it are asked for.
    pub asked: bool,
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
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let paths: Vec<PathBuf> = check.paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
        let mut problems = Vec::new();
        let mut files = Vec::new();
        if paths.len() < check.paths.len() {
            match stdin(check, &current)? {
                Ok(source) => files.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        let asked = discover(&paths, &options);
        failures(&tree, &asked.problems)?;
        let found = asked.files.len() + usize::from(paths.len() < check.paths.len());
        problems.extend(asked.problems);
        let mut known: FxHashSet<PathBuf> = asked.files.iter().map(|file| real(&file.path)).collect();
        let piped: Option<PathBuf> = files.first().map(|source| source.location.clone().into());
        known.extend(piped.as_deref().map(real));
        let roots = roots(&paths, piped.as_deref(), &current);
        let mut around = discover(&roots, &options).files;
        around.retain(|file| !known.contains(&real(&file.path)));
        failures(&tree, &[])?;

        let named: FxHashSet<PathBuf> = paths.iter().map(|path| current.join(path)).collect();
        let mut all: Vec<Loaded> = Vec::with_capacity(asked.files.len() + around.len());
        all.extend(files.into_iter().map(|mut source| {
            tree.date(&mut source);
            let path = source.location.as_std_path();
            let rules = request.rules_for(tree.of_file(path).as_deref(), tree.requires_python(path), path);
            Loaded { found: None, source, rules, asked: true }
        }));
        let asked = asked.files.into_iter().map(|file| (file, true));
        let order: Vec<(Found, bool)> = asked.chain(around.into_iter().map(|file| (file, false))).collect();
        for read in load(order, &tree, &request, &named) {
            match read {
                Ok(Some(file)) => all.push(file),
                Ok(None) => {}
                Err((problem, true)) => problems.push(problem),
                // Nobody has asked for it.
                Err((_, false)) => {}
            }
        }
        problems.sort();
        let since = check.revision.since.as_deref();
        let changes = since.map(|revision| Changes::since(revision, &all)).transpose()?;
        let baselines = Baselines::default();
        let mut inputs = Self { current, tree, files: all, found, problems, baselines, changes };
        inputs.baselines = Baselines::read(&inputs, check)?;
        Ok(inputs)
    }

    /// The files as the analysis wants them.
    pub fn inputs(&self) -> Vec<Input> {
        let input = |file: &Loaded| Input {
            relevant: can_matter(file.source.language, &file.source.text),
            source: file.source.clone(),
            // Files around those asked for are linked, never judged.
            rules: if file.asked { file.rules.clone() } else { RuleSet::default() },
        };
        self.files.iter().map(input).collect()
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
        threads: check.threads.map_or(0, usize::from),
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
fn stdin(check: &Check, current: &Path) -> Result<Result<Source, Problem>, Failure> {
    let Some(name) = &check.files.stdin_filename else {
        return Err(Failure::new("`-` needs `--stdin-filename`: the name tells the language and the configuration"));
    };
    let kind = discover::kind_of_name(name).map_err(Failure::new)?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
    let location = current.join(name);
    let shown = discover::relative(name, current);
    let read = discover::source_of(&shown, kind, &bytes);
    Ok(read.map(|source| {
        // A notebook in another language is as good as none.
        let mut source = source.unwrap_or_else(|| Source::new(shown, kind.language(), ""));
        source.location = discover::lossy(&location);
        source
    }))
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

/// The folder as `..`, `../..` if the current folder lies in it, so that reports show short names.
fn upwards(root: &Path, current: &Path) -> Option<PathBuf> {
    let below = current.strip_prefix(root).ok()?;
    let steps = below.components().count();
    Some(if steps == 0 { PathBuf::from(".") } else { vec![".."; steps].iter().collect() })
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().map_or_else(|_| path.to_owned(), discover::plain_path)
}

type LoadResult = Result<Option<Loaded>, (Problem, bool)>;

fn load(files: Vec<(Found, bool)>, tree: &Tree, request: &Request, named: &FxHashSet<PathBuf>) -> Vec<LoadResult> {
    use rayon::prelude::*;
    let one = |(found, asked): (Found, bool)| -> LoadResult {
        let config = tree.of_file(&found.path);
        let limit = match named.contains(&found.path) {
            // Files given by name are always checked.
            true => u64::from(u32::MAX),
            false => config.as_ref().and_then(|it| it.max_file_size).unwrap_or(MAX_FILE_SIZE).min(u64::from(u32::MAX)),
        };
        let source = discover::read(&found, limit).map_err(|problem| (problem, asked))?;
        let requires = if found.kind.language() == Language::Python { tree.requires_python(&found.path) } else { None };
        let rules = request.rules_for(config.as_deref(), requires, &found.path);
        Ok(source.map(|mut source| {
            tree.date(&mut source);
            Loaded { source, rules, asked, found: Some(found) }
        }))
    };
    files.into_par_iter().map(one).collect()
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
}
