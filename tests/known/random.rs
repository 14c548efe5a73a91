//! Random packages that use each other, in an environment or under a lock file that changes at random: whatever is known from
//! before, the same is found as from nothing.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::known;
use super::pieces::{MODULES, Piece, piece, python, rust, trees};
use super::support::packages::{REGISTRY, SITE, install, unpack};
use super::support::{Folder, ran};

#[derive(Debug, Clone)]
enum Step {
    /// The user's code is another.
    Write(Vec<Piece>),
    /// Another version of a package.
    Upgrade(usize, Vec<Piece>),
    /// The version before it.
    Downgrade(usize),
    Remove(usize),
    /// A file is changed where it lies.
    Change(usize, Piece),
    /// All is installed anew.
    Anew,
}

/// Each with whether the user changes something as well.
fn steps() -> impl Strategy<Value = Vec<(Step, bool)>> {
    let package = 0..MODULES.len();
    let pieces = || prop::collection::vec(piece(), 1..6);
    let step = prop_oneof![
        6 => pieces().prop_map(Step::Write),
        3 => (package.clone(), pieces()).prop_map(|(package, pieces)| Step::Upgrade(package, pieces)),
        2 => package.clone().prop_map(Step::Downgrade),
        1 => package.clone().prop_map(Step::Remove),
        1 => (package, piece()).prop_map(|(package, piece)| Step::Change(package, piece)),
        1 => Just(Step::Anew),
    ];
    prop::collection::vec((step, any::<bool>()), 1..7)
}

/// What is installed, and what the user has written.
struct World {
    folder: Folder,
    is_rust: bool,
    app: Vec<Piece>,
    packages: Vec<Package>,
    edits: usize,
}

struct Package {
    /// All that there have been.
    versions: Vec<Vec<Piece>>,
    /// The one that is installed.
    version: Option<usize>,
    /// What was added to it in place.
    added: Vec<Piece>,
}

impl World {
    fn new(trees: Vec<Vec<Piece>>, is_rust: bool) -> Self {
        let folder = Folder::new(&[
            ("work/pyproject.toml", "[project]\nname = \"work\"\n"),
            ("work/.venv/pyvenv.cfg", "home = nowhere\nversion = 3.12.1\n"),
        ]);
        if is_rust {
            let names = MODULES.map(|it| format!("{it} = \"0\"\n")).concat();
            let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n";
            folder.write("work/Cargo.toml", format!("{manifest}{names}"));
        }
        let app = trees[0].clone();
        let packages =
            trees.into_iter().map(|it| Package { versions: vec![it], version: Some(0), added: Vec::new() }).collect();
        let mut world = Self { folder, is_rust, app, packages, edits: 0 };
        world.write();
        (0..MODULES.len()).for_each(|it| world.put(it));
        world.lock();
        world
    }

    fn write(&mut self) {
        self.edits += 1;
        let (path, mut text) = match self.is_rust {
            true => ("work/src/lib.rs", rust(&self.app, "")),
            false => ("work/app.py", python(&self.app)),
        };
        // All that there is of packages is called.
        for name in MODULES {
            text += &match self.is_rust {
                true => format!("pub async fn all_of_{name}() {{\n"),
                false => format!("import {name}\nasync def all_of_{name}():\n"),
            };
            for function in 0..5 {
                text += &match self.is_rust {
                    true => format!("    {name}::f{function}(true, {name}::C);\n    {name}::C.f{function}(false);\n"),
                    false => format!("    {name}.f{function}()\n    {name}.C().f{function}()\n"),
                };
            }
            text += if self.is_rust { "}\n" } else { "\n" };
        }
        text += &format!("{} {}\n", if self.is_rust { "//" } else { "#" }, self.edits);
        self.folder.write(path, text);
    }

    fn text(&self, package: usize) -> String {
        let Package { versions, version, added } = &self.packages[package];
        let pieces: Vec<Piece> = version.iter().flat_map(|it| &versions[*it]).chain(added).cloned().collect();
        if self.is_rust { rust(&pieces, "") } else { python(&pieces) }
    }

    fn at(&self, package: usize, version: usize) -> String {
        let name = MODULES[package];
        if self.is_rust {
            format!("{REGISTRY}/{name}-0.{version}.0")
        } else {
            format!("{SITE}/{name}-0.{version}.0.dist-info")
        }
    }

