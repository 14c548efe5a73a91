//! Random trees, changed at random.

use proptest::prelude::*;

use super::{Pair, session};

/// Names of files, functions and classes are few, so that they meet.
const MODULES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What a random file says, piece by piece.
#[derive(Debug, Clone)]
enum Piece {
    Import(usize, usize),
    ImportModule(usize),
    Glob(usize),
    Function { name: usize, is_async: bool, body: Vec<Does> },
    Class { base: Option<usize>, methods: Vec<(usize, bool, Vec<Does>)> },
    Alias(usize, usize),
    Comment,
}

#[derive(Debug, Clone)]
enum Does {
    Sleep,
    Call(usize),
    CallIn(usize, usize),
    Method(usize),
    Own(usize),
    Await(usize),
    Give(usize),
    HandOn(usize),
    Guarded(usize),
    Return(usize),
    Yield,
    Nothing,
    Ignored,
    Wait,
    Spawn(usize),
}

fn does() -> impl Strategy<Value = Does> {
    let name = 0..5_usize;
    prop_oneof![
        Just(Does::Sleep),
        name.clone().prop_map(Does::Call),
        (0..MODULES.len(), name.clone()).prop_map(|(module, name)| Does::CallIn(module, name)),
        name.clone().prop_map(Does::Method),
        name.clone().prop_map(Does::Own),
        name.clone().prop_map(Does::Await),
        name.clone().prop_map(Does::Give),
        name.clone().prop_map(Does::HandOn),
        name.clone().prop_map(Does::Guarded),
        name.clone().prop_map(Does::Return),
        Just(Does::Yield),
        Just(Does::Nothing),
        Just(Does::Ignored),
        Just(Does::Wait),
        name.prop_map(Does::Spawn),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let name = 0..5_usize;
    let body = || prop::collection::vec(does(), 1..4);
    let methods = prop::collection::vec((name.clone(), any::<bool>(), body()), 1..3);
    prop_oneof![
        3 => (0..MODULES.len(), name.clone()).prop_map(|(module, name)| Piece::Import(module, name)),
        1 => (0..MODULES.len()).prop_map(Piece::ImportModule),
        1 => (0..MODULES.len()).prop_map(Piece::Glob),
        4 => (name.clone(), any::<bool>(), body())
            .prop_map(|(name, is_async, body)| Piece::Function { name, is_async, body }),
        1 => (prop::option::of(name.clone()), methods).prop_map(|(base, methods)| Piece::Class { base, methods }),
        1 => (name.clone(), name).prop_map(|(one, other)| Piece::Alias(one, other)),
        1 => Just(Piece::Comment),
    ]
}

fn python(pieces: &[Piece]) -> String {
    let mut text = String::from("import asyncio\nimport time\n");
    for piece in pieces {
        match piece {
            Piece::Import(module, name) => text += &format!("from {} import f{name}, C\n", MODULES[*module]),
            Piece::ImportModule(module) => text += &format!("import {}\n", MODULES[*module]),
            Piece::Glob(module) => text += &format!("from {} import *\n", MODULES[*module]),
            Piece::Alias(one, other) => text += &format!("f{one} = f{other}\n"),
            Piece::Comment => text += "# nothing\n\n",
            Piece::Function { name, is_async, body } => {
                let word = if *is_async { "async def" } else { "def" };
                text += &format!("{word} f{name}(given=None, c: C = None):\n");
                body.iter().for_each(|it| text += &format!("    {}\n", python_line(it, *is_async)));
            }
            Piece::Class { base, methods } => {
                let base = if base.is_some() { "(C)" } else { "" };
                text += &format!("class C{base}:\n    def __init__(self):\n        self.c = C()\n");
                for (name, is_async, body) in methods {
                    let word = if *is_async { "async def" } else { "def" };
                    text += &format!("    {word} f{name}(self, given=None, c: 'C' = None):\n");
                    body.iter().for_each(|it| text += &format!("        {}\n", python_line(it, *is_async)));
                }
            }
        }
    }
    text
}

fn python_line(does: &Does, is_async: bool) -> String {
    match does {
        Does::Sleep => "time.sleep(1)".to_owned(),
        Does::Call(name) => format!("f{name}()"),
        Does::CallIn(module, name) => format!("{}.f{name}()", MODULES[*module]),
        Does::Method(name) => format!("c.f{name}()"),
        Does::Own(name) => format!("f{name}().c.f{name}(1)"),
        Does::Await(name) if is_async => format!("await f{name}(given)"),
        Does::Await(name) | Does::Give(name) => format!("given(f{name})"),
        Does::HandOn(name) => format!("f{name}(given, c)"),
        Does::Guarded(name) => format!("if given: f{name}(None, C())"),
        Does::Return(name) => format!("return f{name}(given)"),
        Does::Yield => "yield c".to_owned(),
        Does::Nothing => "pass".to_owned(),
        Does::Ignored => "time.sleep(1)  # asynclint: ignore".to_owned(),
        Does::Wait => if is_async { "await asyncio.sleep(1)" } else { "pass" }.to_owned(),
        Does::Spawn(name) => format!("asyncio.create_task(f{name}())"),
    }
}

fn rust(pieces: &[Piece]) -> String {
    let mut text = String::from("use std::time::Duration;\n");
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Import(module, name) => text += &format!("use crate::{}::{{f{name}, C}};\n", MODULES[*module]),
            Piece::ImportModule(module) => text += &format!("use crate::{};\n", MODULES[*module]),
            Piece::Glob(module) => text += &format!("use crate::{}::*;\n", MODULES[*module]),
            Piece::Alias(one, other) => text += &format!("pub use self::f{other} as f{one};\n"),
            Piece::Comment => text += "// nothing\n\n",
            Piece::Function { name, is_async, body } => {
                let word = if *is_async { "async fn" } else { "fn" };
                text += &format!("pub {word} f{name}(given: bool, c: C) -> C {{\n");
                body.iter().for_each(|it| text += &format!("    {}\n", rust_line(it, *is_async)));
                text += "    C\n}\n";
            }
            Piece::Class { base, methods } => {
                if base.is_none() {
                    text += "pub struct C;\n";
                }
                text += &format!("impl C {{ // {index}\n");
                for (name, is_async, body) in methods {
                    let word = if *is_async { "async fn" } else { "fn" };
                    text += &format!("    pub {word} f{name}(&self, given: bool) -> C {{\n");
                    body.iter().for_each(|it| text += &format!("        {}\n", rust_line(it, *is_async)));
                    text += "        C\n    }\n";
                }
                text += "}\n";
            }
        }
    }
    text
}

