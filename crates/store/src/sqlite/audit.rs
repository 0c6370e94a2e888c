//! The audit log and its head.

use async_trait::async_trait;
use modelyard_core::audit::{Actor, AuditEntry, AuditFilter};
use modelyard_core::ports::AuditStore;
use modelyard_core::{Digest, Result};
use serde_json::Value;
use sqlx::{QueryBuilder, Sqlite};

use super::{Database, Writing, decode, digest, encode};
use crate::chain;

#[async_trait]
impl AuditStore for Database {
    async fn entries(&self) -> Result<Vec<AuditEntry>> {
        let texts: Vec<String> = sqlx::query_scalar("SELECT document FROM audit_log ORDER BY number")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault("cannot read the audit log", error))?;
        texts.iter().map(|text| decode(text, "the audit log")).collect()
    }

    async fn digests(&self) -> Result<Vec<Digest>> {
        let texts: Vec<String> = sqlx::query_scalar("SELECT digest FROM audit_log ORDER BY number")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault("cannot read the audit log", error))?;
        texts.iter().map(|text| digest(text, "the audit log")).collect()
    }

    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let texts: Vec<String> = query(filter)
            .build_query_scalar()
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault("cannot read the audit log", error))?;
        texts.iter().map(|text| decode(text, "the audit log")).collect()
    }

    async fn head(&self) -> Result<Option<(u64, Digest)>> {
        // Also what audited rows remember, so that a tail cut off together with the head shows.
        let last: Option<(i64, String)> = sqlx::query_as(
            "SELECT number, digest FROM audit_head
             UNION ALL SELECT audit_number, audit_digest FROM models
             UNION ALL SELECT audit_number, audit_digest FROM model_versions
             UNION ALL SELECT audit_number, audit_digest FROM model_aliases
             UNION ALL SELECT audit_number, audit_digest FROM applied
             UNION ALL SELECT audit_number, audit_digest FROM environments
             UNION ALL SELECT audit_number, audit_digest FROM states
             UNION ALL SELECT audit_number, audit_digest FROM releases
             UNION ALL SELECT audit_number, audit_digest FROM approvals
             ORDER BY 1 DESC LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.fault("cannot read the audit log", error))?;
        last.map(head).transpose()
    }

    async fn append(&self, actor: &Actor, event: &str, subject: &str, details: Value) -> Result<AuditEntry> {
        let mut writing = self.write().await?;
        let (entry, _) = writing.audit(actor, event, subject, details).await?;
        writing.commit().await?;
        Ok(entry)
    }
}

/// Only the conditions that are there, so that SQLite sees which index serves.
fn query(filter: &AuditFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT document FROM audit_log WHERE number > ");
    query.push_bind(filter.after.cast_signed());
    if let Some(before) = filter.before {
        query.push(" AND number < ").push_bind(before.cast_signed());
    }
    for (column, wanted) in [("subject", &filter.subjects), ("event", &filter.events)] {
        if !wanted.is_empty() {
            query.push(format!(" AND {column} IN ("));
            let mut list = query.separated(", ");
            for text in wanted {
                list.push_bind(text.clone());
            }
            query.push(")");
        }
    }
    if let Some(about) = &filter.about {
        // The name before the first `@` or `/`, and what follows it.
        query.push(" AND (subject = ").push_bind(about.clone());
        for separator in ["@", "/"] {
            for (text, side) in
                [(format!("{about}{separator}"), "1, length"), (format!("{separator}{about}"), "-length")]
            {
                query.push(" OR substr(subject, ").push(side).push("(").push_bind(text.clone()).push(")) = ");
                query.push_bind(text);
            }
        }
        query.push(")");
    }
    query.push(" ORDER BY number DESC");
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    query
}

fn head((number, text): (i64, String)) -> Result<(u64, Digest)> {
    Ok((number.cast_unsigned(), digest(&text, "the audit log")?))
}

impl Writing<'_> {
    /// Adds an entry as part of this transaction; the entry and its digest.
    pub(super) async fn audit(
        &mut self,
        actor: &Actor,
        event: &str,
        subject: &str,
        details: Value,
    ) -> Result<(AuditEntry, Digest)> {
        let database = self.database;
        let fault = |error| database.fault(format!("cannot note `{event}` in the audit log"), error);
        let last: Option<(i64, String)> = sqlx::query_as("SELECT number, digest FROM audit_head")
            .fetch_optional(self.connection())
            .await
            .map_err(fault)?;
        let entry = chain::next(last.map(head).transpose()?, actor, event, subject, details);
        let (number, digest) = (entry.number.cast_signed(), entry.digest());
        sqlx::query("INSERT INTO audit_log (number, digest, document) VALUES (?, ?, ?)")
            .bind(number)
            .bind(digest.to_string())
            .bind(encode(&entry)?)
            .execute(self.connection())
            .await
            .map_err(fault)?;
        sqlx::query(
            "INSERT INTO audit_head (only, number, digest) VALUES (1, ?, ?)
             ON CONFLICT (only) DO UPDATE SET number = excluded.number, digest = excluded.digest",
        )
        .bind(number)
        .bind(digest.to_string())
        .execute(self.connection())
        .await
        .map_err(fault)?;
        Ok((entry, digest))
    }
}
