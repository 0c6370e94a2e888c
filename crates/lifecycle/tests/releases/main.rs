//! Releases: their moves for whatever may be seen, the reconciler on a home in memory, and simulated
//! rollouts.

#![allow(clippy::unwrap_used)]

mod answers;
mod back;
mod begin;
mod clock;
mod ends;
mod moves;
mod people;
mod reconciler;
mod rig;
mod rollouts;
