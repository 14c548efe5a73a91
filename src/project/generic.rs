//! Rust: what a call tells of type parameters: the type arguments of what it gives, and what a closure that it is given is called with.

use std::sync::Arc;

use crate::finding::FileId;
use crate::model::{NameId, ParamKind, TOP_LEVEL, ToldBy, TypeArgument, Value, ValueId};

use super::Project;
use super::types::{CallRef, Class, ClassRef, FnRef, Ty, some};

impl Project {
    /// What a call of the function gives, with the types that the arguments of the call, or what it is asked of, tell:
    /// `Service::new(Disk)`, `service.inner()`.
    pub(super) fn with_arguments(&self, function: FnRef, call: Option<CallRef>, receiver: Option<&Ty>, made: Ty) -> Ty {
        let gives = &self.declared(function).gives;
        match call {
            Some(call) if !gives.is_empty() => {
                let told = |told_by: ToldBy| self.told_type(function, call, receiver, told_by);
                filled(gives, &told, &made)
            }
            _ => made,
        }
    }

    fn told_type(&self, function: FnRef, call: CallRef, receiver: Option<&Ty>, told_by: ToldBy) -> Ty {
        let given = |param: u32| {
            let value = self.argument_at(call.file, call.call, function, param);
            value.map_or(Ty::Unknown, |value| self.evaluate(call.file, value))
        };
        match told_by {
            ToldBy::Parameter(param) => given(param),
            ToldBy::Pointer(param) => self.first_argument(&given(param)),
            ToldBy::Receiver(argument) => match receiver.map(|it| self.behind_pointers(it.clone())) {
                Some(Ty::Instance(Class::Own(_), args)) => args.get(argument as usize).cloned().unwrap_or(Ty::Unknown),
                _ => Ty::Unknown,
            },
        }
    }

    /// The type arguments that the fields of a tuple struct tell: `Wrapper(Disk)`.
    pub(super) fn arguments_of_fields(&self, class: ClassRef, call: CallRef) -> Vec<Ty> {
        let args = &self.model(call.file).call(call.call).args;
        let given = |field: &str| Some(args.get(field.parse::<usize>().ok()?)?.value);
        self.arguments_told(class, call.file, given)
    }

    /// The same of a struct that is written out: `Service { store: Disk }`.
    pub(super) fn arguments_of_literal(&self, class: ClassRef, file: FileId, fields: &[(NameId, ValueId)]) -> Vec<Ty> {
        let model = self.model(file);
        let given = |field: &str| fields.iter().find(|it| model.name(it.0) == field).map(|it| it.1);
        self.arguments_told(class, file, given)
    }

    fn arguments_told(&self, class: ClassRef, file: FileId, given: impl Fn(&str) -> Option<ValueId>) -> Vec<Ty> {
        let model = self.model(class.file);
        let parametric = &model.class(class.class).parametric;
        let count = parametric.iter().map(|(_, index)| *index as usize + 1).max().unwrap_or(0);
        let mut arguments = vec![Ty::Unknown; count];
        for (field, index) in parametric {
            let given = given(model.name(*field));
            arguments[*index as usize] = given.map_or(Ty::Unknown, |it| self.evaluate(file, it));
        }
        if arguments.iter().all(Ty::is_unknown) { Vec::new() } else { arguments }
    }

    /// The type arguments of a type as it is written, with those that are left out: `struct Limiter<C = System>`.
    pub(super) fn with_defaults(&self, class: &Ty, mut args: Vec<Ty>) -> Vec<Ty> {
        if let Ty::Class(class) = class {
            let defaults = &self.model(class.file).class(class.class).defaults;
            args.extend(defaults.iter().skip(args.len()).map(|it| self.evaluate(class.file, *it)));
        }
        args
    }

    /// What an alias with these type arguments stands for: `type Cached<B> = Tiered<Memory, B>`.
    pub(super) fn alias_of(&self, file: FileId, target: ValueId, args: &[Ty]) -> Ty {
        let model = self.model(file);
        let alias_of = |it: &ValueId| self.alias_of(file, *it, args);
        match model.value(target) {
            Value::Param(TOP_LEVEL, index) => args.get(*index as usize).cloned().unwrap_or(Ty::Unknown),
            // What stands for itself is unknown.
            Value::Instance { class, args: given } if !args.is_empty() && !self.evaluate(file, target).is_unknown() => {
                let class = self.evaluate(file, *class);
                let given = self.with_defaults(&class, given.iter().map(alias_of).collect());
                self.instance_of(model.language, &class, given)
            }
            Value::Tuple(items) => Ty::Tuple(items.iter().map(alias_of).collect()),
            Value::Collection(_, items) => Ty::Collection(Arc::new(Ty::union(items.iter().map(alias_of)))),
            _ => self.evaluate(file, target),
        }
    }

    /// What a closure is called with that is the argument at that index of a call of this: a tuple.
    pub(super) fn called_with(&self, file: FileId, callee: ValueId, index: u32) -> Ty {
        let (function, receivers) = match self.evaluate(file, callee) {
            Ty::Function(function) => (function, 0),
            Ty::Bound(_, function) => {
                let params = &self.declared(function).params;
                (function, u32::from(params.first().is_some_and(|it| it.kind == ParamKind::Receiver)))
            }
            _ => return Ty::Unknown,
        };
        let takes = &self.declared(function).takes;
        let with = takes.iter().find(|(param, _)| *param == index + receivers);
        with.map_or(Ty::Unknown, |(_, with)| self.evaluate(function.file, *with))
    }
}

/// The type with the type arguments that `told` tells.
fn filled(gives: &[TypeArgument], told: &dyn Fn(ToldBy) -> Ty, made: &Ty) -> Ty {
    match made {
        Ty::Instance(of @ Class::Own(_), args) => {
            let mut args = args.to_vec();
            for given in gives {
                let open = |it: &&mut Ty| matches!(it, Ty::Unknown | Ty::Dyn(_));
                let slot = given.argument.and_then(|argument| args.get_mut(argument as usize)).filter(open);
                if let Some(slot) = slot {
                    *slot = told(given.told_by);
                }
            }
            Ty::Instance(*of, some(args))
        }
        // `Result<Self, E>`, `Arc<Self>`
        Ty::Instance(of, args) => {
            let mut args = args.to_vec();
            if let Some(first) = args.first_mut() {
                *first = filled(gives, told, first);
            }
            Ty::Instance(*of, some(args))
        }
        Ty::Coroutine(inner, of) => Ty::Coroutine(Arc::new(filled(gives, told, inner)), *of),
        // `-> S`
        Ty::Unknown | Ty::Dyn(_) => {
            let itself = gives.iter().find(|it| it.argument.is_none());
            match itself.map(|it| told(it.told_by)) {
                None | Some(Ty::Unknown) => made.clone(),
                Some(told) => told,
            }
        }
        other => other.clone(),
    }
}
