//! What a Rust file shows to Python, as the attributes of PyO3 say: names alone, each linked to the item behind it later.

use super::{CallId, ClassId, FileModel, FunctionId, ModuleId, NameId, ValueId};
use crate::source::Language;

/// What one Rust file shows. Items are in order of place.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub functions: Vec<ShownFunction>,
    pub classes: Vec<ShownClass>,
    pub modules: Vec<ShownModule>,
    /// The types that calls name as their type argument: `module.add_class::<Store>()`.
    pub types: Vec<(CallId, ValueId)>,
}

/// `#[pyfunction]`, or a method of a `#[pymethods]` block.
#[derive(Debug, Clone)]
pub struct ShownFunction {
    pub function: FunctionId,
    /// What Python calls it.
    pub name: NameId,
    pub role: Role,
    /// The parameters that Python gives, in the order in which it gives them: neither `self` nor `py`.
    pub given: Vec<Given>,
}

/// How Python gets to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// By calling it.
    Call,
    /// By making an instance of its class.
    New,
    /// By reading an attribute.
    Getter,
    /// By setting one.
    Setter,
}

/// A parameter that Python gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Its place among [`Function::params`](super::Function::params).
    pub param: u32,
    /// It may be given without its name.
    pub positional: bool,
}

/// `#[pyclass]`
#[derive(Debug, Clone)]
pub struct ShownClass {
    pub class: ClassId,
    pub name: NameId,
    /// The class value of `extends`.
    pub base: Option<ValueId>,
}

/// `#[pymodule]`
#[derive(Debug, Clone)]
pub struct ShownModule {
    pub name: NameId,
    pub body: ModuleBody,
    /// What a module of the declarative form holds: functions, classes and modules, under the names they have in Python.
    pub exports: Vec<ValueId>,
    /// `#[pymodule_init]`: adds to a module of the declarative form.
    pub init: Option<FunctionId>,
}

/// What fills a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleBody {
    /// `#[pymodule] fn`: its last parameter is the module.
    Function(FunctionId),
    /// `#[pymodule] mod`
    Inline(ModuleId),
    /// What a function makes by `PyModule::new`: the value that stands for it there.
    Made(FunctionId, ValueId),
}

impl Shown {
    /// Nothing is shown: no attribute of PyO3 stands in the file.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.classes.is_empty() && self.modules.is_empty() && self.types.is_empty()
    }

    pub fn function(&self, id: FunctionId) -> Option<&ShownFunction> {
        self.functions.iter().find(|it| it.function == id)
    }

    pub fn class(&self, id: ClassId) -> Option<&ShownClass> {
        self.classes.iter().find(|it| it.class == id)
    }

    /// The type that the call names.
    pub fn type_of(&self, call: CallId) -> Option<ValueId> {
        self.types.iter().find(|(it, _)| *it == call).map(|(_, value)| *value)
    }
}

impl FileModel {
    /// The file shows something to Python, or its functions may be handed a module to fill.
    pub fn may_fill_modules(&self) -> bool {
        self.shown.is_some() || self.language == Language::Rust && self.names.find("PyModule").is_some()
    }
}
