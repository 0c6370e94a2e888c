//! `roc_auc`: how often a row of the positive class gets a higher probability than another row,
//! ties counting half. `roc_auc_ovr` is its mean over the classes, each against the rest, plainly
//! or `_weighted` by the classes' rows.

use modelyard_core::config::Task;

use super::{Metric, Prepared};
use crate::interval::{self, Interval};
use crate::sample::{ClassSample, Sample, Undefined};

pub(super) struct RocAuc;

impl Metric for RocAuc {
    fn name(&self) -> &'static str {
        "roc_auc"
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn needs_probabilities(&self) -> bool {
        true
    }

    fn two_classes_only(&self) -> bool {
        true
    }

    fn needs_every_class(&self) -> bool {
        true
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let sample = sample.classification()?;
        let ranking = Ranking::of(&sample, sample.positive)?;
        Ok(Box::new(move |weights| ranking.area(weights).ok_or(ONE_CLASS)))
    }

    fn interval(&self, sample: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        Some(sample.classification().and_then(|sample| {
            let (scores, positive) = sample.one_against_rest(sample.positive)?;
            interval::delong::interval(&scores, &positive)
        }))
    }

    fn difference(&self, a: &Sample<'_>, b: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        let difference = || {
            let (a, b) = (a.classification()?, b.classification()?);
            let (scores_a, positive) = a.one_against_rest(a.positive)?;
            let (scores_b, _) = b.one_against_rest(a.positive)?;
            interval::delong::difference(&scores_a, &scores_b, &positive)
        };
        Some(difference())
    }
}

const ONE_CLASS: Undefined = Undefined::fixed("all rows are of one class");

pub(super) struct RocAucOvr {
    pub(super) name: &'static str,
    pub(super) weighted: bool,
}

impl Metric for RocAucOvr {
    fn name(&self) -> &'static str {
        self.name
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn needs_probabilities(&self) -> bool {
        true
    }

    fn needs_every_class(&self) -> bool {
        !self.weighted
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined> {
        let sample = sample.classification()?;
        if sample.n_classes() == 2 {
            // scikit-learn ranks by the positive class alone; probabilities that sum to 1 give
            // the same number either way.
            return RocAuc.prepare(&Sample::Classification(sample));
        }
        let rankings = (0..sample.n_classes())
            .map(|class| Ranking::of(&sample, class))
            .collect::<Result<Vec<_>, _>>()?;
        let weighted = self.weighted;
        Ok(Box::new(move |weights| {
            let (mut sum, mut total) = (0.0, 0.0);
            for (class, ranking) in rankings.iter().enumerate() {
                let rows = ranking.positives(weights) as f64;
                if weighted && rows == 0.0 {
                    continue;
                }
                let share = if weighted { rows } else { 1.0 };
                let area = ranking.area(weights).ok_or_else(|| match rows {
                    0.0 => Undefined::new(format!("no row is of class `{}`", sample.names[class])),
                    _ => ONE_CLASS,
                })?;
                sum += share * area;
                total += share;
            }
            Ok(sum / total)
        }))
    }
}

/// Rows by descending score, with where a new score begins.
pub(super) struct Ranking {
    /// Row, whether it is positive, whether its score equals that of the row before.
    rows: Vec<(u32, bool, bool)>,
}

impl Ranking {
    pub(super) fn of(sample: &ClassSample<'_>, class: usize) -> Result<Self, Undefined> {
        let (scores, positive) = sample.one_against_rest(class)?;
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        let tied =
            |place: usize| place > 0 && scores[order[place] as usize] == scores[order[place - 1] as usize];
        let rows = order
            .iter()
            .enumerate()
            .map(|(place, &row)| (row, positive[row as usize], tied(place)))
            .collect();
        Ok(Self { rows })
    }

    fn positives(&self, weights: &[u32]) -> u64 {
        self.rows.iter().filter(|row| row.1).map(|row| u64::from(weights[row.0 as usize])).sum()
    }

    /// The area under the ROC curve; `None` where one side has no rows.
    fn area(&self, weights: &[u32]) -> Option<f64> {
        // In halves of pairs, exact in integers: each negative pairs with the positives above it
        // and half of those it is tied with.
        let (mut doubled, mut above) = (0_u128, 0_u64);
        let (mut positives, mut negatives, mut all_negatives) = (0_u64, 0_u64, 0_u64);
        for &(row, positive, tied) in &self.rows {
            if !tied {
                doubled += u128::from(negatives) * u128::from(2 * above + positives);
                above += positives;
                all_negatives += negatives;
                (positives, negatives) = (0, 0);
            }
            let weight = u64::from(weights[row as usize]);
            if positive { positives += weight } else { negatives += weight }
        }
        doubled += u128::from(negatives) * u128::from(2 * above + positives);
        let pairs = u128::from(above + positives) * u128::from(all_negatives + negatives);
        (pairs > 0).then(|| doubled as f64 / (2.0 * pairs as f64))
    }

    /// Calls `step` at each different score, from the highest down, with true and false positives
    /// so far.
    pub(super) fn thresholds(&self, weights: &[u32], mut step: impl FnMut(u64, u64)) {
        let (mut hits, mut alarms) = (0_u64, 0_u64);
        for (place, &(row, positive, tied)) in self.rows.iter().enumerate() {
            if !tied && place > 0 {
                step(hits, alarms);
            }
            let weight = u64::from(weights[row as usize]);
            if positive { hits += weight } else { alarms += weight }
        }
        step(hits, alarms);
    }
}
