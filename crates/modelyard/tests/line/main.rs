//! The straight line on real data: each example project from raw tables to a registered version, through
//! the built binary; what changes it and what does not, what it answers, and that it can be built again.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/line/mod.rs"]
mod common;

mod answers;
mod builds;
mod changes;
mod data;
mod gates;
mod repeats;
