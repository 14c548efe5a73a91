//! What no model tells: names in the text of what is compiled, or written by macros.

/// The name stands in the text, not as a part of another.
pub fn has_word(text: &[u8], word: &str) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'_');
    let Ok(finder) = aho_corasick::AhoCorasick::new([word]) else { return false };
    finder
        .find_iter(text)
        .any(|it| !part(it.start().checked_sub(1).and_then(|before| text.get(before))) && !part(text.get(it.end())))
}

/// The standard library is written in a Rust of its own, whose traits may be `const`.
pub fn stable(text: &str) -> String {
    text.replace("[const] ", "")
        .replace("const trait ", "trait ")
        .replace("> const ", "> ")
        .replace("impl const ", "impl ")
}

/// The text has an item of that name: `fn name`.
pub fn declares(text: &str, word: &str, name: &str) -> bool {
    text.match_indices(&format!("{word}{name}"))
        .any(|(at, found)| !text[at + found.len()..].starts_with(|it: char| it.is_alphanumeric() || it == '_'))
}

/// The name stands in a macro call in place of an item or a method.
pub fn in_macros(text: &str, name: &str) -> bool {
    any_macro(text, |tokens| has_word(tokens.to_string().as_bytes(), name))
}

/// The name comes first in a macro call in place of an item: `route_attribute!(route => None)`.
pub fn opens_macro(text: &str, name: &str) -> bool {
    any_macro(text, |tokens| syn::parse2::<First>(tokens.clone()).is_ok_and(|it| it.0 == name))
}

/// A name, and whatever comes after it.
struct First(syn::Ident);

impl syn::parse::Parse for First {
    fn parse(input: syn::parse::ParseStream) -> syn::Result<Self> {
        let name = syn::ext::IdentExt::parse_any(input)?;
        input.parse::<proc_macro2::TokenStream>()?;
        Ok(Self(name))
    }
}

fn any_macro(text: &str, is_it: impl Fn(&proc_macro2::TokenStream) -> bool) -> bool {
    struct Calls<F>(F, bool);
    impl<'ast, F: Fn(&proc_macro2::TokenStream) -> bool> syn::visit::Visit<'ast> for Calls<F> {
        fn visit_macro(&mut self, it: &'ast syn::Macro) {
            self.1 |= self.0(&it.tokens);
        }
        // Code is no place where anything public comes from.
        fn visit_block(&mut self, _: &'ast syn::Block) {}
    }
    let Ok(file) = syn::parse_file(text) else { return false };
    let mut calls = Calls(is_it, false);
    syn::visit::Visit::visit_file(&mut calls, &file);
    calls.1
}
