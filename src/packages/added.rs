//! What an environment has besides its own folders: what its `.pth` files add, packages under development above all.

use std::path::{Path, PathBuf};

use crate::discover::manifest_text;

/// A `.pth` file longer than this holds no plain paths.
const LONGEST_LIST: u64 = 64 * 1024;

/// What adds to a `site-packages`: its `.pth` files, and the finders that they may speak of.
pub(super) fn lists(site: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(site).into_iter().flatten().flatten().map(|it| it.path());
    let is_finder =
        |it: &Path| it.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with("__editable__"));
    entries.filter(move |it| has_ending(it, "pth") || is_finder(it) && has_ending(it, "py"))
}

/// What can be imported as if it were installed.
pub(super) enum Added {
    Folder(PathBuf),
    Package { name: String, place: PathBuf },
}

/// What the `.pth` files of a `site-packages` add: their lines that are plain paths, and the packages of the finders that
/// setuptools makes for projects under development. Code is not run.
pub(super) fn added(site: &Path) -> Vec<Added> {
    let mut lists: Vec<PathBuf> = lists(site).filter(|it| has_ending(it, "pth")).collect();
    lists.sort();
    let mut found = Vec::new();
    for list in lists {
        if !std::fs::metadata(&list).is_ok_and(|it| it.is_file() && it.len() <= LONGEST_LIST) {
            continue;
        }
        let text = manifest_text(&list).unwrap_or_default();
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim_end) {
            let is_path = !line.is_empty() && !line.starts_with(['#', ' ', '\t']);
            if is_path && !line.starts_with("import ") && !line.starts_with("import\t") {
                found.push(Added::Folder(site.join(line)));
            } else if let Some(finder) = line.strip_prefix("import ").and_then(|it| it.split(';').next()) {
                found.extend(mapped(site, finder.trim()));
            }
        }
    }
    found
}

/// The packages that a finder of setuptools knows: `MAPPING: dict[str, str] = {'kit': '/projects/kit'}`.
fn mapped(site: &Path, finder: &str) -> Vec<Added> {
    let is_one = finder.starts_with("__editable__") && finder.chars().all(|it| it == '_' || it.is_ascii_alphanumeric());
    let text =
        if is_one { manifest_text(site.join(format!("{finder}.py"))).unwrap_or_default() } else { String::new() };
    let Some((_, mapping)) = text.lines().find_map(|line| line.strip_prefix("MAPPING")?.split_once('{')) else {
        return Vec::new();
    };
    let texts = quoted(mapping);
    let one = |it: &[String]| Added::Package { name: it[0].clone(), place: PathBuf::from(&it[1]) };
    texts.chunks_exact(2).map(one).collect()
}

/// The strings on a line that a program has written, one after another.
fn quoted(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line.chars();
    while let Some(quote) = rest.find(|it| matches!(it, '\'' | '"')) {
        let mut text = String::new();
        while let Some(it) = rest.next().filter(|it| *it != quote) {
            text.extend(if it == '\\' { rest.next() } else { Some(it) });
        }
        found.push(text);
    }
    found
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|it| it == ending)
}
