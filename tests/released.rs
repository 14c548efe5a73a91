//! What is found through released packages is known by their names and versions: until another version is there, or one of their files
//! has been changed in place.

mod support;

use std::path::Path;
use std::time::{Duration, SystemTime};

use support::packages::{REGISTRY, SITE, check, install, remove, unpack};
use support::{Folder, Ran};

const DISK: &str = "def load():\n    open('x')\n";

/// A project that uses two packages, and would use a third. A fourth is none of its business.
fn python() -> Folder {
    let folder = Folder::new(&[
        ("work/pyproject.toml", "[project]\nname = \"work\"\n"),
        (
            "work/app.py",
            "import kit\nimport spare\nimport the_net\n\n\nasync def f():\n    kit.load()\n    the_net.get()\n    spare.go()\n",
        ),
    ]);
    environment(&folder);
    folder
}

fn environment(folder: &Folder) {
    folder.write("work/.venv/pyvenv.cfg", "home = nowhere\nversion = 3.12.1\n");
    install(folder, "kit", "1.0", &[("kit/__init__.py", "from .disk import load\n"), ("kit/disk.py", DISK)]);
    install(folder, "net", "2.1", &[("the_net.py", "import time\n\n\ndef get():\n    time.sleep(1)\n")]);
    install(folder, "other", "3.0", &[("other/__init__.py", "")]);
}

fn is_known(ran: &Ran) -> bool {
    ran.err.contains("1 of 1 groups of files is as in an earlier run")
}

/// What is there counts as what was there before, or not; either way the same is found as from nothing.
#[track_caller]
fn assert_known(folder: &Folder, known: bool, why: &str) -> Ran {
    let ran = check(folder, &[]);
    assert_eq!(is_known(&ran), known, "{why}: {}", ran.err);
    assert_eq!(ran.out, check(folder, &["--no-cache"]).out, "{why}");
    assert!(is_known(&check(folder, &[])), "{why}");
    ran
}

#[test]
fn an_environment_that_is_made_anew_is_known() {
    let folder = python();
    let first = assert_known(&folder, false, "first");
    assert!(first.out.contains("kit-1.0/kit/disk.py") && first.out.contains("net-2.1/the_net.py"), "{}", first.out);
    remove(&folder, "work/.venv");
    environment(&folder);
    assert_known(&folder, true, "anew");
}

/// No installer leaves another file behind: it shows that those of the same release are not read again, but for what is shown.
#[test]
fn files_of_the_same_release_are_not_read() {
    let folder = python();
    let first = check(&folder, &[]);
    let record = format!("{SITE}/kit-1.0.dist-info/RECORD");
    let says = folder.read(&record);
    for (file, from, to, is_read) in [("__init__.py", "load", "loaf", false), ("disk.py", "open", "math", true)] {
        remove(&folder, "work/.venv");
        environment(&folder);
        let path = format!("{SITE}/kit/{file}");
        folder.write(&path, folder.read(&path).replace(from, to));
        std::thread::sleep(Duration::from_millis(20));
        folder.write(&record, &says);
        let second = check(&folder, &[]);
        assert_eq!((is_known(&second), second.out == first.out), (!is_read, !is_read), "{file}: {}", second.err);
    }
}

#[test]
fn another_version_of_what_is_used_is_looked_at() {
    let folder = python();
    check(&folder, &[]);
    remove(&folder, &format!("{SITE}/kit-1.0.dist-info"));
    install(&folder, "kit", "1.1", &[("kit/__init__.py", "from .disk import load\n"), ("kit/disk.py", DISK)]);
    let same = assert_known(&folder, false, "the same code, as another version");
    assert!(same.out.contains("kit-1.1/kit/disk.py") && !same.out.contains("kit-1.0"), "{}", same.out);
    remove(&folder, &format!("{SITE}/kit-1.1.dist-info"));
    let quick = "def load():\n    open\n   \n";
    install(&folder, "kit", "1.2", &[("kit/__init__.py", "from .disk import load\n"), ("kit/disk.py", quick)]);
    assert!(!assert_known(&folder, false, "another version").out.contains("kit/disk.py"));
}

#[test]
fn the_same_version_with_other_files_is_looked_at() {
    let folder = python();
    check(&folder, &[]);
    remove(&folder, "work/.venv");
    environment(&folder);
    // Built anew by somebody, under the same name and of the same size.
    install(
        &folder,
        "kit",
        "1.0",
        &[("kit/__init__.py", "from .disk import load\n"), ("kit/disk.py", &DISK.replace("open", "math"))],
    );
    assert!(!assert_known(&folder, false, "built anew").out.contains("kit/disk.py"));
}

#[test]
fn what_is_changed_in_place_is_looked_at() {
    let folder = python();
    check(&folder, &[]);
    let disk = format!("{SITE}/kit/disk.py");
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&disk, DISK.replace("open", "math"));
    assert!(!assert_known(&folder, false, "of the same size").out.contains("kit/disk.py"));
    // What was found then is not what the release does.
    remove(&folder, "work/.venv");
    environment(&folder);
    assert!(assert_known(&folder, false, "as it was released").out.contains("kit/disk.py"));
    remove(&folder, &disk);
    assert!(!assert_known(&folder, false, "gone").out.contains("kit/disk.py"));
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&disk, DISK);
    assert_known(&folder, false, "there again");
    folder.write(&format!("{SITE}/kit/disk/__init__.py"), "def load(): ...\n");
    assert!(!assert_known(&folder, false, "a package in the place of a module").out.contains("disk"));
}

