//! What every target promises ([`promises`]), and what the member `process` promises besides ([`process`]),
//! with real processes on a real port. They play a replica by `replica.py`, which `MODELYARD_TEST_PYTHON`
//! runs.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod process;
mod promises;
mod rig;
