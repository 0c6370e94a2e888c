//! Application tests against real `serve` processes: a good package passes, and each planted badness is
//! caught by the check that is there for it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/hostile.rs"]
mod hostile;

#[path = "application_test/badness.rs"]
mod badness;
#[path = "application_test/bench.rs"]
mod bench;
#[path = "application_test/good.rs"]
mod good;
