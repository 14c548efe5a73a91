//! The async model: one small language for what both front ends say.
//!
//! A front end lowers one file, looking at that file alone. What a name stands for beyond the file is left open in a
//! [`Value`], a small expression that `project` evaluates once all files are known. Nothing here knows a parser.

pub mod flow;
mod names;

pub use names::{NameId, Names};

use crate::source::{Language, Span};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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
    /// 0 is the top level of the file.
    pub functions: Vec<Function>,
    pub classes: Vec<Class>,
    /// Rust `impl` blocks: methods that belong to a type declared here or elsewhere.
    pub impls: Vec<Impl>,
    pub values: Vec<Value>,
    pub calls: Vec<Call>,
    /// Comments that may suppress findings, in order of place: those that contain `asynclint:` or `noqa`.
    pub comments: Vec<Comment>,
    /// Rust `#[allow(..)]` / `#[expect(..)]` of lints, with the extent of what they stand on.
    pub allows: Vec<Allow>,
    /// Extents of simple statements and of the headers of compound ones, sorted: what a suppression on a line governs.
    pub statements: Vec<Span>,
    pub errors: Vec<ParseError>,
    /// The front end itself failed on the file: an internal error, to be reported.
    pub failed: bool,
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
    /// `from x import *`, `use x::*`.
    pub globs: Vec<Glob>,
    /// Rust: `mod name;` whose text is in another file, with its `#[path]` if it has one.
    pub declared: Vec<(NameId, Option<Box<str>>)>,
    /// Python: the names `__all__` lists, where it is a plain list of strings.
    pub exports: Option<Vec<NameId>>,
    /// Below `#[cfg(test)]`.
    pub test: bool,
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
    /// Methods and nested definitions, by name (the last definition wins; `@property` methods are here too).
    pub methods: Vec<(NameId, FunctionId)>,
    /// Class attributes, fields and what methods assign to `self`: instance values. Several entries for one name are alternatives.
    pub fields: Vec<(NameId, ValueId)>,
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
}

/// Statements in order. Expressions are flattened: what is evaluated first stands first.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
pub enum Node {
    Call(CallId),
    Await(Await),
    Yield(Yield),
    Return {
        span: Span,
        value: Option<ValueId>,
    },
    Raise(Raise),
    Break {
        span: Span,
    },
    Continue {
        span: Span,
    },
    /// `name = value` in a function: `let`, assignment, `for` targets and `as` excepted.
    Bind {
        local: LocalId,
        value: ValueId,
        span: Span,
    },
    /// The value of a local ends or moves on: `del x`, `drop(x)`, a Rust local passed or returned by value.
    Release {
        local: LocalId,
        span: Span,
    },
    /// Rust: temporaries of a `let` that live to the end of the block (`let x = &m.lock().field;`).
    Hold {
        values: Vec<ValueId>,
        span: Span,
    },
    /// `with`, or a stretch through which temporaries or a guard live.
    Scope(Box<Scope>),
    Try(Box<Try>),
    Branch(Box<Branch>),
    Loop(Box<Loop>),
    /// A Rust `{ .. }`: locals bound inside end with it.
    Block(Box<Block>),
    /// A nested function, closure or async block is created here (not called).
    Define(FunctionId),
    /// Something blocking or yielding that is not written as a call: see [`ImplicitKind`].
    Implicit(Implicit),
}

