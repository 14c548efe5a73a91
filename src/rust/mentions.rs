//! What a file's text tells of its `impl` blocks before it is parsed: the names of the types they may be for, and other names
//! that types may go by.
//!
//! In doubt a name is among them: who looks for the blocks of a type parses what is found here and sees for itself.

use std::hash::{BuildHasher, BuildHasherDefault};

use memchr::memmem;
use rustc_hash::{FxHashSet, FxHasher};

/// A name, as something to look it up by. Two names may have the same.
pub type Word = u64;

/// What a text mentions, each once.
#[derive(Debug, Default)]
pub struct Mentions {
    /// Names in what the `impl` blocks are for.
    pub targets: Vec<Word>,
    /// `type A = B;` and `use x::B as A;`: the other name, and one that it may stand for.
    pub aliases: Vec<(Word, Word)>,
}

/// The name to look up.
pub fn word(name: &str) -> Word {
    BuildHasherDefault::<FxHasher>::default().hash_one(name)
}

/// All names in a text, and what looks like one in comments and literals.
pub fn words(text: &str) -> FxHashSet<Word> {
    text.split(|it| !is_name(it)).filter(|it| !it.is_empty()).map(word).collect()
}

/// The names of all functions that a text defines, and what looks like one in comments and literals.
pub fn functions(text: &str) -> FxHashSet<Word> {
    let all = memmem::find_iter(text.as_bytes(), "fn ").filter(|at| !text[..*at].ends_with(is_name));
    all.map(|at| word(first_name(text[at + "fn ".len()..].trim_start()))).collect()
}

/// What a cast names: nothing has other names for it, and they are in every file.
const NUMBERS: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

impl Mentions {
    pub fn of(text: &str) -> Self {
        let mut found = Self::default();
        for at in memmem::find_iter(text.as_bytes(), "impl") {
            if begins_block(text, at) {
                target(&text[at + "impl".len()..], &mut found.targets);
            }
        }
        for at in memmem::find_iter(text.as_bytes(), "type") {
            if is_whole(text, at, "type") {
                found.alias(&text[at + "type".len()..]);
            }
        }
        for at in memmem::find_iter(text.as_bytes(), "as") {
            let (before, after) = (&text[..at], &text[at + 2..]);
            if before.ends_with(char::is_whitespace) && after.starts_with(char::is_whitespace) {
                let (name, alias) = (last_name(before.trim_end()), first_name(after.trim_start()));
                if !name.is_empty() && !alias.is_empty() && !NUMBERS.contains(&alias) {
                    found.aliases.push((word(alias), word(name)));
                }
            }
        }
        found.targets.sort_unstable();
        found.targets.dedup();
        found.aliases.sort_unstable();
        found.aliases.dedup();
        found
    }

    /// `A<T> = x::B<T>;`
    fn alias(&mut self, rest: &str) {
        let rest = rest.trim_start();
        let alias = first_name(rest);
        let end = rest.find([';', '{', '}']).unwrap_or(rest.len());
        let Some(equals) = rest[..end].find('=') else { return };
        let alias = word(alias);
        let mut names = Vec::new();
        outer_names(&rest[equals + 1..end], &mut names);
        self.aliases.extend(names.into_iter().map(|name| (alias, name)));
    }
}

/// Part of a name.
pub fn is_name(it: char) -> bool {
    it == '_' || it.is_alphanumeric()
}

fn first_name(text: &str) -> &str {
    let text = text.strip_prefix("r#").unwrap_or(text);
    &text[..text.find(|it| !is_name(it)).unwrap_or(text.len())]
}

fn last_name(text: &str) -> &str {
    text.rfind(|it| !is_name(it)).map_or(text, |at| &text[at + text[at..].chars().next().map_or(1, char::len_utf8)..])
}

/// The `impl` at that place may begin a block.
pub(super) fn begins_block(text: &str, at: usize) -> bool {
    is_whole(text, at, "impl") && may_begin_item(&text[..at])
}

/// No part of a longer word.
fn is_whole(text: &str, at: usize, word: &str) -> bool {
    !text[..at].ends_with(is_name) && !text[at + word.len()..].starts_with(is_name)
}

/// Not where a type stands: `x: impl A`, `-> impl A`, `&impl A`, `Box<impl A>`. What is alone on its line counts.
fn may_begin_item(before: &str) -> bool {
    let line = before.trim_end_matches([' ', '\t']);
    !line.ends_with([',', ':', '<', '>', '&', '=', '+']) && !line.ends_with("&mut")
}

