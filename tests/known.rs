//! What the functions of released packages do is kept under their names and versions, for every project: where the user's files are
//! others, they are not looked at again, and what is found is what is found from nothing.

#[path = "support/pieces.rs"]
mod pieces;
#[path = "known/random.rs"]
mod random;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use support::packages::{REGISTRY, SITE, check, install, install_into, remove, unpack};
use support::{Folder, Ran, ran};

/// Of how many functions of how many packages it was known what they do.
fn known(ran: &Ran) -> (usize, usize) {
    let line = ran.err.lines().find(|it| it.contains("known from earlier runs: what"));
    let numbers = line.into_iter().flat_map(str::split_whitespace).filter_map(|it| it.parse().ok());
    let numbers: Vec<usize> = numbers.collect();
    numbers.first().zip(numbers.get(1)).map_or((0, 0), |(one, other)| (*one, *other))
}

/// The user changes a file: as many functions are known as that, and the same is found as from nothing.
#[track_caller]
fn assert_known(folder: &Folder, expected: (usize, usize), why: &str) -> String {
    edit(folder);
    let ran = check(folder, &[]);
    assert!(ran.err.contains("0 of 1 groups of files are as in an earlier run"), "{why}: {}", ran.err);
    assert_eq!(known(&ran), expected, "{why}: {}", ran.err);
    assert_eq!(ran.out, check(folder, &["--no-cache"]).out, "{why}");
    ran.out
}

fn edit(folder: &Folder) {
    for path in ["work/app.py", "work/src/lib.rs"] {
        if folder.at(path).exists() {
            let comment = if path.ends_with("py") { "# changed\n" } else { "// changed\n" };
            folder.write(path, format!("{}{comment}", folder.read(path)));
        }
    }
}

const DISK: &str = "def load():\n    open('x')\n";
const NET: &str = "import time\n\n\ndef get():\n    time.sleep(1)\n";
/// It uses another package, and one more that may not be there.
const KIT: &str =
    "import fast\nimport the_net\n\nfrom .disk import load\n\n\ndef fetch():\n    the_net.get()\n    fast.send()\n";

fn python() -> Folder {
    let folder = Folder::new(&[
        ("work/pyproject.toml", "[project]\nname = \"work\"\n"),
        ("work/app.py", "import kit\n\n\nasync def f():\n    kit.load()\n    kit.fetch()\n"),
    ]);
    environment(&folder, SITE);
    folder
}

fn environment(folder: &Folder, site: &str) {
    let around = site.split("/lib/").next().unwrap_or(site);
    folder.write(&format!("{around}/pyvenv.cfg"), "home = nowhere\nversion = 3.12.1\n");
    install_into(folder, site, "kit", "1.0", &[("kit/__init__.py", KIT), ("kit/disk.py", DISK)]);
    install_into(folder, site, "net", "2.1", &[("the_net.py", NET)]);
}

fn entries(folder: &Folder) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.cache().join("packages")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|it| it.path()).collect();
    paths.sort();
    paths
}

#[test]
fn it_is_kept_under_name_and_version() {
    let folder = python();
    assert_eq!(known(&check(&folder, &[])), (0, 0));
    let names: Vec<String> =
        entries(&folder).iter().map(|it| it.file_name().unwrap_or_default().to_string_lossy().into()).collect();
    assert!(names.len() == 2 && names[0].starts_with("kit-1.0-") && names[1].starts_with("net-2.1-"), "{names:?}");
    let out = assert_known(&folder, (3, 2), "a comment is added");
    assert!(out.contains("kit-1.0/kit/disk.py") && out.contains("net-2.1/the_net.py"), "{out}");
    // More of a package is used than before.
    folder.write("work/app.py", "import kit\nimport the_net\n\n\nasync def f():\n    kit.load()\n    the_net.get()\n");
    assert_known(&folder, (2, 2), "less");
}

/// No installer leaves another file behind: it shows that functions that are known are not looked at again.
#[test]
fn functions_that_are_known_are_not_looked_at() {
    let folder = python();
    check(&folder, &[]);
    let record = format!("{SITE}/net-2.1.dist-info/RECORD");
    let says = folder.read(&record);
    folder.write(&format!("{SITE}/the_net.py"), NET.replace("sleep", "clock"));
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&record, &says);
    edit(&folder);
    let second = check(&folder, &[]);
    assert_eq!(known(&second), (3, 2), "{}", second.err);
    assert!(second.out.contains("net-2.1/the_net.py"), "{}", second.out);
    assert!(!check(&folder, &["--no-cache"]).out.contains("net-2.1/the_net.py"));
}

