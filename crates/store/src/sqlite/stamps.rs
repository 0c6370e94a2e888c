//! Digests of files by their stamps.

use async_trait::async_trait;
use modelyard_core::ports::{FileStamp, StampStore};
use modelyard_core::{Digest, Result};

use super::{Database, digest};

#[async_trait]
impl StampStore for Database {
    async fn get(&self, stamp: &FileStamp) -> Result<Option<Digest>> {
        let text: Option<String> = sqlx::query_scalar(
            "SELECT digest FROM stamps
             WHERE path = ? AND size_bytes = ? AND modified_ns = ? AND changed_ns = ? AND inode = ?",
        )
        .bind(&stamp.path)
        .bind(stamp.size_bytes.cast_signed())
        .bind(stamp.modified_ns)
        .bind(stamp.changed_ns)
        .bind(stamp.inode.cast_signed())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.fault(format!("cannot look up the stamp of `{}`", stamp.path), error))?;
        text.map(|text| digest(&text, &format!("the stamp of `{}`", stamp.path))).transpose()
    }

    async fn put(&self, stamps: &[(FileStamp, Digest)]) -> Result<()> {
        if stamps.is_empty() {
            return Ok(());
        }
        let mut writing = self.write().await?;
        for (stamp, digest) in stamps {
            sqlx::query(
                "INSERT INTO stamps (path, size_bytes, modified_ns, changed_ns, inode, digest)
                 VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (path) DO UPDATE SET size_bytes = excluded.size_bytes,
                     modified_ns = excluded.modified_ns, changed_ns = excluded.changed_ns,
                     inode = excluded.inode, digest = excluded.digest",
            )
            .bind(&stamp.path)
            .bind(stamp.size_bytes.cast_signed())
            .bind(stamp.modified_ns)
            .bind(stamp.changed_ns)
            .bind(stamp.inode.cast_signed())
            .bind(digest.to_string())
            .execute(writing.connection())
            .await
            .map_err(|error| self.fault(format!("cannot keep the stamp of `{}`", stamp.path), error))?;
        }
        writing.commit().await
    }
}
