//! Runs, looked up by project, kind, parent and the beginning of their id.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::id::RunId;
use modelyard_core::ports::RunStore;
use modelyard_core::run::{Run, RunFilter, RunKind};
use sqlx::{QueryBuilder, Sqlite};

use super::{Database, decode, encode};

#[async_trait]
impl RunStore for Database {
    async fn save(&self, run: &Run) -> Result<()> {
        let document = encode(run)?;
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO runs (id, project, kind, parent, started_at, document) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET project = excluded.project, kind = excluded.kind,
                 parent = excluded.parent, started_at = excluded.started_at, document = excluded.document",
        )
        .bind(run.id.to_string())
        .bind(&run.project)
        .bind(kind(run.kind))
        .bind(run.parent.map(|parent| parent.to_string()))
        .bind(run.started_at.micros())
        .bind(document)
        .execute(writing.connection())
        .await
        .map_err(|error| self.fault(format!("cannot record run `{}`", run.id), error))?;
        writing.commit().await
    }

    async fn get(&self, id: RunId) -> Result<Option<Run>> {
        let text: Option<String> = sqlx::query_scalar("SELECT document FROM runs WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot look up run `{id}`"), error))?;
        text.map(|text| decode(&text, &format!("run `{id}`"))).transpose()
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        let texts: Vec<String> = query(filter)
            .build_query_scalar()
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault("cannot list runs", error))?;
        texts.iter().map(|text| decode(text, "a run")).collect()
    }
}

/// Only the conditions that are there, so that SQLite sees which index serves.
fn query(filter: &RunFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT document FROM runs WHERE true");
    if let Some(project) = &filter.project {
        query.push(" AND project = ").push_bind(project.clone());
    }
    if let Some(wanted) = filter.kind {
        query.push(" AND kind = ").push_bind(kind(wanted));
    }
    if let Some(parent) = filter.parent {
        query.push(" AND parent = ").push_bind(parent.to_string());
    }
    if let Some(prefix) = &filter.id_prefix {
        // `~` comes after every character of an id, so this is a range of the primary key.
        query.push(" AND id >= ").push_bind(prefix.clone());
        query.push(" AND id < ").push_bind(format!("{prefix}~"));
    }
    query.push(" ORDER BY started_at DESC, id DESC");
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(limit);
    }
    query
}

/// As documents spell it.
fn kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Pipeline => "pipeline",
        RunKind::Step => "step",
        RunKind::Trial => "trial",
    }
}
