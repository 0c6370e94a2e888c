//! The registry: models, versions, aliases, each change with its audit entry.

use std::collections::BTreeMap;

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::model::{ModelRef, ModelVersion, NewVersion, RegisteredModel, Which};
use modelyard_core::ports::ModelStore;
use modelyard_core::{Result, Timestamp};

use super::{Database, Writing, decode, encode};
use crate::registry;

#[async_trait]
impl ModelStore for Database {
    async fn register(&self, new: &NewVersion, actor: &Actor) -> Result<(ModelVersion, bool)> {
        let name = &new.name;
        let fault = |error| self.fault(format!("cannot register a version of `{name}`"), error);
        let mut writing = self.write().await?;
        let known: Option<String> =
            sqlx::query_scalar("SELECT document FROM model_versions WHERE name = ? AND package = ?")
                .bind(name)
                .bind(new.package.to_string())
                .fetch_optional(writing.connection())
                .await
                .map_err(fault)?;
        if let Some(text) = known {
            return Ok((decode(&text, &format!("model `{name}`"))?, false));
        }
        let number: u32 =
            sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM model_versions WHERE name = ?")
                .bind(name)
                .fetch_one(writing.connection())
                .await
                .map_err(fault)?;
        let version = registry::version(new, number, actor)?;
        let (entry, digest) = writing
            .audit(
                actor,
                registry::REGISTERED,
                &registry::subject(name, number),
                registry::registered(&version),
            )
            .await?;
        sqlx::query(
            "INSERT INTO models (name, created_at, audit_number, audit_digest) VALUES (?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE
             SET audit_number = excluded.audit_number, audit_digest = excluded.audit_digest",
        )
        .bind(name)
        .bind(actor.at.micros())
        .bind(entry.number.cast_signed())
        .bind(digest.to_string())
        .execute(writing.connection())
        .await
        .map_err(fault)?;
        sqlx::query(
            "INSERT INTO model_versions (name, number, package, document, audit_number, audit_digest)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(name)
        .bind(number)
        .bind(version.package.to_string())
        .bind(encode(&version)?)
        .bind(entry.number.cast_signed())
        .bind(digest.to_string())
        .execute(writing.connection())
        .await
        .map_err(fault)?;
        if let Some(alias) = &new.alias {
            writing.point(name, number, alias, actor).await?;
        }
        writing.commit().await?;
        Ok((version, true))
    }

    async fn set_alias(&self, name: &str, number: u32, alias: &str, actor: &Actor) -> Result<()> {
        let mut writing = self.write().await?;
        writing.set_alias(name, number, alias, actor).await?;
        writing.commit().await
    }

    async fn resolve(&self, model: &ModelRef) -> Result<Option<ModelVersion>> {
        const OF_ALIAS: &str = "SELECT document FROM model_versions NATURAL JOIN
             (SELECT name, number FROM model_aliases WHERE name = ? AND alias = ?)";
        let query = match &model.which {
            Which::Number(number) => {
                sqlx::query_scalar("SELECT document FROM model_versions WHERE name = ? AND number = ?")
                    .bind(&model.name)
                    .bind(*number)
            }
            Which::Alias(alias) => sqlx::query_scalar(OF_ALIAS).bind(&model.name).bind(alias),
            Which::Latest => sqlx::query_scalar(
                "SELECT document FROM model_versions WHERE name = ? ORDER BY number DESC LIMIT 1",
            )
            .bind(&model.name),
            Which::Default => sqlx::query_scalar(
                "SELECT document FROM model_versions WHERE name = ?1
                 ORDER BY number = (SELECT number FROM model_aliases
                                    WHERE name = ?1 AND alias = 'champion') DESC, number DESC
                 LIMIT 1",
            )
            .bind(&model.name),
        };
        let text: Option<String> = query
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot look up model `{model}`"), error))?;
        text.map(|text| decode(&text, &format!("model `{model}`"))).transpose()
    }

    async fn model(&self, name: &str) -> Result<Option<RegisteredModel>> {
        Ok(self.registered(Some(name)).await?.pop())
    }

    async fn models(&self) -> Result<Vec<RegisteredModel>> {
        self.registered(None).await
    }

    async fn versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        let texts: Vec<String> =
            sqlx::query_scalar("SELECT document FROM model_versions WHERE name = ? ORDER BY number DESC")
                .bind(name)
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.fault(format!("cannot list the versions of `{name}`"), error))?;
        texts.iter().map(|text| decode(text, &format!("model `{name}`"))).collect()
    }
}

impl Database {
    /// One statement, so that version and aliases are of one moment.
    async fn registered(&self, name: Option<&str>) -> Result<Vec<RegisteredModel>> {
        /// Name, creation, newest version; alias and its version.
        type Row = (String, i64, u32, Option<String>, Option<u32>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT models.name, created_at,
                    (SELECT max(number) FROM model_versions AS versions WHERE versions.name = models.name),
                    alias, number
             FROM models LEFT JOIN model_aliases AS aliases ON aliases.name = models.name
             WHERE ?1 IS NULL OR models.name = ?1
             ORDER BY models.name",
        )
        .bind(name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault("cannot list the registered models", error))?;
        let mut models: Vec<RegisteredModel> = Vec::new();
        for (name, created_at, latest_version, alias, number) in rows {
            if models.last().is_none_or(|model| model.name != name) {
                let created_at = Timestamp::from_micros(created_at);
                models.push(RegisteredModel { name, latest_version, aliases: BTreeMap::new(), created_at });
            }
            if let (Some(model), Some(alias), Some(number)) = (models.last_mut(), alias, number) {
                model.aliases.insert(alias, number);
            }
        }
        Ok(models)
    }
}

impl Writing<'_> {
    pub(super) async fn has_version(&mut self, name: &str, number: u32) -> Result<bool> {
        let database = self.database;
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM model_versions WHERE name = ? AND number = ?)")
            .bind(name)
            .bind(number)
            .fetch_one(self.connection())
            .await
            .map_err(|error| database.fault(format!("cannot look up model `{name}`"), error))
    }

    pub(super) async fn set_alias(
        &mut self,
        name: &str,
        number: u32,
        alias: &str,
        actor: &Actor,
    ) -> Result<()> {
        if !self.has_version(name, number).await? {
            return Err(registry::no_version(name, number, alias));
        }
        self.point(name, number, alias, actor).await
    }

    /// Points `alias` at a version that is there; nothing changes if it already does.
    async fn point(&mut self, name: &str, number: u32, alias: &str, actor: &Actor) -> Result<()> {
        let database = self.database;
        let fault = |error| database.fault(format!("cannot set the alias `{alias}` of `{name}`"), error);
        let before: Option<u32> =
            sqlx::query_scalar("SELECT number FROM model_aliases WHERE name = ? AND alias = ?")
                .bind(name)
                .bind(alias)
                .fetch_optional(self.connection())
                .await
                .map_err(fault)?;
        if before == Some(number) {
            return Ok(());
        }
        let (entry, digest) = self
            .audit(
                actor,
                registry::ALIAS_SET,
                &registry::subject(name, number),
                registry::alias_set(alias, before),
            )
            .await?;
        sqlx::query(
            "INSERT INTO model_aliases (name, alias, number, audit_number, audit_digest)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (name, alias) DO UPDATE SET number = excluded.number,
                 audit_number = excluded.audit_number, audit_digest = excluded.audit_digest",
        )
        .bind(name)
        .bind(alias)
        .bind(number)
        .bind(entry.number.cast_signed())
        .bind(digest.to_string())
        .execute(self.connection())
        .await
        .map_err(fault)?;
        Ok(())
    }
}
