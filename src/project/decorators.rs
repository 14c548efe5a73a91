//! What decorators make of functions.

use crate::finding::FileId;
use crate::knowledge::{HandlerFacts, HandlerRole};
use crate::model::{
    Arm, Block, BranchKind, Condition, Decorator, FunctionId, Node, ParamKind, Test, Value, ValueId, flow,
};
use crate::source::Language;

use super::Project;
use super::library::Around;
use super::path::LibraryPath;
use super::types::{Class, ClassRef, FnRef, Ty, none};

/// What a function has become under its decorators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapping {
    /// Calling it runs it, and perhaps what is around it: see [`Project::wrappers`].
    Plain,
    /// Calling it gives a context manager; entering that runs it.
    Manager,
    /// It is an object of a library's now: see [`Project::made_of`].
    Made,
    /// Calling it runs this function of the project's instead, which hands it to a thread or keeps it for later.
    Replaced(FnRef),
    /// Anything.
    Unknown,
}

/// What one decorator makes of the function it stands on.
#[derive(Clone, PartialEq)]
enum Decoration {
    /// The function itself.
    Kept,
    /// The function itself, which one of the project's has seen: it may have told others of it.
    Seen,
    Manager,
    Made,
    /// Each call of it is made in this context manager.
    Within(Ty),
    /// A function of the project's that calls it.
    Around(FnRef),
    /// A function of the project's that has something else call it, or nothing.
    Instead(FnRef),
    Unknown,
}

/// A function that is called with what it decorates, or for a decorator.
#[derive(Clone, Copy)]
struct Decorating {
    function: FnRef,
    /// Its parameter for what it decorates, if it has one.
    given: Option<u32>,
    /// It is called with it: `@traced`, and not `@traced(name="load")`.
    is_given: bool,
    /// What it decorates gives a coroutine, if that is known.
    is_async: Option<bool>,
    depth: u32,
}

/// Through more functions than that, no decorator is followed.
const DEEPEST: u32 = 6;

impl Project {
    /// What decorators make of a function.
    pub fn wrapping(&self, function: FnRef) -> Wrapping {
        let _outlines = self.of_outlines();
        if self.language(function.file) == Language::Rust {
            return Wrapping::Plain;
        }
        let mut wrapping = Wrapping::Plain;
        for decoration in self.decorations(function) {
            match decoration {
                Decoration::Kept | Decoration::Seen | Decoration::Around(_) | Decoration::Within(_) => {}
                Decoration::Manager => wrapping = Wrapping::Manager,
                Decoration::Made => wrapping = Wrapping::Made,
                Decoration::Instead(wrapper) => wrapping = Wrapping::Replaced(wrapper),
                Decoration::Unknown => return Wrapping::Unknown,
            }
        }
        wrapping
    }

    /// A decorator of the project's gives the function back as it is, having seen it: whoever it has told of it may call it as well.
    pub fn is_seen_by_decorator(&self, function: FnRef) -> bool {
        let _outlines = self.of_outlines();
        self.decorations(function).contains(&Decoration::Seen)
    }

    /// A decorator keeps what the function gives: its body runs the first time only.
    pub fn keeps_result(&self, function: FnRef) -> bool {
        self.is_decorated_as(function, &[HandlerRole::Cache, HandlerRole::CachedProperty])
    }

    /// A library's decorator stands on the function that has one of these roles.
    pub(super) fn is_decorated_as(&self, function: FnRef, roles: &[HandlerRole]) -> bool {
        let _outlines = self.of_outlines();
        self.declared(function).decorators.iter().any(|decorator| {
            let Ty::External(path) = self.evaluate(function.file, decorator.value) else { return false };
            let facts = self.knowledge.decorator(Language::Python, &path);
            facts.and_then(|facts| facts.role).is_some_and(|role| roles.contains(&role))
        })
    }

    /// Functions of the project's that run around a decorated one, outermost first.
    pub fn wrappers(&self, function: FnRef) -> Vec<FnRef> {
        let _outlines = self.of_outlines();
        if self.language(function.file) == Language::Rust {
            return Vec::new();
        }
        let around = self.decorations(function).into_iter().rev();
        around
            .filter_map(|it| match it {
                Decoration::Around(wrapper) => Some(wrapper),
                _ => None,
            })
            .collect()
    }

