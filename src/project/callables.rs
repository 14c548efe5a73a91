//! Functions that run what they are given: helpers that call a parameter, and what decorators are made of.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::finding::FileId;
use crate::knowledge::{Runner, Runs};
use crate::model::{CallId, Calls, FileModel, FunctionId, Param, ParamKind, TYPE_GIVEN, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::calls::Callee;
use super::trace::Question;
use super::types::{FnRef, Ty};

/// Which parameters the functions of one file call, by themselves or in functions nested in them.
#[derive(Default)]
pub(super) struct Callables {
    /// By the function that calls: whose parameter.
    called: FxHashMap<FunctionId, Vec<(FunctionId, u32)>>,
    /// By the function that hands it on: whose parameter, in which call, as which argument.
    handed: FxHashMap<FunctionId, Vec<(FunctionId, u32, CallId, usize)>>,
    /// Functions that are handed on where they are written: in which call, as which argument.
    closures: Vec<(FunctionId, CallId, usize)>,
}

/// Through more functions than that, nobody hands on what is to run in a thread.
const MOST_HANDED_ON: u32 = 4;

impl Callables {
    fn of(model: &FileModel, calls: Calls<'_>) -> Self {
        let mut found = Self::default();
        for (id, call) in calls.iter() {
            if let Some(called) = parameter(model, call.function, call.callee) {
                found.called.entry(call.function).or_default().push(called);
            }
            for (argument, arg) in call.args.iter().enumerate() {
                if let Value::Function(function) = model.value(arg.value) {
                    found.closures.push((*function, id, argument));
                } else if let Some((function, position)) = parameter(model, call.function, arg.value) {
                    let handed = (function, position, id, argument);
                    found.handed.entry(call.function).or_default().push(handed);
                }
            }
        }
        found
    }
}

/// The function whose parameter a value is, as a function or one inside it sees it, and which of the parameters. One may have an annotation
/// that does not tell what it is, `call: F` of a `TypeVar`: whoever asks finds that out.
fn parameter(model: &FileModel, from: FunctionId, value: ValueId) -> Option<(FunctionId, u32)> {
    match model.value(value) {
        Value::Param(function, position) => return Some((*function, *position)),
        Value::Instance { .. } | Value::Union(_) if model.language == Language::Python => {}
        _ => return None,
    }
    let mut at = Some(from);
    while let Some(function) = at {
        let declared = model.declaration(function);
        let is_it = |(_, it): &(usize, &Param)| it.value == value && it.kind != ParamKind::Receiver;
        let mut params = declared.params.iter().enumerate().filter(is_it);
        if let Some((position, _)) = params.next() {
            return params.next().is_none().then_some((function, position as u32));
        }
        at = declared.parent;
    }
    None
}

impl Project {
    /// Those of the function, and of others that were lowered with it.
    fn callables(&self, function: FnRef) -> &Callables {
        let model = self.model(function.file);
        let all = self.slot(function.file).callables.get_or_init(|| {
            let parts = model.parts_count();
            (0..=parts).map(|_| OnceLock::new()).collect()
        });
        let part = model.part_of_function(function.function).map_or(0, |part| part + 1);
        let has_untold = || {
            let params = &model.declaration(function.function).params;
            params
                .iter()
                .any(|it| !matches!(model.value(it.value), Value::Param(..)) && self.is_untold(function.file, it.value))
        };
        if self.noted && has_untold() {
            self.looks_into(function.file);
        }
        all[part].get_or_init(|| Callables::of(model, model.calls_in(function.function)))
    }

    /// The function whose parameter a value is, as a function or one inside it sees it, and which of the parameters, if nobody says what it is.
    pub(super) fn parameter_of(&self, from: FnRef, value: ValueId) -> Option<(FunctionId, u32)> {
        let found = parameter(self.model(from.file), from.function, value)?;
        self.is_untold(from.file, value).then_some(found)
    }

    /// Nobody says what it is, or it is `None` or something that nobody says.
    fn is_untold(&self, file: FileId, value: ValueId) -> bool {
        self.evaluate(file, value).is_unknown()
    }

    /// What a function inside another makes of a parameter of that: calls it, or hands it on (`false`), in a thread perhaps.
    pub(super) fn runs_given(&self, outer: FnRef, inner: FunctionId, given: (FunctionId, u32)) -> Option<bool> {
        let callables = self.callables(outer);
        let handed = callables.handed.get(&inner).into_iter().flatten().filter(|it| (it.0, it.1) == given);
        let mut offloads = handed.clone().map(|it| self.is_offloaded(outer.file, it.2, it.3));
        let calls = callables.called.get(&inner).is_some_and(|called| called.contains(&given));
        match (calls, handed.clone().next()) {
            (true, _) => Some(!offloads.any(|it| it)),
            (false, Some(_)) => Some(false),
            (false, None) => None,
        }
    }

    /// The positions, counted as in [`Function::params`](crate::model::Function), of parameters that the function calls
    /// before it returns, by itself or through functions it hands them to.
    pub fn called_parameters(&self, function: FnRef) -> Vec<u32> {
        let _outlines = self.of_outlines();
        if self.is_given_no_functions(function) {
            return Vec::new();
        }
        self.answered(Question::Calls, function, || self.parameters_called_in(function))
    }

    fn parameters_called_in(&self, function: FnRef) -> Vec<u32> {
        let callables = self.callables(function);
        let own = |owner: &FunctionId| *owner == function.function;
        let called = callables.called.get(&function.function).into_iter().flatten();
        let is_untold = |position: &u32| {
            let param = self.declared(function).params.get(*position as usize);
            param.is_some_and(|it| self.is_untold(function.file, it.value))
        };
        let mut positions: Vec<u32> = called.filter(|(owner, _)| own(owner)).map(|(_, position)| *position).collect();
        let handed = callables.handed.get(&function.function).into_iter().flatten();
        for (_, position, ..) in handed.filter(|(owner, ..)| own(owner)) {
            if !positions.contains(position)
                && is_untold(position)
                && self.is_called_in(function, *position, &mut Vec::new())
            {
                positions.push(*position);
            }
        }
        // Where some path hands it to a thread, whoever is on the loop goes that way.
        positions.retain(|position| is_untold(position) && !self.hands_off(function, *position, 0));
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// The argument of the call is a function that is run in a thread or process.
    fn is_offloaded(&self, file: FileId, call: CallId, argument: usize) -> bool {
        let is_it = |runs: &Runs| {
            matches!(runs.place, Runner::Thread | Runner::Process) && runs.position.map(usize::from) == Some(argument)
        };
        self.api_of(file, call).is_some_and(|api| api.runs.iter().any(is_it))
    }

    /// Rust: the argument of the call is a function that a library's runs before it gives anything: `entry.or_insert_with(make)`.
    fn is_run_inline(&self, file: FileId, call: CallId, argument: usize) -> bool {
        if self.language(file) != Language::Rust {
            return false;
        }
        let is_it = |runs: &Runs| runs.place == Runner::Inline && runs.position.map(usize::from) == Some(argument);
        self.api_of(file, call).is_some_and(|api| !api.gives_iterator() && api.runs.iter().any(is_it))
    }

    /// The parameter at that position is run in a thread or process, on some path at least: as it is, or by a function around
    /// it, through however many functions.
    pub(super) fn hands_off(&self, function: FnRef, position: u32, depth: u32) -> bool {
        if depth > MOST_HANDED_ON {
            return false;
        }
        self.answered(Question::HandsOff(position, depth), function, || self.hands_off_in(function, position, depth))
    }

    fn hands_off_in(&self, function: FnRef, position: u32, depth: u32) -> bool {
        let callables = self.callables(function);
        let is_it = |owner: FunctionId, at: u32| (owner, at) == (function.function, position);
        let goes = |call: CallId, argument: usize| {
            self.is_offloaded(function.file, call, argument)
                || self
                    .parameter_given(function.file, call, argument)
                    .is_some_and(|(next, at)| self.hands_off(next, at, depth + 1))
        };
        // What is written in the function may do it as well.
        callables.handed.values().flatten().filter(|it| is_it(it.0, it.1)).any(|it| goes(it.2, it.3))
            || callables
                .closures
                .iter()
                .filter(|it| callables.called.get(&it.0).into_iter().flatten().any(|it| is_it(it.0, it.1)))
                .any(|it| goes(it.1, it.2))
    }

    /// The function calls the parameter at that position, or hands it, through however many functions, to one that does. `seen` are
    /// those that have been asked already.
    pub(super) fn is_called_in(&self, function: FnRef, position: u32, seen: &mut Vec<(FnRef, u32)>) -> bool {
        if seen.contains(&(function, position)) {
            return false;
        }
        seen.push((function, position));
        self.answered(Question::CallsOne(position), function, || {
            let is_it = |owner: FunctionId, at: u32| (owner, at) == (function.function, position);
            let callables = self.callables(function);
            if callables.called.get(&function.function).into_iter().flatten().any(|it| is_it(it.0, it.1)) {
                return true;
            }
            let mut handed = callables.handed.get(&function.function).into_iter().flatten();
            handed.any(|(owner, at, call, argument)| {
                is_it(*owner, *at)
                    && (self.is_run_inline(function.file, *call, *argument)
                        || self
                            .parameter_given(function.file, *call, *argument)
                            .is_some_and(|(next, at)| self.is_called_in(next, at, seen)))
            })
        })
    }

    /// Which parameter of the project's function that a call runs gets the argument at that index.
    fn parameter_given(&self, file: FileId, call: CallId, argument: usize) -> Option<(FnRef, u32)> {
        let callees = self.callees(file, call);
        let [Callee::Own(callee)] = callees.as_slice() else { return None };
        let value = self.model(file).call(call).args[argument].value;
        let count = self.declared(*callee).params.len() as u32;
        let position = (0..count).find(|it| self.argument_at(file, call, *callee, *it) == Some(value))?;
        Some((*callee, position))
    }

    /// The argument that a call gives to the parameter of its callee at that position.
    pub fn argument_at(&self, file: FileId, call: CallId, callee: FnRef, position: u32) -> Option<ValueId> {
        let _outlines = self.of_outlines();
        let model = self.model(file);
        let params = &self.declared(callee).params;
        let param = params.get(position as usize)?;
        if let Some(given) = self.given_by_python(file, callee) {
            let place = given.iter().position(|it| it.param == position)?;
            let name = self.model(callee.file).name(param.name);
            let place = given[place].positional.then_some(place);
            return model.call(call).argument(&model.names, place, Some(name)).map(|arg| arg.value);
        }
        let name = self.model(callee.file).name(param.name);
        // Python keeps the receiver out of the arguments; Rust does so in method calls, of which `self` is no parameter.
        let is_type = param.kind == ParamKind::KeywordOnly;
        if model.language == Language::Rust && !is_type && self.is_called_by_path(file, call, params) {
            return model.call(call).argument(&model.names, Some(position as usize), None).map(|arg| arg.value);
        }
        let receivers = params.iter().take(position as usize).filter(|it| it.kind == ParamKind::Receiver).count();
        let index = position as usize - receivers;
        let index = (param.kind == ParamKind::Positional).then_some(index);
        model.call(call).argument(&model.names, index, Some(name)).map(|arg| arg.value)
    }

    /// Rust: `Type::method(&object, argument)`, `T::method(&object, argument)`.
    fn is_called_by_path(&self, file: FileId, call: CallId, params: &[Param]) -> bool {
        let model = self.model(file);
        let callee = model.call(call).callee;
        let is_of_type = || match model.value(callee) {
            Value::Attr(of, _) => self.is_type_given(file, *of),
            _ => false,
        };
        params.first().is_some_and(|it| it.kind == ParamKind::Receiver)
            && (is_of_type() || matches!(self.evaluate(file, callee), Ty::Function(_)))
    }

    /// Rust: the value stands for a type parameter, not for something of that type.
    pub(super) fn is_type_given(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        model.language == Language::Rust
            && match model.value(value) {
                Value::Param(function, index) => {
                    let param = model.declaration(*function).params.get(*index as usize);
                    param.is_some_and(|it| it.kind == ParamKind::KeywordOnly)
                }
                Value::Field(_, name) => model.name(*name).starts_with(TYPE_GIVEN),
                _ => false,
            }
    }
}
