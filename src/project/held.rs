//! Conditions on what an object holds that others were given: `Service(Options(slow=True)).load()`, where `load` asks `self.options.slow`, or
//! `self.options.is_slow()`. The call that made the outer object tells the inner one, and the call that made that one the rest.

use crate::finding::FileId;
use crate::model::{Condition, NameId, Test, Value, ValueId};

use super::Project;
use super::effects::Site;
use super::fields::{Object, Setting};
use super::guards::{Demand, Guard, Of, Outcome};
use super::instances::same;
use super::remembered::Only;
use super::types::{ClassRef, FnRef};

impl Project {
    /// A condition on an attribute of what an attribute of the function's own object holds, which that was given.
    pub(super) fn demand_on_held(
        &self,
        function: FnRef,
        condition: Condition,
        (object, name): (ValueId, NameId),
    ) -> Option<Demand> {
        let held = self.held_by_own(function, object)?;
        let class = self.class_declared(function.file, object)?;
        let (of, name) = self.deciding(class, (function.file, name), condition.test)?;
        Some(Demand { of: Of::Held(held, (of, name)), ..Demand::on_own_object(condition, function.file) })
    }

    /// The attribute of the function's own object that a value is, by its name in that file, if it is something that the object was given.
    pub(super) fn held_by_own(&self, function: FnRef, value: ValueId) -> Option<(FileId, NameId)> {
        let model = self.model(function.file);
        let Value::Attr(own, name) = *model.value(value) else { return None };
        let class = self.declared(function).class.filter(|_| self.is_own_object(function, own))?;
        self.injection(ClassRef { file: function.file, class }, model.name(name))?;
        Some((function.file, name))
    }

    /// Whether such a condition on the callee's own object, or on one that it is given, holds where `caller` runs it at this place.
    pub(super) fn outcome_of_held(&self, caller: FnRef, site: &Site, callee: FnRef, guard: Demand) -> Outcome {
        let (Of::Held((file, held), of), Some(call)) = (guard.of, site.call) else { return Outcome::Open };
        let object = match self.only(caller.file, call) {
            // It is being made.
            Only::Construct(class) => Object { class, made: vec![(caller, call)] },
            _ => {
                let Some(asked) = self.asked_at(caller, site, callee, u32::from(guard.param)) else {
                    return Outcome::Open;
                };
                if self.above(caller.file, asked).is_some() {
                    return Outcome::Becomes(Guard::from(Demand { param: 0, ..guard }));
                }
                if let Some(param) = self.declared(caller).param_of(asked) {
                    return Outcome::Becomes(Guard::from(Demand { param: param as u16, ..guard }));
                }
                // What has been set here may have changed what it holds.
                match self.object(caller, asked, 0).filter(|_| site.attributes.is_empty()) {
                    Some(object) => object,
                    None => return Outcome::Open,
                }
            }
        };
        let whole = Demand { test: Test::Callable, of: Of::Whole, ..guard };
        let (found, _) = self.settings_of(caller, &object, self.model(file).name(held), whole);
        let given = self.given_alone_by(caller, &object, &found);
        if let Some(param) = given.and_then(|it| self.declared(caller).param_of(it)) {
            let of = Of::Field(of.0, of.1);
            return Outcome::Becomes(Guard::from(Demand { param: param as u16, of, ..guard }));
        }
        guard.outcome(same(found.iter().map(|it| self.told_by_held(caller, object.class, *it, guard, of))))
    }

    /// What a condition on an attribute of an object comes to that one of class `holder` was given.
    fn told_by_held(
        &self,
        caller: FnRef,
        holder: ClassRef,
        given: Setting,
        guard: Demand,
        of: (FileId, NameId),
    ) -> Option<bool> {
        let (file, value) = given?;
        let name = self.model(of.0).name(of.1);
        let object = self.object_made(file, value, 0)?;
        let guard = Demand { of: Of::Whole, ..guard };
        if matches!(guard.test, Test::Answers(_)) {
            return same(object.made.iter().map(|made| {
                let (file, value) = self.given_to_field(object.class, Some(*made), name)?;
                self.tells(file, value, guard)
            }));
        }
        // The one that holds it may set it: `self.options.slow = True`.
        if self.may_set_attribute(holder.file, caller, &object, name) {
            return None;
        }
        let (found, asked) = self.settings_of(caller, &object, name, guard);
        let truth = self.told_by_settings(&found, asked)?;
        Some(if asked.holds == guard.holds { truth } else { !truth })
    }
}