    /// Context managers of the project's that a call of a decorated function enters and leaves: what that runs.
    pub(super) fn entered_around(&self, function: FnRef) -> Vec<FnRef> {
        let managers = self.decorations(function).into_iter().rev().filter_map(|it| match it {
            Decoration::Within(manager) => Some(manager),
            _ => None,
        });
        let is_sync = |it: &FnRef| !self.declared(*it).kind.is_async() && !self.is_abstract(*it);
        let run = managers.flat_map(|manager| match manager {
            Ty::Manager(manager) => vec![manager],
            Ty::Instance(Class::Own(class), _) => {
                ["__enter__", "__exit__"].into_iter().filter_map(|name| self.find_method(class, name)).collect()
            }
            _ => Vec::new(),
        });
        run.filter(is_sync).collect()
    }

    /// Its annotation says what the function gives, and is not understood.
    pub(super) fn is_annotated_in_vain(&self, function: FnRef) -> bool {
        self.declared(function).returns.is_some_and(|it| self.evaluate(function.file, it).is_unknown())
    }

    /// What decorators make of an async function still gives its coroutine: each wrapper is async, or gives back what it gets. Others run it:
    /// `return asyncio.run(f(*args))`.
    pub fn stays_coroutine(&self, function: FnRef) -> bool {
        self.wrappers(function).into_iter().all(|wrapper| {
            let model = self.model(wrapper.file);
            let definition = self.function(wrapper);
            let is_called = |value: &ValueId| match model.value(*value) {
                Value::Result(call) => {
                    let callee = model.call(*call).callee;
                    match model.value(callee) {
                        Value::Attr(object, _) => self.is_own_object(wrapper, *object),
                        _ => self.parameter_of(wrapper, callee).is_some_and(|(of, _)| of != wrapper.function),
                    }
                }
                _ => false,
            };
            definition.kind.is_async() || !definition.returned.is_empty() && definition.returned.iter().all(is_called)
        })
    }

    /// What each decorator makes of the function and of what those below it have made, the one next to it first.
    fn decorations(&self, function: FnRef) -> Vec<Decoration> {
        let definition = self.declared(function);
        let mut is_async = Some(definition.kind.is_async() && !definition.is_generator);
        let decorators = definition.decorators.iter().rev();
        decorators
            .map(|it| {
                let decoration = self.decoration(function.file, it, is_async);
                is_async = match decoration {
                    Decoration::Kept | Decoration::Seen | Decoration::Within(_) => is_async,
                    Decoration::Around(wrapper) | Decoration::Instead(wrapper) => {
                        Some(self.declared(wrapper).kind.is_async())
                    }
                    Decoration::Manager | Decoration::Made | Decoration::Unknown => None,
                };
                decoration
            })
            .collect()
    }

    fn decoration(&self, file: FileId, decorator: &Decorator, is_async: Option<bool>) -> Decoration {
        match self.evaluate(file, decorator.value) {
            Ty::External(path) | Ty::Method(path, _) => self.library_decoration(&path),
            Ty::Function(maker) | Ty::Bound(_, maker) if decorator.call.is_some() => {
                match self.made_by_library(maker) {
                    // What `@contextmanager` makes can stand on functions as well.
                    Some(Decoration::Manager) => Decoration::Within(Ty::Manager(maker)),
                    _ => self.decoration_made(maker, is_async),
                }
            }
            Ty::Class(class) if decorator.call.is_some() && self.is_context_decorator(class) => {
                Decoration::Within(Ty::Instance(Class::Own(class), none()))
            }
            Ty::Class(class) if decorator.call.is_none() => self.object_around(class),
            Ty::Class(class) => self.decoration_by(&Ty::Instance(Class::Own(class), none()), is_async, 0),
            decorator => self.decoration_by(&decorator, is_async, 0),
        }
    }

    /// A function of the project's is called for a decorator: `@retried(times=3)`.
    fn decoration_made(&self, maker: FnRef, is_async: Option<bool>) -> Decoration {
        let given = self.first_positional(maker);
        self.decoration_as(Decorating { function: maker, given, is_given: false, is_async, depth: 0 })
    }

