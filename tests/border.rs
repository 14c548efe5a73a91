//! Calls that leave Python for Rust, in whole runs of the program: whatever part of a project is asked for.

mod support;

use std::sync::Arc;

use asynclint::analysis::Input;
use asynclint::discover::can_matter;
use asynclint::knowledge::Knowledge;
use asynclint::packages::{Extension, Manifest, Surroundings};
use asynclint::rules::{Profile, RuleSet};
use asynclint::session::Session;
use asynclint::source::{Language, Source};
use asynclint::suppress::Options;
use camino::Utf8Path;
use support::{Folder, Ran};

const PYPROJECT: &str = "[build-system]\nbuild-backend = \"maturin\"\n\n[project]\nname = \"shop\"\n\n\
                         [tool.maturin]\nmodule-name = \"shop._native\"\npython-source = \"python\"\n";
const CARGO: &str = "[package]\nname = \"native\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                     [lib]\ncrate-type = [\"cdylib\"]\n\n[dependencies]\npyo3 = \"0.27\"\n";
const LIB: &str = "use pyo3::prelude::*;\n\nmod store;\n\n#[pymodule]\nmod _native {\n    #[pymodule_export]\n    \
                   use super::store::Store;\n}\n";
const STORE: &str = "use pyo3::prelude::*;\n\n#[pyclass]\npub struct Store {}\n\n#[pymethods]\nimpl Store {\n    \
                     #[new]\n    fn new() -> Self {\n        Self {}\n    }\n\n    fn load(&self, path: &str) -> PyResult<String> {\n        \
                     Ok(std::fs::read_to_string(path)?)\n    }\n}\n";
const APP: &str = "from shop._native import Store\n\n\ndef load(path):\n    return Store().load(path)\n\n\n\
                   async def handler(path):\n    return load(path)\n";

fn folder() -> Folder {
    Folder::new(&[
        ("work/pyproject.toml", PYPROJECT),
        ("work/Cargo.toml", CARGO),
        ("work/src/lib.rs", LIB),
        ("work/src/store.rs", STORE),
        ("work/python/shop/__init__.py", ""),
        ("work/python/shop/app.py", APP),
    ])
}

fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(arguments);
    command.current_dir(folder.at("work"));
    command.env_remove("VIRTUAL_ENV").env("CARGO_HOME", folder.at("cargo"));
    support::ran(command)
}

/// Each finding with the places its evidence leads through.
fn found(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let ran = run(folder, &[&["check", "--output-format", "jsonl"], arguments].concat());
    assert!(!ran.err.contains("error:"), "{}", ran.err);
    let place = |at: &serde_json::Value| {
        let location = &at["location"];
        format!("{}:{}", location["path"].as_str().expect("a path"), location["start"]["line"])
    };
    let line = |line: &str| {
        let finding: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let trace: Vec<String> = finding["trace"].as_array().into_iter().flatten().map(place).collect();
        format!("{} {} < {}", place(&finding), finding["rule"].as_str().expect("a rule"), trace.join(" < "))
    };
    ran.out.lines().map(line).collect()
}

const EXPECTED: &str = "python/shop/app.py:9 blocking-file < python/shop/app.py:5 < src/store.rs:14";

#[test]
fn evidence_leads_from_python_into_rust() {
    let folder = folder();
    assert_eq!(found(&folder, &[]), [EXPECTED]);
    // The crate is read for whoever asks for the Python part alone.
    assert_eq!(found(&folder, &["python"]), [EXPECTED]);
    assert_eq!(found(&folder, &["python/shop/app.py"]), [EXPECTED]);
    assert_eq!(found(&folder, &["src"]), [""; 0]);
}

#[test]
fn advice_is_for_the_language_of_the_call() {
    let folder = folder();
    let help = |folder: &Folder| {
        let ran = run(folder, &["check", "--output-format", "jsonl"]);
        let finding: serde_json::Value = serde_json::from_str(ran.out.trim()).expect("one finding");
        finding["help"].as_str().expect("advice").to_owned()
    };
    assert_eq!(help(&folder), "use `asyncio.to_thread`, and `Python::detach` around what blocks in Rust");
    let detached = STORE
        .replace("&self, path: &str", "&self, py: Python<'_>, path: &str")
        .replace("std::fs::read_to_string(path)?", "py.detach(|| std::fs::read_to_string(path))?");
    folder.write("work/src/store.rs", &detached);
    folder.write("work/python/shop/app.py", APP.replace("from shop", "import trio\nfrom shop"));
    assert_eq!(help(&folder), "use `trio.to_thread.run_sync`");
}

#[test]
fn effects_are_told_across_the_border() {
    let ran = run(&folder(), &["effects", "python/shop/app.py::load"]);
    let places = ["python/shop/app.py:5", "src/store.rs:14", "by `std::fs::read_to_string`"];
    assert!(places.iter().all(|it| ran.out.contains(it)), "{}", ran.out);
}

