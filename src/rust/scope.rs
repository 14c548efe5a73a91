//! What the walk carries along: the model being built, the functions around the current place, and what names stand for.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{
    Block, FILE_MODULE, FileModel, Function, FunctionId, FunctionKind, Growing, Local, LocalId, ModuleId, NameId, Node,
    Path, PathRoot, TOP_LEVEL, UNKNOWN, Value, ValueId,
};
use crate::source::{Edition, Features, Source, Span};

use super::bodies::LeftOut;
use super::names::ModuleNames;
use super::offset::Offsets;
use super::parse::Piece;

pub(super) struct Lowerer<'a> {
    pub(super) model: Growing<'a>,
    pub(super) edition: Edition,
    /// Those of the crate, where it is installed.
    pub(super) features: Option<&'a Features>,
    /// Where the tokens at hand stand in the file.
    offsets: Offsets,
    pub(super) module: ModuleId,
    /// What each module of the file binds.
    pub(super) names: Cow<'a, FxHashMap<ModuleId, ModuleNames>>,
    /// The functions around the current place, outermost first; frame 0 is the file.
    pub(super) frames: Vec<Frame>,
    /// What `Self` is: instance and class, innermost last.
    pub(super) self_types: Vec<(ValueId, ValueId)>,
    /// Type parameters in scope, with the instance value that their bounds allow, innermost last.
    pub(super) generics: Vec<(NameId, ValueId)>,
    /// Type and const parameters of the function at hand that a call may be written with, each with the parameter that stands for it.
    pub(super) given_types: Vec<(NameId, ValueId)>,
    /// Constants of the current `impl` that are written out: `Self::VERIFIES`.
    pub(super) constants: Vec<(NameId, ValueId)>,
    /// Associated types of the current `impl` that are one of its type parameters: `type Target = T;`.
    pub(super) associated_parameters: Vec<(NameId, NameId)>,
    /// The type parameters among the arguments of the type that the current `impl` is for.
    pub(super) self_parameters: Vec<Option<NameId>>,
    /// Below `#[cfg(test)]` or in a test.
    pub(super) test: bool,
    /// What the closure that comes next is handed to: a tuple of what it is called with.
    pub(super) handed: Option<ValueId>,
    /// The receiver whose elements the closure that comes next is called with, and as which of its parameters.
    pub(super) element: Option<(ValueId, Range<usize>)>,
    /// A name, while it is looked up.
    text: String,
    /// The insides of bodies that are to be left out, in order.
    pub(super) bodies: &'a [Range<usize>],
    /// The functions whose bodies have been.
    pub(super) left_out: Vec<LeftOut>,
    /// Modules, types and functions around the current place, as names are written.
    pub(super) path: Vec<String>,
}

/// One function, closure or async block while its body is walked.
pub(super) struct Frame {
    pub(super) id: FunctionId,
    /// What is in scope, innermost last.
    pub(super) bound: Vec<(NameId, Bound)>,
    pub(super) locals: Vec<Local>,
    /// Per local: what it stands for.
    pub(super) values: Vec<ValueId>,
    pub(super) nodes: Vec<Node>,
    /// A `fn`: it does not see the locals of the function it is written in.
    is_item: bool,
    /// Locals of functions around that the body mentions: by frame.
    captured: FxHashSet<(usize, LocalId)>,
    /// Values made on the way through the current statement, not bound to a name.
    pub(super) temporaries: Vec<Temporary>,
    /// The endless loops around the current place, innermost last.
    pub(super) loops: Vec<Broken>,
}

/// An endless loop, and what it is left with: `break value`.
pub(super) struct Broken {
    pub(super) label: Option<syn::Ident>,
    pub(super) values: Vec<ValueId>,
}

#[derive(Clone, Copy)]
pub(super) enum Bound {
    Local(LocalId),
    /// An item or import of a block.
    Value(ValueId),
}

/// A value that lives to the end of the statement, or of the block that a `match` or `if let` head governs.
#[derive(Clone, Copy)]
pub(super) struct Temporary {
    pub(super) value: ValueId,
    pub(super) span: Span,
    /// It is what the `match` or `if let` looks at, not something on the way there.
    pub(super) is_subject: bool,
    /// The name that the pattern has moved it to, or all that is in it.
    pub(super) local: Option<LocalId>,
}

