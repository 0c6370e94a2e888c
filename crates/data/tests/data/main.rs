//! What the crate promises, at its public edge. One program, because linking the query engine is
//! most of a test's cost.

mod bad_input;
mod common;
mod flights;
mod numpy;
mod queries;
mod splits;
mod tables;
mod types;
