//! Whether a library function has its effect in a call at hand: the conditions that tables put on one.

use std::net::{IpAddr, SocketAddr};

use crate::finding::FileId;
use crate::knowledge::{Api, Effect, Runner};
use crate::model::{
    Arg, Call, Condition, FILE_MODULE, FunctionId, NameId, Node, PathRoot, Test, Use, Value, ValueId, flow,
    is_constant_name,
};
use crate::source::Language;

use super::Project;
use super::guards::Guard;
use super::remembered::Only;
use super::texts::{is_device, is_terminal};
use super::types::{Class, ClassRef, FnRef, Ty};

/// What needs no resolver, by its type.
const ADDRESSES: &[&str] = &[
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
];

impl Project {
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

    /// What must hold of the function's parameters, and of attributes of its object, for a library function to have its effect in
    /// a call that is given them: a timeout is not zero.
    pub(super) fn needs_of_arguments<'a>(
        &'a self,
        function: FnRef,
        call: &'a Call,
        api: &'a Api,
    ) -> impl Iterator<Item = Option<Guard>> + 'a {
        let given = move |condition: &&'static str| {
            let (which, value) = condition.split_once('=')?;
            matches!(value, "0" | "@zero").then(|| self.given_for(function.file, call, which)).flatten()
        };
        api.unless.iter().filter_map(given).map(move |argument| {
            let exceeds = |bound, holds| Condition { value: argument.value, test: Test::Exceeds(bound), holds };
            self.guard_of_either(function, &[exceeds(0, true), exceeds(-1, false)])
        })
    }

    /// The function that makes the call also calls this method of the same receiver, or, where that is an attribute of the
    /// object, another method of the class does.
    fn is_called_on_receiver(&self, file: FileId, call: &Call, method: &str) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
        // What wraps a socket waits as that does.
        let wrapped = match model.value(*receiver) {
            Value::Result(id)
                if model.callee_name(model.call(*id)).is_some_and(|it| model.name(it) == "wrap_socket") =>
            {
                model.call(*id).args.first().map(|arg| arg.value)
            }
            _ => None,
        };
        let class = model.function(call.function).class;
        let attribute = |value: ValueId| match model.value(value) {
            Value::Attr(object, name) => Some((self.evaluate(file, *object), model.name(*name))),
            _ => None,
        };
        let asked = |other: &Call| match model.value(other.callee) {
            Value::Attr(it, name) if model.name(*name) == method => Some(*it),
            _ => None,
        };
        let here = |other: &Call| {
            other.function == call.function
                && asked(other).is_some_and(|it| {
                    it == *receiver || Some(it) == wrapped || model.value(it) == model.value(*receiver)
                })
        };
        if model.calls_in(call.function).any(here) {
            return true;
        }
        let Some(wanted) = attribute(*receiver).filter(|(object, _)| class.is_some() && *object != Ty::Unknown) else {
            return false;
        };
        model.all_calls().any(|(_, other)| {
            other.function != call.function
                && model.declaration(other.function).class == class
                && asked(other).is_some_and(|it| attribute(it).as_ref() == Some(&wanted))
        })
    }

    /// The receiver comes from a call that gives this argument, or from entering what that made.
    fn is_made_with(&self, file: FileId, call: &Call, argument: &str) -> bool {
        let model = self.model(file);
        let Value::Attr(receiver, _) = model.value(call.callee) else { return false };
        let made = match model.value(*receiver) {
            Value::Entered(made, _) => made,
            _ => receiver,
        };
        match model.value(*made) {
            Value::Result(id) => self.condition(file, model.call(*id), argument) == Some(true),
            _ => false,
        }
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
        let is_rust = model.language == Language::Rust;
        looped.is_some() || model.calls_in(call.function).any(|other| {
            // Rust: `lines.next()`
            let is_asked = is_rust && matches!(model.value(other.callee), Value::Attr(receiver, _) if is_it(*receiver));
            let is_gone_through = || {
                other.args.iter().any(|arg| is_it(arg.value))
                    && matches!(self.evaluate(file, other.callee), Ty::External(path) if path.starts_with("builtins."))
            };
            other.function == call.function && (is_asked || is_gone_through())
        })
    }

    /// Rust: the trait that the method has its name of is that library's where the call is, or may be.
    fn is_of_trait(&self, file: FileId, call: &Call, library: &str) -> bool {
        let model = self.model(file);
        let Ty::Method(method, _) = self.evaluate(file, call.callee) else { return false };
        let Some(name) = method.rsplit("::").nth(1) else { return false };
        match self.module_member(file, model.declaration(call.function).module, name) {
            Some(Ty::External(path)) => path.split("::").next() == Some(library),
            // Imported by a function, if at all.
            _ => model.names.find(library).is_some(),
        }
    }

    /// The call's result is an argument of one that calls a function in a thread or a process.
    fn is_passed_elsewhere(&self, file: FileId, call: &Call) -> bool {
        let model = self.model(file);
        let is_result = |value: &Value| matches!(value, Value::Result(id) if model.call(*id).span == call.span);
        model.calls_in(call.function).iter().any(|(id, other)| {
            other.function == call.function
                && other.args.iter().any(|arg| is_result(model.value(arg.value)))
                && self
                    .api_of(file, id)
                    .is_some_and(|api| api.runs.iter().any(|it| matches!(it.place, Runner::Thread | Runner::Process)))
        })
    }

    /// The literal is one of those that the function's effect does without, as an argument at that place.
    pub(super) fn is_void_for(&self, file: FileId, api: &Api, position: usize, literal: ValueId) -> bool {
        let asks = format!("{position}=@numeric");
        api.unless.iter().any(|it| *it == asks) && self.is_text(file, literal, is_numeric)
    }

    /// Whether a condition of a table holds: `block=False`, `0=False`, `timeout`, `!timeout`, `0=@numeric`. `None`: it cannot be
    /// told.
    fn condition(&self, file: FileId, call: &Call, condition: &str) -> Option<bool> {
        if let Some(inner) = condition.strip_prefix('!') {
            return self.condition(file, call, inner).map(|it| !it);
        }
        let model = self.model(file);
        match condition {
            "@iterated" => return Some(self.is_iterated(file, call)),
            "@sent" => return Some(self.was_sent(file, call)),
            "@connected" => return Some(self.is_connected(file, call)),
            "@watched" => return Some(self.is_watched(file, call)),
            "@ready" => return Some(self.is_told_ready(file, call)),
            "@ended" => return Some(self.is_polled_to_its_end(file, call)),
            "@new" => return Some(self.is_new(file, call)),
            "@own" => return Some(is_of_own_class(&self.evaluate(file, call.callee))),
            "@paired" => return Some(self.is_paired(file, call)),
            "@room" => return Some(self.has_room(file, call)),
            "@settled" => return Some(self.is_settled(file, call)),
            "@wrapped" => return Some(self.is_wrapped(file, call)),
            _ => {}
        }
        if let Some(library) = condition.strip_prefix("@trait:") {
            return Some(self.is_of_trait(file, call, library));
        }
        if let Some(argument) = condition.strip_prefix("@made:") {
            return Some(self.is_made_with(file, call, argument));
        }
        if let Some(method) = condition.strip_prefix('.') {
            return Some(self.is_called_on_receiver(file, call, method));
        }
        let (which, value) = match condition.split_once('=') {
            Some((which, value)) => (which.trim(), Some(value.trim())),
            None => (condition.trim(), None),
        };
        if let Some(kind) = value.and_then(|it| it.strip_prefix('@')) {
            if which == "*" && kind == "memory" {
                let in_memory = |arg: &Arg| self.is_in_memory(file, arg.value, 0);
                return Some(!call.args.is_empty() && call.args.iter().all(in_memory));
            }
            let given = self.value_for(file, call, which);
            let is_text = |test: fn(&str) -> bool| given.is_some_and(|it| self.is_text(file, it, test));
            return Some(match kind {
                "numeric" => is_text(is_numeric) || given.is_some_and(|it| self.is_made_of_address(file, it)),
                "device" => is_text(is_device),
                "terminal" => is_text(is_terminal),
                "data" => is_text(is_data) || self.is_for_data_urls(file, call.function),
                "zero" => given.is_some_and(|it| self.is_no_time(file, it)),
                "memory" => given.is_some_and(|it| self.is_in_memory(file, it, 0)),
                "imported" => given.is_some_and(|it| self.is_imported(file, it)),
                "pair" => given.is_some_and(|it| matches!(self.evaluate(file, it), Ty::Tuple(_) | Ty::Str(_))),
                "file" => given.is_some_and(|it| self.is_file_on_disk(&self.evaluate(file, it), 0)),
                "limited" => given.is_some_and(|it| self.has_limit(file, it)),
                "coroutine" => given.is_some_and(|it| self.is_coroutine(file, it)),
                _ => false,
            });
        }
        let Some(argument) = self.given_for(file, call, which) else {
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
            Value::Attr(_, name) if is_constant_name(model.name(*name)) => return Some(model.name(*name) == value),
            Value::Path(path) if path.segments.last().is_some_and(|it| is_constant_name(model.name(*it))) => {
                return Some(path.segments.last().is_some_and(|it| model.name(*it) == value));
            }
            // What is computed is hardly ever the one number asked for; a flag may well be.
            _ if value == "None" || value.parse::<i64>().is_ok() => return Some(false),
            _ => return None,
        };
        Some(given.eq_ignore_ascii_case(value))
    }

    /// The module of that name, or something in it, is imported at the top of the file.
    fn is_imported(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let Some(name) = self.text_of(file, value) else { return false };
        let is_of_it = |value: &Value| match value {
            Value::Path(path) if path.root == PathRoot::Absolute => {
                let mut segments = path.segments.iter().map(|it| model.name(*it));
                name.split('.').all(|part| segments.next() == Some(part))
            }
            _ => false,
        };
        model.module(FILE_MODULE).bindings.iter().any(|it| !it.conditional && is_of_it(model.value(it.value)))
    }

    /// Rust: an open file, or a buffer before one.
    fn is_file_on_disk(&self, ty: &Ty, depth: u32) -> bool {
        let Some(path) = ty.library_path() else { return false };
        let is_wrapper = || self.knowledge.type_facts(Language::Rust, path).is_some_and(|facts| facts.wrapper);
        path == "std::fs::File"
            || depth < 4 && is_wrapper() && self.is_file_on_disk(&self.first_argument(ty), depth + 1)
    }

    /// It was made for so many elements: the second of its type's arguments says how many.
    fn has_limit(&self, file: FileId, value: ValueId) -> bool {
        let ty = self.evaluate(file, value);
        let limited = |it: &Ty| matches!(it, Ty::Instance(_, args) if matches!(args.get(1), Some(Ty::Int(1..))));
        ty.parts().iter().all(limited)
    }

    /// It runs once somebody drives it: no future or task, which is under way. Who hands on what a call has just given, of which
    /// nothing is known, has a coroutine there.
    fn is_coroutine(&self, file: FileId, value: ValueId) -> bool {
        match self.evaluate(file, value) {
            Ty::Unknown => matches!(self.model(file).value(value), Value::Result(_)),
            ty => ty.parts().iter().all(|it| matches!(it, Ty::Coroutine(..))),
        }
    }

    /// It is a file in memory, or an archive in one: `io.BytesIO(data)`, `zipfile.ZipFile(io.BytesIO(data))`; or SQLite's name
    /// of a database that is none. An attribute is if all is that the class sets it to, or that the property gives.
    fn is_in_memory(&self, file: FileId, value: ValueId, depth: u32) -> bool {
        let model = self.model(file);
        let is_file = |ty: &Ty| matches!(ty.library_path(), Some(path) if matches!(path, "io.BytesIO" | "io.StringIO"));
        match model.value(value) {
            _ if is_file(&self.evaluate(file, value)) => true,
            _ if self.is_text(file, value, is_name_of_memory) => true,
            Value::Attr(object, name) if depth < 4 => match self.evaluate(file, *object) {
                Ty::Instance(Class::Own(class), _) if class.file == file => {
                    let values = self.set_or_given(class, *name);
                    !values.is_empty() && values.iter().all(|it| self.is_in_memory(file, *it, depth + 1))
                }
                _ => false,
            },
            Value::Entered(inner, _) if depth < 4 => self.is_in_memory(file, *inner, depth + 1),
            Value::Result(id) if depth < 4 && matches!(self.only(file, *id), Only::Api(_)) => {
                model.call(*id).args.iter().any(|arg| self.is_in_memory(file, arg.value, depth + 1))
            }
            _ => false,
        }
    }

    /// All that the class sets an attribute to, but for `None`, or that a property of that name gives.
    fn set_or_given(&self, class: ClassRef, name: NameId) -> Vec<ValueId> {
        let model = self.model(class.file);
        let declared = model.class(class.class);
        if let Some(method) = self.own_method(class, model.name(name)) {
            return if self.is_property(method) { self.function(method).returned.clone() } else { Vec::new() };
        }
        let is_declared = declared.declared.iter().any(|(it, _)| *it == name);
        // Where its type is written down, that is what stands among the fields.
        let set = if is_declared { &declared.also_set } else { &declared.fields };
        let named = set.iter().filter(|(it, value)| *it == name && *model.value(*value) != Value::None);
        named.map(|(_, value)| *value).collect()
    }

    /// `parse_data_url`: the name says that no other comes there.
    fn is_for_data_urls(&self, file: FileId, function: FunctionId) -> bool {
        let model = self.model(file);
        let name = model.name(model.declaration(function).name);
        name.contains("data_url") || name.contains("data_uri")
    }

    /// The argument that a condition names, by its position or its keyword.
    fn given_for<'a>(&self, file: FileId, call: &'a Call, which: &str) -> Option<&'a Arg> {
        let model = self.model(file);
        match which.parse::<usize>() {
            Ok(position) => call.argument(&model.names, Some(position), None),
            Err(_) => call.args.iter().find(|arg| arg.name.is_some_and(|it| model.name(it) == which)),
        }
    }

    /// The same, or the receiver.
    pub(super) fn value_for(&self, file: FileId, call: &Call, which: &str) -> Option<ValueId> {
        match *self.model(file).value(call.callee) {
            Value::Attr(receiver, _) if which == "self" => Some(receiver),
            _ => self.given_for(file, call, which).map(|it| it.value),
        }
    }

    /// `0`, `Duration::ZERO`, `Duration::from_millis(0)`
    fn is_no_time(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        match model.value(value) {
            Value::Int(0) => true,
            Value::Result(id) => match model.call(*id).args.as_slice() {
                [only] => *model.value(only.value) == Value::Int(0),
                _ => false,
            },
            Value::Path(path) => path.segments.last().is_some_and(|it| model.name(*it) == "ZERO"),
            Value::Attr(_, name) => model.name(*name) == "ZERO",
            _ => false,
        }
    }

    /// Rust: an address in numbers, or a pair or text that begins with one: `(ip, 80)`, `format!("{}:80", ip)`.
    fn is_made_of_address(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let first = match model.value(value) {
            Value::Tuple(items) => items.first().copied(),
            Value::Text(begins) => Some(*begins),
            _ => None,
        };
        let is_address = |ty: &Ty| ty.library_path().is_some_and(|path| ADDRESSES.contains(&path));
        model.language == Language::Rust
            && std::iter::once(value).chain(first).any(|it| is_address(&self.evaluate(file, it)))
    }
}

/// An address that no name server need be asked for, with a port or without: `127.0.0.1`, `[::1]:80`, and `localhost`,
/// which resolvers answer themselves.
fn is_numeric(text: &str) -> bool {
    let is_here = text.strip_prefix("localhost").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    is_here || text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// What SQLite opens without a file.
pub(super) fn is_name_of_memory(text: &str) -> bool {
    text.contains(":memory:") || text.contains("mode=memory")
}

/// A URL that holds what it stands for.
fn is_data(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The method is called on an instance of a class of the project's own that inherits it.
fn is_of_own_class(callee: &Ty) -> bool {
    match callee {
        Ty::Method(_, receiver) => matches!(&**receiver, Ty::Instance(Class::Own(_), _) | Ty::Super(_)),
        Ty::Union(parts) => parts.iter().any(is_of_own_class),
        _ => false,
    }
}
