//! What a call runs.

use crate::finding::FileId;
use crate::knowledge::{Api, Effect, Runner};
use crate::model::{Arg, Call, CallId, ClassKind, Node, Use, Value, ValueId, flow};
use crate::source::Language;

use super::Project;
use super::types::{Class, ClassRef, FnRef, Ty};

/// One thing a call may run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Callee {
    /// A function of the project's.
    Own(FnRef),
    /// A class of the project's is instantiated.
    Construct(ClassRef),
    /// A function of a library's, with the receiver if it is a method.
    Api(&'static str, Ty),
    Unknown,
}

impl Project {
    /// What a call may run: one entry, or one per alternative.
    pub fn callees(&self, file: FileId, call: CallId) -> Vec<Callee> {
        let model = self.model(file);
        if model.is_opaque(model.call(call).callee) {
            return vec![Callee::Unknown];
        }
        let ty = self.evaluate(file, model.call(call).callee);
        let language = model.language;
        // `Trait::method(x)` is `x.method()`.
        if language == Language::Rust
            && let Ty::Function(function) = ty
            && self.is_trait_method(function)
        {
            let call = model.call(call);
            let receiver = call.args.first().map_or(Ty::Unknown, |arg| self.evaluate(file, arg.value));
            let name = self.function(function).name;
            let found = self.member(language, &receiver, self.model(function.file).name(name));
            return vec![self.callee_of(language, &found)];
        }
        let callees = ty.parts().iter().map(|part| self.callee_of(language, part));
        let mut callees: Vec<Callee> = callees.collect();
        // `try: from time import sleep` / `except ImportError: from other import sleep`: the one that is known tells.
        if callees.len() > 1 && ty.parts().iter().all(|part| !matches!(part, Ty::Unknown)) {
            let foreign = |part: &Ty| matches!(part, Ty::External(path) if !self.is_known_library(language, path));
            let mut parts = ty.parts().iter();
            callees.retain(|callee| {
                let is_foreign = parts.next().is_some_and(foreign);
                *callee != Callee::Unknown || !is_foreign
            });
        }
        if callees.is_empty() { vec![Callee::Unknown] } else { callees }
    }

    fn is_known_library(&self, language: Language, path: &str) -> bool {
        let first = path.split(['.', ':']).next().unwrap_or(path);
        self.knowledge.library(language, first).is_some()
    }

    fn is_trait_method(&self, function: FnRef) -> bool {
        let definition = self.function(function);
        !definition.is_static
            && definition.class.is_some_and(|class| self.model(function.file).class(class).kind == ClassKind::Trait)
    }

    pub(super) fn callee_of(&self, language: Language, ty: &Ty) -> Callee {
        match ty {
            // The configuration knows better than what can be read.
            Ty::Function(function) | Ty::Bound(_, function)
                if self.knowledge.is_configured()
                    && self.knowledge.configured(&self.function_name(*function)).is_some() =>
            {
                let api = self.knowledge.configured(&self.function_name(*function));
                api.map_or(Callee::Own(*function), |api| Callee::Api(api.path, Ty::Unknown))
            }
            Ty::Function(function) => match self.described(*function) {
                Some(api) => Callee::Api(api.path, Ty::Unknown),
                None => Callee::Own(*function),
            },
            Ty::Bound(receiver, function) => match self.described(*function) {
                Some(api) if !self.is_told_of(receiver, api) => Callee::Unknown,
                Some(api) => Callee::Api(api.path, (**receiver).clone()),
                None => Callee::Own(*function),
            },
            Ty::Class(class) => Callee::Construct(*class),
            Ty::External(path) => match self.knowledge.api(language, path) {
                Some(api) => Callee::Api(api.path, Ty::Unknown),
                None => Callee::Unknown,
            },
            Ty::Method(path, receiver) => match self.knowledge.api(language, path) {
                Some(api) => Callee::Api(api.path, (**receiver).clone()),
                None => Callee::Unknown,
            },
            Ty::Partial(inner) => self.callee_of(language, inner),
            Ty::Instance(Class::Own(_), _) if language == Language::Python => {
                match self.member(language, ty, "__call__") {
                    Ty::Bound(_, function) => Callee::Own(function),
                    _ => Callee::Unknown,
                }
            }
            Ty::Instance(Class::Library(_), _) if language == Language::Python => {
                match self.member(language, ty, "__call__") {
                    method @ Ty::Method(..) => self.callee_of(language, &method),
                    _ => Callee::Unknown,
                }
            }
            _ => Callee::Unknown,
        }
    }

