//! Data versions and their numbers.

use async_trait::async_trait;
use modelyard_core::data::{DataVersion, NumberedVersion};
use modelyard_core::ports::DataStore;
use modelyard_core::{Digest, Result, Timestamp};

use super::{Database, decode, encode};

#[async_trait]
impl DataStore for Database {
    async fn record(&self, project: &str, version: &DataVersion, at: Timestamp) -> Result<NumberedVersion> {
        let name = &version.name;
        let fault = |error| self.fault(format!("cannot record a version of data set `{name}`"), error);
        let mut writing = self.write().await?;
        let known: Option<String> = sqlx::query_scalar(
            "SELECT document FROM data_versions WHERE project = ? AND name = ? AND digest = ?",
        )
        .bind(project)
        .bind(name)
        .bind(version.digest.to_string())
        .fetch_optional(writing.connection())
        .await
        .map_err(fault)?;
        if let Some(text) = known {
            return decode(&text, &format!("data set `{name}`"));
        }
        let number: u32 = sqlx::query_scalar(
            "SELECT coalesce(max(number), 0) + 1 FROM data_versions WHERE project = ? AND name = ?",
        )
        .bind(project)
        .bind(name)
        .fetch_one(writing.connection())
        .await
        .map_err(fault)?;
        let numbered =
            NumberedVersion { project: project.to_owned(), number, created_at: at, data: version.clone() };
        sqlx::query(
            "INSERT INTO data_versions (project, name, number, digest, created_at, document)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(project)
        .bind(name)
        .bind(number)
        .bind(version.digest.to_string())
        .bind(at.micros())
        .bind(encode(&numbered)?)
        .execute(writing.connection())
        .await
        .map_err(fault)?;
        writing.commit().await?;
        Ok(numbered)
    }

    async fn get(&self, project: &str, name: &str, number: Option<u32>) -> Result<Option<NumberedVersion>> {
        let text: Option<String> = sqlx::query_scalar(
            "SELECT document FROM data_versions
             WHERE project = ?1 AND name = ?2 AND (?3 IS NULL OR number = ?3)
             ORDER BY number DESC LIMIT 1",
        )
        .bind(project)
        .bind(name)
        .bind(number)
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot look up data set `{name}`"), error))?;
        text.map(|text| decode(&text, &format!("data set `{name}`"))).transpose()
    }

    async fn list(&self, project: &str, name: Option<&str>) -> Result<Vec<NumberedVersion>> {
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM data_versions
             WHERE project = ?1 AND (?2 IS NULL OR name = ?2)
             ORDER BY name, number DESC",
        )
        .bind(project)
        .bind(name)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot list the data sets of `{project}`"), error))?;
        texts.iter().map(|text| decode(text, &format!("the data sets of `{project}`"))).collect()
    }

    async fn count_test_use(&self, split: Digest, package: Digest) -> Result<u64> {
        let fault = |error| self.fault(format!("cannot count the uses of test part `{split}`"), error);
        let mut writing = self.write().await?;
        sqlx::query("INSERT INTO test_uses (split, package) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(split.to_string())
            .bind(package.to_string())
            .execute(writing.connection())
            .await
            .map_err(fault)?;
        let uses: i64 = sqlx::query_scalar("SELECT count(*) FROM test_uses WHERE split = ?")
            .bind(split.to_string())
            .fetch_one(writing.connection())
            .await
            .map_err(fault)?;
        writing.commit().await?;
        Ok(uses.cast_unsigned())
    }
}
