//! Implements the ports of `core`: a home in a local folder with its metadata in SQLite, and one
//! in memory for tests.
//!
//! This is the only crate that knows SQL, the layout of a home and its locks. It decides nothing
//! about the domain: which alias a version takes, or when a run counts as interrupted, is for
//! the crates above.
//!
//! # A home's folder
//!
//! ```text
//! .gitignore      `*`: nothing of a home belongs into a repository
//! home.json       {"version": 1}; written last, so a folder with it is a whole home
//! modelyard.db    SQLite in WAL mode; its `user_version` is the home's version too
//! blobs/ab/cdef…  content, read-only, named by its BLAKE3 digest
//! predictions/    segments of the inference log, Parquet, named likewise; rows of `segments` are the log
//! tmp/ID/         files being written by one open home, which holds a lock on the folder
//! locks/home      shared by every open home, exclusive while the home is made or upgraded
//! locks/NAME-…    a named lock; there while it is held, or since its holder was killed
//! ```
//!
//! Its version is the number of the last migration in `migrations/`. To change what is persisted
//! add a migration file and a line in `sqlite/migrations.rs`; a released one is never edited.
//! To add a port: a trait in `core::ports`, a file in `sqlite/` and `memory/` each, a file of
//! promises in `tests/store/promises/`.
//!
//! # What is promised
//!
//! An acknowledged write survives the death of the process at any moment, and of the machine as
//! far as its disk keeps what was flushed. Whatever was not acknowledged is there whole or not
//! at all. Any number of processes of one machine may use a home at once; a home on a network
//! file system is not supported, as SQLite's WAL mode and `flock` are not reliable there.

mod chain;
mod environments;
mod faults;
mod folder;
mod memory;
mod monitoring;
mod observations;
mod registry;
mod sqlite;
mod trees;

use std::path::Path;
use std::sync::Arc;

use modelyard_core::ports::Home;
use modelyard_core::{Clock, Result};

pub use folder::Upgrade;

/// Opens the home in `folder`, which is made if missing. Nothing else may be in that folder.
///
/// # Errors
/// `Kind::Store` if it can't be made, read or written; if it was written by a newer program; if
/// it has an older version, since only [`upgrade`] changes that.
pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Home> {
    folder::open(folder, clock, folder::IfMissing::Make, sqlite::MIGRATIONS).await
}

/// Opens the home in `folder`.
///
/// # Errors
/// `Kind::NotFound` if there is none; else as [`open`].
pub async fn open_existing(folder: &Path, clock: Arc<dyn Clock>) -> Result<Home> {
    folder::open(folder, clock, folder::IfMissing::Refuse, sqlite::MIGRATIONS).await
}

/// Brings the home in `folder` to the version that this program knows, in one transaction.
///
/// # Errors
/// `Kind::NotFound` if there is none; `Kind::Conflict` while a process has it open; `Kind::Store`
/// if it was written by a newer program or can't be written.
pub async fn upgrade(folder: &Path) -> Result<Upgrade> {
    folder::upgrade(folder, sqlite::MIGRATIONS).await
}

/// A new home in memory, which ends with its last handle.
pub fn memory() -> Home {
    memory::home()
}
