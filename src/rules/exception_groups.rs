//! Which values are exception groups.

use rustc_hash::FxHashSet;

use super::Context;
use super::task_group::exceptions;
use crate::model::{FunctionId, Handler, Kinds, Node, Value, ValueId, flow};
use crate::project::types::{Class, Ty};
use crate::source::{Language, Span};

/// The values that are exception groups in one function.
pub(super) struct Groups {
    /// What `except* E as e` binds: a group, whatever `E` is.
    caught: FxHashSet<ValueId>,
}

impl Groups {
    pub(super) fn of(context: &Context<'_>, function: FunctionId) -> Self {
        let body = &context.model().function(function).body;
        let mut heads: Vec<Span> = Vec::new();
        flow::visit_for(body, Kinds::TRY, &mut |node| {
            if let Node::Try(it) = node {
                let grouped = it.handlers.iter().filter(|handler| handler.is_star || catches_groups(context, handler));
                heads.extend(grouped.filter(|handler| handler.local.is_some()).map(|handler| handler.head));
            }
            flow::Step::Into
        });
        let mut caught = FxHashSet::default();
        if heads.is_empty() {
            return Self { caught };
        }
        flow::visit(body, &mut |node| {
            if let Node::Bind { value, span, .. } = node
                && heads.iter().any(|head| head.contains(*span))
            {
                caught.insert(*value);
            }
            flow::Step::Into
        });
        Self { caught }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.caught.is_empty()
    }

    pub(super) fn has(&self, context: &Context<'_>, value: ValueId) -> bool {
        if self.caught.contains(&value) {
            return true;
        }
        match context.evaluate(value) {
            Ty::Instance(Class::Library(path), _) => is_builtin(context, &path),
            _ => false,
        }
    }
}

/// `except ExceptionGroup`, and nothing else beside it.
fn catches_groups(context: &Context<'_>, handler: &Handler) -> bool {
    let all_groups = |value: &ValueId| {
        exceptions(context, *value)
            .is_some_and(|types| types.iter().all(|ty| matches!(ty, Ty::External(path) if is_builtin(context, path))))
    };
    !handler.catches.is_empty() && handler.catches.iter().all(all_groups)
}

/// The path is `ExceptionGroup` or `BaseExceptionGroup`, of the language or of its backport.
pub(super) fn is_builtin(context: &Context<'_>, path: &str) -> bool {
    let facts = context.project.knowledge.type_facts(Language::Python, path);
    let path = facts.map_or(path, |facts| facts.path);
    matches!(path, "builtins.ExceptionGroup" | "builtins.BaseExceptionGroup")
}

/// `group.exceptions`: the group.
pub(super) fn whose_exceptions(context: &Context<'_>, value: ValueId) -> Option<ValueId> {
    match context.model().value(value) {
        Value::Attr(group, name) if context.model().name(*name) == "exceptions" => Some(*group),
        _ => None,
    }
}
