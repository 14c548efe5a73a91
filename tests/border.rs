//! Calls that leave Python for Rust, in whole runs of the program: whatever part of a project is asked for.

mod support;

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
    folder.write("work/python/shop/app.py", &APP.replace("from shop", "import trio\nfrom shop"));
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
    folder.write("work/src/store.rs", &STORE.replace("std::fs::read_to_string(path)?", "path.to_uppercase()"));
    assert_eq!(found(&folder, &[]), [""; 0]);
    folder.write("work/src/store.rs", STORE);
    folder.write("work/pyproject.toml", &PYPROJECT.replace("shop._native", "shop._other"));
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
