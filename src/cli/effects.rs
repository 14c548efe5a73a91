//! `asynclint effects PATH[::FUNCTION]`: what functions do to their callers, and why, as the analysis sees it.

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::Parser;
use serde_json::{Value, json};

use super::arguments::{Arguments, Check, Command, Effects, PageFormat};
use super::inputs::Inputs;
use super::{Failure, Status, output};
use crate::config::{kind_name, nearest};
use crate::finding::{Place, Step};
use crate::knowledge::{Api, Kind};
use crate::model::{CallId, TOP_LEVEL};
use crate::project::effects::Climbing;
use crate::project::types::FnRef;
use crate::project::{Project, Unresolved};
use crate::source::{Language, Span};

const NAME: Style = AnsiColor::Cyan.on_default().bold();
const EFFECT: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

pub(super) fn run(effects: &Effects) -> Result<Status, Failure> {
    super::check::in_pool(None, || in_pool(effects))
}

/// A function and all that is known to be bad about calling it.
struct Told<'a> {
    function: FnRef,
    name: String,
    on_loop: bool,
    effects: Vec<(Climbing, Vec<Step>, &'a Api)>,
}

fn in_pool(effects: &Effects) -> Result<Status, Failure> {
    let (path, wanted) = match effects.target.split_once("::") {
        Some((path, function)) => (path, Some(function)),
        None => (effects.target.as_str(), None),
    };
    let check = Check { configuration: effects.configuration.clone(), ..default_check(path)? };
    let inputs = Inputs::gather(&check)?;
    // No rule is asked, and every function of the files counts, however little async code is around it.
    let project = inputs.project();
    let files = project.group().iter().zip(inputs.files.iter()).filter(|(_, file)| file.asked).map(|(file, _)| *file);
    let functions = files.flat_map(|file| {
        let ids: Vec<_> = project.model(file).function_ids().filter(|id| *id != TOP_LEVEL).collect();
        ids.into_iter().map(move |function| FnRef { file, function })
    });
    let all: Vec<Told<'_>> = functions.map(|function| tell(&project, function)).collect();
    let told: Vec<&Told<'_>> = match wanted {
        Some(wanted) => all.iter().filter(|it| is_named(&it.name, wanted)).collect(),
        None => all.iter().filter(|it| !it.effects.is_empty()).collect(),
    };
    if let (Some(wanted), true) = (wanted, told.is_empty()) {
        let last = |name: &str| name.rsplit(['.', ':']).next().unwrap_or(name).to_owned();
        let names: Vec<String> = all.iter().map(|it| last(&it.name)).collect();
        let hint = nearest(&last(wanted), names.iter().map(String::as_str));
        let hint = hint.map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"));
        return Err(Failure::new(format!("`{path}` has no function `{wanted}`{hint}")));
    }
    match effects.output_format {
        PageFormat::Json => {
            let functions: Vec<Value> = told.iter().map(|it| object(&project, it, wanted.is_some())).collect();
            output::print(|out| writeln!(out, "{:#}", json!({ "version": 1, "functions": functions })))?;
        }
        PageFormat::Text => {
            let text: Vec<String> = told.iter().map(|it| page(&project, it, wanted.is_some())).collect();
            output::print_styled(&text.join("\n"))?;
            if told.is_empty() {
                output::note("no function here is known to block or to start a runtime");
            }
        }
    }
    Ok(Status::Clean)
}

/// What `check PATH` goes by.
fn default_check(path: &str) -> Result<Check, Failure> {
    let arguments = Arguments::try_parse_from(["asynclint", "check", "--"]).map_err(|error| error.to_string());
    match arguments.map(|it| it.command) {
        Ok(Command::Check(check)) => Ok(Check { paths: vec![PathBuf::from(path)], ..*check }),
        Ok(_) => Err(Failure::new("`check` is not a command")),
        Err(message) => Err(Failure::new(message)),
    }
}

/// `Store.load` names `app.db.Store.load`, and `load` does.
fn is_named(name: &str, wanted: &str) -> bool {
    name.strip_suffix(wanted).is_some_and(|before| before.is_empty() || before.ends_with(['.', ':']))
}

fn tell(project: &Project, function: FnRef) -> Told<'_> {
    let known = project.effects();
    let runtime = match project.language(function.file) {
        Language::Python => &[Climbing::StartsRuntime, Climbing::RunsFuture][..],
        Language::Rust => &[Climbing::StartsRuntime],
    };
    let climbing = Kind::ALL.into_iter().map(Climbing::Blocks).chain(runtime.iter().copied());
    let effects = climbing.filter_map(|effect| {
        let evidence = known.evidence(project, function, effect)?;
        Some((effect, evidence.steps, evidence.api))
    });
    Told {
        function,
        name: project.function_name(function),
        on_loop: known.on_loop(project, function),
        effects: effects.collect(),
    }
}

