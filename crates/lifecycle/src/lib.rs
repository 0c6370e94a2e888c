//! The lifecycle itself: what the nodes of a project's graph do, composed from the rooms below.
//!
//! `build/` carries a project from sources to a registered model; [`status`] asks the same nodes
//! what they would do; [`reproduce`] makes them do it again and compares. A node's code is one
//! function that performs actions through the engine, so that running, asking and repeating are
//! the same walk with another [`modelyard_pipeline::Mode`].

pub mod build;
pub mod deploy;
mod environment;
mod manifest;
pub mod monitor;
mod outcome;
mod progress;
pub mod report;
pub mod reproduce;
pub mod seal;
mod snapshot;
mod source_control;
pub mod status;
mod troubles;
mod workshop;

pub use build::{Made, build};
pub use outcome::{DataOutcome, GateOutcome, Outcome};
pub use progress::{Progress, Silent, TrialState, duration_text};
pub use workshop::{Settings, Triggered, Workshop};
