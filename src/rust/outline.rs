//! A file without the bodies of its functions, for who asks only what is declared in it.
//!
//! What is lowered with the bodies begins with the very same: functions, types, values and names have the same numbers in both.
//! So what is known of the one holds in the other. To that end the outline is lowered first in either case, from a text
//! in which the bodies are empty; after it come the bodies, from the whole text.

use rustc_hash::FxHashMap;
use syn::{Attribute, Block, ImplItem, Item, Signature, TraitItem};

use crate::model::{FunctionId, ModuleId, NameId, ValueId};

use super::offset::Offsets;
use super::parse::Piece;
use super::scope::Lowerer;

/// A function whose body is not looked at yet, and what is around it.
pub(super) struct Deferred {
    function: FunctionId,
    module: ModuleId,
    self_types: Vec<(ValueId, ValueId)>,
    generics: Vec<(NameId, ValueId)>,
    path: Vec<String>,
}

/// A function as it is written.
type Written<'a> = (&'a Signature, &'a [Attribute], &'a Block);

impl Lowerer {
    /// Lowers what the pieces declare. The bodies come later, if ever.
    pub(super) fn outline(&mut self, text: &str, pieces: &[Piece]) {
        self.deferred = Some(Vec::new());
        self.file(text, pieces);
    }

    /// Keeps the function for later.
    pub(super) fn defer(&mut self, function: FunctionId) -> bool {
        let deferred = Deferred {
            function,
            module: self.module,
            self_types: self.self_types.clone(),
            generics: self.generics.clone(),
            path: self.path.clone(),
        };
        self.deferred.as_mut().map(|all| all.push(deferred)).is_some()
    }

    /// Lowers the bodies that have been left out, from the pieces of the whole text. One that is not found there could not be
    /// parsed.
    pub(super) fn bodies(&mut self, text: &str, pieces: &[Piece]) {
        let deferred = self.deferred.take().unwrap_or_default();
        let mut written: FxHashMap<u32, (usize, Written<'_>)> = FxHashMap::default();
        let mut offsets: Vec<Offsets> = pieces.iter().map(|piece| piece.offsets(text)).collect();
        for (index, piece) in pieces.iter().enumerate() {
            functions(&piece.items, &mut |it| {
                written.insert(offsets[index].start(it.0.ident.span()), (index, it));
            });
        }
        for it in deferred {
            let start = self.model.function(it.function).name_span.start;
            let Some((piece, (sig, attrs, body))) = written.get(&start) else { continue };
            (self.module, self.self_types, self.generics, self.path) = (it.module, it.self_types, it.generics, it.path);
            self.among(&mut offsets[*piece], |this| this.define_function(it.function, sig, attrs, Some(body)));
        }
    }
}

/// The functions that are no part of another one's body.
fn functions<'a>(items: &'a [Item], found: &mut impl FnMut(Written<'a>)) {
    for item in items {
        match item {
            Item::Fn(it) => found((&it.sig, &it.attrs, &it.block)),
            Item::Mod(it) => {
                if let Some((_, items)) = &it.content {
                    functions(items, found);
                }
            }
            Item::Impl(it) => {
                for member in &it.items {
                    if let ImplItem::Fn(it) = member {
                        found((&it.sig, &it.attrs, &it.block));
                    }
                }
            }
            Item::Trait(it) => {
                for member in &it.items {
                    if let TraitItem::Fn(it) = member
                        && let Some(body) = &it.default
                    {
                        found((&it.sig, &it.attrs, body));
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::FileModel;
    use crate::rust::{lower_outline, lower_with_outline};
    use crate::source::{Language, Source};

    const TEXT: &str = r#"
//! Kept.
use crate::a::{B as C, *};
macro_rules! make { ($x:expr) => { impl X for $x {} } }
/// A store.
pub struct Store<T> { pub items: Vec<T>, name: &'static str }
type Own = Store<u8>;
impl<T: Clone> Store<T> {
    pub fn new(items: Vec<T>) -> Self { let it = Self { items, name: "}" }; it.check(|x| x.go()); it }
    async fn load(&self, (a, b): (C, u8)) -> Option<Own> { a.run(b).await }
}
trait Load { fn load(&self) -> u8 { inner(); 1 } fn size(&self) -> [u8; { 1 }]; }
mod inner { pub(super) fn f<R>(r: R) -> super::Own where R: Into<u8> { fn g() {} g(); todo!() } }
impl Load for Own { fn load(&self) -> u8 { self.size()[0] } fn size(&self) -> [u8; 1] { [1] } }
"#;

    fn models() -> (FileModel, FileModel) {
        let source = Source::new("a.rs", Language::Rust, TEXT);
        let outline = lower_outline(&source).expect("nothing in a body is seen from elsewhere");
        (outline, lower_with_outline(&source))
    }

    #[test]
    fn the_model_begins_with_the_outline() {
        let (outline, whole) = models();
        assert_eq!(outline.values[..], whole.values[..outline.values.len()]);
        assert!(outline.functions.len() == 8 && whole.functions.len() > outline.functions.len());
        for (id, (a, b)) in outline.functions.iter().zip(&whole.functions).enumerate() {
            assert_eq!((outline.name(a.qualname), a.name), (whole.name(b.qualname), b.name), "{id}");
            assert_eq!((a.kind, a.returns, a.self_type, a.span), (b.kind, b.returns, b.self_type, b.span), "{id}");
            let values = |it: &crate::model::Function| it.params.iter().map(|it| it.value).collect::<Vec<_>>();
            assert_eq!(values(a), values(b), "{id}");
            assert!(a.body.nodes.is_empty() && a.returned.is_empty(), "{id}");
        }
        let impls = |it: &FileModel| it.impls.iter().map(|it| (it.target, it.methods.clone())).collect::<Vec<_>>();
        assert_eq!(impls(&outline), impls(&whole));
        assert!(outline.calls.is_empty() && outline.errors.is_empty());
    }

    #[test]
    fn the_model_has_all_bodies() {
        let (_, whole) = models();
        let by_itself = crate::rust::lower(&Source::new("a.rs", Language::Rust, TEXT));
        let sorted = |model: &FileModel| {
            let mut calls: Vec<_> = model.calls.iter().map(|it| (it.span, it.args.len(), it.awaited)).collect();
            calls.sort();
            let mut functions: Vec<_> = model.functions.iter().map(|it| model.name(it.qualname).to_owned()).collect();
            functions.sort();
            (calls, functions)
        };
        assert_eq!(sorted(&whole), sorted(&by_itself));
    }
}
