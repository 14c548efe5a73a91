//! Crates: folders with a manifest and `src`, and the standard library's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use asynclint::model::{ClassId, ClassKind, FILE_MODULE, FunctionId, FunctionKind, ModuleId, PathRoot, Value, ValueId};
use asynclint::source::{Language, Source};

use crate::Verdict;
use crate::lookup::{self, LookUp, Nature};
use crate::memo::Memo;
use crate::text::{declares, has_word, in_macros, opens_macro, stable};

/// A module is a file, or stands in one.
type Module = (PathBuf, ModuleId);
type Thing = lookup::Thing<Module>;
type Unit = lookup::Unit<Place>;

/// The crate that a file is of.
pub struct Place {
    /// Its first file.
    root: PathBuf,
}

/// One version of a crate.
#[derive(Clone, Debug)]
struct Crate {
    root: PathBuf,
    folder: PathBuf,
}

/// An `impl` block: where it stands.
type Block = (PathBuf, usize);

pub struct Crates {
    crates: HashMap<String, Vec<Crate>>,
    units: HashMap<PathBuf, Option<Rc<Unit>>>,
    /// All files of a crate, by its first.
    members: HashMap<PathBuf, Rc<Vec<PathBuf>>>,
    impls: HashMap<PathBuf, Rc<HashMap<Thing, Vec<Block>>>>,
    memo: Memo<Thing>,
}

impl Crates {
    /// Every folder below `folder` with a `Cargo.toml` is a crate; one without is one of the standard library.
    pub fn below(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        Self::of(entries.map(|entry| entry.path()).collect())
    }

    pub fn of(mut folders: Vec<PathBuf>) -> Self {
        folders.sort();
        let mut crates: HashMap<String, Vec<Crate>> = HashMap::new();
        for folder in folders {
            let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or_default();
            let text = |table: &str, key: &str| Some(manifest.get(table)?.get(key)?.as_str()?.to_owned());
            let root = folder.join(text("lib", "path").unwrap_or_else(|| "src/lib.rs".to_owned()));
            let Some(folder_name) = folder.file_name() else { continue };
            let name = text("lib", "name").or_else(|| text("package", "name"));
            let name = name.unwrap_or_else(|| folder_name.to_string_lossy().into_owned()).replace('-', "_");
            if root.is_file() {
                crates.entry(name).or_default().push(Crate { root, folder });
            }
        }
        Self { crates, units: HashMap::new(), members: HashMap::new(), impls: HashMap::new(), memo: Memo::default() }
    }

    pub fn find(&mut self, path: &str) -> Verdict {
        self.memo.ask();
        let segments: Vec<&str> = path.split("::").collect();
        if self.crates.contains_key(segments[0]) {
            return self.in_crates(&segments);
        }
        // What stands in no crate everyone has: from the prelude, or since it is the language's.
        let everywhere: Vec<&str> = ["std", "prelude", "v1"].into_iter().chain(segments.iter().copied()).collect();
        match self.in_crates(&everywhere) {
            Verdict::Missing | Verdict::Open => self.of_primitive(&segments),
            verdict => verdict,
        }
    }

