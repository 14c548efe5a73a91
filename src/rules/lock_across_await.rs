//! `lock-across-await`: a thread lock, a borrow or an entered span is held while the task is suspended.

use rustc_hash::FxHashSet;

use super::held_open;
use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::knowledge::{Guard, TypeRole};
use crate::model::{
    Block, Branch, CallId, ClassKind, FunctionId, Kinds, LocalId, Node, ParamKind, Scope, ScopeKind, UNKNOWN, Value,
    ValueId, flow,
};
use crate::project::types::{Class, ClassRef, Ty};
use crate::source::{Language, Span};

pub(super) static RULE: Rule = Rule {
    name: "lock-across-await",
    page: include_str!("../../rules/lock-across-await.md"),
    category: Category::Scopes,
    profile: Profile::Recommended,
    severity: Severity::Error,
    languages: &[Language::Python, Language::Rust],
    aliases: &["clippy::await_holding_lock", "clippy::await_holding_refcell_ref"],
    fix: None,
    check,
};

struct Held {
    what: &'static str,
    /// The value that is or gives the guard: what patterns take out of it is the same guard.
    source: ValueId,
    taken: Span,
    wait: Span,
}

fn check(context: &mut Context<'_>) {
    for function in context.async_functions() {
        let mut found = Vec::new();
        let body = &context.project.function(function).body;
        match context.language() {
            Language::Python => python(context, body, &mut found),
            Language::Rust => {
                given(context, function.function, body, &mut found);
                rust(context, body, &mut found);
            }
        }
        found.sort_by_key(|it| (it.taken, it.wait));
        found.dedup_by_key(|it| it.taken);
        let mut seen = FxHashSet::default();
        found.retain(|it| it.source == UNKNOWN || seen.insert(origin(context, it.source)));
        for held in found {
            let message = format!("{} is held across an `await`", held.what);
            let mut finding = context.finding(&RULE, function, held.taken, message);
            finding.help = Some(remedy(context.language(), held.what).to_owned());
            finding.related =
                vec![Related { message: "and still held at this `await`".to_owned(), place: context.place(held.wait) }];
            context.keep(finding);
        }
    }
}

fn remedy(language: Language, what: &str) -> &'static str {
    match (language, what) {
        (Language::Python, _) => "take the lock for the part that does not wait, or use the async library's lock",
        (_, ENTERED_SPAN) => "use `Instrument::instrument`, or enter the span for the part that does not wait",
        _ => "drop it before the `await`: end its block, call `drop`, or use the runtime's own lock",
    }
}

const ENTERED_SPAN: &str = "an entered span";

fn python(context: &Context<'_>, body: &Block, found: &mut Vec<Held>) {
    flow::visit_for(body, Kinds::WITH, &mut |node| {
        if let Node::Scope(scope) = node
            && scope.kind == ScopeKind::With
        {
            for item in scope.items.iter().filter(|item| holds_lock(context, &context.evaluate(item.value))) {
                if let Some(wait) = first_wait_holding(context, &scope.body, item.value) {
                    found.push(Held { what: "a thread lock", source: UNKNOWN, taken: item.span, wait });
                }
            }
        }
        flow::Step::Into
    });
}

/// A thread lock, or a context manager of the project that keeps one while its caller's body runs.
fn holds_lock(context: &Context<'_>, ty: &Ty) -> bool {
    let manager = match ty {
        Ty::Manager(manager) => manager,
        Ty::Instance(Class::Own(class), _) => {
            let is_lock = |ty: &Ty, _| is_thread_lock(context, ty).then_some(());
            return held_open::find(context, *class, ScopeKind::With, 0, &is_lock).is_some();
        }
        _ => return is_thread_lock(context, ty),
    };
    let mut holds = false;
    flow::visit_for(&context.project.function(*manager).body, Kinds::WITH, &mut |node| {
        if let Node::Scope(scope) = node
            && scope.kind == ScopeKind::With
            && flow::find(&scope.body, &mut |node| matches!(node, Node::Yield(_))).is_some()
        {
            holds |= scope
                .items
                .iter()
                .any(|item| is_thread_lock(context, &context.project.evaluate(manager.file, item.value)));
        }
        flow::Step::Into
    });
    holds
}

fn is_thread_lock(context: &Context<'_>, ty: &Ty) -> bool {
    ty.library_path().is_some_and(|path| {
        context
            .project
            .knowledge
            .type_facts(Language::Python, path)
            .is_some_and(|facts| facts.role == Some(TypeRole::ThreadLock) || facts.guard == Some(Guard::ThreadLock))
    })
}

