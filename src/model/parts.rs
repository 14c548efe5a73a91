//! Bodies of functions that are lowered one by one, each when somebody asks for it.
//!
//! A file so lowered begins as its *base*: all but these bodies. What a body adds is a [`Part`], under numbers that were set
//! aside for it: they hang on the text alone, not on what was asked for before.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::source::Span;

use super::{
    Call, CallId, FileModel, Function, FunctionId, NameId, Names, TOP_LEVEL, Taken, UNKNOWN, Use, Value, ValueId, hash,
    is_set, push_bit,
};

/// From which number on something is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub values: u32,
    pub calls: u32,
    pub functions: u32,
    pub names: u32,
}

impl Start {
    /// Longer texts are lowered as a whole, in bytes: numbers are set aside for all that they could hold.
    pub const LARGEST: usize = 64 << 20;

    /// Where the next part starts, if this one's text has so many bytes: each thing takes some of them to write.
    pub fn after(self, bytes: u32) -> Self {
        Self {
            values: self.values + 2 * bytes + 64,
            calls: self.calls + bytes,
            functions: self.functions + bytes / 2 + 16,
            names: self.names + 2 * bytes + 64,
        }
    }
}

/// What the body of one function, with all that is nested in it, adds to a file.
#[derive(Debug)]
pub struct Part {
    /// The function itself, now with its body.
    pub function: Function,
    pub values: Vec<Value>,
    pub opaque: Vec<u64>,
    pub calls: Vec<Call>,
    pub functions: Vec<Function>,
    /// As [`FileModel::statements`].
    pub statements: Vec<Span>,
    pub names: Names,
}

impl Part {
    /// Nothing: the body could not be read.
    pub fn empty(function: Function) -> Self {
        Self {
            function,
            values: Vec::new(),
            opaque: Vec::new(),
            calls: Vec::new(),
            functions: Vec::new(),
            statements: Vec::new(),
            names: Names::default(),
        }
    }

    fn fits(&self, start: Start, end: Start) -> bool {
        let fits = |length: usize, start: u32, end: u32| length <= (end - start) as usize;
        fits(self.values.len(), start.values, end.values)
            && fits(self.calls.len(), start.calls, end.calls)
            && fits(self.functions.len(), start.functions, end.functions)
            && fits(self.names.len(), start.names, end.names)
    }
}

/// What a number stands for that is of another text than the file has.
static NO_CALL: Call = Call {
    function: TOP_LEVEL,
    callee: UNKNOWN,
    span: Span::new(0, 0),
    name_span: Span::new(0, 0),
    args: Vec::new(),
    result: Use::Passed,
    awaited: false,
    taken: Taken { for_value: false, looked_at: false, handed_on: false },
};

/// Lowers the body of the function with that place among the parts.
type Lower = dyn Fn(&FileModel, usize, Start) -> Part + Send + Sync;

/// The bodies that a file is lowered without.
pub struct Parts {
    /// Whose they are, in order.
    functions: Box<[FunctionId]>,
    /// Where each starts, and where the last ends.
    starts: Box<[Start]>,
    lowered: Box<[OnceLock<Box<Part>>]>,
    lower: Box<Lower>,
    /// The front end failed on one.
    failed: AtomicBool,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.functions).finish()
    }
}

impl Parts {
    fn part(&self, index: usize) -> Option<&Part> {
        self.lowered.get(index)?.get().map(|it| &**it)
    }
}

/// Calls of a file that lie together.
#[derive(Clone, Copy)]
pub struct Calls<'a> {
    first: u32,
    calls: &'a [Call],
}

impl<'a> Calls<'a> {
    pub fn iter(self) -> impl DoubleEndedIterator<Item = (CallId, &'a Call)> + ExactSizeIterator {
        let first = self.first;
        self.calls.iter().enumerate().map(move |(index, call)| (CallId(first + index as u32), call))
    }

    /// Those from a call on.
    pub fn from(self, id: CallId) -> Self {
        let skipped = (id.0.saturating_sub(self.first) as usize).min(self.calls.len());
        Self { first: self.first + skipped as u32, calls: &self.calls[skipped..] }
    }

    pub fn any(self, mut is_it: impl FnMut(&'a Call) -> bool) -> bool {
        self.calls.iter().any(&mut is_it)
    }
}

/// See [`FileModel::all_calls`].
pub struct AllCalls<'a> {
    model: &'a FileModel,
    first: u32,
    calls: std::iter::Enumerate<std::slice::Iter<'a, Call>>,
    /// How many parts have been gone through.
    parts: usize,
}

