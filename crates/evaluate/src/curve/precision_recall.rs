//! Precision against recall: how many alarms are right when so many of the positives are found.

use serde::{Deserialize, Serialize};

use super::{Whose, thin, thresholds};
use crate::sample::ClassSample;
use crate::text::percent;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecall {
    pub class: String,
    /// Share of positive rows: the precision of guessing.
    pub prevalence: f64,
    pub lines: Vec<PrecisionRecallLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallLine {
    pub whose: Whose,
    /// By rising recall.
    pub points: Vec<PrecisionRecallPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    pub recall: f64,
    pub precision: f64,
    pub threshold: f64,
}

impl PrecisionRecall {
    /// `None` without probabilities or with rows of one class.
    pub(crate) fn of(model: &ClassSample<'_>, champion: Option<&ClassSample<'_>>) -> Option<Self> {
        let positives = model.truth.iter().filter(|label| **label == model.positive).count();
        if positives == 0 || positives == model.truth.len() {
            return None;
        }
        let mut lines = vec![line(model, model.positive, Whose::Model)?];
        lines.extend(champion.and_then(|champion| line(champion, model.positive, Whose::Champion)));
        Some(Self {
            class: model.names[model.positive].clone(),
            prevalence: positives as f64 / model.truth.len() as f64,
            lines,
        })
    }

    pub fn headline(&self) -> String {
        let half = self.lines[0].points.iter().find(|point| point.recall >= 0.5);
        let precision = percent(half.map_or(self.prevalence, |point| point.precision));
        let chance = percent(self.prevalence);
        format!("Where it finds half of them, {precision} of its alarms are right; guessing has {chance}")
    }
}

fn line(sample: &ClassSample<'_>, class: usize, whose: Whose) -> Option<PrecisionRecallLine> {
    let (scores, positive) = sample.one_against_rest(class).ok()?;
    let found = thresholds(&scores, &positive);
    let all = found.last()?.hits as f64;
    let points = found
        .iter()
        .filter(|found| found.hits > 0)
        .map(|found| PrecisionRecallPoint {
            recall: found.hits as f64 / all,
            precision: found.hits as f64 / (found.hits + found.alarms) as f64,
            threshold: found.score,
        })
        .collect();
    let points = thin(points, |point| (point.recall, point.precision), 100.0);
    Some(PrecisionRecallLine { whose, points })
}
