//! What the text of a Rust function's body tells before it is lowered.

use super::Project;
use super::types::FnRef;
use crate::model::{Param, ParamKind, Value};
use crate::rust::is_name;
use crate::source::Language;

/// Words that a bracket may follow without being a call.
const NO_CALLS: &[&str] = &["Some", "Ok", "Err", "if", "in", "match", "return", "while", "else", "mut", "ref", "as"];

impl Project {
    /// The function has no place where anything is run, and that is seen without lowering it: it gives a field, or makes
    /// something of what it is given.
    pub(super) fn surely_runs_nothing(&self, function: FnRef) -> bool {
        let model = self.model(function.file);
        if model.language != Language::Rust || !model.is_left_out(function.function) {
            return false;
        }
        let declared = self.declared(function);
        let source = self.source(function.file);
        let text = source.text.get(declared.name_span.end as usize..declared.span.end as usize).unwrap_or("(");
        text.find('{').is_none_or(|start| !may_run(&text[start..]))
    }

    /// No parameter of the function can be called, as far as its declaration tells: all have types that are no functions.
    pub(super) fn is_given_no_functions(&self, function: FnRef) -> bool {
        self.language(function.file) == Language::Rust && {
            let model = self.model(function.file);
            let params = &model.declaration(function.function).params;
            // What stands for a type is none of them.
            let given = |it: &&Param| it.kind != ParamKind::KeywordOnly;
            !params.iter().filter(given).any(|it| matches!(model.value(it.value), Value::Param(..)))
        }
    }
}

/// There may be a call, a macro or a `for` in the body. In doubt there is.
fn may_run(body: &str) -> bool {
    let bytes = body.as_bytes();
    body.match_indices(['(', '!', 'f']).any(|(at, sign)| {
        let before = body[..at].trim_end();
        match sign {
            "(" => {
                if before.ends_with(['>', ')', ']', '}', '?', '!']) {
                    return true;
                }
                let rest = before.trim_end_matches(is_name);
                let word = &before[rest.len()..];
                !word.is_empty() && !NO_CALLS.contains(&word)
            }
            "!" => body[..at].ends_with(is_name) && bytes.get(at + 1) != Some(&b'='),
            _ => {
                body[at..].starts_with("for") && !body[..at].ends_with(is_name) && !body[at + 3..].starts_with(is_name)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::may_run;

    #[test]
    fn bodies_without_calls_run_nothing() {
        for body in [
            "{ &self.name }",
            "{ Self { a, b: (b, 1), c: Some(c) } }",
            "{ if a != b { return Err(E::No) } Ok(()) }",
            "{ match (a, b) { (1, _) => !c, _ => |x: u8| x + 1 } }",
            "{ before }",
        ] {
            assert!(!may_run(body), "{body}");
        }
        for body in [
            "{ self.load() }",
            "{ load::<u8>(1) }",
            "{ (self.f)(1) }",
            "{ println! {} }",
            "{ for x in y {} }",
            "{ f?(1) }",
            "{ load ( 1 ) }",
        ] {
            assert!(may_run(body), "{body}");
        }
    }
}