/// Work done without call syntax.
#[derive(Debug, Clone, Copy)]
pub struct Implicit {
    pub kind: ImplicitKind,
    pub value: ValueId,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImplicitKind {
    /// An attribute is read: a property may do work. Only emitted where it is not the callee of a call.
    Attribute(NameId),
    /// `for x in value` / a comprehension: `__iter__`, `__next__`, `Iterator::next`. Once per loop.
    Iterate,
    /// A task or future is waited for by its use in `async for`.
    AsyncIterate,
    /// Rust: a future made in place (`async { .. }`) is dropped at once.
    Drop,
    /// Python: an operator or subscript runs this method of the value: `x[0]` runs `x.__getitem__`.
    Operator(NameId),
}

#[derive(Debug, Clone, Copy)]
pub struct Await {
    /// The whole `await x` / `x.await`.
    pub span: Span,
    /// The keyword.
    pub keyword: Span,
    pub value: ValueId,
    /// What becomes of the result.
    pub result: Use,
}

#[derive(Debug, Clone, Copy)]
pub struct Yield {
    pub span: Span,
    /// `yield from`.
    pub delegates: bool,
    /// What is yielded; of `yield from`, what is delegated to.
    pub value: ValueId,
}

#[derive(Debug, Clone, Copy)]
pub struct Raise {
    pub span: Span,
    /// `None` for a bare `raise`. Rust: `return Err(..)`, `?` and `bail!` are returns, `panic!` is a raise.
    pub value: Option<ValueId>,
    /// It raises the exception its handler caught, by name: `except E as e: raise e`.
    pub cause: Option<LocalId>,
}

/// `with a as b, c: ..`, a Rust scrutinee whose temporaries live through the arms, an expression statement with temporaries.
#[derive(Debug, Clone)]
pub struct Scope {
    pub kind: ScopeKind,
    pub items: Vec<ScopeItem>,
    pub body: Block,
    /// The whole statement.
    pub span: Span,
    /// `with` / `async with` / `match`: where a finding about the scope itself is put.
    pub keyword: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    With,
    AsyncWith,
    /// Rust temporaries that live through `body`: of a `match`/`if let`/`while let`/`for` head, or of one statement.
    Temporaries,
    /// Rust: the body of a future handed to a combinator as `async { .. }` in place: `timeout(d, async { .. }).await`. The
    /// item is the combinator's call.
    Combinator,
    /// Rust `unsafe`-like or `synchronized`-like blocks that hold nothing are plain [`Node::Block`]s.
    Other,
}

#[derive(Debug, Clone, Copy)]
pub struct ScopeItem {
    pub value: ValueId,
    /// `as name`.
    pub local: Option<LocalId>,
    pub span: Span,
    /// It is the subject itself; else a temporary that is made on the way to it.
    pub is_subject: bool,
}

#[derive(Debug, Clone)]
pub struct Try {
    pub span: Span,
    pub body: Block,
    pub handlers: Vec<Handler>,
    pub orelse: Block,
    pub finally: Block,
}

#[derive(Debug, Clone)]
pub struct Handler {
    pub span: Span,
    /// `except ..` without the colon and the body.
    pub head: Span,
    /// Class values of what is caught; empty for a bare `except:`, [`UNKNOWN`] among them for what cannot be told.
    pub catches: Vec<ValueId>,
    pub bare: bool,
    /// `except*`.
    pub is_star: bool,
    pub local: Option<LocalId>,
    pub body: Block,
}

/// `if`, `match`, a conditional expression, `and`/`or`, `select!`: one arm runs, or none.
#[derive(Debug, Clone)]
pub struct Branch {
    pub kind: BranchKind,
    pub span: Span,
    /// Each arm with its test; tests run in order until one holds.
    pub arms: Vec<Arm>,
    /// Some arm always runs (`else`, `case _`, Rust `match`).
    pub exhaustive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchKind {
    If,
    Match,
    /// `a and b`, `a or b`, `x if c else y`, `?` of a chain.
    Expression,
    /// `tokio::select!`, `futures::select!`: the arms' futures run side by side, one handler runs.
    Select,
}

#[derive(Debug, Clone, Default)]
pub struct Arm {
    /// What is evaluated to choose the arm; for `select!` the branch's future expression (its awaiting is implied).
    pub test: Block,
    /// `select!`: the branch's future.
    pub future: Option<ValueId>,
    /// Known at sight: `True`, `False`, `TYPE_CHECKING` (false).
    pub constant: Option<bool>,
    pub body: Block,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Loop {
    pub kind: LoopKind,
    pub span: Span,
    pub keyword: Span,
    /// Evaluated once (`for x in HERE`) or before each turn (`while HERE`).
    pub head: Block,
    pub body: Block,
    pub orelse: Block,
    /// What is iterated over, for `for`.
    pub iterated: Option<ValueId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopKind {
    For,
    AsyncFor,
    While,
    /// `while True`, `loop`.
    Forever,
    /// A comprehension.
    Comprehension,
    AsyncComprehension,
}

/// A call: `f(x)`, `x.m(y)`, a macro that calls.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function whose body it is in.
    pub function: FunctionId,
    /// What is called: for a method, [`Value::Attr`] of the receiver.
    pub callee: ValueId,
    /// The whole expression.
    pub span: Span,
    /// The callee as written (`time.sleep`, for a chain only the method's name): where findings are put.
    pub name_span: Span,
    pub args: Vec<Arg>,
    pub result: Use,
    /// It is the operand of `await`.
    pub awaited: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// Keyword, if given by one.
    pub name: Option<NameId>,
    pub value: ValueId,
    pub span: Span,
    /// `*args` / `**kwargs`.
    pub spread: bool,
}

/// What becomes of the result of a call or an await.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An expression statement: dropped at once.
    Dropped,
    /// `let _ = ..`, `_ = ..`: dropped, and said so.
    Discarded,
    /// Bound to a local of the same function.
    Bound(LocalId),
    Returned,
    /// Put where it outlives the statement: an attribute, an item, a container, a global, a struct field.
    Stored,
    /// An argument of another call, or captured.
    Passed,
    Awaited,
    /// The receiver of a method call or attribute access: `f().g()`.
    Receiver,
    /// Only its truth is asked: `if f():`, `while f()`, `not f()`, `assert f()`.
    Tested,
    /// `yield f()`, `raise f()`, compared, computed with, formatted, iterated.
    Consumed,
    /// The subject of `with`.
    Entered,
}

/// What is statically known of an expression, in terms of this file alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Unknown,
    None,
    Bool(bool),
    Int(i64),
    Str(NameId),
    /// A path from outside: an import, a builtin (`builtins.open`), a Rust path whose first segment is not bound here.
    Path(Path),
    /// A name bound at the top of a module of this file; looked up in [`Module::bindings`], then [`Module::globs`].
    Global(ModuleId, NameId),
    /// A function, closure or async block of this file, not called.
    Function(FunctionId),
    Class(ClassId),
    /// An instance of a class value: by annotation, `self`, a Rust type. Type arguments are instance values.
    Instance {
        class: ValueId,
        args: Box<[ValueId]>,
    },
    /// What a call gives (for an async function: the coroutine; see `Awaited`).
    Result(CallId),
    Awaited(ValueId),
    /// What `with x as HERE` binds; `true` for `async with`.
    Entered(ValueId, bool),
    /// One element of an iterable.
    Element(ValueId),
    /// Attribute, field, module member, associated item or method.
    Attr(ValueId, NameId),
    /// Rust `x.name` that is no method call, and what patterns take out of a struct.
    Field(ValueId, NameId),
    /// Rust `x?`; and patterns `Some(x)`, `Ok(x)`: the first type argument of a wrapper, else the value itself.
    Inner(ValueId),
    /// Rust `*x`: what a pointer or guard gives access to; options and results stay what they are.
    Deref(ValueId),
    /// `x[..]`
    Index(ValueId),
    Tuple(Box<[ValueId]>),
    /// Element `n` of a tuple or of what unpacks like one.
    Item(ValueId, u32),
    /// A list, set, dict or Rust `vec!`/array display of these elements.
    Collection(Box<[ValueId]>),
    /// One of these, by path taken.
    Union(Box<[ValueId]>),
    /// A parameter without annotation, of the function given: by position.
    Param(FunctionId, u32),
    /// `super()` in a method of the class.
    Super(ClassId),
    /// Python `x / y`: where `x` is a path, so is this.
    Quotient(ValueId),
}

/// A dotted or `::` path that starts outside the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    pub root: PathRoot,
    pub segments: Box<[NameId]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathRoot {
    /// Python: absolute. Rust: the first segment is a crate (or a prelude name the front end has spelled out).
    Absolute,
    /// Python `from ..x`: the number of dots.
    Relative(u32),
    /// Rust `crate::`.
    Crate,
    /// Rust `self::` (0), `super::` (1), … counted from a module of this file.
    Super(ModuleId, u32),
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

impl FileModel {
    /// An empty model: the file's module, its top level and the unknown value are there.
    pub fn new(language: Language, end: u32) -> Self {
        let mut names = Names::default();
        let top = names.intern("<module>");
        Self {
            language,
            names,
            modules: vec![Module::default()],
            functions: vec![Function::new(top, FunctionKind::TopLevel, Span::new(0, end))],
            classes: Vec::new(),
            impls: Vec::new(),
            values: vec![Value::Unknown],
            calls: Vec::new(),
            comments: Vec::new(),
            allows: Vec::new(),
            statements: Vec::new(),
            errors: Vec::new(),
            failed: false,
        }
    }

    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.index()]
    }

    pub fn call(&self, id: CallId) -> &Call {
        &self.calls[id.index()]
    }

    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    pub fn name(&self, id: NameId) -> &str {
        self.names.text(id)
    }

    /// Adds a value. Unknown is shared.
    pub fn add(&mut self, value: Value) -> ValueId {
        if value == Value::Unknown {
            return UNKNOWN;
        }
        self.values.push(value);
        ValueId(self.values.len() as u32 - 1)
    }

    pub fn function_ids(&self) -> impl Iterator<Item = FunctionId> + use<> {
        (0..self.functions.len() as u32).map(FunctionId)
    }
}

impl Function {
    /// A function of which nothing is known yet but its name, kind and place.
    pub fn new(name: NameId, kind: FunctionKind, span: Span) -> Self {
        Self {
            name,
            qualname: name,
            kind,
            is_generator: false,
            module: FILE_MODULE,
            parent: None,
            self_type: None,
            class: None,
            is_static: false,
            decorators: Vec::new(),
            params: Vec::new(),
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
            && let Some(arg) = self.args.iter().find(|arg| arg.name.is_some_and(|it| names.text(it) == name))
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