/// Where the block of a `with` may first be suspended with its lock held: what has called `release` last does not hold it.
fn first_wait_holding(context: &Context<'_>, block: &Block, lock: ValueId) -> Option<Span> {
    let model = context.model();
    let is_given_back = |wait: Span| {
        let mut held = true;
        flow::visit(block, &mut |node| {
            if let Node::Call(id) = node
                && let call = model.call(*id)
                && call.span.end <= wait.start
                && let Value::Attr(receiver, method) = model.value(call.callee)
                && *receiver == lock
            {
                held = match model.name(*method) {
                    "release" => false,
                    "acquire" => true,
                    _ => held,
                };
            }
            flow::Step::Into
        });
        !held
    };
    let holds = |node: &Node| flow::is_suspension(node) && !is_given_back(suspension(node));
    flow::find(block, &mut |node| holds(node)).map(suspension)
}

/// The word at which a node suspends.
fn suspension(node: &Node) -> Span {
    match node {
        Node::Await(it) => it.keyword,
        Node::Scope(it) => it.keyword,
        Node::Loop(it) => it.keyword,
        Node::Branch(it) => Span::new(it.span.start, it.span.start + 1),
        _ => Span::default(),
    }
}

/// Guards that the function is given: they are its own from then on.
fn given(context: &Context<'_>, function: FunctionId, body: &Block, found: &mut Vec<Held>) {
    let definition = context.model().function(function);
    for param in definition.params.iter().filter(|it| it.kind != ParamKind::Receiver) {
        if let Some((what, source)) = kept(context, param.value)
            && let Some(wait) = wait_while_held(context, &body.nodes, Some(param.local))
        {
            found.push(Held { what, source, taken: definition.local(param.local).span, wait });
        }
    }
}

/// Guards by binding, by temporary and by extended temporary.
fn rust(context: &Context<'_>, block: &Block, found: &mut Vec<Held>) {
    // What comes after the last wait is held across none.
    let waits = |node: &Node| node.kinds().meet(Kinds::SUSPENSIONS);
    let Some(last) = block.nodes.iter().rposition(waits) else { return };
    for (index, node) in block.nodes[..=last].iter().enumerate() {
        let rest = &block.nodes[index + 1..=last];
        match node {
            Node::Bind { local, value, span } if !rest.is_empty() => {
                if let Some((what, source)) = kept(context, *value)
                    && let Some(wait) = wait_while_held(context, rest, Some(*local))
                {
                    found.push(Held { what, source, taken: *span, wait });
                }
            }
            Node::Hold { values, span } => {
                for value in values {
                    if let Some(what) = guard(context, &context.evaluate(*value))
                        && let Some(wait) = wait_while_held(context, rest, None)
                    {
                        found.push(Held { what, source: *value, taken: *span, wait });
                    }
                }
            }
            Node::Scope(scope) if scope.kind == ScopeKind::Temporaries => temporaries(context, scope, found),
            _ => {}
        }
        for part in flow::parts(node) {
            rust(context, part, found);
        }
    }
}

fn temporaries(context: &Context<'_>, scope: &Scope, found: &mut Vec<Held>) {
    for item in &scope.items {
        let ty = context.evaluate(item.value);
        let Some(what) = guard(context, &ty) else { continue };
        // A result that is no subject has been unwrapped on the way: the guard went on.
        if !item.is_subject && is_wrapped(context, &ty) {
            continue;
        }
        let wait = match item.local {
            // A name has it now, and may give it away.
            Some(local) => wait_while_held(context, &scope.body.nodes, Some(local)),
            None => first_wait_after(context, &scope.body, item.value),
        };
        if let Some(wait) = wait {
            found.push(Held { what, source: item.value, taken: item.span, wait });
        }
    }
}

fn is_wrapped(context: &Context<'_>, ty: &Ty) -> bool {
    let facts = ty.library_path().and_then(|path| context.project.knowledge.type_facts(Language::Rust, path));
    facts.is_some_and(|facts| facts.guard.is_none())
}

/// The value that patterns, `?` and `for` have taken this one out of.
fn origin(context: &Context<'_>, value: ValueId) -> ValueId {
    let mut at = value;
    while let Value::Inner(inner) | Value::Deref(inner) | Value::Element(inner) = context.model().value(at) {
        at = *inner;
    }
    at
}

/// The first suspension that is evaluated after the value was made.
fn first_wait_after(context: &Context<'_>, block: &Block, value: ValueId) -> Option<Span> {
    let model = context.model();
    let made_by = origin(context, value);
    let makes = |node: &Node| match (model.value(made_by), node) {
        (Value::Result(call), Node::Call(id)) => call == id,
        (Value::Awaited(future), Node::Await(it)) => *future == it.value,
        _ => false,
    };
    // Made in the head that the block follows, or on the way through it.
    let mut made = flow::find(block, &mut |node| makes(node)).is_none();
    let mut found = None;
    flow::visit(block, &mut |node| {
        if !made {
            made = makes(node);
            return flow::Step::Into;
        }
        found = match node {
            Node::Await(it) => Some(it.keyword),
            Node::Branch(it) if flow::is_suspension(node) => Some(Span::new(it.span.start, it.span.start + 1)),
            Node::Loop(it) if flow::is_suspension(node) => Some(it.keyword),
            _ => return flow::Step::Into,
        };
        flow::Step::Stop
    });
    found
}

