//! A model that is ready: a proven package behind its queue.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use modelyard_core::package::{Golden, Manifest, Package, Predictions};
use modelyard_core::table::Table;
use modelyard_core::{Digest, Fault, Result};

use crate::batch::Queue;
use crate::{ErrorCode, Options, PredictError, golden, runtime};

/// A loaded package whose golden rows were proven. Callers on any number of tasks may ask at once;
/// what waits is asked as one batch.
pub struct Model {
    manifest: Arc<Manifest>,
    digest: Digest,
    /// Counted by the runtime, where it has a process of its own.
    restarts: Option<Arc<AtomicU64>>,
    queue: Queue,
}

impl Model {
    /// Loads the runtime of `package` and proves its golden rows, singly and as a batch, within
    /// the manifest's tolerance. Packaging opens a package without golden rows to learn them.
    ///
    /// # Errors
    /// If the runtime can't be started, the model can't be loaded, or a golden row is answered
    /// otherwise than at packaging.
    pub async fn open(package: &Package, options: &Options) -> Result<Self, Fault> {
        let runtime = runtime::load(package, options).await?;
        let manifest = Arc::new(package.manifest.clone());
        let restarts = runtime.restarts();
        let queue = Queue::start(
            runtime,
            manifest.classes.len(),
            options.max_batch_rows.clamp(1, 1024),
            options.queue_rows,
        )?;
        let model = Self { manifest, digest: package.digest(), restarts, queue };
        model.prove(&package.golden).await?;
        Ok(model)
    }

    /// Answers `golden` singly and as a batch; the result is the largest difference from its
    /// answers, relative above 1.
    ///
    /// # Errors
    /// If a row is refused, or answered otherwise by more than the manifest's tolerance.
    pub async fn prove(&self, golden: &Golden) -> Result<f64> {
        golden::prove(self, golden).await
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same, for whoever outlives the model.
    pub(crate) fn shared_manifest(&self) -> Arc<Manifest> {
        self.manifest.clone()
    }

    pub fn package_digest(&self) -> Digest {
        self.digest
    }

    /// How often its process died or was ended and was replaced; `None` where it has none.
    pub fn restarts(&self) -> Option<Arc<AtomicU64>> {
        self.restarts.clone()
    }

    /// The answers to the rows of `table`, in their order.
    ///
    /// `table` has the signature's inputs in their order, as [`crate::request`] makes it; one
    /// without rows has no answers.
    ///
    /// # Errors
    /// If the model fails on one of the rows, or more rows wait than may.
    pub async fn predict(&self, table: Table) -> Result<Predictions, PredictError> {
        if !self.fits(&table) {
            return Err(PredictError::new(
                ErrorCode::Internal,
                "the table has other columns than the signature",
            ));
        }
        if table.rows() == 0 {
            return Ok(match self.manifest.classes.is_empty() {
                true => Predictions::Values(Vec::new()),
                false => Predictions::Classes { labels: Vec::new(), probabilities: None },
            });
        }
        self.queue.ask(table).await
    }

    /// Answers what waits, then ends the runtime.
    pub async fn close(self) {
        self.queue.close().await;
    }

    /// Batches join columns by place, so every table must have the same ones.
    fn fits(&self, table: &Table) -> bool {
        let inputs = &self.manifest.signature.inputs;
        table.names().len() == inputs.len()
            && table
                .columns()
                .zip(inputs)
                .all(|((name, column), input)| name == input.name && column.data_type() == input.data_type)
    }
}
