//! A session finds after every change what an analysis of the changed tree finds.

#[path = "support/pieces.rs"]
mod pieces;
#[path = "session/random.rs"]
mod random;

use std::sync::Arc;

use asynclint::analysis::Input;
use asynclint::finding::Sources;
use asynclint::knowledge::Knowledge;
use asynclint::rules::{Profile, RuleSet};
use asynclint::session::Session;
use asynclint::source::{Language, Source};
use asynclint::suppress::Options;
use camino::Utf8Path;

fn input(path: &str, text: &str) -> Input {
    let language = if path.ends_with(".rs") { Language::Rust } else { Language::Python };
    let relevant = asynclint::discover::can_matter(language, text);
    Input { source: Source::new(path, language, text), rules: RuleSet::of_profile(Profile::Recommended), relevant }
}

fn session(files: &[(String, String)]) -> Session {
    let inputs = files.iter().map(|(path, text)| input(path, text)).collect();
    Session::of(inputs, Knowledge::default(), Arc::default(), Options::default())
}

/// All that is found, with what reports tell of its places.
fn told(session: &Session) -> Vec<String> {
    let found = session.found();
    let line = |finding: &asynclint::finding::Finding| {
        let places = finding.places().map(|place| {
            let source = session.source(place.file);
            format!("{}:{}", source.path, source.line_of(place.span.start) + 1)
        });
        format!("{} {:?}", places.collect::<Vec<_>>().join(" "), finding)
    };
    let kept = found.kept.iter().map(line);
    kept.chain(found.suppressed.iter().map(|(finding, reason)| format!("{reason:?} {}", line(finding)))).collect()
}

/// The same tree under change: as a session, and as texts.
struct Pair {
    session: Session,
    files: Vec<(String, String)>,
}

impl Pair {
    fn new(files: &[(&str, &str)]) -> Self {
        let mut files: Vec<(String, String)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        files.sort();
        Self { session: session(&files), files }
    }

    /// Gives the paths of files in which something else is found.
    fn change(&mut self, path: &str, text: &str) -> Vec<String> {
        let before: Vec<_> = self.files.iter().map(|(path, _)| (path.clone(), self.found_in(path))).collect();
        let changed = self.session.change(Utf8Path::new(path), text).expect("the file is there");
        self.files.iter_mut().filter(|it| it.0 == path).for_each(|it| it.1 = text.to_owned());
        self.agree();
        let changed: Vec<String> = changed.into_iter().map(|it| self.session.member(it).path.to_string()).collect();
        for (path, before) in before {
            assert!(changed.contains(&path) || before == self.found_in(&path), "{path} is told to be the same");
        }
        changed
    }

    fn found_in(&self, path: &str) -> String {
        let file = self.session.file(Utf8Path::new(path)).expect("the file is there");
        format!("{:?}", self.session.found_in(file))
    }

    fn add(&mut self, path: &str, text: &str) {
        self.files.retain(|it| it.0 != path);
        self.files.push((path.to_owned(), text.to_owned()));
        self.files.sort();
        take(&mut self.session, |session| session.with_file(input(path, text)));
        self.agree();
    }

    fn remove(&mut self, path: &str) {
        self.files.retain(|it| it.0 != path);
        take(&mut self.session, |session| session.without_file(Utf8Path::new(path)));
        self.agree();
    }

    fn agree(&self) {
        let (here, afresh) = (told(&self.session), told(&session(&self.files)));
        assert_eq!(here, afresh, "{:#?}", self.files);
    }

    fn says(&self, part: &str) -> bool {
        told(&self.session).iter().any(|it| it.contains(part))
    }
}

fn take(session: &mut Session, change: impl FnOnce(Session) -> Session) {
    let before = std::mem::replace(session, self::session(&[]));
    *session = change(before);
}

const CHAIN: &[(&str, &str)] = &[
    ("app/__init__.py", ""),
    ("app/far.py", "from app.near import near\n\n\nasync def handle():\n    near()\n"),
    ("app/near.py", "from app.deep import deep\n\n\ndef near():\n    return deep()\n"),
    ("app/deep.py", "import time\n\n\ndef deep():\n    time.sleep(1)\n"),
    ("app/alone.py", "import time\n\n\nasync def alone():\n    time.sleep(2)\n"),
];

