//! The seal, proven by hostile steps: each attack first gets at a test row without the sandbox, then
//! does not with it. And the other half of the promise: what was not declared is an error that says
//! how to declare it, and what was opened on purpose is written down with the run.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/hostile.rs"]
mod hostile;

#[path = "seal/attacks.rs"]
mod attacks;
#[path = "seal/declared.rs"]
mod declared;
#[path = "seal/network.rs"]
mod network;
#[path = "seal/variables.rs"]
mod variables;
