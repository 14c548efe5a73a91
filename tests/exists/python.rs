//! Python packages: unpacked distributions, standard libraries, folders of stubs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use asynclint::model::{ClassId, FILE_MODULE, FunctionId, FunctionKind, Path as Dotted, PathRoot, Value};
use asynclint::source::{Language, Source};

use crate::Verdict;
use crate::lookup::{self, LookUp, Nature};
use crate::memo::Memo;
use crate::text::has_word;

/// A module is its path.
type Thing = lookup::Thing<String>;
type Unit = lookup::Unit<Place>;

/// The module that a file is.
pub struct Place {
    module: String,
    is_package: bool,
}

/// Folders that imports start from.
pub struct Packages {
    roots: Vec<PathBuf>,
    units: HashMap<PathBuf, Option<Rc<Unit>>>,
    files: HashMap<String, Rc<Vec<PathBuf>>>,
    memo: Memo<Thing>,
}

impl Packages {
    /// Every folder below `folder` is one that imports start from.
    pub fn below(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        Self::of(entries.map(|entry| entry.path()).filter(|it| it.is_dir()).collect())
    }

    pub fn of(mut roots: Vec<PathBuf>) -> Self {
        roots.sort();
        Self { roots, units: HashMap::new(), files: HashMap::new(), memo: Memo::default() }
    }

    /// The library is at hand: by the name of its folder, which may be that of the module, or as a part of a standard library.
    fn has(&self, library: &str, module: &str) -> bool {
        let [library, own] = [library, module].map(|it| it.replace(['_', '.'], "-").to_lowercase());
        self.roots.iter().any(|root| {
            let folder = root.file_name().unwrap_or_default().to_string_lossy();
            let name = folder.rsplit_once('-').map_or(&*folder, |(name, _)| name);
            let is_standard = folder.starts_with("standard-library") || folder.starts_with("python3");
            let stands = |path: PathBuf| path.exists() || path.with_extension("py").exists();
            name == library
                || name == own
                || name.strip_suffix("-slim") == Some(&library)
                || (is_standard && (stands(root.join(module)) || root.join(format!("{module}.pyi")).exists()))
        })
    }

    pub fn find(&mut self, library: &str, path: &str) -> Verdict {
        self.memo.ask();
        let mut first = path.split('.').next().unwrap_or(path);
        // A name that needs no import.
        let everywhere = format!("builtins.{path}");
        let path = if path == first && self.files_of(first).is_empty() && !self.is_folder(first) {
            first = "builtins";
            &everywhere
        } else {
            path
        };
        if !self.has(library, first) || (self.files_of(first).is_empty() && !self.is_folder(first)) {
            return Verdict::Absent;
        }
        let found = self.path(path, 0);
        let is_async = |function: FunctionId, unit: &Unit| {
            let function = unit.model.function(function);
            function.kind == FunctionKind::Async && !function.is_generator
        };
        match lookup::nature(&found) {
            Some(Nature::Modules) => Verdict::Module,
            // A name that one version binds to both is for the table to decide.
            Some(Nature::Functions(all)) => Verdict::Found {
                is_async: all.iter().all(|(file, it)| self.unit(file).is_some_and(|unit| is_async(*it, &unit))),
            },
            Some(Nature::Mixed) => Verdict::Found { is_async: false },
            None if self.memo.doubt.in_text => Verdict::Text,
            None if self.memo.doubt.unsure => Verdict::Open,
            None => Verdict::Missing,
        }
    }

    /// The files of a module: source and stubs, in every version that is at hand; compiled ones too.
    fn files_of(&mut self, module: &str) -> Rc<Vec<PathBuf>> {
        if let Some(known) = self.files.get(module) {
            return known.clone();
        }
        let below = module.replace('.', "/");
        let stubs = match below.split_once('/') {
            Some((first, rest)) => format!("{first}-stubs/{rest}"),
            None => format!("{below}-stubs"),
        };
        let mut files = Vec::new();
        for root in &self.roots {
            for path in [root.join(&below), root.join(&stubs)] {
                for end in ["__init__.py", "__init__.pyi"] {
                    files.extend(Some(path.join(end)).filter(|it| it.is_file()));
                }
                for end in ["py", "pyi"] {
                    let name = format!("{}.{end}", path.file_name().unwrap_or_default().to_string_lossy());
                    files.extend(Some(path.with_file_name(name)).filter(|it| it.is_file()));
                }
                files.extend(compiled(&path));
            }
        }
        let files = Rc::new(files);
        self.files.insert(module.to_owned(), files.clone());
        files
    }

