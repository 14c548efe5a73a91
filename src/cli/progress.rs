//! A sign of life on stderr for those who wait at a terminal.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::ProgressBar;

/// Nobody needs to be told about a run that is over sooner.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// Shows what is being done, until it is dropped.
pub(super) struct Progress {
    drawer: Option<(Sender<String>, JoinHandle<()>)>,
}

impl Progress {
    /// Draws nothing if stderr is no terminal or nobody wants to know.
    pub fn new(wanted: bool) -> Self {
        if !wanted || !std::io::stderr().is_terminal() {
            return Self { drawer: None };
        }
        let (sender, receiver) = channel::<String>();
        let draw = move || {
            let mut phase = String::new();
            let mut bar: Option<ProgressBar> = None;
            let mut patience = PATIENCE;
            loop {
                match receiver.recv_timeout(patience) {
                    Ok(next) => phase = next,
                    Err(RecvTimeoutError::Timeout) => patience = TICK,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if patience == TICK {
                    let bar = bar.get_or_insert_with(ProgressBar::new_spinner);
                    bar.set_message(phase.clone());
                    bar.tick();
                }
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        };
        // Without a thread to draw it there is no sign, and that is all.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(draw);
        Self { drawer: thread.ok().map(|thread| (sender, thread)) }
    }

    /// What is being done from now on.
    pub fn phase(&self, phase: impl Into<String>) {
        if let Some((sender, _)) = &self.drawer {
            // A drawer that is gone has nobody to tell.
            let _ = sender.send(phase.into());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.drawer.take() {
            drop(sender);
            // Its last act is to clear the line.
            let _ = thread.join();
        }
    }
}