    fn in_crates(&mut self, segments: &[&str]) -> Verdict {
        let Some(versions) = self.crates.get(segments[0]).cloned() else { return Verdict::Absent };
        let mut text = false;
        for version in versions {
            let mut things = vec![Thing::Module((version.root.clone(), FILE_MODULE))];
            let (mut reached, mut lost) = (Vec::new(), segments[segments.len() - 1]);
            for segment in &segments[1..] {
                let found: Vec<Thing> = things.iter().flat_map(|it| self.member(it, segment, 0)).collect();
                if found.is_empty() && !things.is_empty() {
                    lost = segment;
                    reached.extend(things.iter().filter_map(|it| self.crate_of(it)));
                }
                things = found;
            }
            match lookup::nature(&things) {
                Some(Nature::Functions(all)) => {
                    let is_async =
                        |function: FunctionId, unit: &Unit| unit.model.function(function).kind == FunctionKind::Async;
                    return Verdict::Found {
                        is_async: all
                            .iter()
                            .all(|(file, it)| self.unit(file, &version.root).is_some_and(|unit| is_async(*it, &unit))),
                    };
                }
                Some(Nature::Modules) => {
                    let last = segments[segments.len() - 1];
                    if self.has_macro(segments[0], last) {
                        return Verdict::Text;
                    }
                    // `core::str`, where the methods of a type of the language are.
                    let is_primitive =
                        version.folder.join("src/primitive_docs.rs").is_file() && self.is_primitive(last);
                    return if is_primitive { Verdict::Found { is_async: false } } else { Verdict::Module };
                }
                Some(Nature::Mixed) => return Verdict::Found { is_async: false },
                None => {
                    let last = segments[segments.len() - 1];
                    text |= [lost, last].iter().all(|it| self.is_written(segments[0], &reached, it));
                }
            }
        }
        match (text, self.memo.doubt.unsure) {
            (true, _) => Verdict::Text,
            (false, true) => Verdict::Open,
            (false, false) => Verdict::Missing,
        }
    }

    fn standard(&self) -> Vec<Crate> {
        ["core", "alloc", "std"].iter().filter_map(|it| self.crates.get(*it)).flatten().cloned().collect()
    }

    /// The library's pages speak of it as of a type of the language.
    fn is_primitive(&self, name: &str) -> bool {
        let documented = format!("rustc_doc_primitive = \"{name}\"");
        self.standard().iter().any(|it| {
            let pages = it.folder.join("src/primitive_docs.rs");
            std::fs::read_to_string(pages).is_ok_and(|text| text.contains(&documented))
        })
    }

    /// A type that the language has, or a method of it: `str::trim`.
    fn of_primitive(&mut self, segments: &[&str]) -> Verdict {
        let is_there = self.is_primitive(segments[0]);
        let found = match segments[1..] {
            [] => is_there,
            [method] => {
                is_there
                    && (self.standard().iter().any(|it| self.implements(it, segments[0], method))
                        // For all that can be shown.
                        || matches!(self.in_crates(&["std", "string", "ToString", method]), Verdict::Found { .. }))
            }
            _ => false,
        };
        if found { Verdict::Found { is_async: false } } else { Verdict::Missing }
    }

    /// A block of the standard library that is for one of the language's types has the method.
    fn implements(&mut self, version: &Crate, primitive: &str, method: &str) -> bool {
        self.files(&version.root, &version.folder).iter().any(|file| {
            let Some(unit) = self.unit(file, &version.root) else { return false };
            let model = &unit.model;
            let Some(method) = model.names.find(method) else { return false };
            let is_it = |target: ValueId| match model.value(target) {
                Value::Collection(_, _) => matches!(primitive, "slice" | "array"),
                Value::Instance { class, .. } => match model.value(*class) {
                    Value::Path(path) => path.segments.last().is_some_and(|it| model.name(*it) == primitive),
                    Value::Global(_, name) => model.name(*name) == primitive,
                    _ => false,
                },
                _ => false,
            };
            model.impls.iter().any(|it| is_it(it.target) && it.methods.iter().any(|(name, _)| *name == method))
        })
    }

    fn crate_of(&self, thing: &Thing) -> Option<PathBuf> {
        let (Thing::Module((file, _)) | Thing::Class(file, _)) = thing else { return None };
        Some(self.root_of(file))
    }

    /// The crate, those that are named after it, and others that a path has led to.
    fn family(&self, name: &str, reached: &[PathBuf]) -> Vec<Crate> {
        let standard = ["std", "core", "alloc"];
        let start = format!("{name}_");
        let family =
            |it: &String| it == name || it.starts_with(&start) || (name == "std" && standard.contains(&it.as_str()));
        let all = self.crates.iter().flat_map(|(name, all)| all.iter().map(move |it| (name, it)));
        all.filter(|(name, it)| family(name) || reached.contains(&it.root)).map(|(_, it)| it.clone()).collect()
    }

