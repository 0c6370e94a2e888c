//! `average_precision`: precision at each threshold, weighted by the rise in recall there (a step
//! function, not interpolated); of the positive class for two classes, else the plain mean over
//! the classes. Without a positive row it is 0, as in scikit-learn.

use modelyard_core::config::Task;

use super::roc_auc::Ranking;
use super::{Metric, Prepared};
use crate::sample::{Sample, Undefined};

pub(super) struct AveragePrecision;

impl Metric for AveragePrecision {
    fn name(&self) -> &'static str {
        "average_precision"
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn needs_probabilities(&self) -> bool {
        true
    }

    fn needs_every_class(&self) -> bool {
        true
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let sample = sample.classification()?;
        let two = sample.n_classes() == 2;
        let classes = if two { sample.positive..sample.positive + 1 } else { 0..sample.n_classes() };
        let rankings: Vec<Ranking> =
            classes.map(|class| Ranking::of(&sample, class)).collect::<Result<_, _>>()?;
        Ok(Box::new(move |weights| {
            let mut sum = 0.0;
            for (class, ranking) in rankings.iter().enumerate() {
                let (positives, area) = average_precision(ranking, weights);
                if positives == 0 && !two {
                    return Err(Undefined::new(format!("no row is of class `{}`", sample.names[class])));
                }
                sum += area;
            }
            Ok(sum / rankings.len() as f64)
        }))
    }
}

/// Number of positive rows, and the area.
fn average_precision(ranking: &Ranking, weights: &[u32]) -> (u64, f64) {
    let (mut area, mut before) = (crate::numeric::Sum::default(), 0);
    ranking.thresholds(weights, |hits, alarms| {
        if hits > before {
            area.add((hits - before) as f64 * (hits as f64 / (hits + alarms) as f64));
            before = hits;
        }
    });
    (before, if before == 0 { 0.0 } else { area.value() / before as f64 })
}
