//! Conditions on what functions around a nested one were given, which it sees: `def f(flag): def inner(): if flag: ..`.

use crate::finding::FileId;
use crate::model::{Condition, FunctionId};

use super::Project;
use super::guards::{Demand, Guard, Of, Outcome};
use super::types::FnRef;

impl Project {
    /// A nested function asks something of what one around it was given.
    pub(super) fn demand_on_outer(
        &self,
        function: FnRef,
        condition: Condition,
        (outer, param): (FunctionId, u32),
    ) -> Option<Demand> {
        let is_inside = outer != function.function && self.is_inside(function.file, function.function, outer);
        let asked_in = if condition.test.refers() { function.file } else { FileId(0) };
        is_inside.then_some(Demand {
            param: u16::try_from(param).ok()?,
            of: Of::Outer(outer),
            asked_in,
            ..Demand::on_own_object(condition, function.file)
        })
    }

    /// Rust: a closure is at a path that one of the functions around it was given.
    pub(super) fn demand_on_path_around(&self, function: FnRef, condition: Condition) -> Option<Demand> {
        let mut at = self.declared(function).parent;
        while let Some(outer) = at {
            let declared = self.declared(FnRef { function: outer, ..function });
            if let Some(param) = declared.param_of(condition.value) {
                return self.demand_on_outer(function, condition, (outer, u32::try_from(param).ok()?));
            }
            at = declared.parent;
        }
        None
    }

    /// What is asked of a parameter of `outer`, where `caller` runs a function inside that.
    pub(super) fn outcome_in(&self, caller: FnRef, callee: FnRef, outer: FunctionId, guard: Demand) -> Outcome {
        if caller.file != callee.file {
            return Outcome::Open;
        }
        if caller.function == outer {
            return Outcome::Becomes(Guard::from(Demand { of: Of::Whole, ..guard }));
        }
        match self.is_inside(caller.file, caller.function, outer) {
            true => Outcome::Becomes(Guard::from(guard)),
            false => Outcome::Open,
        }
    }
}