#[cfg(unix)]
#[test]
fn a_change_in_place_that_hides_itself_is_seen() {
    let folder = python();
    check(&folder, &[]);
    let disk = format!("{SITE}/kit/disk.py");
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&disk, DISK.replace("open", "math"));
    let file = std::fs::File::options().append(true).open(folder.at(&disk)).expect("it is there");
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("times can be set");
    assert!(!assert_known(&folder, false, "older than the list").out.contains("kit/disk.py"));
}

/// As some installers do it when they are asked to: analysis does not follow them out of the environment.
#[cfg(unix)]
#[test]
fn links_in_the_place_of_files_are_not_what_was_there() {
    let folder = python();
    check(&folder, &[]);
    let disk = format!("{SITE}/kit/disk.py");
    std::fs::create_dir_all(folder.at("store")).expect("folders can be made");
    std::fs::rename(folder.at(&disk), folder.at("store/disk.py")).expect("it can be moved");
    std::os::unix::fs::symlink(folder.at("store/disk.py"), folder.at(&disk)).expect("links can be made");
    assert!(!assert_known(&folder, false, "a link").out.contains("kit/disk.py"));
}

#[test]
fn other_packages_may_come_and_go() {
    let folder = python();
    check(&folder, &[]);
    install(&folder, "more", "1.0", &[("more/__init__.py", ""), ("more_of_it.py", "")]);
    assert_known(&folder, true, "one more");
    remove(&folder, &format!("{SITE}/other-3.0.dist-info"));
    install(&folder, "other", "3.1", &[("other/__init__.py", "import time\n")]);
    assert_known(&folder, true, "another version");
    remove(&folder, &format!("{SITE}/other"));
    assert_known(&folder, true, "one less");
}

#[test]
fn a_package_that_was_not_there_is_looked_at_when_it_is() {
    let folder = python();
    check(&folder, &[]);
    install(&folder, "spare", "1.0", &[("spare.py", "import time\n\n\ndef go():\n    time.sleep(1)\n")]);
    assert!(assert_known(&folder, false, "there").out.contains("spare-1.0/spare.py"));
    // A package goes before a module of the same name.
    install(&folder, "spare-parts", "1.0", &[("spare/__init__.py", "def go(): ...\n")]);
    assert!(!assert_known(&folder, false, "another").out.contains("spare.py"));
}

#[test]
fn what_nobody_vouches_for_is_read() {
    let folder = python();
    let list = format!("{SITE}/kit-1.0.dist-info/RECORD");
    let without_hashes: String =
        folder.read(&list).lines().map(|line| format!("{},,\n", line.split(',').next().unwrap_or_default())).collect();
    folder.write(&list, &without_hashes);
    check(&folder, &[]);
    folder.write(&format!("{SITE}/kit/disk.py"), DISK.replace("open", "math"));
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&list, &without_hashes);
    assert!(!assert_known(&folder, false, "no hashes").out.contains("kit/disk.py"));
}

fn lock(low: &str, more: &str) -> String {
    format!(
        "version = 4\n\
         [[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"low\", \"mid\"]\n\
         [[package]]\nname = \"low\"\nversion = \"{low}\"\nsource = \"registry+x\"\nchecksum = \"a{low}\"\n\
         [[package]]\nname = \"mid\"\nversion = \"0.3.0\"\nsource = \"registry+x\"\nchecksum = \"b\"\ndependencies = [\"far\"]\n{more}"
    )
}

const FAR: &str = "[[package]]\nname = \"far\"\nversion = \"0.1.0\"\nsource = \"registry+x\"\nchecksum = \"c\"\n";

const NAP: &str = "pub fn nap() {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}\n";

fn rust() -> Folder {
    let folder = Folder::new(&[
        (
            "work/Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nlow = \"0.1\"\nmid = \"0.3\"\n",
        ),
        ("work/Cargo.lock", &lock("0.1.0", FAR)),
        ("work/src/lib.rs", "pub async fn f() {\n    low::nap();\n}\n"),
    ]);
    unpack(&folder, REGISTRY, "low", "0.1.0", NAP);
    unpack(&folder, REGISTRY, "mid", "0.3.0", "");
    unpack(&folder, REGISTRY, "far", "0.1.0", "");
    folder
}

#[test]
fn crates_that_are_fetched_anew_are_known() {
    let folder = rust();
    assert!(assert_known(&folder, false, "first").out.contains("low-0.1.0/src/lib.rs"));
    remove(&folder, "home");
    unpack(&folder, REGISTRY, "low", "0.1.0", NAP);
    unpack(&folder, REGISTRY, "mid", "0.3.0", "");
    assert_known(&folder, true, "fetched anew");
    folder.write(&format!("{REGISTRY}/low-0.1.0/src/lib.rs"), NAP.replace("sleep", "yield"));
    assert!(!assert_known(&folder, false, "changed in place").out.contains("low-0.1.0"));
}

