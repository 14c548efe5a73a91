//! Whether a test holds of a value, by how the value is written.

use crate::finding::FileId;
use crate::model::{CallId, Condition, Test, Value, ValueId, is_constant_name};
use crate::source::Language;

use super::Project;
use super::guards::Demand;
use super::instances::same;
use super::remembered::Only;
use super::types::{Class, Ty, none};

/// Classes of what is written down as such, and is neither `True` nor `False`.
const DISPLAYED: &[&str] = &["builtins.dict", "builtins.str", "builtins.bytes", "builtins.int", "builtins.float"];

impl Project {
    /// Whether the test holds of a value of which this is known, by a test in `file`.
    pub(super) fn follows_from(&self, file: FileId, known: Condition, demand: Demand) -> Option<bool> {
        match (known.test, demand.test) {
            (Test::None, Test::None) | (Test::Truth, Test::Truth) | (Test::Failed, Test::Failed) => Some(known.holds),
            (Test::Truth, Test::None) | (Test::None, Test::Truth) if known.holds => Some(false),
            // It is that literal.
            (Test::Equals(literal), _) if known.holds => self.tells(file, literal, demand),
            (Test::Equals(literal), Test::Equals(_)) => {
                self.tells(file, literal, demand).filter(|it| *it).map(|_| false)
            }
            (Test::Is(flag), Test::Is(asked)) => {
                if known.holds {
                    Some(flag == asked)
                } else {
                    (flag == asked).then_some(false)
                }
            }
            (Test::Is(flag), Test::Truth) if known.holds => Some(flag),
            (Test::Is(_), Test::None) if known.holds => Some(false),
            _ => None,
        }
    }

