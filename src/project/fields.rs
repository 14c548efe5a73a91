//! Conditions on an attribute of an object: `if self.throttle:`. What the attribute is set to is told by the class, and by the call that
//! makes the object.

use crate::finding::FileId;
use crate::model::{Call, CallId, Condition, NameId, ParamKind, Test, UNKNOWN, Value, ValueId};
use crate::source::Language;

use super::effects::Site;
use super::guards::{Demand, Guard, Of, Outcome};
use super::members::Ancestor;
use super::remembered::Only;
use super::types::{Class, ClassRef, FnRef, Ty};
use super::{Project, trace};

/// Constructors that call one another are followed so far.
pub(super) const DEEPEST: u32 = 4;

/// An object that is asked for an attribute.
pub(super) struct Object {
    pub(super) class: ClassRef,
    /// The call that makes it, and the function with the call.
    pub(super) made: Option<(FnRef, CallId)>,
}

/// What a value comes to, once it is known who makes the object: a value of a file, if that can be told.
pub(super) type Setting = Option<(FileId, ValueId)>;

impl Project {
    /// A condition on an attribute of the function's own object, if its class sets that to something that may decide.
    pub(super) fn demand_on_field(&self, function: FnRef, condition: Condition) -> Option<Demand> {
        let model = self.model(function.file);
        let Value::Attr(object, name) = *model.value(condition.value) else { return None };
        if model.language != Language::Python || !self.is_own_object(function, object) {
            return None;
        }
        let class = ClassRef { file: function.file, class: self.declared(function).class? };
        let may_decide = match condition.test {
            Test::Answers(_) => self.injection(class, model.name(name)).is_some(),
            _ => self.settings(class, model.name(name)).is_some(),
        };
        may_decide
            .then(|| Demand { of: Of::Field(function.file, name), ..Demand::on_own_object(condition, function.file) })
    }

    /// What the attribute is set to of an object of that class, by the class itself and by methods; `None` if nobody sets it, if it is no
    /// plain attribute, or something that no constructor tells.
    fn settings(&self, class: ClassRef, name: &str) -> Option<Vec<(FileId, ValueId)>> {
        let mut settings = Vec::new();
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
            for value in fields.chain(named(&definition.also_set)) {
                let is_constant =
                    matches!(model.value(value), Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_));
                let may_decide = matches!(
                    model.value(value),
                    Value::Tuple(_)
                        | Value::Collection(..)
                        | Value::Param(..)
                        | Value::Instance { .. }
                        | Value::Union(_)
                );
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
        (file, name): (FileId, NameId),
    ) -> Outcome {
        let model = self.model(caller.file);
        let name = self.model(file).name(name);
        let object = match (site.call, site.asks) {
            // It is being made.
            (Some(call), _) if matches!(self.only(caller.file, call), Only::Construct(_)) => {
                let Only::Construct(class) = self.only(caller.file, call) else { return Outcome::Open };
                Object { class, made: Some((caller, call)) }
            }
            (Some(call), _) if !self.is_called_by(caller.file, call, callee) => return Outcome::Open,
            (call, asks) => {
                let receiver = match call.map(|it| model.value(model.call(it).callee)) {
                    Some(Value::Attr(receiver, _)) => Some(*receiver),
                    Some(_) => None,
                    None => asks.map(|it| it.0),
                };
                let Some(receiver) = receiver else { return Outcome::Open };
                if self.is_own_object(caller, receiver) || matches!(model.value(receiver), Value::Super(_)) {
                    return match self.own_object_rules_out(caller, name, guard) {
                        true => Outcome::Fails,
                        false => Outcome::Becomes(Guard::from(Demand { param: 0, ..guard })),
                    };
                }
                let Some(object) = self.object(caller, receiver, 0) else { return Outcome::Open };
                object
            }
        };
        if matches!(guard.test, Test::Answers(_)) {
            return self.outcome_of_given(caller, site, &object, name, guard);
        }
        let Some(settings) = self.settings(object.class, name) else { return Outcome::Open };
        let is_set = |it: &(FileId, ValueId)| self.may_be_set_by_constructor(object.class, *it);
        let settings = settings.into_iter().filter(is_set);
        let found: Vec<Setting> = settings.map(|it| self.setting(&object, name, it)).collect();
        if let [Some((file, value))] = found[..]
            && file == caller.file
            && object.made.is_some_and(|it| it.0 == caller)
        {
            return self.outcome_of_value(caller, site, value, Demand { of: Of::Whole, ..guard });
        }
        let mut each = found.iter().map(|it| it.and_then(|(file, value)| self.tells(file, value, guard)));
        let first = each.next().flatten();
        guard.outcome(first.filter(|_| each.all(|it| it == first)))
    }

