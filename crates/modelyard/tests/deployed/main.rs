//! Releases as they happen: a server, staging and production, and clients that ask all the time. Every
//! answer is compared with what `history` says was serving.
//!
//! ```text
//! shop      a small project with three versions, and the processes that serve it
//! traffic   clients, and what they were answered
//! record    answers against the history
//! ```

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/hostile.rs"]
mod hostile;
#[path = "../common/line/http.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod http;

mod back;
mod canary;
mod killed;
mod planted;
mod record;
mod shop;
mod tampered;
mod traffic;
