//! Hyperparameter search: samplers propose trials, the winner follows from their results.
//!
//! A search is a pure function: its trials follow from the configuration and the results so far,
//! so that a repeated search proposes the same ones and finds them in the cache. It never runs
//! anything.

pub mod sampler;
mod winner;

pub use sampler::{Sampler, sampler};
pub use winner::{Trial, winner};