#[test]
fn what_a_far_file_does_is_seen() {
    let mut pair = Pair::new(CHAIN);
    assert!(pair.says("app/far.py:5 "));
    assert_eq!(pair.change("app/deep.py", "import time\n\n\ndef deep():\n    return 1\n"), ["app/far.py"]);
    assert!(!pair.says("app/far.py:5 "));
    assert_eq!(pair.change("app/deep.py", "import time\n\n\ndef deep():\n    return time.sleep(1)\n"), ["app/far.py"]);
    // The evidence stands on another line.
    assert_eq!(
        pair.change("app/deep.py", "import time\n\n\n\n\ndef deep():\n    return time.sleep(1)\n"),
        ["app/far.py"]
    );
    // Another kind of thing under the same name.
    pair.change("app/near.py", "from app.deep import deep\n\n\nasync def near():\n    return deep()\n");
    assert!(pair.says("app/near.py:5 "));
    pair.change("app/near.py", "from app.deep import deep\n\n\ndef nearer():\n    return deep()\n");
    assert!(!pair.says("app/far.py:5 "));
    pair.change("app/near.py", "def helper(): ...\n\n\ndef near():\n    import time\n    time.sleep(3)\n");
    assert!(pair.says("app/far.py:5 "));
}

#[test]
fn names_come_and_go() {
    let mut pair = Pair::new(&[
        ("a.py", "from b import late\nimport b\n\n\nasync def a():\n    late()\n    b.later()\n"),
        ("b.py", "from c import *\n"),
        ("c.py", "import time\n\n\ndef first(): ...\n"),
        ("d.py", "import c\n\n\nasync def d():\n    c.first()\n    c.late()\n"),
    ]);
    let more = |name: &str| format!("import time\n\n\ndef first(): ...\n\n\ndef {name}():\n    time.sleep(1)\n");
    assert_eq!(pair.change("c.py", &more("late")), ["a.py", "d.py"]);
    assert_eq!(pair.change("c.py", &more("later")), ["a.py", "d.py"]);
    pair.change("c.py", "import time\nlate = time.sleep\n\n\ndef first(): ...\n");
    assert!(pair.says("a.py:6 ") && pair.says("d.py:6 "));
    pair.change("c.py", "import time\n\n\ndef first(): ...\n");
    assert!(!pair.says("a.py:6 ") && !pair.says("d.py:6 "));
    // One that the file itself has asked for before.
    pair.change("c.py", "import time\n\n\ndef first():\n    return late()\n");
    pair.change("c.py", "import time\n\n\ndef first():\n    return late()\n\n\ndef late():\n    time.sleep(1)\n");
    assert!(pair.says("d.py:5 "));
}

#[test]
fn functions_that_move_are_the_same() {
    let deep = |more: &str, end: &str| {
        format!(
            "import time\n\n{more}\ndef wrap(f):\n    def inner(*args):\n        return f(*args)\n    return inner\n\n\ndef deep():\n    \
             time.sleep(1)\n\n\ndef quiet():\n    return lambda: 1\n\n\ndef other():\n    deep()\n{end}"
        )
    };
    let users = "from m import deep, quiet, other, wrap\n\n\n@wrap\ndef load():\n    other()\n\n\nasync def use():\n    quiet()\n    \
                 deep()\n    load()\n";
    let mut pair = Pair::new(&[("m.py", &deep("", "")), ("use.py", users)]);
    assert!(pair.says("use.py:11 ") && pair.says("use.py:12 ") && !pair.says("use.py:10 "));
    for (more, end) in [
        ("def more():\n    quiet()\n", ""),
        ("def more():\n    deep()\n\n\ndef less(): ...\n", "\n\ndef last():\n    return lambda: deep()\n"),
        ("def less(): ...\n", ""),
        ("", "\n\ndef last(): ...\n"),
        ("", ""),
        // A name that is asked for.
        ("def quiet():\n    time.sleep(1)\n", ""),
    ] {
        pair.change("m.py", &deep(more, end));
        assert!(pair.says("use.py:11 ") && pair.says("use.py:12 ") && !pair.says("use.py:10 "), "{more}");
    }
}

