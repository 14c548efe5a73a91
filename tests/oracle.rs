//! The Python front end against a second opinion: every function, lambda, call, `await` and `yield` it finds, with place and
//! owner, is compared with what a plain walk over another parser's tree finds. Sources that parser cannot read (it stops at
//! Python 3.11's f-strings) are left out and counted.
//!
//! `ASYNCLINT_ORACLE=folder cargo test --test oracle -- --ignored --nocapture` compares over any tree.

#[path = "support/below.rs"]
mod below;
#[path = "oracle/model.rs"]
mod model;
#[path = "oracle/parts.rs"]
mod parts;
#[path = "oracle/walk.rs"]
mod walk;

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use asynclint::source::{Language, Source};

/// Both trees are walked and dropped recursively, in builds that do not optimise.
const STACK: usize = 1 << 30;

/// Something both sides must agree on: where it is, what it is, and the function it belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Fact {
    start: u32,
    end: u32,
    what: String,
    owner: String,
    /// How many generator expressions have to be asked for an element before it happens. The front end may leave one out
    /// (where a generator is consumed at once), but what Python evaluates at once must not be put off.
    put_off: usize,
}

impl Fact {
    fn key(&self) -> (u32, u32, &str, &str) {
        (self.start, self.end, &self.what, &self.owner)
    }
}

/// What one comparison gave.
enum Outcome {
    /// That many facts are the same, and these differ.
    Compared(usize, Vec<String>),
    Unreadable,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `order`: also whether what runs at once is put off.
fn compare(name: &str, text: &str, order: bool) -> Outcome {
    let source = Source::new(name, Language::Python, text);
    let lowered = asynclint::python::lower(&source);
    let Some(mut wanted) = walk::facts(text) else {
        return Outcome::Unreadable;
    };
    if !lowered.errors.is_empty() {
        let error = &lowered.errors[0];
        let line = source.position(error.span.start).line;
        return Outcome::Compared(0, vec![format!("{name}:{line}: only the oracle reads it: {}", error.message)]);
    }
    let mut problems = Vec::new();
    let mut got = model::facts(&lowered, &mut problems);
    let mut problems: Vec<String> = problems.into_iter().map(|it| format!("{name}: {it}")).collect();
    wanted.sort();
    got.sort();
    let mut same = 0;
    let (mut left, mut right) = (wanted.iter().peekable(), got.iter().peekable());
    loop {
        let (fact, which) = match (left.peek(), right.peek()) {
            (Some(wanted), Some(got)) if wanted.key() == got.key() => {
                same += 1;
                if order && got.put_off > wanted.put_off {
                    let line = source.position(got.start).line;
                    problems
                        .push(format!("{name}:{line}: {} in `{}` is put off and runs at once", got.what, got.owner));
                }
                left.next();
                right.next();
                continue;
            }
            (Some(wanted), Some(got)) if wanted.key() < got.key() => (left.next(), "the front end lacks"),
            (_, Some(_)) => (right.next(), "only the front end has"),
            (Some(_), None) => (left.next(), "the front end lacks"),
            (None, None) => break,
        };
        let Some(fact) = fact else { break };
        let at = source.position(fact.start);
        let code: String = text.get(fact.start as usize..fact.end as usize).unwrap_or("?").chars().take(50).collect();
        let Fact { what, owner, .. } = fact;
        problems.push(format!("{name}:{}:{}: {which} {what} in `{owner}`: {code:?}", at.line, at.column));
    }
    Outcome::Compared(same, problems)
}

/// Runs on a stack that nesting in the sources cannot end.
fn with_stack<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn python_files(folder: &Path, out: &mut Vec<PathBuf>) {
    below::files(folder, &["py", "pyi"], out);
}

fn read(path: &Path) -> Option<String> {
    let text = String::from_utf8(std::fs::read(path).ok()?).ok()?;
    Some(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

/// The Python code blocks of a page, without what must not be read as code.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match &mut open {
            Some(block) if line.starts_with("```") => {
                blocks.push(std::mem::take(block));
                open = None;
            }
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line.starts_with("```python") => open = Some(String::new()),
            None => {}
        }
    }
    blocks
}

