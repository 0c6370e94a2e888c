//! What replicas report, and a watch over the whole database.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::deploy::{EnvironmentId, ReplicaReport, Served, TestsUnderWay};
use modelyard_core::ports::{ObservationStore, Watch};
use modelyard_core::{Result, Timestamp};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnection;

use super::{Database, Writing, decode, digest, encode, options};
use crate::faults;
use crate::observations::{BOOTS, KEPT_MICROS};

#[async_trait]
impl ObservationStore for Database {
    async fn report(&self, report: &ReplicaReport) -> Result<()> {
        let mut writing = self.write().await?;
        if writing.keep_report(report).await? {
            for span in &report.served {
                writing.keep_span(&report.environment, span).await?;
            }
        }
        writing.commit().await
    }

    async fn reports(&self, environment: &EnvironmentId) -> Result<Vec<ReplicaReport>> {
        let texts: Vec<String> = sqlx::query_scalar(
            // In the order in which replicas were started, whatever the clock said then.
            "SELECT document FROM reports WHERE project = ? AND environment = ? ORDER BY rowid",
        )
        .bind(&environment.project)
        .bind(&environment.name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read the reports of `{environment}`"), error))?;
        texts.iter().map(|text| decode(text, &format!("the reports of `{environment}`"))).collect()
    }

    async fn served(&self, environment: &EnvironmentId) -> Result<Vec<Served>> {
        let rows: Vec<(i64, String, i64, i64)> = sqlx::query_as(
            "SELECT generation, package, first, last FROM served
             WHERE project = ? AND environment = ? ORDER BY generation, package",
        )
        .bind(&environment.project)
        .bind(&environment.name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read what served in `{environment}`"), error))?;
        rows.into_iter()
            .map(|(generation, package, first, last)| {
                Ok(Served {
                    generation: generation.cast_unsigned(),
                    package: digest(&package, &format!("what served in `{environment}`"))?,
                    first: Timestamp::from_micros(first),
                    last: Timestamp::from_micros(last),
                })
            })
            .collect()
    }

    async fn note_tests(&self, tests: &TestsUnderWay) -> Result<()> {
        let id = &tests.environment;
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO tests_under_way (project, environment, document) VALUES (?, ?, ?)
             ON CONFLICT (project, environment) DO UPDATE SET document = excluded.document",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(encode(tests)?)
        .execute(writing.connection())
        .await
        .map_err(|error| self.fault(format!("cannot keep how tests of `{id}` get on"), error))?;
        writing.commit().await
    }

    async fn tests(&self, environment: &EnvironmentId) -> Result<Option<TestsUnderWay>> {
        let text: Option<String> =
            sqlx::query_scalar("SELECT document FROM tests_under_way WHERE project = ? AND environment = ?")
                .bind(&environment.project)
                .bind(&environment.name)
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| {
                    self.fault(format!("cannot read how tests of `{environment}` get on"), error)
                })?;
        text.map(|text| decode(&text, &format!("tests of `{environment}`"))).transpose()
    }

    async fn watch(&self) -> Result<Box<dyn Watch>> {
        let connection = options(&self.path)
            .read_only(true)
            .connect()
            .await
            .map_err(|error| self.fault("cannot watch the home", error))?;
        let path = self.path.clone();
        Ok(Box::new(DatabaseWatch { connection, seen: None, path, _home: Arc::clone(&self.home) }))
    }
}

impl Writing<'_> {
    /// Whether it was news.
    async fn keep_report(&mut self, report: &ReplicaReport) -> Result<bool> {
        let database = self.database;
        let id = &report.environment;
        let fault = |error| database.fault(format!("cannot keep a report of `{id}`"), error);
        let known: Option<i64> = sqlx::query_scalar(
            "SELECT sequence FROM reports
             WHERE project = ? AND environment = ? AND replica = ? AND boot = ?",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(report.replica)
        .bind(&report.boot)
        .fetch_optional(self.connection())
        .await
        .map_err(fault)?;
        if known.is_some_and(|known| known.cast_unsigned() > report.sequence) {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO reports (project, environment, replica, boot, sequence, at, document)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (project, environment, replica, boot) DO UPDATE
             SET sequence = excluded.sequence, at = excluded.at, document = excluded.document",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(report.replica)
        .bind(&report.boot)
        .bind(report.sequence.cast_signed())
        .bind(report.at.micros())
        .bind(encode(report)?)
        .execute(self.connection())
        .await
        .map_err(fault)?;
        if known.is_none() {
            sqlx::query(
                "DELETE FROM reports
                 WHERE project = ?1 AND environment = ?2
                   AND (at < ?3 OR ?4 <= (SELECT count(*) FROM reports AS newer
                        WHERE newer.project = reports.project AND newer.environment = reports.environment
                          AND newer.replica = reports.replica AND newer.rowid > reports.rowid))
                   AND NOT EXISTS (SELECT 1 FROM environments
                        WHERE environments.project = ?1 AND name = ?2
                          AND environments.document ->> 'release' IS NOT NULL)",
            )
            .bind(&id.project)
            .bind(&id.name)
            .bind(report.at.micros() - KEPT_MICROS)
            .bind(BOOTS)
            .execute(self.connection())
            .await
            .map_err(fault)?;
        }
        Ok(true)
    }

    async fn keep_span(&mut self, id: &EnvironmentId, span: &Served) -> Result<()> {
        let database = self.database;
        sqlx::query(
            "INSERT INTO served (project, environment, generation, package, first, last)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (project, environment, generation, package) DO UPDATE
             SET first = min(first, excluded.first), last = max(last, excluded.last)",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(span.generation.cast_signed())
        .bind(span.package.to_string())
        .bind(span.first.micros())
        .bind(span.last.micros())
        .execute(self.connection())
        .await
        .map_err(|error| database.fault(format!("cannot keep what served in `{id}`"), error))?;
        Ok(())
    }
}

/// SQLite counts what other connections wrote; this one writes nothing, so nothing escapes it.
struct DatabaseWatch {
    connection: SqliteConnection,
    seen: Option<i64>,
    path: std::path::PathBuf,
    _home: Arc<File>,
}

#[async_trait]
impl Watch for DatabaseWatch {
    async fn changed(&mut self) -> Result<bool> {
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| faults::sql("cannot watch the home".to_owned(), &self.path, error))?;
        Ok(self.seen.replace(version) != Some(version))
    }
}
