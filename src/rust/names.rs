//! What names and paths stand for: modules, imports, the prelude.

use rustc_hash::FxHashSet;
use syn::{Item, ItemConst, ItemFn, ItemStatic, Signature, UseTree};

use crate::model::{Binding, FILE_MODULE, Glob, ModuleId, NameId, Path, PathRoot, UNKNOWN, Value, ValueId};

use super::item::opens_macros;
use super::scope::{Bound, Found, Lowerer};

/// The names at the top of one module.
#[derive(Clone, Default)]
pub(super) struct ModuleNames {
    /// Types and modules.
    items: FxHashSet<NameId>,
    /// Functions and constants: no path begins with one, whatever else has that name.
    values: FxHashSet<NameId>,
    /// Names that `use` brings in under a name other than its path's first.
    imports: FxHashSet<NameId>,
    has_globs: bool,
    /// Macros that are defined there.
    macros: FxHashSet<NameId>,
}

/// Names that are in scope everywhere, with where they are from.
const PRELUDE: &[(&str, &[&str])] = &[
    ("Option", &["std", "option", "Option"]),
    ("Some", &["std", "option", "Option", "Some"]),
    ("None", &["std", "option", "Option", "None"]),
    ("Result", &["std", "result", "Result"]),
    ("Ok", &["std", "result", "Result", "Ok"]),
    ("Err", &["std", "result", "Result", "Err"]),
    ("Box", &["std", "boxed", "Box"]),
    ("String", &["std", "string", "String"]),
    ("Vec", &["std", "vec", "Vec"]),
    ("drop", &["std", "mem", "drop"]),
    ("Iterator", &["std", "iter", "Iterator"]),
    ("IntoIterator", &["std", "iter", "IntoIterator"]),
    ("Future", &["std", "future", "Future"]),
    ("IntoFuture", &["std", "future", "IntoFuture"]),
    ("ToString", &["std", "string", "ToString"]),
    ("Default", &["std", "default", "Default"]),
    ("Clone", &["std", "clone", "Clone"]),
    ("AsRef", &["std", "convert", "AsRef"]),
    ("AsMut", &["std", "convert", "AsMut"]),
];

impl ModuleNames {
    pub(super) fn collect(&mut self, lowerer: &mut Lowerer<'_>, items: &[Item]) {
        for item in items {
            let ident = match item {
                Item::Const(ItemConst { ident, .. })
                | Item::Static(ItemStatic { ident, .. })
                | Item::Fn(ItemFn { sig: Signature { ident, .. }, .. }) => {
                    let name = lowerer.ident(ident);
                    self.values.insert(name);
                    continue;
                }
                Item::Macro(it) => {
                    if let Some(ident) = &it.ident {
                        let name = lowerer.ident(ident);
                        self.macros.insert(name);
                    }
                    continue;
                }
                Item::Enum(it) => &it.ident,
                Item::Mod(it) => &it.ident,
                Item::Struct(it) => &it.ident,
                Item::Trait(it) => &it.ident,
                Item::TraitAlias(it) => &it.ident,
                Item::Type(it) => &it.ident,
                Item::Union(it) => &it.ident,
                Item::ExternCrate(it) => {
                    self.has_globs |= opens_macros(it);
                    if let Some((_, name)) = &it.rename {
                        let name = lowerer.ident(name);
                        self.imports.insert(name);
                    }
                    continue;
                }
                Item::Use(it) => {
                    self.imported(lowerer, &it.tree, &mut Vec::new());
                    continue;
                }
                _ => continue,
            };
            let name = lowerer.ident(ident);
            self.items.insert(name);
        }
    }

