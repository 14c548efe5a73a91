//! How long it takes to have the findings again after an edit of one file in a large project. Takes a folder, how many of its
//! files to take (those nearest to the top), and the files to edit: without any, the Python file that most others import, and
//! one that none does.
//!
//! For each file: a change inside a function, one that every other file may see, and both taken back, five times; the median of each
//! counts. With `--verify` every answer is compared with that of a fresh analysis, and once is enough.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use asynclint::analysis::Input;
use asynclint::discover::{Found, Kind, can_matter, read};
use asynclint::knowledge::Knowledge;
use asynclint::rules::{Profile, RuleSet};
use asynclint::session::Session;
use asynclint::source::Language;
use asynclint::suppress::Options;

/// As deep as real code nests, in threads of a pool.
const STACK: usize = 256 << 20;

/// How often each edit is made.
const ROUNDS: usize = 5;

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|it| it == "py" || it == "rs") {
            out.push(path);
        }
    }
}

fn inputs(files: &[PathBuf]) -> Vec<Input> {
    let read = |path: &PathBuf| {
        let shown = path.to_string_lossy().into_owned().into();
        let found = Found { shown, path: path.clone(), kind: Kind::of(path)? };
        let source = read(&found, u64::from(u32::MAX)).ok()??;
        let relevant = can_matter(source.language, &source.text);
        Some(Input { source, rules: RuleSet::of_profile(Profile::Recommended), relevant })
    };
    files.iter().filter_map(read).collect()
}

fn session(inputs: Vec<Input>) -> Session {
    Session::of(inputs, Knowledge::default(), Arc::default(), Options::default())
}

/// In kilobytes, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Inside the first function that has a body of its own lines: a statement that shows in nothing.
fn inside(text: &str, python: bool) -> Option<String> {
    let (begins, ends, statement) = if python { ("def ", ":\n", "pass\n") } else { ("fn ", "{\n", "let _ = 1;\n") };
    let at = text.find(begins)?;
    let body = at + text[at..].find(ends)? + ends.len();
    let indent: String = text[body..].chars().take_while(|it| *it == ' ').collect();
    (!indent.is_empty()).then(|| format!("{}{indent}{statement}{}", &text[..body], &text[body..]))
}

/// A function more: whoever looks at the file may see it.
fn outside(text: &str, python: bool) -> String {
    if python {
        return format!("{text}\n\ndef added_by_the_benchmark():\n    import time\n    time.sleep(1)\n");
    }
    format!("{text}\npub fn added_by_the_benchmark() {{ std::thread::sleep(std::time::Duration::from_secs(1)) }}\n")
}

/// The modules that an `import` line names, by the names they have from the folder on.
fn imported(line: &str, package: &str) -> Vec<String> {
    let plain = |text: &str| text.trim_matches(['(', ')', ',', '\\', ' ']).to_owned();
    if let Some(rest) = line.strip_prefix("import ") {
        return rest.split(',').filter_map(|it| it.split_whitespace().next()).map(plain).collect();
    }
    let Some((module, names)) = line.strip_prefix("from ").and_then(|rest| rest.split_once(" import ")) else {
        return Vec::new();
    };
    let name = module.trim_start_matches('.');
    let mut around = package.to_owned();
    for _ in 1..module.len() - name.len() {
        around.truncate(around.rfind('.').unwrap_or(0));
    }
    let module = match (module.starts_with('.'), name.is_empty()) {
        (true, true) => around,
        (true, false) => format!("{around}.{name}"),
        (false, _) => name.to_owned(),
    };
    let inner = names.split(',').map(|it| format!("{module}.{}", plain(it)));
    inner.chain([module.clone()]).collect()
}

