//! Calls that lead into installed packages and crates: found in an environment or through a lock file, followed to where the
//! effect is, and never judged themselves.

#[path = "dependencies/features.rs"]
mod features;
mod support;

use support::{Folder, Ran};

const PYPROJECT: (&str, &str) = ("work/pyproject.toml", "[project]\nname = \"work\"\n");
const SITE: &str = "work/.venv/lib/python3.12/site-packages";

/// A project `work` with an environment that holds these files.
fn python(code: &str, installed: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&[PYPROJECT, ("work/app.py", code)]);
    folder.write("work/.venv/pyvenv.cfg", "home = nowhere\nversion = 3.12.1\n");
    for (path, text) in installed {
        folder.write(&format!("{SITE}/{path}"), text);
    }
    folder
}

fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(&[&["check", "--output-format", "jsonl"], arguments].concat());
    command.current_dir(folder.at("work"));
    command.env_remove("VIRTUAL_ENV").env("CARGO_HOME", folder.at("cargo"));
    support::ran(command)
}

/// `app.py:5 blocking-file < kit-2.0/kit/disk.py:3`: each finding with where its evidence ends.
fn found(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let ran = run(folder, arguments);
    let place = |at: &serde_json::Value| {
        let location = &at["location"];
        format!("{}:{}", location["path"].as_str().expect("a path"), location["start"]["line"])
    };
    let line = |line: &str| {
        let finding: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let end = finding["trace"].as_array().and_then(|it| it.last()).map(|it| format!(" < {}", place(it)));
        format!("{} {}{}", place(&finding), finding["rule"].as_str().expect("a rule"), end.unwrap_or_default())
    };
    assert!(!ran.err.contains("error:"), "{}", ran.err);
    ran.out.lines().map(line).collect()
}

#[test]
fn evidence_leads_through_a_package() {
    let code = "import kit\nfrom kit.store import Store, later\n\n\nasync def f(path):\n    kit.load(path)\n    Store().read(path)\n    \
                await later(path)\n    kit.fine(path)\n    kit.store.sometimes(path)\n    kit.remembered(path)\n";
    let folder = python(
        code,
        &[
            ("kit/__init__.py", "from .disk import load, fine, remembered\nfrom . import store\n"),
            (
                "kit/disk.py",
                "import functools\nimport time\n\n\ndef load(path):\n    with open(path) as it:\n        return it.read()\n\n\n\
                 def fine(path):\n    return path.upper()\n\n\n@functools.lru_cache\ndef remembered(path):\n    return load(path)\n\n\n\
                 async def unused():\n    time.sleep(1)\n",
            ),
            (
                "kit/store.py",
                "import kit.disk\n\n\nclass Base:\n    def read(self, path):\n        return kit.disk.load(path)\n\n\n\
                 class Store(Base):\n    pass\n\n\nasync def later(path):\n    Store().read(path)\n\n\n\
                 def sometimes(path, cached=None):\n    if cached is not None:\n        return cached\n    return kit.disk.load(path)\n",
            ),
            ("kit-2.0.dist-info/METADATA", ""),
        ],
    );
    let expected = [
        "app.py:6 blocking-file < kit-2.0/kit/disk.py:6",
        "app.py:7 blocking-file < kit-2.0/kit/disk.py:6",
        "app.py:8 blocking-file < kit-2.0/kit/disk.py:6",
    ];
    assert_eq!(found(&folder, &[]), expected);
    assert_eq!(found(&folder, &["app.py"]), expected);
    assert_eq!(found(&folder, &["--isolated"]), expected);
    assert_eq!(found(&folder, &["--no-deps"]), [""; 0]);
    let ran = run(&folder, &["--python", "nowhere"]);
    assert_eq!(ran.status, Some(2), "{}", ran.err);
    assert!(ran.err.contains("--python: `nowhere`"), "{}", ran.err);
}

