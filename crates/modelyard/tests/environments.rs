//! Environments with wrong, contradictory and simultaneous wishes, on machines that fail: through the built
//! binary, on a project that needs nothing but a bare Python.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/hostile.rs"]
mod hostile;
#[path = "common/port.rs"]
mod port;

#[path = "environments/compared.rs"]
mod compared;
#[path = "environments/disk.rs"]
mod disk;
#[path = "environments/own_test.rs"]
mod own_test;
#[path = "environments/refused.rs"]
mod refused;
#[path = "environments/stage.rs"]
mod stage;
#[path = "environments/stopping.rs"]
mod stopping;
#[path = "environments/strangers.rs"]
mod strangers;
#[path = "environments/together.rs"]
mod together;
