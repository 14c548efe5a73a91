//! `unawaited-coroutine`: a coroutine or future is created and never awaited.

use super::{Category, Context, Profile, Rule};
use super::{leaked_task, misused_protocols};
use crate::finding::{Applicability, Edit, Fix, Severity};
use crate::knowledge::{Api, Effect};
use crate::model::{
    Block, Call, CallId, Condition, Function, FunctionKind, Implicit, ImplicitKind, Kinds, LoopKind, Node, Test, Use,
    Value, ValueId, flow,
};
use crate::project::types::{Class, FnRef, Ty};
use crate::project::{Callee, Only, Wrapping};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "unawaited-coroutine",
    page: include_str!("../../rules/unawaited-coroutine.md"),
    category: Category::Tasks,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &["ASYNC105", "clippy::let_underscore_future"],
    fix: Some(Applicability::Unsafe),
    check,
};

fn check(context: &mut Context<'_>) {
    let model = context.model();
    let is_python = context.language() == Language::Python;
    for (id, call) in model.all_calls() {
        if is_python {
            if call.result == Use::Awaited {
                awaited_helper(context, id, call);
            }
            misused_protocols::given_to_builtin(context, call);
        }
        let Some(what) = misuse(context, call).filter(|_| !call.awaited) else { continue };
        if is_python && let Some(name) = started_by_rust(context, id, call) {
            report(context, id, &format!("future of `{name}`"), what);
        } else if let Some(name) = coroutine(context, id)
            && (call.result != Use::Receiver || uses_result(context, id))
            && !is_taken_apart(context, id)
            && !is_meant(context, call)
            && !is_expected_to_fail(context, call)
            && !is_said_to_be_none(context, id)
            && !is_of_another_method(context, id)
        {
            report(context, id, &format!("coroutine of `{name}`"), what);
        }
    }
    for function in context.model().function_ids() {
        let function = context.function(function);
        match context.language() {
            Language::Python => misused_protocols::check(context, function),
            Language::Rust => dropped_futures(context, function),
        }
    }
}

const IN_PLACE: &str = "is used in place of its result, and never awaited";
const ALWAYS_TRUE: &str = "is always true: it is tested, not awaited";

