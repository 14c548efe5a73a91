//! What vouches for installed files that they are of a released package, as it came: its *seal*, which is what the installer has written
//! last. It tells the package's name and version, or what is in it at that version. What was changed later was changed in place.

use std::path::{Path, PathBuf};

use super::distributions::module_in;
use crate::discover::manifest_text;

/// What a seal says, however the package was installed: of a distribution of Python the modules and their hashes, without
/// what is made at the place.
pub fn sealed(seal: &Path) -> Option<String> {
    let text = manifest_text(seal).ok()?;
    if !seal.ends_with("RECORD") {
        return Some(text);
    }
    let mut lines: Vec<&str> = text.lines().filter(|line| module_in(line).is_some()).collect();
    lines.sort_unstable();
    Some(lines.join("\n"))
}

/// What stands for a text or a file, wherever it lies.
pub fn digest(bytes: &[u8]) -> u128 {
    let hash = blake3::hash(bytes);
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().unwrap_or_default())
}

/// What says that the folder holds a crate as it was released: Cargo writes the first when a package of a registry is unpacked, and
/// the second, which has the hashes of its files, for `vendor`.
pub(super) fn seal_of_crate(folder: &Path) -> Option<PathBuf> {
    [".cargo-ok", ".cargo-checksum.json"].map(|name| folder.join(name)).into_iter().find(|it| it.is_file())
}
