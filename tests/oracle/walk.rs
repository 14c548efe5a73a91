//! What another parser's tree holds, found by a walk that shares nothing with the front end.
//!
//! What Python evaluates when the code runs is counted, where it runs: decorators and defaults with what surrounds the
//! definition, a class body and a comprehension with the function they stand in. Annotations, type parameters and the right
//! side of `type X = ...` are not: they are types, not work.

use rustpython_parser::ast::{self, Expr, Pattern, Ranged, Stmt};
use rustpython_parser::{Mode, parse};

use crate::Fact;

/// Every fact of the source; `None` where the parser cannot read it.
pub fn facts(text: &str) -> Option<Vec<Fact>> {
    let ast::Mod::Module(module) = parse(text, Mode::Module, "oracle").ok()? else {
        return None;
    };
    let mut walker =
        Walker { facts: Vec::new(), owners: vec![Owner::default()], names: Vec::new(), put_off: 0, never_runs: false };
    walker.body(&module.body);
    Some(walker.facts)
}

#[derive(Default)]
struct Owner {
    qualname: String,
    yields: bool,
}

struct Walker {
    facts: Vec<Fact>,
    owners: Vec<Owner>,
    /// The functions and classes around, for qualified names.
    names: Vec<String>,
    /// Generator expressions around, but for their first iterables.
    put_off: usize,
    /// Behind `if False:` and the like.
    never_runs: bool,
}

/// Whether a literal counts as true, or what `not` makes of it.
fn literal(test: &Expr) -> Option<bool> {
    match test {
        Expr::Constant(it) => match &it.value {
            ast::Constant::None => Some(false),
            ast::Constant::Bool(it) => Some(*it),
            ast::Constant::Str(it) => Some(!it.is_empty()),
            ast::Constant::Int(it) => Some(it.to_string() != "0"),
            _ => None,
        },
        Expr::UnaryOp(it) if it.op == ast::UnaryOp::Not => literal(&it.operand).map(|it| !it),
        _ => None,
    }
}

impl Walker {
    fn push(&mut self, start: u32, end: u32, what: String) {
        let owner = match self.owners.last() {
            Some(owner) if self.owners.len() > 1 => owner.qualname.clone(),
            _ => "<module>".to_owned(),
        };
        self.facts.push(Fact { start, end, what, owner, put_off: self.put_off });
    }

    fn body(&mut self, body: &[Stmt]) {
        body.iter().for_each(|it| self.statement(it));
    }

    fn all(&mut self, expressions: &[Expr]) {
        expressions.iter().for_each(|it| self.expression(it));
    }

