//! Files that do not parse: what is broken costs itself, and nothing else.

mod support;

use support::Folder;

const PYTHON: &str = "
async def first():
    time.sleep(1)


class Shop:
    async def second(self):
        time.sleep(1)

    @property
    async def third(self):
        text = '''
def not_code():
'''
        time.sleep(1)


async def fourth():
    time.sleep(1)
";

const RUST: &str = "
async fn first() { std::thread::sleep(D) }

pub struct Shop;

impl Shop {
    pub async fn second(&self) { std::thread::sleep(D) }
    async fn third() { std::thread::sleep(D) }
}

#[inline]
pub(crate) async fn fourth() { std::thread::sleep(D) }
";

/// The lines of findings in a file that begins with something broken, counted from where it is not.
fn lines_after(name: &str, broken: &str, whole: &str) -> Vec<usize> {
    let folder = Folder::new(&[(name, &[broken, whole].concat())]);
    let ran = folder.run(&["check", "--output-format", "concise"]);
    assert!(ran.err.contains("does not parse"), "{broken}: {}", ran.err);
    let offset = broken.lines().count();
    let line = |it: &str| it.split(':').nth(1).and_then(|it| it.parse::<usize>().ok());
    ran.out.lines().filter_map(line).filter_map(|it| it.checked_sub(offset)).collect()
}

#[test]
fn a_broken_statement_of_python_costs_itself() {
    for broken in [
        "import time\nif (x:\n    y\n",
        "import time\nasync def g():\n    foo(1, 2\n",
        "import time\nx = [1,\n",
        "import time\ndef g(:\n    pass\n",
        "import time\nasync def g():\n    return [\n",
        "import time\nclass A(:\n    def f(self): ...\n",
        "import time\nx = {'a': (1}\n",
        "import time\ndef f():\n    x = 'no end\n    y = (\n",
        "import time\nfor x in\n    pass\n",
    ] {
        assert_eq!(lines_after("a.py", broken, PYTHON), [3, 8, 15, 19], "{broken}");
    }
}

#[test]
fn a_broken_method_of_python_costs_itself() {
    let shop = |broken: &str| {
        format!(
            "import time\n\n\nclass Shop:\n    def __init__(self):\n        self.x = 1\n\n    async def broken(self):\n{broken}\n    \
             async def whole(self):\n        time.sleep(1)\n\n        async def inner():\n            time.sleep(1)\n"
        )
    };
    for broken in
        ["        self.f(1, (\n", "        if x\n            time.sleep(1)\n", "        x = {\n\n        y = 1\n"]
    {
        let text = shop(broken);
        let whole = text.lines().position(|it| it.contains("def whole")).expect("there");
        let folder = Folder::new(&[("a.py", &text)]);
        let lines: Vec<usize> = (folder.found(&[]).iter())
            .filter_map(|it| it.split([':', ' ']).nth(1)?.parse::<usize>().ok()?.checked_sub(whole + 1))
            .collect();
        assert_eq!(lines, [1, 4], "{text}");
    }
}

#[test]
fn a_broken_item_of_rust_costs_itself() {
    for broken in [
        "x\n",
        "struct S\n",
        "fn bad()\n",
        "pub async fn bad(x: ) -> u8 { 1 }\n",
        "fn bad() -> impl use<> Sized {}\n",
        "fn bad() { let x = ; }\n",
        "const X: u8 = 1\n",
        "struct S { x: }\n",
        "let x = 1;\n",
    ] {
        let found = lines_after("a.rs", &["use std::time::Duration as D;\n", broken].concat(), RUST);
        assert_eq!(found, [2, 7, 8, 12], "{broken}");
    }
}
