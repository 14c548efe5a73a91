//! Code that first finds out where it runs: on a loop or not, in which thread.

use crate::finding::FileId;
use crate::knowledge::{Api, Effect};
use crate::model::{Block, CallId, Condition, Handler, Node, Scope, Test, UNKNOWN, Use, Value, ValueId, flow};
use crate::source::Language;

use super::Project;
use super::calls::Callee;
use super::trace::Question;
use super::types::{FnRef, Ty};

/// What finds out whether something can be awaited.
const ASKS: &[&str] = &["iscoroutine", "isawaitable", "iscoroutinefunction"];

impl Project {
    /// The function finds out whether a loop runs before it does one thing or the other.
    pub fn asks_for_loop(&self, function: FnRef) -> bool {
        self.asks_by_itself(function)
            || self.calls_any(function, &|call| {
                self.own_of(function.file, call).is_some_and(|it| self.tells_of_loop(it) || self.refuses_loop(it))
            })
    }

    /// A helper that asks for the running loop, raises if there is one, and does nothing else that matters.
    fn refuses_loop(&self, helper: FnRef) -> bool {
        self.looks_into(helper.file);
        let definition = self.function(helper);
        let tells = |call| self.own_of(helper.file, call).is_some_and(|it| self.tells_of_loop(it));
        let starts = |call| self.api_of(helper.file, call).is_some_and(|api| api.effect == Some(Effect::StartsRuntime));
        !definition.kind.is_async()
            && definition.returned.is_empty()
            && flow::find(&definition.body, &mut |node| matches!(node, Node::Raise(_))).is_some()
            && (self.asks_by_itself(helper) || self.calls_any(helper, &tells))
            && !self.calls_any(helper, &starts)
    }

    /// The call is of a helper that only comes back where no loop runs: it asks for the running one, and raises if that is there.
    pub(super) fn comes_back_without_loop(&self, file: FileId, id: CallId) -> bool {
        let model = self.model(file);
        if model.language != Language::Python || model.call(id).result != Use::Dropped {
            return false;
        }
        self.own_of(file, id).is_some_and(|it| self.refuses_to_return_on_loop(it))
    }

    /// It asks for the running loop, and raises if that is there.
    pub(super) fn refuses_to_return_on_loop(&self, helper: FnRef) -> bool {
        !self.is_async(helper) && self.answered(Question::RefusesLoop, helper, || self.raises_on_loop(helper))
    }

    fn raises_on_loop(&self, helper: FnRef) -> bool {
        self.looks_into(helper.file);
        if self.model(helper.file).names.find("get_running_loop").is_none() {
            return false;
        }
        let asks = |node: &Node| matches!(node, Node::Call(id) if self.api_of(helper.file, *id).is_some_and(|it| it.last_name() == "get_running_loop"));
        let raises = |nodes: &[Node]| nodes.iter().any(|it| matches!(it, Node::Raise(_)));
        let nodes = &self.function(helper).body.nodes;
        nodes.iter().enumerate().any(|(index, node)| match node {
            // `try: get_running_loop()` / `except RuntimeError: return`
            Node::Try(it) => {
                let returns = |it: &Handler| matches!(it.body.nodes.last(), Some(Node::Return { .. }));
                let handlers = || it.handlers.iter();
                !it.handlers.is_empty()
                    && flow::find(&it.body, &mut |node| asks(node)).is_some()
                    && !handlers().any(|it| raises(&it.body.nodes))
                    && (raises(&it.orelse.nodes) || handlers().all(returns) && raises(&nodes[index + 1..]))
            }
            // `if in_loop(): raise RuntimeError(..)`
            Node::Branch(it) => it.arms.iter().any(|arm| {
                let in_loop = |it: &Condition| self.says_no_loop(helper, *it) == Some(false);
                raises(&arm.body.nodes) && arm.conditions.iter().any(in_loop)
            }),
            _ => false,
        })
    }

