//! Continuous training, end to end: what sets it off, the training, the way through staging to production.
//!
//! ```text
//! mill      a small project, its server, and its causes
//! drift     a drift waits for data, trains and is released, whoever is killed meanwhile
//! origins   what else sets off training
//! ```

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/hostile.rs"]
mod hostile;
#[path = "../common/line/http.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod http;

mod drift;
mod mill;
mod origins;