impl<'a> Iterator for AllCalls<'a> {
    type Item = (CallId, &'a Call);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((index, call)) = self.calls.next() {
                return Some((CallId(self.first + index as u32), call));
            }
            let parts = self.model.parts.as_deref()?;
            let part = parts.part(self.parts)?;
            self.first = parts.starts[self.parts].calls;
            self.calls = part.calls.iter().enumerate();
            self.parts += 1;
        }
    }
}

impl FileModel {
    /// Leaves out the bodies of these functions, each of so many bytes: `lower` gives one when it is asked for.
    pub fn leave_out(
        &mut self,
        bodies: &[(FunctionId, u32)],
        lower: impl Fn(&FileModel, usize, Start) -> Part + Send + Sync + 'static,
    ) {
        let mut start = Start {
            values: self.values.len() as u32,
            calls: self.calls.len() as u32,
            functions: self.functions.len() as u32,
            names: self.names.len() as u32,
        };
        let mut starts = vec![start];
        for (_, bytes) in bodies {
            start = start.after(*bytes);
            starts.push(start);
        }
        self.names.expect_more(starts.iter().map(|it| it.names).collect());
        self.parts = Some(Arc::new(Parts {
            functions: bodies.iter().map(|(id, _)| *id).collect(),
            starts: starts.into(),
            lowered: bodies.iter().map(|_| OnceLock::new()).collect(),
            lower: Box::new(lower),
            failed: AtomicBool::new(false),
        }));
    }

    /// All of the function: its body is lowered at first need.
    pub(super) fn function_in<'a>(&'a self, parts: &'a Parts, id: FunctionId) -> &'a Function {
        let Some(declared) = self.functions.get(id.index()) else {
            let held = self.holding(|it| it.functions, id.0);
            return held.and_then(|(_, at, part)| part.functions.get(at)).unwrap_or(&self.functions[0]);
        };
        match parts.functions.binary_search(&id) {
            Ok(index) => &self.lowered(parts, index).function,
            Err(_) => declared,
        }
    }

    /// The part that holds what has this number, and its number there. Who knows the number may have it from an earlier run: then the
    /// part is lowered now.
    fn holding(&self, of: impl Fn(&Start) -> u32, number: u32) -> Option<(usize, usize, &Part)> {
        let parts = self.parts.as_deref()?;
        let index = parts.starts.partition_point(|it| of(it) <= number).checked_sub(1)?;
        let at = (number - of(&parts.starts[index])) as usize;
        (index < parts.lowered.len()).then(|| (index, at, self.lowered(parts, index)))
    }

    fn lowered<'a>(&'a self, parts: &'a Parts, index: usize) -> &'a Part {
        parts.lowered[index].get_or_init(|| {
            let (start, end) = (parts.starts[index], parts.starts[index + 1]);
            let lower = || (parts.lower)(self, index, start);
            // What breaks the front end costs that function alone.
            let part = std::panic::catch_unwind(std::panic::AssertUnwindSafe(lower)).ok();
            parts.failed.fetch_or(part.is_none(), Ordering::Relaxed);
            let declared = &self.functions[parts.functions[index].index()];
            let mut part = part.filter(|it| it.fits(start, end)).unwrap_or_else(|| Part::empty(declared.clone()));
            self.names.add_part(index, std::mem::take(&mut part.names));
            Box::new(part)
        })
    }

    /// Lowers all bodies that are left out.
    pub fn complete(&self) {
        if let Some(parts) = &self.parts {
            (0..parts.lowered.len()).for_each(|index| {
                self.lowered(parts, index);
            });
        }
    }

    /// The parts, all of them lowered.
    fn all_parts(&self) -> impl Iterator<Item = (Start, &Part)> {
        self.complete();
        let parts = self.parts.iter().flat_map(|it| it.starts.iter().zip(&it.lowered));
        parts.filter_map(|(start, part)| Some((*start, &**part.get()?)))
    }

    #[cold]
    pub(super) fn name_in_part(&self, id: NameId) -> &str {
        if let (Some(parts), Some(index)) = (&self.parts, self.names.part_of(id))
            && index < parts.lowered.len()
        {
            self.lowered(parts, index);
        }
        self.names.text(id).unwrap_or_default()
    }

