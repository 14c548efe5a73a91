//! Known findings: those that were there when somebody drew a line, and that stay quiet until they are mended.
//!
//! An entry is what a finding says of its place: the rule, the file, the function and the line's code. It survives moved
//! lines, and a new finding never hides behind an old one that is gone, as it would if findings were counted.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::finding::{FileId, Finding, Sources};
use crate::source::Language;

/// One known finding. The same code twice in one function makes two equal entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative to the baseline's folder, with `/`.
    pub path: String,
    pub rule: String,
    pub function: String,
    /// The line, without remarks and without white space that is a formatter's business.
    pub code: String,
}

impl Entry {
    /// The entry of a finding; `path` is its file's as baselines write it.
    pub fn of(sources: &dyn Sources, finding: &Finding, path: String) -> Self {
        let source = sources.source(finding.place.file);
        let line = source.line_text(source.line_of(finding.place.span.start));
        let code = plain(line, source.language);
        Self { path, rule: finding.rule.name.to_owned(), function: finding.function.clone(), code }
    }
}

/// A line of code without what its finding is not about: a formatter's spacing and somebody's remark.
///
/// What is plain already stays as it is. A line out of the middle of a long string may be taken for code: it comes to the same
/// each time.
fn plain(line: &str, language: Language) -> String {
    let is_rust = language == Language::Rust;
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let mut out = String::with_capacity(line.len());
    // The quote that a string began with.
    let mut string = None;
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let blank = first.is_whitespace();
        let mut taken = first.len_utf8();
        if blank {
            taken = rest.len() - rest.trim_start().len();
            let next = rest[taken..].chars().next();
            let parts = out.chars().next_back().is_some_and(is_word) && next.is_some_and(is_word);
            if parts || (string.is_some() && next.is_some()) {
                out.push(' ');
            }
        } else if string.is_some() {
            if first == '\\' {
                taken += rest[1..].chars().next().map_or(0, char::len_utf8);
            } else if string == Some(first) {
                string = None;
            }
        } else if rest.starts_with(if is_rust { "//" } else { "#" }) {
            break;
        } else if is_rust && rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
            continue;
        } else if let Some(quoted) = ["'\"'", "'\\\"'"].into_iter().find(|it| is_rust && rest.starts_with(it)) {
            taken = quoted.len();
        } else if first == '"' || (first == '\'' && !is_rust) {
            string = Some(first);
        }
        if !blank {
            out.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    out
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
        for entry in &mut entries {
            let language = if entry.path.ends_with(".rs") { Language::Rust } else { Language::Python };
            entry.code = plain(&entry.code, language);
        }
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

    /// Tells new findings from known ones, which come second. `path` gives a file's path as baselines write it. Also given: the
    /// entries that no finding has.
    pub fn split(
        &self,
        sources: &dyn Sources,
        findings: Vec<Finding>,
        path: impl Fn(FileId) -> String,
    ) -> (Vec<Finding>, Vec<Finding>, Vec<Entry>) {
        let mut left: FxHashMap<&Entry, usize> = FxHashMap::default();
        for entry in &self.entries {
            *left.entry(entry).or_default() += 1;
        }
        let (known, new) = findings.into_iter().partition(|finding| {
            let entry = Entry::of(sources, finding, path(finding.place.file));
            match left.get_mut(&entry) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    true
                }
                _ => false,
            }
        });
        let mut stale: Vec<Entry> =
            left.into_iter().flat_map(|(entry, count)| std::iter::repeat_n(entry.clone(), count)).collect();
        stale.sort();
        (new, known, stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_and_remarks_are_not_in_an_entry() {
        let same = |language: Language, plain_line: &str, lines: &[&str]| {
            for line in lines.iter().chain([&plain_line]) {
                assert_eq!(plain(line, language), plain_line, "{line}");
            }
        };
        let python = [" time.sleep( 1 )", "time.sleep(1)  # why", "time . sleep(1)#", "\ttime.sleep(\u{a0}1)"];
        same(Language::Python, "time.sleep(1)", &python);
        same(Language::Python, "return await f(not x,'# a \\' b')", &["return  await f( not  x, '# a \\'  b' ) # c"]);
        same(
            Language::Rust,
            "let a=f(\"// b\",'\"');",
            &["let a = f(\"// b\", '\"'); // c", "let a /* b */ = f(\"// b\" , '\"');"],
        );
        assert_ne!(plain("a b", Language::Python), plain("ab", Language::Python));
        assert_eq!(plain("# a", Language::Python), "");
    }

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
