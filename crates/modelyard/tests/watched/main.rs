//! What a running server does: releases by routes alone, with events of all that happens; tests that are seen
//! as they run; replicas of a new program; alerts.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../common/line/mod.rs"]
mod common;

mod alerts;
mod progress;
mod rig;
mod routes;
mod upgrade;
