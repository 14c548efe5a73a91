//! Classes: bases, attributes, methods.

use ruff_python_ast::{Expr, StmtClassDef};
use ruff_text_size::Ranged;

use crate::model::{Class, ClassId, ClassKind, FILE_MODULE, FunctionId, NameId, UNKNOWN, Use, Value, ValueId};
use crate::source::Span;

use super::parse::span;
use super::scope::Lowerer;

impl<'a> Lowerer<'a> {
    /// `class`: its body runs here and now, as part of what surrounds it.
    pub(super) fn class_definition(&mut self, definition: &'a StmtClassDef) {
        let decorators = self.decorators(&definition.decorator_list);
        let decorators = decorators.iter().map(|it| it.value).collect();
        let mut bases = Vec::new();
        let mut metaclass = None;
        if let Some(arguments) = &definition.arguments {
            for base in &arguments.args {
                bases.push(self.base(base));
            }
            for keyword in &arguments.keywords {
                let value = self.expression(&keyword.value, Use::Stored);
                if keyword.arg.as_ref().is_some_and(|it| it.as_str() == "metaclass") {
                    metaclass = Some(value);
                }
            }
        }
        let name = definition.name.as_str();
        let head_end = definition.body.first().map_or(definition.range().end(), |first| first.range().start());
        self.model.statements.push(Span::new(definition.name.range().start().to_u32(), head_end.to_u32()));
        let id = ClassId(self.model.classes.len() as u32);
        let name_id = self.name(name);
        let qualname = self.qualname(name);
        self.model.classes.push(Class {
            name: name_id,
            qualname,
            module: FILE_MODULE,
            kind: ClassKind::Class,
            span: span(definition.range()),
            bases,
            metaclass,
            methods: Vec::new(),
            fields: Vec::new(),
            declared: Vec::new(),
            annotated: Vec::new(),
            also_set: Vec::new(),
            set_in: Vec::new(),
            decided: Vec::new(),
            parametric: Vec::new(),
            holding: Vec::new(),
            defaults: Box::default(),
            decorators,
        });
        let value = self.add(Value::Class(id));
        self.bind(name, value, span(definition.name.range()));
        let inner = self.frame().inner.len();
        self.frame().classes.push(id);
        self.statements(&definition.body);
        self.frame().classes.pop();
        self.frame().inner.truncate(inner);
    }

    /// A base class: `Base`, `module.Base`, `Base[T]`.
    fn base(&mut self, base: &'a Expr) -> ValueId {
        match base {
            Expr::Subscript(it) => {
                let value = self.base(&it.value);
                self.expression(&it.slice, Use::Stored);
                value
            }
            Expr::Starred(it) => {
                self.expression(&it.value, Use::Stored);
                UNKNOWN
            }
            _ => self.expression(base, Use::Stored),
        }
    }

    /// `self.name = value` in a method, or `Class.name = value` at the top of the file: an attribute of the class.
    pub(super) fn attribute_assigned(&mut self, receiver: &Expr, name: &str, value: ValueId) {
        // What the bodies of other functions add to a class is found before any is left out.
        if self.model.is_file()
            && !self.never_runs
            && let Some(class) = self.is_receiver(receiver).or_else(|| self.is_class(receiver))
        {
            let name = self.name(name);
            self.model.classes[class.index()].fields.push((name, value));
            let setter = self.function();
            if !self.model.value(value).is_constant() && self.model.function(setter).class == Some(class) {
                self.set_by(class, name, setter);
            }
        }
    }

    /// A method sets an attribute of its object, and is not the constructor.
    fn set_by(&mut self, class: ClassId, name: NameId, method: FunctionId) {
        let is_constructor = self.model.name(self.model.function(method).name) == "__init__";
        let set = &mut self.model.classes[class.index()].set_in;
        if !is_constructor && set.last() != Some(&(name, method)) {
            set.push((name, method));
        }
    }

    /// A class of the file that stands before this, by its name.
    fn is_class(&mut self, receiver: &Expr) -> Option<ClassId> {
        let Expr::Name(name) = receiver else { return None };
        if !self.at_top() {
            return None;
        }
        let wanted = self.model.known_name(name.id.as_str())?;
        let position = self.model.classes.iter().position(|it| it.qualname == wanted)?;
        Some(ClassId(position as u32))
    }

    /// `name: Type` in a class, `self.name: Type` in a method of it.
    pub(super) fn attribute_declared(&mut self, target: &Expr, declared: ValueId) {
        let (class, name) = match target {
            Expr::Name(name) => (self.frame().classes.last().copied(), name.id.as_str()),
            Expr::Attribute(it) => (self.is_receiver(&it.value), it.attr.as_str()),
            _ => return,
        };
        if let Some(class) = class.filter(|_| declared != UNKNOWN && self.model.is_file()) {
            let name = self.name(name);
            self.model.classes[class.index()].declared.push((name, declared));
        }
    }

    /// `name: Type` in a class: its constructor may take it.
    pub(super) fn field_annotated(&mut self, target: &Expr, annotation: &Expr) {
        let (Expr::Name(name), Some(class)) = (target, self.frame().classes.last().copied()) else { return };
        if self.model.is_file() && !is_of_class(annotation) {
            let name = self.name(name.id.as_str());
            self.model.classes[class.index()].annotated.push(name);
        }
    }

    /// `name: Type = value` in a class, `self.name: Type = value` and `self.name += value` in a method of it.
    pub(super) fn attribute_set_as_well(&mut self, target: &Expr, value: ValueId) {
        let (class, name) = match target {
            Expr::Name(name) => (self.frame().classes.last().copied(), name.id.as_str()),
            Expr::Attribute(it) => (self.is_receiver(&it.value), it.attr.as_str()),
            _ => return,
        };
        if let Some(class) = class.filter(|_| self.model.is_file() && !self.never_runs) {
            let name = self.name(name);
            self.model.classes[class.index()].also_set.push((name, value));
        }
    }
}

/// `ClassVar`, `typing.ClassVar[int]`
fn is_of_class(annotation: &Expr) -> bool {
    match annotation {
        Expr::Name(it) => it.id == "ClassVar",
        Expr::Attribute(it) => it.attr.as_str() == "ClassVar",
        Expr::Subscript(it) => is_of_class(&it.value),
        _ => false,
    }
}
