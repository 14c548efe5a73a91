//! Function definitions, lambdas and their parameters.

use crate::model::{
    ClassId, Decorator, Display, FunctionId, FunctionKind, Node, Param, ParamKind, UNKNOWN, Use, Value, ValueId,
};
use crate::source::Span;
use ruff_python_ast::{Expr, ExprLambda, ParameterWithDefault, Parameters, StmtFunctionDef, TypeParam, TypeParams};
use ruff_text_size::Ranged;

use super::bound::Bound;
use super::parse::span;
use super::scope::{Inner, Later, Lowerer};

impl<'a> Lowerer<'a> {
    /// `def`: decorators and defaults are evaluated here and now, the body later.
    pub(super) fn function_definition(&mut self, definition: &'a StmtFunctionDef) {
        let decorators = self.decorators(&definition.decorator_list);
        let kind = if definition.is_async { FunctionKind::Async } else { FunctionKind::Sync };
        let name = definition.name.as_str();
        let id = self.new_function(name, kind, span(definition.range()), span(definition.name.range()));
        let head_end = definition.body.first().map_or(definition.range().end(), |first| first.range().start());
        let head = Span::new(definition.name.range().start().to_u32(), head_end.to_u32());
        self.model.statements.push(head);
        let class = self.frame().classes.last().copied();
        let mut is_static = false;
        let mut is_class_method = matches!(name, "__init_subclass__" | "__class_getitem__" | "__new__");
        for decorator in &definition.decorator_list {
            if let Expr::Name(it) = &decorator.expression {
                is_static |= it.id == "staticmethod";
                is_class_method |= it.id == "classmethod";
            }
        }
        let self_type = class.map(|class| {
            let value = self.add(Value::Class(class));
            self.instance(value, Vec::new())
        });
        let defaults = self.defaults(&definition.parameters);
        let function = self.model.function_mut(id);
        function.class = class;
        function.self_type = self_type;
        function.is_static = is_static;
        function.decorators = decorators;
        let receiver = match class {
            Some(class) if !is_static && is_class_method => Receiver::Class(class),
            Some(_) if !is_static => Receiver::Instance,
            _ => Receiver::None,
        };
        let inner = self.frame().inner.len();
        self.type_parameters(definition.type_params.as_deref());
        self.parameters(id, &definition.parameters, &defaults, receiver);
        if let Some(returns) = &definition.returns {
            let value = self.annotation(returns);
            self.model.function_mut(id).returns = Some(value);
        }
        self.frame().inner.truncate(inner);
        let value = self.add(Value::Function(id));
        self.push(Node::Define(id));
        if let Some(class) = class {
            let accessor = definition.decorator_list.iter().find_map(|it| accessor(&it.expression, name));
            // Under the property's own name stands what reading it runs.
            let method = self.name(accessor.as_deref().unwrap_or(name));
            let in_arm = self.in_arm();
            let class = &mut self.model.classes[class.index()];
            // Which of several is there may hang on the platform, or on what can be imported.
            if in_arm && class.methods.iter().any(|it| it.0 == method) {
                class.fields.push((method, UNKNOWN));
            }
            class.methods.push((method, id));
            if accessor.is_none() {
                self.frame().inner.push((method, Inner::Value(value)));
            }
        } else {
            self.bind(name, value, span(definition.name.range()));
        }
        let start = definition.body.first().map_or(0, |first| first.range().end().to_u32());
        match self.left_out_body(start) {
            Some(body) => self.left_out.push((id, body)),
            None => self.frame().later.push(Later { id, definition }),
        }
    }

    /// `def load[R: Repo](repo: R)`: in annotations a type parameter stands for what it is bound to.
    fn type_parameters(&mut self, parameters: Option<&'a TypeParams>) {
        for parameter in parameters.into_iter().flat_map(|it| &it.type_params) {
            let bound = match parameter {
                TypeParam::TypeVar(it) => it.bound.as_deref(),
                TypeParam::TypeVarTuple(_) | TypeParam::ParamSpec(_) => None,
            };
            let class = bound.map_or(UNKNOWN, |bound| self.annotated_class(bound));
            let name = self.name(parameter.name().as_str());
            self.frame().inner.push((name, Inner::Value(class)));
        }
    }

