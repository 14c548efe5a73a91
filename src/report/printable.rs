//! What a terminal would obey is not handed to it: control characters and those that turn the direction of text.

use std::borrow::Cow;

/// The text with every such character replaced by one of the same length in bytes, so that offsets stay true. Tabs and
/// line ends stay; a lone carriage return becomes the line end that it is.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !needs_replacing(text) {
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

/// Some character of the text must not reach a terminal as it is.
fn needs_replacing(text: &str) -> bool {
    // All of them begin with one of few bytes. A stretch at a time, each looked at as a whole, takes a fraction of the time.
    let may_begin_one = |it: u8| it < b' ' && it != b'\t' && it != b'\n' || matches!(it, 0x7f | 0xc2 | 0xe2);
    let is_one = |at: usize| text[at..].chars().next().is_some_and(|it| is_obeyed(it) || is_lone_return(text, at, it));
    text.as_bytes().chunks(64).enumerate().any(|(index, chunk)| {
        chunk.iter().fold(false, |any, it| any | may_begin_one(*it))
            && chunk.iter().zip(index * 64..).any(|(it, at)| may_begin_one(*it) && is_one(at))
    })
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

    #[test]
    fn whatever_is_obeyed_is_found() {
        for it in ('\0'..='\u{2fff}').filter(|it| *it != '\r') {
            let text = format!("{}{it} and on", "x".repeat(61));
            assert_eq!(needs_replacing(&text), is_obeyed(it), "{it:?}");
        }
        assert!(needs_replacing("a\rb") && needs_replacing("a\r") && !needs_replacing("a\r\n"));
    }
}
