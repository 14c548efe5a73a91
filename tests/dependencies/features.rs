//! Which features of a crate are on, and what is known where that is not.

use super::{found, rust};

/// What a feature is for that nobody turns on is not there; of one that somebody may have turned on, nobody knows.
#[test]
fn features_of_a_crate_are_those_that_are_asked_for() {
    let folder = rust();
    let kit = "cargo/registry/src/index-0/disk-kit-2.1.0";
    let sleep = "std::thread::sleep(std::time::Duration::from_secs(1));";
    folder.write(
        &format!("{kit}/src/lib.rs"),
        format!(
            "pub fn nap() {{\n    #[cfg(feature = \"slow\")]\n    {sleep}\n}}\n\n\
             #[cfg(not(feature = \"quick\"))]\npub fn twin() {{\n    {sleep}\n}}\n\n\
             #[cfg(feature = \"quick\")]\npub fn twin() {{}}\n\n\
             pub fn asked() {{\n    if cfg!(feature = \"slow\") {{\n        {sleep}\n    }}\n}}\n\n\
             impl Timer {{\n    #[cfg(not(feature = \"quick\"))]\n    pub fn wait(&self) {{\n        {sleep}\n    }}\n    \
             #[cfg(feature = \"quick\")]\n    pub fn wait(&self) {{}}\n}}\n\npub struct Timer;\n"
        ),
    );
    folder.write(
        "work/src/main.rs",
        "async fn run() {\n    disk::nap();\n    disk::twin();\n    disk::asked();\n    disk::Timer.wait();\n}\n",
    );
    let features = "[features]\ndefault = [\"quick\"]\nquick = []\nslow = []\nboth = [\"slow\"]\n";
    let package = "[package]\nname = \"disk-kit\"\nversion = \"2.1.0\"\n";
    folder.write(&format!("{kit}/Cargo.toml"), format!("{package}{features}"));
    let asks = |how: &str, own: &str| {
        let text = format!(
            "[package]\nname = \"work\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\ndisk = {{ package = \"disk-kit\", version = \"2\"{how} }}\n{own}"
        );
        folder.write("work/Cargo.toml", text);
        found(&folder, &[]).iter().map(|it| it.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(asks("", ""), [""; 0]);
    assert_eq!(asks(", features = [\"both\"]", ""), ["src/main.rs:2", "src/main.rs:4"]);
    assert_eq!(asks(", default-features = false", ""), ["src/main.rs:3", "src/main.rs:5"]);
    // Who builds the program may ask for it, or not.
    assert_eq!(asks("", "[features]\nmore = [\"disk/both\"]\n"), [""; 0]);
}

/// Whoever is built in any case has what it asks for; of others nobody knows, and of twins nobody knows which is there.
#[test]
fn what_crates_ask_of_each_other_is_on_where_they_are_built() {
    let folder = rust();
    let registry = "cargo/registry/src/index-0";
    let sleep = "std::thread::sleep(std::time::Duration::from_secs(1));";
    folder.write(
        &format!("{registry}/disk-kit-1.0.0/src/lib.rs"),
        format!(
            "#[cfg(not(feature = \"quick\"))]\npub fn twin() {{\n    {sleep}\n}}\n\n\
             #[cfg(feature = \"quick\")]\npub fn twin() {{}}\n\n\
             pub struct Timer;\n\nimpl Timer {{\n    #[cfg(not(feature = \"quick\"))]\n    pub fn wait(&self) {{\n        {sleep}\n    }}\n\n    \
             #[cfg(feature = \"quick\")]\n    pub fn wait(&self) {{}}\n}}\n\n\
             #[cfg(not(feature = \"quick\"))]\nimpl Timer {{\n    pub fn hold(&self) {{\n        {sleep}\n    }}\n}}\n\n\
             #[cfg(feature = \"quick\")]\nimpl Timer {{\n    pub fn hold(&self) {{}}\n}}\n\n\
             pub fn asked() {{\n    #[cfg(feature = \"quick\")]\n    {sleep}\n}}\n"
        ),
    );
    folder.write(
        &format!("{registry}/disk-kit-1.0.0/Cargo.toml"),
        "[package]\nname = \"disk-kit\"\nversion = \"1.0.0\"\n[features]\nquick = []\n",
    );
    folder.write(
        &format!("{registry}/disk-kit-2.1.0/src/lib.rs"),
        "pub fn twin() {\n    older::twin();\n}\n\npub fn wait() {\n    older::Timer.wait();\n}\n\n\
         pub fn hold() {\n    older::Timer.hold();\n}\n\npub fn asked() {\n    older::asked();\n}\n",
    );
    folder.write(
        "work/src/main.rs",
        "async fn run() {\n    disk::twin();\n    disk::wait();\n    disk::hold();\n    disk::asked();\n}\n",
    );
    let asks = |how: &str, work: &str| {
        let package = "[package]\nname = \"disk-kit\"\nversion = \"2.1.0\"\n[dependencies]\n";
        let text = format!("{package}older = {{ package = \"disk-kit\", version = \"1\"{how} }}\n");
        folder.write(&format!("{registry}/disk-kit-2.1.0/Cargo.toml"), text);
        let text = format!(
            "[package]\nname = \"work\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\ndisk = {{ package = \"disk-kit\", version = \"2\"{work} }}\n"
        );
        folder.write("work/Cargo.toml", text);
        found(&folder, &[]).iter().map(|it| it.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let slow = ["src/main.rs:2", "src/main.rs:3", "src/main.rs:4"];
    assert_eq!(asks("", ""), slow);
    assert_eq!(asks(", features = [\"quick\"]", ""), ["src/main.rs:5"]);
    // Perhaps nobody builds the crate that asks for it.
    assert_eq!(asks(", features = [\"quick\"]", ", optional = true"), [""; 0]);
}
