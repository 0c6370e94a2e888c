//! Labels and figures.

use std::collections::BTreeMap;

use async_trait::async_trait;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{Became, Figure, Label, NewLabel};
use modelyard_core::ports::LabelStore;
use modelyard_core::{Result, Timestamp};
use sqlx::{QueryBuilder, Sqlite};

use super::{Database, decode, encode};

/// Rows of one statement: SQLite allows 32,766 parameters.
const AT_ONCE: usize = 4_000;

#[async_trait]
impl LabelStore for Database {
    async fn add_labels(
        &self,
        id: &EnvironmentId,
        labels: &[NewLabel],
        at: Timestamp,
    ) -> Result<Vec<Became>> {
        let fault = |error| self.fault(format!("cannot keep labels of `{id}`"), error);
        let mut became = Vec::with_capacity(labels.len());
        let mut writing = self.write().await?;
        for labels in labels.chunks(AT_ONCE) {
            let ids: Vec<&str> = labels.iter().map(|label| label.id.as_str()).collect();
            let mut known: BTreeMap<String, String> = sqlx::query_as::<_, (String, String)>(LAST)
                .bind(encode(&ids)?)
                .bind(&id.project)
                .bind(&id.name)
                .fetch_all(writing.connection())
                .await
                .map_err(fault)?
                .into_iter()
                .collect();
            let mut rows = Vec::with_capacity(labels.len());
            for label in labels {
                let text = encode(&label.label)?;
                match known.insert(label.id.clone(), text.clone()) {
                    None => became.push(Became::New),
                    Some(before) if before == text => {
                        became.push(Became::Repeated);
                        continue;
                    }
                    Some(_) => became.push(Became::Changed),
                }
                rows.push((&label.id, text));
            }
            if rows.is_empty() {
                continue;
            }
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO labels (project, environment, prediction, label, at) ",
            );
            query.push_values(rows, |mut row, (prediction, text)| {
                row.push_bind(&id.project).push_bind(&id.name).push_bind(prediction).push_bind(text);
                row.push_bind(at.micros());
            });
            query.build().execute(writing.connection()).await.map_err(fault)?;
        }
        writing.commit().await?;
        Ok(became)
    }

    async fn labels(&self, id: &EnvironmentId, after: u64, limit: usize) -> Result<Vec<Label>> {
        let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
            "SELECT number, prediction, label, at FROM labels
             WHERE project = ? AND environment = ? AND number > ? ORDER BY number LIMIT ?",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(after.cast_signed())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read labels of `{id}`"), error))?;
        rows.into_iter().map(|row| label(id, row)).collect()
    }

    async fn labels_of(&self, id: &EnvironmentId, ids: &[String]) -> Result<BTreeMap<String, Label>> {
        let mut found = BTreeMap::new();
        for ids in ids.chunks(AT_ONCE) {
            let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
                "SELECT max(number), prediction, label, at FROM json_each(?) AS asked
                 CROSS JOIN labels ON project = ? AND environment = ? AND prediction = asked.value
                 GROUP BY prediction",
            )
            .bind(encode(&ids)?)
            .bind(&id.project)
            .bind(&id.name)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot read labels of `{id}`"), error))?;
            for row in rows {
                found.insert(row.1.clone(), label(id, row)?);
            }
        }
        Ok(found)
    }

    async fn add_figures(&self, id: &EnvironmentId, figures: &[Figure]) -> Result<()> {
        let mut writing = self.write().await?;
        for figures in figures.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO figures (project, environment, name, value, prediction, at) ",
            );
            query.push_values(figures, |mut row, figure| {
                row.push_bind(&id.project).push_bind(&id.name).push_bind(&figure.name);
                row.push_bind(figure.value).push_bind(&figure.id).push_bind(figure.at.micros());
            });
            query
                .build()
                .execute(writing.connection())
                .await
                .map_err(|error| self.fault(format!("cannot keep figures of `{id}`"), error))?;
        }
        writing.commit().await
    }

    async fn figures(&self, id: &EnvironmentId, from: Timestamp, to: Timestamp) -> Result<Vec<Figure>> {
        let rows: Vec<(String, f64, Option<String>, i64)> = sqlx::query_as(
            "SELECT name, value, prediction, at FROM figures
             WHERE project = ? AND environment = ? AND at >= ? AND at < ? ORDER BY at, number",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(from.micros())
        .bind(to.micros())
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot read figures of `{id}`"), error))?;
        let figure = |(name, value, id, at)| Figure { name, value, id, at: Timestamp::from_micros(at) };
        Ok(rows.into_iter().map(figure).collect())
    }
}

/// The labels that count of some predictions. With `max` SQLite takes the other columns from its row.
const LAST: &str = "SELECT prediction, label FROM (
    SELECT max(number), prediction, label FROM json_each(?) AS asked
    CROSS JOIN labels ON project = ? AND environment = ? AND prediction = asked.value GROUP BY prediction)";

fn label(id: &EnvironmentId, (number, prediction, text, at): (i64, String, String, i64)) -> Result<Label> {
    let label = NewLabel { id: prediction, label: decode(&text, &format!("labels of `{id}`"))? };
    Ok(Label { number: number.cast_unsigned(), label, at: Timestamp::from_micros(at) })
}
