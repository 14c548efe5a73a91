//! `asynclint explain RULE`: the rule's page, as a terminal shows it best.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::arguments::{Explain, PageFormat};
use super::{Failure, Status, output, rules};
use crate::config::{nearest, select};
use crate::finding::Applicability;
use crate::rules::{RULES, Rule};
use crate::source::Language;

const TITLE: Style = AnsiColor::Cyan.on_default().bold();
const HEADING: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();

/// Prose is wrapped here at the latest.
const WIDTH: usize = 96;

pub(super) fn run(arguments: &Explain) -> Result<Status, Failure> {
    let rules = named(&arguments.rule)?;
    let [rule] = rules.as_slice() else {
        return several(&arguments.rule, &rules, arguments.output_format);
    };
    match arguments.output_format {
        PageFormat::Json => {
            output::print(|out| writeln!(out, "{:#}", object(rule)))?;
        }
        PageFormat::Text => {
            let width = output::terminal().width.map_or(WIDTH, |width| width.clamp(40, WIDTH));
            output::print_styled(&page(rule, width))?;
        }
    }
    Ok(Status::Clean)
}

/// The rules that a word names.
fn named(word: &str) -> Result<Vec<&'static Rule>, Failure> {
    select(word).map_err(|unknown| {
        let names = RULES.iter().flat_map(|rule| std::iter::once(rule.name).chain(rule.aliases.iter().copied()));
        Failure::new(match nearest(word, names) {
            _ if unknown.has_reason() => unknown.to_string(),
            Some(nearest) => format!("no rule is called `{word}`; did you mean `{nearest}`?"),
            None => format!("no rule is called `{word}`; `asynclint rules` lists them"),
        })
    })
}

/// Lists the rules that a code or a category stands for: each has a page of its own.
fn several(word: &str, rules: &[&'static Rule], format: PageFormat) -> Result<Status, Failure> {
    match format {
        PageFormat::Json => {
            let rules: Vec<Value> = rules.iter().map(|rule| object(rule)).collect();
            output::print(|out| writeln!(out, "{:#}", json!({ "version": 1, "rules": rules })))?;
        }
        PageFormat::Text => {
            let width = rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
            let mut text = format!("{HEADING}{word}{HEADING:#} stands for {} rules:\n\n", rules.len());
            for rule in rules {
                let (name, summary) = (rule.name, inline(rules::summary(rule)).replace('\u{a0}', " "));
                text.push_str(&format!("{TITLE}{name:width$}{TITLE:#}  {summary}\n"));
            }
            text.push_str("\n`asynclint explain RULE` shows the page of one.\n");
            output::print_styled(&text)?;
        }
    }
    Ok(Status::Clean)
}

/// A rule with its page, for other programs.
fn object(rule: &Rule) -> Value {
    let mut object = rules::describe(rule);
    if let Value::Object(members) = &mut object {
        members.insert("page".to_owned(), json!(shown(rule.page)));
    }
    object
}

/// The part of a page that is for people: the traps below `## Cases` are for the tests.
fn shown(page: &str) -> &str {
    let end = page.find("\n## Cases").map_or(page.len(), |at| at + 1);
    page[..end].trim_end()
}

fn page(rule: &Rule, width: usize) -> String {
    let mut renderer = Renderer { out: String::new(), width, paragraph: String::new() };
    let title = words(rules::summary(rule)).into_iter().map(|word| format!("{HEADING}{word}{HEADING:#}"));
    renderer.wrap(std::iter::once(format!("{TITLE}{}{TITLE:#}:", rule.name)).chain(title), "");
    let languages: Vec<&str> = rule.languages.iter().copied().map(Language::name).collect();
    let mut facts = vec![
        format!("{} in profile {}", rule.severity.name(), rule.profile.name()),
        languages.join(", "),
        rule.fix.map_or_else(|| "no fix".to_owned(), |fix| format!("fix: {}", Applicability::name(fix))),
    ];
    if !rule.aliases.is_empty() {
        facts.push(format!("also known as {}", rule.aliases.join(", ")));
    }
    let facts = facts.join(" \u{b7} ");
    renderer.wrap(facts.split(' ').map(|word| format!("{DIM}{word}{DIM:#}")), "");
    renderer.out.push('\n');
    let body = shown(rule.page);
    let body = body.strip_prefix("# ").and_then(|rest| rest.split_once('\n')).map_or(body, |(_, rest)| rest);
    renderer.body(body.trim_start());
    renderer.out
}

struct Renderer {
    out: String,
    width: usize,
    /// Lines of prose that are waiting to be wrapped.
    paragraph: String,
}

impl Renderer {
    fn body(&mut self, text: &str) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(fence) = line.strip_prefix("```") {
                self.flush();
                self.code(fence, &mut lines);
            } else if let Some(heading) = line.strip_prefix('#') {
                self.flush();
                let heading = heading.trim_start_matches('#').trim();
                self.out.push_str(&format!("{HEADING}{}{HEADING:#}\n", inline(heading)));
            } else if line.starts_with('|') {
                self.flush();
                self.out.push_str(&format!("{}\n", inline(line)));
            } else if line.trim().is_empty() {
                self.flush();
                if !self.out.ends_with("\n\n") {
                    self.out.push('\n');
                }
            } else {
                if line.starts_with("- ") {
                    self.flush();
                }
                if !self.paragraph.is_empty() {
                    self.paragraph.push(' ');
                }
                self.paragraph.push_str(line.trim());
            }
        }
        self.flush();
    }

    fn code<'a>(&mut self, fence: &str, lines: &mut impl Iterator<Item = &'a str>) {
        let words: Vec<&str> = fence.split_whitespace().collect();
        let file = words.iter().find_map(|word| word.strip_prefix("file=")).map(|file| format!(" {file}"));
        let label = words.iter().find_map(|word| match *word {
            "bad" => Some((BAD, "bad")),
            "good" => Some((GOOD, "good")),
            "fixed" => Some((GOOD, "fixed")),
            _ => None,
        });
        let (style, label) = label.unwrap_or((CODE, words.first().copied().unwrap_or("")));
        if !label.is_empty() {
            self.out.push_str(&format!("  {style}{label}{}{style:#}\n", file.unwrap_or_default()));
        }
        for line in lines.take_while(|line| !line.starts_with("```")) {
            let bar = format!("  {style}|{style:#} ");
            let marked = ["# error", "// error"].iter().any(|mark| line.trim_end().ends_with(mark));
            let line = if marked { format!("{BAD}{line}{BAD:#}") } else { line.to_owned() };
            self.out.push_str(format!("{bar}{line}").trim_end());
            self.out.push('\n');
        }
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        if text.is_empty() {
            return;
        }
        self.wrap(words(&text).into_iter(), if text.starts_with("- ") { "  " } else { "" });
    }

    /// One paragraph. `indent` stands before all lines but the first.
    fn wrap(&mut self, words: impl Iterator<Item = String>, indent: &str) {
        let mut column = 0;
        for word in words {
            let length = visible(&word);
            if column > 0 && column + 1 + length > self.width {
                self.out.push('\n');
                self.out.push_str(indent);
                column = indent.len();
            } else if column > 0 {
                self.out.push(' ');
                column += 1;
            }
            self.out.push_str(&word);
            column += length;
        }
        self.out.push('\n');
    }
}

