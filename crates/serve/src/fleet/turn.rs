//! One request's claim on a version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::package::{Manifest, Predictions, Signature};

use super::counters::Counters;
use super::shadow::{Copied, Shadow};
use super::table::Slot;
use crate::log::{Asked, Entry, Log};
use crate::request::Question;
use crate::{ErrorCode, PredictError};

/// What is known of a request besides its rows.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub id: &'a str,
    /// What it is routed by instead.
    pub key: Option<&'a str>,
    /// What a copy of it holds in memory.
    pub size_bytes: usize,
}

/// The version that answers a request. It stays loaded as long as this is held.
pub struct Turn {
    slot: Arc<Slot>,
    shadow: Option<Arc<Shadow>>,
    log: Arc<Log>,
}

impl Turn {
    pub(super) fn new(slot: Arc<Slot>, shadow: Option<Arc<Shadow>>, log: Arc<Log>) -> Self {
        Self { slot, shadow, log }
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

    /// Asks the version with what `read` makes of the request, beside whether it is a list of rows; counts and
    /// logs what comes of it. A shadow gets a copy: `read` once more, for its own signature.
    ///
    /// # Errors
    /// That of `read`, or the model's.
    pub async fn ask<T, R>(&self, asking: Asking<'_>, read: R) -> Result<(Predictions, T), PredictError>
    where
        R: Fn(&Signature) -> Result<(Question, T), PredictError> + Send + 'static,
    {
        let version = &self.slot.version;
        let mut waiting =
            Waiting { counters: &version.counters, log: &self.log, began: Instant::now(), entry: None };
        let asked = read(&version.model.manifest().signature);
        let question = asked.as_ref().ok().map(|(question, _)| question);
        let id = question.and_then(|question| question.id.as_deref()).unwrap_or(asking.id);
        if self.log.wants(id, question.is_some_and(|question| question.is_list)) {
            waiting.entry = Some(self.entry(id, asking.key, question));
        }
        let answer = match asked {
            Ok((question, rest)) => {
                version.model.predict(question.inputs).await.map(|predictions| (predictions, rest))
            }
            Err(error) => Err(error),
        };
        let took = waiting.end(&answer);
        match &answer {
            Ok((predictions, _)) => {
                version.counters.answered(predictions, took);
                self.slot.spell.answered(self.slot.clock.now());
            }
            Err(error) => version.counters.missed(error),
        }
        if let Some(shadow) = &self.shadow {
            shadow.offer(asking.size_bytes, || Copied {
                read: Box::new(move |signature| read(signature).map(|(question, _)| question.inputs)),
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

    /// What is logged of a request, as far as it is known before the answer.
    fn entry(&self, id: &str, key: Option<&str>, question: Option<&Question>) -> Entry {
        let model = &self.slot.version.model;
        Entry {
            id: id.to_owned(),
            is_list: question.is_some_and(|question| question.is_list),
            key: key.map(str::to_owned),
            at: self.slot.clock.now(),
            latency: Duration::ZERO,
            asked: Some(Asked {
                version: self.slot.number,
                package: self.slot.package(),
                manifest: model.shared_manifest(),
            }),
            question: question.cloned(),
            answer: Err(ErrorCode::GivenUp),
        }
    }
}

/// A client that waits. Dropped with its request, it went away.
struct Waiting<'a> {
    counters: &'a Counters,
    log: &'a Log,
    began: Instant,
    /// To be logged.
    entry: Option<Entry>,
}

impl Waiting<'_> {
    /// How long it took.
    fn end<T>(mut self, answer: &Result<(Predictions, T), PredictError>) -> Duration {
        let took = self.began.elapsed();
        if let Some(mut entry) = self.entry.take() {
            entry.latency = took;
            entry.answer =
                answer.as_ref().map(|(predictions, _)| predictions.clone()).map_err(|error| error.code);
            self.log.offer(entry);
        }
        std::mem::forget(self);
        took
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = self.began.elapsed();
        self.counters.given_up(waited);
        if let Some(mut entry) = self.entry.take() {
            entry.latency = waited;
            self.log.offer(entry);
        }
    }
}
