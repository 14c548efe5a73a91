//! `--since`: which lines differ from a git revision.
//!
//! Git tells which content a revision has, and nothing else: the comparison is made here. Whoever has git look at the files on
//! disk has it run what the repository names to filter them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustc_hash::{FxHashMap, FxHashSet};
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::Failure;
use super::inputs::Loaded;
use crate::discover::{self, Kind};
use crate::finding::{Finding, Sources};
use crate::source::Source;
use crate::suppress::Split;

/// In bytes: content that is larger is not compared.
const LARGEST: u64 = 64 << 20;

/// What a revision has of the files of a run.
pub(super) struct Changes {
    revision: String,
    repositories: Vec<Repository>,
    /// By the place of the source.
    files: FxHashMap<PathBuf, Old>,
}

/// A file as the revision has it.
struct Old {
    /// Its place among the repositories.
    repository: usize,
    kind: Kind,
    /// What git calls the content; `None` if the file is new.
    blob: Option<String>,
}

/// What is new in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Changed {
    All,
    /// From line to line, both counted from 1, in order.
    Lines(Vec<(usize, usize)>),
}

impl Changes {
    /// Asks git about the repositories that the files lie in.
    pub fn since(revision: &str, files: &[Loaded]) -> Result<Self, Failure> {
        let mut repositories: Vec<Repository> = Vec::new();
        let mut roots: FxHashMap<PathBuf, Option<PathBuf>> = FxHashMap::default();
        let mut old = FxHashMap::default();
        for file in files {
            let Some(found) = &file.found else {
                return Err(Failure::new(
                    "`--since` asks for files; what is piped in has no revision to compare it with",
                ));
            };
            let path = file.location.as_std_path();
            let real = discover::real_path(path);
            let folder = real.parent().unwrap_or(&real);
            let root = roots.entry(folder.to_owned()).or_insert_with(|| root_of(folder)).clone();
            let Some(root) = root else {
                if file.asked {
                    let shown = file.shown();
                    return Err(Failure::new(format!("--since: `{shown}` is in no git repository; leave it out")));
                }
                continue;
            };
            let repository = match repositories.iter().position(|it| it.root == root) {
                Some(known) => known,
                None => {
                    repositories.push(Repository::read(&root, revision)?);
                    repositories.len() - 1
                }
            };
            let below = real.strip_prefix(&root).unwrap_or(&real);
            let blob = repositories[repository].blob(below).map(str::to_owned);
            old.insert(path.to_owned(), Old { repository, kind: found.kind, blob });
        }
        Ok(Self { revision: revision.to_owned(), repositories, files: old })
    }

    /// Leaves the findings that stand on a changed line, or have a step of their evidence on one.
    pub fn narrow(&self, sources: &dyn Sources, split: &mut Split) -> Result<(), Failure> {
        let mut places: FxHashMap<&Path, &Source> = FxHashMap::default();
        let findings = || split.kept.iter().chain(split.suppressed.iter().map(|(finding, _)| finding));
        for source in findings().flat_map(Finding::places).map(|place| sources.source(place.file)) {
            places.insert(source.location.as_std_path(), source);
        }
        let mut changed = FxHashMap::default();
        for (number, repository) in self.repositories.iter().enumerate() {
            let here = places.iter().filter_map(|(path, source)| Some((*path, *source, self.files.get(*path)?)));
            let here: Vec<_> = here.filter(|(_, _, old)| old.repository == number).collect();
            let blobs: FxHashSet<&str> = here.iter().filter_map(|(_, _, old)| old.blob.as_deref()).collect();
            let texts = repository.contents(&blobs, &self.revision)?;
            for (path, source, old) in here {
                let text = old.blob.as_deref().and_then(|blob| texts.get(blob)?.as_deref());
                changed.insert(path.to_owned(), text.map_or(Changed::All, |text| new_lines(text, source, old.kind)));
            }
        }
        let concern = |finding: &Finding| {
            finding.places().any(|place| {
                let source = sources.source(place.file);
                match changed.get(source.location.as_std_path()) {
                    None => false,
                    Some(Changed::All) => true,
                    Some(Changed::Lines(lines)) => {
                        let line = |offset: u32| source.line_of(offset) + 1;
                        let (from, to) = (line(place.span.start), line(place.span.end.max(place.span.start)));
                        lines.iter().any(|(first, last)| *first <= to && from <= *last)
                    }
                }
            })
        };
        split.kept.retain(concern);
        split.suppressed.retain(|(finding, _)| concern(finding));
        Ok(())
    }
}

