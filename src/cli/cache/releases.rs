//! What is kept of released packages, one file for each: `packages/httpx-0.28.1-5f0c….known`, of whichever project or environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::around::Now;
use super::{content, content_around, used};
use crate::cli::stamp::{Stamp, nanoseconds};
use crate::project::Store;

/// The ending of their names.
pub(super) const ENDING: &str = "known";

/// How much of a file vouches for the rest, in bytes.
const SUM: usize = blake3::OUT_LEN;

pub(super) struct Releases {
    folder: PathBuf,
    /// What all that is found of a release hangs on besides what is installed: the program, and what the configuration says of functions.
    key: String,
    now: Arc<Now>,
    begun: SystemTime,
}

/// Where they are, in the folder of the cache.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join("packages")
}

impl Releases {
    pub fn new(cache: &Path, key: String, now: Arc<Now>, begun: SystemTime) -> Self {
        Self { folder: folder(cache), key, now, begun }
    }

    fn path(&self, label: &str, says: u128) -> PathBuf {
        let hash = blake3::hash(format!("{}\0{says}", self.key).as_bytes()).to_hex();
        let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_' | '+' | '!');
        let label: String = label.chars().map(|it| if is_plain(it) { it } else { '_' }).take(100).collect();
        self.folder.join(format!("{label}-{}.{ENDING}", &hash[..16]))
    }
}

impl Store for Releases {
    fn read(&self, label: &str, says: u128) -> Option<Vec<u8>> {
        let path = self.path(label, says);
        let bytes = std::fs::read(&path).ok()?;
        let (sum, rest) = bytes.split_at_checked(SUM)?;
        (blake3::hash(rest).as_bytes() == sum).then_some(())?;
        used(&path, self.begun);
        Some(rest.to_vec())
    }

    fn write(&self, label: &str, says: u128, entry: &[u8]) {
        if std::fs::create_dir_all(&self.folder).is_ok() {
            let sum = blake3::hash(entry);
            // A cache that cannot be written is no reason to stop.
            drop(crate::fix::replace_soon(&self.path(label, says), |out| {
                out.write_all(sum.as_bytes())?;
                out.write_all(entry)
            }));
        }
    }

    fn seal(&self, seal: &Path) -> Option<u128> {
        self.now.seal(seal.to_str()?).map(|it| it.1)
    }

    fn untouched(&self, file: &Path, seal: &Path) -> Option<u64> {
        let (now, latest) = (Stamp::of(file), Stamp::of(seal).latest());
        let is_same_seal = || seal.to_str().and_then(|it| self.now.seal(it)).is_some_and(|it| it.0 == latest);
        (now.exists() && now.latest() <= latest && is_same_seal()).then_some(now.size)
    }

    fn names_in(&self, folder: &Path) -> u128 {
        match Stamp::of(folder) {
            // What has changed since the run began is not what the run has seen, nor what it will ever be.
            now if now.latest() > nanoseconds(self.begun) => content(&format!("{:?}", self.begun)),
            _ if folder.is_dir() => content_around(folder, 0),
            _ => content(""),
        }
    }
}