    /// The object that a value of the function stands for.
    pub(super) fn object(&self, function: FnRef, value: ValueId, depth: u32) -> Option<Object> {
        let model = self.model(function.file);
        if let Value::Result(call) = model.value(value)
            && let Only::Construct(class) = self.only(function.file, *call)
        {
            return Some(Object { class, made: Some((function, *call)) });
        }
        let Ty::Instance(Class::Own(class), _) = self.evaluate(function.file, value) else { return None };
        if self.language(class.file) != Language::Python {
            return None;
        }
        let unknown = Object { class, made: None };
        if depth >= DEEPEST {
            return Some(unknown);
        }
        let inner = match model.value(value) {
            // `with Client() as client`
            Value::Entered(inner, _) => self.object(function, *inner, depth + 1),
            Value::Global(module, name) => {
                let mut bound = model.module(*module).bound_to(*name);
                let top = FnRef { function: crate::model::TOP_LEVEL, ..function };
                bound.next().filter(|_| bound.next().is_none()).and_then(|it| self.object(top, it.1.value, depth + 1))
            }
            // `self.client`, `service.client`: what the class of the object makes, or what the object was given.
            Value::Attr(holder, name) => self.object_held(function, *holder, model.name(*name), depth),
            // `make_client()`
            Value::Result(call) => self.object_returned(function.file, *call, depth),
            _ => None,
        };
        Some(inner.filter(|it| it.class == class).unwrap_or(unknown))
    }

    /// A class whose constructor calls none above has nothing of what those set.
    fn may_be_set_by_constructor(&self, class: ClassRef, setting: (FileId, ValueId)) -> bool {
        let Some(initial) = self.find_method(class, "__init__") else { return true };
        if self.constructor_with(class, setting).is_none_or(|it| it.0 == initial) {
            return true;
        }
        if self.noted {
            trace::looks_into(initial.file);
        }
        let model = self.model(initial.file);
        let is_initial = |call: &Call| model.callee_name(call).is_some_and(|it| model.name(it) == "__init__");
        model.calls_in(initial.function).any(|it| it.function == initial.function && is_initial(it))
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
    fn setting(&self, object: &Object, name: &str, (file, value): (FileId, ValueId)) -> Setting {
        let initial = self.find_method(object.class, "__init__");
        let Some(initial) = initial else { return self.field_given(object, name, (file, value)) };
        if let Some((param, other)) = self.replaced_in(file, value) {
            let given = self.setting(object, name, (file, param))?;
            return match self.model(given.0).value(given.1) {
                Value::None => Some((file, other)),
                _ => {
                    let condition = Condition { value: param, test: Test::Truth, holds: true };
                    let is_true = self.tells(given.0, given.1, Demand::on_own_object(condition, file));
                    (is_true == Some(true)).then_some(given)
                }
            };
        }
        let Some((constructor, position)) = self.constructor_with(object.class, (file, value)) else {
            return match self.model(file).value(value) {
                // Of another method.
                Value::Param(..) => None,
                _ => Some((file, value)),
            };
        };
        let Some((maker, call)) = object.made else { return Some((file, value)) };
        self.given_to_constructor(Some((maker, call)), initial, (constructor, position), 0)
    }

    /// `hooks or []`: a parameter, and what takes its place where it is nothing.
    fn replaced_in(&self, file: FileId, value: ValueId) -> Option<(ValueId, ValueId)> {
        let model = self.model(file);
        let Value::Union(parts) = model.value(value) else { return None };
        let [kept, other] = **parts else { return None };
        match model.value(kept) {
            Value::Union(param) if param.len() == 1 => Some((param[0], other)),
            _ => None,
        }
    }

    /// What the call of a constructor gives for a parameter of that one, or of one that it hands it on to. Without the call, what the
    /// constructors themselves say.
    pub(super) fn given_to_constructor(
        &self,
        made: Option<(FnRef, CallId)>,
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
        if self.noted {
            trace::looks_into(called.file);
        }
        let model = self.model(called.file);
        let above = model.calls_in(called.function).iter().find(|(id, it)| {
            it.function == called.function && self.own_of(called.file, *id).is_some_and(|it| self.is_constructor(it))
        });
        let (above, _) = above.filter(|_| depth < DEEPEST)?;
        let next = self.own_of(called.file, above)?;
        match self.given_to_constructor(Some((called, above)), next, (wanted, position), depth + 1) {
            Some((file, value)) if file == called.file => {
                let params = &self.declared(called).params;
                match params.iter().position(|it| it.value != UNKNOWN && it.value == value) {
                    Some(position) => self.given_to_constructor(made, called, (called, position), depth + 1),
                    None => Some((file, value)),
                }
            }
            found => found,
        }
    }

    pub(super) fn is_constructor(&self, function: FnRef) -> bool {
        self.model(function.file).name(self.declared(function).name) == "__init__"
    }

    /// An attribute that is declared in a class without a constructor of its own: something may write one that takes it.
    fn field_given(&self, object: &Object, name: &str, (file, value): (FileId, ValueId)) -> Setting {
        let Some((maker, call)) = object.made else {
            let model = self.model(object.class.file);
            let is_plain = model.class(object.class.class).decorators.is_empty()
                && self.ancestry(object.class).iter().all(|it| matches!(it, Ancestor::Own(_)));
            return is_plain.then_some((file, value));
        };
        let model = self.model(maker.file);
        let args = &model.call(call).args;
        let named = args.iter().find(|it| it.name.is_some_and(|it| model.name(it) == name));
        match named {
            Some(given) => Some((maker.file, given.value)),
            None if args.iter().all(|it| it.name.is_some() && !it.spread) => Some((file, value)),
            None => None,
        }
    }
}
