//! What a call gives through `*args` and `**options`: to the function that asks them for an entry, or to one that they are handed on to.

use crate::finding::FileId;
use crate::model::{Arg, CallId, Param, ParamKind, UNKNOWN, Value, ValueId};
use serde::{Deserialize, Serialize};

use super::Project;
use super::effects::Site;
use super::guards::{Demand, Guard, Of, Outcome};
use super::types::FnRef;

/// What is known of something that may be given through a callee's `*args` or `**options`.
enum Given {
    Value(ValueId),
    /// It is not there, and this takes its place.
    Default(FileId, ValueId),
    /// It is not there, and nothing takes its place.
    Absent,
    /// It is what the caller's own parameter has of it.
    HandedOn(Demand),
    /// The caller says something of it, or spreads what may hold it: the default decides nothing.
    Changed,
    Unknown,
}

/// A parameter of another function, which is given what `*args` and `**options` hold for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) struct Target {
    function: FnRef,
    param: u16,
    /// Its place in `*args`, if those are handed on as well.
    index: Option<u16>,
}

impl Target {
    /// As [`Guard::in_files`](super::guards::Guard::in_files).
    pub(super) fn in_files(self, to: &dyn Fn(FileId) -> Option<FileId>) -> Option<Self> {
        Some(Self { function: FnRef { file: to(self.function.file)?, ..self.function }, ..self })
    }
}

/// What of its own a function spreads in a call: the positions of its `*args` and `**options`, and how much stands before the first.
struct Spread {
    rest: Option<u16>,
    before: usize,
    keywords: Option<u16>,
    /// Something else is spread as well.
    others: bool,
}

impl Project {
    /// The call that asks `**options` for an entry, and the value of the options.
    pub(super) fn entry_of(&self, function: FnRef, value: ValueId) -> Option<(CallId, ValueId)> {
        let model = self.model(function.file);
        let Value::Result(id) = model.value(value) else { return None };
        let call = model.call(*id);
        let Value::Attr(options, method) = model.value(call.callee) else { return None };
        let is_named = call.args.first().is_some_and(|arg| matches!(model.value(arg.value), Value::Str(_)));
        let of_options =
            |param: &Param| param.kind == ParamKind::Keywords && param.value != UNKNOWN && param.value == *options;
        let asks = is_named
            && matches!(model.name(*method), "get" | "pop")
            && self.function(function).params.iter().any(of_options);
        asks.then_some((*id, *options))
    }

    /// What a call gives for an entry of the callee's `**options`.
    fn entry_given(&self, caller: FnRef, call: CallId, (file, asked): (FileId, CallId), demand: Demand) -> Given {
        let asked_in = self.model(file);
        let args = &asked_in.call(asked).args;
        let Some(Value::Str(key)) = args.first().map(|it| asked_in.value(it.value)) else { return Given::Unknown };
        let model = self.model(caller.file);
        let given = &model.call(call).args;
        if let Some(found) = named(given, |it| model.name(it) == asked_in.name(*key)) {
            return Given::Value(found);
        }
        let spread = self.spread(caller, call);
        match (spread.keywords, args.get(1)) {
            (Some(param), _) => Given::HandedOn(Demand { param, ..demand }),
            _ if spread.others || spread.rest.is_some() => Given::Unknown,
            (None, Some(default)) => Given::Default(file, default.value),
            (None, None) => Given::Absent,
        }
    }

    /// What a call gives, through its callee's `*args` and `**options`, for a parameter of another function.
    fn given_through(&self, caller: FnRef, call: CallId, callee: FnRef, target: Target, demand: Demand) -> Given {
        let there = self.declared(target.function);
        let Some(wanted) = there.params.get(usize::from(target.param)) else { return Given::Unknown };
        let name = self.model(target.function.file).name(wanted.name);
        let model = self.model(caller.file);
        let args = &model.call(call).args;
        if let Some(found) = named(args, |it| model.name(it) == name) {
            return Given::Value(found);
        }
        let spread = self.spread(caller, call);
        let taken = self.declared(callee).params.iter().filter(|it| it.kind == ParamKind::Positional).count();
        let place = target.index.map(|it| taken + usize::from(it));
        if let Some(place) = place {
            let before = args.iter().take_while(|it| !it.spread).filter(|it| it.name.is_none());
            if let Some(found) = before.skip(place).map(|it| it.value).next() {
                return Given::Value(found);
            }
        }
        let index = place.and_then(|place| u16::try_from(place.checked_sub(spread.before)?).ok());
        let index = index.filter(|_| spread.rest.is_some());
        if let Some(param) = spread.keywords.or(index.and(spread.rest)) {
            return match self.changes_entry(caller, name) {
                true => Given::Changed,
                false if self.declared(caller).kind.is_async() && wanted.has_default => {
                    Given::Default(target.function.file, wanted.default)
                }
                false => Given::HandedOn(Demand { param, of: Of::Handed(Target { index, ..target }), ..demand }),
            };
        }
        match wanted.has_default {
            _ if spread.others => Given::Changed,
            true => Given::Default(target.function.file, wanted.default),
            false => Given::Unknown,
        }
    }