    /// The call runs to its end what a function gave of which nothing is known, if that is a coroutine: the code has asked.
    /// Who set the function decides, and knows where it is called.
    pub(super) fn runs_what_may_come(&self, file: FileId, call: CallId) -> bool {
        let model = self.model(file);
        let run = model.call(call);
        let Some(Value::Result(gave)) = run.args.first().map(|it| model.value(it.value)) else { return false };
        let made = model.call(*gave);
        // What a parameter is, the caller knows.
        let is_parameter = matches!(model.value(made.callee), Value::Param(..))
            || model.function(run.function).params.iter().any(|it| it.value == made.callee);
        let is_known = self.callees(file, *gave).iter().any(|it| *it != Callee::Unknown);
        if is_parameter || is_known || made.callee == UNKNOWN {
            return false;
        }
        let asks = |node: &Node| {
            let Node::Call(id) = node else { return false };
            self.asked_for_async(file, *id).is_some_and(|it| it == run.args[0].value || it == made.callee)
        };
        flow::find(&model.function(run.function).body, &mut |node| asks(node)).is_some()
    }

    /// The call asks whether something is async, or is a coroutine: what it asks of.
    pub fn asked_for_async(&self, file: FileId, call: CallId) -> Option<ValueId> {
        let asking = self.model(file).call(call);
        let asked = asking.args.first()?.value;
        is_called_one_of(&self.evaluate(file, asking.callee), ASKS).then_some(asked)
    }

    fn asks_by_itself(&self, function: FnRef) -> bool {
        let file = function.file;
        let model = self.model(file);
        let asks = |node: &Node| {
            let Node::Call(id) = node else { return false };
            let api = self.api_of(file, *id);
            api.is_some_and(asks_for_loop)
        };
        flow::find(&model.function(function.function).body, &mut |node| match node {
            Node::Call(id) => {
                let call = model.call(*id);
                matches!(model.value(call.callee), Value::Attr(_, name) if model.name(*name) == "is_running")
                    || self.gives_loop_if_any(file, *id)
            }
            Node::Try(it) => !it.handlers.is_empty() && flow::find(&it.body, &mut |node| asks(node)).is_some(),
            Node::Scope(it) => self.suppresses(file, it) && flow::find(&it.body, &mut |node| asks(node)).is_some(),
            _ => false,
        })
        .is_some()
    }

    /// `with contextlib.suppress(..)`
    fn suppresses(&self, file: FileId, scope: &Scope) -> bool {
        scope.items.iter().any(|item| {
            matches!(self.model(file).value(item.value), Value::Result(call)
                if self.api_of(file, *call).is_some_and(|api| api.path == "contextlib.suppress"))
        })
    }

    /// Where the condition holds, no loop runs in this thread (`Some(true)`), or one does; `None`: it says nothing of that.
    pub(super) fn says_no_loop(&self, function: FnRef, condition: Condition) -> Option<bool> {
        let model = self.model(function.file);
        if let Test::Equals(literal) = condition.test {
            let is_child = *model.value(literal) == Value::Int(0) && self.is_forked(function.file, condition.value);
            return is_child.then_some(condition.holds);
        }
        if condition.test == Test::Failed {
            let is_asked =
                matches!(model.value(condition.value), Value::Result(id) if self.asks_for_runtime(function.file, *id));
            return is_asked.then_some(condition.holds);
        }
        let asks = match model.value(condition.value) {
            // `try: loop = get_running_loop()` / `except RuntimeError: loop = None`
            Value::Union(_) if condition.test == Test::None || condition.test == Test::Truth => {
                self.asks_or_answers(function.file, condition.value, 0) == Some(true)
            }
            Value::Result(call) => {
                let callee = model.value(model.call(*call).callee);
                matches!(callee, Value::Attr(_, name) if model.name(*name) == "is_running")
                    || self.gives_loop_if_any(function.file, *call)
                    || self.own_of(function.file, *call).is_some_and(|it| self.tells_of_loop(it))
            }
            // A property that asks.
            Value::Attr(receiver, name)
                if condition.test == Test::Truth
                    && self
                        .property(&self.evaluate(function.file, *receiver), model.name(*name))
                        .is_some_and(|it| self.asks_by_itself(it)) =>
            {
                true
            }
            // `self.loop = running_loop()`, a few lines above.
            Value::Attr(_, name) if !["loop", "async"].iter().any(|it| model.name(*name).contains(it)) => false,
            Value::Attr(receiver, name)
                if self
                    .property(&self.evaluate(function.file, *receiver), model.name(*name))
                    .is_some_and(|it| self.tells_of_loop(it)) =>
            {
                true
            }
            Value::Attr(..) => {
                self.calls_any(function, &|call| {
                    model.call(call).result == Use::Stored
                        && self.own_of(function.file, call).is_some_and(|it| self.tells_of_loop(it))
                }) && self
                    .evaluate(function.file, condition.value)
                    .library_path()
                    .is_some_and(|path| path.starts_with("asyncio.") && path.ends_with("EventLoop"))
            }
            _ => false,
        };
        let there = match condition.test {
            Test::Truth => condition.holds,
            Test::Is(flag) => condition.holds == flag,
            Test::None => !condition.holds,
            _ => return None,
        };
        asks.then_some(!there)
    }

