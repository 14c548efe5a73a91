//! `--fix` and `--diff`: rounds of fixing and analysing anew until nothing is left to fix.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use rustc_hash::FxHashMap;
use similar::TextDiff;

use super::arguments::Check;
use super::check::Analysed;
use super::inputs::{Inputs, real};
use super::{Failure, output};
use crate::discover::{Kind, Problem, io_text, rewrite};
use crate::finding::{Applicability, FileId, Fix, Sources};
use crate::fix;
use crate::report::FileError;
use crate::source::Source;

/// Fixes may uncover each other, a few times over. One that comes back for ever ends here.
const ROUNDS: usize = 20;

/// What has been mended.
pub(super) struct Mending {
    files: BTreeMap<usize, MendedFile>,
    /// Where files may be written: what the command line names, with links followed.
    within: Vec<PathBuf>,
}

struct MendedFile {
    /// Findings that are gone.
    fixed: usize,
    before: Source,
    kind: Kind,
    bytes: Vec<u8>,
    /// Where it is written to; `None` for standard input.
    path: Option<PathBuf>,
}

impl Mending {
    /// Mends the sources in memory and analyses them anew, until no fix is left.
    pub fn run(inputs: &mut Inputs, check: &Check) -> Result<(Analysed, Self), Failure> {
        let least = if check.fixing.unsafe_fixes { Applicability::Unsafe } else { Applicability::Safe };
        let within = check.paths.iter().map(|path| real(&inputs.current.join(path))).collect();
        let mut mending = Self { files: BTreeMap::new(), within };
        let mut refused: Vec<usize> = Vec::new();
        let mut analysed = Analysed::of(inputs, check)?;
        for _ in 0..ROUNDS {
            let mut fixes: FxHashMap<usize, Vec<&Fix>> = FxHashMap::default();
            for finding in &analysed.split.kept {
                let file = finding.place.file.index();
                if let Some(fix) = finding.fix.as_ref().filter(|fix| fix.applicability >= least)
                    && !refused.contains(&file)
                {
                    fixes.entry(file).or_default().push(fix);
                }
            }
            let mut progress = false;
            let mut fixes: Vec<_> = fixes.into_iter().collect();
            fixes.sort_by_key(|(file, _)| *file);
            for (file, fixes) in fixes {
                match mending.one(inputs, file, analysed.sources.source(FileId(file as u32)), &fixes) {
                    Ok(applied) => progress |= applied,
                    Err(problem) => {
                        refused.push(file);
                        analysed.errors.push(FileError::from(&problem));
                        inputs.problems.push(problem);
                    }
                }
            }
            if !progress {
                break;
            }
            analysed = Analysed::of(inputs, check)?;
        }
        // What is refused is not offered again.
        for finding in &mut analysed.split.kept {
            if refused.contains(&finding.place.file.index()) {
                finding.fix = None;
            }
        }
        Ok((analysed, mending))
    }

    /// Applies fixes to one source. False if none could be.
    fn one(&mut self, inputs: &mut Inputs, file: usize, source: &Source, fixes: &[&Fix]) -> Result<bool, Problem> {
        let Some(loaded) = Arc::make_mut(&mut inputs.files).get_mut(file) else {
            return Ok(false);
        };
        let mended = fix::apply(source, fixes);
        if mended.applied == 0 || mended.text == *source.text {
            return Ok(false);
        }
        let after = fix::mended_source(source, &mended);
        match self.files.entry(file) {
            Entry::Occupied(mut entry) => entry.get_mut().fixed += mended.applied,
            Entry::Vacant(entry) => {
                let problem = |message: String| Problem::new(source.path.clone(), message);
                let (path, kind, bytes) = match (&loaded.found, &inputs.piped) {
                    (Some(found), _) => {
                        let target = real(&found.path);
                        if !self.within.iter().any(|it| target.starts_with(it)) {
                            let message = "is not fixed: the link leads out of the folders that are checked; name the file itself";
                            return Err(problem(message.to_owned()));
                        }
                        let bytes = std::fs::read(&found.path).map_err(|error| problem(io_text(&error)))?;
                        (Some(found.path.clone()), found.kind, bytes)
                    }
                    (None, Some(piped)) => (None, piped.kind, piped.bytes.clone()),
                    (None, None) => return Ok(false),
                };
                // Told now rather than after everything else says that it is fixed.
                rewrite(kind, &bytes, source, &after).map_err(|refusal| problem(refusal.to_string()))?;
                entry.insert(MendedFile { fixed: mended.applied, before: source.clone(), kind, bytes, path });
            }
        }
        loaded.source = Some(after);
        Ok(true)
    }

