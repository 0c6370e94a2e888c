//! Metadata in SQLite: connections, transactions, and a file for each port.
//!
//! Whoever reads takes a connection of the pool; whoever writes calls [`Database::write`], which
//! begins `IMMEDIATE`: a transaction that reads first and writes later fails at once when
//! another process wrote in between, however long it may wait.

mod alerts;
mod audit;
mod data;
mod environments;
mod labels;
mod migrations;
mod models;
mod monitoring;
mod observations;
mod results;
mod runs;
mod segments;
mod stamps;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use modelyard_core::{Digest, Fault, Kind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite, Transaction};
use tokio::sync::{Mutex, MutexGuard};

pub(crate) use migrations::{MIGRATIONS, make, migrate};

use crate::faults;

/// How long one process waits while others write. Far above any transaction here, so that only
/// a stuck process is ever reported.
const BUSY: Duration = Duration::from_secs(60);

/// Implements every port that is about metadata.
pub(crate) struct Database {
    path: PathBuf,
    pool: SqlitePool,
    /// One writer a process: those of other processes wait by polling, which is slow and unfair.
    turn: Mutex<()>,
    home: Arc<File>,
}

/// A transaction that may write; undone unless committed.
struct Writing<'a> {
    database: &'a Database,
    transaction: Transaction<'static, Sqlite>,
    _turn: MutexGuard<'a, ()>,
}

impl Database {
    pub(crate) async fn open(path: PathBuf, home: Arc<File>) -> Result<Self> {
        // One connection to begin with, the others as they are needed, none ever given up: the
        // cheapest for a command that lives for a moment.
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(BUSY)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // On a full disk SQLite itself undoes a transaction, which sqlx does not notice: the connection
            // would refuse every later one.
            .before_acquire(|connection, _| {
                let is_usable = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_usable) })
            })
            .connect_with(options(&path))
            .await
            .map_err(|error| faults::sql("cannot open the home's database".to_owned(), &path, error))?;
        Ok(Self { path, pool, turn: Mutex::new(()), home })
    }

    pub(crate) async fn version(&self) -> Result<u32> {
        sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.fault("cannot read the home's version", error))
    }

    /// Waits until nobody else writes.
    async fn write(&self) -> Result<Writing<'_>> {
        let turn = self.turn.lock().await;
        let transaction = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|error| self.fault("cannot begin to write to the home", error))?;
        Ok(Writing { database: self, transaction, _turn: turn })
    }

    fn fault(&self, message: impl Into<String>, error: sqlx::Error) -> Fault {
        faults::sql(message.into(), &self.path, error)
    }
}

impl Writing<'_> {
    fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// From its return on the changes survive whatever happens to this process.
    async fn commit(self) -> Result<()> {
        let Self { database, transaction, _turn } = self;
        transaction.commit().await.map_err(|error| database.fault("cannot write to the home", error))
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .disable_statement_logging()
}

/// A document as the text to store.
fn encode(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document)
        .map_err(|error| Fault::new(Kind::Internal, "cannot write a document as JSON").because(error))
}

/// A stored document; `what` names it in the message.
fn decode<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| not_understood(what).because(error))
}

fn digest(text: &str, what: &str) -> Result<Digest> {
    Digest::from_str(text).map_err(|error| not_understood(what).because(error))
}

fn not_understood(what: &str) -> Fault {
    Fault::new(Kind::Store, format!("cannot understand what the home holds of {what}"))
        .hint("the database was changed by hand or is damaged: restore the home from a copy")
}
