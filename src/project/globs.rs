//! What a module opens by `import *` and `use x::*`, and what that opens in turn, however many modules open one another.

use std::sync::{Arc, PoisonError};

use rustc_hash::FxHashSet;

use crate::finding::FileId;
use crate::model::ModuleId;

use super::Project;
use super::memo::{apart, is_apart};
use super::types::Ty;

type Module = (FileId, ModuleId);

/// Modules that are gone through for one name before it is asked what there is altogether.
const MOST_MODULES: usize = 32;

/// The search for one name, through modules that open others: each is gone through once.
pub(super) struct Search {
    from: Module,
    /// Most end where they begin.
    seen: FxHashSet<Module>,
    most: usize,
}

impl Search {
    pub(super) fn from(module: Module) -> Self {
        Self { from: module, seen: FxHashSet::default(), most: MOST_MODULES }
    }

    /// The same without an end.
    pub(super) fn to_the_end(module: Module) -> Self {
        Self { most: usize::MAX, ..Self::from(module) }
    }

    /// Goes on to that module, unless it has been there.
    pub(super) fn enters(&mut self, module: Module) -> bool {
        module != self.from && self.seen.len() <= self.most && self.seen.insert(module)
    }

    /// There were too many: what has been found may not be all.
    pub(super) fn is_cut_off(&self) -> bool {
        self.seen.len() > self.most
    }
}

/// All that can be reached from a module by what modules open.
pub(super) struct Reached {
    modules: FxHashSet<Module>,
    /// A name comes from wherever it is bound: nobody lists what is shown, and nothing opened is a library's.
    is_plain: bool,
}

impl Project {
    /// Of a module that opens very many: the name, if no more than one of these binds it. `None`: that has to be gone through.
    pub(super) fn bound_once(&self, module: Module, name: &str) -> Option<Option<Ty>> {
        // Circles are gone through as they are, and sessions note every step.
        if self.noted || is_apart() || name.starts_with('_') {
            return None;
        }
        let reached = self.reached_from(module);
        if !reached.is_plain {
            return None;
        }
        let mut binding = reached.modules.iter().filter(|it| self.may_bind(**it, name));
        let (found, another) = (binding.next(), binding.next());
        if another.is_some() {
            return None;
        }
        // What else it opens has none of that name.
        let mut search = Search { seen: reached.modules.clone(), ..Search::to_the_end(module) };
        Some(found.and_then(|(file, at)| self.member_within(*file, *at, name, &mut search)))
    }

    fn may_bind(&self, (file, module): Module, name: &str) -> bool {
        let model = self.model(file);
        let binds = |id| model.module(module).bound_to(id).next().is_some();
        model.names.find(name).is_some_and(binds) || self.child_module(file, module, name).is_some()
    }

    /// What can be reached from the module, and the module itself.
    fn reached_from(&self, module: Module) -> Arc<Reached> {
        let known = || self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reached) = known().get(&module) {
            return Arc::clone(reached);
        }
        let reached = Arc::new(apart(|| {
            let mut reached = Reached { modules: FxHashSet::from_iter([module]), is_plain: true };
            let mut pending = vec![module];
            while let Some((file, at)) = pending.pop() {
                let declared = self.model(file).module(at);
                reached.is_plain &= declared.exports.is_none();
                for glob in &declared.globs {
                    let next = match self.evaluate(file, glob.value) {
                        Ty::Module(file, at) => (file, at),
                        Ty::External(_) | Ty::Foreign(_) => {
                            reached.is_plain = false;
                            continue;
                        }
                        _ => continue,
                    };
                    if reached.modules.contains(&next) {
                        continue;
                    }
                    let beyond = known().get(&next).cloned();
                    match beyond {
                        Some(beyond) => {
                            reached.is_plain &= beyond.is_plain;
                            reached.modules.extend(&beyond.modules);
                        }
                        None => {
                            reached.modules.insert(next);
                            pending.push(next);
                        }
                    }
                }
            }
            reached
        }));
        Arc::clone(known().entry(module).or_insert(reached))
    }
}