    /// One of the family defines something of that name in its text: what macros write is found so.
    fn is_written(&mut self, name: &str, reached: &[PathBuf], last: &str) -> bool {
        self.family(name, reached).iter().any(|it| self.defines(it, last))
    }

    /// Macros have names of their own, which modules do not hide.
    fn has_macro(&mut self, name: &str, last: &str) -> bool {
        self.family(name, &[]).iter().any(|version| {
            self.files(&version.root, &version.folder).iter().any(|file| {
                let text = std::fs::read_to_string(file).unwrap_or_default();
                has_word(text.as_bytes(), last) && (declares(&text, "macro_rules! ", last) || opens_macro(&text, last))
            })
        })
    }

    fn defines(&mut self, version: &Crate, name: &str) -> bool {
        let words = ["fn ", "macro_rules! ", "struct ", "trait ", "mod ", "type ", "enum "];
        self.files(&version.root, &version.folder).iter().any(|file| {
            let Ok(text) = std::fs::read_to_string(file) else { return false };
            has_word(text.as_bytes(), name)
                && (in_macros(&text, name) || words.iter().any(|word| declares(&text, word, name)))
        })
    }

    fn files(&mut self, root: &Path, folder: &Path) -> Rc<Vec<PathBuf>> {
        if let Some(known) = self.members.get(root) {
            return known.clone();
        }
        let mut files = Vec::new();
        let mut folders = vec![root.parent().unwrap_or(folder).to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| it == "rs") {
                    files.push(path);
                }
            }
        }
        files.sort();
        let files = Rc::new(files);
        self.members.insert(root.to_owned(), files.clone());
        files
    }

    fn unit(&mut self, file: &Path, root: &Path) -> Option<Rc<Unit>> {
        if let Some(known) = self.units.get(file) {
            return known.clone();
        }
        let standard = !root.parent().is_some_and(|it| it.with_file_name("Cargo.toml").is_file());
        let unit = std::fs::read_to_string(file).ok().map(|text| {
            let text = if standard { stable(&text) } else { text };
            let source = Source::new(file.to_string_lossy().into_owned(), Language::Rust, text);
            let model = asynclint::rust::lower(&source);
            Rc::new(Unit { file: file.to_owned(), place: Place { root: root.to_owned() }, model })
        });
        self.units.insert(file.to_owned(), unit.clone());
        unit
    }

    /// A unit that was read before.
    fn known(&self, file: &Path) -> Option<Rc<Unit>> {
        self.units.get(file).cloned().flatten()
    }

    fn root_of(&self, file: &Path) -> PathBuf {
        self.known(file).map_or_else(|| file.to_owned(), |unit| unit.place.root.clone())
    }

    /// The `impl` blocks of a crate by the type they are for.
    fn impls(&mut self, root: &Path) -> Rc<HashMap<Thing, Vec<Block>>> {
        if let Some(known) = self.impls.get(root) {
            return known.clone();
        }
        // Types that are asked for meanwhile have no methods yet; only their names are needed.
        self.impls.insert(root.to_owned(), Rc::default());
        let mut impls: HashMap<Thing, Vec<Block>> = HashMap::new();
        for file in self.files(root, root).iter() {
            let Some(unit) = self.unit(file, root) else { continue };
            for (index, it) in unit.model.impls.iter().enumerate() {
                for target in self.evaluate(&unit, it.target, 0) {
                    if matches!(target, Thing::Class(..)) {
                        impls.entry(target).or_default().push((file.clone(), index));
                    }
                }
            }
        }
        let impls = Rc::new(impls);
        self.impls.insert(root.to_owned(), impls.clone());
        impls
    }

    fn path(&mut self, unit: &Rc<Unit>, root: PathRoot, segments: &[String], depth: u32) -> Vec<Thing> {
        let (start, rest) = match root {
            PathRoot::Crate => {
                self.unit(&unit.place.root, &unit.place.root);
                (vec![Thing::Module((unit.place.root.clone(), FILE_MODULE))], segments)
            }
            PathRoot::Super(module, levels) => {
                let start = self.upwards(unit, module, levels).into_iter().collect::<Vec<_>>();
                // A crate's name, in a module that a `use x::*` makes hard to tell.
                if let Some((first, rest)) = segments.split_first()
                    && levels == 0
                    && self.crates.contains_key(first)
                    && start.iter().all(|it| self.member(it, first, depth + 1).is_empty())
                {
                    (self.first_files(first), rest)
                } else {
                    (start, segments)
                }
            }
            PathRoot::Absolute | PathRoot::Relative(_) => {
                let Some((first, rest)) = segments.split_first() else { return Vec::new() };
                (self.first_files(first), rest)
            }
        };
        rest.iter()
            .fold(start, |things, segment| things.iter().flat_map(|it| self.member(it, segment, depth + 1)).collect())
    }

    fn first_files(&mut self, name: &str) -> Vec<Thing> {
        let versions = self.crates.get(name).cloned().unwrap_or_default();
        versions
            .iter()
            .map(|version| {
                self.unit(&version.root, &version.root);
                Thing::Module((version.root.clone(), FILE_MODULE))
            })
            .collect()
    }

    fn upwards(&mut self, unit: &Rc<Unit>, module: ModuleId, levels: u32) -> Option<Thing> {
        let (mut file, mut at) = (unit.file.clone(), module);
        for _ in 0..levels {
            let here = self.known(&file)?;
            match here.model.module(at).parent {
                Some(parent) => at = parent,
                None => {
                    file = parent_file(&file, &unit.place.root)?;
                    self.unit(&file, &unit.place.root)?;
                    at = FILE_MODULE;
                }
            }
        }
        Some(Thing::Module((file, at)))
    }
}

