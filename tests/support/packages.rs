//! Installs packages as pip and Cargo do, in a project that lies in `work`.

#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use super::{Folder, Ran, ran};

pub const SITE: &str = "work/.venv/lib/python3.12/site-packages";

pub const REGISTRY: &str = "home/registry/src/index-1";

/// As pip does it: the list of what is installed is the last that is written.
pub fn install(folder: &Folder, name: &str, version: &str, files: &[(&str, &str)]) {
    install_into(folder, SITE, name, version, files);
}

pub fn install_into(folder: &Folder, site: &str, name: &str, version: &str, files: &[(&str, &str)]) {
    let hash = |text: &str| blake3::hash(text.as_bytes()).to_hex();
    for (path, text) in files {
        folder.write(&format!("{site}/{path}"), text);
    }
    let lines: Vec<String> =
        files.iter().map(|(path, it)| format!("{path},sha256={},{}", hash(it), it.len())).collect();
    let info = format!("{name}-{version}.dist-info");
    folder.write(&format!("{site}/{info}/METADATA"), format!("Name: {name}\nVersion: {version}\n"));
    // Which clocks tell apart.
    std::thread::sleep(Duration::from_millis(20));
    let own = format!("{info}/METADATA,,\n{info}/RECORD,,\n{name}/__pycache__/disk.cpython-312.pyc,,\n");
    folder.write(&format!("{site}/{info}/RECORD"), format!("{}\n{own}", lines.join("\n")));
}

pub fn remove(folder: &Folder, path: &str) {
    let path = folder.at(path);
    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("it is there");
}

pub fn unpack(folder: &Folder, into: &str, name: &str, version: &str, code: &str) {
    let at = format!("{into}/{name}-{version}");
    let manifest =
        format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n[features]\nslow = []\n");
    folder.write(&format!("{at}/Cargo.toml"), manifest);
    folder.write(&format!("{at}/src/lib.rs"), code);
    std::thread::sleep(Duration::from_millis(20));
    folder.write(&format!("{at}/.cargo-ok"), "{\"v\":1}");
}

pub fn check(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(&[&["check", "--verbose", "--output-format", "full"], arguments].concat());
    command.current_dir(folder.at("work")).env_remove("VIRTUAL_ENV").env("CARGO_HOME", folder.at("home"));
    ran(command)
}
