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
    /// Those of families first, so that what is said of a rule itself holds over them.
    pub rules: Vec<Level>,
}

/// How bad the findings of a rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub rule: &'static Rule,
    /// `None` is off.
    pub severity: Option<Severity>,
    /// It is named for itself, which turns it on beside a profile's rules; as one of a family it is on or not.
    pub named: bool,
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

    /// What is on is told by the layers one after another, so that a later one holds; the severities are beside it.
    fn rules(&self, main: &Levels, overrides: &[&Levels]) -> RuleSet {
        let layers = || std::iter::once(main).chain(overrides.iter().copied());
        let mut profile = self.profile.unwrap_or_default();
        // What the command line selects stands in place of all that is selected in files.
        let selects = self.select.is_none();
        let mut base = Base::of(self.select.as_deref(), profile);
        let (mut more, mut off): (Rules, Rules) = Default::default();
        let mut severities: Vec<(&'static Rule, Severity)> = Vec::new();
        for (index, layer) in layers().enumerate() {
            let may_end = |rule: &'static Rule| index > 0 || !self.names(rule);
            if let (Some(other), None) = (layer.profile, self.profile) {
                profile = other;
                if selects {
                    base = Base::Profile(other);
                }
            }
            // In one layer, `select` says more than `profile`.
            if let Some(select) = &layer.select {
                off.retain(|rule| !select.contains(rule));
                if selects && self.profile.is_none() {
                    base = Base::Selected(select.clone());
                    more.clear();
                }
            }
            off.retain(|rule| !layer.extend_select.contains(rule));
            if selects {
                more.extend(&layer.extend_select);
            }
            for Level { rule, severity, named } in &layer.rules {
                match severity {
                    Some(severity) => {
                        severities.push((*rule, *severity));
                        if *named {
                            off.retain(|it| it != rule);
                            if selects && matches!(base, Base::Profile(_)) {
                                more.push(rule);
                            }
                        }
                    }
                    None => off.extend(Some(*rule).filter(|rule| may_end(rule))),
                }
            }
            off.extend(layer.ignore.iter().copied().filter(|rule| may_end(rule)));
        }
        off.extend(&self.ignore);
        let mut rules = match base {
            Base::Profile(on) => RuleSet::of_profile(on),
            Base::Selected(select) => {
                more.extend(select);
                RuleSet::default()
            }
        };
        rules.profile = profile;
        more.extend(&self.extend_select);
        more.iter().for_each(|rule| rules.set(rule, Some(rule.severity)));
        off.iter().for_each(|rule| rules.set(rule, None));
        for (rule, severity) in severities {
            if rules.level(rule).is_some() {
                rules.set(rule, Some(severity));
            }
        }
        let configured = layers().filter(|_| self.select.is_none()).flat_map(|layer| &layer.named);
        for rule in self.named.iter().chain(configured) {
            rules.want_whole(rule);
        }
        rules
    }
}

type Rules = Vec<&'static Rule>;

/// What the adjustments start from.
enum Base {
    Profile(Profile),
    Selected(Rules),
}

impl Base {
    fn of(select: Option<&[&'static Rule]>, profile: Profile) -> Self {
        select.map_or(Self::Profile(profile), |select| Self::Selected(select.to_vec()))
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

    fn level(name: &str, severity: Option<Severity>) -> Level {
        Level { rule: rule(name), severity, named: true }
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
            rules: vec![level("blocking-sleep", None), level("leaked-task", Some(Severity::Note))],
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
        let quiet = Levels { ignore: of("leaked-task blocking"), ..Levels::default() };
        assert_eq!(names(&Request::default().rules(&main, &[&quiet, &narrow])), ["blocking-cpu", "leaked-task"]);
        assert_eq!(names(&Request::default().rules(&main, &[&narrow, &quiet])), [""; 0]);
        // A profile is no word about a rule that is ignored.
        let rules = Request::default().rules(&quiet, &[&strict]);
        assert!(rules.level(rule("leaked-task")).is_none() && rules.level(rule("wait-for")).is_some());
    }

    #[test]
    fn a_level_turns_on_what_it_names_for_itself_beside_a_profile() {
        let warn = Some(Severity::Warning);
        let family = |word: &str| {
            let levels = of(word).into_iter().map(|rule| Level { rule, severity: warn, named: false });
            Levels { rules: levels.collect(), ..Levels::default() }
        };
        let recommended = RuleSet::of_profile(Profile::Recommended);
        let rules = Request::default().rules(&family("all"), &[]);
        assert_eq!(names(&rules), names(&recommended));
        assert_eq!(rules.level(rule("blocking-sleep")), warn);
        let named = Levels { rules: vec![level("blocking-path", warn)], ..Levels::default() };
        assert_eq!(Request::default().rules(&named, &[]).level(rule("blocking-path")), warn);
        // What is selected is the whole list.
        let selected = Levels { select: Some(of("blocking-sleep")), ..named };
        assert_eq!(names(&Request::default().rules(&selected, &[])), ["blocking-sleep"]);
    }

    #[test]
    fn ignoring_on_the_command_line_has_the_last_word() {
        let request = Request { ignore: of("blocking"), ..Request::default() };
        let main = Levels { rules: vec![level("blocking-file", Some(Severity::Error))], ..Levels::default() };
        assert!(names(&request.rules(&main, &[])).iter().all(|name| !name.starts_with("blocking-")));
    }
}
