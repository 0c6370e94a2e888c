//! `accuracy`, the share of rows answered rightly, and `balanced_accuracy`, the mean of the
//! classes' recalls over the classes that occur in the truth.

use modelyard_core::config::Task;

use super::counts::{self, ClassCounts};
use super::{Metric, Prepared};
use crate::interval::{self, Interval};
use crate::sample::{Sample, Undefined};

pub(super) static ACCURACY: Accuracy = Accuracy { balanced: false };
pub(super) static BALANCED_ACCURACY: Accuracy = Accuracy { balanced: true };

pub(super) struct Accuracy {
    balanced: bool,
}

impl Metric for Accuracy {
    fn name(&self) -> &'static str {
        if self.balanced { "balanced_accuracy" } else { "accuracy" }
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        Ok(counts::prepare(sample.classification()?, if self.balanced { mean_recall } else { accuracy }))
    }

    fn interval(&self, sample: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        if self.balanced {
            return None;
        }
        Some(sample.classification().and_then(|sample| {
            let counts = ClassCounts::of(&sample, &vec![1; sample.truth.len()]);
            interval::wilson(counts.correct(), counts.rows())
        }))
    }
}

fn accuracy(counts: &ClassCounts) -> Result<f64, Undefined> {
    Ok(counts.correct() as f64 / counts.rows() as f64)
}

fn mean_recall(counts: &ClassCounts) -> Result<f64, Undefined> {
    let recalls: Vec<f64> = counts
        .hits
        .iter()
        .zip(&counts.actual)
        .filter(|(_, actual)| **actual > 0)
        .map(|(&hits, &actual)| hits as f64 / actual as f64)
        .collect();
    Ok(crate::numeric::mean(&recalls))
}
