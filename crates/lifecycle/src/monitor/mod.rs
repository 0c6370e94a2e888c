//! Monitoring: what production answered is kept and read back, and people are told.
//!
//! ```text
//! alerts   what holds and should not, from its first notice to its end, and who is told
//! watcher  what a server does for all this, again and again
//! rows     the inference log read back: the rows of a span of time, piece by piece
//! ```

pub mod alerts;
pub mod rows;
mod watcher;

pub use watcher::{Duty, Watcher};
