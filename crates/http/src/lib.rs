//! The only crate that knows HTTP and wire JSON.
//!
//! `inference/` answers predictions in three protocols: ours, MLflow's `/invocations`, and the Open
//! Inference Protocol v2. A handler translates; the rules about requests are `modelyard_serve`'s.
//! To add a protocol: a file in `inference/`, a line in [`router`], its error shape in `error.rs`.

pub mod client;
mod connection;
mod error;
mod inference;
mod json;
pub mod native;
mod observed;
mod plane;
mod served;

use std::sync::Arc;

use axum::Router;

pub use plane::serve;
pub use served::{Limits, Served};

/// Every route of a data plane.
pub fn router(served: Arc<Served>) -> Router {
    inference::routes().with_state(served)
}
