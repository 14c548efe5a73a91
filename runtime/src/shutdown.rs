//! One token for the end of the program.

use std::fmt;

use tokio_util::sync::CancellationToken;

/// The program's end as a token, which scopes ([`Scope::cancel_on`](crate::Scope::cancel_on)), cancel scopes
/// ([`CancelScope::with_token`](crate::CancelScope::with_token)) and supervisors
/// ([`Supervisor::run_until`](crate::Supervisor::run_until)) take. A clone is the same shutdown.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use taskgroup::Shutdown;
///
/// let shutdown = Shutdown::new();
/// let admin = shutdown.clone();
/// tokio::join!(shutdown.requested(), async { admin.trigger() });
/// assert!(shutdown.is_requested());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A shutdown that only [`trigger`](Self::trigger) requests.
    ///
    /// ```
    /// let shutdown = taskgroup::Shutdown::new();
    /// assert!(!shutdown.is_requested());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that ctrl-c requests, and on Unix SIGTERM as well.
    ///
    /// The first signal requests the shutdown. The second one ends the process with status 130, so that a program which
    /// does not come to its end can still be told to.
    ///
    /// From here on the signals' usual effect is gone for the life of the process, and the listener is a task that lives
    /// as long as the runtime this is called in: call it once, in `main`.
    ///
    /// # Errors
    ///
    /// If the signal handlers cannot be installed.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime with I/O enabled.
    ///
    /// ```no_run
    /// # async fn serve() {}
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use taskgroup::{CancelScope, Shutdown};
    ///
    /// let shutdown = Shutdown::on_signals()?;
    /// CancelScope::with_token(shutdown.token()).run(serve()).await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "signal")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
    pub fn on_signals() -> std::io::Result<Self> {
        let token = CancellationToken::new();
        let mut signals = Signals::new()?;
        let requested = token.clone();
        tokio::spawn(async move {
            signals.next().await;
            requested.cancel();
            signals.next().await;
            // The user insists.
            std::process::exit(130);
        });
        Ok(Self { token })
    }

    /// Requests the shutdown.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::{future::pending, time::Duration};
    /// use taskgroup::{BoxError, Shutdown, Supervisor};
    ///
    /// let shutdown = Shutdown::new();
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// supervisor.spawn("mail", pending::<Result<(), BoxError>>());
    /// shutdown.trigger();
    /// let report = supervisor.run_until(shutdown.token(), Duration::from_secs(5)).await;
    /// assert!(report.aborted.is_empty());
    /// # }
    /// ```
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Whether the shutdown has been requested.
    ///
    /// ```
    /// use taskgroup::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// shutdown.clone().trigger();
    /// assert!(shutdown.is_requested());
    /// ```
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits for the request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use taskgroup::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// tokio::join!(
    ///     async { shutdown.requested().await; println!("closing the door") },
    ///     async { shutdown.trigger() },
    /// );
    /// # }
    /// ```
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// A token that is cancelled by the request. Cancelling it does not request anything.
    ///
    /// ```
    /// use taskgroup::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// let token = shutdown.token();
    /// shutdown.trigger();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn token(&self) -> CancellationToken {
        self.token.child_token()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("requested", &self.is_requested()).finish_non_exhaustive()
    }
}

#[cfg(all(feature = "signal", unix))]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(all(feature = "signal", unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            if self.interrupt.poll_recv(cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            self.terminate.poll_recv(cx).map(|_| ())
        })
        .await;
    }
}

#[cfg(all(feature = "signal", windows))]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(all(feature = "signal", windows))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
