//! What holds the sources together and no compiler checks: who may import whom, where printing and parsing happen, how
//! messages are worded, that the README lists the rules there are, and that files stay short.

#[path = "support/below.rs"]
mod below;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use asynclint::analysis::{Input, analyze};
use asynclint::config::WITHOUT_RULE;
use asynclint::finding::Finding;
use asynclint::knowledge::Knowledge;
use asynclint::rules::{Profile, RULES, RuleSet};
use asynclint::source::{Language, Source};
use syn::visit::Visit;

/// The modules in the order of the flow, each with those it may import: only what stands before it.
const MODULES: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("discover", &["source"]),
    // What stands around the files: manifests, environments, crate sources.
    ("packages", &["source", "discover"]),
    ("model", &["source"]),
    ("finding", &["source"]),
    ("knowledge", &["source", "finding"]),
    // A front end lowers one file, looking at that file alone.
    ("python", &["source", "model"]),
    ("rust", &["source", "model"]),
    ("project", &["source", "model", "finding", "knowledge", "python", "rust", "discover", "packages"]),
    // No rule sees a parser.
    ("rules", &["source", "model", "finding", "knowledge", "project"]),
    ("analysis", &["source", "model", "finding", "knowledge", "project", "rules", "packages"]),
    ("config", &["source", "finding", "knowledge", "rules", "discover", "packages"]),
    ("suppress", &["source", "model", "finding", "project", "rules"]),
    (
        "session",
        &["source", "finding", "knowledge", "project", "rules", "analysis", "packages", "discover", "suppress"],
    ),
    ("fix", &["source", "finding", "knowledge", "project", "rules", "analysis", "suppress"]),
    ("report", &["source", "finding", "knowledge", "project", "rules", "analysis", "suppress", "fix"]),
    (
        "cli",
        &[
            "source",
            "model",
            "finding",
            "knowledge",
            "project",
            "rules",
            "analysis",
            "packages",
            "discover",
            "config",
            "suppress",
            "session",
            "fix",
            "report",
        ],
    ),
    ("main", &["cli"]),
];

/// Plain data that stands where it belongs and is spoken of before: who, from where, what.
const VOCABULARY: &[(&str, &str, &str)] = &[("finding", "rules", "Rule"), ("project", "rules", "RuleSet")];

/// Crates that only some modules may name.
const CRATES: &[(&str, &[&str])] = &[
    ("ruff_python_ast", &["python"]),
    ("ruff_python_parser", &["python"]),
    ("ruff_python_trivia", &["python"]),
    ("ruff_text_size", &["python"]),
    ("syn", &["rust"]),
    ("proc_macro2", &["rust"]),
    ("clap", &["cli", "config"]),
    ("miette", &["report", "cli"]),
    ("indicatif", &["cli"]),
];

/// Macros and functions that print or end the program, and who may use them.
const OUTWARD: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

const LONGEST_FILE: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    below::files(folder, &[ending], &mut found);
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string().replace('\\', "/")
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// One source file of the crate: the top-level module it is in and what it names.
struct Read {
    name: String,
    /// `a::b` for `src/a/b.rs`.
    path: Vec<String>,
    /// Paths that begin at the crate, from the module on: `["rules", "Rule"]`.
    inner: BTreeSet<Vec<String>>,
    /// First segments of all other paths, and macros as `name!`.
    outer: BTreeSet<String>,
}

impl Read {
    fn module(&self) -> &str {
        self.path.first().map_or("lib", String::as_str)
    }
}

fn sources() -> Vec<Read> {
    let folder = root().join("src");
    files(&folder, "rs")
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).expect("a readable source");
            let parsed = syn::parse_file(&text).expect("the crate compiles");
            let inside = file.strip_prefix(&folder).expect("it is below src").with_extension("");
            let mut path: Vec<String> =
                inside.components().map(|it| it.as_os_str().to_string_lossy().into_owned()).collect();
            if path.last().is_some_and(|it| it == "mod" || it == "lib") {
                path.pop();
            }
            let mut names = Names {
                module: path.clone(),
                read: Read { name: shown(&file), path, inner: BTreeSet::new(), outer: BTreeSet::new() },
            };
            names.visit_file(&parsed);
            names.read
        })
        .collect()
}

/// Collects what a file names. Modules written in place count as their file.
struct Names {
    module: Vec<String>,
    read: Read,
}

