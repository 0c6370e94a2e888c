//! Monitoring: what production answered is kept and read back, and people are told.
//!
//! ```text
//! alerts   what holds and should not, from its first notice to its end, and who is told
//! rows     the inference log read back: the rows of a span of time, piece by piece
//! ```

pub mod alerts;
pub mod rows;
