//! Known findings: those that were there when somebody drew a line, and that stay quiet until they are mended.
//!
//! An entry is what a finding says of its place: the rule, the file, the function and the line's code. It survives moved
//! lines, and a new finding never hides behind an old one that is gone, as it would if findings were counted.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::finding::{FileId, Finding, Sources};

/// One known finding. The same code twice in one function makes two equal entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative to the baseline's folder, with `/`.
    pub path: String,
    pub rule: String,
    pub function: String,
    /// The line, without white space around it and with single spaces in it.
    pub code: String,
}

impl Entry {
    /// The entry of a finding; `path` is its file's as baselines write it.
    pub fn of(sources: &dyn Sources, finding: &Finding, path: String) -> Self {
        let source = sources.source(finding.place.file);
        let line = source.line_text(source.line_of(finding.place.span.start));
        // A formatter's spacing and somebody's remark are not what the finding is about.
        let words: Vec<&str> = line.split_whitespace().collect();
        Self { path, rule: finding.rule.name.to_owned(), function: finding.function.clone(), code: words.join(" ") }
    }
}

/// A file of known findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    findings: Vec<Entry>,
}

const VERSION: u32 = 1;

impl Baseline {
    /// Sorted, so that the file changes where findings do.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort();
        Self { entries }
    }

    /// Reads the text of a baseline; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| format!("is not a baseline: {error}"))?;
        if document.version != VERSION {
            let version = document.version;
            return Err(format!("is a baseline of version {version}, and {VERSION} is known here; write it anew"));
        }
        Ok(Self::new(document.findings))
    }

    /// The text of the baseline: one entry a line, so that versions of it merge.
    pub fn to_text(&self) -> String {
        let lines = self.entries.iter().filter_map(|entry| serde_json::to_string(entry).ok());
        let lines: Vec<String> = lines.map(|line| format!("\n    {line}")).collect();
        let end = if lines.is_empty() { "" } else { "\n  " };
        format!("{{\n  \"version\": {VERSION},\n  \"findings\": [{}{end}]\n}}\n", lines.join(","))
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Tells new findings from known ones. `path` gives a file's path as baselines write it. Also given: the entries that
    /// no finding has.
    pub fn split(
        &self,
        sources: &dyn Sources,
        findings: Vec<Finding>,
        path: impl Fn(FileId) -> String,
    ) -> (Vec<Finding>, Vec<Entry>) {
        let mut left: FxHashMap<&Entry, usize> = FxHashMap::default();
        for entry in &self.entries {
            *left.entry(entry).or_default() += 1;
        }
        let mut findings = findings;
        findings.retain(|finding| {
            let entry = Entry::of(sources, finding, path(finding.place.file));
            match left.get_mut(&entry) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            }
        });
        let mut stale: Vec<Entry> =
            left.into_iter().flat_map(|(entry, count)| std::iter::repeat_n(entry.clone(), count)).collect();
        stale.sort();
        (findings, stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_read_as_it_is_written() {
        let entry = |code: &str| Entry {
            path: "app/db.py".to_owned(),
            rule: "blocking-file".to_owned(),
            function: "app.db.load".to_owned(),
            code: code.to_owned(),
        };
        for entries in [vec![], vec![entry("b()"), entry("a(\"x\")"), entry("b()")]] {
            let baseline = Baseline::new(entries);
            assert_eq!(Baseline::parse(&baseline.to_text()), Ok(baseline));
        }
        assert_eq!(Baseline::default().to_text(), "{\n  \"version\": 1,\n  \"findings\": []\n}\n");
        let error = Baseline::parse("{\"version\": 2, \"findings\": []}").expect_err("from the future");
        assert!(error.contains("version 2"), "{error}");
        assert!(Baseline::parse("[]").is_err());
    }
}
