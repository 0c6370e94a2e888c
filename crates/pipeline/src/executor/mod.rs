//! Executors: where a command runs. A function from job to result, with the store as the only
//! channel.
//!
//! To add one: a file here, and whoever wires it up. Each must give the same result for the same
//! job; what it can't enforce it says in [`Performed::trust`].

mod local;

use std::path::Path;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::ports::BlobStore;

pub use local::Local;

use crate::command::CommandJob;
use crate::engine::{Cancel, Performed};

#[async_trait]
pub trait Executor: Send + Sync {
    /// As the user would write it.
    fn name(&self) -> &'static str;

    /// Runs `job` in `folder`, which is empty and its own, and stores what it leaves.
    ///
    /// # Errors
    /// If the command fails, is cancelled or takes too long, or does not leave what it declares.
    async fn execute(
        &self,
        job: &CommandJob,
        folder: &Path,
        blobs: &dyn BlobStore,
        cancel: &Cancel,
    ) -> Result<Performed>;
}