/// The lines of a source that older content of its file does not have. Of notebooks the code is compared, whatever Jupyter
/// has written around it.
fn new_lines(old: &[u8], source: &Source, kind: Kind) -> Changed {
    let Ok(Some(old)) = discover::source_of(&source.path, kind, old) else {
        return Changed::All;
    };
    // Without their ends, which git may keep in another form than there is on disk.
    fn lines(source: &Source) -> Vec<&str> {
        (0..source.line_starts().len()).map(|line| source.line_text(line)).collect()
    }
    let (old, new) = (lines(&old), lines(source));
    let parts = capture_diff_slices(Algorithm::Patience, &old, &new);
    let added = parts.iter().filter(|part| matches!(part.tag(), DiffTag::Insert | DiffTag::Replace));
    Changed::Lines(added.map(|part| (part.new_range().start + 1, part.new_range().end)).collect())
}

/// The folder above that git keeps.
fn root_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|it| it.join(".git").exists()).map(Path::to_owned)
}

/// What a revision of one repository has.
struct Repository {
    root: PathBuf,
    /// What git calls the content of each file.
    blobs: FxHashMap<PathBuf, String>,
    /// New names, each with the old one.
    renamed: FxHashMap<PathBuf, PathBuf>,
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
        let said = |answer: Result<Vec<u8>, String>| {
            answer.map_err(|message| Failure::new(format!("--since: git says: {message}")))
        };
        let tree = said(git(root, &["ls-tree", "-r", "-z", "--full-tree", &commit])?)?;
        // The index against the revision: no file on disk is looked at.
        let names = ["--find-renames", "--diff-filter=R", "--name-status", "-z", "--ignore-submodules=all"];
        let plain = ["--no-ext-diff", "--no-textconv", &commit, "--"];
        let renamed = said(git(root, &[&["diff-index", "--cached"], &names[..], &plain[..]].concat())?)?;
        Ok(Self { root: root.to_owned(), blobs: blobs_of(&tree), renamed: renames_of(&renamed) })
    }

    /// What git calls the content that a file had, under this name or an earlier one.
    fn blob(&self, file: &Path) -> Option<&str> {
        let blob = self.blobs.get(file).or_else(|| self.blobs.get(self.renamed.get(file)?));
        blob.map(String::as_str)
    }

    /// Contents by what git calls them; `None` for one that is too large.
    fn contents(&self, blobs: &FxHashSet<&str>, revision: &str) -> Result<FxHashMap<String, Option<Vec<u8>>>, Failure> {
        if blobs.is_empty() {
            return Ok(FxHashMap::default());
        }
        let list: String = blobs.iter().map(|blob| format!("{blob}\n")).collect();
        let mut child = command(&self.root, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| not_started(&error))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        // Git answers while it is asked.
        let found = std::thread::scope(|scope| {
            scope.spawn(|| input.map(|mut input| input.write_all(list.as_bytes())));
            contents_of(&mut BufReader::new(output?), blobs.len(), LARGEST)
        });
        let ended = child.wait();
        found.filter(|_| ended.is_ok()).ok_or_else(|| {
            let root = self.root.display();
            let advice = format!("nothing is fetched from here: `git diff {revision}` does so");
            Failure::new(format!("--since: git has not all files of `{revision}` in {root}; {advice}"))
        })
    }
}

/// What `cat-file --batch` answers to so many questions; `None` if something is missing.
fn contents_of(output: &mut impl BufRead, count: usize, largest: u64) -> Option<FxHashMap<String, Option<Vec<u8>>>> {
    let mut contents = FxHashMap::default();
    for _ in 0..count {
        let mut head = String::new();
        output.read_line(&mut head).ok()?;
        let mut words = head.split_whitespace();
        let (blob, "blob", size) = (words.next()?, words.next()?, words.next()?.parse::<u64>().ok()?) else {
            return None;
        };
        // A line ends each.
        let mut rest = output.by_ref().take(size.checked_add(1)?);
        let content = if size > largest {
            std::io::copy(&mut rest, &mut std::io::sink()).ok()?;
            None
        } else {
            let mut content = Vec::new();
            rest.read_to_end(&mut content).ok()?;
            content.truncate(usize::try_from(size).ok()?);
            Some(content)
        };
        contents.insert(blob.to_owned(), content);
    }
    Some(contents)
}