#[test]
fn the_environment_asked_for_is_the_one_that_counts() {
    let folder =
        python("import kit\n\n\nasync def f():\n    kit.run()\n", &[("kit.py", "def run():\n    open('a')\n")]);
    folder.write("other/lib/python3.12/site-packages/kit.py", "import time\n\n\ndef run():\n    time.sleep(1)\n");
    assert_eq!(found(&folder, &[]), ["app.py:5 blocking-file < site-packages/kit.py:2"]);
    for name in ["../other", "../other/lib/python3.12/site-packages"] {
        assert_eq!(found(&folder, &["--python", name]), ["app.py:5 blocking-sleep < site-packages/kit.py:5"]);
    }
    let mut command = folder.command(&["check", "--output-format", "concise"]);
    command.current_dir(folder.at("work")).env("VIRTUAL_ENV", folder.at("other"));
    assert!(support::ran(command).out.contains("[blocking-sleep]"));
}

#[test]
fn tables_keep_the_word_on_what_they_describe() {
    let code = "import requests\n\n\nasync def f():\n    requests.get('x')\n    requests.undescribed()\n    requests.quiet()\n";
    let folder = python(
        code,
        &[
            ("requests/__init__.py", "from .api import get, undescribed, quiet\n"),
            (
                "requests/api.py",
                "import time\n\n\ndef get(url):\n    time.sleep(1)\n\n\ndef undescribed():\n    get('x')\n\n\ndef quiet():\n    pass\n",
            ),
        ],
    );
    assert_eq!(
        found(&folder, &[]),
        ["app.py:5 blocking-network", "app.py:6 blocking-network < site-packages/requests/api.py:9"]
    );
}

#[test]
fn a_package_under_development_is_the_users_own() {
    let folder = Folder::new(&[
        ("work/pyproject.toml", "[project]\nname = \"work\"\n"),
        ("work/app/src/app/main.py", "import helpers\n\n\nasync def f():\n    helpers.load()\n"),
        ("work/app/src/app/__init__.py", ""),
        ("work/tools/helpers.py", "def load():\n    open('a')\n\n\nasync def g():\n    load()\n"),
    ]);
    folder.write("work/.venv/Lib/site-packages/tools.pth", "../../../tools\n");
    assert_eq!(
        found(&folder, &[]),
        [
            "app/src/app/main.py:5 blocking-file < tools/helpers.py:2",
            "tools/helpers.py:6 blocking-file < tools/helpers.py:2"
        ]
    );
}

/// What is only evaluated where something fails, or where what stands before it holds, is not always done.
#[test]
fn what_a_package_may_not_evaluate_is_not_told() {
    let code = "import kit\n\nasync def run(x):\n    kit.asserted(x)\n    kit.compared(x)\n    kit.always(x)\n";
    let kit = "import time\n\ndef slow():\n    time.sleep(1)\n\ndef asserted(x):\n    assert x, slow()\n\n\
               def compared(x):\n    return 5 < x < slow()\n\ndef always(x):\n    return 5 < slow() < x\n";
    let folder = python(code, &[("kit.py", kit)]);
    assert_eq!(found(&folder, &[]), ["app.py:6 blocking-sleep < site-packages/kit.py:4"]);
}

#[test]
fn stubs_and_compiled_modules_say_nothing() {
    let code = "import kit\nimport fast\n\n\nasync def f():\n    kit.run()\n    fast.run()\n";
    let folder = python(code, &[("kit.pyi", "def run() -> None: open('a')\n"), ("fast.so", "def run(): open('a')")]);
    assert_eq!(found(&folder, &[]), [""; 0]);
}

const LOCK: &str = "version = 4\n\
    [[package]]\nname = \"work\"\nversion = \"0.1.0\"\ndependencies = [\"disk-kit 2.1.0\", \"near\"]\n\
    [[package]]\nname = \"disk-kit\"\nversion = \"1.0.0\"\nsource = \"registry+somewhere\"\n\
    [[package]]\nname = \"disk-kit\"\nversion = \"2.1.0\"\nsource = \"registry+somewhere\"\ndependencies = [\"disk-kit 1.0.0\"]\n\
    [[package]]\nname = \"near\"\nversion = \"0.2.0\"\n";

