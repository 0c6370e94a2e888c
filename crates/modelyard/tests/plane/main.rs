//! `modelyard serve --environment`, through the built binary: it follows its environment's state under
//! load, takes in what is proven and nothing else, and tells what it saw, also when it is killed.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/line/mod.rs"]
mod common;

mod ends;
mod faults;
mod stage;
mod swaps;
