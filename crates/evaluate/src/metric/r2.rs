//! `r2`, the share of the target's variance that the answers explain; below 0 where the truth's
//! mean would have done better. A constant truth gives 1 for perfect answers and 0 for others.

use modelyard_core::config::Task;

use super::error::weighted_mean;
use super::{Metric, Prepared};
use crate::numeric::Sum;
use crate::sample::{Sample, Undefined};

pub(super) struct R2;

impl Metric for R2 {
    fn name(&self) -> &'static str {
        "r2"
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let (truth, predicted) = sample.regression()?;
        if truth.len() < 2 {
            return Err(Undefined::new("it needs two rows"));
        }
        Ok(Box::new(move |weights| {
            let mean = weighted_mean(truth, weights);
            let (mut residual, mut total) = (Sum::default(), Sum::default());
            for ((&truth, &predicted), &weight) in truth.iter().zip(predicted).zip(weights) {
                residual.add(f64::from(weight) * (truth - predicted).powi(2));
                total.add(f64::from(weight) * (truth - mean).powi(2));
            }
            Ok(match (residual.value(), total.value()) {
                (0.0, _) => 1.0,
                (_, 0.0) => 0.0,
                (residual, total) => 1.0 - residual / total,
            })
        }))
    }
}