    /// The value is what one of several ways has found out of the loop: by asking, or (`false`) as it is written down there,
    /// `backend = "asyncio"`.
    fn asks_or_answers(&self, file: FileId, value: ValueId, depth: u32) -> Option<bool> {
        match self.model(file).value(value) {
            Value::None | Value::Str(_) => Some(false),
            Value::Result(call) => {
                let helper = || self.own_of(file, *call).is_some_and(|it| self.tells_of_loop(it));
                (self.gives_running_loop(file, *call) || helper()).then_some(true)
            }
            Value::Replaced(param, _) => self.asks_or_answers(file, *param, depth),
            Value::Union(parts) if depth < 4 => {
                let each = parts.iter().map(|it| self.asks_or_answers(file, *it, depth + 1));
                Some(each.collect::<Option<Vec<bool>>>()?.contains(&true))
            }
            _ => None,
        }
    }

    /// `asyncio._get_running_loop()`: the loop, or `None`.
    fn gives_loop_if_any(&self, file: FileId, call: CallId) -> bool {
        let model = self.model(file);
        let call = model.call(call);
        model.callee_name(call).is_some_and(|it| model.name(it) == "_get_running_loop")
            && is_called_one_of(&self.evaluate(file, call.callee), &["_get_running_loop"])
    }

    fn gives_running_loop(&self, file: FileId, call: CallId) -> bool {
        self.api_of(file, call).is_some_and(|api| api.path == "asyncio.get_running_loop")
    }

    /// What a fork gives is 0 in the child, of whose threads only this one is left, on its way to another program.
    fn is_forked(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let forks = |value: ValueId| match model.value(value) {
            Value::Result(call) => {
                let callee = self.evaluate(file, model.call(*call).callee);
                matches!(callee, Ty::External(path) if matches!(&*path, "os.fork" | "os.forkpty" | "pty.fork"))
            }
            _ => false,
        };
        match model.value(value) {
            Value::Item(pair, 0) => forks(*pair),
            _ => forks(value),
        }
    }

    /// `os.kill(os.getpid(), signal.SIGKILL)`: the program ends itself.
    pub(super) fn ends_this_process(&self, file: FileId, id: CallId) -> bool {
        /// Those that a program sends itself to be told something.
        const TELLS: &[&str] = &["SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"];
        let model = self.model(file);
        let call = model.call(id);
        let named = |name: &str| model.callee_name(call).is_some_and(|it| model.name(it) == name);
        let [process, signal] = call.args.as_slice() else { return false };
        let is = |value: ValueId, path: &str| matches!(self.evaluate(file, value), Ty::External(it) if &*it == path);
        let is_own = |value: ValueId| match model.value(value) {
            Value::Result(own) => is(model.call(*own).callee, "os.getpid"),
            _ => false,
        };
        named("kill")
            && is(call.callee, "os.kill")
            && is_own(process.value)
            && !is_called_one_of(&self.evaluate(file, signal.value), TELLS)
    }

