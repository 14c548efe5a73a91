//! What a requirement such as `>=3.10,<4` or `^3.9` says about the Python a project runs on.

use crate::rules::TargetPython;

/// Releases of one minor version that are thought of.
const PATCHES: u32 = 40;
/// The last minor version that is thought of.
const LAST_MINOR: u32 = 60;

/// The oldest version that a requirement admits, as far as it can be named; `None` if it cannot be understood.
pub(super) fn oldest(requirement: &str) -> Option<TargetPython> {
    let alternatives: Vec<Vec<Clause>> =
        requirement.split("||").map(|it| it.split(',').map(clause).collect()).collect::<Option<_>>()?;
    let admits = |version: [u32; 3]| alternatives.iter().any(|all| all.iter().all(|clause| clause.admits(version)));
    let has = |major: u32, minor: u32| (0..PATCHES).any(|patch| admits([major, minor, patch]));
    let old = (0..8).any(|minor| has(2, minor));
    let minor = if old { 0 } else { (0..LAST_MINOR).find(|minor| has(3, *minor))? };
    let (first, last) = (TargetPython::ALL[0], TargetPython::ALL[TargetPython::ALL.len() - 1]);
    let minor = u8::try_from(minor).ok()?;
    Some(TargetPython(3, minor).clamp(first, last))
}

/// `>=3.10`: an operator and what stands behind it.
struct Clause {
    operator: Operator,
    /// As many parts as are written.
    version: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    AtLeast,
    Above,
    AtMost,
    Below,
    /// All that starts so.
    Like,
    NotLike,
    Not,
    /// `~=3.10`, `^3.9`, `~3.9`: at least this, with the first parts the same: so many.
    Compatible(usize),
    Any,
}

fn clause(text: &str) -> Option<Clause> {
    let text = text.trim();
    if text.is_empty() || text == "*" {
        return Some(Clause { operator: Operator::Any, version: Vec::new() });
    }
    let at = text.find(|it: char| it.is_ascii_digit())?;
    let (sign, rest) = text.split_at(at);
    let like = rest.ends_with(".*");
    let version = parts(rest.strip_suffix(".*").unwrap_or(rest))?;
    let operator = match sign.trim() {
        ">=" => Operator::AtLeast,
        ">" => Operator::Above,
        "<=" => Operator::AtMost,
        "<" => Operator::Below,
        "!=" if like => Operator::NotLike,
        "!=" => Operator::Not,
        "==" | "===" | "=" | "" => Operator::Like,
        "~=" => Operator::Compatible(version.len().saturating_sub(1)),
        "^" => Operator::Compatible(1),
        "~" => Operator::Compatible(version.len().min(2)),
        _ => return None,
    };
    Some(Clause { operator, version })
}

/// `3.12.0rc1` is 3, 12, 0.
fn parts(text: &str) -> Option<Vec<u32>> {
    let mut parts = Vec::new();
    for part in text.split('.') {
        let digits = part.find(|it: char| !it.is_ascii_digit()).unwrap_or(part.len());
        parts.push(part.get(..digits).filter(|it| !it.is_empty())?.parse().ok()?);
        if digits < part.len() {
            break;
        }
    }
    Some(parts)
}

impl Clause {
    fn admits(&self, version: [u32; 3]) -> bool {
        let starts = |count: usize| version.iter().zip(&self.version).take(count).all(|(a, b)| a == b);
        let part = |index: usize| self.version.get(index).copied().unwrap_or(0);
        let written = [part(0), part(1), part(2)];
        match self.operator {
            Operator::AtLeast => version >= written,
            Operator::Above => version > written,
            Operator::AtMost => version <= written,
            Operator::Below => version < written,
            Operator::Like => starts(3),
            Operator::NotLike => !starts(3),
            Operator::Not => version != written,
            Operator::Compatible(same) => version >= written && starts(same),
            Operator::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_version_that_is_admitted() {
        let cases = [
            (">=3.10", 10),
            (">= 3.10, <4", 10),
            (">=3.9.2", 9),
            (">3.11", 11),
            ("~=3.12", 12),
            ("~=3.12.1", 12),
            ("==3.13.*", 13),
            ("^3.10", 10),
            ("~3.10", 10),
            ("3.12", 12),
            (">=3.9,!=3.9.*,!=3.10.*", 11),
            (">=3.9,!=3.9.0", 9),
            ("<3.12,>=3.11", 11),
            (">=3.12.0rc1", 12),
            ("^3.11 || ^3.13", 11),
            // What cannot be named is the nearest that can.
            (">=3.7", 9),
            (">=3.6,<3.9", 9),
            (">=2.7,!=3.0.*", 9),
            ("<4", 9),
            ("*", 9),
            (">=3.15", 14),
        ];
        for (requirement, minor) in cases {
            assert_eq!(oldest(requirement), Some(TargetPython(3, minor)), "{requirement}");
        }
        for requirement in ["three", ">=", ">=4", "=>3.9", "<2"] {
            assert_eq!(oldest(requirement), None, "{requirement}");
        }
    }
}