/// Each function runs the same functions, at as many places: what it gives them, of which class its objects are and on which lines
/// it all stands may be something else.
#[test]
fn who_runs_the_same_may_mean_something_else() {
    let m = "import time\n\n\nclass Fast:\n    def go(self): ...\n\n\nclass Slow(Fast):\n    def go(self):\n        time.sleep(1)\n\n\n\
             def run(it: Fast):\n    it.go()\n\n\ndef on(it: Fast, other: Fast):\n    run(it)\n\n\n\
             def may(wait):\n    if wait:\n        time.sleep(1)\n";
    let users = "from m import Fast, Slow, may, on\n\n\ndef way(wait):\n    may(wait)\n\n\nasync def use():\n    way(True)\n    \
                 on(Slow(), Fast())\n";
    let mut pair = Pair::new(&[("m.py", m), ("use.py", users)]);
    assert!(pair.says("use.py:9 ") && pair.says("use.py:10 "));
    for (from, to, waits, goes) in [
        ("", "", true, true),
        ("way(True)", "way(False)", false, true),
        ("on(Slow(), Fast())", "on(Fast(), Slow())", true, false),
        ("may(wait)", "may(not wait)", false, true),
        ("may(wait)", "may(0)", false, true),
    ] {
        pair.change("use.py", &users.replace(from, to));
        assert_eq!((pair.says("use.py:9 "), pair.says("use.py:10 ")), (waits, goes), "{to}");
        pair.change("use.py", users);
    }
    for (from, to, waits, goes) in [
        ("    run(it)", "    run(other)", true, false),
        ("    it.go()", "    it = Fast()\n    it.go()", true, false),
        ("if wait", "if not wait", false, true),
        ("    it.go()", "    pass\n    it.go()", true, true),
        ("(it: Fast)", "(one, it: Fast)", true, false),
        ("(wait)", "(wait=None)", true, true),
        ("(Fast):\n    def go", "(Fast):\n    def went", true, false),
        ("    def go(self): ...", "    def went(self): ...\n\n    def go(self): ...", true, true),
    ] {
        pair.change("m.py", &m.replace(from, to));
        assert_eq!((pair.says("use.py:9 "), pair.says("use.py:10 ")), (waits, goes), "{to}");
        pair.change("m.py", m);
        assert!(pair.says("use.py:9 ") && pair.says("use.py:10 "), "{to}");
    }
}

#[test]
fn any_number_of_threads_finds_the_same() {
    let texts: Vec<(String, String)> = (0..40)
        .map(|number| {
            let next = (number * 7 + 3) % 40;
            let text = format!(
                "import time\nfrom m{next} import f{next}\n\n\nasync def a{number}():\n    f{next}()\n\n\ndef f{number}():\n    \
                 f{next}()\n    {}\n",
                if number % 5 == 0 { "time.sleep(1)" } else { "pass" }
            );
            (format!("m{number}.py"), text)
        })
        .collect();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
        pool.install(|| {
            let mut session = session(&texts);
            let mut all = vec![told(&session)];
            for number in [0, 5, 12] {
                let quiet = format!("def f{number}(): ...\n");
                let changed = session.change(Utf8Path::new(&format!("m{number}.py")), quiet.as_str());
                all.push(vec![format!("{changed:?}")]);
                all.push(told(&session));
            }
            all
        })
    };
    let alone = with(1);
    assert!(alone[0].len() > 30, "{alone:#?}");
    assert!(with(2) == alone && with(8) == alone);
}

#[test]
fn files_come_and_go() {
    let mut pair = Pair::new(CHAIN);
    pair.remove("app/deep.py");
    assert!(!pair.says("app/far.py:5 "));
    pair.add("app/deep.py", "from time import sleep as deep\n");
    assert!(pair.says("app/far.py:5 "));
    pair.add("app/zoo.py", "from app.near import near\n\n\nasync def zoo():\n    near()\n");
    assert!(pair.says("app/zoo.py:5 "));
    pair.change("app/deep.py", "def deep(): ...\n");
    assert!(!pair.says("app/zoo.py:5 ") && !pair.says("app/far.py:5 ") && pair.says("app/alone.py:5 "));
    // A name that was a library's.
    pair.add("app/time.py", "def sleep(seconds): ...\n");
    pair.remove("app/__init__.py");
}