    /// Whether the test holds of a value, where that can be told from how it is written.
    pub(super) fn tells(&self, file: FileId, value: ValueId, demand: Demand) -> Option<bool> {
        let model = self.model(file);
        let test = demand.test;
        if let Test::Instance(class) = test {
            self.looks_into(demand.asked_in);
            let class = self.evaluate(demand.asked_in, class);
            return self.is_made_of(file, value, &class);
        }
        if test.refers() {
            self.looks_into(demand.asked_in);
        }
        match test {
            Test::Equals(literal) => return self.equals(demand.asked_in, literal, file, value),
            Test::OneOf(literals) => {
                return self.is_one_of(demand.asked_in, literals, &|it| self.equals(demand.asked_in, it, file, value));
            }
            Test::Exactly(classes) => {
                return self
                    .is_one_of(demand.asked_in, classes, &|it| self.is_exactly(file, value, demand.asked_in, it));
            }
            Test::Entry => return None,
            Test::Callable => return self.is_callable(file, value),
            Test::Device => return self.is_on_no_disk(file, value).then_some(true),
            Test::InMemory => return self.is_database_in_memory(file, value, 0),
            Test::Answers(asked) => return self.answers_alike(demand.asked_in, asked, file, value),
            Test::Has(name) => match self.model(demand.asked_in).value(name) {
                Value::Str(name) => return self.has_attribute(file, value, self.model(demand.asked_in).name(*name)),
                _ => return None,
            },
            _ => {}
        }
        if let Test::Exceeds(bound) = test {
            return self.exceeds(file, value, bound);
        }
        if let Some(member) = self.member_of_enum(file, value) {
            return match test {
                Test::Truth => self.is_true_member(&member),
                _ => Some(false),
            };
        }
        let literal = match model.value(value) {
            // What is spread into one may be empty.
            Value::Tuple(items) | Value::Collection(_, items) => {
                let is_either = matches!(test, Test::None | Test::Is(_));
                return if items.is_empty() { Some(false) } else { is_either.then_some(false) };
            }
            // Rust's `None`.
            Value::Unit(inner) => return self.tells(file, *inner, demand),
            Value::Path(path) if path.segments.last().is_some_and(|it| model.name(*it) == "None") => Some(Ty::None),
            // `Some(..)`, `Ok(..)`, `Err(..)`. That `?` leaves, it says of both of what is nothing.
            Value::Instance { class, .. }
                if matches!(test, Test::None | Test::Failed) && model.language == Language::Rust =>
            {
                return match model.value(*class) {
                    Value::Path(path) => match path.segments.last().map_or("", |it| model.name(*it)) {
                        "Some" | "Ok" => Some(false),
                        "Err" => Some(true),
                        _ => None,
                    },
                    _ => None,
                };
            }
            // `Vec::new()`
            Value::Result(id) if model.language == Language::Rust && matches!(test, Test::None | Test::Truth) => {
                return self.makes_empty(file, *id).then_some(false);
            }
            Value::Str(it) => Some(Ty::Str(model.name(*it).into())),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Function(_) | Value::Class(_) => {
                Some(self.evaluate(file, value))
            }
            // A constant of a module, or of a class.
            Value::Global(..) | Value::Path(_) | Value::Attr(..) => Some(self.evaluate(file, value)),
            Value::Replaced(param, _) if matches!(test, Test::None | Test::Truth) => {
                return self.tells(file, *param, demand);
            }
            Value::Union(parts) if matches!(test, Test::None | Test::Truth | Test::Failed) => {
                return same(parts.iter().map(|it| self.tells(file, *it, demand)));
            }
            // A type that is declared leaves `None` out; an object that was made just now is one.
            Value::Result(id) if matches!(test, Test::None | Test::Truth) => {
                return match self.object_made_by(file, *id) {
                    Some(_) if test == Test::None => Some(false),
                    Some(ty) => self.is_something(&ty, test),
                    None => self.is_surely(file, value, test),
                };
            }
            // What is entered is there for what stands inside.
            Value::Entered(..) if matches!(test, Test::None | Test::Truth) => {
                return match self.evaluate(file, value) {
                    Ty::None => Some(test == Test::None),
                    Ty::Unknown => Some(test == Test::Truth),
                    ty => self.is_something(&ty, test),
                };
            }
            Value::Result(_) if matches!(test, Test::Is(_)) => Some(self.evaluate(file, value)),
            Value::Awaited(_) | Value::Element(_) | Value::Said(_) => return self.is_surely(file, value, test),
            _ => None,
        };
        let literal = literal.filter(|_| test != Test::Failed)?;
        if let Test::Is(flag) = test {
            let is_flag = |part: &Ty| match part {
                Ty::Bool(it) => Some(*it == flag),
                Ty::None | Ty::Int(_) | Ty::Str(_) | Ty::Function(_) | Ty::Class(_) => Some(false),
                Ty::Instance(Class::Own(_), _) if model.language == Language::Python => Some(false),
                Ty::Instance(Class::Library(path), _) if DISPLAYED.contains(&&**path) => Some(false),
                Ty::Collection(_) | Ty::Tuple(_) => Some(false),
                _ => None,
            };
            let mut each = literal.parts().iter().map(is_flag);
            let first = each.next()??;
            return each.all(|it| it == Some(first)).then_some(first);
        }
        let (truth, none) = match literal {
            Ty::None => (Some(false), true),
            Ty::Bool(it) => (Some(it), false),
            Ty::Int(it) => (Some(it != 0), false),
            Ty::Str(it) => (Some(!it.is_empty()), false),
            Ty::Function(_) | Ty::Class(_) => (Some(true), false),
            _ if self.is_named_as_constant(file, value) => (None, false),
            _ => return self.is_surely(file, value, test),
        };
        match test {
            Test::None => Some(none),
            _ => truth,
        }
    }

    /// What a test for `None`, or for truth, comes to of what is surely there.
    pub(super) fn is_surely(&self, file: FileId, value: ValueId, test: Test) -> Option<bool> {
        if !matches!(test, Test::None | Test::Truth) || !self.is_there(file, value, 0) {
            return None;
        }
        match test {
            Test::None => Some(false),
            _ => {
                let ty = self.evaluate(file, value);
                if self.is_code(&ty) { Some(true) } else { self.is_something(&ty, test) }
            }
        }
    }

    /// Rust: the call makes a collection or a text with nothing in it: `Vec::new()`, `String::default()`.
    fn makes_empty(&self, file: FileId, call: CallId) -> bool {
        let model = self.model(file);
        let it = model.call(call);
        let is_maker = || model.callee_name(it).is_some_and(|name| matches!(model.name(name), "new" | "default"));
        it.args.is_empty()
            && is_maker()
            && match self.result_of_call(file, call) {
                Ty::Collection(_) => true,
                Ty::Instance(Class::Library(path), _) => {
                    &*path == "std::string::String" || path.starts_with("std::collections::")
                }
                _ => false,
            }
    }

