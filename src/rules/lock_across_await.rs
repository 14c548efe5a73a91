//! `lock-across-await`: a thread lock, a borrow or an entered span is held while the task is suspended.

use super::{Category, Context, Profile, Rule};
use crate::finding::{Related, Severity};
use crate::knowledge::{Guard, TypeRole};
use crate::model::{Block, LocalId, Node, Scope, ScopeKind, flow};
use crate::project::types::Ty;
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
    taken: Span,
    wait: Span,
}

fn check(context: &mut Context<'_>) {
    for function in context.async_functions() {
        let mut found = Vec::new();
        let body = &context.project.function(function).body;
        match context.language() {
            Language::Python => python(context, body, &mut found),
            Language::Rust => rust(context, body, &mut found),
        }
        found.sort_by_key(|it| (it.taken, it.wait));
        found.dedup_by_key(|it| it.taken);
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
    flow::visit(body, &mut |node| {
        if let Node::Scope(scope) = node
            && scope.kind == ScopeKind::With
            && let Some(item) = scope.items.iter().find(|item| is_thread_lock(context, &context.evaluate(item.value)))
            && let Some(wait) = first_wait(&scope.body)
        {
            found.push(Held { what: "a thread lock", taken: item.span, wait });
        }
        flow::Step::Into
    });
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

/// Where the block may first be suspended.
fn first_wait(block: &Block) -> Option<Span> {
    flow::find(block, &mut flow::is_suspension).map(|node| match node {
        Node::Await(it) => it.keyword,
        Node::Scope(it) => it.keyword,
        Node::Loop(it) => it.keyword,
        Node::Branch(it) => Span::new(it.span.start, it.span.start + 1),
        _ => Span::default(),
    })
}

/// Guards by binding, by temporary and by extended temporary.
fn rust(context: &Context<'_>, block: &Block, found: &mut Vec<Held>) {
    for (index, node) in block.nodes.iter().enumerate() {
        let rest = &block.nodes[index + 1..];
        match node {
            Node::Bind { local, value, span } => {
                if let Some(what) = guard(context, &context.evaluate(*value))
                    && let Some(wait) = wait_while_held(rest, Some(*local))
                {
                    found.push(Held { what, taken: *span, wait });
                }
            }
            Node::Hold { values, span } => {
                for value in values {
                    if let Some(what) = guard(context, &context.evaluate(*value))
                        && let Some(wait) = wait_while_held(rest, None)
                    {
                        found.push(Held { what, taken: *span, wait });
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
        let Some(what) = guard(context, &context.evaluate(item.value)) else { continue };
        // In a statement's scope, awaits before the guard was taken do not count.
        let wait = first_wait_after(&scope.body, item.span.end);
        if let Some(wait) = wait {
            found.push(Held { what, taken: item.span, wait });
        }
    }
}

fn first_wait_after(block: &Block, offset: u32) -> Option<Span> {
    let mut found = None;
    flow::visit(block, &mut |node| {
        let keyword = match node {
            Node::Await(it) => it.keyword,
            Node::Branch(it) if flow::is_suspension(node) => Span::new(it.span.start, it.span.start + 1),
            Node::Loop(it) if flow::is_suspension(node) => it.keyword,
            _ => return flow::Step::Into,
        };
        if keyword.start >= offset {
            found = Some(keyword);
            return flow::Step::Stop;
        }
        flow::Step::Into
    });
    found
}

/// The first await among these nodes that is reached while the local still holds its value.
fn wait_while_held(nodes: &[Node], local: Option<LocalId>) -> Option<Span> {
    match held_through(nodes, local) {
        Fate::Waits(span) => Some(span),
        Fate::Released | Fate::Held => None,
    }
}

enum Fate {
    Waits(Span),
    /// Gone on the path that goes on.
    Released,
    Held,
}

fn held_through(nodes: &[Node], local: Option<LocalId>) -> Fate {
    for node in nodes {
        match node {
            Node::Release { local: released, .. } if Some(*released) == local => return Fate::Released,
            Node::Await(it) => return Fate::Waits(it.keyword),
            Node::Branch(branch) => {
                if flow::is_suspension(node) {
                    return Fate::Waits(Span::new(branch.span.start, branch.span.start + 1));
                }
                let mut released = 0;
                for arm in &branch.arms {
                    for part in [&arm.test, &arm.body] {
                        match held_through(&part.nodes, local) {
                            Fate::Waits(span) => return Fate::Waits(span),
                            Fate::Released => {
                                released += 1;
                                break;
                            }
                            Fate::Held => {}
                        }
                    }
                }
                // Released on some paths: on the others it may be held, but then what follows is rarely reached so; stay
                // silent rather than accuse.
                if released > 0 {
                    return Fate::Released;
                }
            }
            Node::Loop(it) => {
                for part in [&it.head, &it.body, &it.orelse] {
                    match held_through(&part.nodes, local) {
                        Fate::Held => {}
                        fate => return fate,
                    }
                }
                if flow::is_suspension(node) {
                    return Fate::Waits(it.keyword);
                }
            }
            Node::Return { .. } | Node::Raise(_) | Node::Break { .. } | Node::Continue { .. } => return Fate::Released,
            other => {
                for part in flow::parts(other) {
                    match held_through(&part.nodes, local) {
                        Fate::Held => {}
                        fate => return fate,
                    }
                }
            }
        }
    }
    Fate::Held
}

/// What a value of this type holds while it lives.
fn guard(context: &Context<'_>, ty: &Ty) -> Option<&'static str> {
    let knowledge = &context.project.knowledge;
    let mut at = ty;
    // `let x = m.lock()` without `unwrap` still holds the guard, inside a `Result`.
    loop {
        let Ty::Instance(_, args) = at else { return None };
        let facts = knowledge.type_facts(Language::Rust, at.library_path()?)?;
        match facts.guard {
            Some(Guard::ThreadLock) => return Some("a thread lock's guard"),
            Some(Guard::Refcell) => return Some("a `RefCell` borrow"),
            Some(Guard::MapRef) => return Some("a reference into a concurrent map"),
            Some(Guard::Span) => return Some(ENTERED_SPAN),
            Some(Guard::AsyncLock) => return None,
            None => {}
        }
        if !matches!(facts.path, "std::result::Result" | "std::option::Option") {
            return None;
        }
        at = args.first()?;
    }
}
