//! Which names a block of statements binds: what makes them local to a function or global to a module.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Comprehension, ExceptHandler, Expr, ExprContext, Pattern, Stmt};

/// An attribute that is set: of which name, if it is one, and its own.
pub(super) type Attribute<'a> = (Option<&'a str>, &'a str);

/// Names bound by statements of one scope, and those it declares to be another scope's: as often as they occur.
#[derive(Default)]
pub(super) struct Bound<'a> {
    pub(super) names: Vec<&'a str>,
    pub(super) elsewhere: Vec<&'a str>,
    /// Attributes of what has a name: `client.fetch = ..`, `monkeypatch.setattr(Client, "fetch", ..)`.
    pub(super) attributes: Vec<Attribute<'a>>,
    /// Some expression in the file has a `:=`, so expressions are searched too.
    walrus: bool,
}

impl<'a> Bound<'a> {
    pub(super) fn of(body: &'a [Stmt], walrus: bool) -> Self {
        let mut bound = Self { walrus, ..Self::default() };
        bound.visit_body(body);
        bound
    }

    fn target(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => {
                self.names.push(name.id.as_str());
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|it| self.target(it)),
            Expr::List(list) => list.elts.iter().for_each(|it| self.target(it)),
            Expr::Starred(starred) => self.target(&starred.value),
            Expr::Attribute(it) => {
                if let Expr::Name(object) = &*it.value {
                    self.attributes.push((Some(object.id.as_str()), it.attr.as_str()));
                }
            }
            _ => {}
        }
    }

    /// Something takes the place of an attribute: `monkeypatch.setattr(Client, "fetch", ..)`, `mock.patch.object(Client, "fetch")`,
    /// `mocker.patch("app.Client.fetch")`.
    pub(super) fn replacement(&mut self, expr: &'a Expr) {
        let Expr::Call(call) = expr else { return };
        let name = match &*call.func {
            Expr::Attribute(it) => it.attr.as_str(),
            Expr::Name(it) => it.id.as_str(),
            _ => return,
        };
        let replaced = match (name, &*call.arguments.args) {
            ("setattr" | "object", [_, Expr::StringLiteral(attribute), ..]) => attribute.value.to_str(),
            ("patch" | "setattr", [Expr::StringLiteral(path), ..]) => {
                path.value.to_str().rsplit('.').next().unwrap_or_default()
            }
            _ => return,
        };
        self.attributes.push((None, replaced));
    }
}

impl<'a> Visitor<'a> for Bound<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(it) => {
                self.names.push(it.name.as_str());
                return;
            }
            Stmt::ClassDef(it) => {
                self.names.push(it.name.as_str());
                return;
            }
            Stmt::Import(it) => {
                for alias in &it.names {
                    let name = match &alias.asname {
                        Some(name) => name.as_str(),
                        None => alias.name.as_str().split('.').next().unwrap_or_default(),
                    };
                    self.names.push(name);
                }
                return;
            }
            Stmt::ImportFrom(it) => {
                for alias in &it.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    if name != "*" {
                        self.names.push(name);
                    }
                }
                return;
            }
            Stmt::Global(it) => {
                self.elsewhere.extend(it.names.iter().map(|name| name.as_str()));
                return;
            }
            Stmt::Nonlocal(it) => {
                self.elsewhere.extend(it.names.iter().map(|name| name.as_str()));
                return;
            }
            Stmt::Assign(it) => it.targets.iter().for_each(|target| self.target(target)),
            Stmt::AugAssign(it) => self.target(&it.target),
            Stmt::AnnAssign(it) => self.target(&it.target),
            Stmt::TypeAlias(it) => self.target(&it.name),
            Stmt::For(it) => self.target(&it.target),
            Stmt::Delete(it) => it.targets.iter().for_each(|target| self.target(target)),
            Stmt::Expr(it) => self.replacement(&it.value),
            Stmt::With(it) => {
                for item in &it.items {
                    self.replacement(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        self.target(target);
                    }
                }
            }
            _ => {}
        }
        if self.walrus {
            visitor::walk_stmt(self, stmt);
            return;
        }
        // Only statements bind anything.
        match stmt {
            Stmt::If(it) => {
                self.visit_body(&it.body);
                it.elif_else_clauses.iter().for_each(|clause| self.visit_body(&clause.body));
            }
            Stmt::For(it) => {
                self.visit_body(&it.body);
                self.visit_body(&it.orelse);
            }
            Stmt::While(it) => {
                self.visit_body(&it.body);
                self.visit_body(&it.orelse);
            }
            Stmt::With(it) => self.visit_body(&it.body),
            Stmt::Try(it) => {
                self.visit_body(&it.body);
                it.handlers.iter().for_each(|handler| self.visit_except_handler(handler));
                self.visit_body(&it.orelse);
                self.visit_body(&it.finalbody);
            }
            Stmt::Match(it) => it.cases.iter().for_each(|case| self.visit_match_case(case)),
            _ => {}
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(it) = handler;
        if let Some(name) = &it.name {
            self.names.push(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(it) => it.name.as_ref(),
            Pattern::MatchStar(it) => it.name.as_ref(),
            Pattern::MatchMapping(it) => it.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.names.push(name.as_str());
        }
        visitor::walk_pattern(self, pattern);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if !self.walrus {
            return;
        }
        match expr {
            Expr::Named(it) => self.target(&it.target),
            // A lambda has a scope of its own.
            Expr::Lambda(_) => return,
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        visitor::walk_comprehension(self, comprehension);
    }

    fn visit_expr_context(&mut self, _: &'a ExprContext) {}
    fn visit_annotation(&mut self, _: &'a Expr) {}
}