    fn put(&self, package: usize) {
        let (name, Some(version)) = (MODULES[package], self.packages[package].version) else { return };
        let number = format!("0.{version}.0");
        if self.is_rust {
            unpack(&self.folder, REGISTRY, name, &number, &self.text(package));
            let manifest = format!("{}/Cargo.toml", self.at(package, version));
            let others = MODULES.map(|it| format!("{it} = \"0\"\n")).concat();
            self.folder.write(&manifest, format!("{}[dependencies]\n{others}", self.folder.read(&manifest)));
            self.folder.write(&format!("{}/.cargo-ok", self.at(package, version)), "{\"v\":1}");
        } else {
            install(&self.folder, name, &number, &[(&format!("{name}.py"), &self.text(package))]);
        }
    }

    fn take_out(&self, package: usize) {
        let Some(version) = self.packages[package].version else { return };
        drop(std::fs::remove_dir_all(self.folder.at(&self.at(package, version))));
        drop(std::fs::remove_file(self.folder.at(&format!("{SITE}/{}.py", MODULES[package]))));
    }

    fn lock(&self) {
        if !self.is_rust {
            return;
        }
        let there: Vec<(&str, usize)> =
            self.packages.iter().zip(MODULES).filter_map(|(it, name)| Some((name, it.version?))).collect();
        let names: Vec<String> = there.iter().map(|it| format!("\"{}\"", it.0)).collect();
        let names = names.join(", ");
        let mut text =
            format!("version = 4\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [{names}]\n");
        for (name, version) in there {
            text += &format!(
                "[[package]]\nname = \"{name}\"\nversion = \"0.{version}.0\"\nsource = \"registry+x\"\nchecksum = \"{name}{version}\"\ndependencies = [{names}]\n"
            );
        }
        self.folder.write("work/Cargo.lock", text);
    }

    fn step(&mut self, step: Step, edits: bool) {
        let writes = edits || matches!(step, Step::Write(_));
        match step {
            Step::Write(pieces) => self.app = pieces,
            Step::Upgrade(package, pieces) => self.becomes(package, |it| {
                it.versions.push(pieces);
                it.version = Some(it.versions.len() - 1);
            }),
            Step::Downgrade(package) => self.becomes(package, |it| {
                it.version = Some(it.version.map_or(it.versions.len() - 1, |version| version.saturating_sub(1)));
            }),
            Step::Remove(package) => self.becomes(package, |it| it.version = None),
            Step::Change(package, piece) => {
                if let Some(version) = self.packages[package].version {
                    self.packages[package].added.push(piece);
                    std::thread::sleep(Duration::from_millis(20));
                    let path = if self.is_rust {
                        format!("{}/src/lib.rs", self.at(package, version))
                    } else {
                        format!("{SITE}/{}.py", MODULES[package])
                    };
                    self.folder.write(&path, self.text(package));
                }
            }
            Step::Anew => (0..MODULES.len()).for_each(|package| self.becomes(package, |_| ())),
        }
        if writes {
            self.write();
        }
    }

    fn becomes(&mut self, package: usize, what: impl FnOnce(&mut Package)) {
        self.take_out(package);
        let it = &mut self.packages[package];
        it.added.clear();
        what(it);
        self.put(package);
        self.lock();
    }

    /// The same is found as from nothing. Gives of how many functions it was known what they do.
    fn check(&self) -> usize {
        let run = |more: &str| {
            let arguments = ["check", "--verbose", "--profile", "all", "--output-format", "jsonl", "--threads", more];
            let more: &[&str] = if more == "2" { &[] } else { &["--no-cache"] };
            let mut command = self.folder.command(&[&arguments, more].concat());
            command.current_dir(self.folder.at("work")).env("CARGO_HOME", self.folder.at("home"));
            ran(command)
        };
        let (warm, cold) = (run("2"), run("1"));
        assert_eq!((warm.status, &warm.out), (cold.status, &cold.out), "{}", warm.err);
        known(&warm).0
    }
}

/// Of how many functions it was known what they do, all runs together.
fn run(is_rust: bool) -> usize {
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let counted = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&(trees(), steps()), |(trees, steps)| {
        let mut world = World::new(trees, is_rust);
        world.check();
        for (step, edits) in steps {
            world.step(step, edits);
            counted.set(counted.get() + world.check());
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    counted.get()
}

#[test]
fn whatever_is_installed_the_same_is_found_as_from_nothing() {
    let known = run(false);
    assert!(known > 50, "hardly anything was known: {known}");
}

#[test]
fn whatever_is_locked_the_same_is_found_as_from_nothing() {
    let known = run(true);
    assert!(known > 50, "hardly anything was known: {known}");
}