    /// A package without `__init__`.
    fn is_folder(&self, module: &str) -> bool {
        let below = module.replace('.', "/");
        self.roots.iter().any(|root| root.join(&below).is_dir())
    }

    fn unit(&mut self, file: &Path) -> Option<Rc<Unit>> {
        if let Some(known) = self.units.get(file) {
            return known.clone();
        }
        let root = self.roots.iter().find(|root| file.starts_with(root));
        let unit = root.and_then(|root| {
            let bytes = std::fs::read(file).ok()?;
            let below = file.strip_prefix(root).ok()?.with_extension("");
            let mut parts: Vec<String> = below.iter().map(|it| it.to_string_lossy().into_owned()).collect();
            if let Some(first) = parts.first_mut() {
                *first = first.trim_end_matches("-stubs").to_owned();
            }
            let is_package = parts.last().is_some_and(|it| it == "__init__");
            if is_package {
                parts.pop();
            }
            let text = String::from_utf8_lossy(&bytes);
            let source = Source::new(file.to_string_lossy().into_owned(), Language::Python, &*text);
            let model = asynclint::python::lower(&source);
            Some(Rc::new(Unit { file: file.to_owned(), place: Place { module: parts.join("."), is_package }, model }))
        });
        self.units.insert(file.to_owned(), unit.clone());
        unit
    }

    /// What a dotted path stands for, from the top.
    fn path(&mut self, path: &str, depth: u32) -> Vec<Thing> {
        let mut parts = path.split('.');
        let first = parts.next().unwrap_or(path).to_owned();
        if self.files_of(&first).is_empty() && !self.is_folder(&first) {
            return Vec::new();
        }
        let mut things = vec![Thing::Module(first)];
        for part in parts {
            let mut next = Vec::new();
            for thing in &things {
                for found in self.member(thing, part, depth + 1) {
                    if !next.contains(&found) {
                        next.push(found);
                    }
                }
            }
            things = next;
        }
        things
    }

    fn result(&mut self, callee: Thing, depth: u32) -> Vec<Thing> {
        match callee {
            Thing::Function(file, function) => {
                let Some(unit) = self.unit(&file) else { return Vec::new() };
                let returns = unit.model.function(function).returns;
                returns.map_or_else(Vec::new, |it| self.evaluate(&unit, it, depth))
            }
            class @ Thing::Class(..) => vec![class],
            _ => Vec::new(),
        }
    }
}

impl LookUp for Packages {
    type Module = String;
    type Place = Place;
    const DEEPEST: u32 = 24;

    fn memo(&mut self) -> &mut Memo<Thing> {
        &mut self.memo
    }

    fn modules(&mut self, module: &String, name: &str) -> Vec<String> {
        let child = format!("{module}.{name}");
        if self.files_of(&child).is_empty() && !self.is_folder(&child) { Vec::new() } else { vec![child] }
    }

    fn module_member(&mut self, module: &String, name: &str, depth: u32) -> Vec<Thing> {
        let mut found = Vec::new();
        let child = format!("{module}.{name}");
        let has_child = !self.files_of(&child).is_empty();
        for file in self.files_of(module).iter() {
            if !is_python(file) {
                let bytes = std::fs::read(file).unwrap_or_default();
                self.memo.doubt.in_text |= has_word(&bytes, name);
                continue;
            }
            let Some(unit) = self.unit(file) else { continue };
            let top = unit.model.module(FILE_MODULE);
            if let Some(id) = unit.model.names.find(name) {
                for binding in top.bindings.iter().filter(|binding| binding.name == id) {
                    found.extend(self.evaluate(&unit, binding.value, depth + 1));
                }
            }
            // A module of that name is what is meant, unless it is opened itself: `from .button import *`.
            let own = Thing::Module(child.clone());
            for glob in &top.globs {
                let mut opened = self.evaluate(&unit, glob.value, depth + 1);
                opened.retain(|it| !has_child || *it == own);
                for opened in opened {
                    found.extend(self.member(&opened, name, depth + 1));
                }
            }
            // Names that are made when they are asked for stand in the text of the module, mostly.
            let makes =
                |it: &str| unit.model.names.find(it).is_some_and(|id| top.bindings.iter().any(|b| b.name == id));
            if makes("__getattr__") || unit.model.names.find("globals").is_some() {
                self.memo.doubt.unsure |= unit.model.names.find("globals").is_some();
                let text = std::fs::read(file).unwrap_or_default();
                self.memo.doubt.in_text |= has_word(&text, name);
            }
        }
        if has_child || (found.is_empty() && self.is_folder(&child)) {
            found.push(Thing::Module(child));
        }
        found
    }

