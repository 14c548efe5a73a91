//! Waits that are over when they begin: what a call waits for has happened before, as the code around it shows.

use crate::finding::FileId;
use crate::model::flow::{self, Step};
use crate::model::{
    Arg, Call, CallId, Condition, FunctionId, Loop, LoopKind, Node, Taken, Test, UNKNOWN, Use, Value, ValueId,
};
use crate::source::{Language, Span};

use super::Project;
use super::forks::without_adaptors;
use super::types::Ty;

/// What is awaited until a socket can be used without waiting.
const WAITS_TO_BE_READY: &[&str] = &["wait_readable", "wait_writable", "wait_socket_readable", "wait_socket_writable"];

impl Project {
    /// The receiver was made in the same function, and this is the first time that this is asked of it.
    pub(super) fn is_new(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, name) = model.value(call.callee) else { return false };
        let Value::Result(made) = model.value(*receiver) else { return false };
        let asked_before = |other: &Call| {
            other.function == call.function
                && other.span.start < call.span.start
                && matches!(model.value(other.callee), Value::Attr(it, asked) if it == receiver && asked == name)
        };
        model.call(*made).function == call.function
            && matches!(self.evaluate(file, model.call(*made).callee), Ty::External(_))
            && !model.calls_in(call.function).any(asked_before)
    }

    /// The receiver is one of a pair that the same function has made, and the other has been used: both ends are in its hands.
    pub(super) fn is_paired(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
        let Value::Item(pair, _) = model.value(*receiver) else { return false };
        let Value::Result(made) = model.value(*pair) else { return false };
        if self.is_connected(file, model.call(*made)) {
            let made = model.call(*made).span.end;
            let mine = model.calls_in(call.function);
            return mine.any(|other| made <= other.span.start && is_awaited_ahead(other, call));
        }
        let is_other =
            |value: ValueId| value != *receiver && matches!(model.value(value), Value::Item(it, _) if it == pair);
        let uses_other = |other: &Call| {
            other.function == call.function
                && other.span.end <= call.span.start
                && (other.args.iter().any(|arg| is_other(arg.value))
                    || matches!(model.value(other.callee), Value::Attr(it, _) if is_other(*it)))
        };
        model.call(*made).function == call.function
            && self.api_of(file, *made).is_some_and(|api| api.last_name() == "socketpair")
            && model.calls_in(call.function).any(uses_other)
    }

    /// The receiver is the sending end of a channel that has room for all that the code sends through it: each once, or one for each
    /// turn of a loop that goes as often as there is room.
    pub(super) fn has_room(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(sender, _) = model.value(call.callee) else { return false };
        let Value::Item(pair, 0) = model.value(*sender) else { return false };
        let Value::Result(made) = model.value(*pair) else { return false };
        let made = model.call(*made);
        let Some(room) = made.args.first().map(|it| it.value).filter(|it| *it != UNKNOWN) else { return false };
        let is_of_it = |other: &Call| matches!(model.value(other.callee), Value::Attr(it, _) if it == sender);
        let is_handed_on = |other: &Call| other.args.iter().any(|arg| arg.value == *sender);
        let mut loops = Vec::new();
        let mut function = call.function;
        loop {
            flow::visit(&model.function(function).body, &mut |node| {
                if let Node::Loop(it) = node
                    && it.span.contains(call.span)
                    && !it.span.contains(made.span)
                {
                    loops.push(it);
                }
                Step::Into
            });
            match model.function(function).parent {
                Some(parent) if function != made.function => function = parent,
                _ => break,
            }
        }
        let sends = model.all_calls().filter(|(_, other)| is_of_it(other)).count();
        let is_enough = match (loops.as_slice(), model.value(room)) {
            ([], Value::Int(room)) => i64::try_from(sends).is_ok_and(|sends| sends <= *room),
            ([turns], _) => sends == 1 && call.function == made.function && self.goes_at_most(file, turns, room),
            _ => false,
        };
        is_enough && !model.all_calls().any(|(_, other)| is_handed_on(other))
    }

    /// Rust: the loop has no more turns than that: `for i in 0..room`, `for x in &all` where the number is `all.len()`.
    fn goes_at_most(&self, file: FileId, turns: &Loop, number: ValueId) -> bool {
        let model = self.model(file);
        if turns.kind != LoopKind::For || model.language != Language::Rust {
            return false;
        }
        let is_number = |it: ValueId| {
            it == number
                || matches!((model.value(it), model.value(number)), (Value::Int(one), Value::Int(other)) if one == other)
        };
        let counts_to = |it: &Condition| it.test == Test::Truth && it.holds && is_number(it.value);
        let length_of = match model.value(number) {
            Value::Result(id) => match *model.value(model.call(*id).callee) {
                Value::Attr(all, name) if model.name(name) == "len" => Some(all),
                _ => None,
            },
            _ => None,
        };
        turns.conditions.iter().any(counts_to)
            || turns.iterated.is_some_and(|it| length_of == Some(without_adaptors(model, it)))
    }

    /// The receiver is the receiving end of a channel. The function itself sends into it, or whatever was given the sending
    /// end has run to its end: what is to come is there.
    pub(super) fn was_sent(&self, file: FileId, call: &Call) -> bool {
        match self.model(file).value(call.callee) {
            Value::Attr(receiver, _) => self.was_sent_to(file, *receiver, call),
            _ => false,
        }
    }

    /// Rust: a place goes through all that comes out of a channel, `for x in receiver`, and nobody is left who could send: what is there is all.
    pub(super) fn is_closed(&self, file: FileId, receiver: ValueId, function: FunctionId, span: Span) -> bool {
        let model = self.model(file);
        let receiver = match model.value(receiver) {
            // `receiver.into_iter()`
            Value::Result(id) => match model.value(model.call(*id).callee) {
                Value::Attr(receiver, name) if matches!(model.name(*name), "iter" | "into_iter") => *receiver,
                _ => return false,
            },
            _ => receiver,
        };
        let Value::Item(pair, 1) = *model.value(receiver) else { return false };
        let is_sender = |value: ValueId| self.is_sender(file, value, pair, 0);
        let at = Call {
            function,
            callee: UNKNOWN,
            span,
            name_span: span,
            args: Vec::new(),
            result: Use::Consumed,
            awaited: false,
            taken: Taken::default(),
        };
        let is_let_go = |other: &Call| {
            other.span.end <= span.start
                && match model.callee_name(other).map_or("", |it| model.name(it)) {
                    "drop" => other.args.iter().any(|arg| is_sender(arg.value)),
                    // It has gone where it was used, and that is over.
                    _ => {
                        other.function != function
                            && matches!(model.value(other.callee), Value::Attr(it, _) if is_sender(*it))
                    }
                }
        };
        model.all_calls().any(|(_, other)| is_let_go(other)) && self.was_sent_to(file, receiver, &at)
    }

    /// The same of what `receiver` receives, at the place of a call.
    fn was_sent_to(&self, file: FileId, receiver: ValueId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Item(pair, 1) = model.value(receiver) else { return false };
        let is_sender = |value: ValueId| self.is_sender(file, value, *pair, 0);
        let (mut holders, mut sends) = (Vec::new(), false);
        for (id, other) in model.all_calls() {
            let name = model.callee_name(other).map_or("", |it| model.name(it));
            // `Arc::new(Mutex::new(sender))` is as good as that.
            let given = !matches!(name, "drop" | "new" | "clone") && other.args.iter().any(|arg| is_sender(arg.value));
            let asked =
                name != "clone" && matches!(model.value(other.callee), Value::Attr(sender, _) if is_sender(*sender));
            if !given && !asked {
                continue;
            }
            sends = true;
            if other.function != call.function {
                holders.push(other.function);
            } else if other.span.end > call.span.start
                || given && !other.awaited && !self.is_awaited_later(file, id, call)
            {
                return false;
            }
        }
        let keeps = |node: &Node| matches!(node, Node::Bind { value, .. } if is_sender(*value));
        for function in model.function_ids().filter(|it| *it != call.function) {
            let made_here = matches!(model.value(*pair), Value::Result(made) if model.call(*made).function == function);
            if !made_here && flow::find(&model.function(function).body, &mut |node| keeps(node)).is_some() {
                holders.push(function);
            }
        }
        (sends || !holders.is_empty())
            && holders.iter().all(|holder| {
                self.is_awaited_before(file, *holder, call) || self.is_earlier_in_chain(file, *holder, call.function)
            })
    }

    /// The sending end of the pair, a copy of it, or what it was put into: `Arc::new(Mutex::new(sender))`, `sender.lock().unwrap()`.
    fn is_sender(&self, file: FileId, value: ValueId, pair: ValueId, depth: u32) -> bool {
        let model = self.model(file);
        match model.value(value) {
            Value::Item(of, 0) => *of == pair,
            Value::Result(id) if depth < 6 => {
                let call = model.call(*id);
                let inner = match (model.callee_name(call).map_or("", |it| model.name(it)), model.value(call.callee)) {
                    ("clone" | "lock" | "unwrap" | "expect", Value::Attr(inner, _)) => *inner,
                    ("new" | "clone", _) => call.args.first().map_or(UNKNOWN, |arg| arg.value),
                    _ => return false,
                };
                self.is_sender(file, inner, pair, depth + 1)
            }
            _ => false,
        }
    }

    /// What `inner` is a part of was given to a call around, and that is awaited before this call.
    fn is_awaited_before(&self, file: FileId, inner: FunctionId, call: &Call) -> bool {
        let model = self.model(file);
        let is_around = |function: FunctionId| self.is_inside(file, call.function, function);
        let mut parts = std::iter::successors(Some(inner), |it| model.function(*it).parent);
        let Some(given) = parts.find(|it| model.function(*it).parent.is_some_and(is_around)) else { return false };
        self.given_to(file, given).any(|id| {
            let other = model.call(id);
            is_awaited_ahead(other, call) || is_around(other.function) && self.is_awaited_later(file, id, call)
        })
    }

    /// The calls that are given a function.
    fn given_to(&self, file: FileId, function: FunctionId) -> impl Iterator<Item = CallId> {
        let model = self.model(file);
        let is_it = move |arg: &Arg| *model.value(arg.value) == Value::Function(function);
        model.all_calls().filter(move |(_, call)| call.args.iter().any(is_it)).map(|(id, _)| id)
    }

    /// What the call has given is awaited or joined before the other call, or something that it is given to or that is asked of it.
    fn is_awaited_later(&self, file: FileId, id: CallId, before: &Call) -> bool {
        let model = self.model(file);
        let is_it = |value: ValueId| *model.value(value) == Value::Result(id);
        // A thread.
        let is_joined_ahead = |other: &Call| {
            self.is_inside(file, other.function, before.function)
                && other.span.end <= before.span.start
                && model.callee_name(other).is_some_and(|it| model.name(it) == "join")
        };
        let awaits =
            |node: &Node| matches!(node, Node::Await(it) if it.span.end <= before.span.start && is_it(it.value));
        flow::find(&model.function(before.function).body, &mut |node| awaits(node)).is_some()
            || model.calls_in(before.function).any(|other| {
                (is_awaited_ahead(other, before) || is_joined_ahead(other))
                    && (other.args.iter().any(|arg| is_it(arg.value))
                        || matches!(model.value(other.callee), Value::Attr(receiver, _) if is_it(*receiver)))
            })
    }

    /// Both functions are steps of one chain, and this one the earlier: `future.map_ok(first).map(second)`.
    fn is_earlier_in_chain(&self, file: FileId, first: FunctionId, second: FunctionId) -> bool {
        let model = self.model(file);
        let earlier: Vec<CallId> = self.given_to(file, first).collect();
        self.given_to(file, second).any(|id| {
            let receiver = |id: &CallId| match model.value(model.call(*id).callee) {
                Value::Attr(receiver, _) => match model.value(*receiver) {
                    Value::Result(made) => Some(*made),
                    _ => None,
                },
                _ => None,
            };
            std::iter::successors(receiver(&id), receiver).any(|it| earlier.contains(&it))
        })
    }

    /// The receiver listens, and the function has awaited something that connects: `connect(address).await`.
    pub(super) fn is_connected(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, method) = model.value(call.callee) else { return false };
        // One that is kept somewhere may be for others.
        let is_here = matches!(model.value(*receiver), Value::Result(_) | Value::Item(..) | Value::Entered(..));
        if !is_here || model.name(*method) != "accept" {
            return false;
        }
        model.calls_in(call.function).any(|other| {
            let written = self.source(file).slice(other.name_span);
            let name = written.rsplit(['.', ':']).next().unwrap_or_default();
            is_awaited_ahead(other, call) && (name.contains("connect") || name.starts_with("open_"))
        })
    }

    /// The loop has waited for the receiver, or for all that it is one of: `await asyncio.wrap_future(future)`.
    pub(super) fn is_wrapped(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let is_wrapper = |value: ValueId| match model.value(value) {
            Value::Path(path) => path.segments.last().is_some_and(|it| model.name(*it) == "wrap_future"),
            Value::Attr(_, name) | Value::Global(_, name) => model.name(*name) == "wrap_future",
            _ => false,
        };
        model.calls_in(call.function).any(|other| {
            other.function == call.function
                && other.span.end <= call.span.start
                && (is_wrapper(other.callee) || other.args.iter().any(|arg| is_wrapper(arg.value)))
        })
    }

    /// The function has given the receiver its result before.
    pub(super) fn is_settled(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = *model.value(call.callee) else { return false };
        let settles = |other: &Call| {
            other.function == call.function
                && other.span.end <= call.span.start
                && matches!(model.value(other.callee), Value::Attr(it, name)
                    if *it == receiver && matches!(model.name(*name), "set_result" | "set_exception"))
        };
        model.calls_in(call.function).any(settles)
    }

    /// The loop watches what is asked, or an argument: `loop.add_reader(self.file, self.read_ready)`. An attribute may be asked by any method of
    /// the class; what else it is, by the callback itself, or here once something has been awaited.
    pub(super) fn is_watched(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let class = model.function(call.function).class;
        let receiver = match model.value(call.callee) {
            Value::Attr(receiver, _) => Some(*receiver),
            _ => None,
        };
        let asked: Vec<ValueId> = receiver.into_iter().chain(call.args.iter().map(|arg| arg.value)).collect();
        let watches = |other: &Call| {
            let Some(watched) = other.args.first().map(|arg| self.behind_number(file, arg.value)) else { return false };
            let name_of = |value: ValueId| match model.value(value) {
                Value::Attr(_, name) => Some(*name),
                _ => None,
            };
            if let Some(name) = name_of(watched) {
                let is_of_class = class.is_some() && model.function(other.function).class == class;
                return is_of_class && asked.iter().any(|it| name_of(*it) == Some(name));
            }
            let given = other.args.get(1).is_some_and(|it| *model.value(it.value) == Value::Function(call.function));
            // The callback may be given what is watched.
            let callback = model.function(call.function);
            let is_given = |value: ValueId| {
                let at = callback.param_of(value).filter(|_| given);
                let argument = at.and_then(|at| other.args.get(2 + at));
                argument.is_some_and(|it| self.behind_number(file, it.value) == watched)
            };
            let is_it = |value: ValueId| match model.value(value) {
                _ if is_given(value) => true,
                Value::Result(_) | Value::Item(..) | Value::Entered(..) | Value::Param(..) => {
                    value == watched && (given || self.awaits_between(file, other, call))
                }
                _ => false,
            };
            asked.iter().any(|it| is_it(*it))
        };
        model.all_calls().any(|(_, other)| {
            model.callee_name(other).is_some_and(|it| matches!(model.name(it), "add_reader" | "add_writer"))
                && watches(other)
        })
    }

    /// `pipe` of `pipe.fileno()`.
    fn behind_number(&self, file: FileId, value: ValueId) -> ValueId {
        let model = self.model(file);
        match model.value(value) {
            Value::Result(id) => match model.value(model.call(*id).callee) {
                Value::Attr(of, asked) if model.name(*asked) == "fileno" => *of,
                _ => value,
            },
            _ => value,
        }
    }

    /// The function that makes both calls awaits something after the first and before the second.
    fn awaits_between(&self, file: FileId, first: &Call, second: &Call) -> bool {
        let awaits = |node: &Node| matches!(node, Node::Await(it) if it.span.start >= first.span.end && it.span.end <= second.span.start);
        first.function == second.function
            && flow::find(&self.model(file).function(second.function).body, &mut |node| awaits(node)).is_some()
    }

    /// The same function first waits until the receiver is ready: `await wait_readable(sock)`, `await ended(process.sentinel)`.
    pub(super) fn is_told_ready(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
        // A parameter has no name in the model but that under which it is called.
        let written = |call: &Call| self.source(file).slice(call.name_span);
        let name_of = |call: &Call| written(call).rsplit('.').next().unwrap_or_default();
        // What a process of `multiprocessing` gives for waiting: it is ready when the process has ended.
        let is_sentinel = |value: ValueId| matches!(model.value(value), Value::Attr(it, name) if it == receiver && model.name(*name) == "sentinel");
        model.calls_in(call.function).any(|other| {
            let is_ready = |arg: &Arg| arg.value == *receiver && WAITS_TO_BE_READY.contains(&name_of(other));
            is_awaited_ahead(other, call) && other.args.iter().any(|arg| is_sentinel(arg.value) || is_ready(arg))
        })
    }

    /// A loop before it goes on for as long as the receiver lives: `while thread.is_alive()`, `while process.poll() is None`. A
    /// method `poll` of the object that has the receiver asks for it: `while await self.poll() is None`. In Rust also a branch:
    /// `if thread.is_finished()`.
    pub(super) fn is_polled_to_its_end(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
        let holder = match model.value(*receiver) {
            Value::Attr(holder, _) => Some(*holder),
            _ => None,
        };
        let asks = |node: &Node| match node {
            Node::Call(id) => matches!(model.value(model.call(*id).callee), Value::Attr(it, name)
            if match model.name(*name) {
                "is_alive" | "is_finished" => it == receiver,
                "poll" => it == receiver || Some(*it) == holder,
                _ => false,
            }),
            _ => false,
        };
        let polls = |node: &Node| match node {
            Node::Loop(it) => it.span.end <= call.span.start && flow::find(&it.head, &mut |node| asks(node)).is_some(),
            Node::Branch(it) => it.arms.iter().any(|arm| {
                let is_it = |node: &Node| matches!(node, Node::Call(id) if std::ptr::eq(model.call(*id), call));
                flow::find(&arm.test, &mut |node| self.says_finished(file, node, *receiver)).is_some()
                    && flow::find(&arm.body, &mut |node| is_it(node)).is_some()
            }),
            _ => false,
        };
        flow::find(&model.function(call.function).body, &mut |node| polls(node)).is_some()
    }
}

impl Project {
    /// Rust: `thread.is_finished()`, of the receiver or of what it is taken out of: `threads[0].is_finished()`, `threads.remove(0)`.
    fn says_finished(&self, file: FileId, node: &Node, receiver: ValueId) -> bool {
        let model = self.model(file);
        let Node::Call(id) = node else { return false };
        let asked = model.call(*id);
        let Value::Attr(of, name) = *model.value(asked.callee) else { return false };
        if model.name(name) != "is_finished" || self.source(file).text[..asked.span.start as usize].ends_with('!') {
            return false;
        }
        let taken_of = match model.value(receiver) {
            Value::Result(taken) => match model.value(model.call(*taken).callee) {
                Value::Attr(all, name) if matches!(model.name(*name), "remove" | "swap_remove") => Some(*all),
                _ => None,
            },
            _ => None,
        };
        of == receiver || matches!(model.value(of), Value::Index(all) if Some(*all) == taken_of)
    }
}

/// The function that makes a call awaits this one before it.
fn is_awaited_ahead(other: &Call, call: &Call) -> bool {
    other.function == call.function && other.awaited && other.span.end <= call.span.start
}
