//! Rust: databases that are kept in memory. What is asked of them waits for no disk, wherever they are handed to.

use crate::finding::FileId;
use crate::model::{Call, Condition, Test, Value, ValueId};

use super::Project;
use super::conditions::is_name_of_memory;
use super::fields::DEEPEST;
use super::guards::Guard;
use super::remembered::Only;
use super::types::FnRef;

impl Project {
    /// What must hold for a call that asks a database for something, or opens one, to wait for a disk: `Some(None)` if nothing need be known,
    /// `None` if it never does.
    pub(super) fn asks_database(&self, function: FnRef, call: &Call) -> Option<Option<Guard>> {
        let model = self.model(function.file);
        let asked = match model.value(call.callee) {
            Value::Attr(receiver, _) => *receiver,
            _ => match call.args.first() {
                Some(first) => first.value,
                None => return Some(None),
            },
        };
        let database = self.database_behind(function.file, asked);
        if self.is_database_in_memory(function.file, database, 0) == Some(true) {
            return None;
        }
        Some(self.guard_of(function, Condition { value: database, test: Test::InMemory, holds: false }))
    }

    /// The database, or what is made of one by its own methods: `connection.prepare(..)?`.
    fn database_behind(&self, file: FileId, value: ValueId) -> ValueId {
        let model = self.model(file);
        let mut at = value;
        loop {
            at = match model.value(at) {
                Value::Inner(inner) | Value::Deref(inner) => *inner,
                Value::Result(call) => match model.value(model.call(*call).callee) {
                    Value::Attr(receiver, _) if matches!(self.only(file, *call), Only::Api(_)) => *receiver,
                    _ => return at,
                },
                _ => return at,
            };
        }
    }

    /// Whether the database is one that is kept in memory, or the text the name of one, where that can be told.
    pub(super) fn is_database_in_memory(&self, file: FileId, value: ValueId, depth: u32) -> Option<bool> {
        let model = self.model(file);
        let value = self.database_behind(file, value);
        if self.is_text(file, value, is_name_of_memory) {
            return Some(true);
        }
        match model.value(value) {
            Value::Str(_) => Some(false),
            Value::Result(call) => match self.only(file, *call) {
                Only::Api(api) if api.last_name().starts_with("open_in_memory") => Some(true),
                Only::Own(maker) if depth < DEEPEST => {
                    self.looks_into(maker.file);
                    let [made] = self.function(maker).returned[..] else { return None };
                    self.is_database_in_memory(maker.file, made, depth + 1)
                }
                _ => None,
            },
            // `Ok(connection)`
            Value::Instance { args, .. } => match args[..] {
                [made] if depth < DEEPEST => self.is_database_in_memory(file, made, depth + 1),
                _ => None,
            },
            _ => None,
        }
    }
}
