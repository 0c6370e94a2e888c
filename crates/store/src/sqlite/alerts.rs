//! Alerts and who is to be told of them.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::audit::Actor;
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{About, Alert, Delivery};
use modelyard_core::ports::AlertStore;
use sqlx::sqlite::SqliteConnection;

use super::{Database, Writing, decode, encode};
use crate::monitoring;

#[async_trait]
impl AlertStore for Database {
    async fn alerts(&self, project: &str, open: bool) -> Result<Vec<Alert>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM alerts WHERE project = ? AND is_open >= ? ORDER BY rowid DESC",
        )
        .bind(project)
        .bind(open)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault("cannot list alerts", error))?;
        texts.iter().map(|text| decode(text, "an alert")).collect()
    }

    async fn alert(&self, id: AlertId) -> Result<Option<Alert>> {
        let mut connection =
            self.pool.acquire().await.map_err(|error| self.fault("cannot look up an alert", error))?;
        self.alert_in(&mut connection, id).await
    }

    async fn latest(&self, about: &About) -> Result<Option<Alert>> {
        let text: Option<String> = sqlx::query_scalar(
            "SELECT document FROM alerts WHERE project = ? AND environment = ? AND rule = ? AND subject = ?
             ORDER BY rowid DESC LIMIT 1",
        )
        .bind(&about.project)
        .bind(about.environment.as_deref().unwrap_or_default())
        .bind(&about.rule)
        .bind(&about.subject)
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.fault("cannot look up an alert", error))?;
        text.map(|text| decode(&text, "an alert")).transpose()
    }

    async fn keep_alert(&self, alert: &Alert, deliveries: &[Delivery], actor: &Actor) -> Result<Alert> {
        let fault = |error| self.fault("cannot keep an alert", error);
        let mut writing = self.write().await?;
        let before = self.alert_in(writing.connection(), alert.id).await?;
        if before.as_ref().map_or(0, |before| before.revision) != alert.revision {
            return Err(monitoring::alert_changed(alert));
        }
        let alert = &Alert { revision: alert.revision + 1, ..alert.clone() };
        let (event, details) = monitoring::alert_entry(before.as_ref(), alert);
        let written = sqlx::query(
            "INSERT INTO alerts (id, project, environment, rule, subject, is_open, document)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, document = excluded.document",
        )
        .bind(alert.id.to_string())
        .bind(&alert.project)
        .bind(alert.environment.as_deref().unwrap_or_default())
        .bind(&alert.rule)
        .bind(&alert.subject)
        .bind(alert.is_open())
        .bind(encode(alert)?)
        .execute(writing.connection())
        .await;
        match written {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Err(monitoring::already_open(alert));
            }
            written => written.map_err(fault)?,
        };
        for delivery in deliveries {
            writing.keep_delivery(delivery).await?;
        }
        writing.audit(actor, event, &monitoring::alert_subject(alert), details).await?;
        writing.commit().await?;
        Ok(alert.clone())
    }

    async fn deliveries(&self, project: &str) -> Result<Vec<Delivery>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT deliveries.document FROM deliveries JOIN alerts ON alerts.id = alert
             WHERE project = ? AND NOT is_done ORDER BY deliveries.rowid",
        )
        .bind(project)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault("cannot list what people are to be told", error))?;
        texts.iter().map(|text| decode(text, "a delivery")).collect()
    }

    async fn told(&self, alert: AlertId) -> Result<Vec<Delivery>> {
        let texts: Vec<String> =
            sqlx::query_scalar("SELECT document FROM deliveries WHERE alert = ? ORDER BY rowid")
                .bind(alert.to_string())
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.fault("cannot list what people were told", error))?;
        texts.iter().map(|text| decode(text, "a delivery")).collect()
    }

    async fn keep_delivery(&self, delivery: &Delivery) -> Result<()> {
        let mut writing = self.write().await?;
        writing.keep_delivery(delivery).await?;
        writing.commit().await
    }
}

impl Writing<'_> {
    async fn keep_delivery(&mut self, delivery: &Delivery) -> Result<()> {
        let database = self.database;
        sqlx::query(
            "INSERT INTO deliveries (alert, sink, what, is_done, document) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (alert, sink, what) DO UPDATE
             SET is_done = excluded.is_done, document = excluded.document",
        )
        .bind(delivery.alert.to_string())
        .bind(&delivery.sink)
        .bind(encode(&delivery.what)?)
        .bind(delivery.due.is_none())
        .bind(encode(delivery)?)
        .execute(self.connection())
        .await
        .map_err(|error| database.fault("cannot keep what people are told", error))?;
        Ok(())
    }
}

impl Database {
    async fn alert_in(&self, connection: &mut SqliteConnection, id: AlertId) -> Result<Option<Alert>> {
        let text: Option<String> = sqlx::query_scalar("SELECT document FROM alerts WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(connection)
            .await
            .map_err(|error| self.fault(format!("cannot look up alert `{id}`"), error))?;
        text.map(|text| decode(&text, "an alert")).transpose()
    }
}