fn rust() -> Folder {
    let folder = Folder::new(&[
        (
            "work/Cargo.toml",
            "[package]\nname = \"work\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\ndisk = { package = \"disk-kit\", version = \"2\" }\nnear = { path = \"../near\" }\n",
        ),
        ("work/Cargo.lock", LOCK),
        (
            "work/src/main.rs",
            "use disk::{store::Store, wait};\n\n#[tokio::main]\nasync fn main() {\n    disk::load(\"a\");\n    wait();\n    \
             let store = Store::new(\"a\");\n    store.size();\n    store.name();\n    near::run();\n}\n",
        ),
        ("near/Cargo.toml", "[package]\nname = \"near\"\nversion = \"0.2.0\"\n"),
        ("near/src/lib.rs", "pub fn run() {\n    std::process::Command::new(\"true\").status();\n}\n"),
    ]);
    let kit = "cargo/registry/src/index-0/disk-kit-2.1.0";
    let manifest = |version: &str| format!("[package]\nname = \"disk-kit\"\nversion = \"{version}\"\n");
    folder.write(
        &format!("{kit}/Cargo.toml"),
        format!("{}[dependencies]\nolder = {{ package = \"disk-kit\", version = \"1\" }}\n", manifest("2.1.0")),
    );
    folder.write(
        &format!("{kit}/src/lib.rs"),
        "pub mod store;\nmod inner;\npub use inner::load;\n\npub fn wait() {\n    older::wait();\n}\n\nimpl store::Store {\n    \
         pub fn size(&self) {\n        load(self.name());\n    }\n}\n",
    );
    folder.write(
        &format!("{kit}/src/inner.rs"),
        "pub fn load(path: &str) {\n    let _ = std::fs::read_to_string(path);\n}\n",
    );
    folder.write(
        &format!("{kit}/src/store.rs"),
        "pub struct Store {\n    name: String,\n}\n\nimpl Store {\n    pub fn new(name: &str) -> Self {\n        \
         Self { name: name.to_owned() }\n    }\n\n    pub fn name(&self) -> &str {\n        &self.name\n    }\n}\n",
    );
    let older = "cargo/registry/src/index-0/disk-kit-1.0.0";
    folder.write(&format!("{older}/Cargo.toml"), manifest("1.0.0"));
    folder.write(
        &format!("{older}/src/lib.rs"),
        "pub fn wait() {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}\n",
    );
    folder
}

#[test]
fn evidence_leads_through_the_crates_of_the_lock_file() {
    let folder = rust();
    let expected = [
        "src/main.rs:5 blocking-file < disk-kit-2.1.0/src/inner.rs:2",
        "src/main.rs:6 blocking-sleep < disk-kit-1.0.0/src/lib.rs:2",
        "src/main.rs:8 blocking-file < disk-kit-2.1.0/src/inner.rs:2",
        "src/main.rs:10 blocking-process < near-0.2.0/src/lib.rs:2",
    ];
    assert_eq!(found(&folder, &[]), expected);
    assert_eq!(found(&folder, &["--no-deps"]), [""; 0]);
    std::fs::remove_file(folder.at("work/Cargo.lock")).expect("it can be removed");
    assert_eq!(found(&folder, &[]), [""; 0]);
}

