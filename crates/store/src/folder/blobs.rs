//! The port of blobs over [`Content`]: each call is one piece of blocking work.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::ports::BlobStore;
use modelyard_core::tree::Tree;
use modelyard_core::{Clock, Digest, Result};

use super::content::Content;
use super::{Layout, blocking};
use crate::{faults, trees};

pub(super) struct LocalBlobs {
    content: Arc<Content>,
    _home: Arc<File>,
}

impl LocalBlobs {
    pub(super) fn new(layout: &Layout, clock: Arc<dyn Clock>, home: Arc<File>) -> Self {
        Self { content: Arc::new(Content::at(layout.blobs(), layout, clock)), _home: home }
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Content) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let content = Arc::clone(&self.content);
        blocking(move || work(&content)).await
    }
}

#[async_trait]
impl BlobStore for LocalBlobs {
    async fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let bytes = bytes.to_vec();
        self.with(move |content| content.put(&bytes)).await
    }

    async fn put_file(&self, path: &Path) -> Result<Digest> {
        let path = path.to_owned();
        self.with(move |content| content.put_file(&path)).await
    }

    async fn put_folder(&self, path: &Path) -> Result<Tree> {
        let path = path.to_owned();
        self.with(move |content| content.put_folder(&path)).await
    }

    async fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        self.with(move |content| content.get(digest)).await
    }

    async fn fetch_file(&self, digest: Digest, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.with(move |content| content.fetch(digest, &path, false)).await
    }

    async fn fetch_folder(&self, digest: Digest, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.with(move |content| {
            let bytes = content.get(digest)?.ok_or_else(|| faults::missing(digest))?;
            trees::write_out(&trees::parse(digest, &bytes)?, &path, |digest, place, executable| {
                content.fetch(digest, place, executable)
            })
        })
        .await
    }

    async fn contains(&self, digest: Digest) -> Result<bool> {
        self.with(move |content| content.contains(digest)).await
    }

    async fn tree(&self, digest: Digest) -> Result<Option<Tree>> {
        let bytes = self.with(move |content| content.get(digest)).await?;
        bytes.map(|bytes| trees::parse(digest, &bytes)).transpose()
    }
}
