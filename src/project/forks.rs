//! Where a function goes one way or another: what holds on each way of branches, loops and handlers.

use crate::knowledge::{Effect, Needs};
use crate::model::{
    Arm, Block, Branch, Condition, FileModel, FunctionId, Handler, Loop, LoopKind, NameId, Node, Path, TOP_LEVEL, Test,
    Try, Value, ValueId, flow,
};
use crate::source::Language;

use super::Project;
use super::asking::asks_for_loop;
use super::effects::{Runs, Site};
use super::sites::Found;
use super::times::mends;
use super::types::{FnRef, Ty};

/// Whether what follows the branch is reached from inside of it, and whether some arm may leave what is around it.
fn goes_on(branch: &Branch, never_returns: &dyn Fn(&Node) -> bool) -> (bool, bool) {
    let (mut falls, mut leaves) = (branch.exhaustive, false);
    for arm in &branch.arms {
        let exits = flow::exits(&arm.body, never_returns);
        falls |= exits.falls;
        leaves |= exits.returns || exits.breaks || exits.continues;
    }
    (falls, leaves)
}

/// Collects what tests have said where the function is defined. Gives `true` once its place is found.
fn told_at(block: &Block, function: FunctionId, told: &mut Vec<Condition>) -> bool {
    block.nodes.iter().any(|node| match node {
        Node::Define(defined) => *defined == function,
        Node::Branch(branch) => {
            let before = told.len();
            for arm in &branch.arms {
                if told_at(&arm.test, function, told) {
                    return true;
                }
                let outside = told.len();
                told.extend(&arm.conditions);
                if told_at(&arm.body, function, told) {
                    return true;
                }
                told.truncate(outside);
                told.extend(&arm.otherwise);
            }
            if goes_on(branch, &|_| false).0 {
                told.truncate(before);
            }
            false
        }
        node => {
            node.has_parts() && {
                let before = told.len();
                let found = flow::parts(node).any(|part| told_at(part, function, told));
                if !found {
                    told.truncate(before);
                }
                found
            }
        }
    })
}

impl Project {
    /// What tests around the definition of a nested function say of parameters of the functions that it stands in, and of what
    /// calls there have given: those keep their values.
    pub(super) fn told_where_defined(&self, function: FnRef) -> Vec<Condition> {
        let model = self.model(function.file);
        let mut told = Vec::new();
        let mut inner = function.function;
        while let Some(outer) = model.declaration(inner).parent.filter(|it| *it != TOP_LEVEL) {
            let around = model.function(outer);
            let mut here = Vec::new();
            if told_at(&around.body, inner, &mut here) {
                let stays = |it: &Condition| {
                    matches!(model.value(it.value), Value::Result(_))
                        || around.params.iter().any(|param| param.value == it.value)
                };
                told.extend(here.into_iter().filter(stays));
            }
            inner = outer;
        }
        told
    }
}

