//! Objects that others are given: `Service(FakeClient()).load()`. What is declared of the parameter, `client: Client`, is what the
//! service itself knows; of which class the object is, the call tells that makes the service. Where that class has another
//! method in place of the one that the way goes through, the way ends.

use crate::finding::FileId;
use crate::model::{CallId, Condition, FunctionKind, NameId, Param, ParamKind, Test, UNKNOWN, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::effects::Site;
use super::fields::{DEEPEST, Made, Object, Setting};
use super::guards::{Demand, Guard, Of, Outcome};
use super::instances::same;
use super::members::Ancestor;
use super::remembered::Only;
use super::types::{Class, ClassRef, FnRef, Ty, none};

/// What makes objects that stand in for others.
const MOCKS: &[&str] = &[
    "unittest.mock.AsyncMock",
    "unittest.mock.MagicMock",
    "unittest.mock.Mock",
    "unittest.mock.NonCallableMagicMock",
    "unittest.mock.NonCallableMock",
    "unittest.mock.create_autospec",
];

/// Whose method runs where an object is asked for one.
pub(super) enum Answer {
    /// That of the class which is declared.
    Declared,
    /// That of another: the object was made with it just here.
    Another,
    /// It hangs on what is given.
    Perhaps(Guard),
}

/// What sets an attribute of an object that is being made.
pub(super) enum Injection {
    /// A parameter of this constructor, by position.
    Parameter(FnRef, usize),
    /// A parameter of the constructor that something writes for a class with fields: by position, if that is known.
    Field(Option<usize>),
}

impl Project {
    /// Whose method a call in `function` runs, as far as objects decide that others are given: `self.client.get()`,
    /// `service.client.get()`, and `client.get()` after `client = client or Client()`. `of_library`: it is a library's.
    pub(super) fn answer_at(&self, function: FnRef, call: CallId, of_library: bool) -> Answer {
        let model = self.model(function.file);
        let asked = model.call(call).callee;
        let Value::Attr(receiver, _) = *model.value(asked) else { return Answer::Declared };
        let condition = Condition { value: receiver, test: Test::Answers(asked), holds: true };
        match model.value(receiver) {
            _ if model.language != Language::Python => Answer::Declared,
            // A field that is a function, `sleep: Callable = time.sleep`, of which an object may be given another.
            _ if of_library && self.is_own_object(function, receiver) => {
                let condition = Condition { value: asked, test: Test::Equals(asked), holds: true };
                self.guard_of(function, condition).map_or(Answer::Declared, Answer::Perhaps)
            }
            Value::Attr(holder, name) if !self.is_own_object(function, *holder) => {
                let demand = Demand::on_own_object(condition, function.file);
                let given = self.given_here(function, *holder, model.name(*name));
                match given.and_then(|(file, value)| self.tells(file, value, demand)) {
                    Some(false) => Answer::Another,
                    _ => self.guard_of(function, condition).map_or(Answer::Declared, Answer::Perhaps),
                }
            }
            Value::Result(made) => match self.class_made(function.file, *made) {
                Some(class)
                    if self.answers_otherwise(function.file, asked, &Ty::Instance(Class::Own(class), none())) =>
                {
                    Answer::Another
                }
                _ => Answer::Declared,
            },
            // Who knows the class of a parameter by itself goes another way.
            Value::Instance { .. } if !of_library => Answer::Declared,
            Value::Attr(..) | Value::Union(_) | Value::Instance { .. } => {
                self.guard_of(function, condition).map_or(Answer::Declared, Answer::Perhaps)
            }
            _ => Answer::Declared,
        }
    }

    /// The class that a function is given which makes an object of it: `build(Fast)`, with `return cls()`.
    fn class_made(&self, file: FileId, call: CallId) -> Option<ClassRef> {
        let Only::Own(maker) = self.only(file, call) else { return None };
        if self.model(file).call(call).args.is_empty() {
            return None;
        }
        let _outlines = self.of_outlines();
        let definition = self.function(maker);
        let [value] = definition.returned[..] else { return None };
        let there = self.model(maker.file);
        let Value::Result(made) = there.value(value) else { return None };
        let class = there.call(*made).callee;
        let is_it = |it: &Param| it.kind != ParamKind::Receiver && it.value != UNKNOWN && it.value == class;
        let position = definition.params.iter().position(is_it)?;
        match self.evaluate(file, self.argument_at(file, call, maker, position as u32)?) {
            Ty::Class(class) => Some(class),
            _ => None,
        }
    }

    /// What the attribute was given of an object that the function has made.
    fn given_here(&self, function: FnRef, holder: ValueId, name: &str) -> Setting {
        let Ty::Instance(Class::Own(class), _) = self.evaluate(function.file, holder) else { return None };
        self.injection(class, name)?;
        let object = self.object(function, holder, 0)?;
        match object.made[..] {
            [made] => self.given_to_field(object.class, Some(made), name),
            _ => None,
        }
    }

    /// Whether the object that a value stands for has what `asked` is, an attribute as it was asked for in its file.
    pub(super) fn answers_alike(&self, asked_in: FileId, asked: ValueId, file: FileId, value: ValueId) -> Option<bool> {
        if self.is_mock(file, value) {
            return Some(false);
        }
        let given = self.evaluate(file, value);
        let mut objects = given.parts().iter().filter(|it| !matches!(it, Ty::None)).peekable();
        objects.peek()?;
        for object in objects {
            if !self.answers_otherwise(asked_in, asked, object) {
                return None;
            }
        }
        Some(false)
    }

    /// What stands in for anything, and does nothing by itself: `MagicMock(spec=Client)`.
    fn is_mock(&self, file: FileId, value: ValueId) -> bool {
        let model = self.model(file);
        let Value::Result(call) = model.value(value) else { return false };
        match self.evaluate(file, model.call(*call).callee) {
            Ty::External(path) => MOCKS.contains(&&*path),
            _ => false,
        }
    }

    /// An object surely has something else in place of what `asked` is.
    fn answers_otherwise(&self, asked_in: FileId, asked: ValueId, object: &Ty) -> bool {
        let there = self.model(asked_in);
        let (Value::Attr(_, name), Ty::Instance(..)) = (there.value(asked), object) else { return false };
        let found = self.member(Language::Python, object, there.name(*name));
        let is_found = |declared: &Ty| match (declared, &found) {
            (Ty::Bound(_, one), Ty::Bound(_, other)) => one == other,
            (Ty::Method(one, _), Ty::Method(other, _)) => one == other,
            (one, other) => one == other,
        };
        !found.is_unknown() && !self.evaluate(asked_in, asked).parts().iter().any(is_found)
    }

    /// What sets the attribute of an object of that class, if it is something that the object is given when it is made.
    pub(super) fn injection(&self, class: ClassRef, name: &str) -> Option<Injection> {
        let plain = name.trim_start_matches('_');
        for ancestor in self.ancestry(class).iter() {
            let Ancestor::Own(own) = *ancestor else { return None };
            let model = self.model(own.file);
            let Some(id) = model.names.find(name) else { continue };
            let definition = model.class(own.class);
            if definition.methods.iter().any(|it| it.0 == id) {
                return None;
            }
            let set = || definition.fields.iter().chain(&definition.also_set).filter(|it| it.0 == id).map(|it| it.1);
            if set().next().is_none() {
                continue;
            }
            let Some(constructor) = self.own_method(own, "__init__") else {
                match self.initial(class) {
                    Some(_) => continue,
                    None => return self.written_field(class, own, name),
                }
            };
            let params = &self.declared(constructor).params;
            let holds = |param: ValueId| set().any(|it| it == param || self.may_be(own.file, it, param, 0));
            let takes = |position: &usize| {
                let param = &params[*position];
                param.kind != ParamKind::Receiver && param.value != UNKNOWN && holds(param.value)
            };
            // Parameters of one type are one value: the name tells them apart.
            let is_named = |it: &usize| model.name(params[*it].name).trim_start_matches('_') == plain;
            let takers = || (0..params.len()).filter(takes);
            let only = || {
                let mut takers = takers();
                takers.next().filter(|_| takers.next().is_none() && definition.declared.iter().all(|it| it.0 != id))
            };
            let position = takers().find(is_named).or_else(only)?;
            return Some(Injection::Parameter(constructor, position));
        }
        None
    }

    /// The value is that one on some path: `client or Client()`.
    fn may_be(&self, file: FileId, value: ValueId, wanted: ValueId, depth: u32) -> bool {
        match self.model(file).value(value) {
            Value::Replaced(param, _) => *param == wanted,
            Value::Union(parts) if depth < DEEPEST => {
                parts.iter().any(|it| *it == wanted || self.may_be(file, *it, wanted, depth + 1))
            }
            _ => false,
        }
    }

    /// A field of a class whose constructor is written by something else: `@dataclass`.
    fn written_field(&self, class: ClassRef, of: ClassRef, name: &str) -> Option<Injection> {
        let model = self.model(of.file);
        let is_declared = model.class(of.class).annotated.iter().any(|it| model.name(*it) == name);
        is_declared.then(|| Injection::Field(self.field_position(class, name)))
    }

    /// The position of a field among all that a constructor takes which is written by something else: those of the classes above first.
    pub(super) fn field_position(&self, class: ClassRef, name: &str) -> Option<usize> {
        let ancestry = self.ancestry(class);
        let is_tuple =
            ancestry.iter().any(|it| matches!(it, Ancestor::Library(_, path) if &**path == "typing.NamedTuple"));
        let mut fields: Vec<&str> = Vec::new();
        for ancestor in ancestry.iter().rev() {
            let Ancestor::Own(own) = ancestor else { continue };
            let model = self.model(own.file);
            let definition = model.class(own.class);
            let is_written = is_tuple || !definition.decorators.is_empty();
            // `field(init=False)`
            let is_left_out = |it: &(NameId, ValueId)| match model.value(it.1) {
                Value::Result(call) => {
                    model.call(*call).args.iter().any(|it| it.name.is_some_and(|it| model.name(it) == "init"))
                }
                _ => false,
            };
            let mut set = definition.fields.iter().chain(&definition.also_set);
            if !definition.annotated.is_empty() && !is_written || set.any(is_left_out) {
                return None;
            }
            for id in &definition.annotated {
                let field = model.name(*id);
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
        }
        fields.iter().position(|it| *it == name)
    }

    /// What an object was given for an attribute when it was made.
    pub(super) fn given_to_field(&self, class: ClassRef, made: Option<Made>, name: &str) -> Setting {
        match self.injection(class, name)? {
            Injection::Parameter(constructor, position) => {
                let initial = self.find_method(class, "__init__")?;
                self.given_to_constructor(made, initial, (constructor, position), 0)
            }
            Injection::Field(position) => {
                let (maker, call) = made?;
                let model = self.model(maker.file);
                let given = model.call(call).argument(&model.names, position, Some(name))?;
                Some((maker.file, given.value))
            }
        }
    }

    /// What a condition on an object comes to, where `object` was given it.
    pub(super) fn outcome_of_given(
        &self,
        caller: FnRef,
        site: &Site,
        object: &Object,
        name: &str,
        guard: Demand,
    ) -> Outcome {
        let tells = |made: Option<Made>| {
            let (file, value) = self.given_to_field(object.class, made, name)?;
            self.tells(file, value, guard)
        };
        match object.made[..] {
            [made] => match self.given_to_field(object.class, Some(made), name) {
                Some((file, value)) if file == caller.file && made.0 == caller => {
                    self.outcome_of_value(caller, site, value, Demand { of: Of::Whole, ..guard })
                }
                Some((file, value)) => guard.outcome(self.tells(file, value, guard)),
                None => Outcome::Open,
            },
            [] => guard.outcome(tells(None)),
            _ => guard.outcome(same(object.made.iter().map(|made| tells(Some(*made))))),
        }
    }

    /// The callee asks an attribute of its object that the caller has just set to something which answers otherwise: `service.client = Mock()`.
    pub(super) fn is_replaced(&self, caller: FnRef, site: &Site, callee: FnRef, next: &Site) -> bool {
        let Some(call) = next.call.filter(|_| !site.attributes.is_empty()) else { return false };
        let there = self.model(callee.file);
        let asked = there.call(call).callee;
        let Value::Attr(holder, _) = *there.value(asked) else { return false };
        let Value::Attr(own, name) = *there.value(holder) else { return false };
        let Some((receiver, _)) = self.question(caller, site).filter(|_| self.is_own_object(callee, own)) else {
            return false;
        };
        let condition = Condition { value: holder, test: Test::Answers(asked), holds: true };
        let demand = Demand::on_own_object(condition, callee.file);
        let outcome = self.outcome_of_known(caller, site, receiver, there.name(name), demand);
        matches!(outcome, Some(Outcome::Fails))
    }

    /// The constructor of the caller's own class has given it an object of which the condition does not hold.
    pub(super) fn own_object_rules_out(&self, caller: FnRef, name: &str, guard: Demand) -> bool {
        let (Test::Answers(_), Some(class)) = (guard.test, self.declared(caller).class) else { return false };
        let given = self.given_to_field(ClassRef { file: caller.file, class }, None, name);
        given.and_then(|(file, value)| self.tells(file, value, guard)) == Some(!guard.holds)
    }

    /// The object that another holds: what the other's class makes, or what the other was given.
    pub(super) fn object_held(&self, function: FnRef, holder: ValueId, name: &str, depth: u32) -> Option<Object> {
        let Ty::Instance(Class::Own(class), _) = self.evaluate(function.file, holder) else { return None };
        let model = self.model(class.file);
        let id = model.names.find(name)?;
        let mut set = model.class(class.class).fields.iter().filter(|it| it.0 == id).map(|it| it.1);
        let only = set.next().filter(|_| set.next().is_none());
        if let Some(only) = only.filter(|it| matches!(model.value(*it), Value::Result(_))) {
            return self.object_made(class.file, only, depth);
        }
        self.injection(class, name)?;
        let holder = self.object(function, holder, depth + 1)?;
        let [made] = holder.made[..] else { return None };
        let (file, value) = self.given_to_field(holder.class, Some(made), name)?;
        self.object_made(file, value, depth)
    }

    /// The object that a call in a file makes.
    pub(super) fn object_made(&self, file: FileId, value: ValueId, depth: u32) -> Option<Object> {
        self.looks_into(file);
        let model = self.model(file);
        let Value::Result(call) = *model.value(value) else { return None };
        self.object(FnRef { file, function: model.call(call).function }, value, depth + 1)
    }

    /// The object that a function of the project returns, if it returns one alone.
    pub(super) fn object_returned(&self, file: FileId, call: CallId, depth: u32) -> Option<Object> {
        let Only::Own(maker) = self.only(file, call) else { return None };
        self.looks_into(maker.file);
        let definition = self.function(maker);
        let is_plain = definition.kind == FunctionKind::Sync && !definition.is_generator;
        match definition.returned[..] {
            [value] if is_plain && (definition.decorators.is_empty() || self.is_class_method(maker)) => {
                self.object(maker, value, depth + 1)
            }
            _ => None,
        }
    }
}