/// The first await among these nodes that is reached while the local still holds its value.
fn wait_while_held(context: &Context<'_>, nodes: &[Node], local: Option<LocalId>) -> Option<Span> {
    match held_through(context, nodes, local) {
        Fate::Waits(span) => Some(span),
        Fate::Released | Fate::Left | Fate::Held => None,
    }
}

enum Fate {
    Waits(Span),
    /// Gone on the path that goes on.
    Released,
    /// No path goes on.
    Left,
    Held,
}

fn held_through(context: &Context<'_>, nodes: &[Node], local: Option<LocalId>) -> Fate {
    for node in nodes {
        let fate = match node {
            // What it is given next is another guard, if it is one.
            Node::Release { local: gone, .. } | Node::Bind { local: gone, .. } if Some(*gone) == local => {
                Fate::Released
            }
            Node::Call(call) if local.is_some_and(|it| takes_out(context, *call, it)) => Fate::Released,
            Node::Await(it) => Fate::Waits(it.keyword),
            Node::Branch(branch) if flow::is_suspension(node) => {
                Fate::Waits(Span::new(branch.span.start, branch.span.start + 1))
            }
            Node::Branch(branch) => held_through_arms(context, branch, local),
            Node::Loop(it) => {
                let parts = [&it.head, &it.body, &it.orelse];
                match parts
                    .iter()
                    .map(|part| held_through(context, &part.nodes, local))
                    .find(|fate| !matches!(fate, Fate::Held))
                {
                    // A jump leaves the loop, or a turn of it.
                    Some(Fate::Left) | None if flow::is_suspension(node) => Fate::Waits(it.keyword),
                    Some(Fate::Left) | None => Fate::Held,
                    Some(fate) => fate,
                }
            }
            Node::Return { .. } | Node::Raise(_) | Node::Break { .. } | Node::Continue { .. } => Fate::Left,
            other => {
                let fates = flow::parts(other).map(|part| held_through(context, &part.nodes, local));
                fates.into_iter().find(|fate| !matches!(fate, Fate::Held)).unwrap_or(Fate::Held)
            }
        };
        if !matches!(fate, Fate::Held) {
            return fate;
        }
    }
    Fate::Held
}

fn held_through_arms(context: &Context<'_>, branch: &Branch, local: Option<LocalId>) -> Fate {
    let (mut released, mut goes_on) = (false, !branch.exhaustive);
    for arm in &branch.arms {
        let mut fate = held_through(context, &arm.test.nodes, local);
        if matches!(fate, Fate::Held) {
            fate = held_through(context, &arm.body.nodes, local);
        }
        match fate {
            Fate::Waits(span) => return Fate::Waits(span),
            // Given away on the way out of the function.
            Fate::Released if flow::exits(&arm.body, &|_| false).leaves_function() => {}
            Fate::Released => {
                released = true;
                goes_on = true;
            }
            Fate::Held => goes_on = true,
            Fate::Left => {}
        }
    }
    // Released on some paths: on the others it may be held, but then what follows is rarely reached so; stay silent
    // rather than accuse.
    match (released, goes_on) {
        (true, _) => Fate::Released,
        (false, false) => Fate::Left,
        (false, true) => Fate::Held,
    }
}

/// The call takes the guard out of the local, or may: `guard.take()` of an `Option`, `mem::take(&mut guard)`, `drop(held.guard)`,
/// a method of a type of the user's own that holds one.
fn takes_out(context: &Context<'_>, call: CallId, local: LocalId) -> bool {
    let model = context.model();
    let call = model.call(call);
    let receiver = match model.value(call.callee) {
        Value::Attr(receiver, name) if is_of(context, call.function, *receiver, local) => {
            return match context.evaluate(*receiver) {
                Ty::Instance(Class::Own(_), _) => true,
                ty => takes_itself(context, &ty, model.name(*name)),
            };
        }
        _ => call.args.first().map(|it| it.value),
    };
    let Some(argument) = receiver else { return false };
    let Ty::External(path) = context.evaluate(call.callee) else { return false };
    match &*path {
        "std::mem::take" | "std::mem::replace" => is_of(context, call.function, argument, local),
        "std::option::Option::take" => {
            is_of(context, call.function, argument, local) && is_option(&context.evaluate(argument))
        }
        "std::mem::drop" | "drop" => {
            matches!(model.value(argument), Value::Field(whole, _) if is_of(context, call.function, *whole, local))
        }
        _ => false,
    }
}

