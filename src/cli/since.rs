//! `--since`: which lines differ from a git revision, as git itself tells.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Failure;
use super::inputs::Loaded;
use crate::discover::Kind;
use crate::finding::{Finding, Place, Sources};

/// Lines of the files on disk that a revision does not have.
pub(super) struct Changes {
    /// By the place of the source.
    files: FxHashMap<PathBuf, Changed>,
}

/// What is new in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Changed {
    All,
    /// From line to line, both counted from 1, in order.
    Lines(Vec<(u32, u32)>),
}

impl Changes {
    /// Asks git about the repositories that the files lie in.
    pub fn since(revision: &str, files: &[Loaded]) -> Result<Self, Failure> {
        let mut repositories: FxHashMap<PathBuf, Repository> = FxHashMap::default();
        let mut roots: FxHashMap<PathBuf, Option<PathBuf>> = FxHashMap::default();
        let mut changes = FxHashMap::default();
        for file in files {
            let Some(found) = &file.found else {
                return Err(Failure::new(
                    "`--since` asks for files; what is piped in has no revision to compare it with",
                ));
            };
            let is_notebook = found.kind == Kind::Notebook;
            let path = file.location.as_std_path();
            let real = path.canonicalize().map_or_else(|_| path.to_owned(), crate::discover::plain_path);
            let folder = real.parent().unwrap_or(&real);
            let root = roots.entry(folder.to_owned()).or_insert_with(|| root_of(folder)).clone();
            let Some(root) = root else {
                if file.asked {
                    let shown = file.shown();
                    return Err(Failure::new(format!("--since: `{shown}` is in no git repository; leave it out")));
                }
                continue;
            };
            if !repositories.contains_key(&root) {
                let repository = Repository::read(&root, revision)?;
                repositories.insert(root.clone(), repository);
            }
            let found = repositories.get(&root).and_then(|it| it.changed(real.strip_prefix(&root).ok()?));
            let whole = |changed: Changed| if is_notebook { Changed::All } else { changed };
            changes.extend(found.map(|changed| (path.to_owned(), whole(changed))));
        }
        Ok(Self { files: changes })
    }

    /// The finding, or a step of its evidence, stands on such a line.
    pub fn concern(&self, sources: &dyn Sources, finding: &Finding) -> bool {
        finding.places().any(|place| self.touch(sources, place))
    }

    fn touch(&self, sources: &dyn Sources, place: Place) -> bool {
        let source = sources.source(place.file);
        match self.files.get(source.location.as_std_path()) {
            None => false,
            Some(Changed::All) => true,
            Some(Changed::Lines(lines)) => {
                let line = |offset: u32| source.line_of(offset) as u32 + 1;
                let (from, to) = (line(place.span.start), line(place.span.end.max(place.span.start)));
                lines.iter().any(|(first, last)| *first <= to && from <= *last)
            }
        }
    }
}

/// The folder above that git keeps.
fn root_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|it| it.join(".git").exists()).map(Path::to_owned)
}

/// What git says of one repository.
struct Repository {
    changed: FxHashMap<PathBuf, Changed>,
    tracked: FxHashSet<PathBuf>,
}

impl Repository {
    fn read(root: &Path, revision: &str) -> Result<Self, Failure> {
        let commit = format!("{revision}^{{commit}}");
        let known = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])?;
        let Ok(commit) = known else {
            let shown = root.display();
            let advice = "check the spelling, or fetch it: a shallow clone has few";
            return Err(Failure::new(format!("--since: git knows no commit `{revision}` in {shown}; {advice}")));
        };
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        // Nothing that a repository's own settings name is run on the way.
        let diff = git(
            root,
            &[
                "diff",
                "--unified=0",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
                "--no-relative",
                "--find-renames",
                "--submodule=short",
                "--src-prefix=a/",
                "--dst-prefix=b/",
                &commit,
                "--",
            ],
        )?;
        let tracked = git(root, &["ls-files", "-z"])?;
        let (diff, tracked) = match (diff, tracked) {
            (Ok(diff), Ok(tracked)) => (diff, tracked),
            (Err(message), _) | (_, Err(message)) => return Err(Failure::new(format!("--since: git says: {message}"))),
        };
        let tracked = tracked.split(|byte| *byte == 0).filter(|it| !it.is_empty()).map(path_of).collect();
        Ok(Self { changed: changed_lines(&diff), tracked })
    }

    /// Of what git does not know every line is new.
    fn changed(&self, file: &Path) -> Option<Changed> {
        if self.tracked.contains(file) { self.changed.get(file).cloned() } else { Some(Changed::All) }
    }
}

