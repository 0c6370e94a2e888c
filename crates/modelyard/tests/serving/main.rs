//! `modelyard serve`, through the built binary: answers equal to scikit-learn's over whole test parts, in
//! all protocols; what is refused, and how; and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/line/mod.rs"]
mod common;

mod answers;
mod ending;
mod invocations;
mod packages;
mod predict;
mod refusals;
mod triton;
mod v2;
