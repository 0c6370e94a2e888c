//! The queue of a model.

use modelyard_core::package::Predictions;
use modelyard_core::table::Table;

use crate::{ErrorCode, PredictError};

pub(crate) struct Queue;

impl Queue {
    pub(crate) async fn ask(&self, _table: Table) -> Result<Predictions, PredictError> {
        Err(PredictError::new(ErrorCode::NotReady, "the model is not ready"))
    }

    pub(crate) async fn close(self) {}
}