impl Found<'_> {
    /// Each arm under what its test says of parameters. What follows an arm that leaves is under the contrary.
    pub(super) fn branch(&mut self, branch: &Branch) {
        let (outer, off_loop) = (self.guards.clone(), self.off_loop);
        let before = self.told.len();
        let model = self.project.model(self.file);
        let asks = |arm: &Arm| self.is_asked_for_runtime(&arm.test);
        if self.asks_for_runtime && branch.arms.iter().any(asks) && !self.knows_runtime(branch) {
            // `if let Ok(handle) = Handle::try_current()`: where there is none, nothing is blocked. What follows a branch that leaves
            // is for the other case.
            self.off_loop |= branch.arms.iter().any(|arm| !flow::exits(&arm.body, &|_| false).falls);
            return;
        }
        for arm in &branch.arms {
            self.walk(&arm.test);
            let guards = self.guards.clone();
            let (project, function) = (self.project, self.function);
            let of = |condition: &Condition| project.guard_of(function, *condition);
            let no_loop = |it: &Condition| project.says_no_loop(function, *it);
            let told = arm.conditions.iter().find_map(no_loop);
            let constant = arm.constant.or_else(|| self.constant(arm));
            if constant != Some(false)
                && told != Some(true)
                && !self.off_loop
                && !mends(model, self.function.function, arm)
                && !self.project.asks_for_thread(self.file, &arm.test)
            {
                let (once, shared) = (self.once, self.shared);
                self.happens_once(self.project.fills(function, arm));
                let either = project.guard_of_either(function, &arm.either);
                self.guards = guards.clone().and_all(arm.conditions.iter().map(of).chain([either]));
                let told = self.told.len();
                self.told.extend(&arm.conditions);
                let known = self.known.clone();
                self.learn(&arm.conditions);
                let asked = u32::from(constant != Some(true));
                self.branches += asked;
                self.walk(&arm.body);
                self.branches -= asked;
                self.known = known;
                self.told.truncate(told);
                (self.once, self.shared) = (once, shared);
            }
            let either = project.guard_of_either(function, &arm.otherwise_either);
            self.guards = guards.and_all(arm.otherwise.iter().map(of).chain([either]));
            self.told.extend(&arm.otherwise);
            self.learn(&arm.otherwise);
            // What is left runs where no loop does.
            self.off_loop |= arm.otherwise.iter().any(|it| no_loop(it) == Some(true));
            if constant == Some(true) {
                // What the arm leaves is never gone on with.
                self.off_loop |= !flow::exits(&arm.body, &|_| false).falls;
                break;
            }
        }
        let ends = |it: &Node| matches!(it, Node::Call(_)) && self.project.is_the_end(self.file, it);
        let (falls, leaves) = goes_on(branch, &ends);
        if falls {
            (self.guards, self.off_loop) = (outer, off_loop);
            self.told.truncate(before);
            self.known.clear();
        }
        self.happens_once(branch.arms.iter().find_map(|arm| self.project.answers(self.function, arm)));
        // In Rust that is how errors are passed on.
        self.branches += u32::from(leaves && self.project.language(self.file) == Language::Python);
    }

    /// From here on, what is made is kept for the next time, perhaps; if so, whether for the whole program.
    fn happens_once(&mut self, kept: Option<bool>) {
        self.once |= kept.is_some();
        self.shared |= kept == Some(true);
    }

    /// What the arm's test comes to, where that is a constant: `const SYNC: bool = false;`, `from settings import DEBUG`.
    fn constant(&self, arm: &Arm) -> Option<bool> {
        let model = self.project.model(self.file);
        let is_rust = model.language == Language::Rust;
        let decided = |it: &Condition| match (it.test, model.value(it.value)) {
            (Test::Truth, Value::Bool(flag)) if is_rust => Some(*flag == it.holds),
            (Test::Truth, Value::Global(..) | Value::Path(_)) if is_rust => {
                match self.project.evaluate(self.file, it.value) {
                    Ty::Bool(flag) => Some(flag == it.holds),
                    _ => None,
                }
            }
            (Test::Truth | Test::Is(_) | Test::Equals(_), Value::Global(..) | Value::Path(_) | Value::Attr(..))
                if !is_rust =>
            {
                let truth = self.project.constant_tells(self.file, *it);
                let holds = truth.map(|it_is| it_is == it.holds);
                holds.or_else(|| self.project.holds_of_made(self.function, *it))
            }
            _ => None,
        };
        if arm.conditions.iter().any(|it| decided(it) == Some(false)) {
            return Some(false);
        }
        arm.otherwise.iter().any(|it| decided(it) == Some(false)).then_some(true)
    }

    /// The branch says in which of its arms there is a runtime: `if Handle::try_current().is_ok()`.
    pub(super) fn knows_runtime(&self, branch: &Branch) -> bool {
        let says = |it: &Condition| it.test == Test::Failed && self.project.says_no_loop(self.function, *it).is_some();
        branch.arms.iter().any(|arm| arm.conditions.iter().any(says))
    }

    fn is_asked_for_runtime(&self, test: &Block) -> bool {
        let asks = |node: &Node| matches!(node, Node::Call(id) if self.project.asks_for_runtime(self.file, *id));
        flow::find(test, &mut |node| asks(node)).is_some()
    }

    /// A place at which something is called that a method is handed, under what its object must be for that: `x.map(f)`,
    /// `x.unwrap_or_else(f)`. With elements it is a loop, else in a library a branch.
    pub(super) fn needing(&self, site: &Site, callee: ValueId, needs: Needs) -> Option<Site> {
        // What the user hands over is mostly meant to be called.
        let asked = u32::from(self.installed);
        let (test, holds) = match needs {
            Needs::Nothing => return None,
            Needs::Some => (Test::None, false),
            Needs::None => (Test::None, true),
            Needs::Truth | Needs::Elements => (Test::Truth, true),
            Needs::State => return Some(Site { branches: site.branches + asked, ..site.clone() }),
        };
        let Value::Attr(object, _) = *self.project.model(self.file).value(callee) else { return None };
        let condition = Condition { value: self.counted(object), test, holds };
        let guards = site.guards.clone().and_all([self.project.guard_of(self.function, condition)]);
        let branches = if needs == Needs::Elements { site.branches } else { site.branches + asked };
        Some(Site { guards, branches, ..site.clone() })
    }

    /// What stands in a `for` over nothing does not run: `for x in items`, `for _ in range(retries)`.
    pub(super) fn looped(&mut self, it: &Loop) {
        self.walk(&it.head);
        // Its body has run before, perhaps.
        self.known.clear();
        let outer = self.guards.clone();
        if let (LoopKind::For | LoopKind::Comprehension | LoopKind::Generator, Some(iterated)) = (it.kind, it.iterated)
        {
            let condition = Condition { value: self.counted(iterated), test: Test::Truth, holds: true };
            self.guards = outer.clone().and_all([self.project.guard_of(self.function, condition)]);
        }
        let said = it.conditions.iter().map(|it| self.project.guard_at_first(self.function, *it));
        self.guards = self.guards.clone().and_all(said);
        let asked = u32::from(it.kind == LoopKind::While);
        self.branches += asked;
        self.walk(&it.body);
        self.branches -= asked;
        self.guards = outer;
        self.known.clear();
        self.walk(&it.orelse);
        self.known.clear();
    }

    /// What a loop goes on as long as: the number that a `range` counts to, the parameter of `items or []` and of `list(items)`; else the
    /// value itself.
    fn counted(&self, iterated: ValueId) -> ValueId {
        let model = self.project.model(self.file);
        match model.value(iterated) {
            Value::Union(parts) => {
                let is_empty = |it: &ValueId| match model.value(*it) {
                    Value::Tuple(items) | Value::Collection(_, items) => items.is_empty(),
                    _ => false,
                };
                let mut filled = parts.iter().filter(|it| !is_empty(it));
                match (filled.next(), filled.next()) {
                    // A parameter, unless it is nothing.
                    (Some(one), None) => match model.value(*one) {
                        Value::Replaced(param, _) => *param,
                        _ => *one,
                    },
                    _ => iterated,
                }
            }
            Value::Result(id) => {
                let call = model.call(*id);
                match (model.value(call.callee), call.args.as_slice()) {
                    // `items.iter()`, `x.as_ref()`
                    (Value::Attr(..), []) => match without_adaptors(model, iterated) {
                        it if it == iterated => it,
                        inner => self.counted(inner),
                    },
                    (Value::Path(path), [of]) if path.segments.last().is_some_and(|it| model.name(*it) == "range") => {
                        of.value
                    }
                    (Value::Path(path), [of]) if !of.spread && keeps_length(path, model) => self.counted(of.value),
                    _ => iterated,
                }
            }
            _ => iterated,
        }
    }

    pub(super) fn tried(&mut self, it: &Try) {
        let project = self.project;
        let polls = it.handlers.iter().any(|handler| {
            handler.catches.iter().any(|class| {
                let ty = project.evaluate(self.file, *class);
                let parts = match &ty {
                    Ty::Tuple(parts) => parts.iter().collect(),
                    one => vec![one],
                };
                parts.iter().any(|it| matches!(it, Ty::External(path) if &**path == "builtins.BlockingIOError"))
            })
        });
        let falls_back = it.handlers.iter().any(|handler| {
            handler.catches.iter().any(|class| {
                matches!(project.evaluate(self.file, *class), Ty::External(path) if &*path == "builtins.RuntimeError")
            })
        });
        let before = self.sites.len();
        self.polls += u32::from(polls);
        self.walk(&it.body);
        self.known.clear();
        self.polls -= u32::from(polls);
        // `try: asyncio.run(..)` / `except RuntimeError:` is how some ask whether a loop runs.
        if falls_back {
            let mut index = 0;
            self.sites.retain(|(_, runs)| {
                index += 1;
                index <= before || !matches!(runs, Runs::Library(_, Effect::StartsRuntime))
            });
        }
        // Where no loop runs, `get_running_loop` fails: its handler is not on one.
        let asks = flow::find(
            &it.body,
            &mut |node| matches!(node, Node::Call(id) if project.api_of(self.file, *id).is_some_and(asks_for_loop)),
        );
        if asks.is_none() {
            self.branches += 1;
            for handler in &it.handlers {
                if !self.tells_what_is_missing(handler) {
                    let (once, shared) = (self.once, self.shared);
                    self.happens_once(project.fills_what_is_missing(self.function, &it.body, handler));
                    self.walk(&handler.body);
                    (self.once, self.shared) = (once, shared);
                    self.known.clear();
                }
            }
            self.branches -= 1;
        }
        self.walk(&it.orelse);
        self.walk(&it.finally);
        self.known.clear();
    }

    /// A module cannot be imported, and what is done before that is raised again only explains it: nothing goes on after it.
    fn tells_what_is_missing(&self, handler: &Handler) -> bool {
        let is_import_error = |class: &ValueId| {
            let ty = self.project.evaluate(self.file, *class);
            matches!(ty, Ty::External(path) if matches!(&*path, "builtins.ImportError" | "builtins.ModuleNotFoundError"))
        };
        !handler.catches.is_empty()
            && handler.catches.iter().all(is_import_error)
            && !flow::exits(&handler.body, &|_| false).survives()
    }
}

