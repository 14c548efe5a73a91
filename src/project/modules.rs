//! What a module gives under a name: what it binds, the modules in it, and what it opens.

use crate::finding::FileId;
use crate::model::{ClassKind, FILE_MODULE, Module, ModuleId, NameId, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::globs::Search;
use super::memo::{Question, once};
use super::types::{Foreign, Ty};

impl Project {
    /// A name at the top of a module: its own, or what it re-exports.
    pub(super) fn module_member(&self, file: FileId, module: ModuleId, name: &str) -> Option<Ty> {
        let mut search = Search::from((file, module));
        let found = self.member_within(file, module, name, &mut search);
        if !search.is_cut_off() {
            return found;
        }
        let all = || self.member_within(file, module, name, &mut Search::to_the_end((file, module)));
        self.bound_once((file, module), name).unwrap_or_else(all)
    }

    /// The same, without the modules that the search has been to.
    pub(super) fn member_within(&self, file: FileId, module: ModuleId, name: &str, search: &mut Search) -> Option<Ty> {
        let model = self.model(file);
        let declared = model.module(module);
        if let Some(id) = model.names.find(name)
            && let Some(bound) = self.bound_in(file, module, id, search)
        {
            return Some(bound);
        }
        if let Some(child) = self.child_module(file, module, name) {
            return Some(child);
        }
        let globs = declared.globs.iter().rev();
        let mut found = globs.filter_map(|glob| self.glob_member(file, glob.value, name, search));
        let last = found.next()?;
        // Rust would not have two: each is there for another `cfg`.
        Some(if model.language == Language::Rust { Ty::union(std::iter::once(last).chain(found)) } else { last })
    }

    /// The module of that name inside a module.
    pub(super) fn child_module(&self, file: FileId, module: ModuleId, name: &str) -> Option<Ty> {
        let model = self.model(file);
        match model.language {
            Language::Rust => {
                let id = model.names.find(name)?;
                // One that is there in tests alone stands beside the one that is meant.
                let inline = |in_tests: bool| {
                    let is_it = |it: &Module| it.parent == Some(module) && it.name == Some(id) && it.test == in_tests;
                    let found = model.modules.iter().position(is_it);
                    found.map(|found| Ty::Module(file, ModuleId(found as u32)))
                };
                if let Some(inline) = inline(model.module(module).test) {
                    return Some(inline);
                }
                let inside = model.inline_path(module);
                let declared = model.module(module).declared.iter().filter(|(it, _)| *it == id);
                declared
                    .filter_map(|(_, path)| self.declared_module(file, &inside, name, path.as_deref()))
                    .map(|child| Ty::Module(child, crate::model::FILE_MODULE))
                    .next()
                    .or_else(|| inline(!model.module(module).test))
            }
            Language::Python => match self.relative_module(file, 1, &[name]) {
                Some((child, 1)) if self.is_package(file) => Some(self.imported(child, name)),
                _ => None,
            },
        }
    }

    /// Rust: the module of a file that declares the one that `child` holds: `mod api { pub mod routes; }`. Mostly it is the file's own.
    pub(super) fn module_declaring(&self, file: FileId, child: FileId) -> ModuleId {
        let model = self.model(file);
        let declares = |module: &ModuleId| {
            let inside = model.inline_path(*module);
            let mut declared = model.module(*module).declared.iter();
            declared.any(|(name, path)| {
                self.declared_module(file, &inside, model.name(*name), path.as_deref()) == Some(child)
            })
        };
        let mut inline = (0..model.modules.len() as u32).map(ModuleId).filter(|it| *it != FILE_MODULE);
        inline.find(declares).unwrap_or(FILE_MODULE)
    }

    /// What the statements of a module bind a name to. Of several the last holds, unless it may not have been reached.
    fn bound_in(&self, file: FileId, module: ModuleId, name: NameId, search: &mut Search) -> Option<Ty> {
        let model = self.model(file);
        let declared = model.module(module);
        let mut known: Vec<Ty> = Vec::new();
        let mut globs = declared.globs.iter().rev().peekable();
        for (index, binding) in declared.bound_to(name) {
            while let Some(glob) = globs.next_if(|glob| glob.after as usize > index) {
                if let Some(found) = self.glob_member(file, glob.value, model.name(name), search) {
                    known.push(found);
                    return Some(Ty::union(known));
                }
            }
            let bound = self.evaluate(file, binding.value);
            if known.is_empty() && !binding.conditional {
                return Some(bound);
            }
            known.push(bound);
            if !binding.conditional {
                break;
            }
        }
        (!known.is_empty()).then(|| Ty::union(known))
    }

    /// A name that `from x import *` or `use x::*` brings in.
    fn glob_member(&self, file: FileId, glob: ValueId, name: &str, search: &mut Search) -> Option<Ty> {
        let language = self.language(file);
        match self.evaluate(file, glob) {
            Ty::Module(other, _) if !self.may_give(other, name) => None,
            Ty::Module(other, other_module) => {
                let visible = match &self.model(other).module(other_module).exports {
                    Some(names) => self.model(other).names.find(name).is_some_and(|id| names.contains(&id)),
                    None => !name.starts_with('_'),
                };
                if visible && search.enters((other, other_module)) {
                    once(Question::Opened(other, other_module, name.into()), || {
                        self.member_within(other, other_module, name, search)
                    })?
                } else {
                    None
                }
            }
            Ty::External(path) => {
                let found = self.external_member(language, &path, name);
                let Ty::External(full) = &found else { return None };
                let known = self.knowledge.api(language, full).is_some()
                    || self.knowledge.type_facts(language, full).is_some()
                    || self.knowledge.decorator(language, full).is_some();
                known.then_some(found)
            }
            // Whatever is added to a module of Rust, its `__all__` lists.
            Ty::Foreign(it @ Foreign::Module(_)) => {
                Some(self.foreign_member(it, name)).filter(|found| !found.is_unknown())
            }
            // `use Enum::*`
            enumeration @ Ty::Class(class) if self.model(class.file).class(class.class).kind == ClassKind::Enum => {
                let has = self.has_variant(class, name) || self.has_unit_variant(class, name);
                has.then(|| self.member(language, &enumeration, name))
            }
            _ => None,
        }
    }

    /// The file may bind the name at its top, or open something that does. Rust: what is not lowered need not be if its text has neither.
    fn may_give(&self, file: FileId, name: &str) -> bool {
        self.language(file) != Language::Rust || self.slot(file).model.get().is_some() || {
            let text = &self.source(file).text;
            [name, "::*", "{*", ", *", "macro_use"].iter().any(|it| text.contains(it))
        }
    }

    /// `from .core import core` in a package: who imports `core` from it gets that, and not the module of the same name. The package itself may
    /// have the module before that.
    pub(super) fn bound_over(&self, file: FileId, module: FileId, name: &str) -> Option<Ty> {
        if name.is_empty() || self.language(module) != Language::Python {
            return None;
        }
        let (package, _) = self.relative_module(module, if self.is_package(module) { 2 } else { 1 }, &[])?;
        // Most packages do not.
        if package == file || package == module || !self.source(package).text.contains(&format!("{name} import ")) {
            return None;
        }
        let model = self.model(package);
        let id = model.names.find(name)?;
        let is_from_module =
            |value: ValueId| matches!(model.value(value), Value::Path(path) if path.segments.ends_with(&[id, id]));
        let (_, binding) = model.module(FILE_MODULE).bound_to(id).next()?;
        is_from_module(binding.value).then(|| self.evaluate(package, binding.value))
    }

    fn is_package(&self, file: FileId) -> bool {
        self.path(file).file_stem() == Some("__init__")
    }
}
