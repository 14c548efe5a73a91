//! A configuration file to a [`Config`], or to all that is wrong with it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;
use ignore::gitignore::Gitignore;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    Config, KnownFindings, Level, Levels, Override, Trouble, api, nearest, patterns, rules_named, select, types,
};
use crate::discover::{absolute, io_text, manifest_text};
use crate::finding::{Confidence, Severity};
use crate::rules::{Profile, Rule, TargetPython};

/// The keys of a configuration.
pub(super) const KEYS: [&str; 13] = [
    "profile",
    "select",
    "extend-select",
    "ignore",
    "rules",
    "overrides",
    "exclude",
    "target-python",
    "min-confidence",
    "max-file-size",
    "baseline",
    "api",
    "type",
];

/// The keys of an override.
pub(super) const OVERRIDE_KEYS: [&str; 6] = ["paths", "profile", "select", "extend-select", "ignore", "rules"];

/// The files that may hold a configuration and the tables it may stand in, first come first served.
const PLACES: [(&str, &[&[&str]]); 3] = [
    ("asynclint.toml", &[&[]]),
    ("pyproject.toml", &[&["tool", "asynclint"]]),
    ("Cargo.toml", &[&["package", "metadata", "asynclint"], &["workspace", "metadata", "asynclint"]]),
];

/// The configuration that stands in a folder.
pub(super) fn in_folder(folder: &Path, current: &Path) -> Result<Option<Config>, Vec<Trouble>> {
    let mut found: Option<Config> = None;
    for (name, tables) in PLACES {
        let file = folder.join(name);
        let text = match manifest_text(&file) {
            Ok(text) => text,
            // Absent, mostly. An unreadable manifest is not a configuration; an own file that cannot be read is an error.
            Err(error) => {
                if name == "asynclint.toml" && std::fs::metadata(&file).is_ok_and(|it| !it.is_dir()) {
                    return Err(vec![Trouble { file: shown(&file, current), line: None, message: unreadable(&error) }]);
                }
                continue;
            }
        };
        // Most manifests have none: they need not be parsed, and their errors are not ours to report.
        if name != "asynclint.toml" && !text.contains("asynclint") {
            continue;
        }
        if let Some(config) = parse(&text, shown(&file, current), folder, tables)? {
            match &mut found {
                None => found = Some(config),
                Some(first) => first.warnings.push(Trouble {
                    file: config.shown,
                    line: None,
                    message: format!("its settings do nothing: `{}` beside it comes first", first.shown),
                }),
            }
        }
    }
    Ok(found)
}

/// The configuration that the command line names. Its patterns are relative to the current folder.
pub(super) fn named(file: &Path, current: &Path) -> Result<Config, Vec<Trouble>> {
    let path = absolute(file, current);
    let name = shown(&path, current);
    let trouble = |message: String| vec![Trouble { file: name.clone(), line: None, message }];
    let text = manifest_text(&path).map_err(|error| trouble(unreadable(&error)))?;
    let place = PLACES.iter().find(|(name, _)| path.file_name().is_some_and(|it| it == *name));
    let tables: &[&[&str]] = place.map_or(&[&[]], |(_, tables)| tables);
    parse(&text, name.clone(), current, tables)?.ok_or_else(|| trouble("has no settings for asynclint".to_owned()))
}

/// The configuration that a text in the form of `asynclint.toml` is, for a folder.
pub fn of_text(text: &str, shown: impl Into<Utf8PathBuf>, folder: &Path) -> Result<Config, Vec<Trouble>> {
    let name = shown.into();
    let missing = || vec![Trouble { file: name.clone(), line: None, message: "is not a table".to_owned() }];
    parse(text, name.clone(), folder, &[&[]])?.ok_or_else(missing)
}

fn unreadable(error: &std::io::Error) -> String {
    let advice = match error.kind() {
        std::io::ErrorKind::InvalidData => "; save it as UTF-8",
        std::io::ErrorKind::PermissionDenied => "; check its permissions",
        _ => "",
    };
    format!("cannot be read: {}{advice}", io_text(error))
}

fn shown(file: &Path, current: &Path) -> Utf8PathBuf {
    let text = file.strip_prefix(current).unwrap_or(file).to_string_lossy().into_owned();
    if cfg!(windows) { text.replace('\\', "/").into() } else { text.into() }
}

