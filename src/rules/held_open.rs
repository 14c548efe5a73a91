//! What an object of the project's own class keeps open from where a `with` enters it to where that ends.

use super::Context;
use super::task_group::calls;
use crate::model::{Block, CallId, Node, ScopeKind, Value, ValueId};
use crate::project::LibraryPath;
use crate::project::types::{Class, ClassRef, FnRef, Ty};
use crate::source::Language;

/// Context managers that enter one another: deeper, none is looked into.
pub(super) const MOST_MANAGERS: u32 = 4;

/// What a `with` of that kind runs first, and last.
fn methods(kind: ScopeKind) -> Option<(&'static str, &'static str)> {
    match kind {
        ScopeKind::With => Some(("__enter__", "__exit__")),
        ScopeKind::AsyncWith => Some(("__aenter__", "__aexit__")),
        ScopeKind::Temporaries => None,
    }
}

/// What is open once an object of the class has been entered. The first that `is` is something for is told. `depth`: of how many
/// context managers, one entered in the next, this is the innermost; `is` is told the same of what it is asked about.
pub(super) fn find<T>(
    context: &Context<'_>,
    class: ClassRef,
    kind: ScopeKind,
    depth: u32,
    is: &impl Fn(&Ty, u32) -> Option<T>,
) -> Option<T> {
    let (enter, _) = methods(kind)?;
    let mut kept = Kept { context, enter, is, found: None };
    kept.entered(class, depth);
    kept.found
}

struct Kept<'a, 'c, T, F: Fn(&Ty, u32) -> Option<T>> {
    context: &'a Context<'c>,
    /// The method that enters an object.
    enter: &'static str,
    is: &'a F,
    found: Option<T>,
}

impl<T, F: Fn(&Ty, u32) -> Option<T>> Kept<'_, '_, T, F> {
    fn entered(&mut self, class: ClassRef, depth: u32) {
        if depth > MOST_MANAGERS {
            return;
        }
        match self.context.project.find_method(class, self.enter) {
            Some(method) => self.method(class, method, depth),
            None => self.bases(class, depth),
        }
    }

    /// A library's class that the object is of as well opens what it is.
    fn bases(&mut self, class: ClassRef, depth: u32) {
        for path in self.context.project.library_bases(class) {
            self.opened(&instance(path), depth);
        }
    }

    fn opened(&mut self, ty: &Ty, depth: u32) {
        if self.found.is_none() {
            self.found = (self.is)(ty, depth);
        }
    }

    fn method(&mut self, class: ClassRef, method: FnRef, depth: u32) {
        let body = &self.context.project.function(method).body;
        let inner = self.context.looking_into(method.file);
        let mut steps = Vec::new();
        let mut keeps_stacks = false;
        collect(&inner, body, &mut steps, &mut keeps_stacks);
        let left = |value: ValueId| steps.iter().any(|it| matches!(it, Step::Left(other) if *other == value));
        for step in &steps {
            let (value, on_stack) = match step {
                Step::Entered(value) if !left(*value) => (*value, false),
                Step::Stacked { value, is_local } if !is_local || keeps_stacks => (*value, true),
                _ => continue,
            };
            match inner.evaluate(value) {
                Ty::Super(_) if !on_stack => self.above(class, method, depth),
                Ty::Instance(Class::Own(other), _) => self.entered(other, depth + 1),
                ty => self.opened(&ty, depth),
            }
        }
    }

    /// `await super().__aenter__()` in a method of the class.
    fn above(&mut self, class: ClassRef, method: FnRef, depth: u32) {
        let Some(owner) = self.context.project.function(method).class else { return };
        let owner = Ty::Super(ClassRef { file: method.file, class: owner });
        match self.context.project.member(Language::Python, &owner, self.enter) {
            Ty::Bound(_, above) if above != method && depth < MOST_MANAGERS => {
                self.method(class, above, depth + 1);
            }
            _ => self.bases(class, depth),
        }
    }
}