#[test]
fn other_projects_and_environments_know_it_as_well() {
    let folder = python();
    check(&folder, &[]);
    environment(&folder, "other/env/lib/python3.11/site-packages");
    folder.write("other/pyproject.toml", "[project]\nname = \"other\"\n");
    folder.write("other/main.py", "from kit import fetch\n\n\nasync def main():\n    fetch()\n");
    let run = |more: &[&str]| {
        let arguments = ["check", "--verbose", "--output-format", "full", "--python", "env"];
        let mut command = folder.command(&[&arguments, more].concat());
        command.current_dir(folder.at("other"));
        ran(command)
    };
    let first = run(&[]);
    assert_eq!(known(&first), (2, 2), "{}", first.err);
    assert!(first.out == run(&["--no-cache"]).out && first.out.contains("net-2.1/the_net.py"), "{}", first.out);
}

#[test]
fn another_version_is_looked_at_and_the_others_are_not() {
    let folder = python();
    folder.write(
        "work/app.py",
        "import kit\nimport alone\n\n\nasync def f():\n    kit.load()\n    kit.fetch()\n    alone.go()\n",
    );
    install(&folder, "alone", "1.0", &[("alone.py", "import time\n\n\ndef go():\n    time.sleep(1)\n")]);
    check(&folder, &[]);
    assert_known(&folder, (4, 3), "nothing has changed");
    remove(&folder, &format!("{SITE}/net-2.1.dist-info"));
    install(&folder, "net", "2.2", &[("the_net.py", &NET.replace("sleep", "clock"))]);
    // What `kit` was found to do hangs on what `net` is.
    let out = assert_known(&folder, (1, 1), "an upgrade");
    assert!(!out.contains("the_net.py") && out.contains("alone-1.0/alone.py"), "{out}");
    assert_known(&folder, (4, 3), "after the upgrade");
    remove(&folder, &format!("{SITE}/net-2.2.dist-info"));
    install(&folder, "net", "2.1", &[("the_net.py", NET)]);
    assert!(assert_known(&folder, (4, 3), "back again").contains("net-2.1/the_net.py"));
}

#[test]
fn the_same_version_built_anew_is_looked_at() {
    let folder = python();
    check(&folder, &[]);
    install(&folder, "net", "2.1", &[("the_net.py", &NET.replace("sleep", "clock"))]);
    assert!(!assert_known(&folder, (0, 0), "of the same size").contains("the_net.py"));
    assert_known(&folder, (3, 2), "as it is now");
}

#[test]
fn what_comes_to_be_installed_beside_it_counts() {
    let folder = python();
    check(&folder, &[]);
    let fast = [("fast.py", "import subprocess\n\n\ndef send():\n    subprocess.run(['x'])\n")];
    install(&folder, "fast", "1.0", &fast);
    assert!(assert_known(&folder, (1, 1), "what was not there").contains("fast-1.0/fast.py"));
    install(&folder, "unasked", "1.0", &[("unasked.py", "")]);
    assert_known(&folder, (4, 3), "what nobody asks for");
    // Both ways are kept.
    remove(&folder, &format!("{SITE}/fast.py"));
    remove(&folder, &format!("{SITE}/fast-1.0.dist-info"));
    assert!(!assert_known(&folder, (3, 2), "gone").contains("fast"));
    install(&folder, "fast", "1.0", &fast);
    assert!(assert_known(&folder, (4, 3), "there again").contains("fast-1.0/fast.py"));
}

#[test]
fn what_is_changed_in_place_is_looked_at() {
    let folder = python();
    check(&folder, &[]);
    std::thread::sleep(Duration::from_millis(20));
    let net = format!("{SITE}/the_net.py");
    folder.write(&net, NET.replace("sleep", "clock"));
    // Neither what it is itself nor what hangs on it is kept.
    assert!(!assert_known(&folder, (0, 0), "of the same size").contains("the_net.py"));
    assert!(!assert_known(&folder, (0, 0), "once more").contains("the_net.py"));
    folder.write(&net, format!("{NET}# longer\n"));
    assert!(assert_known(&folder, (0, 0), "still not as it was released").contains("the_net.py"));
    install(&folder, "net", "2.1", &[("the_net.py", NET)]);
    assert!(assert_known(&folder, (3, 2), "installed anew").contains("the_net.py"));
}

#[test]
fn a_module_that_comes_to_be_counts() {
    let folder = python();
    let kit = "from .extra import load\n\n\ndef fetch():\n    load()\n";
    install(&folder, "kit", "1.0", &[("kit/__init__.py", kit), ("kit/disk.py", DISK)]);
    check(&folder, &[]);
    assert!(!assert_known(&folder, (1, 1), "not there").contains("kit/"));
    folder.write(&format!("{SITE}/kit/extra.py"), "import time\n\n\ndef load():\n    time.sleep(1)\n");
    assert!(assert_known(&folder, (0, 0), "put there").contains("kit/extra.py"));
}

