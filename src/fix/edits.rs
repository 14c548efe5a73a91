//! Which fixes go together in one text, and what becomes of the text.

use crate::analysis::{Input, analyze};
use crate::finding::{Edit, Fix};
use crate::knowledge::Knowledge;
use crate::rules::RuleSet;
use crate::source::{Language, Source};

/// A text with some of its fixes applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    pub text: String,
    /// How many of the fixes are in it. The rest are in the way of these and wait for the next round.
    pub applied: usize,
    /// What has been done, in order of place.
    pub edits: Vec<Edit>,
}

/// Applies as many of the fixes as do not touch each other, first come first served. An edit that two fixes share, such as
/// an import that both need, is made once.
///
/// A fix after which the text parses worse than before is left out: a broken file is worse than a finding.
pub fn apply(source: &Source, fixes: &[&Fix]) -> Mended {
    let all = together(&source.text, fixes);
    let before = errors(source.language, &source.text);
    if errors(source.language, &all.text) <= before {
        return all;
    }
    // One of them breaks the text. Which one shows when each is tried on top of those that do not.
    let mut good: Vec<&Fix> = Vec::new();
    for fix in fixes {
        good.push(fix);
        if errors(source.language, &together(&source.text, &good).text) > before {
            good.pop();
        }
    }
    together(&source.text, &good)
}

fn together(text: &str, fixes: &[&Fix]) -> Mended {
    let mut edits: Vec<Edit> = Vec::new();
    let mut applied = 0;
    for fix in fixes {
        let new: Vec<&Edit> = fix.edits.iter().filter(|edit| !edits.contains(edit)).collect();
        let apart = |edit: &Edit| edits.iter().all(|other| !touch(edit, other));
        let sound = fix.edits.iter().all(|edit| text.get(edit.span.range()).is_some())
            && fix.edits.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start && !touch(&pair[0], &pair[1]));
        if !new.is_empty() && sound && new.iter().all(|edit| apart(edit)) {
            edits.extend(new.into_iter().cloned());
            applied += 1;
        }
    }
    edits.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in &edits {
        let range = edit.span.range();
        out.push_str(&text[at..range.start]);
        out.push_str(&edit.content);
        at = range.end;
    }
    out.push_str(&text[at..]);
    Mended { text: out, applied, edits }
}

/// Edits whose order would matter.
fn touch(a: &Edit, b: &Edit) -> bool {
    a.span.start == b.span.start || (a.span.start < b.span.end && b.span.start < a.span.end)
}

/// How many places cannot be parsed; a front end that fails on the text says as much about it.
fn errors(language: Language, text: &str) -> usize {
    let source = Source::new("", language, text);
    let input = Input { source, rules: RuleSet::default(), relevant: true };
    let project = analyze(vec![input], Knowledge::default()).project;
    let models = project.group().iter().map(|file| project.model(*file));
    models.map(|model| if model.failed { usize::MAX } else { model.errors.len() }).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Applicability;
    use crate::source::Span;

    fn fix(edits: &[(u32, u32, &str)]) -> Fix {
        let edit = |(start, end, content): &(u32, u32, &str)| Edit {
            span: Span::new(*start, *end),
            content: (*content).to_owned(),
        };
        Fix { applicability: Applicability::Safe, message: String::new(), edits: edits.iter().map(edit).collect() }
    }

    fn python(text: &str, fixes: &[Fix]) -> (String, usize) {
        let mended = apply(&Source::new("a.py", Language::Python, text), &fixes.iter().collect::<Vec<_>>());
        (mended.text, mended.applied)
    }

    #[test]
    fn fixes_apart_are_applied_together() {
        let fixes = [fix(&[(4, 5, "b")]), fix(&[(0, 0, "await ")])];
        assert_eq!(python("f(a)", &[]), ("f(a)".to_owned(), 0));
        assert_eq!(python("x = a\n", &[fix(&[(4, 5, "bb")]), fix(&[(5, 5, " + 1")])]), ("x = bb + 1\n".to_owned(), 2));
        assert_eq!(python("x = a\n", &fixes[..1]), ("x = b\n".to_owned(), 1));
    }

    #[test]
    fn the_first_of_two_in_each_others_way_is_applied() {
        let fixes = [fix(&[(4, 9, "c")]), fix(&[(8, 9, "d")]), fix(&[(4, 4, "-")])];
        assert_eq!(python("x = a + b\n", &fixes), ("x = c\n".to_owned(), 1));
    }

    #[test]
    fn an_edit_that_two_fixes_share_is_made_once() {
        let fixes = [fix(&[(0, 0, "import y\n"), (4, 5, "b")]), fix(&[(0, 0, "import y\n"), (10, 11, "c")])];
        assert_eq!(python("x = a\nz = a\n", &fixes), ("import y\nx = b\nz = c\n".to_owned(), 2));
    }

    #[test]
    fn a_fix_that_breaks_the_text_is_left_out() {
        let fixes = [fix(&[(4, 5, "b")]), fix(&[(10, 11, "(")])];
        assert_eq!(python("x = a\nz = a\n", &fixes), ("x = b\nz = a\n".to_owned(), 1));
    }

    #[test]
    fn edits_outside_the_text_or_inside_a_character_are_refused() {
        let fixes = [fix(&[(4, 99, "b")]), fix(&[(6, 7, "b")])];
        assert_eq!(python("x = 'é'\n", &fixes), ("x = 'é'\n".to_owned(), 0));
    }
}
