//! What a function runs, place by place: calls, and all that runs without being written as one.

use crate::finding::FileId;
use crate::knowledge::{Api, Effect, Kind, Runner};
use crate::model::{Block, Call, CallId, Condition, FunctionId, Node, Role, Test, Use, Value, ValueId, flow};
use crate::source::{Language, Span};

use super::Project;
use super::calls::Callee;
use super::decorators::Wrapping;
use super::effects::{Attribute, Runs, Site, Wanted};
use super::given::Answer;
use super::guards::Guards;
use super::remembered::Only;
use super::times::leaves_early;
use super::told::is_built_in;
use super::types::{Class, FnRef, Foreign, Ty};
use super::unwritten::unconditional;

impl Project {
    /// Everything a function runs that matters: library functions with effects, and functions of the project.
    pub(super) fn sites_of(&self, function: FnRef) -> Vec<(Site, Runs)> {
        let _outlines = self.of_outlines();
        if self.surely_runs_nothing(function) {
            return Vec::new();
        }
        let file = function.file;
        let body = &self.model(file).function(function.function).body;
        let installed = self.is_installed(file);
        let mut found = Found {
            project: self,
            file,
            function,
            installed,
            guards: Guards::default(),
            told: self.told_where_defined(function),
            known: Vec::new(),
            polls: 0,
            branches: 0,
            once: false,
            shared: false,
            off_loop: false,
            asks_for_runtime: self.model(file).names.find("try_current").is_some(),
            sites: Vec::new(),
        };
        found.walk(body);
        // What a library does at times, for reasons that are its own, is nothing to tell its users.
        found.sites.retain(|(site, _)| !(installed && site.branches > 0));
        let starts = |runs: &Runs| matches!(runs, Runs::Library(_, Effect::StartsRuntime));
        if !self.declared(function).kind.is_async() && found.sites.iter().any(|(_, runs)| starts(runs)) {
            let asks = self.asks_for_loop(function);
            let may_come = |site: &Site| site.call.is_some_and(|call| self.runs_what_may_come(file, call));
            found.sites.retain(|(site, runs)| !starts(runs) || !asks && !may_come(site));
        }
        found.sites
    }

    /// What runs when a function of the project is called, `awaited` or not: its wrappers, and itself.
    pub fn run_by_call(&self, function: FnRef, awaited: bool) -> Vec<FnRef> {
        let _outlines = self.of_outlines();
        let definition = self.declared(function);
        let is_sync = |function: FnRef| !self.declared(function).kind.is_async();
        match self.wrapping(function) {
            Wrapping::Replaced(wrapper) if is_sync(wrapper) => return vec![wrapper],
            Wrapping::Plain => {}
            _ => return Vec::new(),
        }
        if self.is_installed(function.file) && self.runs_at_times(function) {
            return Vec::new();
        }
        if definition.decorators.is_empty() {
            return if self.is_run_by_caller(function, awaited) { vec![function] } else { Vec::new() };
        }
        let mut run = self.entered_around(function);
        for wrapper in self.wrappers(function) {
            if is_sync(wrapper) {
                if !self.declared(wrapper).is_generator {
                    run.push(wrapper);
                }
            } else if !awaited {
                return run;
            }
        }
        if self.is_run_by_caller(function, awaited) {
            run.push(function);
        }
        run
    }

    /// The function itself runs when it is called, and whoever calls it is told of what it does.
    fn is_run_by_caller(&self, function: FnRef, awaited: bool) -> bool {
        let definition = self.declared(function);
        let runs = !definition.is_generator || self.language(function.file) == Language::Rust;
        // An async function of the user's answers for itself; nobody but the caller is told of what installed ones do.
        runs && (!definition.kind.is_async() || awaited && self.is_installed(function.file))
    }

    pub(super) fn property(&self, receiver: &Ty, name: &str) -> Option<FnRef> {
        if let Ty::Foreign(Foreign::Instance(class)) = receiver {
            return self.foreign_method(*class, name, Role::Getter);
        }
        let function = match receiver {
            Ty::Instance(Class::Own(class), _) => {
                self.find_method(*class, name).filter(|it| !self.is_hidden(*class, *it, name))?
            }
            Ty::Super(class) => self.find_above(*class, *class, name)?,
            _ => return None,
        };
        (self.is_property(function) && self.runs_when_read(function)).then_some(function)
    }

    /// What reading a property runs is its own body, unless a class below says otherwise, or a library keeps what it gave.
    pub(super) fn runs_when_read(&self, property: FnRef) -> bool {
        let remembered = self.is_installed(property.file) && self.keeps_result(property);
        !self.is_abstract(property) && !remembered
    }

