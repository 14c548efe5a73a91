//! What the first call makes and keeps: nothing, where it was there before. The constructor of the object has made it, or has asked for it.

use crate::finding::FileId;
use crate::model::{Block, FunctionId, NameId, Node, Test, Value, ValueId, flow};
use crate::source::Language;

use super::Project;
use super::effects::{Runs, Site};
use super::members::Ancestor;
use super::remembered::Only;
use super::types::{Class, ClassRef, FnRef, Ty};

/// How far what a constructor runs is followed.
const DEEPEST: u32 = 4;

impl Project {
    /// What `keeper` makes the first time is there when `function` asks an object for it: whoever makes such an object has it made.
    pub fn is_filled(&self, function: FnRef, site: &Site, keeper: FnRef) -> bool {
        let Some(home) = self.declared(keeper).class.filter(|_| self.language(keeper.file) == Language::Python) else {
            return false;
        };
        let home = ClassRef { file: keeper.file, class: home };
        let class = match self.question(function, site) {
            _ if function == keeper => Some(home),
            Some((receiver, _)) if self.is_own_object(function, receiver) => {
                self.declared(function).class.map(|class| ClassRef { file: function.file, class })
            }
            Some((receiver, _)) => match self.evaluate(function.file, receiver) {
                Ty::Instance(Class::Own(class), _) => Some(class),
                _ => None,
            },
            None => None,
        };
        let derives = |it: &ClassRef| *it == home || self.ancestry(*it).contains(&Ancestor::Own(home));
        let Some(class) = class.filter(derives) else { return false };
        let Some(constructor) = self.find_method(class, "__init__").filter(|it| *it != function) else { return false };
        let kept = self.attributes_kept(keeper);
        self.fills_surely(constructor, keeper, &kept, 0) && !kept.iter().any(|it| self.is_emptied(class, &it.0))
    }

    /// The attributes of its object that a method fills where they are missing, each with what is asked of it, or under which what it gives
    /// is kept.
    fn attributes_kept(&self, keeper: FnRef) -> Vec<(String, Test)> {
        self.looks_into(keeper.file);
        let model = self.model(keeper.file);
        let body = &model.function(keeper.function).body;
        let mut kept = Vec::new();
        if self.keeps_result(keeper) {
            kept.push((model.name(self.declared(keeper).name).to_owned(), Test::None));
        }
        let own = |value: ValueId| match *model.value(value) {
            Value::Attr(object, name) if self.is_own_object(keeper, object) => Some(name),
            _ => None,
        };
        let mut set = Vec::new();
        let mut asked: Vec<(NameId, Test)> = Vec::new();
        flow::find(body, &mut |node| {
            match node {
                Node::Set { of: Some(object), name, .. } if self.is_own_object(keeper, *object) => set.push(*name),
                Node::Branch(branch) => {
                    let said = branch.arms.iter().flat_map(|arm| &arm.conditions);
                    let said = said.filter(|it| matches!(it.test, Test::None | Test::Truth));
                    asked.extend(said.filter_map(|it| Some((own(it.value)?, it.test))));
                }
                _ => {}
            }
            false
        });
        let filled = asked.into_iter().filter(|it| set.contains(&it.0));
        kept.extend(filled.map(|(name, test)| (model.name(name).to_owned(), test)));
        kept
    }

    /// Whenever the function is run, it sets one of the attributes of its object to something, or asks it for what the keeper makes.
    fn fills_surely(&self, function: FnRef, keeper: FnRef, kept: &[(String, Test)], depth: u32) -> bool {
        self.looks_into(function.file);
        let body = &self.model(function.file).function(function.function).body;
        if self.sets_surely(function, body, kept) || self.does_nothing_but_set(function, kept) {
            return true;
        }
        let is_own = |site: &Site| {
            self.question(function, site).is_some_and(|(object, _)| {
                self.is_own_object(function, object) || self.above(function.file, object).is_some()
            })
        };
        self.sites_of(function).iter().any(|(site, runs)| match runs {
            Runs::Own(next) if site.branches == 0 && site.guards.len() == 0 && is_own(site) => {
                *next == keeper
                    || *next != function && depth < DEEPEST && self.fills_surely(*next, keeper, kept, depth + 1)
            }
            _ => false,
        })
    }

