//! `--fix` and `--diff`: rounds of fixing and analysing anew until nothing is left to fix.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use rustc_hash::FxHashMap;
use similar::TextDiff;

use super::arguments::Check;
use super::check::Analysed;
use super::inputs::Inputs;
use super::{Failure, output};
use crate::discover::{Kind, Problem, io_text, rewrite};
use crate::finding::{Applicability, FileId, Fix, Sources};
use crate::fix;
use crate::source::Source;

/// Fixes may uncover each other, a few times over. One that comes back for ever ends here.
const ROUNDS: usize = 20;

/// What has been mended.
#[derive(Default)]
pub(super) struct Mending {
    /// Findings that are gone.
    pub fixed: usize,
    files: BTreeMap<usize, MendedFile>,
}

struct MendedFile {
    before: Source,
    /// Where it is written to and what stands there; `None` for standard input.
    disk: Option<Disk>,
}

struct Disk {
    path: PathBuf,
    kind: Kind,
    bytes: Vec<u8>,
}

impl Mending {
    /// Mends the sources in memory and analyses them anew, until no fix is left.
    pub fn run(inputs: &mut Inputs, check: &Check) -> Result<(Analysed, Self), Failure> {
        let least = if check.fixing.unsafe_fixes { Applicability::Unsafe } else { Applicability::Safe };
        let mut mending = Self::default();
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
                        inputs.problems.push(problem);
                    }
                }
            }
            if !progress {
                break;
            }
            analysed = Analysed::of(inputs, check)?;
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
        if let std::collections::btree_map::Entry::Vacant(entry) = self.files.entry(file) {
            let problem = |message: String| Problem::new(source.path.clone(), message);
            let disk = match &loaded.found {
                None => None,
                Some(found) => {
                    let bytes = std::fs::read(&found.path).map_err(|error| problem(io_text(&error)))?;
                    Some(Disk { path: found.path.clone(), kind: found.kind, bytes })
                }
            };
            let before = source.clone();
            if let Some(disk) = &disk {
                // Told now rather than after everything else says that it is fixed.
                rewrite(disk.kind, &disk.bytes, &before, &after).map_err(|refusal| problem(refusal.to_string()))?;
            }
            entry.insert(MendedFile { before, disk });
        }
        loaded.source = Some(after);
        self.fixed += mended.applied;
        Ok(true)
    }

    /// How many files are mended.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Replaces the files on disk.
    pub fn write(&self, inputs: &Inputs) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for (file, mended) in &self.files {
            let after = inputs.files.get(*file).and_then(|file| file.source.as_ref());
            let (Some(disk), Some(after)) = (&mended.disk, after) else {
                continue;
            };
            let result = std::fs::read(&disk.path)
                .map_err(|error| format!("cannot be read: {}", io_text(&error)))
                .and_then(|bytes| {
                    // As it is now: somebody may have saved it since it was read.
                    rewrite(disk.kind, &bytes, &mended.before, after).map_err(|refusal| refusal.to_string())
                })
                .and_then(|bytes| replace(&disk.path, &bytes));
            if let Err(message) = result {
                failures.push(format!("{}: {message}", mended.before.path));
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(Failure(failures)) }
    }

    /// The changes as a diff that `git apply` and `patch -p1` read.
    pub fn diff(&self, inputs: &Inputs, color: bool) -> String {
        let mut out = String::new();
        for (file, mended) in &self.files {
            let Some(after) = inputs.files.get(*file).and_then(|file| file.source.as_ref()) else {
                continue;
            };
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let (old, new) = match &mended.disk {
                Some(disk) => match rewrite(disk.kind, &disk.bytes, &mended.before, after) {
                    Ok(bytes) => (text(disk.bytes.clone()), text(bytes)),
                    Err(_) => continue,
                },
                None => (mended.before.text.to_string(), after.text.to_string()),
            };
            let path = &mended.before.path;
            let diff = TextDiff::from_lines(&old, &new);
            let diff = diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string();
            if color { diff.split_inclusive('\n').for_each(|line| paint(line, &mut out)) } else { out.push_str(&diff) }
        }
        out
    }

    /// What standard input has become, if it was one of the sources.
    pub fn standard_input(inputs: &Inputs) -> Option<&str> {
        inputs.files.iter().find(|file| file.found.is_none())?.source.as_ref().map(|source| &*source.text)
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
    output::note(&format!("{verb} {} in {}", count(mending.fixed, "finding"), count(mending.files(), "file")));
}
