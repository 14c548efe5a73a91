//! What vouches for installed files that they are of a released package, as it came: its *seal*, which is what the installer has written
//! last. It tells the package's name and version, or what is in it at that version. What was changed later was changed in place.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

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

/// The modules that a `RECORD` has a hash of, as paths from where it is installed.
/// <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>
pub(super) fn modules_in(record: &Path) -> FxHashSet<String> {
    let text = manifest_text(record).unwrap_or_default();
    text.lines().filter_map(module_in).map(str::to_owned).collect()
}

/// `httpx/_client.py` of `httpx/_client.py,sha256=…,65713`. What lies elsewhere, or has a name that needs quotes, is left out.
fn module_in(line: &str) -> Option<&str> {
    let (path, rest) = line.split_once(',')?;
    let is_module = path.ends_with(".py") && !path.starts_with(['.', '/', '"']);
    let hash = rest.split(',').next().and_then(|it| it.split_once('=')).map_or("", |it| it.1);
    (is_module && !hash.is_empty()).then_some(path)
}

/// What says that the folder holds a crate as it was released: Cargo writes the first when a package of a registry is unpacked, and
/// the second, which has the hashes of its files, for `vendor`.
pub(super) fn seal_of_crate(folder: &Path) -> Option<PathBuf> {
    [".cargo-ok", ".cargo-checksum.json"].map(|name| folder.join(name)).into_iter().find(|it| it.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_with_hashes_are_vouched_for() {
        assert_eq!(module_in("httpx/_client.py,sha256=EM93e4pv,65713"), Some("httpx/_client.py"));
        for line in [
            "httpx/_client.py,,",
            "httpx/__pycache__/_client.cpython-312.pyc,,",
            "httpx/_client.pyi,sha256=EM93e4pv,65713",
            "../../bin/tool.py,sha256=EM93e4pv,12",
            "/opt/tool.py,sha256=EM93e4pv,12",
            "\"a,b.py\",sha256=EM93e4pv,12",
            "httpx/_client.py",
            "",
        ] {
            assert_eq!(module_in(line), None, "{line}");
        }
    }
}