fn instance(path: LibraryPath) -> Ty {
    Ty::Instance(Class::Library(path), std::sync::Arc::from([]))
}

/// What a method that enters an object does to others.
enum Step {
    /// `value.__aenter__()`, `value.acquire()`
    Entered(ValueId),
    /// `value.__aexit__(..)`, `value.release()`
    Left(ValueId),
    /// `stack.enter_async_context(value)`, where the stack is the method's own or the object's.
    Stacked { value: ValueId, is_local: bool },
}

/// The steps that are taken on any way through the block. `keeps_stacks`: what the method's own stacks hold is taken over.
fn collect(context: &Context<'_>, block: &Block, steps: &mut Vec<Step>, keeps_stacks: &mut bool) {
    let model = context.model();
    for node in &block.nodes {
        match node {
            Node::Call(id) => {
                let call = model.call(*id);
                let Value::Attr(receiver, name) = model.value(call.callee) else { continue };
                match model.name(*name) {
                    "__aenter__" | "__enter__" | "acquire" => steps.push(Step::Entered(*receiver)),
                    "__aexit__" | "__exit__" | "release" => steps.push(Step::Left(*receiver)),
                    "enter_async_context" | "enter_context" => {
                        if let [entered] = call.args.as_slice()
                            && is_stack(context, *receiver)
                        {
                            let is_local = !matches!(model.value(*receiver), Value::Attr(..) | Value::Field(..));
                            steps.push(Step::Stacked { value: entered.value, is_local });
                        }
                    }
                    "pop_all" if is_stack(context, *receiver) => *keeps_stacks = true,
                    _ => {}
                }
            }
            Node::Try(it) => collect(context, &it.body, steps, keeps_stacks),
            Node::Scope(it) => collect(context, &it.body, steps, keeps_stacks),
            _ => {}
        }
    }
}

/// `contextlib.AsyncExitStack` and its like.
pub(super) fn is_stack(context: &Context<'_>, value: ValueId) -> bool {
    context
        .evaluate(value)
        .library_path()
        .is_some_and(|path| matches!(path, "contextlib.ExitStack" | "contextlib.AsyncExitStack"))
}

/// Making, entering and leaving an object of the class does nothing but with that one thing which `is` it: whatever it raises is
/// what leaves the object.
pub(super) fn is_nothing_but(context: &Context<'_>, class: ClassRef, is: &impl Fn(&Ty) -> bool) -> bool {
    let Some((enter, exit)) = methods(ScopeKind::AsyncWith) else { return false };
    let project = context.project;
    let (enter, exit) = (project.find_method(class, enter), project.find_method(class, exit));
    // Both its own, or both those of the library's class that it derives from.
    let all = [project.find_method(class, "__init__"), enter, exit];
    enter.is_some() == exit.is_some()
        && find(context, class, ScopeKind::AsyncWith, 0, &|ty, _| is(ty).then_some(())).is_some()
        && all.into_iter().flatten().all(|method| {
            let inner = context.looking_into(method.file);
            let body = &project.function(method).body;
            let is_plain = |node: &Node| match node {
                Node::Call(id) => is_about(&inner, *id, is),
                Node::Await(_) | Node::Bind { .. } | Node::Set { .. } | Node::Implicit(_) | Node::Return { .. } => true,
                _ => false,
            };
            // Whoever enters hands the errors on by leaving as well.
            body.nodes.iter().all(is_plain) && (Some(method) != exit || !calls(body).is_empty())
        })
}

/// The call makes, enters or leaves it.
fn is_about(context: &Context<'_>, id: CallId, is: &impl Fn(&Ty) -> bool) -> bool {
    let model = context.model();
    let makes = context.project.result_of_call(context.file, id);
    is(&makes)
        || matches!(model.value(model.call(id).callee), Value::Attr(receiver, name)
            if matches!(model.name(*name), "__aenter__" | "__aexit__") && is(&context.evaluate(*receiver)))
}
