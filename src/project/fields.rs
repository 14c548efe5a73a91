//! Conditions on an attribute of an object: `if self.throttle:`. What the attribute is set to is told by the class, and by the call that
//! makes the object.

use crate::finding::FileId;
use crate::model::{
    Call, CallId, Condition, Lack, NameId, Param, ParamKind, Test, UNKNOWN, Value, ValueId, is_constant_name,
};
use crate::source::Language;

use super::Project;
use super::effects::Site;
use super::guards::{Demand, Guard, Of, Outcome};
use super::instances::same;
use super::members::Ancestor;
use super::remembered::Only;
use super::types::{Class, ClassRef, FnRef, Ty};

/// Constructors that call one another are followed so far.
pub(super) const DEEPEST: u32 = 4;

/// An object that is asked for an attribute.
pub(super) struct Object {
    pub(super) class: ClassRef,
    /// The calls that make it, one of them, each with its function; none where that is not known.
    pub(super) made: Vec<Made>,
}

pub(super) type Made = (FnRef, CallId);

/// What a value comes to, once it is known who makes the object: a value of a file, if that can be told.
pub(super) type Setting = Option<(FileId, ValueId)>;

impl Project {
    /// A condition on an attribute of the function's own object, or of one that it is given, if its class sets that to something
    /// that may decide.
    pub(super) fn demand_on_field(&self, function: FnRef, condition: Condition) -> Option<Demand> {
        let model = self.model(function.file);
        if model.language == Language::Rust {
            return self.demand_on_written_field(function, condition);
        }
        let Value::Attr(object, name) = *model.value(condition.value) else { return None };
        let (param, class) = if self.is_own_object(function, object) {
            (0, ClassRef { file: function.file, class: self.declared(function).class? })
        } else {
            let Some(param) = self.declared(function).param_of(object) else {
                return self.demand_on_held(function, condition, (object, name));
            };
            let param = u16::try_from(param).ok()?;
            let on_field = || Demand {
                param,
                of: Of::Field(function.file, name),
                ..Demand::on_own_object(condition, function.file)
            };
            match self.class_declared(function.file, object) {
                Some(class) => (param, class),
                // Of which class it is, who gives it knows.
                None => {
                    let is_open = matches!(model.value(object), Value::Param(..));
                    return (is_open && !matches!(condition.test, Test::Answers(_))).then(on_field);
                }
            }
        };
        self.demand_on_object(function, condition, (param, class), name)
    }

    /// A condition on that attribute of an object of the class, which is what the parameter is given.
    pub(super) fn demand_on_object(
        &self,
        function: FnRef,
        condition: Condition,
        (param, class): (u16, ClassRef),
        name: NameId,
    ) -> Option<Demand> {
        let (file, name) = self.deciding(class, (function.file, name), condition.test)?;
        Some(Demand { param, of: Of::Field(file, name), ..Demand::on_own_object(condition, function.file) })
    }

    /// The attribute that a test of an object of that class is about, if the class sets it to something that may decide.
    pub(super) fn deciding(
        &self,
        class: ClassRef,
        (file, name): (FileId, NameId),
        test: Test,
    ) -> Option<(FileId, NameId)> {
        let (file, name) = self.behind_property(class, self.model(file).name(name)).unwrap_or((file, name));
        let named = self.model(file).name(name);
        let may_decide = match test {
            Test::Answers(_) => self.injection(class, named).is_some(),
            _ => self.settings(class, named).is_some() || self.is_decided(class, named),
        };
        may_decide.then_some((file, name))
    }

    /// The attribute that a property gives, `return self._dry`, by its name in that file.
    fn behind_property(&self, class: ClassRef, name: &str) -> Option<(FileId, NameId)> {
        let method = self.find_method(class, name).filter(|it| self.is_property(*it))?;
        let [returned] = self.function(method).returned[..] else { return None };
        let model = self.model(method.file);
        match *model.value(returned) {
            Value::Attr(object, name) if self.is_own_object(method, object) => Some((method.file, name)),
            _ => None,
        }
    }

    /// The class that a value is of, or nothing at all.
    pub(super) fn class_declared(&self, file: FileId, value: ValueId) -> Option<ClassRef> {
        let ty = self.evaluate(file, value);
        let mut parts = ty.parts().iter().filter(|it| !matches!(it, Ty::None));
        match (parts.next(), parts.next()) {
            (Some(Ty::Instance(Class::Own(class), _)), None) if self.language(class.file) == Language::Python => {
                Some(*class)
            }
            _ => None,
        }
    }