    /// What a call gives that makes an object, or is of a function that says what it returns.
    fn object_made_by(&self, file: FileId, call: CallId) -> Option<Ty> {
        let model = self.model(file);
        match self.only(file, call) {
            Only::Construct(class) => Some(Ty::Instance(Class::Own(class), none())),
            Only::Own(function) => {
                let declared = self.declared(function);
                let returns = declared.returns.filter(|_| model.language == Language::Python)?;
                let is_one = matches!(self.model(function.file).value(returns), Value::Instance { .. });
                let given = self.result_of_call(file, call);
                (is_one && matches!(given, Ty::Instance(..))).then_some(given)
            }
            // `str(number)`
            _ => match self.evaluate(file, model.call(call).callee) {
                Ty::External(path) if model.language == Language::Python => {
                    let is_type = is_built_in(&path) || self.knowledge.type_facts(Language::Python, &path).is_some();
                    is_type.then(|| Ty::library(path))
                }
                _ => None,
            },
        }
    }

    /// What a test for `None`, or for truth, comes to of what is no `None`: a collection, or what has a say in it, may count as false.
    pub(super) fn is_something(&self, ty: &Ty, test: Test) -> Option<bool> {
        let counts = |path: &str| {
            let facts = self.knowledge.type_facts(Language::Python, path);
            let is_number = matches!(path, "builtins.bool" | "builtins.complex");
            is_built_in(path) || is_number || facts.is_none_or(|facts| !facts.iter.is_empty())
        };
        match (ty, test) {
            (Ty::Instance(Class::Library(path), _), Test::None) => {
                (is_built_in(path) || self.knowledge.type_facts(Language::Python, path).is_some()).then_some(false)
            }
            (Ty::Instance(Class::Own(_), _) | Ty::Collection(_) | Ty::Tuple(_), Test::None) => Some(false),
            (Ty::Instance(Class::Library(path), _), Test::Truth) => (!counts(path)).then_some(true),
            (Ty::Instance(Class::Own(class), _), Test::Truth) if self.language(class.file) == Language::Python => {
                ["__bool__", "__len__"].iter().all(|it| self.surely_lacks(*class, it)).then_some(true)
            }
            _ => None,
        }
    }

    /// What is asked of a test that was kept, `slow = mode == "slow"`, is asked of what the test is about.
    pub(super) fn said_by(&self, file: FileId, condition: Condition) -> Option<Condition> {
        let Value::Said(said) = *self.model(file).value(condition.value) else { return None };
        let holds = match condition.test {
            Test::Truth => condition.holds,
            Test::Is(flag) => condition.holds == flag,
            _ => return None,
        };
        Some(Condition { holds: said.holds == holds, ..said })
    }

    /// What a test comes to of all that may have taken the place of a parameter: `verify or False`.
    pub(super) fn told_instead(&self, file: FileId, condition: Condition) -> Option<bool> {
        let model = self.model(file);
        let Value::Union(parts) = model.value(condition.value) else { return None };
        let others = parts.iter().filter(|it| !matches!(model.value(**it), Value::Replaced(..)));
        let demand = Demand::on_own_object(condition, file);
        same(others.map(|it| if condition.test.refers() { None } else { self.tells(file, *it, demand) }))
    }

    /// Whether something holds of one of several, where it is known of each that matters.
    fn is_one_of(&self, file: FileId, several: ValueId, holds: &dyn Fn(ValueId) -> Option<bool>) -> Option<bool> {
        let Value::Collection(_, items) = self.model(file).value(several) else { return holds(several) };
        let each: Vec<Option<bool>> = items.iter().map(|it| holds(*it)).collect();
        if each.contains(&Some(true)) {
            return Some(true);
        }
        each.iter().all(|it| *it == Some(false)).then_some(false)
    }