#[test]
fn locked_versions_of_other_crates_may_change() {
    let folder = rust();
    check(&folder, &[]);
    folder.write("work/Cargo.lock", lock("0.1.0", &FAR.replace("0.1.0", "0.1.1")));
    assert_known(&folder, true, "a crate that nothing leads to");
    let more = FAR.replace("far", "new");
    folder.write("work/Cargo.lock", lock("0.1.0", &format!("{FAR}{more}")));
    assert_known(&folder, true, "one more");
}

#[test]
fn other_versions_of_who_asks_for_features_may_ask_for_others() {
    let folder = rust();
    let code = NAP.replace("    std", "    #[cfg(not(feature = \"slow\"))]\n    std");
    unpack(&folder, REGISTRY, "low", "0.1.0", &code);
    let asks = |version: &str, what: &str| {
        unpack(&folder, REGISTRY, "mid", version, "");
        let path = format!("{REGISTRY}/mid-{version}/Cargo.toml");
        folder.write(&path, format!("{}[dependencies]\nlow = {{ version = \"0.1\"{what} }}\n", folder.read(&path)));
        let text = lock("0.1.0", FAR).replace("0.3.0", version);
        folder.write("work/Cargo.lock", text.replace("dependencies = [\"far\"]", "dependencies = [\"far\", \"low\"]"));
    };
    asks("0.3.0", "");
    assert!(assert_known(&folder, false, "first").out.contains("low-0.1.0"));
    asks("0.3.1", "");
    assert_known(&folder, true, "who asks for the same");
    asks("0.3.2", ", features = [\"slow\"]");
    assert!(!assert_known(&folder, false, "who asks for more").out.contains("low-0.1.0"));
}

#[test]
fn other_locked_versions_of_what_is_used_are_looked_at() {
    let folder = rust();
    check(&folder, &[]);
    unpack(&folder, REGISTRY, "low", "0.1.2", "pub fn nap() {}\n");
    folder.write("work/Cargo.lock", lock("0.1.2", FAR));
    assert!(!assert_known(&folder, false, "another version").out.contains("low-0.1"));
    folder.write("work/Cargo.lock", lock("0.1.0", FAR));
    assert_known(&folder, false, "the first again");
    folder.write("work/Cargo.lock", lock("0.1.0", FAR).replace("a0.1.0", "other"));
    assert_known(&folder, false, "the same version, of other contents");
    // Who else asks for features of it.
    let code = format!("#[cfg(feature = \"slow\")]\n{NAP}#[cfg(not(feature = \"slow\"))]\npub fn nap() {{}}\n");
    unpack(&folder, REGISTRY, "low", "0.1.0", &code);
    assert!(!assert_known(&folder, false, "with features").out.contains("low-0.1.0"));
    let asking = "dependencies = [\"low\"]\n";
    unpack(&folder, REGISTRY, "far", "0.1.0", "");
    folder.write("work/Cargo.lock", lock("0.1.0", &format!("{FAR}{asking}")));
    assert_known(&folder, false, "one more that depends on it");
}

#[test]
fn crates_in_vendor_are_known_by_their_hashes() {
    let folder = rust();
    let vendor = |code: &str| {
        unpack(&folder, "work/vendor", "low", "0.1.0", code);
        remove(&folder, "work/vendor/low-0.1.0/.cargo-ok");
        let hash = blake3::hash(code.as_bytes()).to_hex();
        let says = format!("{{\"files\":{{\"src/lib.rs\":\"{hash}\"}},\"package\":\"a\"}}");
        folder.write("work/vendor/low-0.1.0/.cargo-checksum.json", says);
    };
    vendor(NAP);
    assert!(assert_known(&folder, false, "first").out.contains("low-0.1.0/src/lib.rs"));
    remove(&folder, "work/vendor");
    vendor(NAP);
    assert_known(&folder, true, "vendored anew");
    remove(&folder, "work/vendor");
    vendor(&NAP.replace("sleep", "yield"));
    assert!(!assert_known(&folder, false, "of other contents").out.contains("low-0.1.0"));
}

#[test]
fn an_entry_that_is_used_is_not_taken_out() {
    let folder = python();
    check(&folder, &[]);
    let old = SystemTime::now() - Duration::from_secs(29 * 24 * 60 * 60);
    let entry = || {
        let entries = std::fs::read_dir(folder.cache()).expect("the cache is a folder");
        let mut paths = entries.map(|it| it.expect("it can be looked at").path());
        paths.find(|it| it.extension().is_some_and(|it| it == "json")).expect("an entry")
    };
    let file = |path: &Path| std::fs::File::options().append(true).open(path).expect("it is there");
    file(&entry()).set_modified(old).expect("times can be set");
    assert!(is_known(&check(&folder, &[])));
    let changed = entry().metadata().and_then(|it| it.modified()).expect("it has a time");
    assert!(changed.elapsed().is_ok_and(|it| it < Duration::from_secs(3600)));
}
