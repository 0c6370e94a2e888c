//! Monitoring: what production answered is kept and read back, and people are told.
//!
//! ```text
//! alerts   what holds and should not, from its first notice to its end, and who is told
//! query    SQL over what was logged
//! record   the inference log as a data plane writes it
//! rows     the inference log read back: the rows of a span of time, piece by piece
//! watcher  what a server does for all this, again and again
//! ```

pub mod alerts;
pub mod query;
pub mod record;
pub mod rows;
mod watcher;

pub use watcher::{Duty, Watcher};