    /// `with pytest.raises(..)`: a test expects what is inside to fail, or to be warned of.
    pub fn expects_failure(&self, file: FileId, scope: &Scope, warnings: bool) -> bool {
        const FAIL: &[&str] = &["assertRaises", "assertRaisesRegex", "raises"];
        const WARN: &[&str] = &["assertWarns", "assertWarnsRegex", "check_warnings", "deprecated_call", "warns"];
        let model = self.model(file);
        model.language == Language::Python
            && scope.items.iter().any(|item| {
                let Value::Result(call) = model.value(item.value) else { return false };
                let name = match model.value(model.call(*call).callee) {
                    Value::Attr(_, name) | Value::Global(_, name) => model.name(*name),
                    Value::Path(path) => path.segments.last().map_or("", |it| model.name(*it)),
                    _ => return false,
                };
                FAIL.contains(&name) || warnings && WARN.contains(&name)
            })
    }

    /// A helper that asks for the running loop, and says so by what it returns: the loop or nothing, yes or no.
    pub(super) fn tells_of_loop(&self, helper: FnRef) -> bool {
        self.answered(Question::TellsOfLoop, helper, || self.tells_of_loop_within(helper, 0))
    }

    fn tells_of_loop_within(&self, helper: FnRef, depth: u32) -> bool {
        self.looks_into(helper.file);
        let definition = self.function(helper);
        let starts = |call| self.api_of(helper.file, call).is_some_and(|api| api.effect == Some(Effect::StartsRuntime));
        let model = self.model(helper.file);
        // What another such helper answers is handed on.
        let hands_on = |value: &ValueId| match model.value(*value) {
            Value::Result(call) => {
                depth < 4
                    && self
                        .own_of(helper.file, *call)
                        .is_some_and(|it| it != helper && self.tells_of_loop_within(it, depth + 1))
            }
            _ => false,
        };
        // `called_from_running_loop`: the name says what it answers.
        let answers = model.name(definition.name).ends_with("running_loop")
            || definition.returned.iter().any(|value| match model.value(*value) {
                // `return loop is not None`
                Value::None | Value::Bool(_) | Value::Unknown => true,
                Value::Result(call) => matches!(self.evaluate(helper.file, model.call(*call).callee),
                    Ty::External(path) if &*path == "builtins.bool"),
                _ => false,
            });
        !definition.kind.is_async()
            && (answers && self.asks_by_itself(helper) || definition.returned.iter().any(hands_on))
            && !self.calls_any(helper, &starts)
    }

    fn calls_any(&self, function: FnRef, is: &dyn Fn(CallId) -> bool) -> bool {
        flow::find(&self.function(function).body, &mut |node| matches!(node, Node::Call(id) if is(*id))).is_some()
    }

    pub(super) fn asks_for_runtime(&self, file: FileId, id: CallId) -> bool {
        let model = self.model(file);
        model.language == Language::Rust
            && model.callee_name(model.call(id)).is_some_and(|it| model.name(it) == "try_current")
            && self.api_of(file, id).is_some_and(|api| api.last_name() == "try_current")
    }

    /// The test asks which thread this is: what it decides on is done in a thread of its own.
    pub(super) fn asks_for_thread(&self, file: FileId, test: &Block) -> bool {
        let model = self.model(file);
        let asks = |node: &Node| {
            let Node::Call(id) = node else { return false };
            let named = match model.value(model.call(*id).callee) {
                Value::Attr(_, name) => model.name(*name) == "get_ident",
                _ => false,
            };
            named
                || self.api_of(file, *id).is_some_and(|api| {
                    matches!(api.path, "threading.get_ident" | "threading.current_thread" | "threading.main_thread")
                })
        };
        flow::find(test, &mut |node| asks(node)).is_some()
    }
}

/// It fails where no loop runs.
pub(super) fn asks_for_loop(api: &Api) -> bool {
    matches!(api.last_name(), "get_running_loop" | "current_async_library")
}

/// The last part of a library's path is one of these.
fn is_called_one_of(ty: &Ty, names: &[&str]) -> bool {
    matches!(ty, Ty::External(path) if path.rsplit('.').next().is_some_and(|name| names.contains(&name)))
}
