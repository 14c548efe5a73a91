//! What is known of attributes at one place of a function: they have just been set, or asked for, and nothing has run since that may set them
//! otherwise. It decides what a call does that asks the same object: `self.closed = True; self.flush()`.

use crate::model::{Call, CallId, Condition, NameId, Test, Value, ValueId};

use super::Project;
use super::effects::{Attribute, Site};
use super::guards::{Demand, Of, Outcome};
use super::remembered::Only;
use super::sites::Found;
use super::types::{ClassRef, FnRef, Ty};

impl Found<'_> {
    /// What is known of attributes of the object that the call asks, and of those that it hands on.
    pub(super) fn known_at(&self, call: CallId) -> Vec<Attribute> {
        if self.known.is_empty() {
            return Vec::new();
        }
        let model = self.project.model(self.file);
        let Call { callee, args, .. } = model.call(call);
        let is_known = |it: &&Attribute| {
            matches!(model.value(*callee), Value::Attr(receiver, _) if *receiver == it.object)
                || args.iter().any(|arg| arg.value == it.object)
        };
        self.known.iter().rev().filter(is_known).copied().collect()
    }

    /// What tests say of attributes is known from here on.
    pub(super) fn learn(&mut self, said: &[Condition]) {
        let model = self.project.model(self.file);
        let attribute = |it: &Condition| match *model.value(it.value) {
            Value::Attr(object, name) => Some(Attribute { object, name, test: it.test, holds: it.holds }),
            _ => None,
        };
        self.known.extend(said.iter().filter(|it| !it.test.asks_for_kind()).filter_map(attribute));
    }

    pub(super) fn set(&mut self, object: ValueId, name: NameId, to: ValueId) {
        let model = self.project.model(self.file);
        // So is what was known of attributes of what it was.
        let is_of_it = |it: &Attribute| *model.value(it.object) == Value::Attr(object, name);
        self.known.retain(|it| (it.object, it.name) != (object, name) && !is_of_it(it));
        self.known.push(Attribute { object, name, test: Test::Equals(to), holds: true });
    }

    /// What a call runs may set attributes: of a library's functions, only those that call others here.
    pub(super) fn may_set(&self, id: CallId) -> bool {
        let project = self.project;
        match project.only(self.file, id) {
            Only::Api(api) => !api.runs.is_empty(),
            Only::Unknown => {
                let callee = project.evaluate(self.file, project.model(self.file).call(id).callee);
                !matches!(callee, Ty::External(_) | Ty::Method(..))
            }
            _ => true,
        }
    }
}

impl Project {
    /// Some method of the class sets the attribute, a plain one, before it asks the object for something.
    pub(super) fn is_decided(&self, class: ClassRef, name: &str) -> bool {
        let model = self.model(class.file);
        let Some(id) = model.names.find(name) else { return false };
        let decided = &model.class(class.class).decided;
        decided.contains(&id) && self.find_method(class, name).is_none()
    }

    /// What the caller knows at that place of the attribute of an object, as it has just been set or asked for.
    pub(super) fn outcome_of_known(
        &self,
        caller: FnRef,
        site: &Site,
        object: ValueId,
        name: &str,
        guard: Demand,
    ) -> Option<Outcome> {
        let model = self.model(caller.file);
        let is_it = |it: &&Attribute| it.object == object && model.name(it.name) == name;
        let mut known = site.attributes.iter().filter(is_it).peekable();
        known.peek()?;
        let is_set = known.clone().any(|it| matches!(it.test, Test::Equals(_)) && it.holds);
        let truth = known.find_map(|it| {
            let known = Condition { value: object, test: it.test, holds: it.holds };
            self.follows_from(caller.file, known, Demand { of: Of::Whole, ..guard })
        });
        (is_set || truth.is_some()).then(|| guard.outcome(truth))
    }
}
