//! Rows of the inference log's segments; their files are the folder's.

use std::collections::BTreeSet;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{NewSegment, Segment};
use modelyard_core::{Digest, Result};

use super::{Database, decode, digest, encode};

impl Database {
    /// Notes a segment whose file is there, in place of `replaced`.
    pub(crate) async fn add_segment(
        &self,
        content: &NewSegment,
        digest: Digest,
        size_bytes: u64,
        replaced: &[u64],
    ) -> Result<Segment> {
        let id = &content.environment;
        let fault = |error| self.fault(format!("cannot take a segment of `{id}` into the log"), error);
        let mut writing = self.write().await?;
        for number in replaced {
            sqlx::query("DELETE FROM segments WHERE number = ?")
                .bind(number.cast_signed())
                .execute(writing.connection())
                .await
                .map_err(fault)?;
        }
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO segments (project, environment, digest, size_bytes, document) VALUES (?, ?, ?, ?, ?)
             RETURNING number",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(digest.to_string())
        .bind(size_bytes.cast_signed())
        .bind(encode(content)?)
        .fetch_one(writing.connection())
        .await
        .map_err(fault)?;
        writing.commit().await?;
        Ok(Segment { number: number.cast_unsigned(), content: content.clone(), digest, size_bytes })
    }

    pub(crate) async fn segments(&self, id: &EnvironmentId, after: u64) -> Result<Vec<Segment>> {
        let rows: Vec<(i64, String, i64, String)> = sqlx::query_as(
            "SELECT number, digest, size_bytes, document FROM segments
             WHERE project = ? AND environment = ? AND number > ? ORDER BY number",
        )
        .bind(&id.project)
        .bind(&id.name)
        .bind(after.cast_signed())
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot list the log of `{id}`"), error))?;
        rows.into_iter()
            .map(|(number, hex, size_bytes, document)| {
                let what = format!("the log of `{id}`");
                Ok(Segment {
                    number: number.cast_unsigned(),
                    content: decode(&document, &what)?,
                    digest: digest(&hex, &what)?,
                    size_bytes: size_bytes.cast_unsigned(),
                })
            })
            .collect()
    }

    /// Of all files that segments have.
    pub(crate) async fn segment_digests(&self) -> Result<BTreeSet<Digest>> {
        let hexes: Vec<String> = sqlx::query_scalar("SELECT digest FROM segments")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault("cannot list the log", error))?;
        hexes.iter().map(|hex| digest(hex, "the log")).collect()
    }

    /// Answers the digests of the files that no segment has any more.
    pub(crate) async fn remove_segments(&self, numbers: &[u64]) -> Result<Vec<Digest>> {
        let fault = |error| self.fault("cannot remove segments from the log", error);
        let mut writing = self.write().await?;
        let mut removed = Vec::new();
        let is_held = "SELECT EXISTS (SELECT 1 FROM segments WHERE digest = ?)";
        for number in numbers {
            let hex: Option<String> =
                sqlx::query_scalar("DELETE FROM segments WHERE number = ? RETURNING digest")
                    .bind(number.cast_signed())
                    .fetch_optional(writing.connection())
                    .await
                    .map_err(fault)?;
            let Some(hex) = hex else { continue };
            let held: bool = sqlx::query_scalar(is_held)
                .bind(&hex)
                .fetch_one(writing.connection())
                .await
                .map_err(fault)?;
            if !held {
                removed.push(digest(&hex, "the log")?);
            }
        }
        writing.commit().await?;
        Ok(removed)
    }
}