    /// What an object or a function makes of the function it is called with.
    fn decoration_by(&self, decorator: &Ty, is_async: Option<bool>, depth: u32) -> Decoration {
        let function = match decorator {
            Ty::Function(function) | Ty::Bound(_, function) => Some(*function),
            Ty::Instance(Class::Own(class), _) => self.find_method(*class, "__call__"),
            Ty::Partial(inner) => return self.decoration_by(inner, is_async, depth),
            Ty::External(path) | Ty::Method(path, _) if depth > 0 => return self.library_decoration(path),
            Ty::Class(class) if depth > 0 => return self.object_around(*class),
            _ => None,
        };
        let plain = |it: &FnRef| {
            !self.declared(*it).kind.is_async() && matches!(self.made_by_library(*it), Some(Decoration::Kept))
        };
        let Some(function) = function.filter(|it| depth < DEEPEST && plain(it)) else { return Decoration::Unknown };
        let Some(given) = self.first_positional(function) else { return Decoration::Unknown };
        self.decoration_as(Decorating { function, given: Some(given), is_given: true, is_async, depth })
    }

    /// What decorators of libraries make of a function that has no others; the function itself, without any.
    fn made_by_library(&self, function: FnRef) -> Option<Decoration> {
        let decorators = self.declared(function).decorators.iter();
        let mut made = Decoration::Kept;
        for decorator in decorators {
            let Ty::External(path) = self.evaluate(function.file, decorator.value) else { return None };
            match self.library_decoration(&path) {
                Decoration::Kept => {}
                other => made = other,
            }
        }
        Some(made)
    }

    fn first_positional(&self, function: FnRef) -> Option<u32> {
        let params = &self.declared(function).params;
        params.iter().position(|it| it.kind == ParamKind::Positional).map(|it| it as u32)
    }

    fn decoration_as(&self, it: Decorating) -> Decoration {
        let returned = &self.function(it.function).returned;
        let mut found = Vec::new();
        match returned.as_slice() {
            [value] => self.decorations_given(it, *value, &mut found),
            _ => {
                self.looks_into(it.function.file);
                let mut values = Vec::new();
                self.given_back(it, &self.function(it.function).body, &mut values);
                values.into_iter().for_each(|value| self.decorations_given(it, value, &mut found));
            }
        }
        self.the_one_of(it, found)
    }

    /// Of several that a decorator may give, the one that it does give.
    fn the_one_of(&self, it: Decorating, mut found: Vec<Decoration>) -> Decoration {
        let mut at = 0;
        while at < found.len() {
            if found[..at].contains(&found[at]) {
                found.remove(at);
            } else {
                at += 1;
            }
        }
        if found.len() < 2 {
            return found.pop().unwrap_or(Decoration::Unknown);
        }
        let runs =
            |decoration: &Decoration| matches!(decoration, Decoration::Kept | Decoration::Seen | Decoration::Around(_));
        if !found.iter().all(runs) {
            return Decoration::Unknown;
        }
        // `return awaits if iscoroutinefunction(call) else calls`
        let fits = |decoration: &Decoration| match decoration {
            Decoration::Around(wrapper) => Some(self.declared(*wrapper).kind.is_async()) == it.is_async,
            _ => true,
        };
        let fitting: Vec<&Decoration> = found.iter().filter(|it| fits(it)).collect();
        match fitting.as_slice() {
            // Whichever it is, the function runs.
            all if all.len() == found.len() => Decoration::Seen,
            [one] if self.asks_whether_async(it) => (*one).clone(),
            _ => Decoration::Unknown,
        }
    }

    /// The values that the decorator may give back for what it is called with; `true` if the end of the block is not reached.
    fn given_back(&self, it: Decorating, block: &Block, values: &mut Vec<ValueId>) -> bool {
        for node in &block.nodes {
            match node {
                Node::Return { value, .. } => {
                    values.extend(*value);
                    return true;
                }
                Node::Raise(_) => return true,
                Node::Branch(branch) if branch.kind == BranchKind::If => {
                    let mut ends = true;
                    let mut is_left = !branch.exhaustive;
                    for arm in &branch.arms {
                        let taken = self.takes(it, arm);
                        if taken != Some(false) {
                            ends &= self.given_back(it, &arm.body, values);
                        }
                        if taken == Some(true) {
                            is_left = false;
                            break;
                        }
                    }
                    if ends && !is_left {
                        return true;
                    }
                }
                node => flow::parts(node).for_each(|part| {
                    self.given_back(it, part, values);
                }),
            }
        }
        false
    }

