//! Hits, predictions and truths a class: all that metrics of labels need, in one pass.

use crate::metric::Prepared;
use crate::sample::{ClassSample, Undefined};

/// Weighted counts, one a class.
#[derive(Clone, Debug)]
pub(crate) struct ClassCounts {
    /// Predicted and true.
    pub(crate) hits: Vec<u64>,
    pub(crate) predicted: Vec<u64>,
    pub(crate) actual: Vec<u64>,
}

impl ClassCounts {
    pub(crate) fn of(sample: &ClassSample<'_>, weights: &[u32]) -> Self {
        let n_classes = sample.n_classes();
        let mut counts =
            Self { hits: vec![0; n_classes], predicted: vec![0; n_classes], actual: vec![0; n_classes] };
        for ((&truth, &predicted), &weight) in sample.truth.iter().zip(sample.predicted).zip(weights) {
            let weight = u64::from(weight);
            counts.actual[truth] += weight;
            counts.predicted[predicted] += weight;
            if truth == predicted {
                counts.hits[truth] += weight;
            }
        }
        counts
    }

    pub(crate) fn rows(&self) -> u64 {
        self.actual.iter().sum()
    }

    pub(crate) fn correct(&self) -> u64 {
        self.hits.iter().sum()
    }
}

/// A metric that is a function of the counts.
pub(crate) fn prepare<'a>(
    sample: ClassSample<'a>,
    score: impl Fn(&ClassCounts) -> Result<f64, Undefined> + 'a,
) -> Prepared<'a> {
    Box::new(move |weights| score(&ClassCounts::of(&sample, weights)))
}