    /// The function is nested in `outer`, at any depth.
    pub fn is_inside(&self, file: FileId, function: FunctionId, outer: FunctionId) -> bool {
        let model = self.model(file);
        let mut at = Some(function);
        while let Some(function) = at {
            if function == outer {
                return true;
            }
            at = model.declaration(function).parent;
        }
        false
    }
}

/// The sites of one function, as they are found.
pub(super) struct Found<'a> {
    pub(super) project: &'a Project,
    pub(super) file: FileId,
    pub(super) function: FnRef,
    /// It is no function of the user's.
    pub(super) installed: bool,
    /// What holds of the function's parameters at the current place.
    pub(super) guards: Guards,
    /// What holds of single values at the current place, as tests around and before it say.
    pub(super) told: Vec<Condition>,
    /// What attributes are set to, or tests say of them, since when nothing has run that may set them otherwise.
    pub(super) known: Vec<Attribute>,
    /// How many `try`s around the current place catch `BlockingIOError`: nothing waits for the network there.
    pub(super) polls: u32,
    /// Branches and handlers around the current place, and those before it that may have been left for good.
    pub(super) branches: u32,
    /// What is made here is kept: it runs the first time only.
    pub(super) once: bool,
    /// It is kept for the whole program.
    pub(super) shared: bool,
    /// No loop runs here: the code has asked.
    pub(super) off_loop: bool,
    /// Rust: the file may ask whether there is a runtime.
    pub(super) asks_for_runtime: bool,
    pub(super) sites: Vec<(Site, Runs)>,
}