/// A rule that follows futures into a crate asks what the file that it judges is set to, not one that has no settings.
#[test]
fn rules_look_into_futures_of_a_crate() {
    let folder = rust();
    folder.write(
        "work/src/main.rs",
        "use tokio::{net::TcpStream, sync::mpsc::Receiver};\n\nasync fn serve(mut stream: TcpStream, mut stop: Receiver<()>) {\n    \
         loop {\n        tokio::select! {\n            _ = disk::pull(&mut stream) => {}\n            \
         Some(()) = stop.recv() => println!(\"on\"),\n        }\n    }\n}\n",
    );
    folder.write(
        "cargo/registry/src/index-0/disk-kit-2.1.0/src/lib.rs",
        "use tokio::{io::AsyncReadExt, net::TcpStream};\n\npub async fn pull(stream: &mut TcpStream) {\n    step(stream).await\n}\n\n\
         async fn step(stream: &mut TcpStream) {\n    let mut bytes = [0; 8];\n    \
         stream.read_exact(&mut bytes).await.unwrap();\n}\n",
    );
    for profile in ["recommended", "all"] {
        assert_eq!(found(&folder, &["--profile", profile]), ["src/main.rs:6 cancel-unsafe-select"]);
    }
}

/// What a method is handed it may not call, and what a macro is given it may not evaluate: of a library, only what is always done
/// counts.
#[test]
fn what_a_crate_may_not_call_is_not_told() {
    let folder = rust();
    let calls = ["or_else", "closure", "mapped", "entered", "failed", "asserted", "logged", "asked", "always", "each"];
    let call = |name: &&str| format!("    disk::{name}(input());\n");
    let calls: String = calls.iter().map(call).collect();
    folder.write("work/src/main.rs", format!("fn input() -> Option<u64> {{\n    std::env::args().count().try_into().ok()\n}}\n\nasync fn run() {{\n{calls}}}\n"));
    folder.write(
        "cargo/registry/src/index-0/disk-kit-2.1.0/src/lib.rs",
        "fn slow() -> u64 {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n    1\n}\n\n\
         pub fn or_else(it: Option<u64>) -> u64 {\n    it.unwrap_or_else(slow)\n}\n\n\
         pub fn closure(it: Option<u64>) -> u64 {\n    it.unwrap_or_else(|| slow())\n}\n\n\
         pub fn mapped(it: Option<u64>) -> Option<u64> {\n    it.map(|_| slow())\n}\n\n\
         pub fn entered(_: Option<u64>) -> u64 {\n    let mut all = std::collections::HashMap::new();\n    *all.entry(1).or_insert_with(slow)\n}\n\n\
         pub fn failed(it: Option<u64>) -> Result<u64, u64> {\n    it.ok_or(1).map_err(|_| slow())\n}\n\n\
         pub fn asserted(it: Option<u64>) {\n    assert!(it.is_some(), \"{}\", slow());\n}\n\n\
         pub fn logged(_: Option<u64>) {\n    log::debug!(\"{}\", slow());\n}\n\n\
         pub fn asked(it: Option<u64>) -> Option<u64> {\n    it?;\n    Some(slow())\n}\n\n\
         pub fn always(it: Option<u64>) -> u64 {\n    it.unwrap_or(slow())\n}\n\n\
         pub fn each(_: Option<u64>) -> Vec<u64> {\n    [1, 2].iter().map(|_| slow()).collect()\n}\n",
    );
    let end = "disk-kit-2.1.0/src/lib.rs:2";
    let expected = [14, 15].map(|line| format!("src/main.rs:{line} blocking-sleep < {end}"));
    assert_eq!(found(&folder, &[]), expected);
}

#[test]
fn sources_in_vendor_are_found() {
    let folder = rust();
    std::fs::create_dir_all(folder.at("work/vendor")).expect("folders can be made");
    for (from, to) in [("disk-kit-2.1.0", "disk-kit"), ("disk-kit-1.0.0", "disk-kit-1.0.0")] {
        let from = folder.at("cargo/registry/src/index-0").join(from);
        std::fs::rename(from, folder.at("work/vendor").join(to)).expect("folders can be moved");
        folder.write(&format!("work/vendor/{to}/.cargo-checksum.json"), "{}");
    }
    for path in [".", "src"] {
        let found = found(&folder, &[path]);
        let first = found.first().map(String::as_str);
        assert_eq!(first, Some("src/main.rs:5 blocking-file < disk-kit-2.1.0/src/inner.rs:2"));
        assert_eq!(found.len(), 4, "{found:?}");
    }
}

