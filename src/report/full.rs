//! For people: what is wrong, where, by which chain of calls, and what to do.

use std::io::{self, Write};

use miette::GraphicalReportHandler;
use rayon::prelude::*;

use super::excerpt::{Drawing, Pages, drawer, mark};
use super::printable::one_line;
use super::spot::Spot;
use super::{Run, Suppressed, paint, statistics};
use crate::finding::{Applicability, Confidence, Finding, Fix, Place, Related, Severity};

/// Findings that one pen draws: neighbours, which are often of one file.
const A_PEN: usize = 32;
/// Findings whose drawings are in memory together.
const AT_ONCE: usize = 64 * A_PEN;

pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    // Drawn side by side, a stretch at a time so that no more than that waits to be written.
    for stretch in run.findings.chunks(AT_ONCE) {
        let drawn = stretch.par_chunks(A_PEN).map(|some| {
            let (pen, mut text) = (Pen::of(run), Vec::new());
            some.iter().try_for_each(|it| finding(run, &pen, &it.finding, None, &mut text)).map(|()| text)
        });
        for text in drawn.collect::<io::Result<Vec<_>>>()? {
            out.write_all(&text)?;
        }
    }
    let pen = Pen::of(run);
    for it in run.suppressed {
        finding(run, &pen, &it.finding, Some(it), out)?;
    }
    if run.statistics && !run.findings.is_empty() {
        statistics(run, out)?;
        writeln!(out)?;
    }
    if run.quiet { Ok(()) } else { writeln!(out, "{}", summary(run)) }
}

struct Pen<'a> {
    drawer: GraphicalReportHandler,
    pages: Pages<'a>,
}

impl<'a> Pen<'a> {
    fn of(run: &Run<'a>) -> Self {
        Self { drawer: drawer(run.terminal), pages: Pages::of(run.sources) }
    }
}

fn finding(
    run: &Run<'_>,
    pen: &Pen<'_>,
    finding: &Finding,
    suppressed: Option<&Suppressed>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let spot = Spot::of(run.sources, finding.place);
    // Other places of the same page are marked in the same excerpt; those elsewhere get their own.
    let (near, far): (Vec<&Related>, Vec<&Related>) =
        finding.related.iter().partition(|it| same_page(&spot, &Spot::of(run.sources, it.place)));
    let mut marks = vec![mark(spot.span, spot.source, None, true)];
    marks.extend(near.iter().map(|it| mark(it.place.span, spot.source, Some(&it.message), false)));
    let likely = if finding.confidence == Confidence::Likely { ", likely" } else { "" };
    let drawing = Drawing {
        severity: Some(finding.severity),
        code: Some(format!("{}[{}{likely}]", finding.severity.name(), finding.rule.name)),
        url: run.page(finding.rule),
        message: one_line(&finding.message).into_owned(),
        help: None,
        page: Some(pen.pages.page(finding.place)),
        marks,
    };
    write!(out, "{}", drawing.draw(&pen.drawer))?;
    links(run, pen, finding, &far, out)?;
    if let Some(help) = help(finding, suppressed) {
        write!(out, "{}", Drawing { help: Some(help), ..Drawing::default() }.draw_bare(&pen.drawer))?;
    }
    writeln!(out)
}

fn same_page(a: &Spot<'_>, b: &Spot<'_>) -> bool {
    std::ptr::eq(a.source, b.source) && a.cell == b.cell
}

/// The places elsewhere: first the evidence, link by link, then what else is worth seeing.
fn links(run: &Run<'_>, pen: &Pen<'_>, finding: &Finding, far: &[&Related], out: &mut dyn Write) -> io::Result<()> {
    let steps = finding.trace.iter().map(|it| (format!("in `{}`", it.function), Some(it.message.as_str()), it.place));
    let related = far.iter().map(|it| (it.message.clone(), None, it.place));
    let all: Vec<(String, Option<&str>, Place)> = steps.chain(related).collect();
    let drawer = pen.drawer.clone().with_context_lines(0);
    let style = paint(run.terminal, finding.severity);
    for (index, (heading, label, place)) in all.iter().enumerate() {
        let (arrow, bar) = match (run.terminal.unicode, index + 1 == all.len()) {
            (true, false) => ("\u{251c}\u{2500}\u{25b6}", "\u{2502}"),
            (true, true) => ("\u{2570}\u{2500}\u{25b6}", " "),
            (false, false) => ("|->", "|"),
            (false, true) => ("`->", " "),
        };
        writeln!(out, "  {style}{arrow}{style:#} {}", one_line(heading))?;
        let spot = Spot::of(run.sources, *place);
        let marks = vec![mark(spot.span, spot.source, *label, true)];
        let drawing = Drawing { page: Some(pen.pages.page(*place)), marks, ..Drawing::default() };
        for line in drawing.draw_bare(&drawer).lines() {
            writeln!(out, "{}", format!("  {style}{bar}{style:#} {line}").trim_end())?;
        }
    }
    Ok(())
}

fn help(finding: &Finding, suppressed: Option<&Suppressed>) -> Option<String> {
    let mut lines: Vec<String> = finding.help.iter().map(|it| one_line(it).into_owned()).collect();
    let word = if lines.is_empty() { "" } else { "fix: " };
    lines.extend(finding.fix.as_ref().map(|fix| format!("{word}{}", offer(fix))));
    lines.extend(suppressed.map(|it| match &it.reason.text {
        Some(text) => format!("suppressed by `{}`: {}", one_line(&it.reason.by), one_line(text)),
        None => format!("suppressed by `{}`", one_line(&it.reason.by)),
    }));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn offer(fix: &Fix) -> String {
    let how = match fix.applicability {
        Applicability::Safe => "`--fix` does it",
        Applicability::Unsafe => "`--fix --unsafe-fixes` does it; look at what it does",
        Applicability::Suggestion => "to be done by hand",
    };
    format!("{} ({how})", one_line(&fix.message))
}

fn summary(run: &Run<'_>) -> String {
    let files = plural(run.summary.checked, "file");
    if run.findings.is_empty() {
        return format!("Nothing found in {files}.");
    }
    let severities = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counts: Vec<String> = severities
        .into_iter()
        .map(|(severity, name)| (run.findings.iter().filter(|it| it.finding.severity == severity).count(), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| plural(count, name))
        .collect();
    let mut text = format!("Found {} in {files}.", counts.join(", "));
    let (safe, unsure) = (run.fixes(Applicability::Safe), run.fixes(Applicability::Unsafe));
    if safe > 0 {
        text.push_str(&format!(" `--fix` mends {safe}."));
    }
    if unsure > 0 {
        let more = if safe > 0 { "more" } else { "of them" };
        text.push_str(&format!(" `--fix --unsafe-fixes` mends {unsure} {more}."));
    }
    text
}

fn plural(count: usize, name: &str) -> String {
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}
