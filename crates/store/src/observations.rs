//! How long what replicas reported is kept, in both kinds of home.
//!
//! Reports are forgotten when a new start of a replica reports, and never while a release is under way,
//! which is judged by what all starts counted together. When versions answered is kept for ever.

/// How long after its last report a start of a replica is known.
pub(crate) const KEPT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Of how many starts of one replica reports are kept, so that one that dies again and again fills nothing.
pub(crate) const BOOTS: u32 = 50;
