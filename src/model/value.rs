//! Small expressions for what a name or an expression stands for.

use super::{CallId, ClassId, Condition, FunctionId, ModuleId, NameId, ValueId};
use serde::{Deserialize, Serialize};

/// What is statically known of an expression, in terms of this file alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Unknown,
    None,
    Bool(bool),
    Int(i64),
    Str(NameId),
    /// A path from outside: an import, a builtin (`builtins.open`), a Rust path whose first segment is not bound here.
    Path(Box<Path>),
    /// A name bound at the top of a module of this file; looked up in [`Module::bindings`], then [`Module::globs`].
    Global(ModuleId, NameId),
    /// A function, closure or async block of this file, not called.
    Function(FunctionId),
    /// Python: a generator expression of this file that is not gone through in place: what it runs for its elements.
    Generator(FunctionId),
    Class(ClassId),
    /// An instance of a class value: by annotation, `self`, a Rust type. Type arguments are instance values.
    Instance {
        class: ValueId,
        args: Box<[ValueId]>,
    },
    /// Rust: in place of type arguments, what the fields of a struct that is written out are set to: they tell them.
    Fields(Box<[(NameId, ValueId)]>),
    /// Python: what a name is set to that is declared to be of a type, which comes first: `repo: Repo = make_repo()`.
    Declared(ValueId, ValueId),
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
    /// Rust: a path by itself that may name a struct without fields, and then is its instance.
    Unit(ValueId),
    /// Rust: what `name!` stands for where `name` is this: macros have names of their own, no function is meant.
    Macro(ValueId),
    /// Rust `x?`; and patterns `Some(x)`, `Ok(x)`: the first type argument of a wrapper, else the value itself.
    Inner(ValueId),
    /// Rust `*x`: what a pointer or guard gives access to; options and results stay what they are.
    Deref(ValueId),
    /// `x[..]`
    Index(ValueId),
    /// Python `x[a:b]`
    Slice(ValueId),
    Tuple(Box<[ValueId]>),
    /// Element `n` of a tuple or of what unpacks like one.
    Item(ValueId, u32),
    /// A list, set, dict or Rust `vec!`/array display of these elements.
    Collection(Display, Box<[ValueId]>),
    /// One of these, by path taken.
    Union(Box<[ValueId]>),
    /// Python: a parameter where another value takes its place if it was nothing, or of that kind: what is left of it in `x or y`.
    Replaced(ValueId, Lack),
    /// Python: what a test says of a parameter, kept for later: `slow = mode == "slow"`.
    Said(Condition),
    /// A parameter without annotation, of the function given: by position.
    Param(FunctionId, u32),
    /// Rust: of some type that implements this trait: `dyn Trait`, `T: Trait`.
    Dyn(ValueId),
    /// Rust `<Type as Trait>::name`: what the type, an instance value, has of that trait; of any, where that is unknown.
    Provided {
        of: ValueId,
        by: ValueId,
        name: NameId,
    },
    /// `super()` in a method of the class.
    Super(ClassId),
    /// Python `x / y`: where `x` is a path, so is this.
    Quotient(ValueId),
    /// A text that is put together, and what it begins with: `f"{root}/stat"`, `format!("/proc/{pid}")`.
    Text(ValueId),
    /// Rust: the tuple of what a closure is called with that is the argument at that index of a call of this.
    Handed(ValueId, u32),
}

/// What stands in place of a field's name for all that are not named: `..config`.
pub const REST: &str = "..";

/// Rust: with its position, the name of the argument in place of a type that a call is written with: `channel::<Job>`.
pub const TYPE_GIVEN: &str = "<";

/// What a display makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Display {
    List,
    Set,
    Dict,
    /// Rust's, and what a parameter like `*args` gathers.
    Other,
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

/// Python: what a parameter must have been for another value to take its place: `x or y`, `if x is None: x = y`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Lack {
    /// It was `None`.
    Missing,
    /// It counted as false.
    False,
    /// It was an instance of that class: `if isinstance(x, str): x = Path(x)`.
    Kind(ValueId),
    /// Something else decided.
    Other,
}

impl Lack {
    /// It was `None`, or something else that counts as false.
    pub const fn is_nothing(self) -> bool {
        matches!(self, Self::Missing | Self::False)
    }
}

/// A type parameter in the type of what a function gives, and what tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeArgument {
    pub told_by: ToldBy,
    /// The position of the type argument; `None` where the function gives just something of that type.
    pub argument: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldBy {
    /// A parameter that is of that type, by position.
    Parameter(u32),
    /// One that is a pointer to something of that type: `Arc<S>`.
    Pointer(u32),
    /// The type argument at that position of what the method is asked of.
    Receiver(u32),
}
