//! `asynclint check`: read, analyse, mend if asked to, report.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use super::arguments::{Check, Fixing};
use super::cache::Cache;
use super::inputs::{self, Inputs, Reading};
use super::mend::{self, Mending};
use super::progress::Progress;
use super::{Failure, Status, output, watch};
use crate::analysis::judge;
use crate::config::Trouble;
use crate::finding::{Confidence, FileId, Finding, Severity, Sources};
use crate::project::{Coverage, Project, Taken};
use crate::report::{self, FileError, Format, Run, Summary, Terminal};
use crate::source::Source;
use crate::suppress::{self, Split};

/// Enough for code nested ten thousand deep; the system gives memory for what is used alone.
const STACK: usize = if cfg!(target_pointer_width = "64") { 512 << 20 } else { 32 << 20 };

/// Where the system does not give that much. It is enough for what people write.
const LEAST_STACK: usize = 16 << 20;

pub(super) fn run(check: &Check) -> Result<Status, Failure> {
    if check.watch { watch::run(check) } else { in_pool(check.threads, || checked(check)) }
}

/// Runs on threads with stacks that deeply nested code does not end.
pub(super) fn in_pool(
    threads: Option<u16>,
    run: impl FnOnce() -> Result<Status, Failure> + Send,
) -> Result<Status, Failure> {
    pool(threads)?.install(run)
}

pub(super) fn pool(threads: Option<u16>) -> Result<rayon::ThreadPool, Failure> {
    let wanted = threads.map_or(0, usize::from);
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let (mut count, mut stack) = (if wanted == 0 { all() } else { wanted }, STACK);
    let builder = rayon::ThreadPoolBuilder::new();
    // With fewer threads or smaller stacks the same is found.
    let builder = if has_room(count, stack) {
        builder.num_threads(wanted)
    } else {
        while !has_room(count, stack) && (count > 1 || stack > LEAST_STACK) {
            if count > 1 { count /= 2 } else { stack /= 2 }
        }
        builder.num_threads(count)
    };
    let pool = builder.stack_size(stack).build();
    pool.map_err(|error| Failure::new(format!("no threads can be started: {error}")))
}

/// Whether the system gives addresses for so many stacks, and as much for all else: `ulimit -v` may not. One thread with the
/// stack of all tells it at once, where the last of many would leave nothing to go on with.
fn has_room(count: usize, stack: usize) -> bool {
    let size = count.saturating_mul(stack).saturating_mul(2);
    !cfg!(target_os = "linux")
        || std::thread::Builder::new().stack_size(size).spawn(|| ()).is_ok_and(|it| it.join().is_ok())
}

pub(super) fn checked(check: &Check) -> Result<Status, Failure> {
    let started = Instant::now();
    let progress = Progress::new(!check.output.quiet && !check.output.verbose);
    progress.phase("reading files");
    let mut inputs = Inputs::gather(check)?;
    progress.phase(format!("analysing {} files", inputs.files.len()));
    if check.output.verbose {
        inputs::tell_configurations(&inputs);
        output::note(&format!("found {} files in {} ms", inputs.files.len(), started.elapsed().as_millis()));
    }
    let Fixing { fix, diff, .. } = check.fixing;
    if !fix && !diff {
        let analysed = Analysed::of(&inputs, check)?;
        drop(progress);
        return report(check, &inputs, analysed, started, Target::Output);
    }
    let (mut analysed, mut mending) = Mending::run(&mut inputs, check)?;
    drop(progress);
    let written = diff || mending.write(&mut inputs);
    if !written {
        analysed = Analysed::of(&inputs, check)?;
    }
    if !check.output.quiet {
        mend::summary(&mending, diff);
    }
    if diff {
        let text = mending.diff(&inputs, output::terminal().color);
        output::print(|out| out.write_all(text.as_bytes()))?;
        // What is left to fix by hand counts as well as what the diff would mend.
        let left = report(check, &inputs, analysed, started, Target::Nowhere)?;
        return Ok(if mending.fixed() > 0 && !check.exit_zero { Status::Findings } else { left });
    }
    let left = match mending.standard_input(&inputs) {
        // Whoever pipes a source in wants it back; the report makes way.
        Some(bytes) => {
            output::print(|out| out.write_all(&bytes))?;
            report(check, &inputs, analysed, started, Target::Errors)?
        }
        None => report(check, &inputs, analysed, started, Target::Output)?,
    };
    Ok(if written { left } else { Status::Usage })
}

