//! Environments, their states and releases, and approvals: each change with its audit entry.

use std::collections::BTreeMap;

use async_trait::async_trait;
use modelyard_core::Digest;
use modelyard_core::Result;
use modelyard_core::audit::{Actor, AuditEntry, ENVIRONMENT_APPLIED, PROJECT_APPLIED};
use modelyard_core::deploy::{
    Applied, Approval, Environment, EnvironmentId, Release, ReleaseId, StateRecord,
};
use modelyard_core::ports::{Change, EnvironmentStore};
use sqlx::sqlite::SqliteConnection;

use super::{Database, Writing, decode, encode};
use crate::environments::{self, Next};
use crate::registry;

#[async_trait]
impl EnvironmentStore for Database {
    async fn apply(&self, applied: &Applied, wanted: &[Environment], actor: &Actor) -> Result<()> {
        let project = &applied.project;
        let fault = |error| self.fault(format!("cannot apply project `{project}`"), error);
        let mut writing = self.write().await?;
        let before: Option<String> = sqlx::query_scalar("SELECT document FROM applied WHERE project = ?")
            .bind(project)
            .fetch_optional(writing.connection())
            .await
            .map_err(fault)?;
        let before: Option<Applied> =
            before.map(|text| decode(&text, &format!("project `{project}`"))).transpose()?;
        let details = environments::applied(before.as_ref(), applied);
        let entry = writing.audit(actor, PROJECT_APPLIED, project, details).await?;
        sqlx::query(
            "INSERT INTO applied (project, document, audit_number, audit_digest) VALUES (?, ?, ?, ?)
             ON CONFLICT (project) DO UPDATE SET document = excluded.document,
                 audit_number = excluded.audit_number, audit_digest = excluded.audit_digest",
        )
        .bind(project)
        .bind(encode(applied)?)
        .bind(entry.0.number.cast_signed())
        .bind(entry.1.to_string())
        .execute(writing.connection())
        .await
        .map_err(fault)?;
        for wanted in wanted {
            let stored = writing.environment(&wanted.id).await?;
            let next = environments::next(stored.as_ref(), wanted, environments::APPLIED_CAUSE, actor)?;
            if environments::is_changed(stored.as_ref(), wanted) {
                let details = environments::applied_environment(stored.as_ref(), &next);
                let subject = wanted.id.to_string();
                let entry = writing.audit(actor, ENVIRONMENT_APPLIED, &subject, details).await?;
                writing.keep_environment(&next, &entry).await?;
            }
        }
        writing.commit().await
    }

    async fn applied(&self, project: &str) -> Result<Option<Applied>> {
        let text: Option<String> = sqlx::query_scalar("SELECT document FROM applied WHERE project = ?")
            .bind(project)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot look up project `{project}`"), error))?;
        text.map(|text| decode(&text, &format!("project `{project}`"))).transpose()
    }

    async fn projects(&self) -> Result<Vec<String>> {
        sqlx::query_scalar("SELECT project FROM applied ORDER BY project")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault("cannot list the applied projects", error))
    }

    async fn environment(&self, id: &EnvironmentId) -> Result<Option<Environment>> {
        let text: Option<String> = sqlx::query_scalar(OF_ID)
            .bind(&id.project)
            .bind(&id.name)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot look up environment `{id}`"), error))?;
        text.map(|text| decode(&text, &format!("environment `{id}`"))).transpose()
    }

    async fn environments(&self, project: Option<&str>) -> Result<Vec<Environment>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM environments WHERE ?1 IS NULL OR project = ?1 ORDER BY project, name",
        )
        .bind(project)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault("cannot list the environments", error))?;
        texts.iter().map(|text| decode(text, "an environment")).collect()
    }

    async fn change(&self, change: &Change, actor: &Actor) -> Result<Environment> {
        let id = &change.environment.id;
        let mut writing = self.write().await?;
        let stored = writing.environment(id).await?;
        let next = environments::next(stored.as_ref(), &change.environment, &change.cause, actor)?;
        let mut before = None;
        if let Some(release) = &change.release {
            before = self.release_in(writing.connection(), release.id).await?;
            environments::check_release(id, release, before.as_ref())?;
        }
        let details = environments::changed(stored.as_ref(), &next, change, before.as_ref());
        let entry = writing.audit(actor, change.event, &id.to_string(), details).await?;
        writing.keep_environment(&next, &entry).await?;
        if let Some(release) = &change.release {
            writing.keep_release(release, &entry).await?;
        }
        for (name, number, alias) in &change.aliases {
            writing.set_alias(name, *number, alias, actor).await?;
        }
        writing.commit().await?;
        Ok(next.environment)
    }

    async fn release(&self, id: ReleaseId) -> Result<Option<Release>> {
        let mut connection = self
            .pool
            .acquire()
            .await
            .map_err(|error| self.fault(format!("cannot look up release `{id}`"), error))?;
        self.release_in(&mut connection, id).await
    }

    async fn releases(&self, environment: &EnvironmentId) -> Result<Vec<Release>> {
        let texts: Vec<String> = sqlx::query_scalar(
            // In the order in which they began, whatever the clock said then.
            "SELECT document FROM releases WHERE project = ? AND environment = ? ORDER BY rowid DESC",
        )
        .bind(&environment.project)
        .bind(&environment.name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot list the releases of `{environment}`"), error))?;
        texts.iter().map(|text| decode(text, "a release")).collect()
    }

    async fn states(&self, environment: &EnvironmentId) -> Result<Vec<StateRecord>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM states WHERE project = ? AND environment = ? ORDER BY generation",
        )
        .bind(&environment.project)
        .bind(&environment.name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read the history of `{environment}`"), error))?;
        texts.iter().map(|text| decode(text, &format!("the history of `{environment}`"))).collect()
    }

    async fn state_entries(&self, environment: &EnvironmentId) -> Result<BTreeMap<u64, u64>> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT generation, audit_number FROM states WHERE project = ? AND environment = ?",
        )
        .bind(&environment.project)
        .bind(&environment.name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read the history of `{environment}`"), error))?;
        Ok(rows.into_iter().map(|(of, entry)| (of.cast_unsigned(), entry.cast_unsigned())).collect())
    }

    async fn approve(&self, approval: &Approval) -> Result<()> {
        let (name, number) = (&approval.model, approval.number);
        let subject = registry::subject(name, number);
        let mut writing = self.write().await?;
        if !writing.has_version(name, number).await? {
            return Err(environments::no_version(approval));
        }
        let given = self.approvals_in(writing.connection(), name, number).await?;
        let actor = Actor { name: approval.by.clone(), at: approval.at };
        let event = environments::approved_event(approval);
        let (entry, digest) =
            writing.audit(&actor, event, &subject, environments::approved(approval, &given)).await?;
        sqlx::query(
            "INSERT INTO approvals (audit_number, audit_digest, model, number, document)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(entry.number.cast_signed())
        .bind(digest.to_string())
        .bind(name)
        .bind(number)
        .bind(encode(approval)?)
        .execute(writing.connection())
        .await
        .map_err(|error| self.fault(format!("cannot keep what was said of `{subject}`"), error))?;
        writing.commit().await
    }

    async fn approvals(&self, model: &str, number: u32) -> Result<Vec<Approval>> {
        let mut connection =
            self.pool.acquire().await.map_err(|error| {
                self.fault(format!("cannot look up approvals of `{model}@{number}`"), error)
            })?;
        self.approvals_in(&mut connection, model, number).await
    }
}