/// What stands after `impl`, as far as the block: the names that are no arguments of others.
fn target(rest: &str, names: &mut Vec<Word>) {
    let bytes = rest.as_bytes();
    let mut depth = 0_i32;
    let mut start = 0;
    let mut at = 0;
    let end = loop {
        let Some(byte) = bytes.get(at).copied() else { break at };
        match byte {
            b'<' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] != b'-' => depth -= 1,
            b'{' | b';' if depth <= 0 => break at,
            // `Matrix<{ N }>`
            b'{' => at += bytes[at..].iter().position(|it| *it == b'}').unwrap_or(0),
            b'/' if bytes[at..].starts_with(b"//") => at += line_left(&bytes[at..]),
            b'/' if bytes[at..].starts_with(b"/*") => at += memmem::find(&bytes[at..], b"*/").unwrap_or(0) + 1,
            b'f' if depth <= 0 && start == 0 && rest[at..].starts_with("for") && is_whole(rest, at, "for") => {
                at += 2;
                start = at + 1;
            }
            b'w' if depth <= 0 && rest[at..].starts_with("where") && is_whole(rest, at, "where") => break at,
            _ => {}
        }
        at += 1;
    };
    let head = &rest[start..end];
    // The block's own parameters.
    let head = if start == 0 { after_parameters(head) } else { head };
    outer_names(head, names);
    // `impl<T: Store> Copying for T`: it is for whatever has one of the traits that are named.
    let of_all = head.trim();
    if start > 0 && rest.trim_start().starts_with('<') && !of_all.is_empty() && of_all.chars().all(is_name) {
        let parameters = words(&rest[..end - after_parameters(&rest[..end]).len()]);
        if parameters.contains(&word(of_all)) {
            let open = rest[end..].find('{').map_or(end, |at| end + at);
            names.extend(parameters);
            names.extend(words(&rest[end..open]));
        }
    }
}

fn line_left(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).unwrap_or(bytes.len() - 1)
}

/// `<T> Store<T>`: what follows the parameters.
fn after_parameters(head: &str) -> &str {
    let head = head.trim_start();
    if !head.starts_with('<') {
        return head;
    }
    let mut depth = 0_i32;
    for (at, byte) in head.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if head.as_bytes()[at - 1] != b'-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &head[at + 1..];
        }
    }
    head
}

/// The names that do not stand between `<` and `>`.
fn outer_names(text: &str, names: &mut Vec<Word>) {
    // A comment may hold anything.
    let all = text.contains("//") || text.contains("/*");
    let mut depth = 0_i32;
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        if is_name(next) {
            let name = first_name(rest);
            let taken = rest.len() - rest.strip_prefix("r#").unwrap_or(rest).len() + name.len();
            if all || depth <= 0 && before != '\'' {
                names.push(word(name));
            }
            rest = &rest[taken..];
        } else {
            match next {
                '<' => depth += 1,
                '>' if before != '-' => depth -= 1,
                _ => {}
            }
            rest = &rest[next.len_utf8()..];
        }
        before = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_target(text: &str, name: &str) -> bool {
        Mentions::of(text).targets.contains(&word(name))
    }

    #[test]
    fn an_impl_is_found_under_the_name_of_its_type() {
        for text in [
            "impl Store {}",
            "impl<T: Into<String>> Store<T> where T: Copy {}",
            "unsafe impl<'a> Send for a::Store<'a> {}",
            "impl<F> Handle<F> for Store where F: for<'a> Fn(&'a str) -> u8 {}",
            "impl From<Other> for &mut Store {}",
            "impl<const N: usize> Row<{ N }> for Store {}",
            "impl dyn Store {}",
            "#[x] impl // that of {\n  Store {}",
            "cfg_net! { impl Store {} }",
            "impl Row for r#Store {}",
            "x! {\n  y:\n  impl Store {}\n}",
        ] {
            assert!(has_target(text, "Store"), "{text}");
        }
        for text in [
            "fn f(x: impl Store) -> impl Store { x }",
            "impl From<Store> for Other {}",
            "impl Store for Other {}",
            "impl Other<Store> {}",
            "implement Store {}",
        ] {
            assert!(!has_target(text, "Store"), "{text}");
        }
    }

    #[test]
    fn an_impl_for_all_that_have_a_trait_is_found_under_its_name() {
        for text in ["impl<T: Store + ?Sized> StoreExt for T {}", "impl<T> StoreExt for T\nwhere\n    T: a::Store,\n{}"]
        {
            assert!(has_target(text, "Store"), "{text}");
        }
        for text in ["impl<T: Store> Ext<T> for Other {}", "impl<T: Store> Ext for Vec<T> {}"] {
            assert!(!has_target(text, "Store"), "{text}");
        }
    }

    #[test]
    fn other_names_of_a_type_are_found() {
        let has = |text: &str| Mentions::of(text).aliases.contains(&(word("Other"), word("Store")));
        for text in [
            "use a::{Store as Other};",
            "pub use a::Store\n    as Other;",
            "type Other<T> = a::Store<T>;",
            "type Other = &'static Store;",
        ] {
            assert!(has(text), "{text}");
        }
        for text in ["type Other = Vec<Store>;", "type Store = Other;", "let x = y as usize;", "type Other;"] {
            assert!(!has(text), "{text}");
        }
    }
}