#[test]
fn a_manifest_that_does_not_parse_is_a_warning() {
    let folder = rust();
    folder.write("work/Cargo.toml", "[package\n");
    let ran = run(&folder, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    let warnings: Vec<&str> = ran.err.lines().filter(|line| line.contains("Cargo.toml")).collect();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("is not read")), "{}", ran.err);
}

#[test]
fn the_order_of_threads_decides_nothing() {
    let folder = rust();
    for number in 0..30 {
        let code = format!("use disk::load;\n\npub async fn f{number}() {{\n    load(\"a\");\n    disk::wait();\n}}\n");
        folder.write(&format!("work/src/bin/b{number}.rs"), code);
    }
    let all = |threads: &str| run(&folder, &["--threads", threads]).out;
    let one = all("1");
    assert_eq!(one.lines().count(), 64);
    for threads in ["2", "5", "16"] {
        assert_eq!(all(threads), one);
    }
}

#[test]
fn what_an_earlier_run_found_counts_until_another_version_is_installed() {
    let code = "import kit\n\n\nasync def f():\n    kit.run()\n";
    let folder = python(code, &[("kit.py", "def run():\n    pass\n"), ("kit-1.0.dist-info/METADATA", "")]);
    assert_eq!(found(&folder, &[]), [""; 0]);
    std::fs::remove_dir_all(folder.at(&format!("{SITE}/kit-1.0.dist-info"))).expect("it can be removed");
    folder.write(&format!("{SITE}/kit-1.1.dist-info/METADATA"), "");
    folder.write(&format!("{SITE}/kit.py"), "def run():\n    open('a')\n");
    let expected = ["app.py:5 blocking-file < kit-1.1/kit.py:2"];
    assert_eq!(found(&folder, &[]), expected);
    assert_eq!(found(&folder, &[]), expected, "from the cache or not");
    assert_eq!(found(&folder, &["--no-deps"]), [""; 0]);
}

// Commands of a pipeline are kept until it is executed, and inherited from the client all the same.
#[test]
fn what_a_table_tells_of_a_class_holds_of_those_it_knows_to_derive_from_it() {
    let code = "import redis\n\n\nasync def f():\n    client = redis.Redis()\n    client.set(1, 2)\n    pipe = client.pipeline()\n    \
                pipe.set(1, 2)\n    pipe.execute()\n";
    let folder = python(
        code,
        &[
            ("redis/__init__.py", "from redis.client import Redis\n"),
            (
                "redis/client.py",
                "class Commands:\n    def set(self, key, value):\n        return self.send(key, value)\n\n\n\
                 class Redis(Commands):\n    def pipeline(self):\n        return Pipeline()\n\n    def send(self, *args):\n        \
                 return self.socket.send(args)\n\n\nclass Pipeline(Redis):\n    def send(self, *args):\n        self.kept.append(args)\n\n    \
                 def execute(self):\n        return self.kept\n",
            ),
            ("redis-8.1.0.dist-info/METADATA", ""),
        ],
    );
    assert_eq!(found(&folder, &[]), ["app.py:6 blocking-database", "app.py:9 blocking-database"]);
}

