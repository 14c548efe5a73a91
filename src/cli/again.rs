//! One check after another of the same tree: a session stands between them, and is told what has changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::arguments::Check;
use super::check::{Analysed, Group, Target, checked, errors_in, report, suppressions};
use super::inputs::{self, Inputs, Reading, real};
use super::progress::Progress;
use super::watch::Changed;
use super::{Failure, Status, output};
use crate::finding::{FileId, Sources};
use crate::project::Coverage;
use crate::session::Session;

/// What is kept from one check to the next.
pub(super) struct Standing {
    inputs: Inputs,
    session: Session,
    reading: Arc<Reading>,
    /// Files by where they really lie.
    places: FxHashMap<PathBuf, FileId>,
}

/// Checks, and reports, with what is left of the check before.
pub(super) fn again(check: &Check, standing: &mut Option<Standing>, changed: &Changed) -> Result<Status, Failure> {
    // What is written, or read from elsewhere, changes the tree behind the session's back.
    if check.fixing.fix || check.fixing.diff {
        return checked(check);
    }
    let started = Instant::now();
    let mut before = standing.take().filter(|_| !changed.settings);
    let now = match before.take_if(|it| it.takes(check, changed)) {
        Some(same) => same,
        None => Standing::new(check, before, changed)?,
    };
    let analysed = now.analysed(check)?;
    let status = report(check, &now.inputs, analysed, started, Target::Output);
    *standing = Some(now);
    status
}

impl Standing {
    /// Finds out what there is to check. What is the same as before is not read again.
    fn new(check: &Check, before: Option<Self>, changed: &Changed) -> Result<Self, Failure> {
        let started = Instant::now();
        let progress = Progress::new(!check.output.quiet && !check.output.verbose);
        progress.phase("reading files");
        let inputs = Inputs::gather(check)?;
        progress.phase(format!("analysing {} files", inputs.files.len()));
        if check.output.verbose {
            inputs::tell_configurations(&inputs);
            output::note(&format!("found {} files in {} ms", inputs.files.len(), started.elapsed().as_millis()));
        }
        let (files, reading) = inputs.files(false);
        let session = match before {
            Some(before) => {
                let Self { inputs: old, session, reading, places } = before;
                let other: Vec<FileId> = changed.files.iter().filter_map(|path| places.get(path).copied()).collect();
                let same: Vec<Option<FileId>> = inputs
                    .files
                    .iter()
                    .map(|file| {
                        let known = session.file(&file.location).filter(|it| !other.contains(it))?;
                        let was = old.files.get(known.index())?;
                        let same = (was.limit, was.edition, was.shown()) == (file.limit, file.edition, file.shown());
                        (same && !reading.is_unread(known)).then_some(known)
                    })
                    .collect();
                session.rearranged(files, &|file| same.get(file.index()).copied().flatten())
            }
            None => Session::new(files, suppressions(check)),
        };
        let place = |file: &inputs::Loaded| file.found.as_ref().map(|it| real(&it.path)).unwrap_or_default();
        let places = inputs.files.iter().map(place).zip((0..).map(FileId)).collect();
        Ok(Self { inputs, session, reading, places })
    }

    /// Takes changed files in. `false`: there is more to it than other texts.
    fn takes(&mut self, check: &Check, changed: &Changed) -> bool {
        // Which lines are new, and what a baseline has, is found out with the files.
        if changed.places || check.revision.since.is_some() || check.baseline.write_baseline {
            return false;
        }
        let known = |path: &PathBuf| self.places.get(path).copied().filter(|_| path.is_file());
        let Some(files) = changed.files.iter().map(known).collect::<Option<Vec<_>>>() else { return false };
        let mut others = Vec::new();
        for file in &files {
            self.reading.forget(*file);
            others.extend(self.session.reread(*file));
        }
        others.sort_unstable();
        others.dedup();
        if check.output.verbose {
            output::note(&format!("changed: {}; found something else in: {}", files.len(), others.len()));
        }
        true
    }

    /// What the findings hang on beyond the files that are watched: installed files that were read, and where others may come to be.
    pub fn around(&self) -> Vec<PathBuf> {
        // All groups of a run share what is installed.
        let Some(project) = self.session.projects().next() else { return Vec::new() };
        let around = project.surroundings();
        let looked_at = project.looked_at_around().into_iter().map(|it| it.path);
        looked_at.chain(around.whole()).chain(around.lists()).collect()
    }

    fn analysed(&self, check: &Check) -> Result<Analysed, Failure> {
        let split = self.session.found();
        let sources = split.files().into_iter().map(|file| (file, self.session.source(file).clone())).collect();
        let files =
            self.session.projects().flat_map(|project| project.group().iter().map(move |file| (project, *file)));
        let errors = files.flat_map(|(project, file)| errors_in(project, file)).collect();
        let counted = check.output.verbose.then(|| {
            let counts = self.session.projects().map(|project| self.inputs.coverage(project));
            counts.fold(Coverage::default(), std::ops::Add::add)
        });
        let group = Group { sources, split, errors, coverage: counted };
        Analysed::among(&self.inputs, check, vec![group], &self.reading)
    }
}
