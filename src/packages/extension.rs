//! Projects that have a crate built into an extension module: by maturin, or by setuptools-rust.

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

/// An extension module that a project builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The folders its name may start from, likelier ones first: that of the first that has the package, else the last.
    pub roots: Vec<Utf8PathBuf>,
    /// `pkg._native`; `None`: that of the crate's library.
    pub module: Option<String>,
    /// The folders that the manifest of the crate may stand in: the first that has one.
    pub crates: Vec<Utf8PathBuf>,
    /// Beside a package of its own name the module lies in it, as maturin does.
    pub inside: bool,
}

impl Extension {
    /// What the project in that folder builds; `read` gives the text of a file in it, if it is there.
    pub fn of(folder: impl AsRef<Utf8Path>, read: impl Fn(&str) -> Option<String>) -> Vec<Self> {
        let mut found = Self::parse(&folder, &read("pyproject.toml").unwrap_or_default());
        if found.is_empty() {
            found = of_setup(folder.as_ref(), &read("setup.py").unwrap_or_default());
        }
        found
    }

    /// Reads the text of the `pyproject.toml` in that folder. What cannot be read builds nothing.
    fn parse(folder: impl AsRef<Utf8Path>, text: &str) -> Vec<Self> {
        let folder = folder.as_ref();
        let Ok(table) = text.parse::<Table>() else { return Vec::new() };
        let tool = |name: &str| table.get("tool").and_then(|it| it.get(name));
        let mut found = Vec::new();
        if is_built_by(&table, "maturin") || tool("maturin").is_some() && !is_built_by(&table, "setuptools") {
            found.push(of_maturin(folder, tool("maturin")));
        }
        let modules = tool("setuptools-rust").and_then(|it| it.get("ext-modules")).and_then(Value::as_array);
        let roots = source_roots(folder, tool("setuptools"));
        found.extend(modules.into_iter().flatten().filter_map(|module| of_setuptools(folder, &roots, module)));
        found
    }
}

/// What a `setup.py` passes to `RustExtension`, as far as it is written out: the file is read, never run.
fn of_setup(folder: &Utf8Path, text: &str) -> Vec<Extension> {
    let calls = text.split("RustExtension(").skip(1);
    let one = |call: &str| {
        let target = quoted(call.trim_start())?;
        let arguments = call.split_once(target)?.1;
        let arguments = &arguments[..arguments.find("RustExtension").unwrap_or(arguments.len())];
        if arguments.contains("RustCPython") || arguments.contains("NoBinding") {
            return None;
        }
        let path = arguments.split_once("path=").and_then(|(_, rest)| quoted(rest)).unwrap_or("Cargo.toml");
        Some(Extension {
            roots: source_roots(folder, None),
            module: Some(target.to_owned()),
            crates: vec![super::normal(folder, path).parent()?.to_owned()],
            inside: false,
        })
    };
    calls.filter_map(one).collect()
}

/// The string literal that a text begins with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    text[1..].split_once(quote).map(|(inner, _)| inner)
}

/// The build system that the project names.
fn is_built_by(table: &Table, name: &str) -> bool {
    let backend = table.get("build-system").and_then(|it| it.get("build-backend")).and_then(Value::as_str);
    backend.is_some_and(|it| it.split(['.', ':', '_']).next() == Some(name))
}

fn of_maturin(folder: &Utf8Path, maturin: Option<&Value>) -> Extension {
    let text = |key: &str| maturin.and_then(|it| it.get(key)).and_then(Value::as_str);
    let beside = |path: &str| super::normal(folder, path);
    let source = text("python-source").map(beside);
    let of_manifest = |path: &str| beside(path).parent().map(Utf8Path::to_owned);
    Extension {
        roots: source.map_or_else(|| vec![beside("src"), beside("")], |it| vec![it]),
        module: text("module-name").map(str::to_owned),
        crates: match text("manifest-path").and_then(of_manifest) {
            Some(named) => vec![named],
            // Where Python's sources are set apart, Rust's may be as well.
            None if text("python-source").is_some() => vec![beside("rust"), beside("")],
            None => vec![beside(""), beside("rust")],
        },
        inside: true,
    }
}

