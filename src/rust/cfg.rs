//! Conditions of `cfg`: which of them cannot hold together.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue, Token};

/// What is compiled under the one is not compiled under the other.
pub(super) fn are_alternatives(one: &[Attribute], other: &[Attribute]) -> bool {
    let other = predicates(other);
    predicates(one).iter().any(|one| other.iter().any(|other| excludes(one, other)))
}

/// What the `cfg` attributes ask for.
fn predicates(attrs: &[Attribute]) -> Vec<Meta> {
    let asks = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    asks.filter_map(|attr| attr.parse_args::<Meta>().ok()).collect()
}

/// A predicate, taken apart.
enum Predicate {
    All(Vec<Meta>),
    Any(Vec<Meta>),
    Not(Box<Meta>),
    Plain,
}

fn taken_apart(predicate: &Meta) -> Predicate {
    let Meta::List(it) = predicate else { return Predicate::Plain };
    let Ok(parts) = it.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return Predicate::Plain;
    };
    let parts: Vec<Meta> = parts.into_iter().collect();
    match it.path.get_ident().map(ToString::to_string).as_deref() {
        Some("all") => Predicate::All(parts),
        Some("any") => Predicate::Any(parts),
        Some("not") => parts.into_iter().next().map_or(Predicate::Plain, |it| Predicate::Not(Box::new(it))),
        _ => Predicate::Plain,
    }
}

/// They never hold both.
fn excludes(one: &Meta, other: &Meta) -> bool {
    match (taken_apart(one), taken_apart(other)) {
        (Predicate::All(parts), _) if parts.iter().any(|it| excludes(it, other)) => true,
        (_, Predicate::All(parts)) if parts.iter().any(|it| excludes(one, it)) => true,
        (Predicate::Any(parts), _) => parts.iter().all(|it| excludes(it, other)),
        (_, Predicate::Any(parts)) => parts.iter().all(|it| excludes(one, it)),
        (Predicate::Not(denied), _) if implies(other, &denied) => true,
        (_, Predicate::Not(denied)) => implies(one, &denied),
        _ => match (platform(one), platform(other)) {
            (Some((key, value)), Some((other, another))) => key == other && value != another,
            _ => false,
        },
    }
}

/// Where the one holds, the other does.
fn implies(one: &Meta, other: &Meta) -> bool {
    if one == other {
        return true;
    }
    match (taken_apart(one), taken_apart(other)) {
        (Predicate::Any(parts), _) => parts.iter().all(|it| implies(it, other)),
        (_, Predicate::All(parts)) => parts.iter().all(|it| implies(one, it)),
        (Predicate::All(parts), _) if parts.iter().any(|it| implies(it, other)) => true,
        (_, Predicate::Any(parts)) => parts.iter().any(|it| implies(one, it)),
        _ => false,
    }
}

/// A key that has one value alone, with that: `target_os = "linux"`; `unix` and `windows` are no platform both.
fn platform(predicate: &Meta) -> Option<(&'static str, String)> {
    match predicate {
        Meta::Path(it) => {
            let name = it.get_ident()?.to_string();
            matches!(name.as_str(), "unix" | "windows").then_some(("family", name))
        }
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(value), .. }), .. }) => {
            let keys = ["target_arch", "target_endian", "target_env", "target_os", "target_pointer_width"];
            let key = keys.into_iter().find(|key| path.is_ident(key))?;
            Some((key, value.value()))
        }
        _ => None,
    }
}
