//! Which rules are on for a file, and how bad their findings are.

use std::path::Path;

use super::Config;
use crate::finding::Severity;
use crate::rules::{Profile, Rule, RuleSet, TargetPython};

/// What one place says about rules: a configuration file, or one of its overrides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    pub profile: Option<Profile>,
    /// Instead of a profile's rules.
    pub select: Option<Vec<&'static Rule>>,
    pub extend_select: Vec<&'static Rule>,
    /// Those of both that are named for themselves: all that they find is wanted, whatever the profile.
    pub named: Vec<&'static Rule>,
    pub ignore: Vec<&'static Rule>,
    /// `None` is off.
    pub rules: Vec<(&'static Rule, Option<Severity>)>,
}

/// What the command line says about rules.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub profile: Option<Profile>,
    pub select: Option<Vec<&'static Rule>>,
    pub extend_select: Vec<&'static Rule>,
    /// Those of both that are named for themselves: all that they find is wanted, whatever the profile.
    pub named: Vec<&'static Rule>,
    pub ignore: Vec<&'static Rule>,
    pub target_python: Option<TargetPython>,
}

impl Request {
    fn names(&self, rule: &'static Rule) -> bool {
        self.select.iter().flatten().chain(&self.extend_select).any(|it| *it == rule)
    }

    /// The rules that are on for a file.
    ///
    /// The command line's `--select` or `--profile` stand in place of the configured ones; what it names is on even if the
    /// configuration turns it off, except where an override does so for some files. `--ignore` has the last word.
    ///
    /// `requires` is what the project's manifest says of Python, which holds where nobody says more.
    pub fn rules_for(&self, config: Option<&Config>, requires: Option<TargetPython>, file: &Path) -> RuleSet {
        let mut rules = match config {
            None => self.rules(&Levels::default(), &[]),
            Some(config) => {
                let overrides: Vec<&Levels> = config.overrides_for(file).map(|it| &it.levels).collect();
                self.rules(&config.levels, &overrides)
            }
        };
        let configured = config.and_then(|it| it.target_python);
        rules.target_python = self.target_python.or(configured).or(requires).unwrap_or_default();
        rules
    }

    fn rules(&self, main: &Levels, overrides: &[&Levels]) -> RuleSet {
        let layers = || std::iter::once(main).chain(overrides.iter().copied());
        let mut rules = self.base(layers());
        let on = |rules: &mut RuleSet, rule: &'static Rule| {
            if rules.level(rule).is_none() {
                rules.set(rule, Some(rule.severity));
            }
        };
        for (index, layer) in layers().enumerate() {
            let is_main = index == 0;
            if self.select.is_none() {
                layer.extend_select.iter().for_each(|rule| on(&mut rules, rule));
            }
            if is_main {
                self.extend_select.iter().for_each(|rule| on(&mut rules, rule));
            }
            for (rule, level) in &layer.rules {
                let may = match level {
                    None => !is_main || !self.names(rule),
                    Some(_) => self.select.is_none() || rules.level(rule).is_some(),
                };
                if may {
                    rules.set(rule, *level);
                }
            }
            for rule in layer.ignore.iter().filter(|rule| !is_main || !self.names(rule)) {
                rules.set(rule, None);
            }
        }
        for rule in &self.ignore {
            rules.set(rule, None);
        }
        let configured = layers().filter(|_| self.select.is_none()).flat_map(|layer| &layer.named);
        for rule in self.named.iter().chain(configured) {
            rules.want_whole(rule);
        }
        rules
    }

    /// What the adjustments start from.
    fn base<'a>(&self, layers: impl Iterator<Item = &'a Levels> + Clone) -> RuleSet {
        let profile = self.profile.or_else(|| layers.clone().filter_map(|it| it.profile).last()).unwrap_or_default();
        // In one layer, `select` says more than `profile`; across layers the later one holds.
        let configured = layers.filter(|it| it.profile.is_some() || it.select.is_some()).last();
        let select = match (&self.select, self.profile) {
            (Some(select), _) => Some(select),
            (None, Some(_)) => None,
            (None, None) => configured.and_then(|it| it.select.as_ref()),
        };
        let Some(select) = select else {
            return RuleSet::of_profile(profile);
        };
        let mut rules = RuleSet::default();
        rules.profile = profile;
        for rule in select {
            rules.set(rule, Some(rule.severity));
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::super::select;
    use super::*;

    fn of(words: &str) -> Vec<&'static Rule> {
        words.split_whitespace().flat_map(|word| select(word).expect("known")).collect()
    }

    fn rule(name: &str) -> &'static Rule {
        crate::rules::by_name(name).expect("known")
    }

    fn names(rules: &RuleSet) -> Vec<&'static str> {
        crate::rules::RULES.iter().filter(|it| rules.level(it).is_some()).map(|it| it.name).collect()
    }

    #[test]
    fn nothing_said_is_the_recommended_profile() {
        let rules = Request::default().rules_for(None, None, Path::new("/x/a.py"));
        assert_eq!(rules, RuleSet::of_profile(Profile::Recommended));
    }

    #[test]
    fn the_command_line_selects_over_the_configuration() {
        let main = Levels {
            select: Some(of("blocking-file leaked-task")),
            rules: vec![(rule("blocking-sleep"), None), (rule("leaked-task"), Some(Severity::Note))],
            ..Levels::default()
        };
        let request = Request { select: Some(of("blocking-sleep leaked-task")), ..Request::default() };
        let rules = request.rules(&main, &[]);
        assert_eq!(names(&rules), ["blocking-sleep", "leaked-task"]);
        assert_eq!(rules.level(rule("leaked-task")), Some(Severity::Note));
        let quiet = Levels { ignore: of("blocking-sleep"), ..Levels::default() };
        assert_eq!(names(&request.rules(&main, &[&quiet])), ["leaked-task"]);
    }

    #[test]
    fn what_is_named_for_itself_is_wanted_whole() {
        let whole = |request: &Request, main: &Levels| {
            let rules = request.rules(main, &[]);
            ["leaked-task", "busy-wait"].map(|name| rules.is_whole(rule(name)))
        };
        let request = Request { select: Some(of("tasks busy-wait")), named: of("busy-wait"), ..Request::default() };
        let main = Levels { extend_select: of("leaked-task"), named: of("leaked-task"), ..Levels::default() };
        assert_eq!(whole(&request, &main), [false, true]);
        assert_eq!(whole(&Request::default(), &main), [true, false]);
    }

    #[test]
    fn a_later_layer_holds() {
        let main = Levels { select: Some(of("blocking-file")), ..Levels::default() };
        let strict = Levels { profile: Some(Profile::Strict), ..Levels::default() };
        let rules = Request::default().rules(&main, &[&strict]);
        assert_eq!(rules, RuleSet::of_profile(Profile::Strict));
        let narrow = Levels { select: Some(of("leaked-task")), extend_select: of("blocking-cpu"), ..Levels::default() };
        assert_eq!(names(&Request::default().rules(&main, &[&strict, &narrow])), ["blocking-cpu", "leaked-task"]);
    }

    #[test]
    fn ignoring_on_the_command_line_has_the_last_word() {
        let request = Request { ignore: of("blocking"), ..Request::default() };
        let main = Levels { rules: vec![(rule("blocking-file"), Some(Severity::Error))], ..Levels::default() };
        assert!(names(&request.rules(&main, &[])).iter().all(|name| !name.starts_with("blocking-")));
    }
}
