//! A `Cargo.toml`: which crates a package has, what they are called, and what its dependencies are called in code.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use crate::source::Edition;

/// What one `Cargo.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The folder it stands in.
    pub folder: Utf8PathBuf,
    pub package: Option<Package>,
    pub workspace: Option<Workspace>,
    /// `[patch]`: what is used in the place of packages from elsewhere.
    pub patches: Vec<Dependency>,
}

/// `[package]` and what hangs on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: Option<String>,
    /// `None`: the workspace's.
    pub edition: Option<Edition>,
    /// The folder of the workspace, where it is named and not looked for above.
    pub workspace: Option<Utf8PathBuf>,
    /// As other crates name it, and the file it starts in.
    pub library: Option<Library>,
    /// First files of binaries, tests, examples and benchmarks that the manifest names.
    pub targets: Vec<Utf8PathBuf>,
    /// Of all kinds and for all platforms.
    pub dependencies: Vec<Dependency>,
    /// `[features]`: what each of them turns on.
    pub features: BTreeMap<String, Vec<String>>,
}

/// `[lib]`, or what it is where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub name: String,
    pub path: Utf8PathBuf,
    /// Its functions run in the compiler.
    pub macros: bool,
    /// It is built as a `cdylib`, which other programs load.
    pub loaded: bool,
}

/// `[workspace]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workspace {
    pub edition: Option<Edition>,
    pub dependencies: Vec<Dependency>,
}

/// One line of `[dependencies]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependency {
    /// In code, without `-`.
    pub name: String,
    /// The package's own name.
    pub package: String,
    /// The folder, for one on disk.
    pub path: Option<Utf8PathBuf>,
    /// The version that is asked for: `1.2`.
    pub version: Option<String>,
    /// The workspace says what it is.
    pub inherited: bool,
    /// The features that are asked for.
    pub features: Vec<String>,
    /// `default-features`, where it is said.
    pub default_features: Option<bool>,
    /// It is there for all platforms, and in any case: not for tests or the build alone, nor behind a feature.
    pub always: bool,
}

impl Manifest {
    /// Reads the text of the `Cargo.toml` in that folder. The error is for people: the first line of what is wrong.
    pub fn parse(folder: impl Into<Utf8PathBuf>, text: &str) -> Result<Self, String> {
        let folder = folder.into();
        let table: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let package = match table.get("package").or_else(|| table.get("project")) {
            Some(Value::Table(package)) => package_of(&folder, &table, package),
            _ => None,
        };
        let workspace = match table.get("workspace") {
            Some(Value::Table(workspace)) => Some(Workspace {
                edition: workspace.get("package").and_then(|it| it.get("edition")).and_then(edition),
                dependencies: dependencies(&folder, workspace.get("dependencies")),
            }),
            _ => None,
        };
        let patched = table.get("patch").and_then(Value::as_table).into_iter().flat_map(|it| it.values());
        let patches = patched.flat_map(|it| dependencies(&folder, Some(it))).collect();
        Ok(Self { folder, package, workspace, patches })
    }

    /// The package can be made into a module that Python imports.
    pub fn speaks_python(&self) -> bool {
        self.package.as_ref().is_some_and(|it| it.dependency("pyo3").is_some())
    }
}

impl Dependency {
    /// Code calls it otherwise than its package is called.
    pub fn is_renamed(&self) -> bool {
        self.name != self.package.replace('-', "_")
    }

    /// A package of that version is not what is meant: another of the same name is, from a registry.
    pub fn rules_out(&self, version: &str) -> bool {
        let Some(asked) = self.version.as_deref() else { return false };
        let asked = asked.trim().trim_start_matches(['^', '=']).trim_start();
        let parts = |text: &str| -> Option<(u64, Option<u64>)> {
            let mut parts = text.split('.');
            let major = parts.next()?.parse().ok()?;
            Some((major, parts.next().and_then(|it| it.parse().ok())))
        };
        match (parts(asked), parts(version)) {
            (Some((0, Some(one))), Some((0, Some(other)))) => one != other,
            (Some((one, _)), Some((other, _))) => one != other,
            _ => false,
        }
    }
}