fn most_and_least_imported(folder: &Path, all: &[Input]) -> Vec<PathBuf> {
    let module = |input: &Input| {
        let inside = input.source.location.as_std_path().strip_prefix(folder).ok()?.with_extension("");
        Some(inside.to_str()?.trim_end_matches("/__init__").replace(std::path::MAIN_SEPARATOR, "."))
    };
    let mut counts: HashMap<String, usize> = all.iter().filter_map(|it| Some((module(it)?, 0))).collect();
    for input in all {
        let name = module(input).unwrap_or_default();
        let is_package = input.source.location.file_stem() == Some("__init__");
        let package = if is_package { name.as_str() } else { name.rsplit_once('.').map_or("", |it| it.0) };
        let mut seen: Vec<String> = input.source.text.lines().flat_map(|line| imported(line.trim(), package)).collect();
        seen.sort();
        seen.dedup();
        for name in seen {
            counts.entry(name).and_modify(|it| *it += 1);
        }
    }
    let ranked = |input: &&Input| module(input).and_then(|it| counts.get(&it).copied()).unwrap_or(0);
    let can = |input: &&Input| input.relevant && inside(&input.source.text, true).is_some();
    let python = || all.iter().filter(|it| it.source.language == Language::Python).filter(can);
    let chosen = [python().max_by_key(ranked), python().min_by_key(ranked)];
    chosen.into_iter().flatten().map(|it| it.source.location.clone().into_std_path_buf()).collect()
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let verify = arguments.iter().position(|it| it == "--verify").map(|at| arguments.remove(at)).is_some();
    let mut arguments = arguments.into_iter();
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next().and_then(|it| it.parse::<usize>().ok()))
    else {
        eprintln!("usage: edit_one FOLDER COUNT [FILE...] [--verify]");
        return ExitCode::from(2);
    };
    if let Err(error) = rayon::ThreadPoolBuilder::new().stack_size(STACK).build_global() {
        eprintln!("no threads: {error}");
        return ExitCode::FAILURE;
    }
    let mut files = Vec::new();
    sources(Path::new(&folder), &mut files);
    files.sort_by_key(|path| (path.components().count(), path.clone()));
    files.truncate(count);
    let mut named: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let before = memory();
    let all = inputs(&files);
    if named.is_empty() {
        named = most_and_least_imported(Path::new(&folder), &all);
    }
    let started = Instant::now();
    let mut session = session(all.clone());
    let first = started.elapsed();
    let found = session.found();
    let grown = memory().zip(before).map_or(0, |(now, before)| now.saturating_sub(before) / 1024);
    println!(
        "{} files, {} findings, analysed in {} ms, {grown} MB kept",
        all.len(),
        found.kept.len(),
        first.as_millis()
    );
    let mut worst = 0.0_f64;
    for path in &named {
        let Some(input) = all.iter().find(|it| it.source.location.as_std_path() == path) else {
            eprintln!("{} is none of the files", path.display());
            return ExitCode::from(2);
        };
        let text = input.source.text.to_string();
        let python = path.extension().is_some_and(|it| it == "py");
        let edits = [
            ("inside", inside(&text, python)),
            ("back", None),
            ("outside", Some(outside(&text, python))),
            ("back", None),
        ];
        let mut taken = [const { Vec::new() }; 4];
        for _ in 0..if verify { 1 } else { ROUNDS } {
            for ((_, edited), taken) in edits.iter().zip(&mut taken) {
                let edited = edited.as_deref().unwrap_or(&text);
                let started = Instant::now();
                let changed = session.change(&input.source.location, edited).unwrap_or_default();
                taken.push((started.elapsed().as_secs_f64() * 1000.0, changed.len()));
                if verify {
                    let mut all = all.clone();
                    for it in all.iter_mut().filter(|it| it.source.location == input.source.location) {
                        it.source = it.source.with_text(edited);
                        it.relevant = can_matter(it.source.language, edited);
                    }
                    if self::session(all).found() != session.found() {
                        println!("a fresh analysis finds something else");
                        return ExitCode::FAILURE;
                    }
                }
            }
        }
        let name = path.strip_prefix(&folder).unwrap_or(path).display();
        for ((what, _), mut taken) in edits.iter().zip(taken) {
            taken.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (took, changed) = taken[taken.len() / 2];
            worst = worst.max(took);
            println!(
                "{name}: {what}: {took:.1} ms ({:.1} at best), something else found in {changed} files",
                taken[0].0
            );
        }
    }
    println!("slowest edit: {worst:.1} ms");
    ExitCode::SUCCESS
}
