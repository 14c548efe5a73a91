//! Which `impl` blocks a type has. They may stand in any file of its crate and of crates that use it.
//!
//! Which type a block is for is known only by evaluating, and for that its file must be lowered. So the blocks of a type are
//! looked for when something asks, in the files whose texts have a block for something of that name, or of a name that it may
//! go by elsewhere.

use std::sync::{Arc, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use super::installed::Impls;
use super::memo::{apart, is_apart};
use super::path::LibraryPath;
use super::remembered::Targets;
use super::subjects::POINTERS;
use super::types::{Class, ClassRef, Ty};
use super::{Project, Slot};
use crate::finding::FileId;
use crate::rust::{Mentions, Word, word};
use crate::source::Language;

/// By the type they are for: file and index there.
pub(super) type ByType = FxHashMap<Class, Vec<(FileId, u32)>>;

/// Where blocks for a type are looked for.
pub(super) enum Blocks {
    /// All are known: every file is lowered.
    Known(ByType),
    /// In these files.
    In(Mentioned),
}

impl Default for Blocks {
    fn default() -> Self {
        Self::In(Mentioned::default())
    }
}

/// What the texts of some files mention.
#[derive(Default)]
pub(super) struct Mentioned {
    /// The files that have a block for something of that name, in order.
    files: FxHashMap<Word, Vec<FileId>>,
    /// Other names of what has a name.
    aliases: FxHashMap<Word, Vec<Word>>,
}

impl Mentioned {
    fn of<'a>(mentions: impl Iterator<Item = (FileId, &'a Mentions)>) -> Self {
        let mut found = Self::default();
        for (file, it) in mentions {
            for target in &it.targets {
                found.files.entry(*target).or_default().push(file);
            }
            for (alias, name) in it.aliases.iter().filter(|(alias, name)| alias != name) {
                found.aliases.entry(*name).or_default().push(*alias);
            }
        }
        // Under a name that no block is for, none is found.
        let Self { files, aliases } = &mut found;
        let named: FxHashSet<Word> = aliases.keys().copied().collect();
        for others in aliases.values_mut() {
            others.sort_unstable();
            others.dedup();
            others.retain(|alias| files.contains_key(alias) || named.contains(alias));
        }
        found
    }

    /// Files that may have blocks for a type of that name, in order.
    fn files_for(&self, name: &str) -> Vec<FileId> {
        let mut names = vec![word(name)];
        let mut at = 0;
        while let Some(name) = names.get(at) {
            let others = self.aliases.get(name).into_iter().flatten();
            let new: Vec<Word> = others.copied().filter(|alias| !names.contains(alias)).collect();
            names.extend(new);
            at += 1;
        }
        let mut files: Vec<FileId> = names.iter().filter_map(|it| self.files.get(it)).flatten().copied().collect();
        files.sort_unstable();
        files.dedup();
        files
    }
}

impl Slot {
    pub(super) fn mentions(&self) -> &Mentions {
        self.mentions.get_or_init(|| Mentions::of(&self.source.text))
    }

    pub(super) fn words(&self) -> &FxHashSet<Word> {
        self.words.get_or_init(|| crate::rust::words(&self.source.text))
    }

    fn functions(&self) -> &FxHashSet<Word> {
        self.functions.get_or_init(|| crate::rust::functions(&self.source.text))
    }

    pub(super) fn modules_for_tests(&self) -> &[Box<str>] {
        let find = || crate::rust::modules_for_tests(&self.source.text).into_iter().map(Box::from).collect();
        self.for_tests.get_or_init(find)
    }
}

impl Project {
    /// Lets blocks be looked for in files of the group.
    pub(super) fn look_for_blocks(&mut self) {
        let rust = self.group.iter().copied().filter(|file| self.language(*file) == Language::Rust);
        self.blocks = Blocks::In(Mentioned::of(rust.map(|file| (file, self.slot(file).mentions()))));
    }

    /// The `impl` blocks for a type: those of its crate and, in the group, of crates around it.
    pub(super) fn impls_of(&self, class: ClassRef) -> Impls {
        // Which types blocks are for is found out without them.
        if is_apart() || self.language(class.file) == Language::Python {
            return Impls::default();
        }
        if self.is_installed(class.file) {
            return self.impls_installed(class);
        }
        match &self.blocks {
            Blocks::Known(known) => match known.get(&Class::Own(class)) {
                Some(found) => found.as_slice().into(),
                None => self.impls_beyond(class),
            },
            Blocks::In(mentioned) => self.remembered_impls(class, || {
                let found = self.blocks_for(class, mentioned);
                if found.is_empty() { self.impls_beyond(class) } else { found }
            }),
        }
    }

    /// The blocks for a type that some of the files hold.
    fn blocks_for(&self, class: ClassRef, mentioned: &Mentioned) -> Impls {
        let model = self.model(class.file);
        let files = mentioned.files_for(model.name(model.class(class.class).name));
        self.blocks_in(Class::Own(class), &files).into()
    }

    fn blocks_in(&self, class: Class, files: &[FileId]) -> Vec<(FileId, u32)> {
        let mut found = Vec::new();
        for file in files {
            let targets = self.targets_in(*file);
            found.extend(targets.iter().filter(|(target, _)| *target == class).map(|(_, index)| (*file, *index)));
        }
        found
    }

