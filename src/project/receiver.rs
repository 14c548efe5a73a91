//! What a call runs inside of a method, for whoever knows the class of the object: rules that follow a helper themselves ask this.

use crate::finding::FileId;
use crate::model::{CallId, Value};
use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

impl Project {
    /// Python: the class of the object that a call asks.
    pub fn class_asked(&self, file: FileId, call: CallId) -> Option<ClassRef> {
        let model = self.model(file);
        let Value::Attr(receiver, _) = *model.value(model.call(call).callee) else { return None };
        match self.evaluate(file, receiver) {
            Ty::Instance(Class::Own(class), _) if model.language == Language::Python => Some(class),
            _ => None,
        }
    }

    /// The function that a call in `helper` runs where that is a method of an object of this class, and of which class the object is that
    /// it is asked of.
    pub fn run_in_helper(
        &self,
        helper: FnRef,
        call: CallId,
        of: Option<ClassRef>,
    ) -> Option<(FnRef, Option<ClassRef>)> {
        let run = self.own_of(helper.file, call)?;
        let model = self.model(helper.file);
        let Value::Attr(receiver, name) = *model.value(model.call(call).callee) else { return Some((run, None)) };
        if matches!(model.value(receiver), Value::Super(_)) {
            return Some((run, of));
        }
        if !self.is_own_object(helper, receiver) {
            return Some((run, self.class_asked(helper.file, call)));
        }
        Some((of.and_then(|of| self.find_method(of, model.name(name))).unwrap_or(run), of))
    }
}