    fn imported(&mut self, lowerer: &mut Lowerer<'_>, tree: &UseTree, prefix: &mut Vec<NameId>) {
        match tree {
            UseTree::Path(it) => {
                let name = lowerer.ident(&it.ident);
                prefix.push(name);
                self.imported(lowerer, &it.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(it) => {
                // `use tokio;`, `use tokio::{self, ..}` name the crate itself.
                let name = if it.ident == "self" { prefix.last().copied() } else { Some(lowerer.ident(&it.ident)) };
                let first = prefix.first().copied();
                if first.is_some() && first != name {
                    self.imports.extend(name);
                }
            }
            UseTree::Rename(it) => {
                let name = lowerer.ident(&it.rename);
                self.imports.insert(name);
            }
            UseTree::Glob(_) => self.has_globs = true,
            UseTree::Group(it) => it.items.iter().for_each(|it| self.imported(lowerer, it, prefix)),
        }
    }

    /// The path, which begins with that name, leads to something of the module.
    fn opens(&self, name: NameId, path: &[NameId]) -> bool {
        self.items.contains(&name) || self.imports.contains(&name) || path.len() == 1 && self.values.contains(&name)
    }
}

impl Lowerer<'_> {
    /// `use` at the top of a module, or in a block.
    pub(super) fn use_tree(&mut self, tree: &UseTree, leading_colon: bool, prefix: &mut Vec<NameId>, in_block: bool) {
        match tree {
            UseTree::Path(it) => {
                let name = self.ident(&it.ident);
                prefix.push(name);
                self.use_tree(&it.tree, leading_colon, prefix, in_block);
                prefix.pop();
            }
            UseTree::Name(it) if it.ident == "self" => {
                let Some(name) = prefix.last().copied() else { return };
                let value = self.import(prefix, leading_colon, in_block);
                self.bring_in(name, value, in_block);
            }
            UseTree::Name(it) => {
                let name = self.ident(&it.ident);
                prefix.push(name);
                let value = self.import(prefix, leading_colon, in_block);
                prefix.pop();
                self.bring_in(name, value, in_block);
            }
            UseTree::Rename(it) => {
                let is_self = it.ident == "self";
                if !is_self {
                    let name = self.ident(&it.ident);
                    prefix.push(name);
                }
                let value = self.import(prefix, leading_colon, in_block);
                if !is_self {
                    prefix.pop();
                }
                if it.rename != "_" {
                    let rename = self.ident(&it.rename);
                    self.bring_in(rename, value, in_block);
                }
            }
            UseTree::Glob(_) => {
                let value = self.import(prefix, leading_colon, in_block);
                if !in_block {
                    self.model.modules[self.module.index()].globs.push(Glob { value, after: 0 });
                } else if let [.., table, module] = prefix[..]
                    && self.model.name(module) == "dsl"
                {
                    // What a module of that name is opened for in a function is Diesel's table: `use schema::users::dsl::*`.
                    prefix.push(table);
                    let value = self.import(prefix, leading_colon, in_block);
                    prefix.pop();
                    self.bring_in(table, value, in_block);
                }
            }
            UseTree::Group(it) => {
                for tree in &it.items {
                    self.use_tree(tree, leading_colon, prefix, in_block);
                }
            }
        }
    }

    pub(super) fn bring_in(&mut self, name: NameId, value: ValueId, in_block: bool) {
        if in_block {
            self.frame().bound.push((name, Bound::Value(value)));
        } else {
            self.model.modules[self.module.index()].bindings.push(Binding { name, value, conditional: true });
        }
    }

    fn import(&mut self, segments: &[NameId], leading_colon: bool, in_block: bool) -> ValueId {
        let Some(first) = segments.first().copied() else { return UNKNOWN };
        let path = match self.model.name(first) {
            _ if leading_colon => Path { root: PathRoot::Absolute, segments: segments.into() },
            "crate" | "self" | "super" => self.keyword_path(segments),
            _ => {
                // Its own import of that name is not what a path starts from: `use tokio::{self, task}`.
                let here = self.names.get(&self.module).is_some_and(|names| names.opens(first, segments));
                if in_block && let Found::Value(value) = self.find(first) {
                    return self.descend(value, &segments[1..]);
                }
                let root = if here { PathRoot::Super(self.module, 0) } else { PathRoot::Absolute };
                Path { root, segments: segments.into() }
            }
        };
        self.add(Value::Path(Box::new(path)))
    }

    fn keyword_path(&mut self, segments: &[NameId]) -> Path {
        let mut rest = segments;
        let mut levels = 0;
        while let Some((first, after)) = rest.split_first() {
            match self.model.name(*first) {
                "crate" => return Path { root: PathRoot::Crate, segments: after.into() },
                "self" => {}
                "super" => levels += 1,
                _ => break,
            }
            rest = after;
        }
        Path { root: PathRoot::Super(self.module, levels), segments: rest.into() }
    }

    fn descend(&mut self, start: ValueId, segments: &[NameId]) -> ValueId {
        if start == UNKNOWN {
            return UNKNOWN;
        }
        segments.iter().fold(start, |value, name| self.add(Value::Attr(value, *name)))
    }

    /// What a path in code stands for: a local's value, an item, or a path that starts outside the file.
    pub(super) fn path_value(&mut self, path: &syn::Path) -> ValueId {
        let segments: Vec<NameId> = path.segments.iter().map(|it| self.ident(&it.ident)).collect();
        let Some(first) = segments.first().copied() else { return UNKNOWN };
        if path.leading_colon.is_some() {
            return self.add(Value::Path(Box::new(Path { root: PathRoot::Absolute, segments: segments.into() })));
        }
        let text = self.model.name(first).to_owned();
        match text.as_str() {
            "crate" | "self" | "super" if segments.len() > 1 => {
                let path = self.keyword_path(&segments);
                return self.add(Value::Path(Box::new(path)));
            }
            "Self" => {
                if let [_, name] = segments[..]
                    && let Some((_, value)) = self.constants.iter().find(|it| it.0 == name)
                {
                    return *value;
                }
                let Some((_, class)) = self.self_types.last().copied() else { return UNKNOWN };
                return self.descend(class, &segments[1..]);
            }
            _ => {}
        }
        match self.find(first) {
            Found::Local { frame, local } if segments.len() == 1 => return self.read(frame, local),
            Found::Value(value) => return self.descend(value, &segments[1..]),
            Found::Local { .. } | Found::Nothing => {}
        }
        if let Some(given) = self.given_type(first) {
            // `T::load()`
            return if segments.len() > 2 { UNKNOWN } else { self.descend(given, &segments[1..]) };
        }
        if self.generics.iter().any(|(name, _)| *name == first) {
            return self.type_of_self(first).map_or(UNKNOWN, |of| match segments[1..] {
                [name] => self.descend(of, &[name]),
                _ => UNKNOWN,
            });
        }
        self.module_path(self.module, &text, segments)
    }

    /// A macro of the file's own, of which nobody knows what it makes of its arguments.
    pub(super) fn is_own_macro(&mut self, path: &syn::Path) -> bool {
        let defines = |module: &ModuleId| self.names.get(module).is_some_and(|it| !it.macros.is_empty());
        // Those of modules around are in scope as well.
        let modules = [self.module, FILE_MODULE];
        let Some(ident) = path.get_ident().filter(|_| modules.iter().any(defines)) else { return false };
        let name = self.ident(ident);
        modules.iter().any(|module| self.names.get(module).is_some_and(|it| it.macros.contains(&name)))
    }

    /// What the path of a macro's call stands for.
    pub(super) fn macro_value(&mut self, path: &syn::Path) -> ValueId {
        let Some(ident) = path.get_ident() else {
            let value = self.path_value(path);
            return self.derived(value, Value::Macro);
        };
        let name = self.ident(ident);
        if let Found::Value(value) = self.find(name) {
            return self.derived(value, Value::Macro);
        }
        let names = self.names.get(&self.module);
        if names.is_some_and(|names| names.imports.contains(&name) || names.has_globs) {
            let value = self.add(Value::Global(self.module, name));
            return self.add(Value::Macro(value));
        }
        self.add(Value::Path(Box::new(Path { root: PathRoot::Absolute, segments: [name].into() })))
    }

    pub(super) fn module_path(&mut self, module: ModuleId, first: &str, segments: Vec<NameId>) -> ValueId {
        let (has, has_globs) = match self.names.get(&module) {
            Some(names) => (segments.first().is_some_and(|it| names.opens(*it, &segments)), names.has_globs),
            None => (false, false),
        };
        if has {
            return match segments.as_slice() {
                [name] => self.add(Value::Global(module, *name)),
                _ => {
                    let root = PathRoot::Super(module, 0);
                    self.add(Value::Path(Box::new(Path { root, segments: segments.into() })))
                }
            };
        }
        if let Some((_, full)) = PRELUDE.iter().find(|(name, _)| *name == first) {
            let value = self.absolute(full);
            return self.descend(value, &segments[1..]);
        }
        if has_globs {
            return match segments.as_slice() {
                [name] => self.add(Value::Global(module, *name)),
                _ => {
                    let root = PathRoot::Super(module, 0);
                    self.add(Value::Path(Box::new(Path { root, segments: segments.into() })))
                }
            };
        }
        self.add(Value::Path(Box::new(Path { root: PathRoot::Absolute, segments: segments.into() })))
    }
}
