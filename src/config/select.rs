//! Words that name rules: a rule, a category, a peer's code or the beginning of one, or `all`.

use crate::rules::{Category, RULES, Rule};

/// The rules that a word names, in the order of the catalogue.
///
/// A code may be cut after its letters or digits, as its home knows it: `ASYNC`, `ASYNC2`, `clippy`. As in `noqa`, it may be
/// written in small letters.
pub fn select(word: &str) -> Result<Vec<&'static Rule>, Unknown> {
    let all = RULES.iter().copied();
    let found: Vec<_> = if word == "all" {
        all.collect()
    } else if let Some(rule) = crate::rules::by_name(word) {
        vec![rule]
    } else if let Some(category) = Category::ALL.into_iter().find(|it| it.name() == word) {
        // A category without a rule yet is a word all the same.
        return Ok(all.filter(|rule| rule.category == category).collect());
    } else {
        all.filter(|rule| rule.aliases.iter().any(|alias| names(word, alias))).collect()
    };
    if found.is_empty() { Err(Unknown { word: word.to_owned(), nearest: nearest_word(word) }) } else { Ok(found) }
}

/// The rules that a word names for themselves, by their name or a whole code, and not as some of many.
pub fn rules_named(word: &str) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().filter(move |rule| rule.name == word || rule.aliases.iter().any(|alias| is_code(word, alias)))
}

/// `word` is the alias, with its home before it or, as Clippy's documentation writes it, without: `await_holding_lock`.
fn is_code(word: &str, alias: &str) -> bool {
    [Some(alias), alias.strip_prefix("clippy::")].into_iter().flatten().any(|it| it.eq_ignore_ascii_case(word))
}

/// Codes of other linters about async code that no rule here stands for, and why.
pub const WITHOUT_RULE: &[(&str, &str)] = &[
    ("ASYNC106", "how a library is imported is a matter of style"),
    ("ASYNC114", "it completes a setting of flake8-async; `start-soon-in-aenter` needs none"),
    ("ASYNC127", "which package to install is not for this program to say"),
    ("ASYNC200", "functions of one's own that block are `[[api]]` entries of the configuration"),
    ("clippy::async_yields_async", "the types of `async` blocks are known to the compiler alone"),
    ("clippy::await_holding_invalid_type", "the guards that count are known: see `lock-across-await`"),
    ("clippy::future_not_send", "whether a future is `Send` is known to the compiler alone"),
    ("clippy::large_futures", "the size of a future is known to the compiler alone"),
    ("clippy::manual_async_fn", "how an async function is written is a matter of style"),
    ("clippy::redundant_async_block", "how an async block is written is a matter of style"),
];

/// `word` is the alias, or the beginning of it that names a family.
fn names(word: &str, alias: &str) -> bool {
    if is_code(word, alias) {
        return true;
    }
    let Some((_, rest)) = alias.split_at_checked(word.len()).filter(|(start, _)| start.eq_ignore_ascii_case(word))
    else {
        return false;
    };
    let is_family =
        !word.is_empty() && alias.starts_with(|c: char| c.is_ascii_uppercase()) && rest.bytes().all(is_digit);
    // Cut inside the letters, `ASY`, it would be somebody else's family.
    rest.is_empty() || is_family || rest.starts_with("::")
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// A word that names no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub word: String,
    /// What was probably meant.
    pub nearest: Option<String>,
}

impl Unknown {
    /// Another linter's code that has no rule here, and why it has none.
    fn reason(&self) -> Option<&'static (&'static str, &'static str)> {
        WITHOUT_RULE.iter().find(|(code, _)| is_code(&self.word, code))
    }

    /// It is another linter's code, of which it is known why no rule stands for it.
    pub fn has_reason(&self) -> bool {
        self.reason().is_some()
    }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((code, why)) = self.reason() {
            return write!(f, "no rule stands for `{code}`: {why}");
        }
        write!(f, "no rule, category or alias is called `{}`", self.word)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => f.write_str("; `asynclint rules` lists them"),
        }
    }
}

fn nearest_word(word: &str) -> Option<String> {
    let rules = RULES.iter().flat_map(|rule| std::iter::once(rule.name).chain(rule.aliases.iter().copied()));
    nearest(word, rules.chain(Category::ALL.into_iter().map(Category::name)).chain(["all"])).map(str::to_owned)
}

/// The known word that is most like this one, if any is at all like it.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let likeness = |it: &str| strsim::jaro_winkler(&word, &plain(it));
    let scored = known.into_iter().map(|it| (likeness(it), it)).filter(|(score, _)| *score > 0.75);
    scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1))).map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(word: &str) -> Vec<&'static str> {
        select(word).expect("known").into_iter().map(|rule| rule.name).collect()
    }

    #[test]
    fn rules_go_by_name_category_and_alias() {
        assert_eq!(names_of("leaked-task"), ["leaked-task"]);
        assert_eq!(names_of("RUF006"), ["leaked-task"]);
        assert!(names_of("blocking").iter().all(|name| name.starts_with("blocking-")));
        assert!(names_of("ASYNC").len() > names_of("ASYNC2").len());
        assert_eq!(names_of("all").len(), RULES.len());
        for code in ["RUF006", "ASYNC240", "ASYNC2"] {
            assert_eq!(names_of(&code.to_lowercase()), names_of(code));
        }
    }

    #[test]
    fn a_family_names_no_rule_for_itself() {
        let names = |word: &'static str| rules_named(word).map(|rule| rule.name).collect::<Vec<_>>();
        assert_eq!(names("leaked-task"), ["leaked-task"]);
        assert_eq!(names("ASYNC120"), ["await-in-cleanup"]);
        assert!(["all", "blocking", "ASYNC", "ASYNC1"].into_iter().all(|word| names(word).is_empty()));
    }

    #[test]
    fn a_lint_of_clippys_goes_by_its_own_name_too() {
        assert_eq!(names_of("clippy::await_holding_lock"), ["lock-across-await"]);
        assert_eq!(names_of("await_holding_lock"), ["lock-across-await"]);
        assert_eq!(
            rules_named("let_underscore_future").map(|rule| rule.name).collect::<Vec<_>>(),
            ["unawaited-coroutine"]
        );
        assert!(select("await_holding").is_err());
    }

    #[test]
    fn a_code_without_a_rule_says_why() {
        for (code, why) in WITHOUT_RULE {
            let unknown = select(code).expect_err("without a rule");
            assert_eq!(unknown.to_string(), format!("no rule stands for `{code}`: {why}"));
        }
        assert!(select("large_futures").expect_err("without a rule").to_string().contains("`clippy::large_futures`"));
    }

    #[test]
    fn a_word_that_names_nothing_names_the_nearest() {
        let unknown = select("leaked-tsk").expect_err("no such rule");
        assert_eq!(unknown.nearest.as_deref(), Some("leaked-task"));
        assert_eq!(select("ASY").expect_err("not a family").word, "ASY");
        assert_eq!(select("").expect_err("nothing").nearest, None);
        assert!(select("clippy::await").is_err());
    }
}
