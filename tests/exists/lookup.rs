//! What both languages' look-ups share: a name is a member of something, and something is what a value stands for.

use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use asynclint::model::{ClassId, FileModel, FunctionId, Value, ValueId};

use crate::memo::{Begun, Memo};

/// Something a path stands for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Thing<M> {
    Module(M),
    Class(PathBuf, ClassId),
    Function(PathBuf, FunctionId),
    /// It is there, and no more is known of it.
    Opaque,
}

/// A file that was read.
pub struct Unit<P> {
    pub file: PathBuf,
    /// Where it stands among the others.
    pub place: P,
    pub model: FileModel,
}

/// What all that a path stands for is.
pub enum Nature {
    Modules,
    Functions(Vec<(PathBuf, FunctionId)>),
    Mixed,
}

/// `None`: it stands for nothing. A module that a function or a class hides does not count.
pub fn nature<M>(found: &[Thing<M>]) -> Option<Nature> {
    let others = || found.iter().filter(|it| !matches!(it, Thing::Module(_)));
    let functions = others().map(|it| match it {
        Thing::Function(file, function) => Some((file.clone(), *function)),
        _ => None,
    });
    match (found.is_empty(), others().next().is_none()) {
        (true, _) => None,
        (false, true) => Some(Nature::Modules),
        (false, false) => Some(functions.collect::<Option<_>>().map_or(Nature::Mixed, Nature::Functions)),
    }
}

/// The libraries of a language.
pub trait LookUp {
    type Module: Clone + Eq + Hash;
    type Place;
    /// Circles of imports and bases end here.
    const DEEPEST: u32;

    fn memo(&mut self) -> &mut Memo<Thing<Self::Module>>;
    /// The modules of that name in a module.
    fn modules(&mut self, module: &Self::Module, name: &str) -> Vec<Self::Module>;
    fn module_member(&mut self, module: &Self::Module, name: &str, depth: u32) -> Vec<Thing<Self::Module>>;
    fn class_member(&mut self, file: &Path, class: ClassId, name: &str, depth: u32) -> Vec<Thing<Self::Module>>;
    /// Of what a property gives.
    fn function_member(
        &mut self,
        _file: &Path,
        _function: FunctionId,
        _name: &str,
        _depth: u32,
    ) -> Vec<Thing<Self::Module>> {
        Vec::new()
    }

    /// What the values stand for that each language has its own way with.
    fn stands_for(&mut self, unit: &Rc<Unit<Self::Place>>, value: &Value, depth: u32) -> Vec<Thing<Self::Module>>;

    fn member(&mut self, of: &Thing<Self::Module>, name: &str, depth: u32) -> Vec<Thing<Self::Module>> {
        let begun = match self.memo().begin(of, name, depth > Self::DEEPEST) {
            Begun::Known(found) => return found,
            // `mod copy; pub use copy::copy;`: the way to the function leads through the module.
            Begun::Cut => {
                return match of {
                    Thing::Module(module) => self.modules(module, name).into_iter().map(Thing::Module).collect(),
                    _ => Vec::new(),
                };
            }
            Begun::Open(begun) => begun,
        };
        let found = match of {
            Thing::Module(module) => self.module_member(module, name, depth),
            Thing::Class(file, class) => self.class_member(file, *class, name, depth),
            Thing::Function(file, function) => self.function_member(file, *function, name, depth),
            Thing::Opaque => {
                self.memo().doubt.unsure = true;
                Vec::new()
            }
        };
        self.memo().end(begun, found, |it| *it == Thing::Opaque)
    }

    /// What a value stands for: at least something, since it is bound.
    fn evaluate(&mut self, unit: &Rc<Unit<Self::Place>>, value: ValueId, depth: u32) -> Vec<Thing<Self::Module>> {
        if depth > Self::DEEPEST {
            self.memo().give_up();
            return vec![Thing::Opaque];
        }
        let mut found = match unit.model.value(value) {
            Value::Function(function) => vec![Thing::Function(unit.file.clone(), *function)],
            Value::Instance { class, .. } => self.evaluate(unit, *class, depth + 1),
            Value::Attr(inner, name) => {
                let of = self.evaluate(unit, *inner, depth + 1);
                of.iter().flat_map(|it| self.member(it, unit.model.name(*name), depth + 1)).collect()
            }
            Value::Union(parts) => parts.iter().flat_map(|it| self.evaluate(unit, *it, depth + 1)).collect(),
            own => self.stands_for(unit, own, depth),
        };
        found.dedup();
        if found.is_empty() { vec![Thing::Opaque] } else { found }
    }
}
