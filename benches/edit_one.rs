//! How long it takes to have the findings again after an edit of one file in a large project. Takes a folder, how many of its
//! files to take, and the files to edit.
//!
//! For each file: a change inside a function, one that every other file may see, and both taken back. Every answer is compared
//! with that of a fresh analysis if `--verify` is given.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use asynclint::analysis::Input;
use asynclint::discover::{Found, Kind, can_matter, read};
use asynclint::knowledge::Knowledge;
use asynclint::rules::{Profile, RuleSet};
use asynclint::session::Session;
use asynclint::suppress::Options;

/// As deep as real code nests, in threads of a pool.
const STACK: usize = 256 << 20;

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
    files.sort();
    files.truncate(count);
    let named: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let before = memory();
    let all = inputs(&files);
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
        for (what, edited) in edits {
            let edited = edited.unwrap_or_else(|| text.clone());
            let started = Instant::now();
            let changed = session.change(&input.source.location, edited.as_str()).unwrap_or_default();
            let took = started.elapsed().as_secs_f64() * 1000.0;
            worst = worst.max(took);
            println!("{}: {what}: {took:.1} ms, findings of {} files", path.display(), changed.len());
            if verify {
                let mut all = all.clone();
                for it in all.iter_mut().filter(|it| it.source.location == input.source.location) {
                    it.source = it.source.with_text(edited.as_str());
                    it.relevant = can_matter(it.source.language, &edited);
                }
                if self::session(all).found() != session.found() {
                    println!("a fresh analysis finds something else");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!("slowest edit: {worst:.1} ms");
    ExitCode::SUCCESS
}
