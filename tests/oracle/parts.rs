//! A file whose bodies are lowered one by one says what it says when it is lowered at once: of either language.

use std::path::Path;

use asynclint::model::{FileModel, FunctionId};
use asynclint::source::{Language, Source};

use crate::{below, model, pages_and_fixtures, read, root, with_stack};

/// What a file tells while no body is asked for.
fn declared(model: &FileModel) -> Vec<String> {
    let mut told = Vec::new();
    for (index, function) in model.functions.iter().enumerate() {
        // What is nested in a body comes with it.
        if function.parent.is_some() || model.name(function.name).starts_with('<') {
            continue;
        }
        let declared = model.declaration(FunctionId(index as u32));
        let params: Vec<&str> = declared.params.iter().map(|it| model.name(it.name)).collect();
        let name = model.name(declared.qualname);
        let (kind, span, yields) = (declared.kind, declared.span, declared.is_generator);
        told.push(format!("{kind:?} {name} {span:?} {params:?} {yields} {:?}", declared.class));
    }
    for class in &model.classes {
        let mut fields: Vec<&str> = class.fields.iter().map(|(name, _)| model.name(*name)).collect();
        fields.extend(class.declared.iter().map(|(name, _)| model.name(*name)));
        fields.sort_unstable();
        told.push(format!("{} {:?} {fields:?} {}", model.name(class.qualname), class.span, class.methods.len()));
    }
    for module in &model.modules {
        let mut names: Vec<&str> = module.bindings.iter().map(|it| model.name(it.name)).collect();
        names.sort_unstable();
        told.push(format!("{names:?} {} {:?}", module.globs.len(), module.exports.as_ref().map(Vec::len)));
    }
    told.sort();
    told
}

/// How many bodies were left out, and what differs.
fn differences(name: &str, text: &str) -> (usize, Vec<String>) {
    let is_rust = Path::new(name).extension().is_some_and(|it| it == "rs");
    let language = if is_rust { Language::Rust } else { Language::Python };
    let source = Source::new(name, language, text);
    let whole = if is_rust { asynclint::rust::lower(&source) } else { asynclint::python::lower(&source) };
    // What is in a body that cannot be read is another matter.
    if !whole.errors.is_empty() {
        return (0, Vec::new());
    }
    let in_parts = if is_rust { asynclint::rust::lower_in_parts } else { asynclint::python::lower_in_parts };
    let parts = in_parts(&source);
    let left_out = parts.parts_count();
    let mut problems = Vec::new();
    let mut compare = |what: &str, wanted: Vec<String>, got: Vec<String>| {
        if wanted == got {
            return;
        }
        for it in wanted.iter().filter(|it| !got.contains(it)) {
            problems.push(format!("{name}: {what} lacks {it}"));
        }
        for it in got.iter().filter(|it| !wanted.contains(it)) {
            problems.push(format!("{name}: {what} has {it}"));
        }
    };
    compare("what is declared", declared(&whole), declared(&parts));
    let mut wrong = Vec::new();
    let mut facts = |model: &FileModel| {
        let mut facts: Vec<String> = model::facts(model, &mut wrong).iter().map(|it| format!("{it:?}")).collect();
        facts.sort();
        facts
    };
    compare("the whole", facts(&whole), facts(&parts));
    compare("what is made of values", values(&whole), values(&parts));
    compare("what bodies look like", bodies(&whole), bodies(&parts));
    // No statement of Rust defines an item.
    if !is_rust {
        problems.extend(wrong);
    }
    (left_out, problems)
}

/// What each function gives back and each call is given, as far as it can be told without numbers.
fn values(model: &FileModel) -> Vec<String> {
    let kind = |value| {
        let told = format!("{:?}", model.value(value));
        let end = told.find(['(', ' ', '{']).unwrap_or(told.len());
        format!("{} {}", &told[..end], model.is_opaque(value))
    };
    let mut told: Vec<String> = model
        .all_calls()
        .map(|(_, call)| {
            let args: Vec<String> = call.args.iter().map(|arg| kind(arg.value)).collect();
            format!("{:?} {} {args:?} {:?}", call.span, kind(call.callee), call.awaited)
        })
        .collect();
    for id in model.function_ids() {
        let function = model.function(id);
        let returned: Vec<String> = function.returned.iter().map(|it| kind(*it)).collect();
        let mut locals: Vec<(&str, u32, bool)> =
            function.locals.iter().map(|it| (model.name(it.name), it.reads, it.shared)).collect();
        locals.sort_unstable();
        told.push(format!("{} {:?} {returned:?} {locals:?}", model.name(function.qualname), function.span));
    }
    told.sort();
    told
}

/// The bodies of all functions, without the numbers in them.
fn bodies(model: &FileModel) -> Vec<String> {
    let mut told: Vec<String> = model
        .function_ids()
        .map(|id| {
            let function = model.function(id);
            let told = format!("{} {:?}", model.name(function.qualname), function.body);
            told.chars().filter(|it| !it.is_ascii_digit()).collect()
        })
        .collect();
    told.sort();
    told
}

