//! What the pictures of a report show, as numbers: a file a curve, each with its `headline`, the
//! sentence that says what is seen in it.
//!
//! Bounded whatever the rows: a few hundred points a curve. To add one: a file here, a field of
//! [`Curves`], a picture in `html/`.

pub mod calibration;
pub mod classes;
pub mod confusion;
pub mod precision_recall;
pub mod predicted;
pub mod residuals;
pub mod roc;

use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// Those that fit the task and the model's answers; the others are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc: Option<roc::Roc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision_recall: Option<precision_recall::PrecisionRecall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<calibration::Calibration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<confusion::Confusion>,
    /// Each class against the rest, for three and more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<classes::Classes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<predicted::Predicted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residuals: Option<residuals::Residuals>,
}

impl Curves {
    /// Of a model, with the champion's answers to the same rows beside it where there are any.
    pub fn of(sample: &Sample<'_>, champion: Option<&Sample<'_>>, seed: u64) -> Self {
        match sample {
            Sample::Regression { truth, predicted } => Self {
                predicted: predicted::Predicted::of(truth, predicted, seed),
                residuals: residuals::Residuals::of(truth, predicted),
                ..Self::default()
            },
            Sample::Classification(classes) => {
                let champion = champion.and_then(|champion| champion.classification().ok());
                let two = classes.n_classes() == 2;
                Self {
                    roc: if two { roc::Roc::of(classes, champion.as_ref()) } else { None },
                    precision_recall: if two {
                        precision_recall::PrecisionRecall::of(classes, champion.as_ref())
                    } else {
                        None
                    },
                    calibration: calibration::Calibration::of(classes),
                    confusion: confusion::Confusion::of(classes),
                    classes: if two { None } else { classes::Classes::of(classes) },
                    ..Self::default()
                }
            }
        }
    }
}

/// Which model a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    Model,
    Champion,
}

/// One point a different score, from the highest down: the score, and how many positive and other
/// rows have at least that score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    pub(crate) score: f64,
    pub(crate) hits: u64,
    pub(crate) alarms: u64,
}

pub(crate) fn thresholds(scores: &[f64], positive: &[bool]) -> Vec<Threshold> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut found: Vec<Threshold> = Vec::new();
    let (mut hits, mut alarms) = (0, 0);
    for row in order {
        if positive[row] {
            hits += 1
        } else {
            alarms += 1
        }
        let here = Threshold { score: scores[row], hits, alarms };
        match found.last_mut() {
            Some(last) if last.score == here.score => *last = here,
            _ => found.push(here),
        }
    }
    found
}

/// Leaves out points that are closer than a `steps`-th of the unit to the one kept before them,
/// in the sum of both directions; the first and the last stay.
pub(crate) fn thin<T: Copy>(points: Vec<T>, place: impl Fn(&T) -> (f64, f64), steps: f64) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    let last = points.len().saturating_sub(1);
    for (index, point) in points.into_iter().enumerate() {
        let is_far = kept.last().is_none_or(|before| {
            let ((x, y), (x0, y0)) = (place(&point), place(before));
            (x - x0).abs() + (y - y0).abs() >= 1.0 / steps
        });
        if is_far || index == last {
            kept.push(point);
        }
    }
    kept
}