    /// The one library function a call runs, whatever path is taken.
    pub fn api_of(&self, file: FileId, call: CallId) -> Option<&'static Api> {
        let model = self.model(file);
        if model.is_opaque(model.call(call).callee) {
            return None;
        }
        let name = model.callee_name(model.call(call));
        // Most calls are of a name that no table has.
        if name.is_some_and(|name| !self.knowledge.names_an_api(model.language, model.name(name))) {
            return None;
        }
        let callees = self.callees(file, call);
        let [Callee::Api(path, _)] = callees.as_slice() else { return None };
        self.knowledge.api(self.language(file), path)
    }

    /// The one function of the project that a call runs.
    pub fn own_of(&self, file: FileId, call: CallId) -> Option<FnRef> {
        let model = self.model(file);
        if model.is_opaque(model.call(call).callee) {
            return None;
        }
        match self.callees(file, call).as_slice() {
            [Callee::Own(function)] => Some(*function),
            _ => None,
        }
    }

    /// The effect of a library function in this very call: its conditions hold.
    pub fn effect_in_call(&self, file: FileId, call: &Call, api: &Api) -> Option<Effect> {
        let effect = api.effect?;
        let holds = |condition: &&str| self.condition(file, call, condition);
        if api.unless.iter().any(|it| holds(it) != Some(false)) {
            return None;
        }
        if !api.when.is_empty() && !api.when.iter().any(|it| holds(it) == Some(true)) {
            return None;
        }
        Some(effect)
    }

    /// The function that makes the call also calls this method of the same receiver, or, where that is an attribute of the
    /// object, another method of the class does.
    fn is_called_on_receiver(&self, file: FileId, call: &Call, method: &str) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
        let class = model.function(call.function).class;
        let attribute = |value: ValueId| match model.value(value) {
            Value::Attr(object, name) => Some((self.evaluate(file, *object), *name)),
            _ => None,
        };
        model.calls.iter().any(|other| {
            let Value::Attr(it, name) = model.value(other.callee) else { return false };
            if model.name(*name) != method {
                return false;
            }
            if other.function == call.function {
                return it == receiver || model.value(*it) == model.value(*receiver);
            }
            let of_the_class = class.is_some() && model.function(other.function).class == class;
            of_the_class
                && attribute(*receiver)
                    .is_some_and(|(object, name)| object != Ty::Unknown && attribute(*it) == Some((object, name)))
        })
    }

    /// The function that makes the call goes through what it gives, or hands it to something here. What is only bound or
    /// given back may be gone through somewhere else, as what is handed to a thread is.
    fn is_iterated(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        match call.result {
            Use::Bound(_) => {}
            Use::Returned => return false,
            Use::Passed => return !self.is_passed_elsewhere(file, call),
            _ => return true,
        }
        let is_it = |value: ValueId| {
            let made = |value: &Value| matches!(value, Value::Result(id) if model.call(*id).span == call.span);
            match model.value(value) {
                Value::Union(parts) => parts.iter().any(|part| made(model.value(*part))),
                value => made(value),
            }
        };
        let looped = flow::find(
            &model.function(call.function).body,
            &mut |node| matches!(node, Node::Loop(it) if it.iterated.is_some_and(is_it)),
        );
        looped.is_some()
            || model.calls.iter().any(|other| {
                other.function == call.function
                    && other.args.iter().any(|arg| is_it(arg.value))
                    && matches!(self.evaluate(file, other.callee), Ty::External(path) if path.starts_with("builtins."))
            })
    }

    /// The call's result is an argument of one that calls a function in a thread or a process.
    fn is_passed_elsewhere(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let is_result = |value: &Value| matches!(value, Value::Result(id) if model.call(*id).span == call.span);
        let mut calls = model.calls.iter().enumerate();
        calls.any(|(index, other)| {
            other.function == call.function
                && other.args.iter().any(|arg| is_result(model.value(arg.value)))
                && self
                    .api_of(file, CallId(index as u32))
                    .is_some_and(|api| api.runs.iter().any(|it| matches!(it.place, Runner::Thread | Runner::Process)))
        })
    }

    /// Whether a condition of a table holds: `block=False`, `0=False`, `timeout`, `!timeout`. `None`: it cannot be told.
    fn condition(&self, file: FileId, call: &Call, condition: &str) -> Option<bool> {
        if let Some(inner) = condition.strip_prefix('!') {
            return self.condition(file, call, inner).map(|it| !it);
        }
        let model = self.model(file);
        if condition == "@iterated" {
            return Some(self.is_iterated(file, call));
        }
        if let Some(method) = condition.strip_prefix('.') {
            return Some(self.is_called_on_receiver(file, call, method));
        }
        let (which, value) = match condition.split_once('=') {
            Some((which, value)) => (which.trim(), Some(value.trim())),
            None => (condition.trim(), None),
        };
        let argument: Option<&Arg> = match which.parse::<usize>() {
            Ok(position) => call.argument(&model.names, Some(position), None),
            Err(_) => call.args.iter().find(|arg| arg.name.is_some_and(|it| model.name(it) == which)),
        };
        let Some(argument) = argument else {
            return if call.args.iter().any(|arg| arg.spread) { None } else { Some(false) };
        };
        let Some(value) = value else { return Some(true) };
        // `os.devnull`, by whatever name.
        if value.contains('.') {
            return Some(matches!(self.evaluate(file, argument.value), Ty::External(path) if *path == *value));
        }
        let given = match model.value(argument.value) {
            Value::Bool(true) => "True",
            Value::Bool(false) => "False",
            Value::None => "None",
            Value::Int(number) => return Some(number.to_string() == value),
            Value::Str(text) => return Some(model.name(*text) == value.trim_matches(['\'', '"'])),
            // `ssl.Purpose.CLIENT_AUTH`
            Value::Attr(_, name) if is_constant(model.name(*name)) => return Some(model.name(*name) == value),
            Value::Path(path) if path.segments.last().is_some_and(|it| is_constant(model.name(*it))) => {
                return Some(path.segments.last().is_some_and(|it| model.name(*it) == value));
            }
            // What is computed is hardly ever the one number asked for; a flag may well be.
            _ if value == "None" || value.parse::<i64>().is_ok() => return Some(false),
            _ => return None,
        };
        Some(given.eq_ignore_ascii_case(value))
    }
}

/// A name as constants have it.
pub(super) fn is_constant(name: &str) -> bool {
    name.len() > 1 && name.starts_with(|it: char| it.is_ascii_uppercase()) && !name.contains(char::is_lowercase)
}
