//! A model that is ready: a proven package behind its queue.

use modelyard_core::package::{Manifest, Package, Predictions};
use modelyard_core::table::Table;
use modelyard_core::{Digest, Fault, Kind};

use crate::{Options, PredictError, batch::Queue};

/// A loaded package whose golden rows were proven. Callers on any number of tasks may ask at once;
/// what waits is asked as one batch.
pub struct Model {
    manifest: Manifest,
    digest: Digest,
    queue: Queue,
}

impl Model {
    /// Loads the runtime of `package` and proves its golden rows, singly and as a batch, within
    /// the manifest's tolerance.
    ///
    /// # Errors
    /// If the runtime can't be started, the model can't be loaded, or a golden row is answered
    /// otherwise than at packaging.
    pub async fn open(package: &Package, options: &Options) -> Result<Self, Fault> {
        let _ = (package, options);
        Err(Fault::new(Kind::Model, "no runtime is built yet"))
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn package_digest(&self) -> Digest {
        self.digest
    }

    /// The answers to the rows of `table`, in their order.
    ///
    /// `table` has the signature's inputs in their order, as [`crate::request`] makes it.
    ///
    /// # Errors
    /// If the model fails on one of the rows, or more rows wait than may.
    pub async fn predict(&self, table: Table) -> Result<Predictions, PredictError> {
        self.queue.ask(table).await
    }

    /// Answers what waits, then ends the runtime.
    pub async fn close(self) {
        self.queue.close().await;
    }
}