    /// Rust: what a trait of the crate that `file` is of gives a type of a library: `impl PathExt for Path`.
    pub(super) fn extension(&self, file: FileId, receiver: &Ty, name: &str) -> Ty {
        self.extended(file, receiver, name, |_| true).unwrap_or(Ty::Unknown)
    }

    /// Rust: what a trait gives the pointer itself, `impl Handler for Arc<Server>`: that comes before what it points to has.
    pub(super) fn method_of_pointer(&self, file: FileId, receiver: &Ty, name: &str) -> Option<Ty> {
        let Ty::Instance(Class::Library(path), args) = receiver else { return None };
        let Some(Ty::Instance(Class::Own(held), _)) = args.first().filter(|_| POINTERS.contains(&&**path)) else {
            return None;
        };
        self.extended(file, receiver, name, |(file, index)| {
            let target = self.model(*file).impls[*index as usize].target;
            match self.evaluate(*file, target) {
                Ty::Instance(_, args) => matches!(args.first(), Some(Ty::Instance(Class::Own(it), _)) if it == held),
                _ => false,
            }
        })
    }

    /// The only method of that name in the blocks for a type of a library that `is_meant` takes.
    fn extended(
        &self,
        file: FileId,
        receiver: &Ty,
        name: &str,
        is_meant: impl Fn(&(FileId, u32)) -> bool,
    ) -> Option<Ty> {
        let Ty::Instance(Class::Library(path), _) = receiver else { return None };
        // Which types blocks are for is found out without them.
        let crates = &self.layout.crates;
        let root = if is_apart() || self.is_installed(file) { None } else { crates.crate_root(file) };
        let root = root?;
        let is_beside = |other: &FileId| crates.crate_root(*other) == Some(root);
        let method = word(name);
        let defines = |other: &FileId| self.slot(*other).functions().contains(&method);
        let bases = self.knowledge.type_facts(Language::Rust, path).map_or(&[][..], |facts| facts.bases);
        let types = std::iter::once(*path).chain(bases.iter().map(|base| LibraryPath::of(base)));
        for path in types {
            let mut of_library = match &self.blocks {
                Blocks::Known(known) => {
                    let blocks = known.get(&Class::Library(path)).into_iter().flatten().copied();
                    blocks.filter(|(other, _)| is_beside(other) && defines(other)).collect::<Vec<_>>()
                }
                Blocks::In(mentioned) => {
                    let ty = path.rsplit("::").next().unwrap_or(&path);
                    let find = || mentioned.files_for(ty).into_iter().filter(is_beside).collect();
                    let beside = self.remembered_extenders((root, word(ty), None), find);
                    if beside.is_empty() {
                        continue;
                    }
                    let find = || beside.iter().copied().filter(defines).collect();
                    let files = self.remembered_extenders((root, word(ty), Some(method)), find);
                    self.blocks_in(Class::Library(path), &files)
                }
            };
            of_library.retain(&is_meant);
            let found = self.methods_of(&of_library, name, Some(receiver));
            if let [only] = found[..] {
                return Some(self.method(only, Some(receiver)));
            }
        }
        None
    }

    /// The blocks for a type of a crate outside the group, in that crate.
    fn impls_beyond(&self, class: ClassRef) -> Impls {
        if self.group.binary_search(&class.file).is_ok() {
            return Impls::default();
        }
        let Some(root) = self.layout.crates.crate_root(class.file) else { return Impls::default() };
        let crates = || self.crates.lock().unwrap_or_else(PoisonError::into_inner);
        let known = crates().get(&root).cloned();
        let blocks = known.unwrap_or_else(|| {
            let files = self.layout.crates.crate_files(root);
            // Who takes notes sees all files of the crate.
            let blocks = match self.noted {
                true => Blocks::Known(by_type(apart(|| files.flat_map(|file| self.impls_in(file)).collect()))),
                false => Blocks::In(Mentioned::of(files.map(|file| (file, self.slot(file).mentions())))),
            };
            Arc::clone(crates().entry(root).or_insert(Arc::new(blocks)))
        });
        match &*blocks {
            Blocks::Known(known) => {
                known.get(&Class::Own(class)).map_or_else(Impls::default, |found| found.as_slice().into())
            }
            Blocks::In(mentioned) => self.blocks_for(class, mentioned),
        }
    }

    /// The types that the blocks of a file are for, as all who look there see them.
    fn targets_in(&self, file: FileId) -> Targets {
        let find = || apart(|| self.impls_in(file).into_iter().map(|(class, _, index)| (class, index)).collect());
        self.remembered_targets(file, find)
    }

    /// The blocks of a file and the types they are for.
    pub(super) fn impls_in(&self, file: FileId) -> Vec<(Class, FileId, u32)> {
        let targets = self.model(file).impls.iter().zip(0..).filter_map(|(it, index)| {
            match self.evaluate(file, it.target) {
                Ty::Instance(class, _) => Some((class, file, index)),
                // `impl dyn Store`, `impl<T: Store> StoreExt for T`: for whatever has that trait.
                Ty::Dyn(of_trait) => Some((Class::Own(of_trait), file, index)),
                _ => None,
            }
        });
        targets.collect()
    }
}

fn by_type(found: Vec<(Class, FileId, u32)>) -> ByType {
    let mut blocks = ByType::default();
    for (class, file, index) in found {
        blocks.entry(class).or_default().push((file, index));
    }
    blocks
}