#[test]
fn a_file_that_says_nothing_of_async_begins_to_and_ends() {
    let mut pair = Pair::new(CHAIN);
    pair.change("app/__init__.py", "import time\n\n\nasync def first():\n    time.sleep(1)\n");
    assert!(pair.says("app/__init__.py:5 "));
    assert_eq!(pair.change("app/__init__.py", ""), ["app/__init__.py"]);
    assert_eq!(pair.change("app/alone.py", ""), ["app/alone.py"]);
    assert_eq!(pair.change("app/alone.py", ""), Vec::<String>::new());
}

#[test]
fn what_is_handed_to_the_loop_elsewhere_is_on_it() {
    let mut pair = Pair::new(&[
        (
            "a.py",
            "import asyncio\nfrom b import tick\n\n\nasync def main(loop: asyncio.AbstractEventLoop):\n    loop.call_soon(tick)\n",
        ),
        ("b.py", "import asyncio\nimport time\n\n\ndef tick():\n    time.sleep(1)\n"),
    ]);
    assert!(pair.says("b.py:6 "));
    let quiet = "import asyncio\nfrom b import tick\n\n\nasync def main(loop: asyncio.AbstractEventLoop):\n    pass\n";
    assert_eq!(pair.change("a.py", quiet), ["b.py"]);
    assert!(!pair.says("b.py:6 "));
}

#[test]
fn implementations_stand_anywhere() {
    let mut pair = Pair::new(&[
        ("src/lib.rs", "mod types;\nmod work;\nmod user;\n"),
        ("src/types.rs", "pub struct Store;\n"),
        (
            "src/work.rs",
            "use crate::types::Store;\nimpl Store {\n    pub fn load(&self) {\n        std::thread::sleep(std::time::Duration::from_secs(1));\n    }\n}\n",
        ),
        ("src/user.rs", "use crate::types::Store;\npub async fn handle(store: &Store) {\n    store.load();\n}\n"),
    ]);
    assert!(pair.says("src/user.rs:3 "));
    pair.change("src/work.rs", "use crate::types::Store;\nimpl Store {\n    pub fn load(&self) {}\n}\n");
    assert!(!pair.says("src/user.rs:3 "));
    pair.change("src/work.rs", "");
    let other = "pub struct Store;\nimpl Store {\n    pub fn load(&self) {\n        std::thread::sleep(std::time::Duration::from_secs(1));\n    }\n}\n";
    pair.change("src/types.rs", other);
    assert!(pair.says("src/user.rs:3 "));
    pair.change("src/types.rs", "pub struct Store;\n");
    pair.change("src/work.rs", "use crate::types::Store;\nimpl Store {\n    pub fn load(&self) {\n        std::thread::sleep(std::time::Duration::from_secs(1));\n    }\n}\n");
    assert!(pair.says("src/user.rs:3 "));
}

#[test]
fn implementations_are_for_what_the_name_means_now() {
    let load = "impl Store {\n    pub fn load(&self) {\n        std::thread::sleep(std::time::Duration::from_secs(1));\n    }\n}\n";
    let handle =
        |of: &str| format!("use crate::{of}::Store;\npub async fn handle(store: &Store) {{\n    store.load();\n}}\n");
    let mut pair = Pair::new(&[
        ("src/lib.rs", "mod disk;\nmod net;\nmod of_disk;\nmod of_net;\nmod types;\nmod work;\n"),
        ("src/disk.rs", "pub struct Store;\n"),
        ("src/net.rs", "pub struct Store;\n"),
        ("src/of_disk.rs", &handle("disk")),
        ("src/of_net.rs", &handle("net")),
        ("src/types.rs", "pub use crate::disk::Store;\n"),
        ("src/work.rs", &format!("use crate::types::Store;\n{load}")),
    ]);
    assert!(pair.says("src/of_disk.rs:3 ") && !pair.says("src/of_net.rs:3 "));
    // The block stands in a file that is the same.
    pair.change("src/types.rs", "pub use crate::net::Store;\n");
    assert!(!pair.says("src/of_disk.rs:3 ") && pair.says("src/of_net.rs:3 "));
}
