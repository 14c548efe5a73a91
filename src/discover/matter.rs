//! Whether a file can have findings of its own, as its text tells before anything is parsed.

use std::sync::OnceLock;

use crate::source::{Language, Words};

/// Words without which nothing in a Python file is asynchronous, and those of rules that need no event loop.
const PYTHON: [&str; 11] = [
    "async",
    "await",
    "trio",
    "anyio",
    "uvloop",
    // It runs a `def` on the loop.
    "litestar",
    "run_until_complete",
    "coroutine",
    "except*",
    "except *",
    "ExceptionGroup",
];

const RUST: [&str; 11] =
    ["async", "await", "tokio", "block_on", "spawn", "futures", "Future", "Waker", "smol", "stream!", "unbounded"];

/// The file can have findings of its own: some word of asynchronous code, or of suppressions, is in it where it says
/// something. A file without one is kept, since code elsewhere may lead into it, but need not be parsed before that.
pub fn can_matter(language: Language, text: &str) -> bool {
    static PYTHON_WORDS: OnceLock<Words> = OnceLock::new();
    static RUST_WORDS: OnceLock<Words> = OnceLock::new();
    let (cell, words): (_, &[&str]) = match language {
        Language::Python => (&PYTHON_WORDS, &PYTHON),
        Language::Rust => (&RUST_WORDS, &RUST),
    };
    cell.get_or_init(|| Words::new(words)).any_in(text, |start, end| match language {
        Language::Rust => {
            text[end..].starts_with("lint:") || is_word_of_rust(text, start, end) && !is_commented(text, start)
        }
        Language::Python => says_something(text, start, end),
    })
}

fn is_of_name(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

/// The word is more than part of another or of prose. In doubt it is.
fn says_something(text: &str, start: usize, end: usize) -> bool {
    let (before, after) = (&text[..start], &text[end..]);
    let is_part = before.ends_with(is_of_name);
    match &text[start..end] {
        "async" if after.starts_with("lint:") => true,
        "async" if after.starts_with("io") => !is_part && is_imported(before, &after["io".len()..]),
        // Only these follow the keyword, be it on the next line.
        "async" => {
            let next = after.trim_start_matches(|it: char| it.is_whitespace() || it == '\\');
            !is_part && next.len() < after.len() && ["def", "with", "for"].iter().any(|it| next.starts_with(it))
        }
        // At the top of a notebook's cell; elsewhere `async def` stands around it.
        "await" => !is_part && after.starts_with(|it: char| it.is_whitespace() || "\\([{".contains(it)),
        "trio" | "anyio" | "uvloop" | "litestar" => !is_part && is_imported(before, after),
        "coroutine" => before.ends_with(['.', '@']) || is_imported(before, after),
        "ExceptionGroup" => !is_part || before.ends_with("Base"),
        "except*" | "except *" => {
            before.trim_end_matches([' ', '\t', '\x0c']).ends_with(['\n', '\r']) || before.is_empty()
        }
        _ => true,
    }
}

/// Rust: a keyword that is no part of a name, but of a library's: `is_async` is none, `async_channel::bounded` is one.
fn is_word_of_rust(text: &str, start: usize, end: usize) -> bool {
    match &text[start..end] {
        word @ ("async" | "await") => {
            let rest = text[end..].trim_start_matches(is_of_name);
            let is_library = word == "async" && rest.trim_start().starts_with("::");
            !text[..start].ends_with(is_of_name) && (rest.len() == text.len() - end || is_library)
        }
        _ => true,
    }
}

/// What stands there in Rust is part of a comment up to the end of the line. In doubt it is not: what looks like the start of
/// one may be in a string.
fn is_commented(text: &str, at: usize) -> bool {
    let head = &text[text[..at].rfind('\n').map_or(0, |it| it + 1)..at];
    head.find("//").is_some_and(|start| !head[..start].contains(['"', '*']))
}

/// The name is in a line that imports something, or that may go on with a list of imported names.
fn is_imported(before: &str, after: &str) -> bool {
    let head = &before[before.rfind(['\n', '\r']).map_or(0, |it| it + 1)..];
    let names = |text: &str| text.chars().all(|it| it.is_alphanumeric() || "_, \t".contains(it));
    let tail = after.split(['\n', '\r']).next().unwrap_or_default();
    head.contains("import") || head.trim_start().starts_with("from") || names(head) && names(tail.trim_end_matches(')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_word_of_async_code_matter() {
        for text in [
            "import asyncio\n",
            "import os, asyncio\n",
            "from os import (\n    path,\n    asyncio as aio,\n)\n",
            "async  def f(): ...\n",
            "async \\\n  def f(): ...\n",
            "x = 1  # asynclint: ignore[blocking-file]\n",
            "await f()\n",
            "try: ...\nexcept* E: ...\n",
            "try: ...\n  except *E: ...\n",
            "raise BaseExceptionGroup('', [])\n",
            "from trio import sleep\n",
            "from litestar import get\n",
            "@gen.coroutine\ndef f(): ...\n",
            "importlib.import_module(\"asyncio\")\n",
        ] {
            assert!(can_matter(Language::Python, text), "{text}");
        }
        for text in [
            "def f():\n    return open('x')\n",
            "",
            "is_async = True\n",
            "# an async client\n",
            "# see `asyncio`, which is not used here\n",
            "PATRIOTIC = 1\n",
            "async_client.get()\n",
            "from .grpc_asyncio import Transport\n",
            "# everything *except* this\n",
            "class FallbackExceptionGroup(Error): ...\n",
        ] {
            assert!(!can_matter(Language::Python, text), "{text}");
        }
        for text in [
            "#[tokio::main] fn main() {}",
            "/* // */ async fn f() {}",
            "let a = \"//\"; spawn(a);",
            "x(); // asynclint: ignore",
            "// async\nasync fn f() {}",
            "use async_channel::Sender;",
        ] {
            assert!(can_matter(Language::Rust, text), "{text}");
        }
        for text in [
            "fn main() { println!(); }",
            "fn is_async() { x.awaited(async_now) }",
            "/// Not async.\nfn f() {} // spawned\n",
            "//! See `tokio`.",
        ] {
            assert!(!can_matter(Language::Rust, text), "{text}");
        }
    }
}
