//! What must hold of a function's parameters for something in it to happen, and whether a call rules that out.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{
    Arg, CallId, Condition, FileModel, FunctionId, Lack, NameId, Node, Param, ParamKind, Test, UNKNOWN, Value, ValueId,
    flow,
};
use crate::source::Language;

use super::Project;
use super::effects::Site;
use super::instances::same;
use super::options::Target;
use super::remembered::Only;
use super::types::{FnRef, Ty};

/// A condition on a parameter, by its position in [`Function::params`](crate::model::Function).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) struct Demand {
    pub(super) param: u16,
    pub(super) test: Test,
    pub(super) holds: bool,
    pub(super) of: Of,
    /// Where the test stands, if that matters: a class is a value of that file.
    pub(super) asked_in: FileId,
    /// No path gives the parameter another value before it is asked for.
    pub(super) exact: bool,
    /// Another value has taken the place of the parameter if it was nothing: `x = x or y`, `if x is None: x = y`.
    pub(super) replaced: Option<Lack>,
    /// What the test comes to of that value, if that is known.
    pub(super) instead: Option<bool>,
}

/// What of a parameter a condition is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) enum Of {
    /// It is the parameter itself.
    Whole,
    /// Of `**options`, what this call of that file asks of them: `options.pop("name", None)`.
    Entry(FileId, CallId),
    /// Of `*args` and `**options`, what another function is given of them.
    Handed(Target),
    /// An attribute of the object, by its name in that file.
    Field(FileId, NameId),
    /// Python: an attribute of what an attribute of the object holds, each by its name in a file.
    Held((FileId, NameId), (FileId, NameId)),
    /// It is a parameter of a function around, which the function sees.
    Outer(FunctionId),
}

impl Demand {
    /// On the object of a method. It may hold something else before it is asked for.
    pub(super) fn on_own_object(condition: Condition, file: FileId) -> Self {
        let Condition { test, holds, .. } = condition;
        let asked_in = if test.refers() { file } else { FileId(0) };
        Self { param: 0, test, holds, of: Of::Whole, asked_in, exact: false, replaced: None, instead: None }
    }

    fn in_files(self, to: &dyn Fn(FileId) -> Option<FileId>) -> Option<Self> {
        let of = match self.of {
            Of::Whole | Of::Outer(_) => self.of,
            Of::Entry(file, call) => Of::Entry(to(file)?, call),
            Of::Handed(target) => Of::Handed(target.in_files(to)?),
            Of::Field(file, name) => Of::Field(to(file)?, name),
            Of::Held((one, name), (other, its)) => Of::Held((to(one)?, name), (to(other)?, its)),
        };
        let asked_in = match to(self.asked_in) {
            Some(file) => file,
            None if self.test.refers() || is_of_kind(self.replaced) => return None,
            // Where it does not matter, it is the first file, which no entry has: back and forth.
            None if self.asked_in == FileId(0) => FileId(u32::MAX),
            None => FileId(0),
        };
        Some(Self { of, asked_in, ..self })
    }

    /// What is known of the test decides.
    pub(super) fn outcome(self, truth: Option<bool>) -> Outcome {
        match truth {
            Some(truth) if truth != self.holds => Outcome::Fails,
            _ => Outcome::Open,
        }
    }

    /// What is given is not known, and may decide against it. That a path leads to no disk, it hardly does.
    pub(super) fn outcome_of_unknown(self) -> Outcome {
        if self.test == Test::Device { Outcome::Open } else { Outcome::Fails }
    }

    /// Both cannot hold of one call.
    fn excludes(self, other: Self) -> bool {
        let contrary = match (self.test, other.test) {
            (one, another) if one == another => self.asked_in == other.asked_in && self.holds != other.holds,
            (Test::None, _) | (_, Test::None) | (Test::Is(_), Test::Is(_)) => self.holds && other.holds,
            (Test::Truth, Test::Is(flag)) => other.holds && self.holds != flag,
            (Test::Is(flag), Test::Truth) => self.holds && other.holds != flag,
            _ => false,
        };
        self.param == other.param && self.of == other.of && self.exact && other.exact && contrary
    }
}