    /// The last thing that the block, on all ways, sets one of the attributes to is something.
    fn sets_surely(&self, function: FnRef, body: &Block, kept: &[(String, Test)]) -> bool {
        let model = self.model(function.file);
        body.nodes
            .iter()
            .rev()
            .find_map(|node| match *node {
                Node::Set { of: Some(object), name, to } if self.is_own_object(function, object) => {
                    let (_, test) = kept.iter().find(|it| it.0 == model.name(name))?;
                    Some(self.is_something_made(function.file, to, *test))
                }
                _ => None,
            })
            .unwrap_or(false)
    }

    /// A method that sets one of the attributes to what is made, on its only way: `def _load(self): self._data = read()`.
    fn does_nothing_but_set(&self, function: FnRef, kept: &[(String, Test)]) -> bool {
        let model = self.model(function.file);
        let Some(class) = self.declared(function).class.map(|it| model.class(it)) else { return false };
        let sets =
            |it: &(NameId, FunctionId)| it.1 == function.function && kept.iter().any(|kept| kept.0 == model.name(it.0));
        let forks = |node: &Node| matches!(node, Node::Branch(_) | Node::Loop(_) | Node::Try(_) | Node::Return { .. });
        class.set_in.iter().any(sets)
            && flow::find(&model.function(function.function).body, &mut |node| forks(node)).is_none()
    }

    /// The value is made, and what is asked of it comes out as it does of what is there.
    fn is_something_made(&self, file: FileId, value: ValueId, test: Test) -> bool {
        let there = test == Test::Truth;
        let is_of_table = || match self.model(file).value(value) {
            Value::Result(call) => matches!(self.only(file, *call), Only::Api(api)
                if !api.returns.is_empty() && !api.returns.contains("None")),
            _ => false,
        };
        match self.model(file).value(value) {
            Value::Result(_) | Value::Instance { .. } | Value::Text(_) => {
                self.is_surely(file, value, test) == Some(there)
                    || is_of_table() && self.is_something(&self.evaluate(file, value), test) == Some(there)
            }
            _ => false,
        }
    }

    /// Some method of the class, other than its constructors, takes the attribute away again: `self._session = None`.
    fn is_emptied(&self, class: ClassRef, name: &str) -> bool {
        let empties = |class: ClassRef| {
            self.looks_into(class.file);
            let model = self.model(class.file);
            let source = self.source(class.file);
            let text = |it: FunctionId| source.slice(model.declaration(it).span);
            let methods = model.class(class.class).methods.iter();
            let others = methods.filter(|it| model.name(it.0) != "__init__");
            others.map(|it| text(it.1)).any(|text| {
                text.contains(&format!(".{name} = None"))
                    || text.contains("del ") && text.contains(&format!(".{name}"))
                    || text.contains(&format!("\"{name}\", None"))
            })
        };
        empties(class)
            || self.ancestry(class).iter().any(|it| match it {
                Ancestor::Own(above) => empties(*above),
                _ => false,
            })
    }

    /// What is asked there is held elsewhere: it is an attribute of another object, or one for the whole program.
    pub(super) fn asks_held(&self, function: FnRef, site: &Site) -> bool {
        site.held || self.question(function, site).is_some_and(|(object, _)| self.is_given_out(function.file, object))
    }

    /// The object is one for the whole program: a function gives it out that keeps it in a global.
    fn is_given_out(&self, file: FileId, object: ValueId) -> bool {
        let model = self.model(file);
        let Value::Result(call) = *model.value(object) else { return false };
        let Some(giver) = self.own_of(file, call).filter(|it| self.language(it.file) == Language::Python) else {
            return false;
        };
        self.looks_into(giver.file);
        let there = self.model(giver.file);
        let is_kept = |value: &ValueId| match there.value(*value) {
            Value::Global(..) => true,
            Value::Union(parts) => parts.iter().any(|it| matches!(there.value(*it), Value::Global(..))),
            _ => false,
        };
        let returned = &self.function(giver).returned;
        !returned.is_empty() && returned.iter().all(is_kept)
    }
}