    fn maybe(&mut self, expression: Option<&Expr>) {
        expression.into_iter().for_each(|it| self.expression(it));
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::AsyncFunctionDef(_) | Stmt::ClassDef(_) if self.never_runs => {}
            Stmt::FunctionDef(it) => {
                self.all(&it.decorator_list);
                self.definition("def", &it.name, &it.args, &it.body, stmt);
            }
            Stmt::AsyncFunctionDef(it) => {
                self.all(&it.decorator_list);
                self.definition("async def", &it.name, &it.args, &it.body, stmt);
            }
            Stmt::ClassDef(it) => {
                self.all(&it.decorator_list);
                self.all(&it.bases);
                it.keywords.iter().for_each(|it| self.expression(&it.value));
                self.names.push(it.name.to_string());
                self.body(&it.body);
                self.names.pop();
            }
            Stmt::Return(it) => self.maybe(it.value.as_deref()),
            Stmt::Delete(it) => self.all(&it.targets),
            Stmt::Assign(it) => {
                self.expression(&it.value);
                self.all(&it.targets);
            }
            Stmt::AugAssign(it) => {
                self.expression(&it.target);
                self.expression(&it.value);
            }
            Stmt::AnnAssign(it) => {
                self.maybe(it.value.as_deref());
                self.expression(&it.target);
            }
            Stmt::For(it) => self.looped(&it.iter, &it.target, &it.body, &it.orelse),
            Stmt::AsyncFor(it) => self.looped(&it.iter, &it.target, &it.body, &it.orelse),
            Stmt::While(it) => {
                self.expression(&it.test);
                self.reached(&it.test, true, &it.body);
                self.body(&it.orelse);
            }
            Stmt::If(it) => {
                self.expression(&it.test);
                self.reached(&it.test, true, &it.body);
                self.reached(&it.test, false, &it.orelse);
            }
            Stmt::With(it) => self.with(&it.items, &it.body),
            Stmt::AsyncWith(it) => self.with(&it.items, &it.body),
            Stmt::Match(it) => {
                self.expression(&it.subject);
                for case in &it.cases {
                    self.pattern(&case.pattern);
                    self.maybe(case.guard.as_deref());
                    self.body(&case.body);
                }
            }
            Stmt::Raise(it) => {
                self.maybe(it.exc.as_deref());
                self.maybe(it.cause.as_deref());
            }
            Stmt::Try(it) => self.tried(&it.body, &it.handlers, &it.orelse, &it.finalbody),
            Stmt::TryStar(it) => self.tried(&it.body, &it.handlers, &it.orelse, &it.finalbody),
            Stmt::Assert(it) => {
                self.expression(&it.test);
                self.maybe(it.msg.as_deref());
            }
            Stmt::Expr(it) => self.expression(&it.value),
            Stmt::TypeAlias(_)
            | Stmt::Import(_)
            | Stmt::ImportFrom(_)
            | Stmt::Global(_)
            | Stmt::Nonlocal(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_) => {}
        }
    }

    /// What runs if the test comes to that. Where it cannot, nothing is defined.
    fn reached(&mut self, test: &Expr, if_it_is: bool, body: &[Stmt]) {
        let around = self.never_runs;
        self.never_runs |= literal(test).is_some_and(|it| it != if_it_is);
        self.body(body);
        self.never_runs = around;
    }

    fn looped(&mut self, iterated: &Expr, target: &Expr, body: &[Stmt], orelse: &[Stmt]) {
        self.expression(iterated);
        self.expression(target);
        self.body(body);
        self.body(orelse);
    }

    fn with(&mut self, items: &[ast::WithItem], body: &[Stmt]) {
        for item in items {
            self.expression(&item.context_expr);
            self.maybe(item.optional_vars.as_deref());
        }
        self.body(body);
    }

    fn tried(&mut self, body: &[Stmt], handlers: &[ast::ExceptHandler], orelse: &[Stmt], finally: &[Stmt]) {
        self.body(body);
        for handler in handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            self.maybe(handler.type_.as_deref());
            self.body(&handler.body);
        }
        self.body(orelse);
        self.body(finally);
    }

    /// Defaults belong to what surrounds the function.
    fn parameters(&mut self, args: &ast::Arguments) -> usize {
        let mut count = usize::from(args.vararg.is_some()) + usize::from(args.kwarg.is_some());
        for arg in args.posonlyargs.iter().chain(&args.args).chain(&args.kwonlyargs) {
            count += 1;
            self.maybe(arg.default.as_deref());
        }
        count
    }

    fn definition(&mut self, kind: &str, name: &str, args: &ast::Arguments, body: &[Stmt], whole: &Stmt) {
        let parameters = self.parameters(args);
        self.names.push(name.to_owned());
        let qualname = self.names.join(".");
        self.owners.push(Owner { qualname: qualname.clone(), yields: false });
        self.body(body);
        self.names.pop();
        let yields = self.owners.pop().is_some_and(|it| it.yields);
        let end = whole.end().to_u32();
        self.function(kind, &qualname, parameters, yields, end, end);
    }

    fn function(&mut self, kind: &str, qualname: &str, parameters: usize, yields: bool, start: u32, end: u32) {
        let yields = if yields { " that yields" } else { "" };
        self.push(start, end, format!("{kind} `{qualname}` of {parameters} parameters{yields}"));
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchValue(it) => self.expression(&it.value),
            Pattern::MatchSequence(it) => it.patterns.iter().for_each(|it| self.pattern(it)),
            Pattern::MatchMapping(it) => {
                self.all(&it.keys);
                it.patterns.iter().for_each(|it| self.pattern(it));
            }
            Pattern::MatchClass(it) => {
                self.expression(&it.cls);
                it.patterns.iter().chain(&it.kwd_patterns).for_each(|it| self.pattern(it));
            }
            Pattern::MatchAs(it) => it.pattern.iter().for_each(|it| self.pattern(it)),
            Pattern::MatchOr(it) => it.patterns.iter().for_each(|it| self.pattern(it)),
            Pattern::MatchSingleton(_) | Pattern::MatchStar(_) => {}
        }
    }

    fn comprehension(&mut self, elements: &[&Expr], generators: &[ast::Comprehension]) {
        elements.iter().for_each(|it| self.expression(it));
        for generator in generators {
            self.expression(&generator.iter);
            self.expression(&generator.target);
            self.all(&generator.ifs);
        }
    }

    fn yields(&mut self, expr: &Expr, what: &str) {
        if let Some(owner) = self.owners.last_mut() {
            owner.yields = true;
        }
        self.push(expr.start().to_u32(), expr.end().to_u32(), what.to_owned());
    }

    fn call(&mut self, it: &ast::ExprCall, awaited: bool) {
        self.expression(&it.func);
        self.all(&it.args);
        it.keywords.iter().for_each(|it| self.expression(&it.value));
        let Given { count, named, spread } = Given::by(it);
        let awaited = if awaited { "an awaited" } else { "a" };
        let what = format!("{awaited} call of {count} arguments ({named} named, {spread} spread)");
        self.push(it.start().to_u32(), it.end().to_u32(), what);
    }

    /// The operand of an `await`, or one of the expressions it may stand for.
    fn awaited(&mut self, expr: &Expr) {
        match expr {
            Expr::Call(it) => self.call(it, true),
            Expr::IfExp(it) => {
                self.expression(&it.test);
                self.awaited(&it.body);
                self.awaited(&it.orelse);
            }
            Expr::BoolOp(it) => {
                let last = it.values.len() - 1;
                for (index, value) in it.values.iter().enumerate() {
                    if it.op == ast::BoolOp::Or || index == last {
                        self.awaited(value);
                    } else {
                        self.expression(value);
                    }
                }
            }
            _ => self.expression(expr),
        }
    }

    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Call(it) => self.call(it, false),
            Expr::Await(it) => {
                self.awaited(&it.value);
                self.push(expr.start().to_u32(), expr.end().to_u32(), "an await".to_owned());
            }
            Expr::Yield(it) => {
                self.maybe(it.value.as_deref());
                self.yields(expr, "a yield");
            }
            Expr::YieldFrom(it) => {
                self.expression(&it.value);
                self.yields(expr, "a yield from");
            }
            Expr::Lambda(it) => {
                let parameters = self.parameters(&it.args);
                self.names.push("<lambda>".to_owned());
                let qualname = self.names.join(".");
                self.owners.push(Owner { qualname: qualname.clone(), yields: false });
                self.expression(&it.body);
                self.names.pop();
                let yields = self.owners.pop().is_some_and(|it| it.yields);
                self.function("lambda", &qualname, parameters, yields, expr.start().to_u32(), expr.end().to_u32());
            }
            Expr::BoolOp(it) => self.all(&it.values),
            Expr::NamedExpr(it) => {
                self.expression(&it.target);
                self.expression(&it.value);
            }
            Expr::BinOp(it) => {
                self.expression(&it.left);
                self.expression(&it.right);
            }
            Expr::UnaryOp(it) => self.expression(&it.operand),
            Expr::IfExp(it) => {
                self.expression(&it.test);
                self.expression(&it.body);
                self.expression(&it.orelse);
            }
            Expr::Dict(it) => {
                it.keys.iter().flatten().for_each(|it| self.expression(it));
                self.all(&it.values);
            }
            Expr::Set(it) => self.all(&it.elts),
            Expr::ListComp(it) => self.comprehension(&[&it.elt], &it.generators),
            Expr::SetComp(it) => self.comprehension(&[&it.elt], &it.generators),
            Expr::DictComp(it) => self.comprehension(&[&it.key, &it.value], &it.generators),
            Expr::GeneratorExp(it) => {
                let Some((first, rest)) = it.generators.split_first() else { return };
                self.expression(&first.iter);
                self.put_off += 1;
                self.expression(&first.target);
                self.all(&first.ifs);
                self.comprehension(&[&it.elt], rest);
                self.put_off -= 1;
            }
            Expr::Compare(it) => {
                self.expression(&it.left);
                self.all(&it.comparators);
            }
            Expr::FormattedValue(it) => {
                self.expression(&it.value);
                self.maybe(it.format_spec.as_deref());
            }
            Expr::JoinedStr(it) => self.all(&it.values),
            Expr::Attribute(it) => self.expression(&it.value),
            Expr::Subscript(it) => {
                self.expression(&it.value);
                self.expression(&it.slice);
            }
            Expr::Starred(it) => self.expression(&it.value),
            Expr::List(it) => self.all(&it.elts),
            Expr::Tuple(it) => self.all(&it.elts),
            Expr::Slice(it) => {
                self.maybe(it.lower.as_deref());
                self.maybe(it.upper.as_deref());
                self.maybe(it.step.as_deref());
            }
            Expr::Constant(_) | Expr::Name(_) => {}
        }
    }
}

