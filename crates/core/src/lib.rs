//! The nouns of Modelyard: ids, digests, schemas, ports (traits) and persisted formats.
//!
//! This crate opens no file, starts no task and asks no clock: time and randomness arrive as
//! arguments, bytes through the [`ports`]. Everything that is stored or exchanged between parts
//! has its one definition here, with a version; an example of each released version lies in
//! `tests/formats/`.

pub mod action;
pub mod audit;
pub mod canonical;
pub mod clock;
pub mod config;
pub mod data;
pub mod deploy;
pub mod digest;
pub mod fault;
pub mod id;
pub mod model;
pub mod monitor;
pub mod outcome;
pub mod package;
pub mod placeholder;
pub mod ports;
pub mod run;
pub mod table;
pub mod text;
pub mod tree;

pub use clock::{Clock, Timestamp};
pub use digest::Digest;
pub use fault::{Fault, Kind, Result};
