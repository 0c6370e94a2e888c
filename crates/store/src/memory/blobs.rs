use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::ports::BlobStore;
use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Digest, Result};

use super::Memory;
use crate::{faults, trees};

impl Memory {
    fn keep(&self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.state().blobs.entry(digest).or_insert_with(|| bytes.into());
        digest
    }

    fn keep_file(&self, path: &Path) -> Result<(Digest, u64)> {
        let mut bytes = Vec::new();
        std::io::copy(&mut trees::open_file(path)?, &mut bytes)
            .map_err(|error| faults::outside(format!("cannot read `{}`", path.display()), error))?;
        let size_bytes = bytes.len() as u64;
        Ok((self.keep(bytes), size_bytes))
    }

    fn blob(&self, digest: Digest) -> Option<Arc<[u8]>> {
        self.state().blobs.get(&digest).cloned()
    }

    fn write(&self, digest: Digest, path: &Path, executable: bool) -> Result<()> {
        let bytes = self.blob(digest).ok_or_else(|| faults::missing(digest))?;
        trees::new_file(path, executable)?.write_all(&bytes).map_err(|error| {
            let _ = fs::remove_file(path);
            faults::outside(format!("cannot write `{}`", path.display()), error)
        })
    }
}

#[async_trait]
impl BlobStore for Memory {
    async fn put(&self, bytes: &[u8]) -> Result<Digest> {
        Ok(self.keep(bytes.to_vec()))
    }

    async fn put_file(&self, path: &Path) -> Result<Digest> {
        Ok(self.keep_file(path)?.0)
    }

    async fn put_folder(&self, path: &Path) -> Result<Tree> {
        let mut files = Vec::new();
        for found in trees::walk(path)? {
            let (digest, size_bytes) = self.keep_file(&found.place)?;
            files.push(TreeFile { path: found.path, digest, size_bytes, executable: found.executable });
        }
        let tree = Tree::new(files);
        self.keep(tree.bytes());
        Ok(tree)
    }

    async fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        Ok(self.blob(digest).map(|bytes| bytes.to_vec()))
    }

    async fn fetch_file(&self, digest: Digest, path: &Path) -> Result<()> {
        self.write(digest, path, false)
    }

    async fn fetch_folder(&self, digest: Digest, path: &Path) -> Result<()> {
        let bytes = self.blob(digest).ok_or_else(|| faults::missing(digest))?;
        trees::write_out(&trees::parse(digest, &bytes)?, path, |digest, place, executable| {
            self.write(digest, place, executable)
        })
    }

    async fn contains(&self, digest: Digest) -> Result<bool> {
        Ok(self.blob(digest).is_some())
    }

    async fn tree(&self, digest: Digest) -> Result<Option<Tree>> {
        self.blob(digest).map(|bytes| trees::parse(digest, &bytes)).transpose()
    }
}