/// Words as they are wrapped: inline code and links stay in one piece each, styled.
fn words(text: &str) -> Vec<String> {
    inline(text).split(' ').filter(|word| !word.is_empty()).map(|word| word.replace('\u{a0}', " ")).collect()
}

/// Markdown's inline marks as styles: code, emphasis, links with their address behind them.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '[', '*', '<']) {
        out.push_str(&rest[..at]);
        let mark = &rest[at..];
        let piece = span(mark, "`", "`")
            .map(|(code, after)| (format!("{CODE}{}{CODE:#}", code.replace(' ', "\u{a0}")), after))
            .or_else(|| span(mark, "**", "**").map(|(bold, after)| (format!("{HEADING}{bold}{HEADING:#}"), after)))
            .or_else(|| span(mark, "*", "*").map(|(text, after)| (text.to_owned(), after)))
            .or_else(|| span(mark, "<http", ">").map(|(address, after)| (format!("http{address}"), after)))
            .or_else(|| {
                let (label, after) = span(mark, "[", "](")?;
                let (address, after) = after.split_once(')')?;
                Some((format!("{} ({DIM}{address}{DIM:#})", inline(label)), after))
            });
        let (text, after) = piece.unwrap_or_else(|| (mark[..1].to_owned(), &mark[1..]));
        out.push_str(&text);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What stands between two marks, and what follows them.
fn span<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let (inner, after) = text.strip_prefix(open)?.split_once(close)?;
    (!inner.is_empty() && !inner.starts_with(' ')).then_some((inner, after))
}

/// The columns a styled text takes.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, width: usize) -> String {
        let mut renderer = Renderer { out: String::new(), width, paragraph: String::new() };
        renderer.body(text);
        anstream::adapter::strip_str(&renderer.out).to_string()
    }

    #[test]
    fn prose_is_wrapped_and_code_is_not() {
        let text =
            "one two `three four` five\nsix\n\n- a b c d e f g h\n\n```python bad\nx = 1234567890123456789\n```\n";
        assert_eq!(
            plain(text, 14),
            "one two\nthree four\nfive six\n\n- a b c d e f\n  g h\n\n  bad\n  | x = 1234567890123456789\n"
        );
    }

    #[test]
    fn marks_become_styles() {
        let text = "see [the `docs`](https://x.y/z), **not** a * b";
        assert_eq!(plain(text, 200), "see the docs (https://x.y/z), not a * b\n");
    }

    #[test]
    fn every_page_renders_within_the_width() {
        for rule in RULES {
            let text = anstream::adapter::strip_str(&page(rule, 80)).to_string();
            assert!(!text.contains("## Cases") && !text.contains("```"), "{}", rule.name);
            let long = text.lines().find(|line| {
                line.chars().count() > 80 && line.contains(' ') && !line.starts_with("  |") && !line.starts_with('|')
            });
            assert!(long.is_none(), "{long:?}");
            let title = text.lines().next().unwrap_or_default();
            assert!(!title.contains('`'), "{title}");
        }
    }
}