/// What is wrong with what becomes of the call's result, if that is a coroutine.
fn misuse(context: &Context<'_>, call: &Call) -> Option<&'static str> {
    let is_python = context.language() == Language::Python;
    match call.result {
        Use::Dropped | Use::Discarded => Some("is never awaited"),
        Use::Bound(local) => {
            let function = context.model().function(call.function);
            let held = function.local(local);
            if is_python && held.reads > 0 {
                let is_taken = call.taken.for_value || call.taken.looked_at && !held.handed_on;
                let is_own = !held.shared && !held.driven;
                return (is_own && is_taken)
                    .then_some("is bound to a name that is used in place of its result, and never awaited");
            }
            let released = |node: &Node| matches!(node, Node::Release { local: it, .. } if *it == local);
            // `drop(future)` says that it is not to be awaited.
            let dropped = || !is_python && flow::find(&function.body, &mut |node| released(node)).is_some();
            let unread = held.reads == 0 && !held.shared && !dropped();
            unread.then_some("is bound to a name that is never used, and never awaited")
        }
        Use::Tested if is_python => Some(ALWAYS_TRUE),
        Use::Returned if is_initializer(context, call) => Some("is returned from `__init__`, where nobody awaits it"),
        Use::Receiver | Use::Operand | Use::Shown if is_python => Some(IN_PLACE),
        Use::Awaited => None,
        // `return f() or []`
        _ => call.taken.for_value.then_some(ALWAYS_TRUE),
    }
}

/// The type checker is told that it is on purpose.
pub(super) fn is_meant(context: &Context<'_>, call: &Call) -> bool {
    let source = context.project.source(context.file);
    source.line_text(source.line_of(call.span.end)).contains("unused-coroutine")
}

/// A test wants the call itself to raise, or Python to warn of the coroutine: `with self.assertRaises(TypeError): f(1, 2)`.
pub(super) fn is_expected_to_fail(context: &Context<'_>, call: &Call) -> bool {
    let body = &context.model().function(call.function).body;
    let expects = |node: &Node| {
        matches!(node, Node::Scope(scope) if scope.span.contains(call.span)
            && context.project.expects_failure(context.file, scope, true))
    };
    flow::find(body, &mut |node| expects(node)).is_some()
}

/// What is called hands on what a method of its object gives, and the class of the object has one that gives no coroutine.
fn is_of_another_method(context: &Context<'_>, id: CallId) -> bool {
    let project = context.project;
    let Some(helper) = project.own_of(context.file, id).filter(|it| !project.is_async(*it)) else { return false };
    let Some(of) = project.class_asked(context.file, id) else { return false };
    let model = project.model(helper.file);
    project.function(helper).returned.iter().any(|value| {
        let Value::Result(inner) = model.value(*value) else { return false };
        let run = project.run_in_helper(helper, *inner, Some(of)).map(|it| it.0);
        run.is_some_and(|run| !project.is_async(run) && project.own_of(helper.file, *inner) != Some(run))
    })
}

/// The code has asked, and goes here where it is none: `if iscoroutinefunction(f): return await f()`, and then `f()`.
fn is_said_to_be_none(context: &Context<'_>, id: CallId) -> bool {
    let model = context.model();
    let call = model.call(id);
    let denies = |condition: &Condition| {
        let asked = match model.value(condition.value) {
            Value::Result(asking) => context.project.asked_for_async(context.file, *asking),
            _ => None,
        };
        asked.is_some_and(|it| it == call.callee || *model.value(it) == Value::Result(id))
            && match condition.test {
                Test::Truth => !condition.holds,
                Test::Is(flag) => condition.holds != flag,
                _ => false,
            }
    };
    let rules_out = |node: &Node| {
        let Node::Branch(branch) = node else { return false };
        let is_after = branch.span.end <= call.span.start;
        let mut denied = false;
        for arm in &branch.arms {
            if (denied || arm.conditions.iter().any(denies)) && arm.span.contains(call.span) {
                return true;
            }
            let denies_if_not_taken = arm.otherwise.iter().any(denies);
            if is_after && denies_if_not_taken && !flow::exits(&arm.body, &|_| false).falls {
                return true;
            }
            denied |= denies_if_not_taken;
        }
        false
    };
    flow::find(&model.function(call.function).body, &mut |node| rules_out(node)).is_some()
}

fn is_initializer(context: &Context<'_>, call: &Call) -> bool {
    let model = context.model();
    let function = model.function(call.function);
    context.language() == Language::Python && function.class.is_some() && model.name(function.name) == "__init__"
}

/// Something is asked of the coroutine that only its result can have.
fn uses_result(context: &Context<'_>, id: CallId) -> bool {
    let model = context.model();
    let is_it = |value: ValueId| *model.value(value) == Value::Result(id);
    let names = model.all_values().filter_map(|value| match value {
        Value::Attr(receiver, name) if is_it(*receiver) => Some(model.name(*name)),
        _ => None,
    });
    let names: Vec<&str> = names.collect();
    let is_item = |value: &Value| matches!(value, Value::Index(of) | Value::Slice(of) if is_it(*of));
    if names.is_empty() {
        return model.all_values().any(is_item);
    }
    names
        .iter()
        .all(|name| !matches!(*name, "send" | "throw" | "close") && !name.starts_with("cr_") && !name.starts_with("__"))
}

/// Rust: `f()?`, `f().unwrap()`. A future is neither an error nor nothing: what is called is not async.
fn is_taken_apart(context: &Context<'_>, id: CallId) -> bool {
    let model = context.model();
    context.language() == Language::Rust
        && model.all_values().any(|it| matches!(it, Value::Inner(value) if *model.value(*value) == Value::Result(id)))
}

/// The name of the async function that the call certainly runs.
pub(super) fn coroutine(context: &Context<'_>, id: CallId) -> Option<String> {
    let own = |function| own_coroutine(context, function).or_else(|| handed_back(context, function));
    let of_library = |api: &Api| {
        // An object that is called has a better name than its method.
        let name = || match api.last_name() {
            "__call__" => context.text(context.model().call(id).name_span).to_owned(),
            _ => api.path.to_owned(),
        };
        api.is_async.then(name)
    };
    match context.project.only(context.file, id) {
        Only::Own(function) => own(function),
        Only::Api(api) if context.language() == Language::Rust && api.path == "std::boxed::Box::pin" => {
            is_future(context, &context.project.result_of_call(context.file, id)).then(|| api.path.to_owned())
        }
        Only::Api(api) => of_library(api),
        Only::Construct(_) | Only::Unknown => None,
        Only::Several => {
            let callees = context.project.callees(context.file, id);
            let names = callees.iter().map(|callee| match callee {
                Callee::Own(function) => own(*function),
                Callee::Api(path, _) => of_library(context.project.knowledge.api(context.language(), path)?),
                Callee::Construct(_) | Callee::Unknown => None,
            });
            // The first stands for all.
            names.collect::<Option<Vec<String>>>()?.into_iter().next()
        }
    }
}

/// Python: the function of Rust that starts a future and gives it to Python, where that is taken for its result. Whoever drops it
/// leaves a task to itself, which `leaked-task` tells.
fn started_by_rust(context: &Context<'_>, id: CallId, call: &Call) -> Option<String> {
    let is_taken = match call.result {
        Use::Dropped | Use::Discarded | Use::Receiver => false,
        Use::Bound(local) => context.model().function(call.function).local(local).reads > 0,
        _ => true,
    };
    let function = context.project.own_of(context.file, id).filter(|_| is_taken)?;
    let is_it = context.project.language(function.file) == Language::Rust
        && leaked_task::handed_back(context, function, None, 0).is_some();
    is_it.then(|| context.project.short_name(function).to_owned())
}

pub(super) fn own_coroutine(context: &Context<'_>, function: FnRef) -> Option<String> {
    let _outlines = context.project.of_outlines();
    let definition = context.project.function(function);
    let is_coroutine = matches!(definition.kind, FunctionKind::Async | FunctionKind::AsyncClosure)
        && !definition.is_generator
        && context.project.wrapping(function) == Wrapping::Plain
        && context.project.stays_coroutine(function)
        && !is_remade(context, function)
        && !is_rewritten(context, function);
    is_coroutine.then(|| context.project.short_name(function).to_owned())
}

/// Something that nothing is known of is made of the class of a method: a decorator may give its methods other forms, and so may a
/// class of classes.
fn is_remade(context: &Context<'_>, method: FnRef) -> bool {
    let project = context.project;
    let Some(class) = project.declared(method).class else { return false };
    if context.language() == Language::Rust {
        return false;
    }
    let model = project.model(method.file);
    model.class(class).decorators.iter().any(|decorator| match project.evaluate(method.file, *decorator) {
        Ty::External(path) | Ty::Method(path, _) => {
            let first = path.split('.').next().unwrap_or_default();
            project.knowledge.library(Language::Python, first).is_none()
                && !matches!(first, "dataclasses" | "attr" | "attrs" | "functools" | "typing" | "enum" | "abc")
        }
        _ => false,
    })
}

/// A sync function of the project that returns the coroutine of an async one, whatever path it takes.
fn handed_back(context: &Context<'_>, helper: FnRef) -> Option<String> {
    let project = context.project;
    // Most need not be looked into.
    let outlines = project.of_outlines();
    let definition = project.function(helper);
    let hands = !definition.kind.is_async() && !definition.is_generator && !definition.returned.is_empty();
    let plain = hands && project.wrapping(helper) == Wrapping::Plain;
    if plain && context.language() == Language::Rust {
        drop(outlines);
        return hands_future_back(context, helper).then(|| project.short_name(helper).to_owned());
    }
    let all = plain && definition.returned.iter().all(|value| {
        matches!(project.evaluate(helper.file, *value), Ty::Coroutine(_, Some(function)) if own_coroutine(context, function).is_some())
    });
    drop(outlines);
    let gives = all && !may_give_nothing(&project.function(helper).body) && !is_overloaded(context, helper);
    gives.then(|| project.short_name(helper).to_owned())
}

/// Some way ends without a value, by `return` or at the end.
fn may_give_nothing(body: &Block) -> bool {
    flow::exits(body, &|_| false).falls || flow::returned(body).contains(&None)
}

/// Rust: a plain function that does nothing but make a future, boxed perhaps: `fn load() -> BoxFuture<'static, ()> { Box::pin(async ..) }`.
fn hands_future_back(context: &Context<'_>, helper: FnRef) -> bool {
    let project = context.project;
    let model = project.model(helper.file);
    let definition = project.function(helper);
    // What it does before that is done, and a task that it starts runs by itself.
    let starts = |id: CallId| project.api_of(helper.file, id).is_some_and(|api| api.effect == Some(Effect::Spawns));
    let acts = |node: &Node| matches!(node, Node::Call(id) if matches!(model.call(*id).result, Use::Dropped | Use::Discarded) || starts(*id));
    definition.kind == FunctionKind::Sync
        && definition.decorators.is_empty()
        && flow::find(&definition.body, &mut |node| acts(node)).is_none()
        && definition.returned.iter().all(|value| is_future(context, &project.evaluate(helper.file, *value)))
}

/// Rust: an async block or what calling an async function gives, in whatever box.
fn is_future(context: &Context<'_>, ty: &Ty) -> bool {
    match ty {
        Ty::Coroutine(..) => true,
        Ty::Function(block) => {
            let declared = context.project.declared(*block);
            declared.kind == FunctionKind::AsyncBlock && !context.project.function(*block).is_generator
        }
        Ty::Instance(Class::Library(path), args) => {
            matches!(&**path, "std::boxed::Box" | "std::pin::Pin")
                && args.first().is_some_and(|inner| is_future(context, inner))
        }
        _ => false,
    }
}

/// An async function of the project is awaited, and gives the coroutine of another, which goes nowhere.
fn awaited_helper(context: &mut Context<'_>, id: CallId, call: &Call) {
    let project = context.project;
    let Some(helper) = project.own_of(context.file, id) else { return };
    // Most need not be looked into: they give what they have awaited, or nothing.
    let outlines = project.of_outlines();
    if project.declared(helper).kind != FunctionKind::Async {
        return;
    }
    let returned = &project.function(helper).returned;
    let model = project.model(helper.file);
    let is_coroutine = |value: &ValueId| match project.evaluate(helper.file, *value) {
        Ty::Coroutine(_, Some(inner)) => own_coroutine(context, inner).is_some(),
        _ => false,
    };
    let gives = !returned.is_empty()
        && returned.iter().all(|it| matches!(model.value(*it), Value::Result(_)))
        && returned.iter().all(is_coroutine);
    drop(outlines);
    let gives = gives
        && own_coroutine(context, helper).is_some()
        && !may_give_nothing(&project.function(helper).body)
        && !is_overloaded(context, helper);
    if gives && context.is_unread(call.function, context.use_of(id)) {
        let name = project.short_name(helper).to_owned();
        let message = format!("the coroutine that `{name}` returns is never awaited");
        let mut finding = context.finding(&RULE, context.function(call.function), call.name_span, message);
        finding.help = Some(format!("`await` what it gives, or have `{name}` await it"));
        context.keep(finding);
    }
}

/// Other definitions of the same name, `@overload`s perhaps, say what it gives for which arguments.
pub(super) fn is_overloaded(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.project.model(function.file);
    let definition = model.declaration(function.function);
    let is_same = |other: &&Function| {
        other.name == definition.name && other.class == definition.class && other.parent == definition.parent
    };
    // Those nested in a function are lowered with it.
    model.declarations_around(function.function).iter().filter(is_same).count() > 1
}

/// Rust: an attribute may make a plain function of it: `#[tokio::main]`, `#[maybe_async]`.
fn is_rewritten(context: &Context<'_>, function: FnRef) -> bool {
    const KEEP_ASYNC: &[&str] = &[
        "async_trait",
        "instrument",
        "test",
        "recursion",
        "async_recursion",
        "debug_handler",
        "pyfunction",
        "pymethods",
        "pyo3",
        "staticmethod",
        "classmethod",
    ];
    context.project.language(function.file) == Language::Rust
        && context.project.function(function).decorators.iter().any(|decorator| {
            match context.project.evaluate(function.file, decorator.value) {
                Ty::External(path) => {
                    !path.rsplit("::").next().is_some_and(|name| KEEP_ASYNC.contains(&name))
                        && context
                            .project
                            .knowledge
                            .decorator(Language::Rust, &path)
                            .is_none_or(|facts| facts.asynchronous == Some(crate::knowledge::Place::Runtime))
                }
                _ => true,
            }
        })
}

fn report(context: &mut Context<'_>, id: CallId, subject: &str, what: &str) {
    let call = context.model().call(id);
    let function = context.function(call.function);
    let message = format!("the {subject} {what}");
    let mut finding = context.finding(&RULE, function, call.name_span, message);
    let in_async = context.model().function(call.function).kind.is_async();
    finding.help = Some(if in_async {
        "`await` it".to_owned()
    } else {
        "`await` it in an async function, or start it as a task that is kept".to_owned()
    });
    if in_async && !is_in_class_body(context, call) && !is_in_generator(context, id) {
        let insert = |at: u32, content: &str| Edit { span: Span::new(at, at), content: content.to_owned() };
        let (start, end) = (call.span.start, call.span.end);
        let edits = match context.language() {
            // `await` binds less than what is asked of the result.
            Language::Python if call.result == Use::Receiver => vec![insert(start, "(await "), insert(end, ")")],
            Language::Python => vec![insert(start, "await ")],
            Language::Rust => vec![insert(end, ".await")],
        };
        finding.fix = Some(Fix { applicability: Applicability::Unsafe, message: "await the call".to_owned(), edits });
    }
    context.keep(finding);
}

/// In a class that the function defines: nothing can be awaited there.
fn is_in_class_body(context: &Context<'_>, call: &Call) -> bool {
    let around = context.model().function(call.function).span;
    context.model().classes.iter().any(|it| around.contains(it.span) && it.span.contains(call.span))
}

/// In a generator expression, which an `await` would make async: what goes through it could not any more. What the first `for` goes
/// through is evaluated outside.
fn is_in_generator(context: &Context<'_>, id: CallId) -> bool {
    let model = context.model();
    let is_it = |node: &Node| matches!(node, Node::Call(call) if *call == id);
    let is_around = |node: &Node| matches!(node, Node::Loop(it) if it.kind == LoopKind::Generator && flow::find(&it.body, &mut |node| is_it(node)).is_some());
    flow::find(&model.function(model.call(id).function).body, &mut |node| is_around(node)).is_some()
}

/// Rust: `async { .. };`, `let _ = async { .. };`
fn dropped_futures(context: &mut Context<'_>, function: FnRef) {
    let mut found: Vec<Span> = Vec::new();
    flow::visit_for(&context.project.function(function).body, Kinds::DROP, &mut |node| {
        if let Node::Implicit(Implicit { kind: ImplicitKind::Drop, span, .. }) = node {
            found.push(*span);
        }
        flow::Step::Into
    });
    for span in found {
        let mut finding = context.finding(&RULE, function, span, "this future is dropped and never awaited".to_owned());
        finding.help = Some("`await` it, or spawn it".to_owned());
        context.keep(finding);
    }
}
