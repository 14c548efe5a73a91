//! The async model: one small language for what both front ends say.
//!
//! A front end lowers one file, looking at that file alone. What a name stands for beyond the file is left open in a
//! [`Value`], a small expression that `project` evaluates once all files are known. Nothing here knows a parser.

mod code;
pub mod flow;
mod growing;
mod kinds;
mod names;
mod outline;
mod parts;
mod shown;
mod value;

pub use code::{
    Arg, Arm, Await, Block, Branch, BranchKind, Call, Condition, Handler, Implicit, ImplicitKind, Loop, LoopKind, Node,
    Raise, Scope, ScopeItem, ScopeKind, Taken, Test, Try, Use, Yield,
};
pub use growing::Growing;
pub use kinds::Kinds;
pub use names::{NameId, Names, is_constant_name};
pub use outline::{Moved, Reshaped, reshaped};
pub use parts::{AllCalls, Calls, Part, Start};
pub use shown::{Given, ModuleBody, Role, Shown, ShownClass, ShownFunction, ShownModule};
pub use value::{Display, Lack, Path, PathRoot, REST, TYPE_GIVEN, ToldBy, TypeArgument, Value};

use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::source::{Language, Span};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
        )]
        pub struct $name(pub u32);

        impl $name {
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// Index into [`FileModel::functions`].
    FunctionId,
    /// Index into [`FileModel::classes`].
    ClassId,
    /// Index into [`FileModel::modules`].
    ModuleId,
    /// Index into [`FileModel::values`].
    ValueId,
    /// Index into [`FileModel::calls`].
    CallId,
    /// Index into [`Function::locals`] of the function that owns it.
    LocalId
}

/// The file's own top level: function 0 is what runs when it is imported (Python) or nothing (Rust).
pub const TOP_LEVEL: FunctionId = FunctionId(0);
/// The file's own module.
pub const FILE_MODULE: ModuleId = ModuleId(0);
/// Value 0 is always [`Value::Unknown`].
pub const UNKNOWN: ValueId = ValueId(0);

/// What one file says.
#[derive(Debug, Clone)]
pub struct FileModel {
    pub language: Language,
    pub names: Names,
    /// 0 is the file itself; Rust files may have inline modules below it.
    pub modules: Vec<Module>,
    /// 0 is the top level of the file. Where bodies are lowered later, what is here has none: see [`FileModel::function`].
    pub functions: Vec<Function>,
    pub classes: Vec<Class>,
    /// Rust `impl` blocks: methods that belong to a type declared here or elsewhere.
    pub impls: Vec<Impl>,
    /// Without those of bodies that are lowered later, as `calls` is: see [`FileModel::all_values`].
    pub values: Vec<Value>,
    /// One bit a value: see [`FileModel::is_opaque`].
    opaque: Vec<u64>,
    /// The values by their hash, while the file is lowered.
    index: HashTable<ValueId>,
    /// See [`FileModel::all_calls`].
    pub calls: Vec<Call>,
    /// Comments that may suppress findings, in order of place: those that contain `asynclint:` or `noqa`.
    pub comments: Vec<Comment>,
    /// Rust `#[allow(..)]` / `#[expect(..)]` of lints, with the extent of what they stand on.
    pub allows: Vec<Allow>,
    /// Extents of simple statements and of the headers of compound ones, sorted: what a suppression on a line governs.
    pub statements: Vec<Span>,
    pub errors: Vec<ParseError>,
    /// Rust: what the file shows to Python.
    pub shown: Option<Box<Shown>>,
    /// The front end itself failed on the file: an internal error, to be reported.
    pub failed: bool,
    /// Bodies that are lowered when they are asked for.
    parts: Option<Arc<parts::Parts>>,
}

/// Something in the file that the parser could not read. The rest of the file is lowered all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    pub span: Span,
    pub message: String,
}

