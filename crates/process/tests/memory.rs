//! A test that holds much memory itself, and so has a process of its own.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod common;

use common::{Bench, finish};

#[tokio::test]
async fn the_memory_of_the_engine_is_not_the_commands() {
    let bench = Bench::new();
    let mut held = vec![1u8; 300_000_000];
    let exit = finish(bench.spec(&["sleep", "0.2"])).await;
    held[0] = 2;
    assert!(exit.usage.peak_memory_bytes < 50_000_000, "{:?}", exit.usage);
}