#[test]
fn each_project_has_its_own_environment() {
    let app = "import dep\n\n\nasync def main():\n    dep.nap()\n";
    let slow = "import time\n\n\ndef nap():\n    time.sleep(1)\n";
    let site = |of: &str| format!("work/{of}/.venv/lib/python3.12/site-packages/dep.py");
    let folder = Folder::new(&[
        PYPROJECT,
        ("work/.git/HEAD", ""),
        ("work/a/app.py", app),
        ("work/b/app.py", app),
        ("work/app.py", app),
    ]);
    folder.write(&site("a"), slow);
    folder.write(&site("b"), "def nap(): ...\n");
    let slept = |paths: &[&str]| found(&folder, paths);
    assert_eq!(slept(&[]), ["a/app.py:5 blocking-sleep < site-packages/dep.py:5"]);
    assert_eq!(slept(&["b", "a"]), ["a/app.py:5 blocking-sleep < site-packages/dep.py:5"]);
    assert_eq!(slept(&["b/app.py"]), [""; 0]);
    folder.write("work/.venv/lib/python3.12/site-packages/dep.py", slow);
    assert_eq!(slept(&[]).len(), 2);
    assert_eq!(slept(&["b"]), [""; 0]);
    assert_eq!(slept(&["a/app.py"]).len(), 1);
}

#[test]
fn what_is_installed_comes_before_what_lies_elsewhere() {
    let slow = "import time\n\n\ndef nap():\n    time.sleep(1)\n";
    let quiet = "def nap(): ...\n";
    let app = "import dep\n\n\nasync def main():\n    dep.nap()\n";
    for place in ["tests/dep.py", "examples/dep/__init__.py", "svc/dep/__init__.py"] {
        let folder = python(app, &[("dep/__init__.py", quiet)]);
        folder.write(&format!("work/{place}"), slow);
        assert_eq!(found(&folder, &[]), [""; 0], "{place}");
        let folder = python(app, &[("dep/__init__.py", slow)]);
        folder.write(&format!("work/{place}"), quiet);
        assert_eq!(found(&folder, &[]), ["app.py:5 blocking-sleep < site-packages/dep/__init__.py:5"], "{place}");
    }
    // What is on the way up is the project's own.
    let folder = python("", &[("dep/__init__.py", quiet)]);
    folder.write("work/src/dep/__init__.py", slow);
    folder.write("work/tests/test_dep.py", app);
    assert_eq!(found(&folder, &[]), ["tests/test_dep.py:5 blocking-sleep < src/dep/__init__.py:5"]);
}

#[test]
fn what_package_managers_have_put_there_is_not_checked() {
    let code = "import time\n\n\nasync def f():\n    time.sleep(1)\n";
    let rust = "pub async fn f() {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}\n";
    let folder = Folder::new(&[PYPROJECT, ("work/app.py", code)]);
    for (path, text) in [
        ("package/kit/__init__.py", code),
        ("package/six.py", code),
        ("package/handler.py", code),
        ("package/kit-1.0.dist-info/INSTALLER", "pip\n"),
        ("package/kit-1.0.dist-info/RECORD", "kit/__init__.py,,\nsix.py,sha256=x,1\n"),
        (".cargo/registry/src/index-1/low-1.0.0/src/lib.rs", rust),
        ("third_party/rust/low/.cargo-checksum.json", "{}"),
        ("third_party/rust/low/src/lib.rs", rust),
        ("home/git/checkouts/low-1/0123456/.cargo-ok", ""),
        ("home/git/checkouts/low-1/0123456/src/lib.rs", rust),
    ] {
        folder.write(&format!("work/{path}"), text);
    }
    assert_eq!(found(&folder, &[]), ["app.py:5 blocking-sleep", "package/handler.py:5 blocking-sleep"]);
    // Who asks for just that gets it.
    assert_eq!(found(&folder, &["third_party/rust"]), ["third_party/rust/low/src/lib.rs:2 blocking-sleep"]);
    assert_eq!(found(&folder, &["package", "third_party/rust/low"]).len(), 4);
}

const NAP: &str = "pub fn nap() {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}\n";
const QUIET: &str = "pub fn nap() {}\n";

/// A package `work` that sleeps in what its dependencies are called, one line each from the second on.
fn work(dependencies: &str, locked: &str, called: &[&str]) -> Folder {
    let calls: String = called.iter().map(|it| format!("    {it};\n")).collect();
    let package = "[package]\nname = \"work\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    Folder::new(&[
        ("work/Cargo.toml", &format!("{package}{dependencies}")),
        ("work/Cargo.lock", &format!("version = 4\n[[package]]\nname = \"work\"\nversion = \"0.1.0\"\n{locked}")),
        ("work/src/lib.rs", &format!("pub async fn f() {{\n{calls}}}\n")),
    ])
}