    fn class_member(&mut self, file: &Path, class: ClassId, name: &str, depth: u32) -> Vec<Thing> {
        let Some(unit) = self.unit(file) else { return Vec::new() };
        let declared = unit.model.class(class);
        let mut found = Vec::new();
        if let Some(id) = unit.model.names.find(name) {
            let methods = declared.methods.iter().filter(|(it, _)| *it == id);
            found.extend(methods.map(|(_, function)| Thing::Function(unit.file.clone(), *function)));
            if found.is_empty() {
                for (_, value) in declared.fields.iter().filter(|(it, _)| *it == id) {
                    found.extend(self.evaluate(&unit, *value, depth + 1));
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        for base in &declared.bases {
            let of = self.evaluate(&unit, *base, depth + 1);
            for base in of {
                found.extend(self.member(&base, name, depth + 1));
            }
        }
        if let Some(id) = unit.model.names.find("__getattr__")
            && declared.methods.iter().any(|(it, _)| *it == id)
        {
            self.memo.doubt.unsure = true;
        }
        if found.is_empty() {
            // What every class has.
            let object = self.path("builtins.object", depth + 1);
            if !object.contains(&Thing::Class(file.to_owned(), class)) {
                for object in object {
                    found.extend(self.member(&object, name, depth + 1));
                }
            }
        }
        found
    }

    fn function_member(&mut self, file: &Path, function: FunctionId, name: &str, depth: u32) -> Vec<Thing> {
        let Some(unit) = self.unit(file) else { return Vec::new() };
        let is_property = unit.model.function(function).decorators.iter().any(|it| {
            let name = match unit.model.value(it.value) {
                Value::Global(_, name) => Some(*name),
                Value::Path(path) => path.segments.last().copied(),
                _ => None,
            };
            name.is_some_and(|it| matches!(unit.model.name(it), "property" | "cached_property"))
        });
        if !is_property {
            return Vec::new();
        }
        let given = self.result(Thing::Function(file.to_owned(), function), depth + 1);
        given.iter().flat_map(|it| self.member(it, name, depth + 1)).collect()
    }

    fn stands_for(&mut self, unit: &Rc<Unit>, value: &Value, depth: u32) -> Vec<Thing> {
        match value {
            Value::Class(class) => vec![Thing::Class(unit.file.clone(), *class)],
            Value::Path(path) => {
                let path = absolute(unit, path);
                self.path(&path, depth)
            }
            Value::Global(_, name) => {
                let (module, name) = (unit.place.module.clone(), unit.model.name(*name));
                let found = self.member(&Thing::Module(module), name, depth);
                if found.is_empty() { self.path(&format!("builtins.{name}"), depth) } else { found }
            }
            Value::Index(inner) | Value::Entered(inner, _) | Value::Awaited(inner) => {
                self.evaluate(unit, *inner, depth + 1)
            }
            Value::Result(call) => {
                let callee = self.evaluate(unit, unit.model.call(*call).callee, depth + 1);
                callee.into_iter().flat_map(|callee| self.result(callee, depth + 1)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A path as its file writes it, from the top.
fn absolute(unit: &Unit, path: &Dotted) -> String {
    let mut parts: Vec<&str> = Vec::new();
    if let PathRoot::Relative(level) = path.root {
        parts = unit.place.module.split('.').collect();
        let drop = level as usize - usize::from(unit.place.is_package);
        parts.truncate(parts.len().saturating_sub(drop));
    }
    parts.extend(path.segments.iter().map(|it| unit.model.name(*it)));
    parts.join(".")
}

fn is_python(file: &Path) -> bool {
    file.extension().is_some_and(|it| it == "py" || it == "pyi")
}

/// `name.cpython-312-x86_64-linux-gnu.so`, `name.abi3.so`, `name.pyx`.
fn compiled(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let start = format!("{}.", name.to_string_lossy());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|it| {
        let name = it.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&start) && [".so", ".pyd", ".pyx", ".pxd"].iter().any(|end| name.ends_with(end))
    });
    files.collect()
}