#[test]
fn a_list_without_hashes_vouches_for_nothing() {
    let folder = python();
    let list = format!("{SITE}/net-2.1.dist-info/RECORD");
    folder.write(&list, "the_net.py,,\n");
    check(&folder, &[]);
    assert_known(&folder, (0, 0), "nor for what leads there");
}

#[test]
fn what_leads_to_work_of_the_users_is_not_kept() {
    let folder = python();
    folder.write("work/lists/ours.py", "def get():\n    open('x')\n");
    install(
        &folder,
        "kit",
        "1.0",
        &[("kit/__init__.py", "import ours\n\n\ndef load():\n    ours.get()\n\n\ndef fetch():\n    load()\n")],
    );
    folder.write(&format!("{SITE}/ours.pth"), folder.at("work/lists").to_string_lossy().as_bytes());
    assert!(check(&folder, &[]).out.contains("ours.py"));
    assert!(assert_known(&folder, (0, 0), "under development").contains("ours.py"));
    folder.write("work/lists/ours.py", "def get():\n    pass\n");
    assert!(!assert_known(&folder, (0, 0), "changed").contains("ours.py"));
}

/// Installed code means what is installed, whatever the user's own modules are called.
#[test]
fn modules_of_the_users_stand_in_nobodys_way() {
    let folder = python();
    install(&folder, "requests", "9.0", &[("requests/__init__.py", "def fetch_all():\n    open('x')\n")]);
    let uses = "import requests\nimport acme.core\n\n\ndef load():\n    requests.fetch_all()\n\n\ndef fetch():\n    acme.core.go()\n";
    install(&folder, "kit", "1.0", &[("kit/__init__.py", uses)]);
    let first = check(&folder, &[]);
    assert!(first.out.contains("requests-9.0/requests/__init__.py"), "{}", first.out);
    folder.write("work/requests/__init__.py", "def fetch_all():\n    pass\n");
    folder.write("work/acme/core.py", "def go():\n    open('x')\n");
    let out = assert_known(&folder, (3, 2), "beside the user's code");
    assert!(out.contains("requests-9.0/requests/__init__.py") && !out.contains("acme"), "{out}");
}

#[test]
fn what_the_configuration_says_of_functions_counts() {
    let folder = python();
    install(
        &folder,
        "kit",
        "1.0",
        &[("kit/__init__.py", "import vendor\n\n\ndef load():\n    vendor.call()\n\n\ndef fetch():\n    pass\n")],
    );
    check(&folder, &[]);
    assert!(!assert_known(&folder, (2, 1), "nobody knows").contains("vendor.call"));
    folder.write("work/asynclint.toml", "[[api]]\npath = \"vendor.call\"\neffect = \"blocks\"\nkind = \"network\"\n");
    assert!(assert_known(&folder, (0, 0), "told").contains("vendor.call"));
    assert_known(&folder, (2, 1), "told as before");
}

#[test]
fn damaged_entries_are_as_good_as_none() {
    let folder = python();
    check(&folder, &[]);
    for entry in entries(&folder) {
        let mut bytes = std::fs::read(&entry).expect("it is there");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&entry, bytes).expect("it can be written");
    }
    assert_known(&folder, (0, 0), "one bit");
    assert_known(&folder, (3, 2), "written anew");
    entries(&folder).iter().for_each(|it| std::fs::write(it, "short").expect("it can be written"));
    assert_known(&folder, (0, 0), "cut off");
    let cleared = folder.run(&["cache", "clear"]);
    assert!(cleared.status == Some(0) && entries(&folder).is_empty(), "{}", cleared.err);
}

#[test]
fn nothing_is_kept_where_nothing_is_to_be() {
    let folder = python();
    check(&folder, &["--no-cache"]);
    assert!(entries(&folder).is_empty());
    check(&folder, &["--no-deps"]);
    assert!(entries(&folder).is_empty());
}

