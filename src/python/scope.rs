//! What the walk carries along: the model being built, the functions around the current place, and what names stand for.

use std::borrow::Cow;

use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{
    Block, ClassId, FILE_MODULE, FileModel, Function, FunctionId, FunctionKind, Growing, Local, LocalId, NameId, Node,
    Path, PathRoot, TOP_LEVEL, UNKNOWN, Use, Value, ValueId,
};
use crate::source::Span;

use super::bodies::Body;
use super::bound::Bound;
use super::module::Module;

/// So many values are compared with each other faster than hashed.
const FEW: usize = 8;
/// Locals of a function that has many.
const MANY: usize = 128;

pub(super) struct Lowerer<'a> {
    pub(super) model: Growing<'a>,
    /// The functions around the current place, outermost first; frame 0 is the top level.
    pub(super) frames: Vec<Frame<'a>>,
    /// Frames of functions that are done, for those to come.
    spare: Vec<Frame<'a>>,
    globals: FxHashMap<NameId, ValueId>,
    /// Branches, loops and handlers around the current place at the top level.
    arms: u32,
    /// What is walked never runs: `if False:`.
    pub(super) never_runs: bool,
    pub(super) module: Cow<'a, Module>,
    /// Bodies that are to be left out.
    pub(super) bodies: &'a [Body],
    /// Those that have been.
    pub(super) left_out: Vec<(FunctionId, Body)>,
}

/// One function (or the top level) while its body is walked.
pub(super) struct Frame<'a> {
    pub(super) id: FunctionId,
    locals: FxHashMap<NameId, LocalId>,
    /// Names that comprehensions and class bodies bind for a while; innermost last.
    pub(super) inner: Vec<(NameId, Inner)>,
    elsewhere: FxHashSet<NameId>,
    /// Attributes and globals that tests have asked something of.
    pub(super) asked: Vec<ValueId>,
    /// Attributes of the method's own object that it has set to `None` or a truth value.
    pub(super) decided: Vec<NameId>,
    /// Attributes that are not what their class says, of which name, if of one alone.
    pub(super) changed: Vec<(Option<NameId>, NameId)>,
    /// Per local: what it stands for here.
    pub(super) current: Vec<Option<ValueId>>,
    /// Everything that locals ever stand for, in order of place.
    assigned: Vec<(LocalId, ValueId)>,
    pub(super) locals_out: Vec<Local>,
    pub(super) nodes: Vec<Node>,
    /// Function definitions inside, to be lowered once this body is done.
    pub(super) later: Vec<Later<'a>>,
    /// Classes whose bodies surround the current place, within this function.
    pub(super) classes: Vec<ClassId>,
    /// The arm walked last ends in a jump: what it binds is not seen after.
    pub(super) ended: bool,
    /// `except .. as name` around the current place.
    pub(super) caught: Vec<LocalId>,
}

/// A name of a comprehension (a local of its own) or of a class body (a value).
#[derive(Clone, Copy)]
pub(super) enum Inner {
    Local(LocalId),
    Value(ValueId),
}

pub(super) struct Later<'a> {
    pub(super) id: FunctionId,
    pub(super) definition: &'a StmtFunctionDef,
}

/// Where a name was found.
pub(super) enum Found {
    Local { frame: usize, local: LocalId },
    Value(ValueId),
}

impl<'a> Lowerer<'a> {
    pub(super) fn new(mut model: FileModel, text: &'a str, body: &'a [Stmt]) -> Self {
        let module = Module::of(text, body, &mut model.names);
        Self::with(Growing::file(model), Cow::Owned(module))
    }

    pub(super) fn with(model: Growing<'a>, module: Cow<'a, Module>) -> Self {
        let mut top = Frame::new(TOP_LEVEL);
        top.changed.clone_from(&module.changed);
        Self {
            model,
            frames: vec![top],
            spare: Vec::new(),
            globals: FxHashMap::default(),
            arms: 0,
            never_runs: false,
            module,
            bodies: &[],
            left_out: Vec::new(),
        }
    }

