//! The inference log as it happens: requests to a data plane, and what the log says of them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/hostile.rs"]
mod hostile;
#[path = "../common/line/http.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod http;
#[path = "../common/port.rs"]
mod port;

mod answers;
mod feedback;
mod shop;
