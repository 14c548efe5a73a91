//! Rust: conditions on a field of an object, `if self.blocking`, where it can be told what the field was set to when the object was made: by
//! a struct that is written out, by a constructor, along the methods of a builder.

use crate::finding::FileId;
use crate::model::{CallId, Condition, NameId, ParamKind, REST, Test, Value, ValueId};

use super::Project;
use super::effects::Site;
use super::guards::{Demand, Guard, Of, Outcome};
use super::remembered::Only;
use super::subjects::POINTERS;
use super::types::{Class, FnRef, Ty};

/// Chains of more methods are not followed.
const LONGEST: u32 = 16;

/// A value, and the function that it stands in.
type Set = (FnRef, ValueId);

impl Project {
    /// A condition on a field of what the function is given, or of its own object.
    pub(super) fn demand_on_written_field(&self, function: FnRef, condition: Condition) -> Option<Demand> {
        let Value::Field(object, name) = *self.model(function.file).value(condition.value) else { return None };
        let param = self.declared(function).param_of(object)?;
        let of = Of::Field(function.file, name);
        Some(Demand { param: u16::try_from(param).ok()?, of, ..Demand::on_own_object(condition, function.file) })
    }

    /// Whether such a condition on `callee` holds where `caller` runs it at this place.
    pub(super) fn outcome_of_written_field(
        &self,
        caller: FnRef,
        site: &Site,
        callee: FnRef,
        guard: Demand,
        (file, name): (FileId, NameId),
    ) -> Outcome {
        let Some(object) = self.asked_at(caller, site, callee, u32::from(guard.param)) else { return Outcome::Open };
        if let Some(param) = self.declared(caller).param_of(object) {
            return Outcome::Becomes(Guard::from(Demand { param: param as u16, ..guard }));
        }
        let name = self.model(file).name(name);
        let mut makers = Vec::new();
        let set = self.field_set(caller, object, name, 0, &mut makers);
        let Some((function, value)) = set.filter(|_| !self.is_set_otherwise(caller, object, name, &makers)) else {
            return Outcome::Open;
        };
        let demand = Demand { of: Of::Whole, ..guard };
        match function == caller {
            true => self.outcome_of_value(caller, site, value, demand),
            false => match self.path_given(caller, object, (function, value)).filter(|_| guard.test == Test::Device) {
                Some(path) => self.outcome_of_value(caller, site, path, demand),
                None => guard.outcome(self.tells(function.file, value, demand)),
            },
        }
    }

    /// What the function that made an object was given for the path that it has set a field to: `root: root.into()`.
    fn path_given(&self, caller: FnRef, object: ValueId, (maker, path): Set) -> Option<ValueId> {
        let position = self.declared(maker).param_of(self.path_behind(maker, path))?;
        let Value::Result(call) = *self.model(caller.file).value(object) else { return None };
        let is_made_here = self.is_called_by(caller.file, call, maker);
        is_made_here.then(|| self.argument_at(caller.file, call, maker, position as u32))?
    }

    /// What a place in `caller` gives the callee for a parameter, or asks for the method.
    pub(super) fn asked_at(&self, caller: FnRef, site: &Site, callee: FnRef, param: u32) -> Option<ValueId> {
        let call = site.call.filter(|it| self.is_called_by(caller.file, *it, callee))?;
        match self.declared(callee).params.get(param as usize)?.kind {
            ParamKind::Receiver => self.question(caller, site).map(|(receiver, _)| receiver),
            _ => self.argument_at(caller.file, call, callee, param),
        }
    }

