//! Models that are really there, asked through the runtimes that serve them.
//!
//! `models.py` makes them with the interpreter named by `MODELYARD_TEST_PYTHON` (an environment
//! with the packages of `tests/requirements.txt`), whose ONNX Runtime is the one used.

#![allow(clippy::unwrap_used)] // A test may panic.

mod conformance;
mod death;
mod export;
mod packaging;
mod refusals;
mod same;
mod support;
