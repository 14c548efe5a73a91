//! Whether somebody else decides what a method looks like.

use super::Context;
use crate::knowledge::HandlerRole;
use crate::model::ClassKind;
use crate::project::Wrapping;
use crate::project::types::{ClassRef, FnRef, Ty};
use crate::source::Language;

/// Modules and classes that declare no async methods but those of generators and the ones with underscores.
const PLAIN: &[&str] = &[
    "builtins.",
    "abc.",
    "typing.",
    "typing_extensions.",
    "collections.",
    "enum.",
    "contextlib.",
    "asyncio.Protocol",
    "asyncio.BaseProtocol",
    "asyncio.BufferedProtocol",
    "asyncio.DatagramProtocol",
    "anyio.AsyncContextManagerMixin",
    "anyio.ContextManagerMixin",
    "msgspec.Struct",
    "pydantic.BaseModel",
    "threading.Thread",
];

/// `__aenter__`: the language asks for it.
pub(super) fn is_special(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

fn declares_none(base: &str, method: &str) -> bool {
    PLAIN.iter().any(|it| base.starts_with(it)) && !matches!(method, "asend" | "athrow" | "aclose")
}

/// The method stands in for one of a base class or a trait, or may do so: a base is not known.
pub(super) fn may_override(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.project.model(function.file);
    if model.language == Language::Rust {
        let holds = |methods: &[(crate::model::NameId, crate::model::FunctionId)]| {
            methods.iter().any(|(_, id)| *id == function.function)
        };
        let of_trait = model.impls.iter().any(|it| it.of_trait.is_some() && holds(&it.methods));
        return of_trait || model.classes.iter().any(|it| it.kind == ClassKind::Trait && holds(&it.methods));
    }
    let definition = context.project.function(function);
    let says_so = definition.decorators.iter().any(|decorator| {
        matches!(
            context.project.evaluate(function.file, decorator.value),
            Ty::External(path) if matches!(&*path, "typing.override" | "typing_extensions.override" | "overrides.override")
        )
    });
    if says_so {
        return true;
    }
    let Some(class) = definition.class else { return false };
    let name = model.name(definition.name);
    let class = ClassRef { file: function.file, class };
    inherits(context, class, name, 0)
}

fn inherits(context: &Context<'_>, class: ClassRef, name: &str, depth: u32) -> bool {
    if depth > 12 {
        return true;
    }
    let bases = &context.project.model(class.file).class(class.class).bases;
    bases.iter().any(|base| match context.project.evaluate(class.file, *base) {
        Ty::External(path) => !declares_none(&path, name),
        Ty::Class(base) => {
            let model = context.project.model(base.file);
            let has = model.class(base.class).methods.iter().any(|(it, _)| model.name(*it) == name);
            has || inherits(context, base, name, depth + 1)
        }
        _ => true,
    })
}

/// Some class of the same file derives from the method's class and has a method of that name.
pub(super) fn is_overridden(context: &Context<'_>, function: FnRef) -> bool {
    let model = context.project.model(function.file);
    let definition = context.project.function(function);
    let Some(class) = definition.class else { return false };
    let own = ClassRef { file: function.file, class };
    model.classes.iter().any(|it| {
        it.methods.iter().any(|(name, _)| *name == definition.name)
            && it.bases.iter().any(|base| context.project.evaluate(function.file, *base) == Ty::Class(own))
    })
}

/// A framework calls the function, or a decorator that nothing is known of may: they decide what it takes and gives.
pub(super) fn is_handed_over(context: &Context<'_>, function: FnRef) -> bool {
    match context.project.language(function.file) {
        Language::Rust => !context.project.function(function).decorators.is_empty(),
        Language::Python => {
            context.project.wrapping(function) == Wrapping::Unknown
                || context.project.is_seen_by_decorator(function)
                || is_decorated(context, function, |role| {
                    use HandlerRole::{ContextManager, Plain, Property};
                    !matches!(role, Some(ContextManager | Plain | Property))
                })
        }
    }
}

/// A framework is known to call the function, or it is a declaration for type checkers.
pub(super) fn is_handler(context: &Context<'_>, function: FnRef) -> bool {
    use HandlerRole::{Callback, Fixture, Overload, Route, Task};
    is_decorated(context, function, |role| matches!(role, Some(Callback | Fixture | Overload | Route | Task)))
}

/// A decorator that is known is one of these.
fn is_decorated(context: &Context<'_>, function: FnRef, is: impl Fn(Option<HandlerRole>) -> bool) -> bool {
    let definition = context.project.function(function);
    let facts = |decorator| context.project.facts_of_decorator(function.file, decorator);
    definition.decorators.iter().filter_map(facts).any(|facts| is(facts.role))
}