    /// What the attribute is set to of an object of that class, by the class itself and by methods; `None` if nobody sets it, if it is no
    /// plain attribute, or something that no constructor tells.
    fn settings(&self, class: ClassRef, name: &str) -> Option<Vec<(FileId, ValueId)>> {
        let mut settings = Vec::new();
        let is_made_by_fields = self.initial(class).is_none();
        for ancestor in self.ancestry(class).iter() {
            let Ancestor::Own(class) = ancestor else { continue };
            let model = self.model(class.file);
            let Some(id) = model.names.find(name) else { continue };
            let definition = model.class(class.class);
            if definition.methods.iter().any(|it| it.0 == id) {
                return None;
            }
            let inherits = settings.is_empty();
            let named = |fields: &[(NameId, ValueId)]| -> Vec<ValueId> {
                fields.iter().filter(|it| it.0 == id).map(|it| it.1).collect()
            };
            let declared = named(&definition.declared);
            let fields = named(&definition.fields).into_iter().filter(|it| !declared.contains(it));
            let mut set: Vec<ValueId> = fields.chain(named(&definition.also_set)).collect();
            // Who makes the object gives it: `kind: Kind`.
            if set.is_empty() && is_made_by_fields && definition.annotated.contains(&id) {
                set.extend(declared.first().filter(|it| self.is_of_enum(class.file, **it)));
            }
            for value in set {
                let is_constant =
                    matches!(model.value(value), Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_));
                let is_named = matches!(
                    model.value(value),
                    Value::Attr(..) | Value::Path(_) | Value::Global(..) | Value::Function(_)
                );
                let may_decide = matches!(
                    model.value(value),
                    Value::Tuple(_)
                        | Value::Collection(..)
                        | Value::Param(..)
                        | Value::Instance { .. }
                        | Value::Text(_)
                        | Value::Said(_)
                        | Value::Union(_)
                ) || self.member_of_enum(class.file, value).is_some()
                    // What a field is without being given, as `Field(default=..)` has it.
                    || !declared.is_empty() && is_made_by_fields && matches!(model.value(value), Value::Result(_))
                    // A function, as in `sleep: Callable = time.sleep`.
                    || is_made_by_fields && is_named;
                if !is_constant && !may_decide {
                    return None;
                }
                // A class below has its own in place of it.
                if inherits || !is_constant {
                    settings.push((class.file, value));
                }
            }
        }
        (!settings.is_empty()).then_some(settings)
    }

    /// Whether a condition on an attribute of the callee's own object holds where `caller` runs it at this place.
    pub(super) fn outcome_of_field(
        &self,
        caller: FnRef,
        site: &Site,
        callee: FnRef,
        guard: Demand,
        of: (FileId, NameId),
    ) -> Outcome {
        if self.language(caller.file) == Language::Rust {
            return self.outcome_of_written_field(caller, site, callee, guard, of);
        }
        let model = self.model(caller.file);
        let name = self.model(of.0).name(of.1);
        let is_given = self.declared(callee).params.get(usize::from(guard.param));
        let is_given = is_given.is_some_and(|it| it.kind != ParamKind::Receiver);
        let object = match site.call {
            Some(call) if is_given => {
                if !self.is_called_by(caller.file, call, callee) {
                    return Outcome::Open;
                }
                let given = self.argument_at(caller.file, call, callee, u32::from(guard.param));
                let default = self.declared(callee).params.get(usize::from(guard.param)).filter(|it| it.has_default);
                // Nothing has no attributes.
                let is_none = match (given, default) {
                    (Some(given), _) => *model.value(given) == Value::None,
                    (None, Some(param)) => *self.model(callee.file).value(param.default) == Value::None,
                    (None, None) => false,
                };
                if is_none {
                    return Outcome::Fails;
                }
                let Some(given) = given else { return Outcome::Open };
                if let Some(outcome) = self.outcome_of_known(caller, site, given, name, guard) {
                    return outcome;
                }
                if let Some(param) = self.declared(caller).param_of(given) {
                    return Outcome::Becomes(Guard::from(Demand { param: param as u16, ..guard }));
                }
                let Some(object) = self.object(caller, given, 0) else { return Outcome::Open };
                object
            }
            // It is being made.
            Some(call) if matches!(self.only(caller.file, call), Only::Construct(_)) => {
                let Only::Construct(class) = self.only(caller.file, call) else { return Outcome::Open };
                Object { class, made: vec![(caller, call)] }
            }
            Some(call) if !self.is_called_by(caller.file, call, callee) => return Outcome::Open,
            _ => {
                let Some((receiver, _)) = self.question(caller, site) else { return Outcome::Open };
                if let Some(outcome) = self.outcome_of_known(caller, site, receiver, name, guard) {
                    return outcome;
                }
                if self.is_own_object(caller, receiver) || self.above(caller.file, receiver).is_some() {
                    return match self.own_object_rules_out(caller, name, guard) {
                        true => Outcome::Fails,
                        false => Outcome::Becomes(Guard::from(Demand { param: 0, ..guard })),
                    };
                }
                let Some(object) = self.object(caller, receiver, 0) else { return Outcome::Open };
                if object.made.is_empty()
                    && let Some(held) = self.held_by_own(caller, receiver)
                {
                    return match self.outcome_of_setting(caller, site, &object, name, guard) {
                        // Who made the caller's object knows what that was given.
                        Outcome::Open => {
                            Outcome::Becomes(Guard::from(Demand { param: 0, of: Of::Held(held, of), ..guard }))
                        }
                        told => told,
                    };
                }
                object
            }
        };
        self.outcome_of_setting(caller, site, &object, name, guard)
    }

    /// The same, where it is known which object is asked for the attribute.
    fn outcome_of_setting(&self, caller: FnRef, site: &Site, object: &Object, name: &str, guard: Demand) -> Outcome {
        if matches!(guard.test, Test::Answers(_)) {
            return self.outcome_of_given(caller, site, object, name, guard);
        }
        let (found, guard) = self.settings_of(caller, object, name, guard);
        match self.given_alone_by(caller, object, &found) {
            Some(value) => self.outcome_of_value(caller, site, value, Demand { of: Of::Whole, ..guard }),
            None => guard.outcome(self.told_by_settings(&found, guard)),
        }
    }

    /// What an attribute of an object that a function has is set to, each time that one is made, nothing if that is not known; and what is
    /// asked of that: of `self.enabled = token is not None` what is asked of the token.
    pub(super) fn settings_of(
        &self,
        holder: FnRef,
        object: &Object,
        name: &str,
        demand: Demand,
    ) -> (Vec<Setting>, Demand) {
        let Some(mut settings) = self.settings(object.class, name) else { return (Vec::new(), demand) };
        settings.retain(|it| self.may_be_set_by_constructor(object.class, *it));
        let is_fixed = || object.made.is_empty() && settings.iter().all(|it| self.is_given_above(object.class, *it));
        if !self.is_set_by_class_alone(holder, object, name) && !is_fixed() {
            return (Vec::new(), demand);
        }
        let said = match settings[..] {
            [(file, value)] => {
                let condition = Condition { value, test: demand.test, holds: demand.holds };
                self.said_by(file, condition).map(|it| (file, it))
            }
            _ => None,
        };
        let (settings, demand) = match said {
            Some((file, Condition { value, test, holds })) => {
                (vec![(file, value)], Demand { test, holds, asked_in: file, ..demand })
            }
            None => (settings, demand),
        };
        let makers: Vec<Option<Made>> = match object.made.is_empty() {
            true => vec![None],
            false => object.made.iter().copied().map(Some).collect(),
        };
        let each = makers.iter().flat_map(|made| settings.iter().map(|it| (*made, *it)));
        (each.map(|(made, it)| self.setting(object.class, made, name, it)).collect(), demand)
    }

    /// The one value that the function itself has given the object.
    pub(super) fn given_alone_by(&self, function: FnRef, object: &Object, found: &[Setting]) -> Option<ValueId> {
        match (found, &object.made[..]) {
            ([Some((file, value))], [(maker, _)]) if *file == function.file && *maker == function => Some(*value),
            _ => None,
        }
    }

    /// What all of these say.
    pub(super) fn told_by_settings(&self, found: &[Setting], guard: Demand) -> Option<bool> {
        same(found.iter().map(|it| it.and_then(|(file, value)| self.tells_of_given(file, value, guard))))
    }

    /// Nothing but the class sets the attribute: it says by its name that it is nobody else's, it has it in place of one that it
    /// inherits, or who makes the object leaves it alone.
    fn is_set_by_class_alone(&self, holder: FnRef, object: &Object, name: &str) -> bool {
        let is_left_alone = |(maker, _): &Made| !self.may_set_attribute(maker.file, holder, object, name);
        let sets = |it: &&Ancestor| match it {
            Ancestor::Own(class) => {
                let model = self.model(class.file);
                model.names.find(name).is_some_and(|id| model.class(class.class).fields.iter().any(|it| it.0 == id))
            }
            _ => false,
        };
        name.starts_with('_')
            || is_constant_name(name)
            || self.ancestry(object.class).iter().filter(sets).nth(1).is_some()
            || !object.made.is_empty() && object.made.iter().all(is_left_alone)
    }

    /// The object that a value of the function stands for.
    pub(super) fn object(&self, function: FnRef, value: ValueId, depth: u32) -> Option<Object> {
        let model = self.model(function.file);
        if let Value::Result(call) = model.value(value)
            && let Only::Construct(class) = self.only(function.file, *call)
        {
            return Some(Object { class, made: vec![(function, *call)] });
        }
        let Ty::Instance(Class::Own(class), _) = self.evaluate(function.file, value) else { return None };
        if self.language(class.file) != Language::Python {
            return None;
        }
        let unknown = Object { class, made: Vec::new() };
        if depth >= DEEPEST {
            return Some(unknown);
        }
        let inner = match model.value(value) {
            // `with Client() as client`
            Value::Entered(inner, _) => self.object(function, *inner, depth + 1),
            // `repo: Repo = SqlRepo()`
            Value::Declared(_, set) => self.object(function, *set, depth + 1),
            Value::Global(module, name) => self.object_bound(function.file, *module, *name, depth),
            Value::Path(path) => self.object_imported(function.file, path, depth),
            // `self.client`, which the class of the function's own object makes.
            Value::Attr(own, name) if self.is_own_object(function, *own) => {
                let definition = model.class(self.declared(function).class?);
                let set = definition.fields.iter().filter(|it| it.0 == *name).map(|it| it.1);
                let made = set.filter(|it| *model.value(*it) != Value::None).map(|value| match model.value(value) {
                    Value::Result(call) => {
                        let maker = FnRef { function: model.call(*call).function, ..function };
                        self.object(maker, value, depth + 1).filter(|it| it.class == class && !it.made.is_empty())
                    }
                    _ => None,
                });
                let made: Option<Vec<Object>> = made.collect();
                made.map(|objects| Object { class, made: objects.into_iter().flat_map(|it| it.made).collect() })
            }
            Value::Attr(holder, name) if let Ty::Module(file, module) = self.evaluate(function.file, *holder) => {
                self.object_named(file, module, model.name(*name), depth)
            }
            // `service.client`: what the class of the object makes, or what the object was given.
            Value::Attr(holder, name) => self.object_held(function, *holder, model.name(*name), depth),
            // `make_client()`
            Value::Result(call) => self.object_returned(function.file, *call, depth),
            _ => None,
        };
        Some(inner.filter(|it| it.class == class).unwrap_or(unknown))
    }

    /// The constructor of a class, unless that is a library's which sets whatever it is given by name, as Pydantic's does.
    pub(super) fn initial(&self, class: ClassRef) -> Option<FnRef> {
        let initial = self.find_method(class, "__init__")?;
        let takes_names = || {
            let kinds = |it: &Param| matches!(it.kind, ParamKind::Receiver | ParamKind::Keywords);
            let params = &self.declared(initial).params;
            params.iter().all(kinds) && params.iter().any(|it| it.kind == ParamKind::Keywords)
        };
        (!self.is_installed(initial.file) || !takes_names()).then_some(initial)
    }

    /// A class whose constructor calls none above has nothing of what those set.
    fn may_be_set_by_constructor(&self, class: ClassRef, setting: (FileId, ValueId)) -> bool {
        let Some(initial) = self.initial(class) else { return true };
        if self.constructor_with(class, setting).is_none_or(|it| it.0 == initial) {
            return true;
        }
        self.looks_into(initial.file);
        let model = self.model(initial.file);
        let is_initial = |call: &Call| model.callee_name(call).is_some_and(|it| model.name(it) == "__init__");
        model.calls_in(initial.function).any(|it| it.function == initial.function && is_initial(it))
    }

    /// What the constructor of the class hands on to one above is set: `super().__init__(offline=True)`.
    fn is_given_above(&self, class: ClassRef, setting: (FileId, ValueId)) -> bool {
        let constructor = self.constructor_with(class, setting).map(|it| it.0);
        constructor.is_some() && constructor != self.find_method(class, "__init__")
    }

    /// The constructor of the class, or of one above, of which a value is a parameter, and which.
    fn constructor_with(&self, class: ClassRef, (file, value): (FileId, ValueId)) -> Option<(FnRef, usize)> {
        let is_param = |function: FnRef| {
            let params = &self.declared(function).params;
            params.iter().position(|it| it.value != UNKNOWN && it.value == value && it.kind != ParamKind::Receiver)
        };
        self.ancestry(class)
            .iter()
            .filter_map(|it| match it {
                Ancestor::Own(class) if class.file == file => self.own_method(*class, "__init__"),
                _ => None,
            })
            .find_map(|it| Some((it, is_param(it)?)))
    }

    /// What a value that an attribute is set to comes to: what the constructor is given for it, if it is a parameter of that.
    fn setting(&self, class: ClassRef, made: Option<Made>, name: &str, (file, value): (FileId, ValueId)) -> Setting {
        let initial = self.initial(class);
        let Some(initial) = initial else { return self.field_given(class, made, name, (file, value)) };
        if let Some((param, lack, other)) = self.replaced_in(file, value) {
            let given = self.setting(class, made, name, (file, param))?;
            return match self.model(given.0).value(given.1) {
                Value::None => Some((file, other)),
                _ if lack == Lack::Missing => self.is_there(given.0, given.1, 0).then_some(given),
                _ => {
                    let condition = Condition { value: param, test: Test::Truth, holds: true };
                    let is_true = self.tells(given.0, given.1, Demand::on_own_object(condition, file));
                    (is_true == Some(true)).then_some(given)
                }
            };
        }
        let Some((constructor, position)) = self.constructor_with(class, (file, value)) else {
            return match self.model(file).value(value) {
                // Of another method.
                Value::Param(..) => None,
                _ => Some((file, value)),
            };
        };
        if made.is_none() && constructor == initial {
            return Some((file, value));
        }
        self.given_to_constructor(made, initial, (constructor, position), 0)
    }

    /// `hooks or []`: a parameter, and what takes its place where it is nothing.
    fn replaced_in(&self, file: FileId, value: ValueId) -> Option<(ValueId, Lack, ValueId)> {
        let model = self.model(file);
        let Value::Union(parts) = model.value(value) else { return None };
        let [one, another] = **parts else { return None };
        [(one, another), (another, one)].into_iter().find_map(|(kept, other)| match *model.value(kept) {
            Value::Replaced(param, lack @ (Lack::Missing | Lack::False)) => Some((param, lack, other)),
            _ => None,
        })
    }

    /// What the call of a constructor gives for a parameter of that one, or of one that it hands it on to. Without the call, what the
    /// constructors themselves say.
    pub(super) fn given_to_constructor(
        &self,
        made: Option<Made>,
        called: FnRef,
        (wanted, position): (FnRef, usize),
        depth: u32,
    ) -> Setting {
        if called == wanted {
            let (maker, call) = made?;
            let param = &self.declared(called).params[position];
            return match self.argument_at(maker.file, call, called, position as u32) {
                Some(value) => Some((maker.file, value)),
                None if self.model(maker.file).call(call).args.iter().any(|it| it.spread) => None,
                None if param.has_default => Some((called.file, param.default)),
                None => None,
            };
        }
        self.looks_into(called.file);
        let model = self.model(called.file);
        let above = model.calls_in(called.function).iter().find(|(id, it)| {
            it.function == called.function && self.own_of(called.file, *id).is_some_and(|it| self.is_constructor(it))
        });
        let (above, _) = above.filter(|_| depth < DEEPEST)?;
        let next = self.own_of(called.file, above)?;
        match self.given_to_constructor(Some((called, above)), next, (wanted, position), depth + 1) {
            Some((file, value)) if file == called.file => match self.declared(called).param_of(value) {
                Some(position) => self.given_to_constructor(made, called, (called, position), depth + 1),
                None => Some((file, value)),
            },
            found => found,
        }
    }

    pub(super) fn is_constructor(&self, function: FnRef) -> bool {
        self.model(function.file).name(self.declared(function).name) == "__init__"
    }

    /// An attribute that is declared in a class without a constructor of its own: something may write one that takes it.
    fn field_given(
        &self,
        class: ClassRef,
        made: Option<Made>,
        name: &str,
        (file, value): (FileId, ValueId),
    ) -> Setting {
        let Some((maker, call)) = made else {
            let model = self.model(class.file);
            let is_plain = model.class(class.class).decorators.is_empty()
                && self.ancestry(class).iter().all(|it| matches!(it, Ancestor::Own(_)));
            return is_plain.then_some((file, value));
        };
        let model = self.model(maker.file);
        let args = &model.call(call).args;
        let named = args.iter().find(|it| it.name.is_some_and(|it| model.name(it) == name));
        let by_position = || args.iter().take_while(|it| it.name.is_none() && !it.spread);
        match named {
            Some(given) => Some((maker.file, given.value)),
            None if args.iter().any(|it| it.spread) => None,
            None if by_position().next().is_none() => Some((file, value)),
            None => {
                let position = self.field_position(class, name)?;
                Some(by_position().nth(position).map_or((file, value), |it| (maker.file, it.value)))
            }
        }
    }
}
