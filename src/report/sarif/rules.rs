//! The rules as SARIF describes them: always all of them, so that logs of one version differ in results alone.

use super::super::Run;
use super::log::{DefaultConfiguration, Descriptor, DescriptorProperties, Text};
use super::sentence;
use crate::finding::Severity;
use crate::rules::{Profile, Rule};

/// Code scanning shows no more of a plain description.
const LONGEST: usize = 1024;

pub(super) fn descriptor(run: &Run<'_>, rule: &Rule) -> Descriptor {
    let page = Page::of(rule.page);
    let summary = plain(page.summary);
    let level = rule.severity.name();
    let mut tags = vec!["async", rule.category.name()];
    tags.extend(rule.languages.iter().map(|it| it.name()));
    Descriptor {
        id: rule.name,
        name: pascal(rule.name),
        short_description: Text::plain(sentence(&plain(page.title))),
        // One viewer shows the full description and never the help, another the help and never the description.
        full_description: Text { text: summary.clone(), markdown: Some(page.shown.clone()) },
        help: Text { text: summary, markdown: Some(page.shown) },
        help_uri: run.page(rule),
        default_configuration: DefaultConfiguration { enabled: rule.profile == Profile::Recommended, level },
        properties: DescriptorProperties {
            tags,
            precision: match rule.profile {
                Profile::Recommended => "high",
                Profile::Strict => "medium",
                Profile::All => "low",
            },
            problem_severity: match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "recommendation",
            },
            aliases: rule.aliases,
        },
    }
}

/// What of a rule's page is for readers.
struct Page<'a> {
    title: &'a str,
    /// The first paragraph.
    summary: &'a str,
    /// Everything above the cases, which are for the tests.
    shown: String,
}

impl<'a> Page<'a> {
    fn of(text: &'a str) -> Self {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let title = first.trim_start_matches('#').trim();
        let summary = rest.trim_start().split("\n\n").next().unwrap_or("").trim();
        let end = text.find("\n## Cases").map_or(text.len(), |at| at + 1);
        let mut shown = String::new();
        for line in text[..end].lines().filter(|line| !line.starts_with("<!--")) {
            // Behind the language stand words for the tests.
            let fence = line.strip_prefix("```").and_then(|it| it.split_whitespace().next());
            match fence {
                Some(language) => shown.extend(["```", language]),
                None => shown.push_str(line),
            }
            shown.push('\n');
        }
        shown.truncate(shown.trim_end().len());
        shown.push('\n');
        Self { title, summary: if summary.is_empty() { title } else { summary }, shown }
    }
}

/// Markdown prose on one line, links replaced by their text, cut where a sentence ends if it is too long.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some(open) = rest.find('[') {
        let link = rest[open..].find("](").map(|at| open + at);
        let close = link.and_then(|link| rest[link..].find(')').map(|at| (link, link + at)));
        let Some((link, close)) = close else { break };
        text.push_str(&rest[..open]);
        text.push_str(&rest[open + 1..link]);
        rest = &rest[close + 1..];
    }
    text.push_str(rest);
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = text[..end].rfind(". ").map_or(end, |stop| stop + 1);
        text.truncate(end);
    }
    text
}

/// `LeakedTask` for `leaked-task`.
fn pascal(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|it| it.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_page_readers_see_what_is_for_them() {
        let page = Page::of(
            "# A title\n\nOne [link](https://example.org/a)\nand `x[0]`.\n\n<!-- profile: all -->\n```python bad file=a.py\nx\n```\n\n## Cases\n\nno\n",
        );
        assert_eq!(page.title, "A title");
        assert_eq!(plain(page.summary), "One link and `x[0]`.");
        assert_eq!(page.shown, "# A title\n\nOne [link](https://example.org/a)\nand `x[0]`.\n\n```python\nx\n```\n");
        let long = plain(&"A sentence of some words. ".repeat(80));
        assert!(long.len() <= LONGEST && long.ends_with("words."));
    }
}