impl Names {
    fn note(&mut self, segments: &[String]) {
        let Some(first) = segments.first() else {
            return;
        };
        match first.as_str() {
            "crate" => {
                self.read.inner.insert(segments[1..].to_vec());
            }
            "super" => {
                let ups = segments.iter().take_while(|it| *it == "super").count();
                let kept = self.module.len().saturating_sub(ups);
                let mut path = self.module[..kept].to_vec();
                path.extend_from_slice(&segments[ups..]);
                self.read.inner.insert(path);
            }
            "self" => {}
            other => {
                self.read.outer.insert(other.to_owned());
            }
        }
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let mut path = before.to_vec();
        match tree {
            syn::UseTree::Path(it) => {
                path.push(it.ident.to_string());
                self.tree(&path, &it.tree);
            }
            syn::UseTree::Name(it) => {
                path.push(it.ident.to_string());
                self.note(&path);
            }
            syn::UseTree::Rename(it) => {
                path.push(it.ident.to_string());
                self.note(&path);
            }
            syn::UseTree::Glob(_) => {
                path.push("*".to_owned());
                self.note(&path);
            }
            syn::UseTree::Group(it) => it.items.iter().for_each(|each| self.tree(before, each)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        if segments.len() > 1 {
            self.note(&segments);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        if let Some(last) = it.path.segments.last() {
            self.read.outer.insert(format!("{}!", last.ident));
        }
        syn::visit::visit_macro(self, it);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(it) = &*call.func {
            let name: Vec<String> = it.path.segments.iter().map(|each| each.ident.to_string()).collect();
            if matches!(name.join("::").as_str(), "std::process::exit" | "process::exit" | "exit") {
                self.read.outer.insert("exit()".to_owned());
            }
        }
        syn::visit::visit_expr_call(self, call);
    }
}

#[test]
fn imports_point_backwards_along_the_flow() {
    let mut problems = Vec::new();
    for (index, (module, allowed)) in MODULES.iter().enumerate() {
        let before: Vec<&str> = MODULES[..index].iter().map(|(name, _)| *name).collect();
        for other in allowed.iter().filter(|it| !before.contains(it)) {
            problems.push(format!("`{module}` may import `{other}`, which does not stand before it"));
        }
    }
    let known: BTreeMap<&str, &[&str]> = MODULES.iter().copied().collect();
    let mut spoken = BTreeSet::new();
    for read in sources() {
        let module = read.module();
        if module == "lib" {
            continue;
        }
        let Some(allowed) = known.get(module) else {
            problems.push(format!("{}: where does `{module}` stand in the flow? (tests/tidy.rs)", read.name));
            continue;
        };
        for path in &read.inner {
            // A single segment below the crate is a macro or a name of lib.rs.
            let Some(other) = path.first().filter(|it| *it != module && known.contains_key(it.as_str())) else {
                continue;
            };
            let item = path.get(1).map_or("", String::as_str);
            if let Some(word) = VOCABULARY.iter().find(|it| **it == (module, other.as_str(), item)) {
                spoken.insert(*word);
            } else if !allowed.contains(&other.as_str()) {
                problems.push(format!("{}: `{module}` does not import `{}`", read.name, path.join("::")));
            }
        }
    }
    for word in VOCABULARY.iter().filter(|it| !spoken.contains(*it)) {
        problems.push(format!("{word:?} is no longer needed in tests/tidy.rs"));
    }
    report(&problems);
}

#[test]
fn parsers_printing_and_exits_keep_their_places() {
    let mut problems = Vec::new();
    for read in sources() {
        let module = read.module();
        for (name, allowed) in CRATES {
            if read.outer.contains(*name) && !allowed.contains(&module) {
                problems.push(format!("{}: `{name}` belongs to {allowed:?}", read.name));
            }
        }
        if !matches!(module, "cli" | "main") {
            for name in OUTWARD.iter().filter(|it| read.outer.contains(&format!("{it}!"))) {
                problems.push(format!("{}: the library does not print (`{name}!`)", read.name));
            }
            if read.outer.contains("exit()") {
                problems.push(format!("{}: the library does not exit", read.name));
            }
        }
    }
    report(&problems);
}

#[test]
fn files_stay_short() {
    let mut problems = Vec::new();
    let mut count = 0;
    for folder in ["src", "tests", "benches", "runtime"] {
        for file in files(&root().join(folder), "rs") {
            let lines = std::fs::read_to_string(&file).expect("a readable source").lines().count();
            count += 1;
            if lines > LONGEST_FILE {
                problems.push(format!("{}: {lines} lines, more than {LONGEST_FILE}", shown(&file)));
            }
        }
    }
    assert!(count > 20, "the sources are not where they are looked for");
    report(&problems);
}

#[test]
fn rules_have_pages_and_files_of_their_name() {
    let mut problems = Vec::new();
    let names: BTreeSet<&str> = RULES.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), RULES.len(), "two rules have one name");
    for rule in RULES {
        let plain = |it: char| it.is_ascii_lowercase() || it == '-';
        if !rule.name.chars().all(plain) {
            problems.push(format!("`{}` is not in kebab-case", rule.name));
        }
        let page = root().join("rules").join(format!("{}.md", rule.name));
        if std::fs::read_to_string(&page).ok().as_deref() != Some(rule.page) {
            problems.push(format!("`{}` shows another page than {}", rule.name, shown(&page)));
        }
        let code = root().join("src/rules").join(format!("{}.rs", rule.name.replace('-', "_")));
        if !code.is_file() {
            problems.push(format!("`{}` has no file {}", rule.name, shown(&code)));
        }
        for heading in ["\n## Limits\n", "\n## Configuration\n", "\n## Cases\n"] {
            if !rule.page.contains(heading) {
                problems.push(format!("rules/{}.md: no `{}`", rule.name, heading.trim()));
            }
        }
    }
    for page in files(&root().join("rules"), "md") {
        let stem = page.file_stem().expect("it has a name").to_string_lossy().into_owned();
        if stem != "README" && !names.contains(stem.as_str()) {
            problems.push(format!("{}: no rule has this page", shown(&page)));
        }
    }
    report(&problems);
}

/// What the README shows between its markers.
fn rule_table() -> String {
    let mut text = "| Rule | In | Profile | What it reports |\n|---|---|---|---|\n".to_owned();
    for rule in RULES {
        let languages = rule.languages.iter().map(|it| match it {
            Language::Python => "Python",
            Language::Rust => "Rust",
        });
        let languages: Vec<&str> = languages.collect();
        let title = rule.page.lines().next().unwrap_or_default().trim_start_matches("# ");
        let _ = writeln!(
            text,
            "| [`{name}`](rules/{name}.md) | {} | {} | {title} |",
            languages.join(", "),
            rule.profile.name(),
            name = rule.name
        );
    }
    text
}

/// Other linters' codes, and what stands for them.
fn code_table() -> String {
    let codes: BTreeSet<&str> = RULES.iter().flat_map(|rule| rule.aliases.iter().copied()).collect();
    let mut text = "| Their code | Rule here |\n|---|---|\n".to_owned();
    for code in codes {
        let rules = RULES.iter().filter(|rule| rule.aliases.contains(&code));
        let rules: Vec<String> = rules.map(|rule| format!("`{}`", rule.name)).collect();
        let _ = writeln!(text, "| `{code}` | {} |", rules.join(", "));
    }
    text
}

/// Those that nothing stands for.
fn table_without_rules() -> String {
    let mut text = "| Their code | Why |\n|---|---|\n".to_owned();
    for (code, why) in WITHOUT_RULE {
        let _ = writeln!(text, "| `{code}` | {why} |");
    }
    text
}

#[test]
fn the_readme_lists_the_rules_and_the_codes_of_others() {
    let Ok(text) = std::fs::read_to_string(root().join("README.md")) else {
        return;
    };
    let tables = [("rules", rule_table()), ("codes", code_table()), ("without", table_without_rules())];
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
        let listed = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
        assert_eq!(
            listed.map(|(listed, _)| listed.trim()),
            Some(table.trim()),
            "README.md holds, between `{begin}` and `{end}`, this table and no other:\n{table}"
        );
    }
}

