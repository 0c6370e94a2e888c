//! `brier_score`: the mean squared difference between probabilities and truth; of the positive
//! class for two classes (in [0, 1]), summed over the classes for more (in [0, 2]).

use modelyard_core::config::{Goal, Task};

use super::error::weighted_mean;
use super::{Metric, Prepared};
use crate::sample::{Sample, Undefined};

pub(super) struct Brier;

impl Metric for Brier {
    fn name(&self) -> &'static str {
        "brier_score"
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
    let n_classes = sample.n_classes();
    let rows = sample.probabilities()?.chunks_exact(n_classes).zip(sample.truth);
    let off =
        |row: &[f64], label: usize, class: usize| (f64::from(u8::from(label == class)) - row[class]).powi(2);
    Ok(rows
        .map(|(row, &label)| match n_classes {
            2 => off(row, label, sample.positive),
            _ => (0..n_classes).map(|class| off(row, label, class)).sum(),
        })
        .collect())
}