fn parse(text: &str, shown: Utf8PathBuf, folder: &Path, tables: &[&[&str]]) -> Result<Option<Config>, Vec<Trouble>> {
    let mut reader = Reader { text, file: shown.clone(), errors: Vec::new(), warnings: Vec::new() };
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = error.span().map(|span| reader.line(span.start));
            return Err(vec![Trouble { file: shown, line, message: first_line(error.message()) }]);
        }
    };
    let mut found = Vec::new();
    for path in tables {
        match table_at(document.get_ref(), path) {
            Some(Ok(table)) => found.push(table),
            Some(Err(value)) => reader.mismatch(&path.join("."), value, "a table"),
            None => {}
        }
    }
    let Some(table) = found.first() else {
        return if reader.errors.is_empty() { Ok(None) } else { Err(reader.errors) };
    };
    if found.len() > 1 {
        let message = "`[workspace.metadata.asynclint]` does nothing: `[package.metadata.asynclint]` comes first";
        reader.warnings.push(Trouble { file: shown.clone(), line: None, message: message.to_owned() });
    }
    let config = reader.config(table, folder);
    if reader.errors.is_empty() { Ok(Some(Config { warnings: reader.warnings, ..config })) } else { Err(reader.errors) }
}

/// The table at a path, or what stands there in place of one.
fn table_at<'a, 'i>(table: &'a DeTable<'i>, path: &[&str]) -> Option<Result<&'a DeTable<'i>, &'a Value<'i>>> {
    let Some((last, above)) = path.split_last() else { return Some(Ok(table)) };
    let above = above.iter().try_fold(table, |table, key| table.get(*key)?.get_ref().as_table())?;
    let value = above.get(*last)?;
    Some(value.get_ref().as_table().ok_or(value))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("is not TOML").to_owned()
}

/// Reads values and keeps what is wrong with them.
pub(super) struct Reader<'t> {
    text: &'t str,
    file: Utf8PathBuf,
    errors: Vec<Trouble>,
    warnings: Vec<Trouble>,
}

