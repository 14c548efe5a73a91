//! Coroutines that somebody else than the caller drives: they are handed to the loop, entered, gone through. The user's answer for
//! themselves; those of a library are told where they are made.

use crate::knowledge::{Api, Runner};
use crate::model::{Call, Scope, ScopeKind, Value, ValueId};

use super::effects::Site;
use super::sites::Found;
use super::types::{Class, FnRef, Ty};

impl Found<'_> {
    /// A library's function runs what it is given.
    pub(super) fn drives(&mut self, call: &Call, api: &'static Api) {
        let model = self.project.model(self.file);
        // Whoever is awaited itself drives what it is given: `timeout(limit, work())`.
        let drives_all = call.awaited && api.is_async;
        let starts = api.runs.iter().any(|it| it.place == Runner::Task);
        call.args.iter().filter(|it| drives_all || starts && it.spread).for_each(|it| self.drive(it.value));
        for runs in api.runs.iter().filter(|_| !drives_all) {
            let name = (!runs.name.is_empty()).then_some(runs.name);
            if matches!(runs.place, Runner::Task | Runner::Loop | Runner::Inline)
                && let Some(argument) = call.argument(&model.names, runs.position.map(usize::from), name)
            {
                self.drive(argument.value);
            }
        }
    }

    /// What is handed over runs on the loop. The user's coroutines answer for themselves; those of a library are told where they
    /// are made.
    fn drive(&mut self, given: ValueId) {
        let project = self.project;
        let model = project.model(self.file);
        match model.value(given) {
            Value::Result(made) => {
                let call = model.call(*made);
                let is_library = |it: &FnRef| project.is_installed(it.file) && project.declared(*it).kind.is_async();
                if !call.awaited
                    && let Some(function) = project.own_of(self.file, *made).filter(is_library)
                {
                    let site = self.site(call.name_span, Some(*made));
                    self.own(&site, project.run_by_call(function, true));
                }
            }
            Value::Collection(_, items) => items.iter().for_each(|it| self.drive(*it)),
            Value::Element(items) => self.drive(*items),
            _ => {}
        }
    }

    pub(super) fn entered(&mut self, scope: &Scope) {
        for item in &scope.items {
            let site = self.site_of(item.span, item.value);
            match scope.kind {
                ScopeKind::With => self.enter(&site, item.value, true),
                ScopeKind::AsyncWith => self.enter_async(&site, item.value),
                _ => {}
            }
        }
    }

    /// `async with value:`. The user's async functions answer for themselves, those of a library do not.
    fn enter_async(&mut self, site: &Site, value: ValueId) {
        match self.project.evaluate(self.file, value) {
            Ty::Manager(manager) if self.project.is_installed(manager.file) => self.own(site, [manager]),
            value => self.methods_awaited(site, &value, &["__aenter__", "__aexit__"]),
        }
    }

    /// The language awaits what methods of a library's object give.
    pub(super) fn methods_awaited(&mut self, site: &Site, value: &Ty, names: &[&str]) {
        let project = self.project;
        let Ty::Instance(Class::Own(class), _) = value else { return };
        let methods = names.iter().filter_map(|name| project.find_method(*class, name));
        let installed = methods.filter(|it| project.is_installed(it.file) && !project.is_abstract(*it));
        self.own(site, installed.flat_map(|it| project.run_by_call(it, true)));
    }
}
