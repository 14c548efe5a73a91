//! Where Python calls Rust: modules, functions and classes that PyO3 shows, as Python sees them.
//!
//! A module of Rust is found where Python would find it (`layout`), by the name it is built under. What is in it, its
//! attributes say or the calls that fill it. Python sees nothing else of a Rust file, and nothing of what is said here changes
//! how Rust code is understood.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::finding::FileId;
use crate::model::{
    CallId, FILE_MODULE, FunctionId, FunctionKind, Given, ModuleBody, Param, Role, Shown, ShownModule, UNKNOWN, Value,
    ValueId,
};
use crate::source::Language;

use super::Project;
use super::calls::Callee;
use super::types::{Class, ClassRef, FnRef, Foreign, ForeignModule, Ty};

/// Types of PyO3 and of the standard library that stand for the first type they are given, as Python sees it.
const SEE_THROUGH: &[&str] = &["Result", "PyResult", "Option", "Py", "Bound", "Borrowed", "PyRef", "PyRefMut", "Box"];

/// Methods that give a module in another form.
const SAME_MODULE: &[&str] = &["clone", "clone_ref", "bind", "as_borrowed", "as_ref", "as_gil_ref", "unwrap", "expect"];

/// The last name of what makes an empty module.
const MAKERS: &[&str] = &["new", "new_bound"];

/// What a module holds: names, as Python has them.
pub(super) type Contents = Arc<[(Box<str>, Ty)]>;

/// Modules are filled by functions that call others, no deeper than this.
const DEEPEST: u32 = 8;

impl Project {
    fn shown(&self, file: FileId) -> Option<&Shown> {
        self.model(file).shown.as_deref()
    }

    /// The module that an import has led to: a file of Python, or what is built of a crate.
    pub(super) fn imported(&self, file: FileId, name: &str) -> Ty {
        if self.language(file) == Language::Python {
            return Ty::Module(file, FILE_MODULE);
        }
        let mut files = std::iter::once(file).chain(self.layout.crates.crate_files(file).filter(|it| *it != file));
        let named = |file: FileId| {
            // It stands in an attribute. Most files of a crate show nothing.
            if !self.source(file).text.contains("pymodule") {
                return None;
            }
            let module = self.shown(file)?.modules.iter().find(|it| self.model(file).name(it.name) == name)?;
            Some(ForeignModule { file, body: module.body })
        };
        files.find_map(named).map_or(Ty::Unknown, |module| Ty::Foreign(Foreign::Module(module)))
    }

    /// `x.name`, where `x` is from Rust.
    pub(super) fn foreign_member(&self, of: Foreign, name: &str) -> Ty {
        match of {
            Foreign::Module(module) => {
                let contents = self.contents(module);
                // What is added last holds.
                let found = contents.iter().rev().find(|(it, _)| **it == *name);
                found.map_or(Ty::Unknown, |(_, ty)| ty.clone())
            }
            Foreign::Class(class) => match self.foreign_method(class, name, Role::Call) {
                Some(method) => Ty::Foreign(Foreign::Function(method)),
                // A variant that holds something is called to make one.
                None if self.has_variant(class, name) => Ty::Foreign(of),
                None if self.has_unit_variant(class, name) => Ty::Foreign(Foreign::Instance(class)),
                None => Ty::Unknown,
            },
            Foreign::Instance(class) => match self.foreign_method(class, name, Role::Call) {
                Some(method) => Ty::Foreign(Foreign::Function(method)),
                None => match self.foreign_method(class, name, Role::Getter) {
                    Some(getter) => self.foreign_result(getter),
                    None => Ty::Unknown,
                },
            },
            Foreign::Function(_) => Ty::Unknown,
        }
    }

    /// The method of a class, or of what it extends, that Python gets to under this name.
    pub(super) fn foreign_method(&self, class: ClassRef, name: &str, role: Role) -> Option<FnRef> {
        let mut class = class;
        for _ in 0..DEEPEST {
            for (file, index) in self.impls_of(class).iter() {
                let Some(shown) = self.shown(*file) else { continue };
                let model = self.model(*file);
                let methods = model.impls[*index as usize].methods.iter().filter_map(|(_, id)| shown.function(*id));
                let is_it = |it: &&crate::model::ShownFunction| {
                    it.role == role && (role == Role::New || model.name(it.name) == name)
                };
                if let Some(found) = methods.into_iter().find(is_it) {
                    return Some(FnRef { file: *file, function: found.function });
                }
            }
            // Nobody inherits what makes an instance.
            if role == Role::New {
                return None;
            }
            let base = self.shown(class.file)?.class(class.class)?.base?;
            class = match self.evaluate(class.file, base) {
                Ty::Class(base) => base,
                _ => return None,
            };
        }
        None
    }

