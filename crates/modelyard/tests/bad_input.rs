//! Bad input, through the built binary: each ends with its own exit code and a message that says what
//! was found and what to do; nothing is half-written, and nothing is left running.
//!
//! What the crates test at their own level (the many ways in which a table or a query can be wrong)
//! is here once or twice, for the exit code.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/hostile.rs"]
mod hostile;

#[path = "bad_input/command.rs"]
mod command;
#[path = "bad_input/data.rs"]
mod data;
#[path = "bad_input/ended.rs"]
mod ended;
#[path = "bad_input/machine.rs"]
mod machine;
#[path = "bad_input/model.rs"]
mod model;
#[path = "bad_input/project.rs"]
mod project;
#[path = "bad_input/training.rs"]
mod training;
