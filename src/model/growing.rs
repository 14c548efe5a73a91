//! The model while it is lowered: of a whole file, or what the body of one function adds to a file that is lowered already.

use std::ops::{Deref, DerefMut};

use super::{
    Call, CallId, Class, ClassId, FileModel, Function, FunctionId, NameId, Part, Start, TOP_LEVEL, Value, ValueId,
};

/// What a front end asks here of the model is answered for the file below as well; the rest is of what is added.
#[derive(Debug)]
pub struct Growing<'a> {
    own: FileModel,
    below: Option<Below<'a>>,
}

#[derive(Debug)]
struct Below<'a> {
    base: &'a FileModel,
    start: Start,
    /// The function whose body is lowered.
    id: FunctionId,
    function: Function,
}

impl Deref for Growing<'_> {
    type Target = FileModel;

    fn deref(&self) -> &FileModel {
        &self.own
    }
}

impl DerefMut for Growing<'_> {
    fn deref_mut(&mut self) -> &mut FileModel {
        &mut self.own
    }
}

impl<'a> Growing<'a> {
    pub fn file(model: FileModel) -> Self {
        Self { own: model, below: None }
    }

    /// For the body of a function of `base`, whose text has so many bytes.
    pub fn body(base: &'a FileModel, start: Start, id: FunctionId, bytes: usize) -> Self {
        let function = base.declaration(id).clone();
        Self { own: FileModel::above(base, start, bytes), below: Some(Below { base, start, id, function }) }
    }

    pub fn into_file(self) -> FileModel {
        self.own
    }

    pub fn into_part(self) -> Option<Part> {
        let Self { own, below } = self;
        below.map(|it| own.into_part(it.function))
    }

    /// What is found here is added to the file itself, and not to a part of it.
    pub fn is_file(&self) -> bool {
        self.below.is_none()
    }

    pub fn intern(&mut self, text: &str) -> NameId {
        match self.below.as_ref().and_then(|it| it.base.names.find(text)) {
            Some(known) => known,
            None => self.own.names.intern(text),
        }
    }

    /// The name's number, if the file has it.
    pub fn known_name(&self, text: &str) -> Option<NameId> {
        let below = self.below.as_ref().and_then(|it| it.base.names.find(text));
        below.or_else(|| self.own.names.find(text))
    }

    pub fn name(&self, id: NameId) -> &str {
        match &self.below {
            Some(it) if id.0 < it.start.names => it.base.name(id),
            _ => self.own.name(id),
        }
    }

    pub fn add(&mut self, value: Value) -> ValueId {
        match &self.below {
            Some(it) => self.own.add_above(it.base, it.start, value),
            None => self.own.add(value),
        }
    }

    pub fn value(&self, id: ValueId) -> &Value {
        match &self.below {
            None => self.own.value(id),
            Some(it) => match id.0.checked_sub(it.start.values) {
                Some(at) => &self.own.values[at as usize],
                None => it.base.value(id),
            },
        }
    }

    pub fn is_opaque(&self, id: ValueId) -> bool {
        match &self.below {
            None => self.own.is_opaque(id),
            Some(it) => match id.0.checked_sub(it.start.values) {
                Some(at) => self.own.is_opaque(ValueId(at)),
                None => it.base.is_opaque(id),
            },
        }
    }

    /// A class at the top of the file or in another, with all its methods.
    pub fn class(&self, id: ClassId) -> &Class {
        match &self.below {
            None => self.own.class(id),
            Some(it) => it.base.class(id),
        }
    }

    pub fn call(&self, id: CallId) -> &Call {
        match &self.below {
            None => self.own.call(id),
            Some(it) => match id.0.checked_sub(it.start.calls) {
                Some(at) => &self.own.calls[at as usize],
                None => it.base.call(id),
            },
        }
    }

    pub fn call_mut(&mut self, id: CallId) -> Option<&mut Call> {
        let start = self.below.as_ref().map_or(0, |it| it.start.calls);
        self.own.calls.get_mut(id.0.checked_sub(start)? as usize)
    }

    pub fn add_call(&mut self, call: Call) -> CallId {
        let start = self.below.as_ref().map_or(0, |it| it.start.calls);
        let id = CallId(start + self.own.calls.len() as u32);
        self.own.calls.push(call);
        id
    }

    /// The latest call that begins no later than this, of those that are being added.
    pub fn latest_call(&self, start: u32) -> Option<(CallId, &Call)> {
        let first = self.below.as_ref().map_or(0, |it| it.start.calls);
        let found = self.own.calls.iter().rposition(|call| call.span.start <= start)?;
        Some((CallId(first + found as u32), &self.own.calls[found]))
    }

    pub fn function(&self, id: FunctionId) -> &Function {
        match &self.below {
            None => self.own.function(id),
            Some(it) if id == it.id => &it.function,
            Some(it) => match id.0.checked_sub(it.start.functions) {
                Some(at) => &self.own.functions[at as usize],
                None => it.base.declaration(id),
            },
        }
    }

    /// A function that is being added, or whose body is.
    pub fn function_mut(&mut self, id: FunctionId) -> &mut Function {
        match &mut self.below {
            None => &mut self.own.functions[id.index()],
            Some(it) => match id.0.checked_sub(it.start.functions) {
                Some(at) => &mut self.own.functions[at as usize],
                None => &mut it.function,
            },
        }
    }

    pub fn add_function(&mut self, function: Function) -> FunctionId {
        let start = self.below.as_ref().map_or(0, |it| it.start.functions);
        let id = FunctionId(start + self.own.functions.len() as u32);
        self.own.functions.push(function);
        id
    }

    /// The dotted name of the class or function around a place.
    pub fn qualname_of(&self, function: FunctionId) -> Option<NameId> {
        (function != TOP_LEVEL).then(|| self.function(function).qualname)
    }
}