pub(super) enum Found {
    Local { frame: usize, local: LocalId },
    Value(ValueId),
    Nothing,
}

impl<'a> Lowerer<'a> {
    pub(super) fn new(model: FileModel, source: &'a Source) -> Self {
        let features = source.features.as_deref();
        Self::with(Growing::file(model), Cow::default(), (source.edition, features))
    }

    pub(super) fn with(
        model: Growing<'a>,
        names: Cow<'a, FxHashMap<ModuleId, ModuleNames>>,
        (edition, features): (Edition, Option<&'a Features>),
    ) -> Self {
        Self {
            model,
            edition,
            features,
            offsets: Offsets::default(),
            module: FILE_MODULE,
            names,
            frames: vec![Frame::new(TOP_LEVEL, true)],
            self_types: Vec::new(),
            generics: Vec::new(),
            given_types: Vec::new(),
            constants: Vec::new(),
            associated_parameters: Vec::new(),
            self_parameters: Vec::new(),
            test: false,
            handed: None,
            element: None,
            text: String::new(),
            bodies: &[],
            left_out: Vec::new(),
            path: Vec::new(),
        }
    }

    pub(super) fn file(&mut self, text: &str, pieces: Vec<Piece>) {
        let mut names = ModuleNames::default();
        for piece in &pieces {
            names.collect(self, &piece.items);
        }
        self.names.to_mut().insert(FILE_MODULE, names);
        for piece in pieces {
            self.offsets = piece.offsets(text);
            let extent = Span::new(0, self.model.function(TOP_LEVEL).span.end);
            self.allows(&piece.attrs, extent);
            // Each goes while it is at hand.
            for item in piece.items {
                self.item(&item);
            }
        }
    }

    /// Walks something whose tokens stand elsewhere.
    pub(super) fn among(&mut self, offsets: &mut Offsets, walk: impl FnOnce(&mut Self)) {
        std::mem::swap(&mut self.offsets, offsets);
        walk(self);
        std::mem::swap(&mut self.offsets, offsets);
    }

    pub(super) fn finish(self) -> FileModel {
        let (mut model, _) = self.into_file();
        model.finish();
        model
    }

    /// The model, not finished yet, and the names of its modules.
    pub(super) fn into_file(mut self) -> (FileModel, FxHashMap<ModuleId, ModuleNames>) {
        let frame = self.frames.pop();
        if let Some(frame) = frame {
            let top = self.model.function_mut(TOP_LEVEL);
            top.body = Block::new(frame.nodes);
            top.locals = frame.locals;
        }
        (self.model.into_file(), self.names.into_owned())
    }

    pub(super) fn span(&self, span: proc_macro2::Span) -> Span {
        Span::new(self.offsets.start(span), self.offsets.end(span))
    }

    /// From the start of one to the end of the other.
    pub(super) fn between(&self, from: proc_macro2::Span, to: proc_macro2::Span) -> Span {
        Span::new(self.offsets.start(from), self.offsets.end(to))
    }

    pub(super) fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    pub(super) fn function(&self) -> FunctionId {
        self.frames.last().map_or(TOP_LEVEL, |frame| frame.id)
    }

    pub(super) fn ident(&mut self, ident: &syn::Ident) -> NameId {
        self.text.clear();
        // Writing to a string does not fail.
        let _ = write!(self.text, "{ident}");
        self.model.intern(self.text.strip_prefix("r#").unwrap_or(&self.text))
    }

    pub(super) fn name(&mut self, text: &str) -> NameId {
        self.model.intern(text)
    }

    pub(super) fn add(&mut self, value: Value) -> ValueId {
        self.model.add(value)
    }

    pub(super) fn push(&mut self, node: Node) {
        self.frame().nodes.push(node);
    }

    /// A path that starts outside the file.
    pub(super) fn absolute(&mut self, segments: &[&str]) -> ValueId {
        let segments = segments.iter().map(|it| self.model.intern(it)).collect();
        self.add(Value::Path(Box::new(Path { root: PathRoot::Absolute, segments })))
    }

    pub(super) fn instance(&mut self, class: ValueId, args: Vec<ValueId>) -> ValueId {
        if class == UNKNOWN { UNKNOWN } else { self.add(Value::Instance { class, args: args.into() }) }
    }

    pub(super) fn union(&mut self, mut values: Vec<ValueId>) -> ValueId {
        let mut seen = FxHashSet::default();
        values.retain(|it| seen.insert(*it));
        match values.as_slice() {
            [] => UNKNOWN,
            [one] => *one,
            _ => self.add(Value::Union(values.into())),
        }
    }

    /// Collects what `walk` pushes into a block of its own; names bound in it end with it.
    pub(super) fn block<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> (Block, T) {
        let frame = self.frame();
        let outer = std::mem::take(&mut frame.nodes);
        let bound = frame.bound.len();
        let result = walk(self);
        let frame = self.frame();
        frame.bound.truncate(bound);
        (Block::new(std::mem::replace(&mut frame.nodes, outer)), result)
    }

    pub(super) fn new_function(&mut self, name: &str, kind: FunctionKind, span: Span, name_span: Span) -> FunctionId {
        let parent = self.function();
        let name_id = self.name(name);
        let mut qualname = self.path.join("::");
        if !qualname.is_empty() {
            qualname.push_str("::");
        }
        qualname.push_str(name);
        let mut function = Function::new(name_id, kind, span);
        function.qualname = self.name(&qualname);
        function.name_span = name_span;
        function.parent = (parent != TOP_LEVEL).then_some(parent);
        function.module = self.module;
        function.test = self.test;
        self.model.add_function(function)
    }

    pub(super) fn open(&mut self, id: FunctionId, is_item: bool) {
        self.frames.push(Frame::new(id, is_item));
    }

    /// Closes the innermost frame and gives the function its body. Gives what it captured of the frame around it.
    pub(super) fn close(&mut self) -> Vec<LocalId> {
        let Some(frame) = self.frames.pop() else { return Vec::new() };
        let function = self.model.function_mut(frame.id);
        function.body = Block::new(frame.nodes);
        function.locals = frame.locals;
        let around = self.frames.len() - 1;
        let mut own: Vec<LocalId> = Vec::new();
        for (index, local) in frame.captured {
            if index == around {
                own.push(local);
            } else if index < around {
                self.frames[around].captured.insert((index, local));
            }
        }
        own.sort_unstable();
        own
    }

    /// A local that is not in scope yet.
    pub(super) fn declare(&mut self, name: NameId, span: Span) -> LocalId {
        let frame = self.frame();
        let local = LocalId(frame.locals.len() as u32);
        frame.locals.push(Local { name, span, reads: 0, shared: false, handed_on: false, driven: false });
        frame.values.push(UNKNOWN);
        local
    }

    /// From here on the local is what its name means.
    pub(super) fn bind(&mut self, local: LocalId, value: ValueId, span: Span) {
        let frame = self.frame();
        let name = frame.locals[local.index()].name;
        frame.values[local.index()] = value;
        frame.bound.push((name, Bound::Local(local)));
        frame.nodes.push(Node::Bind { local, value, span });
    }

    pub(super) fn find(&self, name: NameId) -> Found {
        let mut sees_locals = true;
        for (index, frame) in self.frames.iter().enumerate().rev() {
            for (bound, what) in frame.bound.iter().rev() {
                if *bound == name {
                    match what {
                        Bound::Local(local) if sees_locals => return Found::Local { frame: index, local: *local },
                        Bound::Local(_) => {}
                        Bound::Value(value) => return Found::Value(*value),
                    }
                }
            }
            sees_locals &= !frame.is_item;
        }
        Found::Nothing
    }

    /// What a local stands for; counts the read.
    pub(super) fn read(&mut self, frame: usize, local: LocalId) -> ValueId {
        let innermost = self.frames.len() - 1;
        let nested = frame < innermost;
        if nested {
            self.frames[innermost].captured.insert((frame, local));
        }
        let frame = &mut self.frames[frame];
        let entry = &mut frame.locals[local.index()];
        entry.reads += 1;
        entry.shared |= nested;
        frame.values[local.index()]
    }
}

impl Frame {
    fn new(id: FunctionId, is_item: bool) -> Self {
        Self {
            id,
            bound: Vec::new(),
            locals: Vec::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            is_item,
            captured: FxHashSet::default(),
            temporaries: Vec::new(),
            loops: Vec::new(),
        }
    }
}
