//! Every function and type that a table names is in a published version of its library: each path is looked up in the
//! library's own source or stubs, by way of the front ends.
//!
//! `tests/exists/fetch DIR` gathers the libraries, and
//! `ASYNCLINT_PACKAGES=DIR cargo test --test exists -- --ignored --nocapture` looks up all that is named. Without the
//! variable two samples are looked up in what a machine that builds this has anyway: the sources of this workspace's
//! dependencies, and the standard library of a Python, if there is one.

#[path = "exists/lookup.rs"]
mod lookup;
#[path = "exists/memo.rs"]
mod memo;
#[path = "exists/python.rs"]
mod python;
#[path = "exists/rust.rs"]
mod rust;
#[path = "../src/knowledge/schema.rs"]
#[allow(dead_code, reason = "the build uses the rest")]
mod schema;
#[path = "exists/tables.rs"]
mod tables;
#[path = "exists/text.rs"]
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use asynclint::source::Language;
use tables::Named;

/// What looking a path up gave.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Verdict {
    /// The model has it.
    Found { is_async: bool },
    /// A module is all that has the name.
    Module,
    /// Only the text has it: made by a macro, or at run time, or compiled.
    Text,
    /// It may be inherited from what is not at hand, or made at run time.
    Open,
    /// It is not there.
    Missing,
    /// The library is not at hand.
    Absent,
}

#[derive(Default)]
struct Tally {
    found: usize,
    text: usize,
    open: Vec<String>,
    missing: Vec<String>,
    absent: Vec<String>,
    /// Entries of [`tables::WITHOUT_SOURCE`] that were needed.
    without: Vec<&'static str>,
    made_up: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.found += other.found;
        self.text += other.text;
        self.made_up += other.made_up;
        self.open.extend_from_slice(&other.open);
        self.missing.extend_from_slice(&other.missing);
        self.absent.extend_from_slice(&other.absent);
        self.without.extend_from_slice(&other.without);
    }

    fn summary(&self) -> String {
        let Self { found, text, made_up, .. } = self;
        let [without, open, wrong, absent] =
            [self.without.len(), self.open.len(), self.missing.len(), self.absent.len()];
        format!(
            "{found} found, {text} by text, {without} without source, {made_up} made up, {open} open, {wrong} wrong, \
             {absent} absent"
        )
    }
}

/// Looks all of them up, by library.
fn look_up(all: &[Named], mut find: impl FnMut(&Named) -> Verdict) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for named in all {
        let tally = tallies.entry(format!("{} {}", named.language.name(), named.library)).or_default();
        match (find(named), named.without_source()) {
            // A type that a table makes up, to say what something gives: nobody can name it.
            (Verdict::Missing | Verdict::Open, _) if named.is_made_up() => tally.made_up += 1,
            (Verdict::Missing | Verdict::Open | Verdict::Absent, Some(start)) => tally.without.push(start),
            (Verdict::Found { is_async: true }, _) if named.is_call && !named.is_async => {
                tally.missing.push(format!("{}: `{}` is async there, and not in the table", named.table, named.path));
            }
            (Verdict::Module, _) => {
                tally.missing.push(format!("{}: `{}` is a module", named.table, named.path));
            }
            (Verdict::Found { .. }, _) => tally.found += 1,
            (Verdict::Text, _) => tally.text += 1,
            (Verdict::Open, None) => tally.open.push(named.path.clone()),
            (Verdict::Missing, None) => tally.missing.push(format!("{}: `{}` is not there", named.table, named.path)),
            (Verdict::Absent, None) => tally.absent.push(named.path.clone()),
        }
    }
    tallies
}

/// Paths that were looked up and found, and what is wrong.
fn judged(tallies: &BTreeMap<String, Tally>) -> (usize, Vec<String>) {
    let found = tallies.values().map(|it| it.found + it.text).sum();
    (found, tallies.values().flat_map(|it| it.missing.clone()).collect())
}

#[test]
#[ignore = "needs the libraries: `tests/exists/fetch`"]
fn all_that_is_named_exists() {
    let folder = std::env::var_os("ASYNCLINT_PACKAGES").expect("ASYNCLINT_PACKAGES names the folder of the libraries");
    let folder = PathBuf::from(folder);
    let mut python = python::Packages::below(&folder.join("python"));
    let mut rust = rust::Crates::below(&folder.join("rust"));
    let tallies = look_up(&tables::named(), |named| match named.language {
        Language::Python => python.find(&named.library, &named.path),
        Language::Rust => rust.find(&named.path),
    });
    let mut sums = Tally::default();
    for (library, it) in &tallies {
        println!("{library}: {}", it.summary());
        for (word, paths) in [("open", &it.open), ("wrong", &it.missing), ("absent", &it.absent)] {
            paths.iter().for_each(|path| println!("    {word}: {path}"));
        }
        sums.add(it);
    }
    let here = tallies.values().filter(|it| it.absent.is_empty()).count();
    println!("{here} of {} libraries; {}", tallies.len(), sums.summary());
    assert!(sums.found > 5000, "are the libraries in {}?", folder.display());
    assert!(sums.missing.is_empty(), "{}", sums.missing.join("\n"));
    // Where all is at hand, what may be inherited from elsewhere is most likely nowhere.
    assert!(sums.open.is_empty(), "cannot be told: {}", sums.open.join(" "));
    assert!(sums.absent.is_empty(), "not at hand: {}", sums.absent.join(" "));
    for (start, why) in tables::WITHOUT_SOURCE {
        assert!(sums.without.contains(start), "no table needs the exception that {start} is {why}");
    }
}