/// A package under a name that several share.
#[test]
fn packages_that_share_a_name_each_vouch_for_their_own() {
    let folder = python();
    install(&folder, "acme-core", "1.0", &[("acme/core/__init__.py", DISK)]);
    install(&folder, "acme-net", "3.0", &[("acme/net.py", &format!("from acme.core import load\n{NET}    load()\n"))]);
    folder.write("work/app.py", "import acme.net\n\n\nasync def f():\n    acme.net.get()\n");
    let first = check(&folder, &[]);
    assert!(first.out.contains("acme_net-3.0") || first.out.contains("acme-net-3.0/acme/net.py"), "{}", first.out);
    assert!(first.out.contains("acme-core-1.0/acme/core/__init__.py"), "{}", first.out);
    assert_known(&folder, (2, 2), "both");
    remove(&folder, &format!("{SITE}/acme-core-1.0.dist-info"));
    install(&folder, "acme-core", "1.1", &[("acme/core/__init__.py", "def load():\n    pass\n")]);
    assert!(!assert_known(&folder, (0, 0), "an upgrade of one").contains("acme-core"));
}

const NAP: &str = "pub fn nap() {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}\n";
const CALLS: &str = "pub fn nap() {\n    low::nap();\n}\n";

fn lock(low: &str, checksum: &str, more: &str) -> String {
    format!(
        "version = 4\n\
         [[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"mid\"]\n\
         [[package]]\nname = \"low\"\nversion = \"{low}\"\nsource = \"registry+x\"\nchecksum = \"{checksum}\"\n\
         [[package]]\nname = \"mid\"\nversion = \"0.3.0\"\nsource = \"registry+x\"\nchecksum = \"b\"\ndependencies = [\"low\"]\n{more}"
    )
}

fn rust() -> Folder {
    let folder = Folder::new(&[
        (
            "work/Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nmid = \"0.3\"\n",
        ),
        ("work/Cargo.lock", &lock("0.1.0", "a", "")),
        ("work/src/lib.rs", "pub async fn f() {\n    mid::nap();\n}\n"),
    ]);
    unpack(&folder, REGISTRY, "low", "0.1.0", NAP);
    unpack(&folder, REGISTRY, "mid", "0.3.0", CALLS);
    let manifest = format!("{REGISTRY}/mid-0.3.0/Cargo.toml");
    folder.write(&manifest, format!("{}[dependencies]\nlow = \"0.1\"\n", folder.read(&manifest)));
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&format!("{REGISTRY}/mid-0.3.0/.cargo-ok"), "{\"v\":1}");
    folder
}

#[test]
fn crates_are_known_by_name_and_version() {
    let folder = rust();
    assert!(check(&folder, &[]).out.contains("low-0.1.0/src/lib.rs"));
    assert_eq!(entries(&folder).len(), 2);
    assert!(assert_known(&folder, (2, 2), "a comment is added").contains("low-0.1.0/src/lib.rs"));
    unpack(&folder, REGISTRY, "low", "0.1.2", "pub fn nap() {}\n");
    folder.write("work/Cargo.lock", lock("0.1.2", "c", ""));
    assert!(!assert_known(&folder, (0, 0), "what it depends on is another").contains("low-0.1"));
    folder.write("work/Cargo.lock", lock("0.1.0", "a", ""));
    assert!(assert_known(&folder, (2, 2), "as it was").contains("low-0.1.0/src/lib.rs"));
    folder.write("work/Cargo.lock", lock("0.1.0", "other", ""));
    assert_known(&folder, (0, 0), "the same version, of other contents");
    folder.write("work/Cargo.lock", lock("0.1.0", "a", ""));
    folder.write(&format!("{REGISTRY}/low-0.1.0/src/lib.rs"), NAP.replace("sleep", "yield"));
    assert!(!assert_known(&folder, (0, 0), "changed in place").contains("low-0.1.0"));
}

#[test]
fn features_of_crates_count() {
    let folder = rust();
    let code = NAP.replace("    std", "    #[cfg(not(feature = \"slow\"))]\n    std");
    unpack(&folder, REGISTRY, "low", "0.1.0", &code);
    check(&folder, &[]);
    assert!(assert_known(&folder, (2, 2), "the feature is off").contains("low-0.1.0"));
    let more = "[[package]]\nname = \"new\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\nchecksum = \"d\"\ndependencies = [\"low\"]\n";
    let manifest = "[package]\nname = \"new\"\nversion = \"1.0.0\"\n[dependencies]\nlow = { version = \"0.1\", features = [\"slow\"] }\n";
    unpack(&folder, REGISTRY, "new", "1.0.0", "");
    folder.write(&format!("{REGISTRY}/new-1.0.0/Cargo.toml"), manifest);
    folder.write("work/Cargo.lock", lock("0.1.0", "a", more).replace("[\"mid\"]", "[\"mid\", \"new\"]"));
    let cargo = folder.read("work/Cargo.toml");
    folder.write("work/Cargo.toml", format!("{cargo}new = \"1\"\n"));
    assert!(!assert_known(&folder, (0, 0), "somebody asks for it").contains("low-0.1.0"));
}