    #[cold]
    pub(super) fn value_in_part(&self, id: ValueId) -> &Value {
        let held = self.holding(|it| it.values, id.0);
        held.and_then(|(_, at, part)| part.values.get(at)).unwrap_or(&self.values[UNKNOWN.index()])
    }

    #[cold]
    pub(super) fn is_opaque_in_part(&self, id: ValueId) -> bool {
        let held = self.holding(|it| it.values, id.0);
        held.is_some_and(|(_, at, part)| is_set(&part.opaque, at))
    }

    /// The part that a call is in, how many it has, and its number there; `None` for one of the base.
    pub fn part_of_call(&self, id: CallId) -> Option<(usize, usize, usize)> {
        if id.index() < self.calls.len() {
            return None;
        }
        let (index, at, part) = self.holding(|it| it.calls, id.0)?;
        Some((index, part.calls.len(), at))
    }

    /// The front end itself failed on the file, or on a body: an internal error, to be reported.
    pub fn has_failed(&self) -> bool {
        self.failed || self.parts.as_ref().is_some_and(|it| it.failed.load(Ordering::Relaxed))
    }

    /// How many bodies are left out.
    pub fn parts_count(&self) -> usize {
        self.parts.as_ref().map_or(0, |it| it.lowered.len())
    }

    #[cold]
    pub(super) fn call_in_part(&self, id: CallId) -> &Call {
        let held = self.holding(|it| it.calls, id.0);
        held.and_then(|(_, at, part)| part.calls.get(at)).unwrap_or(&NO_CALL)
    }

    /// The calls of the same body, and of others that were lowered with it.
    pub fn calls_around(&self, id: CallId) -> Calls<'_> {
        let base = Calls { first: 0, calls: &self.calls };
        if id.index() < self.calls.len() {
            return base;
        }
        let held = self.parts.as_ref().and_then(|it| Some((it, self.holding(|it| it.calls, id.0)?)));
        held.map_or(base, |(parts, (index, _, part))| Calls { first: parts.starts[index].calls, calls: &part.calls })
    }

    /// The calls in the body of a function, and others that were lowered with it.
    pub fn calls_in(&self, function: FunctionId) -> Calls<'_> {
        let base = Calls { first: 0, calls: &self.calls };
        let Some(parts) = &self.parts else { return base };
        self.part_of_function(function)
            .map_or(base, |index| Calls { first: parts.starts[index].calls, calls: &self.lowered(parts, index).calls })
    }

    /// The part that a function's body is in; `None` for one that is in the base.
    pub fn part_of_function(&self, function: FunctionId) -> Option<usize> {
        let parts = self.parts.as_ref()?;
        match function.index() < self.functions.len() {
            true => parts.functions.binary_search(&function).ok(),
            false => self.holding(|it| it.functions, function.0).map(|(index, ..)| index),
        }
    }

    /// The function's own body is left out, and is lowered when it is asked for.
    pub fn is_left_out(&self, function: FunctionId) -> bool {
        self.parts.as_ref().is_some_and(|it| it.functions.binary_search(&function).is_ok())
    }

    /// The statements of the body of a function, and others that were lowered with it, in order.
    pub fn statements_around(&self, function: FunctionId) -> &[Span] {
        match (&self.parts, self.part_of_function(function)) {
            (Some(parts), Some(index)) => &self.lowered(parts, index).statements,
            _ => &self.statements,
        }
    }

    /// All calls of the file.
    pub fn all_calls(&self) -> AllCalls<'_> {
        self.complete();
        AllCalls { model: self, first: 0, calls: self.calls.iter().enumerate(), parts: 0 }
    }

    /// All values of the file.
    pub fn all_values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().chain(self.all_parts().flat_map(|(_, part)| &part.values))
    }

    /// What is declared of the functions in the same body, and of others that were lowered with it.
    pub fn declarations_around(&self, function: FunctionId) -> &[Function] {
        let is_in_part = function.index() >= self.functions.len();
        let held = if is_in_part { self.holding(|it| it.functions, function.0) } else { None };
        held.map_or(&self.functions, |(_, _, part)| &part.functions)
    }

    /// All functions of the file.
    pub fn all_functions(&self) -> impl Iterator<Item = &Function> {
        self.function_ids().map(|id| self.function(id))
    }

    pub fn function_ids(&self) -> impl Iterator<Item = FunctionId> + use<> {
        let nested = self.all_parts().map(|(start, part)| (start.functions, part.functions.len() as u32));
        let nested: Vec<(u32, u32)> = nested.collect();
        let base = (0, self.functions.len() as u32);
        std::iter::once(base).chain(nested).flat_map(|(first, count)| (first..first + count).map(FunctionId))
    }

    /// An empty model for what a part adds to `base`.
    pub fn above(base: &FileModel, start: Start, bytes: usize) -> Self {
        let mut model = Self::new(base.language, bytes as u32);
        model.functions.clear();
        model.values.clear();
        model.opaque.clear();
        model.names = Names::above(start.names, bytes);
        model
    }

    /// As [`add`](Self::add), where this is what a part adds to `base`.
    pub fn add_above(&mut self, base: &FileModel, start: Start, value: Value) -> ValueId {
        if value == Value::Unknown {
            return UNKNOWN;
        }
        let id = ValueId(start.values + self.values.len() as u32);
        if value.is_kept_once() {
            let hashed = hash(&value);
            if let Some(found) = base.index.find(hashed, |id| base.values[id.index()] == value) {
                return *found;
            }
            let Self { index, values, .. } = self;
            let at = |id: &ValueId| (id.0 - start.values) as usize;
            if let Some(found) = index.find(hashed, |id| values[at(id)] == value) {
                return *found;
            }
            index.insert_unique(hashed, id, |id| hash(&values[at(id)]));
        }
        let is_opaque = |value: ValueId| match value.0.checked_sub(start.values) {
            None => base.is_opaque(value),
            Some(at) => is_set(&self.opaque, at as usize),
        };
        let callee = |call: CallId| match call.0.checked_sub(start.calls) {
            None => base.calls.get(call.index()).map(|it| it.callee),
            Some(at) => self.calls.get(at as usize).map(|it| it.callee),
        };
        let opaque = value.comes_to_nothing(is_opaque, callee);
        push_bit(&mut self.opaque, self.values.len(), opaque);
        self.values.push(value);
        id
    }

    /// What was added to the base, as a part of it.
    pub fn into_part(mut self, function: Function) -> Part {
        self.values.shrink_to_fit();
        self.calls.shrink_to_fit();
        self.names.finish();
        if function.kind.is_async() || self.functions.iter().any(|it| it.kind.is_async()) {
            self.statements.sort_unstable();
        } else {
            self.statements = Vec::new();
        }
        Part {
            function,
            values: self.values,
            opaque: self.opaque,
            calls: self.calls,
            functions: self.functions,
            statements: self.statements,
            names: self.names,
        }
    }
}