impl Package {
    /// The dependency that code calls by this name.
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        named(&self.dependencies, name)
    }
}

impl Workspace {
    /// The dependency that members inherit under this name.
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        named(&self.dependencies, name)
    }
}

/// Of several, as for several platforms, the one on disk.
fn named<'a>(all: &'a [Dependency], name: &str) -> Option<&'a Dependency> {
    let found = all.iter().filter(|it| it.name == name);
    found.max_by_key(|it| (it.path.is_some(), it.inherited))
}

fn package_of(folder: &Utf8Path, table: &Table, package: &Table) -> Option<Package> {
    let name = package.get("name")?.as_str()?.to_owned();
    let inherits = |key: &str| package.get(key).and_then(|it| it.get("workspace")).is_some();
    let library = library(folder, table.get("lib"), &name);
    let mut targets = Vec::new();
    for kind in ["bin", "test", "example", "bench"] {
        for target in table.get(kind).and_then(Value::as_array).into_iter().flatten() {
            targets.extend(target.get("path").and_then(Value::as_str).map(|path| beside(folder, path)));
        }
    }
    targets.extend(package.get("build").and_then(Value::as_str).map(|path| beside(folder, path)));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies"];
    let mut all = Vec::new();
    let platforms = table.get("target").and_then(Value::as_table);
    let platforms: Vec<&Value> = platforms.into_iter().flat_map(|it| it.values()).collect();
    for kind in kinds {
        let of_kind = dependencies(folder, table.get(kind)).into_iter();
        all.extend(of_kind.map(|it| Dependency { always: it.always && kind == "dependencies", ..it }));
        let of_platforms = platforms.iter().flat_map(|platform| dependencies(folder, platform.get(kind)));
        all.extend(of_platforms.map(|it| Dependency { always: false, ..it }));
    }
    Some(Package {
        name,
        version: package.get("version").and_then(Value::as_str).map(str::to_owned),
        edition: match package.get("edition") {
            Some(_) if inherits("edition") => None,
            Some(value) => edition(value),
            None => Some(Edition::E2015),
        },
        workspace: package.get("workspace").and_then(Value::as_str).map(|path| beside(folder, path)),
        library: Some(library),
        targets,
        dependencies: all,
        features: features(table.get("features")),
    })
}

