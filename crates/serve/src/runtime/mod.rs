//! Who computes the answers, a file each; the list is [`load`].
//!
//! To add one: a file here, a variant of the manifest's `Runtime`, an arm in [`load`], and a call
//! of the conformance suite in `tests/`.

mod onnx;
mod python;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::package::{self, Package, Predictions};
use modelyard_core::table::Table;

use crate::{Options, PredictError};

/// A loaded model. It is asked by one caller at a time; the queue before it joins requests.
#[async_trait]
pub trait Runtime: Send {
    /// As manifests name it.
    fn name(&self) -> &'static str;

    /// Whether `predict` computes on the thread that polls it, so that it needs one of its own.
    fn computes_in_place(&self) -> bool;

    /// The answers to the rows of `table`, which has the signature's inputs in their order, at
    /// least one row. Every answer depends on its own row alone.
    ///
    /// # Errors
    /// If one of the rows can't be answered; then none is.
    async fn predict(&mut self, table: &Table) -> Result<Predictions, PredictError>;

    /// Whether the last failure was of the runtime itself, so that the same rows may be answered
    /// the next time.
    fn was_lost(&self) -> bool {
        false
    }

    /// Counts how often its process died or was ended and was replaced; `None` where it has none.
    fn restarts(&self) -> Option<Arc<AtomicU64>> {
        None
    }

    /// Ends whatever runs for it.
    async fn close(&mut self) {}
}

/// The runtime that the package asks for, its model loaded.
///
/// # Errors
/// If it can't be started, or the model can't be loaded or does not fit the signature.
pub async fn load(package: &Package, options: &Options) -> Result<Box<dyn Runtime>> {
    let stage = package.manifest.stages.first().ok_or_else(no_stage)?;
    Ok(match &stage.runtime {
        package::Runtime::Onnx { file, origin, .. } => {
            Box::new(onnx::OnnxRuntime::load(package, file, *origin, options)?)
        }
        package::Runtime::Python { entry, .. } => {
            Box::new(python::PythonRuntime::load(package, entry, options).await?)
        }
    })
}

fn no_stage() -> modelyard_core::Fault {
    modelyard_core::Fault::new(modelyard_core::Kind::Package, "the package's manifest names no stage")
}