/// Gives how many bodies were left out.
fn all_alike(sources: Vec<(String, String)>) -> usize {
    with_stack(move || {
        let (mut left_out, mut problems) = (0, Vec::new());
        for (name, text) in &sources {
            let (bodies, differing) = differences(name, text);
            left_out += bodies;
            problems.extend(differing);
        }
        assert!(problems.is_empty(), "{}", problems[..problems.len().min(400)].join("\n"));
        left_out
    })
}

/// A file with this, and with two functions that surely are left out.
fn around(code: &str) -> String {
    let line = "    x = work(x, lambda y: y + x)\n".repeat(20);
    let long = |name: &str| format!("def {name}(x):\n    # Long enough.\n{line}    return x\n");
    format!("import os\n{}{code}\n{}", long("first"), long("last"))
}

#[test]
fn bodies_left_out_are_what_they_were() {
    assert!(all_alike(pages_and_fixtures()) > 100, "bodies have been left out");
}

#[test]
fn what_a_body_does_outside_of_itself_is_seen() {
    let pad = "do(something, long, enough, to, be, left, out); do(more, of, it, all)";
    let of_a_method = |code: &str| {
        around(&format!("class C(B):\n    def m(self, a, b):\n        {pad}\n        {code}\n        return a\n"))
    };
    let seen = [
        "self.x = a",
        "self.x: int = a",
        "self.x: int",
        "self.x = self.y = a",
        "a, self.x = b",
        "(self.x, self.y) = a",
        "(self.x,\n            self.y) = a",
        "[self.x, *self.y] = a",
        "(\n            self.x,\n            self.y,\n        ) = a",
        "(\n            (b, self.x),\n            c,\n        ) = a",
        "for self.x in a: pass",
        "for i, self.x in a: pass",
        "with a as self.x: pass",
        "with a as (self.x, b): pass",
        "if a: self.x = b",
        "pass; self.x = b",
        "def inner(): self.x = a",
        "self.x \\\n            = a",
        "yield",
        "a = yield b",
        "return (yield)",
        "yield from a",
        "print((yield))",
        "a = [(yield)]",
        "global G; G = a",
        "global G\n        G = a",
        "class Inner:\n            x = 1",
    ];
    for code in seen {
        assert_eq!(all_alike(vec![(code.to_owned(), of_a_method(code))]), 2, "{code}");
    }
    let head = "class C:\n    def m(  # why not\n        this,  # here\n        a,\n    ):\n";
    let long = format!("{head}        {pad}\n        this.x: int = a\n        return a\n");
    assert_eq!(all_alike(vec![("a head of several lines".to_owned(), around(&long))]), 2);
    let unseen = [
        "a = self.x == a",
        "self.x.y = a",
        "self.x[0] = a",
        "call(self.x, key=a)",
        "call(\n            self.x,\n            self.y,\n        )",
        "return self.x, a == b",
        "if (\n            self.x,\n            self.y,\n        ) == a: pass",
        "a = (\n            self.x,\n            self.y,\n        )",
        "myself.x = a",
        "a.self.x = b",
        "text = 'a class of its own, global warming, to yield'",
        "yields = a",
    ];
    for code in unseen {
        assert_eq!(all_alike(vec![(code.to_owned(), of_a_method(code))]), 3, "{code}");
    }
}

#[test]
fn texts_are_taken_apart_where_python_does() {
    let pad = "    call(enough, of, it, to, be, left, out, of, the, file, surely)\n";
    let texts = [
        // Strings that look like code.
        format!("def f():\n    \"\"\"\ndef g():\n    pass\n\"\"\"\n{pad}{pad}"),
        format!("def f():\n    x = '\\'' + \"#\" + f\"{{y['k']}}\" + rb'\\\\'\n{pad}{pad}"),
        // Comments that stand further out, blank lines, tabs.
        format!("def f():\n{pad}# not the end\n\n{pad}\nx = 1\n"),
        format!(
            "class C:\n\tdef f(self):\n\t\treturn g(\n1,\n)\n\n\tdef g(self):\n\t\t{}\n\t\treturn\n",
            "do(it); ".repeat(12)
        ),
        // Heads of several lines, annotations, defaults, decorators, `async`.
        format!(
            "@a(\n    b\n)\ndef f(\n    x: int = (1,),  # :\n    *,\n    y={{1: 2}},\n) -> 'def x():':\n{pad}{pad}"
        ),
        format!("async def f():\n    await g()\n{pad}{pad}\nasync  def h(): pass\n"),
        // In other statements, and the last line without an end.
        format!("if x:\n    def f():\n    {pad}    {pad}else:\n    def f():\n    {pad}    {pad}"),
        format!("try:\n    class C:\n        def f(self):\n        {pad}        {pad}finally:\n    pass\n"),
        format!("def f():\r\n    a = 1\r\n{}", pad.replace('\n', "\r\n").repeat(2)),
        format!("def f():\n{pad}    return g(1) ; # done\n"),
        format!("def f():\n    x = 1; \\\n    y = 2\n{pad}{pad}"),
        format!("def f():\n{pad}    def inner():\n        nonlocal_ = 1\n    {pad}    return inner\n"),
        "def f(): return 1\ndef g():\n    '''only a text, and long enough to be left out if it were worth it'''\n"
            .into(),
    ];
    for text in texts {
        assert!(all_alike(vec![(text.clone(), around(&text))]) >= 2, "{text}");
    }
    let at_the_end = format!("{}def f():\n{pad}    return 1  # the end", around(""));
    assert_eq!(all_alike(vec![("the end".to_owned(), at_the_end)]), 3);
}

