//! Modules that open one another, however many: what is found hangs on none of the ways around, and neither does the time.

use std::fmt::Write as _;
use std::sync::Arc;

use asynclint::analysis::{Input, Outcome, analyze_in};
use asynclint::knowledge::Knowledge;
use asynclint::packages::{Manifest, Surroundings};
use asynclint::rules::{Profile, RuleSet};
use asynclint::source::{Language, Source};

/// More than are gone through one by one for a name.
const MODULES: usize = 60;

/// The places of the findings, as `file:line`.
fn found(sources: Vec<Source>, manifests: Vec<Manifest>) -> Vec<String> {
    let surroundings = Arc::new(Surroundings { manifests, ..Surroundings::default() });
    let rules = RuleSet::of_profile(Profile::Recommended);
    let inputs = sources.into_iter().map(|source| Input { source, rules: rules.clone(), relevant: true });
    let outcome: Outcome = analyze_in(inputs.collect(), Knowledge::default(), surroundings);
    let place = |finding: &asynclint::finding::Finding| {
        let source = outcome.project.source(finding.place.file);
        format!("{}:{}", source.path, source.line_of(finding.place.span.start) + 1)
    };
    let mut places: Vec<String> = outcome.findings.iter().map(place).collect();
    places.sort();
    places
}

/// Every module opens all others; one name is nowhere, and one is in two of them.
#[test]
fn python_modules_that_open_one_another() {
    let mut sources = vec![Source::new("kit/__init__.py".to_owned(), Language::Python, String::new())];
    let mut expected = Vec::new();
    for module in 0..MODULES {
        let mut text = String::from("import time\n");
        for other in (0..MODULES).filter(|it| *it != module) {
            let _ = writeln!(text, "from .m{other} import *");
        }
        let next = (module + 7) % MODULES;
        let _ = writeln!(text, "def load{module}(): time.sleep(1)");
        let _ = writeln!(text, "async def main{module}():\n    load{next}()\n    missing{module}(print)");
        expected.push(format!("kit/m{module}.py:{}", MODULES + 3));
        sources.push(Source::new(format!("kit/m{module}.py"), Language::Python, text));
    }
    expected.sort();
    assert_eq!(found(sources, Vec::new()), expected);
}

#[test]
fn rust_modules_that_open_one_another() -> Result<(), Box<dyn std::error::Error>> {
    let mut root = String::new();
    let mut sources = Vec::new();
    let mut expected = Vec::new();
    for module in 0..MODULES {
        let _ = writeln!(root, "mod m{module};");
        let mut text = String::new();
        for other in (0..MODULES).filter(|it| *it != module) {
            let _ = writeln!(text, "pub use crate::m{other}::*;");
        }
        let next = (module + 7) % MODULES;
        let _ = writeln!(text, "pub fn load{module}() {{ std::fs::read(\"x\").unwrap(); }}");
        let _ = writeln!(text, "pub async fn main{module}() {{");
        let _ = writeln!(text, "    load{next}();\n    missing{module}();\n    twice();\n}}");
        if module < 2 {
            let _ = writeln!(text, "pub fn twice() {{}}");
        }
        expected.push(format!("src/m{module}.rs:{}", MODULES + 2));
        sources.push(Source::new(format!("src/m{module}.rs"), Language::Rust, text));
    }
    sources.push(Source::new("src/lib.rs".to_owned(), Language::Rust, root));
    expected.sort();
    let manifest = Manifest::parse("", "[package]\nname = \"ring\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")?;
    assert_eq!(found(sources, vec![manifest]), expected);
    Ok(())
}
