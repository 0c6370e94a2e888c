//! The inference log: files in a folder of their own, rows in the database. A file without a row was
//! never taken in; a row is written when its file is flushed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{NewSegment, Segment};
use modelyard_core::ports::PredictionLog;
use modelyard_core::{Clock, Digest, Fault, Kind, Result, Timestamp};

use super::content::Content;
use super::{Layout, blocking};
use crate::faults;
use crate::sqlite::Database;

pub(super) struct LocalLog {
    content: Arc<Content>,
    database: Arc<Database>,
    _home: Arc<File>,
}

impl LocalLog {
    pub(super) fn new(
        layout: &Layout,
        clock: Arc<dyn Clock>,
        database: Arc<Database>,
        home: Arc<File>,
    ) -> Self {
        let content = Arc::new(Content::at(layout.predictions(), layout, clock));
        Self { content, database, _home: home }
    }

    async fn unlink(&self, digests: Vec<Digest>) -> Result<()> {
        let content = Arc::clone(&self.content);
        blocking(move || digests.into_iter().try_for_each(|digest| content.remove(digest))).await
    }
}

#[async_trait]
impl PredictionLog for LocalLog {
    async fn add(&self, segment: &NewSegment, path: &Path, replaced: &[u64]) -> Result<Segment> {
        let (content, from) = (Arc::clone(&self.content), path.to_owned());
        let (digest, size_bytes) = blocking(move || {
            let digest = content.put_file(&from)?;
            let place = content.place(digest);
            let size = fs::metadata(&place)
                .map_err(|error| faults::file(format!("cannot read `{}`", place.display()), error))?;
            Ok((digest, size.len()))
        })
        .await?;
        // The files of `replaced` stay for whoever reads them just now, until the next sweep.
        self.database.add_segment(segment, digest, size_bytes, replaced).await
    }

    async fn segments(&self, environment: &EnvironmentId, after: u64) -> Result<Vec<Segment>> {
        self.database.segments(environment, after).await
    }

    async fn file(&self, segment: &Segment) -> Result<PathBuf> {
        let place = self.content.place(segment.digest);
        let (content, digest) = (Arc::clone(&self.content), segment.digest);
        let damaged = |what: String| {
            Fault::new(Kind::Store, format!("segment {} of the inference log {what}", segment.number))
                .detail("file", place.display().to_string())
                .hint("its rows are lost; restore the file from a copy of the home")
        };
        match fs::metadata(&place) {
            Ok(found) if found.len() == segment.size_bytes => {
                match blocking(move || content.check(digest)).await? {
                    true => Ok(place),
                    false => Err(damaged("has other bytes than it had".to_owned())),
                }
            }
            Ok(found) => Err(damaged(format!("has {} bytes, not {}", found.len(), segment.size_bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(damaged("is missing".to_owned())),
            Err(error) => Err(faults::file(format!("cannot read `{}`", place.display()), error)),
        }
    }

    async fn remove(&self, numbers: &[u64]) -> Result<()> {
        let removed = self.database.remove_segments(numbers).await?;
        self.unlink(removed).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64> {
        let content = Arc::clone(&self.content);
        let old = blocking(move || content.written_before(before)).await?;
        let known = self.database.segment_digests().await?;
        let gone: Vec<Digest> = old.into_iter().filter(|digest| !known.contains(digest)).collect();
        let count = gone.len() as u64;
        self.unlink(gone).await?;
        Ok(count)
    }
}
