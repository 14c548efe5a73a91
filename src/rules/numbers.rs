//! Numbers that stand in the text, which the model keeps only where they are whole.

use super::Context;
use crate::model::Arg;
use crate::project::types::Ty;

/// What an argument amounts to, if it is written out: `3`, `60 * 60`, `math.inf`.
pub(super) fn constant(context: &Context<'_>, arg: &Arg) -> Option<f64> {
    if let Ty::Int(number) = context.evaluate(arg.value) {
        return Some(number as f64);
    }
    let text = context.text(arg.span);
    // Given by keyword, the span holds the name as well.
    let text = match arg.name {
        Some(_) => text.split_once('=')?.1,
        None => text,
    };
    parse(text)
}

/// Products of plain numbers, with a sign.
fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(text);
    if text.contains("**") || text.contains(['(', ')']) && !text.starts_with("float(") {
        return None;
    }
    let mut product = 1.0;
    for factor in text.split('*') {
        product *= literal(factor.trim())?;
    }
    Some(product)
}

fn literal(text: &str) -> Option<f64> {
    if let Some(rest) = text.strip_prefix('-') {
        return literal(rest.trim()).map(|it| -it);
    }
    if matches!(text, "math.inf" | "float(\"inf\")" | "float('inf')") {
        return Some(f64::INFINITY);
    }
    if !text.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn products_and_signs_are_read_and_nothing_else() {
        assert_eq!(parse("24 * 60 * 60"), Some(86_400.0));
        assert_eq!(parse("(1_000)"), Some(1_000.0));
        assert_eq!(parse("-math.inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse("float('inf')"), Some(f64::INFINITY));
        assert_eq!(parse("2.5e3"), Some(2_500.0));
        for unknown in ["x", "2 ** 3", "seconds * 3", "now() + 3", "", "\"3\""] {
            assert_eq!(parse(unknown), None, "{unknown}");
        }
    }
}