impl LookUp for Crates {
    type Module = Module;
    type Place = Place;
    const DEEPEST: u32 = 32;

    fn memo(&mut self) -> &mut Memo<Thing> {
        &mut self.memo
    }

    fn modules(&mut self, (file, module): &Module, name: &str) -> Vec<Module> {
        let root = self.root_of(file);
        let Some(unit) = self.unit(file, &root) else { return Vec::new() };
        let Some(id) = unit.model.names.find(name) else { return Vec::new() };
        let inline = unit.model.modules.iter().enumerate();
        let inline = inline.filter(|(_, inner)| inner.parent == Some(*module) && inner.name == Some(id));
        let mut found: Vec<Module> = inline.map(|(index, _)| (file.to_owned(), ModuleId(index as u32))).collect();
        for (_, path) in unit.model.module(*module).declared.iter().filter(|(it, _)| *it == id) {
            if let Some(child) = child(&unit, *module, name, path.as_deref()) {
                self.unit(&child, &root);
                found.push((child, FILE_MODULE));
            }
        }
        found
    }

    fn module_member(&mut self, of: &Module, name: &str, depth: u32) -> Vec<Thing> {
        let (file, module) = of;
        let root = self.root_of(file);
        let Some(unit) = self.unit(file, &root) else { return Vec::new() };
        let declared = unit.model.module(*module);
        let mut found = Vec::new();
        if let Some(id) = unit.model.names.find(name) {
            for binding in declared.bindings.iter().filter(|it| it.name == id) {
                found.extend(self.evaluate(&unit, binding.value, depth + 1));
            }
        }
        found.extend(self.modules(of, name).into_iter().map(Thing::Module));
        // A module of that name hides no function of that name.
        if found.iter().all(|it| matches!(it, Thing::Module(_))) {
            for glob in &declared.globs {
                for opened in self.evaluate(&unit, glob.value, depth + 1) {
                    found.extend(self.member(&opened, name, depth + 1));
                }
            }
        }
        found
    }

