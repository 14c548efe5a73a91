//! The worked examples, each of which has its tests beside it. Not in Miri, which has no network and no assembly code.
#![cfg(not(miri))]
#![allow(dead_code)]

#[path = "../examples/axum_graceful_shutdown.rs"]
mod axum_graceful_shutdown;
#[path = "../examples/batch_processor.rs"]
mod batch_processor;
#[path = "../examples/bounded_crawler.rs"]
mod bounded_crawler;
#[path = "../examples/circuit_breaker.rs"]
mod circuit_breaker;
#[path = "../examples/connection_pool.rs"]
mod connection_pool;
#[path = "../examples/event_bus.rs"]
mod event_bus;
#[path = "../examples/fetch_with_timeout.rs"]
mod fetch_with_timeout;
#[path = "../examples/parts_of_one_buffer.rs"]
mod parts_of_one_buffer;
#[path = "../examples/producer_and_consumers.rs"]
mod producer_and_consumers;
#[path = "../examples/retry_with_backoff.rs"]
mod retry_with_backoff;
#[path = "../examples/token_bucket.rs"]
mod token_bucket;
#[path = "../examples/ttl_cache.rs"]
mod ttl_cache;

/// As a user runs them: each to its end, apart from the server, which has none.
#[test]
fn they_run() {
    batch_processor::main();
    bounded_crawler::main();
    circuit_breaker::main();
    connection_pool::main().unwrap();
    event_bus::main();
    fetch_with_timeout::main();
    parts_of_one_buffer::main();
    producer_and_consumers::main();
    retry_with_backoff::main();
    token_bucket::main();
    ttl_cache::main();
}
