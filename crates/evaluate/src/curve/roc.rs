//! The ROC curve: the share of positives found against the share of other rows alarmed about.

use serde::{Deserialize, Serialize};

use super::{Threshold, Whose, thin, thresholds};
use crate::sample::ClassSample;
use crate::text::percent;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roc {
    /// The class that is looked for.
    pub class: String,
    pub lines: Vec<RocLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocLine {
    pub whose: Whose,
    pub area: f64,
    /// From (0, 0) to (1, 1).
    pub points: Vec<RocPoint>,
    /// Where the model's own decisions lie, if it makes them of this class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<RocPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    pub false_positive_rate: f64,
    pub true_positive_rate: f64,
    /// Rows with at least this score are called positive; absent at (0, 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

impl Roc {
    /// `None` without probabilities or with rows of one class.
    pub(crate) fn of(model: &ClassSample<'_>, champion: Option<&ClassSample<'_>>) -> Option<Self> {
        let mut lines = vec![RocLine::of(model, model.positive, Whose::Model)?];
        lines.extend(champion.and_then(|champion| RocLine::of(champion, model.positive, Whose::Champion)));
        Some(Self { class: model.names[model.positive].clone(), lines })
    }

    pub fn headline(&self) -> String {
        let line = &self.lines[0];
        let share = percent(line.area);
        format!("Ranks a row of class {} above another in {share} of pairs", self.class)
    }
}

impl RocPoint {
    pub(crate) fn place(&self) -> (f64, f64) {
        (self.false_positive_rate, self.true_positive_rate)
    }
}

impl RocLine {
    pub(crate) fn of(sample: &ClassSample<'_>, class: usize, whose: Whose) -> Option<Self> {
        let (scores, positive) = sample.one_against_rest(class).ok()?;
        let found = thresholds(&scores, &positive);
        let Threshold { hits: all_hits, alarms: all_alarms, .. } = *found.last()?;
        if all_hits == 0 || all_alarms == 0 {
            return None;
        }
        let point = |hits: u64, alarms: u64, threshold| RocPoint {
            false_positive_rate: alarms as f64 / all_alarms as f64,
            true_positive_rate: hits as f64 / all_hits as f64,
            threshold,
        };
        let mut points = vec![point(0, 0, None)];
        points.extend(found.iter().map(|found| point(found.hits, found.alarms, Some(found.score))));
        let area = points
            .windows(2)
            .map(|pair| {
                (pair[1].false_positive_rate - pair[0].false_positive_rate)
                    * (pair[1].true_positive_rate + pair[0].true_positive_rate)
                    / 2.0
            })
            .sum();
        let decided = |wanted: bool| {
            sample
                .predicted
                .iter()
                .zip(&positive)
                .filter(|(label, is)| **label == class && **is == wanted)
                .count() as u64
        };
        let (hits, alarms) = (decided(true), decided(false));
        let decision = (hits + alarms > 0).then(|| point(hits, alarms, None));
        let points = thin(points, RocPoint::place, 100.0);
        Some(Self { whose, area, points, decision })
    }
}
