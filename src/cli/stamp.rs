//! How a file or folder was when it was looked at, told without reading it.

use std::fs::Metadata;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nothing, for what is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// In bytes.
    pub size: u64,
    /// In nanoseconds since 1970. Programs that copy set it as they like.
    pub changed: u64,
    /// What nobody can set: when anything about the file was changed, and which file it is, as far as the system tells.
    kept: (u64, u64),
}

/// File systems tell times apart by this much, in nanoseconds: a file changed so shortly before it was read may have been
/// changed again since without a sign.
const GRAIN: u64 = 2_000_000_000;

impl Stamp {
    pub fn of(path: &Path) -> Self {
        let Ok(metadata) = std::fs::metadata(path) else { return Self::default() };
        let changed = metadata.modified().map_or(0, nanoseconds);
        Self { size: metadata.len(), changed, kept: kept(&metadata) }
    }

    /// There is something.
    pub fn exists(&self) -> bool {
        *self != Self::default()
    }

    /// Nothing has been changed since a run that began then, and that found it in the other state.
    pub fn is_still(&self, other: &Self, begun: u64) -> bool {
        self == other && self.latest().saturating_add(GRAIN) < begun
    }

    /// The last change that can be seen, in nanoseconds since 1970.
    pub fn latest(&self) -> u64 {
        self.changed.max(self.kept.0)
    }
}

#[cfg(unix)]
fn kept(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let rest = u64::try_from(metadata.ctime_nsec()).unwrap_or(0);
    (seconds.saturating_mul(1_000_000_000).saturating_add(rest), metadata.ino())
}

/// Elsewhere a file that takes the place of another can be told by when it was made.
#[cfg(not(unix))]
fn kept(metadata: &Metadata) -> (u64, u64) {
    (metadata.created().map_or(0, nanoseconds), 0)
}

/// Nanoseconds since 1970.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX))
}
