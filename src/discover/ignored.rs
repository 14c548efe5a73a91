//! What `.gitignore`, `.ignore` and git's own lists leave out.
//!
//! The files are read here and not by the walker of the crate `ignore`, which waits for ever on a pipe of such a name, and for
//! which the first line that is not Unicode is the last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::read::{bytes, manifest_text};

/// In bytes; git's own limit is 100 MB.
const LARGEST: u64 = 16 << 20;

/// The ignore files of a folder, and of those above it.
pub(super) struct Folder {
    above: Option<Arc<Folder>>,
    /// `.ignore`.
    own: Option<Gitignore>,
    /// `.gitignore`.
    git: Option<Gitignore>,
    /// Of a repository: what is kept in it and not checked in.
    exclude: Option<Gitignore>,
    is_repository: bool,
}

impl Folder {
    /// A folder (absolute, links followed) below another.
    pub fn below(above: Option<Arc<Self>>, folder: &Path) -> Arc<Self> {
        let repository = folder.join(".git");
        let is_repository = repository.exists();
        let exclude = || patterns(folder, &common_folder(&repository).join("info/exclude"));
        Arc::new(Self {
            above,
            own: patterns(folder, &folder.join(".ignore")),
            git: patterns(folder, &folder.join(".gitignore")),
            exclude: is_repository.then(exclude).flatten(),
            is_repository,
        })
    }

    /// The folders above one (absolute, links followed), from the outermost in.
    pub fn above(folder: &Path) -> Option<Arc<Self>> {
        folder.parent().map(|parent| Self::below(Self::above(parent), parent))
    }

    /// What lies in the folder is left out. Of two patterns of one kind the nearer holds; what git leaves out ends with the
    /// repository.
    pub fn ignores(&self, path: &Path, is_folder: bool, everywhere: &Gitignore) -> bool {
        let (mut own, mut git, mut exclude) = (Match::None, Match::None, Match::None);
        let mut in_repository = true;
        let mut next = Some(self);
        while let Some(folder) = next {
            let ask = |found: &mut Match<()>, patterns: &Option<Gitignore>| {
                if let Some(patterns) = patterns.as_ref().filter(|_| found.is_none()) {
                    *found = patterns.matched(path, is_folder).map(|_| ());
                }
            };
            ask(&mut own, &folder.own);
            if in_repository {
                ask(&mut git, &folder.git);
                ask(&mut exclude, &folder.exclude);
            }
            in_repository &= !folder.is_repository;
            next = folder.above.as_deref();
        }
        let everywhere = || everywhere.matched(path, is_folder).map(|_| ());
        let said = own.or(git).or(exclude);
        if said.is_none() { everywhere().is_ignore() } else { said.is_ignore() }
    }
}

/// Some ignore file above the folder says that it does not count.
pub(super) fn is_ignored(folder: &Path) -> bool {
    for above in folder.ancestors().skip(1) {
        let says = |name: &str| {
            let patterns = patterns(above, &above.join(name));
            patterns.map_or(Match::None, |it| it.matched_path_or_any_parents(folder, true).map(|_| ()))
        };
        if says(".ignore").or(says(".gitignore")).is_ignore() {
            return true;
        }
        if above.join(".git").exists() {
            return false;
        }
    }
    false
}

/// The patterns that a file holds, for what lies in a folder. A line that cannot be read counts for nothing, as it does for git.
fn patterns(folder: &Path, file: &Path) -> Option<Gitignore> {
    let text = bytes(file, LARGEST).ok()?;
    let mut builder = GitignoreBuilder::new(folder);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    for line in text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        let _ = builder.add_line(None, line.strip_suffix('\r').unwrap_or(line));
    }
    builder.build().ok().filter(|it| !it.is_empty())
}

/// Where a repository keeps what its work trees share: `.git`, or what a file of that name leads to.
fn common_folder(repository: &Path) -> PathBuf {
    let leads_to = |file: &Path, prefix: &str| {
        let text = manifest_text(file).ok()?;
        Some(file.parent()?.join(text.strip_prefix(prefix)?.trim()))
    };
    let own = leads_to(repository, "gitdir:").unwrap_or_else(|| repository.to_owned());
    leads_to(&own.join("commondir"), "").unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_says_whether_and_git_ends_with_the_repository() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = super::super::real_path(folder.path());
        let write = |path: &str, text: &[u8]| {
            let file = root.join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).and_then(|()| std::fs::write(file, text))
        };
        write(".gitignore", b"*.py\n")?;
        write(".ignore", b"/repository/own.py\n")?;
        write("repository/.gitignore", b"\xef\xbb\xbf# first\r\n\xff\xfe\n/gen/\r\n*_pb2.py\n")?;
        write("repository/.git/info/exclude", b"mine/\n")?;
        write("repository/a/.gitignore", b"!kept_pb2.py\n")?;
        write("tree/.git", b"gitdir: ../repository/.git/worktrees/tree\n")?;
        write("repository/.git/worktrees/tree/commondir", b"../..\n")?;
        let ignores = |path: &str, is_folder: bool| {
            let path = root.join(path);
            Folder::above(&path).is_some_and(|it| it.ignores(&path, is_folder, &Gitignore::empty()))
        };
        assert!(ignores("repository/gen", true) && ignores("repository/mine", true) && ignores("tree/mine", true));
        assert!(ignores("repository/x_pb2.py", false) && ignores("repository/own.py", false));
        assert!(!ignores("repository/gen", false) && !ignores("repository/x.py", false));
        assert!(!ignores("repository/a/kept_pb2.py", false) && ignores("repository/a/x_pb2.py", false));
        assert!(ignores("x.py", false));
        assert!(is_ignored(&root.join("repository/gen/deep")) && !is_ignored(&root.join("repository/a")));
        write("repository/.ignore", b"!gen\n")?;
        assert!(!is_ignored(&root.join("repository/gen/deep")));
        Ok(())
    }
}