/// The folders of the crates that this workspace is built from: what other platforms need may never have been fetched.
fn dependencies() -> Vec<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8(version.stdout).expect("rustc writes UTF-8");
    let host = version.lines().find_map(|it| it.strip_prefix("host: ")).expect("rustc tells its host");
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo tells its metadata");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let manifests = packages.iter().filter(|it| !it["source"].is_null()).filter_map(|it| it["manifest_path"].as_str());
    manifests.filter_map(|it| Some(PathBuf::from(it).parent()?.to_owned())).collect()
}

#[test]
fn what_is_named_of_our_own_dependencies_exists() {
    let mut crates = rust::Crates::of(dependencies());
    let named: Vec<Named> = tables::named().into_iter().filter(|it| it.language == Language::Rust).collect();
    let (found, wrong) = judged(&look_up(&named, |it| crates.find(&it.path)));
    assert!(found > 300, "only {found} were found");
    for path in ["tokio::time::slep", "tokio::sync::Mutex::lok", "tokio::tim::sleep", "parking_lot::Mutexx"] {
        assert_eq!(crates.find(path), Verdict::Missing, "{path}");
    }
    // A module of its name does not stand for a function, and does not hide one.
    for (path, is) in [
        ("tokio::time", Verdict::Module),
        ("tokio::net::lookup_host", Verdict::Found { is_async: true }),
        ("tokio::select", Verdict::Text),
    ] {
        assert_eq!(crates.find(path), is, "{path}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a Python on this machine has its standard library, and its version.
fn standard_library() -> Option<(PathBuf, (u8, u8))> {
    let ask = "import sys, sysconfig; print(sysconfig.get_path('stdlib')); print(*sys.version_info[:2])";
    let output = ["python3", "python"]
        .iter()
        .find_map(|name| std::process::Command::new(name).args(["-c", ask]).output().ok())
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (folder, version) = text.trim().split_once('\n')?;
    let (major, minor) = version.split_once(' ')?;
    Some((PathBuf::from(folder.trim()), (major.parse().ok()?, minor.parse().ok()?)))
}
/// Parts of Python's standard library that came or went: the first version 3.x that has them in its source, and the first
/// that has not.
const CAME_AND_WENT: &[(&str, u8, u8)] = &[
    // A module that puts another in its place, since 3.13.
    ("collections.abc.", 3, 13),
    ("asyncio.EventLoop", 13, u8::MAX),
    ("asyncio.Queue.shutdown", 13, u8::MAX),
    ("asyncio.QueueShutDown", 13, u8::MAX),
    ("asyncio.Server.abort_clients", 13, u8::MAX),
    ("asyncio.Server.close_clients", 13, u8::MAX),
    ("asyncio.queues.QueueShutDown", 13, u8::MAX),
    ("concurrent.futures.InterpreterPoolExecutor", 14, u8::MAX),
    ("concurrent.futures.interpreter.", 14, u8::MAX),
    ("configparser.SafeConfigParser", 2, 12),
    ("pathlib.Path.copy", 14, u8::MAX),
    ("pathlib.Path.link_to", 8, 12),
    ("pathlib.Path.move", 14, u8::MAX),
    ("copy.replace", 13, u8::MAX),
    ("dbm.sqlite3.", 13, u8::MAX),
    ("glob.translate", 13, u8::MAX),
    ("queue.Queue.shutdown", 13, u8::MAX),
    ("queue.ShutDown", 13, u8::MAX),
    // A function in the source, a class in the stubs.
    ("threading.RLock.", 15, u8::MAX),
];

#[test]
fn what_is_named_of_the_standard_library_exists() {
    let Some((folder, (3, minor))) = standard_library() else {
        println!("there is no Python 3 here");
        return;
    };
    let elsewhere = |path: &str| {
        CAME_AND_WENT.iter().any(|(start, from, until)| path.starts_with(start) && !(*from..*until).contains(&minor))
    };
    let mut named = tables::named();
    named.retain(|it| it.language == Language::Python && !elsewhere(&it.path));
    let mut packages = python::Packages::of(vec![folder]);
    let (found, wrong) = judged(&look_up(&named, |it| packages.find(&it.library, &it.path)));
    assert!(found > 1000, "only {found} were found");
    // What other versions have and have not is not written down above.
    let is_known = (11..=13).contains(&minor);
    let allowed = if is_known { 0 } else { found / 20 };
    assert!(wrong.len() <= allowed, "Python 3.{minor}: {}", wrong.join("\n"));
    if !is_known {
        return;
    }
    for (library, path) in [
        ("asyncio", "asyncio.slep"),
        ("asyncio", "asyncio.Queue.gett"),
        ("subprocess", "subprocess.Popen.comunicate"),
        ("queue", "queue.PriorityQueue.getit"),
    ] {
        assert_eq!(packages.find(library, path), Verdict::Missing, "{path}");
    }
    for (library, path) in [("asyncio", "asyncio.tasks"), ("os", "os.path")] {
        assert_eq!(packages.find(library, path), Verdict::Module, "{path}");
    }
}
