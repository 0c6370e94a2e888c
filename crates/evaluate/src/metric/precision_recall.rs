//! `precision`, `recall` and `f1`: of the positive class, or averaged over the classes that occur
//! in truth or answers (`_macro` plainly, `_weighted` by their rows in the truth, `_micro` by
//! pooling all rows). A division by zero gives 0, as scikit-learn's default does.

use modelyard_core::config::Task;

use super::counts::{self, ClassCounts};
use super::{Metric, Prepared};
use crate::interval::{self, Interval};
use crate::sample::{ClassSample, Sample, Undefined};

macro_rules! members {
    ($($constant:ident = $name:literal, $kind:ident, $average:ident;)*) => {
        $(pub(super) static $constant: PrecisionRecall =
            PrecisionRecall { name: $name, kind: Kind::$kind, average: Average::$average };)*
    };
}

members! {
    PRECISION = "precision", Precision, Positive;
    PRECISION_MACRO = "precision_macro", Precision, Macro;
    PRECISION_WEIGHTED = "precision_weighted", Precision, Weighted;
    PRECISION_MICRO = "precision_micro", Precision, Micro;
    RECALL = "recall", Recall, Positive;
    RECALL_MACRO = "recall_macro", Recall, Macro;
    RECALL_WEIGHTED = "recall_weighted", Recall, Weighted;
    RECALL_MICRO = "recall_micro", Recall, Micro;
    F1 = "f1", F1, Positive;
    F1_MACRO = "f1_macro", F1, Macro;
    F1_WEIGHTED = "f1_weighted", F1, Weighted;
    F1_MICRO = "f1_micro", F1, Micro;
}

pub(super) struct PrecisionRecall {
    name: &'static str,
    kind: Kind,
    average: Average,
}

#[derive(Clone, Copy)]
enum Kind {
    Precision,
    Recall,
    F1,
}

#[derive(Clone, Copy, PartialEq)]
enum Average {
    Positive,
    Macro,
    Weighted,
    Micro,
}

impl Metric for PrecisionRecall {
    fn name(&self) -> &'static str {
        self.name
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn two_classes_only(&self) -> bool {
        self.average == Average::Positive
    }

    fn needs_every_class(&self) -> bool {
        self.average == Average::Positive
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let sample = sample.classification()?;
        let (kind, average) = (self.kind, self.average);
        Ok(counts::prepare(sample, move |counts| Ok(averaged(kind, average, counts, sample.positive))))
    }

    fn interval(&self, sample: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        let of = |hits: fn(&ClassCounts, &ClassSample<'_>) -> (u64, u64)| {
            Some(sample.classification().and_then(|sample| {
                let (hits, rows) = hits(&ClassCounts::of(&sample, &vec![1; sample.truth.len()]), &sample);
                interval::wilson(hits, rows)
            }))
        };
        // Shares of rows: Wilson's interval, given how many rows were predicted (or are) positive.
        match (self.kind, self.average) {
            (_, Average::Micro) => of(|counts, _| (counts.correct(), counts.rows())),
            (Kind::Precision, Average::Positive) => {
                of(|counts, sample| (counts.hits[sample.positive], counts.predicted[sample.positive]))
            }
            (Kind::Recall, Average::Positive) => {
                of(|counts, sample| (counts.hits[sample.positive], counts.actual[sample.positive]))
            }
            _ => None,
        }
    }
}

fn averaged(kind: Kind, average: Average, counts: &ClassCounts, positive: usize) -> f64 {
    let of = |class: usize| share(kind, counts.hits[class], counts.predicted[class], counts.actual[class]);
    let present = (0..counts.hits.len()).filter(|&class| counts.predicted[class] + counts.actual[class] > 0);
    match average {
        Average::Positive => of(positive),
        Average::Macro => crate::numeric::mean(&present.map(of).collect::<Vec<_>>()),
        Average::Weighted => {
            present.map(|class| of(class) * counts.actual[class] as f64).sum::<f64>() / counts.rows() as f64
        }
        Average::Micro => share(kind, counts.correct(), counts.rows(), counts.rows()),
    }
}

fn share(kind: Kind, hits: u64, predicted: u64, actual: u64) -> f64 {
    let (numerator, denominator) = match kind {
        Kind::Precision => (hits, predicted),
        Kind::Recall => (hits, actual),
        Kind::F1 => (2 * hits, predicted + actual),
    };
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}
