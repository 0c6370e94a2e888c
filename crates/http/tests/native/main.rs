//! The server's API over real connections, on a home in memory.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod answers;
mod events;
mod limits;
mod rig;
mod strangers;
