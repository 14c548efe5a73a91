//! Types as the tables write them, to [`Ty`].

use std::sync::Arc;

use crate::model::{FILE_MODULE, TYPE_GIVEN};
use crate::source::Language;

use super::Project;
use super::path::LibraryPath;
use super::types::{CallRef, Class, Ty, some};

/// What a type in a table may refer to.
pub(super) struct Around<'a> {
    pub(super) receiver: &'a Ty,
    /// The call whose arguments are meant.
    pub(super) call: Option<CallRef>,
}

impl<'a> Around<'a> {
    /// No call is known.
    pub(super) fn of(receiver: &'a Ty) -> Self {
        Self { receiver, call: None }
    }
}

impl Project {
    /// `Result<std::fs::File>`, `list[str]`, `Self`, `item`, `arg:0`, `class:0`, `opened:1=mode`.
    pub(super) fn table_type(&self, language: Language, text: &str, around: &Around<'_>) -> Ty {
        let text = text.trim();
        match text {
            "" | "Any" | "object" => return Ty::Unknown,
            "None" | "()" => return Ty::None,
            "Self" => return around.receiver.clone(),
            "item" => return self.first_argument(around.receiver),
            "item:1" => {
                return match around.receiver {
                    Ty::Instance(_, args) => args.get(1).cloned().unwrap_or(Ty::Unknown),
                    // A display or comprehension: only its values are kept.
                    Ty::Collection(element) => (**element).clone(),
                    _ => Ty::Unknown,
                };
            }
            _ => {}
        }
        if let Some(position) = text.strip_prefix("given:") {
            return around.call.map_or(Ty::Unknown, |call| self.type_given(call, position));
        }
        if let Some(holder) = text.strip_prefix("inside:") {
            return self.first_argument(&self.argument_or_type(language, holder, around));
        }
        if let Some(inner) = text.strip_prefix("of:") {
            return self.element(language, &self.table_type(language, inner, around));
        }
        if let Some(called) = text.strip_prefix("call:") {
            return self.given_when_called(language, &self.argument_or_type(language, called, around));
        }
        if let Some(provider) = text.strip_prefix("provided:") {
            return self.provided_by(&self.argument_or_type(language, provider, around));
        }
        if let Some(awaited) = text.strip_prefix("await:") {
            return match awaited {
                "*" => self.awaited_arguments(around),
                one => self.awaited(&self.argument_or_type(language, one, around)),
            };
        }
        if let Some(position) = text.strip_prefix("enter:") {
            return self.entered(&self.argument_or_type(language, position, around), false);
        }
        if let Some(position) = text.strip_prefix("aenter:") {
            return self.entered(&self.argument_or_type(language, position, around), true);
        }
        if let Some(position) = text.strip_prefix("arg:") {
            return self.argument_or_type(language, position, around);
        }
        if let Some(position) = text.strip_prefix("class:") {
            let class = match (self.argument_or_type(language, position, around), around.call) {
                // `cast("Session", x)`
                (Ty::Str(name), Some(call)) => self.module_member(call.file, FILE_MODULE, &name).unwrap_or(Ty::Unknown),
                (class, _) => class,
            };
            return self.instance_of(language, &class, Vec::new());
        }
        if let Some(of) = text.strip_prefix("type:") {
            return class_of(&self.argument_or_type(language, of, around));
        }
        if let Some(mode) = text.strip_prefix("opened:") {
            let mode = self.argument_or_type(language, mode, around);
            return self.library_instance(language, file_of_mode(&mode), Vec::new());
        }
        if let Some((left, right)) = split_union(text) {
            return Ty::union([self.table_type(language, left, around), self.table_type(language, right, around)]);
        }
        if let Some(items) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            let items = split_arguments(items).into_iter().map(|it| self.table_type(language, it, around));
            return Ty::Tuple(items.collect());
        }
        let (open, close) = match language {
            Language::Python => ('[', ']'),
            Language::Rust => ('<', '>'),
        };
        let (path, args) = match text.find(open) {
            Some(at) if text.ends_with(close) => (&text[..at], &text[at + 1..text.len() - 1]),
            _ => (text, ""),
        };
        let args: Vec<Ty> = split_arguments(args).into_iter().map(|it| self.table_type(language, it, around)).collect();
        self.library_instance(language, path, args)
    }

    /// The type of the argument at that position, or of that name (`0=maxsize`), or what else a table names.
    fn argument_or_type(&self, language: Language, text: &str, around: &Around<'_>) -> Ty {
        let (position, name) = match text.split_once('=') {
            Some((position, name)) => (position, Some(name)),
            None => (text, None),
        };
        let Ok(position) = position.parse() else { return self.table_type(language, text, around) };
        around.call.map_or(Ty::Unknown, |call| self.type_of_argument(call, position, name))
    }

    /// What a call is given at that position, or by that name.
    pub(super) fn type_of_argument(&self, call: CallRef, position: usize, name: Option<&str>) -> Ty {
        let model = self.model(call.file);
        let argument = model.call(call.call).argument(&model.names, Some(position), name);
        argument.map_or(Ty::Unknown, |it| self.evaluate(call.file, it.value))
    }

    /// Rust: something of the type at that position of those that the call is written with: `channel::<Job>`.
    fn type_given(&self, call: CallRef, position: &str) -> Ty {
        let model = self.model(call.file);
        let given = model.call(call.call).argument(&model.names, None, Some(&format!("{TYPE_GIVEN}{position}")));
        given.map_or(Ty::Unknown, |it| self.evaluate(call.file, it.value))
    }

    /// Python: what a framework gives for a dependency: what the function returns or yields, whether it is async or not.
    fn provided_by(&self, provider: &Ty) -> Ty {
        match self.given_when_called(Language::Python, provider) {
            given @ Ty::Coroutine(..) => self.awaited(&given),
            given @ Ty::Generator(_) => self.element(Language::Python, &given),
            given => given,
        }
    }

    /// What awaiting all arguments gives, side by side. What is given by name may ask for something else, as `return_exceptions` does.
    fn awaited_arguments(&self, around: &Around<'_>) -> Ty {
        let Some(CallRef { file, call }) = around.call else { return Ty::Unknown };
        let args = &self.model(file).call(call).args;
        let each = || args.iter().map(|it| self.awaited(&self.evaluate(file, it.value)));
        if args.iter().any(|it| it.name.is_some()) {
            Ty::Collection(Arc::new(Ty::Unknown))
        } else if args.iter().any(|it| it.spread) {
            Ty::Collection(Arc::new(Ty::union(each())))
        } else {
            Ty::Tuple(each().collect())
        }
    }

    /// An instance of a library's type, under the path its table uses.
    pub(super) fn library_instance(&self, language: Language, path: &str, args: Vec<Ty>) -> Ty {
        let name = path.rsplit(['.', ':']).next().unwrap_or(path);
        if language == Language::Python {
            let module = path.split('.').next().unwrap_or_default();
            if matches!(module, "typing" | "typing_extensions" | "builtins" | "collections") || module == path {
                match name {
                    "list" | "List" | "set" | "Set" | "frozenset" | "FrozenSet" | "Iterable" | "Iterator"
                    | "Sequence" | "Collection" | "AsyncIterator" | "AsyncIterable" | "MutableSequence" | "deque"
                    | "Deque" | "AbstractSet" | "Generator" | "AsyncGenerator" => {
                        return Ty::Collection(Arc::new(args.into_iter().next().unwrap_or(Ty::Unknown)));
                    }
                    "tuple" | "Tuple" => return Ty::Tuple(args.into()),
                    "Awaitable" | "Coroutine" => {
                        return Ty::Instance(
                            Class::Library("collections.abc.Awaitable".into()),
                            args.into_iter().last().into_iter().collect(),
                        );
                    }
                    "Any" | "object" | "TypeVar" | "Self" => return Ty::Unknown,
                    _ => {}
                }
            }
        } else if matches!(path, "Vec" | "std::vec::Vec" | "slice") {
            return Ty::Collection(Arc::new(args.into_iter().next().unwrap_or(Ty::Unknown)));
        }
        let path = match (language, path) {
            (Language::Rust, "Option" | "std::option::Option::Some") => "std::option::Option",
            (Language::Rust, "Result" | "std::result::Result::Ok" | "std::result::Result::Err") => {
                "std::result::Result"
            }
            (Language::Rust, "Box") => "std::boxed::Box",
            (Language::Rust, "String") => "std::string::String",
            (_, path) => path,
        };
        let facts = self.knowledge.type_facts(language, path);
        let path = facts.map_or_else(|| LibraryPath::of(path), |facts| facts.path.into());
        Ty::Instance(Class::Library(path), some(args))
    }

    /// Rust: a method of a trait that nearly every type derives, or has from the library: `x.clone()` is what `x` is. Not of
    /// what gives access to another, which answers in its place.
    pub(super) fn of_any(&self, receiver: &Ty, name: &str) -> Ty {
        let path = match name {
            "clone" => "std::clone::Clone::clone",
            "to_owned" => "std::borrow::ToOwned::to_owned",
            "to_string" => "std::string::ToString::to_string",
            "into" => "std::convert::Into::into",
            "try_into" => "std::convert::TryInto::try_into",
            "eq" => "std::cmp::PartialEq::eq",
            "ne" => "std::cmp::PartialEq::ne",
            "cmp" => "std::cmp::Ord::cmp",
            "partial_cmp" => "std::cmp::PartialOrd::partial_cmp",
            "hash" => "std::hash::Hash::hash",
            _ => return Ty::Unknown,
        };
        let stands_for_another = |path: &str| {
            let facts = self.knowledge.type_facts(Language::Rust, path);
            facts.is_some_and(|facts| facts.wrapper || facts.guard.is_some())
        };
        match receiver {
            // `Type::clone(&x)`
            Ty::Class(_) => Ty::External(path.into()),
            Ty::Instance(Class::Library(of), _) if stands_for_another(of) => Ty::Unknown,
            _ => Ty::Method(path.into(), Arc::new(receiver.clone())),
        }
    }

    /// Rust: a guard of which the table does not say what it gives access to.
    pub(super) fn is_bare_guard(&self, ty: &Ty) -> bool {
        let facts = ty.library_path().and_then(|path| self.knowledge.type_facts(Language::Rust, path));
        facts.is_some_and(|facts| facts.guard.is_some() && !facts.wrapper)
    }

    /// Rust: what `Type::function(&x)` is given: where `x` is a guard of another type, what it gives access to.
    pub(super) fn behind_guard(&self, path: &str, given: Ty) -> Ty {
        let Some((of, _)) = path.rsplit_once("::") else { return given };
        let is_type = of.rsplit(':').next().is_some_and(|name| name.starts_with(char::is_uppercase));
        let mut ty = given;
        while is_type
            && let Some(facts) = ty.library_path().and_then(|path| self.knowledge.type_facts(Language::Rust, path))
            && facts.guard.is_some()
            && facts.path != of
        {
            ty = if facts.wrapper { self.first_argument(&ty) } else { Ty::Unknown };
        }
        ty
    }

    /// `T` of `Option<T>`.
    pub(super) fn first_argument(&self, ty: &Ty) -> Ty {
        match ty {
            Ty::Instance(_, args) => args.first().cloned().unwrap_or(Ty::Unknown),
            Ty::Collection(element) => (**element).clone(),
            Ty::Union(parts) => Ty::union(parts.iter().map(|it| self.first_argument(it))),
            _ => Ty::Unknown,
        }
    }
}