/// Where setuptools looks for packages.
fn source_roots(folder: &Utf8Path, setuptools: Option<&Value>) -> Vec<Utf8PathBuf> {
    let at = |keys: &[&str]| keys.iter().try_fold(setuptools?, |value, key| value.get(key));
    let searched = at(&["packages", "find", "where"]).and_then(Value::as_array).into_iter().flatten();
    let named = searched.filter_map(Value::as_str).chain(at(&["package-dir", ""]).and_then(Value::as_str));
    let usual = ["src", "python", "lib", ""].into_iter();
    named.chain(usual).map(|path| super::normal(folder, path)).collect()
}

fn of_setuptools(folder: &Utf8Path, roots: &[Utf8PathBuf], module: &Value) -> Option<Extension> {
    let text = |key: &str| module.get(key).and_then(Value::as_str);
    if text("binding").is_some_and(|it| it != "PyO3") {
        return None;
    }
    let manifest = super::normal(folder, text("path").unwrap_or("Cargo.toml"));
    Some(Extension {
        roots: roots.to_vec(),
        module: Some(text("target")?.to_owned()),
        crates: vec![manifest.parent()?.to_owned()],
        inside: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Extension {
        let mut found = Extension::parse("app", text);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn maturin_says_where_a_module_lies_and_what_it_is_made_of() {
        let named = only(
            "[build-system]\nbuild-backend = \"maturin\"\n\
             [tool.maturin]\nmodule-name = \"shop._native\"\npython-source = \"python\"\nmanifest-path = \"core/Cargo.toml\"\n",
        );
        assert_eq!(named.module.as_deref(), Some("shop._native"));
        assert_eq!((named.roots, named.crates), (vec!["app/python".into()], vec!["app/core".into()]));
        let plain = only("[build-system]\nbuild-backend = \"maturin\"\n");
        assert_eq!((plain.module, plain.crates[0].as_str()), (None, "app"));
    }

    #[test]
    fn setuptools_names_each_module() {
        let found = Extension::parse(
            "app",
            "[build-system]\nbuild-backend = \"setuptools.build_meta\"\n\
             [tool.setuptools]\npackage-dir = { \"\" = \"code\" }\n\
             [[tool.setuptools-rust.ext-modules]]\ntarget = \"shop._a\"\npath = \"a/Cargo.toml\"\n\
             [[tool.setuptools-rust.ext-modules]]\ntarget = \"shop._b\"\nbinding = \"RustCPython\"\n\
             [[tool.setuptools-rust.ext-modules]]\ntarget = \"shop._c\"\nbinding = \"PyO3\"\n",
        );
        let modules: Vec<_> = found.iter().filter_map(|it| it.module.as_deref()).collect();
        assert_eq!(modules, ["shop._a", "shop._c"]);
        assert_eq!(found[0].roots[0], "app/code");
        assert_eq!((&found[0].crates, &found[1].crates), (&vec!["app/a".into()], &vec!["app".into()]));
    }

    #[test]
    fn a_setup_file_names_them_as_well() {
        let text = "from setuptools_rust import Binding, RustExtension\nsetup(rust_extensions=[\n\
                    RustExtension(\n    \"shop._a\",\n    binding=Binding.PyO3, path='a/Cargo.toml'),\n\
                    RustExtension('shop._b'), RustExtension('shop._c', binding=Binding.NoBinding),\n\
                    RustExtension(name)])\n";
        let found = Extension::of("app", |name| (name == "setup.py").then(|| text.to_owned()));
        let modules: Vec<_> = found.iter().filter_map(|it| it.module.as_deref()).collect();
        assert_eq!(modules, ["shop._a", "shop._b"]);
        assert_eq!((found[0].crates[0].as_str(), found[1].crates[0].as_str()), ("app/a", "app"));
    }

    #[test]
    fn other_projects_build_nothing_of_rust() {
        for text in ["[build-system]\nbuild-backend = \"hatchling.build\"\n", "[project", "[tool.ruff]\n"] {
            assert_eq!(Extension::parse("app", text), []);
        }
    }
}
