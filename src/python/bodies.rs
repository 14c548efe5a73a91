//! Bodies of functions that are left out until somebody asks for them: where they are, as the text tells, and what is made of one.
//!
//! A body stays where it is if what it does is seen from outside: if it makes the function a generator, sets an attribute of the
//! object or a name of the module, or declares a class.

use std::sync::Arc;

use std::sync::LazyLock;

use memchr::memmem;
use ruff_python_ast::{Stmt, StmtFunctionDef};

use crate::model::{FileModel, FunctionId, Growing, Part, Start};

use crate::source::Words;

use super::lines::Lines;
use super::module::Module;
use super::parse;
use super::scope::Lowerer;

/// Bodies with fewer bytes are not worth being left out.
const SMALLEST: usize = 60;
/// Texts in which fewer bytes can be left out are lowered as a whole.
const WORTH_IT: usize = 600;

/// The body of a function, as offsets into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Body {
    /// Where the line begins in which the definition does, without its decorators.
    line: u32,
    /// Where the first statement begins.
    start: u32,
    /// Where the last statement ends.
    end: u32,
    /// The definition is inside something else.
    indented: bool,
}

/// What is left out of a file, and the rest of its text.
pub(super) struct Outline {
    pub(super) bodies: Vec<Body>,
    pub(super) text: String,
}

impl Outline {
    /// `None` where it is not worth it, or the text is not understood.
    pub(super) fn of(text: &str) -> Option<Self> {
        if text.len() > Start::LARGEST {
            return None;
        }
        let mut bodies = bodies(text)?;
        let indents: Vec<usize> = bodies.iter().map(|it| indent_of(text, it.start as usize)).collect();
        let mut indents = indents.into_iter();
        bodies.retain(|it| indents.next().is_some_and(|indent| (it.end - it.start) as usize > SMALLEST + indent));
        if bodies.iter().map(|it| (it.end - it.start) as usize).sum::<usize>() < WORTH_IT {
            return None;
        }
        // A comment takes the place of each, and a statement that ends where the body does.
        let mut out = String::with_capacity(text.len());
        for body in &bodies {
            let (start, end) = (body.start as usize, body.end as usize);
            let indent = indent_of(text, start);
            out.push_str(&text[out.len()..start]);
            out.push('#');
            spaces(&mut out, end - "\n...".len() - indent);
            out.push('\n');
            out.push_str(&text[start - indent..start]);
            out.push_str("...");
        }
        out.push_str(&text[out.len()..]);
        Some(Self { bodies, text: out })
    }
}

fn spaces(out: &mut String, until: usize) {
    const SPACES: &str = match str::from_utf8(&[b' '; 512]) {
        Ok(spaces) => spaces,
        Err(_) => "",
    };
    while out.len() < until {
        out.push_str(&SPACES[..SPACES.len().min(until - out.len())]);
    }
}

/// How many bytes of white space there are between the beginning of the line and this place.
fn indent_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

impl Lowerer<'_> {
    /// The body that is left out and ends there.
    pub(super) fn left_out_body(&self, end: u32) -> Option<Body> {
        let found = self.bodies.binary_search_by_key(&end, |it| it.end).ok()?;
        Some(self.bodies[found])
    }

    /// The file without the bodies that have been left out: they come when they are asked for.
    pub(super) fn finish_without(self, text: &Arc<str>) -> FileModel {
        let module = self.module.into_owned();
        let left_out = self.left_out;
        let mut model = self.model.into_file();
        let lengths: Vec<(FunctionId, u32)> = left_out.iter().map(|(id, it)| (*id, it.end - it.line)).collect();
        let text = Arc::clone(text);
        model.leave_out(&lengths, move |base, index, start| {
            let (id, body) = left_out[index];
            lower(base, &text, &module, start, id, body)
        });
        model.finish();
        model
    }
}

fn lower(base: &FileModel, text: &str, module: &Module, start: Start, id: FunctionId, body: Body) -> Part {
    let (line, end) = (body.line as usize, body.end as usize);
    // What stands before is a comment here, so that places are those of the whole text.
    let mut alone = String::with_capacity(end + 1);
    let head = if body.indented { "if 1:#" } else { "#" };
    if line > head.len() {
        alone.push_str(head);
    }
    if line > 0 {
        spaces(&mut alone, line - 1);
        alone.push('\n');
    }
    alone.push_str(&text[line..end]);
    let part = parse::with_body(&alone, line, |parsed| {
        let mut lowerer = Lowerer::with(Growing::body(base, start, id, end - line), std::borrow::Cow::Borrowed(module));
        if let Some(definition) = definition(parsed) {
            lowerer.function_body(id, definition);
        }
        lowerer.model.into_part()
    });
    part.unwrap_or_else(|| Part::empty(base.declaration(id).clone()))
}

fn definition(body: &[Stmt]) -> Option<&StmtFunctionDef> {
    match body.first()? {
        Stmt::FunctionDef(it) => Some(it),
        Stmt::If(it) => definition(&it.body),
        _ => None,
    }
}

/// The bodies of the functions that are not inside another one; `None` where the text is not understood.
fn bodies(text: &str) -> Option<Vec<Body>> {
    let lines = Lines { bytes: text.as_bytes() };
    let mut bodies = Vec::new();
    let mut at = 0;
    while let Some((line, first)) = lines.next_code(at)? {
        let (end, next) = lines.logical(first)?;
        at = next;
        let code = &text[first..end];
        let Some(name) = code.strip_prefix("async").map_or(code, str::trim_start).strip_prefix("def ") else {
            continue;
        };
        if !code.ends_with(':') {
            continue;
        }
        let column = lines.column(line, first);
        let mut body = None;
        while let Some((line, first)) = lines.next_code(at)? {
            if lines.column(line, first) <= column {
                break;
            }
            let (end, next) = lines.logical(first)?;
            at = next;
            let end = first + text[first..end].trim_end_matches([';', ' ', '\t', '\\', '\r', '\n']).len();
            body = Some((body.map_or(first, |(start, _)| start), end));
        }
        let Some((start, end)) = body else { continue };
        if end - start > SMALLEST && !is_seen_outside(&text[start..end], receiver(name)) {
            let (start, end) = (start as u32, end as u32);
            bodies.push(Body { line: line as u32, start, end, indented: first > line });
        }
    }
    Some(bodies)
}