impl Found<'_> {
    pub(super) fn site(&self, span: Span, call: Option<CallId>) -> Site {
        let given = call.map(|it| self.told_of_arguments(it)).unwrap_or_default();
        let attributes = call.map(|it| self.known_at(it)).unwrap_or_default();
        let model = self.project.model(self.file);
        let held = call.is_some_and(|it| match model.value(model.call(it).callee) {
            Value::Attr(receiver, _) => self.is_held(*receiver),
            _ => false,
        });
        let (guards, branches, once, shared) = (self.guards.clone(), self.branches, self.once, self.shared);
        Site { span, call, asks: None, given, attributes, guards, branches, once, shared, held }
    }

    /// The object is an attribute of another.
    pub(super) fn is_held(&self, object: ValueId) -> bool {
        matches!(self.project.model(self.file).value(object), Value::Attr(..) | Value::Field(..))
    }

    /// What tests say of values that the call hands on, the latest one first.
    fn told_of_arguments(&self, call: CallId) -> Vec<Condition> {
        if self.told.is_empty() {
            return Vec::new();
        }
        let args = &self.project.model(self.file).call(call).args;
        self.told.iter().rev().copied().filter(|it| args.iter().any(|arg| arg.value == it.value)).collect()
    }

    /// A place that runs what a call has made: a generator, a context manager. What it is given, it was given there.
    pub(super) fn site_of(&self, span: Span, value: ValueId) -> Site {
        let call = match self.project.model(self.file).value(value) {
            Value::Result(call) => Some(*call),
            _ => None,
        };
        self.site(span, call)
    }

    pub(super) fn walk(&mut self, block: &Block) {
        let (outer, branches, off_loop) = (self.guards.clone(), self.branches, self.off_loop);
        let (once, shared) = (self.once, self.shared);
        let told = self.told.len();
        let mut asked = false;
        for (index, node) in block.nodes.iter().enumerate() {
            if self.off_loop {
                break;
            }
            match node {
                Node::Call(call) => {
                    asked |= self.asks_for_runtime && self.project.asks_for_runtime(self.file, *call);
                    self.call(*call);
                    if !self.known.is_empty() && self.may_set(*call) {
                        self.known.clear();
                    }
                    // What is done until the process is gone keeps nobody waiting.
                    self.off_loop |= self.project.ends_this_process(self.file, *call)
                        || self.project.comes_back_without_loop(self.file, *call);
                }
                // `match Handle::try_current()`: where there is none, nothing is blocked.
                Node::Branch(it) if std::mem::take(&mut asked) && !self.knows_runtime(it) => {}
                Node::Implicit(it) => self.implicit(it),
                Node::Set { of: Some(object), name, to } => self.set(*object, *name, *to),
                Node::Branch(branch) => self.branch(branch),
                Node::Try(it) => self.tried(it),
                Node::Loop(it) => self.looped(it),
                Node::Yield(it) if it.delegates => self.go_through(it.span, it.value, 0),
                node => {
                    if matches!(node, Node::Await(_) | Node::Yield(_)) || node.has_parts() {
                        self.known.clear();
                    }
                    if let Node::Scope(scope) = node {
                        self.entered(scope);
                    }
                    let fails = matches!(node, Node::Scope(it) if self.project.expects_failure(self.file, it, false));
                    if !fails {
                        flow::parts(node).for_each(|part| self.walk(part));
                    }
                    if node.has_parts() {
                        self.known.clear();
                    }
                }
            }
            let is_last = index + 1 == block.nodes.len();
            if !is_last && self.project.is_the_end(self.file, node) {
                break;
            }
            // `if cached: return cached`: what follows is not always reached.
            if self.installed && matches!(node, Node::Branch(_) | Node::Try(_)) && leaves_early(node) {
                self.branches += 1;
            }
        }
        (self.guards, self.branches, self.off_loop) = (outer, branches, off_loop);
        (self.once, self.shared) = (once, shared);
        self.told.truncate(told);
    }

    /// A library function with an effect.
    pub(super) fn library(&mut self, site: &Site, api: &'static Api, effect: Effect) {
        if self.polls == 0 || effect != Effect::Blocks(Kind::Network) {
            self.sites.push((site.clone(), Runs::Library(api, effect)));
        }
    }

    pub(super) fn own(&mut self, site: &Site, functions: impl IntoIterator<Item = FnRef>) {
        self.sites.extend(functions.into_iter().map(|function| (site.clone(), Runs::Own(function))));
    }

    /// Perhaps an abstract method is asked for, which only those know who know the class of the object.
    pub(super) fn asked(&mut self, site: &Site) {
        let method = self.project.asks_for_abstract(self.function, site);
        self.sites.extend(method.map(|it| (site.clone(), it)));
    }

    fn call(&mut self, id: CallId) {
        let project = self.project;
        let model = project.model(self.file);
        let call = model.call(id);
        let only = project.only(self.file, id);
        let mut site = Site { asks: self.asked_behind(call.callee, only), ..self.site(call.name_span, Some(id)) };
        let effect_of = |api: &'static Api| {
            let runs = !call.awaited && !api.is_async;
            let effect = runs.then(|| project.effect_in_call(self.file, call, api)).flatten();
            effect.map(|effect| (api, effect))
        };
        let effect = match only {
            Only::Api(api) => effect_of(api),
            Only::Several => self.effect_of_all(id, &effect_of),
            Only::Own(_) | Only::Construct(_) | Only::Unknown => None,
        };
        if effect.is_some() || matches!(only, Only::Own(_)) {
            match project.answer_at(self.function, id, effect.is_some()) {
                Answer::Declared => {}
                Answer::Perhaps(guard) => site.guards = site.guards.and(guard),
                Answer::Another => return,
            }
        }
        let is_void = |api: &Api| {
            call.args.iter().enumerate().any(|(position, arg)| {
                self.told.iter().any(|it| match it.test {
                    Test::Equals(literal) if it.holds && it.value == arg.value => {
                        project.is_void_for(self.file, api, position, literal)
                    }
                    _ => false,
                })
            })
        };
        if let Some((api, effect)) = effect
            && !is_void(api)
        {
            site.guards = site.guards.and_all(project.needs_of_arguments(self.function, call, api));
            site.guards = site.guards.and_all([project.needs_disk(self.function, call, api)]);
            if effect != Effect::Blocks(Kind::Database) || model.language != Language::Rust {
                self.library(&site, api, effect);
            } else if let Some(guard) = project.asks_database(self.function, call) {
                let guards = site.guards.clone().and_all([guard]);
                self.library(&Site { guards, ..site.clone() }, api, effect);
            }
        }
        match only {
            // To be awaited it would have to give something else than it does: not what is meant.
            Only::Own(function)
                if call.awaited
                    && !project.declared(function).kind.is_async()
                    && !project.is_annotated_in_vain(function)
                    && !self.may_be_awaited(&project.result_of_call(self.file, id)) => {}
            Only::Own(function) => {
                self.own(&site, project.run_by_call(function, call.awaited));
                if call.awaited
                    && project.knows_more_when_asked(function)
                    && (project.is_method(function) || self.gives_object(id))
                {
                    self.sites.push((site.clone(), Runs::Asked(Some(function))));
                }
                self.given(&site, id, function);
            }
            Only::Construct(class) => {
                let kept = project.keeps_instances(class).then(|| Site { once: true, shared: true, ..site.clone() });
                let site = kept.as_ref().unwrap_or(&site);
                for name in ["__new__", "__init__", "__post_init__"] {
                    if let Some(method) = project.find_method(class, name) {
                        self.own(site, project.run_by_call(method, false));
                        self.given(site, id, method);
                    }
                }
            }
            Only::Api(api) => self.library_call(&site, id, api),
            Only::Unknown => self.asked(&site),
            Only::Several => return self.twins(&site, id),
        }
        if model.language == Language::Python && !call.args.is_empty() {
            self.builtin_call(&site, id);
        }
    }

    fn may_be_awaited(&self, ty: &Ty) -> bool {
        let project = self.project;
        match ty {
            Ty::None | Ty::Bool(_) | Ty::Int(_) | Ty::Str(_) | Ty::Collection(_) | Ty::Tuple(_) => false,
            Ty::Union(parts) => parts.iter().any(|it| self.may_be_awaited(it)),
            Ty::Instance(Class::Own(class), _) if project.language(class.file) == Language::Python => {
                !project.surely_lacks(*class, "__await__")
            }
            ty => ty
                .library_path()
                .is_none_or(|path| !path.ends_with("::Result") && !path.ends_with("::Option") && !is_built_in(path)),
        }
    }

    /// An argument is an object of a class that is known, or something that this function itself is given.
    fn gives_object(&self, id: CallId) -> bool {
        let model = self.project.model(self.file);
        model.call(id).args.iter().any(|it| match model.value(it.value) {
            Value::Param(..) | Value::Dyn(_) => true,
            _ => matches!(self.project.evaluate(self.file, it.value), Ty::Instance(Class::Own(_), _)),
        })
    }

    /// A function of the project calls what it is given: that runs here, too.
    fn given(&mut self, site: &Site, id: CallId, callee: FnRef) {
        let project = self.project;
        let call = project.model(self.file).call(id);
        if call.args.is_empty() || project.declared(callee).kind.is_async() && !call.awaited {
            return;
        }
        for position in project.called_parameters(callee) {
            if let Some(argument) = project.argument_at(self.file, id, callee, position) {
                self.inline(site, argument);
            }
        }
    }

    /// Which object is asked for what by calling a value that does not say so itself: an instance, `partial(object.method)`, an
    /// entry of a display.
    fn asked_behind(&self, callee: ValueId, only: Only) -> Option<(ValueId, Wanted)> {
        let project = self.project;
        let model = project.model(self.file);
        let is_object = || matches!(project.evaluate(self.file, callee), Ty::Instance(Class::Own(_), _));
        let is_call = |it: FnRef| project.model(it.file).name(project.declared(it).name) == "__call__";
        match (only, model.value(callee)) {
            _ if model.language != Language::Python => None,
            (Only::Own(function), it) if !matches!(it, Value::Function(_)) && is_call(function) && is_object() => {
                Some((callee, Wanted::Special("__call__")))
            }
            (Only::Own(_), Value::Result(_) | Value::Index(_)) => self.method_behind(callee),
            _ => None,
        }
    }

    /// The object and the name of a method that a value stands for.
    fn method_behind(&self, value: ValueId) -> Option<(ValueId, Wanted)> {
        let model = self.project.model(self.file);
        let mut at = value;
        for _ in 0..4 {
            at = match model.value(at) {
                Value::Attr(object, name) => return Some((*object, Wanted::Named(*name))),
                Value::Result(call) => {
                    let call = model.call(*call);
                    match self.project.evaluate(self.file, call.callee) {
                        Ty::External(path) if &*path == "functools.partial" => call.args.first()?.value,
                        _ => return None,
                    }
                }
                Value::Index(display) => match model.value(*display) {
                    Value::Collection(_, elements) if elements.len() == 1 => elements[0],
                    _ => return None,
                },
                _ => return None,
            };
        }
        None
    }

    /// The value, a function, is called here.
    pub(super) fn inline(&mut self, site: &Site, value: ValueId) {
        let project = self.project;
        let language = project.language(self.file);
        let asks = self.method_behind(value).filter(|_| language == Language::Python);
        let site = &Site { asks, ..site.clone() };
        match project.callee_of(language, &project.evaluate(self.file, value)) {
            Callee::Own(function) => self.own(site, project.run_by_call(function, false)),
            Callee::Api(path, _) => {
                if let Some(api) = project.knowledge.api(language, path)
                    && !api.is_async
                    && let Some(effect) = unconditional(api)
                {
                    self.library(site, api, effect);
                }
            }
            Callee::Unknown if asks.is_some() => self.asked(site),
            Callee::Construct(_) | Callee::Unknown => {}
        }
    }

    fn library_call(&mut self, site: &Site, id: CallId, api: &'static Api) {
        let model = self.project.model(self.file);
        let call = model.call(id);
        let inline = api.runs.iter().filter(|it| matches!(it.place, Runner::Inline | Runner::Once));
        for runs in inline {
            let name = (!runs.name.is_empty()).then_some(runs.name);
            let argument = call.argument(&model.names, runs.position.map(usize::from), name);
            if let Some(argument) = argument
                && (!is_lazy(api) || self.is_consumed(id, 0))
            {
                let under = self.needing(site, call.callee, runs.needs);
                let site = under.as_ref().unwrap_or(site);
                match self.keeper(call).filter(|_| runs.place == Runner::Once) {
                    Some(shared) => {
                        let shared = shared || site.shared;
                        self.inline(&Site { once: true, shared, ..site.clone() }, argument.value);
                    }
                    None => self.inline(site, argument.value),
                }
            }
        }
        self.drives(call, api);
        if model.language == Language::Rust {
            self.exhaust(site, id, api);
            self.of_given_type(site, call, api);
        }
        if let Some(argument) = call.args.first().filter(|_| api.returns.starts_with("enter:")) {
            // A stack that is entered here is left here, and all that is in it.
            let leaves = matches!(model.value(call.callee), Value::Attr(stack, _)
                if matches!(model.value(*stack), Value::Entered(..)));
            self.enter(&self.site_of(site.span, argument.value), argument.value, leaves);
        }
    }

    /// What is made by the call is kept by an object that outlives this function: `true`, by one that the whole program has.
    fn keeper(&self, call: &Call) -> Option<bool> {
        let model = self.project.model(self.file);
        let Value::Attr(keeper, _) = *model.value(call.callee) else { return None };
        match model.value(keeper) {
            Value::Result(_) => None,
            Value::Field(..) | Value::Param(..) | Value::Dyn(_) => Some(false),
            _ => Some(self.project.declared(self.function).params.iter().all(|it| it.value != keeper)),
        }
    }

    /// Somebody asks the iterator that a call gives for its elements.
    fn is_consumed(&self, id: CallId, depth: u32) -> bool {
        let project = self.project;
        let model = project.model(self.file);
        match model.call(id).result {
            Use::Passed if model.language == Language::Python => {
                let of_it = |value: ValueId| match model.value(value) {
                    Value::Result(call) => *call == id,
                    Value::Element(spread) => *model.value(*spread) == Value::Result(id),
                    _ => false,
                };
                let holds = |call: &Call| call.args.iter().find(|arg| of_it(arg.value)).copied();
                let mut calls = model.calls_around(id).from(id).iter();
                calls.find_map(|(next, call)| Some((next, call, holds(call)?))).is_some_and(|(next, call, arg)| {
                    let api = project.api_of(self.file, next);
                    let hands_on =
                        |api: &Api| is_lazy(api) || matches!(builtin(api.path), "enumerate" | "zip" | "iter");
                    let exhausts = |it| {
                        crate::python::exhausts(model.name(it), matches!(model.value(call.callee), Value::Attr(..)))
                    };
                    match api.is_some_and(hands_on) && depth < 64 {
                        true => self.is_consumed(next, depth + 1),
                        false => arg.spread || model.callee_name(call).is_some_and(exhausts),
                    }
                })
            }
            Use::Consumed | Use::Operand | Use::Passed | Use::Entered | Use::Tested => true,
            // Of a chain the last decides.
            Use::Receiver if depth < 64 => {
                let next = model.calls_around(id).from(id).iter().find(|(_, call)| {
                    matches!(model.value(call.callee), Value::Attr(receiver, _) if *model.value(*receiver) == Value::Result(id))
                });
                next.is_none_or(|(next, _)| {
                    let lazy = project.api_of(self.file, next).is_some_and(is_lazy);
                    !lazy || self.is_consumed(next, depth + 1)
                })
            }
            _ => false,
        }
    }
}

/// It gives an iterator that does nothing by itself.
fn is_lazy(api: &Api) -> bool {
    api.returns.starts_with("std::iter::Iterator")
        || api.path.starts_with("std::iter::Iterator::") && api.returns.is_empty() && is_adaptor(api.path)
        || matches!(builtin(api.path), "map" | "filter")
        || api.path.starts_with("itertools.")
}

pub(super) fn builtin(path: &str) -> &str {
    path.strip_prefix("builtins.").unwrap_or(path)
}

fn is_adaptor(path: &str) -> bool {
    let name = path.rsplit("::").next().unwrap_or(path);
    matches!(
        name,
        "map" | "filter" | "filter_map" | "flat_map" | "inspect" | "map_while" | "take_while" | "skip_while" | "scan"
    )
}