    pub(super) fn file(&mut self, body: &'a [Stmt]) {
        self.statements(body);
        self.run_later();
        let frame = self.frames.pop().expect("the top level's own frame");
        let top = self.model.function_mut(TOP_LEVEL);
        top.body = Block::new(frame.nodes);
        top.locals = frame.locals_out;
    }

    pub(super) fn finish(self) -> FileModel {
        let mut model = self.model.into_file();
        model.finish();
        model
    }

    /// What the module sets a name to, if that is a truth value.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let name = self.model.known_name(name)?;
        self.module.flags.get(&name).copied().flatten()
    }

    pub(super) fn frame(&mut self) -> &mut Frame<'a> {
        self.frames.last_mut().expect("a frame stands while a body is walked")
    }

    pub(super) fn function(&self) -> FunctionId {
        self.frames.last().map_or(TOP_LEVEL, |frame| frame.id)
    }

    /// The statement at the top of the file that is walked may not be reached.
    pub(super) fn in_arm(&self) -> bool {
        self.arms > 0
    }

    pub(super) fn at_top(&self) -> bool {
        self.frames.len() == 1
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

    /// Collects what `walk` pushes into a block of its own.
    pub(super) fn block(&mut self, walk: impl FnOnce(&mut Self)) -> Block {
        let start = self.frame().nodes.len();
        walk(self);
        // One allocation of just the right size.
        Block::new(self.frame().nodes.drain(start..).collect())
    }

    pub(super) fn instance(&mut self, class: ValueId, args: Vec<ValueId>) -> ValueId {
        if class == UNKNOWN {
            return UNKNOWN;
        }
        self.add(Value::Instance { class, args: args.into() })
    }

    /// One of these values. `None`s among others stay: a use of the value assumes it is something.
    pub(super) fn union(&mut self, mut values: Vec<ValueId>) -> ValueId {
        if values.len() <= FEW {
            let mut kept = 0;
            for index in 0..values.len() {
                let value = values[index];
                if !values[..kept].contains(&value) {
                    values[kept] = value;
                    kept += 1;
                }
            }
            values.truncate(kept);
        } else {
            let mut seen = FxHashSet::default();
            values.retain(|it| seen.insert(*it));
        }
        match values.as_slice() {
            [] => UNKNOWN,
            [one] => *one,
            _ => self.add(Value::Union(values.into())),
        }
    }

    /// Opens the frame of a function whose body binds `bound`.
    pub(super) fn open(&mut self, id: FunctionId, bound: Bound<'_>) {
        let mut frame = self.spare.pop().unwrap_or_else(|| Frame::new(id));
        frame.id = id;
        frame.elsewhere = bound.elsewhere.iter().map(|name| self.model.intern(name)).collect();
        let names = bound.names.iter().map(|name| self.model.intern(name));
        let mut names: Vec<NameId> = names.filter(|name| !frame.elsewhere.contains(name)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            frame.declare(name, Span::default());
        }
        self.frames.push(frame);
        self.note_changed(&bound.attributes);
    }

    /// Closes the frame and gives the function its body.
    pub(super) fn close(&mut self) {
        self.run_later();
        let mut frame = self.frames.pop().expect("opened before");
        let function = self.model.function_mut(frame.id);
        function.body = Block::new(frame.nodes.drain(..).collect());
        function.locals = frame.locals_out.drain(..).collect();
        frame.clear();
        self.spare.push(frame);
    }

    fn run_later(&mut self) {
        let later = std::mem::take(&mut self.frame().later);
        for it in &later {
            self.function_body(it.id, it.definition);
        }
        self.frame().later = later;
    }

    pub(super) fn new_function(&mut self, name: &str, kind: FunctionKind, span: Span, name_span: Span) -> FunctionId {
        let parent = self.function();
        let name_id = self.name(name);
        let qualname = self.qualname(name);
        let mut function = Function::new(name_id, kind, span);
        function.qualname = qualname;
        function.name_span = name_span;
        function.parent = (parent != TOP_LEVEL).then_some(parent);
        function.module = FILE_MODULE;
        self.model.add_function(function)
    }

    /// The dotted name of something defined here.
    pub(super) fn qualname(&mut self, name: &str) -> NameId {
        let around = match self.frame().classes.last().copied() {
            Some(class) => Some(self.model.class(class).qualname),
            None => self.model.qualname_of(self.function()),
        };
        match around {
            Some(around) => {
                let dotted = format!("{}.{name}", self.model.name(around));
                self.name(&dotted)
            }
            None => self.name(name),
        }
    }

    /// What a name stands for at this place, of which nothing is made; counts the read.
    pub(super) fn read(&mut self, name: &str) -> ValueId {
        self.read_for(name, Use::Dropped)
    }

    /// What a name stands for at this place, which is put to `result`; counts the read.
    pub(super) fn read_for(&mut self, name: &str, result: Use) -> ValueId {
        match self.find(name) {
            Found::Local { frame, local } => {
                let nested = frame + 1 < self.frames.len();
                let frame = &mut self.frames[frame];
                let entry = &mut frame.locals_out[local.index()];
                entry.reads += 1;
                entry.shared |= nested;
                let current = frame.current[local.index()].filter(|_| !nested);
                let value = match current {
                    Some(value) => value,
                    None => {
                        let all =
                            frame.assigned.iter().filter(|(it, _)| *it == local).map(|(_, value)| *value).collect();
                        self.union(all)
                    }
                };
                if !nested {
                    self.note_read(local, value, result);
                }
                value
            }
            Found::Value(value) => value,
        }
    }

    /// What a local of the current function stands for here; not a read.
    pub(super) fn peek(&mut self, name: &str) -> Option<ValueId> {
        let local = self.own_local(name)?;
        self.frame().current[local.index()].filter(|value| *value != UNKNOWN)
    }

    /// A parameter of a function around that keeps its value.
    pub(super) fn captured(&mut self, name: &str) -> Option<ValueId> {
        let Found::Local { frame, local } = self.find(name) else { return None };
        if frame + 1 == self.frames.len() {
            return None;
        }
        let mut assigned = self.frames[frame].assigned.iter().filter(|it| it.0 == local).map(|it| it.1);
        let only = assigned.next().filter(|it| assigned.all(|other| other == *it))?;
        matches!(self.model.value(only), Value::Param(..)).then_some(only)
    }

    pub(super) fn find(&mut self, name: &str) -> Found {
        let name = self.name(name);
        let innermost = self.frames.len() - 1;
        for index in (0..self.frames.len()).rev() {
            let frame = &self.frames[index];
            for (inner, what) in frame.inner.iter().rev() {
                if *inner == name {
                    match what {
                        Inner::Local(local) => {
                            return Found::Local { frame: index, local: *local };
                        }
                        // Functions do not see the names of the class body they are written in.
                        Inner::Value(value) if index == innermost => return Found::Value(*value),
                        Inner::Value(_) => {}
                    }
                }
            }
            if index == innermost && frame.elsewhere.contains(&name) {
                continue;
            }
            if let Some(local) = frame.locals.get(&name) {
                return Found::Local { frame: index, local: *local };
            }
        }
        // One value for all mentions: it is evaluated once.
        if let Some(value) = self.globals.get(&name) {
            return Found::Value(*value);
        }
        let value = if self.module.names.contains(&name) || self.module.has_star {
            self.add(Value::Global(FILE_MODULE, name))
        } else {
            self.builtin(name)
        };
        self.globals.insert(name, value);
        Found::Value(value)
    }

    /// What is built in under that name.
    pub(super) fn builtin(&mut self, name: NameId) -> ValueId {
        let builtins = self.name("builtins");
        self.add(Value::Path(Box::new(Path { root: PathRoot::Absolute, segments: [builtins, name].into() })))
    }

    /// The local a name is bound to in the current function, if it is one of its own.
    pub(super) fn own_local(&mut self, name: &str) -> Option<LocalId> {
        let name = self.name(name);
        self.own_local_named(name)
    }

    fn own_local_named(&mut self, name: NameId) -> Option<LocalId> {
        let frame = self.frame();
        for (inner, what) in frame.inner.iter().rev() {
            if *inner == name {
                return match what {
                    Inner::Local(local) => Some(*local),
                    Inner::Value(_) => None,
                };
            }
        }
        if frame.elsewhere.contains(&name) {
            return None;
        }
        frame.locals.get(&name).copied()
    }

    /// Binds `name` to a value: a local, a class attribute or a global.
    pub(super) fn bind(&mut self, name: &str, value: ValueId, span: Span) {
        if self.never_runs {
            return;
        }
        let name = self.name(name);
        if let Some(class) = self.frame().classes.last().copied() {
            self.frame().inner.push((name, Inner::Value(value)));
            self.model.classes[class.index()].fields.push((name, value));
            return;
        }
        if let Some(local) = self.own_local_named(name) {
            let frame = self.frame();
            frame.assign(local, value);
            let entry = &mut frame.locals_out[local.index()];
            if entry.span == Span::default() {
                entry.span = span;
            }
            frame.nodes.push(Node::Bind { local, value, span });
            return;
        }
        if self.at_top() {
            let conditional = self.arms > 0;
            let binding = crate::model::Binding { name, value, conditional };
            self.model.modules[FILE_MODULE.index()].bindings.push(binding);
        } else if self.module.names.contains(&name) {
            // `global name` in a function: one more thing it may stand for. No body with one is left out.
            let binding = crate::model::Binding { name, value, conditional: true };
            self.model.modules[FILE_MODULE.index()].bindings.push(binding);
            self.note_set_global(name, value);
        } else {
            // `nonlocal name`.
            for index in (0..self.frames.len() - 1).rev() {
                if let Some(local) = self.frames[index].locals.get(&name).copied() {
                    self.frames[index].assign(local, value);
                    self.frames[index].locals_out[local.index()].shared = true;
                    break;
                }
            }
        }
    }

    /// Walks alternatives, each from the same state, and joins what the locals stand for after them.
    pub(super) fn alternatives<T>(&mut self, arms: Vec<T>, falls_through: bool, mut walk: impl FnMut(&mut Self, T)) {
        let before = self.frame().current.clone();
        let mut after: Vec<Vec<Option<ValueId>>> = Vec::new();
        if falls_through {
            after.push(before.clone());
        }
        for arm in arms {
            self.begin_with(&before);
            walk(self, arm);
            if !self.ends() {
                let state = self.frame().current.clone();
                after.push(state);
            }
        }
        self.join(before, after);
    }

    /// Every local stands for what it did then; what has been declared since, for nothing yet.
    pub(super) fn begin_with(&mut self, state: &[Option<ValueId>]) {
        let frame = self.frame();
        let locals = frame.locals_out.len();
        frame.current.clear();
        frame.current.extend_from_slice(state);
        frame.current.resize(locals, None);
    }

    /// Every local stands for what it does in one of these states.
    pub(super) fn join(&mut self, before: Vec<Option<ValueId>>, states: Vec<Vec<Option<ValueId>>>) {
        let count = self.frame().locals_out.len();
        let mut joined = before;
        joined.resize(count, None);
        if let Some((first, rest)) = states.split_first() {
            for (index, slot) in joined.iter_mut().enumerate() {
                let one = first.get(index).copied().flatten();
                // Few of the locals are bound in one of the alternatives.
                if rest.iter().all(|state| state.get(index).copied().flatten() == one) {
                    *slot = one;
                    continue;
                }
                let mut values: Vec<ValueId> = one.into_iter().collect();
                for state in rest {
                    if let Some(value) = state.get(index).copied().flatten()
                        && !values.contains(&value)
                    {
                        values.push(value);
                    }
                }
                *slot = match values.as_slice() {
                    [] => None,
                    [one] => Some(*one),
                    _ => Some(self.union(values)),
                };
            }
        }
        self.frame().current = joined;
    }

    /// The block walked last cannot be left at its end.
    fn ends(&mut self) -> bool {
        // The walked arm has put its nodes elsewhere by now; `last_ended` is kept by `arm_block`.
        std::mem::take(&mut self.frame().ended)
    }

    /// A block of statements that is one of several alternatives.
    pub(super) fn arm_block(&mut self, body: &'a [Stmt]) -> Block {
        let at_top = self.at_top();
        self.arms += u32::from(at_top);
        let block = self.block(|this| this.statements(body));
        self.arms -= u32::from(at_top);
        self.frame().ended = matches!(
            block.nodes.last(),
            Some(Node::Return { .. } | Node::Raise(_) | Node::Break { .. } | Node::Continue { .. })
        );
        block
    }

    /// Walks what never runs: what it would make cannot be lost. Where that stands in the test itself, it binds and defines nothing either; under
    /// `TYPE_CHECKING`, and by the settings of a module, it may tell types. A `yield` in it makes a generator of the function all the same.
    pub(super) fn never_run(&mut self, by_literal: bool, walk: impl FnOnce(&mut Self) -> Block) -> Block {
        let calls = self.model.calls.len();
        let around = self.never_runs;
        self.never_runs |= by_literal;
        let walked = walk(self);
        self.never_runs = around;
        let lost = self.model.calls[calls..].iter_mut().filter(|call| call.result != Use::Awaited);
        lost.for_each(|call| call.result = Use::Consumed);
        walked
    }

    pub(super) fn is_receiver(&mut self, expr: &Expr) -> Option<ClassId> {
        let Expr::Name(name) = expr else { return None };
        let name = self.name(name.id.as_str());
        // Nested functions set attributes of the method's `self` too.
        for index in (0..self.frames.len()).rev() {
            let frame = &self.frames[index];
            if let Some(local) = frame.locals.get(&name) {
                let function = self.model.function(frame.id);
                let first = function.params.first()?;
                return (first.local == *local && !function.is_static).then_some(function.class).flatten();
            }
        }
        None
    }
}