/// One condition on parameters, or two of which one must hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Guard {
    one: Demand,
    other: Option<Demand>,
}

impl From<Demand> for Guard {
    fn from(one: Demand) -> Self {
        Self { one, other: None }
    }
}

impl Guard {
    /// The same, with what `to` gives in the place of each file; `None` if that is nothing.
    pub(super) fn in_files(self, to: &dyn Fn(FileId) -> Option<FileId>) -> Option<Self> {
        let other = match self.other {
            Some(other) => Some(other.in_files(to)?),
            None => None,
        };
        Some(Self { one: self.one.in_files(to)?, other })
    }

    /// The one condition that it is.
    pub(super) fn alone(self) -> Option<Demand> {
        self.other.is_none().then_some(self.one)
    }

    /// Both are about one parameter, and whoever meets this meets the other, of which it is no contrary.
    fn tells_more_than(self, other: Self) -> bool {
        let (one, another) = (self.one, other.one);
        self.other.is_none()
            && other.other.is_none()
            && one.holds
            && !another.holds
            && matches!(one.test, Test::None | Test::Is(_) | Test::Equals(_))
            && (one.param, one.of, one.exact) == (another.param, another.of, another.exact)
            && !one.excludes(another)
    }
}

/// How many conditions are kept; more are forgotten, as if they held.
const MOST: usize = 6;

/// Conditions that must all hold, sorted. Most code hangs on none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Guards(Option<Arc<[Guard]>>);

