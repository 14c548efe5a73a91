//! What a terminal would obey is not handed to it: control characters and those that turn the direction of text.

use std::borrow::Cow;

/// The text with every such character replaced by one of the same length in bytes, so that offsets stay true. Tabs and
/// line ends stay; a lone carriage return becomes the line end that it is.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) || !text.char_indices().any(|(at, it)| is_obeyed(it) || is_lone_return(text, at, it)) {
        return Cow::Borrowed(text);
    }
    let replaced = text.char_indices().map(|(at, it)| match it {
        '\r' if is_lone_return(text, at, it) => '\n',
        _ if !is_obeyed(it) => it,
        _ if it.len_utf8() == 1 => '?',
        _ if it.len_utf8() == 2 => '\u{b7}',
        _ => char::REPLACEMENT_CHARACTER,
    });
    Cow::Owned(replaced.collect())
}

/// For a text that has to stay on one line, such as a path.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        text if text.contains(['\n', '\r', '\t']) => Cow::Owned(text.replace(['\n', '\r', '\t'], "?")),
        text => text,
    }
}

/// Nothing but letters, digits and signs of ASCII, tabs and line feeds: of most texts that is soon told.
fn is_plain(text: &[u8]) -> bool {
    let is_other = |it: &u8| !matches!(it, b' '..=b'~' | b'\t' | b'\n');
    // A stretch at a time, each looked at as a whole, takes a fraction of the time.
    text.chunks(64).all(|chunk| chunk.iter().fold(0, |others, it| others + u8::from(is_other(it))) == 0)
}

fn is_obeyed(it: char) -> bool {
    let turns = matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(it, '\u{2028}' | '\u{2029}');
    (it.is_control() && !matches!(it, '\t' | '\n' | '\r')) || turns || breaks
}

fn is_lone_return(text: &str, at: usize, it: char) -> bool {
    it == '\r' && text.as_bytes().get(at + 1) != Some(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_keeps_its_length() {
        let text = "a\x1b[31m\u{9b}1m\u{202e}\tb\r\nc\rd";
        let shown = printable(text);
        assert_eq!(shown, "a?[31m\u{b7}1m\u{fffd}\tb\r\nc\nd");
        assert_eq!(shown.len(), text.len());
        assert!(matches!(printable("plain \u{e9}\r\n"), Cow::Borrowed(_)));
        assert_eq!(one_line("a\nb.py"), "a?b.py");
    }
}
