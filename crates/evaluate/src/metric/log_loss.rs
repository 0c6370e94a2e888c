//! `log_loss`: the mean of −ln(probability given to the true class), in nats. Probabilities are
//! first clipped to [ε, 1 − ε], ε = 2⁻⁵², as scikit-learn does for float64.

use modelyard_core::config::{Goal, Task};

use super::error::weighted_mean;
use super::{Metric, Prepared};
use crate::sample::{Sample, Undefined};

pub(super) struct LogLoss;

impl Metric for LogLoss {
    fn name(&self) -> &'static str {
        "log_loss"
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
        let losses = losses(sample)?;
        Ok(Box::new(move |weights| Ok(weighted_mean(&losses, weights))))
    }

    fn losses(&self, sample: &Sample<'_>) -> Option<Result<Vec<f64>, Undefined>> {
        Some(losses(sample))
    }
}

fn losses(sample: &Sample<'_>) -> Result<Vec<f64>, Undefined> {
    let sample = sample.classification()?;
    let rows = sample.probabilities()?.chunks_exact(sample.n_classes());
    let clip = |probability: f64| probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    Ok(rows.zip(sample.truth).map(|(row, &label)| -clip(row[label]).ln()).collect())
}