/// A call of which it is not known what it runs: what keeps the analysis silent.
struct Unknown<'a> {
    /// As it is written.
    name: &'a str,
    at: Place,
    /// Where there is more to say than that.
    why: Option<String>,
}

fn unresolved(project: &Project, function: FnRef) -> Vec<Unknown<'_>> {
    let model = project.model(function.file);
    let source = project.source(function.file);
    let told = |(id, why): (CallId, Unresolved)| {
        let call = model.call(id);
        let until = Span::new(call.span.start, call.name_span.end.max(call.span.start));
        // Of a chain over many lines, the last name.
        let whole = source.slice(until);
        let name = if whole.contains('\n') { source.slice(call.name_span) } else { whole };
        let why = match why {
            Unresolved::Decorated => Some("nothing is known of a decorator on it".to_owned()),
            Unresolved::Library(path) => Some(format!("no table names `{path}`, and no source of it is found")),
            Unresolved::Dynamic => None,
        };
        Unknown { name, at: Place { file: function.file, span: call.name_span }, why }
    };
    project.unresolved_calls(function).into_iter().map(told).collect()
}

const fn kind_of(effect: Climbing) -> Option<&'static str> {
    match effect {
        Climbing::Blocks(kind) => Some(kind_name(kind)),
        Climbing::StartsRuntime | Climbing::RunsFuture => None,
    }
}

fn place(project: &Project, place: Place) -> (String, u32, u32) {
    let source = project.source(place.file);
    let position = source.position(place.span.start);
    (source.path.to_string(), position.line, position.column)
}

fn declared(project: &Project, told: &Told<'_>) -> (String, u32, u32) {
    place(project, Place { file: told.function.file, span: project.function(told.function).span })
}

/// `by_name`: the function was asked for, and what is not known of it belongs to the answer.
fn page(project: &Project, told: &Told<'_>, by_name: bool) -> String {
    let (path, line, _) = declared(project, told);
    let mut text = format!("{NAME}{}{NAME:#}  {DIM}{path}:{line}{DIM:#}", told.name);
    text.push_str(if told.on_loop { "  runs on the event loop\n" } else { "\n" });
    if told.effects.is_empty() {
        text.push_str("  not known to block or to start a runtime\n");
    }
    for (effect, trace, api) in &told.effects {
        match kind_of(*effect) {
            Some(kind) => text.push_str(&format!("  {EFFECT}blocks{EFFECT:#} ({kind}), by `{}`\n", api.path)),
            None => text.push_str(&format!("  {EFFECT}starts a runtime{EFFECT:#}, by `{}`\n", api.path)),
        }
        for step in trace {
            let (path, line, column) = place(project, step.place);
            text.push_str(&format!("    {path}:{line}:{column}  in `{}`: {}\n", step.function, step.message));
        }
    }
    let unresolved = if by_name { unresolved(project, told.function) } else { Vec::new() };
    if !unresolved.is_empty() {
        text.push_str("  not known what these calls run:\n");
        for Unknown { name, at, why } in unresolved {
            let (path, line, column) = place(project, at);
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            text.push_str(&format!("    {path}:{line}:{column}  `{name}`{why}\n"));
        }
    }
    text
}

fn object(project: &Project, told: &Told<'_>, by_name: bool) -> Value {
    let location = |(path, line, column): (String, u32, u32)| json!({ "path": path, "line": line, "column": column });
    let step = |step: &Step| {
        let location = location(place(project, step.place));
        json!({ "function": step.function, "message": step.message, "location": location })
    };
    let effect = |(effect, trace, api): &(Climbing, Vec<Step>, &Api)| {
        json!({
            "effect": if kind_of(*effect).is_none() { "starts-runtime" } else { "blocks" },
            "kind": kind_of(*effect),
            "by": api.path,
            "confidence": api.confidence.name(),
            "source": api.source,
            "trace": trace.iter().map(step).collect::<Vec<_>>(),
        })
    };
    let unresolved = by_name.then(|| {
        let calls = unresolved(project, told.function).into_iter();
        let told =
            |it: Unknown<'_>| json!({ "call": it.name, "location": location(place(project, it.at)), "reason": it.why });
        calls.map(told).collect::<Vec<_>>()
    });
    json!({
        "function": told.name,
        "location": location(declared(project, told)),
        "onLoop": told.on_loop,
        "unresolved": unresolved,
        "effects": told.effects.iter().map(effect).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_go_by_the_end_of_their_name() {
        assert!(is_named("app.db.Store.load", "Store.load") && is_named("a::Store::load", "load"));
        assert!(is_named("load", "load"));
        assert!(!is_named("app.db.reload", "load") && !is_named("app.db", "app"));
    }
}