/// Where a report goes that is not written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Output,
    Errors,
    Nowhere,
}

/// One analysis, narrowed down to what is asked for.
pub(super) struct Analysed {
    /// The files that findings are in or point to.
    pub sources: Kept,
    pub split: Split,
    /// Files that were read only in part, or not at all.
    pub errors: Vec<FileError>,
    /// How many files are checked.
    checked: usize,
    /// Entries of baselines that no longer occur.
    stale: Vec<Trouble>,
    /// Where it is asked for.
    coverage: Coverage,
}

impl Analysed {
    pub fn of(inputs: &Inputs, check: &Check) -> Result<Self, Failure> {
        let cache = Cache::open(inputs, check);
        let (mut files, reading) = inputs.files(cache.is_some());
        if let Some(cache) = &cache {
            files.keep_releases(cache.releases());
        }
        let options = suppressions(check);
        let known = |group: &[FileId]| cache.as_ref()?.find(group, &reading);
        let anew = AtomicBool::new(false);
        let files = Arc::new(files);
        let groups = judge(&files, known, |project, findings| {
            let coverage = check.output.verbose.then(|| inputs.coverage(project));
            let group = Group { coverage, ..Group::of(project, findings, options) };
            if let Some(cache) = &cache {
                cache.keep(project, &group, &reading);
                anew.store(true, Ordering::Relaxed);
            }
            group
        });
        let taken = Project::write_known(&files);
        // Nobody waits for it to be taken apart.
        rayon::spawn(move || drop(files));
        if let Some(cache) = cache {
            if check.output.verbose {
                let (count, all) = (cache.hits(), groups.len());
                let are = if count == 1 { "is" } else { "are" };
                output::note(&format!("{count} of {all} groups of files {are} as in an earlier run"));
            }
            if check.output.verbose && taken.functions > 0 {
                let Taken { functions, releases } = taken;
                let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
                let (functions, releases) = (counted(functions, "function"), counted(releases, "released package"));
                output::note(&format!("known from earlier runs: what {functions} of {releases} may do"));
            }
            if anew.into_inner() {
                cache.prune();
            }
        }
        Self::among(inputs, check, groups, &reading)
    }