/// A namespace: a Python file, a Rust file or an inline `mod`.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// `None` for the file itself.
    pub name: Option<NameId>,
    pub parent: Option<ModuleId>,
    /// Every name bound at the top of the module, in order of place; a name may occur more than once.
    pub bindings: Vec<Binding>,
    /// Where there are many bindings: their indices by name, then by place.
    pub(crate) by_name: Box<[u32]>,
    /// `from x import *`, `use x::*`.
    pub globs: Vec<Glob>,
    /// Rust: `mod name;` whose text is in another file, with its `#[path]` if it has one.
    pub declared: Vec<(NameId, Option<Box<str>>)>,
    /// Python: the names `__all__` lists, where it is a plain list of strings.
    pub exports: Option<Vec<NameId>>,
    /// Below `#[cfg(test)]`.
    pub test: bool,
}

impl Module {
    /// So many bindings are gone through faster than looked up.
    const FEW: usize = 16;

    /// What a name is bound to, and by which of the bindings, the last one first.
    pub fn bound_to(&self, name: NameId) -> impl Iterator<Item = (usize, &Binding)> {
        let named = |index: &u32| self.bindings[*index as usize].name;
        let start = self.by_name.partition_point(|index| named(index) < name);
        let found = self.by_name[start..].iter().take_while(move |index| named(index) == name).count();
        let looked_up = self.by_name[start..start + found].iter().rev().map(|index| *index as usize);
        let all = if self.by_name.is_empty() { self.bindings.len() } else { 0 };
        let gone_through = (0..all).rev().filter(move |index| self.bindings[*index].name == name);
        looked_up.chain(gone_through).map(|index| (index, &self.bindings[index]))
    }

    /// Nothing more is bound.
    fn finish(&mut self) {
        self.bindings.shrink_to_fit();
        if self.bindings.len() > Self::FEW {
            let mut by_name: Vec<u32> = (0..self.bindings.len() as u32).collect();
            by_name.sort_by_key(|index| self.bindings[*index as usize].name);
            self.by_name = by_name.into();
        }
    }
}

/// `name = value` at the top of a module: an import, a definition or an assignment.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub name: NameId,
    pub value: ValueId,
    /// Python: it may not be reached, or stands in a function; what was bound before may still hold.
    pub conditional: bool,
}

/// `from x import *` at the top of a module.
#[derive(Debug, Clone, Copy)]
pub struct Glob {
    /// Stands for the module (or enum) opened.
    pub value: ValueId,
    /// How many of the module's bindings stand before it.
    pub after: u32,
}

