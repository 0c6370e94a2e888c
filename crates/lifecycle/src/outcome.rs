//! What a pipeline run came to: the links from a model version back to its sources. Stored with
//! the run; `track` reads it too, so its one definition is in `core`.

pub use modelyard_core::outcome::{DataOutcome, GateOutcome, Outcome};
