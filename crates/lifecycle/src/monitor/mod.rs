//! Monitoring: what production answered is kept and read back.
//!
//! ```text
//! rows   the inference log read back: the rows of a span of time, piece by piece
//! ```

pub mod rows;