/// A class, struct, enum or trait.
#[derive(Debug, Clone)]
pub struct Class {
    pub name: NameId,
    /// Dotted within the file: `Outer.Inner`.
    pub qualname: NameId,
    pub module: ModuleId,
    pub kind: ClassKind,
    pub span: Span,
    /// Class values of the bases; for a Rust trait, its supertraits.
    pub bases: Vec<ValueId>,
    /// Python: `metaclass=Meta`.
    pub metaclass: Option<ValueId>,
    /// Methods and nested definitions, by name (the last definition wins; `@property` methods are here too).
    pub methods: Vec<(NameId, FunctionId)>,
    /// Class attributes, fields and what methods assign to `self`: instance values. Several entries for one name are alternatives.
    pub fields: Vec<(NameId, ValueId)>,
    /// Python: those of the fields whose type is written down, `name: Type`.
    pub declared: Vec<(NameId, ValueId)>,
    /// Python: names that the body of the class annotates, but for `ClassVar`s, in order: what a constructor takes that something writes.
    pub annotated: Vec<NameId>,
    /// Python: what fields are set to beside that, as `fields` has only the type where that is written down; unknown if they are counted up.
    pub also_set: Vec<(NameId, ValueId)>,
    /// Python: those of the fields that methods other than the constructor set to what is no constant, and by which method.
    pub set_in: Vec<(NameId, FunctionId)>,
    /// Python: those of the fields that a method sets to `None` or a truth value before it asks its own object for something.
    pub decided: Vec<NameId>,
    /// Rust: those of the fields whose type is a type parameter, and which of the parameters for types it is.
    pub parametric: Vec<(NameId, u32)>,
    /// Rust: those of the fields that hold something of one type parameter, `Arc<Mutex<S>>`, which of the parameters for types it is, and
    /// the field's type, in which [`Value::Param`]s of the top level stand for them.
    pub holding: Vec<(NameId, u32, ValueId)>,
    /// Rust: what the type parameters are where nothing is said; empty where none has such a default.
    pub defaults: Box<[ValueId]>,
    pub decorators: Vec<ValueId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassKind {
    Class,
    Struct,
    Enum,
    Trait,
    /// A Rust `type A = B;`: `fields` is empty and `bases[0]` is the instance value of `B`.
    Alias,
}

/// A Rust `impl` block.
#[derive(Debug, Clone)]
pub struct Impl {
    pub module: ModuleId,
    /// Instance value of the type.
    pub target: ValueId,
    /// Class value of the trait.
    pub of_trait: Option<ValueId>,
    pub methods: Vec<(NameId, FunctionId)>,
}

/// A function, method, closure, async block, or the top level of a file.
#[derive(Debug, Clone)]
pub struct Function {
    pub name: NameId,
    /// Dotted within the file: `Class.method`, `outer.inner`; closures are `outer.<lambda>` / `outer.{closure}`.
    pub qualname: NameId,
    pub kind: FunctionKind,
    /// It contains a `yield` of its own.
    pub is_generator: bool,
    /// Rust: it contains a `?` of its own.
    pub tries: bool,
    pub module: ModuleId,
    /// The function whose body it is written in.
    pub parent: Option<FunctionId>,
    /// The class or impl target it is a method of: an instance value for `Self`.
    pub self_type: Option<ValueId>,
    pub class: Option<ClassId>,
    /// Python `@staticmethod` / a Rust associated function without `self`.
    pub is_static: bool,
    pub decorators: Vec<Decorator>,
    pub params: Vec<Param>,
    /// Rust: what tells the type parameters in the type of what it gives: `new(store: S) -> Service<S>`, `inner(&self) -> &S`.
    pub gives: Box<[TypeArgument]>,
    /// Rust: its parameters that are functions, and the tuple of what each is called with.
    pub takes: Box<[(u32, ValueId)]>,
    /// Rust: what it sets fields of its own object to: `self.depth = depth`.
    pub sets: Vec<(NameId, ValueId)>,
    /// Declared result: an instance value (of what is got after `await`, for async functions).
    pub returns: Option<ValueId>,
    /// What its `return`s (and, in Rust, its last expression) give.
    pub returned: Vec<ValueId>,
    pub body: Block,
    pub locals: Vec<Local>,
    /// The whole definition.
    pub span: Span,
    /// The name, or for closures and async blocks the opening (`lambda`, `|x|`, `async`).
    pub name_span: Span,
    /// In test code: `#[test]`, below `#[cfg(test)]`.
    pub test: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// The file's own statements; a Python class body is part of what surrounds it.
    TopLevel,
    Sync,
    Async,
    /// `lambda`, `|x| ..`; also a generator expression that is not consumed in place.
    Closure,
    /// `async |x| ..`
    AsyncClosure,
    /// Rust `async { .. }`.
    AsyncBlock,
}

impl FunctionKind {
    /// Its body is driven by an event loop or executor.
    pub const fn is_async(self) -> bool {
        matches!(self, Self::Async | Self::AsyncClosure | Self::AsyncBlock)
    }
}

/// `@decorator` or `#[attribute]` that names something.
#[derive(Debug, Clone, Copy)]
pub struct Decorator {
    /// The decorator itself; where it is a call (`@app.get("/")`), what is called.
    pub value: ValueId,
    /// The call, where it is one.
    pub call: Option<CallId>,
    pub span: Span,
}

#[derive(Debug, Clone, Copy)]
pub struct Param {
    pub name: NameId,
    pub local: LocalId,
    /// Instance value by annotation, or [`Value::Param`] where nothing is declared.
    pub value: ValueId,
    pub kind: ParamKind,
    pub has_default: bool,
    pub default: ValueId,
    /// Python: it is declared to be something that can be called, of which no more is known.
    pub is_callable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// `self`, `cls`.
    Receiver,
    Positional,
    KeywordOnly,
    /// `*args`
    Rest,
    /// `**kwargs`
    Keywords,
}

/// A name bound inside a function.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    pub name: NameId,
    /// Where it is first bound.
    pub span: Span,
    /// How often it is read, in this function and in those nested in it. `drop(x)`, `del x` and `_ = x` do not count.
    pub reads: u32,
    /// Declared `global`/`nonlocal` or read by a nested function.
    pub shared: bool,
    /// Python: a read gives it to somebody else, who may do anything with it.
    pub handed_on: bool,
    /// Python: it is awaited somewhere, or a coroutine's own methods are called.
    pub driven: bool,
}