/// The class of an instance.
pub(super) fn class_of(instance: &Ty) -> Ty {
    match instance {
        Ty::Instance(Class::Own(class), _) => Ty::Class(*class),
        Ty::Instance(Class::Library(path), _) => Ty::External(*path),
        Ty::Union(parts) => Ty::union(parts.iter().map(class_of)),
        _ => Ty::Unknown,
    }
}

/// What `open` gives for that mode; a file of text if nothing is known of it.
fn file_of_mode(mode: &Ty) -> &'static str {
    match mode {
        Ty::Str(mode) if !mode.contains('b') => "io.TextIOWrapper",
        Ty::Str(mode) if mode.contains('+') => "io.BufferedRandom",
        Ty::Str(mode) if mode.contains('r') => "io.BufferedReader",
        Ty::Str(_) => "io.BufferedWriter",
        _ => "io.TextIOWrapper",
    }
}

/// `a | b` outside brackets.
fn split_union(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    for (index, letter) in text.char_indices() {
        match letter {
            '[' | '<' | '(' => depth += 1,
            ']' | '>' | ')' => depth -= 1,
            '|' if depth == 0 => return Some((&text[..index], &text[index + 1..])),
            _ => {}
        }
    }
    None
}

fn split_arguments(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (index, letter) in text.char_indices() {
        match letter {
            '[' | '<' | '(' => depth += 1,
            ']' | '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        out.push(text[start..].trim());
    }
    out
}
