//! Members of Python's enums: each equals itself alone.

use crate::finding::FileId;
use crate::model::{Value, ValueId};
use crate::source::Language;

use super::Project;
use super::members::Ancestor;
use super::types::{Class, ClassRef, Ty};

/// A member of an enum, and what it is set to.
pub(super) struct Member {
    class: ClassRef,
    value: ValueId,
    /// It counts as its value: of an `IntEnum`, a `StrEnum`, `class Mode(str, Enum)`.
    is_value: bool,
}

impl Project {
    /// The member of an enum that a value is written as: `Mode.FAST`.
    pub(super) fn member_of_enum(&self, file: FileId, value: ValueId) -> Option<Member> {
        let model = self.model(file);
        let Value::Attr(of, name) = *model.value(value) else { return None };
        if model.language != Language::Python
            || !matches!(model.value(of), Value::Global(..) | Value::Attr(..) | Value::Path(_) | Value::Class(_))
        {
            return None;
        }
        let Ty::Class(class) = self.evaluate(file, of) else { return None };
        let is_value = self.is_enum(class)?;
        let there = self.model(class.file);
        let wanted = there.names.find(model.name(name))?;
        let definition = there.class(class.class);
        let mut set = definition.fields.iter().filter(|it| it.0 == wanted);
        let (_, value) = set.next().filter(|_| set.next().is_none())?;
        Some(Member { class, value: *value, is_value })
    }

    /// What is declared is a member of an enum.
    pub(super) fn is_of_enum(&self, file: FileId, declared: ValueId) -> bool {
        matches!(self.evaluate(file, declared), Ty::Instance(Class::Own(class), _) if self.is_enum(class).is_some())
    }

    /// Whether members count as their values, if the class is an enum.
    fn is_enum(&self, class: ClassRef) -> Option<bool> {
        let (mut found, mut is_value) = (false, false);
        for ancestor in self.ancestry(class).iter() {
            if let Ancestor::Library(_, path) = ancestor {
                found |= path.starts_with("enum.");
                is_value |= matches!(
                    &**path,
                    "builtins.str" | "builtins.int" | "enum.IntEnum" | "enum.StrEnum" | "enum.IntFlag"
                );
            }
        }
        found.then_some(is_value)
    }

    /// Whether two are the same. Two names of one value are.
    pub(super) fn is_same_member(&self, one: &Member, other: &Member) -> Option<bool> {
        if one.class != other.class {
            return (!one.is_value || !other.is_value).then_some(false);
        }
        if one.value == other.value {
            return Some(true);
        }
        let model = self.model(one.class.file);
        match (model.value(one.value), model.value(other.value)) {
            (Value::Str(one), Value::Str(other)) => Some(one == other),
            (Value::Int(one), Value::Int(other)) => Some(one == other),
            // `auto()` gives another each time.
            (
                Value::Result(_) | Value::Str(_) | Value::Int(_) | Value::Tuple(_),
                Value::Result(_) | Value::Str(_) | Value::Int(_) | Value::Tuple(_),
            ) => Some(false),
            _ => None,
        }
    }

    /// Whether the member equals something else that is plain.
    pub(super) fn member_equals(&self, member: &Member, plain: &Ty) -> Option<bool> {
        if matches!(plain, Ty::None) || !member.is_value {
            return matches!(plain, Ty::None | Ty::Bool(_) | Ty::Int(_) | Ty::Str(_)).then_some(false);
        }
        match (self.evaluate(member.class.file, member.value), plain) {
            (Ty::Str(one), Ty::Str(other)) => Some(one == *other),
            (Ty::Int(one), Ty::Int(other)) => Some(one == *other),
            _ => None,
        }
    }

    /// Whether it counts as true: a member does, unless its value decides.
    pub(super) fn is_true_member(&self, member: &Member) -> Option<bool> {
        match self.evaluate(member.class.file, member.value) {
            _ if !member.is_value => Some(true),
            Ty::Str(text) => Some(!text.is_empty()),
            Ty::Int(number) => Some(number != 0),
            _ => None,
        }
    }
}