/// The value is what the local is bound to, here or there.
fn is_of(context: &Context<'_>, function: FunctionId, value: ValueId, local: LocalId) -> bool {
    let binds =
        |node: &Node| matches!(node, Node::Bind { local: it, value: bound, .. } if *it == local && *bound == value);
    flow::find(&context.model().function(function).body, &mut |node| binds(node)).is_some()
}

/// The method takes what is in an `Option` or `Result` out of it, or all of it by value, as most do.
fn takes_itself(context: &Context<'_>, ty: &Ty, method: &str) -> bool {
    const BORROW: [&str; 16] = [
        "as_deref",
        "as_deref_mut",
        "as_mut",
        "as_ref",
        "as_slice",
        "cmp",
        "eq",
        "fmt",
        "get_or_insert",
        "get_or_insert_with",
        "hash",
        "iter",
        "iter_mut",
        "ne",
        "partial_cmp",
        "to_owned",
    ];
    if is_option(ty) && matches!(method, "take" | "take_if" | "replace" | "insert") {
        return true;
    }
    let is_asked = method.starts_with("is_") && !method.ends_with("_and") && !method.ends_with("_or");
    is_optional(context, ty) && !is_asked && !BORROW.contains(&method)
}

/// An `Option`, a `Result`, or a library's name for one.
fn is_optional(context: &Context<'_>, ty: &Ty) -> bool {
    const BOTH: [&str; 2] = ["std::option::Option", "std::result::Result"];
    ty.library_path().is_some_and(|path| {
        let facts = context.project.knowledge.type_facts(Language::Rust, path);
        BOTH.contains(&path) || facts.is_some_and(|facts| facts.bases.iter().any(|it| BOTH.contains(it)))
    })
}

fn is_option(ty: &Ty) -> bool {
    ty.library_path().is_some_and(|path| path == "std::option::Option")
}

/// What a value holds while it lives, and the value that tells. All branches of an `if` or `match` are of one type, so that one
/// which is known tells of all.
fn kept(context: &Context<'_>, value: ValueId) -> Option<(&'static str, ValueId)> {
    match context.model().value(value) {
        Value::Union(branches) => branches.iter().find_map(|it| kept(context, *it)),
        _ => guard(context, &context.evaluate(value)).map(|what| (what, value)),
    }
}

/// What a value of this type holds while it lives.
fn guard(context: &Context<'_>, ty: &Ty) -> Option<&'static str> {
    guard_of_library(context, ty).or_else(|| {
        let Ty::Instance(Class::Own(class), _) = ty else { return None };
        field_guard(context, *class)
    })
}

/// A guard that a struct of the project has for a field: what may be absent is none.
fn field_guard(context: &Context<'_>, class: ClassRef) -> Option<&'static str> {
    let model = context.project.model(class.file);
    let declared = model.class(class.class);
    if declared.kind != ClassKind::Struct {
        return None;
    }
    declared.fields.iter().find_map(|(_, field)| {
        let ty = context.project.evaluate(class.file, *field);
        let is_bare = ty.library_path().is_some_and(|path| {
            context.project.knowledge.type_facts(Language::Rust, path).is_some_and(|facts| facts.guard.is_some())
        });
        is_bare.then(|| guard_of_library(context, &ty)).flatten()
    })
}

fn guard_of_library(context: &Context<'_>, ty: &Ty) -> Option<&'static str> {
    let knowledge = &context.project.knowledge;
    let mut at = ty;
    // `let x = m.lock()` without `unwrap` still holds the guard, inside a `Result`.
    loop {
        let args = match at {
            Ty::Instance(_, args) => args,
            Ty::Tuple(items) => return items.iter().find_map(|it| guard(context, it)),
            Ty::Collection(element) => return guard(context, element),
            _ => return None,
        };
        let facts = knowledge.type_facts(Language::Rust, at.library_path()?)?;
        match facts.guard {
            Some(Guard::ThreadLock) => return Some("a thread lock's guard"),
            Some(Guard::Refcell) => return Some("a `RefCell` borrow"),
            Some(Guard::MapRef) => return Some("a reference into a concurrent map"),
            Some(Guard::Span) => return Some(ENTERED_SPAN),
            Some(Guard::Snapshot) if context.wants(Profile::Strict) => return Some("a snapshot's guard"),
            Some(Guard::AsyncLock | Guard::Snapshot) => return None,
            None => {}
        }
        if !facts.wrapper {
            return None;
        }
        at = args.first()?;
    }
}
