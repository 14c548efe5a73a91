//! What the body of a function has to know of the module around it.

use memchr::memmem;
use ruff_python_ast::{Expr, Stmt};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{NameId, Names};

use super::bound::Bound;

/// What the bodies of functions are told of the file.
#[derive(Clone)]
pub(super) struct Module {
    pub(super) names: FxHashSet<NameId>,
    /// `from x import *` stands somewhere at the top: any name may come from there.
    pub(super) has_star: bool,
    pub(super) walrus: bool,
    /// Attributes that the module sets on what it has, or puts something else in place of: `library.fetch = ..`.
    pub(super) changed: Vec<(Option<NameId>, NameId)>,
    /// Names that the module sets to a truth value; `None` where it sets them again.
    pub(super) flags: FxHashMap<NameId, Option<bool>>,
}

impl Module {
    pub(super) fn of(text: &str, body: &[Stmt], names: &mut Names) -> Self {
        let walrus = memmem::find(text.as_bytes(), b":=").is_some();
        let bound = Bound::of(body, walrus);
        Self {
            names: bound.names.iter().map(|name| names.intern(name)).collect(),
            has_star: memmem::find(text.as_bytes(), b"import *").is_some(),
            walrus,
            changed: bound
                .attributes
                .iter()
                .map(|(of, it)| (of.map(|it| names.intern(it)), names.intern(it)))
                .collect(),
            flags: flags(body, names),
        }
    }
}

/// `NAME = True` at the top of the module, if nothing else there is assigned to the name.
fn flags(body: &[Stmt], names: &mut Names) -> FxHashMap<NameId, Option<bool>> {
    let mut flags: FxHashMap<NameId, Option<bool>> = FxHashMap::default();
    for stmt in body {
        let (targets, value) = match stmt {
            Stmt::Assign(it) => (it.targets.iter().collect::<Vec<_>>(), Some(&*it.value)),
            Stmt::AnnAssign(it) => (vec![&*it.target], it.value.as_deref()),
            _ => continue,
        };
        for target in targets {
            if let Expr::Name(name) = target {
                let value = value.and_then(|it| it.as_boolean_literal_expr()).map(|it| it.value);
                flags.entry(names.intern(name.id.as_str())).and_modify(|it| *it = None).or_insert(value);
            }
        }
    }
    flags
}
