//! Reads and parses every Python and Rust file below the given folders, in parallel, and does nothing else: the floor below
//! which no analyser that uses these parsers can get. Prints how many files and lines there were.

#![forbid(unsafe_code)]

#[path = "../tests/support/below.rs"]
mod below;

use std::path::Path;
use std::process::ExitCode;

use rayon::prelude::*;

/// As deep as real code nests, in threads of a pool.
const STACK: usize = 256 << 20;

#[derive(Default)]
struct Count {
    files: usize,
    lines: usize,
    unreadable: usize,
}

impl Count {
    fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            lines: self.lines + other.lines,
            unreadable: self.unreadable + other.unreadable,
        }
    }
}

fn parse(path: &Path) -> Count {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Count { files: 1, unreadable: 1, ..Count::default() };
    };
    let lines = text.lines().count();
    let parsed = if path.extension().is_some_and(|it| it == "rs") {
        let parsed = syn::parse_file(&text).is_ok();
        // Places are kept per thread until they are let go.
        proc_macro2::extra::invalidate_current_thread_spans();
        parsed
    } else {
        ruff_python_parser::parse_module(&text).is_ok()
    };
    Count { files: 1, lines, unreadable: usize::from(!parsed) }
}

fn main() -> ExitCode {
    let mut files = Vec::new();
    for folder in std::env::args_os().skip(1) {
        below::files(Path::new(&folder), &["py", "rs"], &mut files);
    }
    if files.is_empty() {
        eprintln!("usage: parse_only FOLDER...");
        return ExitCode::from(2);
    }
    if let Err(error) = rayon::ThreadPoolBuilder::new().stack_size(STACK).build_global() {
        eprintln!("no threads: {error}");
        return ExitCode::FAILURE;
    }
    let Count { files, lines, unreadable } =
        files.par_iter().map(|path| parse(path)).reduce(Count::default, Count::and);
    println!("{files} files, {lines} lines, {unreadable} not parsed");
    ExitCode::SUCCESS
}
