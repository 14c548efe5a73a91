//! What is told to `tracing`, or to nobody without the feature.

#[cfg(feature = "tracing")]
pub(crate) use on::{Span, error_lost, failures_lost, slow};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Span, error_lost, failures_lost, slow};

#[cfg(feature = "tracing")]
mod on {
    use crate::TaskName;
    use crate::scope::SlowToStop;

    pub(crate) struct Span(tracing::Span);

    impl Span {
        pub(crate) fn none() -> Self {
            Self(tracing::Span::none())
        }

        pub(crate) fn task(name: &TaskName) -> Self {
            Self(tracing::debug_span!("task", %name))
        }

        pub(crate) fn enter(&self) -> tracing::span::Entered<'_> {
            self.0.enter()
        }
    }

    pub(crate) fn slow(report: &SlowToStop) {
        let tasks = report.tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        tracing::warn!(scope = %report.scope, waited = ?report.waited, tasks, "tasks are slow to stop");
    }

    pub(crate) fn error_lost(name: &TaskName) {
        tracing::warn!(%name, "a task failed after its scope was dropped: its error reaches nobody");
    }

    pub(crate) fn failures_lost(scope: &TaskName, panics: usize, errors: usize) {
        if panics + errors > 0 {
            tracing::error!(%scope, panics, errors, "failures beside the panic that is resumed; see Scope::catch_panics");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use crate::TaskName;
    use crate::scope::SlowToStop;

    pub(crate) struct Span;

    impl Span {
        pub(crate) fn none() -> Self {
            Self
        }

        pub(crate) fn task(_: &TaskName) -> Self {
            Self
        }

        pub(crate) fn enter(&self) -> Entered {
            Entered
        }
    }

    pub(crate) struct Entered;

    pub(crate) fn slow(_: &SlowToStop) {}

    pub(crate) fn error_lost(_: &TaskName) {}

    pub(crate) fn failures_lost(_: &TaskName, _: usize, _: usize) {}
}