/// A comment that may be a suppression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// With its `#` or `//`.
    pub span: Span,
    /// Nothing but white space stands before it on its line.
    pub own_line: bool,
}

/// `#[allow(clippy::await_holding_lock)]`, `#[expect(..)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// As written: `clippy::await_holding_lock`.
    pub lint: Box<str>,
    pub span: Span,
    /// What the attribute governs.
    pub extent: Span,
}

/// About how much text there is to each value that is kept once.
const BYTES_A_VALUE: usize = 64;

fn hash(value: &Value) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(value)
}

/// The bit with that index.
fn is_set(bits: &[u64], index: usize) -> bool {
    bits.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
}

/// Adds the bit with that index, after those before it.
fn push_bit(bits: &mut Vec<u64>, index: usize, bit: bool) {
    let bit = u64::from(bit);
    match bits.last_mut() {
        Some(last) if !index.is_multiple_of(64) => *last |= bit << (index % 64),
        _ => bits.push(bit),
    }
}

impl FileModel {
    /// An empty model: the file's module, its top level and the unknown value are there.
    pub fn new(language: Language, end: u32) -> Self {
        let mut names = Names::of_text(end as usize);
        let top = names.intern("<module>");
        Self {
            language,
            names,
            modules: vec![Module::default()],
            functions: vec![Function::new(top, FunctionKind::TopLevel, Span::new(0, end))],
            classes: Vec::new(),
            impls: Vec::new(),
            values: vec![Value::Unknown],
            opaque: vec![1],
            index: HashTable::with_capacity(end as usize / BYTES_A_VALUE),
            calls: Vec::new(),
            comments: Vec::new(),
            allows: Vec::new(),
            statements: Vec::new(),
            errors: Vec::new(),
            shown: None,
            failed: false,
            parts: None,
        }
    }

    /// All of a function.
    pub fn function(&self, id: FunctionId) -> &Function {
        match &self.parts {
            None => &self.functions[id.index()],
            Some(parts) => self.function_in(parts, id),
        }
    }

