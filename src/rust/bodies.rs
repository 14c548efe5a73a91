//! Bodies of functions that are left out until somebody asks for them: where they are, as the text tells, and what is made of one.
//!
//! Most of a file is bodies, and each token of them costs time. A body stays where it is if what it does is seen from outside: if
//! it declares types or implements something for them, or shows something to Python.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;
use syn::ItemFn;

use crate::model::{FileModel, FunctionId, Growing, ModuleId, NameId, Part, Start, ValueId};
use crate::source::{Edition, Features, Source, Words};

use super::mentions::{begins_block, is_name};
use super::names::ModuleNames;
use super::offset::Offsets;
use super::scan::{Scan, blank};
use super::scope::Lowerer;

/// Bodies with fewer bytes are not worth being left out.
const SMALLEST: usize = 24;

/// What is left out of a file, and the rest of its text.
pub(super) struct Outline {
    /// The insides of bodies, in order.
    pub(super) bodies: Vec<Range<usize>>,
    pub(super) text: String,
}

impl Outline {
    /// `None` where there is nothing to leave out.
    pub(super) fn of(text: &str, scan: &Scan) -> Option<Self> {
        if text.len() > Start::LARGEST {
            return None;
        }
        let can_go = |body: &&Range<usize>| body.len() > SMALLEST && !is_seen_outside(&text[(*body).clone()]);
        let bodies: Vec<Range<usize>> = scan.bodies.iter().filter(can_go).cloned().collect();
        if bodies.is_empty() {
            return None;
        }
        let mut bytes = scan.plain.as_deref().unwrap_or(text).as_bytes().to_vec();
        for body in &bodies {
            blank(&mut bytes[body.clone()]);
        }
        Some(Self { bodies, text: String::from_utf8(bytes).ok()? })
    }
}

/// Words that begin items which are more than a body's own, and those of code that fills Python's modules.
const WORDS: [&str; 11] =
    ["impl", "struct", "enum", "union", "trait", "mod", "type", "#[py", "add_class", "get_type", "type_object"];

/// Something in the body may be seen without looking into it. In doubt it is.
fn is_seen_outside(body: &str) -> bool {
    static SEARCHED: LazyLock<Words> = LazyLock::new(|| Words::new(&WORDS));
    let says = |at: usize, end: usize| match &body[at..end] {
        "impl" => begins_block(body, at),
        "struct" | "enum" | "union" | "trait" | "mod" | "type" => {
            !body[..at].ends_with(is_name) && body[end..].starts_with(char::is_whitespace)
        }
        _ => true,
    };
    SEARCHED.any_in(body, says)
}

/// A function whose body is left out, and what is around it.
pub(super) struct LeftOut {
    function: FunctionId,
    module: ModuleId,
    self_types: Vec<(ValueId, ValueId)>,
    generics: Vec<(NameId, ValueId)>,
    constants: Vec<(NameId, ValueId)>,
    self_parameters: Vec<Option<NameId>>,
    path: Vec<String>,
}

impl Lowerer<'_> {
    /// The function's body is one of those that are to be left out, and is.
    pub(super) fn leaves_out(&mut self, function: FunctionId) -> bool {
        let end = self.model.function(function).span.end as usize;
        // Before the closing brace.
        let is_left_out = self.bodies.binary_search_by_key(&end, |body| body.end + 1).is_ok();
        if is_left_out {
            self.left_out.push(LeftOut {
                function,
                module: self.module,
                self_types: self.self_types.clone(),
                generics: self.generics.clone(),
                constants: self.constants.clone(),
                self_parameters: self.self_parameters.clone(),
                path: self.path.clone(),
            });
        }
        is_left_out
    }

    /// The file without the bodies that have been left out: they come when they are asked for. `stack` is what parsing and
    /// walking one needs, in bytes.
    pub(super) fn finish_without(mut self, source: &Source, stack: usize) -> FileModel {
        let mut left_out = std::mem::take(&mut self.left_out);
        left_out.sort_unstable_by_key(|it| it.function);
        let (edition, features) = (self.edition, source.features.clone());
        let (mut model, names) = self.into_file();
        let length = |it: &LeftOut| {
            let span = model.declaration(it.function).span;
            (it.function, span.end - span.start)
        };
        let lengths: Vec<(FunctionId, u32)> = left_out.iter().map(length).collect();
        let text = Arc::clone(&source.text);
        model.leave_out(&lengths, move |base, index, start| {
            let lower = || lower(base, &text, &names, (edition, features.as_deref()), start, &left_out[index]);
            let part = stacker::maybe_grow(stack, stack + (1 << 20), lower);
            proc_macro2::extra::invalidate_current_thread_spans();
            part.unwrap_or_else(|| Part::empty(base.declaration(left_out[index].function).clone()))
        });
        model.finish();
        model
    }
}

/// `None` where the function cannot be parsed.
fn lower(
    base: &FileModel,
    text: &str,
    names: &FxHashMap<ModuleId, ModuleNames>,
    built: (Edition, Option<&Features>),
    start: Start,
    it: &LeftOut,
) -> Option<Part> {
    let span = base.declaration(it.function).span;
    let written: ItemFn = syn::parse_str(text.get(span.range())?).ok()?;
    let model = Growing::body(base, start, it.function, span.range().len());
    let mut lowerer = Lowerer::with(model, std::borrow::Cow::Borrowed(names), built);
    (lowerer.module, lowerer.self_types, lowerer.generics, lowerer.path) =
        (it.module, it.self_types.clone(), it.generics.clone(), it.path.clone());
    (lowerer.constants, lowerer.self_parameters) = (it.constants.clone(), it.self_parameters.clone());
    let mut offsets = Offsets::of(&text[..span.end as usize], span.start);
    lowerer.among(&mut offsets, |this| {
        this.define_function(it.function, &written.sig, &written.attrs, Some(&written.block));
    });
    lowerer.model.into_part()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_has_no_bodies() {
        let pad = "/* long enough to be left out */";
        let blank = " ".repeat(pad.len());
        let left_out = [
            ("fn f() {@ g('}') }\nfn h();", "fn f() {@        }\nfn h();"),
            (
                "trait T { fn f(x: [u8; { 1 }]) where A: B {@ x } fn g(); }",
                "trait T { fn f(x: [u8; { 1 }]) where A: B {@   } fn g(); }",
            ),
            (
                "fn f() {@ fn g() { 1 } g() } struct S { x: fn(u8) }",
                "fn f() {@                  } struct S { x: fn(u8) }",
            ),
            ("fn f() {@ g(|x: &impl A| 1) }", "fn f() {@                   }"),
            ("fn f() {@ remodel(structure, r#type) }", "fn f() {@                            }"),
        ];
        for (text, expected) in left_out {
            let text = text.replace('@', pad);
            let found = Outline::of(&text, &Scan::of(&text)).map(|it| it.text);
            assert_eq!(found, Some(expected.replace('@', &blank)), "{text}");
        }
        let kept = [
            "static F: fn() = { x @ };",
            "fn f() {@\n impl A for B {} }",
            "fn f() {@ struct A; }",
            "fn f() {@ pub(crate) enum A {} }",
            "fn f() {@ type A = u8; }",
            "fn f() {@ m.add_class::<A>() }",
            "fn f() {@ #[pyfn(m)] fn g() {} }",
            "fn f() { short() }",
        ];
        for text in kept {
            let text = text.replace('@', pad);
            assert!(Outline::of(&text, &Scan::of(&text)).is_none(), "{text}");
        }
    }
}
