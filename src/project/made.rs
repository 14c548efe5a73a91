//! Objects that a function has made itself, or has put in place of what it was given: what a test says of an attribute of one, the call
//! tells that made it. `job = Job.quick(name)`, and then `if job.kind is Kind.SLOW:`.

use crate::finding::FileId;
use crate::model::{Condition, FunctionId, Lack, Node, Test, Value, ValueId, flow};

use super::Project;
use super::fields::Object;
use super::guards::{Demand, Outcome};
use super::members::Ancestor;
use super::types::{Class, ClassRef, FnRef, Ty};

impl Project {
    /// Whether a condition on an attribute holds, where that is told by how the function has made the object.
    pub(super) fn holds_of_made(&self, function: FnRef, condition: Condition) -> Option<bool> {
        matches!(self.outcome_of_made(function, condition), Outcome::Fails).then_some(false)
    }

    /// The same, where it hangs on what the function is given.
    pub(super) fn demand_on_made(&self, function: FnRef, condition: Condition) -> Option<Demand> {
        match self.outcome_of_made(function, condition) {
            Outcome::Becomes(guard) => guard.alone(),
            Outcome::Fails | Outcome::Open => None,
        }
    }

    fn outcome_of_made(&self, function: FnRef, condition: Condition) -> Outcome {
        let model = self.model(function.file);
        let Value::Attr(object, name) = *model.value(condition.value) else { return Outcome::Open };
        let name = model.name(name);
        match model.value(object) {
            Value::Result(_) => self.outcome_of_one_made(function, object, name, condition),
            // `if isinstance(job, str): job = Job.named(job)`: as it is of what took the place, the parameter was not replaced.
            Value::Union(parts) => {
                let mut kept = None;
                for part in parts {
                    let fails = match model.value(*part) {
                        Value::Replaced(param, lack) if kept.is_none() => {
                            kept = Some((*param, *lack));
                            true
                        }
                        Value::Result(_) => {
                            matches!(self.outcome_of_one_made(function, *part, name, condition), Outcome::Fails)
                        }
                        _ => false,
                    };
                    if !fails {
                        return Outcome::Open;
                    }
                }
                let Some((value, lack)) = kept else { return Outcome::Open };
                // Nothing has no attributes.
                if let Some(demand) = self.demand_on_kept(function, condition, value).filter(|_| lack.is_nothing()) {
                    return Outcome::Becomes(demand.into());
                }
                let (test, holds) = match lack {
                    Lack::Missing => (Test::None, false),
                    Lack::False => (Test::Truth, true),
                    Lack::Kind(class) => (Test::Instance(class), false),
                    Lack::Other => return Outcome::Open,
                };
                let was_kept = self.guard_of(function, Condition { value, test, holds });
                was_kept.map_or(Outcome::Open, Outcome::Becomes)
            }
            _ => Outcome::Open,
        }
    }

    /// A condition on an attribute of a parameter, where that has not been replaced.
    fn demand_on_kept(&self, function: FnRef, condition: Condition, kept: ValueId) -> Option<Demand> {
        let Value::Attr(_, name) = *self.model(function.file).value(condition.value) else { return None };
        let param = u16::try_from(self.declared(function).param_of(kept)?).ok()?;
        let class = self.class_declared(function.file, kept)?;
        self.demand_on_object(function, condition, (param, class), name)
    }

    fn outcome_of_one_made(&self, function: FnRef, object: ValueId, name: &str, condition: Condition) -> Outcome {
        let demand = Demand::on_own_object(condition, function.file);
        let Some(object) = self.object(function, object, 0).filter(|it| !it.made.is_empty()) else {
            return Outcome::Open;
        };
        let (found, demand) = self.settings_of(function, &object, name, demand);
        match (self.told_by_settings(&found, demand), self.given_alone_by(function, &object, &found)) {
            // A test of another file speaks of values there.
            (None, Some(value)) if !demand.test.refers() || demand.asked_in == function.file => {
                let condition = Condition { value, test: demand.test, holds: demand.holds };
                self.guard_of(function, condition).map_or(Outcome::Open, Outcome::Becomes)
            }
            (truth, _) => demand.outcome(truth),
        }
    }

    /// Something in the file may set the attribute of an object that `holder` has from outside: `config.name = value`.
    pub(super) fn may_set_attribute(&self, file: FileId, holder: FnRef, of: &Object, name: &str) -> bool {
        self.looks_into(file);
        let text = &self.source(file).text;
        let mut set = places_set(text, name).peekable();
        if set.peek().is_none() {
            return false;
        }
        let model = self.model(file);
        let Some(id) = model.names.find(name) else { return false };
        set.any(|at| {
            let around = |it: &FunctionId| {
                let span = model.declaration(*it).span;
                span.start as usize <= at && at < span.end as usize
            };
            let innermost = model.function_ids().filter(around).max_by_key(|it| model.declaration(*it).span.start);
            let Some(function) = innermost else { return true };
            let mut sets_here = false;
            let set = flow::find(&model.function(function).body, &mut |node| match node {
                Node::Set { of: Some(object), name, .. } if *name == id => {
                    sets_here = true;
                    let here = FnRef { file, function };
                    // What another function has had made for itself is another object, unless that is the one who makes this.
                    let is_others = matches!(model.value(*object), Value::Result(_))
                        && here != holder
                        && of.made.iter().all(|it| it.0 != here);
                    !is_others && !self.is_unrelated(&self.evaluate(file, *object), of.class)
                }
                _ => false,
            });
            set.is_some() || !sets_here
        })
    }

    /// Whatever it is, it is no object of that class.
    fn is_unrelated(&self, ty: &Ty, class: ClassRef) -> bool {
        let derives = |one: ClassRef, from: ClassRef| {
            one == from
                || self.ancestry(one).iter().any(|it| match it {
                    Ancestor::Own(above) => *above == from,
                    Ancestor::Library(..) => false,
                    Ancestor::Foreign(_) | Ancestor::Unknown => true,
                })
        };
        ty.parts().iter().all(|part| match part {
            Ty::Instance(Class::Own(other), _) => !derives(*other, class) && !derives(class, *other),
            Ty::Instance(Class::Library(_), _) | Ty::Module(..) | Ty::Function(_) | Ty::None => true,
            _ => false,
        })
    }
}

/// Where the text sets an attribute of that name of something other than `self`.
fn places_set<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(name).map(|it| it.0).filter(|at| {
        let (before, rest) = (&text[..*at], text[at + name.len()..].trim_start_matches(' '));
        before.ends_with('.') && !before.ends_with("self.") && rest.starts_with('=') && !rest.starts_with("==")
    })
}
