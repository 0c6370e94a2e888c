//! Losses of probabilities, as scikit-learn has them: `log_loss`, the mean of −ln(probability given to
//! the true class) in nats, and `brier_score`, the mean squared difference between probabilities and truth.

use modelyard_core::config::{Goal, Task};

use super::error::weighted_mean;
use super::{Metric, Prepared};
use crate::sample::{Sample, Undefined};

/// Probabilities are first clipped to [ε, 1 − ε], ε = 2⁻⁵², as scikit-learn does for float64.
pub(super) static LOG_LOSS: ProbabilityLoss = ProbabilityLoss {
    name: "log_loss",
    loss: |row, label, _| -row[label].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln(),
};
/// Of the positive class for two classes (in [0, 1]), summed over the classes for more (in [0, 2]).
pub(super) static BRIER_SCORE: ProbabilityLoss = ProbabilityLoss {
    name: "brier_score",
    loss: |row, label, positive| {
        let off = |class: usize| (f64::from(u8::from(label == class)) - row[class]).powi(2);
        match row.len() {
            2 => off(positive),
            n_classes => (0..n_classes).map(off).sum(),
        }
    },
};

/// The mean of a loss a row.
pub(super) struct ProbabilityLoss {
    name: &'static str,
    /// Of a row's probabilities, its true class, and the positive class.
    loss: fn(&[f64], usize, usize) -> f64,
}

impl ProbabilityLoss {
    fn losses_of(&self, sample: &Sample<'_>) -> Result<Vec<f64>, Undefined> {
        let sample = sample.classification()?;
        let rows = sample.probabilities()?.chunks_exact(sample.n_classes()).zip(sample.truth);
        Ok(rows.map(|(row, &label)| (self.loss)(row, label, sample.positive)).collect())
    }
}

impl Metric for ProbabilityLoss {
    fn name(&self) -> &'static str {
        self.name
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn goal(&self) -> Goal {
        Goal::Minimize
    }

    fn needs_probabilities(&self) -> bool {
        true
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let losses = self.losses_of(sample)?;
        Ok(Box::new(move |weights| Ok(weighted_mean(&losses, weights))))
    }

    fn losses(&self, sample: &Sample<'_>) -> Option<Result<Vec<f64>, Undefined>> {
        Some(self.losses_of(sample))
    }
}