    /// How many findings are gone.
    pub fn fixed(&self) -> usize {
        self.files.values().map(|it| it.fixed).sum()
    }

    /// How many files are mended.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Replaces the files on disk. Those that cannot be replaced are told, and are taken to be as they were: false.
    pub fn write(&mut self, inputs: &mut Inputs) -> bool {
        let files = Arc::make_mut(&mut inputs.files);
        let count = self.files.len();
        self.files.retain(|file, mended| {
            let after = files.get(*file).and_then(|file| file.source.as_ref());
            let (Some(path), Some(after)) = (&mended.path, after) else { return true };
            let result = std::fs::read(path)
                .map_err(|error| format!("cannot be read: {}", io_text(&error)))
                .and_then(|bytes| {
                    // As it is now: somebody may have saved it since it was read.
                    rewrite(mended.kind, &bytes, &mended.before, after).map_err(|refusal| refusal.to_string())
                })
                .and_then(|bytes| replace(path, &bytes));
            if let Err(message) = &result {
                output::error(&format!("{}: {message}", mended.before.path));
                files[*file].source = None;
            }
            result.is_ok()
        });
        self.files.len() == count
    }

    /// The changes as a diff that `git apply` and `patch -p1` read.
    pub fn diff(&self, inputs: &Inputs, color: bool) -> String {
        let mut out = String::new();
        for (file, mended) in &self.files {
            let Some(after) = inputs.files.get(*file).and_then(|file| file.source.as_ref()) else {
                continue;
            };
            let Ok(new) = rewrite(mended.kind, &mended.bytes, &mended.before, after) else { continue };
            let (old, new) = (String::from_utf8_lossy(&mended.bytes), String::from_utf8_lossy(&new));
            let path = &mended.before.path;
            let diff = TextDiff::from_lines(&*old, &*new);
            let diff = diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string();
            if color { diff.split_inclusive('\n').for_each(|line| paint(line, &mut out)) } else { out.push_str(&diff) }
        }
        out
    }

    /// What standard input has become, if there is one: as it came, where nothing of it is mended.
    pub fn standard_input(&self, inputs: &Inputs) -> Option<Vec<u8>> {
        let piped = inputs.piped.as_ref()?;
        let mended = self.files.iter().find(|(_, mended)| mended.path.is_none());
        let rewritten = mended.and_then(|(file, mended)| {
            rewrite(piped.kind, &piped.bytes, &mended.before, inputs.files.get(*file)?.source.as_ref()?).ok()
        });
        Some(rewritten.unwrap_or_else(|| piped.bytes.clone()))
    }
}

fn paint(line: &str, out: &mut String) {
    let style = match line.as_bytes().first() {
        _ if line.starts_with("---") || line.starts_with("+++") => Style::new().bold(),
        Some(b'-') => AnsiColor::Red.on_default(),
        Some(b'+') => AnsiColor::Green.on_default(),
        Some(b'@') => AnsiColor::Cyan.on_default(),
        _ => Style::new(),
    };
    let text = line.trim_end_matches('\n');
    out.push_str(&format!("{style}{text}{style:#}{}", &line[text.len()..]));
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fix::replace(path, |out| out.write_all(bytes))
        .map_err(|error| format!("cannot be written: {}; check the permissions of its folder", io_text(&error)))
}

/// Says on stderr what has been done.
pub(super) fn summary(mending: &Mending, is_diff: bool) {
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let verb = if is_diff { "would fix" } else { "fixed" };
    output::note(&format!("{verb} {} in {}", count(mending.fixed(), "finding"), count(mending.files(), "file")));
}
