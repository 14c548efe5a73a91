//! How long temporaries live in Rust, by the edition that the nearest `Cargo.toml` names.

mod support;

use support::Folder;

/// A guard is held at the `await` in lines with `both`; in those with `old` only before edition 2024. What stands on the
/// line of the finding is the guard.
const SOURCE: &str = r#"
use std::sync::Mutex;

struct Store { jobs: Mutex<Vec<u32>>, names: dashmap::DashMap<u32, String> }

async fn work(_: usize) {}

async fn otherwise(store: &Store) {
    if let Some(job) = store.jobs.lock().unwrap().pop() { // old
        drop(job);
    } else {
        work(1).await;
    }
}

async fn first(store: &Store) {
    if let Some(job) = store.jobs.lock().unwrap().pop() { // both
        work(job as usize).await;
    } else {
        work(1).await;
    }
}

async fn chained(store: &Store, other: bool) {
    if let Some(job) = store.jobs.lock().unwrap().pop() { // old
        drop(job);
    } else if other {
        work(1).await;
    }
}

async fn bound(store: &Store) -> u32 {
    let job = if let Some(job) = store.jobs.lock().unwrap().pop() { // old
        job
    } else {
        work(1).await;
        2
    };
    job
}

// What has not matched is no guard.
async fn no_guard(store: &Store) {
    if let Ok(mut jobs) = store.jobs.try_lock() {
        jobs.clear();
    } else {
        work(1).await;
    }
    if let Some(name) = store.names.get(&1) {
        drop(name);
    } else {
        work(2).await;
    }
}

async fn after_the_branch(store: &Store) {
    if let Some(job) = store.jobs.lock().unwrap().pop() {
        drop(job);
    } else {
        drop(1);
    }
    work(1).await;
}

async fn no_else(store: &Store) {
    if let Some(job) = store.jobs.lock().unwrap().pop() {
        drop(job);
    }
    work(1).await;
}

async fn plain_condition(store: &Store) {
    if store.jobs.lock().unwrap().is_empty() {
        drop(1);
    } else {
        work(1).await;
    }
}

async fn otherwise_of_let(store: &Store) {
    let Some(job) = store.jobs.lock().unwrap().pop() else {
        work(1).await;
        return;
    };
    work(job as usize).await;
}

async fn tail(store: &Store) {
    work({
        let extra = 1;
        store.jobs.lock().unwrap().len() + extra // old
    })
    .await;
}

async fn tail_of_a_tail(store: &Store) {
    work({ unsafe { store.jobs.lock().unwrap().len() } }).await; // old
}

async fn tail_then_statement(store: &Store) {
    let length = { store.jobs.lock().unwrap().len() };
    work(length).await;
    { store.jobs.lock().unwrap().clear() }
    work(length).await;
}

async fn with_semicolon(store: &Store) {
    work({
        let length = store.jobs.lock().unwrap().len();
        length
    })
    .await;
}

// The bodies of branches, arms, loops and closures end their temporaries in every edition.
async fn bodies(store: &Store, which: bool) {
    work(if which { store.jobs.lock().unwrap().len() } else { 0 }).await;
    work(match which {
        true => store.jobs.lock().unwrap().len(),
        false => { store.jobs.lock().unwrap().len() }
    })
    .await;
    work((|| { store.jobs.lock().unwrap().len() })()).await;
}

async fn statement(store: &Store) {
    work(store.jobs.lock().unwrap().len()).await; // both
}
"#;

fn lines(words: &[&str]) -> Vec<String> {
    let marked = SOURCE.lines().enumerate().filter(|(_, line)| {
        line.split_once("// ").is_some_and(|(code, word)| !code.trim().is_empty() && words.contains(&word))
    });
    marked.map(|(index, _)| format!("{} lock-across-await", index + 1)).collect()
}

/// The lines of the file that are reported.
fn found(files: &[(&str, &str)], file: &str) -> Vec<String> {
    let folder = Folder::new(files);
    folder.write(file, SOURCE);
    let start = format!("{file}:");
    let found = folder.found(&["--select", "lock-across-await"]);
    found.iter().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
}

#[test]
fn temporaries_live_as_long_as_the_edition_has_them_live() {
    let (before, since) = (lines(&["both", "old"]), lines(&["both"]));
    assert!(since.len() >= 2 && before.len() >= since.len() + 4, "{before:?}");
    let cases = [
        ("[package]\nname = 'a'\nedition = '2015'\n", &before),
        ("[package]\nname = 'a'\nedition = '2018'\n", &before),
        ("[package]\nname = 'a'\nedition = '2021'\n", &before),
        ("[package]\nname = 'a'\n", &before),
        ("[package]\nname = 'a'\nedition = '2024'\n", &since),
        // Not a manifest of a package: a file by itself.
        ("[workspace]\n", &since),
    ];
    for (manifest, expected) in cases {
        assert_eq!(found(&[("Cargo.toml", manifest)], "src/lib.rs"), *expected, "{manifest}");
    }
    assert_eq!(found(&[], "lib.rs"), since);
}

#[test]
fn members_inherit_the_edition_of_their_workspace() {
    let workspace = "[workspace]\nmembers = ['crates/*']\n[workspace.package]\nedition = '2021'\n";
    let heir = ("crates/a/Cargo.toml", "[package]\nname = 'a'\nedition.workspace = true\n");
    let own = ("crates/a/Cargo.toml", "[package]\nname = 'a'\nedition = '2024'\n");
    let path = "crates/a/src/deep/mod.rs";
    assert_eq!(found(&[("Cargo.toml", workspace), heir], path), lines(&["both", "old"]));
    assert_eq!(found(&[("Cargo.toml", workspace), own], path), lines(&["both"]));
}

#[test]
fn another_edition_is_another_answer_though_no_source_changes() {
    let folder = Folder::new(&[("src/lib.rs", SOURCE), ("Cargo.toml", "[package]\nname = 'a'\nedition = '2021'\n")]);
    let cache = folder.at("kept").to_string_lossy().into_owned();
    let count = || folder.found(&["--select", "lock-across-await", "--cache-dir", &cache]).len();
    assert_eq!((count(), count()), (lines(&["both", "old"]).len(), lines(&["both", "old"]).len()));
    folder.write("Cargo.toml", "[package]\nname = 'a'\nedition = '2024'\n");
    assert_eq!(count(), lines(&["both"]).len());
}
