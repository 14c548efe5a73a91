//! `async-without-await`: an async function that never waits.

use super::inherited::{is_handed_over, is_overridden, is_special, may_override};
use super::macros::hides_something;
use super::{Category, Context, Profile, Rule};
use crate::finding::{FileId, Severity};
use crate::model::{FunctionKind, Node, flow};
use crate::project::types::FnRef;
use crate::source::Language;

pub(super) static RULE: Rule = Rule {
    name: "async-without-await",
    page: include_str!("../../rules/async-without-await.md"),
    category: Category::Clarity,
    profile: Profile::All,
    severity: Severity::Note,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC124", "ASYNC910", "RUF029", "clippy::unused_async"],
    fix: None,
    check,
};

fn check(context: &mut Context<'_>) {
    for function in context.async_functions() {
        if !could_be_sync(context, function) {
            continue;
        }
        let definition = context.project.function(function);
        let name = context.model().name(definition.name);
        let message = format!("`{name}` is async and never waits");
        let mut finding = context.finding(&RULE, function, definition.name_span, message);
        finding.help = Some("make it an ordinary function".to_owned());
        context.keep(finding);
    }
}

/// It never waits, and nobody is known to ask for an async function.
pub(super) fn could_be_sync(context: &Context<'_>, function: FnRef) -> bool {
    never_waits(context, function) && !must_be_async(context, function)
}

fn never_waits(context: &Context<'_>, function: FnRef) -> bool {
    let definition = context.project.function(function);
    if definition.kind != FunctionKind::Async || definition.is_generator || flow::suspends(&definition.body) {
        return false;
    }
    let model = context.model();
    match context.language() {
        // A generator expression with an `await` in it is a function of its own.
        Language::Python => !model.all_functions().any(|it| {
            it.kind == FunctionKind::Closure && it.parent == Some(function.function) && flow::suspends(&it.body)
        }),
        // Not every macro is understood.
        Language::Rust => {
            let text = context.text(definition.span);
            !text.contains(".await") && !text.contains("yield") && !hides_something(text)
        }
    }
}

/// Somebody else asks for an async function.
fn must_be_async(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.model();
    let definition = model.function(function.function);
    let name = model.name(definition.name);
    if context.is_test(function.function) || is_special(name) || name.starts_with("test_") || name == "main" {
        return true;
    }
    is_stub(context, function)
        || is_handed_over(context, function)
        || may_override(context, function)
        || is_overridden(context, function)
        || is_used_as_value(context, function, name)
        || is_one_of_many(context, function, name)
}

/// Another module or class has an async function of that name, and callers may know nothing but the name; or another
/// file hands the function on.
fn is_one_of_many(context: &Context<'_>, function: FnRef, name: &str) -> bool {
    let own = context.project.function(function);
    if own.parent.is_some() {
        return false;
    }
    context.project.files_naming(name).any(|file| {
        let model = context.project.model(file);
        let Some(id) = model.names.find(name) else { return false };
        let same = model.all_functions().any(|it| {
            it.name == id
                && it.kind == FunctionKind::Async
                && it.parent.is_none()
                && (file != function.file || it.span != own.span)
        });
        same || file != function.file && is_used_in(context, file, function, name)
    })
}

/// It does nothing yet, or leaves it to others to do something.
fn is_stub(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.model();
    let definition = model.function(function.function);
    if context.project.is_abstract(function) {
        return true;
    }
    let text = context.text(definition.span);
    if model.language == Language::Rust {
        return text.ends_with("{}");
    }
    let mut texts = statements(context, function);
    let is_method = definition.class.is_some();
    let ends_in_raise = matches!(definition.body.nodes.last(), Some(Node::Raise(_)));
    ends_in_raise || texts.all(|it| says_nothing(it, is_method))
}

/// The statements of the body as written: the model does not show every one, an assignment to an attribute leaves no node.
pub(super) fn statements<'a>(context: &Context<'a>, function: FnRef) -> impl Iterator<Item = &'a str> {
    let model = context.model();
    let definition = model.function(function.function);
    let text = context.project.source(context.file);
    let statements = model.statements_around(function.function);
    let from = statements.partition_point(|it| it.start < definition.span.start);
    let inside = statements[from..].iter().take_while(|it| it.end <= definition.span.end);
    inside.filter(|it| it.start > definition.name_span.start).map(|it| text.slice(*it).trim())
}