pub(super) type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn line(&self, offset: usize) -> u32 {
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() as u32 + 1
    }

    pub(super) fn error(&mut self, at: usize, message: impl Into<String>) {
        let line = Some(self.line(at));
        self.errors.push(Trouble { file: self.file.clone(), line, message: message.into() });
    }

    /// The place as people write it: `asynclint.toml:12`.
    pub(super) fn place(&self, at: usize) -> String {
        format!("{}:{}", self.file, self.line(at))
    }

    fn warn(&mut self, at: usize, message: impl Into<String>) {
        let line = Some(self.line(at));
        self.warnings.push(Trouble { file: self.file.clone(), line, message: message.into() });
    }

    /// Every key is one of those.
    pub(super) fn keys(&mut self, table: &DeTable<'_>, known: &[&str], place: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let hint = match nearest(name, known.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("it is one of {}", list(known)),
            };
            self.error(key.span().start, format!("unknown key `{name}`{place}; {hint}"));
        }
    }

    fn mismatch(&mut self, key: &str, value: &Value<'_>, wanted: &str) {
        self.error(value.span().start, format!("`{key}` is {wanted}, not {}", kind(value.get_ref())));
    }

    pub(super) fn string(&mut self, table: &DeTable<'_>, key: &str) -> Option<(String, usize)> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => return Some((text.to_string(), value.span().start)),
            _ => self.mismatch(key, value, "a string"),
        }
        None
    }

    /// What an `[[api]]` or `[[type]]` entry is about: `package.module.function`, `crate::module::function`.
    pub(super) fn path(&mut self, table: &DeTable<'_>) -> Option<(String, usize)> {
        let (path, at) = self.string(table, "path")?;
        let separator = if path.contains("::") { "::" } else { "." };
        let is_name = |part: &str| {
            part.starts_with(|it: char| it == '_' || it.is_alphabetic())
                && part.chars().all(|it| it == '_' || it.is_alphanumeric())
        };
        if path.split(separator).all(is_name) {
            return Some((path, at));
        }
        let forms = "`package.module.name` in Python, `crate::module::name` in Rust";
        self.error(at, format!("`path` is a name as code writes it, {forms}, not `{path}`"));
        None
    }

    pub(super) fn boolean(&mut self, table: &DeTable<'_>, key: &str) -> Option<bool> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(it) => return Some(*it),
            _ => self.mismatch(key, value, "`true` or `false`"),
        }
        None
    }

    /// One of the words, by its place among them.
    pub(super) fn word(&mut self, table: &DeTable<'_>, key: &str, words: &[&str]) -> Option<usize> {
        let (text, at) = self.string(table, key)?;
        let found = words.iter().position(|word| *word == text);
        if found.is_none() {
            self.error(at, format!("`{key}` is one of {}, not `{text}`", list(words)));
        }
        found
    }

    fn strings(&mut self, table: &DeTable<'_>, key: &str) -> Option<Vec<(String, usize)>> {
        let value = table.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.mismatch(key, value, "a list of strings");
            return None;
        };
        let mut all = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => all.push((text.to_string(), item.span().start)),
                _ => self.mismatch(key, item, "a list of strings"),
            }
        }
        Some(all)
    }

    /// The tables of `[[key]]`, each with where it stands.
    fn tables<'a, 'i>(&mut self, table: &'a DeTable<'i>, key: &str) -> Vec<(&'a DeTable<'i>, usize)> {
        let Some(value) = table.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.mismatch(key, value, &format!("a list of tables, each under `[[{key}]]`"));
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => all.push((table, item.span().start)),
                _ => self.mismatch(key, item, "a list of tables"),
            }
        }
        all
    }

    fn config(&mut self, table: &DeTable<'_>, folder: &Path) -> Config {
        self.keys(table, &KEYS, "");
        let levels = self.levels(table);
        let tables = self.tables(table, "overrides");
        let overrides: Vec<Override> =
            tables.into_iter().filter_map(|(table, at)| self.one_override(table, at, folder)).collect();
        self.idle_levels(table, &levels, &overrides);
        let exclude = self.patterns(table, "exclude", folder).map_or_else(Gitignore::empty, |(_, it)| it);
        let confidence = [Confidence::Likely, Confidence::Certain];
        let min_confidence = self.word(table, "min-confidence", &confidence.map(Confidence::name));
        let versions = TargetPython::ALL.map(TargetPython::name);
        let target = self.word(table, "target-python", &versions).map(|index| TargetPython::ALL[index]);
        let apis = self.tables(table, "api");
        let types = self.tables(table, "type");
        Config {
            shown: self.file.clone(),
            folder: folder.to_owned(),
            levels,
            overrides,
            exclude,
            min_confidence: min_confidence.map(|index| confidence[index]),
            target_python: target,
            max_file_size: self.size(table, "max-file-size"),
            baseline: self
                .string(table, "baseline")
                .map(|(path, at)| KnownFindings { path: absolute(path.as_ref(), folder), source: self.place(at) }),
            apis: apis.into_iter().filter_map(|(table, at)| api::read(self, table, at)).collect(),
            types: types.into_iter().filter_map(|(table, at)| types::read(self, table, at)).collect(),
            warnings: Vec::new(),
        }
    }

    fn one_override(&mut self, table: &DeTable<'_>, at: usize, folder: &Path) -> Option<Override> {
        self.keys(table, &OVERRIDE_KEYS, " in an override");
        let levels = self.levels(table);
        if !table.contains_key("paths") {
            self.error(at, "an override needs `paths`: the files it is for");
        }
        let (patterns, paths) = self.patterns(table, "paths", folder)?;
        let line = self.line(at);
        if levels == Levels::default() {
            self.warn(at, format!("the override for `{}` changes nothing", patterns.join("`, `")));
        }
        Some(Override { paths, patterns, line, levels, used: AtomicBool::new(false) })
    }

    fn patterns(&mut self, table: &DeTable<'_>, key: &str, folder: &Path) -> Option<(Vec<String>, Gitignore)> {
        let lines = self.strings(table, key)?;
        for (line, at) in &lines {
            if let Err(message) = patterns(folder, [line.as_str()]) {
                self.error(*at, message);
            }
        }
        let lines: Vec<String> = lines.into_iter().map(|(line, _)| line).collect();
        let built = patterns(folder, lines.iter().map(String::as_str)).ok()?;
        Some((lines, built))
    }

    fn levels(&mut self, table: &DeTable<'_>) -> Levels {
        let profiles = [Profile::Recommended, Profile::Strict, Profile::All];
        let profile = self.word(table, "profile", &profiles.map(Profile::name)).map(|index| profiles[index]);
        Levels {
            profile,
            select: self.rules(table, "select"),
            extend_select: self.rules(table, "extend-select").unwrap_or_default(),
            named: ["select", "extend-select"].into_iter().flat_map(|key| self.named(table, key)).collect(),
            ignore: self.rules(table, "ignore").unwrap_or_default(),
            rules: self.rule_levels(table),
        }
    }

    /// The rules that words of a list name for themselves. What is wrong with the list is told by [`Self::rules`].
    fn named(&self, table: &DeTable<'_>, key: &str) -> Vec<&'static Rule> {
        let words = table.get(key).and_then(|it| it.get_ref().as_array()).into_iter().flatten();
        words.filter_map(|it| it.get_ref().as_str()).flat_map(rules_named).collect()
    }

    /// A word that names no rule does nothing, and is told so: a configuration may be older or newer than the program. Only
    /// what is selected has to be there.
    fn rules(&mut self, table: &DeTable<'_>, key: &str) -> Option<Vec<&'static Rule>> {
        let words = self.strings(table, key)?;
        let mut rules = Vec::new();
        for (word, at) in words {
            match select(&word) {
                Ok(found) => rules.extend(found),
                // Without it less would be checked than is asked for, or nothing.
                Err(unknown) if key == "select" => self.error(at, unknown.to_string()),
                Err(unknown) => self.warn(at, unknown.to_string()),
            }
        }
        Some(rules)
    }

    fn rule_levels(&mut self, table: &DeTable<'_>) -> Vec<Level> {
        const LEVELS: [(&str, Option<Severity>); 4] = [
            ("error", Some(Severity::Error)),
            ("warn", Some(Severity::Warning)),
            ("note", Some(Severity::Note)),
            ("off", None),
        ];
        let Some(value) = table.get("rules") else {
            return Vec::new();
        };
        let DeValue::Table(levels) = value.get_ref() else {
            self.mismatch("rules", value, "a table");
            return Vec::new();
        };
        let mut all = Vec::new();
        for key in levels.keys() {
            let name = key.get_ref();
            let level = self.word(levels, name, &LEVELS.map(|(name, _)| name));
            match (select(name), level) {
                (Ok(found), Some(level)) => all.extend(found.into_iter().map(|rule| Level {
                    rule,
                    severity: LEVELS[level].1,
                    named: rules_named(name).any(|it| it == rule),
                })),
                (Ok(_), None) => {}
                (Err(unknown), _) => self.warn(key.span().start, unknown.to_string()),
            }
        }
        all.sort_by_key(|level| level.named);
        all
    }

    /// Tells of levels for rules that `select` leaves out.
    fn idle_levels(&mut self, table: &DeTable<'_>, levels: &Levels, overrides: &[Override]) {
        let Some(value) = table.get("rules").filter(|_| levels.select.is_some()) else { return };
        let all = || std::iter::once(levels).chain(overrides.iter().map(|it| &it.levels));
        // Where a profile decides, a level turns its rule on.
        if all().skip(1).any(|it| it.profile.is_some()) {
            return;
        }
        let is_on = |rule| all().any(|it| it.select.iter().flatten().chain(&it.extend_select).any(|it| *it == rule));
        for Level { rule, .. } in levels.rules.iter().filter(|it| it.named && it.severity.is_some() && !is_on(it.rule))
        {
            let name = rule.name;
            let message = format!("the level of `{name}` does nothing, since `select` leaves it out; add it there");
            self.warn(value.span().start, message);
        }
    }

    /// Bytes: a number, or a number with a unit: `"4 MiB"`.
    fn size(&mut self, table: &DeTable<'_>, key: &str) -> Option<u64> {
        const UNITS: [(&str, u64); 8] = [
            ("", 1),
            ("B", 1),
            ("kB", 1000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ];
        let value = table.get(key)?;
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => String::new(),
        };
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let factor = UNITS.iter().find(|(name, _)| *name == unit.trim()).map(|(_, factor)| *factor);
        let size = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        if size.is_none() {
            self.error(value.span().start, format!("`{key}` is a number of bytes or a size such as `\"4 MiB\"`"));
        }
        size
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

pub(super) fn list(words: &[&str]) -> String {
    format!("`{}`", words.join("`, `"))
}