impl<'a> Frame<'a> {
    fn new(id: FunctionId) -> Self {
        Self {
            id,
            locals: FxHashMap::default(),
            inner: Vec::new(),
            elsewhere: FxHashSet::default(),
            asked: Vec::new(),
            decided: Vec::new(),
            changed: Vec::new(),
            current: Vec::new(),
            assigned: Vec::new(),
            locals_out: Vec::new(),
            nodes: Vec::new(),
            later: Vec::new(),
            classes: Vec::new(),
            caught: Vec::new(),
            ended: false,
        }
    }

    /// Forgets the function, and keeps the room.
    fn clear(&mut self) {
        // Emptying a table goes through all of it: few functions have as many names as the largest.
        if self.locals.capacity() > MANY {
            self.locals = FxHashMap::default();
        }
        self.locals.clear();
        self.inner.clear();
        self.current.clear();
        self.assigned.clear();
        self.locals_out.clear();
        self.nodes.clear();
        self.later.clear();
        self.classes.clear();
        self.caught.clear();
        self.asked.clear();
        self.decided.clear();
        self.changed.clear();
        self.ended = false;
    }

    /// A local of the whole function.
    pub(super) fn declare(&mut self, name: NameId, span: Span) -> LocalId {
        if let Some(local) = self.locals.get(&name) {
            return *local;
        }
        let local = self.fresh(name, span);
        self.locals.insert(name, local);
        local
    }

    /// A local that no other statement sees: a comprehension's target.
    pub(super) fn fresh(&mut self, name: NameId, span: Span) -> LocalId {
        let local = LocalId(self.locals_out.len() as u32);
        self.locals_out.push(Local { name, span, reads: 0, shared: false, handed_on: false, driven: false });
        self.current.push(None);
        local
    }

    pub(super) fn assign(&mut self, local: LocalId, value: ValueId) {
        self.current[local.index()] = Some(value);
        self.assigned.push((local, value));
    }
}
