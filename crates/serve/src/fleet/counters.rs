//! What is counted of a version. Requests touch atomics alone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use modelyard_core::Digest;
use modelyard_core::deploy::observed::latency_bucket;
use modelyard_core::deploy::{Counts, LATENCY_ENDS_US};
use modelyard_core::package::{Manifest, Predictions, TrainingProfile};

use super::bins::{Bins, Histogram};
use crate::{ErrorCode, PredictError};

pub(super) struct Counters {
    answered: AtomicU64,
    rows: AtomicU64,
    /// By the place of the code in [`ErrorCode::ALL`].
    codes: [AtomicU64; ErrorCode::ALL.len()],
    latency: [AtomicU64; LATENCY_ENDS_US.len() + 1],
    latency_sum_us: AtomicU64,
    /// Of the package's own classes, which its labels are places in.
    classes: Vec<String>,
    outputs: Histogram,
    /// The incumbent that serves beside it, and answers by its bins.
    beside: ArcSwapOption<(Digest, Histogram)>,
    not_finite: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) different: AtomicU64,
    /// Of every runtime that the package was loaded into.
    restarts: Mutex<Vec<Arc<AtomicU64>>>,
}

/// What was counted of one version.
#[derive(Clone, Debug)]
pub struct VersionCounts {
    pub package: Digest,
    pub name: String,
    pub number: Option<u32>,
    pub counts: Counts,
    /// Requests that were refused or failed, by code.
    pub codes: [(ErrorCode, u64); ErrorCode::ALL.len()],
    pub latency_sum_us: u64,
}

impl Counters {
    pub(super) fn new(manifest: &Manifest, profile: Option<&TrainingProfile>) -> Self {
        Self {
            answered: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            codes: Default::default(),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
            latency_sum_us: AtomicU64::new(0),
            classes: manifest.classes.clone(),
            outputs: Histogram::new(Bins::of(manifest, profile)),
            beside: ArcSwapOption::empty(),
            not_finite: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            different: AtomicU64::new(0),
            restarts: Mutex::default(),
        }
    }

    pub(super) fn watch_restarts(&self, restarts: Option<Arc<AtomicU64>>) {
        self.restarts.lock().unwrap_or_else(PoisonError::into_inner).extend(restarts);
    }

    pub(super) fn answered(&self, predictions: &Predictions, took: Duration) {
        self.answered.fetch_add(1, Relaxed);
        self.rows.fetch_add(predictions.rows() as u64, Relaxed);
        self.took(took);
        self.outputs.count(predictions, &self.classes);
        if let Some(beside) = &*self.beside.load() {
            beside.1.count(predictions, &self.classes);
        }
    }

    /// From now on answers are counted by the bins of `incumbent` too, whose counters these are. What was
    /// counted by those of another one is forgotten: it is compared with one at a time.
    pub(super) fn compare_with(&self, incumbent: Digest, counters: &Self) {
        if self.beside.load().as_ref().is_none_or(|beside| beside.0 != incumbent) {
            let histogram = Histogram::new(counters.outputs.bins().clone());
            self.beside.store(Some(Arc::new((incumbent, histogram))));
        }
    }

    /// It serves as incumbent: it is compared with nobody.
    pub(super) fn compare_with_nobody(&self) {
        self.beside.store(None);
    }

    /// Its client went away after `waited`: an answer would have taken longer.
    pub(super) fn given_up(&self, waited: Duration) {
        self.codes[ErrorCode::GivenUp.place()].fetch_add(1, Relaxed);
        self.took(waited);
    }

    fn took(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency[latency_bucket(micros)].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(micros, Relaxed);
    }

    pub(super) fn missed(&self, error: &PredictError) {
        self.codes[error.code.place()].fetch_add(1, Relaxed);
        if error.not_finite {
            self.not_finite.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let codes = self.codes();
        let sum = |of_client: bool| {
            codes.iter().filter(|(code, _)| code.is_clients() == of_client).map(|(_, count)| count).sum()
        };
        let latency = all(&self.latency);
        let is_empty = latency.iter().all(|count| *count == 0);
        Counts {
            answered: self.answered.load(Relaxed),
            refused: sum(true),
            failed: sum(false),
            rows: self.rows.load(Relaxed),
            latency: if is_empty { Vec::new() } else { latency },
            outputs: self.outputs.counts(),
            outputs_beside: self.beside.load().iter().map(|beside| (beside.0, beside.1.counts())).collect(),
            not_finite: self.not_finite.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            different: self.different.load(Relaxed),
            restarts: self.restarts(),
        }
    }

    pub(super) fn of_version(&self, package: Digest, name: String, number: Option<u32>) -> VersionCounts {
        VersionCounts {
            package,
            name,
            number,
            counts: self.counts(),
            codes: self.codes(),
            latency_sum_us: self.latency_sum_us.load(Relaxed),
        }
    }

    fn codes(&self) -> [(ErrorCode, u64); ErrorCode::ALL.len()] {
        std::array::from_fn(|place| (ErrorCode::ALL[place], self.codes[place].load(Relaxed)))
    }

    fn restarts(&self) -> u64 {
        let restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        restarts.iter().map(|restarts| restarts.load(Relaxed)).sum()
    }
}

pub(super) fn all(counters: &[AtomicU64]) -> Vec<u64> {
    counters.iter().map(|counter| counter.load(Relaxed)).collect()
}