    /// What is asked for among all that is found in the groups.
    pub fn among(inputs: &Inputs, check: &Check, groups: Vec<Group>, reading: &Reading) -> Result<Self, Failure> {
        let mut coverage = Coverage::default();
        let (mut sources, mut split, mut errors) = (Kept::default(), Split::default(), Vec::new());
        for group in groups {
            coverage = coverage + group.coverage.unwrap_or_default();
            sources.0.extend(group.sources);
            split.kept.extend(group.split.kept);
            split.suppressed.extend(group.split.suppressed);
            errors.extend(group.errors.into_iter().filter(|(file, _)| inputs.files[file.index()].asked));
        }
        split.sort(&sources);
        let unread = |file: &FileId| reading.is_unread(*file);
        let partly =
            errors.iter().map(|(file, _)| *file).chain((0..inputs.files.len() as u32).map(FileId).filter(unread));
        let partly: FxHashSet<FileId> = partly.collect();
        let mut errors: Vec<FileError> = errors.into_iter().map(|(_, error)| error).collect();
        errors.extend(reading.problems().iter().chain(&inputs.problems).map(FileError::from));
        errors.sort_by(|a, b| (&a.path, a.line, &a.message).cmp(&(&b.path, b.line, &b.message)));
        let checked = inputs.files.iter().filter(|file| file.asked).count() - reading.unread();
        let file = |finding: &Finding| inputs.files.get(finding.place.file.index()).filter(|file| file.asked);
        split.kept.retain(|finding| file(finding).is_some());
        let mut stale = Vec::new();
        if check.baseline.write_baseline {
            split.kept = inputs.baselines.write(&sources, inputs, split.kept, &partly)?;
        } else {
            stale = inputs.baselines.apply(&sources, inputs, &mut split, &partly);
        }
        let sure = |finding: &Finding| {
            file(finding).is_some_and(|file| finding.confidence >= inputs.least_confidence(file, check))
        };
        split.kept.retain(sure);
        split.suppressed.retain(|(finding, _)| sure(finding));
        if let Some(changes) = &inputs.changes {
            changes.narrow(&sources, &mut split)?;
        }
        Ok(Self { sources, split, errors, checked, stale, coverage })
    }
}

/// Which comments are honoured.
pub(super) fn suppressions(check: &Check) -> suppress::Options {
    suppress::Options {
        noqa: check.selection.respect_noqa.unwrap_or(true),
        ignore: check.selection.ignore_suppressions,
        ..suppress::Options::default()
    }
}

/// Sources that outlive their analysis.
#[derive(Default)]
pub(super) struct Kept(FxHashMap<FileId, Source>);

impl Sources for Kept {
    fn source(&self, file: FileId) -> &Source {
        &self.0[&file]
    }
}

/// What is kept of a group of files that were analysed together.
pub(super) struct Group {
    pub sources: Vec<(FileId, Source)>,
    pub split: Split,
    pub errors: Vec<(FileId, FileError)>,
    /// Where it is asked for.
    pub coverage: Option<Coverage>,
}

impl Group {
    fn of(project: &Project, findings: Vec<Finding>, options: suppress::Options) -> Self {
        let split = suppress::apply(project, findings, options);
        let sources = split.files().into_iter().map(|file| (file, project.source(file).clone())).collect();
        let errors = project.group().iter().flat_map(|file| errors_in(project, *file)).collect();
        Self { sources, split, errors, coverage: None }
    }
}

/// What is wrong with a file, for those who want to know why it has no findings.
pub(super) fn errors_in(project: &Project, file: FileId) -> Vec<(FileId, FileError)> {
    let Some(model) = project.model_if_lowered(file) else { return Vec::new() };
    let path = || project.path(file).to_string();
    let mut errors = Vec::new();
    if let Some(error) = model.errors.first() {
        let more = match model.errors.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let source = project.source(file);
        let message = format!("does not parse: {}{more}; the rest of the file is checked", error.message);
        let error = match source.cell_at(error.span.start) {
            Some((cell, line)) => {
                let message = format!("cell {cell}, line {line}, {message}");
                FileError { path: path(), message, line: None }
            }
            None => FileError { path: path(), message, line: Some(source.line_of(error.span.start) as u32 + 1) },
        };
        errors.push((file, error));
    }
    if project.has_failed(file) {
        let message = "is not checked: asynclint itself fails on it".to_owned();
        errors.push((file, FileError { path: path(), message, line: None }));
    }
    errors
}

impl From<&crate::discover::Problem> for FileError {
    fn from(problem: &crate::discover::Problem) -> Self {
        Self { path: problem.path.to_string(), message: problem.message.clone(), line: problem.line }
    }
}

