//! Failures of the program itself: told in one line each, once all else is said, instead of wherever they happen.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps panics for [`report`] instead of printing them. With `RUST_BACKTRACE` set they are printed as always.
pub(super) fn quiet() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|it| it != "0") {
            usual(info);
        }
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(describe(info));
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(|it| format!(" at {}:{}", it.file(), it.line())).unwrap_or_default();
    format!("{}{place}", text.lines().next().unwrap_or_default())
}

/// Says on stderr what has failed. False if nothing has.
pub(super) fn report() -> bool {
    let mut seen = std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner));
    seen.sort();
    seen.dedup();
    for failure in &seen {
        super::output::error(&format!(
            "internal failure: {failure}; this is a bug in asynclint, please report it (version {})",
            env!("CARGO_PKG_VERSION")
        ));
    }
    !seen.is_empty()
}