    /// The method of that name, where `__new__` is what makes an instance.
    pub(super) fn foreign_method_or_new(&self, class: ClassRef, name: &str) -> Option<FnRef> {
        let role = if name == "__new__" { Role::New } else { Role::Call };
        self.foreign_method(class, name, role)
    }

    /// What `with` binds for something from Rust.
    pub(super) fn foreign_entered(&self, of: Foreign, is_async: bool) -> Ty {
        let Foreign::Instance(class) = of else { return Ty::Unknown };
        let name = if is_async { "__aenter__" } else { "__enter__" };
        let given = self.foreign_method(class, name, Role::Call).map_or(Ty::Unknown, |it| self.foreign_result(it));
        if is_async { self.awaited(&given) } else { given }
    }

    /// What going through something from Rust runs: `iter` gives the iterator, and `next` is what that is asked for.
    pub(super) fn foreign_iteration(&self, of: Foreign, [iter, next]: [&str; 2]) -> Vec<FnRef> {
        let method = |of: Foreign, name: &str| match of {
            Foreign::Instance(class) => self.foreign_method(class, name, Role::Call),
            _ => None,
        };
        let Some(iter) = method(of, iter) else { return Vec::new() };
        let next = match self.foreign_result(iter) {
            Ty::Foreign(iterator) => method(iterator, next),
            _ => None,
        };
        std::iter::once(iter).chain(next).collect()
    }

    /// What calling something from Rust runs.
    pub(super) fn foreign_callee(&self, of: Foreign) -> Callee {
        let found = match of {
            Foreign::Function(function) => Some(function),
            Foreign::Class(class) => self.foreign_method(class, "__new__", Role::New),
            Foreign::Instance(class) => self.foreign_method(class, "__call__", Role::Call),
            Foreign::Module(_) => None,
        };
        found.map_or(Callee::Unknown, Callee::Own)
    }

    /// What calling something from Rust gives.
    pub(super) fn foreign_call(&self, of: Foreign) -> Ty {
        match (of, self.foreign_callee(of)) {
            (Foreign::Class(class), _) => Ty::Foreign(Foreign::Instance(class)),
            (_, Callee::Own(function)) => self.foreign_result(function),
            _ => Ty::Unknown,
        }
    }

    /// What Python gets of a function: a coroutine, if it is async.
    pub(super) fn foreign_result(&self, function: FnRef) -> Ty {
        let inner = self.seen_by_python(&self.returns(function, None), 0);
        match self.declared(function).kind {
            FunctionKind::Async => Ty::Coroutine(Arc::new(inner), Some(function)),
            _ => inner,
        }
    }

    /// What a value of Rust is in Python, where it is something that code there can ask.
    fn seen_by_python(&self, ty: &Ty, depth: u32) -> Ty {
        if depth > DEEPEST {
            return Ty::Unknown;
        }
        let through = |name: &str, args: &[Ty]| match args.first() {
            Some(inner) if SEE_THROUGH.contains(&name) => self.seen_by_python(inner, depth + 1),
            _ => Ty::Unknown,
        };
        match ty {
            Ty::None => Ty::None,
            Ty::Instance(Class::Own(class), args) => {
                let name = self.model(class.file).class(class.class).name;
                match self.shown(class.file).and_then(|it| it.class(class.class)) {
                    Some(_) => Ty::Foreign(Foreign::Instance(*class)),
                    None => through(self.model(class.file).name(name), args),
                }
            }
            Ty::Instance(Class::Library(path), args) => through(path.rsplit("::").next().unwrap_or(path), args),
            _ => Ty::Unknown,
        }
    }

    /// The parameters that Python gives to a function of Rust: `None` for one of its own language.
    pub(super) fn given_by_python(&self, caller: FileId, callee: FnRef) -> Option<&[Given]> {
        if self.language(callee.file) == Language::Python || self.language(caller) == Language::Rust {
            return None;
        }
        Some(self.shown(callee.file)?.function(callee.function).map_or(&[], |it| &it.given))
    }

    /// `py.detach(..)`: other threads may run Python meanwhile. This one waits all the same.
    pub(super) fn releases_interpreter(&self, file: FileId, call: CallId) -> bool {
        let path = self.api_of(file, call).map_or("", |api| api.path);
        matches!(path, "pyo3::Python::detach" | "pyo3::Python::allow_threads")
    }

