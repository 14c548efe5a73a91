//! Every folder in `fixtures/` is a small project and a test: what the analysis finds in it, with the evidence of each
//! finding, is what its `expected.txt` says, no more and no less.
//!
//! A line names a place and a rule; below it, indented, stand the places of the evidence, from the first callee to where
//! the effect is:
//!
//! ```text
//! src/shop/views.py:12: blocking-file
//!     src/shop/settings.py:9
//!     src/shop/files.py:5
//! ```
//!
//! The files are analysed together, in the profile `recommended`, with paths as seen from the folder. `expected.txt` is
//! written by hand: it says what is right, not what came out.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use asynclint::analysis::{Input, Outcome, analyze_in};
use asynclint::finding::Place;
use asynclint::knowledge::Knowledge;
use asynclint::packages::{Extension, Manifest, Surroundings};
use asynclint::rules::{Profile, RuleSet};
use asynclint::source::{Language, Source};
use datatest_stable::Utf8Path;

datatest_stable::harness! {
    { test = fixture, root = "fixtures", pattern = r"^[^/]+/expected\.txt$" },
}

fn fixture(path: &Utf8Path, expected: String) -> datatest_stable::Result<()> {
    let folder = path.parent().ok_or("a fixture is a folder")?;
    let mut sources = Vec::new();
    let mut surroundings = Surroundings::default();
    read(folder.as_std_path(), folder.as_std_path(), &mut sources, &mut surroundings)?;
    let surroundings = Arc::new(surroundings);
    let rules = RuleSet::of_profile(Profile::Recommended);
    let inputs = |sources: &[Source], all: bool| {
        let relevant = |it: &Source| all || asynclint::discover::can_matter(it.language, &it.text);
        let input = |it: &Source| Input { source: it.clone(), rules: rules.clone(), relevant: relevant(it) };
        sources.iter().map(input).collect()
    };
    let outcome = analyze_in(inputs(&sources, true), Knowledge::default(), Arc::clone(&surroundings));
    let got = render(&outcome);
    if got != expected {
        return Err(difference(&expected, &got).into());
    }
    // It must not matter that files are lowered only when something leads to them.
    let on_demand = render(&analyze_in(inputs(&sources, false), Knowledge::default(), Arc::clone(&surroundings)));
    if on_demand != expected {
        return Err(format!("with files lowered on demand:\n{}", difference(&expected, &on_demand)).into());
    }
    // The order in which files come must not matter.
    sources.reverse();
    let again = render(&analyze_in(inputs(&sources, true), Knowledge::default(), Arc::clone(&surroundings)));
    if again != expected {
        return Err(format!("with the files in another order:\n{}", difference(&expected, &again)).into());
    }
    Ok(())
}

/// All sources and manifests below the folder, by path.
fn read(
    root: &Path,
    folder: &Path,
    sources: &mut Vec<Source>,
    surroundings: &mut Surroundings,
) -> Result<(), Box<dyn std::error::Error>> {
    let inside = Utf8Path::from_path(folder.strip_prefix(root)?).ok_or("names of fixtures are plain")?;
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    surroundings.extensions.extend(Extension::of(inside, text));
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            read(root, &path, sources, surroundings)?;
            continue;
        }
        if path.ends_with("Cargo.toml") {
            let manifest = Manifest::parse(inside.as_str(), &std::fs::read_to_string(&path)?)?;
            surroundings.manifests.push(manifest);
            continue;
        }
        // Type stubs are no code, there as here.
        let language = match path.extension().and_then(|it| it.to_str()) {
            Some("py") => Language::Python,
            Some("rs") => Language::Rust,
            _ => continue,
        };
        let text = std::fs::read_to_string(&path)?;
        let inside = path.strip_prefix(root).expect("it is below the root");
        let name = inside.to_str().expect("names of fixtures are plain").replace('\\', "/");
        sources.push(Source::new(name, language, text));
    }
    Ok(())
}

fn render(outcome: &Outcome) -> String {
    let place = |at: &Place| {
        let source = outcome.project.source(at.file);
        format!("{}:{}", source.path, source.line_of(at.span.start) + 1)
    };
    let mut entries = Vec::new();
    for file in outcome.project.group().iter().copied() {
        let source = outcome.project.source(file);
        for error in &outcome.project.model(file).errors {
            let line = source.line_of(error.span.start);
            entries.push((source.path.clone(), line, format!("{}:{}: {}\n", source.path, line + 1, error.message)));
        }
    }
    for finding in &outcome.findings {
        let source = outcome.project.source(finding.place.file);
        let mut text = format!("{}: {}\n", place(&finding.place), finding.rule.name);
        for step in &finding.trace {
            let _ = writeln!(text, "    {}", place(&step.place));
        }
        entries.push((source.path.clone(), source.line_of(finding.place.span.start), text));
    }
    entries.sort();
    entries.into_iter().map(|(_, _, text)| text).collect()
}

/// Whole findings that are missing or wrong, each with its evidence.
fn difference(expected: &str, got: &str) -> String {
    let (expected, got) = (blocks(expected), blocks(got));
    let mut text = String::new();
    for (what, these, those) in [("missing", &expected, &got), ("wrong", &got, &expected)] {
        for block in these {
            let count = |of: &[String]| of.iter().filter(|it| *it == block).count();
            if count(these) > count(those) {
                let _ = writeln!(text, "{what}: {block}");
            }
        }
    }
    text
}

fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.push('\n');
                last.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks
}
