//! Objects that modules make, `service = Service(Client())`, as other files see them.

use crate::finding::FileId;
use crate::model::{ModuleId, NameId, Path, TOP_LEVEL, Value};

use super::Project;
use super::fields::{DEEPEST, Object};
use super::types::{FnRef, Ty};

impl Project {
    /// The object that a module binds a name to, wherever it is made: of several, one that is made in one of these places.
    pub(super) fn object_bound(&self, file: FileId, module: ModuleId, name: NameId, depth: u32) -> Option<Object> {
        if depth >= DEEPEST {
            return None;
        }
        self.looks_into(file);
        let model = self.model(file);
        let top = FnRef { file, function: TOP_LEVEL };
        let mut found: Option<Object> = None;
        for (_, binding) in model.module(module).bound_to(name) {
            // `service = None`, before it is made.
            if *model.value(binding.value) != Value::None {
                let object = self.object(top, binding.value, depth + 1).filter(|it| !it.made.is_empty())?;
                match &mut found {
                    None => found = Some(object),
                    Some(other) if other.class == object.class => other.made.extend(object.made),
                    Some(_) => return None,
                }
            }
            if !binding.conditional {
                break;
            }
        }
        found
    }

    /// The same, seen from outside: `deps.service`.
    pub(super) fn object_named(&self, file: FileId, module: ModuleId, name: &str, depth: u32) -> Option<Object> {
        let model = self.model(file);
        let declared = model.module(module);
        if let Some(id) = model.names.find(name).filter(|id| declared.bound_to(*id).next().is_some()) {
            return self.object_bound(file, module, id, depth);
        }
        let mut opened = declared.globs.iter().rev().filter_map(|glob| match self.evaluate(file, glob.value) {
            Ty::Module(file, module) if depth < DEEPEST => self.object_named(file, module, name, depth + 1),
            _ => None,
        });
        opened.next()
    }

    /// `from deps import service`
    pub(super) fn object_imported(&self, file: FileId, path: &Path, depth: u32) -> Option<Object> {
        let (name, module) = path.segments.split_last()?;
        let module = Path { root: path.root, segments: module.into() };
        match self.outside(file, &module) {
            Ty::Module(found, module) => self.object_named(found, module, self.model(file).name(*name), depth),
            _ => None,
        }
    }
}