    /// Whether the value equals the literal, where it is one itself.
    fn equals(&self, asked_in: FileId, literal: ValueId, file: FileId, value: ValueId) -> Option<bool> {
        if self.language(file) == Language::Rust
            && let Some((class, variant)) = self.variant_of(asked_in, literal)
        {
            let (of, given) = self.variant_of(file, value)?;
            return (of == class).then(|| given == variant);
        }
        // `if timeout is UNSET`, where that is what is given.
        if asked_in == file && literal == value && self.is_named_as_constant(file, value) {
            return Some(true);
        }
        let is_written = |it: &Value| {
            let is_display = matches!(it, Value::Tuple(_) | Value::Collection(..));
            is_display
                || matches!(it, Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Function(_))
        };
        if is_written(self.model(file).value(value)) && self.is_sentinel(asked_in, literal) {
            return Some(false);
        }
        let asked = self.member_of_enum(asked_in, literal);
        let given = self.member_of_enum(file, value);
        if let (Some(asked), Some(given)) = (&asked, &given) {
            return self.is_same_member(asked, given);
        }
        // A function of a library, and whatever is called in its place.
        if let Value::Attr(..) = self.model(asked_in).value(literal)
            && let ty @ Ty::External(function) = &self.evaluate(asked_in, literal)
            && self.is_code(ty)
        {
            return match self.evaluate(file, value) {
                Ty::External(given) => Some(given == *function),
                Ty::Instance(Class::Own(_), _) => Some(false),
                given => self.is_code(&given).then_some(false),
            };
        }
        let plain = match self.model(file).value(value) {
            _ if given.is_some() => Ty::Unknown,
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Global(..) => {
                self.evaluate(file, value)
            }
            Value::Attr(..) | Value::Path(_) if self.is_named_as_constant(file, value) => self.evaluate(file, value),
            Value::Tuple(_) | Value::Collection(..) | Value::Function(_) | Value::Class(_) => return Some(false),
            _ => return None,
        };
        if let Some(asked) = &asked {
            return self.member_equals(asked, &plain);
        }
        let literal = self.evaluate(asked_in, literal);
        if let Some(given) = &given {
            return self.member_equals(given, &literal);
        }
        match (literal, plain) {
            (Ty::Str(one), Ty::Str(other)) => Some(one == other),
            (Ty::Int(one), Ty::Int(other)) => Some(one == other),
            (Ty::Str(_), Ty::Int(_) | Ty::Bool(_) | Ty::None) | (Ty::Int(_), Ty::Str(_) | Ty::None) => Some(false),
            _ => None,
        }
    }

    /// Python: whether a test holds of what by its name is a constant, of this module or another, that is set to one thing alone.
    pub(super) fn constant_tells(&self, file: FileId, condition: Condition) -> Option<bool> {
        let is_plain = |it: &Ty| matches!(it, Ty::Bool(_) | Ty::Int(_) | Ty::Str(_));
        let is_constant = self.is_named_as_constant(file, condition.value);
        if !is_constant || !is_plain(&self.evaluate(file, condition.value)) {
            return None;
        }
        self.tells(file, condition.value, Demand::on_own_object(condition, file))
    }

    /// `MISSING = object()`: it equals nothing but itself.
    fn is_sentinel(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let Value::Global(module, name) = *model.value(value) else { return false };
        let mut bound = model.module(module).bound_to(name).map(|it| model.value(it.1.value));
        match (bound.next(), bound.next()) {
            (Some(Value::Result(call)), None) => {
                let made_of = self.evaluate(file, model.call(*call).callee);
                matches!(made_of, Ty::External(path) if &*path == "builtins.object")
            }
            _ => false,
        }
    }

    /// Whether the value is a greater number, where it is written as one.
    fn exceeds(&self, file: FileId, value: ValueId, bound: i64) -> Option<bool> {
        match self.model(file).value(value) {
            Value::Unit(inner) => self.exceeds(file, *inner, bound),
            Value::Int(_) | Value::Bool(_) | Value::Global(..) => match self.evaluate(file, value) {
                Ty::Int(number) => Some(number > bound),
                Ty::Bool(flag) => Some(i64::from(flag) > bound),
                _ => None,
            },
            _ => None,
        }
    }

    /// `MODE_FAST`, `ssl.PROTOCOL_TLS`, `Color.RED`: whatever it is, it is not `None`.
    fn is_named_as_constant(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let name = match model.value(value) {
            Value::Global(_, name) | Value::Attr(_, name) => model.name(*name),
            Value::Path(path) => path.segments.last().map_or("", |it| model.name(*it)),
            _ => return false,
        };
        is_constant_name(name)
    }
}

/// A class of what is written down, or made by the name of its class.
pub(super) fn is_built_in(path: &str) -> bool {
    DISPLAYED.contains(&path)
        || matches!(
            path,
            "builtins.list" | "builtins.tuple" | "builtins.set" | "builtins.frozenset" | "builtins.bytearray"
        )
}