pub(super) fn report(
    check: &Check,
    inputs: &Inputs,
    analysed: Analysed,
    started: Instant,
    target: Target,
) -> Result<Status, Failure> {
    let Analysed { sources, mut split, mut errors, checked, stale, coverage } = analysed;
    let unread = !errors.is_empty();
    split.kept = report::fold(split.kept);
    if !check.output.quiet {
        for error in &errors {
            let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
            output::warning(&format!("{}{line}: {}", error.path, error.message));
        }
    }
    for trouble in inputs::idle_settings(inputs, check).into_iter().chain(stale) {
        if !check.output.quiet {
            output::warning(&trouble.to_string());
        }
        errors.push(FileError { path: trouble.file.to_string(), message: trouble.message, line: trouble.line });
    }
    let format = check.output.output_format;
    if check.output.statistics && !matches!(format, Format::Full | Format::Concise) && !check.output.quiet {
        let name = format.name();
        output::warning(&format!("`--statistics` does nothing in `{name}`; count the findings there by their rules"));
    }
    if inputs.found == 0 && !check.output.quiet {
        output::warning("no Python or Rust files found; give a path that holds some");
    }
    let fails = split.kept.iter().any(|finding| finding.severity >= Severity::Warning);
    let (findings, suppressed) = report::identify(&sources, split);
    let current = crate::discover::lossy(&inputs.current);
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let run = Run {
        sources: &sources,
        rules: crate::rules::RULES,
        findings: &findings,
        suppressed: if check.output.show_suppressed { &suppressed } else { &[] },
        errors: &errors,
        summary: Summary { files: inputs.found, checked, duration_ms },
        version: env!("CARGO_PKG_VERSION"),
        working_directory: &current,
        homepage: Some(report::HOMEPAGE).filter(|it| !it.is_empty()),
        terminal: match (&check.output.output_file, target) {
            (None, Target::Output) => output::terminal(),
            _ => Terminal::PIPE,
        },
        statistics: check.output.statistics,
        quiet: check.output.quiet,
    };
    let write = |out: &mut dyn Write| report::write(format, &run, out);
    match (&check.output.output_file, target) {
        (Some(file), _) => output::replace(file, write)?,
        (None, Target::Output) => output::print(write)?,
        // Nobody is left to be told that stderr is closed.
        (None, Target::Errors) => drop(write(&mut std::io::stderr().lock())),
        (None, Target::Nowhere) => {}
    }
    if let Some(warning) = report::warning(format, &run).filter(|_| !check.output.quiet) {
        output::warning(&warning);
    }
    if check.output.verbose {
        output::note(&format!("checked {checked} files in {duration_ms} ms"));
        tell_coverage(coverage);
    }
    let fails = (fails && !check.exit_zero) || (unread && check.strict_errors);
    Ok(if fails { Status::Findings } else { Status::Clean })
}

/// Says on stderr what the calls in async functions were found to run.
fn tell_coverage(found: Coverage) {
    if found.all() == 0 {
        return;
    }
    let Coverage { own, installed, described, named, unresolved } = found;
    let share = found.resolved() * 100 / found.all();
    output::note(&format!(
        "calls in async functions: {}; {own} to the project's own functions, {installed} into dependencies, {described} to \
         functions that the tables describe, {named} to others of the language's library or an event loop, {unresolved} not resolved ({share} % resolved)",
        found.all()
    ));
}

impl Inputs {
    pub fn config_of(&self, file: &inputs::Loaded) -> Option<crate::config::Shared> {
        self.tree.of_file(file.location.as_std_path())
    }

    /// How much of what async functions call is known, in the files that are asked for.
    pub fn coverage(&self, project: &Project) -> Coverage {
        let asked = |file: &FileId| self.files[file.index()].asked;
        let counted: Vec<FileId> = project.relevant_files().iter().copied().filter(asked).collect();
        project.coverage(&counted)
    }

    fn least_confidence(&self, file: &inputs::Loaded, check: &Check) -> Confidence {
        let asked = check.selection.min_confidence.map(Into::into);
        asked.or_else(|| self.config_of(file)?.min_confidence).unwrap_or(Confidence::Likely)
    }
}
