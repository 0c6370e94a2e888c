//! The database's versions. A released migration is never edited; the next one is a new file.

use std::path::Path;

use modelyard_core::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, raw_sql};

use super::options;
use crate::faults;

/// In order; the first makes version 1 of an empty database.
pub(crate) const MIGRATIONS: &[&str] =
    &[include_str!("../../migrations/0001_first.sql"), include_str!("../../migrations/0002_monitoring.sql")];

/// Makes the database at `path` with all of `migrations`, or completes one that was made in part.
pub(crate) async fn make(path: &Path, migrations: &[&'static str]) -> Result<()> {
    // The mode is kept in the file, so that no later opening needs to set it.
    let options = options(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    apply(options, path, migrations).await.map(drop)
}

/// Applies those of `migrations` that the database at `path` lacks, in one transaction. Answers
/// the version that it had; a newer database is left as it is.
pub(crate) async fn migrate(path: &Path, migrations: &[&'static str]) -> Result<u32> {
    apply(options(path), path, migrations).await
}

async fn apply(options: SqliteConnectOptions, path: &Path, migrations: &[&'static str]) -> Result<u32> {
    let fault = |error| faults::sql("cannot bring the home's database up to date".to_owned(), path, error);
    let mut connection = options.connect().await.map_err(fault)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    let found: u32 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(fault)?;
    for (migration, number) in migrations.iter().copied().zip(1u32..).skip(found as usize) {
        raw_sql(migration).execute(&mut *transaction).await.map_err(fault)?;
        // A pragma takes no parameters; this one is part of the transaction.
        let version = format!("PRAGMA user_version = {number}");
        raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)?;
    connection.close().await.map_err(fault)?;
    Ok(found)
}
