//! `asynclint rules`.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::arguments::{PageFormat, Rules};
use super::{Failure, Status, output};
use crate::finding::Applicability;
use crate::rules::{RULES, Rule};
use crate::source::Language;

const NAME: Style = AnsiColor::Cyan.on_default().bold();
const HEAD: Style = Style::new().bold();

pub(super) fn run(arguments: &Rules) -> Result<Status, Failure> {
    match arguments.output_format {
        PageFormat::Json => {
            let rules: Vec<Value> = RULES.iter().map(|rule| describe(rule)).collect();
            output::print(|out| writeln!(out, "{:#}", json!({ "version": 1, "rules": rules })))?;
        }
        PageFormat::Text => table()?,
    }
    Ok(Status::Clean)
}

/// A rule as other programs see it.
pub(super) fn describe(rule: &Rule) -> Value {
    json!({
        "name": rule.name,
        "summary": summary(rule),
        "category": rule.category.name(),
        "profile": rule.profile.name(),
        "severity": rule.severity.name(),
        "languages": rule.languages.iter().map(|it| it.name()).collect::<Vec<_>>(),
        "aliases": rule.aliases,
        "fix": rule.fix.map(Applicability::name),
    })
}

/// The first heading of the rule's page.
pub(super) fn summary(rule: &Rule) -> &'static str {
    rule.page.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().trim()
}

fn table() -> Result<(), Failure> {
    let header = ["rule", "profile", "languages", "fix", "also known as"].map(str::to_owned);
    let rows: Vec<[String; 5]> = RULES.iter().map(|rule| row(rule)).collect();
    let width = |column: usize| rows.iter().chain([&header]).map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for (index, row) in [&header].into_iter().chain(&rows).enumerate() {
        let style = if index == 0 { HEAD } else { NAME };
        let name = format!("{:1$}", row[0], widths[0]);
        let middle: Vec<String> = (1..4).map(|it| format!("{:1$}", row[it], widths[it])).collect();
        let line = format!("{style}{name}{style:#}  {}  {}", middle.join("  "), row[4]);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    output::print_styled(&text)
}

fn row(rule: &Rule) -> [String; 5] {
    let languages: Vec<&str> = rule.languages.iter().copied().map(Language::name).collect();
    [
        rule.name.to_owned(),
        rule.profile.name().to_owned(),
        languages.join(", "),
        rule.fix.map_or("-", Applicability::name).to_owned(),
        rule.aliases.join(", "),
    ]
}