/// Rust: `items` of `items.iter().enumerate()`: what has elements as soon as the other has, and never fewer.
pub(super) fn without_adaptors(model: &FileModel, value: ValueId) -> ValueId {
    let Value::Result(id) = model.value(value) else { return value };
    let call = model.call(*id);
    match model.value(call.callee) {
        Value::Attr(of, name) if call.args.is_empty() && keeps_nothing(model, *name) => without_adaptors(model, *of),
        _ => value,
    }
}

/// Rust: what the method makes of nothing is nothing, and of something something: of `None`, or of what has no elements.
fn keeps_nothing(model: &FileModel, method: NameId) -> bool {
    model.language == Language::Rust
        && matches!(
            model.name(method),
            "as_bytes"
                | "as_deref"
                | "as_deref_mut"
                | "as_mut"
                | "as_ref"
                | "as_slice"
                | "as_str"
                | "bytes"
                | "chars"
                | "clone"
                | "cloned"
                | "copied"
                | "enumerate"
                | "into_iter"
                | "into_keys"
                | "into_values"
                | "iter"
                | "iter_mut"
                | "keys"
                | "lines"
                | "par_iter"
                | "peekable"
                | "rev"
                | "take"
                | "to_owned"
                | "to_vec"
                | "values"
                | "values_mut"
        )
}

/// What it makes of nothing is nothing: `list(items)`.
fn keeps_length(path: &Path, model: &FileModel) -> bool {
    let name = path.segments.last().map_or("", |it| model.name(*it));
    matches!(name, "list" | "tuple" | "set" | "sorted" | "reversed" | "enumerate" | "iter")
}
