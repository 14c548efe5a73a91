//! What the text or the path is, or begins with, that a call is given; and paths to no disk.

use crate::finding::FileId;
use crate::knowledge::Api;
use crate::model::{Call, CallId, Condition, Test, Value, ValueId};

use super::Project;
use super::guards::Guard;
use super::remembered::Only;
use super::types::{FnRef, Ty};

/// Methods that give what is inside.
const UNWRAPS: &[&str] = &["unwrap", "expect", "unwrap_or_else"];

/// What a folder is gone through for.
const ENTRIES: &[&str] = &["os.DirEntry", "std::fs::DirEntry"];

/// What is made of a value in more steps is not looked for.
const MOST_STEPS: u32 = 10;

impl Project {
    /// The value is a text that passes the test, or one of several that all do.
    pub(super) fn is_text(&self, file: FileId, value: ValueId, test: fn(&str) -> bool) -> bool {
        self.is_text_within(file, value, test, 0)
    }

    fn is_text_within(&self, file: FileId, value: ValueId, test: fn(&str) -> bool, depth: u32) -> bool {
        let mut at = value;
        for step in depth..MOST_STEPS {
            match self.model(file).value(at) {
                Value::Union(parts) => {
                    return parts.iter().all(|part| self.is_text_within(file, *part, test, step + 1));
                }
                // `for path in ("/proc/self/stat", "/proc/stat"):`
                Value::Element(_) if !self.is_entry(file, at) => {
                    let is_one = |it: &Ty| matches!(it, Ty::Str(text) if test(text));
                    return self.evaluate(file, at).parts().iter().all(is_one);
                }
                _ => {}
            }
            match self.begins_with(file, at) {
                Some(inner) => at = inner,
                None => return self.text_of(file, at).is_some_and(|text| test(&text)),
            }
        }
        false
    }

    /// It is opened under a path to no disk.
    pub(super) fn is_on_no_disk(&self, file: FileId, value: ValueId) -> bool {
        self.is_text(file, value, is_device)
    }

    /// What must hold for a call that is given a path, or asked of one, to wait for a disk.
    pub(super) fn needs_disk(&self, function: FnRef, call: &Call, api: &Api) -> Option<Guard> {
        let which = api.unless.iter().find_map(|it| it.strip_suffix("=@device"))?;
        self.needs_disk_for(function, self.value_for(function.file, call, which)?)
    }

    pub(super) fn needs_disk_for(&self, function: FnRef, path: ValueId) -> Option<Guard> {
        self.guard_of(function, Condition { value: path, test: Test::Device, holds: false })
    }

    /// What a path begins with: a parameter of the function, if one does.
    pub(super) fn path_behind(&self, function: FnRef, path: ValueId) -> ValueId {
        let declared = self.declared(function);
        let mut at = path;
        for _ in 0..MOST_STEPS {
            if declared.param_of(at).is_some() {
                break;
            }
            match self.begins_with(function.file, at) {
                Some(inner) => at = inner,
                None => break,
            }
        }
        at
    }

    /// The text that a value is.
    pub(super) fn text_of(&self, file: FileId, value: ValueId) -> Option<Box<str>> {
        let model = self.model(file);
        match model.value(value) {
            Value::Str(text) => Some(model.name(*text).into()),
            // A constant.
            Value::Global(..) | Value::Path(_) => match self.evaluate(file, value) {
                Ty::Str(text) => Some(text.as_ref().into()),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the text or path was made of, or begins with: what a pair begins with, or was given to the call which made it.
    fn begins_with(&self, file: FileId, value: ValueId) -> Option<ValueId> {
        let model = self.model(file);
        match model.value(value) {
            Value::Tuple(items) => items.first().copied(),
            Value::Entered(inner, _)
            | Value::Inner(inner)
            | Value::Deref(inner)
            | Value::Quotient(inner)
            | Value::Text(inner)
            // An entry of a folder.
            | Value::Element(inner) => Some(*inner),
            Value::Global(module, name) => {
                let mut bound = model.module(*module).bound_to(*name).map(|it| it.1.value);
                let only = bound.next().filter(|_| bound.next().is_none());
                only.filter(|it| matches!(model.value(*it), Value::Result(_) | Value::Quotient(_)))
            }
            Value::Result(id) => {
                let call = model.call(*id);
                match model.value(call.callee) {
                    Value::Attr(receiver, name)
                        if UNWRAPS.contains(&model.name(*name)) || self.begins_with_receiver(file, *id, *receiver) =>
                    {
                        Some(*receiver)
                    }
                    _ => call.args.first().map(|it| it.value),
                }
            }
            _ => None,
        }
    }

    /// What the method gives begins with what it is asked of: `root.join("stat")`, `text.to_string()`.
    fn begins_with_receiver(&self, file: FileId, call: CallId, receiver: ValueId) -> bool {
        let model = self.model(file);
        if matches!(model.value(receiver), Value::Str(_)) {
            return true;
        }
        if model.call(call).args.is_empty() {
            return !matches!(self.only(file, call), Only::Own(_) | Only::Construct(_));
        }
        let of = self.evaluate(file, receiver);
        of.library_path().is_some_and(|path| path.starts_with("pathlib.") || path.starts_with("std::path::"))
    }

    /// It is an entry of a folder that somebody goes through.
    fn is_entry(&self, file: FileId, value: ValueId) -> bool {
        let is_entry =
            |it: &Ty| it.library_path().is_some_and(|path| ENTRIES.contains(&path) || path.starts_with("pathlib."));
        let is_one = |it: &Ty| if it.is_result() { is_entry(&self.first_argument(it)) } else { is_entry(it) };
        self.evaluate(file, value).parts().iter().all(is_one)
    }
}

/// A path to no disk: the kernel itself answers.
pub(super) fn is_device(text: &str) -> bool {
    let is_below = |root| text.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_below("/proc")
        || is_below("/sys")
        || text.starts_with("/dev/fd")
        || matches!(text, "/dev/null" | "/dev/zero" | "/dev/full" | "/dev/random" | "/dev/urandom")
}

/// What is open at once, and then waits for somebody.
pub(super) fn is_terminal(text: &str) -> bool {
    matches!(text, "/dev/tty" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr")
}
