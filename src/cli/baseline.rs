//! `--baseline` and `--write-baseline`: which file holds the known findings of which source, and what becomes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::arguments::Check;
use super::inputs::{Inputs, Loaded};
use super::{Failure, output};
use crate::config::Trouble;
use crate::discover::{self, io_text};
use crate::finding::{FileId, Finding, Sources};
use crate::suppress::{Baseline, Entry, Reason, Split};

/// In bytes: a million entries.
const LARGEST: u64 = 256 << 20;

/// The baselines of a run.
#[derive(Default)]
pub(super) struct Baselines {
    /// By path (absolute).
    files: BTreeMap<PathBuf, Baseline>,
    /// For each source, in order, where its known findings are.
    of: Vec<Option<PathBuf>>,
    current: PathBuf,
}

impl Baselines {
    /// Reads the baselines that the command line or the configurations name.
    pub fn read(inputs: &Inputs, check: &Check) -> Result<Self, Failure> {
        let named = check.baseline.baseline.as_ref().map(|file| discover::absolute(file, &inputs.current));
        // The baselines, each with where it is named if that is not the command line.
        let mut paths: BTreeMap<PathBuf, Option<String>> = named.iter().map(|path| (path.clone(), None)).collect();
        let mut of = |file: &Loaded| {
            if named.is_some() || !file.asked {
                return named.clone().filter(|_| file.asked);
            }
            let known = inputs.config_of(file)?.baseline.clone()?;
            paths.entry(known.path.clone()).or_insert(Some(known.source));
            Some(known.path)
        };
        let of: Vec<Option<PathBuf>> = inputs.files.iter().map(&mut of).collect();
        let mut baselines = Self { files: BTreeMap::new(), of, current: inputs.current.clone() };
        let writes = check.baseline.write_baseline;
        if writes && paths.is_empty() {
            let advice = "give `--baseline FILE`, or set `baseline` in the configuration";
            return Err(Failure::new(format!("`--write-baseline` does not know where to: {advice}")));
        }
        for (path, source) in paths {
            let place = source.map(|it| format!("{it}: ")).unwrap_or_default();
            let fail = |message: String| Failure::new(format!("{place}`{}` {message}", baselines.shown(&path)));
            let baseline = match discover::text(&path, LARGEST) {
                Ok(text) => Baseline::parse(&text).map_err(fail)?,
                Err(error) if writes && error.kind() == std::io::ErrorKind::NotFound => Baseline::default(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(fail("does not exist; `--write-baseline` writes it".to_owned()));
                }
                Err(error) => return Err(fail(format!("cannot be read: {}", io_text(&error)))),
            };
            baselines.files.insert(path, baseline);
        }
        Ok(baselines)
    }

    /// Takes known findings out of those that are kept. Given: what is wrong with entries that no finding has any more. `partly` are
    /// the files that were not read whole.
    pub fn apply(
        &self,
        sources: &dyn Sources,
        inputs: &Inputs,
        split: &mut Split,
        partly: &FxHashSet<FileId>,
    ) -> Vec<Trouble> {
        let (groups, new) = self.groups(std::mem::take(&mut split.kept));
        split.kept = new;
        let mut troubles = Vec::new();
        for ((path, baseline), findings) in self.files.iter().zip(groups) {
            let (left, known, stale) = baseline.split(sources, findings, |file| name(path, inputs, file));
            split.kept.extend(left);
            let reason = Reason { by: self.shown(path).into_string(), text: None, external: true };
            split.suppressed.extend(known.into_iter().map(|it| (it, reason.clone())));
            let judged = self.judged(path, inputs, partly);
            let stale: Vec<Entry> = stale.into_iter().filter(|entry| judged(entry)).collect();
            if let Some(first) = stale.first() {
                let (rule, place) = (&first.rule, &first.path);
                let what = match stale.len() {
                    1 => format!("the entry for `{rule}` in {place} no longer occurs"),
                    count => format!("{count} entries no longer occur, the first of them `{rule}` in {place}"),
                };
                let message = format!("{what}; `--write-baseline` takes it out");
                let message = if stale.len() > 1 { message.replace("takes it out", "takes them out") } else { message };
                troubles.push(Trouble { file: self.shown(path), line: None, message });
            }
        }
        split.sort(sources);
        troubles
    }

    /// Writes the findings down as known, together with entries about what this run has not looked at.
    pub fn write(
        &self,
        sources: &dyn Sources,
        inputs: &Inputs,
        findings: Vec<Finding>,
        partly: &FxHashSet<FileId>,
    ) -> Result<Vec<Finding>, Failure> {
        let (groups, rest) = self.groups(findings);
        for ((path, old), findings) in self.files.iter().zip(groups) {
            let judged = self.judged(path, inputs, partly);
            let count = findings.len();
            let found: Vec<Entry> =
                findings.iter().map(|it| Entry::of(sources, it, name(path, inputs, it.place.file))).collect();
            let (_, _, mut entries) = old.split(sources, findings, |file| name(path, inputs, file));
            entries.retain(|entry| !judged(entry));
            entries.extend(found);
            let text = Baseline::new(entries).to_text();
            output::replace(path, |out| out.write_all(text.as_bytes()))?;
            let what = if count == 1 { "1 known finding is".to_owned() } else { format!("{count} known findings are") };
            output::note(&format!("{what} in {}", self.shown(path)));
        }
        Ok(rest)
    }

    /// The findings by the baseline that would know them, in the order of `files`, and those that none would.
    fn groups(&self, findings: Vec<Finding>) -> (Vec<Vec<Finding>>, Vec<Finding>) {
        let mut groups: Vec<Vec<Finding>> = vec![Vec::new(); self.files.len()];
        let mut rest = Vec::new();
        for finding in findings {
            let path = self.of.get(finding.place.file.index()).and_then(Option::as_ref);
            let group = path.and_then(|path| self.files.keys().position(|it| it == path));
            group.and_then(|group| groups.get_mut(group)).unwrap_or(&mut rest).push(finding);
        }
        (groups, rest)
    }

    /// Says whether this run would have found what an entry tells: its file was checked for that rule, or is gone.
    fn judged<'a>(
        &'a self,
        path: &'a Path,
        inputs: &'a Inputs,
        partly: &'a FxHashSet<FileId>,
    ) -> impl Fn(&Entry) -> bool + 'a {
        let files: BTreeMap<String, (FileId, &Loaded)> = (0..)
            .map(FileId)
            .zip(inputs.files.iter().zip(&self.of))
            .filter(|(_, (_, of))| of.as_deref() == Some(path))
            .map(|(id, (file, _))| (name(path, inputs, id), (id, file)))
            .collect();
        move |entry: &Entry| match (files.get(&entry.path), crate::rules::by_name(&entry.rule)) {
            (Some((id, _)), _) if partly.contains(id) => false,
            (Some((_, file)), Some(rule)) => file.rules.level(rule).is_some(),
            // No rule of that name is left to find it.
            (Some(_), None) => true,
            (None, _) => !folder(path).join(&entry.path).exists(),
        }
    }

    fn shown(&self, path: &Path) -> camino::Utf8PathBuf {
        discover::relative(path, &self.current)
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// A source's path as the baseline at `path` writes it.
fn name(path: &Path, inputs: &Inputs, file: FileId) -> String {
    let Some(file) = inputs.files.get(file.index()) else {
        return String::new();
    };
    discover::from_folder(file.location.as_std_path(), folder(path)).into_string()
}
