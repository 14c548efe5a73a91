//! Annotations to the values that instances of them are. Nothing here is a use at run time, so nothing is pushed.

use ruff_python_ast::{Expr, Operator};

use crate::model::{FILE_MODULE, Path, PathRoot, UNKNOWN, Value, ValueId};

use super::parse;
use super::scope::{Found, Lowerer};

/// `type[T]`: which of the classes below `T` it is, is not said.
fn is_class_of(annotation: &Expr) -> bool {
    let Expr::Subscript(it) = annotation else { return false };
    let name = match &*it.value {
        Expr::Name(it) => it.id.as_str(),
        Expr::Attribute(it) => it.attr.as_str(),
        _ => return false,
    };
    matches!(name, "type" | "Type")
}

impl Lowerer<'_> {
    /// What a name so annotated holds.
    pub(super) fn annotation(&mut self, annotation: &Expr) -> ValueId {
        match annotation {
            Expr::NoneLiteral(_) => self.add(Value::None),
            // `x: Final = …` leaves the type to the value.
            Expr::Name(it) if matches!(it.id.as_str(), "Final" | "ClassVar" | "Any" | "TypeAlias") => UNKNOWN,
            Expr::Attribute(it) if matches!(it.attr.as_str(), "Final" | "ClassVar" | "Any" | "TypeAlias") => UNKNOWN,
            Expr::Name(_) | Expr::Attribute(_) => {
                let class = self.annotated_class(annotation);
                self.instance(class, Vec::new())
            }
            Expr::StringLiteral(it) => match parse::annotation(it.value.to_str().trim()) {
                // A string in a string is no annotation.
                Some(Expr::StringLiteral(_)) | None => UNKNOWN,
                Some(inner) => self.annotation(&inner),
            },
            Expr::BinOp(it) if it.op == Operator::BitOr => {
                let left = self.annotation(&it.left);
                let right = self.annotation(&it.right);
                self.union(vec![left, right])
            }
            Expr::Subscript(it) => self.subscripted(&it.value, &it.slice),
            _ => UNKNOWN,
        }
    }

    fn subscripted(&mut self, head: &Expr, slice: &Expr) -> ValueId {
        let name = match head {
            Expr::Name(it) => it.id.as_str(),
            Expr::Attribute(it) => it.attr.as_str(),
            _ => return UNKNOWN,
        };
        let parts: &[Expr] = match slice {
            Expr::Tuple(it) => &it.elts,
            one => std::slice::from_ref(one),
        };
        match name {
            "Optional" => {
                let inner = self.annotation(slice);
                let none = self.add(Value::None);
                self.union(vec![inner, none])
            }
            "Union" => {
                let parts = parts.iter().map(|it| self.annotation(it)).collect();
                self.union(parts)
            }
            "Annotated" => parts.first().map_or(UNKNOWN, |it| self.annotation(it)),
            "Final" | "ClassVar" | "Required" | "NotRequired" | "ReadOnly" | "InitVar" | "Mapped" => {
                self.annotation(slice)
            }
            "type" | "Type" => self.annotated_class(slice),
            "Literal" | "Callable" => UNKNOWN,
            // `tuple[T, ...]`
            "tuple" | "Tuple" if matches!(parts, [element, Expr::EllipsisLiteral(_)] if !is_class_of(element)) => {
                let element = self.annotation(&parts[0]);
                let sequence = self.imported(0, "typing", Some("Sequence"));
                // Which one it is, the second argument says.
                let class = self.annotated_class(head);
                self.instance(sequence, vec![element, class])
            }
            _ => {
                let class = self.annotated_class(head);
                let args = parts.iter().map(|it| self.annotation(it)).collect();
                self.instance(class, args)
            }
        }
    }

    /// The class (or alias) an annotation names.
    pub(super) fn annotated_class(&mut self, annotation: &Expr) -> ValueId {
        match annotation {
            Expr::Name(it) => match self.find(it.id.as_str()) {
                Found::Value(value) => value,
                Found::Local { frame, local } => {
                    let frame = &self.frames[frame];
                    frame.current[local.index()].unwrap_or(UNKNOWN)
                }
            },
            Expr::Attribute(it) => {
                let base = self.annotated_class(&it.value);
                if base == UNKNOWN {
                    return UNKNOWN;
                }
                let name = self.name(it.attr.as_str());
                self.add(Value::Attr(base, name))
            }
            Expr::StringLiteral(it) => match parse::annotation(it.value.to_str().trim()) {
                Some(inner @ (Expr::Name(_) | Expr::Attribute(_))) => self.annotated_class(&inner),
                _ => UNKNOWN,
            },
            _ => UNKNOWN,
        }
    }

    /// `import a.b`: what `a` stands for.
    pub(super) fn imported(&mut self, level: u32, module: &str, member: Option<&str>) -> ValueId {
        let segments = module.split('.').filter(|it| !it.is_empty()).chain(member).map(|it| self.model.intern(it));
        let segments = segments.collect();
        let root = if level == 0 { PathRoot::Absolute } else { PathRoot::Relative(level) };
        self.add(Value::Path(Box::new(Path { root, segments })))
    }

    /// `from x import *`.
    pub(super) fn star_import(&mut self, level: u32, module: &str) {
        let value = self.imported(level, module, None);
        let module = &mut self.model.modules[FILE_MODULE.index()];
        let after = module.bindings.len() as u32;
        module.globs.push(crate::model::Glob { value, after });
    }
}