    fn takes(&self, it: Decorating, arm: &Arm) -> Option<bool> {
        let fails = |condition: &Condition| self.holds(it, condition) == Some(false);
        match arm.constant {
            None if arm.conditions.iter().any(fails) => Some(false),
            None if arm.otherwise.iter().any(fails) => Some(true),
            constant => constant,
        }
    }

    /// What the decorator is told of what it is given.
    fn holds(&self, it: Decorating, condition: &Condition) -> Option<bool> {
        let file = it.function.file;
        let answer = match *self.model(file).value(condition.value) {
            Value::Result(call) if it.is_given && condition.test == Test::Truth => {
                let asked = self.asked_for_async(file, call)?;
                let callee = self.evaluate(file, self.model(file).call(call).callee);
                let asks = matches!(&callee, Ty::External(path) if path.ends_with(".iscoroutinefunction"));
                it.is_async.filter(|_| asks && self.is_decorated(it, asked))?
            }
            _ if !self.is_decorated(it, condition.value) => return None,
            _ => {
                let param = self.declared(it.function).params.get(it.given? as usize)?;
                let is_nothing = param.has_default && *self.model(file).value(param.default) == Value::None;
                match condition.test {
                    _ if !it.is_given && !is_nothing => return None,
                    Test::None => !it.is_given,
                    Test::Truth | Test::Callable => it.is_given,
                    _ => return None,
                }
            }
        };
        Some(answer == condition.holds)
    }

    fn asks_whether_async(&self, it: Decorating) -> bool {
        let file = it.function.file;
        self.looks_into(file);
        let asks = |call| self.asked_for_async(file, call).is_some_and(|asked| self.is_decorated(it, asked));
        let body = &self.function(it.function).body;
        flow::find(body, &mut |node| matches!(node, Node::Call(call) if asks(*call))).is_some()
    }

    /// The value is the parameter that takes what is decorated.
    fn is_decorated(&self, it: Decorating, value: ValueId) -> bool {
        let parameter = self.parameter_of(it.function, value);
        parameter.is_some() && parameter == it.given.map(|given| (it.function.function, given))
    }

    /// What a value that the decorator gives back makes of the function; nothing, if it has to do with another way of calling it.
    fn decorations_given(&self, it: Decorating, value: ValueId, found: &mut Vec<Decoration>) {
        let file = it.function.file;
        let model = self.model(file);
        let decorate = |decorator: &Ty| self.decoration_by(decorator, it.is_async, it.depth + 1);
        if self.is_decorated(it, value) {
            found.extend(it.is_given.then_some(Decoration::Seen));
            return;
        }
        match model.value(value) {
            Value::Replaced(param, _) => self.decorations_given(it, *param, found),
            Value::Union(parts) => parts.iter().for_each(|part| self.decorations_given(it, *part, found)),
            Value::Function(inner) if it.is_given => found.extend(self.decoration_around(it, *inner)),
            Value::Result(call) => {
                let call = model.call(*call);
                let first = call.args.first().map(|arg| arg.value);
                let callee = self.evaluate(file, call.callee);
                let passes = first.is_some_and(|first| self.is_decorated(it, first));
                let wrapped = match &callee {
                    Ty::External(path) if &**path == "typing.cast" => call.args.get(1).map(|arg| arg.value),
                    Ty::External(path) if &**path == "functools.update_wrapper" => first,
                    _ if self.is_made_by(file, call.callee, "functools.wraps") => first,
                    _ => None,
                };
                match wrapped {
                    Some(wrapped) => self.decorations_given(it, wrapped, found),
                    None if passes && it.is_given => found.push(decorate(&callee)),
                    None if passes => {}
                    None if it.is_given => found.push(Decoration::Unknown),
                    None => match &callee {
                        Ty::External(path) if &**path == "functools.partial" => {
                            let decorator = first.map_or(Ty::Unknown, |first| self.evaluate(file, first));
                            found.push(decorate(&decorator));
                        }
                        _ => found.push(decorate(&self.evaluate(file, value))),
                    },
                }
            }
            _ if it.is_given => found.push(Decoration::Unknown),
            _ => found.push(decorate(&self.evaluate(file, value))),
        }
    }

