//! Sync functions that run on the loop all the same: handed to it as callbacks, or called there by a framework.

use crate::finding::FileId;
use crate::knowledge::{Place as RunPlace, Runner};
use crate::model::{CallId, ClassId, ClassKind, FunctionId, FunctionKind, NameId, Value};

use super::Project;
use super::types::{ClassRef, FnRef, Ty};

impl Project {
    /// Sync functions of the file that are handed to the loop, or that a framework runs on it.
    pub(super) fn callbacks_of(&self, file: FileId) -> Vec<FnRef> {
        let _outlines = self.of_outlines();
        let model = self.model(file);
        let mut callbacks = Vec::new();
        for (index, call) in model.calls.iter().enumerate() {
            let Value::Attr(_, name) = model.value(call.callee) else { continue };
            if call.args.is_empty() || !self.knowledge.names_a_callback(model.language, model.name(*name)) {
                continue;
            }
            let Some(api) = self.api_of(file, CallId(index as u32)) else { continue };
            for runs in api.runs.iter().filter(|it| it.place == Runner::Loop) {
                let name = (!runs.name.is_empty()).then_some(runs.name);
                let argument = call.argument(&model.names, runs.position.map(usize::from), name);
                if let Some(argument) = argument
                    && let Ty::Function(function) | Ty::Bound(_, function) = self.evaluate(file, argument.value)
                    && matches!(self.function(function).kind, FunctionKind::Sync | FunctionKind::Closure)
                {
                    callbacks.push(function);
                }
            }
        }
        for id in model.function_ids() {
            let function = model.function(id);
            if function.kind != FunctionKind::Sync || function.decorators.is_empty() {
                continue;
            }
            let on_loop = function.decorators.iter().any(|decorator| {
                let (Ty::External(path) | Ty::Method(path, _)) = self.evaluate(file, decorator.value) else {
                    return false;
                };
                self.knowledge.decorator(model.language, &path).is_some_and(|facts| facts.sync == Some(RunPlace::Loop))
            });
            if on_loop {
                callbacks.push(FnRef { file, function: id });
            }
        }
        self.methods_on_loop(file, &mut callbacks);
        callbacks
    }

    /// Methods that a framework calls on the loop because of what their class derives from or implements.
    fn methods_on_loop(&self, file: FileId, callbacks: &mut Vec<FnRef>) {
        let model = self.model(file);
        let is_sync = |function: FunctionId| model.function(function).kind == FunctionKind::Sync;
        let may_handle = |methods: &[(NameId, FunctionId)]| {
            methods.iter().any(|(name, function)| {
                is_sync(*function) && self.knowledge.names_a_handler(model.language, model.name(*name))
            })
        };
        let mut keep = |path: &str, methods: &[(NameId, FunctionId)]| {
            for facts in self.knowledge.base(model.language, path) {
                if facts.sync != Some(RunPlace::Loop) {
                    continue;
                }
                let wanted = |name: &str| facts.methods.contains(&name);
                let found = methods.iter().filter(|(name, function)| wanted(model.name(*name)) && is_sync(*function));
                callbacks.extend(found.map(|(_, function)| FnRef { file, function: *function }));
            }
        };
        for (index, class) in model.classes.iter().enumerate() {
            if class.kind == ClassKind::Class && !class.bases.is_empty() && may_handle(&class.methods) {
                let class_ref = ClassRef { file, class: ClassId(index as u32) };
                for path in self.library_bases(class_ref) {
                    keep(&path, &class.methods);
                }
            }
        }
        for it in &model.impls {
            if may_handle(&it.methods)
                && let Some(of_trait) = it.of_trait
                && let Ty::External(path) = self.evaluate(file, of_trait)
            {
                keep(&path, &it.methods);
            }
        }
    }
}
