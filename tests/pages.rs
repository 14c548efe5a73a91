//! Every page in `rules/` is a test: its bad examples are reported, its good ones are not, its fixed ones are what the
//! fix makes. The grammar:
//!
//! - A fence ```` ```python bad ```` or ```` ```rust good ```` is an example. `bad` marks at least one line, `good` none.
//! - A trailing `# error` (`// error` in Rust) marks a line that this rule reports. `# error also: other-rule` is for
//!   a line of which another rule rightly speaks too, `# also: other-rule` for one of which only that other rule does.
//!   Nothing else may be reported. Marks are cut off before the analysis, so it cannot see them.
//! - `file=app/db.py` after `bad` or `good` names the block's file; such fences in a row, with no heading between, are
//!   one example of several files.
//! - `fixed` shows the `bad` block above after `--fix`, `fixed unsafe` after `--fix --unsafe-fixes`. As long as the
//!   rule offers no fix, it only has to be something the rule is content with.
//! - `toml settings` gives the settings of the example that follows.
//! - `<!-- profile: recommended -->` sets the profile for the blocks below it. Without it every rule of `strict` runs,
//!   and the page's own: rules of the profile `all` would speak on nearly every short example (`async-without-await`).
//! - Other fences (`toml`, `text`, `console`) are prose.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use asynclint::analysis::{Input, Outcome, analyze};
use asynclint::config::{Config, Request, Trouble, knowledge, of_text};
use asynclint::finding::{Applicability, Edit};
use asynclint::rules::{Profile, Rule, by_name};
use asynclint::source::{Language, Source};
use asynclint::suppress::{Options, apply as apply_suppressions};
use datatest_stable::Utf8Path;

datatest_stable::harness! {
    { test = page, root = "rules", pattern = r"^[a-z-]+\.md$" },
}

fn page(path: &Utf8Path, text: String) -> datatest_stable::Result<()> {
    let mut problems = Vec::new();
    let examples = parse(&text, &mut problems);
    let name = path.file_stem().unwrap_or_default();
    if let Some(rule) = by_name(name) {
        for language in rule.languages {
            for role in [Role::Bad, Role::Good] {
                let shown = |it: &Example| it.blocks.iter().any(|b| b.language == *language && b.role == role);
                if !examples.iter().any(shown) {
                    problems.push(format!("no `{} {}` example", language.name(), role.name()));
                }
            }
        }
        for example in &examples {
            check(rule, example, &mut problems);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let mut report = String::new();
    for problem in problems {
        let _ = writeln!(report, "rules/{name}.md: {problem}");
    }
    Err(report.into())
}

/// Blocks that are analysed together: one, or several with `file=`.
struct Example {
    blocks: Vec<Block>,
    profile: Option<Profile>,
    settings: Option<String>,
    fixed: Option<(Applicability, Vec<Block>)>,
}

struct Block {
    /// Of the fence, from 1.
    line: usize,
    language: Language,
    role: Role,
    file: Option<String>,
    /// Without marks.
    text: String,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Bad,
    Good,
    Fixed,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Fixed => "fixed",
        }
    }
}

struct Mark {
    /// In the block, from 1.
    line: usize,
    own: bool,
    also: Vec<String>,
}