/// Compares each source; gives how many were compared, how many facts agreed, and what did not.
fn compare_all(sources: Vec<(String, String)>, order: bool) -> (usize, usize, Vec<String>) {
    with_stack(move || {
        let (mut files, mut facts, mut problems) = (0, 0, Vec::new());
        for (name, text) in &sources {
            if let Outcome::Compared(same, differing) = compare(name, text, order) {
                files += 1;
                facts += same;
                problems.extend(differing);
            }
        }
        (files, facts, problems)
    })
}

#[test]
fn every_syntax_is_seen_alike() {
    let folder = root().join("tests/data/oracle");
    let mut files = Vec::new();
    python_files(&folder, &mut files);
    files.sort();
    let sources: Vec<_> = files
        .iter()
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), read(path).expect("UTF-8")))
        .collect();
    let total = sources.len();
    let (read, facts, problems) = compare_all(sources, false);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(read, total, "both parsers read every file of the set");
    assert!(total >= 8 && facts > 300, "the set covers the language: {total} files, {facts} facts");
}

/// The Python code of the fixtures, of the tests' data and of the rules' pages.
fn pages_and_fixtures() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for folder in ["fixtures", "tests/fixtures", "tests/data"] {
        let mut files = Vec::new();
        python_files(&root().join(folder), &mut files);
        files.sort();
        sources.extend(files.iter().filter_map(|path| Some((path.display().to_string(), read(path)?))));
    }
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("rules"))
        .expect("the pages")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.sort();
    for page in pages {
        let text = read(&page).expect("UTF-8");
        for (index, block) in blocks(&text).into_iter().enumerate() {
            sources.push((format!("{} block {}", page.display(), index + 1), block));
        }
    }
    sources
}

#[test]
fn pages_and_fixtures_are_seen_alike() {
    let (read, facts, problems) = compare_all(pages_and_fixtures(), false);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(read > 20 && facts > 100, "there is something to compare: {read} sources, {facts} facts");
}

/// Where the two are known to differ and the front end is wrong: to be put into the set and taken from here once it is not.
#[test]
fn known_differences_are_gone() {
    let sources = [
        ("base", "class A(Base[make()], Generic[lambda: make()]):\n    pass\n"),
        ("target", "container()[index()]: int\n"),
        ("generator", "def f():\n    later = (g(x) for x in now())\n    return later\n"),
    ];
    let sources = sources.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    let (read, _, problems) = compare_all(sources, true);
    assert_eq!(read, 3);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
#[ignore = "reads the tree that ASYNCLINT_ORACLE names"]
fn a_tree_is_seen_alike() {
    let folder = std::env::var_os("ASYNCLINT_ORACLE").expect("ASYNCLINT_ORACLE names a folder");
    let mut files = Vec::new();
    python_files(Path::new(&folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no Python file below {}", Path::new(&folder).display());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (sender, receiver) = mpsc::channel();
    let mut threads = Vec::new();
    for worker in 0..workers {
        let mine: Vec<PathBuf> = files.iter().skip(worker).step_by(workers).cloned().collect();
        let sender = sender.clone();
        let run = move || {
            for path in mine {
                let Some(text) = read(&path) else { continue };
                let name = path.display().to_string();
                sender.send(compare(&name, &text, true)).expect("the receiver waits for every sender");
            }
        };
        threads.push(std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread"));
    }
    drop(sender);
    let (mut compared, mut unreadable, mut facts, mut problems) = (0, 0, 0, Vec::new());
    for outcome in receiver {
        match outcome {
            Outcome::Compared(same, differing) => {
                compared += 1;
                facts += same;
                problems.extend(differing);
            }
            Outcome::Unreadable => unreadable += 1,
        }
    }
    for thread in threads {
        thread.join().expect("no comparison fails");
    }
    problems.sort();
    println!("{compared} files compared, {unreadable} the oracle cannot read, {facts} facts agree");
    assert!(problems.is_empty(), "{} disagreements:\n{}", problems.len(), problems.join("\n"));
}