impl Guards {
    pub fn iter(&self) -> impl Iterator<Item = Guard> + '_ {
        self.all().iter().copied()
    }

    fn all(&self) -> &[Guard] {
        self.0.as_deref().unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// These, in whatever order.
    pub(super) fn sorted(mut all: Vec<Guard>) -> Self {
        all.sort_unstable();
        Self((!all.is_empty()).then(|| all.into()))
    }

    /// How many there are to meet, but for those that hardly any call fails: a path is nearly always one to a disk.
    pub fn demanding(&self) -> usize {
        self.iter().filter(|it| it.one.test != Test::Device).count()
    }

    /// They hang on nothing but which objects others are given.
    pub fn are_of_objects(&self) -> bool {
        self.iter().all(|it| it.other.is_none() && matches!(it.one.test, Test::Answers(_)))
    }

    /// No call meets all of these.
    pub fn exclude_each_other(&self) -> bool {
        let demands = || self.iter().filter(|it| it.other.is_none()).map(|it| it.one);
        demands().any(|one| demands().any(|other| one.excludes(other)))
    }

    /// These and one more.
    pub fn and(self, guard: Guard) -> Self {
        if self.all().contains(&guard) {
            return self;
        }
        let mut all = self.all().to_vec();
        if all.len() < MOST {
            all.push(guard);
        } else {
            // That it is one value says that it is none of the others. What an object holds is seldom known.
            let is_field = |it: &Guard| matches!(it.one.of, Of::Field(..) | Of::Held(..));
            // So says one condition more than two of which one must hold.
            let is_vague = |it: &Guard| it.other.is_some();
            let told = all.iter().position(|it| guard.tells_more_than(*it));
            let told = told.or_else(|| all.iter().position(is_vague).filter(|_| !is_vague(&guard)));
            let told = told.or_else(|| all.iter().position(is_field).filter(|_| !is_field(&guard)));
            let Some(told) = told.and_then(|it| all.get_mut(it)) else { return self };
            *told = guard;
        }
        all.sort_unstable();
        Self(Some(all.into()))
    }

    /// These as well, where they are known.
    pub fn and_all(self, guards: impl IntoIterator<Item = Option<Guard>>) -> Self {
        guards.into_iter().flatten().fold(self, Self::and)
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

/// The parameter that a value is, unless it was nothing: on one way or another, however many came after one another.
fn kept_in(
    model: &FileModel,
    value: ValueId,
    depth: u32,
    is_param: &dyn Fn(ValueId) -> Option<usize>,
) -> Option<(usize, Lack)> {
    // Of a union in a union, something else than its being nothing decided.
    match model.value(value) {
        Value::Replaced(_, Lack::Other) => None,
        Value::Replaced(kept, lack) => is_param(*kept).map(|it| (it, *lack)),
        Value::Union(parts) if depth < 6 => parts.iter().find_map(|part| {
            let bare = is_param(*part).map(|it| (it, Lack::False));
            bare.or_else(|| kept_in(model, *part, depth + 1, is_param))
        }),
        _ => None,
    }
}

/// It is a class that decides whether another value took the place of one.
fn is_of_kind(lack: Option<Lack>) -> bool {
    matches!(lack, Some(Lack::Kind(_)))
}

impl Project {
    /// A condition as one on a parameter of the function, if it is one.
    pub(super) fn guard_of(&self, function: FnRef, condition: Condition) -> Option<Guard> {
        Some(Guard::from(self.demand_of(function, condition, false)?))
    }

    /// The same, of what is asked before the function may have given the parameter another value.
    pub(super) fn guard_at_first(&self, function: FnRef, condition: Condition) -> Option<Guard> {
        Some(Guard::from(self.demand_of(function, condition, true)?))
    }

    /// That one of the conditions holds, if there are two and both are on parameters of the function.
    pub(super) fn guard_of_either(&self, function: FnRef, conditions: &[Condition]) -> Option<Guard> {
        let [one, other] = conditions else { return None };
        let one = self.demand_of(function, *one, false)?;
        Some(Guard { one, other: Some(self.demand_of(function, *other, false)?) })
    }

    pub(super) fn demand_of(&self, function: FnRef, condition: Condition, at_first: bool) -> Option<Demand> {
        // Of which entry, nobody knows.
        if condition.test == Test::Entry {
            return None;
        }
        let condition = self.said_by(function.file, condition).unwrap_or(condition);
        let condition = match condition.test {
            Test::Device => Condition { value: self.path_behind(function, condition.value), ..condition },
            _ => self.singled_out(function, condition),
        };
        let params = &self.function(function).params;
        let model = self.model(function.file);
        // Where it stands matters to a class and to a literal.
        let refers = condition.test.refers();
        let is_param = |value: ValueId| self.declared(function).param_of(value);
        let given = is_param(condition.value);
        // What an object is asked for later than it is made, it may have been given otherwise.
        let may_be_set = || !matches!(condition.test, Test::Answers(_)) || self.is_constructor(function);
        let set = if given.is_none() && may_be_set() { self.set_here(function, condition.value) } else { None };
        let value = set.unwrap_or(condition.value);
        let entry = self.entry_of(function, value);
        let exact = given.or_else(|| entry.and_then(|it| is_param(it.1)).filter(|_| set.is_none()));
        // A parameter that some path replaces is still what was given, on the others.
        let param = exact.or_else(|| is_param(entry.map_or(value, |it| it.1)));
        let union = match model.value(condition.value) {
            Value::Union(parts) => &parts[..],
            _ => &[],
        };
        let param = param.or_else(|| params.iter().position(|it| it.value != UNKNOWN && union.contains(&it.value)));
        // Of what took its place where it was nothing, only what it must be says something of what was given.
        let tells_what_it_is =
            condition.test == Test::Device || condition.holds && !matches!(condition.test, Test::Truth | Test::None);
        let kept = if param.is_none() { kept_in(model, condition.value, 0, &is_param) } else { None };
        let kept = kept.filter(|(_, lack)| match lack {
            Lack::Kind(_) => true,
            Lack::Missing => tells_what_it_is || condition.test == Test::Truth,
            Lack::Other => tells_what_it_is && condition.holds,
            Lack::False => tells_what_it_is,
        });
        let Some(param) = param.or(kept.map(|it| it.0)) else {
            return match *model.value(condition.value) {
                Value::Param(outer, position) if model.language == Language::Python => {
                    self.demand_on_outer(function, condition, (outer, position))
                }
                _ if condition.test == Test::Device && model.language == Language::Rust => {
                    let on_field = self.demand_on_field(function, condition);
                    on_field.or_else(|| self.demand_on_path_around(function, condition))
                }
                Value::Attr(..) => {
                    let on_field = self.demand_on_field(function, condition);
                    on_field.or_else(|| self.demand_on_made(function, condition))
                }
                _ => self.demand_on_field(function, condition),
            };
        };
        // `count + 1` is as good as `count` for all tests but this.
        let asks_for_more = matches!(condition.test, Test::Exceeds(_));
        // Rust: what is set anew keeps its name, and its value here.
        let may_be_set_anew = model.language == Language::Rust && !at_first;
        if asks_for_more && exact.is_none()
            || (asks_for_more || may_be_set_anew) && self.is_counted(function, &params[param], at_first)
        {
            return None;
        }
        let instead = if kept.is_some() { self.told_instead(function.file, condition) } else { None };
        Some(Demand {
            param: u16::try_from(param).ok()?,
            instead,
            test: condition.test,
            holds: condition.holds,
            of: entry.map_or(Of::Whole, |it| Of::Entry(function.file, it.0)),
            asked_in: if refers || is_of_kind(kept.map(|it| it.1)) { function.file } else { FileId(0) },
            exact: exact.is_some(),
            replaced: kept.map(|it| it.1),
        })
    }

    /// Of a value that is one of several, and is to be just this, the one that it must have been, if no other can be; so of one that is to be
    /// true, if it can only be an attribute: `names = self.options.names or []`.
    fn singled_out(&self, function: FnRef, condition: Condition) -> Condition {
        let model = self.model(function.file);
        let Value::Union(parts) = model.value(condition.value) else { return condition };
        if !condition.holds || !matches!(condition.test, Test::Equals(_) | Test::OneOf(_) | Test::Truth) {
            return condition;
        }
        let demand = Demand { asked_in: function.file, ..Demand::on_own_object(condition, function.file) };
        let mut possible = parts.iter().filter(|it| self.tells(function.file, **it, demand) != Some(false));
        match (possible.next(), possible.next()) {
            (Some(only), None) if condition.test != Test::Truth || matches!(model.value(*only), Value::Attr(..)) => {
                Condition { value: *only, ..condition }
            }
            _ => condition,
        }
    }

    /// The function binds the parameter anew, or hands on something made of it, `depth + 1`: it may be a number that grows from
    /// turn to turn, or from call to call.
    fn is_counted(&self, function: FnRef, param: &Param, at_first: bool) -> bool {
        self.looks_into(function.file);
        let model = self.model(function.file);
        let body = &model.function(function.function).body;
        let mut locals = vec![param.local];
        if model.language == Language::Rust {
            let copied = |node: &Node| match node {
                Node::Bind { local, value, .. } if *value == param.value => Some(*local),
                _ => None,
            };
            flow::find(body, &mut |node| {
                locals.extend(copied(node));
                false
            });
        }
        let binds = |node: &Node| {
            matches!(node, Node::Bind { local, value, .. } if locals.contains(local)
                && (*local == param.local || *value != param.value))
        };
        let is_more = |arg: &Arg| matches!(model.value(arg.value), Value::Union(parts) if parts.contains(&param.value));
        !at_first && flow::find(body, &mut |node| binds(node)).is_some()
            || model
                .calls_in(function.function)
                .any(|call| call.function == function.function && call.args.iter().any(is_more))
    }

    /// The value that the function gives to an attribute of its object, at first: `self.name = name`.
    fn set_here(&self, function: FnRef, value: ValueId) -> Option<ValueId> {
        let model = self.model(function.file);
        let Value::Attr(receiver, name) = model.value(value) else { return None };
        let definition = model.function(function.function);
        let is_own =
            definition.params.first().is_some_and(|it| it.kind == ParamKind::Receiver && it.value == *receiver);
        let class = definition.class.filter(|_| is_own && model.language == Language::Python)?;
        let is_here = |value: &ValueId| {
            definition.param_of(*value).is_some()
                || matches!(model.value(*value), Value::Result(id) if model.call(*id).function == function.function)
        };
        model.class(class).fields.iter().filter(|it| it.0 == *name).map(|it| it.1).find(is_here)
    }

    /// Whether a condition on `callee` holds when `caller` runs it at this place.
    pub(super) fn outcome(&self, caller: FnRef, site: &Site, callee: FnRef, guard: Guard) -> Outcome {
        let _outlines = self.of_outlines();
        let one = self.outcome_of(caller, site, callee, guard.one);
        let Some(other) = guard.other else { return one };
        match (one, self.outcome_of(caller, site, callee, other)) {
            (Outcome::Fails, other) => other,
            (one, Outcome::Fails) => one,
            (Outcome::Becomes(one), Outcome::Becomes(other)) => {
                Outcome::Becomes(Guard { one: one.one, other: Some(other.one) })
            }
            _ => Outcome::Open,
        }
    }

    fn outcome_of(&self, caller: FnRef, site: &Site, callee: FnRef, guard: Demand) -> Outcome {
        match guard.of {
            Of::Whole => {}
            Of::Entry(..) | Of::Handed(_) => return self.outcome_through(caller, site, callee, guard),
            Of::Outer(outer) => return self.outcome_in(caller, callee, outer, guard),
            Of::Held(..) => return self.outcome_of_held(caller, site, callee, guard),
            Of::Field(file, name) => return self.outcome_of_field(caller, site, callee, guard, (file, name)),
        }
        let call = site.call;
        let Some(param) = self.function(callee).params.get(usize::from(guard.param)) else { return Outcome::Open };
        let given = match call {
            Some(call) => {
                // What a `partial` was given before is not known.
                if matches!(self.evaluate(caller.file, self.model(caller.file).call(call).callee), Ty::Partial(_)) {
                    return guard.outcome_of_unknown();
                }
                // A function that is handed on gets its arguments elsewhere.
                if !self.is_called_by(caller.file, call, callee) {
                    return Outcome::Open;
                }
                let given = match param.kind {
                    ParamKind::Receiver if self.language(caller.file) == Language::Rust => {
                        let by_path = self.argument_at(caller.file, call, callee, u32::from(guard.param));
                        by_path.or_else(|| self.question(caller, site).map(|(receiver, _)| receiver))
                    }
                    _ => self.argument_at(caller.file, call, callee, u32::from(guard.param)),
                };
                if given.is_none()
                    && let Some(outcome) = self.outcome_of_spread(caller, call, callee, guard)
                {
                    return outcome;
                }
                given
            }
            None => None,
        };
        match given {
            Some(value) => self.outcome_of_value(caller, site, value, guard),
            None if param.has_default => guard.outcome(self.tells_of_given(callee.file, param.default, guard)),
            None => self.rest_given(caller, call, callee, guard),
        }
    }

    /// What a condition comes to on a value that the caller gives.
    pub(super) fn outcome_of_value(&self, caller: FnRef, site: &Site, value: ValueId, guard: Demand) -> Outcome {
        if self.is_nothing(caller.file, value, guard) {
            return guard.outcome(guard.instead);
        }
        let told = site.given.iter().filter(|it| it.value == value);
        let told = told.into_iter().find_map(|it| self.follows_from(caller.file, *it, guard));
        let told = told.or_else(|| self.tells(caller.file, value, guard));
        let told = told.or_else(|| self.is_of_kind_unless_none(caller.file, site, value, guard));
        match told.or_else(|| self.is_declared_something(caller, value, guard.test)) {
            None => self.handed_on(caller, value, guard),
            truth => guard.outcome(truth),
        }
    }

    /// What is declared as `str | None` is a `str` where a test has ruled the other out.
    fn is_of_kind_unless_none(&self, file: FileId, site: &Site, value: ValueId, guard: Demand) -> Option<bool> {
        let Test::Instance(class) = guard.test else { return None };
        let rules_out = |it: &Condition| {
            it.value == value && matches!((it.test, it.holds), (Test::None, false) | (Test::Truth, true))
        };
        if !site.given.iter().any(rules_out) {
            return None;
        }
        let class = self.evaluate(guard.asked_in, class);
        let given = self.evaluate(file, value);
        same(given.parts().iter().filter(|it| !matches!(it, Ty::None)).map(|it| self.is_instance(it, &class)))
    }

    /// It is declared to be of a type, `client: Client`, and `None` is no part of that.
    fn is_declared_something(&self, caller: FnRef, value: ValueId, test: Test) -> Option<bool> {
        let model = self.model(caller.file);
        if !matches!(model.value(value), Value::Instance { .. } | Value::Text(_) | Value::Param(..))
            || !matches!(test, Test::None | Test::Truth)
            || model.language != Language::Python
        {
            return None;
        }
        let mut params = self.declared(caller).params.iter().filter(|it| it.value == value).peekable();
        let is_callable = params.peek().is_some_and(|it| it.is_callable);
        let may_be_none = |it: &Param| it.has_default && *model.value(it.default) == Value::None;
        if params.any(may_be_none) {
            return None;
        }
        if is_callable {
            return Some(test == Test::Truth);
        }
        self.is_something(&self.evaluate(caller.file, value), test)
    }

    /// What the caller gives is a parameter of its own, perhaps: then its callers decide.
    fn handed_on(&self, caller: FnRef, value: ValueId, guard: Demand) -> Outcome {
        let condition = Condition { value, test: guard.test, holds: guard.holds };
        let Some(one) = self.demand_of(caller, condition, false) else { return Outcome::Open };
        let (exact, replaced) = (one.exact && guard.exact, one.replaced.max(guard.replaced));
        let asked_in = match is_of_kind(one.replaced) {
            // The test stands here.
            _ if self.said_by(caller.file, condition).is_some() => one.asked_in,
            // Classes of two files would decide.
            true if guard.test.refers() || guard.replaced.is_some() => return Outcome::Open,
            true => one.asked_in,
            false => guard.asked_in,
        };
        let instead = match (one.replaced, guard.replaced) {
            (None, _) => guard.instead,
            (Some(_), None) => one.instead,
            (Some(_), Some(_)) => None,
        };
        Outcome::Becomes(Guard::from(Demand { exact, replaced, instead, asked_in, ..one }))
    }

    /// Whether a condition holds of what a parameter is given, or of what takes its place.
    pub(super) fn tells_of_given(&self, file: FileId, value: ValueId, guard: Demand) -> Option<bool> {
        if self.is_nothing(file, value, guard) { guard.instead } else { self.tells(file, value, guard) }
    }

    /// The value is written as one whose place another has taken.
    fn is_nothing(&self, file: FileId, value: ValueId, demand: Demand) -> bool {
        let tells = |test| self.tells(file, value, Demand { test, ..demand });
        match demand.replaced {
            None => false,
            Some(Lack::Missing) => tells(Test::None) == Some(true),
            Some(Lack::False) => tells(Test::Truth) == Some(false),
            Some(Lack::Kind(class)) => tells(Test::Instance(class)) == Some(true),
            Some(Lack::Other) => true,
        }
    }

    pub(super) fn is_called_by(&self, file: FileId, call: CallId, callee: FnRef) -> bool {
        match self.only(file, call) {
            Only::Own(function) => function == callee,
            Only::Construct(_) => true,
            _ => false,
        }
    }

    /// `*args` and `**kwargs` of a callee that gets nothing for them are empty.
    fn rest_given(&self, caller: FnRef, call: Option<CallId>, callee: FnRef, guard: Demand) -> Outcome {
        let Some(call) = call else { return Outcome::Open };
        let params = &self.function(callee).params;
        let model = self.model(caller.file);
        let args = &model.call(call).args;
        let empty = match params[usize::from(guard.param)].kind {
            ParamKind::Rest => {
                let taken = params.iter().filter(|it| it.kind == ParamKind::Positional).count();
                args.iter().filter(|it| it.name.is_none()).count() <= taken
            }
            ParamKind::Keywords => args.iter().filter_map(|it| it.name).all(|name| {
                let given = model.name(name);
                params.iter().any(|it| self.model(callee.file).name(it.name) == given)
            }),
            _ => false,
        };
        // An empty one is neither true nor `None`.
        let fails = empty && guard.holds && !matches!(guard.test, Test::Instance(_));
        if fails { Outcome::Fails } else { Outcome::Open }
    }
}
