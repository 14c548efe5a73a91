//! When a supervised task is started again.

use std::time::Duration;

/// When a [`Supervisor`](crate::Supervisor) starts a task again, and how long it waits before.
///
/// The waits grow from the first to the longest by a factor, without chance: tasks that must not all come back at the
/// same moment are given different first waits.
///
/// ```
/// use std::time::Duration;
/// use taskgroup::Restart;
///
/// let restart = Restart::on_failure().first_wait(Duration::from_millis(100)).at_most(5);
/// assert_eq!(restart.wait(1), Some(Duration::from_millis(100)));
/// assert_eq!(restart.wait(3), Some(Duration::from_millis(400)));
/// assert_eq!(restart.wait(6), None);
/// ```
#[derive(Clone, Debug)]
pub struct Restart {
    always: bool,
    first_wait: Duration,
    longest_wait: Duration,
    factor: u32,
    at_most: u32,
    forgive_after: Duration,
}

impl Restart {
    /// After each error and each panic, but not after success: first after 100 ms, then after twice as long each time,
    /// at longest after a minute, without an end.
    ///
    /// ```
    /// use taskgroup::Restart;
    ///
    /// let waits: Vec<_> = (1..=3).map(|nth| Restart::on_failure().wait(nth).unwrap().as_millis()).collect();
    /// assert_eq!(waits, [100, 200, 400]);
    /// ```
    pub fn on_failure() -> Self {
        Self {
            always: false,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(60),
            factor: 2,
            at_most: u32::MAX,
            forgive_after: Duration::from_secs(60),
        }
    }

    /// The same, and also when the task ends without an error.
    ///
    /// ```
    /// use taskgroup::Restart;
    ///
    /// // Twice as long each time, but never more than ten seconds; a task that has held for an hour starts from the first again.
    /// let restart = Restart::always()
    ///     .first_wait(std::time::Duration::from_secs(1))
    ///     .factor(2)
    ///     .longest_wait(std::time::Duration::from_secs(10))
    ///     .forgive_after(std::time::Duration::from_secs(3_600));
    /// assert_eq!(restart.wait(9).unwrap().as_secs(), 10);
    /// assert!(Restart::never().wait(1).is_none());
    /// ```
    pub fn always() -> Self {
        Self { always: true, ..Self::on_failure() }
    }

    /// Never.
    ///
    /// ```
    /// assert_eq!(taskgroup::Restart::never().wait(1), None);
    /// ```
    pub fn never() -> Self {
        Self::on_failure().at_most(0)
    }

    /// The wait before the first restart.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taskgroup::Restart;
    ///
    /// let restart = Restart::on_failure().first_wait(Duration::from_secs(1));
    /// assert_eq!(restart.wait(1), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// The wait that is not exceeded.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taskgroup::Restart;
    ///
    /// let restart = Restart::on_failure().longest_wait(Duration::from_secs(1));
    /// assert_eq!(restart.wait(100), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// By how much each wait is longer than the one before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taskgroup::Restart;
    ///
    /// // The same wait each time.
    /// let restart = Restart::on_failure().first_wait(Duration::from_secs(1)).factor(1);
    /// assert_eq!(restart.wait(100), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn factor(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// How many restarts in a row there are before the task is given up.
    ///
    /// ```
    /// use taskgroup::Restart;
    ///
    /// let restart = Restart::on_failure().at_most(3);
    /// assert!(restart.wait(3).is_some() && restart.wait(4).is_none());
    /// ```
    #[must_use]
    pub fn at_most(mut self, restarts: u32) -> Self {
        self.at_most = restarts;
        self
    }

    /// A task that has run for this long before it ends is counted from the first restart again: a minute unless set.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use taskgroup::{BoxError, Outcome, Restart, Supervisor};
    ///
    /// // Given up when it fails at once after its restart, not when it has run for an hour before.
    /// let restart = Restart::on_failure().at_most(1).forgive_after(Duration::from_secs(3_600));
    /// let supervisor = Supervisor::new(|failure| eprintln!("{failure}"));
    /// let mut hours = [2, 2, 2, 0, 0].into_iter();
    /// let task = supervisor.spawn_restarting("feed", restart, move || {
    ///     let hours = hours.next().expect("it is given up before");
    ///     async move {
    ///         tokio::time::sleep(Duration::from_secs(3_600 * hours)).await;
    ///         Err::<(), BoxError>("cut off".into())
    ///     }
    /// });
    /// assert_eq!(task.await, Ok(Outcome::Failed));
    /// # }
    /// ```
    #[must_use]
    pub fn forgive_after(mut self, after: Duration) -> Self {
        self.forgive_after = after;
        self
    }

    /// How long to wait before the `nth` restart in a row, counted from 1; `None` if there is to be none.
    ///
    /// ```
    /// use taskgroup::Restart;
    ///
    /// let restart = Restart::on_failure().at_most(2);
    /// let waits: Vec<_> = (1..).map_while(|nth| restart.wait(nth)).map(|wait| wait.as_millis()).collect();
    /// assert_eq!(waits, [100, 200]);
    /// ```
    pub fn wait(&self, nth: u32) -> Option<Duration> {
        if nth > self.at_most {
            return None;
        }
        let grown = self.factor.checked_pow(nth.saturating_sub(1)).and_then(|by| self.first_wait.checked_mul(by));
        Some(grown.unwrap_or(self.longest_wait).min(self.longest_wait))
    }

    pub(crate) fn is_always(&self) -> bool {
        self.always
    }

    /// How many restarts in a row there will have been with one more, after a run of this length.
    pub(crate) fn count(&self, before: u32, ran: Duration) -> u32 {
        if ran >= self.forgive_after { 1 } else { before.saturating_add(1) }
    }
}