/// Why a message is not worded as all others are.
fn wording(text: &str) -> Option<&'static str> {
    if text.trim() != text || text.is_empty() {
        return Some("is empty or has space around it");
    }
    if text.contains('\n') {
        return Some("has more than one line");
    }
    if text.ends_with(['.', '!', ':', ',', ';']) {
        return Some("ends with a stop");
    }
    if text.matches('`').count() % 2 == 1 {
        return Some("opens a backtick and does not close it");
    }
    let prose: String = text.split('`').step_by(2).collect();
    // `RefCell`, `TaskGroup` and other names stand in backticks; a sentence begins in lower case.
    if !text.starts_with('`') && !prose.starts_with(|it: char| it.is_lowercase()) {
        return Some("does not begin in lower case");
    }
    if prose.contains("::") || prose.contains("()") || prose.contains('_') || prose.contains('@') {
        return Some("names code outside backticks");
    }
    let words: Vec<&str> = prose.split_whitespace().map(|it| it.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    let other_tense = ["will", "was", "were", "would", "shall", "had"];
    // "waits until what was written is on the disk" is present all the same.
    let relative = ["what", "that", "which", "who", "where"];
    for (index, word) in words.iter().enumerate() {
        if other_tense.contains(word) && !(index > 0 && relative.contains(&words[index - 1])) {
            return Some("is not in the present tense");
        }
    }
    None
}