/// A statement that only fills a body: `pass`, `...`, a text.
pub(super) fn is_filler(statement: &str) -> bool {
    let is_text = statement.trim_start_matches(['r', 'R', 'b', 'u']).starts_with(['"', '\'']);
    is_text || matches!(statement, "pass" | "...")
}

fn says_nothing(text: &str, is_method: bool) -> bool {
    let constants = ["None", "True", "False", "0", "[]", "{}", "()", "\"\"", "''"];
    let is_string = text.trim_start_matches(['r', 'R', 'f', 'b', 'u']).starts_with(['"', '\'']);
    match text.strip_prefix("return") {
        Some("") => true,
        Some(value) => value.trim() == "None" || is_method && constants.contains(&value.trim()),
        None => is_string || matches!(text, "pass" | "...") || text.starts_with("raise"),
    }
}

/// The name stands somewhere in the file without being called: as a callback, in a table, in a list of exports.
fn is_used_as_value(context: &Context<'_>, function: FnRef, name: &str) -> bool {
    is_used_in(context, function.file, function, name)
}

fn is_used_in(context: &Context<'_>, file: FileId, function: FnRef, name: &str) -> bool {
    let text = &context.project.source(file).text;
    let definition = context.project.function(function);
    let own = definition.name_span;
    let is_word = |it: char| it == '_' || it.is_alphanumeric();
    let language = context.language();
    let is_method = definition.self_type.is_some();
    // What stands in a function is out of reach elsewhere, but for the methods of what it gives to others.
    let parent =
        definition.parent.filter(|_| !is_method).map(|parent| context.project.model(file).function(parent).span);
    let (from, to) = parent.map_or((0, text.len()), |it| (it.start as usize, it.end as usize));
    text[from..to].match_indices(name).any(|(at, _)| {
        let at = from + at;
        let before = &text[..at];
        let rest = &text[at + name.len()..];
        // A field of the same name is something else.
        let reachable = match (language, is_method) {
            (Language::Rust, true) => before.ends_with("::"),
            (Language::Rust, false) => !before.ends_with('.'),
            (Language::Python, true) => before.ends_with('.'),
            (Language::Python, false) => true,
        };
        (file != function.file || at as u32 != own.start)
            && reachable
            && !before.ends_with(is_word)
            && !rest.starts_with(is_word)
            && !rest.starts_with(['(', '<'])
            && !rest.starts_with("::<")
            && !is_told_of(before, rest, language)
            && !is_imported(context, file, at)
    })
}

/// The name stands in a comment, or is a word among others in a text.
fn is_told_of(before: &str, rest: &str, language: Language) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before);
    let mut quote = None;
    let mut chars = line.char_indices();
    while let Some((at, it)) = chars.next() {
        match (quote, it) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(open), it) if open == it => quote = None,
            (None, '"') => quote = Some(it),
            (None, '\'') if language == Language::Python => quote = Some(it),
            (None, '#') if language == Language::Python => return true,
            (None, '/') if language == Language::Rust && line[at..].starts_with("//") => return true,
            _ => {}
        }
    }
    // Something may look for what a text names, and for nothing else: `"handlers.fetch"`.
    quote.is_some_and(|quote| !(rest.starts_with(quote) && before.ends_with([quote, '.', ':', '/'])))
}

/// `use crate::fetch;` and `from x import fetch` only name it.
fn is_imported(context: &Context<'_>, file: FileId, at: usize) -> bool {
    let model = context.project.model(file);
    let source = context.project.source(file);
    let before = &source.text[..at];
    let is_import = |line: &str| ["use ", "pub use ", "from ", "import "].iter().any(|it| line.starts_with(it));
    if is_import(before.rsplit('\n').next().unwrap_or(before).trim_start()) {
        return true;
    }
    match model.language {
        Language::Python => {
            let next = model.statements.partition_point(|it| it.start as usize <= at);
            let statement = next.checked_sub(1).map(|it| model.statements[it]);
            statement.is_some_and(|it| {
                let text = source.slice(it);
                at < it.end as usize && (is_import(text) || is_filler(text))
            })
        }
        // A list of several lines: names, braces and commas since its `use`.
        Language::Rust => {
            let since = before.rfind("use ").map(|it| &before[it + "use ".len()..]);
            since.is_some_and(|it| {
                it.contains('{')
                    && it
                        .chars()
                        .all(|it| it == '_' || it.is_alphanumeric() || it.is_whitespace() || ":{},*".contains(it))
            })
        }
    }
}