    fn class_member(&mut self, file: &Path, class: ClassId, name: &str, depth: u32) -> Vec<Thing> {
        let Some(unit) = self.known(file) else { return Vec::new() };
        let declared = unit.model.class(class);
        let id = unit.model.names.find(name);
        let own = declared.methods.iter().filter(|(it, _)| Some(*it) == id);
        let mut found: Vec<Thing> = own.map(|(_, it)| Thing::Function(file.to_owned(), *it)).collect();
        let fields: Vec<ValueId> = declared.fields.iter().filter(|it| Some(it.0) == id).map(|it| it.1).collect();
        for value in fields {
            found.extend(self.evaluate(&unit, value, depth + 1));
        }
        if found.is_empty() {
            let bases = declared.bases.clone();
            if declared.kind == ClassKind::Alias && bases.is_empty() {
                self.memo.doubt.unsure = true;
            }
            for base in bases {
                for base in self.evaluate(&unit, base, depth + 1) {
                    found.extend(self.member(&base, name, depth + 1));
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        let impls = self.impls(&unit.place.root.clone());
        let blocks = impls.get(&Thing::Class(file.to_owned(), class)).cloned().unwrap_or_default();
        for (at, index) in &blocks {
            let Some(unit) = self.known(at) else { continue };
            if let Some(id) = unit.model.names.find(name) {
                let methods = unit.model.impls[*index].methods.iter().filter(|(it, _)| *it == id);
                found.extend(methods.map(|(_, it)| Thing::Function(at.clone(), *it)));
            }
        }
        if !found.is_empty() {
            return found;
        }
        // What the traits that it implements give it.
        for (at, index) in &blocks {
            let Some(unit) = self.known(at) else { continue };
            let Some(of_trait) = unit.model.impls[*index].of_trait else { continue };
            // One that is not at hand is taken to give nothing.
            let traits = self.evaluate(&unit, of_trait, depth + 1);
            for of_trait in traits.into_iter().filter(|it| *it != Thing::Opaque) {
                found.extend(self.member(&of_trait, name, depth + 1));
            }
        }
        found
    }

    fn stands_for(&mut self, unit: &Rc<Unit>, value: &Value, depth: u32) -> Vec<Thing> {
        let model = &unit.model;
        match value {
            Value::Class(class) => {
                let this = Thing::Class(unit.file.clone(), *class);
                let declared = model.class(*class);
                match declared.bases.first() {
                    Some(base) if declared.kind == ClassKind::Alias => {
                        let found = self.evaluate(unit, *base, depth + 1);
                        if found.contains(&Thing::Opaque) { vec![this] } else { found }
                    }
                    _ => vec![this],
                }
            }
            Value::Path(path) => {
                let segments: Vec<String> = path.segments.iter().map(|it| model.name(*it).to_owned()).collect();
                self.path(unit, path.root, &segments, depth + 1)
            }
            Value::Global(module, name) => {
                self.member(&Thing::Module((unit.file.clone(), *module)), model.name(*name), depth + 1)
            }
            _ => Vec::new(),
        }
    }
}

/// The file of the module around the one that a file holds.
fn parent_file(file: &Path, root: &Path) -> Option<PathBuf> {
    let folder = if file.file_stem()? == "mod" { file.parent()?.parent()? } else { file.parent()? };
    if root.parent() == Some(folder) {
        return Some(root.to_owned());
    }
    [folder.join("mod.rs"), folder.with_extension("rs")].into_iter().find(|it| it.is_file())
}

/// The file of `mod name;` in a module of a file.
fn child(unit: &Unit, module: ModuleId, name: &str, path: Option<&str>) -> Option<PathBuf> {
    let mut inside = Vec::new();
    let mut at = Some(module);
    while let Some(module) = at {
        let declared = unit.model.module(module);
        inside.extend(declared.name.map(|it| unit.model.name(it).to_owned()));
        at = declared.parent;
    }
    let folder = unit.file.parent()?;
    let stem = unit.file.file_stem()?;
    let owns = unit.file == unit.place.root || stem == "mod";
    let mut own = if owns { folder.to_owned() } else { folder.join(stem) };
    own.extend(inside.iter().rev());
    if let Some(path) = path {
        return [folder.join(path), own.join(path)].into_iter().find(|it| it.is_file());
    }
    [own.join(format!("{name}.rs")), own.join(name).join("mod.rs")].into_iter().find(|it| it.is_file())
}