/// The files of a tree: `100644 blob 1f2e...`, a tab and the path, each ended by a zero. Links and submodules are none.
fn blobs_of(tree: &[u8]) -> FxHashMap<PathBuf, String> {
    let entry = |entry: &[u8]| {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let head = std::str::from_utf8(&entry[..tab]).ok()?;
        let blob = head.strip_prefix("100644 blob ").or_else(|| head.strip_prefix("100755 blob "))?;
        Some((path_of(&entry[tab + 1..]), blob.to_owned()))
    };
    tree.split(|byte| *byte == 0).filter_map(entry).collect()
}

/// New names and old ones: `R100`, the old and the new, each ended by a zero.
fn renames_of(status: &[u8]) -> FxHashMap<PathBuf, PathBuf> {
    let parts: Vec<&[u8]> = status.split(|byte| *byte == 0).collect();
    parts.chunks_exact(3).map(|parts| (path_of(parts[2]), path_of(parts[1]))).collect()
}

/// Of the environment, what leads git elsewhere than to the repository that a file lies in, or has it start a program.
const UNSET: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Git in a repository, with all that the repository may name for it to run turned off: monitors and hooks, and what fetches
/// content that is missing.
fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("--no-pager").arg("-C").arg(root);
    command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).args(arguments);
    for name in UNSET {
        command.env_remove(name);
    }
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
    // Git before 2.45 knows nothing of the above; no protocol has this name.
    command.env("GIT_ALLOW_PROTOCOL", "none");
    command
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::new(format!("`--since` needs git, which cannot be started: {error}"))
}

/// Runs git; the inner error is what it complains of.
fn git(root: &Path, arguments: &[&str]) -> Result<Result<Vec<u8>, String>, Failure> {
    let output = command(root, arguments).stdin(Stdio::null()).output().map_err(|error| not_started(&error))?;
    let complaint = || String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("nothing").to_owned();
    Ok(if output.status.success() { Ok(output.stdout) } else { Err(complaint()) })
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
    use crate::source::Language;

    #[test]
    fn a_tree_tells_what_git_calls_the_contents() {
        let entries =
            ["100644 blob aa\tx.py", "120000 blob bb\tlink.py", "160000 commit cc\tsub", "100755 blob dd\ta\tb ä.py"];
        let tree = entries.map(|entry| format!("{entry}\0")).concat();
        let blobs = blobs_of(tree.as_bytes());
        assert_eq!(blobs.get(Path::new("x.py")).map(String::as_str), Some("aa"));
        assert_eq!(blobs.get(Path::new("a\tb ä.py")).map(String::as_str), Some("dd"));
        assert_eq!(blobs.len(), 2);
        let renamed = renames_of(b"R100\0a.py\0b/c.py\0R090\0d.py\0e.py\0");
        assert_eq!(renamed.get(Path::new("b/c.py")), Some(&PathBuf::from("a.py")));
        assert_eq!(renamed.len(), 2);
    }

    #[test]
    fn contents_are_read_one_after_another() {
        let read = |text: &str, count: usize| contents_of(&mut text.as_bytes(), count, 5);
        let contents = read("aa blob 3\nx\ny\nbb blob 0\n\n", 2).expect("all there");
        assert_eq!(contents["aa"].as_deref(), Some(b"x\ny".as_slice()));
        assert_eq!(contents["bb"].as_deref(), Some(b"".as_slice()));
        assert_eq!(read("aa missing\n", 1), None);
        assert_eq!(read("", 1), None);
        let contents = read("aa blob 6\nlarger\nbb blob 1\ny\n", 2).expect("all there");
        assert_eq!((&contents["aa"], contents["bb"].as_deref()), (&None, Some(b"y".as_slice())));
    }

    #[test]
    fn lines_that_are_new_are_told() {
        let new = |old: &str, text: &str| {
            new_lines(old.as_bytes(), &Source::new("a.py", Language::Python, text), Kind::Python)
        };
        assert_eq!(new("a\r\nb\r\n", "a\nb\n"), Changed::Lines(vec![]));
        assert_eq!(new("a\nb\n", "x\na\ny\nz\nb\n"), Changed::Lines(vec![(1, 1), (3, 4)]));
        assert_eq!(new("a\nb\nc\n", "a\nc\n"), Changed::Lines(vec![]));
    }
}
