//! Functions, methods, closures and async blocks.

use syn::{Attribute, Block, ExprAsync, ExprClosure, FnArg, Pat, ReturnType, Signature, Type, TypeParamBound};

use crate::model::{
    ClassId, Decorator, FunctionId, FunctionKind, LocalId, Node, Param, ParamKind, UNKNOWN, Use, Value, ValueId,
};
use crate::source::Span;

use super::generic::is_boxed_function;
use super::item::is_cfg_test;
use super::place;
use super::scope::Lowerer;

/// What a function is a member of.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    None,
    /// With the instance value of its type.
    Impl(ValueId),
    Trait(ClassId, ValueId),
}

/// Attributes of the language, which make nothing else of a function.
const PLAIN_ATTRIBUTES: &[&str] = &[
    "allow",
    "expect",
    "warn",
    "deny",
    "cfg",
    "cfg_attr",
    "doc",
    "inline",
    "must_use",
    "cold",
    "deprecated",
    "derive",
    "track_caller",
    "target_feature",
    "test",
    "ignore",
    "should_panic",
    "repr",
    "non_exhaustive",
    "no_mangle",
];

impl Lowerer<'_> {
    pub(super) fn decorators(&mut self, attrs: &[Attribute]) -> Vec<Decorator> {
        let mut out = Vec::new();
        for attr in attrs {
            let path = attr.path();
            if path.get_ident().is_some_and(|ident| PLAIN_ATTRIBUTES.iter().any(|name| ident == name)) {
                continue;
            }
            let value = self.path_value(path);
            let span = self.between(place::path_start(path), place::path_end(path));
            out.push(Decorator { value, call: None, span });
        }
        out
    }

    /// A `fn`: everything but its body.
    pub(super) fn declare_function(
        &mut self,
        sig: &Signature,
        attrs: &[Attribute],
        end: proc_macro2::Span,
        owner: Owner,
    ) -> FunctionId {
        let start = match (&sig.constness, &sig.asyncness) {
            (Some(token), _) => token.span,
            (None, Some(token)) => token.span,
            (None, None) => sig.fn_token.span,
        };
        let span = self.between(start, end);
        let kind = if sig.asyncness.is_some() { FunctionKind::Async } else { FunctionKind::Sync };
        let outer_test = self.test;
        self.test |= attrs.iter().any(|attr| {
            is_cfg_test(attr)
                || attr.path().segments.last().is_some_and(|it| it.ident == "test" || it.ident == "rstest")
        });
        let name_span = self.span(sig.ident.span());
        let name = sig.ident.to_string();
        let id = self.new_function(name.strip_prefix("r#").unwrap_or(&name), kind, span, name_span);
        self.test = outer_test;
        let head = self.between(start, sig.paren_token.span.close());
        self.model.statements.push(head);
        self.allows(attrs, span);
        let decorators = self.decorators(attrs);
        let mark = self.enter_generics(&sig.generics);
        // Which function it gives, the body tells.
        let returns = (!gives_function(&sig.output)).then(|| self.return_value(&sig.output));
        let mut params = Vec::new();
        for (index, input) in sig.inputs.iter().enumerate() {
            params.push(self.parameter(id, index as u32, input));
        }
        params.extend(self.given_parameters(id, sig));
        let (gives, takes) = (self.gives(sig), self.takes(sig));
        self.leave_generics(mark);
        let function = self.model.function_mut(id);
        (function.gives, function.takes) = (gives, takes);
        function.decorators = decorators;
        function.returns = returns;
        function.is_static = !params.iter().any(|param| param.kind == ParamKind::Receiver);
        function.params = params;
        match owner {
            Owner::None => {}
            Owner::Impl(target) => function.self_type = Some(target),
            Owner::Trait(class, this) => {
                function.class = Some(class);
                function.self_type = Some(this);
            }
        }
        id
    }

    fn parameter(&mut self, function: FunctionId, index: u32, input: &FnArg) -> Param {
        let (name, value, kind) = match input {
            FnArg::Receiver(_) => {
                let this = self.self_types.last().map_or(UNKNOWN, |(instance, _)| *instance);
                (self.name("self"), this, ParamKind::Receiver)
            }
            FnArg::Typed(it) => {
                let name = match &*it.pat {
                    Pat::Ident(it) => self.ident(&it.ident),
                    _ => self.name("_"),
                };
                let value = match self.type_value(&it.ty) {
                    // `Box<dyn Fn()>`: like any other that can be called.
                    _ if is_boxed_function(&it.ty) => self.add(Value::Param(function, index)),
                    UNKNOWN => self.add(Value::Param(function, index)),
                    known => known,
                };
                (name, value, ParamKind::Positional)
            }
        };
        Param { name, local: LocalId(0), value, kind, has_default: false, default: UNKNOWN, is_callable: false }
    }

    /// The body of a function declared before.
    pub(super) fn define_function(
        &mut self,
        id: FunctionId,
        sig: &Signature,
        attrs: &[Attribute],
        body: Option<&Block>,
    ) {
        let Some(body) = body else { return };
        if self.leaves_out(id) {
            return;
        }
        let outer_test = self.test;
        self.test = self.model.function(id).test || attrs.iter().any(is_cfg_test);
        let mark = self.enter_generics(&sig.generics);
        self.path.push(sig.ident.to_string());
        self.open(id, true);
        for (index, input) in sig.inputs.iter().enumerate() {
            let param = self.model.function(id).params[index];
            let local = match input {
                FnArg::Receiver(it) => {
                    let span = self.span(it.self_token.span);
                    self.bind_parameter(param, span)
                }
                FnArg::Typed(it) => match &*it.pat {
                    Pat::Ident(pat) if pat.subpat.is_none() => {
                        let span = self.span(pat.ident.span());
                        self.bind_parameter(param, span)
                    }
                    pat => {
                        let local = self.declare(param.name, Span::default());
                        self.destructure(pat, param.value);
                        local
                    }
                },
            };
            self.model.function_mut(id).params[index].local = local;
        }
        let given = self.bind_given(id, sig);
        self.body(id, body);
        self.given_types.truncate(given);
        self.close();
        self.path.pop();
        self.leave_generics(mark);
        self.test = outer_test;
    }

    /// Parameters are bound before the body begins: no node says so.
    fn bind_parameter(&mut self, param: Param, span: Span) -> LocalId {
        let local = self.declare(param.name, span);
        self.bind(local, param.value, span);
        self.frame().nodes.pop();
        local
    }

    fn body(&mut self, id: FunctionId, body: &Block) {
        let value = self.statements(&body.stmts, Use::Returned);
        if let Some(value) = value {
            self.model.function_mut(id).returned.push(value);
        }
        if let Some(syn::Stmt::Expr(expr, None)) = body.stmts.last()
            && let Some(returns) = self.model.function(id).returns
        {
            self.converts(expr, returns);
        }
    }

    pub(super) fn closure(&mut self, it: &ExprClosure) -> ValueId {
        let (elements, handed) = (self.element.take(), self.handed.take());
        let kind = if it.asyncness.is_some() { FunctionKind::AsyncClosure } else { FunctionKind::Closure };
        let start = match (&it.asyncness, &it.capture) {
            (Some(token), _) => token.span,
            (None, Some(token)) => token.span,
            (None, None) => it.inputs_begin.spans[0],
        };
        let span = self.between(start, place::end(&it.body));
        let name_span = self.between(it.inputs_begin.spans[0], it.inputs_end.spans[0]);
        let id = self.new_function("{closure}", kind, span, name_span);
        if let ReturnType::Type(_, ty) = &it.output {
            let returns = self.type_value(ty);
            self.model.function_mut(id).returns = (returns != UNKNOWN).then_some(returns);
        }
        self.push(Node::Define(id));
        self.path.push("{closure}".to_owned());
        self.open(id, false);
        let mut params = Vec::new();
        for (index, input) in it.inputs.iter().enumerate() {
            let (pat, declared) = match input {
                Pat::Type(it) => (&*it.pat, self.type_value(&it.ty)),
                pat => (pat, UNKNOWN),
            };
            let value = match (declared, &elements, handed) {
                (UNKNOWN, Some((elements, which)), _) if which.contains(&index) => self.add(Value::Element(*elements)),
                (UNKNOWN, None, Some(handed)) => self.add(Value::Item(handed, index as u32)),
                (UNKNOWN, ..) => self.add(Value::Param(id, index as u32)),
                (declared, ..) => declared,
            };
            let name = match pat {
                Pat::Ident(it) => self.ident(&it.ident),
                _ => self.name("_"),
            };
            let mut param = Param {
                name,
                local: LocalId(0),
                value,
                kind: ParamKind::Positional,
                has_default: false,
                default: UNKNOWN,
                is_callable: false,
            };
            param.local = match pat {
                Pat::Ident(pat) if pat.subpat.is_none() => {
                    let span = self.span(pat.ident.span());
                    self.bind_parameter(param, span)
                }
                pat => {
                    let local = self.declare(name, Span::default());
                    self.destructure(pat, value);
                    local
                }
            };
            params.push(param);
        }
        self.model.function_mut(id).params = params;
        let value = self.expression(&it.body, Use::Returned);
        self.model.function_mut(id).returned.push(value);
        let captured = self.close();
        self.path.pop();
        if it.capture.is_some() {
            self.release_all(captured, span);
        }
        self.add(Value::Function(id))
    }

    /// `async { .. }`
    pub(super) fn async_block(&mut self, it: &ExprAsync) -> ValueId {
        let span = self.between(it.async_token.span, it.block.brace_token.span.close());
        let name_span = self.span(it.async_token.span);
        self.future_of(span, name_span, it.capture.is_some(), |this| this.statements(&it.block.stmts, Use::Returned))
    }

    /// A future made in place, whose body is what `walk` walks.
    pub(super) fn future_of(
        &mut self,
        span: Span,
        name_span: Span,
        moves: bool,
        walk: impl FnOnce(&mut Self) -> Option<ValueId>,
    ) -> ValueId {
        let id = self.new_function("{async}", FunctionKind::AsyncBlock, span, name_span);
        self.push(Node::Define(id));
        self.path.push("{async}".to_owned());
        self.open(id, false);
        let value = walk(self);
        self.model.function_mut(id).returned.extend(value);
        let captured = self.close();
        self.path.pop();
        if moves {
            self.release_all(captured, span);
        }
        self.add(Value::Function(id))
    }

    /// What a `move` body mentions is no longer here.
    fn release_all(&mut self, locals: Vec<LocalId>, span: Span) {
        for local in locals {
            self.push(Node::Release { local, span });
        }
    }
}

/// `-> impl Fn()`
fn gives_function(output: &ReturnType) -> bool {
    const TRAITS: [&str; 6] = ["Fn", "FnMut", "FnOnce", "AsyncFn", "AsyncFnMut", "AsyncFnOnce"];
    let ReturnType::Type(_, ty) = output else { return false };
    let Type::ImplTrait(ty) = &**ty else { return false };
    ty.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(it) => {
            it.path.segments.last().is_some_and(|last| TRAITS.iter().any(|name| last.ident == name))
        }
        _ => false,
    })
}