fn locked(name: &str, version: &str) -> String {
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
    )
}

fn write_crate(folder: &Folder, at: &str, name: &str, version: &str, text: &str) {
    folder.write(&format!("{at}/Cargo.toml"), format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n"));
    folder.write(&format!("{at}/src/lib.rs"), text);
}

#[test]
fn crates_go_by_the_names_that_code_has_for_them() {
    let registry = "cargo/registry/src/index.crates.io-1";
    let all = ["rust-ini", "far"].map(|it| locked(it, "1.0.0")).concat();
    let folder = work(
        "[dependencies]\nrust-ini = \"1\"\nur3 = { package = \"ureq\", version = \"3\" }\nureq = { package = \"far\", version = \"1\" }\n",
        &format!("dependencies = [\"rust-ini\", \"far\", \"ureq\"]\n{all}"),
        &["ini::nap()", "let _ = ur3::get(\"x\").call()", "let _ = ureq::get(\"x\").call()", "ureq::nap()"],
    );
    write_crate(&folder, &format!("{registry}/rust-ini-1.0.0"), "rust-ini", "1.0.0", NAP);
    let manifest = "[package]\nname = \"rust-ini\"\nversion = \"1.0.0\"\n[lib]\nname = \"ini\"\n";
    folder.write(&format!("{registry}/rust-ini-1.0.0/Cargo.toml"), manifest);
    write_crate(&folder, &format!("{registry}/far-1.0.0"), "far", "1.0.0", NAP);
    assert_eq!(
        found(&folder, &[]),
        [
            "src/lib.rs:2 blocking-sleep < rust-ini-1.0.0/src/lib.rs:2",
            "src/lib.rs:3 blocking-network",
            "src/lib.rs:5 blocking-sleep < far-1.0.0/src/lib.rs:2",
        ]
    );
}

#[test]
fn of_two_versions_what_is_asked_for_tells() {
    let registry = "cargo/registry/src/index.crates.io-1";
    let all = ["1.0.0", "2.0.0"].map(|it| locked("dep", it)).concat();
    let folder = work(
        "[dependencies]\ndep1 = { package = \"dep\", version = \"1\" }\ndep2 = { package = \"dep\", version = \"2\" }\n",
        &format!("dependencies = [\"dep 1.0.0\", \"dep 2.0.0\"]\n{all}"),
        &["dep1::nap()", "dep2::nap()"],
    );
    write_crate(&folder, &format!("{registry}/dep-1.0.0"), "dep", "1.0.0", QUIET);
    write_crate(&folder, &format!("{registry}/dep-2.0.0"), "dep", "2.0.0", NAP);
    assert_eq!(found(&folder, &[]), ["src/lib.rs:3 blocking-sleep < dep-2.0.0/src/lib.rs:2"]);
    // Another registry has one of the same name and version.
    write_crate(&folder, "cargo/registry/src/a.example.com-1/dep-2.0.0", "dep", "2.0.0", QUIET);
    assert_eq!(found(&folder, &[]), ["src/lib.rs:3 blocking-sleep < dep-2.0.0/src/lib.rs:2"]);
}

#[test]
fn crates_lie_where_manifests_and_configurations_say() {
    let folder = work(
        "[dependencies]\nshared = { path = \"../shared\" }\nmended = \"1\"\nbought = \"1\"\n[patch.crates-io]\nmended = { path = \"../patched/mended\" }\n",
        &format!(
            "dependencies = [\"bought\", \"mended\", \"shared\"]\n{}{}[[package]]\nname = \"mended\"\nversion = \"1.0.0\"\n\
             [[package]]\nname = \"shared\"\nversion = \"0.1.0\"\ndependencies = [\"deep\"]\n",
            locked("bought", "1.0.0"),
            locked("deep", "1.0.0")
        ),
        &["shared::go()", "mended::nap()", "bought::nap()"],
    );
    write_crate(&folder, "shared", "shared", "0.1.0", "pub fn go() {\n    deep::nap();\n}\n");
    folder.write(
        "shared/Cargo.toml",
        "[package]\nname = \"shared\"\nversion = \"0.1.0\"\n[dependencies]\ndeep = \"1\"\n",
    );
    write_crate(&folder, "cargo/registry/src/index.crates.io-1/deep-1.0.0", "deep", "1.0.0", NAP);
    write_crate(&folder, "patched/mended", "mended", "1.0.0", NAP);
    write_crate(&folder, "sources/bought", "bought", "1.0.0", NAP);
    folder.write(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\ndirectory = \"sources\"\n",
    );
    assert_eq!(
        found(&folder, &[]),
        [
            "src/lib.rs:2 blocking-sleep < deep-1.0.0/src/lib.rs:2",
            "src/lib.rs:3 blocking-sleep < mended-1.0.0/src/lib.rs:2",
            "src/lib.rs:4 blocking-sleep < bought-1.0.0/src/lib.rs:2",
        ]
    );
}

#[test]
fn coroutines_of_a_library_are_told_where_they_are_handed_to_the_loop() {
    let kit = "import contextlib\nimport time\n\n\nasync def go():\n    time.sleep(1)\n\n\nclass Session:\n    async def __aenter__(self):\n        \
               time.sleep(1)\n        return self\n\n    async def __aexit__(self, *_): ...\n\n    def __aiter__(self):\n        return self\n\n    \
               async def __anext__(self):\n        time.sleep(1)\n\n\n@contextlib.asynccontextmanager\nasync def opened():\n    time.sleep(1)\n    \
               yield 1\n\n\nasync def rows():\n    time.sleep(1)\n    yield 1\n\n\nasync def quiet(): ...\n";
    let code = "import asyncio\nimport kit\n\n\nasync def f():\n    await asyncio.gather(kit.go(), kit.quiet())\n    \
                kept = asyncio.create_task(kit.go())\n    await asyncio.wait_for(kit.go(), 1)\n    async with asyncio.TaskGroup() as group:\n        \
                group.create_task(kit.go())\n    async with kit.Session() as session:\n        async for _ in session:\n            pass\n    \
                async with kit.opened():\n        pass\n    async for _ in kit.rows():\n        pass\n    await kept\n    \
                await asyncio.gather(*[kit.go() for _ in range(3)])\n    unused = kit.go\n    asyncio.gather(kit.quiet())\n";
    let folder = python(code, &[("kit.py", kit)]);
    let lines: Vec<String> = found(&folder, &["--select", "blocking-sleep"])
        .iter()
        .map(|it| it.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    let expected = [6, 7, 8, 10, 11, 12, 14, 16, 19].map(|line| format!("app.py:{line}"));
    assert_eq!(lines, expected);
    let registry = "cargo/registry/src/index.crates.io-1";
    let calls = [
        "let kept = tokio::spawn(dep::go())",
        "let _ = tokio::time::timeout(std::time::Duration::from_secs(1), dep::go()).await",
        "let _ = kept.await",
    ];
    let folder =
        work("[dependencies]\ndep = \"1\"\n", &format!("dependencies = [\"dep\"]\n{}", locked("dep", "1.0.0")), &calls);
    let go = NAP.replace("pub fn nap", "pub async fn go");
    write_crate(&folder, &format!("{registry}/dep-1.0.0"), "dep", "1.0.0", &go);
    let ends = "blocking-sleep < dep-1.0.0/src/lib.rs:2";
    assert_eq!(found(&folder, &["--select", "blocking-sleep"]), [2, 3].map(|line| format!("src/lib.rs:{line} {ends}")));
}