    fn spread(&self, caller: FnRef, call: CallId) -> Spread {
        let params = &self.declared(caller).params;
        let model = self.model(caller.file);
        let args = &model.call(call).args;
        let mut spread = Spread { rest: None, before: 0, keywords: None, others: false };
        let before = args.iter().take_while(|it| !it.spread);
        spread.before = before.filter(|it| it.name.is_none()).count();
        for arg in args.iter().filter(|it| it.spread) {
            // `*args` gives each element.
            let spread_value = match model.value(arg.value) {
                Value::Element(inner) => *inner,
                _ => arg.value,
            };
            let own = |it: &Param| matches!(it.kind, ParamKind::Rest | ParamKind::Keywords) && it.value == spread_value;
            let position = params.iter().position(|it| it.value != UNKNOWN && own(it));
            let position = position.and_then(|it| Some((params[it].kind, u16::try_from(it).ok()?)));
            match position {
                Some((ParamKind::Rest, it)) if spread.rest.is_none() => spread.rest = Some(it),
                Some((_, it)) if spread.keywords.is_none() => spread.keywords = Some(it),
                _ => spread.others = true,
            }
        }
        spread
    }

    /// The function says something of an entry of that name: `options["name"] = ..`, `{"name": ..}`, `dict(name=..)`.
    fn changes_entry(&self, function: FnRef, name: &str) -> bool {
        let text = self.source(function.file).slice(self.declared(function).span);
        text.contains(name)
            && ([format!("\"{name}\""), format!("'{name}'")].iter().any(|it| text.contains(&**it))
                || text.contains("dict(") && text.contains(&format!("{name}=")))
    }

    /// Whether a condition holds on something that the callee has of what it is given through `*args` or `**options`.
    pub(super) fn outcome_through(&self, caller: FnRef, site: &Site, callee: FnRef, guard: Demand) -> Outcome {
        let Some(call) = site.call.filter(|it| self.is_called_by(caller.file, *it, callee)) else {
            return Outcome::Open;
        };
        let given = match guard.of {
            Of::Entry(file, asked) => self.entry_given(caller, call, (file, asked), guard),
            Of::Handed(target) => self.given_through(caller, call, callee, target, guard),
            Of::Whole | Of::Field(..) | Of::Held(..) | Of::Outer(_) => return Outcome::Open,
        };
        match given {
            Given::Value(value) => self.outcome_of_value(caller, site, value, Demand { of: Of::Whole, ..guard }),
            Given::Default(file, value) => guard.outcome(self.tells_of_given(file, value, guard)),
            Given::Absent if guard.test.asks_for_kind() || guard.replaced.is_some() => Outcome::Open,
            Given::Absent => guard.outcome(Some(guard.test == crate::model::Test::None)),
            Given::HandedOn(demand) => Outcome::Becomes(Guard::from(demand)),
            Given::Changed => guard.outcome_of_unknown(),
            Given::Unknown => Outcome::Open,
        }
    }

    /// What becomes of a condition on a parameter that the call gives nothing to by itself, where it spreads something.
    /// `*args` gives positional parameters and the rest. `**options` gives what it gives: most often not the one in question.
    pub(super) fn outcome_of_spread(
        &self,
        caller: FnRef,
        call: CallId,
        callee: FnRef,
        guard: Demand,
    ) -> Option<Outcome> {
        if !self.model(caller.file).call(call).args.iter().any(|it| it.spread) {
            return None;
        }
        let params = &self.declared(callee).params;
        let wanted = params.get(usize::from(guard.param))?;
        if matches!(wanted.kind, ParamKind::Rest | ParamKind::Keywords) {
            return self.may_be_spread(caller.file, call, wanted.kind).then_some(Outcome::Open);
        }
        let spread = self.spread(caller, call);
        let before = params.iter().take(usize::from(guard.param));
        let place = before.filter(|it| it.kind == ParamKind::Positional).count();
        let index = place.checked_sub(spread.before).filter(|_| wanted.kind == ParamKind::Positional);
        let index = index.filter(|_| spread.rest.is_some()).and_then(|it| u16::try_from(it).ok());
        let name = self.model(callee.file).name(wanted.name);
        if spread.others && self.may_be_spread(caller.file, call, wanted.kind) {
            return Some(Outcome::Open);
        }
        if self.changes_entry(caller, name) {
            return Some(guard.outcome_of_unknown());
        }
        let Some(param) = spread.keywords.or(index.and(spread.rest)) else {
            // What else is spread may hold it: the default that would decide may not be asked for.
            let decides = wanted.has_default && self.tells(callee.file, wanted.default, guard).is_some();
            return (spread.others && decides).then(|| guard.outcome_of_unknown());
        };
        // Nobody asks the callers of an async function: most often they give nothing for it.
        if self.declared(caller).kind.is_async() {
            return None;
        }
        let target = Target { function: callee, param: guard.param, index };
        Some(Outcome::Becomes(Guard::from(Demand { param, of: Of::Handed(target), exact: true, ..guard })))
    }

    fn may_be_spread(&self, file: FileId, call: CallId, kind: ParamKind) -> bool {
        self.model(file).call(call).args.iter().filter(|arg| arg.spread).any(|arg| {
            match self.source(file).slice(arg.span).starts_with("**") {
                true => kind == ParamKind::Keywords,
                false => matches!(kind, ParamKind::Positional | ParamKind::Rest),
            }
        })
    }
}

fn named(args: &[Arg], is: impl Fn(crate::model::NameId) -> bool) -> Option<ValueId> {
    args.iter().find(|arg| arg.name.is_some_and(&is)).map(|it| it.value)
}