/// Runs git; the inner error is what it complains of.
fn git(root: &Path, arguments: &[&str]) -> Result<Result<Vec<u8>, String>, Failure> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["-c", "core.quotePath=false", "-c", "core.fsmonitor=false"])
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("`--since` needs git, which cannot be started: {error}")))?;
    let complaint = || String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("nothing").to_owned();
    Ok(if output.status.success() { Ok(output.stdout) } else { Err(complaint()) })
}

/// The lines that a diff without context adds, by file.
fn changed_lines(diff: &[u8]) -> FxHashMap<PathBuf, Changed> {
    let mut files: FxHashMap<PathBuf, Changed> = FxHashMap::default();
    let mut file = None;
    // Lines of a hunk that are still to come: they may look like anything.
    let mut hunk = 0u32;
    for line in diff.split(|byte| *byte == b'\n') {
        if hunk > 0 {
            // `\ No newline at end of file` is no line of either side.
            hunk -= u32::from(matches!(line.first(), Some(b'+' | b'-')));
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            file = name_of(name);
        } else if let Some(ranges) = line.strip_prefix(b"@@ -")
            && let Some((removed, (from, added))) = ranges_of(ranges)
        {
            hunk = removed + added;
            if let Some(file) = &file
                && added > 0
            {
                let lines = files.entry(file.clone()).or_insert_with(|| Changed::Lines(Vec::new()));
                if let Changed::Lines(lines) = lines {
                    lines.push((from, from + added - 1));
                }
            }
        }
    }
    files
}

/// Of `12,2 +14,0 @@ ..`: how many lines are removed, and from where on how many are added.
fn ranges_of(text: &[u8]) -> Option<(u32, (u32, u32))> {
    let text = std::str::from_utf8(text.split(|byte| *byte == b'@').next()?).ok()?;
    let (old, new) = text.trim().split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        match text.split_once(',') {
            Some((from, count)) => Some((from.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    Some((range(old)?.1, range(new)?))
}

/// `b/app/main.py`, which git puts in quotes if it has to; `None` for `/dev/null`.
fn name_of(text: &[u8]) -> Option<PathBuf> {
    // A tab ends a name with spaces in it.
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let text = text.strip_suffix(b"\t").unwrap_or(text);
    let plain = match text.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")) {
        Some(quoted) => unquoted(quoted),
        None => text.to_vec(),
    };
    plain.strip_prefix(b"b/").map(path_of)
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some(escaped) = text.get(at) else { break };
        at += 1;
        out.push(match escaped {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            b'0'..=b'3' => {
                let digits = text.get(at - 1..at + 2).unwrap_or_default();
                at += 2;
                digits.iter().fold(0u8, |all, digit| all.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0')))
            }
            other => *other,
        });
    }
    out
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_tell_which_lines_are_new() {
        let diff = b"diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@ def f():\n-a\n+++ b/y.py\n+@@ -1 +9 @@\n\
            @@ -7,2 +8,0 @@\n--- a/z.py\n-b\n@@ -20,0 +19 @@\n+c\n\\ No newline at end of file\n\
            diff --git a/gone.py b/gone.py\n--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n\
            --- /dev/null\n+++ \"b/\\303\\244 \\\"q\\\".py\"\n@@ -0,0 +1,3 @@\n+a\n+b\n+c\n--- a/with space.py\n+++ b/with space.py\t\n@@ -1 +1 @@\n-a\n+b\n";
        let files = changed_lines(diff);
        let lines = |name: &str| files.get(Path::new(name)).cloned();
        assert_eq!(lines("x.py"), Some(Changed::Lines(vec![(1, 2), (19, 19)])));
        assert_eq!(lines("ä \"q\".py"), Some(Changed::Lines(vec![(1, 3)])));
        assert_eq!(lines("with space.py"), Some(Changed::Lines(vec![(1, 1)])));
        assert_eq!(files.len(), 3);
    }
}
