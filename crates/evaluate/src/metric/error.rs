//! Errors of a regression: `rmse`, `mae`, `mape` (a fraction, not per cent; a truth of 0 counts as
//! the smallest step above 1, as in scikit-learn) and `median_absolute_error`.

use modelyard_core::config::{Goal, Task};

use super::{Metric, Prepared};
use crate::baseline::Centre;
use crate::interval::{self, Interval};
use crate::numeric::{self, Sum};
use crate::sample::{Sample, Undefined};

pub(super) static RMSE: MeanError =
    MeanError { name: "rmse", loss: |truth, predicted| (truth - predicted).powi(2), root: true };
pub(super) static MAE: MeanError =
    MeanError { name: "mae", loss: |truth, predicted| (truth - predicted).abs(), root: false };
pub(super) static MAPE: MeanError = MeanError {
    name: "mape",
    loss: |truth, predicted| (predicted - truth).abs() / truth.abs().max(f64::EPSILON),
    root: false,
};
pub(super) static MEDIAN_ABSOLUTE_ERROR: MedianAbsoluteError = MedianAbsoluteError;

/// The mean of a loss a row, or its root.
pub(super) struct MeanError {
    name: &'static str,
    loss: fn(f64, f64) -> f64,
    root: bool,
}

impl MeanError {
    fn losses_of(&self, sample: &Sample<'_>) -> Result<Vec<f64>, Undefined> {
        let (truth, predicted) = sample.regression()?;
        Ok(truth.iter().zip(predicted).map(|(&truth, &predicted)| (self.loss)(truth, predicted)).collect())
    }
}

impl Metric for MeanError {
    fn name(&self) -> &'static str {
        self.name
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn goal(&self) -> Goal {
        Goal::Minimize
    }

    fn centre(&self) -> Centre {
        if self.root { Centre::Mean } else { Centre::Median }
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let losses = self.losses_of(sample)?;
        let root = self.root;
        Ok(Box::new(move |weights| {
            let mean = weighted_mean(&losses, weights);
            Ok(if root { mean.sqrt() } else { mean })
        }))
    }

    fn losses(&self, sample: &Sample<'_>) -> Option<Result<Vec<f64>, Undefined>> {
        (!self.root).then(|| self.losses_of(sample))
    }

    fn interval(&self, sample: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        if !self.root {
            return None;
        }
        let mean = self.losses_of(sample).and_then(|losses| interval::of_mean(&losses));
        let root = |bound: f64| bound.max(0.0).sqrt();
        Some(mean.map(|mean| Interval { low: root(mean.low), high: root(mean.high), ..mean }))
    }
}

/// Of `values`, by whole-number weights.
pub(super) fn weighted_mean(values: &[f64], weights: &[u32]) -> f64 {
    let mut sum = Sum::default();
    let mut rows = 0_u64;
    for (value, &weight) in values.iter().zip(weights) {
        sum.add(value * f64::from(weight));
        rows += u64::from(weight);
    }
    sum.value() / rows as f64
}

pub(super) struct MedianAbsoluteError;

impl Metric for MedianAbsoluteError {
    fn name(&self) -> &'static str {
        "median_absolute_error"
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn goal(&self) -> Goal {
        Goal::Minimize
    }

    fn centre(&self) -> Centre {
        Centre::Median
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let errors = absolute_errors(sample)?;
        let mut order: Vec<usize> = (0..errors.len()).collect();
        order.sort_unstable_by(|&a, &b| errors[a].total_cmp(&errors[b]));
        Ok(Box::new(move |weights| {
            let rows: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
            // The values at the two middle places, counted from 0; the same one for an odd number.
            let (low, high) = ((rows - 1) / 2, rows / 2);
            let (mut passed, mut found) = (0, None);
            for &row in &order {
                passed += u64::from(weights[row]);
                if found.is_none() && passed > low {
                    found = Some(errors[row]);
                }
                if let (Some(first), true) = (found, passed > high) {
                    return Ok(if low == high { first } else { (first + errors[row]) / 2.0 });
                }
            }
            Err(Undefined::new("there are no rows"))
        }))
    }

    fn interval(&self, sample: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        Some(absolute_errors(sample).and_then(|errors| interval::of_median(numeric::sorted(errors))))
    }
}

fn absolute_errors(sample: &Sample<'_>) -> Result<Vec<f64>, Undefined> {
    let (truth, predicted) = sample.regression()?;
    Ok(truth.iter().zip(predicted).map(|(truth, predicted)| (truth - predicted).abs()).collect())
}