impl Value {
    /// Names and what is asked of them are added once.
    pub(super) const fn is_kept_once(&self) -> bool {
        matches!(self, Self::Path(_) | Self::Global(..) | Self::Attr(..) | Self::Field(..) | Self::Str(_))
    }

    /// It is written down, and there from the beginning.
    pub const fn is_constant(&self) -> bool {
        matches!(self, Self::None | Self::Bool(_) | Self::Int(_) | Self::Str(_))
    }

    pub(super) fn comes_to_nothing(
        &self,
        is_opaque: impl Fn(ValueId) -> bool,
        callee: impl Fn(CallId) -> Option<ValueId>,
    ) -> bool {
        match self {
            Self::Unknown | Self::Param(..) => true,
            Self::Awaited(inner)
            | Self::Entered(inner, _)
            | Self::Element(inner)
            | Self::Attr(inner, _)
            | Self::Field(inner, _)
            | Self::Inner(inner)
            | Self::Deref(inner)
            | Self::Index(inner)
            | Self::Slice(inner)
            | Self::Unit(inner)
            | Self::Item(inner, _)
            | Self::Handed(inner, _)
            | Self::Quotient(inner)
            | Self::Dyn(inner)
            | Self::Replaced(inner, _)
            | Self::Provided { of: inner, .. }
            | Self::Instance { class: inner, .. } => is_opaque(*inner),
            Self::Declared(declared, set) => is_opaque(*declared) && is_opaque(*set),
            Self::Result(call) => callee(*call).is_some_and(is_opaque),
            // One unknown makes all unknown.
            Self::Union(items) => items.iter().any(|item| is_opaque(*item)),
            _ => false,
        }
    }
}
