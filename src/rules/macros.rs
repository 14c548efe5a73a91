//! Rust macros that may hide an `.await` from the model.

/// Macros that wait for nothing but what stands in their arguments.
const PLAIN: &[&str] = &[
    "anyhow",
    "assert",
    "assert_eq",
    "assert_matches",
    "assert_ne",
    "bail",
    "cfg",
    "concat",
    "dbg",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "debug_span",
    "ensure",
    "env",
    "eprint",
    "eprintln",
    "err",
    "error",
    "error_span",
    "event",
    "eyre",
    "format",
    "format_args",
    "hashmap",
    "include_str",
    "info",
    "info_span",
    "json",
    "line",
    "log",
    "matches",
    "panic",
    "print",
    "println",
    "smallvec",
    "span",
    "stringify",
    "trace",
    "trace_span",
    "unreachable",
    "vec",
    "warn",
    "warn_span",
    "write",
    "writeln",
];

/// The text calls a macro that nothing is known of.
pub(super) fn hides_something(text: &str) -> bool {
    text.match_indices('!').any(|(at, _)| {
        let before = &text[..at];
        let start = before.rfind(|it: char| it != '_' && !it.is_alphanumeric()).map_or(0, |at| at + 1);
        let name = before.get(start..).unwrap_or_default();
        let opens = text[at + 1..].trim_start().starts_with(['(', '[', '{']);
        opens && !name.is_empty() && !PLAIN.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::hides_something;

    #[test]
    fn only_calls_of_other_macros_count() {
        assert!(hides_something("tokio::join!(a, b)"));
        assert!(hides_something("let x = own! { 1 };"));
        for plain in ["if !(a) {}", "tracing::info!(\"x\")", "a != (b)", "vec![1]", "!x", "\u{e9}!"] {
            assert!(!hides_something(plain), "{plain}");
        }
    }
}