    /// The body of a function whose definition was met before.
    pub(super) fn function_body(&mut self, id: FunctionId, definition: &'a StmtFunctionDef) {
        let mut bound = Bound::of(&definition.body, self.module.walrus);
        bound.names.extend(definition.parameters.iter().map(|it| it.as_parameter().name.as_str()));
        if let Some(type_params) = &definition.type_params {
            bound.names.extend(type_params.type_params.iter().map(|it| it.name().as_str()));
        }
        definition.decorator_list.iter().for_each(|it| bound.replacement(&it.expression));
        // What a method sets on its own object is told of the class.
        let own = definition.parameters.iter().next().map(|it| it.as_parameter().name.as_str());
        bound.attributes.retain(|(object, _)| object.is_none_or(|it| !matches!(it, "self" | "cls") && Some(it) != own));
        self.open(id, bound);
        self.bind_parameters(id, &definition.parameters);
        self.statements(&definition.body);
        self.close();
    }

    /// `lambda`: lowered where it stands.
    /// `given`: what it is known to be called with.
    pub(super) fn lambda(&mut self, lambda: &'a ExprLambda, given: &[ValueId]) -> ValueId {
        let start = lambda.range().start().to_u32();
        let id = self.new_function(
            "<lambda>",
            FunctionKind::Closure,
            span(lambda.range()),
            Span::new(start, start + "lambda".len() as u32),
        );
        let parameters = lambda.parameters.as_deref();
        let defaults = parameters.map_or_else(Vec::new, |it| self.defaults(it));
        let mut bound = Bound::default();
        if let Some(parameters) = parameters {
            bound.names.extend(parameters.iter().map(|it| it.as_parameter().name.as_str()));
        }
        if let Some(parameters) = parameters {
            self.parameters(id, parameters, &defaults, Receiver::None);
            let params = self.model.function_mut(id).params.iter_mut();
            let given = params.filter(|it| it.kind == ParamKind::Positional).zip(given);
            for (param, given) in given.filter(|(_, given)| **given != UNKNOWN) {
                param.value = *given;
            }
        }
        self.push(Node::Define(id));
        self.open(id, bound);
        if let Some(parameters) = parameters {
            self.bind_parameters(id, parameters);
        }
        let value = self.expression(&lambda.body, Use::Returned);
        self.model.function_mut(id).returned.push(value);
        self.push(Node::Return { span: span(lambda.body.range()), value: Some(value) });
        self.close();
        self.add(Value::Function(id))
    }

    pub(super) fn decorators(&mut self, decorators: &'a [ruff_python_ast::Decorator]) -> Vec<Decorator> {
        let mut out = Vec::with_capacity(decorators.len());
        for decorator in decorators {
            let value = self.expression(&decorator.expression, Use::Passed);
            let (value, call) = match self.model.value(value) {
                Value::Result(call) => (self.model.call(*call).callee, Some(*call)),
                _ => (value, None),
            };
            out.push(Decorator { value, call, span: span(decorator.expression.range()) });
        }
        out
    }

    fn defaults(&mut self, parameters: &'a Parameters) -> Vec<Option<ValueId>> {
        parameters
            .iter_non_variadic_params()
            .map(|it| it.default.as_ref().map(|default| self.expression(default, Use::Stored)))
            .collect()
    }