/// A file of Rust with this, and with a function that surely is left out.
fn beside(code: &str) -> (String, String) {
    let text =
        format!("use a::{{b, c as d}};\nfn other(x: u8) -> u8 {{ let y = work(x, |it| it + x); y.of(b) }}\n{code}\n");
    ("beside.rs".to_owned(), text)
}

#[test]
fn bodies_of_rust_are_what_they_were() {
    let left_out = [
        "impl<T: Clone> Store<T> { fn load(&self, (a, b): (Vec<T>, u8)) -> Self { let it = Self::new(a); it.run(self.x)?; it } }",
        "trait Load { fn size(&self) -> usize; fn load(&self) { for it in self.size().items() { it.go(); } } }",
        "mod inner { use super::*; pub fn f<R: Into<T>>(r: R) -> T { fn g() { d() } g(); self::h(r.into(), super::b) } fn h() {} }",
        "async fn f(x: Arc<Mutex<u8>>) { let guard = x.lock().unwrap(); tokio::select! { a = g(x) => a, _ = h() => 1 }; }",
        "pub(crate) const unsafe fn f(\u{e9}t\u{e9}: u8) { g(\"\u{1d11e} }\", '}'); \u{e9}t\u{e9}.h(|x| x.\u{e9}()) }",
        "cfg_if! { if #[cfg(unix)] { fn f() { use std::fs::*; read_to_string(\"long enough\") } } }",
        "#[cfg(test)] mod tests { fn f() { let it = super::g(); assert_eq!(it.run(), 1, \"{it}\"); } }",
        "fn f() -> impl Fn() { if let Some(x) = y.lock().get() { return move || x.go(); } stream! { yield g().await; } }",
    ];
    for code in left_out {
        assert_eq!(all_alike(vec![beside(code)]), 2, "{code}");
    }
    let kept = [
        "fn f() { struct A { x: Store } impl A { fn g(&self) { self.x.load() } } A::new().g() }",
        "fn f() { type A = b::Store; A::new().load(); g() } // and more",
        "fn f() { use b as x; mod y { pub fn z() {} } y::z(); x::w() }",
        "#[pymodule] fn f(m: &Bound<PyModule>) -> R { m.add_class::<Store>()?; Ok(()) }",
    ];
    for code in kept {
        assert_eq!(all_alike(vec![beside(code)]), 1, "{code}");
    }
}

#[test]
fn sources_in_rust_are_the_same_in_parts() {
    let mut files = Vec::new();
    for folder in ["src", "fixtures", "runtime"] {
        below::files(&root().join(folder), &["rs"], &mut files);
    }
    let sources = files.iter().filter_map(|path| Some((path.display().to_string(), read(path)?))).collect();
    assert!(all_alike(sources) > 1000, "bodies have been left out");
}

#[test]
fn what_is_not_understood_is_lowered_at_once() {
    for odd in ["x = (1,\n", "def f(:\n    pass\n", "x = 'open\n", "\x0cx = 1\n", "x = 1\ry = 2\n", "x = ]\n"] {
        let source = Source::new("odd.py", Language::Python, around(odd));
        let model = asynclint::python::lower_in_parts(&source);
        assert_eq!(model.parts_count(), 0, "{odd:?}");
        assert_eq!(model.functions.len(), asynclint::python::lower(&source).functions.len(), "{odd:?}");
    }
}

#[test]
#[ignore = "reads the tree that ASYNCLINT_ORACLE names"]
fn a_tree_is_the_same_in_parts() {
    let folder = std::env::var_os("ASYNCLINT_ORACLE").expect("ASYNCLINT_ORACLE names a folder");
    let mut files = Vec::new();
    below::files(Path::new(&folder), &["py", "pyi", "rs"], &mut files);
    let sources: Vec<_> = files.iter().filter_map(|path| Some((path.display().to_string(), read(path)?))).collect();
    let count = sources.len();
    println!("{} bodies left out of {count} files", all_alike(sources));
}