    /// All that a module holds.
    fn contents(&self, module: ForeignModule) -> Contents {
        let known = || self.foreign.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Where notes are taken, everybody goes the whole way.
        if let Some(contents) = known().get(&module).filter(|_| !self.noted) {
            return Arc::clone(contents);
        }
        let mut filling = Filling { project: self, seen: FxHashSet::default(), found: Vec::new() };
        match module.body {
            ModuleBody::Function(function) => filling.by_function(module.file, function, 0),
            ModuleBody::Inline(_) => filling.declared(module),
            ModuleBody::Made(function, value) => filling.in_function(module.file, function, value, 0),
        }
        let contents: Contents = filling.found.into();
        known().insert(module, Arc::clone(&contents));
        contents
    }

    /// What Python calls an item, and what that is there.
    fn named_in_python(&self, ty: &Ty) -> Option<(Box<str>, Ty)> {
        let (file, name, of) = match ty {
            Ty::Function(function) => {
                let shown = self.shown(function.file)?;
                match shown.function(function.function) {
                    Some(found) => (function.file, found.name, Foreign::Function(*function)),
                    // `wrap_pymodule!(inner)`
                    None => {
                        let body = ModuleBody::Function(function.function);
                        let module = shown.modules.iter().find(|it| it.body == body)?;
                        (function.file, module.name, Foreign::Module(ForeignModule { file: function.file, body }))
                    }
                }
            }
            Ty::Class(class) | Ty::Instance(Class::Own(class), _) => {
                let found = self.shown(class.file)?.class(class.class)?;
                (class.file, found.name, Foreign::Class(*class))
            }
            Ty::Module(file, module) => {
                let body = ModuleBody::Inline(*module);
                let found = self.shown(*file)?.modules.iter().find(|it| it.body == body)?;
                (*file, found.name, Foreign::Module(ForeignModule { file: *file, body }))
            }
            // One for each platform.
            Ty::Union(parts) => {
                let mut each = parts.iter().map(|it| self.named_in_python(it));
                let (name, first) = each.next()??;
                let others: Option<Vec<(Box<str>, Ty)>> = each.collect();
                let same = others?.into_iter().map(|(it, ty)| if it == name { ty } else { Ty::Unknown });
                return Some((name.clone(), Ty::union(std::iter::once(first).chain(same.collect::<Vec<_>>()))));
            }
            _ => return None,
        };
        Some((self.model(file).name(name).into(), Ty::Foreign(of)))
    }
}

/// What one module holds, as it is found.
struct Filling<'a> {
    project: &'a Project,
    /// Functions that have been looked at, with what the module is in them.
    seen: FxHashSet<(FileId, FunctionId, ValueId)>,
    found: Vec<(Box<str>, Ty)>,
}

