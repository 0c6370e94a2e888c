//! What monitoring found, and what started training.

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::id::CauseId;
use modelyard_core::monitor::{Cause, WindowRecord};
use modelyard_core::ports::{CauseStore, Found, MonitorStore};
use modelyard_core::{Result, Timestamp};
use serde_json::Value;

use super::{Database, Writing, decode, encode};
use crate::monitoring;

#[async_trait]
impl MonitorStore for Database {
    async fn memory(&self, id: &EnvironmentId) -> Result<Option<(u64, Value)>> {
        let row: Option<(i64, String)> =
            sqlx::query_as("SELECT revision, memory FROM monitors WHERE project = ? AND environment = ?")
                .bind(&id.project)
                .bind(&id.name)
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| self.fault(format!("cannot read what was found in `{id}`"), error))?;
        row.map(|(revision, text)| {
            Ok((revision.cast_unsigned(), decode(&text, &format!("the monitor of `{id}`"))?))
        })
        .transpose()
    }

    async fn keep(&self, found: &Found, actor: &Actor) -> Result<()> {
        let id = &found.environment;
        let fault = |error| self.fault(format!("cannot keep what was found in `{id}`"), error);
        let mut writing = self.write().await?;
        let written = sqlx::query(
            "INSERT INTO monitors (project, environment, revision, memory)
             SELECT ?1, ?2, 1, ?3 WHERE ?4 = 0
                 OR EXISTS (SELECT 1 FROM monitors WHERE project = ?1 AND environment = ?2)
             ON CONFLICT (project, environment) DO UPDATE
             SET revision = revision + 1, memory = excluded.memory WHERE revision = ?4",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(encode(&found.memory)?)
        .bind(found.revision.cast_signed())
        .execute(writing.connection())
        .await
        .map_err(fault)?;
        if written.rows_affected() == 0 {
            return Err(monitoring::monitor_changed(id));
        }
        for window in &found.windows {
            sqlx::query(
                "INSERT INTO windows (project, environment, start, number, ends, document)
                 VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (project, environment, start, number) DO UPDATE
                 SET ends = excluded.ends, document = excluded.document",
            )
            .bind(&id.project)
            .bind(&id.name)
            .bind(window.start.micros())
            .bind(window.number)
            .bind(window.end.micros())
            .bind(encode(window)?)
            .execute(writing.connection())
            .await
            .map_err(fault)?;
        }
        for cause in &found.causes {
            writing.add_cause(cause, actor).await?;
        }
        writing.commit().await
    }

    async fn windows(&self, id: &EnvironmentId, after: Option<Timestamp>) -> Result<Vec<WindowRecord>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM windows WHERE project = ? AND environment = ? AND ends > ?
             ORDER BY start, number",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(after.map_or(i64::MIN, Timestamp::micros))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read the windows of `{id}`"), error))?;
        texts.iter().map(|text| decode(text, &format!("a window of `{id}`"))).collect()
    }
}

#[async_trait]
impl CauseStore for Database {
    async fn add_cause(&self, cause: &Cause, actor: &Actor) -> Result<(Cause, bool)> {
        let mut writing = self.write().await?;
        let added = writing.add_cause(cause, actor).await?;
        writing.commit().await?;
        Ok(added)
    }

    async fn change_cause(&self, cause: &Cause, actor: &Actor) -> Result<Cause> {
        let fault = |error| self.fault(format!("cannot change cause `{}` of training", cause.id), error);
        let mut writing = self.write().await?;
        let before: Option<String> = sqlx::query_scalar("SELECT document FROM causes WHERE id = ?")
            .bind(cause.id.to_string())
            .fetch_optional(writing.connection())
            .await
            .map_err(fault)?;
        let before: Cause =
            decode(&before.ok_or_else(|| monitoring::no_cause(cause))?, "a cause of training")?;
        if before.revision != cause.revision {
            return Err(monitoring::changed_meanwhile(cause));
        }
        let mut cause = cause.clone();
        cause.revision += 1;
        let (event, details) = monitoring::cause_entry(Some(&before), &cause);
        writing.audit(actor, event, &monitoring::cause_subject(&cause), details).await?;
        sqlx::query("UPDATE causes SET revision = ?, document = ? WHERE id = ?")
            .bind(cause.revision.cast_signed())
            .bind(encode(&cause)?)
            .bind(cause.id.to_string())
            .execute(writing.connection())
            .await
            .map_err(fault)?;
        writing.commit().await?;
        Ok(cause)
    }

    async fn cause(&self, id: CauseId) -> Result<Option<Cause>> {
        let text: Option<String> = sqlx::query_scalar("SELECT document FROM causes WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot look up cause `{id}` of training"), error))?;
        text.map(|text| decode(&text, "a cause of training")).transpose()
    }

    async fn causes(&self, project: &str) -> Result<Vec<Cause>> {
        let texts: Vec<String> =
            sqlx::query_scalar("SELECT document FROM causes WHERE project = ? ORDER BY rowid DESC")
                .bind(project)
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.fault("cannot list causes of training", error))?;
        texts.iter().map(|text| decode(text, "a cause of training")).collect()
    }
}

impl Writing<'_> {
    async fn add_cause(&mut self, cause: &Cause, actor: &Actor) -> Result<(Cause, bool)> {
        let database = self.database;
        let fault = |error| database.fault("cannot keep a cause of training", error);
        let known: Option<String> =
            sqlx::query_scalar("SELECT document FROM causes WHERE project = ? AND trigger = ? AND key = ?")
                .bind(&cause.project)
                .bind(&cause.trigger)
                .bind(&cause.key)
                .fetch_optional(self.connection())
                .await
                .map_err(fault)?;
        if let Some(text) = known {
            return Ok((decode(&text, "a cause of training")?, false));
        }
        let cause = Cause { revision: 1, ..cause.clone() };
        let (event, details) = monitoring::cause_entry(None, &cause);
        self.audit(actor, event, &monitoring::cause_subject(&cause), details).await?;
        sqlx::query(
            "INSERT INTO causes (id, project, trigger, key, revision, document) VALUES (?, ?, ?, ?, 1, ?)",
        )
        .bind(cause.id.to_string())
        .bind(&cause.project)
        .bind(&cause.trigger)
        .bind(&cause.key)
        .bind(encode(&cause)?)
        .execute(self.connection())
        .await
        .map_err(fault)?;
        Ok((cause, true))
    }
}
