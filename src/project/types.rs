//! What a value turns out to be once all files are known.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{CallId, ClassId, FunctionId, ModuleBody, ModuleId};

use super::path::LibraryPath;

/// A function of the project or of a dependency that was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FnRef {
    pub file: FileId,
    pub function: FunctionId,
}

/// A class of the project or of a dependency that was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClassRef {
    pub file: FileId,
    pub class: ClassId,
}

/// A call of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallRef {
    pub file: FileId,
    pub call: CallId,
}

/// A module that is built of Rust code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ForeignModule {
    pub file: FileId,
    pub body: ModuleBody,
}

/// What Python gets from Rust. Nothing that is said of Rust's own values is said of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    Module(ForeignModule),
    /// A function, or a method of whatever it was asked of.
    Function(FnRef),
    Class(ClassRef),
    Instance(ClassRef),
}

/// What a class or type is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    Own(ClassRef),
    /// Of a library: the path in its tables, or any path nothing is known of.
    Library(LibraryPath),
}

/// What a value is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ty {
    Unknown,
    None,
    Bool(bool),
    Int(i64),
    Str(Arc<str>),
    /// A module of the project.
    Module(FileId, ModuleId),
    /// A path into a library: module, function or class.
    External(LibraryPath),
    Function(FnRef),
    Class(ClassRef),
    Instance(Class, Arc<[Ty]>),
    /// Rust: of some type that implements this trait.
    Dyn(ClassRef),
    /// A method of the project's, with its receiver.
    Bound(Arc<Ty>, FnRef),
    /// A library's method: its path in the tables, with the receiver.
    Method(LibraryPath, Arc<Ty>),
    /// What calling an async function gives; awaiting it gives the inner.
    Coroutine(Arc<Ty>, Option<FnRef>),
    /// What calling a generator function gives, or a generator expression.
    Generator(FnRef),
    /// What calling a function decorated `@contextmanager` gives.
    Manager(FnRef),
    /// `functools.partial(f, ..)`.
    Partial(Arc<Ty>),
    Super(ClassRef),
    /// Python: something from Rust.
    Foreign(Foreign),
    Tuple(Arc<[Ty]>),
    /// Something iterable with elements of one type.
    Collection(Arc<Ty>),
    Union(Arc<[Ty]>),
}

/// No type arguments.
pub(super) fn none() -> Arc<[Ty]> {
    thread_local! {
        static NONE: Arc<[Ty]> = Arc::from([]);
    }
    NONE.with(Arc::clone)
}

/// Type arguments.
pub(super) fn some(args: Vec<Ty>) -> Arc<[Ty]> {
    if args.is_empty() { none() } else { args.into() }
}

impl Ty {
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// One of these. `None` is left out where there is something else; one unknown makes all unknown.
    pub fn union(types: impl IntoIterator<Item = Self>) -> Self {
        let mut types = types.into_iter();
        // Most often there is one.
        let Some(first) = types.next() else { return Self::Unknown };
        let Some(second) = types.next() else { return first };
        let types = [first, second].into_iter().chain(types);
        let mut out: Vec<Self> = Vec::new();
        let mut none = false;
        for ty in types {
            match ty {
                Self::Unknown => return Self::Unknown,
                Self::None => none = true,
                Self::Union(parts) => {
                    for part in parts.iter() {
                        if !out.contains(part) {
                            out.push(part.clone());
                        }
                    }
                }
                other => {
                    if !out.contains(&other) {
                        out.push(other);
                    }
                }
            }
        }
        if out.len() > 6 {
            return Self::Unknown;
        }
        match (out.pop(), out.is_empty()) {
            (None, _) if none => Self::None,
            (None, _) => Self::Unknown,
            (Some(one), true) => one,
            (Some(last), false) => {
                out.push(last);
                Self::Union(out.into())
            }
        }
    }

    /// The alternatives.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Union(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }

    pub fn library(path: impl Into<LibraryPath>) -> Self {
        Self::Instance(Class::Library(path.into()), none())
    }

    /// A Rust `Result`, of the standard library or under an alias of another: `std::io::Result`, `anyhow::Result`.
    pub fn is_result(&self) -> bool {
        self.library_path().is_some_and(|path| path.ends_with("::Result"))
    }

    /// The path of the library type that this is an instance of.
    pub fn library_path(&self) -> Option<&str> {
        match self {
            Self::Instance(Class::Library(path), _) => Some(path),
            _ => None,
        }
    }
}