/// How many arguments a call has, and how many of them by name or spread. Where it is written what they spread, they count one by one.
#[derive(Default)]
struct Given {
    count: usize,
    named: usize,
    spread: usize,
}

impl Given {
    fn by(call: &ast::ExprCall) -> Self {
        let mut given = Self::default();
        for arg in &call.args {
            let Expr::Starred(starred) = arg else {
                given.add(1, 0, 0);
                continue;
            };
            match &*starred.value {
                Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. })
                    if !elts.iter().any(Expr::is_starred_expr) =>
                {
                    given.add(elts.len(), 0, 0);
                }
                _ => given.add(1, 0, 1),
            }
        }
        let is_text =
            |key: &Option<Expr>| matches!(key, Some(Expr::Constant(it)) if matches!(it.value, ast::Constant::Str(_)));
        for keyword in &call.keywords {
            match (&keyword.arg, &keyword.value) {
                (Some(_), _) => given.add(1, 1, 0),
                (None, Expr::Dict(it)) if it.keys.iter().all(is_text) => given.add(it.keys.len(), it.keys.len(), 0),
                (None, Expr::Call(it))
                    if it.args.is_empty() && matches!(&*it.func, Expr::Name(name) if name.id.as_str() == "dict") =>
                {
                    let inner = Self::by(it);
                    given.add(inner.named, inner.named, 0);
                    if inner.count > inner.named {
                        given.add(1, 0, 1);
                    }
                }
                (None, _) => given.add(1, 0, 1),
            }
        }
        given
    }

    fn add(&mut self, count: usize, named: usize, spread: usize) {
        self.count += count;
        self.named += named;
        self.spread += spread;
    }
}
