//! Structured concurrency for Tokio.
