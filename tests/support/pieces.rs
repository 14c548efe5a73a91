//! Random files, which call each other.

#![allow(dead_code, reason = "each test file uses its part")]

use proptest::prelude::*;

/// Names of files, functions and classes are few, so that they meet.
pub const MODULES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What a random file says, piece by piece.
#[derive(Debug, Clone)]
pub enum Piece {
    Import(usize, usize),
    ImportModule(usize),
    Glob(usize),
    Function { name: usize, is_async: bool, body: Vec<Does> },
    Class { base: Option<usize>, methods: Vec<(usize, bool, Vec<Does>)> },
    Alias(usize, usize),
    Comment,
}

#[derive(Debug, Clone)]
pub enum Does {
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

pub fn does() -> impl Strategy<Value = Does> {
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

pub fn piece() -> impl Strategy<Value = Piece> {
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

pub fn python(pieces: &[Piece]) -> String {
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

pub fn python_line(does: &Does, is_async: bool) -> String {
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

/// `from`: what a path to another file begins with.
pub fn rust(pieces: &[Piece], from: &str) -> String {
    let mut text = String::from("use std::time::Duration;\n");
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Import(module, name) => text += &format!("use {from}{}::{{f{name}, C}};\n", MODULES[*module]),
            Piece::ImportModule(module) => text += &format!("use {from}{};\n", MODULES[*module]),
            Piece::Glob(module) => text += &format!("use {from}{}::*;\n", MODULES[*module]),
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

pub fn rust_line(does: &Does, is_async: bool) -> String {
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

pub fn trees() -> impl Strategy<Value = Vec<Vec<Piece>>> {
    prop::collection::vec(prop::collection::vec(piece(), 1..7), MODULES.len())
}