/// The name of the first parameter.
fn receiver(definition: &str) -> &str {
    let mut rest = definition.split_once('(').map_or("", |(_, rest)| rest).trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    let end = rest.find(|it| !is_name(it)).unwrap_or(rest.len());
    &rest[..end]
}

fn is_name(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

/// Words that say that what a body does may be seen from elsewhere, and the usual name of a method's object.
const WORDS: [&str; 6] = ["yield", "global ", "class ", "noqa", "asynclint:", OBJECT];
const OBJECT: &str = "self.";

/// What the body does may be seen from elsewhere without asking for it. In doubt it is.
fn is_seen_outside(body: &str, receiver: &str) -> bool {
    static SEARCHED: LazyLock<Words> = LazyLock::new(|| Words::new(&WORDS));
    let says = |at: usize, end: usize| match &body[at..end] {
        "yield" => is_yield(body, at),
        "global " | "class " => body[..at].trim_end_matches([' ', '\t']).ends_with(['\n', ';']) || at == 0,
        OBJECT => receiver == "self" && sets_attribute(body, at, at + OBJECT.len()),
        _ => true,
    };
    SEARCHED.any_in(body, says)
        || !matches!(receiver, "" | "self") && {
            let places = memmem::find_iter(body.as_bytes(), receiver.as_bytes()).map(|at| (at, at + receiver.len()));
            places.filter(|(_, end)| body[*end..].starts_with('.')).any(|(at, end)| sets_attribute(body, at, end + 1))
        }
}

/// The keyword, and not a part of a name or of prose.
fn is_yield(body: &str, at: usize) -> bool {
    let before = body[..at].trim_end_matches([' ', '\t']);
    let is_word = !body[at + "yield".len()..].starts_with(is_name) && !body[..at].ends_with(is_name);
    is_word
        && (before.is_empty() || before.ends_with(['\n', ';', '=', '(', ':', ',', '[', '{', '\\']) || expects(before))
}

/// The text ends in a word after which an expression comes.
fn expects(before: &str) -> bool {
    ["return", "await", "in", "and", "or", "not", "if", "else", "assert"]
        .iter()
        .any(|word| before.strip_suffix(word).is_some_and(|rest| !rest.ends_with(is_name)))
}

/// `self.name = ..`, `self.name += ..`, `self.a, self.b = ..`, `self.name: int`, `for self.name in ..`, `with .. as self.name`: the object's name
/// is at `at`, and the attribute's at `name`. In doubt it does.
fn sets_attribute(body: &str, at: usize, name: usize) -> bool {
    if body[..at].ends_with(|it| is_name(it) || it == '.') {
        return false;
    }
    let rest = body[name..].trim_start_matches(is_name).trim_start_matches([' ', '\t']);
    let line = body[..at].rfind('\n').map_or(0, |it| it + 1);
    let before = body[line..at].trim_start();
    let is_list = |text: &str, more: &[u8]| {
        text.bytes().all(|it| is_name(char::from(it)) || b"., *".contains(&it) || more.contains(&it))
    };
    let named = before.rsplit_once(" as ").is_some_and(|(_, targets)| is_list(targets, b"(["));
    match rest.bytes().next() {
        Some(b'\\') => true,
        Some(b'=') => !rest.starts_with("=="),
        // `self.name += ..`
        Some(b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^' | b'@') => {
            let operator = |it| matches!(it, '+' | '-' | '*' | '/' | '%' | '|' | '&' | '^' | '@');
            named || rest.trim_start_matches(operator).starts_with('=')
        }
        Some(b':') => before.is_empty() || before.trim_end().ends_with(';') || named,
        Some(b',' | b')' | b']') => {
            let listed = before.trim_start_matches(['(', '[', ' ', '*']);
            let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
            is_list(listed, b"[]") && (assigns(line) || is_unpacked(rest)) || before.starts_with("for ") || named
        }
        _ => named || before.starts_with("for "),
    }
}

/// What stands in brackets around is assigned to: `( self.a, self.b, ) = ..`, over however many lines.
fn is_unpacked(rest: &str) -> bool {
    /// No list of targets is longer.
    const LONGEST: usize = 2000;
    let mut depth = 0_usize;
    let mut bytes = rest.bytes().take(LONGEST).peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            b')' | b']' => {
                while bytes.next_if(|it| matches!(it, b' ' | b'\t')).is_some() {}
                match bytes.next() {
                    Some(b'=') => return bytes.peek() != Some(&b'='),
                    // One list in another.
                    Some(b',' | b'\n' | b'\r') => {}
                    _ => return false,
                }
            }
            b'}' => return false,
            _ => {}
        }
    }
    false
}

/// A `=` stands there that compares nothing.
fn assigns(line: &str) -> bool {
    let bytes = line.as_bytes();
    memchr::memchr_iter(b'=', bytes).any(|at| {
        bytes.get(at + 1) != Some(&b'=')
            && !matches!(at.checked_sub(1).map(|it| bytes[it]), Some(b'=' | b'!' | b'<' | b'>'))
    })
}