fn library(folder: &Utf8Path, table: Option<&Value>, package: &str) -> Library {
    let text = |key: &str| table.and_then(|it| it.get(key)).and_then(Value::as_str);
    let flag = |key: &str| table.and_then(|it| it.get(key)).and_then(Value::as_bool) == Some(true);
    let kinds = table.and_then(|it| it.get("crate-type").or_else(|| it.get("crate_type"))).and_then(Value::as_array);
    Library {
        loaded: kinds.into_iter().flatten().any(|it| it.as_str() == Some("cdylib")),
        name: text("name").unwrap_or(package).replace('-', "_"),
        path: beside(folder, text("path").unwrap_or("src/lib.rs")),
        macros: flag("proc-macro") || flag("proc_macro"),
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn features(table: Option<&Value>) -> BTreeMap<String, Vec<String>> {
    let table = table.and_then(Value::as_table).into_iter().flatten();
    table.map(|(name, turns_on)| (name.clone(), texts(Some(turns_on)))).collect()
}

fn dependencies(folder: &Utf8Path, table: Option<&Value>) -> Vec<Dependency> {
    let Some(table) = table.and_then(Value::as_table) else { return Vec::new() };
    let one = |(name, value): (&String, &Value)| {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool);
        Dependency {
            name: name.replace('-', "_"),
            package: text("package").unwrap_or(name).to_owned(),
            path: text("path").map(|path| beside(folder, path)),
            version: text("version").or(value.as_str()).map(str::to_owned),
            inherited: flag("workspace") == Some(true),
            features: texts(value.get("features")),
            default_features: flag("default-features").or_else(|| flag("default_features")),
            always: flag("optional") != Some(true),
        }
    };
    table.iter().map(one).collect()
}

/// One that is not known yet is like the newest that is.
fn edition(value: &Value) -> Option<Edition> {
    Some(value.as_str()?.parse().unwrap_or_default())
}

/// A path as a manifest has it, seen from where its folder is seen from, without `.` and with `..` taken back.
fn beside(folder: &Utf8Path, path: &str) -> Utf8PathBuf {
    super::normal(folder, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Package {
        Manifest::parse("crates/web", text).expect("it is a manifest").package.expect("of a package")
    }

    #[test]
    fn names_and_files_are_those_the_manifest_gives() {
        let package = parse(
            "[package]\nname = \"shop-web\"\nversion = \"1.2.0\"\nedition = \"2021\"\n\
             [lib]\nname = \"pages\"\npath = \"code/start.rs\"\n\
             [[bin]]\nname = \"serve\"\npath = \"../tools/serve.rs\"\n",
        );
        let library = package.library.expect("a library");
        assert_eq!((library.name.as_str(), library.path.as_str()), ("pages", "crates/web/code/start.rs"));
        assert_eq!(package.targets, ["crates/tools/serve.rs"]);
        assert_eq!((package.edition, package.version.as_deref()), (Some(Edition::E2021), Some("1.2.0")));
        let plain = parse("[package]\nname = \"shop-web\"\n");
        let library = plain.library.expect("a library");
        assert_eq!((library.name.as_str(), library.path.as_str()), ("shop_web", "crates/web/src/lib.rs"));
        assert_eq!(plain.edition, Some(Edition::E2015));
    }

    #[test]
    fn dependencies_go_by_the_name_code_uses() {
        let package = parse(
            "[package]\nname = \"w\"\nedition.workspace = true\n\
             [dependencies]\nfoo = { package = \"shop-core\", path = \"../core\" }\nserde = \"1\"\n\
             [target.'cfg(unix)'.dependencies]\nnix-like = { workspace = true }\n",
        );
        assert_eq!(package.edition, None);
        let foo = package.dependency("foo").expect("declared");
        assert_eq!((foo.package.as_str(), foo.path.as_deref()), ("shop-core", Some(Utf8Path::new("crates/core"))));
        assert!(package.dependency("nix_like").expect("declared").inherited);
        assert_eq!(package.dependency("shop_core"), None);
    }

    #[test]
    fn a_version_may_be_of_another_package() {
        let package = parse(
            "[package]\nname = \"w\"\n[dependencies]\none = \"1.2\"\nzero = { version = \"^0.3.1\" }\nany = \"*\"\n\
             wide = \">=1, <3\"\nhere = { path = \"../here\" }\n",
        );
        let rules_out = |name: &str, version: &str| package.dependency(name).expect("declared").rules_out(version);
        assert!(rules_out("one", "0.9.0") && rules_out("one", "2.0.0") && !rules_out("one", "1.0.0"));
        assert!(rules_out("zero", "0.4.0") && rules_out("zero", "1.3.0") && !rules_out("zero", "0.3.0"));
        assert!(!rules_out("any", "0.9.0") && !rules_out("wide", "2.0.0") && !rules_out("here", "7.0.0"));
    }

    #[test]
    fn what_is_no_manifest_is_told_in_a_line() {
        let wrong = Manifest::parse("", "[package\nname = 1").expect_err("it does not parse");
        assert!(!wrong.is_empty() && !wrong.contains('\n'), "{wrong}");
        assert_eq!(Manifest::parse("", "[package]\nname = 1\n").map(|it| it.package), Ok(None));
    }
}
