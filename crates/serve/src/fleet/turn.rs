//! One request's claim on a version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::package::{Manifest, Predictions, Signature};
use modelyard_core::table::Table;

use super::counters::Counters;
use super::shadow::{Copied, Shadow};
use super::table::Slot;
use crate::PredictError;

/// The version that answers a request. It stays loaded as long as this is held.
pub struct Turn {
    slot: Arc<Slot>,
    shadow: Option<Arc<Shadow>>,
}

impl Turn {
    pub(super) fn new(slot: Arc<Slot>, shadow: Option<Arc<Shadow>>) -> Self {
        Self { slot, shadow }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.slot.name
    }

    /// `None` for a package from a folder.
    pub fn number(&self) -> Option<u32> {
        self.slot.number
    }

    pub fn manifest(&self) -> &Manifest {
        self.slot.version.model.manifest()
    }

    /// Asks the version with what `read` makes of the request, and counts what comes of it. A shadow gets a
    /// copy: `read` once more, for its own signature. `size_bytes` is what a copy holds in memory.
    ///
    /// # Errors
    /// That of `read`, or the model's.
    pub async fn ask<T, R>(&self, size_bytes: usize, read: R) -> Result<(Predictions, T), PredictError>
    where
        R: Fn(&Signature) -> Result<(Table, T), PredictError> + Send + 'static,
    {
        let version = &self.slot.version;
        let waiting = Waiting { counters: &version.counters, began: Instant::now() };
        let answer = match read(&version.model.manifest().signature) {
            Ok((table, rest)) => version.model.predict(table).await.map(|predictions| (predictions, rest)),
            Err(error) => Err(error),
        };
        let took = waiting.end();
        match &answer {
            Ok((predictions, _)) => {
                version.counters.answered(predictions, took);
                self.slot.spell.answered(self.slot.clock.now());
            }
            Err(error) => version.counters.missed(error),
        }
        if let Some(shadow) = &self.shadow {
            shadow.offer(size_bytes, || Copied {
                read: Box::new(move |signature| read(signature).map(|(table, _)| table)),
                served: answer
                    .as_ref()
                    .map(|(predictions, _)| predictions.clone())
                    .map_err(|error| error.code),
                classes: self.manifest().classes.clone(),
                tolerance: self.manifest().tolerance,
            });
        }
        answer
    }
}

/// A client that waits. Dropped with its request, it went away.
struct Waiting<'a> {
    counters: &'a Counters,
    began: Instant,
}

impl Waiting<'_> {
    /// How long it took.
    fn end(self) -> Duration {
        let took = self.began.elapsed();
        std::mem::forget(self);
        took
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counters.given_up(self.began.elapsed());
    }
}