fn rust_line(does: &Does, is_async: bool) -> String {
    match does {
        Does::Sleep => "std::thread::sleep(Duration::from_secs(1));".to_owned(),
        Does::Call(name) => format!("f{name}(true, C);"),
        Does::CallIn(module, name) => format!("{}::f{name}(false, C);", MODULES[*module]),
        Does::Method(name) => format!("c.f{name}(true);"),
        Does::Own(name) => format!("f{name}(given, C).f{name}(given);"),
        Does::Await(name) if is_async => format!("f{name}(given, C).await;"),
        Does::Await(name) | Does::Give(name) => format!("let _c = f{name}(given, C);"),
        Does::HandOn(name) => format!("f{name}(given, c);"),
        Does::Guarded(name) => format!("if given {{ f{name}(false, C); }}"),
        Does::Return(name) => format!("return f{name}(given, C);"),
        Does::Yield | Does::Nothing => "let _x = 1;".to_owned(),
        Does::Ignored => "std::thread::sleep(Duration::from_secs(1)); // asynclint: ignore".to_owned(),
        Does::Wait => {
            if is_async { "tokio::time::sleep(Duration::from_secs(1)).await;" } else { "let _y = 2;" }.to_owned()
        }
        Does::Spawn(name) => format!("tokio::spawn(f{name}(true, C));"),
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Another text altogether.
    Rewrite(usize, Vec<Piece>),
    /// One piece of it.
    Replace(usize, usize, Piece),
    /// One line of one function.
    Edit(usize, usize, Does),
    /// A piece more, or one less.
    Insert(usize, usize, Piece),
    TakeOut(usize, usize),
    Remove(usize),
    Add(usize, Vec<Piece>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let file = 0..MODULES.len();
    let pieces = || prop::collection::vec(piece(), 1..6);
    let step = prop_oneof![
        1 => (file.clone(), pieces()).prop_map(|(file, pieces)| Step::Rewrite(file, pieces)),
        3 => (file.clone(), 0..6_usize, piece()).prop_map(|(file, at, piece)| Step::Replace(file, at, piece)),
        6 => (file.clone(), 0..6_usize, does()).prop_map(|(file, at, does)| Step::Edit(file, at, does)),
        3 => (file.clone(), 0..6_usize, piece()).prop_map(|(file, at, piece)| Step::Insert(file, at, piece)),
        2 => (file.clone(), 0..6_usize).prop_map(|(file, at)| Step::TakeOut(file, at)),
        1 => file.clone().prop_map(Step::Remove),
        1 => (file, pieces()).prop_map(|(file, pieces)| Step::Add(file, pieces)),
    ];
    prop::collection::vec(step, 1..10)
}

fn run(trees: Vec<Vec<Piece>>, steps: Vec<Step>, ending: &str, write: fn(&[Piece]) -> String) {
    let mut pieces: Vec<Option<Vec<Piece>>> = trees.into_iter().map(Some).collect();
    let path = |file: usize| format!("src/{}.{ending}", MODULES[file]);
    let lib = MODULES.map(|it| format!("pub mod {it};\n")).concat();
    let mut files: Vec<(String, String)> =
        pieces.iter().enumerate().filter_map(|(file, pieces)| Some((path(file), write(pieces.as_ref()?)))).collect();
    if ending == "rs" {
        files.push(("src/lib.rs".to_owned(), lib));
    }
    files.sort();
    let mut pair = Pair { session: session(&files), files };
    for step in steps {
        match step {
            Step::Remove(file) => {
                if pieces[file].take().is_some() {
                    pair.remove(&path(file));
                }
                continue;
            }
            Step::Add(file, new) => {
                pair.add(&path(file), &write(&new));
                pieces[file] = Some(new);
                continue;
            }
            Step::Rewrite(file, new) if pieces[file].is_some() => {
                pair.change(&path(file), &write(&new));
                pieces[file] = Some(new);
            }
            Step::Replace(file, at, new) => {
                let Some(known) = pieces[file].as_mut().filter(|it| !it.is_empty()) else { continue };
                let at = at % known.len();
                known[at] = new;
                pair.change(&path(file), &write(known));
            }
            Step::Edit(file, at, new) => {
                let Some(known) = pieces[file].as_mut().filter(|it| !it.is_empty()) else { continue };
                let at = at % known.len();
                match &mut known[at] {
                    Piece::Function { body, .. } => body[0] = new,
                    Piece::Class { methods, .. } => methods[0].2.push(new),
                    other => *other = Piece::Comment,
                }
                pair.change(&path(file), &write(known));
            }
            Step::Insert(file, at, new) => {
                let Some(known) = pieces[file].as_mut() else { continue };
                known.insert(at.min(known.len()), new);
                pair.change(&path(file), &write(known));
            }
            Step::TakeOut(file, at) => {
                let Some(known) = pieces[file].as_mut().filter(|it| at < it.len()) else { continue };
                known.remove(at);
                pair.change(&path(file), &write(known));
            }
            Step::Rewrite(..) => {}
        }
    }
}

fn trees() -> impl Strategy<Value = Vec<Vec<Piece>>> {
    prop::collection::vec(prop::collection::vec(piece(), 1..7), MODULES.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn python_is_the_same_after_any_changes(trees in trees(), steps in steps()) {
        run(trees, steps, "py", python);
    }

    #[test]
    fn rust_is_the_same_after_any_changes(trees in trees(), steps in steps()) {
        run(trees, steps, "rs", rust);
    }
}