fn parse(text: &str, problems: &mut Vec<String>) -> Vec<Example> {
    let title = text.lines().next().unwrap_or_default();
    match title.strip_prefix("# ") {
        Some(summary) if summary.chars().count() <= 80 && !summary.ends_with('.') => {}
        _ => problems.push("the first line is `# `, a summary of at most 80 characters and no final stop".to_owned()),
    }
    let mut examples: Vec<Example> = Vec::new();
    let mut profile = None;
    let mut settings = None;
    // Whether a further `file=` fence still belongs to the last example.
    let mut open = false;
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line.starts_with('#') {
            open = false;
        }
        if let Some(comment) = line.strip_prefix("<!--").and_then(|it| it.strip_suffix("-->"))
            && let Some(word) = comment.trim().strip_prefix("profile:")
        {
            profile =
                [Profile::Recommended, Profile::Strict, Profile::All].into_iter().find(|it| it.name() == word.trim());
            if profile.is_none() {
                problems.push(format!("line {}: no profile is called `{}`", index + 1, word.trim()));
            }
        }
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().map(|(_, it)| it).take_while(|it| *it != "```").collect();
        let mut words = info.split_whitespace();
        let language = match words.next() {
            Some("python") => Language::Python,
            Some("rust") => Language::Rust,
            Some("toml") if words.next() == Some("settings") => {
                settings = Some(body.join("\n"));
                open = false;
                continue;
            }
            _ => continue,
        };
        let mut role = None;
        let mut applicability = Applicability::Safe;
        let mut file = None;
        for word in words {
            match word {
                "bad" => role = Some(Role::Bad),
                "good" => role = Some(Role::Good),
                "fixed" => role = Some(Role::Fixed),
                "unsafe" if role == Some(Role::Fixed) => applicability = Applicability::Unsafe,
                _ if word.starts_with("file=") => file = Some(word["file=".len()..].to_owned()),
                _ => problems.push(format!("block at line {}: `{word}` means nothing here", index + 1)),
            }
        }
        let Some(role) = role else {
            problems.push(format!("block at line {}: is it `bad`, `good` or `fixed`?", index + 1));
            continue;
        };
        let block = read_block(index + 1, language, role, file, &body, problems);
        if role == Role::Fixed {
            open = false;
            match examples.last_mut() {
                Some(above) if above.blocks.iter().any(|it| it.role == Role::Bad) => {
                    above.fixed.get_or_insert_with(|| (applicability, Vec::new())).1.push(block);
                }
                _ => problems.push(format!("block at line {}: no `bad` block above it to fix", index + 1)),
            }
        } else if open && block.file.is_some() && examples.last().is_some_and(|it| it.takes(&block)) {
            examples.last_mut().expect("one is open").blocks.push(block);
        } else {
            open = block.file.is_some();
            examples.push(Example { blocks: vec![block], profile, settings: settings.take(), fixed: None });
        }
    }
    examples
}

fn read_block(
    line: usize,
    language: Language,
    role: Role,
    file: Option<String>,
    body: &[&str],
    problems: &mut Vec<String>,
) -> Block {
    let comment = match language {
        Language::Python => "# ",
        Language::Rust => "// ",
    };
    let mut block = Block { line, language, role, file, text: String::new(), marks: Vec::new() };
    for (index, full) in body.iter().enumerate() {
        let mut kept = *full;
        if let Some((before, after)) = full.rsplit_once(comment)
            && let Some((own, also)) = read_mark(after)
        {
            kept = before.trim_end();
            block.marks.push(Mark { line: index + 1, own, also });
        } else if full.contains("# error") || full.contains("// error") {
            problems.push(format!("line {}: the mark cannot be read", line + index + 1));
        }
        block.text.push_str(kept);
        block.text.push('\n');
    }
    let own = block.marks.iter().any(|it| it.own);
    match role {
        Role::Bad if !own => problems.push(format!("block at line {line}: it is `bad` and marks no line")),
        Role::Good | Role::Fixed if own => problems.push(format!("block at line {line}: it marks an error")),
        _ => {}
    }
    block
}

