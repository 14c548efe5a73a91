//! Where text goes: stdout, stderr, or a file that is replaced as a whole.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::Failure;
use crate::report::{Terminal, supports_links};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// One line on stderr.
pub(super) fn error(line: &str) {
    say("error", ERROR, line);
}

/// One line on stderr.
pub(super) fn warning(line: &str) {
    say("warning", WARNING, line);
}

fn say(word: &str, style: Style, line: &str) {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(anstream::stderr(), "{style}{word}{style:#}: {line}");
}

/// One plain line on stderr.
pub(super) fn note(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// What stdout can show.
pub(super) fn terminal() -> Terminal {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let color = AutoStream::choice(&stdout) != ColorChoice::Never;
    Terminal {
        color,
        links: is_terminal && color && supports_links(|name| std::env::var(name).ok()),
        unicode: !is_terminal || supports_unicode::on(supports_unicode::Stream::Stdout),
        width: is_terminal.then(width).flatten(),
    }
}

/// The width of the terminal behind stdout, in columns.
fn width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Writes a text to stdout. A reader that has closed the pipe has seen enough: that is no error.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // What is buffered would be tried once more on drop.
            let _ = out.into_parts();
            Err(Failure::new(format!("the output cannot be written: {}", crate::discover::io_text(&error))))
        }
        Err(_) => {
            let _ = out.into_parts();
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Writes a file by way of a temporary one beside it: readers see the old text or the new, never a part.
pub(super) fn replace(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let attempt = || -> io::Result<()> {
        // `-` and devices are written to as they are: there is nothing to replace.
        if std::fs::metadata(file).is_ok_and(|it| !it.is_file()) {
            let mut out = io::BufWriter::new(std::fs::OpenOptions::new().write(true).open(file)?);
            write(&mut out)?;
            return out.flush();
        }
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder)?;
        crate::fix::replace(file, write)
    };
    attempt().map_err(|error| {
        Failure::new(format!(
            "`{}` cannot be written: {}; give another `--output-file`",
            file.display(),
            crate::discover::io_text(&error)
        ))
    })
}

/// Prints a text with styles in it, without them where stdout wants none.
pub(super) fn print_styled(text: &str) -> Result<(), Failure> {
    let color = terminal().color;
    print(
        |out| {
            if color { out.write_all(text.as_bytes()) } else { write!(out, "{}", anstream::adapter::strip_str(text)) }
        },
    )
}
