//! What the front end found, read off the model.

use std::collections::BTreeMap;

use asynclint::model::{Block, FileModel, FunctionId, FunctionKind, Node, TOP_LEVEL, Use};

use crate::Fact;

const GENERATOR: &str = "<genexpr>";

/// Every fact of the model. What is wrong with the model in itself goes to `problems`.
pub fn facts(model: &FileModel, problems: &mut Vec<String>) -> Vec<Fact> {
    let mut reader = Reader { model, facts: Vec::new(), calls: BTreeMap::new(), defined: BTreeMap::new() };
    for id in model.function_ids() {
        reader.block(id, &model.function(id).body);
    }
    for id in model.function_ids().filter(|id| *id != TOP_LEVEL) {
        let times = reader.defined.get(&id).copied().unwrap_or(0);
        if times != 1 {
            problems.push(format!("`{}` is defined {times} times", reader.qualname(id)));
        }
    }
    for (id, call) in model.all_calls() {
        match reader.calls.get(&id.0).map(Vec::as_slice) {
            Some([owner]) if *owner == call.function => {}
            other => problems.push(format!("call {} at {:?} stands in {other:?}", id.0, call.span)),
        }
    }
    reader.facts
}

struct Reader<'a> {
    model: &'a FileModel,
    facts: Vec<Fact>,
    /// For each call, the functions whose bodies it was met in.
    calls: BTreeMap<u32, Vec<FunctionId>>,
    /// How often each function is created.
    defined: BTreeMap<FunctionId, usize>,
}

impl Reader<'_> {
    /// Without the generator expressions: whether one is a function of its own is the front end's choice.
    fn qualname(&self, id: FunctionId) -> String {
        let parts = self.full_name(id).split('.').filter(|part| *part != GENERATOR);
        let name = parts.collect::<Vec<_>>().join(".");
        if name.is_empty() { "<module>".to_owned() } else { name }
    }

    fn full_name(&self, id: FunctionId) -> &str {
        self.model.name(self.model.function(id).qualname)
    }

    fn push(&mut self, span: asynclint::source::Span, what: String, owner: FunctionId) {
        let put_off = self.full_name(owner).split('.').filter(|part| *part == GENERATOR).count();
        let owner = self.qualname(owner);
        self.facts.push(Fact { start: span.start, end: span.end, what, owner, put_off });
    }

    fn define(&mut self, id: FunctionId, owner: FunctionId) {
        *self.defined.entry(id).or_default() += 1;
        let function = self.model.function(id);
        if self.model.name(function.name) == GENERATOR {
            return;
        }
        let (start, kind) = match function.kind {
            FunctionKind::Closure => (function.span.start, "lambda"),
            // A definition's end says which it is; parsers differ on whether decorators belong to it.
            FunctionKind::Async => (function.span.end, "async def"),
            _ => (function.span.end, "def"),
        };
        let name = self.qualname(id);
        let yields = if function.is_generator { " that yields" } else { "" };
        let what = format!("{kind} `{name}` of {} parameters{yields}", function.params.len());
        let span = asynclint::source::Span::new(start, function.span.end);
        self.push(span, what, owner);
    }

    fn block(&mut self, owner: FunctionId, block: &Block) {
        for node in &block.nodes {
            self.node(owner, node);
        }
    }

    fn node(&mut self, owner: FunctionId, node: &Node) {
        match node {
            Node::Call(id) => {
                self.calls.entry(id.0).or_default().push(owner);
                let call = self.model.call(*id);
                let spread = call.args.iter().filter(|arg| arg.spread).count();
                let named = call.args.iter().filter(|arg| arg.name.is_some()).count();
                let awaited = if call.result == Use::Awaited { "an awaited" } else { "a" };
                let count = call.args.len();
                let what = format!("{awaited} call of {count} arguments ({named} named, {spread} spread)");
                self.push(call.span, what, owner);
            }
            Node::Await(it) => self.push(it.span, "an await".to_owned(), owner),
            Node::Yield(it) => {
                let what = if it.delegates { "a yield from" } else { "a yield" };
                self.push(it.span, what.to_owned(), owner);
            }
            Node::Define(id) => self.define(*id, owner),
            Node::Scope(it) => self.block(owner, &it.body),
            Node::Try(it) => {
                self.block(owner, &it.body);
                for handler in &it.handlers {
                    self.block(owner, &handler.body);
                }
                self.block(owner, &it.orelse);
                self.block(owner, &it.finally);
            }
            Node::Branch(it) => {
                for arm in &it.arms {
                    self.block(owner, &arm.test);
                    self.block(owner, &arm.body);
                }
            }
            Node::Loop(it) => {
                self.block(owner, &it.head);
                self.block(owner, &it.body);
                self.block(owner, &it.orelse);
            }
            Node::Block(it) => self.block(owner, it),
            Node::Return { .. }
            | Node::Raise(_)
            | Node::Break { .. }
            | Node::Continue { .. }
            | Node::Bind { .. }
            | Node::Set { .. }
            | Node::Release { .. }
            | Node::Hold { .. }
            | Node::Implicit(_) => {}
        }
    }
}
