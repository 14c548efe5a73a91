//! What must hold of a function's parameters for something in it to happen, and whether a call rules that out.

use crate::finding::FileId;
use crate::model::{CallId, Condition, Test, UNKNOWN, Value, ValueId};

use super::Project;
use super::calls::Callee;
use super::types::FnRef;

/// One condition on a parameter, by its position in [`Function::params`](crate::model::Function).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Guard {
    param: u16,
    test: Test,
    holds: bool,
}

/// How many conditions are kept; more are forgotten, as if they held.
const MOST: usize = 3;

/// Conditions that must all hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Guards([Option<Guard>; MOST]);

impl Guards {
    pub fn iter(&self) -> impl Iterator<Item = Guard> + '_ {
        self.0.iter().flatten().copied()
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// These and one more.
    pub fn and(mut self, guard: Guard) -> Self {
        if self.iter().any(|it| it == guard) {
            return self;
        }
        if let Some(free) = self.0.iter_mut().find(|it| it.is_none()) {
            *free = Some(guard);
        }
        self.0.sort_by_key(|it| (it.is_none(), *it));
        self
    }

    /// Whoever meets `other` meets these.
    pub fn within(&self, other: &Self) -> bool {
        self.iter().all(|guard| other.iter().any(|it| it == guard))
    }
}

/// What a call makes of a condition on its callee.
pub(super) enum Outcome {
    /// It does not hold.
    Fails,
    /// It holds, or nothing is known.
    Open,
    /// It holds if this holds of the caller.
    Becomes(Guard),
}

impl Project {
    /// A condition as one on a parameter of the function, if it is one.
    pub(super) fn guard_of(&self, function: FnRef, condition: Condition, holds: bool) -> Option<Guard> {
        let params = &self.function(function).params;
        let model = self.model(function.file);
        // A parameter that some path replaces is still what was given, on the others.
        let may_be = |value: ValueId| match model.value(condition.value) {
            Value::Union(parts) => parts.contains(&value),
            _ => condition.value == value,
        };
        let param = params.iter().position(|param| param.value != UNKNOWN && may_be(param.value))?;
        Some(Guard { param: u16::try_from(param).ok()?, test: condition.test, holds: condition.holds == holds })
    }

    /// Whether a condition on `callee` holds when `caller` runs it by this call (or without call syntax).
    pub(super) fn outcome(&self, caller: FnRef, call: Option<CallId>, callee: FnRef, guard: Guard) -> Outcome {
        let Some(param) = self.function(callee).params.get(usize::from(guard.param)) else { return Outcome::Open };
        let given = match call {
            Some(call) => {
                // A function that is handed on gets its arguments elsewhere.
                if !self.is_called_by(caller.file, call, callee)
                    || self.model(caller.file).call(call).args.iter().any(|arg| arg.spread)
                {
                    return Outcome::Open;
                }
                self.argument_at(caller.file, call, callee, u32::from(guard.param)).map(|value| (caller.file, value))
            }
            None => None,
        };
        let (file, value) = match given {
            Some(given) => given,
            None if param.has_default => (callee.file, param.default),
            None => return Outcome::Open,
        };
        if let Some(truth) = self.tells(file, value, guard.test) {
            return if truth == guard.holds { Outcome::Open } else { Outcome::Fails };
        }
        if file != caller.file || given.is_none() {
            return Outcome::Open;
        }
        let condition = Condition { value, test: guard.test, holds: guard.holds };
        self.guard_of(caller, condition, true).map_or(Outcome::Open, Outcome::Becomes)
    }

    fn is_called_by(&self, file: FileId, call: CallId, callee: FnRef) -> bool {
        match self.callees(file, call).as_slice() {
            [Callee::Own(function)] => *function == callee,
            [Callee::Construct(_)] => true,
            _ => false,
        }
    }

    /// Whether the test holds of a value, where that can be told from how it is written.
    fn tells(&self, file: FileId, value: ValueId, test: Test) -> Option<bool> {
        let model = self.model(file);
        let (truth, none) = match model.value(value) {
            Value::None => (false, true),
            Value::Bool(it) => (*it, false),
            Value::Int(it) => (*it != 0, false),
            Value::Str(it) => (!model.name(*it).is_empty(), false),
            Value::Function(_) | Value::Class(_) => (true, false),
            Value::Path(path) if path.segments.last().is_some_and(|it| model.name(*it) == "None") => (false, true),
            _ => return None,
        };
        Some(match test {
            Test::Truth => truth,
            Test::None => none,
        })
    }
}