    /// What is declared of a function; its body may be missing.
    pub fn declaration(&self, id: FunctionId) -> &Function {
        match self.functions.get(id.index()) {
            Some(function) => function,
            None => self.function(id),
        }
    }

    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.index()]
    }

    pub fn call(&self, id: CallId) -> &Call {
        match self.calls.get(id.index()) {
            Some(call) => call,
            None => self.call_in_part(id),
        }
    }

    /// The last name of what is called, where it is written as one: `sleep` of `time.sleep`, whatever `time` is.
    pub fn callee_name(&self, call: &Call) -> Option<NameId> {
        match self.value(call.callee) {
            Value::Attr(_, name) | Value::Provided { name, .. } => Some(*name),
            Value::Path(path) => path.segments.last().copied(),
            _ => None,
        }
    }

    /// Rust: the value is what a pointer gives access to, and no pointer any more: `server.as_ref()`.
    pub fn is_seen_through(&self, value: ValueId) -> bool {
        let Value::Result(call) = self.value(value) else { return false };
        let name = self.callee_name(self.call(*call)).map(|it| self.name(it));
        matches!(name, Some("as_ref" | "as_mut" | "borrow" | "borrow_mut" | "deref" | "deref_mut"))
    }

    pub fn value(&self, id: ValueId) -> &Value {
        match self.values.get(id.index()) {
            Some(value) => value,
            None => self.value_in_part(id),
        }
    }

    pub fn name(&self, id: NameId) -> &str {
        match self.names.text(id) {
            Some(text) => text,
            None => self.name_in_part(id),
        }
    }

    /// Names of the inline modules around and including `module`, outermost first.
    pub fn inline_path(&self, module: ModuleId) -> Vec<&str> {
        let mut path = Vec::new();
        let mut at = Some(module);
        while let Some(module) = at {
            let declared = self.module(module);
            path.extend(declared.name.map(|name| self.name(name)));
            at = declared.parent;
        }
        path.reverse();
        path
    }

    /// Adds a value. Names and what is asked of them are added once: what is found out of one occurrence is known of all.
    /// Instances are apart, since one tells a parameter from another of the same type.
    pub fn add(&mut self, value: Value) -> ValueId {
        if value == Value::Unknown {
            return UNKNOWN;
        }
        let index = self.values.len();
        if value.is_kept_once() {
            let hashed = hash(&value);
            if let Some(found) = self.index.find(hashed, |id| self.values[id.index()] == value) {
                return *found;
            }
            let Self { index: table, values, .. } = self;
            table.insert_unique(hashed, ValueId(index as u32), |id| hash(&values[id.index()]));
        }
        let callee = |call: CallId| self.calls.get(call.index()).map(|call| call.callee);
        let opaque = value.comes_to_nothing(|value| self.is_opaque(value), callee);
        push_bit(&mut self.opaque, index, opaque);
        self.values.push(value);
        ValueId(index as u32)
    }

    /// The value is unknown whatever other files say: made of nothing but a parameter without annotation and the like. Most
    /// are, and this saves asking.
    pub fn is_opaque(&self, value: ValueId) -> bool {
        let index = value.index();
        if index >= self.values.len() {
            return self.is_opaque_in_part(value);
        }
        is_set(&self.opaque, index)
    }

    /// The file is lowered: gives back what only growing needs, and what nothing will ask for.
    pub fn finish(&mut self) {
        // Parts that come later look up what is there.
        if self.parts.is_none() {
            self.index = HashTable::new();
        }
        self.names.finish();
        // Suppressions ask for statements, and rules that count those of async functions.
        if self.comments.is_empty() && !self.functions.iter().any(|function| function.kind.is_async()) {
            self.statements = Vec::new();
        }
        self.statements.sort_unstable();
        self.statements.shrink_to_fit();
        self.values.shrink_to_fit();
        self.calls.shrink_to_fit();
        self.functions.shrink_to_fit();
        self.classes.shrink_to_fit();
        self.modules.iter_mut().for_each(Module::finish);
    }
}

impl Function {
    /// Which of its parameters a value is.
    pub fn param_of(&self, value: ValueId) -> Option<usize> {
        self.params.iter().position(|it| it.value != UNKNOWN && it.value == value)
    }

    /// A function of which nothing is known yet but its name, kind and place.
    pub fn new(name: NameId, kind: FunctionKind, span: Span) -> Self {
        Self {
            name,
            qualname: name,
            kind,
            is_generator: false,
            tries: false,
            module: FILE_MODULE,
            parent: None,
            self_type: None,
            class: None,
            is_static: false,
            decorators: Vec::new(),
            params: Vec::new(),
            gives: Box::default(),
            takes: Box::default(),
            sets: Vec::new(),
            returns: None,
            returned: Vec::new(),
            body: Block::default(),
            locals: Vec::new(),
            span,
            name_span: Span::new(span.start, span.start),
            test: false,
        }
    }

    pub fn local(&self, id: LocalId) -> &Local {
        &self.locals[id.index()]
    }
}

impl Call {
    /// The argument given at `position` (receiver not counted) or by `name`.
    pub fn argument<'a>(&'a self, names: &Names, position: Option<usize>, name: Option<&str>) -> Option<&'a Arg> {
        if let Some(name) = name
            && let Some(arg) = self.args.iter().find(|arg| arg.name.is_some_and(|it| names.text(it) == Some(name)))
        {
            return Some(arg);
        }
        let position = position?;
        if self.args.iter().take(position + 1).any(|arg| arg.spread) {
            return None;
        }
        self.args.iter().filter(|arg| arg.name.is_none()).nth(position)
    }
}