    /// Fills [`Function::params`]. Locals are numbered when the body is opened.
    fn parameters(
        &mut self,
        id: FunctionId,
        parameters: &'a Parameters,
        defaults: &[Option<ValueId>],
        receiver: Receiver,
    ) {
        let mut params = Vec::new();
        let mut defaults = defaults.iter();
        let positional = parameters.posonlyargs.len() + parameters.args.len();
        for (index, it) in parameters.iter_non_variadic_params().enumerate() {
            let kind = match receiver {
                Receiver::Instance | Receiver::Class(_) if index == 0 && positional > 0 => ParamKind::Receiver,
                _ if index < positional => ParamKind::Positional,
                _ => ParamKind::KeywordOnly,
            };
            let default = defaults.next().copied().flatten();
            let value = match (kind, &receiver, default) {
                (ParamKind::Receiver, Receiver::Class(class), _) => self.add(Value::Class(*class)),
                (ParamKind::Receiver, ..) => self.model.function(id).self_type.unwrap_or(UNKNOWN),
                // What the framework puts in its place, the default says.
                (_, _, Some(default)) if it.parameter.annotation.is_none() && is_provided(it) => default,
                _ => self.parameter_value(id, index as u32, it),
            };
            let is_callable = it.parameter.annotation.as_deref().is_some_and(names_callable);
            let param = self.param(it.parameter.name.as_str(), value, kind, default);
            params.push(Param { is_callable, ..param });
        }
        if let Some(rest) = &parameters.vararg {
            let element = rest.annotation.as_ref().map_or(UNKNOWN, |it| self.annotation(it));
            let value = self.add(Value::Collection(Display::Other, [element].into()));
            params.push(self.param(rest.name.as_str(), value, ParamKind::Rest, None));
        }
        if let Some(keywords) = &parameters.kwarg {
            let value = self.add(Value::Param(id, params.len() as u32));
            params.push(self.param(keywords.name.as_str(), value, ParamKind::Keywords, None));
        }
        self.model.function_mut(id).params = params;
    }

    fn parameter_value(&mut self, id: FunctionId, index: u32, parameter: &'a ParameterWithDefault) -> ValueId {
        match &parameter.parameter.annotation {
            Some(annotation) => match self.annotation(annotation) {
                UNKNOWN => self.add(Value::Param(id, index)),
                known => known,
            },
            None => self.add(Value::Param(id, index)),
        }
    }

    fn param(&mut self, name: &str, value: ValueId, kind: ParamKind, default: Option<ValueId>) -> Param {
        Param {
            name: self.name(name),
            local: crate::model::LocalId(0),
            value,
            kind,
            has_default: default.is_some(),
            default: default.unwrap_or(UNKNOWN),
            is_callable: false,
        }
    }

    /// Gives every parameter its local in the frame just opened.
    fn bind_parameters(&mut self, id: FunctionId, parameters: &'a Parameters) {
        let mut params = std::mem::take(&mut self.model.function_mut(id).params);
        let names = parameters
            .iter_non_variadic_params()
            .map(|it| &it.parameter.name)
            .chain(parameters.vararg.iter().map(|it| &it.name))
            .chain(parameters.kwarg.iter().map(|it| &it.name));
        for (param, name) in params.iter_mut().zip(names) {
            let frame = self.frame();
            let local = frame.declare(param.name, span(name.range()));
            frame.locals_out[local.index()].span = span(name.range());
            frame.assign(local, param.value);
            param.local = local;
        }
        self.model.function_mut(id).params = params;
    }
}

/// `Callable`, `typing.Callable[[str], None]`
fn names_callable(annotation: &Expr) -> bool {
    match annotation {
        Expr::Name(it) => it.id == "Callable",
        Expr::Attribute(it) => it.attr.as_str() == "Callable",
        Expr::Subscript(it) => names_callable(&it.value),
        _ => false,
    }
}

/// `db=Depends(get_db)`: whoever calls the function gives it what that stands for, if the name is a library's.
fn is_provided(parameter: &ParameterWithDefault) -> bool {
    let Some(Expr::Call(call)) = parameter.default.as_deref() else { return false };
    let name = match &*call.func {
        Expr::Name(it) => it.id.as_str(),
        Expr::Attribute(it) => it.attr.as_str(),
        _ => return false,
    };
    matches!(name, "Depends" | "Security")
}

/// What the first parameter of a method stands for.
enum Receiver {
    None,
    Instance,
    Class(ClassId),
}

/// `@name.setter` on a function of that name: it is found as `name.setter`, a name that nothing else can have.
fn accessor(decorator: &Expr, name: &str) -> Option<String> {
    let Expr::Attribute(it) = decorator else { return None };
    let is_of = matches!(&*it.value, Expr::Name(property) if property.id == name);
    (is_of && matches!(it.attr.as_str(), "setter" | "deleter")).then(|| format!("{name}.{}", it.attr))
}
