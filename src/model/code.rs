//! What a function does, as a tree of nodes.

use super::{CallId, FunctionId, Kinds, LocalId, NameId, ValueId};
use crate::source::Span;
use serde::{Deserialize, Serialize};

/// Statements in order. Expressions are flattened: what is evaluated first stands first.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub nodes: Vec<Node>,
    kinds: Kinds,
}

impl Block {
    pub fn new(nodes: Vec<Node>) -> Self {
        let kinds = nodes.iter().fold(Kinds::default(), |kinds, node| kinds.and(node.kinds()));
        Self { nodes, kinds }
    }

    pub fn push(&mut self, node: Node) {
        self.kinds = self.kinds.and(node.kinds());
        self.nodes.push(node);
    }

    /// The kinds of nodes in it, at any depth.
    pub const fn kinds(&self) -> Kinds {
        self.kinds
    }
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
    /// Python: an attribute or a global that the function has asked something of is set to another value; or an attribute of its own
    /// object to `None` or a truth value, or one of another object to anything.
    Set {
        /// The object; of a global, none.
        of: Option<ValueId>,
        name: NameId,
        to: ValueId,
    },
    /// The value of a local ends or moves on: `del x`, `drop(x)`, a Rust local passed or returned by value.
    Release {
        local: LocalId,
        span: Span,
    },
    /// Rust: temporaries of a `let` that live to the end of the block (`let x = &m.lock().field;`).
    Hold {
        values: Box<[ValueId]>,
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
///
/// What a future is handed to (`timeout(d, async { .. }).await`) is none: an `async` block is a function of its own, so rules
/// ask the call for it.
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
    /// What holds where the arm runs, as far as its test says it of single values: all of these.
    pub conditions: Vec<Condition>,
    /// What holds where the arm is not taken: all of these.
    pub otherwise: Vec<Condition>,
    /// The test says that one of these holds, and no more.
    pub either: Vec<Condition>,
    /// The same of where the arm is not taken.
    pub otherwise_either: Vec<Condition>,
    /// `select!`: the branch's future.
    pub future: Option<ValueId>,
    /// Known at sight: `True`, `False`, `TYPE_CHECKING` (false).
    pub constant: Option<bool>,
    pub body: Block,
    pub span: Span,
}

/// Something a test says of one value: `if x`, `if not x`, `if x is None`, `if let Some(y) = x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Condition {
    pub value: ValueId,
    pub test: Test,
    pub holds: bool,
}

impl Condition {
    /// The contrary.
    pub const fn denied(self) -> Self {
        Self { holds: !self.holds, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Test {
    /// It counts as true.
    Truth,
    /// It is `None`.
    None,
    /// It is an instance of this class, or of one of these.
    Instance(ValueId),
    /// Rust: it is an `Err`, not an `Ok`.
    Failed,
    /// It is `True`, or `False`, and nothing else that counts as such.
    Is(bool),
    /// It equals this literal; Rust: or is this variant of its `enum`.
    Equals(ValueId),
    /// It equals one of these literals, which are a collection.
    OneOf(ValueId),
    /// It is a number greater than this.
    Exceeds(i64),
    /// It has some entry: `key in entries`.
    Entry,
    /// Its class is this one and none below it, or is called so; or one of a collection of these.
    Exactly(ValueId),
    /// It can be called.
    Callable,
    /// It has an attribute of this name.
    Has(ValueId),
    /// It is a database that is kept in memory, or the name of one.
    InMemory,
    /// It is a path to no disk, or a file at one.
    Device,
    /// This, an attribute that it is asked for, runs what it does on an object of the type that is declared.
    Answers(ValueId),
}

impl Test {
    /// It asks what kind of thing it is.
    pub const fn asks_for_kind(self) -> bool {
        matches!(self, Self::Instance(_) | Self::Exactly(_) | Self::Callable | Self::Has(_) | Self::Answers(_))
    }

    /// It speaks of another value of the file that it stands in.
    pub const fn refers(self) -> bool {
        matches!(
            self,
            Self::Instance(_) | Self::Equals(_) | Self::OneOf(_) | Self::Exactly(_) | Self::Has(_) | Self::Answers(_)
        )
    }
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
    /// Rust: what holds where the body runs the first time, as its head says: all of these.
    pub conditions: Vec<Condition>,
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
    /// Python: a generator expression.
    Generator,
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
    pub taken: Taken,
}

/// Python: what is made of the result of a call by way of the local that it is bound to, where that stands for nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Something is made of it that needs a value: it is asked for an item or an attribute, gone through, computed with. Nobody else
    /// has it by then.
    pub for_value: bool,
    /// Its truth is asked, or it is shown or compared: what can be done with anything.
    pub looked_at: bool,
    /// Somebody else has it, and may do what is to be done with it.
    pub handed_on: bool,
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
    /// `yield f()`; Rust: and compared, computed with, formatted, iterated.
    Consumed,
    /// Python: computed with, gone through, unpacked, called, raised: what needs a value.
    Operand,
    /// Python: printed, formatted, compared: what can be done with anything, and leaves nothing of it.
    Shown,
    /// The subject of `with`.
    Entered,
}
