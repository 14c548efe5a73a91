//! `asynclint effects`: what functions do, and what is not known of them.

mod support;

use serde_json::Value;

use support::Folder;

#[test]
fn effects_show_what_a_function_does_and_why() {
    let folder = Folder::new(&[
        ("pyproject.toml", ""),
        (
            "db.py",
            "import time\n\n\nclass Store:\n    def load(self):\n        time.sleep(1)\n\n\ndef quiet():\n    pass\n",
        ),
        (
            "app.py",
            "from db import Store\n\n\ndef read(store: Store):\n    store.load()\n\n\nasync def f(store: Store):\n    read(store)\n",
        ),
    ]);
    let all = folder.run(&["effects", "."]);
    let expected = "app.read  app.py:4\n  blocks (sleep), by `time.sleep`\n    app.py:5:5  in `app.read`: ";
    assert!(all.status == Some(0) && all.out.starts_with(expected), "{}", all.out);
    assert!(all.out.contains("app.f  app.py:8  runs on the event loop\n"), "{}", all.out);
    assert!(all.out.contains("\ndb.Store.load  db.py:5\n") && !all.out.contains("quiet"), "{}", all.out);
    let one = folder.run(&["effects", "app.py::read", "--output-format", "json"]);
    let one: Value = serde_json::from_str(&one.out).expect("JSON");
    let function = &one["functions"][0];
    assert_eq!((&function["function"], &function["onLoop"]), (&"app.read".into(), &false.into()));
    let effect = &function["effects"][0];
    assert_eq!((&effect["kind"], &effect["by"]), (&"sleep".into(), &"time.sleep".into()));
    let last = effect["trace"].as_array().and_then(|it| it.last()).expect("evidence");
    assert_eq!((&last["location"]["path"], &last["location"]["line"]), (&"db.py".into(), &6.into()));
    assert!(folder.run(&["effects", "db.py::quiet"]).out.contains("not known to block"));
    let dynamic = Folder::new(&[(
        "a.py",
        "import time\n\n\nasync def f(store):\n    store.load(1).items()\n    time.sleep(1)\n",
    )]);
    let told = dynamic.run(&["effects", "a.py::f"]).out;
    assert!(told.contains("  not known what these calls run:\n    a.py:5:5  `store.load`\n"), "{told}");
    assert!(!dynamic.run(&["effects", "a.py"]).out.contains("not known what"));
    // Whether code on the loop leads there or not.
    let alone = Folder::new(&[
        (
            "tools.py",
            "import time\n\n\nclass Tool:\n    @staticmethod\n    def use():\n        def inner():\n            time.sleep(1)\n        inner()\n",
        ),
        (".venv/pyvenv.cfg", "home = nowhere\n"),
        (
            ".venv/lib/python3.12/site-packages/dep/__init__.py",
            "import time\n\n\nclass Client:\n    def get(self):\n        time.sleep(1)\n",
        ),
    ]);
    for target in
        ["tools.py::Tool.use", "tools.py::inner", ".venv/lib/python3.12/site-packages/dep/__init__.py::Client.get"]
    {
        let told = alone.run(&["effects", target]).out;
        assert!(told.contains("  blocks (sleep), by `time.sleep`\n") && !told.contains("on the event loop"), "{told}");
    }
    let unknown = folder.run(&["effects", "db.py::Store.lod"]);
    assert_eq!(
        (unknown.status, &*unknown.err),
        (Some(2), "error: `db.py` has no function `Store.lod`; did you mean `load`?\n")
    );
}

#[test]
fn effects_tell_which_calls_are_not_known_and_why() {
    let folder = Folder::new(&[
        (
            "app/a.py",
            "import time\n\nimport missing\nfrom missing import timed, work\n\nfrom .fast import nap\nfrom .db import load as known\n\n\n\
             @timed\ndef load():\n    time.sleep(1)\n\n\nHANDLERS = {'x': load}\n\n\n\
             async def main(req):\n    load()\n    work()\n    missing.go()\n    req.a.b()\n    HANDLERS['x']()\n    nap()\n\
             \x20   known()\n    time.monotonic()\n    len('')\n    ''.upper()\n",
        ),
        ("app/__init__.py", ""),
        ("app/db.py", "def load(): ...\n"),
        ("app/fast.pyi", "def nap() -> None: ...\n"),
        ("app/fast.so", ""),
    ]);
    // From the folder above a package that no project is around.
    let ran = folder.run(&["effects", "app/a.py::main", "--output-format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    let function = &told["functions"][0];
    assert_eq!(function["function"], "app.a.main", "{told}");
    let unresolved = function["unresolved"].as_array().expect("a list").iter();
    let calls: Vec<&str> = unresolved.filter_map(|it| it["call"].as_str()).collect();
    assert_eq!(calls, ["load", "work", "missing.go", "req.a.b", "HANDLERS['x']", "nap"], "{told}");
    let text = folder.run(&["effects", "app/a.py::main"]).out;
    assert!(text.contains("`load`: nothing is known of a decorator on it\n"), "{text}");
    assert!(text.contains("`work`: no table names `missing.work`, and no source of it is found\n"), "{text}");
    let counted = folder.run(&["check", "app", "--verbose"]).err;
    assert!(
        counted.contains(
            "calls in async functions: 10; 1 to the project's own functions, 0 into dependencies, 1 to functions that the \
             tables describe, 2 to others of the language's library or an event loop, 6 not resolved (40 % resolved)"
        ),
        "{counted}"
    );
}