/// Every text of the findings in the pages' examples, each once, with an example of where it is from.
fn messages() -> BTreeMap<String, String> {
    let mut inputs = Vec::new();
    for rule in RULES {
        let mut lines = rule.page.lines();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else {
                continue;
            };
            let body: Vec<&str> = lines.by_ref().take_while(|it| *it != "```").collect();
            let (language, ending) = match info.split_whitespace().next() {
                Some("python") => (Language::Python, "py"),
                Some("rust") => (Language::Rust, "rs"),
                _ => continue,
            };
            // Each in a folder of its own, so that no example sees another.
            let path = format!("{}/{}/lib.{ending}", rule.name, inputs.len());
            inputs.push(Source::new(path, language, body.join("\n")));
        }
    }
    let rules = RuleSet::of_profile(Profile::All);
    let input = |source| Input { source, rules: rules.clone(), relevant: true };
    let mut found = BTreeMap::new();
    for source in inputs {
        let name = source.path.to_string();
        let outcome = analyze(vec![input(source)], Knowledge::default());
        for Finding { rule, message, help, trace, related, fix, .. } in outcome.findings {
            let mut texts = vec![message];
            texts.extend(help);
            texts.extend(trace.into_iter().map(|it| it.message));
            texts.extend(related.into_iter().map(|it| it.message));
            texts.extend(fix.map(|it| it.message));
            for text in texts {
                found.entry(text).or_insert_with(|| format!("{name} ({})", rule.name));
            }
        }
    }
    found
}

#[test]
fn messages_are_worded_alike() {
    let found = messages();
    assert!(found.len() > 30, "the examples give only {} messages", found.len());
    let problems: Vec<String> =
        found.iter().filter_map(|(text, from)| wording(text).map(|why| format!("{from}: {text:?} {why}"))).collect();
    report(&problems);
}

/// What a call does becomes the end of a sentence: "`open` blocks the event loop: it opens a file".
#[test]
fn tables_are_worded_alike() {
    let mut problems = Vec::new();
    let mut count = 0;
    for file in files(&root().join("rules/apis"), "toml") {
        let text = std::fs::read_to_string(&file).expect("a readable table");
        let table: toml::Table = text.parse().expect("it is TOML");
        let empty = Vec::new();
        for api in table.get("api").and_then(toml::Value::as_array).unwrap_or(&empty) {
            let Some(does) = api.get("does").and_then(toml::Value::as_str) else {
                continue;
            };
            count += 1;
            let first = does.split([' ', ',']).next().unwrap_or_default();
            let why = match wording(does) {
                None if first != "may" && !first.ends_with('s') => Some("does not say what it does"),
                why => why,
            };
            problems.extend(why.map(|why| format!("{}: {does:?} {why}", shown(&file))));
        }
    }
    assert!(count > 100, "only {count} entries say what they do");
    report(&problems);
}

#[test]
fn wording_is_checked() {
    for good in ["`time.sleep` blocks the event loop: it sleeps", "drop it before the `await`", "use `asyncio.sleep`"] {
        assert_eq!(wording(good), None, "{good}");
    }
    for bad in [
        "",
        "Drop it",
        "drop it.",
        "drop `it",
        "call asyncio.run()",
        "call std::fs::read here",
        "this will block",
        "the lock was taken",
        "two\nlines",
        " space",
    ] {
        assert!(wording(bad).is_some(), "{bad:?}");
    }
}
