//! What is counted of a version. Requests touch atomics alone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use modelyard_core::Digest;
use modelyard_core::deploy::observed::latency_bucket;
use modelyard_core::deploy::{Counts, LATENCY_ENDS_US};
use modelyard_core::package::{Manifest, Predictions, TrainingProfile};

use crate::{ErrorCode, PredictError};

pub(super) struct Counters {
    answered: AtomicU64,
    rows: AtomicU64,
    /// By the place of the code in [`ErrorCode::ALL`].
    codes: [AtomicU64; ErrorCode::ALL.len()],
    latency: [AtomicU64; LATENCY_ENDS_US.len() + 1],
    latency_sum_us: AtomicU64,
    bins: Bins,
    outputs: Box<[AtomicU64]>,
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

/// Where an answer is counted; one more place takes what fits nowhere.
enum Bins {
    Classes(usize),
    /// Edges of the training profile's histogram; empty without a profile.
    Edges(Vec<f64>),
}

impl Bins {
    fn count(&self) -> usize {
        match self {
            Self::Classes(count) => *count,
            Self::Edges(edges) => edges.len().saturating_sub(1),
        }
    }

    /// The bin of `value`: each has its left edge, the last one its right edge too.
    fn place(edges: &[f64], value: f64) -> usize {
        let bins = edges.len().saturating_sub(1);
        match edges.partition_point(|edge| *edge <= value) {
            0 => bins,
            place if place <= bins => place - 1,
            _ if edges.last() == Some(&value) => bins.saturating_sub(1),
            _ => bins,
        }
    }
}

impl Counters {
    pub(super) fn new(manifest: &Manifest, profile: Option<&TrainingProfile>) -> Self {
        let bins = match manifest.classes.len() {
            0 => {
                let numbers = profile
                    .and_then(|profile| profile.outputs.first())
                    .and_then(|column| column.numbers.as_ref());
                Bins::Edges(numbers.map(|numbers| numbers.edges.clone()).unwrap_or_default())
            }
            classes => Bins::Classes(classes),
        };
        Self {
            answered: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            codes: Default::default(),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
            latency_sum_us: AtomicU64::new(0),
            outputs: (0..=bins.count()).map(|_| AtomicU64::new(0)).collect(),
            bins,
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
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency[latency_bucket(micros)].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(micros, Relaxed);
        let last = self.outputs.len() - 1;
        match (predictions, &self.bins) {
            (Predictions::Values(values), Bins::Edges(edges)) => {
                for value in values {
                    self.outputs[Bins::place(edges, *value)].fetch_add(1, Relaxed);
                }
            }
            (Predictions::Classes { labels, .. }, _) => {
                for label in labels {
                    self.outputs[(*label).min(last)].fetch_add(1, Relaxed);
                }
            }
            (Predictions::Values(values), Bins::Classes(_)) => {
                self.outputs[last].fetch_add(values.len() as u64, Relaxed);
            }
        }
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
        let answered = self.answered.load(Relaxed);
        Counts {
            answered,
            refused: sum(true),
            failed: sum(false),
            rows: self.rows.load(Relaxed),
            latency: if answered == 0 { Vec::new() } else { all(&self.latency) },
            outputs: all(&self.outputs),
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

fn all(counters: &[AtomicU64]) -> Vec<u64> {
    counters.iter().map(|counter| counter.load(Relaxed)).collect()
}

#[cfg(test)]
mod tests {
    use super::Bins;

    #[test]
    fn an_answer_falls_into_the_bins_of_the_profile_or_nowhere() {
        let edges = [0.0, 1.0, 2.0];
        let places = [-0.1, 0.0, 0.9, 1.0, 2.0, 2.1, f64::INFINITY].map(|value| Bins::place(&edges, value));
        assert_eq!(places, [2, 0, 0, 1, 1, 2, 2]);
        assert_eq!(Bins::place(&[], 1.0), 0);
    }
}
