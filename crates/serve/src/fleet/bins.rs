//! Where answers are counted: by class, or by the bins of a training profile.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use modelyard_core::package::{Manifest, Predictions, TrainingProfile};

use super::counters::all;

/// One more place than there are bins takes what fits nowhere.
#[derive(Clone)]
pub(super) enum Bins {
    Classes(Vec<String>),
    /// Edges of the training profile's histogram; empty without a profile.
    Edges(Vec<f64>),
}

pub(super) struct Histogram {
    bins: Bins,
    counts: Box<[AtomicU64]>,
}

impl Bins {
    pub(super) fn of(manifest: &Manifest, profile: Option<&TrainingProfile>) -> Self {
        if !manifest.classes.is_empty() {
            return Self::Classes(manifest.classes.clone());
        }
        let numbers =
            profile.and_then(|profile| profile.outputs.first()).and_then(|column| column.numbers.as_ref());
        Self::Edges(numbers.map(|numbers| numbers.edges.clone()).unwrap_or_default())
    }

    fn count(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
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

impl Histogram {
    pub(super) fn new(bins: Bins) -> Self {
        Self { counts: (0..=bins.count()).map(|_| AtomicU64::new(0)).collect(), bins }
    }

    pub(super) fn bins(&self) -> &Bins {
        &self.bins
    }

    /// Counts the rows of `predictions`, whose labels are places in `theirs`: another version may have its
    /// classes in another order.
    pub(super) fn count(&self, predictions: &Predictions, theirs: &[String]) {
        let nowhere = self.bins.count();
        let add = |place: usize| {
            self.counts[place.min(nowhere)].fetch_add(1, Relaxed);
        };
        match (predictions, &self.bins) {
            (Predictions::Values(values), Bins::Edges(edges)) => {
                values.iter().for_each(|value| add(Bins::place(edges, *value)));
            }
            (Predictions::Classes { labels, .. }, Bins::Classes(ours)) if ours == theirs => {
                labels.iter().for_each(|label| add(*label));
            }
            (Predictions::Classes { labels, .. }, Bins::Classes(ours)) => {
                for label in labels {
                    let place =
                        theirs.get(*label).and_then(|name| ours.iter().position(|class| class == name));
                    add(place.unwrap_or(nowhere));
                }
            }
            _ => {
                self.counts[nowhere].fetch_add(predictions.rows() as u64, Relaxed);
            }
        }
    }

    pub(super) fn counts(&self) -> Vec<u64> {
        all(&self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_falls_into_the_bins_of_the_profile_or_nowhere() {
        let edges = [0.0, 1.0, 2.0];
        let places = [-0.1, 0.0, 0.9, 1.0, 2.0, 2.1, f64::INFINITY].map(|value| Bins::place(&edges, value));
        assert_eq!(places, [2, 0, 0, 1, 1, 2, 2]);
        assert_eq!(Bins::place(&[], 1.0), 0);
    }

    #[test]
    fn classes_are_the_same_by_their_names() {
        let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        let histogram = Histogram::new(Bins::Classes(names(["no", "yes"])));
        let answers = |labels: Vec<usize>| Predictions::Classes { labels, probabilities: None };
        histogram.count(&answers(vec![0, 0, 1]), &names(["no", "yes"]));
        histogram.count(&answers(vec![0, 1]), &names(["yes", "perhaps"]));
        assert_eq!(histogram.counts(), [2, 2, 1]);
        histogram.count(&Predictions::Values(vec![0.5]), &[]);
        assert_eq!(histogram.counts(), [2, 2, 2]);
    }
}
