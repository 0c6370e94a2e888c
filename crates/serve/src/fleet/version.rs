//! A loaded version.

use std::sync::Arc;

use super::counters::Counters;
use crate::Model;

pub(super) struct Version {
    pub(super) model: Model,
    pub(super) counters: Arc<Counters>,
    /// Dropped after the model: the folder that its worker reads.
    pub(super) _keeps: Box<dyn Send + Sync>,
}

impl Version {
    pub(super) async fn close(self) {
        self.model.close().await;
        drop(self._keeps);
    }
}