/// `error`, `error also: a, b`, `also: a`.
fn read_mark(text: &str) -> Option<(bool, Vec<String>)> {
    let (own, rest) = match text.strip_prefix("error") {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    if own && rest.is_empty() {
        return Some((true, Vec::new()));
    }
    let also = rest.strip_prefix("also:")?;
    Some((own, also.split(',').map(|it| it.trim().to_owned()).collect()))
}

impl Example {
    fn takes(&self, block: &Block) -> bool {
        self.blocks.iter().all(|it| it.file.is_some() && it.file != block.file)
    }
}

impl Block {
    fn path(&self) -> &str {
        match (&self.file, self.language) {
            (Some(file), _) => file,
            (None, Language::Python) => "example.py",
            (None, Language::Rust) if self.text.contains("fn main(") => "src/main.rs",
            (None, Language::Rust) => "src/lib.rs",
        }
    }

    fn source(&self, text: &str) -> Source {
        Source::new(self.path(), self.language, text)
    }
}

/// What governs an example: the strict profile, the page's own rule and, over these, the settings above the example.
struct Governed {
    request: Request,
    config: Option<Config>,
}

impl Governed {
    fn of(rule: &'static Rule, example: &Example, problems: &mut Vec<String>) -> Self {
        let line = example.blocks[0].line;
        let mut report = |trouble: &Trouble| problems.push(format!("settings above line {line}: {trouble}"));
        let read = example.settings.as_ref().map(|text| of_text(text, "asynclint.toml", Path::new("")));
        let config = match read.transpose() {
            Ok(config) => config,
            Err(errors) => {
                errors.iter().for_each(&mut report);
                None
            }
        };
        config.iter().flat_map(|it| &it.warnings).for_each(report);
        // Where the settings say something themselves, the page does not say it over them.
        let levels = config.as_ref().map(|it| &it.levels);
        let chosen = levels.is_some_and(|it| it.profile.is_some() || it.select.is_some());
        let named = levels.is_some_and(|it| it.ignore.contains(&rule) || it.rules.iter().any(|it| it.rule == rule));
        let request = Request {
            profile: example.profile.or((!chosen).then_some(Profile::Strict)),
            extend_select: if named || chosen { Vec::new() } else { vec![rule] },
            ..Request::default()
        };
        Self { request, config }
    }

    /// What a run reports: comments on the page count, and one that suppresses nothing is itself a finding.
    fn judge(&self, sources: Vec<Source>) -> Outcome {
        let rules = |source: &Source| self.request.rules_for(self.config.as_ref(), None, source.path.as_std_path());
        let inputs = sources.into_iter().map(|source| Input { rules: rules(&source), source, relevant: true });
        let mut outcome = analyze(inputs.collect(), knowledge(&self.config));
        let findings = std::mem::take(&mut outcome.findings);
        outcome.findings = apply_suppressions(&outcome.project, findings, Options::default()).kept;
        outcome
    }
}

fn check(rule: &'static Rule, example: &Example, problems: &mut Vec<String>) {
    let governed = Governed::of(rule, example, problems);
    let sources = example.blocks.iter().map(|it| it.source(&it.text));
    let outcome = governed.judge(sources.collect());
    for (block, file) in example.blocks.iter().zip(outcome.project.group().iter().copied()) {
        let source = outcome.project.source(file);
        for error in &outcome.project.model(file).errors {
            let line = block.line + 1 + source.line_of(error.span.start);
            problems.push(format!("line {line}: it does not parse: {}", error.message));
        }
        let mut expected: BTreeSet<(usize, &str)> = BTreeSet::new();
        for mark in &block.marks {
            expected.extend(mark.own.then_some((mark.line, rule.name)));
            expected.extend(mark.also.iter().map(|it| (mark.line, it.as_str())));
        }
        let mut spans = BTreeSet::new();
        let mut got = BTreeSet::new();
        for finding in outcome.findings.iter().filter(|it| it.place.file == file) {
            let line = source.line_of(finding.place.span.start) + 1;
            got.insert((line, finding.rule.name));
            if !spans.insert((finding.place.span, finding.rule.name)) {
                problems.push(format!("line {}: `{}` reported twice", block.line + line, finding.rule.name));
            }
        }
        if expected == got {
            continue;
        }
        let mut text = format!("block at line {}: expected {expected:?}, got {got:?}", block.line);
        for (what, these) in [("missing", expected.difference(&got)), ("wrong", got.difference(&expected))] {
            for (line, name) in these {
                let code = source.line_text(line - 1).trim();
                let _ = write!(text, "\n    line {}: {what} {name}: {code}", block.line + line);
            }
        }
        problems.push(text);
    }
    let Some((applicability, fixed)) = &example.fixed else {
        return;
    };
    for block in fixed {
        let Some(index) = example.blocks.iter().position(|it| it.path() == block.path()) else {
            problems.push(format!("block at line {}: it fixes no block above", block.line));
            continue;
        };
        if rule.fix.is_some() {
            let file = outcome.project.group().get(index).copied().expect("one file a block");
            let edits = outcome
                .findings
                .iter()
                .filter(|it| it.place.file == file && it.rule == rule)
                .filter_map(|it| it.fix.as_ref())
                .filter(|it| it.applicability >= *applicability)
                .flat_map(|it| it.edits.iter().cloned())
                .collect();
            let after = apply(&example.blocks[index].text, edits);
            if after != block.text {
                problems.push(format!("block at line {}: the fix makes this of it:\n{after}", block.line));
            }
        }
        let source = block.source(&block.text);
        let again = governed.judge(vec![source]);
        for finding in again.findings.iter().filter(|it| it.rule == rule) {
            let line = again.project.source(finding.place.file).line_of(finding.place.span.start);
            problems.push(format!("line {}: still reported after the fix", block.line + 1 + line));
        }
    }
}

/// The text after the edits; one that overlaps an earlier one is left out.
fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|it| it.span);
    let mut out = String::new();
    let mut done = 0;
    for edit in edits {
        let range = edit.span.range();
        if range.start < done {
            continue;
        }
        out.push_str(&text[done..range.start]);
        out.push_str(&edit.content);
        done = range.end;
    }
    out.push_str(&text[done..]);
    out
}
