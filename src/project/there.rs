//! Python: whether a value is surely something, and not `None`, on whatever way it came to be.

use crate::finding::FileId;
use crate::model::{CallId, Display, FunctionKind, NameId, Node, Value, ValueId, flow};
use crate::source::Language;

use super::Project;
use super::fields::DEEPEST;
use super::members::Ancestor;
use super::remembered::Only;
use super::types::{Class, ClassRef, FnRef, Ty};

/// Types of what is never missing where a table says that a function gives it.
const PLAIN: &[&str] = &["bool", "bytes", "dict", "float", "int", "list", "set", "str", "tuple"];

impl Project {
    /// The value is made, declared or given back by something that never gives `None`.
    pub(super) fn is_there(&self, file: FileId, value: ValueId, depth: u32) -> bool {
        let model = self.model(file);
        if model.language != Language::Python || depth > DEEPEST {
            return false;
        }
        match model.value(value) {
            Value::Bool(_) | Value::Said(_) | Value::Int(_) | Value::Str(_) | Value::Function(_) | Value::Class(_) => {
                true
            }
            Value::Tuple(_) | Value::Collection(..) | Value::Text(_) => true,
            Value::Instance { class, .. } => match self.evaluate(file, *class) {
                Ty::Class(_) => true,
                Ty::External(path) => !matches!(builtin(&path), "object" | "Any" | "NoneType"),
                _ => false,
            },
            Value::Replaced(param, _) => self.is_there(file, *param, depth + 1),
            Value::Union(parts) => parts.iter().all(|it| self.is_there(file, *it, depth + 1)),
            Value::Result(call) => self.gives_something(file, *call, depth),
            Value::Awaited(inner) => match *model.value(*inner) {
                Value::Result(call) => match self.only(file, call) {
                    Only::Own(function) if self.declared(function).kind == FunctionKind::Async => {
                        self.returns_something(function, depth)
                    }
                    _ => false,
                },
                _ => false,
            },
            Value::Element(inner) => match model.value(*inner) {
                Value::Instance { args, .. } => args.first().is_some_and(|it| self.is_there(file, *it, depth + 1)),
                Value::Collection(display, items) => {
                    *display != Display::Dict && items.iter().all(|it| self.is_there(file, *it, depth + 1))
                }
                Value::Tuple(items) => items.iter().all(|it| self.is_there(file, *it, depth + 1)),
                _ => false,
            },
            Value::Attr(object, name) => self.has_something(file, (*object, *name), value, depth),
            Value::Global(..) | Value::Path(_) => self.is_code(&self.evaluate(file, value)),
            _ => false,
        }
    }

    /// A function, method or class.
    pub(super) fn is_code(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Function(_) | Ty::Class(_) | Ty::Bound(..) | Ty::Partial(_) => true,
            Ty::External(path) | Ty::Method(path, _) => self.knowledge.api(Language::Python, path).is_some(),
            _ => false,
        }
    }

    fn gives_something(&self, file: FileId, call: CallId, depth: u32) -> bool {
        match self.only(file, call) {
            Only::Construct(_) => true,
            Only::Own(function) => {
                let declared = self.declared(function);
                declared.kind.is_async() || declared.is_generator || self.returns_something(function, depth)
            }
            Only::Api(api) => {
                let given = api.returns.split('[').next().unwrap_or_default();
                PLAIN.contains(&given) || self.knowledge.type_facts(Language::Python, given).is_some()
            }
            Only::Several | Only::Unknown => {
                let model = self.model(file);
                let callee = model.call(call).callee;
                // A method of a text: none of them gives `None`.
                if let Value::Attr(of, _) = *model.value(callee)
                    && matches!(self.evaluate(file, of), Ty::Str(_))
                {
                    return true;
                }
                let ty = self.evaluate(file, callee);
                matches!(ty, Ty::External(path) if self.knowledge.type_facts(Language::Python, &path).is_some())
            }
        }
    }

    /// What a function of the project returns: by what it declares, else by all of its `return`s.
    fn returns_something(&self, function: FnRef, depth: u32) -> bool {
        if let Some(returns) = self.declared(function).returns {
            return self.is_there(function.file, returns, depth + 1);
        }
        self.looks_into(function.file);
        let definition = self.function(function);
        let ends = |it: &Node| matches!(it, Node::Call(_)) && self.is_the_end(function.file, it);
        !definition.returned.is_empty()
            && definition.returned.iter().all(|it| self.is_there(function.file, *it, depth + 1))
            && !flow::exits(&definition.body, &ends).falls
    }

    /// An attribute: by what it is declared to be, or by all that the class sets it to.
    fn has_something(&self, file: FileId, (object, name): (ValueId, NameId), value: ValueId, depth: u32) -> bool {
        let name = self.model(file).name(name);
        match self.evaluate(file, object) {
            Ty::Instance(Class::Own(class), _) if self.language(class.file) == Language::Python => {
                match self.find_method(class, name) {
                    Some(method) if self.is_property(method) => self.returns_something(method, depth),
                    Some(_) => true,
                    None => self.sets_something(class, name, depth),
                }
            }
            // What these have are methods.
            Ty::Str(_) | Ty::Collection(_) | Ty::Tuple(_) => true,
            _ => self.is_code(&self.evaluate(file, value)),
        }
    }

    fn sets_something(&self, class: ClassRef, name: &str, depth: u32) -> bool {
        let mut is_set = false;
        for ancestor in self.ancestry(class).iter() {
            let Ancestor::Own(class) = ancestor else { continue };
            let model = self.model(class.file);
            let Some(id) = model.names.find(name) else { continue };
            let definition = model.class(class.class);
            let named = |it: &&(NameId, ValueId)| it.0 == id;
            let is_there = |it: &(NameId, ValueId)| self.is_there(class.file, it.1, depth + 1);
            // What is declared of it is taken at its word.
            if let Some(declared) = definition.declared.iter().find(named) {
                return is_there(declared);
            }
            let mut set = definition.fields.iter().chain(&definition.also_set).filter(named).peekable();
            is_set |= set.peek().is_some();
            if !set.all(is_there) {
                return false;
            }
        }
        is_set
    }
}

/// The name of a type that stands in no module of its own.
fn builtin(path: &str) -> &str {
    let modules = ["builtins.", "typing.", "types."];
    modules.iter().find_map(|it| path.strip_prefix(it)).unwrap_or(path)
}
