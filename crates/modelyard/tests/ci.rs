//! `modelyard ci`: the pipeline file does what it says, in a fresh clone, up to a version in production.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/hostile.rs"]
mod hostile;
#[path = "common/port.rs"]
mod port;

#[path = "ci/file.rs"]
mod file;
#[path = "ci/pipeline.rs"]
mod pipeline;
#[path = "ci/run.rs"]
mod run;