    /// What the field of that name of an object was set to when that was made. `makers`: the methods that made it.
    fn field_set(
        &self,
        function: FnRef,
        object: ValueId,
        name: &str,
        depth: u32,
        makers: &mut Vec<FnRef>,
    ) -> Option<Set> {
        if depth > LONGEST {
            return None;
        }
        let model = self.model(function.file);
        match model.value(object) {
            Value::Inner(inner) => self.field_set(function, *inner, name, depth + 1, makers),
            Value::Instance { args, .. } => {
                match self.written(function.file, object, name) {
                    Some((true, value)) => Some((function, value)),
                    Some((false, rest)) => self.field_set(function, rest, name, depth + 1, makers),
                    // `Ok(writer)`
                    None => match args[..] {
                        [only] => self.field_set(function, only, name, depth + 1, makers),
                        _ => None,
                    },
                }
            }
            Value::Result(call) => match self.only(function.file, *call) {
                Only::Own(maker) => self.field_made(function, *call, maker, name, depth, makers),
                Only::Api(api) => {
                    let call = model.call(*call);
                    let inner = match model.value(call.callee) {
                        Value::Attr(receiver, _) if matches!(api.last_name(), "unwrap" | "expect") => *receiver,
                        _ if POINTERS.iter().any(|it| api.path.strip_prefix(it) == Some("::new")) => {
                            call.args.first()?.value
                        }
                        _ => return None,
                    };
                    self.field_set(function, inner, name, depth + 1, makers)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Where a struct is written out: what its field of that name is set to, or `false` and the other that it has it from.
    fn written(&self, file: FileId, object: ValueId, name: &str) -> Option<(bool, ValueId)> {
        let model = self.model(file);
        let Value::Instance { args, .. } = model.value(object) else { return None };
        let Value::Fields(fields) = model.value(*args.first()?) else { return None };
        let named = |name: &str| fields.iter().find(|it| model.name(it.0) == name).map(|it| it.1);
        named(name).map(|value| (true, value)).or_else(|| Some((false, named(REST)?)))
    }

    /// The same of what a function gives that is called in `function`.
    fn field_made(
        &self,
        function: FnRef,
        call: CallId,
        maker: FnRef,
        name: &str,
        depth: u32,
        makers: &mut Vec<FnRef>,
    ) -> Option<Set> {
        self.looks_into(maker.file);
        let definition = self.function(maker);
        let there = self.model(maker.file);
        let [made] = definition.returned[..] else { return None };
        if definition.kind.is_async() {
            return None;
        }
        makers.push(maker);
        let receiver = || match self.model(function.file).value(self.model(function.file).call(call).callee) {
            Value::Attr(receiver, _) => Some(*receiver),
            _ => None,
        };
        let gives = match self.written(maker.file, made, name) {
            Some((false, rest)) => rest,
            _ => made,
        };
        let (of, value) = if self.is_own_object(maker, gives) {
            let mut set = definition.sets.iter().filter(|it| there.name(it.0) == name);
            match (set.next(), set.next()) {
                (None, _) => return self.field_set(function, receiver()?, name, depth + 1, makers),
                (Some(only), None) => (maker, only.1),
                _ => return None,
            }
        } else {
            self.field_set(maker, made, name, depth + 1, makers)?
        };
        if of != maker {
            return Some((of, value));
        }
        // What the maker was given, whoever called it knows.
        match *there.value(value) {
            Value::Field(own, other) if self.is_own_object(maker, own) => {
                self.field_set(function, receiver()?, there.name(other), depth + 1, makers)
            }
            _ => match definition.param_of(value) {
                Some(position) => {
                    let given = self.argument_at(function.file, call, maker, position as u32)?;
                    Some((function, given))
                }
                None => Some((maker, value)),
            },
        }
    }

    /// Something else than these methods sets a field of that name, of any object here or where the type of the object stands. What others set
    /// of their own objects is another field.
    fn is_set_otherwise(&self, caller: FnRef, object: ValueId, name: &str, makers: &[FnRef]) -> bool {
        let Ty::Instance(Class::Own(class), _) = self.behind_pointers(self.evaluate(caller.file, object)) else {
            return true;
        };
        [caller.file, class.file].into_iter().any(|file| {
            self.looks_into(file);
            let model = self.model(file);
            let is_other = |at: usize| {
                let function = FnRef { file, function: self.function_at(file, at as u32) };
                let of_another = || {
                    let target = model.declaration(function.function).self_type;
                    matches!(target.map(|it| self.evaluate(file, it)), Some(Ty::Instance(Class::Own(of), _)) if of != class)
                };
                let text = &self.source(file).text;
                makers.contains(&function) || text[..at].ends_with("self.") && of_another()
            };
            assignments(&self.source(file).text, name).any(|at| !is_other(at))
        })
    }
}

/// Where the text sets a field of that name of something: `config.depth = 3`.
fn assignments<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    let sets = |at: usize| {
        let rest = text[at + name.len()..].trim_start();
        let sign = rest.trim_start_matches(['+', '-', '*', '/', '%', '|', '&', '^', '<', '>']);
        let is_compared = rest.len() - sign.len() == 1 && rest.starts_with(['<', '>']);
        text[..at].ends_with('.')
            && sign.starts_with('=')
            && !sign.starts_with("==")
            && !sign.starts_with("=>")
            && !is_compared
    };
    text.match_indices(name).map(|it| it.0).filter(move |at| sets(*at))
}