    /// The value is what a call of that gives: `functools.wraps(call)`.
    fn is_made_by(&self, file: FileId, value: ValueId, maker: &str) -> bool {
        let model = self.model(file);
        let Value::Result(call) = model.value(value) else { return false };
        matches!(self.evaluate(file, model.call(*call).callee), Ty::External(path) if &*path == maker)
    }

    /// A function that stands in the decorator takes the place of what is decorated, if it has to do with that.
    fn decoration_around(&self, it: Decorating, inner: FunctionId) -> Option<Decoration> {
        let wrapper = FnRef { file: it.function.file, function: inner };
        let decorated = (it.function.function, it.given?);
        if self.declared(wrapper).parent != Some(it.function.function) {
            return Some(Decoration::Unknown);
        }
        match self.runs_given(it.function, inner, decorated) {
            Some(true) => Some(Decoration::Around(wrapper)),
            Some(false) => Some(Decoration::Instead(wrapper)),
            None => None,
        }
    }

    /// Objects of the class stand in the place of the functions they are made with, `@Remembered`: what calling one runs.
    fn object_around(&self, class: ClassRef) -> Decoration {
        let methods = self.find_method(class, "__init__").zip(self.find_method(class, "__call__"));
        // A descriptor may give something else wherever it is asked for.
        let methods = methods.filter(|_| self.find_method(class, "__get__").is_none());
        let Some((initial, call)) = methods else { return Decoration::Unknown };
        let Some(position) = self.first_positional(initial) else { return Decoration::Unknown };
        let Some(own) = self.declared(initial).class else { return Decoration::Unknown };
        let given = self.declared(initial).params[position as usize].value;
        let fields = &self.model(initial.file).class(own).fields;
        let holds = |name: &str| {
            let model = self.model(initial.file);
            fields.iter().any(|it| it.1 == given && model.name(it.0) == name)
        };
        self.looks_into(call.file);
        let model = self.model(call.file);
        let is_held = |value: ValueId| {
            matches!(model.value(value), Value::Attr(object, name)
                if self.is_own_object(call, *object) && holds(model.name(*name)))
        };
        let mut around = Decoration::Unknown;
        for (_, it) in model.calls_in(call.function).iter().filter(|it| it.1.function == call.function) {
            if it.args.iter().any(|arg| is_held(arg.value)) {
                return Decoration::Instead(call);
            }
            if is_held(it.callee) {
                around = Decoration::Around(call);
            }
        }
        around
    }

    /// Its instances, used as decorators, are entered around each call.
    fn is_context_decorator(&self, class: ClassRef) -> bool {
        let is_base =
            |path: &LibraryPath| matches!(&**path, "contextlib.ContextDecorator" | "contextlib.AsyncContextDecorator");
        self.library_bases(class).iter().any(is_base) && self.find_method(class, "__call__").is_none()
    }

    fn library_decoration(&self, path: &str) -> Decoration {
        let Some(facts) = self.knowledge.decorator(Language::Python, path) else { return Decoration::Unknown };
        match facts.role {
            Some(HandlerRole::Fixture) => Decoration::Unknown,
            Some(HandlerRole::ContextManager) => Decoration::Manager,
            // What has a role can be called as it was, whatever else it has become.
            None if !facts.makes.is_empty() => Decoration::Made,
            _ => Decoration::Kept,
        }
    }

    /// What a table says of a decorator.
    pub fn facts_of_decorator(&self, file: FileId, decorator: &Decorator) -> Option<&'static HandlerFacts> {
        match self.evaluate(file, decorator.value) {
            Ty::External(path) | Ty::Method(path, _) => self.knowledge.decorator(self.language(file), &path),
            _ => None,
        }
    }

    /// The object that the outermost decorator makes of a function: a task of a queue, something to be awaited.
    pub(super) fn made_of(&self, function: FnRef) -> Option<Ty> {
        let _outlines = self.of_outlines();
        let decorators = &self.declared(function).decorators;
        let mut facts = decorators.iter().map(|it| self.facts_of_decorator(function.file, it));
        let outermost = facts.find(|it| it.is_none_or(|it| it.role != Some(HandlerRole::Plain)))??;
        let made = || self.table_type(Language::Python, outermost.makes, &Around::of(&Ty::Function(function)));
        (!outermost.makes.is_empty()).then(made)
    }
}