const OF_ID: &str = "SELECT document FROM environments WHERE project = ? AND name = ?";

impl Database {
    async fn release_in(&self, connection: &mut SqliteConnection, id: ReleaseId) -> Result<Option<Release>> {
        let text: Option<String> = sqlx::query_scalar("SELECT document FROM releases WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(connection)
            .await
            .map_err(|error| self.fault(format!("cannot look up release `{id}`"), error))?;
        text.map(|text| decode(&text, &format!("release `{id}`"))).transpose()
    }

    async fn approvals_in(
        &self,
        connection: &mut SqliteConnection,
        model: &str,
        number: u32,
    ) -> Result<Vec<Approval>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM approvals WHERE model = ? AND number = ? ORDER BY audit_number",
        )
        .bind(model)
        .bind(number)
        .fetch_all(connection)
        .await
        .map_err(|error| self.fault(format!("cannot look up approvals of `{model}@{number}`"), error))?;
        texts.iter().map(|text| decode(text, &format!("the approvals of `{model}@{number}`"))).collect()
    }
}

impl Writing<'_> {
    async fn environment(&mut self, id: &EnvironmentId) -> Result<Option<Environment>> {
        let database = self.database;
        let text: Option<String> = sqlx::query_scalar(OF_ID)
            .bind(&id.project)
            .bind(&id.name)
            .fetch_optional(self.connection())
            .await
            .map_err(|error| database.fault(format!("cannot look up environment `{id}`"), error))?;
        text.map(|text| decode(&text, &format!("environment `{id}`"))).transpose()
    }

    /// The environment's row and, where the generation rose, one of its history.
    async fn keep_environment(&mut self, next: &Next, entry: &(AuditEntry, Digest)) -> Result<()> {
        let database = self.database;
        let Next { environment, record } = next;
        let id = &environment.id;
        let fault = |error| database.fault(format!("cannot change environment `{id}`"), error);
        let (number, digest) = (entry.0.number.cast_signed(), entry.1.to_string());
        sqlx::query(
            "INSERT INTO environments (project, name, revision, document, audit_number, audit_digest)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (project, name) DO UPDATE
             SET revision = excluded.revision, document = excluded.document,
                 audit_number = excluded.audit_number, audit_digest = excluded.audit_digest",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(environment.revision.cast_signed())
        .bind(encode(environment)?)
        .bind(number)
        .bind(&digest)
        .execute(self.connection())
        .await
        .map_err(fault)?;
        let Some(record) = record else { return Ok(()) };
        sqlx::query(
            "INSERT INTO states (project, environment, generation, document, audit_number, audit_digest)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(record.state.generation.cast_signed())
        .bind(encode(record)?)
        .bind(number)
        .bind(&digest)
        .execute(self.connection())
        .await
        .map_err(fault)?;
        Ok(())
    }

    async fn keep_release(&mut self, release: &Release, entry: &(AuditEntry, Digest)) -> Result<()> {
        let database = self.database;
        sqlx::query(
            "INSERT INTO releases (id, project, environment, document, audit_number, audit_digest)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET document = excluded.document,
                 audit_number = excluded.audit_number, audit_digest = excluded.audit_digest",
        )
        .bind(release.id.to_string())
        .bind(&release.environment.project)
        .bind(&release.environment.name)
        .bind(encode(release)?)
        .bind(entry.0.number.cast_signed())
        .bind(entry.1.to_string())
        .execute(self.connection())
        .await
        .map_err(|error| database.fault(format!("cannot keep release `{}`", release.id), error))?;
        Ok(())
    }
}