#[test]
fn a_large_tree_is_cut_and_the_border_holds() {
    let pyproject = PYPROJECT.replace("[tool.maturin]", "[tool.maturin]\nmanifest-path = \"rust/Cargo.toml\"");
    let folder = Folder::new(&[
        ("work/pyproject.toml", &pyproject),
        ("work/rust/Cargo.toml", CARGO),
        ("work/rust/src/lib.rs", LIB),
        ("work/rust/src/store.rs", STORE),
        ("work/python/shop/__init__.py", ""),
        ("work/python/shop/app.py", APP),
    ]);
    // More files than are looked at together, so that Python and Rust are apart.
    for number in 0..700 {
        folder.write(&format!("work/python/shop/more/m{number}.py"), "async def f():\n    pass\n");
        folder.write(&format!("work/rust/src/more/m{number}.rs"), "async fn f() {}\n");
    }
    assert_eq!(found(&folder, &["--no-cache"]), [EXPECTED.replace("src/", "rust/src/")]);
}

#[test]
fn what_an_earlier_run_found_hangs_on_the_rust_file() {
    let folder = folder();
    assert_eq!(found(&folder, &[]), [EXPECTED]);
    assert_eq!(found(&folder, &[]), [EXPECTED], "from the cache or not");
    folder.write("work/src/store.rs", STORE.replace("std::fs::read_to_string(path)?", "path.to_uppercase()"));
    assert_eq!(found(&folder, &[]), [""; 0]);
    folder.write("work/src/store.rs", STORE);
    folder.write("work/pyproject.toml", PYPROJECT.replace("shop._native", "shop._other"));
    assert_eq!(found(&folder, &[]), [""; 0], "no crate is built under the name that is imported");
}

#[test]
fn the_order_of_threads_decides_nothing() {
    let folder = folder();
    for number in 0..40 {
        folder.write(&format!("work/python/shop/a{number}.py"), APP);
    }
    let all = |threads: &str| run(&folder, &["check", "--no-cache", "--threads", threads]).out;
    let one = all("1");
    assert!(one.contains("a39.py") && one.contains("store.rs"));
    for threads in ["2", "7"] {
        assert_eq!(all(threads), one);
    }
}

fn session(files: &[(&str, String)]) -> Session {
    let input = |(path, text): &(&str, String)| {
        let language = if path.ends_with(".rs") { Language::Rust } else { Language::Python };
        let relevant = can_matter(language, text);
        let rules = RuleSet::of_profile(Profile::Recommended);
        Input { source: Source::new(*path, language, text.as_str()), rules, relevant }
    };
    let manifest = Manifest::parse("", CARGO).expect("it is a manifest");
    let extensions = Extension::of("", |name| (name == "pyproject.toml").then(|| PYPROJECT.to_owned()));
    let around = Surroundings { manifests: vec![manifest], extensions, ..Surroundings::default() };
    Session::of(files.iter().map(input).collect(), Knowledge::default(), Arc::new(around), Options::default())
}

fn told(session: &Session) -> Vec<String> {
    session.found().kept.iter().map(|it| format!("{it:?}")).collect()
}

#[test]
fn a_session_sees_what_has_changed_behind_the_border() {
    let lib = "use pyo3::prelude::*;\n\nmod files;\nmod more;\n\n#[pymodule]\n\
               fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {\n    files::register(m)?;\n    Ok(())\n}\n";
    let files = "use pyo3::prelude::*;\n\npub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {\n    \
                 crate::more::fill(m)?;\n    Ok(())\n}\n";
    let more = "use pyo3::prelude::*;\n\npub fn fill(m: &Bound<'_, PyModule>) -> PyResult<()> {\n    \
                m.add_function(wrap_pyfunction!(load, m)?)?;\n    Ok(())\n}\n\n#[pyfunction]\nfn load(path: &str) -> PyResult<String> {\n    \
                Ok(std::fs::read_to_string(path)?)\n}\n";
    let app = "import shop._native as n\n\n\nasync def handler(path):\n    n.load(path)\n";
    let mut tree = vec![
        ("python/shop/__init__.py", String::new()),
        ("python/shop/a.py", app.to_owned()),
        ("python/shop/b.py", app.to_owned()),
        ("src/files.rs", files.to_owned()),
        ("src/lib.rs", lib.to_owned()),
        ("src/more.rs", more.to_owned()),
    ];
    let mut live = session(&tree);
    assert_eq!(told(&live).len(), 2);
    let changes = [
        ("src/files.rs", files.replace("crate::more::fill(m)?;", "let _ = m;"), 0),
        ("src/files.rs", files.to_owned(), 2),
        ("src/more.rs", more.replace("std::fs::read_to_string(path)?", "path.to_uppercase()"), 0),
        ("src/more.rs", more.replace("fn load", "fn read").replace("!(load", "!(read"), 0),
        ("src/more.rs", more.to_owned(), 2),
        ("src/lib.rs", lib.replace("files::register(m)?;", "let _ = m;"), 0),
        ("python/shop/b.py", app.replace("n.load", "n.read"), 0),
        ("src/lib.rs", lib.to_owned(), 1),
        ("src/more.rs", more.replace("#[pyfunction]", "#[pyfunction]\n#[pyo3(name = \"read\")]"), 1),
    ];
    for (path, text, count) in changes {
        live.change(Utf8Path::new(path), text.as_str()).expect("the file is there");
        tree.iter_mut().filter(|it| it.0 == path).for_each(|it| it.1.clone_from(&text));
        assert_eq!(told(&live), told(&session(&tree)), "{path}: {text}");
        assert_eq!(told(&live).len(), count, "{path}: {text}");
    }
}