impl Filling<'_> {
    /// The last parameter of `#[pymodule] fn` is the module; `#[pyfn(module)]` stands in its body.
    fn by_function(&mut self, file: FileId, id: FunctionId, depth: u32) {
        let model = self.project.model(file);
        if let Some(shown) = model.shown.as_deref() {
            let nested = shown.functions.iter().filter(|it| model.function(it.function).parent == Some(id));
            for it in nested {
                self.add(&Ty::Function(FnRef { file, function: it.function }));
            }
        }
        if let Some(param) = model.function(id).params.last() {
            self.in_function(file, id, param.value, depth);
        }
    }

    /// `#[pymodule] mod`
    fn declared(&mut self, module: ForeignModule) {
        let project = self.project;
        let modules = project.shown(module.file).into_iter().flat_map(|it| &it.modules);
        let Some(ShownModule { exports, init, .. }) = modules.into_iter().find(|it| it.body == module.body) else {
            return;
        };
        for export in exports {
            self.add(&project.evaluate(module.file, *export));
        }
        if let Some(init) = init {
            self.by_function(module.file, *init, 0);
        }
    }

    fn add(&mut self, ty: &Ty) {
        self.found.extend(self.project.named_in_python(ty));
    }

    /// What the calls of a function do with the module, which is `module` there.
    fn in_function(&mut self, file: FileId, id: FunctionId, module: ValueId, depth: u32) {
        if depth > DEEPEST || module == UNKNOWN || !self.seen.insert((file, id, module)) {
            return;
        }
        let project = self.project;
        let model = project.model(file);
        let wanted = self.source(file, module);
        for (handing, call) in model.all_calls() {
            if !project.is_inside(file, call.function, id) {
                continue;
            }
            if let Value::Attr(receiver, name) = model.value(call.callee)
                && self.source(file, *receiver) == wanted
            {
                let arg = |position: usize| call.args.get(position).map(|it| it.value);
                match model.name(*name) {
                    "add_class" => {
                        let named = model.shown.as_deref().and_then(|it| it.type_of(handing));
                        named.into_iter().for_each(|it| self.add(&project.evaluate(file, it)));
                    }
                    "add_function" | "add_wrapped" => {
                        arg(0).into_iter().for_each(|it| self.add(&project.evaluate(file, it)))
                    }
                    "add_submodule" => {
                        arg(0).into_iter().for_each(|it| self.found.extend(self.made(file, id, it, depth)));
                    }
                    "add" | "setattr" => self.under_a_name(file, id, arg(0), arg(1), depth),
                    _ => {}
                }
                continue;
            }
            // `crate::files::register(module)?`
            if !call.args.iter().any(|arg| self.source(file, arg.value) == wanted) {
                continue;
            }
            if let [Callee::Own(callee)] = project.callees(file, handing).as_slice() {
                let is_it = |(_, position): &(&Param, u32)| {
                    let given = project.argument_at(file, handing, *callee, *position);
                    given.is_some_and(|it| self.source(file, it) == wanted)
                };
                let params = project.declared(*callee).params.iter().zip(0..);
                if let Some((param, _)) = params.into_iter().find(is_it) {
                    self.in_function(callee.file, callee.function, param.value, depth + 1);
                }
            }
        }
    }

    /// `module.add("load", wrap_pyfunction!(load, module)?)`
    fn under_a_name(
        &mut self,
        file: FileId,
        id: FunctionId,
        name: Option<ValueId>,
        value: Option<ValueId>,
        depth: u32,
    ) {
        let (Some(name), Some(value)) = (name, value) else { return };
        let model = self.project.model(file);
        let Value::Str(name) = model.value(name) else { return };
        let found = match model.value(self.source(file, value)) {
            // `py.get_type::<Store>()`
            Value::Result(call) if let Some(ty) = model.shown.as_deref().and_then(|it| it.type_of(*call)) => {
                self.project.named_in_python(&self.project.evaluate(file, ty))
            }
            _ => {
                let made = self.made(file, id, value, depth);
                made.or_else(|| self.project.named_in_python(&self.project.evaluate(file, value)))
            }
        };
        self.found.extend(found.map(|(_, ty)| (model.name(*name).into(), ty)));
    }

    /// A module that the function makes, or has another make.
    fn made(&self, file: FileId, id: FunctionId, value: ValueId, depth: u32) -> Option<(Box<str>, Ty)> {
        let model = self.project.model(file);
        let source = self.source(file, value);
        let Value::Result(call) = model.value(source) else {
            return self.project.named_in_python(&self.project.evaluate(file, value));
        };
        if let Some(name) = self.maker(file, *call) {
            let body = ModuleBody::Made(id, source);
            return Some((name.into(), Ty::Foreign(Foreign::Module(ForeignModule { file, body }))));
        }
        if depth > DEEPEST {
            return None;
        }
        // `module.add_submodule(&files::module(py)?)`
        let [Callee::Own(callee)] = self.project.callees(file, *call).as_slice().to_owned()[..] else { return None };
        let returned = &self.project.function(callee).returned;
        returned.iter().rev().find_map(|it| {
            let inner = match self.project.model(callee.file).value(*it) {
                // `Ok(module)`
                Value::Instance { args, .. } => *args.first()?,
                _ => *it,
            };
            self.made(callee.file, callee.function, inner, depth + 1)
        })
    }

    /// The name of the empty module that a call makes: `PyModule::new(py, "files")`.
    fn maker(&self, file: FileId, call: CallId) -> Option<&str> {
        let model = self.project.model(file);
        let call = model.call(call);
        let (of, name) = match model.value(call.callee) {
            Value::Attr(of, name) => match model.value(*of) {
                Value::Path(path) => (path.segments.last().copied(), *name),
                Value::Global(_, of) => (Some(*of), *name),
                _ => return None,
            },
            Value::Path(path) => match &*path.segments {
                [.., of, name] => (Some(*of), *name),
                _ => return None,
            },
            _ => return None,
        };
        if !MAKERS.contains(&model.name(name)) || model.name(of?) != "PyModule" {
            return None;
        }
        let Value::Str(name) = model.value(call.args.get(1)?.value) else { return None };
        Some(model.name(*name))
    }

    /// The value that others are only forms of: without `?`, `&` and `.clone()`.
    fn source(&self, file: FileId, value: ValueId) -> ValueId {
        let model = self.project.model(file);
        let mut at = value;
        for _ in 0..32 {
            at = match model.value(at) {
                Value::Inner(inner) | Value::Deref(inner) => *inner,
                Value::Result(call) => match model.value(model.call(*call).callee) {
                    Value::Attr(inner, name) if SAME_MODULE.contains(&model.name(*name)) => *inner,
                    _ => return at,
                },
                _ => return at,
            };
        }
        at
    }
}
