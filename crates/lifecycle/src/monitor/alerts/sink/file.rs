//! `file`: a line of JSON an alert, at its end.

use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};

use super::{Message, Tell};

pub(super) struct File {
    pub(super) path: PathBuf,
}

#[async_trait]
impl Tell for File {
    async fn tell(&self, message: &Message) -> Result<()> {
        let (path, line) = (self.path.clone(), format!("{}\n", message.json()));
        let write = move || {
            // One write at the end: lines of several processes don't mix.
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        let cannot = || format!("cannot write `{}`", self.path.display());
        // A pipe that nobody reads, or a network's folder, may hang.
        tokio::task::spawn_blocking(write)
            .await
            .attempt(Kind::Internal, cannot)?
            .attempt(Kind::Environment, cannot)
    }
}
